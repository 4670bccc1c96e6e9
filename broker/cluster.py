"""The broker that keeps its promises with Redis: the order of steps, and what to do when
Redis is away.

    Cluster ── Store ──> Link ──> Redis: one script a step
       │         ▲          ▲       │
       ├─ Presence (lease,  └───────┘ PUBLISH
       │            sweep)  │
       ├─ Feed <────────────┘
       │    └──> Sink
       ├─ Holding (records, nicks) and KeptSessions, both by Attempts
       └─ Replication ──> a Link of its own, if replicas count

What spans slots is a sequence of steps, each safe to repeat, in an order in which stopping
after any of them leaves no lie behind: what a session is about to hold is written into its
record first and crossed out last, so that whoever sweeps it finds everything.
"""

import random
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from broker.address import Address, Place, Seeds, Sentinels, parse
from broker.addresses import Addresses
from broker.api import (
    UNTOLD,
    Arrival,
    Attendance,
    ChannelInfo,
    Code,
    Decide,
    History,
    Identity,
    Invitation,
    JudgeOf,
    Later,
    Missed,
    Person,
    Position,
    Posted,
    Receipt,
    Redaction,
    Refused,
    Regained,
    Resumed,
    Roster,
    Settled,
    Sighting,
    Sink,
    Span,
    Topic,
    Totals,
    Wanted,
    Was,
    altered,
)
from broker.api import (
    Presence as Present,
)
from broker.attempts import Attempts
from broker.bans import Ban
from broker.barring import Barring
from broker.board import Board
from broker.channels import CHANNEL_FIELDS, channel_info, channel_now
from broker.desk import Desk
from broker.events import (
    SCHEMA,
    Altered,
    Envelope,
    Extra,
    Invited,
    Quit,
    Renamed,
    Said,
    Tagged,
    Told,
    encode,
    is_fleeting,
    program,
)
from broker.feed import Feed
from broker.fleeting import Fleeting
from broker.guarded import Guarded
from broker.holding import Holding
from broker.keeping import Keeping
from broker.keys import Keys
from broker.link import Link, LinkLost, Wire
from broker.marks import Marks
from broker.names import fold
from broker.orders import HURRY, SUMMARY, Following, Order, Shown, decode_order
from broker.past import Past
from broker.people import People
from broker.presence import Presence
from broker.records import Record, Records
from broker.recovery import Recovery
from broker.replication import Replication
from broker.reports import Kind
from broker.rules import Decision, Judge, Rules, anybody
from broker.ruling import Ruling
from broker.sessions import TAKEN, KeptSessions
from broker.shards import Shards
from broker.speaking import Speaking
from broker.store import Beat, Judged, Line, Parted, Store
from broker.tally import BrokerTally
from broker.watching import Watching
from broker.writes import Writes

T = TypeVar("T")

ROWS = 500
"""How many rows of a report are written in one call."""

QUICK = 0.02
"""Seconds: a list that is read faster is read whenever somebody asks."""

STRAYED = 0.5
"""Seconds within which topics that are heard elsewhere are looked after together."""

PROBE = "probe"
"""What a node says to itself."""

NICK_LOST = "lost"
"""What a node is told when an older holder takes a nick back from it; see scripts/claim.lua."""

YIELD = "yield"
"""What a node is told, with a nick, when an older holder will."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """How to reach Redis and what to keep there.

    `lease`, `deadline` (within which Redis must answer) and `patience` (how long a command
    waits for a lost Redis) are seconds, and so is `keep`, which a detached session waits.
    `channels_per_address` and `connections_per_address` 0: any number. `replicas`: how many must
    have what is said before its author is answered, within `ack_timeout` seconds; 0: nobody waits
    for any. `passing`: how nicks begin (folded) that are given to whoever comes; empty: none are.
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
    passing: str = ""


