"""Whose a session is that outlives its connection and its node: kept, detached, taken up, ended.

    keep ──> on a node ── connection or node lost ──> detached ── time is over ──> ended (Quit)
                 ^                                        │
                 └──────────── take ──────────────────────┘   (take also from a living node)

The session's own row says under which token it acts. Whoever takes it up draws a new token, makes
it the acting one, and then puts claims and memberships under it, one by one; so what the node
before still had under way is refused, here or there. Each step is safe to repeat, and one that was
stopped in between is taken up again from where it stands: the row remembers all tokens that may
still stand somewhere, and the new node's record tells of everything before it takes anything.

How far people were told is `reaches`' business. Must not know sinks.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

import msgspec

from broker.api import Code, Identity, Kept, Position, Reach, Refused, Regained
from broker.events import Left, Quit
from broker.kept import TURN, Keep, KeptRows, Reclaimed, Row, Taken, encode_held
from broker.names import fold
from broker.reaches import Places, Reaches, decode_places, encode_places, reach
from broker.records import Record, Records, decode_record, decode_shelved, encode_record
from broker.store import Store

LOST = "connection lost"
ENDING = 1 << 52
"""The command number of what is done in a detached session's name: above all of its own."""

FOREVER = (1 << 53) - 1
"""Later than any time (ms)."""

_held = msgspec.json.Decoder(tuple[list[str], list[str]]).decode
_shelved = msgspec.json.Decoder(tuple[str, str]).decode


class Outcome(Enum):
    """What became of a kept session that was to be detached."""

    DETACHED = "detached"
    MOVED = "moved"
    """Another node has it, and all that was its own."""
    MOVING = "moving"
    """Another node is taking it up."""
    ENDED = "ended"
    """It isn't kept, or not any more."""


@dataclass(slots=True)
class _Here:
    """A kept session on this node."""

    me: Identity
    secret: str
    state: bytes


@dataclass(slots=True)
class Taking:
    """A session that is being taken up. `gone`: nicks and channels of the record that couldn't be
    had; they stay in it until all is settled, for somebody who takes the session up after this.
    `overtaken`: somebody has.
    """

    row: Taken
    record: Record
    secret: str
    gone: list[str]
    overtaken: bool = False

    @property
    def till(self) -> int:
        """Until when it may have been told more (Redis's clock, ms): a node that has it still may
        be telling it more at this moment.
        """
        return FOREVER if self.row.was else self.row.till

    def told(self) -> dict[str, Reach]:
        """How far it was told, by log."""
        return reach(self.row.seen)


class _Shelved(NamedTuple):
    """A session that this node has detached: who and what it was, its row on the shelf, and when
    its time is over (by the clock here).
    """

    me: Identity
    node: str
    record: Record
    row: bytes
    ends: float


