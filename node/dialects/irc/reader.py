"""A person's lines as commands, and what has to be remembered of them from line to line.

A line said in a channel goes straight to the core. Everything else is a row of `commands.COMMANDS`,
done in its turn.
"""

from functools import partial
from typing import TYPE_CHECKING

from broker.api import BOT, Profile
from broker.events import Extra
from node.core import commands as core
from node.core.commands import Command
from node.core.rules import CTCP
from node.core.session import Session
from node.dialects.irc import wire
from node.dialects.irc.call import Call
from node.dialects.irc.events import SHORT, fits
from node.dialects.irc.perform import perform
from node.dialects.irc.wire import Malformed, Message

if TYPE_CHECKING:
    from node.core.chat import Chat
    from node.dialects.irc.commands.batches import Open

_HEAD = len("PRIVMSG ")


class Reader:
    """What makes commands of one person's lines; never raises.

    Until they're registered, `nick`, `user`, `real` and `password` are what they said so far, and
    `negotiating` is whether they haven't ended that yet. `version`: of the capability negotiation
    that they know (0, 302...). `refs` counts the batches that they were sent. `away`: why they're
    to be away from the beginning. `batch`: of messages, that they have begun and not ended.
    """

    __slots__ = (
        "_session",
        "nick",
        "user",
        "real",
        "password",
        "negotiating",
        "version",
        "refs",
        "away",
        "batch",
    )

    def __init__(self, session: Session) -> None:
        self._session = session
        self.nick = ""
        self.user = ""
        self.real = ""
        self.password = ""
        self.negotiating = False
        self.version = 0
        self.refs = 0
        self.away: str | None = None
        self.batch: Open | None = None

    def __call__(self, line: bytes) -> Command | None:
        me = self._session.me
        if me.nick:
            said = _plainly(line, me.profile)
            if said is not None:
                return said
        try:
            message = wire.parse(line)
        except Malformed as malformed:
            return core.Do(partial(_refuse, malformed.code, malformed.message))
        if message is None:
            return None
        if message.verb == "PRIVMSG" and me.nick and not message.tags:
            said = _said(message, me.profile)
            if said is not None and (
                len(line) <= SHORT or fits(me, "PRIVMSG", *message.params[:2])
            ):
                return said
        return core.Do(partial(self._perform, message))

    async def _perform(self, message: Message, chat: "Chat", session: Session) -> None:
        await perform(Call(chat, session, self, message))

    async def perform(self, call: Call) -> None:
        """Do a command of theirs."""
        await perform(call)

    def ref(self) -> str:
        """A name for a batch, that no other of theirs has."""
        self.refs += 1
        return str(self.refs)

    @staticmethod
    def too_long() -> Command:
        """What to make of a line of which not even the end was read."""
        return core.Do(partial(_refuse, wire.TOO_LONG, wire.UNREAD))


def _plainly(line: bytes, profile: Profile) -> Command | None:
    """A line said in one channel, if it's written as clients write nearly all of them; it needn't
    be taken apart then.
    """
    if not line.startswith(b"PRIVMSG #") or len(line) > SHORT:
        return None
    try:
        channel, _, text = line[_HEAD:].decode().partition(" :")
    except UnicodeDecodeError:
        return None
    if not text or text[0] == CTCP or " " in channel or "," in channel:
        return None
    if "\r" in text or "\0" in text or not channel.isprintable():
        return None
    return core.Say(channel, text, extra=_marks(profile), outside=True)


def _marks(profile: Profile) -> Extra | None:
    """What whatever somebody says has besides its text."""
    if not profile.account and BOT not in profile.modes:
        return None
    return Extra(bot=BOT in profile.modes, account=profile.account)


def _said(message: Message, profile: Profile) -> Command | None:
    """A plain line said in one channel, or None."""
    if len(message.params) < 2:
        return None
    channel, text = message.params[:2]
    if not channel.startswith("#") or "," in channel or not text:
        return None
    if text.startswith(CTCP):
        said = wire.action(text)
        if said is None:
            return None
        return core.Say(channel, said, action=True, extra=_marks(profile), outside=True)
    return core.Say(channel, text, extra=_marks(profile), outside=True)


async def _refuse(code: str, message: Message, chat: "Chat", session: Session) -> None:
    """Answer a line that couldn't be read."""
    await perform(Call(chat, session, Reader(session), message), _REFUSALS[code])


async def _too_long(call: Call) -> None:
    call.numeric("ERR_INPUTTOOLONG")


async def _not_utf8(call: Call) -> None:
    call.fail("INVALID_UTF8", "Message rejected, your IRC software MUST use UTF-8 encoding")


async def _odd(call: Call) -> None:
    call.fail("INVALID_MESSAGE", "That line could not be read")


_REFUSALS = {wire.TOO_LONG: _too_long, wire.NOT_UTF8: _not_utf8, wire.ODD: _odd}
