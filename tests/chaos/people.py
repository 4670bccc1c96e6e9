"""The people of a run: each comes to a node, talks, tells, moves, goes, and comes back.

    Person ── ACTIONS, drawn by a seeded rng ──> Visit ── a socket ──> a node's door
                                                   └─ all that is sent and read ──> the record

Some come by the IRC door: what they type and read is put into the slash dialect's words (`irc`).

A person does one thing at a time: lines, or one command, then a ping, and waits for its pong.
Each of their words is like no other (`lines.mark`). Must not know faults.
"""

import random
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError
from twisted.protocols.basic import LineOnlyReceiver

from tests.chaos import irc
from tests.chaos.lines import TOLD_IN_CHANNELS, Kind, Line, token, understood
from tests.chaos.record import Came, Heard, Moment, Record, Sent, Went
from tests.chaos.stage import Stage, pause
from tests.chaos.standing import Standing
from tests.support.spin import reactor

CHANNELS = ("#red", "#green", "#blue", "#gold")
INVITED = "#gold"
"""The one into which one may have to be invited."""

GREETED = 5.0
"""Seconds that a person waits for a node to greet them, before they try another."""


WAYS = ("/set echo on", "/set pos on", "/away busy")
"""What everybody says at first."""

IMPATIENT = 3.0
"""Seconds for which a person with a token waits for an answer."""


class Recorder:
    """Writes moments down, in their order, with one clock."""

    def __init__(self) -> None:
        self.record: Record = []
        self.over = False
        self._began = time.monotonic()

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return round(time.monotonic() - self._began, 4)

    def note(self, moment: Moment) -> None:
        """Write a moment down, unless the run is over."""
        if not self.over:
            self.record.append(moment)


class Visit(LineOnlyReceiver):
    """One connection."""

    delimiter = b"\r\n"
    MAX_LENGTH = 1 << 20

    door = "line"

    def __init__(self, name: str, node: str, recorder: Recorder) -> None:
        self.name = name
        self.node = node
        self.standing = Standing()
        self.heard_at = 0.0
        self.proved_at = -1.0  # when their own line last came back
        self._recorder = recorder
        self._hung_up = False
        self.open = False
        self.token = ""
        self.drained = False  # and given a token
        self.settled = False  # they have said how they want to read
        self.unknown = False  # whether the token that they gave is
        self.places: dict[str, tuple[str, int]] = {}  # by channel: up to where they've read
        self.logs: dict[str, str] = {}  # epoch -> channel
        self.before: Visit | None = None  # whose session they want to take up
        self._waiting: tuple[str, Deferred[bool]] | None = None
        self._pings = count(1)

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.setTcpNoDelay(True)
        self.open = True
        self._recorder.note(Came(self._recorder.now, self.name, self.node, self.door))

    def connectionLost(self, reason: Any = None) -> None:
        self.open = False
        by = "them" if self._hung_up else "server"
        self._recorder.note(Went(self._recorder.now, self.name, by))
        self._answer("", False)

    def lineReceived(self, line: bytes) -> None:
        self._hear(line.decode())

    def _hear(self, text: str) -> None:
        now = self._recorder.now
        self._recorder.note(Heard(now, self.name, text))
        meaning = understood(text)
        self._learn(meaning)
        if meaning.text.startswith(self.name.partition("/")[0] + "."):
            self.proved_at = now
        if meaning.body.startswith("in #lobby "):
            self._answer("greeting", True)
        elif meaning.kind == "pong":
            self._answer(meaning.text, True)

    def _learn(self, line: Line) -> None:
        if given := token(line):
            self.token, self.drained = given, line.kind is Kind.CLOSING
        elif line.kind is Kind.RESUMED and self.before is not None and not self.token:
            self.standing, self.token = self.before.standing, self.before.token
            self.settled = self.before.settled
            self.standing.goes_on(line.nick)
            self.places, self.logs = dict(self.before.places), dict(self.before.logs)
        elif line.kind is Kind.ERROR and "token is not known" in line.text:
            self.unknown = True
        if line.place is not None and line.kind in TOLD_IN_CHANNELS:
            epoch = line.place[0]
            if line.channel:
                self.logs[epoch] = line.channel
            if epoch in self.logs:  # a quit doesn't tell the channel
                self.places[self.logs[epoch]] = line.place
        self.standing.hears(line)

    def _answer(self, word: str, so: bool) -> None:
        waiting = self._waiting
        if waiting is not None and word in ("", waiting[0]):
            self._waiting = None
            waiting[1].callback(so)

    async def _wait(self, word: str) -> bool:
        """Whether the answer came before the connection ended."""
        if not self.open:
            return False
        answer: Deferred[bool] = Deferred()
        self._waiting = (word, answer)
        late = reactor.callLater(IMPATIENT, self._lose_patience)
        answered = await answer
        if late.active():
            late.cancel()
        return answered

    def _lose_patience(self) -> None:
        """Who can take up their session elsewhere needn't wait for a node that says nothing."""
        if self.token:
            self.hang_up()

    def send(self, line: str) -> None:
        """Type a line."""
        self._recorder.note(Sent(self._recorder.now, self.name, line))
        self.standing.sends(line)
        self._type(line)

    def _type(self, line: str) -> None:
        self.sendLine(line.encode())

    async def greeted(self) -> bool:
        """Whether the node has greeted them; if not in time, they hang up."""
        late = reactor.callLater(GREETED, self.hang_up)
        greeted = await self._wait("greeting")
        if late.active():
            late.cancel()
        return greeted

    async def ended(self) -> None:
        """Returns when the connection has ended."""
        await self._wait("")

    async def does(self, *lines: str) -> bool:
        """Type lines and a ping, and wait for its pong; False if the connection has ended."""
        if not self.open:
            return False
        for line in lines:
            self.send(line)
        word = f"{self.name}-{next(self._pings)}"
        self.send(f"/ping {word}")
        return await self._wait(word)

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self._hung_up = True
        transport: Any = self.transport
        transport.abortConnection()


