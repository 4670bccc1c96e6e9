"""`broker.link`: wires that break, and calls and topics that outlive them.

Redis is played by the test: it reads the commands of the wire and writes the answers.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

import hiredis
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from broker import link as link_module
from broker.address import Address
from broker.keys import Keys
from broker.link import Link, LinkLost, ReplyError, Wire
from broker.store import Store
from broker.tally import Histogram
from broker.writes import Writes

DEADLINE, PATIENCE = 2.0, 30.0

Command = list[str]
Reply = str | int | list[str] | dict[str, int]


class Broken(Exception):
    """What somebody raises who shouldn't."""


class NoJitter(random.Random):
    def random(self) -> float:
        return 0.0


class Socket(StringTransport):
    """A transport whose end its protocol is told of at once."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: Any = None
        self.lost = False

    def lose(self) -> None:
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(Failure(ConnectionLost()))

    def abortConnection(self) -> None:
        self.lose()

    def loseConnection(self) -> None:
        self.lose()


class Session:
    """Redis's side of one wire. `commands`: read, and not yet looked at."""

    def __init__(self, factory: Any, end_turn: Callable[[], None]) -> None:
        self._end_turn = end_turn
        self.socket = Socket()
        self._reader = hiredis.Reader()
        self.protocol = self.socket.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.socket)

    @property
    def alive(self) -> bool:
        return not self.socket.lost

    def commands(self) -> list[Command]:
        """What has come since the last time, by the end of this turn."""
        self._end_turn()
        self._reader.feed(self.socket.value())
        self.socket.clear()
        found = []
        while (command := self._reader.gets()) is not False:
            found.append([part.decode() for part in command])
        return found

    def answer(self, *replies: Reply) -> None:
        """Simple strings, errors (they begin with -), numbers, arrays, maps, in RESP."""
        self.protocol.dataReceived(b"".join(map(resp, replies)))

    def push(self, *messages: list[str]) -> None:
        """What comes unasked."""
        self.protocol.dataReceived(b"".join(b">" + resp(message)[1:] for message in messages))

    def introduce(self) -> None:
        """Answer all that a wire asks before it's up."""
        while asked := self.commands():
            for command in asked:
                if command[0] == "HELLO":
                    self.answer({"id": 7})
                elif command[0] == "SUBSCRIBE":
                    self.push(["subscribe", command[1], "1"])
                else:
                    self.answer("OK")


def resp(reply: Reply) -> bytes:
    """A reply in RESP3."""
    if isinstance(reply, int):
        return f":{reply}\r\n".encode()
    if isinstance(reply, dict):
        pairs = (f"+{key}\r\n:{value}\r\n" for key, value in reply.items())
        return f"%{len(reply)}\r\n{''.join(pairs)}".encode()
    if isinstance(reply, list):
        parts = (f"${len(part.encode())}\r\n{part}\r\n" for part in reply)
        return f"*{len(reply)}\r\n{''.join(parts)}".encode()
    return f"{reply}\r\n".encode() if reply.startswith("-") else f"+{reply}\r\n".encode()


class Redis:
    """A reactor without a network, and what connects over it."""

    def __init__(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.told: list[str] = []
        self.heard: list[bytes] = []
        self.links: list[Link] = []

    def _ways(self) -> dict[str, Any]:
        return {
            "deadline": DEADLINE,
            "up": lambda: self.told.append("up"),
            "down": lambda: self.told.append("down"),
        }

    def link(self, address: Address | None = None, introduce: Any = None, **ways: Any) -> Link:
        async def nothing(wire: Wire) -> None: ...

        link = Link(
            self.reactor,
            address or Address(path="/redis.sock"),
            NoJitter(),
            introduce=introduce or nothing,
            heard=self.heard.append,
            patience=PATIENCE,
            **self._ways(),
            **ways,
        )
        self.links.append(link)
        link.start()
        return link

    def accept(self) -> Session:
        """The wire that is being made is there."""
        _, factory, *_ = self.reactor.unixClients.pop(0)
        return Session(factory, lambda: self.reactor.advance(0))

    def refuse(self) -> None:
        _, factory, *_ = self.reactor.unixClients.pop(0)
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))

    def introduced(self) -> Session:
        """A wire that is up."""
        session = self.accept()
        session.introduce()
        return session

    @property
    def attempts(self) -> int:
        return len(self.reactor.unixClients)


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    monkeypatch.setattr(link_module, "EagerReactor", lambda reactor: reactor)
    made = Redis()
    yield made
    for link in made.links:
        Deferred.fromCoroutine(link.stop()).addErrback(lambda _: None)
        while made.reactor.unixClients:
            made.refuse()
        made.reactor.advance(60)


