"""What all nodes agree on, and the switches to make nodes lose it."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from broker.api import FAR, HELD_BACK, Code, Posted, Reach, Refused, Was
from broker.events import SCHEMA, Entry, Envelope, Event, Quit
from broker.memory.state import DAY_MS, Channel, Log, Retained, Session
from broker.names import fold
from broker.rules import Rules

if TYPE_CHECKING:
    from broker.memory.node import Node


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
        was_nicks: int = 10_000,
        passing: str = "",
    ) -> None:
        self.passing = passing
        self.secrets: dict[str, str] = {}
        self._keep_ms = int(keep * 1000)
        self._was_nicks = was_nicks
        self._clock = clock
        self._history_lines = history_lines
        self._history_ms = history_days * DAY_MS
        self._inbox_lines = inbox_lines
        self.channels_per_address = channels_per_address
        self.connections_per_address = connections_per_address
        self.nodes: list[Node] = []
        self.counters: Counter[str] = Counter()
        # the rules of channels and the status of each member when all was forgotten
        self.before: dict[tuple[str, str], tuple[Rules, str]] = {}
        self.invited_before: dict[str, list[str]] = {}
        self._replicated: dict[str, int] | None = None
        self._logs_made = 0
        self._claims_made = 0
        self._calls: deque[Callable[[], None]] = deque()
        self._calling = False
        self._begin()

    def _begin(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.claims: dict[str, Session] = {}
        self.retained: dict[str, Retained] = {}  # nicks, folded
        self.channels: dict[str, Channel] = {}
        self.given_up: dict[str, tuple[Log, int]] = {}  # by name, folded: its log, since when (ms)
        self.gone_along: dict[
            tuple[str, str], str
        ] = {}  # a name and a sid: under which they're in it now
        self.messages = 0
        self.had: dict[str, deque[Was]] = {}  # who had nicks, folded
        self.posted: dict[tuple[str, str, str], tuple[Posted, str]] = {}

    # Switches for tests

    def lose(self, node: "Node") -> None:
        """The node loses the broker: its sink is told `away`, its commands are refused."""
        if node.ready:
            node.ready = False
            self.call(node.sink.away)

    def restore(self, node: "Node") -> None:
        """The node finds the broker again, and is told all that it missed."""
        if not node.ready:
            node.catch_up()

    def evict(self, node: "Node") -> None:
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
        self.invited_before = {
            name: list(channel.invites) for name, channel in self.channels.items()
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

    def fail_over(self, *witnesses: "Node") -> None:
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
            log.epoch = self.new_epoch()

    def usurp(self, nick: str) -> None:
        """Somebody who isn't here turns out to have held the nick before its holder."""
        session = self.claims[fold(nick)]
        elder = Session("elder", "", nick, 0, session.home, self.log(fold(nick)), 0, 0)
        self.claims[fold(nick)] = elder
        self.call(partial(session.home.sink.nick_lost, session.sid))

    def freeze_replicas(self) -> None:
        """What is accepted reaches no replica any more."""
        self.call(*(partial(node.sink.replicated, False) for node in self.nodes))

    def wake_replicas(self) -> None:
        """Replicas have everything again."""
        self.call(*(partial(node.sink.replicated, True) for node in self.nodes))

    # For the nodes

    def logs(self) -> list[Log]:
        """All that there are."""
        inboxes = [session.inbox for session in self.claims.values()]
        return [channel.log for channel in self.channels.values()] + inboxes

    def new_epoch(self) -> str:
        """One that never was before."""
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
            self.retained[nick] = Retained(sid, claimed, self.ms() + 1000 * HELD_BACK)

    def _take_away(self, nick: str, holder: Session) -> None:
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

    def depart(self, channel: Channel, new: str, epoch: str) -> None:
        """A channel goes to a new name, after it was told so; its old log stays for who comes."""
        old, name, log = channel.log.name, fold(new), channel.log
        entries = deque(log.entries, maxlen=log.entries.maxlen)
        channel.log = Log(name, epoch, entries, log.seq, log.past | {log.epoch: log.seq})
        channel.name = new
        self.given_up[old] = log, self.ms()
        self.channels[name] = self.channels.pop(old)
        for sid in channel.members:
            self.gone_along[old, sid] = name
            self.sessions[sid].channels.pop(old, None)
            self.sessions[sid].channels[name] = None

    def whither(self, channel: str, sid: str) -> str:
        """Under which name a session is in the channel that it was in under this one, as far as it
        is.
        """
        name, seen = fold(channel), set[str]()
        while name not in seen and (name, sid) in self.gone_along:
            found = self.channels.get(name)
            if found is not None and sid in found.members:
                return name
            seen.add(name)
            name = self.gone_along[name, sid]
        return name

    def log_at(self, name: str) -> Log:
        """The log of a new channel: a name that was given up has one that must still be read, of
        which nobody reads what was before.
        """
        log, _ = self.given_up.pop(name, (None, 0))
        if log is None:
            return self.log(name)
        while len(log.entries) > 1:
            log.entries.popleft()
        return log

    def ms(self) -> int:
        return int(self._clock() * 1000)

    def log(self, name: str) -> Log:
        """An empty log, under an epoch that never was before."""
        lines = self._history_lines if name.startswith("#") else self._inbox_lines
        return Log(name, self.new_epoch(), deque(maxlen=lines))

    def trim(self, log: Log) -> Log:
        """The log, without what is older than the days kept."""
        oldest = self.ms() - self._history_ms
        while log.entries and log.entries[0].ms < oldest:
            log.entries.popleft()
        return log

    def append(self, log: Log, event: Event, to: "Iterable[Node] | None" = None) -> None:
        """Write an event, and hand it to whoever hears the log: `to`, or all who follow it."""
        self.publish(log, self.write(log, event), to)

    def write(self, log: Log, event: Event) -> Envelope:
        """Write an event, of which nobody is told yet."""
        log.seq += 1
        entry = Entry(log.seq, self.ms(), event)
        self.trim(log).entries.append(entry)
        return Envelope(SCHEMA, log.name, log.epoch, entry.seq, entry.ms, [event])

    def publish(self, log: Log, envelope: Envelope, to: "Iterable[Node] | None" = None) -> None:
        """Hand an event to whoever hears the log."""
        for node in self.nodes if to is None else to:
            node.publish(log, envelope)

    def flash(self, log: Log, event: Event, to: "Iterable[Node] | None" = None) -> None:
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

    def vacate(self, channel: Channel) -> None:
        """Forget the rules of a channel that is empty, and all of it if nothing was said in it."""
        if not channel.members:
            channel.lapse()
        if not channel.members and not channel.spoken:
            self.channels.pop(channel.log.name, None)

    def end(self, session: Session, why: str, channels: Iterable[str]) -> None:
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

    def free(self, session: Session) -> None:
        """Give a session's nick back, if it's still the session's."""
        name = fold(session.nick)
        if self.claims.get(name) is session:
            del self.claims[name]
            if not (self.passing and name.startswith(self.passing)):
                row = Was(
                    session.nick, session.home.name, session.since, self.ms(), session.profile
                )
                had = self.had.pop(name, None) or deque[Was](maxlen=10)
                had.appendleft(row)
                self.had[name] = had
                if len(self.had) > self._was_nicks:
                    del self.had[next(iter(self.had))]
            self.went(session)

    def came(self, session: Session) -> None:
        """A session has its nick now."""
        for node in self.nodes:
            node.learn(fold(session.nick), session)

    def went(self, session: Session) -> None:
        """A session's nick is free."""
        for node in self.nodes:
            node.learn(fold(session.nick), None)

    def end_sessions(self, node: "Node") -> None:
        """What a sweep does to the people of a node whose lease has ended."""
        for session in [s for s in self.sessions.values() if s.home is node]:
            if session.kept is not None:
                told = node.reach([*session.channels, fold(session.nick)])
                self.detach(session, session.kept.state, self.ms(), told)
                node.were_here[session.sid] = session.token
            else:
                session.num += 1
                self.end(session, "connection lost", ())

    def detach(self, session: Session, state: bytes, till: int, told: dict[str, Reach]) -> None:
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
