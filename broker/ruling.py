"""Channels with rules: what a rule may forbid is judged here, by the caller's judge, and done in
Redis if the channel still goes by the law that was judged by.

    judge(rules, standing) ──> script: the same law, the same standing? ── yes: done
        ^                                     │
        └────── the rules as they are ────────┘ no: nothing is done

So every check is atomic with what it guards, and no script has to understand a rule. What was
learned last of each channel is kept: lines are judged by it, without asking first, and it's what
Redis is told again when it has lost it. Must not know sinks.
"""

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from broker.api import Arrival, Code, Decide, Identity, JudgeOf, Position, Refused
from broker.attempts import Attempts
from broker.events import Envelope, Invited, Joined, Kicked, Ruled, Said
from broker.names import fold
from broker.presence import Presence
from broker.ruled import AsItIs, RuledRows
from broker.rules import FREE, Decision, Judge, Rules, Standing, after, anybody, encode_rules
from broker.store import Judged, Parted, Store

LOOK = "?"
"""A law that no channel has: a script that's given it does nothing, and tells how things are."""

INVITES = 100
"""How many invitations of a channel are known; as many count (see scripts/_rules.lua)."""

UNJUDGED = ""
"""In the place of a law: it doesn't matter which there is."""

TRIES = 200
"""How often somebody is asked again because others have changed the rules meanwhile, one of them
each time. Then the channel is too busy with its rules.
"""


AllSpeak = Callable[[Rules], bool]
"""Whether, where these rules hold, no member is kept from saying anything."""


def unruled(rules: Rules) -> bool:
    """The least of `AllSpeak`: nothing was ever decided there."""
    return rules.law == 0


class Known:
    """What is known of a channel with people here: its rules, the status of each, after which place
    they came, and who was invited meanwhile (sids). Who has no status here is to be asked about.

    `law`: of the rules, as scripts are given it. `free`: whether all members may say anything by
    them, so that no line has to be judged. Found out once for each law.
    """

    __slots__ = ("rules", "law", "free", "statuses", "since", "invites", "_all_speak")

    def __init__(self, rules: Rules, all_speak: AllSpeak) -> None:
        self.statuses: dict[str, str] = {}
        self.since: dict[str, Position] = {}
        self.invites: dict[str, None] = {}
        self._all_speak = all_speak
        self._go_by(rules)

    def _go_by(self, rules: Rules) -> None:
        self.rules = rules
        self.law = str(rules.law)
        self.free = self._all_speak(rules)

    def invited(self, sid: str) -> None:
        """Somebody was asked in."""
        self.invites.pop(sid, None)
        self.invites[sid] = None
        if len(self.invites) > INVITES:
            del self.invites[next(iter(self.invites))]

    def goes_by(self, rules: Rules) -> None:
        """Redis says what the rules are; of another law the statuses aren't known."""
        if rules.law != self.rules.law:
            self.statuses.clear()
        self._go_by(rules)

    def heard(self, event: Ruled) -> None:
        """By what comes by only what is known for certain gets newer: Redis may have told more."""
        if event.law == self.rules.law + 1:
            self._go_by(after(self.rules, event))
            for sid, status in event.statuses:
                if sid in self.statuses:
                    self.statuses[sid] = status

    def permits(self, sid: str, judge: Judge) -> bool:
        """Whether, by what is known, the judge lets a member do it."""
        status = self.statuses.get(sid)
        return status is not None and _permits(judge, self.rules, Standing(True, status))


