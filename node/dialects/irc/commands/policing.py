"""What operators of the server do (Modern, "Operator Messages"; KLINE and DLINE as many servers
have them).
"""

import re

from broker.api import Code, Refused
from node.core import opers, policing
from node.core.replies import Reply
from node.dialects.irc.call import Call, Row

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:[0-9]{1,6}[smhdw])+")
_PART = re.compile(r"([0-9]+)([smhdw])")


async def oper(call: Call) -> None:
    try:
        name, password = call.params[:2]
        reply = await policing.become_oper(
            call.chat, call.session, opers.BecomeOper(name, password)
        )
    except Refused as refused:
        numeric = _OPER.get(refused.code)
        if numeric is None:
            raise
        call.numeric(numeric)
        return
    _answer(call, reply)


_OPER = {Code.NO_OPERS: "ERR_NOOPERHOST", Code.PASSWORD_WRONG: "ERR_PASSWDMISMATCH"}


def _answer(call: Call, reply: Reply | None) -> None:
    if reply is not None:
        call.chat.hub.reply(call.session, reply)


async def kill(call: Call) -> None:
    command = opers.Kill(call.params[0], call.param(1))
    _answer(call, await policing.kill(call.chat, call.session, command))


async def wallops(call: Call) -> None:
    await policing.wallops(call.chat, call.session, opers.Wallops(call.params[0]))


async def rehash(call: Call) -> None:
    reply = await policing.rehash(call.chat, call.session, opers.Rehash())
    call.numeric("RPL_REHASHING", "chorus", text="Rehashing")
    _answer(call, reply)


async def bar(call: Call) -> None:
    """[DURATION] MASK [WHY]; a duration in minutes, or as `1d12h`; 0: for good."""
    first, *rest = call.params
    seconds = duration(first)
    if seconds is None:
        mask, why = first, " ".join(rest)
    elif rest:
        mask, why = rest[0], " ".join(rest[1:])
    else:
        call.numeric("ERR_NEEDMOREPARAMS", call.verb)
        return
    command = opers.Bar(mask, why, seconds or None)
    _answer(call, await policing.bar(call.chat, call.session, command))


def duration(text: str) -> float | None:
    """Seconds; None if it's no duration."""
    if text.isascii() and text.isdigit() and len(text) < 7:
        return int(text) * 60
    if not _DURATION.fullmatch(text):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


async def unbar(call: Call) -> None:
    command = opers.Unbar(call.params[0])
    _answer(call, await policing.unbar(call.chat, call.session, command))


COMMANDS = {
    "OPER": Row(oper, 2, form="NAME PASSWORD", does="be an operator of the server"),
    "KILL": Row(kill, 1, form="NICK [WHY]", does="end somebody's session (operators)"),
    "WALLOPS": Row(wallops, 1, form=":TEXT", does="write to all who want to read it (operators)"),
    "REHASH": Row(rehash, does="have all nodes read their files anew (operators)"),
    "KLINE": Row(bar, 1, form="[TIME] USER@HOST [WHY]", does="ban a mask (operators)"),
    "DLINE": Row(bar, 1, form="[TIME] NETWORK [WHY]", does="ban a network (operators)"),
    "UNKLINE": Row(unbar, 1, form="USER@HOST", does="take a ban away (operators)"),
    "UNDLINE": Row(unbar, 1, form="NETWORK", does="take a ban away (operators)"),
}
