"""What operators of the chat do: a function a verb, as in `verbs`."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from broker.api import Code, Refused
from node.core import names
from node.core.limits import Act
from node.core.opers import (
    HEARS,
    INFORMED,
    OPER,
    Bar,
    Bars,
    BecomeOper,
    Kill,
    ListBars,
    OperDid,
    OperInfo,
    OperIs,
    OperWrites,
    Rehash,
    Right,
    StandDown,
    Unbar,
    Wallops,
)
from node.core.replies import Reply
from node.core.session import Session

if TYPE_CHECKING:
    from node.core.chat import Chat
    from node.core.verbs import Verb


def may(session: Session, right: Right) -> bool:
    """Whether somebody is an operator who may do that."""
    return session.oper is not None and right in session.oper.rights


def _as(session: Session, right: Right) -> str:
    """Which operator it is, for the incidents. Raises NOT_OPER, RIGHT_LACKED."""
    if session.oper is None:
        raise Refused(Code.NOT_OPER)
    if right not in session.oper.rights:
        raise Refused(Code.RIGHT_LACKED, right)
    return _by(session)


def _by(session: Session) -> str:
    assert session.oper is not None
    return f"oper {session.oper.name} ({session.me.nick})"


async def become_oper(chat: "Chat", session: Session, command: BecomeOper) -> Reply:
    """They're one if name, password, address and certificate are right; which of them wasn't is
    told to nobody but the log.
    """
    session.afford(Act.OPERS, Code.OPERS_TOO_OFTEN)
    found = await chat.operators.find(
        command.name, command.password, session.peer, session.certificate
    )
    if found is None:
        known = bool(chat.operators.rights(command.name))  # else they may have mixed them up
        chat.journal.not_oper(session, command.name if known else "")
        raise Refused(Code.PASSWORD_WRONG)
    await _alter(chat, session, add=OPER)
    session.oper = found
    await chat.operators.became(session.me.nick, _by(session))
    return OperIs(found.name, session.me.profile.modes)


async def stand_down(chat: "Chat", session: Session, command: StandDown) -> Reply | None:
    if session.oper is None and OPER not in session.me.profile.modes:
        return None
    session.oper = None
    await _alter(chat, session, remove=OPER)
    return OperIs("", session.me.profile.modes)


async def _alter(chat: "Chat", session: Session, *, add: str = "", remove: str = "") -> None:
    me = session.me
    modes = "".join(sorted(set(me.profile.modes) - set(remove) | set(add)))
    await chat.broker.alter(me, "modes", modes)
    me.profile = replace(me.profile, modes=modes)


async def kill(chat: "Chat", session: Session, command: Kill) -> Reply:
    by = _as(session, Right.KILL)
    why = names.text(command.why)
    return OperDid(await chat.operators.kill(session.me, command.nick, why, by))


async def wallops(chat: "Chat", session: Session, command: Wallops) -> None:
    by = _as(session, Right.WALLOPS)
    await chat.operators.wallops(session.me, names.text(command.text), by)


async def rehash(chat: "Chat", session: Session, command: Rehash) -> Reply:
    return OperDid(await chat.operators.rehash(_as(session, Right.REHASH)))


async def bar(chat: "Chat", session: Session, command: Bar) -> Reply:
    by = _as(session, Right.BAN)
    names.text(command.why)
    return OperDid(await chat.operators.bar(command, by))


async def unbar(chat: "Chat", session: Session, command: Unbar) -> Reply:
    return OperDid(await chat.operators.unbar(command.who, _as(session, Right.BAN)))


async def bars(chat: "Chat", session: Session, command: ListBars) -> Bars:
    _as(session, Right.BAN)
    return await chat.operators.bars()


VERBS: "dict[type, Verb]" = {
    BecomeOper: become_oper,
    StandDown: stand_down,
    Kill: kill,
    Wallops: wallops,
    Rehash: rehash,
    Bar: bar,
    Unbar: unbar,
    ListBars: bars,
}


# -- what comes of it on each node


def write(chat: "Chat", written: OperWrites) -> int:
    """Show what an operator writes to all to those here who read it; how many that are."""
    told = [
        session
        for session in chat.hub.sessions.values()
        if session.oper is not None or HEARS in session.me.profile.modes
    ]
    for session in told:
        chat.hub.reply(session, written)
    return len(told)


def inform(chat: "Chat", text: str) -> None:
    """Show what an operator did to those here who read such things. It may tell from where
    somebody is connected, so nobody else does, whatever their modes are.
    """
    for session in chat.hub.sessions.values():
        if may(session, Right.SEE) and INFORMED in session.me.profile.modes:
            chat.hub.reply(session, OperInfo(text))


def review(chat: "Chat") -> None:
    """The file was read anew: who may do something else may do that at once, and who isn't there
    any more is no operator.
    """
    for session in list(chat.hub.sessions.values()):
        if session.oper is None:
            continue
        rights = chat.operators.rights(session.oper.name)
        session.oper = replace(session.oper, rights=rights)
        if not rights:
            session.lane.first(StandDown())
