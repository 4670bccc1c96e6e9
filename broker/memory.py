"""The in-memory broker: a whole cluster in one process, for tests and for nothing else.

    Memory ─┐                 what the nodes agree on
    Memory ─┼─> World ──────> one queue of calls ──> Sink, Sink, Sink
    Memory ─┘

`World` is to `Memory` what Redis is to the real broker, and has switches to make nodes lose
it. No method waits for anything: when it returns, every sink has been told all that followed
from it. As with the real broker, one has to wait for `quit`, `follow` and `barrier` while the
node is cut off, and within a call of a sink, which is never re-entered, for `barrier`.
Must not know Redis, sockets or the reactor.
"""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from broker import spans
from broker.api import (
    FAR,
    HELD_BACK,
    NOBODY,
    UNTOLD,
    Arrival,
    Attendance,
    Attendee,
    ChannelInfo,
    Code,
    Decide,
    Found,
    History,
    Identity,
    Invitation,
    JudgeOf,
    Member,
    Missed,
    Person,
    Position,
    Posted,
    Presence,
    Profile,
    Reach,
    Receipt,
    Redaction,
    Refused,
    Regained,
    Resumed,
    Roster,
    Seat,
    Settled,
    Sighting,
    Sink,
    Span,
    Topic,
    Totals,
    Wanted,
    Was,
    Way,
    altered,
)
from broker.events import (
    SCHEMA,
    SPOKEN,
    Altered,
    Entry,
    Envelope,
    Event,
    Extra,
    Invited,
    Joined,
    Kicked,
    Left,
    Quit,
    Redacted,
    Renamed,
    Ruled,
    Said,
    Tagged,
    Told,
    TopicSet,
    Unknown,
    is_fleeting,
    program,
)
from broker.names import fold
from broker.rules import (
    FREE,
    Decision,
    Fellow,
    Judge,
    Rules,
    Standing,
    anybody,
    encode_rules,
)

_DAY_MS = 86_400_000
_WITNESSED = 8_192
_INVITES = 100


@dataclass
class _Log:
    """A channel's log or a nick's inbox: at most `entries.maxlen` entries of one epoch."""

    name: str
    epoch: str
    entries: deque[Entry]
    seq: int = 0
    past: dict[str, int] = field(default_factory=dict)  # up to where it's an earlier epoch's

    @property
    def tip(self) -> Position:
        return Position(self.epoch, self.seq)

    def upto(self, before: Position) -> int:
        """The seq of the last place before this one, as far as it's known what stood there."""
        known = self.seq if before.epoch == self.epoch else self.past.get(before.epoch, 0)
        return min(known, before.seq - 1)

    def spoken(self, count: int, upto: int, ranks: str = "") -> list[Entry]:
        """The last `count` spoken entries whose seq is not above `upto`, oldest first."""
        said = [
            e
            for e in self.entries
            if isinstance(e.event, SPOKEN) and e.seq <= upto and spans.readable(e.event, ranks)
        ]
        return said[-count:] if count > 0 else []

    def said_at(self, place: Position) -> Entry | None:
        """What is said at a place."""
        if place.seq > spans.known_seq(self.past, self.tip, place):
            return None
        kinds = Said | Told | Tagged
        found = (e for e in self.entries if e.seq == place.seq and isinstance(e.event, kinds))
        return next(found, None)

    def blank_at(self, place: str) -> None:
        """What stood at a place (EPOCH.SEQ), if it's known, was taken back."""
        epoch, _, seq = place.rpartition(".")
        entry = self.said_at(Position(epoch, int(seq)))
        if entry is not None:
            self.blank(entry)

    def blank(self, entry: Entry) -> None:
        """Take an event back; its place stays."""
        event = entry.event
        left = Entry(entry.seq, entry.ms, Unknown(event.sid, event.num, event.nick))
        self.entries[self.entries.index(entry)] = left


@dataclass
class _Session:
    """One open session: what stands in its own record and in its nick's claim."""

    sid: str
    token: str
    nick: str
    since: int
    home: "Memory"
    inbox: _Log
    num: int
    claimed: int  # the how manieth claim of all
    profile: Profile = NOBODY
    away: str | None = None
    told: int = 0
    channels: dict[str, None] = field(default_factory=dict)
    kept: "_Kept | None" = None


