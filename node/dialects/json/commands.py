"""Objects to Commands: a class per command, whose fields are the object's.

What a field may hold is said here once: for the decoder, and for the schema.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from broker.api import Code, Position, Way
from broker.events import Extra
from node.core import commands as core
from node.core import replies
from node.core.commands import Command
from node.core.replies import Reply

LONGEST = 16_384
"""The most bytes of an object."""

TEXT = 4096
"""The most bytes of a text in it, as UTF-8."""

_SAFE = 2**53 - 1  # what every JSON reader can hold

Ref = Annotated[int, Meta(ge=-_SAFE, le=_SAFE)] | Annotated[str, Meta(min_length=1, max_length=64)]
Name = Annotated[str, Meta(min_length=1, description="A nick, or a channel such as #go")]
Tags = Annotated[dict[str, str], Meta(description="Client-only tags of IRCv3: names begin with +")]
When = Annotated[int, Meta(ge=0, le=_SAFE, description="Unix time in milliseconds")]
Line = Annotated[str, Meta(min_length=1, max_length=TEXT, pattern=r"\S")]
Text = Annotated[str, Meta(max_length=TEXT)]
Page = Annotated[int, Meta(ge=1, le=999_999_999)]
Pos = Annotated[
    str,
    Meta(pattern=r"^[0-9A-Za-z_]{1,64}\.[0-9]{1,15}$", description="A place: EPOCH.SEQ"),
]


class Malformed(Reply, frozen=True):
    """What was sent is no command; `why`, for whoever wrote it."""

    why: str


class Asked(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", gc=False):
    """A command as it is sent. `id`: what its answer is to be called."""

    id: Ref | None = None

    def command(self) -> Command:
        """What it asks of the core."""
        raise NotImplementedError


class Nick(Asked, frozen=True, tag="nick"):
    nick: Name

    def command(self) -> Command:
        return core.SetNick(self.nick, ref=self.id)


class Join(Asked, frozen=True, tag="join"):
    channel: Name
    key: Text = ""

    def command(self) -> Command:
        return core.Join(self.channel, self.key, ref=self.id)


class Leave(Asked, frozen=True, tag="leave"):
    channel: Name
    why: Text = ""

    def command(self) -> Command:
        return core.Leave(self.channel, self.why, ref=self.id)


class Say(Asked, frozen=True, tag="say"):
    """The text may have several lines."""

    channel: Name
    text: Line
    action: bool = False
    notice: bool = False
    tags: Tags = {}

    def command(self) -> Command:
        extra = _extra(self.notice, self.tags)
        return core.Say(self.channel, self.text, self.action, extra, lines=True, ref=self.id)


class Tell(Asked, frozen=True, tag="tell"):
    """The text may have several lines."""

    nick: Name
    text: Line
    action: bool = False
    notice: bool = False
    tags: Tags = {}

    def command(self) -> Command:
        extra = _extra(self.notice, self.tags)
        return core.Tell(self.nick, self.text, self.action, extra, lines=True, ref=self.id)


class Tag(Asked, frozen=True, tag="tag"):
    """Tags without a line. `target`: a channel or a nick."""

    target: Name
    tags: Tags

    def command(self) -> Command:
        return core.Tag(self.target, self.tags, ref=self.id)


class Topic(Asked, frozen=True, tag="topic"):
    """Without `topic`: what is it?"""

    channel: Name
    topic: Line | None = None

    def command(self) -> Command:
        return core.Topic(self.channel, self.topic or "", ref=self.id)


class Mode(Asked, frozen=True, tag="mode"):
    """Without `changes`: which are there? A list of masks alone: who is on it?"""

    channel: Name
    changes: Annotated[
        tuple[Text, ...],
        Meta(max_length=64, description='As IRC has them: ["+o-b", "bob", "*!*@host"]'),
    ] = ()

    def command(self) -> Command:
        return core.Mode(self.channel, self.changes, ref=self.id)


class Kick(Asked, frozen=True, tag="kick"):
    channel: Name
    nick: Name
    why: Text = ""

    def command(self) -> Command:
        return core.Kick(self.channel, self.nick, self.why, ref=self.id)


class RenameChannel(Asked, frozen=True, tag="rename"):
    channel: Name
    new: Name
    why: Text = ""

    def command(self) -> Command:
        return core.RenameChannel(self.channel, self.new, self.why, ref=self.id)


class Invite(Asked, frozen=True, tag="invite"):
    channel: Name
    nick: Name

    def command(self) -> Command:
        return core.Invite(self.channel, self.nick, ref=self.id)


class Names(Asked, frozen=True, tag="names"):
    channel: Name

    def command(self) -> Command:
        return core.Names(self.channel, ref=self.id)


class List(Asked, frozen=True, tag="list"):
    pattern: Text = ""
    page: Page = 1

    def command(self) -> Command:
        return core.ListChannels(self.pattern, self.page, ref=self.id)


class Who(Asked, frozen=True, tag="who"):
    page: Page = 1

    def command(self) -> Command:
        return core.Who(self.page, ref=self.id)


class Whois(Asked, frozen=True, tag="whois"):
    nick: Name

    def command(self) -> Command:
        return core.Whois(self.nick, ref=self.id)


class Whowas(Asked, frozen=True, tag="whowas"):
    nick: Name
    count: Annotated[int, Meta(ge=1, le=1000)] | None = None

    def command(self) -> Command:
        return core.Whowas(self.nick, self.count or 0, ref=self.id)


class Watch(Asked, frozen=True, tag="watch"):
    """Without nicks: which are watched."""

    nicks: Annotated[list[Name], Meta(max_length=1000)] = []

    def command(self) -> Command:
        if not self.nicks:
            return core.Watched(ref=self.id)
        return core.Watch(tuple(self.nicks), ref=self.id)


class Unwatch(Asked, frozen=True, tag="unwatch"):
    """Without nicks: all."""

    nicks: Annotated[list[Name], Meta(max_length=1000)] = []

    def command(self) -> Command:
        return core.Unwatch(tuple(self.nicks) or None, ref=self.id)


class Real(Asked, frozen=True, tag="real"):
    real: Text

    def command(self) -> Command:
        return core.SetReal(self.real, ref=self.id)


class History(Asked, frozen=True, tag="history"):
    channel: Name
    count: Annotated[int, Meta(ge=1, le=1000)] = 50
    before: Pos | None = None

    def command(self) -> Command:
        before = _position(self.before) if self.before is not None else None
        return core.History(self.channel, self.count, before, ref=self.id)


class Span(Asked, frozen=True, tag="span"):
    """Part of what a channel has kept, or of what was written from and to a nick. A way has as many
    places as it says: before, after and around one, between two, latest one or none.
    """

    target: Name
    way: Way
    places: Annotated[list[Pos | When], Meta(max_length=2)] = []
    count: Annotated[int, Meta(ge=1, le=1000)] = 50
    every: bool = False

    def command(self) -> Command:
        places = tuple(at if isinstance(at, int) else _position(at) for at in self.places)
        if len(places) not in _PLACES[self.way]:
            return core.Answer(Malformed(f"{self.way} has another number of places"), ref=self.id)
        return core.Span(self.target, self.way, places, self.count, self.every, ref=self.id)


_PLACES = {
    Way.BEFORE: (1,),
    Way.AFTER: (1,),
    Way.AROUND: (1,),
    Way.LATEST: (0, 1),
    Way.BETWEEN: (2,),
}


class Targets(Asked, frozen=True, tag="targets"):
    """Where something was last said between two times."""

    since: When
    until: When
    count: Annotated[int, Meta(ge=1, le=1000)] = 50

    def command(self) -> Command:
        return core.Targets(self.since, self.until, self.count, ref=self.id)


class Redact(Asked, frozen=True, tag="redact"):
    """Take back what stands at a place of a channel, or what was told a nick."""

    target: Name
    pos: Pos
    why: Text = ""

    def command(self) -> Command:
        return core.Redact(self.target, _position(self.pos), self.why, ref=self.id)


class Set(Asked, frozen=True, tag="set"):
    """Options: `tags`, whether to be told of tags."""

    option: Annotated[str, Meta(min_length=1, max_length=64)]
    on: bool

    def command(self) -> Command:
        return core.SetOption(self.option, self.on, ref=self.id)


class Away(Asked, frozen=True, tag="away"):
    why: Text = ""

    def command(self) -> Command:
        return core.SetAway(self.why, ref=self.id)


class Back(Asked, frozen=True, tag="back"):
    def command(self) -> Command:
        return core.SetAway(None, ref=self.id)


class Token(Asked, frozen=True, tag="token"):
    def command(self) -> Command:
        return core.Token(ref=self.id)


class Resume(Asked, frozen=True, tag="resume"):
    """`places`: by channel, up to where it was read."""

    token: str
    places: dict[Name, Pos] = {}

    def command(self) -> Command:
        places = {name: (*_position(pos),) for name, pos in self.places.items()}
        return core.Resume(self.token, places, ref=self.id)


class Ping(Asked, frozen=True, tag="ping"):
    text: Text = ""

    def command(self) -> Command:
        return core.Ping(self.text, ref=self.id)


class Stats(Asked, frozen=True, tag="stats"):
    def command(self) -> Command:
        return core.Stats(ref=self.id)


class Quit(Asked, frozen=True, tag="quit"):
    why: Text = ""

    def command(self) -> Command:
        return core.Quit(self.why, ref=self.id)


AnyAsked = (
    Nick
    | Join
    | Leave
    | Say
    | Tell
    | Tag
    | Topic
    | Mode
    | Kick
    | RenameChannel
    | Invite
    | Names
    | List
    | Who
    | Whois
    | Whowas
    | Watch
    | Unwatch
    | Real
    | History
    | Span
    | Targets
    | Redact
    | Set
    | Away
    | Back
    | Token
    | Resume
    | Ping
    | Stats
    | Quit
)


class _Called(msgspec.Struct):
    """As much of what is no command as tells by what to answer it."""

    id: Ref | None = None


_decode: Callable[[bytes], Asked] = msgspec.json.Decoder(AnyAsked).decode
_decode_called = msgspec.json.Decoder(_Called).decode


def parse(message: bytes) -> Command | None:
    """A message as a command; None if it's blank."""
    if not message or message.isspace():
        return None
    try:
        asked = _decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        return core.Answer(Malformed(str(e)), ref=_ref(message))
    if len(message) > TEXT and _has_long_text(asked):
        return core.Answer(replies.Error(Code.TEXT_TOO_LONG), ref=asked.id)
    return asked.command()


def _ref(message: bytes) -> Ref | None:
    try:
        return _decode_called(message).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _has_long_text(asked: Asked) -> bool:
    values = msgspec.structs.astuple(asked)
    return any(isinstance(value, str) and len(value.encode()) > TEXT for value in values)


def _extra(notice: bool, tags: dict[str, str]) -> Extra | None:
    return Extra(notice=notice, tags=tags) if notice or tags else None


def _position(pos: str) -> Position:
    epoch, _, seq = pos.partition(".")
    return Position(epoch, int(seq))