class Cluster:
    """A `broker.api.Broker` for one node. `reactor`: Twisted's. `rng`: for back-off and names.

    `later`: as for `Link`. `orders` is told what an operator has ordered this node to do, and
    `bans` who may not connect, when that has changed. `via`: as for `Shards`.
    """

    log = Logger()

    def __init__(
        self,
        config: ClusterConfig,
        reactor: Any,
        rng: random.Random,
        later: Later | None = None,
        orders: Callable[[Order], None] = lambda _: None,
        bans: Callable[[tuple[Ban, ...]], None] = lambda _: None,
        via: Callable[[Place], Place] = lambda place: place,
    ) -> None:
        self._config = config
        self._reactor = reactor
        self._rng = rng
        self._orders = orders
        self._keys = Keys(config.namespace)
        address = parse(config.url)
        self.writes = Writes(reactor.seconds)
        self._store = Store(
            self._keys,
            history_lines=config.history_lines,
            history_days=config.history_days,
            inbox_lines=config.inbox_lines,
            script_flags=config.script_flags,
            writes=self.writes,
            sharded=isinstance(address, Seeds),
            passing=config.passing,
        )
        self.tally = BrokerTally()
        self._feed = Feed(
            self._store.read,
            self._told,
            tally=self.tally,
            seconds=reactor.seconds,
            gap=self._gap,
            decided=self._decided,
        )
        how: dict[str, Any] = {
            "deadline": config.deadline,
            "up": self._link_up,
            "down": self._link_down,
            "heard": self._feed.hear,
            "introduce": self._introduce,
            "meet": self._meet,
            "gather": self._end_of_turn,
            "later": later,
            "patience": config.patience,
            "latency": self.tally.latency,
        }
        self._marks: Marks | None = None
        connect: Callable[..., Link]
        if isinstance(address, Address):
            connect = partial(Link, reactor, address, rng)
        elif isinstance(address, Sentinels):
            connect = partial(Guarded, reactor, address, rng, via=via)
        else:
            home, strayed = self._keys.leases, self._strayed
            connect = partial(Shards, reactor, address, rng, via=via, home=home, strayed=strayed)
        self._link = connect(**how)
        if isinstance(address, Seeds):
            self._marks = Marks(self._store, self._link)
        self._store.link = self._link
        self._replication: Replication | None = None
        if config.replicas:
            self._replication = Replication(
                reactor,
                partial(
                    connect,
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
            self._store,
            self._records,
            self._feed.positions,
            keep_ms=int(config.keep * 1000),
            seconds=reactor.seconds,
        )
        self._people = People(self._store, self._keeping)
        self._watching = Watching(self._store, self._people)
        self.barring = Barring(self._store, bans)
        self._presence = Presence(
            self._store,
            self._keeping,
            reactor,
            lease=config.lease,
            incarnate=self._incarnate,
            evicted=self._evicted,
            gather=self._gather,
            probe=self._probe,
            messages=self._messages_since,
            ordered=self._ordered,
            bans=self.barring.heard,
            tally=self.tally,
        )
        self._attempts = Attempts(reactor, self._presence, self._link, patience=config.patience)
        self.desk = Desk(
            self._store,
            self.barring,
            reactor,
            name=config.node,
            now_ms=lambda: self.now_ms,
            check=self._attempts.check,
        )
        self._holding = Holding(
            self._store, self._records, self._feed, self._presence, self._attempts
        )
        self._ruling = Ruling(self._store, self._presence, self._attempts, self._struck)
        self._speaking = Speaking(self._store, self._ruling, self._attempts.aside)
        self._fleeting = Fleeting(self._store, self._ruling, self._presence, self._attempts)
        self._past = Past(self._store, self._attempts, self._presence, self._feed)
        self._kept = KeptSessions(
            self._store,
            self._records,
            self._feed,
            self._keeping,
            self._presence,
            self._attempts,
            self._holding,
            self._ruling,
            self.quit,
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
            self._store,
            self._feed,
            self._records,
            self._keeping,
            self._presence,
            self._ruling,
            reactor,
        )
        self._sink: Sink
        self._started: Deferred[None] | None = None
        self._recovering = False
        self._looking: Any = None  # when what was put back is looked at again
        self._nick_lost: set[str] = set()  # sids that were named, and hold their old nick still
        self._asked: set[str] = set()  # sids that are to give their nick back
        self._strayed_nicks = False  # and are to be looked after
        self._barriers: list[Deferred[None]] = []  # to be asked for at the end of this turn
        self._probed_at = 0.0
        self._probe_sent: float | None = None
        self._suspected = False  # that nothing is delivered any more
        self._counting: dict[str, list[Deferred[int]]] = {}  # who waits for a number
        self._cached: dict[str, tuple[float, Any]] = {}
        self._trimming = LoopingCall(self._trim)
        self._trimming.clock = reactor

    # -- being there

    @property
    def ready(self) -> bool:
        # as `Attempts.ready`, without asking it: each line is asked for this
        return self._attempts.open and not self._presence.moving

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
        self._sink = self._feed.sink = self._kept.sink = self._watching.sink = sink
        self._started = Deferred()
        self._link.subscribe(self._store.own_topic)
        self._link.start()
        if self._replication is not None:
            self._replication.start()
        await self._started
        self._presence.start()
        self._trimming.start(600, now=False)

    async def stop(self) -> None:
        self._attempts.stopping = True
        self._attempts.open = False
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

    async def _meet(self, wire: Any) -> None:
        if self._marks is not None:
            await self._marks.meet(wire)
        await self._recovery.meet(wire)
        if self._recovery.moved:
            self.tally.failovers += 1
            self.board.tell(Kind.FAILOVER, says="Redis is another server now, or was restarted")
            if self._looking is not None:
                self._looking.cancel()
            self._looking = self._reactor.callLater(2 * self._config.lease, self._look_again)

    def _strayed(self, topic: str) -> None:
        """A topic is heard at another master now: read what it may have said on the way. On its
        own a node says things to itself only.
        """
        named = self._keys.taken_apart(topic)
        if named is None or topic == self._store.own_topic:
            return
        if topic == self._keys.watch(named.name):
            self._attempts.aside(self._watching.look([fold(named.name)]))
            return
        self._feed.doubt(fold(named.name))
        if named.kind == "n" and not self._strayed_nicks:
            # what isn't in the log: that it's another's, or its session is
            self._strayed_nicks = True
            self._reactor.callLater(STRAYED, self._look_after_strayed)

    def _look_after_strayed(self) -> None:
        self._strayed_nicks = False
        if self._attempts.open:
            self._attempts.aside(self._look_for_nicks())
            self._attempts.aside(self._kept.look())

    def _look_again(self) -> None:
        self._looking = None
        self._attempts.aside(self._recovery.end_strangers())

    async def _look_for_nicks(self) -> None:
        lost = set(await self._recovery.lost_nicks())
        told, self._nick_lost = self._nick_lost, lost
        for sid in lost - told:
            self._sink.nick_lost(sid)

    def _replicas_changed(self, enough: bool) -> None:
        if not self._attempts.stopping:
            self._sink.replicated(enough)

    def _link_up(self) -> None:
        if self._link.connected and not self._recovering:
            self._recovering = True
            Deferred.fromCoroutine(self._recover()).addErrback(self._not_recovered)

    def _not_recovered(self, failure: Any) -> None:
        self._recovering = False
        if failure.check(Refused) is None:
            self.log.failure("recovering", failure)
        if self._link.connected and not self._attempts.stopping:
            self._reactor.callLater(0.2, self._link_up)

    def _link_down(self) -> None:
        self._feed.distrust()
        self._presence.unsteady()
        if self._replication is not None:
            self._replication.lost()
        self._probe_sent = None
        if self._attempts.open:
            self._attempts.open = False
            if not self._attempts.stopping:
                self.log.warn("Redis is away")
                self.board.tell(Kind.AWAY, says="no connection to Redis")
                self._sink.away()

    async def _recover(self) -> None:
        """The link is up: hold the lease, read what was missed, then take commands."""
        first = self._started is not None and not self._started.called
        if first:
            await self._presence.take()
            await self._recovery.await_others()
        else:
            await self._presence.renew()
        await self._kept.look()
        await self._watching.look()
        await self._feed.catch_up()
        while self._feed.distrusted and self._link.connected:
            await self._feed.catch_up()  # the wire was lost and renewed meanwhile
        self._recovering = False
        if self._attempts.stopping or not self._link.connected:
            return
        self._probed_at = self._reactor.seconds()
        self._attempts.open = True
        self._link.soon()  # for the barriers that waited
        if not first:
            self.tally.reconnects += 1
        if first and self._started is not None:
            self._started.callback(None)
            return
        self.log.info("Redis is back")
        self._sink.back()
        if self._recovery.moved:
            self._attempts.aside(self._look_for_nicks())
            self._attempts.aside(self._keeping.refresh(self.node))

    async def _gather(self, before: Beat) -> None:
        await self._recovery.gather(before)

    def _evicted(self, forgotten: bool) -> None:
        self._attempts.aside(self._recovery.remember())
        if forgotten:
            self.board.tell(Kind.FORGOTTEN, says="Redis lost all that it knew")
            self._feed.disown()
            self._attempts.aside(self._watching.look())
            self._attempts.aside(self._people.put_back_secrets())
        self._holding.given_back += self._records.clear()
        self._ruling.disown(forgotten=forgotten)
        self._addresses.doubt()
        self._keeping.clear()
        self._sink.evicted(forgotten)

    def _decided(self, envelope: Envelope) -> None:
        self._ruling.heard(envelope)

    def _struck(self, sid: str, channel: str) -> None:
        """Somebody was taken out of a channel by somebody else."""
        self._records.strike(sid, channel)
        self._attempts.aside(self._holding.shorten())

    def _gap(self, log: str, lost: int | None) -> None:
        many = "nobody knows how many" if lost is None else lost
        self.board.tell(Kind.GAP, log, f"lines that are lost: {many}")

    # -- proving delivery, and barriers

    def _probe(self) -> None:
        """Drop a subscription that says nothing any more, whatever TCP says."""
        if not self._attempts.open:
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
        self._link.publish(self._store.own_topic, probe)
        if self._marks is not None:
            self._marks.look()
        self._attempts.aside(self._holding.stop_hearing(self.barrier))
        self._attempts.aside(self._holding.shorten())
        self._attempts.aside(self._watching.look_again())
        self._addresses.settle()
        self._attempts.aside(self._kept.record())
        self._feed.mend_stalled()
        if self._replication is not None:
            self._replication.probe()

    def _told(self, word: str) -> None:
        """Something was published that is in no log: this node's own probe, that another node took
        up a session, that somebody else has one of its nicks, who has a nick that is watched, or
        that it's to look for orders.
        """
        kind, _, rest = word.partition(" ")
        about = rest.split(" ")
        if self._watching.heard(kind, rest):
            return
        if kind == PROBE:
            self._probed_at = now = self._reactor.seconds()
            tally = self.tally
            tally.probed_at, tally.probes = now, tally.probes + 1
            if self._probe_sent is not None:
                tally.probe, self._probe_sent = now - self._probe_sent, None
        elif kind == HURRY:
            self._attempts.aside(self._presence.hurry())
        elif kind == NICK_LOST:
            self._attempts.aside(self._look_for_nicks())
        elif kind == YIELD:
            holder = self._records.holder(about[0])
            if holder is not None and holder not in self._asked:
                self._asked.add(holder)
                self._sink.nick_lost(holder)
        elif kind == TAKEN:
            sid, turn = about
            self._kept.overtake(sid, int(turn))

    async def barrier(self) -> None:
        passed: Deferred[None] = Deferred()
        self._link.soon()
        self._barriers.append(passed)
        await passed
        await self._feed.settled()

    def _ask_for_barriers(self) -> None:
        """One PING for all: what was published before Redis answers it comes before the answer."""
        if not (self._barriers and self._attempts.open):
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

    def say(
        self,
        me: Identity,
        channel: str,
        text: str,
        action: bool,
        settled: Settled,
        *,
        judge: Judge = anybody,
        extra: Extra | None = None,
        outside: bool = False,
    ) -> None:
        if not self.ready or self._link.full:
            settled(Refused(Code.BUSY if self.ready else Code.AWAY))
            return
        me.num += 1
        if outside:
            extra = msgspec.structs.replace(extra or Extra(), outside=True)
        said = Said(me.sid, me.num, me.nick, text, action, me.profile.by, extra)
        if self._replication is not None:
            settled = partial(self._said_and, self._replication, settled)
        self._link.soon()
        if outside:
            self._speaking.add_outside(channel, said, judge, settled)
            return
        line = Line(me.sid, me.token, me.num, encode(said), settled, judge)
        self._speaking.add(fold(channel), line)

    async def tag(
        self,
        me: Identity,
        channel: str,
        tags: dict[str, str],
        extra: Extra | None = None,
        *,
        judge: Judge = anybody,
    ) -> None:
        self._attempts.check()
        me.num += 1
        event = Tagged(me.sid, me.num, me.nick, tags, "", me.profile.by, extra)
        if is_fleeting(tags):
            await self._fleeting.tag(me, channel, event, judge)
            return
        body = encode(event)
        settled: Deferred[Refused | None] = Deferred()
        line = Line(me.sid, me.token, me.num, body, settled.callback, judge)
        self._link.soon()
        self._speaking.add(fold(channel), line)
        refused = await settled
        if refused is not None:
            raise refused

    async def post(self, name: str, channel: str, text: str, key: str = "") -> Posted:
        self._attempts.check()
        said = Said(program(), 1, name, text)
        key = key or said.sid  # so that a call whose answer is lost can be repeated

        async def post(again: bool) -> Posted:
            return Posted(*await self._store.post(channel, said, key, again=again))

        posted = await self._attempts.settle(self.node, post)
        self._speaking.said += posted.fresh
        if self._replication is not None:
            await self._replication.confirmed()
        return posted

    @staticmethod
    def _said_and(replication: Replication, settled: Settled, refused: Refused | None) -> None:
        """A line was accepted, or refused: settle it when replicas have it."""
        if refused is None:
            replication.confirm(partial(settled, None))
        else:
            settled(refused)

    def _end_of_turn(self) -> None:
        self._speaking.end_of_turn()
        self._ask_for_barriers()

    def _messages_since(self) -> int:
        said, self._speaking.said = self._speaking.said, 0
        return said

    # -- connections

    async def admit(self, address: str) -> bool:
        return await self._addresses.admit(address)

    def dismiss(self, address: str) -> None:
        self._addresses.dismiss(address)

    # -- sessions and nicks

    async def open(self, me: Identity) -> None:
        await self._attempts.moved()
        self._attempts.check()
        node, record = self.node, self._records.begin(me)
        try:
            tip, claimed = await self._holding.claim(me, me.nick, node)
            if self._records.waiting:
                await self._holding.let_go(me.sid, me.nick)
        except Refused as refused:
            await self._holding.give_up(me.sid, record, node)
            if refused.code is Code.UNSETTLED:  # and undone now
                raise Refused(Code.CUT_OFF) from None
            raise
        if node != self.node:
            raise Refused(Code.CUT_OFF)
        self._holding.take(me.sid, me.nick, tip, claimed)

    async def rename(self, me: Identity, new: str, channels: list[str]) -> list[str]:
        self._attempts.check()
        record, node, old = self._records.of(me), self.node, me.nick
        me.num += 1
        moved = fold(new) != fold(old)
        record.nicks.insert(0, new)  # the first is what lists show
        try:
            tip, claimed = await self._holding.claim(me, new, node)
        except Refused as refused:
            record.nicks.sort(key=lambda nick: nick != old)
            if refused.code is Code.NICK_TAKEN and moved:
                self._records.gave_back(me.sid, new)
            self._records.changed.add(me.sid)
            self._attempts.aside(self._holding.shorten())
            raise
        self._holding.take(me.sid, new, tip, claimed)
        self._nick_lost.discard(me.sid)
        self._asked.discard(me.sid)
        names = tuple(fold(channel) for channel in channels)
        event = Renamed(me.sid, me.num, old, new, names, me.profile.by)
        told = [fold(name) for name in channels if await self._store.rename(me, name, event)]
        if moved:
            await self._store.release(me.sid, me.token, old)
            self._records.gave_back(me.sid, old)
            self._holding.given_back.append(old)
        return told

    async def quit(self, me: Identity, why: str, channels: list[str]) -> None:
        me.num += 1
        node, record = self.node, self._records.find(me)
        if record is None:
            record = Record(me.token, [me.nick], {})
        names = tuple(fold(channel) for channel in channels)
        event = Quit(me.sid, me.num, me.nick, why, names, me.profile.by)
        nicks = list(record.nicks)
        for name in record.channels:
            self._records.leaving(me.sid, name)
            self._ruling.gone(name, me.sid)
        await self._attempts.insist(node, lambda: self._quit(me, event, record, node))
        self._holding.forsake(nicks)

    async def _quit(self, me: Identity, event: Quit, record: Record, node: str) -> None:
        if record.kept and not await self._keeping.lapse(me):
            self._records.end(me.sid, record)
            self._keeping.moved(me.sid, record, node)
            return
        for name in dict.fromkeys([*event.channels, *record.channels]):
            await self._store.part(record.token, name, event)
        await self._holding.give_up(event.sid, record, node)
        if self._records.waiting:
            await self._holding.let_go(event.sid)
        if record.kept:
            await self._keeping.forget(me.sid)
        self._records.gone(event, record)

    # -- kept sessions

    async def keep(self, me: Identity, secret: str, state: bytes) -> None:
        await self._kept.keep(me, secret, state)

    def detach(self, me: Identity, state: bytes) -> Awaitable[None]:
        return self._kept.detach(me, state)

    async def resume(self, me: Identity, secret: str, *, detached: bool = False) -> Resumed:
        return await self._kept.resume(me, secret, detached=detached)

    async def regain(self, me: Identity, channel: str) -> Regained | None:
        return await self._kept.regain(me, channel)

    def attend(self, me: Identity, inbox: Position) -> None:
        self._kept.attend(me, inbox)

    async def resumed(self, me: Identity) -> None:
        await self._kept.resumed(me)

    async def missed(self, log: str, after: Position, upto: Position) -> Missed:
        return await self._kept.missed(log, after, upto)

    # -- channels

    async def follow(self, channel: str) -> None:
        self._attempts.check()
        self._feed.follow(fold(channel))
        self._link.subscribe(self._keys.channel(channel).log)

    async def listen(self, channel: str) -> Position:
        self._attempts.check()
        await self._store.topic(channel)  # there is one
        tip = (await self._store.read(channel, 0, 1)).tip
        self._feed.open(fold(channel), tip)
        return tip

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
        judge: Judge = anybody,
        status: str = "",
        modes: str = "",
    ) -> Arrival:
        self._attempts.check()
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
            "status": status,
            "modes": modes,
            "before": self._ruling.forgotten(channel, me.sid),
        }
        may_make = not (most and me.address)

        async def join(judged: Judged) -> Arrival | tuple[Rules, bool] | None:
            async def join(_again: bool) -> Arrival | tuple[Rules, bool] | None:
                ways["deadline"] = self._presence.deadline
                joining = self._store.join(me, channel, may_make=may_make, judged=judged, **ways)
                return await self._holding.noted(me, node, joining)

            return await self._attempts.settle(node, join)

        try:
            found = await self._ruling.join(channel, judge, join)
            if found is None:
                now = self._presence.now_ms
                if await self._store.reserve(me.address, channel, now, most):
                    may_make = True
                    found = await self._ruling.join(channel, judge, join)
            if found is None:
                raise Refused(Code.TOO_MANY_MADE, channel)
        except Refused as refused:
            if refused.code not in (Code.UNSETTLED, Code.CUT_OFF, Code.BUSY):
                self._records.left(me, channel)  # certainly not in there
            raise
        self._records.joined(me.sid, channel, quiet)
        self._ruling.came(channel, me.sid, found.tip, found.status, found.rules)
        self._feed.open(fold(channel), found.tip)  # at once: the first answer is the earliest tip
        if found.roster.total == 1:
            self._attempts.aside(self._store.index(channel))
        return found

    async def leave(self, me: Identity, channel: str, why: str) -> None:
        self._attempts.check()
        me.num += 1
        node, gone = self.node, False
        self._records.leaving(me.sid, channel)

        async def leave(again: bool) -> Parted | None:
            nonlocal gone
            gone = again
            return await self._store.leave(me, channel, why)

        parted = await self._attempts.settle(node, leave)
        self._records.left(me, channel)
        self._ruling.gone(channel, me.sid)
        if parted is None and not gone:
            raise Refused(Code.NOT_MEMBER, channel)
        if parted is not None and parted.left == 0:
            self._attempts.aside(self._store.emptied(channel, parted.maker))

    async def set_topic(
        self, me: Identity, channel: str, topic: str, *, judge: Judge = anybody
    ) -> None:
        self._attempts.check()
        me.num += 1
        await self._ruling.set_topic(me, channel, topic, judge)

    async def roster(self, channel: str) -> Roster:
        self._attempts.check()
        return await self._store.roster(channel)

    async def topic(self, channel: str) -> Topic:
        self._attempts.check()
        return await self._store.topic(channel)

    async def history(
        self, channel: str, count: int, before: Position | None = None, ranks: str = ""
    ) -> History:
        self._attempts.check()
        return await self._store.history(channel, count, before, ranks)

    async def span(self, me: Identity, target: str, wanted: Wanted) -> Span:
        return await self._past.span(me, target, wanted)

    async def latest(self, me: Identity, channels: list[str]) -> dict[str, int]:
        return await self._past.latest(me, channels)

    async def redact(
        self, me: Identity, target: str, at: Position, why: str, *, power: bool = False
    ) -> Redaction:
        return await self._past.redact(me, target, at, why, power=power)

    # -- channels with rules

    async def rules(self, channel: str) -> Rules:
        self._attempts.check()
        return await self._ruling.rules(channel)

    async def rule(
        self, me: Identity, channel: str, decide: Decide, about: Iterable[str] | None = None
    ) -> Decision:
        self._attempts.check()
        self._records.of(me)
        me.num += 1
        return await self._ruling.rule(me, channel, decide, about)

    async def kick(
        self, me: Identity, channel: str, nick: str, why: str, *, judge: JudgeOf
    ) -> None:
        self._attempts.check()
        self._records.of(me)
        me.num += 1
        parted = await self._ruling.kick(me, channel, nick, why, judge)
        if parted is not None and parted.left == 0:
            self._attempts.aside(self._store.emptied(channel, parted.maker))

    async def invite(self, me: Identity, channel: str, nick: str, *, judge: Judge) -> Invitation:
        self._attempts.check()
        self._records.of(me)
        me.num += 1
        event = await self._ruling.invite(me, channel, nick, judge)
        receipt = await self._tell(event.guest, event)
        return Invitation(receipt.nick, receipt.away)

    # -- people

    async def tell(
        self,
        me: Identity,
        nick: str,
        text: str,
        *,
        action: bool = False,
        extra: Extra | None = None,
    ) -> Receipt:
        self._attempts.check()
        self._records.of(me)
        me.num += 1
        event = Told(me.sid, me.num, me.nick, text, "", action, me.profile.by, extra)
        return await self._tell(nick, event)

    async def touch(
        self, me: Identity, nick: str, tags: dict[str, str], extra: Extra | None = None
    ) -> Receipt:
        self._attempts.check()
        self._records.of(me)
        me.num += 1
        event = Tagged(me.sid, me.num, me.nick, tags, "", me.profile.by, extra)
        if is_fleeting(tags):
            return await self._fleeting.touch(nick, event)
        return await self._tell(nick, event)

    async def _tell(self, nick: str, event: Told | Tagged | Invited) -> Receipt:
        node = self.node
        first = self._presence.now_ms - 1000

        async def tell(again: bool) -> Receipt:
            deadline, sent = self._presence.deadline, first if again else 0
            receipt, told = await self._store.tell(nick, event, deadline=deadline, sent=sent)
            if told is not None:
                self._feed.witness(told)
            return receipt

        receipt = await self._attempts.settle(node, tell)
        if self._replication is not None:
            await self._replication.confirmed()
        return receipt

    async def alter(
        self, me: Identity, what: str, value: str | None, channels: Iterable[str] = ()
    ) -> list[str]:
        self._attempts.check()
        me.num += 1
        names = tuple(map(fold, channels))
        profile, away = altered(me.profile, what, value), value if what == "away" else me.away
        if what in UNTOLD:
            await self._store.describe(me, profile, away)
            return []
        event = Altered(me.sid, me.num, me.nick, what, value, names, me.profile.by)
        await self._store.describe(me, profile, away, event)
        return [name for name in names if await self._store.alter(me, name, event)]

    async def set_away(self, me: Identity, why: str | None, channels: Iterable[str] = ()) -> None:
        await self.alter(me, "away", why, channels)

    async def person(self, nick: str) -> Person:
        self._attempts.check()
        return await self._people.person(nick)

    async def persons(self, nicks: Iterable[str]) -> list[Person | None]:
        self._attempts.check()
        return await self._people.persons(nicks)

    async def members(self, channel: str) -> Attendance:
        self._attempts.check()
        return await self._people.members(channel)

    async def was(self, nick: str, count: int = 0) -> list[Was]:
        self._attempts.check()
        return await self._people.was(nick, count, self._presence.now_ms)

    async def watch(self, nicks: Sequence[str]) -> list[Sighting | None]:
        self._attempts.check()
        return await self._watching.watch(nicks)

    def unwatch(self, nicks: Iterable[str]) -> None:
        self._watching.unwatch(nicks)

    async def secret(self, name: str, drawn: str) -> str:
        self._attempts.check()
        return await self._people.secret(name, drawn)

    # -- what may be a second old

    async def channels(self) -> list[ChannelInfo]:
        self._attempts.check()
        return await self._lately("channels", self._read_channels)

    async def channel(self, name: str) -> ChannelInfo:
        self._attempts.check()
        return await channel_now(self._store, name)

    async def people(self) -> list[Present]:
        self._attempts.check()
        return await self._lately("people", self._read_people)

    async def totals(self) -> Totals:
        self._attempts.check()
        return await self._lately("totals", self._read_totals)

    async def _lately(self, what: str, read: Callable[[], Awaitable[T]]) -> T:
        """A value that is read when it's asked for, but in no more than a tenth of the time."""
        until, value = self._cached.get(what, (0.0, None))
        if self._reactor.seconds() >= until:
            began = self._reactor.seconds()
            value = await read()
            took = self._reactor.seconds() - began
            until = began + min(1.0, 10 * took) if took > QUICK else 0.0
            self._cached[what] = (until, value)
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
                *(("HMGET", keys.meta, *CHANNEL_FIELDS) for keys in some)
            )
            for name, size, fields in zip(names[i:], sizes, about, strict=False):
                row = channel_info(size, fields)
                if row is not None and size:
                    found.append(row)
                else:
                    await self._store.unindex(name)
        return sorted(found, key=lambda channel: fold(channel.name))

    async def _nodes(self) -> list[str]:
        return [node.decode() for node in await self._store.ask("ZRANGE", self._keys.leases, 0, -1)]

    async def _read_people(self) -> list[Present]:
        return await self._people.everyone(await self._nodes())

    async def _read_totals(self) -> Totals:
        nodes = await self._nodes()
        channels, messages, *sessions = await self._store.ask_all(
            ("SCARD", self._keys.channel_index),
            ("GET", self._keys.messages),
            ("HLEN", self._keys.shelf),
            *(("HLEN", self._keys.node_sessions(node)) for node in nodes),
        )
        return Totals(len(nodes), sum(sessions), channels, int(messages or 0) + self._speaking.said)

    async def count(self, counter: str) -> int:
        self._attempts.check()
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

    @property
    def now_ms(self) -> int:
        """Redis's clock, Unix ms, as well as it's known here."""
        return self._presence.now_ms

    async def end_detached(self, sid: str, why: str) -> bool:
        """End a kept session that is on no node; whether there is one."""
        return await self._keeping.end(sid, why)

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
                if self._attempts.open:
                    await self._store.trim(log, self._presence.now_ms - self._store.kept_ms)
            if self._attempts.open:
                await self._keeping.refresh(self.node)

        def missed(failure: Failure) -> None:
            failure.trap(Refused)  # the next time, then

        return Deferred.fromCoroutine(each()).addErrback(missed)
