"""Coming, renaming, going, and being kept meanwhile."""

from collections.abc import Awaitable

from broker.api import Code, Identity, Missed, Position, Reach, Refused, Regained, Resumed
from broker.events import SCHEMA, Envelope, Renamed
from broker.memory.node import Node
from broker.memory.state import Kept, Session
from broker.names import fold


class Sessions(Node):
    """As `api.Broker`, about connections, sessions and nicks."""

    async def admit(self, address: str) -> bool:
        most = self._world.connections_per_address
        living = [node for node in self._world.nodes if node.evicted is None]
        if self.ready and most and sum(node.admitted[address] for node in living) >= most:
            return False
        self.admitted[address] += 1
        return True

    def dismiss(self, address: str) -> None:
        self.admitted[address] -= 1

    async def open(self, me: Identity) -> None:
        self._take(me)
        world, nick = self._world, fold(me.nick)
        holder = world.claims.get(nick)
        if holder is not None:
            if (holder.sid, holder.token) != (me.sid, me.token):
                raise Refused(Code.NICK_TAKEN, me.nick)
            holder.nick, holder.away, holder.profile = me.nick, me.away, me.profile
            world.came(holder)
            return
        claimed = world.is_retained(nick, me.sid) or world.next_claim()
        world.let_go(me.sid)
        inbox = world.log(nick)
        self._heard[nick] = inbox.tip
        session = Session(
            me.sid,
            me.token,
            me.nick,
            me.since,
            self,
            inbox,
            me.num,
            claimed,
            me.profile,
            me.away,
        )
        world.sessions[me.sid] = world.claims[nick] = session
        world.came(session)

    async def rename(self, me: Identity, new: str, channels: list[str]) -> list[str]:
        session, world = self._session(me), self._world
        old, nick = fold(session.nick), fold(new)
        if world.claims.get(nick, session) is not session:
            raise Refused(Code.NICK_TAKEN, new)
        world.is_retained(nick, me.sid)
        names = tuple(map(fold, channels))
        renamed = Renamed(me.sid, me.num, session.nick, new, names, me.profile.by)
        if nick != old:
            world.free(session)
            session.inbox = world.log(nick)
            self._heard[nick] = session.inbox.tip
            self._heard.pop(old, None)
            session.claimed = world.next_claim()
            world.claims[nick] = session
        session.nick = new
        world.came(session)
        told = []
        for name in (world.whither(name, me.sid) for name in names):
            channel = world.channels.get(name)
            member = channel and channel.members.get(me.sid)
            if channel and member:
                known, member.nick = member.nick == new, new
                if not member.quiet:
                    told.append(name)
                    if not known:
                        world.append(channel.log, renamed)
        return told

    async def quit(self, me: Identity, why: str, channels: list[str]) -> None:
        await self._return()
        self._world.let_go(me.sid)
        session = self._world.sessions.get(me.sid)
        if session is not None and session.token == me.token:
            self._take(me)
            session.num = me.num
            self._world.end(session, why, channels)
            self._heard.pop(fold(session.nick), None)

    async def keep(self, me: Identity, secret: str, state: bytes) -> None:
        session = self._session(me)
        session.kept = Kept(secret, state)

    def detach(self, me: Identity, state: bytes) -> Awaitable[None]:
        session = self._world.sessions.get(me.sid)
        logs = [*session.channels, fold(session.nick)] if session is not None else []
        return self._detach(me, state, self.reach(logs))

    async def _detach(self, me: Identity, state: bytes, told: dict[str, Reach]) -> None:
        await self._return()
        session = self._world.sessions.get(me.sid)
        if session is None or session.token != me.token:
            return
        if session.kept is None:
            await self.quit(me, "connection lost", [])
            return
        kept = session.kept
        if kept.taking:
            self._world.detach(session, kept.state, self._world.ms(), kept.told)
        else:
            self._world.detach(session, state, 0, told)
        self._heard.pop(fold(session.nick), None)

    async def resume(self, me: Identity, secret: str, *, detached: bool = False) -> Resumed:
        self._check_ready()
        world = self._world
        session = world.sessions.get(me.sid)
        kept = session.kept if session is not None else None
        if session is None or kept is None or kept.secret != secret:
            raise Refused(Code.TOKEN_UNKNOWN)
        if kept.ends is None and session.home is self:
            raise Refused(Code.CUT_OFF)
        elsewhere = kept.ends is None
        if detached and elsewhere:
            raise Refused(Code.ELSEWHERE)
        if elsewhere:
            told = session.home.reach([*session.channels, fold(session.nick)])
            world.detach(session, kept.state, world.ms(), told)
            session.home.lose_kept(me.sid, session.nick)
        session.num += 1 << 32
        me.num, me.nick, me.away, me.since = session.num, session.nick, session.away, session.since
        me.profile = session.profile
        session.token, session.home, kept.ends = me.token, self, None
        kept.taking = True
        nick = fold(session.nick)
        known = {world.whither(log, me.sid): reach for log, reach in kept.told.items()}
        known.setdefault(nick, Reach(Position(session.inbox.epoch, 0), 0))
        channels = [world.channels[name].name for name in session.channels]
        inbox = session.inbox.tip
        return Resumed(me.nick, me.away, me.since, kept.state, channels, inbox, known, kept.till)

    async def regain(self, me: Identity, channel: str) -> Regained | None:
        session, name = self._resuming(me), fold(channel)
        found = self._world.channels.get(name)
        member = found and found.members.get(session.sid)
        if not found or not member:
            return None
        member.token = me.token
        tip, nick = found.log.tip, member.nick
        heard = self._heard.get(name)
        if name in self._heard and (heard is None or heard.epoch != tip.epoch):
            self._heard[name] = tip
        if nick != session.nick:
            member.nick = session.nick
            if not member.quiet:
                names = tuple(session.channels)
                self._world.append(
                    found.log, Renamed(me.sid, me.num, nick, session.nick, names, me.profile.by)
                )
        status, rules = member.status, found.rules
        return Regained(found.name, tip, member.quiet, nick, member.since, status, rules)

    def attend(self, me: Identity, inbox: Position) -> None:
        session = self._world.sessions[me.sid]
        self._heard[fold(session.nick)] = inbox
        for entry in self._world.trim(session.inbox).entries:
            if entry.seq > inbox.seq:
                envelope = Envelope(
                    SCHEMA, session.inbox.name, inbox.epoch, entry.seq, entry.ms, [entry.event]
                )
                self.publish(session.inbox, envelope)

    async def resumed(self, me: Identity) -> None:
        kept = self._resuming(me).kept
        if kept is not None:
            kept.taking = False

    async def missed(self, log: str, after: Position, upto: Position) -> Missed:
        self._check_ready()
        name = fold(log)
        holder, channel = self._world.claims.get(name), self._world.channels.get(name)
        found = channel.log if channel is not None else None
        if holder is not None:
            found = holder.inbox
        if found is None or found.epoch != upto.epoch:
            return Missed(None, [])
        if after.epoch == upto.epoch and after.seq > upto.seq:
            return Missed(None, [])
        common = found.past.get(after.epoch, 0)  # up to where it's this log
        same = after.epoch in (found.epoch, "") or (
            after.epoch in found.past and after.seq <= common
        )
        start = after.seq if same else common
        entries = self._world.trim(found).entries
        missed = [entry for entry in entries if start < entry.seq <= upto.seq]
        lost = upto.seq - start - len(missed)
        return Missed(lost if same else None, missed)