class IrcVisit(Visit):
    """One connection to the IRC door. They come in under a nick that nobody else wants."""

    door = "irc"

    def __init__(self, name: str, node: str, recorder: Recorder) -> None:
        super().__init__(name, node, recorder)
        self._ear = irc.Ear(name.partition("/")[0])
        self._tries = count(1)

    def connectionMade(self) -> None:
        super().connectionMade()
        for line in (f"CAP REQ :{irc.CAPS}", "CAP END", self._nick(), "USER chaos 0 * :chaos"):
            self.sendLine(line.encode())

    def _nick(self) -> str:
        return f"NICK {self._ear.person}i{next(self._tries)}"

    def lineReceived(self, line: bytes) -> None:
        text = line.decode()
        verb = irc.parsed(text).verb
        if self._ear.nick == "" and verb == "433":
            self.sendLine(self._nick().encode())
            return
        for heard in self._ear.hears(text):
            self._hear(heard)
        if verb == irc.NO_MOTD:
            self._answer("greeting", True)

    def _type(self, line: str) -> None:
        standing = self.standing
        inside = sorted(standing.certain)
        typed = irc.typed(line, inside[0] if inside else "")
        if typed:
            self.sendLine(typed.encode())


DOORS = {made.door: made for made in (Visit, IrcVisit)}


