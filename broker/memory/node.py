"""One node's way to the `World`: what it hears and misses there, and what is checked before each
command.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from functools import partial

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from broker.api import Code, Identity, Position, Reach, Refused, Sighting, Sink
from broker.events import SCHEMA, Altered, Envelope, Event, Moved, Redacted
from broker.memory.state import Channel, Log, Row, Session
from broker.memory.world import World
from broker.names import fold

_WITNESSED = 8_192


class Node:
    """What the `World` knows of a node, and what a node knows of it."""

    sink: Sink

    def __init__(self, world: World, node_name: str) -> None:
        self._world = world
        self.name = node_name
        self.ready = False
        self.evicted: bool | None = None
        self.were_here: dict[str, str] = {}  # kept sessions when its lease ended: sid, token
        self.held: dict[str, tuple[str, int]] = {}  # nicks when all was forgotten: sid, claim
        self._heard: dict[str, Position | None] = {}
        self._missed: list[tuple[Log, Envelope]] = []
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

    # -- for the World

    def hears(self, log: Log) -> bool:
        """Whether the sink is told of a log."""
        return self._heard.get(log.name) is not None

    def publish(self, log: Log, envelope: Envelope) -> None:
        """Hear an event at once, or keep it for the return of the broker."""
        if self._heard.get(log.name) is None:
            return
        if self.ready:
            self._world.call(partial(self._hear, envelope))
        else:
            self._missed.append((log, envelope))

    def learn(self, name: str, holder: "Session | None") -> None:
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

    def place(self, log: Log) -> int:
        """How far this node has heard a log; 0 if it doesn't."""
        heard = self._heard.get(log.name)
        return heard.seq if heard is not None and heard.epoch == log.epoch else 0

    def _succeed(self, log: Log) -> list[Callable[[], None]]:
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

    def _sighting(self, name: str) -> Sighting | None:
        holder = self._world.claims.get(name)
        return Sighting(holder.nick, holder.sid, holder.profile.by) if holder is not None else None

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
                if isinstance(event, Moved):
                    self._go_along(event, envelope.seq)
                self.sink.events(envelope)

    def _go_along(self, event: Moved, seq: int) -> None:
        """A channel is heard under its new name from this place on."""
        channel = self._world.channels.get(fold(event.new))
        if not event.epoch or channel is None or channel.log.epoch != event.epoch:
            return
        log = channel.log
        self._heard[log.name] = Position(log.epoch, seq)
        for entry in log.entries:
            if entry.seq > seq:
                told = Envelope(SCHEMA, log.name, log.epoch, entry.seq, entry.ms, [entry.event])
                self.publish(log, told)

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

    # -- checks, before anything is written

    def _check_ready(self) -> None:
        self._world.end_overdue()
        if not self.ready:
            raise Refused(Code.AWAY)

    def _take(self, me: Identity) -> None:
        """Begin a command of this identity, under its next number."""
        self._check_ready()
        me.num += 1

    def _session(self, me: Identity) -> Session:
        self._take(me)
        session = self._world.sessions.get(me.sid)
        if session is None or session.token != me.token:
            raise Refused(Code.CUT_OFF)
        session.num = me.num
        return session

    def _resuming(self, me: Identity) -> Session:
        session = self._world.sessions.get(me.sid)
        if session is not None and session.token != me.token:
            raise Refused(Code.ELSEWHERE)
        return self._session(me)

    def _member(self, me: Identity, channel: str) -> tuple[Channel, Row]:
        self._take(me)
        found = self._world.channels.get(fold(channel))
        member = found and found.members.get(me.sid)
        if not found or not member or member.token != me.token:
            raise Refused(Code.NOT_MEMBER, channel)
        self._world.sessions[me.sid].num = me.num
        return found, member

    def _channel(self, channel: str) -> Channel:
        self._check_ready()
        found = self._world.channels.get(fold(channel))
        if found is None:
            raise Refused(Code.NO_SUCH_CHANNEL, channel)
        return found

    def _holder(self, nick: str) -> Session:
        self._check_ready()
        holder = self._world.claims.get(fold(nick))
        if holder is None:
            raise Refused(Code.NO_SUCH_NICK, nick)
        return holder


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
