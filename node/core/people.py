"""What is asked and said about people: verbs, as in `verbs`, and what somebody may know of others.

Whoever comes is shown under a cloak in the place of their address; operators see the address, and
so does everybody their own. Who is invisible (+i) is seen by those who share a channel with them,
and by whoever asks for their very nick; a secret channel (+s, +p) by those who are in it.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from broker.api import (
    BOT,
    Attendee,
    Code,
    Member,
    Person,
    Presence,
    Profile,
    Refused,
    Roster,
    Seat,
    Sighting,
    altered,
)
from broker.names import fold
from node.core import commands, masks, names, replies, rules
from node.core.limits import Act
from node.core.opers import HEARS, INFORMED, OPER, Right
from node.core.policing import may
from node.core.replies import Reply
from node.core.rules import NO_CTCP
from node.core.session import Session

if TYPE_CHECKING:
    from node.core.chat import Chat

REAL = 150
"""The most letters of a real name."""

OPERATOR, INVISIBLE, CLOAKED = OPER, "i", "x"
"""User modes (Modern IRC Client Protocol, "User Modes"; +x is that of InspIRCd and others)."""

TOGGLED = {INVISIBLE, INFORMED, HEARS, BOT, CLOAKED, NO_CTCP}
"""Those that one sets and takes away as one likes: that one is an operator can only be taken away.
"""


# -- who may know what


def is_operator(session: Session) -> bool:
    """Whether they're an operator of the server who may see what others mustn't."""
    return may(session, Right.SEE)


def known(session: Session, person: Person) -> Person:
    """A person's details, as far as somebody may know them."""
    if session.called(person.nick) or is_operator(session):
        return person
    seats = zip(person.channels, person.seats, strict=True)
    invisible = INVISIBLE in person.profile.modes
    open_to = [(name, seat) for name, seat in seats if _open(session, seat, invisible)]
    return person._replace(
        channels=[name for name, _ in open_to],
        seats=tuple(seat for _, seat in open_to),
        profile=_shown(person.profile),
    )


def _open(session: Session, seat: Seat, invisible: bool) -> bool:
    if fold(seat.channel) in session.channels:
        return True
    return not invisible and not rules.hidden(seat.modes)


def _shown(profile: Profile) -> Profile:
    return replace(profile, peer="", certificate="")


def _visible(session: Session, present: Presence) -> bool:
    return (
        INVISIBLE not in present.profile.modes
        or is_operator(session)
        or present.nick == session.me.nick
        or not session.channels.keys().isdisjoint(present.channels)
    )


def seen(session: Session, people: Iterable[Presence]) -> list[Presence]:
    """Those of all whom somebody may see."""
    return [present for present in people if _visible(session, present)]


def real_host(peer: str) -> str:
    """An address as it stands in a `user@host`: with a digit at its beginning, so that it's no
    line's last parameter in IRC.
    """
    return f"0{peer}" if peer.startswith(":") else peer


# -- asking


async def whois(chat: "Chat", session: Session, command: commands.Whois) -> Reply:
    person = await chat.broker.person(command.nick)
    idle = None
    with suppress(Refused):  # they have gone meanwhile
        idle = await chat.broker.idle(command.nick)
    return replies.Whois(known(session, person), idle)


async def whowas(chat: "Chat", session: Session, command: commands.Whowas) -> Reply:
    found = await chat.broker.was(command.nick, command.count)
    if not is_operator(session):
        found = [was._replace(profile=_shown(was.profile)) for was in found]
    return replies.Whowas(command.nick, found)


async def find(chat: "Chat", session: Session, command: commands.Find) -> replies.Present:
    found = await chat.broker.persons(command.nicks)
    return replies.Present([known(session, person) for person in found if person is not None])


async def look(chat: "Chat", session: Session, command: commands.Look) -> Reply:
    mask = command.mask
    channel = ""
    if mask.startswith("#"):
        try:
            channel, found = await _attendees(chat, session, names.channel(mask))
        except Refused as refused:
            if refused.code not in (Code.NO_SUCH_CHANNEL, Code.CHANNEL_INVALID):
                raise
            channel, found = mask, []
    elif "*" in mask or "?" in mask or mask in ("", "0"):
        found = await _fitting(chat, session, mask if mask != "0" else "*")
    else:
        persons = await chat.broker.persons([mask])
        found = [Attendee(Member(p.nick), p) for p in persons if p is not None]
        found = found or await _fitting(chat, session, mask)
    if command.operators:
        found = [each for each in found if OPERATOR in each.person.profile.modes]
    shown = [each._replace(person=known(session, each.person)) for each in found]
    return replies.Looked(mask, channel, shown)


async def _attendees(chat: "Chat", session: Session, channel: str) -> tuple[str, list[Attendee]]:
    """A channel as first spelled, and those of its members whom somebody may see.

    Raises NO_SUCH_CHANNEL, also if it's secret and they aren't in it.
    """
    found = await chat.broker.members(channel)
    if fold(channel) in session.channels or is_operator(session):
        return found.channel, found.attendees
    if rules.hidden(found.modes):
        raise Refused(Code.NO_SUCH_CHANNEL, channel)
    shown = [each for each in found.attendees if INVISIBLE not in each.person.profile.modes]
    return found.channel, shown


async def roster(chat: "Chat", session: Session, channel: str) -> Roster:
    """Who is in a channel, as far as somebody may see it who isn't. Raises NO_SUCH_CHANNEL."""
    name, attendees = await _attendees(chat, session, channel)
    return Roster(name, [each.member for each in attendees], len(attendees))


