"""The broker that keeps its promises with Redis: the order of steps, and what to do when
Redis is away.

    Cluster ── Store ──> Link ──> Redis: one script a step
       │         ▲          ▲       │
       ├─ Presence (lease,  └───────┘ PUBLISH
       │            sweep)  │
       ├─ Feed <────────────┘
       │    └──> Sink
       └─ Replication ──> a Link of its own, if replicas count

What spans slots is a sequence of steps, each safe to repeat, in an order in which stopping
after any of them leaves no lie behind: what a session is about to hold is written into its
record first and crossed out last, so that whoever sweeps it finds everything.
"""

import random
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar, cast

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from broker.address import parse
from broker.addresses import Addresses
from broker.api import (
    Arrival,
    ChannelInfo,
    Code,
    Identity,
    Later,
    Missed,
    Person,
    Position,
    Reach,
    Receipt,
    Refused,
    Regained,
    Resumed,
    Roster,
    Settled,
    Sink,
    Topic,
    Totals,
)
from broker.api import (
    Presence as Present,
)
from broker.board import Board
from broker.events import SCHEMA, Entry, Envelope, Quit, Renamed, Said, encode
from broker.feed import CHUNK, Feed
from broker.keeping import LOST, Keeping, Outcome, Places, Taking
from broker.kept import TURN, Reclaimed
from broker.keys import Keys
from broker.link import Link, LinkLost, Wire
from broker.names import fold
from broker.orders import SUMMARY, Following, Order, Shown, decode_order
from broker.overview import name_of
from broker.presence import Presence
from broker.records import Record, Records, decode_record
from broker.recovery import Recovery
from broker.replication import Replication
from broker.reports import Kind
from broker.store import Late, Line, Parted, Store
from broker.tally import BrokerTally

T = TypeVar("T")

TAKEN = "taken"
"""What a node publishes to another when it takes up a session of it, with the session's sid and
the how manieth time that is. What is published after it isn't for the other to show.
"""

ROWS = 500
"""How many records are written down in one call."""


PROBE = "probe"
"""What a node says to itself."""

