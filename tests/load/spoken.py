"""What a delivery costs by how it's spoken: the slash dialect beside IRC, in one run.

    python -m tests.load.spoken                    five rounds, about four minutes
    python -m tests.load.spoken --rounds 9 --seconds 3

All are measured in turn, in every round and each time on nodes of their own, so that whatever else
the machine does hits all of them. Figures are medians. Must not know how any of them is spoken.
"""

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from tests.load.cases import RATE, ROOMS, ROOMS_RATE, Case, channel, fanout, rooms
from tests.load.generator import Measurement
from tests.load.measure import Figures, measure_once, medians, total
from tests.load.servers import chorus
from tests.load.table import Table, figure, ratio


class Way(NamedTuple):
    """How it's spoken: the door, and what people there ask for: lists of capabilities, in turn."""

    door: str
    caps: tuple[str, ...] = ()


CAPS = (
    "account-notify account-tag away-notify batch cap-notify chghost echo-message extended-join"
    " invite-notify labeled-response message-tags multi-prefix server-time setname"
    " userhost-in-names"
)
"""As a client asks for them that knows all of IRCv3 that was ratified."""

WAYS = {
    "slash": Way("line"),
    "IRC": Way("irc"),
    "with capabilities": Way("irc", (CAPS,)),
    "of four kinds": Way(
        "irc", ("", "multi-prefix server-time", CAPS, CAPS.replace("echo-message ", ""))
    ),
}
"""What is measured; the first is what the others are compared with."""

CASES = (channel(50, fanout(50)), channel(500, fanout(500), RATE), rooms(200, ROOMS, ROOMS_RATE))


def measure(case: Case, rounds: int, seconds: float, nodes: int) -> dict[str, list[Figures]]:
    """The figures of each row, by way."""
    found: dict[str, list[list[Measurement]]] = {way: [] for way in WAYS}
    for i in range(rounds):
        for name, way in sorted(WAYS.items(), reverse=bool(i % 2)):
            start = chorus(nodes, door=way.door, caps=way.caps)
            found[name].append(measure_once(case, start, 1, seconds))
    return {way: medians(each) for way, each in found.items()}


def table(found: Sequence[tuple[Case, dict[str, list[Figures]]]]) -> Table:
    """A row for each figure, and how the other ways compare with the first."""
    first, *others = WAYS
    rows = []
    for case, by_way in found:
        for i, row in enumerate(case.rows):
            cost = {way: by_way[way][i].cost for way in WAYS}
            told = (f"{figure(cost[way])} ({ratio(cost[way] / cost[first])})" for way in others)
            rows.append([row.title, figure(cost[first]), *told])
    faults = total(each for _, by_way in found for row in by_way.values() for each in row)
    head = [CASES[0].rows[0].cost, *WAYS]
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
