"""Commands: what someone wants, whatever the dialect it was said in. Values, no behaviour.

A channel of None is the current one: the one last joined or spoken in. Names and texts are
as typed; the verbs check them.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

import msgspec

from broker.api import Place, Position, Way
from broker.events import Extra
from node.core.replies import Ref, Reply

if TYPE_CHECKING:
    from node.core.chat import Chat
    from node.core.session import Session


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person asks for.

    `ref`: by which it wants to be answered, once (`replies.Answered`); None: it's content with what
    is to be said. `aside`: whether it may be done, or refused, at once while the broker is away,
    rather than after what is under way.
    """

    aside: ClassVar[bool] = True

    ref: Ref | None = None


class SetNick(Command, frozen=True):
    name: str


class Join(Command, frozen=True):
    channel: str
    key: str = ""


class Leave(Command, frozen=True):
    """`why` may begin with the name of a channel that the person is in, if `channel` is None."""

    channel: str | None = None
    why: str = ""


class Say(Command, frozen=True):
    """`outside`: also where the person isn't in the channel, if its rules allow that. `lines`: the
    text may have several.
    """

    channel: str | None
    text: str
    action: bool = False
    extra: Extra | None = None
    outside: bool = False
    lines: bool = False


class Tell(Command, frozen=True):
    nick: str
    text: str
    action: bool = False
    extra: Extra | None = None
    lines: bool = False


class Tag(Command, frozen=True):
    """Tags without a line, for a channel or a nick. `rank`: as in `Extra`."""

    target: str | None
    tags: dict[str, str]
    rank: str = ""


class Names(Command, frozen=True):
    channel: str | None = None


class ListChannels(Command, frozen=True):
    """`pattern` may hold `*` and `?`; empty: all. `page` counts from 1."""

    pattern: str = ""
    page: int = 1


class Whois(Command, frozen=True):
    nick: str


class Who(Command, frozen=True):
    page: int = 1


class Topic(Command, frozen=True):
    """Show the topic, or set it if there is a text; `text` may begin with a channel as in Leave."""

    channel: str | None = None
    text: str = ""


class Mode(Command, frozen=True):
    """Show the rules of a channel, or a list of masks, or change them: `words` are such as
    `+ov-b ann bob *!*@host` (`node.core.modes`).
    """

    channel: str | None = None
    words: tuple[str, ...] = ()


class Kick(Command, frozen=True):
    """Take somebody out of a channel."""

    channel: str | None
    nick: str
    why: str = ""


class RenameChannel(Command, frozen=True):
    """Give a channel (None: the current one) another name."""

    channel: str | None
    new: str
    why: str = ""


class Invite(Command, frozen=True):
    """Ask somebody into a channel."""

    channel: str | None
    nick: str


class History(Command, frozen=True):
    """The last lines said, or the last `before` a place."""

    channel: str | None = None
    count: int = 20
    before: Position | None = None


class Span(Command, frozen=True):
    """A part of what a channel has kept, or of what was written from and to a nick; as `Wanted`."""

    target: str | None
    way: Way
    places: tuple[Place, ...] = ()
    count: int = 50
    every: bool = False


class Targets(Command, frozen=True):
    """Where something was last said between two times (Unix ms), and neither of them."""

    since: int
    until: int
    count: int = 50


class Redact(Command, frozen=True):
    """Take back what stands at a place of a channel, or what was told a nick."""

    target: str | None
    at: Position
    why: str = ""


class SetAway(Command, frozen=True):
    """`why` None: back."""

    why: str | None


class SetOption(Command, frozen=True):
    """An option of the dialect's own; empty name: show them."""

    name: str = ""
    on: bool = False


class Token(Command, frozen=True):
    """Keep the session for whoever knows the token that's the answer."""


class Resume(Command, frozen=True):
    """Take up a kept session. `places`: by channel, the epoch and seq up to which it was read."""

    token: str
    places: dict[str, tuple[str, int]] = {}


class Ping(Command, frozen=True):
    text: str = ""


class Stats(Command, frozen=True):
    pass


class Quit(Command, frozen=True):
    aside = False

    why: str = ""


class Whowas(Command, frozen=True):
    """Who had a nick before; at most `count`, if it's above 0."""

    nick: str
    count: int = 0


class Find(Command, frozen=True):
    """Who of these is there."""

    nicks: tuple[str, ...]


class Look(Command, frozen=True):
    """Who fits: a channel's members, a nick's holder, or whoever's nick, address or real name the
    mask fits, with `*` and `?`. `operators`: only those.
    """

    mask: str
    operators: bool = False


class Watch(Command, frozen=True):
    """Be told when these nicks are taken, and when they're free."""

    nicks: tuple[str, ...]


class Unwatch(Command, frozen=True):
    """`nicks` None: all."""

    nicks: tuple[str, ...] | None = None


class Watched(Command, frozen=True):
    """Which nicks one watches."""


class SetReal(Command, frozen=True):
    """Say what one's real name is."""

    text: str


class UserModes(Command, frozen=True):
    """Set one's own modes, each a sign and a letter, or show them if there are no changes."""

    nick: str
    changes: tuple[tuple[str, str], ...] = ()


class Answer(Command, frozen=True):
    """What the dialect answers by itself (help, a line it can't read), in its turn."""

    reply: Reply


class Do(Command, frozen=True):
    """What the dialect does by itself, in its turn, as a verb would."""

    verb: Callable[["Chat", "Session"], Awaitable[Reply | None]]
