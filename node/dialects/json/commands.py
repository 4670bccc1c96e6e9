"""Objects to Commands: a class per command, whose fields are the object's.

What a field may hold is said here once: for the decoder, and for the schema.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from broker.api import Code, Position
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
    channel: Name
    text: Line
    action: bool = False

    def command(self) -> Command:
        return core.Say(self.channel, self.text, self.action, ref=self.id)


class Tell(Asked, frozen=True, tag="tell"):
    nick: Name
    text: Line

    def command(self) -> Command:
        return core.Tell(self.nick, self.text, ref=self.id)


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


class History(Asked, frozen=True, tag="history"):
    channel: Name
    count: Annotated[int, Meta(ge=1, le=1000)] = 50
    before: Pos | None = None

    def command(self) -> Command:
        before = _position(self.before) if self.before is not None else None
        return core.History(self.channel, self.count, before, ref=self.id)


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
    | Topic
    | Mode
    | Kick
    | Invite
    | Names
    | List
    | Who
    | Whois
    | History
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


def _position(pos: str) -> Position:
    epoch, _, seq = pos.partition(".")
    return Position(epoch, int(seq))
