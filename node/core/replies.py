"""Replies: what is said to one session only. Values; in sentences, they are in `words`."""

from enum import StrEnum

import msgspec

from broker.api import (
    Attendee,
    ChannelInfo,
    Code,
    Found,
    Person,
    Position,
    Presence,
    Sighting,
    Totals,
    Was,
)
from broker.api import Roster as FullRoster
from broker.api import Topic as SetTopic
from broker.events import Entry, Redacted
from broker.rules import Mask, Rules


class News(StrEnum):
    """What the server may say of itself."""

    AWAY = "broker-away"
    BACK = "broker-back"
    CUT_OFF = "cut-off"
    NICK_LOST = "nick-lost"
    CHANNEL_LOST = "channel-lost"
    UNREPLICATED = "unreplicated"
    REPLICATED = "replicated"
    OPERATOR = "operator"
    """An operator's own words, which are what it's about."""


class Goodbye(StrEnum):
    """Why a connection is closed."""

    QUIT = "quit"
    AWAY = "broker-away"
    HUNG_UP = "hung-up"
    SHUTDOWN = "shutdown"
    DRAIN = "drain"
    ELSEWHERE = "elsewhere"
    IDLE = "idle"
    ENDLESS = "endless"
    REGISTRATION = "registration"
    PASSWORD = "password"  # noqa: S105
    CONNECTS = "connects"
    CONNECTIONS = "connections"
    KICKED = "kicked"
    BANNED = "banned"
    KILLED = "killed"
    """By an operator of the chat; who that is, and in brackets why, is what it's about."""

    def because(self, why: str) -> str:
        """For others, who see somebody quit: the reason, and more of it if there's more."""
        if self is Goodbye.KILLED:
            return f"Killed ({why})"  # as IRC has it, where it's also a program that reads it
        return f"{self}: {why}" if why else str(self)


def killed(killer: str, why: str) -> str:
    """What a KILLED is about."""
    return f"{killer} ({why})" if why else killer


Ref = int | str
"""What a person calls a command of theirs, if their dialect lets them."""


class Reply(msgspec.Struct, frozen=True):
    """Something for one session."""


class Answered(Reply, frozen=True):
    """The one answer to the command that the person calls so; None: it's done."""

    ref: Ref
    reply: Reply | None


class Greeting(Reply, frozen=True):
    """The first: who you are and where. `lobby` None: there is none. `inside`: you're coming into
    it.
    """

    server: str
    node: str
    nick: str
    sid: str
    lobby: str | None
    inside: bool


class Error(Reply, frozen=True):
    """A command was refused."""

    code: Code
    about: str = ""


class Notice(Reply, frozen=True):
    """The server says something of itself. `was`: with NICK_LOST, which nick, unless they have been
    shown that they changed it.
    """

    code: News
    about: str = ""
    was: str = ""


class Gap(Reply, frozen=True):
    """Messages of a channel (None: private ones) are lost; `lost` None: nobody knows how many."""

    channel: str | None
    lost: int | None


class Disorder(Reply, frozen=True):
    """What came of a channel (None: of private messages) before a time (Unix ms) may have come to
    others in another order.
    """

    channel: str | None
    before: int


class Closing(Reply, frozen=True):
    """Why the connection will be closed; the last thing said on it. `token`: with which the
    session can be taken up again, if it's to be told.
    """

    code: Goodbye
    token: str = ""
    about: str = ""


class Token(Reply, frozen=True):
    """With which the session can be taken up again."""

    token: str


class Resumed(Reply, frozen=True):
    """The session was taken up again, and is in these channels, or was. What it missed follows."""

    nick: str
    sid: str
    channels: list[str]


class Past(Reply, frozen=True):
    """Events of a channel (empty: private messages) that the person may have read, in order."""

    channel: str
    epoch: str
    entries: list[Entry]


class YourNick(Reply, frozen=True):
    """Your nick changed where no channel was told."""

    sid: str
    old: str
    new: str
    by: str = ""


class Welcome(Reply, frozen=True):
    """What you find on joining; everything after `tip` is to come. `topic` may be empty, `roster`
    cut to its first page. `modes`: letters of the channel's.
    """

    channel: str
    tip: Position
    roster: FullRoster
    topic: SetTopic
    history: list[Entry]
    modes: str = ""