class Ruling:
    """See the module's docstring. `struck` is told whose membership of which channel (folded) was
    ended by somebody else. `all_speak`: lines of members aren't judged where it says so.
    """

    def __init__(
        self,
        store: Store,
        presence: Presence,
        attempts: Attempts,
        struck: Callable[[str, str], None],
        all_speak: AllSpeak = unruled,
    ) -> None:
        self._rows = RuledRows(store)
        self._presence = presence
        self._attempts = attempts
        self._struck = struck
        self._all_speak = all_speak
        self._known: dict[str, Known] = {}  # by channel, folded
        self._before: dict[str, Known] = {}  # what was known when Redis forgot everything

    # -- what is known

    def known(self, channel: str) -> Known | None:
        """What is known of a channel, by its folded name; None: nobody here is in it."""
        return self._known.get(channel)

    def came(self, channel: str, sid: str, tip: Position, status: str, rules: Rules) -> None:
        """Somebody here is a member since this place, and found these rules."""
        known = self._known.get(fold(channel))
        if known is None:
            known = self._known[fold(channel)] = Known(rules, self._all_speak)
        else:
            known.goes_by(rules)
        known.statuses[sid] = status
        known.since[sid] = tip
        before = self._before.get(fold(channel))
        if before is not None:
            before.since.pop(sid, None)
            if not before.since:
                del self._before[fold(channel)]

    def learn(self, channel: str, sids: Iterable[str], found: AsItIs) -> None:
        """Redis says how it is."""
        known = self._known.get(channel)
        if known is None:
            return
        known.goes_by(found.rules)
        for sid, fellow in zip(sids, found.fellows, strict=True):
            if fellow is not None and sid in known.since:
                known.statuses[sid] = fellow.status

    def gone(self, channel: str, sid: str) -> None:
        """Somebody isn't a member any more, or isn't here."""
        known = self._known.get(fold(channel))
        if known is not None and sid in known.since:
            del known.since[sid]
            known.statuses.pop(sid, None)
            if not known.since:
                del self._known[fold(channel)]

    def went(self, channel: str, new: str, at: Position, tip: Position) -> list[str]:
        """A channel (folded) is called `new` since the place `at` of its log: who of those here is
        there now, from `tip` on.
        """
        known = self._known.get(channel)
        if known is None:
            return []
        sids = [
            sid
            for sid, since in known.since.items()
            if not (since.epoch == at.epoch and since.seq >= at.seq)  # they came after that
        ]
        rules, statuses = known.rules, dict(known.statuses)
        for sid in sids:
            self.came(new, sid, tip, statuses.get(sid, ""), rules)
            if sid not in statuses:
                del self._known[fold(new)].statuses[sid]
            self.gone(channel, sid)
        if sids:
            self._known[fold(new)].invites |= known.invites
        return sids

    def disown(self, *, forgotten: bool) -> None:
        """Nobody here is in any channel any more. `forgotten`: since Redis forgot all, and it can
        be told again.
        """
        self._before, self._known = self._known if forgotten else {}, {}

    def forgotten(self, channel: str, sid: str) -> tuple[Rules, str] | None:
        """What a channel went by, and the status of a member, when Redis forgot it; None if it
        didn't, or they weren't one.
        """
        return _of(self._before.get(fold(channel)), sid)

    def held(self, channel: str, sid: str) -> tuple[Rules, str] | None:
        """As `forgotten`, as it's now."""
        return _of(self._known.get(fold(channel)), sid)

    def invited_before(self, channel: str) -> list[str]:
        """Who had been invited into a channel (sids) when Redis forgot it, as far as is known."""
        before = self._before.get(fold(channel))
        return list(before.invites) if before is not None else []

    def invited(self) -> list[tuple[str, list[str]]]:
        """The channels into which people were invited, by sid, as far as is known."""
        return [(name, list(known.invites)) for name, known in self._known.items() if known.invites]

    def ruled(self) -> list[tuple[str, Rules, dict[str, str]]]:
        """The channels with rules: what they go by, and statuses by sid."""
        ruled = ((name, known) for name, known in self._known.items() if known.rules.law)
        return [(name, known.rules, dict(known.statuses)) for name, known in ruled]

    def heard(self, envelope: Envelope) -> None:
        """Something came by that isn't only lines."""
        known = self._known.get(envelope.log)
        if known is None:
            return
        for seq, event in enumerate(envelope.events, envelope.seq):
            if isinstance(event, Ruled):
                known.heard(event)
            elif isinstance(event, Invited):
                known.invited(event.to)
            elif isinstance(event, Joined):
                known.invites.pop(event.sid, None)  # it was good for that
            elif isinstance(event, Kicked):
                since = known.since.get(event.target_sid)
                # a kick from before they came again is old news
                if since is not None and not (since.epoch == envelope.epoch and seq <= since.seq):
                    self.gone(envelope.log, event.target_sid)
                    self._struck(event.target_sid, envelope.log)

    # -- what is judged

    async def join(
        self,
        channel: str,
        judge: Judge,
        join: Callable[[Judged], Awaitable[Arrival | tuple[Rules, bool] | None]],
    ) -> Arrival | None:
        """Come into a channel, by a way that's told by what that was judged."""
        known = self._known.get(fold(channel))
        rules = known.rules if known is not None else FREE  # as most have
        judged = Judged()
        if judge is not anybody:
            permitted = _permits(judge, rules, Standing(False))
            judged = Judged(str(rules.law) if permitted else LOOK, False, rules.limit)
        for _ in range(TRIES):
            found = await join(judged)
            if found is None or isinstance(found, Arrival):
                return found
            rules, invited = found
            judge(rules, Standing(False, "", invited))
            judged = Judged(str(rules.law), invited, 0 if invited else rules.limit)
        raise Refused(Code.BUSY, channel)

    async def set_topic(self, me: Identity, channel: str, topic: str, judge: Judge) -> None:
        """As `broker.api.Broker.set_topic`."""
        known, law, status = self._known.get(fold(channel)), LOOK, ""
        if judge is anybody:
            law = UNJUDGED
        elif known is not None and known.permits(me.sid, judge):
            law, status = str(known.rules.law), known.statuses[me.sid]
        for _ in range(TRIES):
            found = await self._rows.set_topic(me, channel, topic, law, status)
            if found is None:
                return
            self.learn(fold(channel), [me.sid], found)
            standing = found.standing()
            judge(found.rules, standing)
            law, status = str(found.rules.law), standing.status
        raise Refused(Code.BUSY, channel)

    async def say_outside(self, channel: str, said: Said, judge: Judge) -> None:
        """Say a line in a channel without being in it, as `broker.api.Broker.say`."""
        law = LOOK
        for _ in range(TRIES):
            found = await self._say_outside(channel, said, law)
            if found is None:
                return
            judge(found.rules, Standing(False))
            law = str(found.rules.law)
        raise Refused(Code.BUSY, channel)

    async def _say_outside(self, channel: str, said: Said, law: str) -> AsItIs | None:
        async def say(again: bool) -> AsItIs | None:
            deadline = self._presence.deadline
            return await self._rows.say_outside(channel, said, law, deadline, again=again)

        return await self._attempts.settle(self._presence.node, say)

    async def rules(self, channel: str) -> Rules:
        """As `broker.api.Broker.rules`."""
        return await self._rows.rules(channel)

    async def reinvite(self, channel: str, sids: list[str]) -> None:
        """These are invited still."""
        known = self._known.get(fold(channel))
        if known is not None:
            for sid in sids:
                known.invited(sid)
        await self._rows.reinvite(channel, sids)

    async def rule(
        self, me: Identity, channel: str, decide: Decide, about: Iterable[str] | None
    ) -> Decision:
        """As `broker.api.Broker.rule`."""
        sids = None
        if about is not None:
            holders = await self._rows.holders(list(about))
            sids = [me.sid, *(each[0] for each in holders if each is not None)]
        for _ in range(TRIES):
            rules, fellows = await self._rows.look(channel, sids)
            decision = decide(rules, {fold(fellow.nick): fellow for fellow in fellows})
            if not decision.changes:
                return decision
            held = {fellow.sid: fellow.status for fellow in fellows}
            concerned = dict.fromkeys([me.sid, *(sid for sid, _ in decision.statuses)])
            judged = {sid: held.get(sid) for sid in concerned}
            if await self._rule(me, channel, rules, _event(me, rules, decision), judged):
                return decision
        raise Refused(Code.BUSY, channel)

    async def _rule(
        self,
        me: Identity,
        channel: str,
        rules: Rules,
        event: Ruled,
        judged: dict[str, str | None],
    ) -> bool:
        """Whether it's done. If not, others have changed something meanwhile."""

        async def rule(_again: bool) -> bool:
            deadline = self._presence.deadline
            return await self._rows.rule(me, channel, rules.law, event, judged, deadline)

        return await self._attempts.settle(self._presence.node, rule)

    async def kick(
        self, me: Identity, channel: str, nick: str, why: str, judge: JudgeOf
    ) -> Parted | None:
        """As `broker.api.Broker.kick`; None if it's not known any more what was left then."""
        sid, spelled = await self._holder(nick)
        event = Kicked(me.sid, me.num, me.nick, sid, spelled, why, me.profile.by)
        law = LOOK
        mine: str | None = None
        theirs: str | None = None
        for _ in range(TRIES):
            found = await self._kick(me, channel, event, law, (mine, theirs))
            if not isinstance(found, AsItIs):
                return found
            standing, target = found.standing(), found.fellows[1]
            if target is None:
                raise Refused(Code.TARGET_NOT_MEMBER, nick)
            judge(found.rules, standing, target)
            law, theirs = str(found.rules.law), target.status
            mine = standing.status if standing.member else None
        raise Refused(Code.BUSY, channel)

    async def _kick(
        self,
        me: Identity,
        channel: str,
        event: Kicked,
        law: str,
        judged: tuple[str | None, str | None],
    ) -> Parted | AsItIs | None:
        async def kick(again: bool) -> Parted | AsItIs | None:
            deadline = self._presence.deadline
            found = await self._rows.kick(me, channel, event, law, judged, deadline)
            done = isinstance(found, AsItIs) and found.fellows[1] is None and law != LOOK
            if again and done:
                return None  # it was done before, by who isn't a member, or isn't any more
            return found

        return await self._attempts.settle(self._presence.node, kick)

    async def invite(self, me: Identity, channel: str, nick: str, judge: Judge) -> Invited:
        """Write down an invitation in the channel's slot; the event that the guest is to be told.

        Raises as `broker.api.Broker.invite`.
        """
        sid, spelled = await self._holder(nick)
        event = Invited(me.sid, me.num, me.nick, spelled, channel, sid, me.profile.by)
        law = LOOK
        mine: str | None = None
        try:
            for _ in range(TRIES):
                found = await self._invite(me, channel, event, law, mine)
                if not isinstance(found, AsItIs):
                    return msgspec.structs.replace(event, channel=found)
                standing = found.standing()
                judge(found.rules, standing)
                law, mine = str(found.rules.law), standing.status if standing.member else None
        except Refused as refused:
            if refused.code is not Code.NO_SUCH_CHANNEL:
                raise
            judge(FREE, Standing(False))
            return event
        raise Refused(Code.BUSY, channel)

    async def _invite(
        self, me: Identity, channel: str, event: Invited, law: str, mine: str | None
    ) -> AsItIs | str:
        async def invite(_again: bool) -> AsItIs | str:
            deadline = self._presence.deadline
            return await self._rows.invite(me, channel, event, law, mine, deadline)

        return await self._attempts.settle(self._presence.node, invite)

    async def _holder(self, nick: str) -> tuple[str, str]:
        """Raises NO_SUCH_NICK."""
        (holder,) = await self._rows.holders([nick])
        if holder is None:
            raise Refused(Code.NO_SUCH_NICK, nick)
        return holder


def _event(me: Identity, rules: Rules, decision: Decision) -> Ruled:
    """What was decided, where these rules held."""
    law = rules.law + 1
    after = msgspec.structs.replace(decision.rules, law=law)
    same = after == msgspec.structs.replace(rules, law=law)
    return Ruled(
        me.sid,
        me.num,
        me.nick,
        law,
        decision.changes,
        decision.statuses,
        me.profile.by,
        "" if same else encode_rules(after),
    )


def _of(known: Known | None, sid: str) -> tuple[Rules, str] | None:
    if known is None or sid not in known.since:
        return None
    return known.rules, known.statuses.get(sid, "")


def _permits(judge: Judge, rules: Rules, standing: Standing) -> bool:
    try:
        judge(rules, standing)
    except Refused:
        return False
    return True
