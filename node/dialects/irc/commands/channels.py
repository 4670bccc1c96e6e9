"""Channels: coming, going, their topics, who is there and which there are (Modern, "Channel
Operations").
"""

import re
from collections.abc import Callable
from itertools import zip_longest

from broker.api import ChannelInfo, Code, Refused
from broker.names import fold
from node.core import commands as core
from node.core import masks, secrecy, verbs
from node.core.replies import Names
from node.dialects.irc import replies, wire
from node.dialects.irc.call import Call, Row
from node.dialects.irc.isupport import TOPIC


async def join(call: Call) -> None:
    if call.params[0] == "0":
        for name in list(call.session.channels):
            await _part(call, name, "")
        return
    channels, keys = call.params[0].split(","), call.param(1).split(",")
    for given, key in zip_longest(channels, keys, fillvalue=""):
        if not given:
            continue
        try:
            command = core.Join(call.channel(given), key)
            await verbs.join(call.chat, call.session, command)
        except Refused as refused:
            if refused.code is not Code.ALREADY_MEMBER:
                call.refuse(refused)


async def part(call: Call) -> None:
    for given in call.params[0].split(","):
        if given:
            await _part(call, given, call.param(1))


async def _part(call: Call, given: str, why: str) -> None:
    try:
        await verbs.leave(call.chat, call.session, core.Leave(call.channel(given), why))
    except Refused as refused:
        call.refuse(refused)


async def topic(call: Call) -> None:
    chat, session = call.chat, call.session
    channel = call.channel(call.params[0])
    if len(call.params) > 1:
        name = fold(channel)
        if name not in session.channels:
            await secrecy.see(chat, session, channel)
            raise Refused(Code.NOT_MEMBER, channel)
        await verbs.set_topic(chat, session, name, call.params[1][:TOPIC])
        return
    await secrecy.see(chat, session, channel)
    found = await chat.broker.topic(channel)
    spelled = call.spelled(channel)
    if found.text:
        call.send(*replies.topic(call.irc, call.nick, spelled, found))
    else:
        call.numeric("RPL_NOTOPIC", spelled)


async def names(call: Call) -> None:
    if not call.params:
        call.numeric("RPL_ENDOFNAMES", "*")
        return
    given = call.params[0].split(",")[0]
    try:
        channel = call.channel(given)
        reply = await verbs.show_names(call.chat, call.session, core.Names(channel))
        rules = await call.chat.broker.rules(channel)
    except Refused as refused:
        if refused.code not in (Code.NO_SUCH_CHANNEL, Code.CHANNEL_INVALID):
            raise
        call.numeric("RPL_ENDOFNAMES", given or "*")
        return
    assert isinstance(reply, Names)
    name, members = reply.roster.channel, reply.roster.members
    symbol = replies.symbol(rules.modes)
    call.send(*replies.names(call.irc, call.nick, name, members, symbol))


async def list_(call: Call) -> None:
    conditions = [_condition(call, each) for each in call.param(0).split(",") if each]
    found = await secrecy.listed(call.chat, call.session)
    call.numeric("RPL_LISTSTART", "Channel")
    wanted = [one for one in conditions if one is not None]
    named = {fold(each) for each in call.param(0).split(",") if each.startswith("#")}
    for channel in found:
        plain = not named or fold(channel.name) in named or any("*" in one for one in named)
        if plain and all(fits(channel) for fits in wanted):
            call.numeric("RPL_LIST", channel.name, str(channel.members), text=channel.topic)
    call.numeric("RPL_LISTEND")


_AGED = re.compile(r"([CT])([<>])(\d{1,9})\Z")


def _aged(call: Call, what: str, sign: str, minutes: str) -> Callable[[ChannelInfo], bool]:
    """Whether a channel, or its topic, is so many minutes old at most (`<`), or at least (`>`)."""
    then = int(call.chat.seconds() * 1000) - int(minutes) * 60_000

    def fits(channel: ChannelInfo) -> bool:
        since = channel.created if what == "C" else channel.topic_ms
        if not since:
            return False  # it isn't known, or there's no topic
        return since > then if sign == "<" else since < then

    return fits


def _condition(call: Call, given: str) -> Callable[[ChannelInfo], bool] | None:
    """One of ELIST's conditions (Modern, "LIST message"); None for a channel's own name."""
    aged = _AGED.match(given)
    if aged is not None:
        return _aged(call, *aged.groups())
    most = wire.number(given[1:]) if given[0] in "<>" else None
    if most is not None:
        if given[0] == "<":
            return lambda channel: channel.members < most
        return lambda channel: channel.members > most
    without = given.startswith("!")
    if without or "*" in given or "?" in given:
        fits = masks.like(given.removeprefix("!"))
        return lambda channel: fits(channel.name) is not without
    return None


COMMANDS = {
    "JOIN": Row(join, 1, form="#A,#B [KEY,KEY]", does="come into channels; 0 leaves all"),
    "PART": Row(part, 1, form="#A,#B [WHY]", does="leave channels"),
    "TOPIC": Row(topic, 1, form="#CHANNEL [TOPIC]", does="show a channel's topic, or set it"),
    "NAMES": Row(names, form="#CHANNEL", does="who is in a channel"),
    "LIST": Row(
        list_, form="[CONDITIONS]", does="which channels there are: #go*, !#go*, >5, <5, C>10, T<10"
    ),
}
