"""The connection to Redis, outliving its sockets. The one file that names txredisapi.

    Link ── keeps one Wire alive: connect, introduce itself, up; lost, back off, again
      ├─ calls    answered in their order; what was unanswered when the wire broke is sent
      │           again, in its order, before anything newer
      └─ topics   that are heard; subscribed again on every new wire

Everything goes over one wire, in RESP3, which lets messages in between the answers. So order
is all that's needed: what is asked after a SUBSCRIBE is done after it, and what was published
before an answer was written comes before it.

A wire that doesn't answer within its deadline is as good as dead (a frozen Redis or a half-open
link sends no FIN), so it's aborted and made anew. One that has nothing to answer is asked for a
sign of life. Before a new wire sends anything that counts, it has Redis kill the old one: whatever
the old one still had under way was done before, or never will be. Must not know scripts, logs or
sessions.
"""

import random
import secrets
from bisect import bisect_left
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import hiredis
import txredisapi
from twisted.application.internet import backoffPolicy
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Overdue
from twisted.internet.endpoints import (
    HostnameEndpoint,
    UNIXClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from broker.address import Address
from broker.eager import EagerReactor
from broker.tally import LATENCIES, Histogram

Argument = str | bytes | int
ReplyError = txredisapi.ResponseError
"""Redis answered a command with an error."""

_MORE = object()
"""What the parser says when a reply isn't complete."""

TOPIC = None
"""Who waits for the confirmation of a topic: nobody."""


LOOKS = 20
"""How often, within a deadline, the link looks whether it's kept."""


class Client(NamedTuple):
    """Who Redis says a wire is."""

    name: str
    id: int


def settle(answer: "Deferred[Any]", reply: Any) -> None:
    """Give a Deferred its reply, or what there is instead."""
    if isinstance(reply, Exception):
        answer.errback(reply)
    else:
        answer.callback(reply)


class LinkLost(Exception):
    """The wire broke before the answer came, or there is none: nobody knows if it was done."""


class Wire(txredisapi.RedisProtocol):  # type: ignore[misc]
    """One connection. Replies go to whoever waits first, messages to `heard`; `strayed` is told of
    sharded topics that are heard no more, whether that was asked for or not.

    A SUBSCRIBE's confirmation has its place among the replies; TOPIC stands for it in `waiting`. If
    a reply comes instead, the topic is forbidden, and the wire is of no use.
    """

    log = Logger()

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        super().__init__(charset=None, convertNumbers=False)
        self._reader = hiredis.Reader(
            protocolError=txredisapi.InvalidData, replyError=ReplyError, notEnoughData=_MORE
        )
        self._heard = heard
        self.waiting: deque[Callable[[Any], None] | None] = deque()
        self._given_up = False
        self.strayed: Callable[[bytes], None] | None = None
        self.lost: Deferred[None] = Deferred()

    def topics(self, verb: str, names: Iterable[str]) -> None:
        """SUBSCRIBE, UNSUBSCRIBE or SSUBSCRIBE."""
        commands = [packed(verb, name) for name in names]
        self.waiting.extend([TOPIC] * len(commands))
        self.transport.write(b"".join(commands))

    def ask(self, *args: Argument) -> "Deferred[Any]":
        """Write a command; a Deferred of the reply, which fails with ReplyError."""
        answer: Deferred[Any] = Deferred()

        def answered(reply: Any) -> None:
            if isinstance(reply, Exception):
                answer.errback(reply)
            else:
                answer.callback(reply)

        self.waiting.append(answered)
        self.transport.write(packed(*args))
        return answer

    def dataReceived(self, data: bytes, _unpause: bool = False) -> None:
        reader = self._reader
        reader.feed(data)
        while (reply := reader.gets()) is not _MORE and not self._given_up:
            self.replyReceived(reply)

    def replyReceived(self, reply: Any) -> None:
        if isinstance(reply, list) and len(reply) == 3:
            # no reply to a command of ours begins with these words
            kind = reply[0]
            if kind == b"message" or kind == b"smessage":
                self._heard(reply[2])
                return
            if kind == b"sunsubscribe":
                if self.strayed is not None:
                    self.strayed(reply[1])
                return
            if kind in (b"subscribe", b"unsubscribe", b"ssubscribe"):
                if not self.waiting or self.waiting.popleft() is not TOPIC:
                    self._give_up("a confirmation that nobody asked for")
                return
        answered = self.waiting.popleft() if self.waiting else TOPIC
        if answered is not None:
            answered(reply)
        else:
            self._give_up(str(reply) if isinstance(reply, ReplyError) else "an unexpected answer")

    @property
    def oldest(self) -> list[Any]:
        """Who waits for the longest, if somebody does."""
        return [self.waiting[0]] if self.waiting else []

    def abort(self) -> None:
        """Give the connection up as dead: nothing more is read."""
        self._given_up = True
        self.transport.abortConnection()

    def _give_up(self, why: str) -> None:
        self.log.error("the connection to Redis is of no use: {why}", why=why)
        self.abort()

    def connectionLost(self, why: Any) -> None:
        super().connectionLost(why)
        self.lost.callback(None)


class _Wires(Factory):
    noisy = False

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard

    def buildProtocol(self, _addr: Any) -> Wire:
        return Wire(self._heard)


class Call:
    """A command on its way."""

    __slots__ = ("answered", "packed", "again", "patient", "since")

    def __init__(
        self,
        packed: bytes,
        answered: Callable[[Any], None],
        again: bool,
        patient: bool,
        since: float,
    ) -> None:
        self.packed = packed
        self.answered = answered
        self.again = again
        self.patient = patient
        self.since = since


class Link:
    """A wire to Redis that is made again whenever it's lost; see the module's docstring.

    A wire that dies in silence is noticed after 1.4 deadlines at most: a quarter until it's asked
    something, a deadline, and two looks.

    Calls of one turn of the event loop go out in one write, at its end. `gather` is called
    before, to add what else the turn has; see `soon`. `later` says how to wait for that end (by
    default with a timer of zero seconds). `heard` gets the payload of every message
    on a topic. `introduce` runs on every new wire (to load scripts, say), within the deadline;
    `meet` after it, as long as each answer comes in time. `up` is told when a wire is ready,
    `down` when it's lost. `deadline`: seconds within which an answer must come. `patience`:
    seconds after which a call that found no wire to answer it fails with LinkLost, unless it's
    patient. `most`: how many calls may be under way; see `full`. `latency` gets how long each
    call took, in seconds.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        address: Address,
        rng: random.Random,
        *,
        deadline: float,
        up: Callable[[], None],
        down: Callable[[], None],
        heard: Callable[[bytes], None],
        introduce: Callable[[Wire], Awaitable[None]],
        meet: Callable[[Wire], Awaitable[None]] | None = None,
        gather: Callable[[], None] = lambda: None,
        later: Callable[[Callable[[], None]], None] | None = None,
        patience: float = 30.0,
        most: int = 20_000,
        latency: Histogram | None = None,
    ) -> None:
        self._reactor = reactor
        self._clock: Any = reactor
        self._address = address
        self._shown = address.shown
        self._deadline = deadline
        self._up, self._down = up, down
        self._heard = heard
        self._first = introduce
        self._meet = meet
        self._gather = gather
        self._later = later or (lambda work: reactor.callLater(0, work))
        self._patience = patience
        self._most = most
        self._latency = latency or Histogram(LATENCIES)
        self._backoff = backoffPolicy(0.05, 1.0, 1.6, rng.random)
        self._wire: Any = None
        self._stopping = False
        self._ended: Deferred[None] | None = None
        self._pause: Any = None
        self._connecting: Deferred[Any] | None = None
        self._due = False
        self._written: list[bytes] = []
        self._calls: deque[Call] = deque()
        self._topics: dict[str, None] = {}
        self._introduced: list[str] = []  # topics
        self._client: Client | None = None
        self._watch = LoopingCall(self._look)
        self._watch.clock = self._clock
        self._heard_at = 0.0  # when the wire last answered, or was made
        self._suspected = False

    @property
    def connected(self) -> bool:
        """Whether a wire is up and has introduced itself."""
        return self._wire is not None

    def start(self) -> None:
        """Begin to connect, and keep on."""
        self._ended = Deferred.fromCoroutine(self._keep())
        self._watch.start(self._deadline / LOOKS, now=False)

    async def stop(self) -> None:
        """Close, and stay closed."""
        if self._watch.running:
            self._watch.stop()
        self._stopping = True
        if self._pause is not None and self._pause.active():
            self._pause.reset(0)
        if self._connecting is not None:
            self._connecting.cancel()
        self.drop()
        if self._ended is not None:
            await self._ended
        self._fail(list(self._calls))

    def drop(self) -> None:
        """Give up the wire as dead; a new one is made at once."""
        if self._wire is not None:
            self._wire.abort()

    # -- keeping a wire

    async def _keep(self) -> None:
        failures = 0
        while not self._stopping:
            try:
                self._connecting = Deferred.fromCoroutine(self._connect())
                self._connecting.addTimeout(self._deadline, self._clock)
                wire = await self._connecting
                if self._meet is not None:
                    await self._meeting(wire, self._meet)
            except Exception as e:
                if failures == 0 and not self._stopping:
                    self.log.warn(
                        "no connection to Redis at {where}: {why}",
                        where=self._shown,
                        why=(
                            f"no answer within {self._deadline} s"
                            if isinstance(e, Overdue)
                            else str(e) or type(e).__name__
                        ),
                    )
                if not self._stopping:
                    await self._sleep(self._backoff(failures))
                failures += 1
                continue
            finally:
                self._connecting = None
            failures = 0
            self._begin(wire)
            self._up()
            await wire.lost
            self._end()
            self._down()

    async def _meeting(self, wire: Wire, meet: Callable[[Wire], Awaitable[None]]) -> None:
        async def met() -> None:
            await meet(wire)

        oldest: list[list[Any]] = []  # who waited at the last looks

        def look() -> None:
            oldest[:] = [*oldest[-2:], wire.oldest]
            if len(oldest) == 3 and any(all(one in each for each in oldest) for one in wire.oldest):
                wire.abort()

        attempt = self._connecting = Deferred.fromCoroutine(met())
        wire.lost.addCallback(lambda _: attempt.cancel())
        watch = LoopingCall(look)
        watch.clock = self._clock
        watch.start(self._deadline / 2, now=False)
        try:
            await attempt
        except BaseException:
            wire.abort()
            raise
        finally:
            watch.stop()

    async def _sleep(self, seconds: float) -> None:
        woken: Deferred[None] = Deferred()
        self._pause = self._clock.callLater(seconds, woken.callback, None)
        await woken

    async def _connect(self) -> Any:
        wire = await self._wire_to(self._address)
        attempt = self._connecting
        if attempt is not None:
            wire.lost.addCallback(lambda _: attempt.cancel())  # nothing once it has fired
        try:
            await self._introduce(wire)
            if wire.lost.called:
                raise LinkLost("closed while connecting")
        except BaseException:
            wire.abort()
            raise
        return wire

    async def _wire_to(
        self, address: Address, heard: Callable[[bytes], None] | None = None
    ) -> Wire:
        endpoint = _endpoint(EagerReactor(self._reactor), address)
        wire: Wire = await endpoint.connect(_Wires(heard or self._heard))
        if address.path == "":
            wire.transport.setTcpNoDelay(True)
            wire.transport.setTcpKeepAlive(True)
        return wire

    async def _introduce(self, wire: Wire) -> None:
        """What must be done on a new wire before it's up."""
        self._client = await self._greet(wire, self._client, self._address)
        await self._approve(wire)
        if self._address.db:
            await wire.ask("SELECT", self._address.db)
        await self._first(wire)
        topics = self._introduced = list(self._topics)
        wire.topics("SUBSCRIBE", topics)
        await wire.ask("PING")  # when that's answered all topics are heard

    async def _approve(self, wire: Wire) -> None:
        """Raises LinkLost if this isn't whom we should talk to."""

    async def _greet(self, wire: Wire, before: Client | None, address: Address) -> Client:
        """Say who we are, as `address` says, and have Redis kill the wire `before` this one.

        A client id alone could be somebody else's after a restart of Redis; the name, drawn
        at random for each wire, tells.
        """
        name = f"chorus-{secrets.token_hex(8)}"
        account: tuple[str, ...] = ()
        if address.password:
            account = ("AUTH", address.username or "default", address.password)
        hello = await wire.ask("HELLO", 3, *account, "SETNAME", name)
        if before is not None:
            listed = await wire.ask("CLIENT", "LIST", "ID", before.id)
            if f"name={before.name} ".encode() in listed:
                await wire.ask("CLIENT", "KILL", "ID", before.id)
        return Client(name, hello[b"id"])

    def _begin(self, wire: Wire) -> None:
        """Make good what was asked for while there was no wire."""
        self._wire = wire
        self._heard_at = self._clock.seconds()
        wire.topics("UNSUBSCRIBE", set(self._introduced) - self._topics.keys())
        wire.topics("SUBSCRIBE", self._topics.keys() - set(self._introduced))
        once = [call for call in self._calls if not call.again]
        for call in once:
            self._calls.remove(call)
        for call in self._calls:
            wire.waiting.append(self._answered)
            wire.transport.write(call.packed)
        self._fail(once)

    def _end(self) -> None:
        """The wire is lost."""
        self._wire, self._written = None, []

    # -- calls

    @property
    def under_way(self) -> int:
        """How many calls wait for their answer, or for a wire."""
        return len(self._calls)

    @property
    def full(self) -> bool:
        """Whether so much is under way that nothing should be added."""
        return len(self._calls) >= self._most

    def send(
        self,
        args: tuple[Argument, ...],
        answered: Callable[[Any], None],
        *,
        again: bool = True,
        patient: bool = False,
    ) -> None:
        """Make a call. `answered` gets the reply; a ReplyError or LinkLost as a value.

        `again`: if the wire breaks, it's made again on the next one (so it must be safe to
        repeat); otherwise it fails. `patient`: it never fails for want of a wire.
        """
        call = Call(packed(*args), answered, again, patient, self._clock.seconds())
        if self._wire is not None:
            self._calls.append(call)
            self._wire.waiting.append(self._answered)
            self._written.append(call.packed)
            self.soon()
        elif again:
            self._calls.append(call)
        else:
            answered(LinkLost())

    def call(self, *args: Argument, again: bool = True, patient: bool = False) -> "Deferred[Any]":
        """As `send`, with a Deferred that fails with ReplyError or LinkLost."""
        answer: Deferred[Any] = Deferred()
        self.send(args, partial(settle, answer), again=again, patient=patient)
        return answer

    def ask_each(self, *_args: Argument) -> dict[str, "Deferred[Any]"]:
        """Ask each master of a Redis Cluster, by its HOST:PORT, as `call` does; not repeated. There
        are none if Redis is one.
        """
        return {}

    def publish(self, topic: str, message: bytes) -> None:
        """Publish something; nobody waits for that."""
        self.send(("PUBLISH", topic, message), lambda _: None)

    def soon(self) -> None:
        """See to it that `gather` is called at the end of this turn."""
        if not self._due:
            self._due = True
            self._later(self._end_of_turn)

    def _end_of_turn(self) -> None:
        try:
            self._gather()
        finally:
            self._due = False
            self._flush()

    def _flush(self) -> None:
        written, self._written = self._written, []
        if written and self._wire is not None:
            self._wire.transport.write(b"".join(written))

    def _answered(self, reply: Any) -> None:
        self._heard_at = now = self._clock.seconds()
        call = self._calls.popleft()
        latency, took = self._latency, now - call.since
        latency.counts[bisect_left(latency.bounds, took)] += 1  # `observe`, for each answer
        latency.total += took
        call.answered(reply)

    def _look(self) -> None:
        """End a wire that keeps somebody waiting, and the wait of those without a wire."""
        now = self._clock.seconds()
        if self._wire is not None:
            if not self._calls and now - self._heard_at >= self._deadline / 4:
                self.send(("PING",), lambda _: None, again=False)
            overdue = bool(self._calls) and (
                now - max(self._calls[0].since, self._heard_at) > self._deadline
            )
            # twice: if this process stood still, the answers may be there and not read yet
            self._suspected, again = overdue, self._suspected
            if overdue and again:
                self.log.warn("Redis didn't answer within {s:.1f} s", s=self._deadline)
                self.drop()
            return
        given_up = [
            call
            for call in self._calls
            if not call.again or (now - call.since > self._patience and not call.patient)
        ]
        for call in given_up:
            self._calls.remove(call)
        self._fail(given_up)

    def _fail(self, calls: list[Call]) -> None:
        for call in calls:
            try:
                call.answered(LinkLost())
            except Exception:
                self.log.failure("told that the link is lost")

    # -- topics

    def subscribe(self, topic: str) -> None:
        """Hear a topic: from before whatever is asked next, and on later wires, too."""
        if topic not in self._topics:
            self._topics[topic] = None
            self._write("SUBSCRIBE", topic)

    def unsubscribe(self, topic: str) -> None:
        """Hear a topic no more."""
        if topic in self._topics:
            del self._topics[topic]
            self._write("UNSUBSCRIBE", topic)

    def _write(self, verb: str, topic: str) -> None:
        if self._wire is not None:
            self._wire.waiting.append(TOPIC)
            self._written.append(packed(verb, topic))
            self.soon()


def _endpoint(reactor: Any, address: Address) -> Any:
    if address.path:
        return UNIXClientEndpoint(reactor, address.path, timeout=5)
    plain: Any = HostnameEndpoint(reactor, address.host, address.port, timeout=5)
    if not address.tls:
        return plain
    from broker.tls import creator  # costs start-up time, seldom needed

    return wrapClientTLS(creator(address), plain)


def packed(*command: Argument) -> bytes:
    """A command as it's written. Raises UnicodeEncodeError for half a surrogate pair."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]
    return packed
