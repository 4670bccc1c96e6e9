"""`node.net.connection`: sockets of people, slow and sudden ones too."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
    ISSLTransport,
)
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from broker.bans import Ban
from broker.memory import Memory
from node.core.bans import Bans
from node.core.entrance import Entrance
from node.core.limits import Act, Limits, Rate, parse_networks
from node.core.session import Session
from node.dialects.irc import Irc, IrcConfig
from node.dialects.slash import Slash
from node.net.connection import GRACE, HANDSHAKE, STALLED, LineConnection, LineDoor, write
from node.net.lines import LIMIT
from node.net.pace import SOON
from tests.support.clocked import ClockedChat, Socket

BOUND = 1000

RATE = Rate(5, 5)
"""Lines that people who aren't trusted may say, in seconds."""


class Wire:
    """A connection with its socket."""

    def __init__(self, door: LineDoor, socket: Socket | None = None) -> None:
        self.connection: LineConnection = door.buildProtocol(None)
        self.socket = socket or Socket()
        self.connection.makeConnection(self.socket)

    @property
    def session(self) -> Session:
        assert self.connection._session is not None
        return self.connection._session

    @property
    def reading(self) -> bool:
        return self.socket.producerState == "producing"

    def read(self) -> list[str]:
        """The lines that were written to the socket since the last time."""
        data: bytes = self.socket.value()
        self.socket.clear()
        return data.decode().split("\r\n")[:-1]

    def lose(self, why: type[Exception] = ConnectionLost) -> None:
        self.socket.connected = False
        self.connection.connectionLost(Failure(why()))


class Endless(Slash):
    """Plain lines, not too many bytes in one."""

    endless = 5_000


class Node(ClockedChat):
    """A chat behind a door for lines."""

    def __init__(
        self, entrance: Callable[[Memory], Entrance] | None = None, *, connections: int = 0
    ) -> None:
        super().__init__(outbox_bytes=BOUND, connections_per_address=connections)
        let_in = entrance(self.broker) if entrance else None
        self.door = LineDoor(self.chat, Slash(), entrance=let_in, **self.given)

    def connect(self, nick: str = "") -> Wire:
        """Somebody is there, and has read the greeting."""
        wire = Wire(self.door)
        if nick:
            self.type(wire, f"/nick {nick}")
        self.turn()
        wire.read()
        return wire

    def type(self, wire: Wire, *lines: str) -> list[str]:
        """Type lines in one piece; what has come by the end of the turn."""
        wire.connection.dataReceived("".join(f"{line}\r\n" for line in lines).encode())
        self.turn()
        return wire.read()


@pytest.fixture
def node() -> Node:
    return Node()


# -- from the socket


def test_a_connection_is_what_twisted_takes_it_for(node: Node) -> None:
    connection: Any = node.connect().connection
    assert verifyObject(IHalfCloseableProtocol, connection)
    assert verifyObject(IPushProducer, connection)
    assert verifyObject(IHandshakeListener, connection)


def test_who_connects_is_greeted(node: Node) -> None:
    wire = Wire(node.door)
    node.turn()
    assert wire.read()[0].startswith("welcome to chorus; you are guest-")


def test_the_address_is_that_of_the_peer(node: Node) -> None:
    assert "192.168.1.1" == node.connect().session.me.address


def test_a_peer_without_an_address_may_connect(node: Node) -> None:
    connection = node.door.buildProtocol(None)
    connection.makeConnection(StringTransport(peerAddress=object()))
    assert connection._session is not None
    assert "" == connection._session.me.address


def test_who_does_not_say_in_time_who_they_are_is_sent_away(node: Node) -> None:
    node.door = LineDoor(node.chat, Irc(IrcConfig()), registration=7.0, **node.given)
    late, early = Wire(node.door), Wire(node.door)
    node.type(early, "NICK ann", "USER ann 0 * :Ann")
    node.turn(6.9)
    assert [] == late.read()
    node.turn(0.2)
    assert ["ERROR :Closing link: you didn't say who you are within 7 seconds"] == late.read()
    assert ":irc.chorus PONG irc.chorus :1" in node.type(early, "PING 1")


