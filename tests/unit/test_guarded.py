"""`broker.guarded`: whom a link talks to, while sentinels and servers say this and that.

All of them are played by the test, on a clock of its own.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import Clock

from broker.address import Address, Place, Sentinels
from broker.guarded import SWITCH, Guarded
from broker.link import Wire
from tests.unit.test_link import Command, Reply, Socket, resp

DEADLINE = 2.0
ONE, TWO, THREE = (("sentinel", number) for number in (1, 2, 3))
A, B = ("a", 6379), ("b", 6379)


class Played(Socket):
    """A socket whose other end answers at once, if at all."""

    def __init__(self, answer: Callable[[Command], bytes]) -> None:
        super().__init__()
        self._answer = answer
        self.asked: list[str] = []

    def write(self, data: bytes) -> None:
        for command in _commands(data):
            self.asked.append(command[0])
            if answer := self._answer(command):
                self.protocol.dataReceived(answer)

    def setTcpKeepAlive(self, _on: bool) -> None: ...


def _commands(data: bytes) -> list[Command]:
    words = data.decode().split("\r\n")
    found = []
    while words and words[0]:
        count = int(words[0][1:])
        found.append(words[2 : 2 * count + 1 : 2])
        del words[: 2 * count + 1]
    return found


class World:
    """Three sentinels and two servers. `named`: whom each sentinel names; `masters`: who says of
    themselves that they are; `down`: nobody gets through; `silent`: nothing is answered.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.named: dict[Place, Place] = dict.fromkeys((ONE, TWO, THREE), A)
        self.masters = {A}
        self.down: set[Place] = set()
        self.silent: set[Place] = set()
        self.sockets: list[tuple[Place, Played]] = []
        self.told: list[str] = []
        self.link = _Link(self)

    def connect(self, place: Place, heard: Callable[[bytes], None]) -> Wire:
        if place in self.down:
            raise Refused
        socket = Played(lambda command: self._answer(place, command))
        wire = socket.protocol = Wire(heard)
        self.sockets.append((place, socket))
        wire.makeConnection(socket)
        return wire

    def _answer(self, place: Place, command: Command) -> bytes:
        if place in self.silent:
            return b""
        if command[0] == "SUBSCRIBE":
            return b">" + resp(["subscribe", command[1], "1"])[1:]
        if command[0] == "SET" and place not in self.masters:
            return resp("-READONLY You can't write against a read only replica.")
        role = "master" if place in self.masters else "slave"
        host, port = self.named.get(place, place)
        replies: dict[str, Reply] = {
            "HELLO": {"id": 7},
            "ROLE": [role, "0"],
            "SENTINEL": [host, str(port)],
        }
        return resp(replies.get(command[0], f"{place[0]}"))

    def switch(self, *sentinels: Place) -> None:
        """B is the master from now on; these sentinels say so."""
        self.masters = {B}
        for sentinel in sentinels:
            self.named[sentinel] = B
            word = resp(["message", SWITCH, "mymaster a 6379 b 6379"])
            self.last(sentinel).protocol.dataReceived(b">" + word[1:])

    def last(self, place: Place) -> Played:
        """The socket to somebody that was made last and is still there."""
        return [each for where, each in self.sockets if where == place and not each.lost][-1]

    def stop(self) -> None:
        """Returns when it's done."""
        stopped = Deferred.fromCoroutine(self.link.stop())
        self.pass_time(0.1)
        assert stopped.called

    @property
    def talks_to(self) -> list[Place]:
        """The servers to which there's a connection."""
        found = {place for place, each in self.sockets if not each.lost and place in (A, B)}
        return sorted(found) if self.link.connected else []

    def pass_time(self, seconds: float) -> None:
        """In small steps."""
        self.clock.pump([0.05] * round(seconds / 0.05))


class _Link(Guarded):
    def __init__(self, world: World) -> None:
        async def nothing(_wire: Wire) -> None: ...

        super().__init__(
            world.clock,
            Sentinels((ONE, TWO, THREE), "mymaster", Address(), Address()),
            random.Random(1),
            deadline=DEADLINE,
            up=lambda: world.told.append("up"),
            down=lambda: world.told.append("down"),
            heard=lambda _: None,
            introduce=nothing,
        )
        self._world = world

    async def _wire_to(
        self, address: Address, heard: Callable[[bytes], None] | None = None
    ) -> Wire:
        return self._world.connect((address.host, address.port), heard or self._heard)


@pytest.fixture
def world() -> Iterator[World]:
    """Nothing is started yet."""
    made = World()
    yield made
    made.stop()


