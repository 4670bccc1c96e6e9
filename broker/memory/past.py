"""What logs have kept, and taking back what stands in them."""

from broker import spans
from broker.api import (
    Code,
    Found,
    History,
    Identity,
    Position,
    Redaction,
    Refused,
    Span,
    Wanted,
    Way,
)
from broker.events import Redacted
from broker.memory.node import Node
from broker.memory.state import Log
from broker.names import fold


class Past(Node):
    """As `api.Broker`, about what was said."""

    async def history(
        self, channel: str, count: int, before: Position | None = None, ranks: str = ""
    ) -> History:
        self._check_ready()
        found = self._world.channels.get(fold(channel))
        if found is None:
            return History("", [], False)
        log = self._world.trim(found.log)
        entries = log.spoken(count + 1, log.upto(before) if before else log.seq, ranks)
        return History(log.epoch, entries[-count:], len(entries) > count)

    async def span(self, me: Identity, target: str, wanted: Wanted) -> Span:
        self._check_ready()
        if target.startswith("#"):
            channel = self._world.channels.get(fold(target))
            if channel is None:
                return Span([], more=False)
            log = self._world.trim(channel.log)
            return spans.span_of(log.past, log.tip, log.entries, wanted)
        sent = [one for one in self._inbox(target) if one.event.sid == me.sid]
        received = [one for one in self._inbox(me.nick) if spans.is_from(one.event, target, me.sid)]
        return spans.talk(received, sent, wanted)

    async def latest(self, me: Identity, channels: list[str]) -> dict[str, int]:
        last = Wanted(Way.LATEST, (), 1)
        found = {fold(name): await self.span(me, name, last) for name in channels}
        times = {name: span.entries[-1].ms for name, span in found.items() if span.entries}
        return times | spans.latest_of(self._inbox(me.nick), me.sid)

    def _inbox(self, nick: str) -> list[Found]:
        holder = self._world.claims.get(fold(nick))
        if holder is None:
            return []
        log = self._world.trim(holder.inbox)
        return spans.placed(log.past, log.tip, log.entries)

    async def redact(
        self, me: Identity, target: str, at: Position, why: str, *, power: bool = False
    ) -> Redaction:
        self._take(me)
        if not target.startswith("#"):
            holder = self._world.claims.get(fold(target))
            inbox, home = (holder.inbox, holder.home) if holder is not None else (None, None)
            return self._take_back(me, inbox, at, why, own=True, home=home)
        channel = self._world.channels.get(fold(target))
        member = channel.members.get(me.sid) if channel is not None else None
        if member is None or member.token != me.token:
            if not power:
                raise Refused(Code.NOT_MEMBER, target)
        else:
            member.num = max(member.num, me.num)
        may = power or {"o", "h"} & {*getattr(member, "status", "")}
        log = channel.log if channel is not None else None
        return self._take_back(me, log, at, why, own=not may)

    def _take_back(
        self,
        me: Identity,
        log: Log | None,
        at: Position,
        why: str,
        *,
        own: bool,
        home: "Node | None" = None,
    ) -> Redaction:
        """`own`: only what the session said itself. `home`: whose inbox it is."""
        place = f"{at.epoch}.{at.seq}"
        for before in log.entries if log is not None else ():
            done = before.event
            if isinstance(done, Redacted) and (done.sid, done.num) == (me.sid, me.num) and log:
                return Redaction(Position(log.epoch, before.seq), before.ms, done)
        entry = log.said_at(at) if log is not None else None
        if log is None or entry is None:
            raise Refused(Code.NO_SUCH_LINE, place)
        if own and entry.event.sid != me.sid:
            raise Refused(Code.NO_SUCH_LINE if home else Code.NOT_YOURS, place)
        first, to = spans.first_place(log.past, log.tip, entry.seq), getattr(entry.event, "to", "")
        place = f"{first.epoch}.{first.seq}"
        log.blank(entry)
        event = Redacted(me.sid, me.num, me.nick, place, why, me.profile.by, to)
        self._world.append(log, event, None if home is None else [home])
        return Redaction(log.tip, log.entries[-1].ms, event)
