"""Channels with rules: what a rule may forbid is judged here, by what the caller says, and done in
Redis if the channel still goes by the law that was judged by.

    judge(rules, standing) ──> script: the same law, the same standing? ── yes: done
        ^                                     │
        └────── the rules as they are ────────┘ no: nothing is done

So every check is atomic with what it guards, and no script has to understand a rule. What was
learned last of each channel is kept: lines are judged by it without asking first. It also is what
Redis is told again when it has lost it. Must not know sinks.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

from broker.api import (
    Code,
    Decide,
    Identity,
    Judge,
    JudgeOf,
    Member,
    Position,
    Refused,
)
from broker.events import Envelope, Invited, Kicked, Ruled, around, encode
from broker.names import fold
from broker.rules import Rules, Standing, after, decode_rules, encode_rules
from broker.scripts import MOMENT
from broker.store import Store

T = TypeVar("T")

LOOK = "?"
"""A law that no channel has: a script that's given it does nothing and tells how things are."""

TRIES = 200
"""How often something is judged again because the rules were changed meanwhile, by others each
time. After that the channel is too busy with its rules.
"""


class AsItIs(NamedTuple):
    """What a channel goes by, and the status of each who was asked about; None: no member."""

    rules: Rules
    statuses: list[str | None]

    def standing(self, which: int = 0) -> Standing:
        """Of one of them."""
        status = self.statuses[which]
        return Standing(status is not None, status or "")


def as_it_is(reply: list[bytes]) -> AsItIs:
    """Of what scripts answer (see `_rules.lua`)."""
    _, law, rules, *statuses = reply
    found = [None if status == b"?" else status.decode() for status in statuses]
    return AsItIs(decode_rules(int(law), rules), found)


class Known:
    """What is known of a channel with people here: its rules, the status of each, and after which
    place they came.
    """

    __slots__ = ("rules", "statuses", "since")

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.statuses: dict[str, str] = {}
        self.since: dict[str, Position] = {}


