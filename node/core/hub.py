"""The hub: who of this node's people is in which channel, and what they're shown.

Everything arrives through `events`, in the order of the log, the authors' own events included;
there is no other way onto a screen. A membership begins and ends at a place in the log,
whatever answers from the broker arrive when: until a join has told its place, what comes by
is recorded, and played back from that place.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Protocol, cast

from broker.api import Arrival, Missed, Regained, Roster, Topic
from broker.events import (
    Altered,
    Entry,
    Envelope,
    Event,
    Invited,
    Joined,
    Kicked,
    Left,
    Moved,
    Quit,
    Redacted,
    Ruled,
    Said,
    Tagged,
    Told,
    Wide,
)
from broker.names import fold
from broker.spans import readable
from node.core.dialect import Dialect, Place, TakenAlong
from node.core.replies import Answered, Disorder, Error, Gap, Past, Reply
from node.core.session import PAST, Membership, Session
from node.core.tally import Tally

SHOWN = 16_384
"""How many events that stand in several logs are remembered, for when they come by again."""


class Outbox(Protocol):
    """What is to be written to people, once each, at the end of this turn."""

    def put(self, session: Session, data: bytes) -> None: ...

    def put_all(self, sessions: Iterable[Session], data: bytes) -> None: ...


class Listener(Protocol):
    """Somebody who hears a channel without being in it. `hub` calls these as the broker does its
    sink.
    """

    def heard(self, envelope: Envelope) -> None: ...

    def gap(self, lost: int | None) -> None: ...

    def continued(self, epoch: str, differs: int | None) -> None: ...


class Channel:
    """A channel, as far as people here are in it.

    `groups` are its people by kind of listener: one rendering serves a group. `joining` counts
    joins under way, during which `recorded` keeps what comes by; `arriving` are those whose place
    lies ahead of what has come by. `listeners` hear it, and aren't in it. `era`: the epoch under
    which it was first heard here, as long as its places mean the same.
    """

    __slots__ = (
        "name",
        "spelled",
        "members",
        "groups",
        "epoch",
        "era",
        "seq",
        "joining",
        "recorded",
        "arriving",
        "listeners",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.spelled = name
        self.members: dict[str, Session] = {}
        self.groups: dict[Dialect, dict[Session, None]] = {}
        self.epoch = ""
        self.era = ""
        self.seq = -1
        self.joining = 0
        self.recorded: list[Envelope] = []
        self.arriving: list[tuple[int, Session]] = []
        self.listeners: tuple[Listener, ...] = ()

    def add(self, session: Session) -> None:
        self.members[session.me.sid] = session
        self.groups.setdefault(session.dialect, {})[session] = None

    def discard(self, session: Session) -> None:
        self.arriving = [one for one in self.arriving if one[1] is not session]
        if self.members.pop(session.me.sid, None) is None:
            return
        group = self.groups[session.dialect]
        del group[session]
        if not group:
            del self.groups[session.dialect]

    @property
    def deserted(self) -> bool:
        """Whether nobody here is in it or about to be, or hears it."""
        return not (self.members or self.joining or self.arriving or self.listeners)


class Hub:
    """All channels and sessions of a node. `unfollow` is told of a channel that's deserted, and
    `taken_along` whose channel has another name now (folded) and who hasn't been told what it's
    like there.
    """

    def __init__(
        self,
        outbox: Outbox,
        unfollow: Callable[[str], None],
        tally: Tally | None = None,
        taken_along: Callable[[Session, str], None] = lambda _session, _channel: None,
    ) -> None:
        self.tally = tally or Tally()
        self._outbox = outbox
        self._unfollow = unfollow
        self._taken_along = taken_along
        self._channels: dict[str, Channel] = {}
        self.sessions: dict[str, Session] = {}
        self._shown: dict[tuple[str, int], dict[str, tuple[str, int]]] = {}

    # -- membership

    def expect(self, name: str) -> None:
        """A join of this channel is under way: keep what comes by."""
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(name)
        channel.joining += 1

    def arrive(self, session: Session, name: str, arrival: Arrival, quiet: bool) -> None:
        """The join is done: the session's part begins after the place that it found."""
        spelled, since = arrival.roster.channel, arrival.tip.seq
        channel = self._channels[name]
        channel.spelled = spelled
        if channel.seq < 0:
            channel.epoch, channel.seq = arrival.tip
            channel.era = channel.epoch
        session.channels[name] = Membership(name, channel.era, since, quiet, arrival.status)
        session.forget_invitation(name)
        recorded = channel.recorded
        self._end_joining(channel)
        if session.gone:
            self.part(session, name)
            return
        if channel.seq > since:
            self._play_back(channel, session, recorded, since)
        if name not in session.channels:
            self._desert(channel)  # somebody has taken them out already
        elif channel.seq >= since:
            channel.add(session)
        else:
            channel.arriving.append((since, session))
        if not arrival.announced:
            self._welcome(session)

    def give_up(self, name: str) -> None:
        """The join came to nothing."""
        channel = self._channels[name]
        self._end_joining(channel)
        self._desert(channel)

    def take_up(self, session: Session, name: str, regained: Regained, since: int) -> None:
        """A membership is taken up again; all that came after `since` is theirs."""
        roster, topic = Roster(regained.channel, [], 0), Topic("", "", 0)
        arrival = Arrival(regained.tip, roster, topic, [], announced=False, status=regained.status)
        self.arrive(session, name, arrival, regained.quiet)
        membership = session.channels.get(name)
        if membership is not None:
            membership.since = min(membership.since, since)

    def part(self, session: Session, name: str) -> None:
        """The session is in the channel no more."""
        membership = session.channels.pop(name, None)
        channel = self._channels.get(name)
        if membership is None or channel is None:
            return
        if session.current == name:
            session.current = next(reversed(session.channels), None)
        membership.era = membership.era or channel.era
        membership.until = channel.seq
        session.past = [*session.past[1 - PAST :], membership]
        channel.discard(session)
        self._desert(channel)

    def leave_all(self, session: Session) -> None:
        """The session is gone, and shown nothing more."""
        for name in list(session.channels):
            self.part(session, name)
        if self.sessions.get(session.me.sid) is session:
            del self.sessions[session.me.sid]

    def listen_as(self, session: Session, dialect: Dialect) -> None:
        """The session becomes another kind of listener."""
        here = [self._channels[name] for name in session.channels if name in self._channels]
        member = [channel for channel in here if session.me.sid in channel.members]
        waiting = {channel: list(channel.arriving) for channel in here}
        for channel in member:
            channel.discard(session)
        session.dialect = dialect
        for channel in member:
            channel.add(session)
        for channel, arriving in waiting.items():
            channel.arriving = arriving

    def __len__(self) -> int:
        """How many channels people here are in."""
        return len(self._channels)

    def sizes(self) -> Iterable[tuple[str, int]]:
        """The channels that people here are in, and how many are in each."""
        return (
            (name, len(channel.members))
            for name, channel in self._channels.items()
            if channel.members
        )

    def spelled(self, name: str, otherwise: str = "") -> str:
        """A channel's name as it was first spelled, if people here are in it."""
        channel = self._channels.get(name)
        return channel.spelled if channel is not None else otherwise or name

    def _end_joining(self, channel: Channel) -> None:
        channel.joining -= 1
        if not channel.joining:
            channel.recorded = []

    def _desert(self, channel: Channel) -> None:
        if channel.deserted and self._channels.get(channel.name) is channel:
            del self._channels[channel.name]
            self._unfollow(channel.name)

    # -- listeners

    def listen(self, name: str, listener: Listener) -> None:
        """Have somebody hear a channel from now on."""
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(name)
        channel.listeners += (listener,)

    def listen_no_more(self, name: str, listener: Listener) -> None:
        """They hear it no more."""
        channel = self._channels.get(name)
        if channel is not None:
            channel.listeners = tuple(one for one in channel.listeners if one is not listener)
            self._desert(channel)

    # -- what comes by

    def events(self, envelope: Envelope) -> None:
        """As `broker.api.Sink.events`."""
        channel = self._channels.get(envelope.log)
        if channel is None:
            for event in envelope.events:
                if isinstance(event, Told | Tagged | Invited | Redacted):
                    self._tell(event, envelope)
            return
        if not envelope.seq:  # they have no place, and nothing follows from them
            for event in envelope.events:
                place = Place(channel.spelled, "", 0, envelope.ms)
                self._show(channel, event, place)
            return
        if envelope.epoch != channel.epoch:
            if channel.epoch:
                self._begin_anew(channel)
            channel.epoch = channel.era = envelope.epoch
        if channel.joining:
            channel.recorded.append(envelope)
        for listener in channel.listeners:
            listener.heard(envelope)
        events = envelope.events
        if not channel.arriving and all(
            type(event) is Said
            and (event.extra is None or not (event.extra.rank or event.extra.outside))
            for event in events
        ):
            channel.seq = envelope.seq + len(events) - 1
            self._say(channel, envelope)
            return
        for offset, event in enumerate(events):
            self._admit(channel, envelope.seq + offset - 1)
            channel.seq = envelope.seq + offset
            place = Place(channel.spelled, envelope.epoch, channel.seq, envelope.ms)
            self._show(channel, event, place)
            self._befall(channel, event)
            self._concern(channel, event)

    def _say(self, channel: Channel, envelope: Envelope) -> None:
        """The hot path: lines that members said to all, rendered once per kind of listener, put
        once per listener.

        All lines of an envelope are one piece for everyone but their authors, who don't read
        their own unless they asked to.
        """
        events, seq = cast("list[Said]", envelope.events), envelope.seq
        spelled, epoch, ms = channel.spelled, envelope.epoch, envelope.ms
        places = [Place(spelled, epoch, seq + i, ms) for i in range(len(events))]
        deliveries = 0
        authors = {event.sid for event in events} & channel.members.keys()
        for sid in authors:
            channel.members[sid].channels[channel.name].quiet = False
        spoken: dict[object, tuple[list[bytes], bytes]] = {}
        for dialect, group in channel.groups.items():
            said = spoken.get(dialect.speech)
            if said is None:
                pieces = dialect.speak(events, places)
                said = spoken[dialect.speech] = pieces, b"".join(pieces)
            pieces, whole = said
            skipped = []
            if authors:
                here = (channel.members[sid] for sid in authors)
                skipped = [s for s in here if s in group and (s.diversion or not dialect.echo)]
                for session in skipped:
                    del group[session]
            self._outbox.put_all(group, whole)
            deliveries += len(group) * len(events)
            for session in skipped:
                group[session] = None
                others = [
                    (event, place, piece)
                    for event, place, piece in zip(events, places, pieces, strict=True)
                    if event.sid != session.me.sid or dialect.echo
                ]
                deliveries += len(others)
                if session.diversion:
                    for each in others:
                        self._give(session, *each)
                elif others:
                    self._outbox.put(session, b"".join([piece for _, _, piece in others]))
        for sid in authors:
            session, num = channel.members[sid], 0
            for event in events:
                if event.sid == sid and event.num > num:
                    num = event.num
            if num > session.seen:
                session.seen = num
            if session.waiting is not None:
                self._seen(session, num)
        tally = self.tally  # as in `shown`: this is the hot path
        tally.deliveries += deliveries
        tally.fan_out.observe(deliveries / len(events), len(events))

    def _show(self, channel: Channel, event: Event, place: Place) -> None:
        """Any one event, to those of the channel whom it's for: rendered once per kind of listener,
        and put without asking about each where it's for all of them.
        """
        author = self.sessions.get(event.sid)
        before: dict[str, tuple[str, int]] = {}
        if isinstance(event, Wide):
            before = self._shown_before(event)
        elsewhere = [(name, *at) for name, at in before.items() if name != channel.name]
        deliveries = 0
        restricted = not readable(event, "")
        for dialect, group in channel.groups.items():
            data = dialect.render(event, place)
            if not data:
                continue
            readers: Collection[Session] = group
            if restricted or elsewhere:
                readers = [
                    session
                    for session in group
                    if (not restricted or session is author or session.reads(channel.name, event))
                    and not any(session.was_in(*at) for at in elsewhere)
                ]
            deliveries += len(readers)
            if author is not None and author in readers:
                readers = [session for session in readers if session is not author]
                if self._own(event, dialect):
                    self._give(author, event, place, data)
                else:
                    deliveries -= 1
            self._outbox.put_all(readers, data)
        if isinstance(event, Said):
            self.tally.shown(deliveries, 1)
        else:
            self.tally.deliveries += deliveries
        if isinstance(event, Wide):
            before[channel.name] = (channel.era, place.seq)

    def _befall(self, channel: Channel, event: Event) -> None:
        """What an event means for others than its author, if they're here."""
        if isinstance(event, Ruled):
            for sid, status in event.statuses:
                if sid in channel.members:
                    channel.members[sid].channels[channel.name].status = status
        elif isinstance(event, Kicked) and event.target_sid in channel.members:
            self.part(channel.members[event.target_sid], channel.name)
        elif isinstance(event, Moved):
            self._move(channel, event)

    def _move(self, channel: Channel, event: Moved) -> None:
        """The channel has another name: all who are here go on under that. In its new log all up to
        this place stands as in this one.
        """
        name = fold(event.new)
        if name == channel.name:
            channel.spelled = event.new
            return
        there = self._channels.get(name)
        if not channel.members:
            if there is None:
                self._unfollow(name)
            self._desert(channel)
            return
        if there is None:
            there = self._channels[name] = Channel(name)
        there.spelled = event.new
        if there.seq < 0:
            there.epoch = there.era = event.epoch
            there.seq = channel.seq
        for session in list(channel.members.values()):
            before, current = session.channels[channel.name], session.current
            self.part(session, channel.name)
            session.channels[name] = Membership(
                name, there.era, channel.seq, before.quiet, before.status
            )
            if current == channel.name:
                session.current = name
            there.add(session)
            # it's an answer to who did it; others read it before what follows in there
            tell = self.reply if session.me.sid == event.sid else self.inform
            if there.seq > channel.seq:  # it's heard here already, and they weren't in it
                tell(session, Gap(there.spelled, there.seq - channel.seq))
            if not session.dialect.renames:
                me = session.me.profile
                old, new, why = event.channel, event.new, event.why
                tell(session, TakenAlong(old, new, why, me.by, me.real, me.account))
                self._taken_along(session, name)
        self._desert(channel)

    def _concern(self, channel: Channel, event: Event) -> None:
        """What an event means for its author, if they're here."""
        author = self.sessions.get(event.sid)
        if author is None:
            return
        if isinstance(event, Said | Tagged):
            if channel.name in author.channels:
                author.channels[channel.name].quiet = False
            self._seen(author, event.num)
            return
        if isinstance(event, Quit):
            return  # a sweeper's, which is numbered otherwise: they're here still
        if isinstance(event, Left):
            self.part(author, channel.name)
        elif isinstance(event, Joined):
            self._welcome(author)
        self._seen(author, event.num)

    @staticmethod
    def _own(event: Event, dialect: Dialect) -> bool:
        """Whether authors are shown their own event. A quit of somebody who is still here was
        a node's that lost its lease; they'll be told in other words. That they're away they have
        read.
        """
        if isinstance(event, Altered) and event.what == "away":
            return False
        return dialect.echo if isinstance(event, Said | Tagged) else not isinstance(event, Quit)

    def _shown_before(self, event: Wide) -> dict[str, tuple[str, int]]:
        """The logs in which this event came by here already, and where it stood in them."""
        if len(event.channels) < 2:
            return {}
        key = (event.sid, event.num)
        shown = self._shown.get(key)
        if shown is None:
            if len(self._shown) >= SHOWN:
                del self._shown[next(iter(self._shown))]
            shown = self._shown[key] = {}
        return shown

    def show_missed(
        self,
        session: Session,
        channel: str,
        missed: Missed,
        epoch: str,
        *,
        read: Callable[[Entry], bool],
        shown: set[tuple[str, int]],
        readers: str = "",
    ) -> None:
        """Show one session what a log had for it while it wasn't there.

        `channel`: as spelled, empty for its inbox. `read`: whether they may have read an entry.
        `shown`: quits and nick changes that they were shown; these are added. `readers`: whose
        lines they read, of those that aren't for all (`broker.spans.ranks`).
        """
        if missed.lost != 0:
            self.reply(session, Gap(channel or None, missed.lost))
        past: list[Entry] = []
        for entry in missed.entries:
            event = entry.event
            if isinstance(event, Wide):
                if (event.sid, event.num) in shown:
                    continue
                shown.add((event.sid, event.num))
                here = self._channels[fold(channel)]
                self._shown_before(event)[here.name] = (here.era or epoch, entry.seq)
            if event.sid == session.me.sid and not self._own(event, session.dialect):
                continue
            if not channel and getattr(event, "to", "") != session.me.sid:
                continue
            if not channel and not session.hears(event):
                continue
            if event.sid != session.me.sid and not readable(event, readers):
                continue
            if read(entry):
                past.append(entry)
                continue
            if past:
                self.reply(session, Past(channel, epoch, past))
                past = []
            place = Place(channel, epoch, entry.seq, entry.ms, session.me.nick)
            self._outbox.put(session, session.dialect.render(event, place))
        if past:
            self.reply(session, Past(channel, epoch, past))

    def _tell(self, event: Told | Tagged | Invited | Redacted, envelope: Envelope) -> None:
        session = self.sessions.get(event.to)
        if session is not None and session.hears(event):
            if isinstance(event, Invited):
                session.invite(event.channel)
            place = Place("", envelope.epoch, envelope.seq, envelope.ms, session.me.nick)
            self._outbox.put(session, session.dialect.render(event, place))
            self.tally.deliveries += 1

    def gap(self, log: str, lost: int | None) -> None:
        """As `broker.api.Sink.gap`."""
        channel = self._channels.get(log)
        if channel is None:
            for session in self.sessions.values():
                if session.called(log):
                    self.reply(session, Gap(None, lost))
            return
        for listener in channel.listeners:
            listener.gap(lost)
        if lost is None:
            self._begin_anew(channel)
        self._miss(channel, Gap(channel.spelled, lost))

    def continued(self, log: str, epoch: str, differs: int | None) -> None:
        """As `broker.api.Sink.continued`."""
        channel = self._channels.get(log)
        for listener in channel.listeners if channel is not None else ():
            listener.continued(epoch, differs)
        if differs is None:
            if channel is not None and channel.epoch:
                channel.epoch = epoch
        elif channel is not None:
            self._begin_anew(channel)
            channel.epoch = channel.era = epoch
            self._miss(channel, Disorder(channel.spelled, differs))
        else:
            for session in self.sessions.values():
                if session.called(log):
                    self.reply(session, Disorder(None, differs))

    def _miss(self, channel: Channel, reply: Reply) -> None:
        """Something of a channel won't come by as it should: tell its people, and keep nobody
        waiting for it.
        """
        for session in list(channel.members.values()):
            self.reply(session, reply)
            self._welcome(session)
            self._seen(session, session.me.num)

    @staticmethod
    def _begin_anew(channel: Channel) -> None:
        """The log has begun anew: no place that was known means anything now."""
        channel.epoch = channel.era = ""
        channel.seq = -1
        channel.recorded = []
        arriving, channel.arriving = channel.arriving, []
        for _, session in arriving:
            channel.add(session)
        for session in channel.members.values():
            membership = session.channels[channel.name]
            membership.era, membership.since = "", -1

    # -- people

    def reply(self, session: Session, reply: Reply) -> None:
        """Say something to one session only."""
        said = reply.reply if type(reply) is Answered else reply
        if type(said) is Error:
            self.tally.refusals[said.code] += 1
        if session.diversion is not None:
            session.diversion.pieces.append(reply)
        else:
            self.inform(session, reply)

    def inform(self, session: Session, reply: Reply) -> None:
        """As `reply`, of what is no answer: it doesn't wait for one that is under way."""
        self._outbox.put(session, session.dialect.reply(reply, session.me.nick))

    def _give(self, session: Session, event: Event, place: Place, data: bytes) -> None:
        """An event, to somebody whom it's for."""
        diversion = session.diversion
        if diversion and event.sid == session.me.sid and event.num > diversion.since:
            diversion.pieces.append((event, place))
        else:
            self._outbox.put(session, data)

    def echo(self, session: Session, event: Event, place: Place) -> None:
        """Show somebody an event of their own that stands in somebody else's inbox."""
        self._give(session, event, place, session.dialect.render(event, place))

    def show(self, session: Session, event: Event, ms: int) -> None:
        """An event that isn't theirs by any channel, or a message to them."""
        place = Place("", "", 0, ms, session.me.nick)
        self._outbox.put(session, session.dialect.render(event, place))

    def _welcome(self, session: Session) -> None:
        welcome, session.welcome = session.welcome, None
        if welcome is not None:
            self.reply(session, welcome)

    def _seen(self, session: Session, num: int) -> None:
        session.seen = max(session.seen, num)
        if session.waiting is not None and session.seen >= session.waiting.num:
            waiting, session.waiting = session.waiting, None
            waiting.promise.callback(None)

    def _admit(self, channel: Channel, seq: int) -> None:
        """Let in those whose part begins after `seq`."""
        if channel.arriving:
            arrived = [session for since, session in channel.arriving if since <= seq]
            channel.arriving = [one for one in channel.arriving if one[0] > seq]
            for session in arrived:
                channel.add(session)

    def _play_back(
        self, channel: Channel, session: Session, recorded: list[Envelope], since: int
    ) -> None:
        """Show one session what came by before its join was answered."""
        alone = Channel(channel.name)
        alone.spelled, alone.era = channel.spelled, channel.era
        alone.add(session)
        for envelope in recorded:
            for offset, event in enumerate(envelope.events):
                alone.seq = envelope.seq + offset
                if alone.seq > since and session.me.sid in alone.members:
                    place = Place(alone.spelled, envelope.epoch, alone.seq, envelope.ms)
                    self._show(alone, event, place)
                    self._befall(alone, event)
                    if event.sid == session.me.sid:  # for others it was done when it came by
                        self._concern(alone, event)
                    if alone.name not in session.channels:
                        return