def test_lines_are_done_and_answered_in_one_write(node: Node) -> None:
    wire = node.connect()
    writes: list[bytes] = []
    wire.socket.write = writes.append  # type: ignore[method-assign]
    node.type(wire, "/ping 1", "/ping 2")
    assert [b"pong 1\r\npong 2\r\n"] == writes


def test_half_a_line_is_not_done(node: Node) -> None:
    wire = node.connect()
    wire.connection.dataReceived(b"/ping")
    node.turn()
    before = wire.read()
    assert ([], ["pong 1"]) == (before, node.type(wire, " 1"))


def test_a_line_too_long_is_answered_and_the_connection_stays(node: Node) -> None:
    wire = node.connect()
    expected = ["error: a line can't be longer than 4096 bytes; nothing of it was taken", "pong 1"]
    assert expected == node.type(wire, "x" * (LIMIT + 1), "/ping 1")


def test_ten_megabytes_without_an_end_are_one_error(node: Node) -> None:
    wire = node.connect()
    for _ in range(160):
        wire.connection.dataReceived(b"x" * 65_536)
    node.turn()
    assert 1 == len(wire.read())


def test_an_endless_line_is_the_last_where_the_dialect_has_it_so(node: Node) -> None:
    bob = node.connect("bob")
    wire = Wire(LineDoor(node.chat, Endless(), **node.given))
    for each in bob, wire:
        node.type(each, "/join #go")
    wire.connection.dataReceived(b"/ping 1\n" + b"x" * 5_100 + b"\n/ping 2\n")
    node.turn()
    told = ["pong 1", "closing: you sent a line of more than 5000 bytes"]
    assert (told, True) == (wire.read(), wire.socket.disconnecting)
    assert bob.read()[-1].endswith(" has quit (endless)")


def test_bytes_that_are_no_text_are_answered_and_the_connection_stays(node: Node) -> None:
    wire = node.connect()
    wire.connection.dataReceived(b"\x80\xfe\x00\n")
    expected = ["error: that line is not UTF-8; nothing of it was taken", "pong 1"]
    assert expected == node.type(wire, "/ping 1")


def test_who_has_enough_to_do_is_not_read_from(node: Node) -> None:
    wire = node.connect()
    waiting: list[Deferred[None]] = []

    async def barrier(*, patient: bool = False) -> None:
        assert patient
        waiting.append(Deferred())
        await waiting[-1]

    node.broker.barrier = barrier  # type: ignore[method-assign]
    node.type(wire, *["/ping"] * 100)
    before = wire.reading
    while waiting:
        waiting.pop().callback(None)
    assert (False, True) == (before, wire.reading)


def test_a_connection_that_is_lost_is_a_quit(node: Node) -> None:
    alice, bob = node.connect("alice"), node.connect("bob")
    for wire in (alice, bob):
        node.type(wire, "/join #go")
    node.type(bob)
    alice.lose()
    assert ["alice has quit (connection lost)"] == node.type(bob)


def test_what_was_typed_before_it_was_lost_is_done(node: Node) -> None:
    alice, bob = node.connect("alice"), node.connect("bob")
    alice.connection.dataReceived(b"/msg bob bye\n")
    alice.lose()
    assert ["[private] <alice> bye"] == node.type(bob)


def test_nothing_is_heard_after_it_was_lost(node: Node) -> None:
    alice, bob = node.connect("alice"), node.connect("bob")
    alice.lose()
    alice.connection.dataReceived(b"/msg bob bye\n")
    assert [] == node.type(bob)


# -- half closed


def test_who_says_nothing_more_reads_all_answers_and_why_it_ends(node: Node) -> None:
    wire = node.connect()
    wire.connection.dataReceived(b"/ping 1\n/ping 2\n")
    wire.connection.readConnectionLost()
    node.turn()
    lines = wire.read()
    assert (["pong 1", "pong 2"], True) == (lines[:2], lines[-1].startswith("closing: "))
    assert wire.socket.disconnecting


