"""Replies of the core as lines: a table with a row per reply. Most of what IRC asks for is answered
by its own commands, with `Lines`.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from broker.api import BOT, Code, Member, Refused
from broker.events import Entry
from node.core import opers, words
from node.core import replies as core
from node.core.dialect import Place, TakenAlong
from node.core.people import OPERATOR, real_host
from node.core.replies import Reply
from node.core.watchers import MOST
from node.dialects.irc import refusals, wire
from node.dialects.irc.isupport import isupport
from node.dialects.irc.modes import prefix

if TYPE_CHECKING:
    from node.dialects.irc.dialect import Irc


class Lines(Reply, frozen=True):
    """Lines as they are."""

    lines: tuple[str, ...]


class Numeric(Reply, frozen=True):
    """A numeric reply; `text` None: the table's."""

    name: str
    params: tuple[str, ...] = ()
    text: str | None = None


def _lines(_irc: "Irc", reply: Lines, _to: str) -> Iterable[str]:
    return reply.lines


def _numeric(irc: "Irc", reply: Numeric, to: str) -> Iterator[str]:
    yield irc.numeric(to, reply.name, *reply.params, text=reply.text)


def _greeting(irc: "Irc", reply: core.Greeting, to: str) -> Iterator[str]:
    config = irc.config
    network, server, version = config.network, config.server, f"chorus-{config.version}"
    yield irc.numeric(to, "RPL_WELCOME", text=f"Welcome to the {network} IRC network, {to}")
    yield irc.numeric(to, "RPL_YOURHOST", text=f"Your host is {server}, running version {version}")
    yield irc.numeric(to, "RPL_CREATED", text=f"This server was created {config.since}")
    yield irc.numeric(to, "RPL_MYINFO", server, version, *isupport(config).myinfo)
    for tokens in isupport(config).lines:
        yield irc.numeric(to, "RPL_ISUPPORT", *tokens)


def _notice(irc: "Irc", reply: core.Notice, to: str) -> Iterator[str]:
    if reply.was:  # a client knows its nick from that alone
        yield f":{reply.was} NICK {reply.about}"
    yield irc.said(f"NOTICE {to} :{words.filled(words.NOTICES[reply.code], reply.about)}")


def _gap(irc: "Irc", reply: core.Gap, to: str) -> Iterator[str]:
    yield irc.said(f"NOTICE {reply.channel or to} :{words.gap(reply)}")


def _disorder(irc: "Irc", reply: core.Disorder, to: str) -> Iterator[str]:
    where = reply.channel or "private messages"
    yield irc.said(f"NOTICE {reply.channel or to} :the order of {where} until now may differ")


def _closing(irc: "Irc", reply: core.Closing, _to: str) -> Iterator[str]:
    why = words.filled(words.CLOSINGS[reply.code], reply.about)
    resume = f"; take your session up again with RESUME {reply.token}" if reply.token else ""
    yield f"ERROR :Closing link: {why}{resume}"


def _error(irc: "Irc", reply: core.Error, to: str) -> Iterator[str]:
    """Of a line that was said to a channel: whatever else is refused is answered by its command."""
    if reply.code is Code.NOT_MEMBER:
        yield irc.numeric(to, "ERR_CANNOTSENDTOCHAN", reply.about)
    else:
        yield from refusals.told(irc, to, "PRIVMSG", Refused(reply.code, reply.about))


def _your_nick(irc: "Irc", reply: core.YourNick, _to: str) -> Iterator[str]:
    yield f":{reply.old}!{reply.by or f'unknown@{irc.config.server}'} NICK {reply.new}"


def _welcome(irc: "Irc", reply: core.Welcome, to: str) -> Iterator[str]:
    if reply.topic.text:
        yield from topic(irc, to, reply.channel, reply.topic)
    if "draft/no-implicit-names" not in irc.options:
        members, hidden = reply.roster.members, symbol(reply.modes)
        yield from names(irc, to, reply.channel, members, hidden)


def _taken_along(irc: "Irc", reply: TakenAlong, to: str) -> Iterator[str]:
    """As IRCv3 channel-rename has it for who doesn't know that; but for another spelling."""
    me = f":{to}!{reply.by or f'unknown@{irc.config.server}'}"
    yield f"{me} PART {reply.old}{f' :{reply.why}' if reply.why else ''}"
    extended = f" {reply.account or '*'} :{reply.real or to}"
    yield f"{me} JOIN {reply.new}{extended if 'extended-join' in irc.options else ''}"


def symbol(modes: str) -> str:
    """What stands before a channel in RPL_NAMREPLY."""
    return "@" if "s" in modes else "*" if "p" in modes else "="