@dataclass
class _Kept:
    """What a kept session has besides. `ends`: when it does (ms), if it's detached.
    `taking`: it's being taken up.
    """

    secret: str
    state: bytes
    ends: int | None = None
    told: dict[str, Reach] = field(default_factory=dict)
    till: int = 0
    taking: bool = False


@dataclass
class _Retained:
    """A nick that was held when all was forgotten, until its session is opened again, or the time
    for that is over (ms).
    """

    sid: str
    claimed: int
    until: int


@dataclass
class _Member:
    """A roster entry. `num`: the last command done here."""

    token: str
    nick: str
    quiet: bool
    num: int
    since: int = 0
    status: str = ""
    by: str = ""


@dataclass
class _Channel:
    name: str
    log: _Log
    maker: str
    members: dict[str, _Member] = field(default_factory=dict)
    topic: Topic = Topic("", "", 0)
    spoken: bool = False
    rules: Rules = FREE
    invites: list[str] = field(default_factory=list)
    created: int = 0

    @property
    def info(self) -> ChannelInfo:
        topic = self.topic
        row = (self.name, len(self.members), topic.text, self.rules.modes, self.created)
        return ChannelInfo(*row, topic.ms)

    def standing(self, sid: str) -> Standing:
        """Of somebody who is there, or isn't."""
        member = self.members.get(sid)
        if member is None:
            return Standing(False, "", sid in self.invites)
        return Standing(True, member.status)

    def fellow(self, sid: str) -> Fellow:
        member = self.members[sid]
        return Fellow(sid, member.nick, member.status, member.by)

    def lapse(self) -> None:
        """Nobody is there any more, and the rules end with that."""
        self.invites.clear()
        if self.rules is not FREE:
            closed = self.rules.key != "" or "i" in self.rules.modes
            self.rules = Rules(self.rules.law + 1)
            if closed:
                self.spoken, self.topic = False, Topic("", "", 0)

    def roster(self, most: int | None = None) -> Roster:
        members = [Member(one.nick, one.status, one.by) for one in self.members.values()]
        return Roster(self.name, members[:most], len(members))


def _still_said(seen: list[tuple[int, Event]]) -> list[Event]:
    """Of what a node saw at places that are gone: not what was taken back, nor that it was."""
    at = {event.at.rpartition(".")[2] for _, event in seen if isinstance(event, Redacted)}
    gone = {seq for seq, _ in seen if str(seq) in at}
    return [
        event
        for seq, event in seen
        if seq not in gone
        and not (isinstance(event, Redacted) and int(event.at.rpartition(".")[2]) in gone)
    ]


