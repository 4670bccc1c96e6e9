"""One command, as it's being done: who asks for what, and how they're answered."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from broker.api import Code, Refused
from broker.names import fold
from node.core import names
from node.core.chat import Chat
from node.core.session import Session
from node.dialects.irc import refusals
from node.dialects.irc.replies import Lines, Numeric
from node.dialects.irc.wire import Message

if TYPE_CHECKING:
    from node.dialects.irc.dialect import Irc
    from node.dialects.irc.reader import Reader


class Call:
    """See the module's docstring. `params`, `tags`: the message's. `cuts`: as in
    `events.Extra`; None: what is said came in one line, and goes out in one.
    """

    def __init__(self, chat: Chat, session: Session, reader: "Reader", message: Message) -> None:
        self.chat = chat
        self.session = session
        self.reader = reader
        self.verb, self.params, self.tags = message
        self.cuts: tuple[int, ...] | None = None

    @property
    def irc(self) -> "Irc":
        """The dialect that they speak by now."""
        return cast("Irc", self.session.dialect)

    @property
    def registered(self) -> bool:
        return self.session.me.nick != ""

    @property
    def nick(self) -> str:
        """What they're called in replies."""
        return self.session.me.nick or "*"

    def param(self, number: int, otherwise: str = "") -> str:
        """A parameter, counted from 0."""
        return self.params[number] if number < len(self.params) else otherwise

    def has(self, cap: str) -> bool:
        return cap in self.irc.options

    def channel(self, given: str) -> str:
        """A channel's name. Raises CHANNEL_INVALID, about what was given."""
        if not given.startswith("#"):
            raise Refused(Code.CHANNEL_INVALID, given)
        return names.channel(given)

    def spelled(self, name: str) -> str:
        """A channel's name as it was first spelled, if that's known here."""
        return self.chat.hub.spelled(fold(name), name)

    # -- answers

    def numeric(self, name: str, *params: str, text: str | None = None) -> None:
        """Answer with a numeric. `text`: the last parameter, if it isn't the table's."""
        self.chat.hub.reply(self.session, Numeric(name, params, text))

    def send(self, *lines: str) -> None:
        """Answer with whole lines."""
        if lines:
            self.chat.hub.reply(self.session, Lines(lines))

    def said(self, rest: str) -> None:
        """Answer with a line of the server's own."""
        self.send(self.irc.said(rest))

    def batch(self, kind: str, lines: Sequence[str], *about: str) -> None:
        """Answer with a batch (IRCv3 batch); without the capability with its lines alone."""
        if not self.has("batch"):
            self.send(*lines)
            return
        ref = self.reader.ref()
        begin = self.irc.said(" ".join(("BATCH", f"+{ref}", kind, *about)))
        inside = (self.irc.tagged({"batch": ref}, line) for line in lines)
        self.send(begin, *inside, self.irc.said(f"BATCH -{ref}"))

    def fail(self, code: str, says: str, *about: str) -> None:
        """Answer that it failed, in the words of an extension of IRCv3 (standard-replies, which
        those use with everybody).
        """
        self.said(" ".join(("FAIL", refusals.shown(self.verb), code, *about, f":{says}")))

    def refuse(self, refused: Refused, channel: str = "*") -> None:
        """Answer that the core refused it. `channel`: what it was to be done to."""
        self.send(*refusals.told(self.irc, self.nick, self.verb, refused, channel))


Handler = Callable[[Call], Awaitable[None]]


class Row(NamedTuple):
    """A verb: what does it, how many parameters it needs, whether it may be before registration;
    for people, which parameters it takes, and what it's for.
    """

    handler: Handler
    least: int = 0
    before: bool = False
    form: str = ""
    does: str = ""