def test_who_says_nothing_more_quits_once(node: Node) -> None:
    alice, bob = node.connect("alice"), node.connect("bob")
    for wire in (alice, bob):
        node.type(wire, "/join #go")
    node.type(bob)
    alice.connection.readConnectionLost()
    alice.lose(ConnectionDone)
    assert ["alice has quit (connection lost)"] == node.type(bob)


def test_who_reads_nothing_more_may_still_speak(node: Node) -> None:
    alice, bob = node.connect("alice"), node.connect("bob")
    alice.connection.writeConnectionLost()
    node.type(alice, "/msg bob hello")
    assert ["[private] <alice> hello"] == node.type(bob)


# -- to the socket


def test_a_full_socket_is_given_nothing_until_it_takes_more(node: Node) -> None:
    wire = node.connect()
    wire.connection.pauseProducing()
    before = node.type(wire, "/ping 1", "/ping 2")
    wire.connection.resumeProducing()
    assert ([], ["pong 1", "pong 2"]) == (before, wire.read())


def test_who_comes_back_is_given_what_they_missed_as_they_read_it(node: Node) -> None:
    node.turn(1)
    ann, bob = node.connect("ann"), node.connect("bob")
    for wire in (ann, bob):
        node.type(wire, "/join #a", "/join #b", "/set echo on")
    token = node.type(ann, "/token")[-1].removeprefix("token ")
    ann.lose()
    node.type(bob, *[f"/msg #{c} {'x' * 400}" for c in "aabb"])
    again = node.connect()
    again.connection.pauseProducing()
    before = node.type(again, f"/resume {token}")
    again.connection.resumeProducing()
    after = node.type(again)
    missed = [line[:4] for line in [*before, *after] if "xxx" in line]
    assert (["[#a]"] * 2 + ["[#b]"] * 2, False) == (missed, again.socket.aborted)


@pytest.mark.parametrize("end", [Wire.lose, lambda wire: wire.connection.close()])
def test_nobody_waits_for_a_socket_that_is_gone(node: Node, end: Callable[[Wire], None]) -> None:
    wire = node.connect()
    wire.connection.pauseProducing()
    told: list[str] = []
    wire.connection.when_ready(lambda: told.append("gone"))
    before = list(told)
    end(wire)
    assert ([], ["gone"]) == (before, told)


def test_a_socket_for_which_others_wait_is_not_waited_for_for_ever(node: Node) -> None:
    wire = node.connect("ann")
    wire.connection.pauseProducing()
    wire.connection.when_ready(lambda: None)
    node.turn(STALLED - 1)
    before = wire.socket.aborted
    node.turn(1)
    assert (False, True) == (before, wire.socket.aborted)


def test_a_socket_that_was_waited_for_in_time_is_left_in_peace(node: Node) -> None:
    wire = node.connect("ann")
    wire.connection.pauseProducing()
    wire.connection.when_ready(lambda: None)
    wire.connection.resumeProducing()
    node.turn(STALLED)
    assert not wire.socket.aborted


def test_what_was_sent_on_a_connection_that_is_lost_has_not_arrived(node: Node) -> None:
    wire = node.connect("ann")
    before = wire.connection.reached
    wire.lose()
    assert (True, False) == (before, wire.connection.reached)


def test_a_socket_that_takes_more_is_given_what_follows_at_once(node: Node) -> None:
    wire = node.connect()
    wire.connection.pauseProducing()
    wire.connection.resumeProducing()
    assert ["pong 1"] == node.type(wire, "/ping 1")


def test_a_full_socket_that_is_told_so_twice_loses_nothing(node: Node) -> None:
    wire = node.connect()
    wire.connection.pauseProducing()
    node.type(wire, "/ping 1")
    wire.connection.pauseProducing()
    wire.connection.resumeProducing()
    assert ["pong 1"] == wire.read()


def test_a_slow_reader_is_closed_at_the_bound(node: Node) -> None:
    slow, fast = node.connect(), node.connect()
    slow.connection.pauseProducing()
    node.type(fast, "x" * (BOUND - 100))
    before = slow.socket.aborted
    node.type(fast, "x" * 200)
    assert (False, True) == (before, slow.socket.aborted)


