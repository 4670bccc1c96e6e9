"""Verbs about what was said before: parts of logs, and taking back; and tags without a line.

Members read all that their channel has kept, as with `history`; of what is for a status, what
theirs lets them read. What each does is said where its command is.
"""

from functools import partial
from typing import TYPE_CHECKING

from broker.api import Code, Refused, Wanted
from broker.events import Extra, is_fleeting
from broker.names import fold
from broker.spans import ranks
from node.core import commands, names, replies, rules
from node.core.replies import Reply
from node.core.session import Session

if TYPE_CHECKING:
    from node.core.chat import Chat

MOST = 1000
"""The most entries of a part of a log."""

OPERATOR = "o"
"""The user mode of an operator of the server."""


def _target(session: Session, given: str | None) -> str:
    """A channel or a nick, as given; or the current channel."""
    if given is None:
        if session.current is None:
            raise Refused(Code.NO_CURRENT_CHANNEL)
        return session.current
    return names.channel(given) if given.startswith("#") else given


def _readable(session: Session, channel: str) -> str:
    """Whose lines they read there, of those that aren't for all. Raises NOT_MEMBER."""
    membership = session.channels.get(fold(channel))
    if membership is None:
        raise Refused(Code.NOT_MEMBER, channel)
    return ranks(membership.status)


async def span(chat: "Chat", session: Session, command: commands.Span) -> Reply:
    """A part of a log."""
    target = _target(session, command.target)
    readers = _readable(session, target) if target.startswith("#") else ""
    count = min(command.count, MOST)
    wanted = Wanted(command.way, command.places, count, command.every, readers)
    found = await chat.broker.span(session.me, target, wanted)
    return replies.Span(chat.hub.spelled(fold(target), target), *found)


async def targets(chat: "Chat", session: Session, command: commands.Targets) -> Reply:
    """Where something was last said."""
    since, until = sorted((command.since, command.until))
    latest = await chat.broker.latest(session.me, list(session.channels))
    times = {fold(name): (chat.hub.spelled(name, name), ms) for name, ms in latest.items()}
    for name, one in session.written.items():
        times[name] = max(times.get(name, one), one, key=lambda each: each[1])
    found = [one for one in times.values() if since < one[1] < until]
    found.sort(key=lambda one: one[1])
    count = max(0, command.count)
    if command.since > command.until:
        return replies.Targets(found[max(0, len(found) - count) :])
    return replies.Targets(found[:count])


async def redact(chat: "Chat", session: Session, command: commands.Redact) -> Reply | None:
    """Take back what was said."""
    me, target = session.me, _target(session, command.target)
    inside = fold(target) in session.channels
    power = OPERATOR in me.profile.modes
    if target.startswith("#") and not (inside or power):
        raise Refused(Code.NOT_MEMBER, target)
    done = await chat.broker.redact(me, target, command.at, names.text(command.why), power=power)
    if inside:
        await chat.seen(session)
        return None
    return replies.TakenBack(chat.hub.spelled(fold(target), target), *done)


async def tag(chat: "Chat", session: Session, command: commands.Tag) -> Reply | None:
    """Send tags."""
    target, tags = _target(session, command.target), names.tags(command.tags)
    extra = Extra(rank=command.rank) if command.rank else None
    if target.startswith("#"):
        if fold(target) not in session.channels:
            raise Refused(Code.NOT_MEMBER, target)
        judge = partial(rules.speaking, target, session.me, "")
        await chat.broker.tag(session.me, fold(target), tags, extra, judge=judge)
        if session.dialect.echo and not is_fleeting(tags):
            await chat.seen(session)
    else:
        await chat.broker.touch(session.me, target, tags, extra)
    return None
