"""Which nicks this node's sessions have: they open with one, change it, and give it back.

A nick may turn out to be somebody's who has had it for longer: whoever holds it here is told, and
takes another. Must not know sinks.
"""

from collections.abc import Callable

from broker.api import Code, Identity, Refused
from broker.attempts import Attempts
from broker.events import Quit, Renamed
from broker.holding import Holding
from broker.keeping import Keeping
from broker.names import fold
from broker.presence import Presence
from broker.records import Record, Records
from broker.recovery import Recovery
from broker.ruling import Ruling
from broker.store import Store

NICK_LOST = "lost"
"""What a node is told when an older holder takes a nick back from it; see scripts/claim.lua."""

YIELD = "yield"
"""What a node is told, with a nick, when an older holder will."""


class Naming:
    """See the module's docstring. `lost` is told who holds a nick (by sid) that is another's."""

    def __init__(
        self,
        store: Store,
        records: Records,
        holding: Holding,
        keeping: Keeping,
        ruling: Ruling,
        presence: Presence,
        attempts: Attempts,
        recovery: Recovery,
        lost: Callable[[str], None],
    ) -> None:
        self._store = store
        self._records = records
        self._holding = holding
        self._keeping = keeping
        self._ruling = ruling
        self._presence = presence
        self._attempts = attempts
        self._recovery = recovery
        self._lost = lost
        self._nick_lost: set[str] = set()  # sids that were named, and hold their old nick still
        self._asked: set[str] = set()  # sids that are to give their nick back

    async def open(self, me: Identity) -> None:
        """As `api.Broker.open`."""
        await self._attempts.moved()
        self._attempts.check()
        node, record = self._presence.node, self._records.begin(me)
        try:
            tip, claimed = await self._holding.claim(me, me.nick, node)
            if self._records.waiting:
                await self._holding.let_go(me.sid, me.nick)
        except Refused as refused:
            await self._holding.give_up(me.sid, record, node)
            if refused.code is Code.UNSETTLED:  # and undone now
                raise Refused(Code.CUT_OFF) from None
            raise
        if node != self._presence.node:
            raise Refused(Code.CUT_OFF)
        self._holding.take(me.sid, me.nick, tip, claimed)

    async def rename(self, me: Identity, new: str, channels: list[str]) -> list[str]:
        """As `api.Broker.rename`."""
        self._attempts.check()
        record, node, old = self._records.of(me), self._presence.node, me.nick
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
        """As `api.Broker.quit`."""
        me.num += 1
        node, record = self._presence.node, self._records.find(me)
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

    # -- nicks that are another's

    async def look_for_lost(self) -> None:
        """Look which nicks are another's now, and tell whom it wasn't told yet."""
        lost = set(await self._recovery.lost_nicks())
        told, self._nick_lost = self._nick_lost, lost
        for sid in lost - told:
            self._lost(sid)

    def yield_up(self, nick: str) -> None:
        """An older holder asks for a nick."""
        holder = self._records.holder(nick)
        if holder is not None and holder not in self._asked:
            self._asked.add(holder)
            self._lost(holder)
