"""Replies as messages: a table with a row per reply, each a function that makes its messages.

A reply that answers a command is one message; what comes unasked may be several.
"""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from msgspec.structs import replace

import node
from broker.api import Found, Person, Roster, Topic
from node.core import replies as core
from node.core.replies import Ref, Reply
from node.core.words import CLOSINGS, NOTICES, filled, gap
from node.dialects.json import messages, words
from node.dialects.json.commands import Malformed
from node.dialects.json.events import entries, found, lines
from node.dialects.json.messages import Message

PIECE = 100
"""How many events that one may have read come in one object."""


def _answered(reply: core.Answered) -> Iterator[Message]:
    yield answer(reply.ref, reply.reply)


def answer(ref: Ref, reply: Reply | None) -> Message:
    """The one answer to a command."""
    if reply is None:
        return messages.Done(id=ref)
    (message,) = REPLIES[type(reply)](reply)
    return replace(message, id=ref)


def _greeting(reply: core.Greeting) -> Iterator[Message]:
    yield messages.Greeting(
        protocol=messages.PROTOCOL,
        server=reply.server,
        version=node.__version__,
        node=reply.node,
        nick=reply.nick,
        sid=reply.sid,
        lobby=reply.lobby,
    )


def _error(reply: core.Error) -> Iterator[Message]:
    says = filled(words.REFUSED[reply.code], reply.about)
    yield messages.Error(code=reply.code.value, says=says, about=reply.about)


def _malformed(reply: Malformed) -> Iterator[Message]:
    yield messages.Error(code=words.MALFORMED, says=words.NOT_A_COMMAND.format(why=reply.why))


def _notice(reply: core.Notice) -> Iterator[Message]:
    says = filled(NOTICES[reply.code], reply.about)
    yield messages.Notice(code=reply.code.value, says=says, about=reply.about)


def _gap(reply: core.Gap) -> Iterator[Message]:
    yield messages.Gap(channel=reply.channel, lost=reply.lost, says=gap(reply))


def _disorder(reply: core.Disorder) -> Iterator[Message]:
    where = reply.channel if reply.channel is not None else "private messages"
    when = time.strftime("%H:%M", time.gmtime(reply.before / 1000))
    says = f"the order of {where} before {when} UTC may differ for others"
    yield messages.Disorder(channel=reply.channel, before=reply.before, says=says)


def _closing(reply: core.Closing) -> Iterator[Message]:
    says = filled(CLOSINGS[reply.code], reply.about)
    yield messages.Closing(code=reply.code.value, says=says, about=reply.about, token=reply.token)


def _token(reply: core.Token) -> Iterator[Message]:
    yield messages.Token(token=reply.token)


def _resumed(reply: core.Resumed) -> Iterator[Message]:
    yield messages.Resumed(nick=reply.nick, sid=reply.sid, channels=reply.channels)


def _past(reply: core.Past) -> Iterator[Message]:
    rest = iter(reply.entries)
    while piece := list(islice(rest, PIECE)):
        found = entries(reply.channel, reply.epoch, piece)
        yield messages.Past(channel=reply.channel or None, entries=found)


def _your_nick(reply: core.YourNick) -> Iterator[Message]:
    yield messages.Renamed(sid=reply.sid, nick=reply.old, new=reply.new)


def _topic(topic: Topic) -> messages.Topic | None:
    return messages.Topic(topic.text, topic.nick, topic.ms) if topic.text else None


def _welcome(reply: core.Welcome) -> Iterator[Message]:
    epoch, seq = reply.tip
    yield messages.Welcome(
        channel=reply.channel,
        pos=f"{epoch}.{seq}",
        nicks=reply.roster.nicks,
        total=reply.roster.total,
        statuses=_statuses(reply.roster),
        topic=_topic(reply.topic),
        history=lines(reply.channel, epoch, reply.history),
    )


def _names(reply: core.Names) -> Iterator[Message]:
    roster = reply.roster
    yield messages.Names(
        channel=roster.channel,
        nicks=roster.nicks,
        total=roster.total,
        statuses=_statuses(roster),
    )


def _statuses(roster: Roster) -> dict[str, str]:
    return {member.nick: member.status for member in roster.members if member.status}


def _modes_are(reply: core.ModesAre) -> Iterator[Message]:
    rules = reply.rules
    forward = rules.forward if reply.inside else ""
    yield messages.Modes(
        channel=reply.channel,
        modes=rules.modes
        + ("k" if rules.key else "")
        + ("l" if rules.limit else "")
        + ("f" if forward else ""),
        key=rules.key if reply.inside else "",
        limit=rules.limit,
        forward=forward,
    )


