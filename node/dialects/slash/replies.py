"""Replies in words: a table with a row per reply, each a function that yields lines."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from broker.api import Profile
from broker.events import Entry
from node.core import replies as core
from node.core.modes import prefix, shown
from node.core.replies import Reply
from node.core.words import CLOSINGS, NOTICES, filled, gap
from node.dialects.slash import words
from node.dialects.slash.commands import VERBS, Help, Malformed, NotText
from node.dialects.slash.harmless import harmless

if TYPE_CHECKING:
    from node.dialects.slash.dialect import Slash

WIDTH = 400
"""Lists of names are broken into lines of about this many characters."""

OPTIONS = ("echo", "time", "color", "pos")
"""What `/set` sets."""


def because(why: str) -> str:
    """A reason in brackets, if there is one."""
    return f" ({harmless(why)})" if why else ""


def _pages(form: str, page: int, pages: int) -> str:
    """Which page this is, if there are more, and how to get another."""
    return "" if pages == 1 else f", page {page} of {pages}: {form} PAGE shows another"


def clock(ms: int) -> str:
    """HH:MM in UTC of Unix milliseconds."""
    minutes = ms // 60_000 % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _date(ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(ms / 1000))


def _broken(names: Iterable[str]) -> Iterator[str]:
    """Names with spaces between, in lines of about WIDTH characters."""
    line: list[str] = []
    length = 0
    for name in names:
        if line and length + len(name) > WIDTH:
            yield " ".join(line)
            line, length = [], 0
        line.append(name)
        length += len(name) + 1
    if line:
        yield " ".join(line)


def _greeting(slash: "Slash", reply: core.Greeting) -> Iterator[str]:
    yield f"welcome to {reply.server}; you are {reply.nick}"
    if reply.inside:
        yield f"you are in the channel {reply.lobby}: what you type is said there"
    yield "/nick NAME takes a nick, /join #CHANNEL a channel, /help shows all commands"


def _error(slash: "Slash", reply: core.Error) -> Iterator[str]:
    yield f"error: {filled(words.REFUSED[reply.code], harmless(reply.about))}"


def _malformed(slash: "Slash", reply: Malformed) -> Iterator[str]:
    yield words.MALFORMED
    row = VERBS.get(reply.verb)
    if row is not None:
        yield f"hint: {row.form}, for example: {row.example}"
    else:
        yield f"hint: there is no /{harmless(reply.verb)[:40]}; /help shows all commands"


def _not_text(slash: "Slash", reply: NotText) -> Iterator[str]:
    yield words.NOT_UTF8


def _help(slash: "Slash", reply: Help) -> Iterator[str]:
    row = VERBS.get(reply.about.lower().removeprefix("/"))
    if row is not None:
        yield f"{row.form}: {row.does}"
        yield f"for example: {row.example}"
        return
    if reply.about:
        yield words.MALFORMED
        yield f"hint: there is no /{harmless(reply.about)[:40]}; /help shows all commands"
        return
    yield "a line is said in your current channel, unless it begins with / (then //)"
    width = max(len(row.form) for row in VERBS.values())
    for row in VERBS.values():
        yield f"{row.form:{width}}  {row.does}"


def _notice(slash: "Slash", reply: core.Notice) -> Iterator[str]:
    yield f"notice: {filled(NOTICES[reply.code], harmless(reply.about))}"


def _gap(slash: "Slash", reply: core.Gap) -> Iterator[str]:
    yield f"gap: {gap(reply)}"


def _disorder(slash: "Slash", reply: core.Disorder) -> Iterator[str]:
    where = reply.channel if reply.channel is not None else "private messages"
    yield f"gap: the order of {where} before {clock(reply.before)} may differ"


def _closing(slash: "Slash", reply: core.Closing) -> Iterator[str]:
    why = filled(CLOSINGS[reply.code], harmless(reply.about))
    resume = f"{words.RESUME} {reply.token}" if reply.token else ""
    yield f"closing: {why}{resume}"


def _token(slash: "Slash", reply: core.Token) -> Iterator[str]:
    yield f"token {reply.token}"


def _resumed(slash: "Slash", reply: core.Resumed) -> Iterator[str]:
    yield f"resumed as {slash.nick(reply.nick)}"


def _your_nick(slash: "Slash", reply: core.YourNick) -> Iterator[str]:
    yield f"{slash.nick(reply.old)} is changing nick to {slash.nick(reply.new)}"


def _welcome(slash: "Slash", reply: core.Welcome) -> Iterator[str]:
    if reply.topic.text:
        yield f"the topic of {reply.channel} is {harmless(reply.topic.text)}"
    yield from _names(slash, core.Names(reply.roster))
    yield from _lines(slash, reply.channel, reply.history)


def _names(slash: "Slash", reply: core.Names) -> Iterator[str]:
    channel, members, total = reply.roster
    head = f"in {channel} ({total}): "
    for line in _broken(prefix(status) + nick for nick, status, _ in members):
        yield head + line
    if len(members) < total:
        yield f"{head}and {total - len(members)} more, /names {channel} shows all"
    if not total:
        yield f"{head}nobody"


def _channels(slash: "Slash", reply: core.Channels) -> Iterator[str]:
    for name, members, topic, *_ in reply.channels:
        about = f": {harmless(topic)}" if topic else ""
        yield f"{name} ({members}){about}"
    count = f"{reply.total} channel{'' if reply.total == 1 else 's'}"
    yield count + _pages("/list [PATTERN]", reply.page, reply.pages)


def _who(profile: Profile) -> str:
    return f"{harmless(profile.by)}{because(profile.real)}"


def _whois(slash: "Slash", reply: core.Whois) -> Iterator[str]:
    nick, node, since, away, channels, profile = reply.person[:6]
    if profile.by:
        yield f"{nick} is {_who(profile)}"
    yield f"{nick} is on the node {node}, connected since {_date(since)}"
    if profile.peer:
        yield f"{nick} comes from {harmless(profile.peer)}"
    if profile.account:
        yield f"{nick} is logged in as {harmless(profile.account)}"
    for letter, what in _KINDS.items():
        if letter in profile.modes:
            yield f"{nick} is {what}"
    if profile.secure:
        yield f"{nick} is using a secure connection"
    if reply.idle is not None and reply.idle >= IDLE:
        minutes = reply.idle // IDLE
        yield f"{nick} has said nothing for {minutes} minute{'' if minutes == 1 else 's'}"
    if away is not None:
        yield f"{nick} is away{because(away)}"
    for line in _broken(channels):
        yield f"{nick} is in {line}"


IDLE = 60
"""Seconds: who has said something since isn't called idle."""