class Person:
    """Somebody who comes again and again. `visit`: the connection they have, or had last.

    `door`: by which they come. `others`: everybody, to find whom to write to. `pace`: seconds
    between what they do, more or less.
    """

    def __init__(
        self,
        name: str,
        door: str,
        home: str,
        stage: Stage,
        recorder: Recorder,
        others: list["Person"],
        rng: random.Random,
        pace: float,
    ) -> None:
        self.name = name
        self.rng = rng
        self.others = others
        self.over = False
        self.visit: Visit | None = None
        self._door = door
        self._home = home
        self._stage = stage
        self._recorder = recorder
        self._pace = pace
        self._keeps = rng.random() < 0.5 and door == "line"
        self.kept: Visit | None = None  # whose session they can take up again
        self._proved_at = -1.0  # on any earlier connection
        self._visits = count(1)
        self._words = count(1)

    @property
    def here(self) -> Visit | None:
        """Their open connection, if there is one."""
        return self.visit if self.visit is not None and self.visit.open else None

    @property
    def awaited(self) -> bool:
        """Whether a session of theirs is kept for them."""
        return self.kept is not None or (self.visit is not None and self.visit.drained)

    @property
    def proved_at(self) -> float:
        """When a line of theirs came back last, on whatever connection."""
        return max(self._proved_at, self.visit.proved_at if self.visit is not None else -1.0)

    async def live(self) -> None:
        """Come, do things, and come back, until it's `over`."""
        while not self.over:
            visit = self.here
            if visit is None:
                await self.come()
            else:
                await self._choose(visit)(self, visit)
            await pause(self.rng.uniform(0.5, 1.5) * self._pace)

    def words(self) -> str:
        """Words that nobody has said yet; some are long."""
        padding = " word" * self.rng.choice((0, 1, 3, 40))
        return f"{self.name}.{next(self._words)}{padding}"

    async def come(self) -> None:
        """Connect to a node that serves, home if possible, and settle there."""
        names = [self._home, *self.rng.sample(self._stage.names, len(self._stage.names))]
        serving = [name for name in names if self._stage.port(name) is not None]
        if not serving:
            return
        name = serving[0] if self.rng.random() < 0.5 else self.rng.choice(serving)
        visit = await self._connect(name)
        if visit is None:
            return
        if self.awaited:
            self.kept = self.kept or self.visit
        self._proved_at = self.proved_at
        self.visit = visit
        if not await visit.greeted():
            return
        if self.kept is not None:
            if await self._resume(visit, self.kept):
                self.kept = visit
                if not visit.settled:  # they were sent away before they came to that
                    visit.settled = await visit.does(*WAYS)
                return
            if not visit.open:
                return  # and once more
            self.kept = None
        channels = self.rng.sample(CHANNELS, 2)
        visit.settled = await visit.does(*WAYS)
        for lines in (
            (f"/nick {self.a_nick()}",),
            *((f"/join {channel}",) for channel in channels),
        ):
            if not await visit.does(*lines):
                return
        if self._keeps and await visit.does("/token") and visit.token:
            self.kept = visit

    async def _resume(self, visit: Visit, before: Visit) -> bool:
        """Take up the session that they had; whether they have it now."""
        visit.before = before
        places = " ".join(
            f"{channel}@{epoch}.{seq}"
            for channel, (epoch, seq) in before.places.items()
            if channel in before.standing.channels
        )
        while visit.open and not visit.token and not visit.unknown:
            await visit.does(f"/resume {before.token} {places}".rstrip())
            await pause(0.1)
        return bool(visit.token)

    async def _connect(self, node: str) -> Visit | None:
        port = self._stage.port(node, self._door)
        if port is None:
            return None
        visit = DOORS[self._door](f"{self.name}/{next(self._visits)}", node, self._recorder)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port, timeout=5)
        try:
            await connectProtocol(endpoint, visit)
        except ConnectError:
            return None
        return visit

    def a_nick(self) -> str:
        """A nick: their own, or one that somebody else may want, too."""
        if self.rng.random() < 0.5:
            return f"{self.name}{self.rng.choice('xyz')}"
        return self.rng.choice(("ann", "bob", "cat", "Ann", "BOB", "dan", "eve"))

    def _choose(self, visit: Visit) -> "Action":
        if visit.standing.away:
            return speak  # is refused, and says so
        if not visit.standing.certain:
            return move  # they have no lobby, and were kicked, or have left
        if visit.standing.rules and self.rng.random() < RULING:
            return rule
        actions, weights = zip(*ACTIONS, strict=True)
        chosen: Action = self.rng.choices(actions, weights)[0]
        return chosen