class World:
    """What all nodes agree on. `clock`: seconds of Unix time. The bounds are those of I7.

    `channels_per_address` 0: any number, as from an address that isn't known; likewise
    `connections_per_address`. `passing`: as for `Cluster`.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        history_lines: int = 1000,
        history_days: float = 7.0,
        inbox_lines: int = 500,
        channels_per_address: int = 1000,
        connections_per_address: int = 100,
        keep: float = 60.0,
        passing: str = "",
    ) -> None:
        self.passing = passing
        self.secrets: dict[str, str] = {}
        self._keep_ms = int(keep * 1000)
        self._clock = clock
        self._history_lines = history_lines
        self._history_ms = history_days * _DAY_MS
        self._inbox_lines = inbox_lines
        self.channels_per_address = channels_per_address
        self.connections_per_address = connections_per_address
        self.nodes: list[Memory] = []
        self.counters: Counter[str] = Counter()
        # the rules of channels and the status of each member when all was forgotten
        self.before: dict[tuple[str, str], tuple[Rules, str]] = {}
        self._replicated: dict[str, int] | None = None
        self._logs_made = 0
        self._claims_made = 0
        self._calls: deque[Callable[[], None]] = deque()
        self._calling = False
        self._begin()

    def _begin(self) -> None:
        self.sessions: dict[str, _Session] = {}
        self.claims: dict[str, _Session] = {}
        self.retained: dict[str, _Retained] = {}  # nicks, folded
        self.channels: dict[str, _Channel] = {}
        self.messages = 0
        self.had: dict[str, deque[Was]] = {}  # who had nicks, folded
        self.posted: dict[tuple[str, str, str], tuple[Posted, str]] = {}

    # Switches for tests

    def lose(self, node: "Memory") -> None:
        """The node loses the broker: its sink is told `away`, its commands are refused."""
        if node.ready:
            node.ready = False
            self.call(node.sink.away)

    def restore(self, node: "Memory") -> None:
        """The node finds the broker again, and is told all that it missed."""
        if not node.ready:
            node.catch_up()

    def evict(self, node: "Memory") -> None:
        """The node, cut off, loses its lease: the others see its people quit."""
        self.lose(node)
        self.end_sessions(node)
        if node.evicted is None:
            node.evicted = False

    def forget(self) -> None:
        """Everything is lost, in an outage that is over at once for those not cut off before."""
        connected = [node for node in self.nodes if node.ready]
        for node in connected:
            self.lose(node)
        for nick, session in self.claims.items():
            if session.kept is None or session.kept.ends is None:
                session.home.held[nick] = (session.sid, session.claimed)
        self.before = {
            (name, sid): (channel.rules, member.status)
            for name, channel in self.channels.items()
            for sid, member in channel.members.items()
        }
        self._begin()
        self.counters.clear()
        for node in self.nodes:
            node.forgotten(cut_off=node not in connected)
        for node in connected:
            self.restore(node)

    def fall_behind(self) -> None:
        """A replica hears nothing any more of what is accepted from here on."""
        self._replicated = {log.name: log.seq for log in self.logs()}

    def fail_over(self, *witnesses: "Memory") -> None:
        """That replica takes over, in an outage that lasts until each node is restored.

        The witnesses put back what they had heard; what nobody puts back is lost.
        """
        for node in self.nodes:
            self.lose(node)
        replicated, self._replicated = self._replicated or {}, None
        for log in self.logs():
            heard = [node.place(log) for node in witnesses]
            common = max(replicated.get(log.name, 0), *heard, 0)
            while log.entries and log.entries[-1].seq > common:
                log.entries.pop()
            log.seq = min(log.seq, common)
            log.past[log.epoch] = log.seq
            log.epoch = self._new_epoch()

    def usurp(self, nick: str) -> None:
        """Somebody who isn't here turns out to have held the nick before its holder."""
        session = self.claims[fold(nick)]
        elder = _Session("elder", "", nick, 0, session.home, self.log(fold(nick)), 0, 0)
        self.claims[fold(nick)] = elder
        self.call(partial(session.home.sink.nick_lost, session.sid))

    def freeze_replicas(self) -> None:
        """What is accepted reaches no replica any more."""
        self.call(*(partial(node.sink.replicated, False) for node in self.nodes))

    def wake_replicas(self) -> None:
        """Replicas have everything again."""
        self.call(*(partial(node.sink.replicated, True) for node in self.nodes))

    # For the nodes

    def logs(self) -> list[_Log]:
        """All that there are."""
        inboxes = [session.inbox for session in self.claims.values()]
        return [channel.log for channel in self.channels.values()] + inboxes

    def _new_epoch(self) -> str:
        self._logs_made += 1
        return f"epoch{self._logs_made}"

    def next_claim(self) -> int:
        """A number for a claim, above those of all earlier ones."""
        self._claims_made += 1
        return self._claims_made

    def retain(self, held: dict[str, tuple[str, int]]) -> None:
        """A node is back that held these nicks when all was forgotten: by nick, who has had it
        since which claim. Of two who have had one, the first keeps it.
        """
        for nick, (sid, claimed) in held.items():
            holder = self.claims.get(nick)
            if holder is not None and holder.claimed < claimed:
                continue
            if holder is not None:
                told = partial(holder.home.sink.nick_lost, holder.sid)
                self.call(told, partial(self._take_away, nick, holder))
            self.retained[nick] = _Retained(sid, claimed, self.ms() + 1000 * HELD_BACK)

    def _take_away(self, nick: str, holder: _Session) -> None:
        """Who was told that they've lost a nick has it no more, if they didn't take another."""
        if self.claims.get(nick) is holder:
            del self.claims[nick]

    def is_retained(self, nick: str, but: str) -> int:
        """Since which claim a nick is held for a session, or 0. Raises NICK_TAKEN if that's another
        one than `but`.
        """
        retained = self.retained.get(fold(nick))
        if retained is None or retained.until < self.ms():
            return 0
        if retained.sid != but:
            raise Refused(Code.NICK_TAKEN, nick)
        return retained.claimed

    def let_go(self, sid: str) -> None:
        """Nothing is held any more for a session that isn't open."""
        self.retained = {nick: one for nick, one in self.retained.items() if one.sid != sid}

    def ms(self) -> int:
        return int(self._clock() * 1000)

    def log(self, name: str) -> _Log:
        """An empty log, under an epoch that never was before."""
        lines = self._history_lines if name.startswith("#") else self._inbox_lines
        return _Log(name, self._new_epoch(), deque(maxlen=lines))

    def trim(self, log: _Log) -> _Log:
        """The log, without what is older than the days kept."""
        oldest = self.ms() - self._history_ms
        while log.entries and log.entries[0].ms < oldest:
            log.entries.popleft()
        return log

    def append(self, log: _Log, event: Event, to: "Iterable[Memory] | None" = None) -> None:
        """Write an event, and hand it to whoever hears the log: `to`, or all who follow it."""
        log.seq += 1
        entry = Entry(log.seq, self.ms(), event)
        self.trim(log).entries.append(entry)
        envelope = Envelope(SCHEMA, log.name, log.epoch, entry.seq, entry.ms, [event])
        for node in self.nodes if to is None else to:
            node.publish(log, envelope)

    def flash(self, log: _Log, event: Event, to: "Iterable[Memory] | None" = None) -> None:
        """Hand an event to whoever hears the log at this moment; it's kept nowhere."""
        envelope = Envelope(SCHEMA, log.name, "", 0, self.ms(), [event])
        for node in self.nodes if to is None else to:
            if node.ready and node.hears(log):
                self.call(partial(node.sink.events, envelope))

    def call(self, *calls: Callable[[], None]) -> None:
        """Make calls after those that wait already, and never one within another."""
        self._calls.extend(calls)
        if self._calling:
            return
        self._calling = True
        try:
            while self._calls:
                self._calls.popleft()()
        finally:
            self._calling = False

    def vacate(self, channel: _Channel) -> None:
        """Forget the rules of a channel that is empty, and all of it if nothing was said in it."""
        if not channel.members:
            channel.lapse()
        if not channel.members and not channel.spoken:
            self.channels.pop(channel.log.name, None)

    def end(self, session: _Session, why: str, channels: Iterable[str]) -> None:
        """Take a session out of its channels, `channels` first, and free its nick."""
        names = tuple(dict.fromkeys([*map(fold, channels), *session.channels]))
        quitting = Quit(session.sid, session.num, session.nick, why, names, session.profile.by)
        for name in names:
            channel = self.channels.get(name)
            if channel is None or session.sid not in channel.members:
                continue
            member = channel.members.pop(session.sid)
            if not member.quiet:
                self.append(channel.log, msgspec.structs.replace(quitting, by=member.by))
            self.vacate(channel)
        self.sessions.pop(session.sid, None)
        self.free(session)

    def free(self, session: _Session) -> None:
        """Give a session's nick back, if it's still the session's."""
        name = fold(session.nick)
        if self.claims.get(name) is session:
            del self.claims[name]
            if not (self.passing and name.startswith(self.passing)):
                row = Was(
                    session.nick, session.home.name, session.since, self.ms(), session.profile
                )
                self.had.setdefault(name, deque(maxlen=10)).appendleft(row)
            self.went(session)

    def came(self, session: _Session) -> None:
        """A session has its nick now."""
        for node in self.nodes:
            node.learn(fold(session.nick), session)

    def went(self, session: _Session) -> None:
        """A session's nick is free."""
        for node in self.nodes:
            node.learn(fold(session.nick), None)

    def end_sessions(self, node: "Memory") -> None:
        """What a sweep does to the people of a node whose lease has ended."""
        for session in [s for s in self.sessions.values() if s.home is node]:
            if session.kept is not None:
                told = node.reach([*session.channels, fold(session.nick)])
                self.detach(session, session.kept.state, self.ms(), told)
                node.were_here[session.sid] = session.token
            else:
                session.num += 1
                self.end(session, "connection lost", ())

    def detach(self, session: _Session, state: bytes, till: int, told: dict[str, Reach]) -> None:
        """Leave a kept session to whoever takes it up."""
        kept = session.kept
        if kept is not None and kept.ends is None:
            kept.state, kept.till, kept.ends = state, till, self.ms() + self._keep_ms
            unknown = {log: one._replace(maybe=FAR) for log, one in kept.told.items()}
            kept.told = unknown | told

    def end_overdue(self) -> None:
        """End the detached sessions whose time is over."""
        now = self.ms()
        for session in list(self.sessions.values()):
            kept = session.kept
            if kept is not None and kept.ends is not None and kept.ends <= now:
                session.num += 1
                self.end(session, "connection lost", ())


