"""Channels that get another name: their keys are in another slot then, so it's a sequence of steps.

    1  berth   the new name is held; nobody comes in there
    2  move    the old log gets a `Moved`, its last event, and nobody is in there any more: what the
               channel had, its roster, too, is put aside in its slot. This is when it happens
    3  carry   the log is copied to the new name, entry by entry, at the same places
    4  arrive  rules, topic and everybody who was in it are there; others may come in

Whoever stops before 2 has done nothing: the name is free again a while later. After 2 everybody has
all that's needed for the rest, and does it before they go on: each node that reads the event,
before its people are told; whoever wants to come in under the new name; whoever sweeps somebody who
was there. Each node moves its own people when the event comes by (docs/adr/0027). Must not know
sinks.
"""

import secrets
from collections import deque
from contextlib import suppress
from typing import NamedTuple

from broker.api import Code, Identity, Position, Refused
from broker.attempts import Attempts
from broker.events import Envelope, Moved
from broker.feed import Feed
from broker.moves import MoveRows, make_way, settled, whither
from broker.names import fold
from broker.presence import Presence
from broker.records import Record, Records
from broker.ruled import AsItIs, RuledRows
from broker.rules import Judge
from broker.ruling import TRIES, Ruling
from broker.store import Late, Line, Store

SOON = 5_000
"""Milliseconds within which a name that is held must be had, by Redis's clock."""

FORSAKEN = 15_000
"""After so many it's certain that nobody will have it any more."""

REMEMBERED = 64
"""How many of the last moves are remembered, for whoever came in at that moment."""


class _Gone(NamedTuple):
    """A channel that went, from which place of its log."""

    old: str
    at: Position
    event: Moved


class Moving:
    """See the module's docstring. Channels are named folded, unless it's said."""

    def __init__(
        self,
        store: Store,
        records: Records,
        feed: Feed,
        presence: Presence,
        attempts: Attempts,
        ruling: Ruling,
    ) -> None:
        self._store = store
        self._rows = MoveRows(store)
        self._looking = RuledRows(store)
        self._records = records
        self._feed = feed
        self._presence = presence
        self._attempts = attempts
        self._ruling = ruling
        self._gone: deque[_Gone] = deque(maxlen=REMEMBERED)

    # -- what is asked for here

    async def move(self, me: Identity, channel: str, new: str, why: str, judge: Judge) -> None:
        """As `broker.api.Broker.move`."""
        rules, fellows = await self._looking.look(channel, [me.sid])
        standing = AsItIs(rules, [fellows[0] if fellows else None]).standing()
        judge(rules, standing)
        law, status = str(rules.law), standing.status if standing.member else None
        spelling = fold(channel) == fold(new)
        move = "" if spelling else secrets.token_hex(6)
        event = Moved(me.sid, me.num, me.nick, channel, new, move, why, me.profile.by)
        if spelling:
            await self._move(me, event, law, status, judge, 0)
            return
        held = await self._berth(move, channel, new)
        try:
            await self._move(me, event, law, status, judge, held + SOON)
        except Refused as refused:
            if refused.code is not Code.UNSETTLED:
                with suppress(Refused):
                    await self._rows.unberth(move, new, held)
            raise
        await self.arrived(fold(channel), event)

    async def _berth(self, move: str, old: str, new: str) -> int:
        async def berth(_again: bool) -> int:
            return await self._rows.berth(move, old, new, self._presence.deadline)

        return await self._attempts.settle(self._presence.node, berth)

    async def _move(
        self,
        me: Identity,
        event: Moved,
        law: str,
        status: str | None,
        judge: Judge,
        until: int,
    ) -> None:
        for _ in range(TRIES):
            found = await self._ask(me, event, law, status, until)
            if found is None:
                return
            standing = found.standing()
            judge(found.rules, standing)
            law, status = str(found.rules.law), standing.status if standing.member else None
        raise Refused(Code.BUSY, event.channel)

    async def _ask(
        self, me: Identity, event: Moved, law: str, status: str | None, until: int
    ) -> AsItIs | None:
        async def move(again: bool) -> AsItIs | None:
            deadline = self._presence.deadline
            try:
                return await self._rows.move(
                    me, event, law, status, min(deadline, until) if until else deadline
                )
            except Late:
                if until and deadline > until and not again:
                    raise Refused(Code.BUSY, event.channel) from None
                raise

        return await self._attempts.settle(self._presence.node, move)

    # -- what was asked for anywhere

    async def arrived(self, old: str, event: Moved) -> None:
        """Returns when all that a channel had is where it went. Raises Refused."""
        if event.epoch:
            await settled(self._store, old, event.epoch)

    async def make_way(self, move: str, old: str, new: str) -> None:
        """Somebody wants to come in where a name is held: see that it's held no longer."""
        await make_way(self._store, old, move)
        await self._rows.unberth(move, new, self._presence.now_ms - FORSAKEN)
        await self._attempts.pause(0.02)

    def heard(self, envelope: Envelope) -> None:
        """Something came by that isn't only lines: move those who are here."""
        for seq, event in enumerate(envelope.events, envelope.seq):
            if isinstance(event, Moved) and event.epoch:
                gone = _Gone(envelope.log, Position(envelope.epoch, seq), event)
                self._gone.append(gone)
                self._follow(gone)

    def came(self, channel: str, tip: Position) -> None:
        """Somebody has come into a channel after this place; it may have gone while they were on
        their way. A log of another epoch is of those who came to the name later.
        """
        for gone in list(self._gone):
            at = gone.at
            if gone.old == channel and tip.epoch == at.epoch and tip.seq < at.seq:
                self._follow(gone)

    def _follow(self, gone: _Gone) -> None:
        old, at, event = gone
        new, tip = fold(event.new), Position(event.epoch, at.seq)
        sids = self._ruling.went(old, event.new, at, tip)
        if not sids:
            return
        for sid in sids:
            self._records.went(sid, old, event.new)
        heard = self._feed.positions().get(new)
        if heard is not None and heard.epoch != event.epoch:
            self._feed.unfollow(new)  # of a channel that had the name before
        self._feed.follow(new)
        self._store.link.subscribe(self._store.keys.channel(new).log)
        self._feed.open(new, tip)
        self._feed.doubt(new)  # what was said there before it was heard here

    async def looked_after(self, sid: str, record: Record) -> dict[str, str]:
        """Where a session that's taken up is by now, of which nobody could tell its node: by the
        channel's old name, folded, the new one. Its record says so, too.
        """
        names = list(record.channels)
        keys = self._store.keys
        moved = await self._store.ask_all(*(("EXISTS", keys.moved(name)) for name in names))
        found: dict[str, str] = {}
        for name, any_did in zip(names, moved, strict=True):
            new = await whither(self._store, name, sid) if any_did else None
            if new is not None and not await self._is_there(name, sid):
                del record.channels[name]
                record.channels.setdefault(fold(new), new)
                found[name] = fold(new)
        return found

    async def _is_there(self, channel: str, sid: str) -> bool:
        roster = self._store.keys.channel(channel).roster
        return bool(await self._store.ask("HEXISTS", roster, sid))

    # -- what was said at that moment

    def astray(self, channel: str, line: Line) -> None:
        """A line was for a channel in which its author isn't. If it went, they read that first."""

        async def refuse() -> None:
            try:
                self._feed.doubt(channel)
                await self._feed.settled()
            finally:
                line.settled(Refused(Code.NOT_MEMBER, channel))

        if self._ruling.held(channel, line.sid) is None:
            line.settled(Refused(Code.NOT_MEMBER, channel))
        else:
            self._attempts.aside(refuse())
