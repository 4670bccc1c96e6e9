"""Being in channels, and what is said there."""

from collections.abc import Iterable
from math import inf

import msgspec

from broker.api import (
    Arrival,
    ChannelInfo,
    Code,
    Decide,
    Identity,
    Invitation,
    JudgeOf,
    Position,
    Posted,
    Refused,
    Roster,
    Settled,
    Topic,
)
from broker.events import (
    Extra,
    Invited,
    Joined,
    Kicked,
    Left,
    Ruled,
    Said,
    Tagged,
    TopicSet,
    is_fleeting,
    program,
)
from broker.memory.node import Node
from broker.memory.state import Channel, Row
from broker.names import fold
from broker.rules import FREE, Decision, Judge, Rules, Standing, anybody, encode_rules

_INVITES = 100


class Channels(Node):
    """As `api.Broker`, about channels."""

    async def follow(self, channel: str) -> None:
        if not self.ready:
            raise Refused(Code.AWAY)
        self._heard.setdefault(fold(channel), None)

    async def listen(self, channel: str) -> Position:
        tip = self._channel(channel).log.tip
        if self._heard.get(fold(channel), tip) is None:
            self._heard[fold(channel)] = tip
        return tip

    def unfollow(self, channel: str) -> None:
        self._heard.pop(fold(channel), None)

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
        session, world, name = self._session(me), self._world, fold(channel)
        found = world.channels.get(name)
        before = world.before.get((name, me.sid))
        if before is None:
            self._may_join(found, me, channel, judge)
        if found is None:
            made = sum(c.maker == me.address for c in world.channels.values())
            if me.address and made >= (world.channels_per_address or inf):
                raise Refused(Code.TOO_MANY_MADE, channel)
            found = world.channels[name] = Channel(channel, world.log_at(name), me.address)
        if not found.members and not found.spoken:
            found.created = world.ms()
        log, member = world.trim(found.log), found.members.get(me.sid)
        joins = member is None
        if member is None:
            member = Row(me.token, session.nick, quiet, me.num, log.seq, by=me.profile.by)
            if before is not None:
                rules, member.status = before
                if rules.law > found.rules.law:
                    found.rules = rules
                del world.before[name, me.sid]
                found.invites += world.invited_before.pop(name, [])
            elif not found.members:
                member.status = status
                if modes:
                    found.rules = Rules(found.rules.law + 1, modes)
            found.members[me.sid] = member
            session.channels[name] = None
            if me.sid in found.invites:
                found.invites.remove(me.sid)
        tip = log.tip
        if name in self._heard:
            heard = self._heard[name]
            if heard is None or heard.epoch != log.epoch:
                self._heard[name] = log.tip
        said = log.spoken(history, tip.seq)
        arrival = Arrival(
            tip,
            found.roster(roster),
            found.topic,
            said,
            joins and announce,
            member.status,
            found.rules,
        )
        if joins and announce:
            world.append(
                log,
                Joined(
                    me.sid, me.num, session.nick, me.profile.by, me.profile.real, me.profile.account
                ),
            )
        return arrival

    @staticmethod
    def _may_join(found: Channel | None, me: Identity, channel: str, judge: Judge) -> None:
        """Ask the judge, and count: of who comes to others."""
        if found is None or not found.members or me.sid in found.members:
            return
        standing = found.standing(me.sid)
        judge(found.rules, standing)
        if 0 < found.rules.limit <= len(found.members) and not standing.invited:
            raise Refused(Code.CHANNEL_FULL, channel)

    async def leave(self, me: Identity, channel: str, why: str) -> None:
        found, member = self._member(me, self._world.whither(channel, me.sid))
        del found.members[me.sid]
        self._world.sessions[me.sid].channels.pop(found.log.name, None)
        self._world.append(found.log, Left(me.sid, me.num, member.nick, why, member.by))
        self._world.vacate(found)

    async def roster(self, channel: str) -> Roster:
        return self._channel(channel).roster()

    async def topic(self, channel: str) -> Topic:
        return self._channel(channel).topic

    async def channels(self) -> list[ChannelInfo]:
        self._check_ready()
        rows = sorted(self._world.channels.items())
        return [channel.info for _, channel in rows if channel.members]

    async def channel(self, name: str) -> ChannelInfo:
        return self._channel(name).info

    # -- what is said

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
        try:
            found, member = self._speaker(me, channel, outside=outside)
            if member is None or (me.num > member.num and found.rules is not FREE):
                judge(found.rules, found.standing(me.sid))
        except Refused as refused:
            settled(refused)
            return
        if member is None or me.num > member.num:
            nick, found.spoken = me.nick, True
            if member is not None:
                member.num, member.quiet, nick = me.num, False, member.nick
            self._world.messages += 1
            if outside:
                extra = msgspec.structs.replace(extra or Extra(), outside=True)
            said = Said(me.sid, me.num, nick, text, action, me.profile.by, extra)
            self._world.append(found.log, said)
        settled(None)

    async def tag(
        self,
        me: Identity,
        channel: str,
        tags: dict[str, str],
        extra: Extra | None = None,
        *,
        judge: Judge = anybody,
    ) -> None:
        found, member = self._member(me, channel)
        if me.num > member.num:
            if found.rules is not FREE:
                judge(found.rules, found.standing(me.sid))
            tagged = Tagged(me.sid, me.num, member.nick, tags, "", me.profile.by, extra)
            if is_fleeting(tags):
                self._world.flash(found.log, tagged)
                return
            member.num, member.quiet, found.spoken = me.num, False, True
            self._world.messages += 1
            self._world.append(found.log, tagged)

    def _speaker(self, me: Identity, channel: str, *, outside: bool) -> tuple[Channel, Row | None]:
        if outside:
            self._session(me)
            return self._channel(channel), None
        return self._member(me, channel)

    async def post(self, name: str, channel: str, text: str, key: str = "") -> Posted:
        found = self._channel(channel)
        said = Said(program(), 1, name, text)
        now, memo = self._world.ms(), (name, found.log.name, key or said.sid)
        before = self._world.posted.get(memo)
        if before is not None and now - before[0].ms < 600_000:
            return before[0]._replace(fresh=False, same=before[1] == text)
        found.spoken = True
        self._world.messages += 1
        self._world.append(found.log, said)
        posted = Posted(found.log.tip, now, fresh=True, same=True)
        self._world.posted[memo] = posted, text
        return posted

    async def set_topic(
        self, me: Identity, channel: str, topic: str, *, judge: Judge = anybody
    ) -> None:
        found, member = self._member(me, channel)
        if me.num > member.num:
            judge(found.rules, found.standing(me.sid))
            member.num, found.spoken = me.num, True
            found.topic = Topic(topic, member.nick, self._world.ms())
            self._world.append(
                found.log, TopicSet(me.sid, me.num, member.nick, topic, me.profile.by)
            )

    # -- channels with rules

    async def rules(self, channel: str) -> Rules:
        return self._channel(channel).rules

    async def rule(
        self, me: Identity, channel: str, decide: Decide, about: Iterable[str] | None = None
    ) -> Decision:
        self._session(me)
        found = self._channel(channel)
        member = found.members.get(me.sid)
        if member is not None and me.num <= member.num:
            return Decision(found.rules, ())
        wanted = None if about is None else {me.sid, *map(self._sid_of, about)}
        fellows = [found.fellow(sid) for sid in found.members if wanted is None or sid in wanted]
        decision = decide(found.rules, {fold(fellow.nick): fellow for fellow in fellows})
        if decision.changes:
            if member is not None:
                member.num = me.num
            same = msgspec.structs.replace(decision.rules, law=found.rules.law) == found.rules
            law = found.rules.law + 1
            found.rules = msgspec.structs.replace(decision.rules, law=law)
            there = [each for each in decision.statuses if each[0] in found.members]
            for sid, status in there:
                found.members[sid].status = status
            ruled = Ruled(
                me.sid,
                me.num,
                me.nick,
                law,
                decision.changes,
                tuple(there),
                me.profile.by,
                "" if same else encode_rules(found.rules),
            )
            self._world.append(found.log, ruled)
        return decision

    def _sid_of(self, nick: str) -> str:
        holder = self._world.claims.get(fold(nick))
        return holder.sid if holder is not None else ""

    async def kick(
        self, me: Identity, channel: str, nick: str, why: str, *, judge: JudgeOf
    ) -> None:
        self._session(me)
        found, sid = self._channel(channel), self._holder(nick).sid
        member = found.members.get(me.sid)
        if member is not None and me.num <= member.num:
            return
        if sid not in found.members:
            raise Refused(Code.TARGET_NOT_MEMBER, nick)
        judge(found.rules, found.standing(me.sid), found.fellow(sid))
        if member is not None:
            member.num = me.num
        target = found.members.pop(sid)
        self._world.sessions[sid].channels.pop(found.log.name, None)
        kicked = Kicked(me.sid, me.num, me.nick, sid, target.nick, why, me.profile.by)
        self._world.append(found.log, kicked)
        self._world.vacate(found)

    async def invite(self, me: Identity, channel: str, nick: str, *, judge: Judge) -> Invitation:
        session, guest = self._session(me), self._holder(nick)
        found = self._world.channels.get(fold(channel))
        spelled = channel if found is None else found.name
        event = Invited(me.sid, me.num, me.nick, guest.nick, spelled, guest.sid, me.profile.by)
        if found is None or not found.members:
            judge(FREE, Standing(False))
        else:
            member = found.members.get(me.sid)
            if guest.sid in found.members:
                raise Refused(Code.ALREADY_THERE, guest.nick)
            if member is None or me.num > member.num:
                judge(found.rules, found.standing(me.sid))
                others = [sid for sid in found.invites if sid != guest.sid]
                found.invites = [*others, guest.sid][-_INVITES:]
                self._world.append(found.log, event)
                if member is not None:
                    member.num = me.num
        if me.num > session.told:
            session.told = me.num
            self._world.append(guest.inbox, event, [guest.home])
        return Invitation(guest.nick, guest.away)