class Memory:
    """One node's way to the `World`; the whole of `broker.api.Broker`."""

    sink: Sink

    def __init__(self, world: World, node_name: str) -> None:
        self._world = world
        self.name = node_name
        self.ready = False
        self.evicted: bool | None = None
        self.were_here: dict[str, str] = {}  # kept sessions when its lease ended: sid, token
        self.held: dict[str, tuple[str, int]] = {}  # nicks when all was forgotten: sid, claim
        self._heard: dict[str, Position | None] = {}
        self._missed: list[tuple[_Log, Envelope]] = []
        self._witnessed: deque[Envelope] = deque(maxlen=_WITNESSED)
        self._shown: set[tuple[str, str, int]] = set()  # logs and identities, to come again
        self._lost: dict[str, None] = {}
        self._waiting: list[Deferred[None]] = []
        self.admitted: Counter[str] = Counter()  # connections, by address
        self._watched: dict[str, Sighting | None] = {}  # by folded nick, as the sink was told

    async def start(self, sink: Sink) -> None:
        self.sink = sink
        self.ready = True
        self._world.nodes.append(self)

    async def stop(self) -> None:
        self.ready = False
        self._world.nodes.remove(self)
        self._world.end_sessions(self)
        self._heard.clear()
        self._wake()

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
        session = _Session(
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
        for name in names:
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
        session.kept = _Kept(secret, state)

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
        known = dict(kept.told)
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
            found = world.channels[name] = _Channel(channel, world.log(name), me.address)
        if not found.members and not found.spoken:
            found.created = world.ms()
        log, member = world.trim(found.log), found.members.get(me.sid)
        joins = member is None
        if member is None:
            member = _Member(me.token, session.nick, quiet, me.num, log.seq, by=me.profile.by)
            if before is not None:
                rules, member.status = before
                if rules.law > found.rules.law:
                    found.rules = rules
                del world.before[name, me.sid]
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
    def _may_join(found: _Channel | None, me: Identity, channel: str, judge: Judge) -> None:
        """Ask the judge, and count: of who comes to others."""
        if found is None or not found.members or me.sid in found.members:
            return
        standing = found.standing(me.sid)
        judge(found.rules, standing)
        if 0 < found.rules.limit <= len(found.members) and not standing.invited:
            raise Refused(Code.CHANNEL_FULL, channel)

    async def leave(self, me: Identity, channel: str, why: str) -> None:
        found, member = self._member(me, channel)
        del found.members[me.sid]
        self._world.sessions[me.sid].channels.pop(found.log.name, None)
        self._world.append(found.log, Left(me.sid, me.num, member.nick, why, member.by))
        self._world.vacate(found)

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

    def _speaker(
        self, me: Identity, channel: str, *, outside: bool
    ) -> tuple[_Channel, _Member | None]:
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

    async def tell(
        self,
        me: Identity,
        nick: str,
        text: str,
        *,
        action: bool = False,
        extra: Extra | None = None,
    ) -> Receipt:
        session, holder = self._session(me), self._holder(nick)
        to, by = holder.sid, me.profile.by
        return self._tell(
            session, holder, Told(me.sid, me.num, session.nick, text, to, action, by, extra)
        )

    async def touch(
        self, me: Identity, nick: str, tags: dict[str, str], extra: Extra | None = None
    ) -> Receipt:
        session, holder = self._session(me), self._holder(nick)
        to, by = holder.sid, me.profile.by
        event = Tagged(me.sid, me.num, session.nick, tags, to, by, extra)
        if is_fleeting(tags):
            self._world.flash(holder.inbox, event, [holder.home])
            return Receipt(holder.nick, holder.away)
        return self._tell(session, holder, event)

    def _tell(self, session: _Session, holder: _Session, event: Told | Tagged) -> Receipt:
        if event.num > session.told:
            session.told = event.num
            self._world.append(holder.inbox, event, [holder.home])
        told = (event.sid, event.num)
        entry = next(e for e in holder.inbox.entries if (e.event.sid, e.event.num) == told)
        return Receipt(holder.nick, holder.away, Position(holder.inbox.epoch, entry.seq), entry.ms)

    async def alter(
        self, me: Identity, what: str, value: str | None, channels: Iterable[str] = ()
    ) -> list[str]:
        session, world, names = self._session(me), self._world, tuple(map(fold, channels))
        event = Altered(me.sid, me.num, session.nick, what, value, names, session.profile.by)
        session.profile = altered(session.profile, what, value)
        if what == "away":
            session.away = value
        if what in UNTOLD:
            return []
        for node in world.nodes:
            node.tell_altered(event)
        told = []
        for name in names:
            channel = world.channels.get(name)
            member = channel and channel.members.get(me.sid)
            if channel and member:
                if what == "host":
                    member.by = session.profile.by
                if not member.quiet:
                    told.append(name)
                    world.append(channel.log, event)
        return told

    async def set_away(self, me: Identity, why: str | None, channels: Iterable[str] = ()) -> None:
        await self.alter(me, "away", why, channels)

    async def barrier(self) -> None:
        await self._return()
        reached: Deferred[None] = Deferred()
        self._world.call(partial(reached.callback, None))
        await reached

    async def roster(self, channel: str) -> Roster:
        return self._channel(channel).roster()

    async def topic(self, channel: str) -> Topic:
        return self._channel(channel).topic

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
        log: _Log | None,
        at: Position,
        why: str,
        *,
        own: bool,
        home: "Memory | None" = None,
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

    async def channels(self) -> list[ChannelInfo]:
        self._check_ready()
        rows = sorted(self._world.channels.items())
        return [channel.info for _, channel in rows if channel.members]

    async def channel(self, name: str) -> ChannelInfo:
        return self._channel(name).info

    async def person(self, nick: str) -> Person:
        held = self._holder(nick)
        channels = [self._world.channels[name] for name in sorted(held.channels)]
        seats = tuple(
            Seat(channel.name, channel.members[held.sid].status, channel.rules.modes)
            for channel in channels
        )
        named = [channel.name for channel in channels]
        return self._person(held)._replace(channels=named, seats=seats)

    @staticmethod
    def _person(held: _Session) -> Person:
        return Person(held.nick, held.home.name, held.since, held.away, [], held.profile)

    async def persons(self, nicks: Iterable[str]) -> list[Person | None]:
        self._check_ready()
        holders = (self._world.claims.get(fold(nick)) for nick in nicks)
        return [self._person(held) if held is not None else None for held in holders]

    async def members(self, channel: str) -> Attendance:
        found, sessions = self._channel(channel), self._world.sessions
        persons = [self._person(sessions[sid]) for sid in found.members]
        pairs = zip(found.roster().members, persons, strict=True)
        return Attendance(found.name, found.rules.modes, [Attendee(*pair) for pair in pairs])

    async def was(self, nick: str, count: int = 0) -> list[Was]:
        self._check_ready()
        oldest = self._world.ms() - _DAY_MS
        rows = [row for row in self._world.had.get(fold(nick), ()) if row.until >= oldest]
        return rows[:count] if count > 0 else rows

    async def watch(self, nicks: Sequence[str]) -> list[Sighting | None]:
        self._check_ready()
        for nick in nicks:
            self._watched[fold(nick)] = self._sighting(fold(nick))
        return [self._watched[fold(nick)] for nick in nicks]

    def unwatch(self, nicks: Iterable[str]) -> None:
        for nick in nicks:
            self._watched.pop(fold(nick), None)

    def _sighting(self, name: str) -> Sighting | None:
        holder = self._world.claims.get(name)
        return Sighting(holder.nick, holder.sid, holder.profile.by) if holder is not None else None

    async def secret(self, name: str, drawn: str) -> str:
        self._check_ready()
        return self._world.secrets.setdefault(name, drawn)

    async def people(self) -> list[Presence]:
        self._check_ready()
        rows = sorted(self._world.claims.items())
        return [
            Presence(
                held.nick,
                held.home.name,
                held.since,
                held.away,
                held.profile,
                frozenset(held.channels),
            )
            for _, held in rows
        ]

    async def totals(self) -> Totals:
        self._check_ready()
        world = self._world
        inhabited = sum(bool(channel.members) for channel in world.channels.values())
        return Totals(len(world.nodes), len(world.sessions), inhabited, world.messages)

    async def count(self, counter: str) -> int:
        self._check_ready()
        self._world.counters[counter] += 1
        return self._world.counters[counter]

    # For the World

    def hears(self, log: _Log) -> bool:
        """Whether the sink is told of a log."""
        return self._heard.get(log.name) is not None

    def publish(self, log: _Log, envelope: Envelope) -> None:
        """Hear an event at once, or keep it for the return of the broker."""
        if self._heard.get(log.name) is None:
            return
        if self.ready:
            self._world.call(partial(self._hear, envelope))
        else:
            self._missed.append((log, envelope))

    def learn(self, name: str, holder: "_Session | None") -> None:
        """A nick has another holder, or none: tell it at once, or on the return of the broker."""
        if self.ready and name in self._watched:
            there = None
            if holder is not None:
                there = Sighting(holder.nick, holder.sid, holder.profile.by)
            self._world.call(partial(self._tell_watched, name, there))

    def _tell_watched(self, name: str, there: Sighting | None) -> None:
        if name not in self._watched:
            return
        before, self._watched[name] = self._watched[name], there
        if before is not None and (there is None or there.sid != before.sid):
            self.sink.watched(before.nick, None)
        if there is not None and (before is None or there.sid != before.sid):
            self.sink.watched(there.nick, there)

    def tell_altered(self, event: Altered) -> None:
        """Something about the holder of a nick is otherwise."""
        if self.ready and fold(event.nick) in self._watched:
            self._world.call(partial(self.sink.altered, event))

    def reach(self, logs: Iterable[str]) -> dict[str, Reach]:
        """How far the sink was told in these logs."""
        heard = {log: self._heard.get(log) for log in logs}
        return {log: Reach(at, at.seq) for log, at in heard.items() if at is not None}

    def lose_kept(self, sid: str, nick: str) -> None:
        """Another node has taken the session up."""
        self._heard.pop(fold(nick), None)
        self._world.call(partial(self.sink.taken, sid))

    def forgotten(self, *, cut_off: bool) -> None:
        """What was missed is lost, and every log will begin anew. `cut_off`: since before that."""
        self._lost.update(dict.fromkeys(log.name for log, _ in self._missed))
        if cut_off:
            inboxes = (name for name in self._heard if not name.startswith("#"))
            self._lost.update(dict.fromkeys(inboxes))
        self._missed.clear()
        if self.evicted is None:
            self.evicted = True

    def place(self, log: _Log) -> int:
        """How far this node has heard a log; 0 if it doesn't."""
        heard = self._heard.get(log.name)
        return heard.seq if heard is not None and heard.epoch == log.epoch else 0

    def _succeed(self, log: _Log) -> list[Callable[[], None]]:
        """Go on under a log's new epoch, if it has one: what is to be told."""
        heard = self._heard.get(log.name)
        if heard is None or heard.epoch not in log.past:
            return []
        common, late = log.past[heard.epoch], []
        if heard.seq > common:
            own = [e for e in self._witnessed if e.log == log.name and e.epoch == heard.epoch]
            late = _still_said(
                [(e.seq, event) for e in own if e.seq > common for event in e.events]
            )
        self._heard[log.name] = Position(log.epoch, min(heard.seq, common))
        known = {(e.event.sid, e.event.num) for e in log.entries if e.seq > common}
        self._shown |= {(log.name, event.sid, event.num) for event in late}
        self._missed = [one for one in self._missed if one[0] is not log]
        after = [e for e in log.entries if e.seq > min(heard.seq, common)]
        missed = [Envelope(SCHEMA, log.name, log.epoch, e.seq, e.ms, [e.event]) for e in after]
        self._missed += [(log, envelope) for envelope in missed]
        for event in late:
            if log.name.startswith("#") and (event.sid, event.num) not in known:
                if isinstance(event, Redacted):
                    log.blank_at(event.at)
                self._world.append(log, event)
        differs = self._world.ms() if heard.seq > common else None
        return [partial(self.sink.continued, log.name, log.epoch, differs)]

    def catch_up(self) -> None:
        """Tell the sink what was missed, in the order in which the real broker does."""
        trimmed: Counter[str] = Counter()
        calls = [call for log in self._world.logs() for call in self._succeed(log)]
        self.ready = True
        held, self.held = self.held, {}
        self._world.retain(held)
        for log, envelope in self._missed:
            if envelope.seq <= log.seq - len(self._world.trim(log).entries):
                trimmed[log.name] += 1
            else:
                entry = log.entries[envelope.seq - log.entries[0].seq]
                calls.append(partial(self._hear, replace(envelope, events=[entry.event])))
        taken = self._taken_meanwhile()
        gaps = [partial(self._gap, name, lost) for name, lost in trimmed.items()]
        gaps += [partial(self._gap, name, None) for name in self._lost]
        self._missed.clear()
        self._lost.clear()
        self._world.call(*taken, *gaps, *calls, self._tell_evicted, self.sink.back, self._wake)
        self._world.call(self._look_at_watched)

    def _look_at_watched(self) -> None:
        for name, before in list(self._watched.items()):
            there, retained = self._sighting(name), self._world.retained.get(name)
            if there or not (before and retained and retained.sid == before.sid):
                self._tell_watched(name, there)

    def _taken_meanwhile(self) -> list[Callable[[], None]]:
        """What is to be told of kept sessions that were here before this node was cut off."""
        were_here, self.were_here = self.were_here, {}
        sessions = self._world.sessions
        return [
            partial(self.sink.taken, sid)
            for sid, token in were_here.items()
            if sid in sessions and sessions[sid].token != token
        ]

    def _hear(self, envelope: Envelope) -> None:
        if self._heard.get(envelope.log) == Position(envelope.epoch, envelope.seq - 1):
            self._heard[envelope.log] = Position(envelope.epoch, envelope.seq)
            self._witnessed.append(envelope)
            (event,) = envelope.events
            shown = (envelope.log, event.sid, event.num)
            if shown in self._shown:
                self._shown.discard(shown)
            else:
                self.sink.events(envelope)

    def _gap(self, name: str, lost: int | None) -> None:
        heard = self._heard.get(name)
        if heard is not None:
            self._heard[name] = heard._replace(seq=heard.seq + (lost or 0))
            self.sink.gap(name, lost)

    def _tell_evicted(self) -> None:
        evicted, self.evicted = self.evicted, None
        if evicted is not None:
            held = {fold(s.nick) for s in self._world.sessions.values() if s.home is self}
            for name in [n for n in self._heard if not n.startswith("#") and n not in held]:
                del self._heard[name]
            self.sink.evicted(evicted)

    async def _return(self) -> None:
        """Wait until the broker is back, if it's away."""
        while not self.ready and self in self._world.nodes:
            returned: Deferred[None] = Deferred()
            self._waiting.append(returned)
            await returned

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for returned in waiting:
            returned.callback(None)

    # Checks, before anything is written

    def _check_ready(self) -> None:
        self._world.end_overdue()
        if not self.ready:
            raise Refused(Code.AWAY)

    def _take(self, me: Identity) -> None:
        """Begin a command of this identity, under its next number."""
        self._check_ready()
        me.num += 1

    def _session(self, me: Identity) -> _Session:
        self._take(me)
        session = self._world.sessions.get(me.sid)
        if session is None or session.token != me.token:
            raise Refused(Code.CUT_OFF)
        session.num = me.num
        return session

    def _resuming(self, me: Identity) -> _Session:
        session = self._world.sessions.get(me.sid)
        if session is not None and session.token != me.token:
            raise Refused(Code.ELSEWHERE)
        return self._session(me)

    def _member(self, me: Identity, channel: str) -> tuple[_Channel, _Member]:
        self._take(me)
        found = self._world.channels.get(fold(channel))
        member = found and found.members.get(me.sid)
        if not found or not member or member.token != me.token:
            raise Refused(Code.NOT_MEMBER, channel)
        self._world.sessions[me.sid].num = me.num
        return found, member

    def _channel(self, channel: str) -> _Channel:
        self._check_ready()
        found = self._world.channels.get(fold(channel))
        if found is None:
            raise Refused(Code.NO_SUCH_CHANNEL, channel)
        return found

    def _holder(self, nick: str) -> _Session:
        self._check_ready()
        holder = self._world.claims.get(fold(nick))
        if holder is None:
            raise Refused(Code.NO_SUCH_NICK, nick)
        return holder
