"""What a delivery costs by how it's spoken: the slash dialect beside IRC, in one run.

    python -m tests.load.spoken                    five rounds, about two minutes
    python -m tests.load.spoken --rounds 9 --seconds 3

Both are measured on the same nodes, in turn in every round, so that whatever else the machine does
hits both. Figures are medians. Must not know how either is spoken.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from broker.embedded import Embedded
from tests.load.cases import RATE, ROOMS, ROOMS_RATE, Case, channel, fanout, rooms
from tests.load.generator import Measurement, run
from tests.load.measure import Figures, command, figures, total
from tests.load.servers import Server
from tests.load.table import Table, figure, ratio
from tests.support.nodes import Nodes

DIALECTS = {"slash": "line", "irc": "irc"}
"""Dialects of the generator, and the doors at which they're spoken."""

CASES = (channel(50, fanout(50)), channel(500, fanout(500), RATE), rooms(200, ROOMS, ROOMS_RATE))


@contextmanager
def servers(folder: Path, nodes: int) -> Iterator[dict[str, Server]]:
    """One cluster, as it's seen at each door."""
    with (
        Embedded(folder / "redis", port=0) as redis,
        Nodes(redis.url, folder, "--lobby", "", "--no-limits") as cluster,
    ):
        started = cluster.start(*(f"node{i + 1}" for i in range(nodes)))
        pids = [*(node.pid for node in started), redis.pid]
        yield {
            dialect: Server(dialect, [node.doors[door] for node in started], pids)
            for dialect, door in DIALECTS.items()
        }


def measure(case: Case, rounds: int, seconds: float, nodes: int) -> dict[str, list[Figures]]:
    """The figures of each row, by dialect."""
    found: dict[str, list[list[Measurement]]] = {dialect: [] for dialect in DIALECTS}
    with (
        tempfile.TemporaryDirectory(prefix="chorus-load-") as folder,
        servers(Path(folder), nodes) as known,
    ):
        for i in range(rounds):
            for dialect in (*DIALECTS,) if i % 2 else (*reversed(DIALECTS),):
                found[dialect].append(run(command(case, known[dialect], 1, seconds)))
    return {
        dialect: [figures(row) for row in zip(*each, strict=True)]
        for dialect, each in found.items()
    }


def table(found: Sequence[tuple[Case, dict[str, list[Figures]]]]) -> Table:
    """A row for each figure, and how the last dialect compares with the first."""
    first, *_, last = DIALECTS
    rows = []
    for case, by_dialect in found:
        for i, row in enumerate(case.rows):
            each = {dialect: by_dialect[dialect][i] for dialect in DIALECTS}
            told = [row.title, *(figure(each[dialect].cost) for dialect in DIALECTS)]
            rows.append([*told, ratio(each[last].cost / each[first].cost)])
    faults = total(each for _, by_dialect in found for row in by_dialect.values() for each in row)
    head = [CASES[0].rows[0].cost, *DIALECTS, f"{last} to {first}"]
    remark = "" if not any(faults) else f"What must not be: {faults}"
    return Table("By how it's spoken", head, rows, remark)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.spoken")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="that a measurement takes")
    parser.add_argument("--nodes", type=int, default=2)
    given = parser.parse_args()
    found = [(case, measure(case, given.rounds, given.seconds, given.nodes)) for case in CASES]
    print(table(found).markdown())


if __name__ == "__main__":
    main()