class Ruling:
    """See the module's docstring. `struck` is told whose membership of which channel was ended by
    somebody else.
    """

    def __init__(self, store: Store, struck: Callable[[str, str], None]) -> None:
        self._store = store
        self._struck = struck
        self._known: dict[str, Known] = {}  # by channel, folded
        self._before: dict[str, Known] = {}  # what was known when Redis forgot everything

    # -- what is known

    def known(self, channel: str) -> Known | None:
        """What is known of a channel, by its folded name; None: Redis has to be asked."""
        return self._known.get(channel)

    def learn(self, channel: str, sids: list[str], found: AsItIs) -> None:
        """Redis says how it is."""
        known = self._known.get(channel)
        if known is None:
            return  # nobody is in there any more
        if known.rules.law != found.rules.law:
            known.statuses.clear()
        known.rules = found.rules
        for sid, status in zip(sids, found.statuses, strict=True):
            if status is not None and sid in known.since:
                known.statuses[sid] = status

    def came(self, channel: str, sid: str, tip: Position, status: str, rules: Rules) -> None:
        """Somebody is a member since this place, and found these rules."""
        known = self._known.get(channel)
        if known is None:
            known = self._known[channel] = Known(rules)
        elif known.rules.law != rules.law:
            known.rules = rules
            known.statuses.clear()
        known.statuses[sid] = status
        known.since[sid] = tip
        before = self._before.get(channel)
        if before is not None and before.since.pop(sid, None) and not before.since:
            del self._before[channel]

    def gone(self, channel: str, sid: str) -> None:
        """They aren't a member any more."""
        known = self._known.get(channel)
        if known is not None:
            known.statuses.pop(sid, None)
            known.since.pop(sid, None)
            if not known.since:
                del self._known[channel]

    def forsake(self, sid: str) -> None:
        """The session isn't here any more."""
        for channel in [name for name, known in self._known.items() if sid in known.since]:
            self.gone(channel, sid)

    def disown(self, *, forgotten: bool) -> None:
        """Nobody is in any channel any more. `forgotten`: since Redis forgot it all, which can be
        told again.
        """
        self._before = self._known if forgotten else {}
        self._known = {}

    def restored(self, channel: str, sid: str) -> tuple[str, Rules] | None:
        """What a member who is put back had for a status, and the rules, when Redis forgot all."""
        before = self._before.get(channel)
        if before is None or sid not in before.since:
            return None
        return before.statuses.get(sid, ""), before.rules

    def status(self, channel: str, sid: str) -> str | None:
        """Of somebody here; None if it isn't known."""
        known = self._known.get(channel)
        return known.statuses.get(sid) if known is not None else None

    def heard(self, envelope: Envelope) -> None:
        """Something came by that isn't only lines."""
        known = self._known.get(envelope.log)
        if known is None:
            return
        for place, event in enumerate(envelope.events, envelope.seq):
            if isinstance(event, Ruled):
                self._ruled(known, event)
            elif isinstance(event, Kicked):
                since = known.since.get(event.target_sid)
                # a kick from before they came again is no news
                if since is not None and not (since.epoch == envelope.epoch and place <= since.seq):
                    self.gone(envelope.log, event.target_sid)
                    self._struck(event.target_sid, envelope.log)

    @staticmethod
    def _ruled(known: Known, event: Ruled) -> None:
        if event.law <= known.rules.law:
            return  # Redis said so before
        if event.law > known.rules.law + 1 and not event.rules:
            known.statuses.clear()  # and be told
            return
        if event.law > known.rules.law + 1:
            known.statuses.clear()
        known.rules = after(known.rules, event)
        for sid, status in event.statuses:
            if sid in known.statuses:
                known.statuses[sid] = status

    # -- asking and judging

    async def judged(
        self, me: Identity, channel: str, judge: Judge | None, act: "Act[AsItIs | T]"
    ) -> T:
        """Do something as a member, by what is known; if that doesn't do, by what is so."""
        name = fold(channel)
        known, law, status = self._known.get(name), LOOK, ""
        if judge is None:
            law = ""
        elif known is not None and me.sid in known.statuses:
            status = known.statuses[me.sid]
            if permits(judge, known.rules, Standing(True, status)):
                law = str(known.rules.law)
        for _ in range(TRIES):
            found = await act(law, status)
            if not isinstance(found, AsItIs):
                return found
            self.learn(name, [me.sid], found)
            if judge is not None:
                judge(found.rules, found.standing())
            law, status = str(found.rules.law), found.statuses[0] or ""
        raise Refused(Code.BUSY, channel)

    async def set_topic(self, me: Identity, channel: str, topic: str, judge: Judge | None) -> None:
        """As `broker.api.Broker.set_topic`."""

        async def act(law: str, status: str) -> AsItIs | None:
            found = await self._store.set_topic(me, channel, topic, law, status)
            return as_it_is(found) if found else None

        await self.judged(me, channel, judge, act)

    async def rule(
        self, me: Identity, channel: str, decide: Decide, about: Iterable[str]
    ) -> Ruled | None:
        """As `broker.api.Broker.rule`."""
        holders = await self._holders(about)
        sids = [sid for sid, _ in holders.values()]
        law, status, statuses, body = LOOK, "", ["?"] * len(sids), b""
        event: Ruled | None = None
        for _ in range(TRIES):
            pairs = zip(sids, statuses, strict=True)
            flat = [part for pair in pairs for part in pair]
            keys = self._store.keys.channel(channel)
            head = self._head(me, channel)
            found = await self._store.run(
                "rule", keys, *head, law, status, body, self._store.server, *flat
            )
            if found == 2:
                raise Refused(Code.NOT_MEMBER, channel)
            if found[0] == 0:
                return event
            now = as_it_is(found)
            law, status = str(now.rules.law), now.statuses[0] or ""
            statuses = ["?" if one is None else one for one in now.statuses[1:]]
            self.learn(fold(channel), [me.sid, *sids], now)
            event = self._decided(me, now, decide, holders)
            if event is None:
                return None
            body = encode(event)
        raise Refused(Code.BUSY, channel)

    @staticmethod
    def _decided(
        me: Identity, now: AsItIs, decide: Decide, holders: "Mapping[str, tuple[str, str]]"
    ) -> Ruled | None:
        """The event of what somebody decides who sees how things are."""
        there = {
            nick: Member(spelled, status)
            for (nick, (_, spelled)), status in zip(holders.items(), now.statuses[1:], strict=True)
            if status is not None
        }
        decision = decide(now.rules, now.standing(), there)
        if not decision.changes:
            return None
        law, rules = now.rules.law + 1, ""
        if decision.rules is not None:
            rules = encode_rules(decision.rules, law)
        statuses = tuple((holders[fold(nick)][0], to) for nick, to in decision.statuses.items())
        by = me.profile.by
        return Ruled(me.sid, me.num, me.nick, law, decision.changes, statuses, by, rules)

    async def kick(
        self, me: Identity, channel: str, nick: str, why: str, judge: JudgeOf
    ) -> tuple[int, str]:
        """As `broker.api.Broker.kick`; how many are left, and the maker of a channel that's gone."""
        sid, spelled = await self._holder(nick)
        kicked = Kicked(me.sid, me.num, me.nick, sid, spelled, why, me.profile.by)
        head, tail = around(kicked, "target")
        law, status, target = LOOK, "", "?"
        for _ in range(TRIES):
            found = await self._store.run(
                "kick",
                self._store.keys.channel(channel),
                *self._head(me, channel),
                law,
                status,
                sid,
                target,
                head,
                tail,
                self._store.kept_ms // 1000,
                MOMENT,
                self._store.server,
            )
            if found == 2:
                raise Refused(Code.NOT_MEMBER, channel)
            if found[0] == 0:
                return found[1], found[2].decode()
            now = as_it_is(found)
            if now.statuses[1] is None:
                raise Refused(Code.NOT_THERE, nick)
            judge(now.rules, now.standing(), now.standing(1))
            law, status, target = str(now.rules.law), now.statuses[0] or "", now.statuses[1]
        raise Refused(Code.BUSY, channel)

    async def invite(self, me: Identity, channel: str, nick: str, judge: Judge | None) -> Invited:
        """Write an invitation down in the channel's slot; its event."""
        sid, spelled = await self._holder(nick)
        event = Invited(me.sid, me.num, me.nick, spelled, "", sid, me.profile.by)
        head, tail = around(event, "channel")

        async def act(law: str, status: str) -> AsItIs | str:
            found = await self._store.run(
                "invite",
                self._store.keys.channel(channel),
                *self._head(me, channel),
                law,
                status,
                sid,
                head,
                tail,
                self._store.server,
            )
            if found == 2:
                raise Refused(Code.NOT_MEMBER, channel)
            if found == 3:
                raise Refused(Code.ALREADY_THERE, spelled)
            return str(found[1], "utf-8") if found[0] == 0 else as_it_is(found)