def test_the_master_is_whom_a_sentinel_names(world: World) -> None:
    world.link.start()
    assert [A] == world.talks_to


def test_a_sentinel_that_is_down_is_passed_over(world: World) -> None:
    world.down = {ONE, TWO}
    world.link.start()
    assert [A] == world.talks_to


def test_a_sentinel_that_is_silent_is_passed_over_and_asked_last_from_then_on(
    world: World,
) -> None:
    world.silent = {ONE}
    world.link.start()
    assert [] == world.talks_to
    world.pass_time(DEADLINE / 4 + 0.1)
    assert [A] == world.talks_to
    world.last(A).lose()
    assert [A] == world.talks_to


def test_as_soon_as_a_sentinel_answers_there_is_a_link(world: World) -> None:
    world.down = {ONE, TWO, THREE}
    world.link.start()
    world.pass_time(30)
    assert [] == world.talks_to
    world.down = set()
    world.pass_time(2)
    assert [A] == world.talks_to


def test_a_replica_is_none_to_talk_to_and_another_sentinel_is_asked(world: World) -> None:
    world.masters, world.named[TWO] = {B}, B
    world.link.start()
    world.pass_time(2)
    assert [B] == world.talks_to


@pytest.mark.parametrize("first", [ONE, TWO, THREE])
def test_the_first_sentinel_that_names_another_master_is_believed(
    world: World, first: Place
) -> None:
    world.link.start()
    world.switch(first)
    assert [B] == world.talks_to
    assert ["up", "down", "up"] == world.told


def test_others_who_say_so_later_change_nothing(world: World) -> None:
    world.link.start()
    world.switch(TWO)
    world.switch(ONE, THREE)
    world.pass_time(10)
    assert [B] == world.talks_to
    assert ["up", "down", "up"] == world.told


def test_what_a_sentinel_did_not_publish_is_asked_of_it(world: World) -> None:
    world.link.start()
    world.masters, world.named = {B}, dict.fromkeys(world.named, B)
    world.pass_time(1)
    assert [B] == world.talks_to


def test_a_sentinel_that_stays_behind_is_believed_once_at_most(world: World) -> None:
    world.link.start()
    world.switch(TWO, THREE)
    world.pass_time(60)
    world.last(ONE).lose()  # and is heard anew
    world.pass_time(60)
    assert [B] == world.talks_to
    assert ["up", "down", "up"] == world.told


def test_one_that_is_behind_from_the_start_is_believed_once(world: World) -> None:
    world.masters, world.named = {B}, {ONE: B, TWO: B, THREE: A}
    world.link.start()
    world.pass_time(60)
    assert [B] == world.talks_to
    assert 2 >= world.told.count("up")


def test_connecting_to_a_frozen_master_ends_when_another_is_named(world: World) -> None:
    world.silent = {A}
    world.link.start()
    world.pass_time(DEADLINE / 2)
    world.switch(THREE)
    world.pass_time(0.1)
    assert [B] == world.talks_to


def test_a_pause_between_attempts_ends_when_another_is_named(world: World) -> None:
    world.down = {A}
    world.link.start()
    world.pass_time(20)  # the pauses are the longest now
    world.switch(THREE)
    world.pass_time(0.1)
    assert [B] == world.talks_to


def test_what_a_demoted_master_refuses_is_asked_of_the_new_one(world: World) -> None:
    world.link.start()
    answers: list[Any] = []
    world.masters, world.named[TWO] = {B}, B  # and nobody has said so
    world.link.send(("SET", "key", "value"), answers.append)
    world.pass_time(0.5)
    assert [b"b"] == answers
    assert [B] == world.talks_to


def test_a_sentinel_that_falls_silent_is_left_and_heard_again(world: World) -> None:
    world.link.start()
    before = world.last(ONE)
    world.silent = {ONE}
    world.pass_time(DEADLINE + 2)
    assert before.lost
    world.silent = set()
    world.pass_time(DEADLINE + 2)
    world.switch(ONE)
    assert [B] == world.talks_to


@pytest.mark.parametrize("away", ["nobody", "sentinels", "master", "silent"])
def test_nothing_is_left_of_a_link_that_was_stopped(world: World, away: str) -> None:
    match away:
        case "sentinels":
            world.down = {ONE, TWO, THREE}
        case "master":
            world.down = {A}
        case "silent":
            world.silent = {A, ONE, TWO, THREE}
    world.link.start()
    world.pass_time(0.7)
    world.stop()
    assert [] == world.clock.getDelayedCalls()
    assert all(socket.lost for _, socket in world.sockets)
