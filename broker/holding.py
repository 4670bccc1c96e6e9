"""What this node's sessions take hold of and give back: the record that tells of it goes out first,
and a nick's inbox is heard from the moment at which it's claimed until it's given back.

    Cluster, KeptSessions ──> Holding ─┬─> Records, and their rows in Redis
                                       ├─> Store: claims
                                       └─> Feed: inboxes

Must not know sinks.
"""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from broker.api import Code, Identity, Position, Refused
from broker.attempts import Attempts
from broker.feed import Feed
from broker.link import LinkLost
from broker.names import fold
from broker.presence import Presence
from broker.records import Record, Records
from broker.store import RETAINED, Late, Store

T = TypeVar("T")

ROWS = 500
"""How many records are written down in one call."""


class Holding:
    """See the module's docstring. `given_back`: nicks that are heard still."""

    def __init__(
        self,
        store: Store,
        records: Records,
        feed: Feed,
        presence: Presence,
        attempts: Attempts,
    ) -> None:
        self._store = store
        self._records = records
        self._feed = feed
        self._presence = presence
        self._attempts = attempts
        self._claiming: list[str] = []  # nicks, folded, whose claims are under way
        self.given_back: list[str] = []
        self._awaited: dict[str, list[str]] = {}  # by sid: of those who may be taken back

    async def noted(self, me: Identity, node: str, work: Coroutine[Any, Any, T]) -> T:
        """Take hold of something, when the session's record is written that tells of it.

        Both go out together, as a link's calls are done in their order; unless they go to two
        masters.
        """
        rows = self._records.rows({me.sid})
        noted = self._store.note(node, self._presence.deadline, rows)
        try:
            if self._store.sharded:
                await noted
            found = await work
        except BaseException:
            noted.addErrback(lambda _: None)
            work.close()  # if it wasn't begun
            raise
        await noted
        return found

    async def shorten(self) -> None:
        """Write down anew the records that tell of more than is held."""
        changed = self._records.changed
        while changed and self._attempts.ready:
            some = set(islice(changed, ROWS))
            changed -= some
            rows = self._records.rows(some)  # not earlier: they may grow meanwhile
            try:
                if rows:
                    await self._store.note(self._presence.node, self._presence.deadline, rows)
            except (Late, LinkLost, Refused):
                changed |= some  # with the next beat
                return

    # -- nicks

    def hear(self, nick: str) -> None:
        """Hold what is sent to a nick from this moment, while it's about to be claimed."""
        name = fold(nick)
        self._feed.follow(name)
        if self._store.sharded:
            self._store.link.subscribe(self._store.inbox_topic(nick))
        self._claiming.append(name)

    def heard(self, nick: str, *, held: bool) -> None:
        """It's `held` now, or it isn't."""
        self._claiming.remove(fold(nick))
        if not held:
            self.given_back.append(nick)

    async def claim(self, me: Identity, nick: str, node: str) -> tuple[Position, int]:
        """Claim a nick, and hear what is sent to it from that moment. As `Store.claim`.

        CUT_OFF, when that has been dealt with, if Redis forgot everything before: who had the nick
        is still to come then, and say so.
        """
        store, claimed, held, epoch = self._store, 0, False, ""
        if self._records.waiting:
            claimed = self._records.retained(me.sid, nick)

        async def claim(_again: bool) -> tuple[Position, int]:
            nonlocal epoch
            looking = Deferred.fromCoroutine(store.look_at_epoch())  # in the same breath
            claiming = store.claim(me, nick, node, self._presence.deadline, claimed)
            found = await self.noted(me, node, claiming)
            epoch = await looking
            return found

        self.hear(nick)
        try:
            found = await self._attempts.settle(node, claim)
            held = epoch == self._presence.epoch
        finally:
            self.heard(nick, held=held)
        if held:
            return found
        await store.release(me.sid, me.token, nick)
        with suppress(Refused):
            await self._presence.renew()
        raise Refused(Code.CUT_OFF)

    def take(self, sid: str, nick: str, tip: Position, claimed: int) -> None:
        """The nick is the session's."""
        self._records.holds(sid, nick, claimed)
        self._feed.open(fold(nick), tip)

    async def give_up(self, sid: str, record: Record, node: str) -> None:
        """Leave nothing of a session."""
        self._records.ending(sid)
        await self._store.give_up(sid, record, node)
        self._records.end(sid, record)

    async def let_go(self, sid: str, but: str = "") -> None:
        """What was held for a session when Redis forgot everything is free, `but` what it has."""
        for nick in self._records.no_longer_retained(sid):
            if nick != fold(but):
                await self._store.release(sid, RETAINED, nick)

    def evicted(self, lost: list[str], kept: dict[str, list[str]], *, forgotten: bool) -> None:
        """The incarnation has ended. `lost`: nicks; `kept`: by sid, of those who may be taken back:
        what is sent to them is heard till it's known whether they are. If all was `forgotten`,
        they come anew.
        """
        self.given_back += lost
        if forgotten:
            for sid in list(self._awaited):
                self.awaits_no_more(sid)
        else:
            self._awaited |= kept

    def awaits_no_more(self, sid: str) -> None:
        """A session is taken back, or won't be."""
        self.given_back += self._awaited.pop(sid, ())

    async def stop_hearing(self, barrier: Callable[[], Awaitable[None]]) -> None:
        """What was sent to a nick before it was given back has come by when the barrier has."""
        given_back, self.given_back = self.given_back, []
        if given_back:
            await barrier()
            self.forsake(given_back)

    def forsake(self, nicks: list[str]) -> None:
        """Hear nothing more of nicks that nobody here holds or is about to."""
        wanted = {fold(nick) for some in self._awaited.values() for nick in some}
        wanted.update(self._claiming)
        for nick in nicks:
            if not self._records.is_held(nick) and fold(nick) not in wanted:
                self._feed.unfollow(fold(nick))
                if self._store.sharded:
                    self._store.link.unsubscribe(self._store.inbox_topic(nick))
