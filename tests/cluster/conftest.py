"""Clusters for tests: one that stands all the time, and such as a test may ruin."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from broker.embedded import Embedded
from tests.support.nodes import Nodes
from tests.support.processes import await_fact
from tests.support.redis_server import real_server
from tests.support.town import Town, new_channel

LEASE = 2.0
"""Seconds. Short for tests that wait for a lease to end; no node is that slow by itself."""

MakeTown = Callable[..., Town]


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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that nobody may harm; every cluster has its own namespace there."""
    with real_server(tmp_path_factory.mktemp("redis")) as port:
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(scope="session")
def standing(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with Nodes(server, tmp_path_factory.mktemp("nodes")) as nodes, Town(nodes) as town:
        yield town


@pytest.fixture
def town(standing: Town) -> Iterator[Town]:
    """Three nodes that other tests use, too: for those who harm none, and leave the lobby alone."""
    yield standing
    standing.leave()
    assert all(node.runs for node in standing.nodes)
    logs = [node.log.read_text() for node in standing.nodes]
    assert [] == [log for log in logs if "Traceback" in log]


@pytest.fixture
def go() -> str:
    """A channel of the test's own."""
    return new_channel()


@pytest.fixture
def make_town(server: str, tmp_path: Path) -> Iterator[MakeTown]:
    """`make_town("--lease", "3", count=2)`: a cluster of one's own on the common server."""
    with ExitStack() as made:

        def make(*flags: str, count: int = 3, url: str = server) -> Town:
            nodes = made.enter_context(Nodes(url, tmp_path, *flags))
            return made.enter_context(Town(nodes, count))

        yield make


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Embedded]:
    """A server of one's own, which keeps its data."""
    with Embedded(tmp_path / "redis", port=0) as embedded:
        yield embedded
