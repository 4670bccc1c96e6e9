"""The broker that keeps its promises with Redis: the order of steps, and what to do when
Redis is away.

    Cluster ── Store ──> Link ──> Redis: one script a step
       │         ▲          ▲       │
       ├─ Presence (lease,  └───────┘ PUBLISH
       │            sweep)  │
       ├─ Feed <────────────┘
       │    └──> Sink
       ├─ Holding (records, nicks), Naming and KeptSessions, all by Attempts
       ├─ Speaking, Ruling, Past, People, ...: what commands are about
       └─ Replication ──> a Link of its own, if replicas count

What spans slots is a sequence of steps, each safe to repeat, in an order in which stopping
after any of them leaves no lie behind: what a session is about to hold is written into its
record first and crossed out last, so that whoever sweeps it finds everything.
"""

from collections.abc import Awaitable, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

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
    Span,
    Topic,
    Totals,
    Wanted,
    Was,
    altered,
)
from broker.api import Presence as Present
from broker.channels import channel_now
from broker.cluster.config import ClusterConfig
from broker.cluster.standing import Standing
from broker.events import Altered, Extra, Invited, Said, Tagged, Told, encode, is_fleeting, program
from broker.names import fold
from broker.orders import SUMMARY, Following, Shown
from broker.replication import Replication
from broker.rules import Decision, Judge, Rules, anybody
from broker.store import Berthed, Judged, Late, Line, Parted
from broker.together import together

__all__ = ["Cluster", "ClusterConfig"]


ROWS = 500
"""How many rows of a report are written in one call."""


class Cluster(Standing):
    """A `broker.api.Broker` for one node; see `Standing` for what it takes."""

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

    async def barrier(self, *, patient: bool = False) -> None:
        await self._delivery.barrier(patient=patient)

    # -- connections

    async def admit(self, address: str) -> bool:
        return await self._addresses.admit(address)

    def dismiss(self, address: str) -> None:
        self._addresses.dismiss(address)

    # -- sessions and nicks

    async def open(self, me: Identity) -> None:
        await self._naming.open(me)

    async def rename(self, me: Identity, new: str, channels: list[str]) -> list[str]:
        return await self._naming.rename(me, new, channels)

    async def quit(self, me: Identity, why: str, channels: list[str]) -> None:
        await self._naming.quit(me, why, channels)

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
        invited = self._ruling.invited_before(channel)
        may_make = not (most and me.address)

        async def join(judged: Judged) -> Arrival | tuple[Rules, bool] | None:
            async def join(_again: bool) -> Arrival | tuple[Rules, bool] | None:
                ways["deadline"] = self._presence.deadline
                joining = self._store.join(me, channel, may_make=may_make, judged=judged, **ways)
                try:
                    return await self._holding.noted(me, node, joining)
                except Berthed as berthed:
                    await self._moving.make_way(berthed.move, berthed.old, channel)
                    raise Late from None  # and so it's tried again

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
        self._moving.came(fold(channel), found.tip)
        if invited:
            await self._ruling.reinvite(channel, invited)
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
            moved = await self._store.whither(self._store, channel, me.sid)
            if moved is not None:  # this node has yet to hear of it
                channel = moved
                parted = await self._attempts.settle(node, leave)
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

    async def channel(self, name: str) -> ChannelInfo:
        self._attempts.check()
        return await channel_now(self._store, name)

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

    async def move(self, me: Identity, channel: str, new: str, why: str, *, judge: Judge) -> None:
        self._attempts.check()
        self._records.of(me)
        me.num += 1
        await self._moving.move(me, channel, new, why, judge)

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
        describe = self._store.describe(me, profile, away, event)
        alter = [self._store.alter(me, name, event) for name in names]
        _, *told = await together([describe, *alter])
        return [name for name, one in zip(names, told, strict=True) if one]

    async def set_away(self, me: Identity, why: str | None, channels: Iterable[str] = ()) -> None:
        await self.alter(me, "away", why, channels)

    async def person(self, nick: str) -> Person:
        self._attempts.check()
        return await self._people.person(nick)

    async def idle(self, nick: str) -> int | None:
        self._attempts.check()
        return await self._asking.idle(nick)

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
        return await self._lately.channels()

    async def people(self) -> list[Present]:
        self._attempts.check()
        return await self._lately.people()

    async def totals(self) -> Totals:
        self._attempts.check()
        return await self._lately.totals()

    async def count(self, counter: str) -> int:
        self._attempts.check()
        return await self._counting.count(counter)

    # -- an operator's orders

    async def end_detached(self, sid: str, why: str) -> bool:
        """End a kept session that is on no node; whether there is one."""
        return await self._keeping.end(sid, why)

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
