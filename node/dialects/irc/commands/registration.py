"""Coming in: capabilities, who one is, and going again.

Modern IRC Client Protocol, "Connection Registration"; IRCv3 Capability Negotiation.
"""

import hmac
import re

from msgspec.structs import replace

from broker.api import Code, Refused
from node.core import commands as core
from node.core import names, people, verbs
from node.core.replies import Goodbye
from node.core.words import REFUSED, filled
from node.dialects.irc import wire
from node.dialects.irc.call import Call, Row
from node.dialects.irc.caps import CAPS, STICKY
from node.dialects.irc.commands.server import lusers, motd
from node.dialects.irc.isupport import REAL, USER, isupport

_ODD = re.compile(r"[^A-Za-z0-9._\-\[\]\\`^{}|]")

NEWEST = 302

ANYBODY = "user"
"""The user name of those whose own has no letter that may stand in one."""


# -- capabilities


async def cap(call: Call) -> None:
    sub = call.param(0).upper()
    handler = _CAP.get(sub)
    if handler is None:
        call.numeric("ERR_INVALIDCAPCMD", call.param(0) or "*")
        return
    handler(call)
    if sub == "END":
        await come_in(call)


def _ls(call: Call) -> None:
    reader = call.reader
    reader.version = max(reader.version, wire.number(call.param(1)) or 0)
    if not call.registered:
        reader.negotiating = True
    modern = reader.version >= NEWEST
    if modern:
        _have(call, call.irc.options | STICKY)
    shown = [
        f"{one.name}={one.value}" if modern and one.value else one.name for one in CAPS.values()
    ]
    if modern and call.irc.config.sts is not None:
        # who has TLS minds the duration only, who hasn't the port; nobody can ask for it
        port, seconds = call.irc.config.sts
        shown.append(f"sts=port={port},duration={seconds}")
    _list(call, "LS", shown, several=modern)


def _list(call: Call, sub: str, shown: list[str], *, several: bool) -> None:
    """A list of capabilities, in several lines if they're known to be understood."""
    head = f"CAP {call.nick} {sub}"
    lines = list(wire.filled(shown, 400)) or [""] if several else [" ".join(shown)]
    for line in lines[:-1]:
        call.said(f"{head} * :{line}")
    call.said(f"{head} :{lines[-1]}")


def _show(call: Call) -> None:
    _list(call, "LIST", sorted(call.irc.options), several=call.reader.version >= NEWEST)


def _request(call: Call) -> None:
    if not call.registered:
        call.reader.negotiating = True
    asked = call.param(1).split()
    caps = set(call.irc.options)
    fine = bool(asked) or len(call.params) > 1
    for name in asked:
        if name.startswith("-"):
            fine = fine and name[1:] in CAPS
            if not (call.reader.version >= NEWEST and name[1:] in STICKY):
                caps.discard(name[1:])
            elif name[1:] in STICKY:
                fine = False
        else:
            fine = fine and name in CAPS
            caps.add(name)
    if fine:
        _have(call, frozenset(caps))
    call.said(f"CAP {call.nick} {'ACK' if fine else 'NAK'} :{call.param(1)}")


def _end(call: Call) -> None:
    call.reader.negotiating = False


def _have(call: Call, caps: frozenset[str]) -> None:
    if caps != call.irc.options:
        call.chat.hub.listen_as(call.session, call.irc.having(caps))


_CAP = {"LS": _ls, "LIST": _show, "REQ": _request, "END": _end}


# -- who one is


async def password(call: Call) -> None:
    if call.registered:
        call.numeric("ERR_ALREADYREGISTERED")
    else:
        call.reader.password = call.params[0]


async def nick(call: Call) -> None:
    given = call.param(0)
    if not given:
        call.numeric("ERR_NONICKNAMEGIVEN")
        return
    try:
        if call.registered:
            if names.nick(given) != call.nick:
                await verbs.nick(call.chat, call.session, core.SetNick(given))
        else:
            call.reader.nick = names.nick(given)
            await come_in(call)
    except Refused as refused:
        if refused.code in (Code.NICK_INVALID, Code.NICK_RESERVED):
            refused = Refused(refused.code, given)
        call.refuse(refused)


async def user(call: Call) -> None:
    if call.registered:
        call.numeric("ERR_ALREADYREGISTERED")
        return
    call.reader.user = _ODD.sub("", call.params[0])[:USER] or ANYBODY
    call.reader.real = call.params[3][:REAL]
    await come_in(call)


async def come_in(call: Call) -> None:
    """Come in, if all is said that's needed."""
    reader, session, config = call.reader, call.session, call.irc.config
    if call.registered or reader.negotiating or not (reader.nick and reader.user):
        return
    if config.password and not hmac.compare_digest(
        reader.password.encode(), config.password.encode()
    ):
        call.numeric("ERR_PASSWDMISMATCH")
        await call.chat.end(session, "password incorrect", Goodbye.PASSWORD)
        return
    profile = session.me.profile
    host = profile.by.partition("@")[2]
    profile = replace(profile, by=f"~{reader.user}@{host}", real=reader.real)
    nick, reader.nick = reader.nick, ""
    try:
        await call.chat.come_in(session, nick, profile)
    except Refused as refused:
        if refused.code is Code.BARRED:
            why = refused.about
            call.numeric("ERR_YOUREBANNEDCREEP", text=filled(REFUSED[refused.code], why))
            await call.chat.end(session, "", Goodbye.BANNED, why)
            return
        call.refuse(refused)
        if refused.code not in (Code.NICK_TAKEN, Code.NICK_INVALID, Code.NICK_RESERVED):
            reader.nick = nick
            await call.chat.end(session, "", Goodbye.AWAY)
        return
    await lusers(call)
    await motd(call)
    if reader.away is not None:
        await people.away(call.chat, session, core.SetAway(reader.away))


async def quit_(call: Call) -> None:
    why = call.param(0)
    said = f"Quit: {why}" if why else "Quit"
    await call.chat.end(call.session, said, Goodbye.QUIT, for_good=True)


async def ping(call: Call) -> None:
    if not call.params:
        call.numeric("ERR_NOORIGIN")
        return
    if call.registered:
        await verbs.all_here(call.chat)
    call.said(f"PONG {call.irc.config.server} :{call.params[0]}")


async def nothing(call: Call) -> None:
    """PONG and ERROR want no answer."""


async def isupport_(call: Call) -> None:
    config = call.irc.config
    lines = [
        call.irc.numeric(call.nick, "RPL_ISUPPORT", *tokens) for tokens in isupport(config).lines
    ]
    call.batch("draft/isupport", lines)


COMMANDS = {
    "ISUPPORT": Row(isupport_, 0, True, does="what this server supports"),
    "CAP": Row(cap, 1, True, "LS|LIST|REQ|END [CAPS]", "which capabilities there are, and yours"),
    "PASS": Row(password, 1, True, "PASSWORD", "the server's password, before all else"),
    "NICK": Row(nick, 0, True, "NICK", "take a nick"),
    "USER": Row(user, 4, True, "USER 0 * :REAL NAME", "say who you are, once"),
    "QUIT": Row(quit_, 0, True, "[WHY]", "leave for good"),
    "PING": Row(ping, 0, True, "TEXT", "a PONG when all before it is done"),
    "PONG": Row(nothing, 0, True, "TEXT", "the answer to a PING"),
    "ERROR": Row(nothing, 0, True, "TEXT", "nothing"),
}
