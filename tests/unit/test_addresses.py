"""`broker.addresses`: what Redis is told of open connections, whatever fails in between."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from broker.addresses import AT_ONCE, Addresses
from broker.link import LinkLost

HOME = "192.0.2.1"


class Redis:
    """A `Store`, so far as it's used here. `told`: by address, what this node said last.

    `others`: how many connections each address has elsewhere. `down`: the link fails.
    """

    def __init__(self) -> None:
        self.told: dict[str, int] = {}
        self.calls: list[int] = []
        self.others = 0
        self.down = False
        self.gates: list[Deferred[None]] | None = None  # admissions wait for their answers

    async def living(self) -> list[str]:
        if self.down:
            raise LinkLost
        return ["n1.a"]

    async def admit(
        self, address: str, node: str, count: int, most: int, living: list[str]
    ) -> bool:
        if self.down:
            raise LinkLost
        self.calls.append(count)
        admitted = self.others + count <= most
        if admitted:
            self.told[address] = count
        if self.gates is not None:
            self.gates.append(Deferred())
            await self.gates[-1]
        return admitted

    def tell_open(self, address: str, node: str, count: int, told: Callable[[bool], None]) -> None:
        if not self.down:
            self.calls.append(count)
            self.told[address] = count
        told(not self.down)


class Door:
    """The addresses of one node that may have three connections each."""

    def __init__(self, most: int = 3) -> None:
        self.redis = Redis()
        self.ready = True
        store: Any = self.redis
        self.addresses = Addresses(store, most=most, node=lambda: "n1.a", ready=lambda: self.ready)
        self.came: list[bool] = []

    def come(self, address: str = HOME) -> None:
        """Somebody asks to come in; `came` has the answer, once it's there."""
        work: Coroutine[Any, Any, bool] = self.addresses.admit(address)
        Deferred.fromCoroutine(work).addCallback(self.came.append)


@pytest.fixture
def door() -> Door:
    return Door()


def test_redis_is_told_the_number_of_this_node_each_time(door: Door) -> None:
    for _ in range(3):
        door.come()
    door.addresses.dismiss(HOME)
    assert ([True] * 3, [1, 2, 3, 2]) == (door.came, door.redis.calls)


def test_who_is_one_too_many_is_not_counted(door: Door) -> None:
    door.redis.others = 2
    door.come()
    door.come()
    door.redis.others = 0
    door.come()
    assert ([True, False, True], 2) == (door.came, door.redis.told[HOME])


def test_those_who_ask_at_once_are_counted_one_by_one(door: Door) -> None:
    door.redis.gates = []
    for _ in range(5):
        door.come()
    for gate in door.redis.gates:
        gate.callback(None)
    assert ([True] * 3 + [False] * 2, 3) == (door.came, door.redis.told[HOME])


def test_a_number_that_counted_somebody_who_was_refused_is_put_right(door: Door) -> None:
    door.redis.gates = []
    door.redis.others = 3
    door.come()
    door.redis.others = 0  # they left meanwhile
    door.come()
    for gate in door.redis.gates:
        gate.callback(None)
    before = door.redis.told[HOME]
    door.addresses.settle()
    assert (2, 1) == (before, door.redis.told[HOME])


def test_everybody_is_admitted_while_redis_is_away_and_told_once_it_is_back(door: Door) -> None:
    door.ready = False
    for _ in range(5):
        door.come()
    door.addresses.settle()
    before = dict(door.redis.told)
    door.ready = True
    door.addresses.settle()
    assert ([True] * 5, {}, {HOME: 5}) == (door.came, before, door.redis.told)


def test_who_leaves_while_redis_is_away_is_told_once_it_is_back(door: Door) -> None:
    door.come()
    door.ready = False
    door.addresses.dismiss(HOME)
    door.ready = True
    door.addresses.settle()
    assert {HOME: 0} == door.redis.told


def test_what_was_lost_on_the_way_is_told_again(door: Door) -> None:
    door.come()
    door.redis.down = True
    door.come()
    door.come()
    door.addresses.dismiss(HOME)
    door.addresses.settle()
    door.redis.down = False
    before = dict(door.redis.told)
    door.addresses.settle()
    assert ([True] * 3, {HOME: 1}, {HOME: 2}) == (door.came, before, door.redis.told)


def test_what_is_certain_is_not_told_again(door: Door) -> None:
    door.come()
    door.addresses.settle()
    assert [1] == door.redis.calls


def test_all_is_told_again_when_redis_may_have_forgotten_it(door: Door) -> None:
    door.come()
    door.come("192.0.2.2")
    door.redis.told.clear()
    door.addresses.doubt()
    door.addresses.settle()
    assert {HOME: 1, "192.0.2.2": 1} == door.redis.told


def test_only_so_many_are_told_with_one_beat(door: Door) -> None:
    for i in range(AT_ONCE + 1):
        door.come(str(i))
    door.redis.told.clear()
    door.addresses.doubt()
    door.addresses.settle()
    before = len(door.redis.told)
    door.addresses.settle()
    assert (AT_ONCE, AT_ONCE + 1) == (before, len(door.redis.told))


def test_addresses_without_connections_are_forgotten(door: Door) -> None:
    door.come()
    door.addresses.dismiss(HOME)
    assert ({}, {}) == (door.addresses._open, door.addresses._doubtful)


def test_without_a_limit_redis_is_not_asked() -> None:
    door = Door(most=0)
    door.come()
    door.addresses.dismiss(HOME)
    door.addresses.doubt()
    door.addresses.settle()
    assert ([True], []) == (door.came, door.redis.calls)