def outcomes(*calls: "Deferred[Any]") -> list[Any]:
    """What became of calls; of failures, their kind. Those that wait are left out."""
    found: list[Any] = []
    for call in calls:
        call.addCallbacks(found.append, lambda failure: found.append(failure.type))
    return found


# -- wires


def test_a_new_wire_has_a_name_before_it_is_up(redis: Redis) -> None:
    redis.link()
    session = redis.accept()
    (hello,) = session.commands()
    before = list(redis.told)
    session.answer({"id": 7})
    (ping,) = session.commands()
    session.answer("PONG")
    assert (["HELLO", "3", "SETNAME"], ["PING"]) == (hello[:3], ping)
    assert ([], ["up"]) == (before, redis.told)


def test_what_is_to_be_done_first_is_done_before_the_wire_is_up(redis: Redis) -> None:
    async def introduce(wire: Wire) -> None:
        await wire.ask("SCRIPT", "LOAD", "return 1")

    redis.link(introduce=introduce)
    session = redis.accept()
    session.answer({"id": 7}, "sha")
    before = list(redis.told)
    session.answer("PONG")
    assert ([], ["up"]) == (before, redis.told)


class Meeting:
    """What's done on a wire before it's up, for as long as it takes."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[None]] = []

    async def __call__(self, wire: Wire) -> None:
        await wire.ask("MEET")
        self.waiting.append(Deferred())
        await self.waiting[-1]


def test_what_is_done_before_a_wire_is_up_may_take_longer_than_the_deadline(redis: Redis) -> None:
    meeting = Meeting()
    link = redis.link(meet=meeting)
    link.send(("GET", "a"), lambda _: None)
    session = redis.introduced()
    for _ in range(3):
        redis.reactor.advance(DEADLINE)
    before = (session.alive, session.commands(), list(redis.told))
    meeting.waiting[0].callback(None)
    assert ((True, [], []), [["GET", "a"]], ["up"]) == (before, session.commands(), redis.told)


def test_what_is_done_before_a_wire_is_up_is_done_again_on_the_next(redis: Redis) -> None:
    meeting = Meeting()
    redis.link(meet=meeting)
    redis.introduced().socket.lose()
    redis.reactor.advance(1)
    redis.introduced()
    before = list(redis.told)
    meeting.waiting[1].callback(None)
    assert ([], ["up"]) == (before, redis.told)


def test_a_wire_that_does_not_answer_before_it_is_up_is_given_up(redis: Redis) -> None:
    redis.link(meet=Meeting())
    session = redis.accept()
    for answer in ({"id": 7}, "PONG"):
        session.commands()
        session.answer(answer)
    assert [["MEET"]] == session.commands()
    for _ in range(4):
        redis.reactor.advance(DEADLINE / 2)
    assert (False, []) == (session.alive, redis.told)


def test_a_wire_on_which_that_fails_is_given_up(redis: Redis) -> None:
    async def fails(_wire: Wire) -> None:
        raise Broken

    redis.link(meet=fails)
    assert (False, []) == (redis.introduced().alive, redis.told)


def test_a_wire_lost_while_it_is_introduced_is_made_anew(redis: Redis) -> None:
    """Whoever waits for it is cancelled, and must let the cancellation through."""
    store = Store(
        Keys("test"),
        history_lines=1,
        history_days=1,
        inbox_lines=1,
        script_flags=True,
        writes=Writes(lambda: 0.0),
    )
    redis.link(introduce=store.load_scripts)
    session = redis.accept()
    session.answer({"id": 7}, "sha")
    session.socket.lose()
    redis.reactor.advance(3)
    redis.accept().introduce()
    assert ["up"] == redis.told


@pytest.mark.parametrize(
    "address, expected",
    [
        (Address(path="/s", password="pw"), ["AUTH", "default", "pw"]),
        (Address(path="/s", username="me", password="pw"), ["AUTH", "me", "pw"]),
        (Address(path="/s"), []),
    ],
)
def test_a_wire_gives_its_password(redis: Redis, address: Address, expected: Command) -> None:
    redis.link(address)
    (hello,) = redis.accept().commands()
    assert ["HELLO", "3", *expected, "SETNAME"] == hello[:-1]


def test_a_wire_chooses_its_database(redis: Redis) -> None:
    redis.link(Address(path="/s", db=3))
    session = redis.accept()
    session.commands()
    session.answer({"id": 7})
    assert [["SELECT", "3"]] == session.commands()


def test_a_password_that_is_refused_is_tried_again_later(redis: Redis) -> None:
    redis.link(Address(path="/s", password="old"))
    session = redis.accept()
    session.answer("-WRONGPASS no")
    before = (session.alive, redis.attempts)
    redis.reactor.advance(3)
    assert ((False, 0), 1) == (before, redis.attempts)


def test_a_wire_that_says_what_nobody_asked_for_is_given_up(redis: Redis) -> None:
    redis.link()
    session = redis.introduced()
    session.answer("surprise")
    assert not session.alive


# -- calls


def test_calls_are_answered_in_their_order(redis: Redis) -> None:
    link = redis.link()
    session = redis.introduced()
    found = outcomes(link.call("GET", "a"), link.call("GET", "b"))
    session.answer("1", "2")
    assert ([b"1", b"2"], [["GET", "a"], ["GET", "b"]]) == (found, session.commands())


def test_numbers_and_bytes_stay_what_they_are(redis: Redis) -> None:
    link = redis.link()
    session = redis.introduced()
    found = outcomes(link.call("A"), link.call("B"), link.call("C"))
    session.answer("007", 7, ["007", "\u00e4"])
    assert [b"007", 7, [b"007", "\u00e4".encode()]] == found


def test_how_long_each_answer_took_is_counted(redis: Redis) -> None:
    latency = Histogram((DEADLINE / 4, DEADLINE))
    link = redis.link(latency=latency)
    session = redis.introduced()
    said: list[Any] = []
    link.send(("PING",), said.append)
    redis.reactor.advance(DEADLINE / 2)
    session.answer("PONG")
    assert ([0, 1, 0], DEADLINE / 2, 0) == (latency.counts, latency.total, link.under_way)


def test_an_error_is_the_answer_to_its_own_call_only(redis: Redis) -> None:
    link = redis.link()
    session = redis.introduced()
    found = outcomes(link.call("A"), link.call("B"))
    session.answer("-ERR no", "OK")
    assert [ReplyError, b"OK"] == found


def test_what_was_asked_before_the_wire_is_up_is_sent_then(redis: Redis) -> None:
    link = redis.link()
    found = outcomes(link.call("A"), link.call("B"))
    session = redis.accept()
    session.answer({"id": 7}, "PONG")
    assert [["A"], ["B"]] == session.commands()[-2:]
    session.answer("1", "2")
    assert [b"1", b"2"] == found


def lost(redis: Redis, session: Session) -> Session:
    """The wire breaks; the next one, which has killed the last."""
    session.socket.lose()
    again = redis.accept()
    again.answer({"id": 8}, "", "PONG")
    return again


def test_what_was_not_answered_is_sent_again_before_anything_newer(redis: Redis) -> None:
    link = redis.link()
    session = redis.introduced()
    found = outcomes(link.call("A"), link.call("B"), link.call("C"))
    session.answer("1")
    session.socket.lose()
    later = outcomes(link.call("D"))
    again = redis.accept()
    again.answer({"id": 8}, "", "PONG")
    assert [["B"], ["C"], ["D"]] == again.commands()[-3:]
    again.answer("2", "3", "4")
    assert ([b"1", b"2", b"3"], [b"4"]) == (found, later)


def test_what_must_not_be_done_twice_fails_when_the_wire_breaks(redis: Redis) -> None:
    link = redis.link()
    session = redis.introduced()
    found = outcomes(link.call("A", again=False), link.call("B"))
    again = lost(redis, session)
    assert ["B"] == again.commands()[-1]
    again.answer("2")
    assert [LinkLost, b"2"] == found


def test_what_must_not_be_done_twice_fails_without_a_wire(redis: Redis) -> None:
    link = redis.link()
    assert [LinkLost] == outcomes(link.call("A", again=False))


def test_up_and_down_are_told_in_turn(redis: Redis) -> None:
    redis.link()
    lost(redis, redis.introduced())
    assert ["up", "down", "up"] == redis.told


def test_a_new_wire_has_the_old_one_killed_before_it_sends_anything(redis: Redis) -> None:
    link = redis.link()
    session = redis.accept()
    ((*_, name),) = session.commands()
    session.answer({"id": 7}, "PONG")
    link.call("A").addErrback(lambda _: None)
    session.socket.lose()
    again = redis.accept()
    again.answer({"id": 8})
    asked = again.commands()[1:]
    again.answer(f"id=7 addr=x name={name} age=1")
    killed = again.commands()
    again.answer(1, "PONG")
    assert [["CLIENT", "LIST", "ID", "7"]] == asked
    assert [["CLIENT", "KILL", "ID", "7"]] == killed
    assert [["PING"], ["A"]] == again.commands()


def test_a_wire_of_somebody_else_is_not_killed(redis: Redis) -> None:
    redis.link()
    session = redis.introduced()
    session.socket.lose()
    again = redis.accept()
    again.answer({"id": 8})
    again.commands()
    again.answer("id=7 addr=x name=somebody-else age=1")
    assert [["PING"]] == again.commands()


def test_a_wire_that_does_not_answer_is_given_up(redis: Redis) -> None:
    link = redis.link()
    session = redis.introduced()
    link.call("A").addErrback(lambda _: None)
    redis.reactor.advance(DEADLINE * 0.9)
    before = session.alive
    redis.reactor.pump([DEADLINE / 5] * 3)
    assert (True, False) == (before, session.alive)


def test_a_wire_that_is_asked_nothing_is_asked_whether_it_is_there(redis: Redis) -> None:
    redis.link()
    session = redis.introduced()
    asked = []
    for _ in range(20):
        redis.reactor.advance(DEADLINE / 4 + 0.001)
        commands = session.commands()
        session.answer(*["PONG" for _ in commands])
        asked += commands
    assert (True, [["PING"]] * 20) == (session.alive, asked)


def test_a_wire_that_dies_in_silence_is_noticed_within_one_and_a_half_deadlines(
    redis: Redis,
) -> None:
    redis.link()
    session = redis.introduced()
    waited = 0.0
    while session.alive:
        redis.reactor.advance(DEADLINE / 100)
        waited += 1 / 100
    assert 1.0 <= waited <= 1.4


def test_a_wire_that_does_not_introduce_itself_in_time_is_given_up(redis: Redis) -> None:
    redis.link()
    session = redis.accept()
    redis.reactor.advance(DEADLINE)
    redis.reactor.advance(0.1)
    assert (False, 1, []) == (session.alive, redis.attempts, redis.told)


def test_a_wire_lost_while_it_introduces_itself_is_made_again(redis: Redis) -> None:
    redis.link()
    redis.accept().socket.lose()
    redis.reactor.advance(0.1)
    assert (1, []) == (redis.attempts, redis.told)


def test_a_refused_connection_is_tried_again_less_and_less_often(redis: Redis) -> None:
    redis.link()
    pauses = []
    for _ in range(12):
        redis.refuse()
        waited = 0.0
        while not redis.attempts:
            redis.reactor.advance(0.01)
            waited += 0.01
        pauses.append(round(waited, 2))
    assert sorted(pauses) == pauses
    assert pauses[-1] <= 2.0 + 0.01


def test_what_finds_no_wire_fails_when_patience_ends(redis: Redis) -> None:
    link = redis.link()
    found = outcomes(link.call("A"))
    redis.reactor.advance(PATIENCE - 1)
    before = list(found)
    redis.reactor.advance(2)
    assert ([], [LinkLost]) == (before, found)


def test_what_is_patient_never_fails_for_want_of_a_wire(redis: Redis) -> None:
    link = redis.link()
    found = outcomes(link.call("A", patient=True))
    redis.reactor.pump([PATIENCE] * 3)
    assert [] == found


def test_what_cannot_be_sent_keeps_nobody_from_their_own_answer(redis: Redis) -> None:
    link = redis.link()
    session = redis.introduced()
    with pytest.raises(UnicodeEncodeError):
        link.call("GET", "\ud800")
    found = outcomes(link.call("GET", "b"))
    session.answer("1")
    assert ([b"1"], [["GET", "b"]]) == (found, session.commands())


def test_a_turn_that_could_not_be_gathered_is_not_the_last(redis: Redis) -> None:
    failing = [1]

    def gather() -> None:
        while failing:
            failing.pop()
            raise Broken

    link = redis.link(gather=gather)
    session = redis.introduced()
    outcomes(link.call("A"))
    with pytest.raises(Broken):
        redis.reactor.advance(0)
    outcomes(link.call("B"))
    assert [["A"], ["B"]] == session.commands()


def test_who_fails_when_told_of_a_lost_link_harms_nobody_else(redis: Redis) -> None:
    link = redis.link()
    session = redis.introduced()
    session.socket.lose()

    def answered(_reply: object) -> None:
        raise Broken

    link.send(("A",), answered)
    found = outcomes(link.call("B"))
    redis.reactor.pump([PATIENCE] * 3)
    assert [LinkLost] == found


def test_no_more_than_so_many_calls_should_be_under_way(redis: Redis) -> None:
    link = redis.link(most=2)
    session = redis.introduced()
    before = link.full
    calls = outcomes(link.call("A"), link.call("B"))
    during = link.full
    session.answer("1", "2")
    assert (False, True, False) == (before, during, link.full)
    assert [b"1", b"2"] == calls


def test_a_link_that_stops_answers_everyone_and_stays_closed(redis: Redis) -> None:
    link = redis.link()
    session = redis.introduced()
    found = outcomes(link.call("A"), link.call("B", patient=True))
    stopped = outcomes(Deferred.fromCoroutine(link.stop()))
    redis.reactor.pump([1.0] * 10)
    assert ([LinkLost, LinkLost], [None]) == (found, stopped)
    assert (False, 0) == (session.alive, redis.attempts)


def test_a_link_that_stops_while_it_connects_stops(redis: Redis) -> None:
    link = redis.link()
    stopped = outcomes(Deferred.fromCoroutine(link.stop()))
    redis.reactor.unixClients.clear()
    assert [None] == stopped


def test_a_link_that_stops_while_it_pauses_stops(redis: Redis) -> None:
    link = redis.link()
    redis.refuse()
    stopped = outcomes(Deferred.fromCoroutine(link.stop()))
    redis.reactor.advance(0)
    assert ([None], 0) == (stopped, redis.attempts)


# -- topics


def listening(redis: Redis, *topics: str) -> tuple[Link, Session]:
    """A link that hears topics over its first wire."""
    link = redis.link()
    session = redis.introduced()
    for topic in topics:
        link.subscribe(topic)
        session.push(["subscribe", topic, "1"])
    session.commands()
    return link, session


def test_a_topic_is_heard_from_before_what_is_asked_next(redis: Redis) -> None:
    link, session = listening(redis)
    link.subscribe("a")
    link.call("A").addErrback(lambda _: None)
    assert [["SUBSCRIBE", "a"], ["A"]] == session.commands()


def test_a_topic_is_asked_for_once(redis: Redis) -> None:
    link, session = listening(redis, "a")
    link.subscribe("a")
    assert [] == session.commands()


def test_messages_are_heard_in_their_order(redis: Redis) -> None:
    _, session = listening(redis, "a", "b")
    session.push(["message", "a", "1"], ["message", "b", "2"], ["message", "a", "3"])
    assert [b"1", b"2", b"3"] == redis.heard


def test_messages_come_in_between_the_answers(redis: Redis) -> None:
    link, session = listening(redis, "a")
    first = link.call("A")
    link.subscribe("b")
    second = link.call("B")
    found = outcomes(first, second)
    session.answer("1")
    session.push(["message", "a", "m"], ["subscribe", "b", "2"])
    session.answer("2")
    assert ([b"1", b"2"], [b"m"]) == (found, redis.heard)


def test_all_topics_are_heard_on_a_new_wire_before_it_is_up(redis: Redis) -> None:
    _, session = listening(redis, "a", "b")
    redis.told.clear()
    session.socket.lose()
    again = redis.accept()
    again.answer({"id": 8}, "")
    assert [["SUBSCRIBE", "a"], ["SUBSCRIBE", "b"], ["PING"]] == again.commands()[-3:]
    again.push(["subscribe", "a", "1"], ["subscribe", "b", "2"])
    before = list(redis.told)
    again.answer("PONG")
    assert (["down"], ["down", "up"]) == (before, redis.told)


def test_messages_are_heard_while_the_new_wire_is_not_up_yet(redis: Redis) -> None:
    _, session = listening(redis, "a", "b")
    session.socket.lose()
    again = redis.accept()
    again.answer({"id": 8}, "")
    again.push(["subscribe", "a", "1"], ["message", "a", "early"])
    assert [b"early"] == redis.heard


def test_an_unwanted_topic_is_heard_no_more(redis: Redis) -> None:
    link, session = listening(redis, "a", "b")
    link.unsubscribe("a")
    assert [["UNSUBSCRIBE", "a"]] == session.commands()
    session.push(["unsubscribe", "a", "1"])
    session.socket.lose()
    again = redis.accept()
    again.answer({"id": 8}, "")
    topics = [command for command in again.commands() if command[0] == "SUBSCRIBE"]
    assert [["SUBSCRIBE", "b"]] == topics


def test_topics_that_change_while_a_wire_introduces_itself_are_made_good(redis: Redis) -> None:
    link, session = listening(redis, "a", "b")
    session.socket.lose()
    again = redis.accept()
    again.answer({"id": 8}, "")
    link.unsubscribe("a")
    link.subscribe("c")
    again.commands()
    again.push(["subscribe", "a", "1"], ["subscribe", "b", "2"])
    again.answer("PONG")
    assert [["UNSUBSCRIBE", "a"], ["SUBSCRIBE", "c"]] == again.commands()


def test_topics_that_are_forbidden_keep_the_wire_from_being_up(redis: Redis) -> None:
    link = redis.link()
    link.subscribe("a")
    session = redis.accept()
    session.answer({"id": 7}, "-NOPERM no channel for you")
    redis.reactor.advance(3)
    assert (False, 1, []) == (session.alive, redis.attempts, redis.told)


def test_a_topic_that_is_forbidden_later_ends_the_wire_and_misleads_nobody(redis: Redis) -> None:
    link, session = listening(redis)
    link.subscribe("a")
    found = outcomes(link.call("A"))
    session.answer("-NOPERM no channel for you", "1")
    assert (False, []) == (session.alive, found)


def test_a_call_that_is_forbidden_is_refused_like_any_other(redis: Redis) -> None:
    link, session = listening(redis, "a")
    found = outcomes(link.call("A"), link.call("B"))
    session.answer("-NOPERM no such call for you", "2")
    assert (True, [ReplyError, b"2"]) == (session.alive, found)


def test_a_confirmation_that_nobody_asked_for_ends_the_wire(redis: Redis) -> None:
    link, session = listening(redis)
    found = outcomes(link.call("A"))
    session.push(["subscribe", "a", "1"])
    session.answer("1")
    assert (False, []) == (session.alive, found)