def test_a_slow_reader_delays_nobody(node: Node) -> None:
    slow, fast, other = node.connect(), node.connect(), node.connect()
    slow.connection.pauseProducing()
    for _ in range(10):
        node.type(fast, "x" * 400)
    assert 10 == len(other.read())


def test_a_slow_reader_who_was_closed_has_quit_with_the_reason(node: Node) -> None:
    slow, other = node.connect("alice"), node.connect()
    for wire in (slow, other):
        node.type(wire, "/join #go")
    other.read()
    slow.connection.pauseProducing()
    node.type(other, "x" * 2 * BOUND)
    slow.lose()
    assert ["alice has quit (reads too slowly)"] == node.type(other)


def test_what_a_slow_reader_did_not_take_is_let_go_with_the_connection(node: Node) -> None:
    slow, other = node.connect("alice"), node.connect()
    session = slow.session  # is in a circle, and may live for long
    slow.connection.pauseProducing()
    node.type(other, "x" * 1000)
    before = slow.connection._backlog
    slow.lose()
    node.turn()
    assert session.connection is slow.connection
    assert (True, None, None) == (bool(before), slow.connection._backlog, slow.connection.transport)


def test_a_slow_reader_is_told_of_once(node: Node) -> None:
    wire = node.connect()
    wire.connection.pauseProducing()
    for _ in range(5):
        wire.connection.send(b"x" * BOUND)
    assert [wire.session] == node.slow


# -- what is counted of it


def test_bytes_that_come_are_counted(node: Node) -> None:
    before = node.chat.tally.bytes_in
    node.type(node.connect(), "/ping 1")
    assert len("/ping 1\r\n") == node.chat.tally.bytes_in - before


def test_what_waits_for_readers_is_counted_until_their_sockets_take_it(node: Node) -> None:
    wire, other = node.connect(), node.connect()
    tally = node.chat.tally
    for one in (wire, other):
        one.connection.pauseProducing()
        node.type(one, "/ping 1")
    waiting = tally.outbox
    wire.connection.resumeProducing()
    left = tally.outbox
    other.lose()
    assert (2 * len("pong 1\r\n"), len("pong 1\r\n"), 0) == (waiting, left, tally.outbox)


def test_what_waits_for_who_quits_waits_no_more(node: Node) -> None:
    wire = node.connect()
    wire.connection.pauseProducing()
    node.type(wire, "/ping 1", "/quit")
    assert 0 == node.chat.tally.outbox


def test_slow_readers_are_counted_once_each(node: Node) -> None:
    wire = node.connect()
    wire.connection.pauseProducing()
    for _ in range(5):
        wire.connection.send(b"x" * BOUND)
    wire.lose()
    assert (1, 0) == (node.chat.tally.slow_readers, node.chat.tally.outbox)


def test_who_is_turned_away_is_counted_and_is_no_connection_that_came_in() -> None:
    node = Town(most=1)
    for _ in range(3):
        Wire(node.door)
    tally = node.chat.tally
    assert (1, {"connections": 2}) == (tally.connections, tally.turned_away)


# -- closing


def test_who_quits_reads_why_and_then_it_is_closed(node: Node) -> None:
    wire = node.connect()
    assert ["pong 1", "closing: you have quit"] == node.type(wire, "/ping 1", "/quit")
    assert wire.socket.disconnecting


def test_what_a_full_socket_did_not_take_is_written_before_it_is_closed(node: Node) -> None:
    wire = node.connect()
    wire.connection.pauseProducing()
    node.type(wire, "/ping 1")
    assert ["pong 1", "closing: you have quit"] == node.type(wire, "/quit")
    assert wire.socket.disconnecting


def test_nothing_is_written_after_it_was_closed(node: Node) -> None:
    wire = node.connect()
    session = wire.session
    node.type(wire, "/quit")
    write(session, b"more")
    assert [] == wire.read()


def test_who_does_not_read_the_last_line_is_cut_off_after_a_grace(node: Node) -> None:
    wire = node.connect()
    node.type(wire, "/quit")
    node.turn(GRACE - 1)
    before = wire.socket.aborted
    node.turn(1)
    assert (False, True) == (before, wire.socket.aborted)


