"""Runs the contract suite on every broker: in memory, over fakeredis, over a real server, over one
that sentinels name (where that can matter), over a Redis Cluster.
"""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from inspect import iscoroutinefunction, signature
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import spin
from tests.support.fleet import (
    Fleet,
    MemoryFleet,
    Node,
    RedisFleet,
    SentinelFleet,
    ShardsFleet,
)
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_server import fake_server, real_server
from tests.support.sentinels import Guard

MakeBrokers = Callable[..., Awaitable[list[Node]]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What does nothing to the fleet runs without sentinels only: once they have named a server,
    it's one like another, and so is the link to it. What loses it runs with them, too; and all does
    with EVERYWHERE=1.
    """
    if os.environ.get("EVERYWHERE"):
        return

    def same_without(item: pytest.Item) -> bool:
        if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
            return False
        named = item.callspec.params.get("fleet") == "sentinel"
        return named and "fleet" not in signature(item.obj).parameters

    same = list(filter(same_without, items))
    if same:
        config.hook.pytest_deselected(items=same)
        items[:] = [item for item in items if not same_without(item)]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Drive tests that are coroutines with the reactor."""
    if not iscoroutinefunction(pyfuncitem.obj):
        return None
    names = signature(pyfuncitem.obj).parameters
    spin.wait(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


Servers = Callable[[str], int]


@pytest.fixture(scope="session", autouse=True)
def finished() -> Iterator[None]:
    """The reactor's threads end when all is done."""
    yield
    spin.finish()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The ports of the servers, each started when it's first asked for."""
    ports: dict[str, int] = {}

    def folder() -> Path:
        return tmp_path_factory.mktemp("redis")

    with ExitStack() as running:

        def port(kind: str) -> int:
            if kind not in ports:
                server = fake_server() if kind == "fakeredis" else real_server(folder())
                ports[kind] = running.enter_context(server)
            return ports[kind]

        yield port


@pytest.fixture(scope="session")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    """A server and its sentinels."""
    with Guard(tmp_path_factory.mktemp("guard")) as guard:
        yield guard


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Three masters."""
    with RedisCluster(tmp_path_factory.mktemp("shards")) as shards:
        yield shards


def _made(kind: str, request: pytest.FixtureRequest) -> Fleet:
    if kind == "memory":
        return MemoryFleet()
    if kind == "sentinel":
        guard: Guard = request.getfixturevalue("guard")
        return SentinelFleet(guard.url, urlsplit(guard.master.url).port or 0)
    if kind == "cluster":
        shards: RedisCluster = request.getfixturevalue("shards")
        return ShardsFleet([master.port for master in shards.masters])
    return RedisFleet(request.getfixturevalue("servers")(kind), real=kind == "server")


@pytest.fixture(params=["memory", "fakeredis", "server", "sentinel", "cluster"])
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """A cluster without nodes, in a world of its own."""
    made = _made(request.param, request)
    yield made
    sinks = [node.sink for node in made.nodes]
    spin.wait(made.stop())
    assert [] == [sink.told for sink in sinks if sink.reentered]


@pytest.fixture
def make_brokers(fleet: Fleet) -> MakeBrokers:
    """`await make_brokers(3)`: that many started nodes that share one world."""

    async def make(count: int, **settings: Any) -> list[Node]:
        return [await fleet.start(**settings) for _ in range(count)]

    return make
