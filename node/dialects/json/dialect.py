"""Events and replies to messages, ready to send; messages to commands."""

from collections.abc import Callable

import msgspec

from broker.api import Code, Refused
from broker.events import Event
from node.core import replies
from node.core.commands import Answer, Command
from node.core.dialect import Place
from node.core.replies import Reply
from node.core.session import Session
from node.dialects.json import events
from node.dialects.json.commands import LONGEST, parse
from node.dialects.json.replies import REPLIES

_encode = msgspec.json.Encoder().encode


class Json:
    """A `node.core.dialect.Dialect`. `framed`: makes of a message what is sent, a line or a frame.

    Everybody reads their own lines, in their place in the order.
    """

    name = "json"
    greets = True
    page = 200
    history = 10
    lobby = False
    longest = LONGEST
    echo = True
    options: frozenset[str] = frozenset()

    def __init__(self, framed: Callable[[bytes], bytes]) -> None:
        self._framed = framed

    def parser(self, session: Session) -> Callable[[bytes], Command | None]:  # noqa: ARG002
        return self.parse

    def parse(self, line: bytes) -> Command | None:
        return parse(line)

    def too_long(self) -> Command:
        return Answer(replies.Error(Code.TEXT_TOO_LONG))

    def option(self, name: str, on: bool) -> "Json":  # noqa: ARG002
        raise Refused(Code.OPTION_UNKNOWN, name)

    def render(self, event: Event, place: Place) -> bytes:
        message = events.message(event, place)
        return self._framed(_encode(message)) if message is not None else b""

    def reply(self, reply: Reply, to: str = "") -> bytes:  # noqa: ARG002
        return b"".join(self._framed(_encode(each)) for each in REPLIES[type(reply)](reply))
