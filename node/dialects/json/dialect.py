"""Events and replies to messages, ready to send; messages to commands."""

from collections.abc import Callable, Sequence

import msgspec

from broker.api import Code, Refused
from broker.events import Event, Said
from node.core import replies
from node.core.commands import Answer, Command
from node.core.dialect import Place
from node.core.replies import Reply
from node.core.session import Session
from node.dialects.json import events
from node.dialects.json.commands import LONGEST, parse
from node.dialects.json.replies import REPLIES

_encode = msgspec.json.Encoder().encode


OPTIONS = ("tags",)
"""What `set` sets."""


class Json:
    """A `node.core.dialect.Dialect`. `framed`: makes of a message what is sent, a line or a frame.

    Everybody reads their own lines, in their place in the order.
    """

    name = "json"
    greets = True
    resumes = True
    page = 200
    history = 10
    lobby = False
    longest = LONGEST
    endless = 0
    echo = True
    renames = True
    observes = True

    def __init__(
        self,
        framed: Callable[[bytes], bytes],
        options: frozenset[str] = frozenset(),
        known: "dict[frozenset[str], Json] | None" = None,
    ) -> None:
        self._framed = framed
        self.options = options
        self._tags = "tags" in options
        self._known = {} if known is None else known
        self._known[options] = self
        self.speech: object = self

    def parser(self, session: Session) -> Callable[[bytes], Command | None]:  # noqa: ARG002
        return self.parse

    def parse(self, line: bytes) -> Command | None:
        return parse(line)

    def too_long(self) -> Command:
        return Answer(replies.Error(Code.TEXT_TOO_LONG))

    def option(self, name: str, on: bool) -> "Json":
        if name not in OPTIONS:
            raise Refused(Code.OPTION_UNKNOWN, name)
        options = self.options | {name} if on else self.options - {name}
        return self._known.get(options) or Json(self._framed, options, self._known)

    def render(self, event: Event, place: Place) -> bytes:
        message = events.message(event, place, tags=self._tags)
        return self._framed(_encode(message)) if message is not None else b""

    def speak(self, events: Sequence[Said], places: Sequence[Place]) -> list[bytes]:
        return list(map(self.render, events, places))

    def reply(self, reply: Reply, to: str = "") -> bytes:  # noqa: ARG002
        return b"".join(self._framed(_encode(each)) for each in REPLIES[type(reply)](reply))