def _masks_are(reply: core.MasksAre) -> Iterator[Message]:
    lists = {
        letter: [messages.Mask(*mask) for mask in masks] for letter, masks in reply.lists.items()
    }
    yield messages.Masks(channel=reply.channel, lists=lists)


def _forwarded(reply: core.Forwarded) -> Iterator[Message]:
    yield messages.Forwarded(channel=reply.channel, forward=reply.forward)


def _inviting(reply: core.Inviting) -> Iterator[Message]:
    yield messages.Inviting(channel=reply.channel, nick=reply.nick, away=reply.away)


def _channels(reply: core.Channels) -> Iterator[Message]:
    rows = [messages.Channel(*row[:3]) for row in reply.channels]
    yield messages.Channels(channels=rows, page=reply.page, pages=reply.pages, total=reply.total)


def _whois(reply: core.Whois) -> Iterator[Message]:
    nick, where, since, away, channels, profile = reply.person[:6]
    yield messages.Person(
        nick=nick,
        node=where,
        since=since,
        away=away,
        channels=channels,
        by=profile.by,
        real=profile.real,
        account=profile.account,
        operator="o" in profile.modes,
        bot="B" in profile.modes,
        peer=profile.peer,
        secure=profile.secure,
        idle=reply.idle,
    )


def _whowas(reply: core.Whowas) -> Iterator[Message]:
    had = [
        messages.Had(was.nick, was.node, was.until, was.profile.by, was.profile.real)
        for was in reply.found
    ]
    yield messages.Was(nick=reply.nick, had=had)


def _people(persons: list[Person]) -> messages.People:
    rows = [messages.Present(person.nick, person.node) for person in persons]
    return messages.People(people=rows, page=1, pages=1, total=len(rows))


def _found(reply: core.Present) -> Iterator[Message]:
    yield _people(reply.persons)


def _looked(reply: core.Looked) -> Iterator[Message]:
    yield _people([each.person for each in reply.attendees])


def _seen(reply: core.Seen) -> Iterator[Message]:
    there = [messages.There(one.nick, one.by) for one in reply.there]
    yield messages.Seen(there=there, free=reply.free, refused=reply.refused)


def _watching(reply: core.Watching) -> Iterator[Message]:
    yield messages.Watching(nicks=reply.nicks)


def _real_set(reply: core.RealSet) -> Iterator[Message]:
    yield messages.Real(real=reply.real)


def _user_modes(reply: core.UserModes) -> Iterator[Message]:
    yield messages.UserModes(nick=reply.nick, modes=reply.modes)


def _everyone(reply: core.Everyone) -> Iterator[Message]:
    rows = [messages.Present(row.nick, row.node) for row in reply.people]
    yield messages.People(people=rows, page=reply.page, pages=reply.pages, total=reply.total)


def _topic_is(reply: core.TopicIs) -> Iterator[Message]:
    yield messages.TopicIs(channel=reply.channel, topic=_topic(reply.topic))


def _history(reply: core.Lines) -> Iterator[Message]:
    said = lines(reply.channel, reply.epoch, reply.entries)
    yield messages.History(channel=reply.channel, entries=said, more=reply.more)


def _span(reply: core.Span) -> Iterator[Message]:
    channel = reply.target if reply.target.startswith("#") else ""
    read = found(channel, reply.entries)
    yield messages.Span(target=reply.target, entries=read, more=reply.more)


def _targets(reply: core.Targets) -> Iterator[Message]:
    yield messages.Targets(targets=[messages.Target(*one) for one in reply.targets])


def _taken_back(reply: core.TakenBack) -> Iterator[Message]:
    channel = reply.target if reply.target.startswith("#") else ""
    yield from found(channel, [Found(reply.at, reply.ms, reply.event)])


def _options(_: core.Options) -> Iterator[Message]:
    yield messages.Done()


def _holder_away(reply: core.HolderAway) -> Iterator[Message]:
    yield messages.Absent(nick=reply.nick, why=reply.why)


def _away_set(reply: core.AwaySet) -> Iterator[Message]:
    yield messages.Back() if reply.why is None else messages.Away(why=reply.why)


def _pong(reply: core.Pong) -> Iterator[Message]:
    yield messages.Pong(text=reply.text)


def _stats(reply: core.StatsAre) -> Iterator[Message]:
    here = reply.here
    yield messages.Stats(
        node=messages.NodeTotals(
            reply.node, here.sessions, here.channels, here.messages, reply.uptime
        ),
        cluster=messages.ClusterTotals(*reply.totals),
    )


REPLIES: dict[type[Reply], Callable[[Any], Iterator[Message]]] = {
    core.Answered: _answered,
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
    core.Options: _options,
    core.HolderAway: _holder_away,
    core.AwaySet: _away_set,
    core.Pong: _pong,
    core.StatsAre: _stats,
    Malformed: _malformed,
}