class Names(Reply, frozen=True):
    roster: FullRoster


class Channels(Reply, frozen=True):
    """A page of the list of channels, of `pages`; `total` channels in all."""

    channels: list[ChannelInfo]
    page: int
    pages: int
    total: int


class Whois(Reply, frozen=True):
    """What somebody may know of a person: `peer` and `certificate` are empty for others than
    operators and the person themselves; of `channels` and `seats` some may be kept from them.
    `idle`: for how many seconds they have said nothing, None: nobody knows.
    """

    person: Person
    idle: int | None = None


class Whowas(Reply, frozen=True):
    """Who had a nick, the last first; empty: nobody, as far as it's remembered."""

    nick: str
    found: list[Was]


class Present(Reply, frozen=True):
    """Those who are there, of some that were asked about."""

    persons: list[Person]


class Looked(Reply, frozen=True):
    """Who fits a mask. `channel`: as first spelled, if it's a channel's; empty otherwise."""

    mask: str
    channel: str
    attendees: list[Attendee]


class Seen(Reply, frozen=True):
    """Of nicks that one watches: who is there, and which are free. `refused`: one may not watch
    these, too.
    """

    there: list[Sighting]
    free: list[str]
    refused: list[str] = []


class Watching(Reply, frozen=True):
    """The nicks that one watches."""

    nicks: list[str]


class RealSet(Reply, frozen=True):
    """Your real name. `told`: an event in a channel of yours says so, too."""

    real: str
    told: bool


class UserModes(Reply, frozen=True):
    """Your modes. `changes`: how they were changed now, as `+iw-x`; `unknown`: letters of none."""

    nick: str
    modes: str
    changes: str = ""
    unknown: str = ""


class Everyone(Reply, frozen=True):
    """A page of the list of everyone, as `Channels`."""

    people: list[Presence]
    page: int
    pages: int
    total: int


class TopicIs(Reply, frozen=True):
    channel: str
    topic: SetTopic


class ModesAre(Reply, frozen=True):
    """The rules of a channel. `inside`: the person is in it, and may know its key. `created`: since
    when there is the channel (Unix ms), 0: it isn't known.
    """

    channel: str
    rules: Rules
    inside: bool
    created: int = 0


class MasksAre(Reply, frozen=True):
    """Lists of masks that a channel has, by letter."""

    channel: str
    lists: dict[str, tuple[Mask, ...]]


class Forwarded(Reply, frozen=True):
    """You may not come into a channel, which sends you on to another."""

    channel: str
    forward: str


class Inviting(Reply, frozen=True):
    """You have invited somebody. `away`: why they're away, or None."""

    channel: str
    nick: str
    away: str | None = None


class Lines(Reply, frozen=True):
    """What was last said in a channel, or `before` a place, oldest first; `more`: there's older."""

    channel: str
    epoch: str
    entries: list[Entry]
    more: bool
    before: Position | None = None


class Span(Reply, frozen=True):
    """A part of what a channel has kept, or of what was written from and to a nick: see
    `broker.api.Span`.
    """

    target: str
    entries: list[Found]
    more: bool


class Targets(Reply, frozen=True):
    """Channels and nicks, and when something was last said there (Unix ms); oldest first."""

    targets: list[tuple[str, int]]


class TakenBack(Reply, frozen=True):
    """What you took back where you aren't told of it as others are; as `broker.api.Redaction`."""

    target: str
    at: Position
    ms: int
    event: Redacted


class HolderAway(Reply, frozen=True):
    """Whom you wrote to is away."""

    nick: str
    why: str


class AwaySet(Reply, frozen=True):
    """You are away, or (None) back."""

    why: str | None


class Options(Reply, frozen=True):
    """The dialect's options as they are now."""


class Pong(Reply, frozen=True):
    text: str


class StatsAre(Reply, frozen=True):
    """`uptime` (seconds) and `here` are this node's, `totals` the cluster's."""

    node: str
    uptime: int
    here: Totals
    totals: Totals
