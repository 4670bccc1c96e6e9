"""Runs a case on a server, as often as wanted, and takes the medians.

Must not know which cases there are, nor which servers.
"""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.load.cases import Case
from tests.load.generator import Faults, LoadError, Measurement, run
from tests.load.servers import Server, Start


class Figures(NamedTuple):
    """Medians of the repetitions; what went wrong, in all of them together.

    `cpu`: seconds of CPU per second, of each process.
    """

    cost: float
    per_second: float
    p50_ms: float
    p99_ms: float
    faults: Faults
    cpu: tuple[float, ...] = ()


def figures(repetitions: Sequence[Measurement]) -> Figures:
    """Of at least one."""
    faults = Faults()
    for each in repetitions:
        faults = faults.plus(each.faults)
    shares = ([us / 1e6 / each.seconds for us in each.cpu_us] for each in repetitions)
    return Figures(
        median(each.cost for each in repetitions),
        median(each.per_second for each in repetitions),
        median(each.p50_ms for each in repetitions),
        median(each.p99_ms for each in repetitions),
        faults,
        tuple(map(median, zip(*shares, strict=True))),
    )


def medians(rounds: Sequence[Sequence[Measurement]]) -> list[Figures]:
    """The figures of each row, of rounds in which each row was measured once."""
    return [figures(row) for row in zip(*rounds, strict=True)]


def measure(case: Case, start: Start, repetitions: int, seconds: float) -> list[Figures]:
    """The figures of each row. `seconds`: what a measurement takes at most. Raises LoadError."""
    if case.fresh:
        return medians([measure_once(case, start, 1, seconds) for _ in range(repetitions)])
    found = measure_once(case, start, repetitions, seconds)
    return medians([found[i::repetitions] for i in range(repetitions)])


def measure_once(case: Case, start: Start, repetitions: int, seconds: float) -> list[Measurement]:
    """What one run finds on a server of its own: all repetitions of a row, then of the next."""
    with (
        tempfile.TemporaryDirectory(prefix="chorus-load-") as folder,
        start(Path(folder)) as server,
    ):
        found = run(command(case, server, repetitions, min(seconds, case.seconds)))
    if len(found) != len(case.rows) * repetitions:
        raise LoadError(f"the generator measured {len(found)} times")
    return found


def command(case: Case, server: Server, repetitions: int, seconds: float) -> list[str]:
    """The generator's arguments."""
    return [
        *("--dialect", server.dialect),
        *case.arguments,
        *(f"--port={port}" for port in server.ports),
        *(f"--pid={pid}" for pid in server.pids),
        *(f"--rate={row.rate}" for row in case.rows for _ in range(repetitions) if case.talks),
        *("--seconds", str(seconds)),
        *("--parallel", str(server.parallel)),
        *server.options,
    ]


def total(found: Iterable[Figures]) -> Faults:
    """All that went wrong."""
    faults = Faults()
    for each in found:
        faults = faults.plus(each.faults)
    return faults
