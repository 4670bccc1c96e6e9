"""What each command does: one function a verb, and the table that finds it.

A verb checks what can be checked here, asks the broker for the rest, and returns the answer, or
None if there's nothing more to say. It raises `Refused`; nothing has changed then. A verb that
makes an event ends when its author has been shown it, so that what follows is answered after it.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from broker.api import Code, Identity, Position, Refused, Settled, Totals
from broker.events import Extra
from broker.names import fold
from broker.rules import Rules, Standing
from broker.spans import ranks, readable
from node.core import (
    chanops,
    commands,
    kept,
    masks,
    names,
    past,
    people,
    policing,
    replies,
    rules,
    secrecy,
)
from node.core.limits import Act
from node.core.replies import Reply
from node.core.session import Session

if TYPE_CHECKING:
    from node.core.chat import Chat

T = TypeVar("T")

ROWS, PEOPLE = 200, 1000
"""How many channels, and how many people, a page of a list has."""

HISTORY = 1000
"""The most lines of history that are shown at once."""


def _channel(session: Session, name: str | None) -> str:
    """The channel that's meant, as given or the current one."""
    if name is not None:
        return names.channel(name)
    if session.current is None:
        raise Refused(Code.NO_CURRENT_CHANNEL)
    return session.current


def _joined(session: Session, name: str | None) -> str:
    """The folded name of a channel that the session is in. Raises NOT_MEMBER."""
    channel = _channel(session, name)
    if fold(channel) not in session.channels:
        raise Refused(Code.NOT_MEMBER, channel)
    return fold(channel)


def _sorted_out(session: Session, name: str | None, text: str) -> tuple[str | None, str]:
    """If no channel was named, the text's first word may name one that the session is in."""
    if name is not None or not text:
        return name, text
    first, _, rest = text.partition(" ")
    try:
        channel = names.channel(first)
    except Refused:
        return None, text
    if first.startswith("#") or fold(channel) in session.channels:
        return channel, rest
    return None, text


