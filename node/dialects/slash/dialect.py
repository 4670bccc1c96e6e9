"""Events and replies to lines of the slash dialect.

One instance is one kind of listener: those with the same options share it.
"""

import zlib
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from broker.api import Code, Refused
from broker.events import (
    Event,
    Invited,
    Joined,
    Kicked,
    Left,
    Moved,
    Quit,
    Redacted,
    Renamed,
    Ruled,
    Said,
    Told,
    TopicSet,
)
from broker.names import fold
from node.core import replies
from node.core.commands import Answer, Command
from node.core.dialect import Place
from node.core.modes import written
from node.core.replies import Reply
from node.core.session import Session
from node.dialects.slash import words
from node.dialects.slash.commands import parse
from node.dialects.slash.harmless import harmless
from node.dialects.slash.replies import OPTIONS, REPLIES, because, clock

SPOKEN = Said, Told
"""What may have several lines."""


class Slash:
    """A `node.core.dialect.Dialect`. Make the first with `Slash()`; the others come from it."""

    name = "slash"
    greets = True
    resumes = True
    page = 200
    history = 10
    lobby = True
    renames = True
    observes = True
    longest = 4096
    endless = 0

    def __init__(
        self,
        options: frozenset[str] = frozenset(),
        known: "dict[frozenset[str], Slash] | None" = None,
    ) -> None:
        self.options = options
        self.echo = "echo" in options
        self._time = "time" in options
        self._color = "color" in options
        self._pos = "pos" in options
        self._marked = self._time or self._pos
        self._known = {} if known is None else known
        self._known[options] = self
        self.speech: object = self

    def option(self, name: str, on: bool) -> "Slash":
        if name not in OPTIONS:
            raise Refused(Code.OPTION_UNKNOWN, name)
        options = self.options | {name} if on else self.options - {name}
        return self._known.get(options) or Slash(options, self._known)

    def parser(self, session: Session) -> Callable[[bytes], Command | None]:  # noqa: ARG002
        return self.parse

    def parse(self, line: bytes) -> Command | None:
        return parse(line)

    def too_long(self) -> Command:
        return Answer(replies.Error(Code.TEXT_TOO_LONG))

    # -- events

    def render(self, event: Event, place: Place) -> bytes:
        if isinstance(event, SPOKEN) and "\n" in event.text:
            lines = self.lines(event, place.channel)
            mark = self._mark(place) if self._marked else ""
            return "".join(f"{mark}{line}\r\n" for line in lines).encode()
        line = self.line(event, place.channel)
        if not line:
            return b""
        if self._marked:
            line = self._mark(place) + line
        return f"{line}\r\n".encode()

    def lines(self, event: Event, channel: str) -> list[str]:
        """As `line`, of what may be several lines, or none."""
        if isinstance(event, SPOKEN) and "\n" in event.text:
            parts = (replace(event, text=part) for part in event.text.split("\n"))
            return [self.line(part, channel) for part in parts]
        line = self.line(event, channel)
        return [line] if line else []

    def line(self, event: Event, channel: str) -> str:
        """An event in words; `channel` as spelled, empty for a private message. Empty if there are
        none for it.
        """
        nick = self.nick(event.nick)
        match event:
            case Said(text=text, action=False):
                return f"[{channel}] <{nick}> {harmless(text)}"
            case Said(text=text):
                return f"[{channel}] * {nick} {harmless(text)}"
            case Told(text=text, action=False):
                return f"[private] <{nick}> {harmless(text)}"
            case Told(text=text):
                return f"[private] * {nick} {harmless(text)}"
            case Joined():
                return f"{nick} has joined the channel {channel}"
            case Left(why=why):
                return f"{nick} has left the channel {channel}{because(why)}"
            case Renamed(new=new):
                return f"{nick} is changing nick to {self.nick(new)}"
            case Quit(why=why):
                return f"{nick} has quit{because(why)}"
            case Kicked(target=target, why=why):
                who = self.nick(target)
                return f"{nick} has kicked {who} out of the channel {channel}{because(why)}"
            case Ruled(changes=changes):
                return f"{nick} has changed the modes of {channel}: {harmless(written(changes))}"
            case Moved(channel=old, new=new, why=why):
                return f"{nick} has renamed the channel {old} to {new}{because(why)}"
            case Invited(channel=into) if not channel:
                return f"{nick} invites you into the channel {into}"
            case TopicSet(topic=""):
                return f"{nick} has taken the topic of {channel} away"
            case TopicSet(topic=topic):
                return f"{nick} has set the topic of {channel} to {harmless(topic)}"
            case Redacted(at=at, why=why):
                what = f"a line of {channel}" if channel else "a private message"
                where = f", @{at}" if self._pos else ""
                return f"{nick} has taken back {what}{where}{because(why)}"
            case _:
                return ""

    def _mark(self, place: Place) -> str:
        mark = f"@{place.epoch}.{place.seq} " if self._pos else ""
        return f"{mark}{clock(place.ms)} " if self._time else mark

    def nick(self, nick: str) -> str:
        """A nick, in its colour if colours are on."""
        if not self._color:
            return nick
        color = words.COLORS[zlib.crc32(fold(nick).encode()) % len(words.COLORS)]
        return f"\x1b[{color}m{nick}\x1b[0m"

    def speak(self, events: Sequence[Said], places: Sequence[Place]) -> list[bytes]:
        if self._marked or self._color:
            return list(map(self.render, events, places))
        return [
            f"[{at.channel}] <{event.nick}> {event.text}\r\n".encode()
            if event.text.isprintable() and not event.action  # as nearly all are
            else self.render(event, at)
            for event, at in zip(events, places, strict=True)
        ]

    # -- replies

    def reply(self, reply: Reply, to: str = "") -> bytes:  # noqa: ARG002
        lines = REPLIES[type(reply)](self, reply)
        return "".join(f"{line}\r\n" for line in lines).encode()