def test_who_was_closed_within_the_grace_is_left_in_peace(node: Node) -> None:
    wire = node.connect()
    node.type(wire, "/quit")
    wire.lose(ConnectionDone)
    node.turn(GRACE)
    assert not wire.socket.aborted


def test_closing_twice_is_closing_once(node: Node) -> None:
    wire = node.connect()
    wire.connection.close()
    wire.connection.close()
    assert wire.socket.disconnecting


def test_a_connection_that_was_lost_can_be_closed(node: Node) -> None:
    wire = node.connect()
    wire.lose()
    wire.connection.close()
    wire.connection.pause()
    wire.connection.resume()
    assert not wire.socket.disconnecting


def test_a_session_of_another_kind_of_connection_is_not_written_to(node: Node) -> None:
    wire = node.connect()
    session = wire.session
    other: Any = object()
    session.connection = other
    write(session, b"x")
    assert [] == wire.read()


# -- who isn't trusted


class Town(Node):
    """A node that trusts nobody, and lets people say so many lines a second."""

    def __init__(self, lines: Rate = RATE, *, most: int = 10) -> None:
        self.time = 0.0
        limits = Limits({Act.LINES: lines}, {}, (), lambda: self.time)
        self.bans = Bans(lambda: 0)
        entrance = lambda broker: Entrance(limits, broker, most, self.bans)  # noqa: E731
        super().__init__(entrance, connections=most)

    def turn(self, seconds: float = 0) -> None:
        self.time += seconds
        super().turn(seconds)


@pytest.fixture
def strict() -> Town:
    return Town()


def flood(node: Node, wire: Wire, *lines: str) -> list[str]:
    """Somebody types; what comes of it at once."""
    wire.connection.dataReceived("".join(f"{line}\r\n" for line in lines).encode())
    node.turn()
    return wire.read()


def pings(begin: int, end: int) -> list[str]:
    return [f"/ping {i}" for i in range(begin, end)]


def pongs(begin: int, end: int) -> list[str]:
    return [f"pong {i}" for i in range(begin, end)]


def test_who_types_no_faster_than_they_may_is_answered_at_once(strict: Town) -> None:
    wire = strict.connect()
    assert (pongs(0, 5), True) == (flood(strict, wire, *pings(0, 5)), wire.reading)


def test_who_types_faster_is_not_read_from_until_all_is_done(strict: Town) -> None:
    wire = strict.connect()
    heard = [flood(strict, wire, *pings(0, 8))]
    reading = [wire.reading]
    for _ in range(3):
        strict.turn(1)
        heard.append(wire.read())
        reading.append(wire.reading)
    expected = [pongs(0, 5), pongs(5, 6), pongs(6, 7), pongs(7, 8)]
    assert (expected, [False, False, False, True]) == (heard, reading)


def test_what_comes_all_the_same_waits_behind_what_is_held_back(strict: Town) -> None:
    wire = strict.connect()
    flood(strict, wire, *pings(0, 6))
    before = flood(strict, wire, *pings(6, 8))
    strict.turn(1)
    strict.turn(1)
    strict.turn(1)
    assert ([], pongs(5, 8)) == (before, wire.read())


def test_half_a_line_counts_when_it_is_whole(strict: Town) -> None:
    wire = strict.connect()
    flood(strict, wire, *pings(0, 4))
    wire.connection.dataReceived(b"/ping ")
    wire.connection.dataReceived(b"4\n/ping 5")
    strict.turn()
    assert (pongs(4, 5), True) == (wire.read(), wire.reading)
    assert ([], False) == (flood(strict, wire, ""), wire.reading)
    strict.turn(1)
    assert (pongs(5, 6), True) == (wire.read(), wire.reading)


def test_ten_megabytes_without_an_end_are_one_error_from_anybody(strict: Town) -> None:
    wire = strict.connect()
    for _ in range(160):
        wire.connection.dataReceived(b"x" * 65_536)
    strict.turn()
    assert 1 == len(wire.read())