_KINDS = {"o": "an operator", "B": "a bot"}
"""What user modes say of somebody."""


def _whowas(slash: "Slash", reply: core.Whowas) -> Iterator[str]:
    for nick, node, _, until, profile in reply.found:
        who = _who(profile) if profile.by else "somebody"
        yield f"{nick} was {who} on the node {node}, until {_date(until)}"
    if not reply.found:
        yield f"nobody was called {harmless(reply.nick)} lately"


def _found(slash: "Slash", reply: core.Present) -> Iterator[str]:
    for line in _broken(person.nick for person in reply.persons):
        yield f"there: {line}"


def _looked(slash: "Slash", reply: core.Looked) -> Iterator[str]:
    for member, person in reply.attendees:
        yield f"{member.nick} is {_who(person.profile)}"


def _seen(slash: "Slash", reply: core.Seen) -> Iterator[str]:
    for nick, _, by in reply.there:
        yield f"{nick} is there{because(by)}"
    for nick in reply.free:
        yield f"{harmless(nick)} is not there"
    for nick in reply.refused:
        yield f"error: {words.WATCHES.format(about=nick)}"


def _watching(slash: "Slash", reply: core.Watching) -> Iterator[str]:
    for line in _broken(reply.nicks):
        yield f"you watch {line}"
    if not reply.nicks:
        yield "you watch nobody"


def _real_set(slash: "Slash", reply: core.RealSet) -> Iterator[str]:
    yield f"your real name is {harmless(reply.real)}"


def _user_modes(slash: "Slash", reply: core.UserModes) -> Iterator[str]:
    yield f"your modes are +{reply.modes}"


def _everyone(slash: "Slash", reply: core.Everyone) -> Iterator[str]:
    nodes: dict[str, list[str]] = {}
    for each in reply.people:
        nodes.setdefault(each.node, []).append(each.nick)
    for node in sorted(nodes):
        for line in _broken(nodes[node]):
            yield f"on {node}: {line}"
    count = f"{reply.total} {'person' if reply.total == 1 else 'people'} in all"
    yield count + _pages("/who", reply.page, reply.pages)


def _topic_is(slash: "Slash", reply: core.TopicIs) -> Iterator[str]:
    text, nick, ms = reply.topic
    if text:
        yield f"the topic of {reply.channel} is {harmless(text)}"
        yield f"set by {nick}, {_date(ms)}"
    else:
        yield f"{reply.channel} has no topic"


def _modes_are(slash: "Slash", reply: core.ModesAre) -> Iterator[str]:
    modes = shown(reply.rules, inside=reply.inside)
    yield (
        f"the modes of {reply.channel} are {harmless(modes)}"
        if modes
        else (f"{reply.channel} has no modes")
    )


