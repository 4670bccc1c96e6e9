"""Fixtures for the conftest.py of those who need them: a cluster that stands all the time, and
such as a test may ruin.

Who takes them in may say otherwise how large they are: `town_size`.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.nodes import Nodes
from tests.support.redis_server import real_server
from tests.support.town import Town, new_channel

MakeTown = Callable[..., Town]


@pytest.fixture(scope="session")
def town_size() -> int:
    """How many nodes a town has, unless a test says otherwise."""
    return 3


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that nobody may harm; every cluster has its own namespace there."""
    with real_server(tmp_path_factory.mktemp("redis")) as port:
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(scope="session")
def standing(
    server: str, town_size: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    with (
        Nodes(server, tmp_path_factory.mktemp("nodes"), forked=True) as nodes,
        Town(nodes, town_size) as town,
    ):
        yield town


@pytest.fixture
def town(standing: Town) -> Iterator[Town]:
    """Nodes that other tests use, too: for those who harm none, and leave the lobby alone."""
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
def make_town(server: str, town_size: int, tmp_path: Path) -> Iterator[MakeTown]:
    """`make_town("--lease", "3", count=2)`: a cluster of one's own on the common server."""
    with ExitStack() as made:

        def make(*flags: str, count: int = town_size, url: str = server) -> Town:
            nodes = made.enter_context(Nodes(url, tmp_path, *flags, forked=True))
            return made.enter_context(Town(nodes, count))

        yield make
