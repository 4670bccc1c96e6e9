"""What was said before, and taking it back (IRCv3 drafts chathistory, event-playback and
message-redaction).
"""

import re
from datetime import datetime

from broker.api import Code, Place, Position, Refused, Way
from broker.names import fold
from node.core import commands as core
from node.core import dialect, past, replies
from node.dialects.irc import wire
from node.dialects.irc.call import Call, Row
from node.dialects.irc.isupport import HISTORY
from node.dialects.irc.wire import clock

_MSGID = re.compile(r"(\w{1,64})\.([0-9]{1,15})", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{1,6})?Z", re.ASCII)

_WAYS = {
    "BEFORE": (Way.BEFORE, 1),
    "AFTER": (Way.AFTER, 1),
    "LATEST": (Way.LATEST, 1),
    "AROUND": (Way.AROUND, 1),
    "BETWEEN": (Way.BETWEEN, 2),
}


async def chathistory(call: Call) -> None:
    sub = call.params[0].upper()
    if sub == "TARGETS":
        await _targets(call)
    elif sub in _WAYS:
        await _span(call, sub)
    else:
        call.fail("INVALID_PARAMS", "Unknown command", shown(call.params[0]))


async def _span(call: Call, sub: str) -> None:
    way, many = _WAYS[sub]
    if len(call.params) < many + 3:
        call.fail("NEED_MORE_PARAMS", "Missing parameters", sub)
        return
    target, given, count = call.params[1], call.params[2 : 2 + many], _count(call.params[2 + many])
    places = [place(one) for one in given]
    latest = way is Way.LATEST and given == ["*"]
    if count is None or (not latest and None in places):
        call.fail("INVALID_PARAMS", "Invalid parameters", sub)
        return
    known = () if latest else tuple(one for one in places if one is not None)
    command = core.Span(target, way, known, count, "draft/event-playback" in call.irc.options)
    try:
        reply = await past.span(call.chat, call.session, command)
    except Refused as refused:
        if refused.code not in _NO_TARGET:
            raise
        call.fail("INVALID_TARGET", "Messages could not be retrieved", sub, shown(target))
        return
    assert isinstance(reply, replies.Span)
    await _play(call, reply)


_NO_TARGET = {Code.NOT_MEMBER, Code.NO_SUCH_CHANNEL, Code.CHANNEL_INVALID, Code.NO_SUCH_NICK}


async def _play(call: Call, reply: replies.Span) -> None:
    irc, me = call.irc, call.session.me
    lines: list[str] = []
    channel = reply.target if reply.target.startswith("#") else ""
    other = "" if channel else await _spelled(call, reply)
    for at, ms, event in reply.entries:
        to = other if event.sid == me.sid and not channel else me.nick
        lines += irc.lines(event, dialect.Place(channel, *at, ms, to))
    call.batch("chathistory", lines, shown(reply.target))


async def _spelled(call: Call, reply: replies.Span) -> str:
    """How the other of a conversation is called: as who has the nick now spells it, or as it was
    spelled then, or as it was given.
    """
    nick = reply.target
    (holder,) = await call.chat.broker.persons([nick])
    if holder is not None:
        return holder.nick
    others = (e.event.nick for e in reply.entries if fold(e.event.nick) == fold(nick))
    return next(others, nick)


async def _targets(call: Call) -> None:
    if len(call.params) < 4:
        call.fail("NEED_MORE_PARAMS", "Missing parameters", "TARGETS")
        return
    since, until, count = place(call.params[1]), place(call.params[2]), _count(call.params[3])
    if not isinstance(since, int) or not isinstance(until, int) or count is None:
        call.fail("INVALID_PARAMS", "Invalid parameters", "TARGETS")
        return
    reply = await past.targets(call.chat, call.session, core.Targets(since, until, count))
    assert isinstance(reply, replies.Targets)
    lines = [
        call.irc.said(f"CHATHISTORY TARGETS {target} {clock(ms)}") for target, ms in reply.targets
    ]
    call.batch("draft/chathistory-targets", lines)


def _count(given: str) -> int | None:
    number = wire.number(given)
    return None if number is None else min(number, HISTORY)


def place(given: str) -> Place | None:
    """`msgid=...` or `timestamp=...`; None if it's neither."""
    kind, _, value = given.partition("=")
    if kind == "msgid":
        return position(value)
    if kind != "timestamp" or not _TIME.fullmatch(value):
        return None
    try:
        return round(datetime.fromisoformat(value).timestamp() * 1000)
    except ValueError:  # the 30th of February
        return None


def position(msgid: str) -> Position | None:
    """The place that a msgid names."""
    found = _MSGID.fullmatch(msgid)
    return Position(found[1], int(found[2])) if found else None


def shown(word: str) -> str:
    """A word as it can stand among a standard reply's."""
    return "*" if not word or word.startswith(":") or " " in word else word


async def redact(call: Call) -> None:
    target, msgid = call.params[:2]
    at = position(msgid)
    channel = target.startswith("#")
    if at is None and channel and fold(target) not in call.session.channels:
        _cannot(call, Code.NOT_MEMBER)
    elif at is None:
        _cannot(call, Code.NO_SUCH_LINE)
    else:
        command = core.Redact(target, at, call.param(2))
        try:
            reply = await past.redact(call.chat, call.session, command)
        except Refused as refused:
            if refused.code not in _REDACT:
                raise
            _cannot(call, refused.code)
            return
        if reply is not None:
            call.chat.hub.reply(call.session, reply)


def _cannot(call: Call, why: Code) -> None:
    """Answer in the words of the specification, "Errors"."""
    target, msgid = map(shown, call.params[:2])
    code = _REDACT[why]
    about = (target,) if code == "INVALID_TARGET" else (target, msgid)
    call.fail(code, _SAYS[code], *about)


_REDACT = {
    Code.NOT_MEMBER: "INVALID_TARGET",
    Code.NO_SUCH_CHANNEL: "INVALID_TARGET",
    Code.NO_SUCH_NICK: "INVALID_TARGET",
    Code.CHANNEL_INVALID: "INVALID_TARGET",
    Code.NO_SUCH_LINE: "UNKNOWN_MSGID",
    Code.NOT_YOURS: "REDACT_FORBIDDEN",
}
_SAYS = {
    "INVALID_TARGET": "You cannot delete messages there",
    "UNKNOWN_MSGID": "That message does not exist, or is too old",
    "REDACT_FORBIDDEN": "You are not authorised to delete that message",
}

COMMANDS = {
    "CHATHISTORY": Row(
        chathistory,
        1,
        form="BEFORE|AFTER|LATEST|AROUND|BETWEEN|TARGETS TARGET PLACES LIMIT",
        does="what was said before",
    ),
    "REDACT": Row(redact, 2, form="TARGET MSGID [WHY]", does="take a message back"),
}
