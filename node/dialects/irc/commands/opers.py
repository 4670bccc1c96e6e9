"""Operators of the chat: becoming one, and what they do (Modern, "Operator Messages"). Bans of the
whole server have no specification: KLINE and DLINE are as hybrid's descendants have them.
"""

import re
from collections.abc import Iterator

from broker.api import Refused
from broker.bans import Ban, shown
from node.core import policing
from node.core.commands import Command
from node.core.opers import (
    Bar,
    Bars,
    BecomeOper,
    Kill,
    ListBars,
    OperDid,
    OperIs,
    Rehash,
    Unbar,
    Wallops,
)
from node.core.replies import Reply
from node.dialects.irc import wire
from node.dialects.irc.call import Call, Row


async def _asked(call: Call, command: Command) -> Reply | None:
    return await policing.VERBS[type(command)](call.chat, call.session, command)


async def oper(call: Call) -> None:
    reply = await _asked(call, BecomeOper(call.params[0], call.params[1]))
    if isinstance(reply, OperIs):
        call.said(f"MODE {call.nick} :+o")
        call.numeric("RPL_YOUREOPER")


async def kill(call: Call) -> None:
    for nick in dict.fromkeys(call.params[0].split(",")):
        try:
            _tell(call, await _asked(call, Kill(nick, call.param(1))))
        except Refused as refused:
            call.refuse(refused)


async def wallops(call: Call) -> None:
    await _asked(call, Wallops(call.params[0]))


async def rehash(call: Call) -> None:
    reply = await _asked(call, Rehash())
    call.numeric("RPL_REHASHING", "*")
    _tell(call, reply)


async def bar(call: Call) -> None:
    first, *rest = call.params
    seconds = duration(first) if rest else None
    if seconds is None:
        rest = call.params
    seconds = seconds or None  # 0: for good
    _tell(call, await _asked(call, Bar(rest[0], " ".join(rest[1:]), seconds)))


def duration(text: str) -> float | None:
    """Minutes, or such as `1d12h`, in seconds; None if it's neither."""
    minutes = wire.number(text)
    if minutes is not None:
        return 60.0 * minutes
    if not _DURATION.fullmatch(text):
        return None
    return float(sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text)))


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:[0-9]{1,6}[smhdw])+")
_PART = re.compile(r"([0-9]+)([smhdw])")


async def unbar(call: Call) -> None:
    _tell(call, await _asked(call, Unbar(call.params[0])))


async def bars(call: Call, letter: str) -> None:
    """Who is banned, for STATS: k: by mask, d: by network."""
    reply = await _asked(call, ListBars())
    if isinstance(reply, Bars):
        for ban in reply.bans:
            if letter.lower() == "k" and ban.mask:
                user, _, host = ban.mask.rpartition("@")
                call.numeric("RPL_STATSKLINE", "K", host, "*", user, text=_about(ban, reply.now))
            elif letter.lower() == "d" and not ban.mask:
                call.numeric("RPL_STATSDLINE", "D", shown(ban.network), text=_about(ban, reply.now))


def _about(ban: Ban, now: int) -> str:
    """Why, until when, by whom."""

    def parts() -> Iterator[str]:
        yield ban.why or "no reason was given"
        if ban.until:
            yield f"for {(ban.until - now) // 60_000} more min"
        yield f"by {ban.by}"

    return ", ".join(parts())


def _tell(call: Call, reply: Reply | None) -> None:
    if isinstance(reply, OperDid):
        call.said(f"NOTICE {call.nick} :{reply.says}")


COMMANDS = {
    "OPER": Row(oper, 2, form="NAME PASSWORD", does="become an operator of this server"),
    "KILL": Row(kill, 1, form="NICK [:WHY]", does="end somebody's session (operators)"),
    "WALLOPS": Row(wallops, 1, form=":TEXT", does="write to all with user mode w (operators)"),
    "REHASH": Row(rehash, does="have all nodes read their files anew (operators)"),
    "KLINE": Row(
        bar, 1, form="[TIME] USER@HOST [:WHY]", does="ban whoever is like that (operators)"
    ),
    "DLINE": Row(
        bar, 1, form="[TIME] NETWORK [:WHY]", does="ban an address or a network (operators)"
    ),
    "UNKLINE": Row(unbar, 1, form="USER@HOST", does="lift a ban (operators)"),
    "UNDLINE": Row(unbar, 1, form="NETWORK", does="lift a ban (operators)"),
}
