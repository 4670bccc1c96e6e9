"""What a delivery costs by how it's spoken: the slash dialect beside IRC, in one run.

    python -m tests.load.spoken                    five rounds, about two minutes
    python -m tests.load.spoken --rounds 9 --seconds 3

Both are measured in turn, in every round and each time on nodes of their own, so that whatever else
the machine does hits both. Figures are medians. Must not know how either is spoken.
"""

import argparse
from collections.abc import Sequence

from tests.load.cases import RATE, ROOMS, ROOMS_RATE, Case, channel, fanout, rooms
from tests.load.generator import Measurement
from tests.load.measure import Figures, measure_once, medians, total
from tests.load.servers import chorus
from tests.load.table import Table, figure, ratio

DOORS = {"slash": "line", "irc": "irc"}
"""Dialects, and the doors at which they're spoken."""

CASES = (channel(50, fanout(50)), channel(500, fanout(500), RATE), rooms(200, ROOMS, ROOMS_RATE))


def measure(case: Case, rounds: int, seconds: float, nodes: int) -> dict[str, list[Figures]]:
    """The figures of each row, by dialect."""
    found: dict[str, list[list[Measurement]]] = {dialect: [] for dialect in DOORS}
    for i in range(rounds):
        for dialect, door in sorted(DOORS.items(), reverse=bool(i % 2)):
            found[dialect].append(measure_once(case, chorus(nodes, door=door), 1, seconds))
    return {dialect: medians(each) for dialect, each in found.items()}


def table(found: Sequence[tuple[Case, dict[str, list[Figures]]]]) -> Table:
    """A row for each figure, and how the last dialect compares with the first."""
    first, *_, last = DOORS
    rows = []
    for case, by_dialect in found:
        for i, row in enumerate(case.rows):
            each = {dialect: by_dialect[dialect][i] for dialect in DOORS}
            told = [row.title, *(figure(each[dialect].cost) for dialect in DOORS)]
            rows.append([*told, ratio(each[last].cost / each[first].cost)])
    faults = total(each for _, by_dialect in found for row in by_dialect.values() for each in row)
    head = [CASES[0].rows[0].cost, *DOORS, f"{last} to {first}"]
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
