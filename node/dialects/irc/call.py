"""One command, as it's being done: who asks for what, and how they're answered."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from broker.api import Code, Refused
from broker.names import fold
from node.core import names
from node.core.chat import Chat
from node.core.session import Diversion, Session
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
        self.said(" ".join(("FAIL", self.verb, code, *about, f":{says}")))

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


async def perform(call: Call, handler: Handler | None = None) -> None:
    """Do a command, and answer to its label if it has one. `handler`: what does it, if it's not
    its row of the table.
    """
    do = handler or _do
    label = call.tags.get("label", "")
    if not label or not call.has("labeled-response") or call.verb in UNLABELLED:
        await do(call)
        return
    session = call.session
    diversion = session.diversion = Diversion(session.me.num)
    try:
        await do(call)
    finally:
        session.diversion = None
        irc = call.irc
        lines: list[str] = []
        for piece in diversion.pieces:
            if isinstance(piece, tuple):
                lines += irc.lines(*piece)
            else:
                lines += irc.answer(piece, session.me.nick)
        call.send(*irc.labelled(label[:64], call.reader.ref(), lines))


UNLABELLED = frozenset({"QUIT", "BATCH"})
"""What ends the connection, or is answered as one with what follows, has no answer of its own."""


async def _do(call: Call) -> None:
    from node.dialects.irc.commands import COMMANDS  # they're made of calls
    from node.dialects.irc.commands.batches import add

    if "batch" in call.tags and call.registered:
        add(call, call.reader.batch)
        return
    row = COMMANDS.get(call.verb)
    if row is None or not (row.before or call.registered):
        if call.registered:
            call.numeric("ERR_UNKNOWNCOMMAND", refusals.shown(call.verb))
        else:
            call.numeric("ERR_NOTREGISTERED")
    elif len(call.params) < row.least or (row.least and not call.params[row.least - 1]):
        call.numeric("ERR_NEEDMOREPARAMS", call.verb)
    else:
        try:
            await row.handler(call)
        except Refused as refused:
            call.refuse(refused)
