"""Runs the contract suite on every broker: in memory, over fakeredis, over a real server."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from inspect import iscoroutinefunction, signature
from pathlib import Path
from typing import Any

import pytest

from tests.support import spin
from tests.support.fleet import Fleet, MemoryFleet, Node, RedisFleet, ShardsFleet
from tests.support.redis_server import fake_server, real_server

MakeBrokers = Callable[..., Awaitable[list[Node]]]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Drive tests that are coroutines with the reactor."""
    if not iscoroutinefunction(pyfuncitem.obj):
        return None
    names = signature(pyfuncitem.obj).parameters
    spin.wait(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], int]]:
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
        spin.finish()


@pytest.fixture(params=["memory", "fakeredis", "server", "cluster"])
def fleet(request: pytest.FixtureRequest, servers: Callable[[str], int]) -> Iterator[Fleet]:
    """A cluster without nodes, in a world of its own."""
    made: Fleet = MemoryFleet()
    if request.param == "cluster":
        made = ShardsFleet([17300, 17301, 17302])
    elif request.param != "memory":
        made = RedisFleet(servers(request.param), real=request.param == "server")
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