def topic(irc: "Irc", to: str, channel: str, found: Any) -> Iterator[str]:
    """A channel's topic, and who set it."""
    text, nick, ms = found
    yield irc.numeric(to, "RPL_TOPIC", channel, text=text)
    yield irc.numeric(to, "RPL_TOPICWHOTIME", channel, nick, str(ms // 1000))


def names(
    irc: "Irc", to: str, channel: str, members: Iterable[Member], symbol: str = "="
) -> Iterator[str]:
    """Who is in a channel, and that these are all (353 and 366)."""
    yield from members_of(irc, to, channel, members, symbol)
    yield irc.numeric(to, "RPL_ENDOFNAMES", channel)


def members_of(
    irc: "Irc", to: str, channel: str, members: Iterable[Member], symbol: str = "="
) -> Iterator[str]:
    """Who is in a channel (353)."""
    every, whole = "multi-prefix" in irc.options, "userhost-in-names" in irc.options
    head = irc.numeric(to, "RPL_NAMREPLY", symbol, channel)
    shown = (
        prefix(one.status, every=every) + (f"{one.nick}!{one.by}" if whole and one.by else one.nick)
        for one in members
    )
    for line in wire.filled(shown, wire.LINE - 4 - len(head.encode())):
        yield f"{head} :{line}"


def _names(irc: "Irc", reply: core.Names, to: str) -> Iterator[str]:
    yield from names(irc, to, reply.roster.channel, reply.roster.members)


def _modes_are(irc: "Irc", reply: core.ModesAre, to: str) -> Iterator[str]:
    rules = reply.rules
    params = [
        ("k", rules.key and (rules.key if reply.inside else "*")),
        ("l", str(rules.limit or "")),
        ("f", rules.forward if reply.inside else ""),
    ]
    letters = rules.modes + "".join(letter for letter, about in params if about)
    more = (about for _, about in params if about)
    yield irc.numeric(to, "RPL_CHANNELMODEIS", reply.channel, f"+{letters}", *more)
    if reply.created:
        yield irc.numeric(to, "RPL_CREATIONTIME", reply.channel, str(reply.created // 1000))


_LISTS = {
    "b": ("RPL_BANLIST", "RPL_ENDOFBANLIST"),
    "e": ("RPL_EXCEPTLIST", "RPL_ENDOFEXCEPTLIST"),
    "I": ("RPL_INVEXLIST", "RPL_ENDOFINVEXLIST"),
}


def _masks_are(irc: "Irc", reply: core.MasksAre, to: str) -> Iterator[str]:
    for letter, masks in reply.lists.items():
        row, end = _LISTS[letter]
        for mask, nick, ms in masks:
            yield irc.numeric(to, row, reply.channel, mask, nick, str(ms // 1000))
        yield irc.numeric(to, end, reply.channel)


def _forwarded(irc: "Irc", reply: core.Forwarded, to: str) -> Iterator[str]:
    yield irc.numeric(to, "ERR_LINKCHANNEL", reply.channel, reply.forward)


def _inviting(irc: "Irc", reply: core.Inviting, to: str) -> Iterator[str]:
    yield irc.numeric(to, "RPL_INVITING", reply.nick, reply.channel)
    if reply.away is not None:
        yield irc.numeric(to, "RPL_AWAY", reply.nick, text=reply.away)


def _whois(irc: "Irc", reply: core.Whois, to: str) -> Iterator[str]:
    person = reply.person
    nick, profile, server = person.nick, person.profile, irc.config.server
    user, _, host = profile.by.partition("@")
    real = profile.real or nick
    yield irc.numeric(to, "RPL_WHOISUSER", nick, user or "*", host or "*", "*", text=real)
    if profile.certificate:
        says = f"has client certificate fingerprint {profile.certificate}"
        yield irc.numeric(to, "RPL_WHOISCERTFP", nick, text=says)
    if profile.peer:
        says = f"is connecting from {user}@{real_host(profile.peer)} {real_host(profile.peer)}"
        yield irc.numeric(to, "RPL_WHOISHOST", nick, text=says)
    head = irc.numeric(to, "RPL_WHOISCHANNELS", nick)
    every = "multi-prefix" in irc.options
    seats = (prefix(seat.status, every=every) + seat.channel for seat in person.seats)
    for line in wire.filled(seats, wire.LINE - 4 - len(head.encode())):
        yield f"{head} :{line}"
    yield irc.numeric(to, "RPL_WHOISSERVER", nick, server, text=irc.config.network)
    if person.away is not None:
        yield irc.numeric(to, "RPL_AWAY", nick, text=person.away or "away")
    if OPERATOR in profile.modes:
        yield irc.numeric(to, "RPL_WHOISOPERATOR", nick)
    if BOT in profile.modes:
        yield irc.numeric(to, "RPL_WHOISBOT", nick)
    if profile.account:
        yield irc.numeric(to, "RPL_WHOISACCOUNT", nick, profile.account)
    if profile.secure:
        yield irc.numeric(to, "RPL_WHOISSECURE", nick)
    if reply.idle is not None:
        yield irc.numeric(to, "RPL_WHOISIDLE", nick, str(reply.idle), str(person.since // 1000))


def _whowas(irc: "Irc", reply: core.Whowas, to: str) -> Iterator[str]:
    if not reply.found:
        yield irc.numeric(to, "ERR_WASNOSUCHNICK", refusals.shown(reply.nick))
    for was in reply.found:
        user, _, host = was.profile.by.partition("@")
        real = was.profile.real or was.nick
        yield irc.numeric(to, "RPL_WHOWASUSER", was.nick, user or "*", host or "*", "*", text=real)
        gone = time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(was.until / 1000))
        yield irc.numeric(to, "RPL_WHOISSERVER", was.nick, irc.config.server, text=gone)
    yield irc.numeric(to, "RPL_ENDOFWHOWAS", refusals.shown(reply.nick))


def _seen(irc: "Irc", reply: core.Seen, to: str) -> Iterator[str]:
    there = (f"{one.nick}!{one.by}" for one in reply.there)
    for name, shown in (("RPL_MONONLINE", there), ("RPL_MONOFFLINE", iter(reply.free))):
        for line in wire.filled(shown, 400):
            yield irc.numeric(to, name, text=line.replace(" ", ","))
    if reply.refused:
        yield irc.numeric(to, "ERR_MONLISTFULL", str(MOST), ",".join(reply.refused))


def _taken_back(irc: "Irc", reply: core.TakenBack, to: str) -> Iterator[str]:
    channel = reply.target if reply.target.startswith("#") else ""
    yield from irc.lines(reply.event, Place(channel, *reply.at, reply.ms, reply.target))


def _token(irc: "Irc", reply: core.Token, to: str) -> Iterator[str]:
    yield irc.said(f"NOTE TOKEN {reply.token} :With this you can take up your session again")


def _resumed(irc: "Irc", reply: core.Resumed, to: str) -> Iterator[str]:
    yield irc.said(f"NOTE RESUME RESUMED :You are {reply.nick} again")


def _past(irc: "Irc", reply: core.Past, to: str) -> Iterator[str]:
    yield from played(irc, to, reply.channel, reply.epoch, reply.entries)


def played(
    irc: "Irc", to: str, channel: str, epoch: str, entries: Iterable[Entry]
) -> Iterator[str]:
    """What was read back, as it came by."""
    for entry in entries:
        yield from irc.lines(entry.event, Place(channel, epoch, entry.seq, entry.ms, to))


def _holder_away(irc: "Irc", reply: core.HolderAway, to: str) -> Iterator[str]:
    yield irc.numeric(to, "RPL_AWAY", reply.nick, text=reply.why or "away")


def _away_set(irc: "Irc", reply: core.AwaySet, to: str) -> Iterator[str]:
    yield irc.numeric(to, "RPL_UNAWAY" if reply.why is None else "RPL_NOWAWAY")


def _pong(irc: "Irc", reply: core.Pong, _to: str) -> Iterator[str]:
    yield irc.said(f"PONG {irc.config.server} :{reply.text}")


def _oper_is(irc: "Irc", reply: opers.OperIs, to: str) -> Iterator[str]:
    """Unasked: they are none any more."""
    yield irc.said(f"MODE {to} :{'+' if reply.name else '-'}o")


def _oper_info(irc: "Irc", reply: opers.OperInfo, to: str) -> Iterator[str]:
    yield irc.said(f"NOTICE {to} :*** {reply.says}")


def _oper_writes(_irc: "Irc", reply: opers.OperWrites, _to: str) -> Iterator[str]:
    yield f":{reply.nick}!{reply.by} WALLOPS :{reply.text}"


REPLIES: dict[type[Reply], Callable[["Irc", Any, str], Iterable[str]]] = {
    Lines: _lines,
    Numeric: _numeric,
    core.Greeting: _greeting,
    core.Error: _error,
    core.Notice: _notice,
    core.Gap: _gap,
    core.Disorder: _disorder,
    core.Closing: _closing,
    core.YourNick: _your_nick,
    core.Welcome: _welcome,
    TakenAlong: _taken_along,
    core.Names: _names,
    core.ModesAre: _modes_are,
    core.MasksAre: _masks_are,
    core.Forwarded: _forwarded,
    core.Inviting: _inviting,
    core.Whois: _whois,
    core.Whowas: _whowas,
    core.Seen: _seen,
    core.TakenBack: _taken_back,
    core.Token: _token,
    core.Resumed: _resumed,
    core.Past: _past,
    core.HolderAway: _holder_away,
    core.AwaySet: _away_set,
    core.Pong: _pong,
    opers.OperIs: _oper_is,
    opers.OperInfo: _oper_info,
    opers.OperWrites: _oper_writes,
}
