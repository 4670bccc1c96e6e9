"""The cluster's bans, as nodes hear of them (`broker.barring`)."""

from typing import Any

import pytest
import redis

from broker.bans import MOST, NOWHERE, Ban, encode_ban
from broker.cluster import Cluster
from broker.keys import Keys
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Node, RedisFleet
from tests.support.spin import eventually

pytestmark = pytest.mark.parametrize("fleet", ["fakeredis", "server"], indirect=True)

SPAM = Ban(0, "203.0.113.0/24", "spam", "boss", 5, "ann")
OTHER = Ban(0, "198.51.100.7/32")
MASK = Ban(0, NOWHERE, "spam", mask="bob@*.cloak")


class Guarded:
    """A node that keeps what it's told of bans."""

    def __init__(self, fleet: RedisFleet, node: Node) -> None:
        assert isinstance(node.broker, Cluster)
        self.broker = node.broker
        self.barring = node.broker.barring
        self.client: redis.Redis = fleet.client()
        self.keys = Keys(fleet.namespace)
        self.told: list[tuple[Ban, ...]] = []
        self.barring._changed = self.told.append

    async def until_told(self, *bans: Ban) -> None:
        async def last() -> set[Ban]:
            return set(self.told[-1]) if self.told else {Ban(1, "nothing was told")}

        await eventually(last, set(bans))


async def _guarded(fleet: RedisFleet, make_brokers: MakeBrokers, count: int) -> list[Guarded]:
    return [Guarded(fleet, node) for node in await make_brokers(count, lease=0.5)]


async def test_every_node_is_told_of_a_ban_within_a_beat_or_two(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await _guarded(fleet, make_brokers, 2)
    await a.barring.ban(SPAM)
    assert [(SPAM,)] == a.told
    await b.until_told(SPAM)
    await b.barring.ban(OTHER)
    for node in (a, b):
        await node.until_told(SPAM, OTHER)


async def test_a_node_that_comes_later_is_told_of_the_bans_that_there_are(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await _guarded(fleet, make_brokers, 1)
    await a.barring.ban(SPAM)
    (b,) = await _guarded(fleet, make_brokers, 1)
    await b.until_told(SPAM) if not b.barring._known else None
    assert (SPAM,) == b.barring._known


async def test_a_ban_that_was_made_anew_takes_the_place_of_the_earlier(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await _guarded(fleet, make_brokers, 1)
    again = Ban(0, SPAM.network, "still spam")
    await a.barring.ban(SPAM)
    await a.barring.ban(again)
    assert [again] == await a.barring.all(0)


async def test_bans_by_mask_are_told_and_taken_away_by_their_mask(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await _guarded(fleet, make_brokers, 2)
    other = Ban(0, NOWHERE, mask="rob@*")
    for ban in (MASK, other, SPAM):
        await a.barring.ban(ban)
    await b.until_told(MASK, other, SPAM)
    assert MASK == await b.barring.unban(MASK.key)
    await a.until_told(other, SPAM)


async def test_where_the_lease_is_long_a_desks_ban_does_not_wait_for_a_beat(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = [Guarded(fleet, node) for node in await make_brokers(2, lease=800)]
    assert await a.broker.desk.ban(SPAM)
    await b.until_told(SPAM)
    assert SPAM == await a.broker.desk.unban(SPAM.key)
    await b.until_told()


async def test_a_ban_that_was_taken_away_is_told_and_returned_once(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await _guarded(fleet, make_brokers, 2)
    await a.barring.ban(SPAM)
    await b.until_told(SPAM)
    assert [SPAM, None] == [await b.barring.unban(SPAM.network) for _ in range(2)]
    await a.until_told()


async def test_bans_that_are_over_are_not_shown_and_go_with_the_next(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await _guarded(fleet, make_brokers, 1)
    await a.barring.ban(Ban(1, "203.0.113.9/32"))
    assert [] == await a.barring.all(a.broker.now_ms)
    await a.barring.ban(SPAM)
    held: Any = a.client.hkeys(a.keys.bans)
    assert [SPAM.network.encode()] == held


async def test_there_are_no_more_bans_than_may_be(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await _guarded(fleet, make_brokers, 1)
    numbers = range(MOST)
    many = [Ban(0, f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}/32") for n in numbers]
    a.client.hset(a.keys.bans, mapping={ban.network: encode_ban(ban) for ban in many})
    assert [False, True] == [await a.barring.ban(ban) for ban in (SPAM, many[0])]


async def test_bans_that_a_server_lost_are_put_back(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await _guarded(fleet, make_brokers, 2)
    await a.barring.ban(SPAM)
    await a.barring.ban(OTHER)
    await b.until_told(SPAM, OTHER)
    a.client.delete(a.keys.bans, a.keys.bans_version)

    async def there() -> set[Ban]:
        return set(await a.barring.all(0))

    await eventually(there, {SPAM, OTHER})


async def test_a_ban_that_a_failover_forgot_is_put_back_and_no_newer_one_is_lost(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await _guarded(fleet, make_brokers, 1)
    await a.barring.ban(SPAM)
    await a.barring.ban(SPAM)
    a.client.hset(a.keys.bans, OTHER.network, encode_ban(OTHER))
    a.client.hdel(a.keys.bans, SPAM.network)
    a.client.set(a.keys.bans_version, 1)
    await a.until_told(SPAM, OTHER)
