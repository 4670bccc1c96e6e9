"""Kept sessions, as a broker offers them: the order of steps in which they're kept, detached, taken
up again, and lost to another node (see `broker.api.Broker.keep` and what follows it there).

    Cluster ──> KeptSessions ─┬─> Keeping: whose a session is, and how far it was told
                              ├─> Holding: nicks, and the inboxes that are heard
                              └─> Sink.kept, Sink.taken
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, succeed

from broker.api import (
    Code,
    Identity,
    Missed,
    Position,
    Reach,
    Refused,
    Regained,
    Resumed,
    Sink,
)
from broker.attempts import Attempts
from broker.events import SCHEMA, Envelope, Left, Renamed
from broker.feed import CHUNK, Feed
from broker.holding import Holding
from broker.keeping import LOST, Keeping, Outcome, Taking
from broker.kept import TURN, Reclaimed
from broker.moves import whither
from broker.moving import Moving
from broker.names import fold
from broker.presence import Presence
from broker.reaches import Places
from broker.records import Record, Records
from broker.ruling import Ruling
from broker.store import Store

TAKEN = "taken"
"""What a node publishes to another when it takes up a session of it, with the session's sid and
the how manieth time that is. What is published after it isn't for the other to show.
"""


AGAIN = (Code.BUSY, Code.CUT_OFF, Code.UNSETTLED)
"""With these, who had a session till its node was cut off tries again to take it back. Meanwhile
what is sent to it is heard.
"""


class KeptSessions:
    """See the module's docstring. `quit` ends a session that turns out not to be kept."""

    sink: Sink

    def __init__(
        self,
        store: Store,
        records: Records,
        feed: Feed,
        keeping: Keeping,
        presence: Presence,
        attempts: Attempts,
        holding: Holding,
        ruling: Ruling,
        moving: Moving,
        quit: Callable[[Identity, str, list[str]], Awaitable[None]],
    ) -> None:
        self._store = store
        self._records = records
        self._feed = feed
        self._keeping = keeping
        self._presence = presence
        self._attempts = attempts
        self._holding = holding
        self._ruling = ruling
        self._moving = moving
        self._quit = quit
        self._recording = False
        self._detaching: dict[str, list[Deferred[None]]] = {}  # sid: who waits for that

    async def keep(self, me: Identity, secret: str, state: bytes) -> None:
        """As `broker.api.Broker.keep`."""
        self._attempts.check()
        record, node = self._records.of(me), self._presence.node
        record.kept = True

        async def keep(_again: bool) -> None:
            keeping = self._keeping.keep(me, secret, state, node)
            await self._holding.noted(me, node, keeping)

        await self._attempts.settle(node, keep)

    async def record(self) -> None:
        """Write down how far those who are here were told."""
        if not self._attempts.ready or self._recording:
            return
        self._recording = True
        try:
            for sid in await self._keeping.record(self._presence.node, self.sink.kept()):
                self.lose(sid)
        finally:
            self._recording = False

    async def look(self) -> None:
        """Find out who was taken up elsewhere, before more is shown to them: the word of it wasn't
        heard.
        """
        for sid in await self._keeping.overtaken():
            self.lose(sid)

    def overtake(self, sid: str, turn: int) -> None:
        """Another node took up a session, the `turn`th time that somebody did."""
        match self._keeping.overtake(sid, turn):
            case Outcome.MOVED:
                self.lose(sid)
            case Outcome.MOVING:
                self.sink.taken(sid)  # and whoever takes it up gives up

    def lose(self, sid: str) -> None:
        """Another node has taken the session up."""
        record = self._records.pop(sid)
        if record is not None:  # else it was here when this incarnation hadn't begun
            self._gone(sid, record)
            self._keeping.moved(sid, record, self._presence.node)
            self._holding.forsake(record.nicks)
        self._holding.awaits_no_more(sid)
        self.sink.taken(sid)

    def _gone(self, sid: str, record: Record) -> None:
        """Nothing is known here any more of where somebody stands."""
        for channel in record.channels:
            self._ruling.gone(channel, sid)

    def detach(self, me: Identity, state: bytes) -> Awaitable[None]:
        """As `broker.api.Broker.detach`."""
        record = self._records.find(me)
        if record is None:
            self._holding.given_back.append(me.nick)
            self._holding.awaits_no_more(me.sid)
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
        node = self._presence.node

        async def detach() -> None:
            if self._keeping.is_taking(me.sid):
                await self._keeping.give_up(me, node, self._presence.now_ms)
                return
            outcome = await self._keeping.detach(me, record, places, state, node)
            if outcome is Outcome.ENDED and node == self._presence.node:
                await self._quit(me, LOST, [])
            elif self._records.find(me) is record:
                self._records.ending(me.sid)
                await self._keeping.crossed_out(outcome, me.sid, record, node)
                self._records.end(me.sid, record)

        await self._attempts.insist(node, detach)
        self._gone(me.sid, record)
        self._holding.forsake(record.nicks)

    async def resume(self, me: Identity, secret: str, *, detached: bool = False) -> Resumed:
        """As `broker.api.Broker.resume`."""
        await self._attempts.moved()
        self._attempts.check()
        await self._detached(me.sid)
        node = self._presence.node

        async def take(_again: bool) -> Taking:
            return await self._keeping.take(
                me,
                secret,
                node,
                deadline=self._presence.deadline,
                detached=detached,
            )

        try:
            taking = await self._attempts.settle(node, take)
            resumed = await self._take_up(me, taking, node)
            self._holding.awaits_no_more(me.sid)
            return resumed
        except BaseException as e:
            if not (detached and isinstance(e, Refused) and e.code in AGAIN):
                self._holding.awaits_no_more(me.sid)
                if me.nick:
                    self._holding.given_back.append(me.nick)
            now = self._presence.now_ms
            await self._attempts.insist(node, lambda: self._keeping.give_up(me, node, now))
            raise

    async def _take_up(self, me: Identity, taking: Taking, node: str) -> Resumed:
        """Take up the nick, the one that's shown first, and give back the others."""
        told, inbox = taking.told(), Position("", 0)
        topics = {self._store.own_topic}
        me.nick = ""
        nicks = list(taking.record.nicks)
        while nicks or (nicks := await self._nicks_since(me, node)):
            nick = nicks.pop(0)
            found = await self._reclaim(me, nick, node)
            if found is None:
                continue
            if self._store.sharded or found.topic not in topics:
                topics.add(found.topic)
                word = f"{TAKEN} {me.sid} {taking.row.turn}"
                packed = msgspec.json.encode(Envelope(SCHEMA, "", word, 0, 0, []))
                self._store.link.publish(found.topic, packed)
            if me.nick:
                await self._store.release(me.sid, me.token, nick)
                self._records.gave_back(me.sid, nick)
                self._holding.given_back.append(nick)
                continue
            me.nick, me.away, me.since = found.nick, found.away, found.since
            me.profile = found.profile or me.profile
            inbox = found.tip
            reach = told.get(fold(nick), Reach(found.taken, 0))
            epoch, seq = reach.after
            if seq < 0 or (epoch == found.taken.epoch and seq < found.taken.seq):
                reach = reach._replace(after=found.taken)
            told[fold(nick)] = reach
        if not me.nick:
            await self._keeping.acts(me)
        for old, new in (await self._moving.looked_after(me.sid, taking.record)).items():
            self._records.changed.add(me.sid)
            if old in told:
                told[new] = told.pop(old)
        channels = list(taking.record.channels.values())
        return Resumed(
            me.nick, me.away, me.since, taking.row.state, channels, inbox, told, taking.till
        )

    async def _nicks_since(self, me: Identity, node: str) -> list[str]:
        """If all nicks are gone, the node before may just have changed them."""

        async def look(_again: bool) -> list[str]:
            return await self._keeping.look_again(me, node, self._presence.deadline)

        return [] if me.nick else await self._attempts.settle(node, look)

    async def _reclaim(self, me: Identity, nick: str, node: str) -> Reclaimed | None:
        """Take up a claim, and hold what is sent to the nick from that moment."""

        async def reclaim(_again: bool) -> Reclaimed | None:
            return await self._keeping.reclaim(me, nick, node, self._presence.deadline)

        held = False
        self._holding.hear(nick)
        try:
            found = await self._attempts.settle(node, reclaim)
            self._still_taking(me, node)
            if found is not None:
                self._records.holds(me.sid, found.nick, found.claimed)
                held = True
                if found.nick != nick:  # how it's spelled was lost, and here it's known still
                    self._records.changed.add(me.sid)
            return found
        finally:
            self._holding.heard(nick, held=held)

    def _still_taking(self, me: Identity, node: str) -> None:
        """Raises CUT_OFF if that has come to nothing meanwhile: it was detached, say."""
        if node != self._presence.node or not self._keeping.is_taking(me.sid, me.token):
            raise Refused(Code.CUT_OFF)

    async def regain(self, me: Identity, channel: str) -> Regained | None:
        """As `broker.api.Broker.regain`."""
        node = self._presence.node

        async def regain(_again: bool) -> Regained | None:
            return await self._keeping.regain(me, channel, self._presence.deadline)

        found = await self._attempts.settle(node, regain)
        self._still_taking(me, node)
        if found is None:
            await self._lose_sight_of(me, channel)
        if found is not None:
            self._records.joined(me.sid, channel, found.quiet)
            self._ruling.came(channel, me.sid, found.tip, found.status, found.rules)
            self._feed.open(fold(channel), found.tip)
            if found.nick != me.nick:
                # its node died in the middle of a nick change; where that is told still, it's one
                taking = self._keeping.taking(me.sid)
                num, channels = taking.row.turn << TURN, tuple(taking.record.channels)
                event = Renamed(me.sid, num, found.nick, me.nick, channels, me.profile.by)
                await self._store.rename(me, fold(channel), event)
        return found

    async def _lose_sight_of(self, me: Identity, channel: str) -> None:
        """Nobody is to be left where a channel went while its people were being taken up."""
        moved = await whither(self._store, channel, me.sid)
        if moved is not None and await self._keeping.regain(me, moved, self._presence.deadline):
            left = Left(me.sid, me.num, me.nick, "", me.profile.by)
            await self._store.part(me.token, moved, left)

    def attend(self, me: Identity, inbox: Position) -> None:
        """As `broker.api.Broker.attend`."""
        self._feed.open(fold(me.nick), inbox)

    async def resumed(self, me: Identity) -> None:
        """As `broker.api.Broker.resumed`."""
        self._attempts.check()
        taking = await self._keeping.taken(me)
        for name in taking.gone:
            if name.startswith("#"):
                self._records.left(me, name)
            elif fold(name) != fold(me.nick):
                self._records.gave_back(me.sid, name)

    async def missed(self, log: str, after: Position, upto: Position) -> Missed:
        """As `broker.api.Broker.missed`."""
        self._attempts.check()
        epoch, start = after
        if start >= upto.seq and epoch in ("", upto.epoch):
            # who has read further than the log goes has read what was lost since
            return Missed(None if epoch and start > upto.seq else 0, [])
        tip, some, past = await self._store.read(log, start, CHUNK)
        if tip.epoch != upto.epoch and upto.seq > past.get(upto.epoch, -1):
            return Missed(None, [])
        # empty: nobody had written to it yet
        common = past.get(epoch, 0)  # up to where it's this log
        same = epoch in ("", upto.epoch, tip.epoch) or (epoch in past and start <= common)
        if not same:
            start = common
            some = (await self._store.read(log, start, CHUNK)).entries
        found = list(some)
        while len(some) == CHUNK and some[-1].seq < upto.seq:
            some = (await self._store.read(log, some[-1].seq, CHUNK)).entries
            found += some
        missed = [entry for entry in found if entry.seq <= upto.seq]
        lost = max(0, upto.seq - start) - len(missed)
        return Missed(lost if same else None, missed)
