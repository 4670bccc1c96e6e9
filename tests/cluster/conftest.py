"""What tests of clusters stand on, and how they wait for leases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.embedded import Embedded
from tests.support.processes import await_fact
from tests.support.town import Town
from tests.support.towns import MakeTown, go, make_town, server, standing, town, town_size

__all__ = ["MakeTown", "go", "make_town", "server", "standing", "town", "town_size"]

LEASE = 2.0
"""Seconds. Short for tests that wait for a lease to end; no node is that slow by itself."""


def let_leases_end(town: Town) -> None:
    """Returns when the leases of nodes that stand still have ended."""
    last = max(town.cluster.lease_ends().values())
    await_fact(lambda: town.cluster.now() > last)


def let_nodes_sweep(town: Town) -> None:
    """Returns when every node has renewed its lease for a whole one without a break, and some
    beats more: whoever could be swept by now has been.
    """
    goal = town.cluster.now() + 2.5 * LEASE
    names = sorted(node.name for node in town.nodes)

    def steady() -> bool:
        ends = town.cluster.lease_ends()
        return sorted(ends) == names and min(ends.values()) > goal

    await_fact(steady)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Embedded]:
    """A server of one's own, which keeps its data."""
    with Embedded(tmp_path / "redis", port=0) as embedded:
        yield embedded
