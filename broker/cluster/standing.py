"""A node's broker as it stands: its parts put together, and what is done when Redis comes and goes.

    Standing ─┬─ Link, up and down: recover, catch up, then take commands again
              ├─ Presence: each beat probes, settles, shortens
              └─ what is published that is in no log

What the parts are is drawn in `broker.cluster`.
"""

import random
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from broker.address import Address, Place, Seeds, Sentinels, parse
from broker.addresses import Addresses
from broker.api import Later, Refused, Sink
from broker.asking import Asking
from broker.attempts import Attempts
from broker.bans import Ban
from broker.barring import Barring
from broker.board import Board
from broker.bygone import Bygone
from broker.cluster.config import ClusterConfig
from broker.counting import Counting
from broker.delivery import PROBE, Delivery
from broker.desk import Desk
from broker.events import Envelope, Moved
from broker.feed import Feed
from broker.fleeting import Fleeting
from broker.guarded import Guarded
from broker.holding import Holding
from broker.keeping import Keeping
from broker.keys import Keys
from broker.lately import Lately
from broker.link import Link, Wire
from broker.marks import Marks
from broker.moves import make_way, whither
from broker.moving import Moving
from broker.names import fold
from broker.naming import NICK_LOST, YIELD, Naming
from broker.orders import HURRY, Order, decode_order
from broker.past import Past
from broker.people import People
from broker.presence import Presence
from broker.records import Records
from broker.recovery import Recovery
from broker.replication import Replication
from broker.reports import Kind
from broker.ruling import AllSpeak, Ruling, unruled
from broker.sessions import TAKEN, KeptSessions
from broker.shards import Shards
from broker.speaking import Speaking
from broker.store import Beat, Store
from broker.tally import BrokerTally
from broker.watching import Watching
from broker.writes import Writes

STRAYED = 0.5
"""Seconds within which topics that are heard elsewhere are looked after together."""