async def _fitting(chat: "Chat", session: Session, mask: str) -> list[Attendee]:
    """Whoever fits a mask, of all whom somebody may see."""
    everybody = seen(session, await chat.broker.people())
    fits = masks.like(mask or "*")
    full = is_operator(session)
    return [
        Attendee(Member(each.nick), Person(*each[:4], [], each.profile))
        for each in everybody
        if any(map(fits, _texts(each, full=full)))
    ]


def _texts(present: Presence, *, full: bool) -> Iterable[str]:
    """What of somebody a mask may fit."""
    profile = present.profile
    yield from (present.nick, f"{present.nick}!{profile.by}", profile.by, profile.real)
    yield from profile.by.split("@")
    if full:
        yield profile.peer


# -- watching


async def watch(chat: "Chat", session: Session, command: commands.Watch) -> Reply:
    found = await chat.watchers.watch(session, command.nicks)
    return replies.Seen(found.there, found.free, found.refused)


async def unwatch(chat: "Chat", session: Session, command: commands.Unwatch) -> None:
    nicks = command.nicks
    chat.watchers.unwatch(session, list(session.watched) if nicks is None else nicks)


async def watched(chat: "Chat", session: Session, command: commands.Watched) -> Reply:
    return replies.Watching(list(session.watched.values()))


async def sightings(chat: "Chat", session: Session) -> replies.Seen:
    """Who is there of those that somebody watches."""
    nicks = list(session.watched.values())
    found = await chat.broker.persons(nicks)
    there = [Sighting(one.nick, "", one.profile.by) for one in found if one is not None]
    free = [nick for nick, one in zip(nicks, found, strict=True) if one is None]
    return replies.Seen(there, free)


# -- what one says of oneself


def afford(session: Session) -> None:
    """Count a change that all channels are told of. Raises CHANGES_TOO_OFTEN."""
    session.afford(Act.NICKS, Code.CHANGES_TOO_OFTEN)


async def alter(
    chat: "Chat", session: Session, what: str, value: str | None, channels: Collection[str]
) -> bool:
    """Have something of somebody be otherwise, in these channels; whether any was told."""
    me = session.me
    told = await chat.broker.alter(me, what, value, channels)
    if what == "away":
        me.away = value
    me.profile = altered(me.profile, what, value)
    if told:
        await chat.seen(session)
    return told != []


async def away(chat: "Chat", session: Session, command: commands.SetAway) -> Reply:
    why = None if command.why is None else names.text(command.why)
    news = why != session.me.away
    if news:
        afford(session)
    await alter(chat, session, "away", why, session.channels if news else ())
    return replies.AwaySet(why)


async def away_still(chat: "Chat", session: Session, channel: str) -> None:
    """Somebody who is away came into a channel, where nobody knows it."""
    if session.me.away is not None:
        with suppress(Refused):  # they've come nevertheless
            await alter(chat, session, "away", session.me.away, [channel])


async def set_real(chat: "Chat", session: Session, command: commands.SetReal) -> Reply:
    real = names.text(command.text)
    if len(real) > REAL:
        raise Refused(Code.TEXT_TOO_LONG)
    afford(session)
    told = await alter(chat, session, "real", real, session.channels)
    return replies.RealSet(real, told)


async def user_modes(chat: "Chat", session: Session, command: commands.UserModes) -> Reply:
    me = session.me
    if not session.called(command.nick):
        if await chat.broker.persons([command.nick]) == [None]:
            raise Refused(Code.NO_SUCH_NICK, command.nick)
        raise Refused(Code.OTHERS_MODES, command.nick)
    before, modes = set(me.profile.modes), set(me.profile.modes)
    unknown = ""
    for sign, letter in command.changes:
        if letter in TOGGLED or (letter == OPERATOR and sign == "-"):
            (modes.add if sign == "+" else modes.discard)(letter)
        elif letter != OPERATOR:
            unknown += letter
    if {BOT, CLOAKED} & (before ^ modes):
        afford(session)
    if BOT in before ^ modes:
        await alter(chat, session, "bot", "on" if BOT in modes else "", session.channels)
    if before != modes:
        await alter(chat, session, "modes", "".join(sorted(modes)), ())
    if CLOAKED in before ^ modes:
        await show_host(chat, session)
    return replies.UserModes(me.nick, me.profile.modes, _changes(before, modes), unknown)


def _changes(before: set[str], after: set[str]) -> str:
    """What changed, as in `+iw-x`."""
    on, off = sorted(after - before), sorted(before - after)
    return "".join(["+" if on else "", *on, "-" if off else "", *off])


async def show_host(chat: "Chat", session: Session) -> None:
    """Have others see the host that somebody has by their modes and by where they come from."""
    profile = session.me.profile
    user = profile.by.partition("@")[0]
    cloaked = CLOAKED in profile.modes or not profile.peer
    host = chat.shown_host(profile.peer) if cloaked else real_host(profile.peer)
    if profile.by != f"{user}@{host}":
        await alter(chat, session, "host", f"{user}@{host}", session.channels)


async def moved(chat: "Chat", session: Session, came: Profile) -> None:
    """Somebody's session was taken up on another connection, from another address perhaps. `came`:
    what was known of who came on that.
    """
    if session.me.profile.secure != came.secure:
        await alter(chat, session, "secure", "on" if came.secure else "", ())
    if session.me.profile.peer != came.peer:
        await alter(chat, session, "peer", came.peer, ())
        await show_host(chat, session)


VERBS: dict[type[commands.Command], Any] = {
    commands.Whois: whois,
    commands.Whowas: whowas,
    commands.Find: find,
    commands.Look: look,
    commands.Watch: watch,
    commands.Unwatch: unwatch,
    commands.Watched: watched,
    commands.SetAway: away,
    commands.SetReal: set_real,
    commands.UserModes: user_modes,
}