def test_empty_lines_count_too(strict: Town) -> None:
    wire = strict.connect()
    assert ([], False) == (flood(strict, wire, *[""] * 6), wire.reading)


def test_who_quits_in_a_flood_is_gone_and_what_follows_is_nothing(strict: Town) -> None:
    wire = strict.connect()
    assert ["closing: you have quit"] == flood(strict, wire, "/quit", *pings(0, 9))
    strict.turn(60)
    assert [] == wire.read()


def test_who_is_lost_in_a_flood_says_nothing_more(strict: Town) -> None:
    alice, bob = strict.connect("alice"), strict.connect("bob")
    strict.turn(5)
    flood(strict, alice, *["/msg bob hello"] * 9)
    alice.lose()
    strict.turn(60)
    assert 5 == len(bob.read())


def test_who_has_enough_to_do_waits_for_that_too(strict: Town) -> None:
    wire = strict.connect()
    flood(strict, wire, *pings(0, 6))
    wire.connection.pause()
    strict.turn(1)
    before = (wire.read(), wire.reading)
    wire.connection.resume()
    strict.turn(1)
    assert (([], False), (pongs(5, 6), True)) == (before, (wire.read(), wire.reading))


def test_who_has_no_more_to_do_is_not_read_from_while_something_is_held_back(
    strict: Town,
) -> None:
    wire = strict.connect()
    flood(strict, wire, *pings(0, 6))
    wire.connection.pause()
    wire.connection.resume()
    assert not wire.reading


def test_who_has_enough_to_do_and_is_gone_is_forgotten(strict: Town) -> None:
    wire = strict.connect()
    flood(strict, wire, *pings(0, 6))
    wire.connection.pause()
    wire.lose()
    strict.turn(60)
    assert [] == strict.clock.getDelayedCalls()


def test_the_address_of_who_is_not_trusted_counts(strict: Town) -> None:
    assert "192.168.1.1" == strict.connect().session.me.address


def test_who_is_trusted_has_no_address_that_counts() -> None:
    limits = Limits({}, {}, parse_networks(["192.168.0.0/16"]), lambda: 0.0)
    node = Node(lambda broker: Entrance(limits, broker, 1, Bans(lambda: 0)), connections=1)
    people = [node.connect() for _ in range(3)]
    assert [""] * 3 == [wire.session.me.address for wire in people]


def test_who_is_one_too_many_reads_why_and_is_closed() -> None:
    node = Town(most=1)
    node.connect()
    wire = Wire(node.door)
    assert [
        "closing: too many connections from your address (limit: 1, --connections-per-address)"
    ] == wire.read()
    node.turn(SOON)
    assert wire.socket.disconnecting


def test_who_is_banned_reads_why_and_is_closed() -> None:
    node = Town()
    node.bans.put([Ban(0, "192.168.1.0/24", "spam")])
    wire = Wire(node.door)
    assert ["closing: banned: spam"] == wire.read()
    node.turn(SOON)
    assert wire.socket.disconnecting


def test_it_is_known_from_where_somebody_is_connected(strict: Town) -> None:
    assert "192.168.1.1" == strict.connect().session.peer


def test_what_was_sent_by_who_is_turned_away_is_read_and_nothing_comes_of_it() -> None:
    node = Town(most=1)
    node.connect()
    wire = Wire(node.door)
    assert wire.reading
    wire.read()
    assert [] == flood(node, wire, *pings(0, 3))


def test_who_does_not_go_when_turned_away_is_cut_off_after_a_grace() -> None:
    node = Town(most=1)
    node.connect()
    wire = Wire(node.door)
    node.turn(GRACE)
    assert wire.socket.aborted


def test_who_is_gone_makes_room() -> None:
    node = Town(most=1)
    node.connect().lose()
    node.turn()
    assert node.connect().session.me.nick


def test_who_quits_makes_room_when_the_connection_is_closed() -> None:
    node = Town(most=1)
    wire = node.connect()
    node.type(wire, "/quit")
    wire.lose(ConnectionDone)
    assert node.connect().session.me.nick