def _page(rows: list[T], page: int, size: int) -> tuple[list[T], int, int, int]:
    """The rows of a page, the page, how many pages there are, and how many rows."""
    pages = max(1, -(-len(rows) // size))
    page = min(page, pages)
    return rows[(page - 1) * size : page * size], page, pages, len(rows)


def say(chat: "Chat", session: Session, command: commands.Say) -> None:
    """Say a line; not awaited, see `lane`."""
    settled = session.lane.settled
    try:
        channel = _channel(session, command.channel)
        name = fold(channel)
        if not command.outside and name not in session.channels:
            raise Refused(Code.NOT_MEMBER, channel)
        text = names.lines(command.text) if command.lines else names.text(command.text)
    except Refused as refused:
        chat.answer(session, command, replies.Error(refused.code, refused.about))
        settled(None)
        return
    if command.ref is not None:
        settled = partial(settled, line=command)
    _put(chat, session, channel, name, text, settled, command.action, command.extra)


def _put(
    chat: "Chat",
    session: Session,
    channel: str,
    name: str,
    text: str,
    settled: Settled,
    action: bool,
    extra: Extra | None,
) -> None:
    """A line on its way into the log of a channel, if its rules let it. `name`: folded."""
    me = session.me
    outside = name not in session.channels
    if not outside:
        session.current = name
        chat.tally.said(name, me.nick)
    session.spoke = chat.seconds()
    judge = partial(rules.speaking, channel, me, text)
    chat.broker.say(me, name, text, action, settled, judge=judge, extra=extra, outside=outside)


async def say_and_wait(
    chat: "Chat",
    session: Session,
    channel: str,
    text: str,
    *,
    action: bool = False,
    extra: Extra | None = None,
) -> None:
    """Say a line, and return when it's in the log, and the author has read it if they do. They may
    be outside the channel, if its rules allow that; then they don't read it.

    It may be several lines. Raises Refused.
    """
    promise, refusals = chat.promise(), list[Refused]()

    def settled(refused: Refused | None) -> None:
        if refused is not None:
            refusals.append(refused)
        promise.callback(None)

    name = fold(channel)
    inside = name in session.channels
    _put(chat, session, channel, name, names.lines(text), settled, action, extra)
    await promise
    for refused in refusals:
        raise refused
    if inside and session.dialect.echo:
        await chat.seen(session)


async def nick(chat: "Chat", session: Session, command: commands.SetNick) -> None:
    me, new = session.me, names.nick(command.name)
    old = me.nick
    if new == old:
        chat.hub.reply(session, replies.YourNick(me.sid, old, new, me.profile.by))
        return
    session.afford(Act.NICKS, Code.NICKS_TOO_OFTEN)
    told = await chat.broker.rename(me, new, list(session.channels))
    me.nick = new
    if told:
        await chat.seen(session)
    else:
        chat.hub.reply(session, replies.YourNick(me.sid, old, new, me.profile.by))


async def join(chat: "Chat", session: Session, command: commands.Join) -> None:
    channel = names.channel(command.channel)
    if fold(channel) in session.channels:
        session.current = fold(channel)
        raise Refused(Code.ALREADY_MEMBER, chat.hub.spelled(fold(channel)))
    if len(session.channels) >= chat.config.channels_per_session:
        raise Refused(Code.TOO_MANY_CHANNELS, channel)
    session.afford(Act.JOINS, Code.JOINS_TOO_OFTEN)
    try:
        await enter(chat, session, channel, announce=True, key=command.key)
    except Refused as refused:
        forward = await _sent_on(chat, session, channel, refused)
        chat.hub.reply(session, replies.Forwarded(channel, forward))
        await enter(chat, session, forward, announce=True)


KEPT_OUT = frozenset({Code.BANNED_HERE, Code.INVITE_ONLY, Code.KEY_WRONG, Code.CHANNEL_FULL})
"""Why the rules of a channel don't let somebody in."""


async def _sent_on(chat: "Chat", session: Session, channel: str, refused: Refused) -> str:
    """Where a channel sends somebody whom it refused to let in. Raises that, if it's nowhere; from
    there nobody is sent on.
    """
    if refused.code not in KEPT_OUT:
        raise refused
    forward = (await chat.broker.rules(channel)).forward
    if not forward or fold(forward) in session.channels:
        raise refused
    return forward


async def enter(
    chat: "Chat", session: Session, channel: str, *, announce: bool, key: str = ""
) -> None:
    """Become a member, and be shown it; without a word to the others if not `announce`."""
    name = fold(channel)
    if chat.adrift:
        raise Refused(Code.AWAY)
    chat.hub.expect(name)
    try:
        await chat.broker.follow(name)
        arrival = await chat.broker.join(
            session.me,
            channel,
            announce=announce,
            quiet=not announce,
            roster=session.dialect.page,
            history=session.dialect.history,
            judge=partial(_may_join, channel, session.me, key),
            status=chat.founder_of(channel),
            modes=chat.config.channel_modes,
        )
    except BaseException:
        chat.hub.give_up(name)
        raise
    tip, roster, topic, said = arrival[:4]
    said = [one for one in said if readable(one.event, "")]  # it's news to who just came
    session.current = name
    session.welcome = replies.Welcome(roster.channel, tip, roster, topic, said, arrival.rules.modes)
    chat.hub.arrive(session, name, arrival, quiet=not announce)
    if arrival.announced:
        await chat.seen(session)
        await people.away_still(chat, session, name)


async def look_around(chat: "Chat", session: Session, channel: str) -> None:
    """Show somebody what a channel is like in which they are already."""
    with suppress(Refused):  # then they have to ask
        roster = await chat.broker.roster(channel)
        topic, law = await chat.broker.topic(channel), await chat.broker.rules(channel)
        if channel in session.channels and not session.gone:
            tip = Position("", 0)
            chat.hub.reply(
                session, replies.Welcome(roster.channel, tip, roster, topic, [], law.modes)
            )


def _may_join(channel: str, me: Identity, key: str, law: Rules, standing: Standing) -> None:
    rules.join(law, standing, channel, rules.who(me), key)


async def leave(chat: "Chat", session: Session, command: commands.Leave) -> None:
    channel, why = _sorted_out(session, command.channel, command.why)
    name = _joined(session, channel)
    why = names.text(why)
    try:
        await chat.broker.leave(session.me, name, why)
        await chat.seen(session)
        chat.hub.part(session, name)  # done already, unless the event fell into a gap
    except Refused as refused:
        if refused.code is not Code.NOT_MEMBER:
            raise
        chat.hub.part(session, name)  # the cluster knew it before
        raise


async def tell(chat: "Chat", session: Session, command: commands.Tell) -> Reply | None:
    text = names.lines(command.text) if command.lines else names.text(command.text)
    receipt = await chat.broker.tell(
        session.me, command.nick, text, action=command.action, extra=command.extra
    )
    session.spoke = chat.seconds()
    session.wrote(receipt)
    away = receipt.away
    return replies.HolderAway(receipt.nick, away) if away is not None else None


async def show_names(chat: "Chat", session: Session, command: commands.Names) -> Reply:
    channel = _channel(session, command.channel)
    if fold(channel) in session.channels:
        roster = await chat.broker.roster(channel)
    else:
        roster = await people.roster(chat, session, channel)
    members = sorted(roster.members, key=lambda member: fold(member.nick))
    return replies.Names(roster._replace(members=members))


async def list_channels(chat: "Chat", session: Session, command: commands.ListChannels) -> Reply:
    found = await secrecy.listed(chat, session)
    if command.pattern:
        fits = masks.like(command.pattern)
        found = [
            channel
            for channel in found
            if fits(channel.name) or fits(channel.name.removeprefix("#"))
        ]
    return replies.Channels(*_page(found, command.page, ROWS))


async def who(chat: "Chat", session: Session, command: commands.Who) -> Reply:
    found = people.seen(session, await chat.broker.people())
    return replies.Everyone(*_page(found, command.page, PEOPLE))


async def topic(chat: "Chat", session: Session, command: commands.Topic) -> Reply | None:
    channel, text = _sorted_out(session, command.channel, command.text)
    if not text:
        shown = _channel(session, channel)
        await secrecy.see(chat, session, shown)
        found = await chat.broker.topic(shown)
        return replies.TopicIs(chat.hub.spelled(fold(shown), shown), found)
    await set_topic(chat, session, _joined(session, channel), text)
    return None


async def set_topic(chat: "Chat", session: Session, name: str, text: str) -> None:
    """Set a channel's topic, or take it away."""
    judge = partial(_may_set_topic, chat.hub.spelled(name))
    await chat.broker.set_topic(session.me, name, names.text(text), judge=judge)
    await chat.seen(session)


def _may_set_topic(channel: str, law: Rules, standing: Standing) -> None:
    rules.topic(law, standing, channel)


async def mode(chat: "Chat", session: Session, command: commands.Mode) -> Reply | None:
    return await chanops.mode(chat, session, _channel(session, command.channel), command.words)


async def kick(chat: "Chat", session: Session, command: commands.Kick) -> None:
    channel = _channel(session, command.channel)
    await chanops.kick(chat, session, channel, command.nick, command.why)


async def rename_channel(chat: "Chat", session: Session, command: commands.RenameChannel) -> None:
    channel, new = _channel(session, command.channel), names.channel(command.new)
    session.afford(Act.JOINS, Code.JOINS_TOO_OFTEN)
    await chanops.rename(chat, session, channel, new, command.why)


async def invite(chat: "Chat", session: Session, command: commands.Invite) -> Reply:
    return await chanops.invite(chat, session, _channel(session, command.channel), command.nick)


async def history(chat: "Chat", session: Session, command: commands.History) -> Reply:
    name = _joined(session, command.channel)
    count, readers = min(command.count, HISTORY), ranks(session.channels[name].status)
    found = await chat.broker.history(name, count, command.before, readers)
    return replies.Lines(chat.hub.spelled(name), *found, command.before)


async def set_option(chat: "Chat", session: Session, command: commands.SetOption) -> Reply:
    if command.name:
        chat.hub.listen_as(session, session.dialect.option(command.name, command.on))
    return replies.Options()


async def token(chat: "Chat", session: Session, command: commands.Token) -> Reply:
    return replies.Token(await kept.keep(chat, session))


async def resume(chat: "Chat", session: Session, command: commands.Resume) -> None:
    await kept.resume(chat, session, command.token, command.places)


async def ping(chat: "Chat", session: Session, command: commands.Ping) -> Reply:
    await all_here(chat)
    return replies.Pong(command.text)


async def all_here(chat: "Chat") -> None:
    """Returns when all that was accepted before has been shown, and, as a rule, what others had
    sent by then: to another node, perhaps, a moment before the ping came here. Doesn't wait for a
    broker that is away.
    """
    if chat.broker.ready:
        await chat.broker.barrier(patient=True)


async def stats(chat: "Chat", session: Session, command: commands.Stats) -> Reply:
    totals = await chat.broker.totals()
    uptime = int(chat.seconds() - chat.started)
    here = Totals(1, len(chat.hub.sessions), len(chat.hub), chat.tally.lines)
    return replies.StatsAre(chat.config.node, uptime, here, totals)


async def end(chat: "Chat", session: Session, command: commands.Quit) -> None:
    await chat.end(session, names.text(command.why), replies.Goodbye.QUIT, for_good=True)


async def answer(chat: "Chat", session: Session, command: commands.Answer) -> Reply:
    return command.reply


async def do(chat: "Chat", session: Session, command: commands.Do) -> Reply | None:
    return await command.verb(chat, session)


Verb = Callable[["Chat", Session, Any], Awaitable[Reply | None]]

VERBS: dict[type[commands.Command], Verb] = {
    commands.SetNick: nick,
    commands.Join: join,
    commands.Leave: leave,
    commands.Tell: tell,
    commands.Names: show_names,
    commands.ListChannels: list_channels,
    commands.Who: who,
    commands.Topic: topic,
    commands.Mode: mode,
    commands.Kick: kick,
    commands.Invite: invite,
    commands.RenameChannel: rename_channel,
    commands.History: history,
    commands.Span: past.span,
    commands.Targets: past.targets,
    commands.Redact: past.redact,
    commands.Tag: past.tag,
    commands.SetOption: set_option,
    commands.Token: token,
    commands.Resume: resume,
    commands.Ping: ping,
    commands.Stats: stats,
    commands.Quit: end,
    commands.Answer: answer,
    commands.Do: do,
    **people.VERBS,
    **policing.VERBS,
}
