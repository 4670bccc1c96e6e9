"""Whatever bytes come over IRC's wire, however they're cut, before and after registration: nothing
is raised, nothing hangs, nobody reads what isn't theirs, and nothing gets an odd name.

    bytes ──cut──> LineConnection ──> Chat ──> Memory ──> sockets, and what the world has by now

Everybody sends messages that are right, wrong, or nearly right. What is theirs alone (lines to a
channel or to somebody) holds a word that can be found again.
"""

import re
from collections.abc import Iterable
from itertools import count

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from broker.names import fold
from node.core import names
from node.dialects.irc import Irc, IrcConfig
from node.net.connection import LineConnection, LineDoor
from tests.support.clocked import ClockedChat, Socket
from tests.support.irc_noise import (
    CAPABILITIES,
    CHANNELS,
    ENDS,
    NICKS,
    TAGS,
    TEXTS,
    VERBS,
    WORDS,
)
from tests.unit.test_lines import cut

MOST_BODY, MOST_TAGS = 512, 8191
"""The most bytes of a message that is sent, with its end; and of its tags."""

SECRET = "xyzzy"
"""What every line begins with that not everybody may read."""

words = st.sampled_from([*NICKS, *CHANNELS, *WORDS]) | st.text(max_size=12)
texts, tags = st.sampled_from(TEXTS), st.sampled_from(TAGS)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message, or something like one."""
    verb, params = draw(st.sampled_from(VERBS)), draw(st.lists(words, max_size=6))
    text = draw(st.none() | texts)
    said = draw(tags) + " ".join([verb, *params]) + ("" if text is None else f" :{text}")
    return said.encode() + draw(st.sampled_from(ENDS))


asked = st.lists(st.sampled_from(CAPABILITIES), min_size=1, max_size=5).map(" ".join)
registrations = st.lists(
    st.one_of(
        st.sampled_from(
            ["CAP LS 302", "CAP LS", "CAP END", "CAP LIST", "PASS x", "PING 1", "QUIT"]
        ),
        st.sampled_from(["NICK ann", "NICK bob", "NICK :", "USER a 0 * :A", "USER a", "JOIN #a"]),
        asked.map(lambda names: f"CAP REQ :{names}"),
    ).map(lambda said: f"{said}\r\n".encode()),
    max_size=8,
)
noise = st.lists(messages() | messages() | st.binary(max_size=80), max_size=12)


class Person:
    """Somebody at an IRC door, and all that they were sent."""

    _nicks = count(1)

    def __init__(self, town: "Town") -> None:
        self._town = town
        self.nick = ""
        self.read = b""
        self.socket = Socket()
        self._connection: LineConnection = town.door.buildProtocol(None)
        self._connection.makeConnection(self.socket)

    @property
    def here(self) -> bool:
        return not (self.socket.disconnecting or self.socket.aborted)

    def send(self, data: bytes, places: Iterable[int] = ()) -> None:
        """In pieces, each of which is done before the next comes."""
        for piece in cut(data, list(places)):
            if self.here:
                self._connection.dataReceived(piece)
                self._town.turn()
        self.read += self.socket.value()
        self.socket.clear()

    def register(self, nick: str) -> None:
        """Whatever they did before: be somebody, unless they're gone."""
        self.send(b"\r\nCAP END\r\nUSER u 0 * :u\r\n" + f"NICK {nick}\r\n".encode())

    def answers(self) -> bool:
        """Whether all that was said before is done with: they're answered, or gone."""
        self.register(f"last{next(self._nicks)}")
        self.send(b"PING :are you there\r\n")
        return not self.here or b"are you there" in self.read

    def lines(self) -> list[str]:
        """All that they were sent. What isn't UTF-8, or has no end, is raised."""
        *sent, rest = self.read.decode().split("\r\n")
        assert "" == rest
        return sent

    def lose(self) -> None:
        self.socket.connected = False
        self._connection.connectionLost(Failure(ConnectionLost()))


class Town(ClockedChat):
    """A node with an IRC door."""

    def __init__(self) -> None:
        super().__init__(outbox_bytes=1 << 24)
        self.door = LineDoor(self.chat, Irc(IrcConfig()), **self.given)

    def check(self, *people: Person) -> None:
        """What must hold of everybody, whatever was sent."""
        for person in people:
            assert person.answers()
            for sent in person.lines():
                _check_sent(sent)
        for channel in self.broker._world.channels.values():
            assert names.channel(channel.name) == channel.name
        for session in self.broker._world.sessions.values():
            assert names.nick(session.nick) == session.nick
            assert fold(session.nick) in self.broker._world.claims
        for person in people:
            person.lose()
        self.turn()
        assert ([], {}) == (self.failures, self.chat.hub.sessions)


SENT = re.compile(
    r"(?:@(?P<tags>[^ \0\r\n]+) )?(?P<body>(?::[^ \0\r\n]+ )?(?:[A-Z]+|\d{3})(?: [^\0\r\n]*)?)"
)


