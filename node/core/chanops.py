"""What operators of a channel do: its modes and lists, kicks, invitations.

    Mode("+o", "bob") ─ modes.read ─> Broker.rule ─ decide: rules.enact ─> Ruled, to all there

What is allowed is judged in `rules`, by what holds at the moment at which it's done.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from broker.api import Code, Refused
from broker.names import fold
from broker.rules import Decision, Fellow, Rules, Standing
from node.core import modes, names, replies, rules, secrecy
from node.core.modes import MODES, Asked, Change, Kind
from node.core.replies import Reply
from node.core.rules import Enacted
from node.core.session import Session

if TYPE_CHECKING:
    from node.core.chat import Chat


async def _belong(chat: "Chat", session: Session, channel: str) -> None:
    """Raises NOT_MEMBER, or NO_SUCH_CHANNEL: nothing of who is there is told to who isn't."""
    if fold(channel) not in session.channels:
        await secrecy.see(chat, session, channel)
        raise Refused(Code.NOT_MEMBER, channel)


async def mode(
    chat: "Chat",
    session: Session,
    channel: str,
    words: Sequence[str],
    refuse: Callable[[Refused], None] | None = None,
) -> Reply | None:
    """Change modes, or show them. All of it is done or nothing, and then it raises Refused; or, if
    there is a `refuse`, which is told of what can't be done, all the rest.
    """
    asked = modes.read(words)
    for refused in asked.refused:
        _refuse(refused, refuse)
    if asked.changes:
        await _change(chat, session, channel, asked, refuse)
    if asked.lists or not words:
        return await _show(chat, session, channel, asked.lists)
    return None


def _refuse(refused: Refused, refuse: Callable[[Refused], None] | None) -> None:
    if refuse is None:
        raise refused
    refuse(refused)


async def _show(chat: "Chat", session: Session, channel: str, lists: list[str]) -> Reply:
    found = await secrecy.rules_of(chat, session, channel)
    spelled = chat.hub.spelled(fold(channel), channel)
    if not lists:
        created = (await chat.broker.channel(channel)).created
        return replies.ModesAre(spelled, found, fold(channel) in session.channels, created)
    return replies.MasksAre(spelled, {letter: found.lists.get(letter, ()) for letter in lists})


async def _change(
    chat: "Chat",
    session: Session,
    channel: str,
    asked: Asked,
    refuse: Callable[[Refused], None] | None,
) -> None:
    me, inside = session.me, fold(channel) in session.channels
    await secrecy.see(chat, session, channel)
    wanted = await _without_forwards(chat, session, asked.changes, refuse)
    enacted: list[Enacted] = []

    def decide(law: Rules, there: Mapping[str, Fellow]) -> Decision:
        mine = there.get(fold(me.nick))
        member = mine is not None and mine.sid == me.sid
        standing = Standing(member, mine.status if mine is not None and member else "")
        done = rules.enact(
            law,
            standing,
            wanted,
            _among(there),
            channel=channel,
            me=rules.who(me),
            ms=int(chat.seconds() * 1000),
        )
        if done.refused and refuse is None:
            raise done.refused[0]
        enacted[:] = [done]
        return Decision(done.rules, tuple(done.changes), tuple(done.statuses.items()))

    about = [c.about for c in wanted if MODES[c.letter].kind is Kind.STATUS]
    try:
        await chat.broker.rule(me, channel, decide, about)
    except Refused as refused:
        raise await _explained(chat, refused) from None
    if enacted[0].changes and inside:
        await chat.seen(session)
    for each in enacted[0].refused:
        _refuse(await _explained(chat, each), refuse)


async def _without_forwards(
    chat: "Chat",
    session: Session,
    changes: Sequence[Change],
    refuse: Callable[[Refused], None] | None,
) -> list[Change]:
    """Changes, without those that would send people to where they needn't be welcome: it takes an
    operator of the other channel. It's looked at before, and not with the change itself.
    """
    left = []
    for change in changes:
        try:
            if change.letter == "f" and change.on:
                await _may_forward(chat, session, change.about)
            left.append(change)
        except Refused as refused:
            _refuse(refused, refuse)
    return left


async def _may_forward(chat: "Chat", session: Session, channel: str) -> None:
    """Raises FORWARD_INVALID, NOT_OP."""
    try:
        await secrecy.see(chat, session, channel)
    except Refused as refused:
        if refused.code is Code.NO_SUCH_CHANNEL:
            raise Refused(Code.FORWARD_INVALID, channel) from None
        raise
    seats = (await chat.broker.person(session.me.nick)).seats
    mine = next((seat.status for seat in seats if fold(seat.channel) == fold(channel)), "")
    if not modes.reaches(mine, "o"):
        raise Refused(Code.NOT_OP, channel)


def _among(there: Mapping[str, Fellow]) -> Callable[[str], Fellow]:
    def target(nick: str) -> Fellow:
        found = there.get(fold(nick))
        if found is None:
            raise Refused(Code.TARGET_NOT_MEMBER, nick)
        return found

    return target


async def _explained(chat: "Chat", refused: Refused) -> Refused:
    """Who isn't in a channel may be nowhere at all."""
    if refused.code is Code.TARGET_NOT_MEMBER:
        try:
            await chat.broker.person(refused.about)
        except Refused as nobody:
            return nobody
    return refused


async def kick(chat: "Chat", session: Session, channel: str, nick: str, why: str) -> None:
    """Take somebody out. Raises Refused."""

    def judge(_rules: Rules, standing: Standing, target: Fellow) -> None:
        rules.kick(standing, target.status, channel)

    await _belong(chat, session, channel)
    await chat.broker.kick(session.me, channel, nick, names.text(why), judge=judge)
    await chat.seen(session)


async def rename(chat: "Chat", session: Session, channel: str, new: str, why: str) -> None:
    """Give a channel another name. Raises Refused."""

    def judge(_law: Rules, standing: Standing) -> None:
        rules.rename(standing, channel)

    await _belong(chat, session, channel)
    spelled = chat.hub.spelled(fold(channel), channel)
    if new == spelled or fold(new) == fold(chat.config.lobby) != fold(channel):
        raise Refused(Code.NAME_IN_USE, new)
    await chat.broker.move(session.me, spelled, new, names.text(why), judge=judge)
    await chat.seen(session)


async def invite(chat: "Chat", session: Session, channel: str, nick: str) -> Reply:
    """Ask somebody in. Raises Refused."""

    def judge(law: Rules, standing: Standing) -> None:
        rules.invite(law, standing, channel)

    await _belong(chat, session, channel)
    invited = await chat.broker.invite(session.me, channel, nick, judge=judge)
    await chat.seen(session)
    spelled = chat.hub.spelled(fold(channel), channel)
    return replies.Inviting(spelled, invited.nick, invited.away)
