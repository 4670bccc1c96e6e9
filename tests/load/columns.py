"""The servers that all cases are measured on, side by side.

Must not know the cases, nor what comes out.
"""

from typing import NamedTuple

from tests.load.peers import find, inspircd, inspircd_linked, ngircd
from tests.load.servers import Start, chorus, redis_alone, tutorial


class Column(NamedTuple):
    """A server, under the name that it has in the table. `rooms`: it knows channels."""

    title: str
    start: Start
    rooms: bool = True


YARDSTICKS = [
    Column("tutorial's server", tutorial, rooms=False),
    Column("Redis pub/sub", redis_alone),
]

PEERS = {
    "ngircd": [Column("ngIRCd", ngircd)],
    "inspircd": [Column("InspIRCd", inspircd), Column("2 InspIRCd, linked", inspircd_linked)],
}
"""By the program that they need."""


def columns(*, quick: bool) -> list[Column]:
    """Those that can be measured here. `quick`: as the product runs, and the yardsticks."""
    as_it_runs = [Column("chorus, 1 node", chorus(1)), Column("chorus, 2 nodes", chorus(2))]
    if quick:
        return [*as_it_runs, *YARDSTICKS]
    return [
        *as_it_runs,
        Column("chorus, 2 nodes, no appendonly", chorus(2, appendonly=False)),
        *YARDSTICKS,
        *(column for name, found in PEERS.items() if find(name) for column in found),
    ]