NICK_LOST = "lost"
"""What a node is told when an older holder takes a nick back from it; see scripts/claim.lua."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """How to reach Redis and what to keep there.

    `lease`, `deadline` (within which Redis must answer) and `patience` (how long a command
    waits for a lost Redis) are seconds, and so is `keep`, which a detached session waits.
    `channels_per_address` and `connections_per_address` 0: any number. `replicas`: how many must
    have what is said before its author is answered, within `ack_timeout` seconds; 0: nobody waits
    for any.
    """

    url: str = "redis://127.0.0.1:6379/0"
    namespace: str = "chorus"
    node: str = "node"
    lease: float = 8.0
    deadline: float = 2.0
    patience: float = 30.0
    history_lines: int = 1000
    history_days: float = 7.0
    inbox_lines: int = 500
    channels_per_address: int = 1000
    replicas: int = 0
    ack_timeout: float = 0.5
    connections_per_address: int = 100
    keep: float = 60.0
    script_flags: bool = True


class Cluster:
    """A `broker.api.Broker` for one node. `reactor`: Twisted's. `rng`: for back-off and names.

    `later`: as for `Link`. `orders` is told what an operator has ordered this node to do.
    """

    log = Logger()

    def __init__(
        self,
        config: ClusterConfig,
        reactor: Any,
        rng: random.Random,
        later: Later | None = None,
        orders: Callable[[Order], None] = lambda _: None,
    ) -> None:
        self._config = config
        self._reactor = reactor
        self._rng = rng
        self._orders = orders
        self._keys = Keys(config.namespace)
        self._store = Store(
            self._keys,
            history_lines=config.history_lines,
            history_days=config.history_days,
            inbox_lines=config.inbox_lines,
            script_flags=config.script_flags,
        )
        address = parse(config.url)
        self.tally = BrokerTally()
        self._feed = Feed(
            self._store.read, self._told, tally=self.tally, seconds=reactor.seconds, gap=self._gap
        )
        self._link = self._store.link = Link(
            reactor,
            address,
            rng,
            deadline=config.deadline,
            up=self._link_up,
            down=self._link_down,
            heard=self._feed.hear,
            introduce=self._introduce,
            meet=self._meet,
            gather=self._end_of_turn,
            later=later,
            patience=config.patience,
            latency=self.tally.latency,
        )
        self._replication: Replication | None = None
        if config.replicas:
            self._replication = Replication(
                reactor,
                partial(
                    Link,
                    reactor,
                    address,
                    rng,
                    deadline=config.deadline + config.ack_timeout,
                    heard=lambda _: None,
                    later=later,
                ),
                mark=self._store.mark,
                replicas=config.replicas,
                timeout=config.ack_timeout,
                changed=self._replicas_changed,
                master=self._link,
            )
        self._records = Records()
        self._keeping = Keeping(
            self._store, self._records, self._feed.positions, keep_ms=int(config.keep * 1000)
        )
        self._presence = Presence(
            self._store,
            self._keeping,
            reactor,
            lease=config.lease,
            incarnate=self._incarnate,
            evicted=self._evicted,
            probe=self._probe,
            messages=self._messages_since,
            ordered=self._ordered,
            tally=self.tally,
        )
        self._addresses = Addresses(
            self._store,
            most=config.connections_per_address,
            node=lambda: self.node,
            ready=lambda: self.ready and not self._link.full,
        )
        self.board = Board(
            self._store,
            name=config.node,
            node=lambda: self.node,
            now_ms=lambda: self._presence.now_ms,
            ready=lambda: self._link.connected and not self._link.full,
            seconds=reactor.seconds,
        )
        self._store.own_topic = self._keys.node_topic(self._presence.node)  # of all incarnations
        self._recovery = Recovery(
            self._store, self._feed, self._records, self._keeping, self._presence, reactor
        )
        self._sink: Sink
        self._ready = False
        self._started: Deferred[None] | None = None
        self._recovering = False
        self._looking: Any = None  # when what was put back is looked at again
        self._nick_lost: set[str] = set()  # sids that were named, and hold their old nick still
        self._stopping = False
        self._given_back: list[str] = []  # nicks that are heard still
        self._claimed: list[str] = []  # nicks, folded, whose claims are under way
        self._lines: dict[str, list[Line]] = {}  # what this turn said, by channel
        self._barriers: list[Deferred[None]] = []  # to be asked for at the end of this turn
        self._probed_at = 0.0
        self._probe_sent: float | None = None
        self._suspected = False  # that nothing is delivered any more
        self._said = 0
        self._recording = False
        self._counting: dict[str, list[Deferred[int]]] = {}  # who waits for a number
        self._detaching: dict[str, list[Deferred[None]]] = {}  # sid: who waits for that
        self._cached: dict[str, tuple[float, Any]] = {}
        self._trimming = LoopingCall(self._trim)
        self._trimming.clock = reactor

    # -- being there

    @property
    def ready(self) -> bool:
        return self._ready and not self._presence.moving

    @property
    def calls(self) -> int:
        """How many calls to Redis are under way."""
        return self._link.under_way

    @property
    def node(self) -> str:
        """This incarnation's name: the node's, and what is drawn at random at each start."""
        return self._presence.node

    def _incarnate(self) -> str:
        return f"{self._config.node}.{secrets.token_hex(6)}"

    async def start(self, sink: Sink) -> None:
        self._sink = self._feed.sink = sink
        self._started = Deferred()
        self._link.subscribe(self._store.own_topic)
        self._link.start()
        if self._replication is not None:
            self._replication.start()
        await self._started
        self._presence.start()
        self._trimming.start(600, now=False)

    async def stop(self) -> None:
        self._stopping = True
        self._ready = False
        if self._trimming.running:
            self._trimming.stop()
        if self._looking is not None:
            self._looking.cancel()
        if self._link.connected:
            # people who couldn't be said goodbye to are left to whoever sweeps the lease
            await self._presence.stop(give_up=not self._records)
        if self._replication is not None:
            await self._replication.stop()
        await self._link.stop()

    async def _introduce(self, wire: Wire) -> None:
        await self._store.load_scripts(wire)
        if self._replication is not None:
            await self._replication.greet(wire)

    async def _meet(self, wire: Wire) -> None:
        await self._recovery.meet(wire)
        if self._recovery.moved:
            self.tally.failovers += 1
            self.board.tell(Kind.FAILOVER, says="Redis is another server now, or was restarted")
            if self._looking is not None:
                self._looking.cancel()
            self._looking = self._reactor.callLater(2 * self._config.lease, self._look_again)

    def _look_again(self) -> None:
        self._looking = None
        self._aside(self._recovery.end_strangers())

    async def _look_for_nicks(self) -> None:
        lost = set(await self._recovery.lost_nicks())
        told, self._nick_lost = self._nick_lost, lost
        for sid in lost - told:
            self._sink.nick_lost(sid)

    def _replicas_changed(self, enough: bool) -> None:
        if not self._stopping:
            self._sink.replicated(enough)

    def _link_up(self) -> None:
        if self._link.connected and not self._recovering:
            self._recovering = True
            Deferred.fromCoroutine(self._recover()).addErrback(self._not_recovered)

    def _not_recovered(self, failure: Any) -> None:
        self._recovering = False
        if failure.check(Refused) is None:
            self.log.failure("recovering", failure)
        if self._link.connected and not self._stopping:
            self._reactor.callLater(0.2, self._link_up)

    def _link_down(self) -> None:
        self._feed.distrust()
        self._presence.unsteady()
        if self._replication is not None:
            self._replication.lost()
        self._probe_sent = None
        if self._ready:
            self._ready = False
            if not self._stopping:
                self.log.warn("Redis is away")
                self.board.tell(Kind.AWAY, says="no connection to Redis")
                self._sink.away()

    async def _recover(self) -> None:
        """The link is up: hold the lease, read what was missed, then take commands."""
        first = self._started is not None and not self._started.called
        if first:
            await self._presence.take()
        else:
            await self._presence.renew()
        for sid in await self._keeping.overtaken():
            self._lose_kept(sid)  # before more is shown to them; the word of it wasn't heard
        await self._feed.catch_up()
        while self._feed.distrusted and self._link.connected:
            await self._feed.catch_up()  # the wire was lost and renewed meanwhile
        self._recovering = False
        if self._stopping or not self._link.connected:
            return
        self._probed_at = self._reactor.seconds()
        self._ready = True
        self._link.soon()  # for the barriers that waited
        if not first:
            self.tally.reconnects += 1
        if first and self._started is not None:
            self._started.callback(None)
            return
        self.log.info("Redis is back")
        self._sink.back()
        if self._recovery.moved:
            self._aside(self._look_for_nicks())
            self._aside(self._keeping.refresh(self.node))

    def _evicted(self, forgotten: bool) -> None:
        self._aside(self._recovery.remember())
        if forgotten:
            self.board.tell(Kind.FORGOTTEN, says="Redis lost all that it knew")
            self._feed.disown()
        self._given_back += self._records.clear()
        self._addresses.doubt()
        self._keeping.clear()
        self._sink.evicted(forgotten)

    def _gap(self, log: str, lost: int | None) -> None:
        many = "nobody knows how many" if lost is None else lost
        self.board.tell(Kind.GAP, log, f"lines that are lost: {many}")

    # -- proving delivery, and barriers

    def _probe(self) -> None:
        """Drop a subscription that says nothing any more, whatever TCP says."""
        if not self._ready:
            return
        two_beats = self._config.lease / 4
        silent = self._reactor.seconds() - self._probed_at
        # twice: if this process stood still, the probe may be there and not read yet
        overdue = silent > max(self._config.deadline, two_beats)
        self._suspected, again = overdue, self._suspected
        if overdue and again:
            self.log.warn("nothing is delivered any more")
            self._link.drop()
        if self._probe_sent is None or overdue:
            self._probe_sent = self._reactor.seconds()
        probe = msgspec.json.encode(Envelope(SCHEMA, "", PROBE, 0, 0, []))
        self._link.send(("PUBLISH", self._store.own_topic, probe), lambda _: None)
        self._aside(self._stop_hearing())
        self._aside(self._shorten())
        self._addresses.settle()
        self._aside(self._record_kept())
        self._feed.mend_stalled()
        if self._replication is not None:
            self._replication.probe()

    def _told(self, word: str) -> None:
        """Something was published for this node alone: its own probe, that another node took up a
        session, or that somebody else has one of its nicks.
        """
        kind, *about = word.split(" ")
        if kind == PROBE:
            self._probed_at = now = self._reactor.seconds()
            tally = self.tally
            tally.probed_at, tally.probes = now, tally.probes + 1
            if self._probe_sent is not None:
                tally.probe, self._probe_sent = now - self._probe_sent, None
        elif kind == NICK_LOST:
            self._aside(self._look_for_nicks())
        elif kind == TAKEN:
            sid, turn = about
            match self._keeping.overtake(sid, int(turn)):
                case Outcome.MOVED:
                    self._lose_kept(sid)
                case Outcome.MOVING:
                    self._sink.taken(sid)  # and whoever takes it up gives up

    async def barrier(self) -> None:
        passed: Deferred[None] = Deferred()
        self._link.soon()
        self._barriers.append(passed)
        await passed
        await self._feed.settled()

    def _ask_for_barriers(self) -> None:
        """One PING for all: what was published before Redis answers it comes before the answer."""
        if not (self._barriers and self._ready):
            return
        waiting, self._barriers = self._barriers, []

        def answered(reply: Any) -> None:
            if isinstance(reply, LinkLost):
                self._barriers += waiting  # and when Redis is back they're asked for again
                return
            for one in waiting:
                one.callback(None)

        self._link.send(("PING",), answered, again=False)

    # -- lines: one call for all that a turn said in a channel

    def say(self, me: Identity, channel: str, text: str, action: bool, settled: Settled) -> None:
        if not self.ready or self._link.full:
            settled(Refused(Code.BUSY if self.ready else Code.AWAY))
            return
        me.num += 1
        body = encode(Said(me.sid, me.num, me.nick, text, action))
        if self._replication is not None:
            settled = partial(self._said_and, self._replication, settled)
        line = Line(me.sid, me.token, me.num, body, settled)
        name = fold(channel)
        self._link.soon()
        said = self._lines.get(name)
        if said is None:
            self._lines[name] = [line]
        else:
            said.append(line)

    @staticmethod
    def _said_and(replication: Replication, settled: Settled, refused: Refused | None) -> None:
        """A line was accepted, or refused: settle it when replicas have it."""
        if refused is None:
            replication.confirm(partial(settled, None))
        else:
            settled(refused)

    def _end_of_turn(self) -> None:
        lines, self._lines = self._lines, {}
        for channel, said in lines.items():
            self._said += len(said)
            self._store.say(channel, said)
        self._ask_for_barriers()

    def _messages_since(self) -> int:
        said, self._said = self._said, 0
        return said

    # -- connections

    async def admit(self, address: str) -> bool:
        return await self._addresses.admit(address)

    def dismiss(self, address: str) -> None:
        self._addresses.dismiss(address)

    # -- sessions and nicks

    def _check(self) -> None:
        if not self.ready:
            raise Refused(Code.AWAY)
        if self._link.full:
            raise Refused(Code.BUSY)

    async def open(self, me: Identity) -> None:
        if self._ready:
            await self._presence.moved()
        self._check()
        node, record = self.node, self._records.begin(me)
        try:
            tip, claimed = await self._claim(me, me.nick, node)
        except Refused as refused:
            await self._give_up(me.sid, record, node)
            if refused.code is Code.UNSETTLED:  # and undone now
                raise Refused(Code.CUT_OFF) from None
            raise
        if node != self.node:
            raise Refused(Code.CUT_OFF)
        self._take(me.sid, me.nick, tip, claimed)

    def _take(self, sid: str, nick: str, tip: Position, claimed: int) -> None:
        """The nick is the session's."""
        self._records.holds(sid, nick, claimed)
        self._feed.open(fold(nick), tip)

    async def _give_up(self, sid: str, record: Record, node: str) -> None:
        """Leave nothing of a session."""
        self._records.ending(sid)
        await self._store.give_up(sid, record, node)
        self._records.end(sid, record)

    async def _claim(self, me: Identity, nick: str, node: str) -> tuple[Position, int]:
        """Claim a nick, and hear what is sent to it from that moment. As `Store.claim`."""

        async def claim(_again: bool) -> tuple[Position, int]:
            deadline = self._presence.deadline
            return await self._noted(me, node, self._store.claim(me, nick, node, deadline))

        self._feed.follow(fold(nick))
        self._claimed.append(fold(nick))
        try:
            return await self._settle(node, claim)
        except BaseException:
            self._given_back.append(nick)
            raise
        finally:
            self._claimed.remove(fold(nick))

    async def _noted(self, me: Identity, node: str, work: Coroutine[Any, Any, T]) -> T:
        """Take hold of something, when the session's record is written that tells of it.

        Both go out together: the link's calls are done in their order.
        """
        rows = self._records.rows({me.sid})
        noted = self._store.note(node, self._presence.deadline, rows)
        try:
            found = await work
        except BaseException:
            noted.addErrback(lambda _: None)
            raise
        await noted
        return found

    async def rename(self, me: Identity, new: str, channels: list[str]) -> list[str]:
        self._check()
        record, node, old = self._records.of(me), self.node, me.nick
        me.num += 1
        moved = fold(new) != fold(old)
        record.nicks.insert(0, new)  # the first is what lists show
        try:
            tip, claimed = await self._claim(me, new, node)
        except Refused as refused:
            record.nicks.sort(key=lambda nick: nick != old)
            if refused.code is Code.NICK_TAKEN and moved:
                self._records.gave_back(me.sid, new)
            self._records.changed.add(me.sid)
            self._aside(self._shorten())
            raise
        self._take(me.sid, new, tip, claimed)
        event = Renamed(me.sid, me.num, old, new, tuple(fold(channel) for channel in channels))
        told = [fold(name) for name in channels if await self._store.rename(me, name, event)]
        if moved:
            await self._store.release(me.sid, me.token, old)
            self._records.gave_back(me.sid, old)
            self._given_back.append(old)
        return told

    async def _shorten(self) -> None:
        """Write down anew the records that tell of more than is held."""
        changed = self._records.changed
        while changed and self.ready:
            some = set(islice(changed, ROWS))
            changed -= some
            rows = self._records.rows(some)  # not earlier: they may grow meanwhile
            try:
                if rows:
                    await self._store.note(self.node, self._presence.deadline, rows)
            except (Late, LinkLost, Refused):
                changed |= some  # with the next beat
                return

    async def _stop_hearing(self) -> None:
        """What was sent to a nick before it was given back has come by when the barrier has."""
        given_back, self._given_back = self._given_back, []
        if given_back:
            await self.barrier()
            self._forsake(given_back)

    def _forsake(self, nicks: list[str]) -> None:
        """Hear nothing more of nicks that nobody here holds or is about to."""
        for nick in nicks:
            if not self._records.is_held(nick) and fold(nick) not in self._claimed:
                self._feed.unfollow(fold(nick))

    async def quit(self, me: Identity, why: str, channels: list[str]) -> None:
        me.num += 1
        node, record = self.node, self._records.find(me)
        if record is None:
            record = Record(me.token, [me.nick], {})
        event = Quit(me.sid, me.num, me.nick, why, tuple(fold(channel) for channel in channels))
        nicks = list(record.nicks)
        for name in record.channels:
            self._records.leaving(me.sid, name)
        await self._insist(node, lambda: self._quit(me, event, record, node))
        self._forsake(nicks)

    async def _quit(self, me: Identity, event: Quit, record: Record, node: str) -> None:
        if record.kept and not await self._keeping.lapse(me):
            self._records.end(me.sid, record)
            self._keeping.moved(me.sid, record, node)
            return
        for name in dict.fromkeys([*event.channels, *record.channels]):
            await self._store.part(record.token, name, event)
        await self._give_up(event.sid, record, node)
        if record.kept:
            await self._keeping.forget(me.sid)
        self._records.gone(event)

    async def _insist(self, node: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do what has to be done while Redis takes no writes (out of disk or of replicas, say),
        too: again and again, as long as this incarnation lives.
        """
        while node == self.node:
            try:
                await work()
                return
            except Refused as refused:
                if refused.code not in (Code.BUSY, Code.UNSETTLED) or self._stopping:
                    raise
            await self._pause(0.5)

    # -- kept sessions

    async def keep(self, me: Identity, secret: str, state: bytes) -> None:
        self._check()
        record, node = self._records.of(me), self.node
        record.kept = True

        async def keep(_again: bool) -> None:
            keeping = self._keeping.keep(me, secret, state, node)
            await self._noted(me, node, keeping)

        await self._settle(node, keep)

    async def _record_kept(self) -> None:
        if not self.ready or self._recording:
            return
        self._recording = True
        try:
            for sid in await self._keeping.record(self.node, self._sink.kept()):
                self._lose_kept(sid)
        finally:
            self._recording = False

    def _lose_kept(self, sid: str) -> None:
        """Another node has taken the session up."""
        record = self._records.pop(sid)
        if record is not None:
            self._keeping.moved(sid, record, self.node)
            self._forsake(record.nicks)
            self._sink.taken(sid)

    def detach(self, me: Identity, state: bytes) -> Awaitable[None]:
        record = self._records.find(me)
        if record is None:
            return succeed(None)  # its incarnation has ended, and whoever swept it detached it
        waiting = self._detaching.setdefault(me.sid, [])
        leaving = self._detach(me, record, state, self._keeping.places(me, record))

        def left(result: Any) -> Any:
            if self._detaching.get(me.sid) is waiting:
                del self._detaching[me.sid]
                for one in waiting:
                    one.callback(None)
            return result

        return Deferred.fromCoroutine(leaving).addBoth(left)

    async def _detached(self, sid: str) -> None:
        """Returns when the session isn't being detached here."""
        if sid in self._detaching:
            over: Deferred[None] = Deferred()
            self._detaching[sid].append(over)
            await over

    async def _detach(self, me: Identity, record: Record, state: bytes, places: Places) -> None:
        node = self.node

        async def detach() -> None:
            if self._keeping.is_taking(me.sid):
                await self._keeping.give_up(me, node, self._presence.now_ms)
                return
            outcome = await self._keeping.detach(me, record, places, state, node)
            if outcome is Outcome.ENDED and node == self.node:
                await self.quit(me, LOST, [])
            elif self._records.find(me) is record:
                self._records.ending(me.sid)
                await self._keeping.crossed_out(outcome, me.sid, record, node)
                self._records.end(me.sid, record)

        await self._insist(node, detach)
        self._forsake(record.nicks)

    async def resume(self, me: Identity, secret: str, *, detached: bool = False) -> Resumed:
        if self._ready:
            await self._presence.moved()
        self._check()
        await self._detached(me.sid)
        node = self.node

        async def take(_again: bool) -> Taking:
            return await self._keeping.take(
                me,
                secret,
                node,
                deadline=self._presence.deadline,
                detached=detached,
            )

        try:
            taking = await self._settle(node, take)
            return await self._take_up(me, taking, node)
        except BaseException:
            if me.nick:
                self._given_back.append(me.nick)
            now = self._presence.now_ms
            await self._insist(node, lambda: self._keeping.give_up(me, node, now))
            raise

    async def _take_up(self, me: Identity, taking: Taking, node: str) -> Resumed:
        """Take up the nick, the one that's shown first, and give back the others."""
        told, inbox = taking.told(), Position("", 0)
        topics = {self._store.own_topic}
        me.nick = ""
        for nick in list(taking.record.nicks):
            found = await self._reclaim(me, nick, node)
            if found is None:
                continue
            if found.topic not in topics:
                topics.add(found.topic)
                word = f"{TAKEN} {me.sid} {taking.row.turn}"
                packed = msgspec.json.encode(Envelope(SCHEMA, "", word, 0, 0, []))
                self._link.send(("PUBLISH", found.topic, packed), lambda _: None)
            if me.nick:
                await self._store.release(me.sid, me.token, nick)
                self._records.gave_back(me.sid, nick)
                self._given_back.append(nick)
                continue
            me.nick, me.away, me.since = found.nick, found.away, found.since
            inbox = found.tip
            reach = told.get(fold(nick), Reach(found.taken, 0))
            epoch, seq = reach.after
            if seq < 0 or (epoch == found.taken.epoch and seq < found.taken.seq):
                reach = reach._replace(after=found.taken)
            told[fold(nick)] = reach
        if not me.nick:
            await self._keeping.acts(me)
        channels = list(taking.record.channels.values())
        return Resumed(
            me.nick, me.away, me.since, taking.row.state, channels, inbox, told, taking.till
        )

    async def _reclaim(self, me: Identity, nick: str, node: str) -> Reclaimed | None:
        """Take up a claim, and hold what is sent to the nick from that moment."""

        async def reclaim(_again: bool) -> Reclaimed | None:
            return await self._keeping.reclaim(me, nick, node, self._presence.deadline)

        found = None
        self._feed.follow(fold(nick))
        self._claimed.append(fold(nick))
        try:
            found = await self._settle(node, reclaim)
            if node != self.node:
                raise Refused(Code.CUT_OFF)
            if found is not None:
                self._records.holds(me.sid, nick, found.claimed)
            return found
        finally:
            self._claimed.remove(fold(nick))
            if found is None:
                self._given_back.append(nick)

    async def regain(self, me: Identity, channel: str) -> Regained | None:
        node = self.node

        async def regain(_again: bool) -> Regained | None:
            return await self._keeping.regain(me, channel, self._presence.deadline)

        found = await self._settle(node, regain)
        if found is not None:
            self._records.joined(me.sid, channel, found.quiet)
            self._feed.open(fold(channel), found.tip)
            if found.nick != me.nick:
                # its node died in the middle of a nick change; where that is told still, it's one
                taking = self._keeping.taking(me.sid)
                num, channels = taking.row.turn << TURN, tuple(taking.record.channels)
                event = Renamed(me.sid, num, found.nick, me.nick, channels)
                await self._store.rename(me, fold(channel), event)
        return found

    def attend(self, me: Identity, inbox: Position) -> None:
        self._feed.open(fold(me.nick), inbox)

    async def resumed(self, me: Identity) -> None:
        self._check()
        taking = await self._keeping.taken(me)
        for name in taking.gone:
            if name.startswith("#"):
                self._left(me, name)
            elif fold(name) != fold(me.nick):
                self._records.gave_back(me.sid, name)

    async def missed(self, log: str, after: Position, upto: Position) -> Missed:
        self._check()
        epoch, start = after
        if start >= upto.seq and epoch in ("", upto.epoch):
            return Missed(0, [])
        tip, some, past = await self._store.read(log, start, CHUNK)
        if tip.epoch != upto.epoch and upto.seq > past.get(upto.epoch, -1):
            return Missed(None, [])
        # empty: nobody had written to it yet
        same = epoch in ("", upto.epoch, tip.epoch) or start <= past.get(epoch, -1)
        if not same:
            start = 0
            some = (await self._store.read(log, 0, CHUNK)).entries
        found = list(some)
        while len(some) == CHUNK and some[-1].seq < upto.seq:
            some = (await self._store.read(log, some[-1].seq, CHUNK)).entries
            found += some
        missed = [entry for entry in found if entry.seq <= upto.seq]
        lost = max(0, upto.seq - start) - len(missed)
        return Missed(lost if same else None, missed)

    # -- channels

    async def follow(self, channel: str) -> None:
        self._check()
        self._feed.follow(fold(channel))
        self._link.subscribe(self._keys.channel(channel).log)

    def unfollow(self, channel: str) -> None:
        self._feed.unfollow(fold(channel))
        self._link.unsubscribe(self._keys.channel(channel).log)

    async def join(
        self,
        me: Identity,
        channel: str,
        *,
        announce: bool = True,
        quiet: bool = False,
        roster: int = 100,
        history: int = 10,
    ) -> Arrival:
        self._check()
        record = self._records.of(me)
        me.num += 1
        node, most = self.node, self._config.channels_per_address
        record.channels.setdefault(fold(channel), channel)
        ways: dict[str, Any] = {
            "announce": announce,
            "quiet": quiet,
            "roster": roster,
            "history": history,
            "num": me.num,
        }
        may_make = not (most and me.address)

        async def join(_again: bool) -> Arrival | None:
            ways["deadline"] = self._presence.deadline
            joining = self._store.join(me, channel, may_make=may_make, **ways)
            return await self._noted(me, node, joining)

        found = await self._settle(node, join)
        if found is None:
            now = self._presence.now_ms
            if await self._store.reserve(me.address, channel, now, most):
                may_make = True
                found = await self._settle(node, join)
        if found is None:
            self._left(me, channel)
            raise Refused(Code.TOO_MANY_MADE, channel)
        self._records.joined(me.sid, channel, quiet)
        self._feed.open(fold(channel), found.tip)  # at once: the first answer is the earliest tip
        if found.roster.total == 1:
            self._aside(self._store.index(channel))
        return found

    def _left(self, me: Identity, channel: str) -> None:
        """The session isn't in the channel any more, or never was."""
        record = self._records.find(me)
        if record is not None and record.channels.pop(fold(channel), ""):
            self._records.changed.add(me.sid)

    async def leave(self, me: Identity, channel: str, why: str) -> None:
        self._check()
        me.num += 1
        node, gone = self.node, False
        self._records.leaving(me.sid, channel)

        async def leave(again: bool) -> Parted | None:
            nonlocal gone
            gone = again
            return await self._store.leave(me, channel, why)

        parted = await self._settle(node, leave)
        self._left(me, channel)
        if parted is None and not gone:
            raise Refused(Code.NOT_MEMBER, channel)
        if parted is not None and parted.left == 0:
            self._aside(self._store.emptied(channel, parted.maker))

    async def set_topic(self, me: Identity, channel: str, topic: str) -> None:
        self._check()
        me.num += 1
        await self._store.set_topic(me, channel, topic)

    async def roster(self, channel: str) -> Roster:
        self._check()
        return await self._store.roster(channel)

    async def topic(self, channel: str) -> Topic:
        self._check()
        return await self._store.topic(channel)

    async def history(self, channel: str, count: int) -> list[Entry]:
        self._check()
        return await self._store.history(channel, count)

    # -- people

    async def tell(self, me: Identity, nick: str, text: str) -> Receipt:
        self._check()
        self._records.of(me)
        me.num += 1
        node = self.node
        first = self._presence.now_ms - 1000

        async def tell(again: bool) -> Receipt:
            deadline, sent = self._presence.deadline, first if again else 0
            receipt, told = await self._store.tell(me, nick, text, deadline=deadline, sent=sent)
            if told is not None:
                self._feed.witness(told)
            return receipt

        receipt = await self._settle(node, tell)
        if self._replication is not None:
            await self._replication.confirmed()
        return receipt

    async def _settle(self, node: str, attempt: Callable[[bool], Awaitable[T]]) -> T:
        """Try until Redis answers; `attempt` is told whether it may have been done before.

        Raises UNSETTLED when patience is at its end, or CUT_OFF if this node isn't the
        incarnation any more that began: nothing may be done in its name.
        """
        again, until = False, self._reactor.seconds() + self._config.patience
        while self._reactor.seconds() < until:
            if node != self.node:
                raise Refused(Code.UNSETTLED if again else Code.CUT_OFF)
            if self._ready and self._presence.held:
                try:
                    return await attempt(again)
                except LinkLost:
                    again = True
                except Late:
                    pass
            await self._pause(0.05)
        raise Refused(Code.UNSETTLED)

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for."""

        def missed(failure: Failure) -> None:
            if failure.check(Refused) is None:
                self.log.failure("nobody waited for this", failure)

        Deferred.fromCoroutine(work).addErrback(missed)

    async def _pause(self, seconds: float) -> None:
        over: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, over.callback, None)
        await over

    async def set_away(self, me: Identity, why: str | None) -> None:
        self._check()
        await self._store.set_away(me, why)

    async def person(self, nick: str) -> Person:
        self._check()
        claim = await self._store.claim_of(nick)
        record = await self._store.record(claim["sid"], claim["node"])
        if record is None:
            record = await self._keeping.shelved_record(claim["sid"])
        return Person(
            claim["nick"],
            name_of(claim["node"]),
            int(claim["since"]),
            claim.get("away"),
            sorted(record.channels.values(), key=fold) if record is not None else [],
        )

    # -- what may be a second old

    async def channels(self) -> list[ChannelInfo]:
        self._check()
        return await self._lately("channels", self._read_channels)

    async def people(self) -> list[Present]:
        self._check()
        return await self._lately("people", self._read_people)

    async def totals(self) -> Totals:
        self._check()
        return await self._lately("totals", self._read_totals)

    async def _lately(self, what: str, read: Callable[[], Awaitable[T]]) -> T:
        at, value = self._cached.get(what, (0.0, None))
        if value is None or self._reactor.seconds() - at > 1.0:
            at = self._reactor.seconds()
            value = await read()
            self._cached[what] = (at, value)
        return cast(T, value)

    async def _read_channels(self) -> list[ChannelInfo]:
        names = [
            name.decode() for name in await self._store.ask("SMEMBERS", self._keys.channel_index)
        ]
        found = []
        for i in range(0, len(names), 500):
            some = [self._keys.channel(name) for name in names[i : i + 500]]
            sizes = await self._store.ask_all(*(("HLEN", keys.roster) for keys in some))
            about = await self._store.ask_all(
                *(("HMGET", keys.meta, "name", "topic") for keys in some)
            )
            for name, size, (spelled, topic) in zip(names[i:], sizes, about, strict=False):
                if size and spelled is not None:
                    found.append(ChannelInfo(spelled.decode(), size, (topic or b"").decode()))
                else:
                    await self._store.unindex(name)
        return sorted(found, key=lambda channel: fold(channel.name))

    async def _nodes(self) -> list[str]:
        return [node.decode() for node in await self._store.ask("ZRANGE", self._keys.leases, 0, -1)]

    async def _read_people(self) -> list[Present]:
        nodes = await self._nodes()
        records = await self._store.ask_all(
            *(("HVALS", self._keys.node_sessions(node)) for node in nodes)
        )
        found = [
            Present(record.nicks[0], name_of(node))
            for node, some in zip(nodes, records, strict=True)
            for record in map(decode_record, some)
            if record.nicks  # while a session is being taken up it may have none
        ]
        found += [
            Present(record.nicks[0], name_of(node))
            for node, record in (await self._keeping.shelved()).values()
        ]
        return sorted(set(found), key=lambda present: fold(present.nick))

    async def _read_totals(self) -> Totals:
        nodes = await self._nodes()
        channels, messages, *sessions = await self._store.ask_all(
            ("SCARD", self._keys.channel_index),
            ("GET", self._keys.messages),
            ("HLEN", self._keys.shelf),
            *(("HLEN", self._keys.node_sessions(node)) for node in nodes),
        )
        return Totals(len(nodes), sum(sessions), channels, int(messages or 0) + self._said)

    async def count(self, counter: str) -> int:
        self._check()
        number: Deferred[int] = Deferred()
        waiting = self._counting.get(counter)
        if waiting is not None:
            waiting.append(number)
        else:
            self._counting[counter] = [number]
            Deferred.fromCoroutine(self._count(counter))
        return await number

    async def _count(self, counter: str) -> None:
        """One call at a time and counter, for all who asked meanwhile: a number each."""
        while waiting := self._counting[counter]:
            self._counting[counter] = []
            batch = secrets.token_hex(6)
            try:
                last = await self._store.count(counter, self.node, batch, len(waiting))
            except Refused as refused:
                for one in waiting:
                    one.errback(refused)
                continue
            for i, one in enumerate(waiting, last - len(waiting) + 1):
                one.callback(i)
        del self._counting[counter]

    # -- an operator's orders

    def _ordered(self, raw: bytes) -> None:
        try:
            order = decode_order(raw)
        except msgspec.DecodeError as e:
            self.log.error("an order that can't be understood: {why}", why=str(e))
            return
        self.log.info("ordered to {what}", what=type(order).__name__.lower())
        self._orders(order)

    async def report(self, number: str, summary: msgspec.Struct, within: float = 0.0) -> None:
        """Report to the operator how far an order is, which will be done `within` seconds."""
        await self._store.report(number, {SUMMARY: msgspec.json.encode(summary)}, within)

    async def show(self, number: str, sessions: dict[str, Shown]) -> None:
        """Report to the operator what is in this node's memory: its sessions, by sid."""
        rows = [(sid, msgspec.json.encode(shown)) for sid, shown in sessions.items()]
        for i in range(0, len(rows), ROWS):
            await self._store.report(number, dict(rows[i : i + ROWS]))
        heard = (log for log in self._feed.followed() if log.startswith("#"))
        await self.report(number, Following(tuple(heard)))

    # -- housekeeping

    def _trim(self) -> "Deferred[None]":
        """Forget what is older than the days that are kept, in the logs that are followed.

        How many connections there are is told again, before Redis forgets it.
        """
        self._addresses.doubt()

        async def each() -> None:
            for log in self._feed.followed():
                if self._ready:
                    await self._store.trim(log, self._presence.now_ms - self._store.kept_ms)
            if self._ready:
                await self._keeping.refresh(self.node)

        def missed(failure: Failure) -> None:
            failure.trap(Refused)  # the next time, then

        return Deferred.fromCoroutine(each()).addErrback(missed)