Action = Callable[[Person, Visit], Awaitable[object]]


def _somewhere(person: Person, visit: Visit) -> str:
    return person.rng.choice(sorted(visit.standing.certain) or CHANNELS)


async def speak(person: Person, visit: Visit) -> None:
    """Lines in one channel or two."""
    await visit.does(
        *(
            f"/msg {_somewhere(person, visit)} {person.words()}"
            for _ in range(person.rng.choice((1, 1, 2, 4)))
        )
    )


async def act(person: Person, visit: Visit) -> None:
    await visit.does(f"/me {person.words()}")


async def tell(person: Person, visit: Visit) -> None:
    """A private message to somebody who was there a moment ago."""
    other = person.rng.choice(person.others).here
    if other is not None and other.standing.nick and other is not visit:
        await visit.does(f"/msg {other.standing.nick} {person.words()}")


async def rename(person: Person, visit: Visit) -> None:
    await visit.does(f"/nick {person.a_nick()}")


async def move(person: Person, visit: Visit) -> None:
    """Into a channel, or out of one."""
    standing = visit.standing
    inside = sorted(standing.certain - {"#lobby"})
    outside = sorted(set(CHANNELS) - standing.channels - standing.unsure)
    if inside and (not outside or person.rng.random() < 0.5):
        await visit.does(f"/leave {person.rng.choice(inside)}")
    elif outside:
        await visit.does(f"/join {person.rng.choice(outside)}")


async def rule(person: Person, visit: Visit) -> None:
    """Make somebody of the channel an operator or none, give them a voice or take it, show them
    out, ask somebody in, change a mode: as operators may, and as others may not.
    """
    rng, theirs = person.rng, sorted(visit.standing.rules & visit.standing.certain)
    channel = rng.choice(theirs) if theirs and rng.random() < 0.8 else _somewhere(person, visit)
    others = (other.here for other in person.others)
    nicks = {True: list[str](), False: list[str]()}
    for other in others:
        if other is not None and other.standing.nick and other is not visit:
            nicks[channel in other.standing.channels].append(other.standing.nick)
    about, form = rng.choice(RULINGS)
    if about is not None and nicks[about]:
        await visit.does(form.format(channel=channel, nick=rng.choice(nicks[about])))
    elif about is None:
        await visit.does(form.format(channel=channel))


RULINGS: list[tuple[bool | None, str]] = [
    *[(True, "/op {channel} {nick}")] * 6,
    (True, "/deop {channel} {nick}"),
    *[(True, "/voice {channel} {nick}")] * 2,
    (True, "/devoice {channel} {nick}"),
    *[(True, "/kick {channel} {nick}")] * 3,
    *[(False, "/invite {nick} {channel}")] * 2,
    (None, "/mode {channel} +t"),
    (None, "/mode {channel} -t"),
    (None, "/mode {channel} +l 50"),
    (None, f"/mode {INVITED} +i"),
    *[(None, f"/mode {INVITED} -i")] * 3,
    (None, "/mode {channel} +m"),
    *[(None, "/mode {channel} -m")] * 3,
    (None, "/mode {channel}"),
]
"""What those who rule may say: about somebody who is there (True), who isn't (False), or nobody."""


async def ask(person: Person, visit: Visit) -> None:
    questions = ("/who", "/stats", "/history", "/list", f"/names {person.rng.choice(CHANNELS)}")
    await visit.does(person.rng.choice(questions))


async def leave(person: Person, visit: Visit) -> None:
    person.kept = None
    visit.send("/quit")
    await visit.ended()


async def hang_up(person: Person, visit: Visit) -> None:
    visit.hang_up()


RULING = 0.25
"""How often operators rule; one makes others, so that there are some when they leave."""

ACTIONS: list[tuple[Action, float]] = [
    (speak, 60),
    (act, 5),
    (tell, 15),
    (rename, 5),
    (move, 8),
    (rule, 4),
    (ask, 4),
    (leave, 1.5),
    (hang_up, 3),
]
"""What people do, and how often."""