class Standing:
    """`reactor`: Twisted's. `rng`: for back-off and names.

    `later`: as for `Link`. `orders` is told what an operator has ordered this node to do, and
    `bans` who may not connect, when that has changed. `via`: as for `Shards`.
    `all_speak`: as for `Ruling`.
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
        all_speak: AllSpeak = unruled,
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
            arrived=self._arrived,
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
        self._asking = Asking(self._store, reactor)
        self._bygone = Bygone(self._store, config.was_nicks)
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
        self._ruling = Ruling(self._store, self._presence, self._attempts, self._struck, all_speak)
        self._moving = Moving(
            self._store, self._records, self._feed, self._presence, self._attempts, self._ruling
        )
        self._store.whither, self._store.make_way = whither, make_way
        self._store.astray = self._moving.astray
        self._speaking = Speaking(self._store, self._ruling, self._attempts.aside)
        self._fleeting = Fleeting(self._store, self._ruling, self._presence, self._attempts)
        self._past = Past(self._store, self._attempts, self._presence, self._feed)
        self._counting = Counting(self._store, self._presence)
        self._lately = Lately(
            self._store, self._people, reactor, unsaid=lambda: self._speaking.said
        )
        self._delivery = Delivery(
            self._store,
            self._feed,
            self._attempts,
            reactor,
            self.tally,
            lease=config.lease,
            deadline=config.deadline,
        )
        self._recovery = Recovery(
            self._store,
            self._feed,
            self._records,
            self._keeping,
            self._presence,
            self._ruling,
            reactor,
        )
        self._naming = Naming(
            self._store,
            self._records,
            self._holding,
            self._keeping,
            self._ruling,
            self._presence,
            self._attempts,
            self._recovery,
            self._nick_lost,
        )
        self._kept = KeptSessions(
            self._store,
            self._records,
            self._feed,
            self._keeping,
            self._presence,
            self._attempts,
            self._holding,
            self._ruling,
            self._moving,
            self._naming.quit,
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
        self._sink: Sink
        self._started: Deferred[None] | None = None
        self._recovering = False
        self._looking: Any = None  # when what was put back is looked at again
        self._strayed_nicks = False  # and are to be looked after
        self._trimming = LoopingCall(self._trim)
        self._trimming.clock = reactor

    # -- being there

    @property
    def ready(self) -> bool:
        # as `Attempts.ready`, without asking it: each line is asked for this
        return self._attempts.open and not self._presence.ended

    @property
    def calls(self) -> int:
        """How many calls to Redis are under way."""
        return self._link.under_way

    @property
    def node(self) -> str:
        """This incarnation's name: the node's, and what is drawn at random at each start."""
        return self._presence.node

    @property
    def now_ms(self) -> int:
        """Redis's clock, Unix ms, as well as it's known here."""
        return self._presence.now_ms

    def _incarnate(self) -> str:
        return f"{self._config.node}.{secrets.token_hex(6)}"

    async def start(self, sink: Sink) -> None:
        self._sink = self._feed.sink = self._kept.sink = self._watching.sink = sink
        self._asking.sink = sink
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
            self._attempts.aside(self._naming.look_for_lost())
            self._attempts.aside(self._kept.look())

    def _look_again(self) -> None:
        self._looking = None
        self._attempts.aside(self._recovery.end_strangers())

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
        self._delivery.interrupted()
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
        self._delivery.reopened()
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
            self._attempts.aside(self._naming.look_for_lost())
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
        self._holding.evicted(*self._records.clear(), forgotten=forgotten)
        self._ruling.disown(forgotten=forgotten)
        self._addresses.doubt()
        self._keeping.clear()
        self._sink.evicted(forgotten)

    def _decided(self, envelope: Envelope) -> None:
        self._ruling.heard(envelope)
        self._moving.heard(envelope)

    async def _arrived(self, log: str, event: Moved) -> None:
        await self._moving.arrived(log, event)

    def _nick_lost(self, sid: str) -> None:
        self._sink.nick_lost(sid)

    def _struck(self, sid: str, channel: str) -> None:
        """Somebody was taken out of a channel by somebody else."""
        self._records.strike(sid, channel)
        self._attempts.aside(self._holding.shorten())

    def _gap(self, log: str, lost: int | None) -> None:
        many = "nobody knows how many" if lost is None else lost
        self.board.tell(Kind.GAP, log, f"lines that are lost: {many}")

    # -- with each beat, at the end of each turn, and when something is published

    def _probe(self) -> None:
        if not self._attempts.open:
            return
        self._delivery.probe()
        if self._marks is not None:
            self._marks.look()
        self._attempts.aside(self._holding.stop_hearing(self._delivery.barrier))
        self._attempts.aside(self._holding.shorten())
        self._attempts.aside(self._watching.look_again())
        self._attempts.aside(self._bygone.settle())
        self._addresses.settle()
        self._attempts.aside(self._kept.record())
        self._feed.mend_stalled()
        if self._replication is not None:
            self._replication.probe()

    def _told(self, word: str) -> None:
        """Something was published that is in no log: this node's own probe, that another node took
        up a session, that somebody else has one of its nicks, who has a nick that is watched, what
        another node asks or answers, or that it's to look for orders.
        """
        kind, _, rest = word.partition(" ")
        about = rest.split(" ")
        if self._watching.heard(kind, rest) or self._asking.heard(kind, about):
            return
        if kind == PROBE:
            self._delivery.proved()
        elif kind == HURRY:
            self._attempts.aside(self._presence.hurry())
        elif kind == NICK_LOST:
            self._attempts.aside(self._naming.look_for_lost())
        elif kind == YIELD:
            self._naming.yield_up(about[0])
        elif kind == TAKEN:
            sid, turn = about
            self._kept.overtake(sid, int(turn))

    def _end_of_turn(self) -> None:
        self._speaking.end_of_turn()
        self._delivery.ask_for_barriers()

    def _messages_since(self) -> int:
        said, self._speaking.said = self._speaking.said, 0
        return said

    def _ordered(self, raw: bytes) -> None:
        try:
            order = decode_order(raw)
        except msgspec.DecodeError as e:
            self.log.error("an order that can't be understood: {why}", why=str(e))
            return
        self.log.info("ordered to {what}", what=type(order).__name__.lower())
        self._orders(order)

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
