"""What is sent: a class per kind of object, whose fields are the object's.

What is empty, false or None by default is left out. `id`: of the command that it answers.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from node.dialects.json.commands import Pos, Ref, Tags

PROTOCOL = 1
"""Told in the greeting: grows if an old client could misunderstand something."""

Statuses = Annotated[
    dict[str, str],
    Meta(description="Of those of the nicks who have any: letters, the highest first"),
]
Ms = Annotated[int, Meta(description="Unix time in milliseconds")]


class Message(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="is", omit_defaults=True, gc=False
):
    """Anything that is sent."""


class Answer(Message, frozen=True, kw_only=True):
    """What may answer a command."""

    id: Ref | None = None


class Greeting(Message, frozen=True, tag="greeting"):
    protocol: int
    server: str
    version: str
    node: str
    nick: str
    sid: str
    lobby: str | None = None


class Done(Answer, frozen=True, tag="done"):
    pass


class Error(Answer, frozen=True, tag="error"):
    code: str
    says: str
    about: str = ""


# -- events


class Said(Message, frozen=True, tag="said"):
    channel: str
    pos: Pos
    at: Ms
    sid: str
    nick: str
    text: str
    action: bool = False
    notice: bool = False
    rank: str = ""
    tags: Tags = {}


class Told(Message, frozen=True, tag="told"):
    pos: Pos
    at: Ms
    sid: str
    nick: str
    text: str
    action: bool = False
    notice: bool = False
    tags: Tags = {}


class Tagged(Message, frozen=True, tag="tagged"):
    """Only if the option `tags` is on. In private if without a channel; of this moment, and kept
    nowhere, if without a place.
    """

    at: Ms
    sid: str
    nick: str
    tags: Tags
    pos: Pos | None = None
    channel: str | None = None


class Redacted(Answer, frozen=True, tag="redacted"):
    """What stood at the place `what` is gone. In private if without a channel."""

    pos: Pos
    at: Ms
    sid: str
    nick: str
    what: Pos
    why: str = ""
    channel: str | None = None


class Joined(Message, frozen=True, tag="joined"):
    channel: str
    pos: Pos
    at: Ms
    sid: str
    nick: str


class Left(Message, frozen=True, tag="left"):
    channel: str
    pos: Pos
    at: Ms
    sid: str
    nick: str
    why: str = ""


class Kicked(Message, frozen=True, tag="kicked"):
    """`nick` took `target`, whose sid is `target_sid`, out of the channel."""

    channel: str
    pos: Pos
    at: Ms
    sid: str
    nick: str
    target: str
    target_sid: str
    why: str = ""


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    mode: Annotated[str, Meta(description="A sign and a letter: +o")]
    about: str = ""


class Ruled(Message, frozen=True, tag="ruled"):
    channel: str
    pos: Pos
    at: Ms
    sid: str
    nick: str
    changes: list[Change]


class Invited(Message, frozen=True, tag="invited"):
    """You, into `channel`; it stands at `pos` among your private messages."""

    channel: str
    pos: Pos
    at: Ms
    sid: str
    nick: str


class TopicSet(Message, frozen=True, tag="topic"):
    channel: str
    pos: Pos
    at: Ms
    sid: str
    nick: str
    topic: str


class Moved(Message, frozen=True, tag="moved"):
    """The channel is called `new` from here on; its next place is under that name."""

    channel: str
    pos: Pos
    at: Ms
    sid: str
    nick: str
    new: str
    why: str = ""


class Renamed(Message, frozen=True, tag="renamed"):
    """Without `channel`, `pos` and `at`: you, where no channel was told."""

    sid: str
    nick: str
    new: str
    channel: str | None = None
    pos: Pos | None = None
    at: Ms | None = None


class Quit(Message, frozen=True, tag="quit"):
    channel: str
    pos: Pos
    at: Ms
    sid: str
    nick: str
    why: str = ""


Event = (
    Said
    | Told
    | Tagged
    | Redacted
    | Joined
    | Left
    | Kicked
    | Ruled
    | Invited
    | TopicSet
    | Moved
    | Renamed
    | Quit
)


# -- answers to questions, and what else one is told


class Topic(msgspec.Struct, frozen=True):
    text: str
    nick: str
    at: Ms


class Welcome(Message, frozen=True, tag="welcome"):
    channel: str
    pos: Pos
    nicks: list[str]
    total: int
    history: list[Said]
    statuses: Statuses = {}
    topic: Topic | None = None


class TopicIs(Answer, frozen=True, tag="topic-is"):
    channel: str
    topic: Topic | None = None


class Names(Answer, frozen=True, tag="names"):
    channel: str
    nicks: list[str]
    total: int
    statuses: Statuses = {}


class Modes(Answer, frozen=True, tag="modes"):
    """`key` and `forward` only for members."""

    channel: str
    modes: str = ""
    key: str = ""
    limit: int = 0
    forward: str = ""


class Mask(msgspec.Struct, frozen=True):
    mask: str
    nick: str
    at: Ms


class Masks(Answer, frozen=True, tag="masks"):
    channel: str
    lists: dict[str, list[Mask]]


class Forwarded(Message, frozen=True, tag="forwarded"):
    channel: str
    forward: str


class Inviting(Answer, frozen=True, tag="inviting"):
    channel: str
    nick: str
    away: str | None = None


class Channel(msgspec.Struct, frozen=True, omit_defaults=True):
    channel: str
    members: int
    topic: str = ""


class Channels(Answer, frozen=True, tag="channels"):
    channels: list[Channel]
    page: int
    pages: int
    total: int


class Present(msgspec.Struct, frozen=True):
    nick: str
    node: str


class People(Answer, frozen=True, tag="people"):
    people: list[Present]
    page: int
    pages: int
    total: int


class Person(Answer, frozen=True, tag="person"):
    nick: str
    node: str
    since: Ms
    channels: list[str]
    away: str | None = None
    by: Annotated[str, Meta(description="USER@HOST")] = ""
    real: str = ""
    account: str = ""
    operator: bool = False
    bot: bool = False
    peer: Annotated[str, Meta(description="An address")] = ""
    secure: bool = False
    idle: Annotated[int | None, Meta(description="Seconds for which they have said nothing")] = None


class Had(msgspec.Struct, frozen=True, omit_defaults=True):
    nick: str
    node: str
    until: Ms
    by: str = ""
    real: str = ""


class Was(Answer, frozen=True, tag="was"):
    nick: str
    had: list[Had]


class There(msgspec.Struct, frozen=True, omit_defaults=True):
    nick: str
    by: str = ""


class Seen(Answer, frozen=True, tag="seen"):
    """Also without a question."""

    there: list[There] = []
    free: list[str] = []
    refused: list[str] = []


class Watching(Answer, frozen=True, tag="watching"):
    nicks: list[str]


class Real(Answer, frozen=True, tag="real"):
    real: str


class UserModes(Answer, frozen=True, tag="user-modes"):
    nick: str
    modes: str


class History(Answer, frozen=True, tag="history"):
    channel: str
    entries: list[Said]
    more: bool = False


class Span(Answer, frozen=True, tag="span"):
    target: str
    entries: list[Event]
    more: bool = False


class Target(msgspec.Struct, frozen=True):
    target: str
    at: Ms


class Targets(Answer, frozen=True, tag="targets"):
    targets: list[Target]


class Away(Answer, frozen=True, tag="away"):
    why: str = ""


class Back(Answer, frozen=True, tag="back"):
    pass


class Absent(Answer, frozen=True, tag="absent"):
    nick: str
    why: str = ""


class Token(Answer, frozen=True, tag="token"):
    token: str


class Pong(Answer, frozen=True, tag="pong"):
    text: str = ""


class NodeTotals(msgspec.Struct, frozen=True):
    name: str
    sessions: int
    channels: int
    messages: int
    uptime: Annotated[int, Meta(description="Seconds")]


class ClusterTotals(msgspec.Struct, frozen=True):
    nodes: int
    sessions: int
    channels: int
    messages: int


class Stats(Answer, frozen=True, tag="stats"):
    node: NodeTotals
    cluster: ClusterTotals


class Resumed(Message, frozen=True, tag="resumed"):
    nick: str
    sid: str
    channels: list[str]


class Past(Message, frozen=True, tag="past"):
    """Of private messages if without a channel."""

    entries: list[Event]
    channel: str | None = None


class Gap(Message, frozen=True, tag="gap"):
    says: str
    channel: str | None = None
    lost: int | None = None


class Disorder(Message, frozen=True, tag="disorder"):
    before: Ms
    says: str
    channel: str | None = None


class Notice(Message, frozen=True, tag="notice"):
    code: str
    says: str
    about: str = ""


class Closing(Message, frozen=True, tag="closing"):
    code: str
    says: str
    about: str = ""
    token: str = ""


AnyMessage = (
    Event
    | Greeting
    | Done
    | Error
    | Welcome
    | TopicIs
    | Names
    | Modes
    | Masks
    | Forwarded
    | Inviting
    | Channels
    | People
    | Person
    | Was
    | Seen
    | Watching
    | Real
    | UserModes
    | History
    | Span
    | Targets
    | Away
    | Back
    | Absent
    | Token
    | Pong
    | Stats
    | Resumed
    | Past
    | Gap
    | Disorder
    | Notice
    | Closing
)