def _masks_are(slash: "Slash", reply: core.MasksAre) -> Iterator[str]:
    for letter, masks in reply.lists.items():
        what = words.LISTED[letter].format(channel=reply.channel)
        for mask, nick, ms in masks:
            yield f"{harmless(mask)} {what} (by {nick}, {_date(ms)})"
        if not masks:
            yield f"nobody {what}"


def _forwarded(slash: "Slash", reply: core.Forwarded) -> Iterator[str]:
    yield f"{reply.channel} does not let you in, and sends you on to {reply.forward}"


def _inviting(slash: "Slash", reply: core.Inviting) -> Iterator[str]:
    yield f"you have invited {reply.nick} into {reply.channel}"
    if reply.away is not None:
        yield from _holder_away(slash, core.HolderAway(reply.nick, reply.away))


def _lines(slash: "Slash", channel: str, entries: list[Entry]) -> Iterator[str]:
    for entry in entries:
        for line in slash.lines(entry.event, channel):
            yield f"| {clock(entry.ms)} {line}"


def _past(slash: "Slash", reply: core.Past) -> Iterator[str]:
    yield from _lines(slash, reply.channel, reply.entries)


def _history(slash: "Slash", reply: core.Lines) -> Iterator[str]:
    channel, entries, before = reply.channel, reply.entries, reply.before
    yield from _lines(slash, channel, entries)
    if not entries:
        yield f"nothing was said in {channel} {'yet' if before is None else 'before that'}"
    elif before is not None and reply.more:
        place = f"{reply.epoch}.{entries[0].seq}"
        yield f"hint: /history {channel} {len(entries)} before {place} shows what is older"


def _span(slash: "Slash", reply: core.Span) -> Iterator[str]:
    channel = reply.target if reply.target.startswith("#") else ""
    yield from _lines(slash, channel, [Entry(at.seq, ms, event) for at, ms, event in reply.entries])


def _targets(slash: "Slash", reply: core.Targets) -> Iterator[str]:
    for name, ms in reply.targets:
        yield f"{name}: {time.strftime('%Y-%m-%d %H:%M', time.gmtime(ms / 1000))} UTC"


def _taken_back(slash: "Slash", reply: core.TakenBack) -> Iterator[str]:
    channel = reply.target if reply.target.startswith("#") else ""
    yield from slash.lines(reply.event, channel)


def _holder_away(slash: "Slash", reply: core.HolderAway) -> Iterator[str]:
    yield f"{reply.nick} is away{because(reply.why)}"


def _away_set(slash: "Slash", reply: core.AwaySet) -> Iterator[str]:
    yield "you are back" if reply.why is None else f"you are away{because(reply.why)}"


def _options(slash: "Slash", reply: core.Options) -> Iterator[str]:
    yield "set: " + ", ".join(
        f"{name} {'on' if name in slash.options else 'off'}" for name in OPTIONS
    )


def _pong(slash: "Slash", reply: core.Pong) -> Iterator[str]:
    yield f"pong {harmless(reply.text)}" if reply.text else "pong"


def _stats(slash: "Slash", reply: core.StatsAre) -> Iterator[str]:
    _, sessions, channels, messages = reply.here
    yield (
        f"node {reply.node}: {sessions} sessions, {channels} channels, {messages} messages,"
        f" up for {reply.uptime} seconds"
    )
    nodes, sessions, channels, messages = reply.totals
    yield (f"cluster: {nodes} nodes, {sessions} sessions, {channels} channels, {messages} messages")


REPLIES: dict[type[Reply], Callable[["Slash", Any], Iterator[str]]] = {
    core.Greeting: _greeting,
    core.Error: _error,
    core.Notice: _notice,
    core.Gap: _gap,
    core.Disorder: _disorder,
    core.Closing: _closing,
    core.YourNick: _your_nick,
    core.Welcome: _welcome,
    core.Names: _names,
    core.Channels: _channels,
    core.Whois: _whois,
    core.Whowas: _whowas,
    core.Present: _found,
    core.Looked: _looked,
    core.Seen: _seen,
    core.Watching: _watching,
    core.RealSet: _real_set,
    core.UserModes: _user_modes,
    core.Everyone: _everyone,
    core.TopicIs: _topic_is,
    core.ModesAre: _modes_are,
    core.MasksAre: _masks_are,
    core.Forwarded: _forwarded,
    core.Inviting: _inviting,
    core.Lines: _history,
    core.Past: _past,
    core.Token: _token,
    core.Resumed: _resumed,
    core.Span: _span,
    core.Targets: _targets,
    core.TakenBack: _taken_back,
    core.HolderAway: _holder_away,
    core.AwaySet: _away_set,
    core.Options: _options,
    core.Pong: _pong,
    core.StatsAre: _stats,
    Help: _help,
    Malformed: _malformed,
    NotText: _not_text,
}
