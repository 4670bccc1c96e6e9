"""Who is alive: this node's lease, and what is left of nodes that lost theirs (I5).

    every beat   renew the lease, send a probe through Redis to this node's own topic
                 if steady for a whole lease: sweep those whose lease has ended

A node that stood still, or that couldn't reach Redis, doesn't sweep before it has renewed
without a break for a whole lease: when a frozen Redis wakes, every lease looks ended, and
whoever came first would sweep all the others. Every step of a sweep is safe to repeat and
guarded by the dead session's token, so two sweepers do no harm. Must not know sinks.
"""

import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock, DeferredSemaphore
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from broker.api import Code, Refused
from broker.events import Quit
from broker.keeping import LOST, Keeping, Outcome
from broker.records import Record
from broker.store import Beat, Store
from broker.tally import BrokerTally

AT_ONCE = 50
"""How many sessions of a dead node are swept at the same time."""


class Presence:
    """The lease of one incarnation of a node, and the sweeping of others.

    `lease`: seconds; `lease_ms`: the same. `incarnate` gives a name for a new incarnation.
    `evicted` is told when the lease turns out to have ended, with whether Redis forgot everything
    (see `api.Sink.evicted`). Before that, if it did, `gather` gets the last beat at which it
    hadn't, and returns when all that nodes held is held again. `probe` is called with each beat.
    `ordered` is told what an operator has ordered this incarnation to do (`broker.orders`), each
    order by itself, and `bans` which version they have. `ended`: own incarnations whose end isn't
    dealt with yet: what they held isn't cleared away.
    """

    log = Logger()

    def __init__(
        self,
        store: Store,
        keeping: Keeping,
        clock: Any,
        *,
        lease: float,
        incarnate: Callable[[], str],
        evicted: Callable[[bool], None],
        gather: Callable[[Beat], Awaitable[None]],
        probe: Callable[[], None],
        messages: Callable[[], int],
        ordered: Callable[[bytes], None],
        bans: Callable[[int], None],
        tally: BrokerTally | None = None,
    ) -> None:
        self._tally = tally or BrokerTally()
        self._store = store
        self._keeping = keeping
        self._clock = clock
        self.lease_ms = int(lease * 1000)
        self._incarnate = incarnate
        self._evicted = evicted
        self._gather = gather
        self._probe = probe
        self._messages = messages
        self._ordered = ordered
        self._bans = bans
        self.node = incarnate()
        self._epoch = ""
        self._steady_since = 0
        self._last: Beat | None = None
        self._last_at = 0.0
        self._held = False
        self._beating = LoopingCall(self._tick)
        self._beating.clock = clock
        self._sweeps: set[str] = set()
        self.ended: list[str] = []
        self._before: Beat | None = None  # the last at which Redis hadn't forgotten what it has now
        self._one_at_a_time = DeferredLock()
        self._hurrying = False

    def start(self) -> None:
        """Beat from now on, eight times in a lease."""
        self._beating.start(self.lease_ms / 8000, now=False)

    async def stop(self, *, give_up: bool) -> None:
        """Beat no more, and give the lease back if nothing is held under it any more."""
        if self._beating.running:
            self._beating.stop()
        if self._held and give_up:
            self._held = False
            await self._store.give_up_lease(self.node)

    @property
    def held(self) -> bool:
        """Whether this node held its lease at the last beat."""
        return self._held

    @property
    def epoch(self) -> str:
        """Of what Redis knows: another one after it lost everything."""
        return self._epoch

    async def moved(self) -> None:
        """Returns when no renewal is under way."""
        if self.ended:
            await self._one_at_a_time.run(lambda: None)

    @property
    def now_ms(self) -> int:
        """Redis's clock, as well as it can be known here; 0 before the first beat."""
        if self._last is None:
            return 0
        return self._last.now + int((self._clock.seconds() - self._last_at) * 1000)

    @property
    def nodes(self) -> list[str]:
        """The incarnations that held a lease at the last beat."""
        return self._last.nodes if self._last is not None else []

    @property
    def beaten_ms(self) -> int:
        """When the lease was last looked at (Redis's clock, ms); 0 before the first beat."""
        return 0 if self._last is None else self._last.now

    @property
    def deadline(self) -> int:
        """Until when (Redis's clock, ms) nobody can have swept this node."""
        return self._last.deadline if self._last is not None and self._held else 0

    def unsteady(self) -> None:
        """Something came between: no sweeping for a whole lease."""
        self._steady_since = 0

    async def take(self) -> None:
        """Take a lease for this incarnation."""
        await self._beat(take=True)

    @property
    def runs(self) -> bool:
        """Whether this node's lease still runs by the clock here, so that nobody has swept it."""
        return self._held and self._clock.seconds() - self._last_at < self.lease_ms / 1000

    async def carry_over(self, store: Store, *, ran: bool) -> bool:
        """Renew the lease at another server; whether it's held there. `ran`: as `runs` was when
        this node came there; then it's taken if the server hadn't heard of it yet.
        """
        beat = await store.beat(self.node, self.lease_ms, take=ran, messages=0)
        if not beat.held:
            return False
        self._last, self._last_at = beat, self._clock.seconds()
        self._pass_on(beat)
        return True

    async def renew(self) -> bool:
        """Renew the lease now. False if it had ended: then there's a new incarnation, and
        `evicted` has been told.
        """
        return await self._one_at_a_time.run(self._renew)

    async def hurry(self) -> None:
        """Beat once more, soon: there's something to be had with it."""
        if not self._hurrying:
            self._hurrying = True
            await self._one_at_a_time.run(self._hurry)

    async def _hurry(self) -> None:
        self._hurrying = False  # what comes from here on may be too late for this beat
        if self._beating.running:
            await self._renew()

    async def _renew(self) -> bool:
        before = self._last
        beat = await self._beat(take=False)
        if not beat.held:
            self.ended.append(self.node)
            if beat.epoch != self._epoch and self._before is None:
                self._before = before
            self._epoch = beat.epoch
            self.node = self._incarnate()
            self.unsteady()
            self._tally.leases_lost += 1
            self.log.warn("the lease had ended; this node is {new} now", new=self.node)
            await self.take()
        else:
            self._epoch = beat.epoch
        if not self.ended:
            return True
        forgotten = self._before is not None
        if self._before is not None:
            await self._gather(self._before)
        for old in self.ended:
            # its people quit, as far as others are concerned, before they come again; if all was
            # forgotten, these are only the few who came since, and nobody has to see them go
            if not await self.sweep(old, silently=forgotten):
                raise Refused(Code.BUSY)  # with the next beat, then
        self._before, self.ended = None, []
        self._evicted(forgotten)
        return False

    async def hold_on(self) -> None:
        """Renew the lease while it isn't dealt with that another had ended. Raises BUSY if this one
        has, too.
        """
        if not (await self._beat(take=False)).held:
            raise Refused(Code.BUSY)

    async def _beat(self, *, take: bool) -> Beat:
        asked = self._clock.seconds()
        beat = await self._store.beat(
            self.node, self.lease_ms, take=take, messages=self._messages()
        )
        # in between Redis looked at its clock
        self._tally.skew = beat.now - (asked + self._clock.seconds()) * 500
        last = self._last
        if last is None or beat.now < last.now or beat.now - last.now > self.lease_ms // 2:
            self.unsteady()
        if self._steady_since == 0 or not beat.held:
            self._steady_since = beat.now
        self._held = beat.held
        self._last, self._last_at = beat, self._clock.seconds()
        if self._epoch == "":
            self._epoch = beat.epoch
        self._pass_on(beat)
        return beat

    def _pass_on(self, beat: Beat) -> None:
        for order in beat.orders:
            self._ordered(order)
        self._bans(beat.bans)

    async def _look(self) -> None:
        if not await self.renew():
            return
        assert self._last is not None
        if self._last.now - self._steady_since < self.lease_ms:
            return
        half = self.lease_ms // 2
        until = self._last.now + half
        nodes, sids = await self._store.expired(half, AT_ONCE, until, self.node)
        for node in nodes:
            await self.sweep(node)
        for sid in sids:
            await self._keeping.end(sid)

    def _tick(self) -> "Deferred[None]":
        self._probe()
        return Deferred.fromCoroutine(self._look()).addErrback(self._later)

    def _later(self, failure: Any) -> None:
        """A beat that couldn't be settled: the next will tell."""
        if failure.check(Refused) is None:
            self.log.failure("a beat", failure)  # and the heart beats on
        self.unsteady()

    async def sweep(self, node: str, *, silently: bool = False) -> bool:
        """Take the people of a dead incarnation out of everything, each once.

        False if something couldn't be swept yet.
        """
        if node in self._sweeps or node == self.node:
            return True
        self._sweeps.add(node)
        try:
            sessions = await self._store.sessions_of(node)
            self.log.info("sweeping {node}: {n} sessions", node=node, n=len(sessions))
            some = DeferredSemaphore(AT_ONCE)
            sweeping = [
                some.run(self._sweep_session, node, sid, record, silently)
                for sid, record in sessions.items()
            ]
            swept = [await one for one in sweeping]
            if all(swept):
                await self._store.swept(node)
                self._tally.swept += 1
            return all(swept)
        finally:
            self._sweeps.discard(node)

    async def _sweep_session(self, node: str, sid: str, record: Record, silently: bool) -> bool:
        if record.kept and silently:
            await self._keeping.discard(sid, record)  # its node opens it anew, and keeps it
        elif record.kept:
            # it lived as long as it renewed its lease, and a beat or two more
            till = self.now_ms - self.lease_ms + self.lease_ms // 4
            outcome = await self._keeping.detach_dead(node, sid, record, till)
            if outcome is Outcome.MOVING:
                return False
            if outcome is Outcome.DETACHED:
                await self._store.cross_out(sid, node)
                return True
        # any sweeper's events are the same, so that each is shown once
        num = zlib.crc32(node.encode())
        event = Quit(sid, num, next(iter(record.nicks), ""), LOST, tuple(record.channels))
        for channel in record.channels:
            await self._store.part(record.token, channel, event, silently=silently)
        await self._store.give_up(sid, record, node)
        return True
