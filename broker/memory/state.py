"""What the nodes of a `World` agree on: its channels, logs and sessions."""

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from broker import spans
from broker.api import NOBODY, ChannelInfo, Member, Position, Profile, Reach, Roster, Topic
from broker.events import SPOKEN, Entry, Said, Tagged, Told, Unknown
from broker.rules import FREE, Fellow, Rules, Standing

if TYPE_CHECKING:
    from broker.memory.node import Node


DAY_MS = 86_400_000


@dataclass
class Log:
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
class Session:
    """One open session: what stands in its own record and in its nick's claim."""

    sid: str
    token: str
    nick: str
    since: int
    home: "Node"
    inbox: Log
    num: int
    claimed: int  # the how manieth claim of all
    profile: Profile = NOBODY
    away: str | None = None
    told: int = 0
    channels: dict[str, None] = field(default_factory=dict)
    kept: "Kept | None" = None


@dataclass
class Kept:
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
class Retained:
    """A nick that was held when all was forgotten, until its session is opened again, or the time
    for that is over (ms).
    """

    sid: str
    claimed: int
    until: int


@dataclass
class Row:
    """A roster entry. `num`: the last command done here."""

    token: str
    nick: str
    quiet: bool
    num: int
    since: int = 0
    status: str = ""
    by: str = ""


@dataclass
class Channel:
    name: str
    log: Log
    maker: str
    members: dict[str, Row] = field(default_factory=dict)
    topic: Topic = Topic("", "", 0)
    spoken: bool = False
    rules: Rules = FREE
    invites: list[str] = field(default_factory=list)
    created: int = 0

    @property
    def info(self) -> ChannelInfo:
        topic, modes = self.topic, self.rules.modes
        return ChannelInfo(self.name, len(self.members), topic.text, modes, self.created, topic.ms)

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
