"""What an operator may order a node to do through Redis (`broker.orders`).

Only a broker that is reached through Redis can be told so.
"""

import json
from typing import Any

import pytest
import redis

from broker.cluster import Cluster
from broker.keys import Keys
from broker.orders import (
    WAITING,
    Announce,
    Drain,
    Inform,
    Kick,
    Locate,
    Mend,
    Order,
    Rehash,
    Shed,
    Show,
    Shown,
    Wallops,
    encode_order,
)
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Node, RedisFleet
from tests.support.spin import eventually

pytestmark = pytest.mark.parametrize("fleet", ["fakeredis", "server"], indirect=True)

ORDERS = [
    Drain("r0"),
    Drain("r0", 0.5),
    Shed("r1", 0.1),
    Shed("r1", 1, 5.0),
    Show("r2"),
    Mend(("a", "b")),
    Announce("r3", "back at noon"),
    Kick("r4", "sid1", "spam"),
    Kick("r4", "sid1", "spam", "boss"),
    Wallops("r6", "boss", "boss@host", "hi"),
    Rehash("r7"),
    Inform("bob was kicked"),
    Locate("r5", "sid1"),
]


class Commanded:
    """A node, and somebody who gives it orders. `taken`: those that it was told of."""

    def __init__(self, fleet: RedisFleet, node: Node) -> None:
        assert isinstance(node.broker, Cluster)
        self.broker = node.broker
        self.keys = Keys(fleet.namespace)
        self.client: redis.Redis = fleet.client()
        self.taken: list[Order] = []
        self.broker._orders = self.taken.append

    def give(self, order: Order) -> None:
        self.give_raw(encode_order(order))

    def give_raw(self, raw: str | bytes) -> None:
        self.client.rpush(self.keys.orders(self.broker.node), raw)

    def waiting(self) -> int:
        return self.client.llen(self.keys.orders(self.broker.node))

    async def until_taken(self) -> None:
        """Returns when no order waits for it any more, and it had a beat's time."""

        async def waiting() -> int:
            return self.waiting()

        await eventually(waiting, 0)
        await self.broker.barrier()


async def _commanded(fleet: RedisFleet, make_brokers: MakeBrokers) -> Commanded:
    (node,) = await make_brokers(1, lease=0.8)
    return Commanded(fleet, node)


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_an_order_is_told_to_the_node_within_a_beat_or_two(
    fleet: RedisFleet, make_brokers: MakeBrokers, order: Order
) -> None:
    node = await _commanded(fleet, make_brokers)
    node.give(order)
    await node.until_taken()
    assert [order] == node.taken


async def test_an_order_is_taken_once(fleet: RedisFleet, make_brokers: MakeBrokers) -> None:
    node = await _commanded(fleet, make_brokers)
    for _ in range(2):
        node.give(Drain("r0"))
        await node.until_taken()
        node.give(Show("x"))
        await node.until_taken()
    assert [Drain("r0"), Show("x")] * 2 == node.taken


async def test_orders_that_wait_together_are_told_in_their_order(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    node = await _commanded(fleet, make_brokers)
    many: list[Order] = [Locate(f"r{i}", "sid") for i in range(WAITING)]
    raw = map(encode_order, many)
    node.client.rpush(node.keys.orders(node.broker.node), *raw)
    await node.until_taken()
    assert many == node.taken


async def test_an_order_is_for_its_incarnation_alone(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=0.8)
    other, node = Commanded(fleet, a), Commanded(fleet, b)
    node.give(Drain("r0"))
    await node.until_taken()
    assert ([], [Drain("r0")]) == (other.taken, node.taken)


async def test_what_a_desk_orders_does_not_wait_for_a_beat(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = [Commanded(fleet, node) for node in await make_brokers(2, lease=800)]
    many: list[Order] = [Locate(f"r{i}", "sid") for i in range(20)]
    for order in many:
        assert await a.broker.desk.place(b.broker.node, order)
    await b.until_taken()
    assert ([], many) == (a.taken, b.taken)


async def test_what_is_no_order_does_no_harm(fleet: RedisFleet, make_brokers: MakeBrokers) -> None:
    node = await _commanded(fleet, make_brokers)
    for raw in ("nonsense", '{"order":"dance"}', '{"order":"shed"}', "[]"):
        node.give_raw(raw)
        await node.until_taken()
    node.give(Drain("r0"))
    await node.until_taken()
    assert [Drain("r0")] == node.taken


async def test_a_node_that_stops_leaves_no_order_behind(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    node = await _commanded(fleet, make_brokers)
    node.broker._presence._beating.stop()
    node.give(Drain("r0"))
    await fleet.nodes.pop().broker.stop()
    assert 0 == node.waiting()


async def test_a_node_that_is_swept_leaves_no_order_behind(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=0.8)
    await a.enter("ann")
    node = Commanded(fleet, a)
    await fleet.lose(a)
    node.give(Drain("r0"))
    await fleet.ended(a, seen_by=b)

    async def waiting() -> int:
        return node.waiting()

    await eventually(waiting, 0)
    assert [] == node.taken


async def test_what_a_node_shows_is_complete_when_what_it_follows_is_there_and_does_not_stay(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    node = await _commanded(fleet, make_brokers)
    await node.broker.follow("#Go")
    sessions = {f"sid{i}": Shown(f"token{i}", f"nick{i}", ("#go",)) for i in range(1200)}
    await node.broker.show("r1", sessions)
    key = node.keys.report("r1")
    reported: Any = node.client.hgetall(key)
    rows = {field.decode(): json.loads(raw) for field, raw in reported.items()}
    assert [["#go"]] == rows.pop("")
    assert {sid: [s.token, s.nick, list(s.channels)] for sid, s in sessions.items()} == rows
    assert 0 < node.client.ttl(key) <= 60