class Keeping:
    """The kept sessions of one node. `positions`: how far each followed log was told by now.
    `keep_ms`: how long a detached one waits, by the clock `seconds` here.
    """

    def __init__(
        self,
        store: Store,
        records: Records,
        positions: Callable[[], dict[str, Position]],
        *,
        keep_ms: int,
        seconds: Callable[[], float],
    ) -> None:
        self._store = store
        self._rows = KeptRows(store)
        self._records = records
        self._positions = positions
        self._reaches = Reaches(self._rows, records, positions)
        self._keep_ms = keep_ms
        self._seconds = seconds
        self._shelved: dict[str, _Shelved] = {}  # as long as they may wait, by sid
        self._here: dict[str, _Here] = {}
        self._taking: dict[str, Taking] = {}
        self._were_here: dict[str, str] = {}  # when the incarnation ended: sid, token
        self._left: list[tuple[str, Record, str]] = []  # those that moved: sid, what it held, node

    def over(self, store: Store) -> "Keeping":
        """One that goes another way to Redis, for sessions that aren't here."""
        other = Keeping(
            store, self._records, self._positions, keep_ms=self._keep_ms, seconds=self._seconds
        )
        other._shelved, other._left = self._shelved, self._left
        return other

    def clear(self) -> None:
        """The incarnation has ended, and with it all that was here."""
        self._were_here |= {sid: here.me.token for sid, here in self._here.items()}
        self._here.clear()
        self._taking.clear()
        self._reaches.clear()

    # -- on this node

    async def keep(self, me: Identity, secret: str, state: bytes, node: str) -> None:
        """Keep a session. Raises CUT_OFF if it acts under another token."""
        if not await self._rows.keep(me, _hashed(secret), node, state, Keep.FRESH):
            raise Refused(Code.CUT_OFF)
        self._here[me.sid] = _Here(me, _hashed(secret), state)
        await self._reaches.begin(node, self._people())

    def _people(self) -> list[Identity]:
        """Those who are here."""
        return [here.me for here in self._here.values()]

    def _gone(self, sid: str) -> None:
        """Somebody isn't here any more."""
        self._here.pop(sid, None)
        self._reaches.gone(sid)

    async def record(self, node: str, kept: Iterable[Kept]) -> list[str]:
        """Write down how far those who are here were told, and what became of them.

        Returns those who turn out to be another node's.
        """
        lost = []
        if self._here or self._reaches.noted:
            # as it's now, when all before has reached them
            told = self._reaches.told(self._people())
            for me, state, reached in kept:
                here = self._here.get(me.sid)
                if here is None or await self._record(node, here, state, reached):
                    continue
                if self._here.get(me.sid) is here:
                    lost.append(me.sid)
            await self._reaches.note(node, told, anybody=bool(self._here))
        for moved in list(self._left):
            if await self._tidy(*moved):
                self._left.remove(moved)
        return lost

    async def _record(self, node: str, here: _Here, state: bytes, reached: bool) -> bool:
        if not await self._reaches.look(here.me, reached):
            return False
        if state != here.state:
            here.state = state
            return await self._rows.keep(here.me, here.secret, node, state, Keep.STILL)
        return True

    async def refresh(self, node: str) -> None:
        """See to it that Redis doesn't forget those who are here."""
        for here in list(self._here.values()):
            if self._here.get(here.me.sid) is here:
                await self._rows.keep(here.me, here.secret, node, here.state, Keep.FRESH)

    async def put_back(self, store: Store, node: str) -> set[str]:
        """Make Redis, which may have lost its last writes, say again that those who are here are.

        Returns those who aren't, since somebody took them up after that.
        """
        overtaken, rows = set(), KeptRows(store)
        for here in list(self._here.values()):
            me, row = here.me, await rows.peek(here.me.sid)
            how = Keep.FRESH
            if row is not None and row.token != me.token:
                how = Keep.AGAIN
                if row.turn >= me.num >> TURN:
                    overtaken.add(me.sid)
                    continue
            await rows.keep(me, here.secret, node, here.state, how)
        return overtaken

    def overtake(self, sid: str, turn: int) -> Outcome | None:
        """Another node took a session up, the `turn`th time that somebody did. MOVED if it was
        here till then, MOVING if it was being taken up, None if that's older news.
        """
        here, taking = self._here.get(sid), self._taking.get(sid)
        if here is not None and here.me.num >> TURN < turn:
            return Outcome.MOVED
        if taking is not None and 0 < taking.row.turn < turn:  # 0: it isn't taken yet
            taking.overtaken = True
            return Outcome.MOVING
        return None

    async def overtaken(self) -> list[str]:
        """Those who were kept here and act under another token now, also since before this
        incarnation began.
        """
        here = self._were_here | {sid: one.me.token for sid, one in self._here.items()}
        acting = await self._rows.acting(list(here))
        self._were_here.clear()
        return [
            sid
            for (sid, before), token in zip(here.items(), acting, strict=True)
            if token not in (None, before)
            and sid not in self._taking
            and (sid not in self._here or self._here[sid].me.token == before)
        ]

    def moved(self, sid: str, record: Record, node: str) -> None:
        """Another node has it: what is left of it here goes when that node has taken all up."""
        self._gone(sid)
        self._left.append((sid, record, node))

    async def crossed_out(self, outcome: Outcome, sid: str, record: Record, node: str) -> None:
        """Have this node's row go: now, or when whoever takes the session up needs it no more."""
        if outcome is Outcome.DETACHED:
            await self._store.cross_out(sid, node)
        else:
            self.moved(sid, record, node)

    async def lapse(self, me: Identity) -> bool:
        """The session is ending: nobody may take it up. False: somebody has."""
        self._gone(me.sid)
        if await self._rows.lapse(me.sid, me.token) is not None:
            return True
        row = await self._rows.peek(me.sid)
        return row is None or row.token == me.token

    async def forget(self, sid: str) -> None:
        """Nothing is left of a session that lapsed, also if somebody swept its node meanwhile."""
        shelved = await self._rows.shelved_row(sid)
        await self._rows.forget(sid)
        if shelved is not None:
            await self._rows.unshelve(sid, shelved)

    async def bury(self, sids: list[str]) -> None:
        """These have quit, and the server may not have heard of it: they aren't kept any more."""
        await self._rows.bury(sids)

    async def discard(self, sid: str, record: Record) -> None:
        """Forget that a session is kept, if it acts under this record's token."""
        if await self._rows.lapse(sid, record.token) is not None:
            await self._rows.forget(sid)

    # -- off a node

    def places(self, me: Identity, record: Record) -> Places:
        """How far a session that is here was told by now."""
        return self._reaches.places(me, record)

    async def detach(
        self, me: Identity, record: Record, places: Places, state: bytes, node: str
    ) -> Outcome:
        """Leave a session that is here to whoever takes it up."""
        self._gone(me.sid)
        return await self._off(me, record, encode_places(places), 0, state, node)

    async def detach_dead(self, node: str, sid: str, record: Record, till: int) -> Outcome:
        """As `detach`, for a session of a dead node. `till`: when that may have lived (ms)."""
        seen = await self._reaches.seen(node, record)
        me = Identity(sid, record.token, "", since=till)
        outcome = await self._off(me, record, seen, till, b"", node)
        if outcome is Outcome.MOVED:
            await self._give_back(sid, record)
        return outcome

    async def _off(
        self, me: Identity, record: Record, seen: bytes, till: int, state: bytes, node: str
    ) -> Outcome:
        sid = me.sid
        done = await self._rows.detach(sid, record, seen, till, state)
        if done is None:
            return Outcome.ENDED
        if done:
            row = msgspec.json.encode((node, encode_record(record).decode()))
            self._remember(_Shelved(me, node, record, row, self._seconds() + self._keep_ms / 1000))
            await self._rows.shelve(sid, self._keep_ms, row)
            return Outcome.DETACHED
        return Outcome.MOVED if await self._is_settled(sid) else Outcome.MOVING

    def _remember(self, shelved: _Shelved) -> None:
        self._shelved.pop(shelved.me.sid, None)
        # it may be that nobody could end them in time
        over = self._seconds() - self._keep_ms / 1000
        for sid in list(islice(self._shelved, 2)):  # the oldest: there are never many more of them
            if self._shelved[sid].ends < over:
                del self._shelved[sid]
        self._shelved[shelved.me.sid] = shelved

    def detached(self) -> list[str]:
        """Those that this node has detached, and that may wait to be taken up, or to be ended."""
        return list(self._shelved)

    async def put_back_detached(self, sid: str, deadline: int) -> None:
        """Make Redis, which may have lost a part of it, say again what a session holds that this
        node has detached. Raises `Late`, LinkLost, Refused.
        """
        shelved = self._shelved[sid]
        if await self._waits(shelved):
            await self._put_back_detached(shelved, deadline)
            if await self._waits(shelved):
                return
            # taken up meanwhile, perhaps without what was put back, of which nothing may stay; but
            # who takes it up needs what they haven't come to yet
            await self._rows.unshelve(sid, shelved.row)
            self._left.append((sid, shelved.record, shelved.node))
        elif not await self._rows.is_known(sid):  # so nobody can take it up
            await self._end(sid, [shelved.record.token], encode_held(shelved.record), LOST)
        if self._shelved.get(sid) is shelved:
            del self._shelved[sid]

    async def _waits(self, shelved: _Shelved) -> bool:
        """Whether a session hasn't been taken up since."""
        row = await self._rows.peek(shelved.me.sid)
        return row is not None and row.token == shelved.record.token and not row.owner

    async def _put_back_detached(self, shelved: _Shelved, deadline: int) -> None:
        me, node, record, row, ends = shelved
        await self._rows.shelve(me.sid, max(0, int(1000 * (ends - self._seconds()))), row)
        for nick in record.nicks:
            named = Identity(me.sid, record.token, nick, me.address, me.since, me.away)
            with suppress(Refused):  # somebody has it
                await self._store.claim(named, nick, node, deadline)
        for name in record.channels.values():
            named = Identity(me.sid, record.token, record.nicks[0], me.address)
            with suppress(Refused):  # it's taken up by now
                await self._store.put_back(named, name, quiet=False, deadline=deadline, num=1)
            await self._store.index(name)

    async def _is_settled(self, sid: str) -> bool:
        row = await self._rows.peek(sid)
        return row is None or row.settled

    async def _tidy(self, sid: str, record: Record, node: str) -> bool:
        """Give back what came too late to be taken up by the node that has the session now.

        False if it isn't time for that yet.
        """
        row = await self._rows.peek(sid)
        if row is not None and row.token == record.token:
            return True  # it's still this one that counts, and whoever has it needs it
        if row is not None and not row.settled:
            return False
        await self._give_back(sid, record)
        for nick in record.nicks:
            await self._store.release(sid, record.token, nick)
        if sid not in self._records:  # it might have come back
            await self._store.cross_out(sid, node)
        return True

    async def _give_back(self, sid: str, record: Record) -> None:
        """Leave the channels in which the session stands under this record's token."""
        for name in record.channels:
            event = Left(sid, 0, "")  # none of its own commands; the roster knows the nick
            await self._store.part(record.token, name, event)

    # -- taking one up

    async def take(
        self, me: Identity, secret: str, node: str, *, deadline: int, detached: bool
    ) -> Taking:
        """Make `me.token` the one under which a kept session acts.

        Raises TOKEN_UNKNOWN, ELSEWHERE, CUT_OFF if it's on this node, and `Late`.
        """
        taking = self._taking.get(me.sid)
        if taking is not None and taking.record.token != me.token:
            raise Refused(Code.CUT_OFF)
        while True:
            row = await self._rows.peek(me.sid)
            if row is None or row.secret != _hashed(secret):
                raise Refused(Code.TOKEN_UNKNOWN)
            if detached and row.owner and row.token != me.token:
                raise Refused(Code.ELSEWHERE)
            if taking is None:
                record = Record(me.token, [], {}, kept=True)
                self._records.adopt(me, record)
                taking = Taking(Taken("", "", b"", b"", b"", 0, 0), record, row.secret, [])
                self._taking[me.sid] = taking
            seen = b""
            if row.token != me.token:  # else it's taken, and the answer was lost
                await self._fill(taking.record, me.sid, row)
                seen = await self._reaches.seen(row.owner, taking.record)
            await self._store.note(node, deadline, self._records.rows({me.sid}))
            taken = await self._rows.take(
                me.sid, me.token, node, row=row, seen=seen, deadline=deadline
            )
            if taken is not None:
                break
        taking.row = taken
        me.num = taken.turn << TURN
        return taking

    async def _fill(self, record: Record, sid: str, row: Row) -> None:
        """Write into a record what a session holds, or may hold."""
        held = await self._store.record(sid, row.owner) if row.owner else None
        nicks, names = _held(row.record) if row.record else ([], [])
        if held is not None:
            nicks, names = held.nicks, list(held.channels.values())
        record.nicks += _others(record.nicks, nicks)
        record.channels |= {fold(name): name for name in names}

    async def look_again(self, me: Identity, node: str, deadline: int) -> list[str]:
        """Nicks that the node before has claimed since it was looked what the session holds; none
        if it isn't being taken up any more. Raises `Late`.
        """
        taking = self._taking.get(me.sid)
        if taking is None:
            return []
        known, was = taking.record.nicks, taking.row.was
        held = await self._store.record(me.sid, was) if was else None
        more = _others(known, held.nicks) if held is not None else []
        if more:
            known += more
            await self._store.note(node, deadline, self._records.rows({me.sid}))
        return more

    async def reclaim(self, me: Identity, nick: str, node: str, deadline: int) -> Reclaimed | None:
        """Take up the claim of a nick; None if the session doesn't hold it. Raises `Late`."""
        taking = self.taking(me.sid)
        found = await self._rows.reclaim(me.sid, taking.row, me.token, nick, node, deadline)
        if found is None:
            taking.gone.append(nick)
        return found

    async def regain(self, me: Identity, channel: str, deadline: int) -> Regained | None:
        """Take up a membership; None if the session has none. Raises `Late`."""
        taking = self.taking(me.sid)
        found = await self._rows.regain(me.sid, taking.row, me.token, channel, deadline)
        if found is None:
            taking.gone.append(channel)
        return found

    async def acts(self, me: Identity) -> None:
        """Raises ELSEWHERE if another takes it up by now, CUT_OFF if it isn't kept any more."""
        row = await self._rows.peek(me.sid)
        if row is None:
            raise Refused(Code.CUT_OFF)
        if row.token != me.token:
            raise Refused(Code.ELSEWHERE)

    def is_taking(self, sid: str, token: str = "") -> bool:
        """Whether the session is being taken up here, under this token if one is named."""
        taking = self._taking.get(sid)
        return taking is not None and token in ("", taking.record.token)

    def taking(self, sid: str) -> Taking:
        """Raises CUT_OFF if the session isn't being taken up, ELSEWHERE if it is there, too."""
        taking = self._taking.get(sid)
        if taking is None:
            raise Refused(Code.CUT_OFF)
        if taking.overtaken:
            raise Refused(Code.ELSEWHERE)
        return taking

    async def taken(self, me: Identity) -> Taking:
        """It has been taken up: it's here now. Raises as `acts` does."""
        taking = self.taking(me.sid)
        shelved = await self._rows.shelved_row(me.sid)
        if not await self._rows.settle(me.sid, me.token):
            await self.acts(me)
            raise Refused(Code.CUT_OFF)
        if shelved is not None:
            await self._rows.unshelve(me.sid, shelved)
        if self._taking.get(me.sid) is not taking:
            raise Refused(Code.CUT_OFF)  # it was detached meanwhile
        self._here[me.sid] = _Here(me, taking.secret, taking.row.state)
        self._reaches.lags(me.sid, decode_places(taking.row.seen))
        del self._taking[me.sid]
        return taking

    async def give_up(self, me: Identity, node: str, now_ms: int) -> None:
        """Its taking up came to nothing: it's anybody's again, if it acts under this token."""
        taking = self._taking.get(me.sid)
        if taking is not None and taking.record.token == me.token:
            record = taking.record
            seen = taking.row.seen or b"{}"
            outcome = await self._off(me, record, seen, now_ms, b"", node)
            self._records.ending(me.sid)
            await self.crossed_out(outcome, me.sid, record, node)
            self._records.end(me.sid, record)
            self._taking.pop(me.sid, None)

    # -- ending those that nobody took up

    async def end(self, sid: str, why: str = LOST) -> bool:
        """End a detached session, whose time is over, say; whoever does it, and however often,
        once. Whether there was one.
        """
        shelved = await self._rows.shelved_row(sid)
        found = await self._rows.lapse(sid, "")
        if found is None and shelved is not None and not await self._rows.is_known(sid):
            record = decode_shelved(shelved)[1]  # its own row was lost, and nothing else
            found = [record.token], encode_held(record)
        if found is not None:
            await self._end(sid, *found, why)
            await self._rows.forget(sid)
        await self._rows.unshelve(sid, shelved or b"")
        return found is not None

    async def _end(self, sid: str, tokens: list[str], raw: bytes, why: str) -> None:
        nicks, names = _held(raw)
        event = Quit(sid, ENDING, next(iter(nicks), ""), why, tuple(map(fold, names)))
        for token in tokens:
            for name in names:
                await self._store.part(token, name, event)
            for nick in nicks:
                await self._store.release(sid, token, nick)

    async def shelved_record(self, sid: str) -> Record | None:
        """What a detached session holds; None if there's none."""
        raw = await self._rows.shelved_row(sid)
        return decode_record(_shelved(raw)[1].encode()) if raw is not None else None

    async def shelved(self) -> dict[str, tuple[str, Record]]:
        """The detached sessions by sid: on which incarnation they were, and what they hold."""
        found = {}
        for sid, raw in (await self._rows.shelved()).items():
            node, record = _shelved(raw)
            found[sid] = (node, decode_record(record.encode()))
        return found


def _others(known: list[str], nicks: list[str]) -> list[str]:
    """Those that aren't known, each in one spelling: else one would be given back as another."""
    folded, others = set(map(fold, known)), []
    for nick in nicks:
        if fold(nick) not in folded:
            folded.add(fold(nick))
            others.append(nick)
    return others


def _hashed(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
