"""Secret channels: what of them is there for whom. Who isn't in one mustn't learn of it, unless
they are an operator of the server. What of people is known to whom: see `people`.
"""

from typing import TYPE_CHECKING

from broker.api import ChannelInfo, Code, Refused
from broker.names import fold
from broker.rules import Rules
from node.core import people, rules
from node.core.session import Session

if TYPE_CHECKING:
    from node.core.chat import Chat


def _privy(session: Session, channel: str) -> bool:
    return fold(channel) in session.channels or people.is_operator(session)


async def rules_of(chat: "Chat", session: Session, channel: str) -> Rules:
    """The rules of a channel that somebody may know of. Raises NO_SUCH_CHANNEL."""
    found = await chat.broker.rules(channel)
    if rules.hidden(found.modes) and not _privy(session, channel):
        raise Refused(Code.NO_SUCH_CHANNEL, channel)
    return found


async def see(chat: "Chat", session: Session, channel: str) -> None:
    """Raises NO_SUCH_CHANNEL, for who isn't in it, if there's none of which they may know."""
    if fold(channel) not in session.channels:
        await rules_of(chat, session, channel)


async def listed(chat: "Chat", session: Session) -> list[ChannelInfo]:
    """All channels of which somebody may know. May be a second old."""
    return [
        one
        for one in await chat.broker.channels()
        if not rules.hidden(one.modes) or _privy(session, one.name)
    ]
