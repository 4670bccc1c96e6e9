"""The parts of README.md, docs/irc.md and docs/metrics.md that a program makes, each between two
comments that name it.

    python -m tests.support.readme     makes them anew (`make readme`), and docs/*.schema.json

A test compares what stands there with what would be made (`tests/cluster/test_readme.py`).
"""

import re
from collections.abc import Callable
from pathlib import Path

from tests.support.irc_tables import irc_commands
from tests.support.metrics_table import metrics_table
from tests.support.protocol_schema import SCHEMA, written
from tests.support.settings_table import settings_table
from tests.support.transcript import transcript

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"


def _block() -> str:
    return f"```text\n{transcript()}\n```"


MADE: dict[str, tuple[Path, Callable[[], str]]] = {
    "transcript": (README, _block),
    "settings": (README, settings_table),
    "irc-commands": (ROOT / "docs" / "irc.md", irc_commands),
    "metrics": (ROOT / "docs" / "metrics.md", metrics_table),
}
"""Where each part stands and how it's made, by name."""


def part(text: str, name: str) -> str:
    """What stands between the comments of a part. Raises LookupError if they aren't there."""
    return _find(text, name)[2]


def with_part(text: str, name: str, made: str) -> str:
    """The text with this part made anew."""
    found = _find(text, name)
    return f"{text[: found.start(2)]}{made}{text[found.end(2) :]}"


def _find(text: str, name: str) -> re.Match[str]:
    found = re.search(rf"(<!-- {name}: .*? -->\n)(.*?)(?=\n<!-- /{name} -->)", text, re.DOTALL)
    if found is None:
        raise LookupError(f"no part {name} in the text")
    return found


def main() -> None:
    """Make all parts anew, and the schema of the JSON dialect."""
    SCHEMA.write_text(written())
    for name, (page, make) in MADE.items():
        page.write_text(with_part(page.read_text(), name, make()))


if __name__ == "__main__":
    main()