def _check_sent(sent: str) -> None:
    """A message as RFC 1459, Modern IRC and IRCv3's message tags have it."""
    found = SENT.fullmatch(sent)
    assert found is not None, sent
    assert len(found["body"].encode()) + 2 <= MOST_BODY, sent
    assert len((found["tags"] or "").encode()) + 2 <= MOST_TAGS, sent


places = st.lists(st.integers(0), max_size=10)


@given(registrations, noise, places)
def test_nothing_that_one_sends_does_any_harm(
    before: list[bytes], after: list[bytes], cuts: list[int]
) -> None:
    town = Town()
    person = Person(town)
    person.send(b"".join(before), cuts)
    person.register("ann")
    person.send(b"".join(after), cuts)
    town.check(person)


@given(st.lists(st.tuples(st.integers(0, 2), messages() | st.binary(max_size=60)), max_size=30))
def test_nothing_that_several_send_does_any_harm(said: list[tuple[int, bytes]]) -> None:
    town = Town()
    people = [Person(town) for _ in range(3)]
    for person, nick in zip(people, ("ann", "bob", "cat"), strict=True):
        person.send(b"CAP REQ :message-tags batch labeled-response echo-message\r\n")
        person.register(nick)
        person.send(b"JOIN #a\r\n")
    for who, message in said:
        people[who].send(message)
    town.check(*people)


hidden = st.sampled_from(
    [
        *(
            "PRIVMSG #a :{}",
            "NOTICE #a :{}",
            "PRIVMSG bob :{}",
            "NOTICE bob :{}",
            "PRIVMSG #a,bob :{}",
        ),
        *(
            "@+x={} TAGMSG #a",
            "@+x={} TAGMSG bob",
            "PART #a :{}",
            "TOPIC #a :{}",
            "PRIVMSG @#a :{}",
        ),
        *("@label={} PRIVMSG #a :hi", "@label={} PING x", "PING {}", "PASS {}", "OPER ann {}"),
        *(
            "PRIVMSG bob :{}\nPRIVMSG #a :{}",
            "CAP REQ {}",
            "MONITOR + {}",
            "WHOIS {}",
            "NONSENSE {}",
        ),
        *(
            "JOIN #b {}",
            "MODE #a +k {}",
            "AWAY :{}",
            "{}",
            "BATCH +1 draft/multiline #a\n@batch=1 PRIVMSG #a :{}\nBATCH -1",
        ),
    ]
)
elsewhere = st.sampled_from(
    [
        *(
            "PRIVMSG #e :x",
            "JOIN #e",
            "PART #e",
            "NAMES #e",
            "WHO #e",
            "WHOIS eve",
            "AWAY",
            "AWAY :e",
        ),
        *(
            "MODE #e",
            "MODE eve",
            "LIST #e",
            "LUSERS",
            "MONITOR L",
            "ISON eve",
            "NICK eve",
            "PING x",
        ),
        *(
            "CHATHISTORY LATEST #e * 10",
            "@label=2 PING y",
            "CAP LIST",
            "TOPIC #e :e",
            "USERHOST eve",
        ),
    ]
)


@given(
    st.lists(st.tuples(st.booleans(), hidden), min_size=1, max_size=15),
    st.lists(elsewhere, max_size=15),
    st.booleans(),
)
def test_nobody_reads_what_is_not_theirs(
    said: list[tuple[bool, str]], besides: list[str], tagged: bool
) -> None:
    town = Town()
    ann, bob, eve, unknown = people = [Person(town) for _ in range(4)]
    for person, nick, channel in ((ann, "ann", "#a"), (bob, "bob", "#a"), (eve, "eve", "#e")):
        if tagged:
            person.send(
                b"CAP REQ :message-tags echo-message labeled-response batch away-notify\r\n"
            )
        person.register(nick)
        person.send(f"JOIN {channel}\r\n".encode())
    others = iter(besides)
    for is_ann, pattern in said:
        lines = pattern.replace("{}", SECRET).split("\n")
        (ann if is_ann else bob).send("".join(f"{one}\r\n" for one in lines).encode())
        eve.send(f"{next(others, 'PING x')}\r\n".encode())
    for person in people:
        assert person.answers()
    assert SECRET.encode() not in eve.read + unknown.read
    assert [] == town.failures


@given(st.lists(st.sampled_from(VERBS), max_size=20))
def test_who_is_not_registered_has_done_nothing(verbs: list[str]) -> None:
    town = Town()
    member, person = Person(town), Person(town)
    member.register("ann")
    member.send(b"JOIN #a\r\nPING before\r\n")
    seen = member.read
    quiet = [verb for verb in verbs if verb not in ("NICK", "USER", "QUIT")]
    person.send("".join(f"{verb} #a ann :x\r\n" for verb in quiet).encode())
    member.send(b"")
    assert seen == member.read
    assert ["ann"] == [session.nick for session in town.broker._world.sessions.values()]
    assert [] == town.failures
