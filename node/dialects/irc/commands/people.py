"""People: who they are and whether they're there (Modern, "User-Based Queries"; IRCv3 WHOX,
Monitor, setname).
"""

from broker.api import Refused
from node.core import commands as core
from node.core import people
from node.core.replies import Looked, Present, RealSet
from node.dialects.irc import wire
from node.dialects.irc.call import Call, Row
from node.dialects.irc.isupport import AWAY, REAL
from node.dialects.irc.refusals import shown
from node.dialects.irc.who import rows, whox

ASKED = 20
"""How many nicks USERHOST and ISON look for."""


async def away(call: Call) -> None:
    why = call.param(0)[:AWAY] or None
    if not call.registered:
        if call.has("draft/pre-away"):
            call.reader.away = why
        else:
            call.numeric("ERR_NOTREGISTERED")
        return
    reply = await people.away(call.chat, call.session, core.SetAway(why))
    call.chat.hub.reply(call.session, reply)


async def whois(call: Call) -> None:
    nick = call.params[-1].split(",")[0]
    try:
        reply = await people.whois(call.chat, call.session, core.Whois(nick))
        call.chat.hub.reply(call.session, reply)
    except Refused as refused:
        call.refuse(refused)
    call.numeric("RPL_ENDOFWHOIS", shown(nick))


async def whowas(call: Call) -> None:
    nick, count = call.params[0].split(",")[0], wire.number(call.param(1)) or 0
    reply = await people.whowas(call.chat, call.session, core.Whowas(nick, count))
    call.chat.hub.reply(call.session, reply)


async def who(call: Call) -> None:
    mask, fields = call.param(0), call.param(1)
    flags, wants, given = fields.partition("%")
    reply = await people.look(call.chat, call.session, core.Look(mask, "o" in flags))
    assert isinstance(reply, Looked)
    asked = whox(given) if wants else None
    call.send(*rows(call.irc, call.nick, reply, asked))
    call.numeric("RPL_ENDOFWHO", mask or "*")


async def ison(call: Call) -> None:
    found = await _present(call)
    call.numeric("RPL_ISON", text=" ".join(person.nick for person in found.persons))


async def userhost(call: Call) -> None:
    found = await _present(call)
    shown = []
    for person in found.persons:
        star = "*" if people.OPERATOR in person.profile.modes else ""
        sign = "+" if person.away is None else "-"
        shown.append(f"{person.nick}{star}={sign}{person.profile.by}")
    call.numeric("RPL_USERHOST", text=" ".join(shown))


async def _present(call: Call) -> Present:
    nicks = [nick for param in call.params for nick in param.split()][:ASKED]
    return await people.find(call.chat, call.session, core.Find(tuple(nicks)))


async def setname(call: Call) -> None:
    real = call.params[0]
    if len(real) > REAL:
        call.fail("INVALID_REALNAME", "That real name is too long")
        return
    reply = await people.set_real(call.chat, call.session, core.SetReal(real))
    if isinstance(reply, RealSet) and not reply.told and call.has("setname"):
        me = call.session.me
        call.send(f":{me.nick}!{me.profile.by} SETNAME :{real}")


async def monitor(call: Call) -> None:
    handler = _MONITOR.get(call.params[0].lower())
    if handler is not None:
        await handler(call, tuple(nick for nick in call.param(1).split(",") if nick))


async def _watch(call: Call, nicks: tuple[str, ...]) -> None:
    if nicks:
        reply = await people.watch(call.chat, call.session, core.Watch(nicks))
        call.chat.hub.reply(call.session, reply)


async def _unwatch(call: Call, nicks: tuple[str, ...]) -> None:
    await people.unwatch(call.chat, call.session, core.Unwatch(nicks))


async def _clear(call: Call, _: tuple[str, ...]) -> None:
    await people.unwatch(call.chat, call.session, core.Unwatch(None))


async def _list(call: Call, _: tuple[str, ...]) -> None:
    for line in wire.filled(call.session.watched.values(), 400):
        call.numeric("RPL_MONLIST", text=line.replace(" ", ","))
    call.numeric("RPL_ENDOFMONLIST")


async def _status(call: Call, _: tuple[str, ...]) -> None:
    call.chat.hub.reply(call.session, await people.sightings(call.chat, call.session))


_MONITOR = {"+": _watch, "-": _unwatch, "c": _clear, "l": _list, "s": _status}

COMMANDS = {
    "AWAY": Row(away, 0, True, "[WHY]", "be away, or back"),
    "WHO": Row(who, form="MASK [%FIELDS]", does="who is in a channel, or fits a mask"),
    "WHOIS": Row(whois, 1, form="NICK", does="one person's details"),
    "WHOWAS": Row(whowas, 1, form="NICK [COUNT]", does="who had a nick before"),
    "ISON": Row(ison, 1, form="NICKS", does="which of these are there"),
    "USERHOST": Row(userhost, 1, form="NICKS", does="hosts of these, and whether they're away"),
    "SETNAME": Row(setname, 1, form=":REAL NAME", does="say what your real name is"),
    "MONITOR": Row(
        monitor,
        1,
        form="+|-|C|L|S [NICKS]",
        does="be told who comes and goes, of these; C forgets all, L lists them, S asks anew",
    ),
}
