"""What a Redis that has no memory left still does: whatever gives some back."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from broker.api import Code
from broker.cluster import Cluster
from broker.events import Quit
from tests.support import spin
from tests.support.fleet import RedisFleet, refusal
from tests.support.redis_server import real_server

Work = Callable[[RedisFleet], Awaitable[None]]


@pytest.fixture
def perform(tmp_path: Path) -> Iterator[Callable[[Work], None]]:
    """Runs something on a server of its own, which nobody else misses the memory of."""
    with real_server(tmp_path) as port:
        fleet = RedisFleet(port, real=True)
        yield lambda work: spin.wait(_awaited(work, fleet))
        spin.wait(fleet.stop())


async def _awaited(work: Work, fleet: RedisFleet) -> None:
    await work(fleet)


@contextmanager
def no_memory(fleet: RedisFleet) -> Iterator[None]:
    """Nothing more can be written."""
    with fleet.client() as client:
        client.config_set("maxmemory", "1")
        try:
            yield
        finally:
            client.config_set("maxmemory", "0")


def test_who_quits_is_gone_and_their_nick_is_free(perform: Callable[[Work], None]) -> None:
    async def work(fleet: RedisFleet) -> None:
        a, b = await fleet.start(), await fleet.start()
        ann, _ = await a.enter("ann", "#go"), await b.enter("bob", "#go")
        with no_memory(fleet):
            await a.broker.quit(ann, "bye", ["#go"])
            assert ["bye"] == [e.why for e in await b.heard("#go") if isinstance(e, Quit)]
            assert Code.NO_SUCH_NICK == await refusal(b.broker.person("ann"))

    perform(work)


def test_a_channel_that_was_taken_off_the_list_as_somebody_came_is_put_back(
    perform: Callable[[Work], None],
) -> None:
    async def work(fleet: RedisFleet) -> None:
        a = await fleet.start()
        await a.enter("ann", "#go")
        with no_memory(fleet):
            await cast(Cluster, a.broker)._store.unindex("#go")
        assert ["#go"] == [channel.name for channel in await a.broker.channels()]

    perform(work)


def test_the_nicks_of_a_dead_node_are_free(perform: Callable[[Work], None]) -> None:
    async def work(fleet: RedisFleet) -> None:
        a, b = await fleet.start(lease=0.4), await fleet.start(lease=2.0)
        await a.enter("ann", "#go")
        await b.enter("bob", "#go")
        with no_memory(fleet):
            await fleet.evict(a, seen_by=b)
        assert Code.NO_SUCH_NICK == await refusal(b.broker.person("ann"))
        await b.enter("ann")

    perform(work)
