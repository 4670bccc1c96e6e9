"""What was counted, written down in `work.toml`, and how far a later count may be from it.

Must not know what is counted, nor how.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

Work = Mapping[str, Mapping[str, float]]
"""Workload -> what is counted -> how often, for one line, or cycle, of the workload."""

SHARE = 0.1
"""By how much a count may differ from what is written down."""

LEAST = 0.5
"""What it may differ by in any case. Less than one: of 8 commands a ninth must be seen."""

HEAD = """\
# What the commit that wrote this did for one line, or one cycle, of each workload: see
# tests/load/work.py. Written by `make work`; tests/cluster/test_work.py compares.
"""


def read(file: Path) -> Work:
    """What is written down."""
    return tomllib.loads(file.read_text())


def write(file: Path, work: Work) -> None:
    """Write down what was counted."""
    file.write_text(text(work))


def text(work: Work) -> str:
    """The whole file."""
    tables = (
        "\n".join([f"\n[{name}]", *(f"{what} = {n:g}" for what, n in counts.items()), ""])
        for name, counts in work.items()
    )
    return HEAD + "".join(tables)


def differences(written: Work, counted: Work) -> list[str]:
    """A line for each count that is too far from what is written down."""
    return [*_differences(written, counted)]


def _differences(written: Work, counted: Work) -> Iterator[str]:
    for name, counts in counted.items():
        for what, now in counts.items():
            before = written.get(name, {}).get(what)
            if before is None:
                yield f"{name}: {now:g} {what}, of which nothing is written down: `make work`"
            elif abs(now - before) > max(SHARE * before, LEAST):
                meaning = "a slip" if now > before else IMPROVED
                yield f"{name}: {now:g} {what}, where {before:g} are written down: {meaning}"
    for name, counts in written.items():
        for what in counts:
            if what not in counted.get(name, {}):
                yield f"{name}: {what} are written down, and counted no more: `make work`"


IMPROVED = "an improvement, to be written down with `make work`"