class Slow(Town):
    """The cluster takes its time to admit somebody: until `answer`."""

    def __init__(self) -> None:
        super().__init__(most=1)
        self.waiting: list[Deferred[None]] = []
        admit = self.broker.admit

        async def later(address: str) -> bool:
            self.waiting.append(Deferred())
            await self.waiting[-1]
            return await admit(address)

        self.broker.admit = later  # type: ignore[method-assign]

    def answer(self) -> None:
        self.waiting.pop(0).callback(None)
        self.turn()


def test_nobody_is_read_from_before_they_are_admitted() -> None:
    node = Slow()
    wire = Wire(node.door)
    before = (wire.reading, wire.read())
    node.answer()
    assert (False, []) == before
    assert (True, "welcome") == (wire.reading, wire.read()[0].partition(" ")[0])


def test_who_is_lost_before_they_are_admitted_does_not_count() -> None:
    node = Slow()
    Wire(node.door).lose()
    node.answer()
    wire = Wire(node.door)
    node.answer()
    assert wire.read()[0].startswith("welcome ")


def test_who_is_admitted_when_the_door_is_closed_reads_that_the_server_goes_down() -> None:
    node = Slow()
    wire = Wire(node.door)
    node.door.stopFactory()
    node.answer()
    assert (["closing: this server is going down"], {}) == (wire.read(), node.chat.hub.sessions)


# -- over TLS


class Shown:
    """A certificate, as OpenSSL has it."""

    def digest(self, algorithm: str) -> bytes:
        assert algorithm == "sha256"
        return b"AB:CD:01"


@implementer(ISSLTransport)
class TLSSocket(Socket):
    """A transport whose handshake has only begun. `shown`: by the other side, when it's over."""

    def __init__(self, shown: Shown | None) -> None:
        super().__init__()
        self.shown = shown

    def getPeerCertificate(self) -> Shown | None:
        return self.shown


def shaking(node: Node, shown: Shown | None = None) -> Wire:
    """Somebody whose handshake has only begun."""
    wire = Wire(node.door, TLSSocket(shown))
    node.turn()
    return wire


def test_nobody_comes_in_before_the_handshake_is_over(node: Node) -> None:
    wire = shaking(node)
    assert ([], {}) == (wire.read(), node.chat.hub.sessions)
    wire.connection.handshakeCompleted()
    node.turn()
    assert wire.read()[0].startswith("welcome to chorus; you are guest-")
    node.turn(HANDSHAKE)
    assert not wire.socket.aborted


@pytest.mark.parametrize("shown, expected", [(Shown(), "abcd01"), (None, "")])
def test_a_session_has_the_fingerprint_of_the_certificate_that_was_shown(
    node: Node, shown: Shown | None, expected: str
) -> None:
    wire = shaking(node, shown)
    wire.connection.handshakeCompleted()
    assert expected == wire.session.certificate


def test_a_handshake_is_waited_for_only_so_long(node: Node) -> None:
    wire = shaking(node)
    node.turn(HANDSHAKE - 0.1)
    assert not wire.socket.aborted
    node.turn(0.2)
    assert wire.socket.aborted


def test_of_who_hangs_up_during_the_handshake_nothing_stays(node: Node) -> None:
    wire = shaking(node)
    wire.lose()
    node.turn(HANDSHAKE)
    assert (False, {}) == (wire.socket.aborted, node.chat.hub.sessions)


def test_whose_handshake_is_over_when_the_door_is_closed_is_told_so(node: Node) -> None:
    wire = shaking(node)
    node.door.stopFactory()
    wire.connection.handshakeCompleted()
    node.turn()
    assert wire.read()[0].startswith("closing: ")
    assert {} == node.chat.hub.sessions


def test_limits_hold_over_tls_and_who_is_let_in_is_waited_for() -> None:
    node = Town(most=1)
    wire = shaking(node)
    assert wire.reading
    wire.connection.handshakeCompleted()
    node.turn()
    assert wire.read()[0].startswith("welcome to chorus")
    again = shaking(node)
    again.connection.handshakeCompleted()
    node.turn()
    assert again.read()[0].startswith("closing: too many connections from your address")
