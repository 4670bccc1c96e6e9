"""Kept sessions: the token that a person asks for, and taking a session up again with it.

    /token  ──> Broker.keep ──> token TOKEN
    /resume ──> Broker.resume ─> nick ─> what was missed in private ─> each channel: regain, missed
                                                                        └─> resumed

A token is the session's public name and a secret. What was certainly not read yet comes as it
would have come; what may have been read comes as history. See `Broker.resume` for whose it is
meanwhile.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from hmac import compare_digest
from typing import TYPE_CHECKING

import msgspec

from broker.api import Code, Identity, Missed, Position, Reach, Refused, Resumed
from broker.events import Entry, Quit, Renamed
from broker.names import fold
from broker.spans import ranks
from node.core import people, replies
from node.core.session import Session, new_secret

if TYPE_CHECKING:
    from node.core.chat import Chat

_TOKEN = re.compile(r"([0-9a-f]{16})([0-9a-f]{32})\Z")

NAMING = 20
"""How many guest nicks are tried."""


class _State(msgspec.Struct):
    """What the core needs of a session besides what the cluster knows."""

    current: str | None
    options: list[str]


def state(session: Session) -> bytes:
    """A session's state, to be kept with it."""
    return msgspec.json.encode(_State(session.current, sorted(session.dialect.options)))


def token(session: Session) -> str:
    """The token of a session that is kept."""
    return session.me.sid + session.secret


async def keep(chat: "Chat", session: Session) -> str:
    """See to it that the session is kept; its token. Raises Refused."""
    if not session.secret:
        secret = new_secret()
        await chat.broker.keep(session.me, secret, state(session))
        session.secret = secret
        chat.keeps(session)
    return token(session)


async def resume(
    chat: "Chat", session: Session, given: str, places: dict[str, tuple[str, int]]
) -> None:
    """Make a connection's session the kept one that the token is of.

    `places`: by channel, up to where it was read for certain. Raises TOKEN_UNKNOWN, AWAY.
    """
    parts = _TOKEN.match(given)
    if parts is None:
        raise Refused(Code.TOKEN_UNKNOWN)
    sid, secret = parts.groups()
    before = chat.hub.sessions.get(sid)
    if chat.is_resuming(sid) and before is not None and compare_digest(before.secret, secret):
        chat.hand_over(before)  # it may be waiting for somebody who isn't there any more
    async with chat.resuming(sid):
        await _resume(chat, session, sid, secret, places)


async def _resume(
    chat: "Chat", session: Session, sid: str, secret: str, places: dict[str, tuple[str, int]]
) -> None:
    here = chat.hub.sessions.get(sid)
    if here is not None and compare_digest(here.secret, secret):
        if here is session:
            channels = [chat.hub.spelled(name) for name in session.channels]
            chat.hub.reply(session, replies.Resumed(session.me.nick, sid, channels))
            return
        await _hand_over(chat, here)
    came = session.me.profile
    me = Identity(sid, new_secret(), "", session.me.address, profile=session.me.profile)
    resumed = await chat.broker.resume(me, secret)
    known = msgspec.json.decode(resumed.state, type=_State)
    channels = list(session.channels)
    chat.hub.leave_all(session)
    before = chat.become(session, me)
    chat.spawn(chat.leave_behind(before, channels))
    session.secret = secret
    for option in known.options:
        with suppress(Refused):  # another dialect's
            session.dialect = session.dialect.option(option, True)
    try:
        await _take_up(chat, session, resumed, {fold(name): at for name, at in places.items()})
        if not session.gone:
            await chat.broker.resumed(me)
        if session.gone:  # whoever came for it meanwhile waits for this
            await chat.broker.detach(me, state(session))
            return
    except Refused as refused:
        elsewhere = refused.code is Code.ELSEWHERE
        goodbye = replies.Goodbye.ELSEWHERE if elsewhere else replies.Goodbye.AWAY
        chat.spawn(chat.end(session, "", goodbye))
        return
    session.current = known.current if known.current in session.channels else None
    chat.keeps(session)
    with suppress(Refused):  # it's taken up nevertheless
        await people.moved(chat, session, came)


async def _hand_over(chat: "Chat", session: Session) -> None:
    """Take a session off the connection that it has here."""
    leaving = chat.broker.detach(session.me, state(session))
    chat.hand_over(session)
    await leaving


async def _take_up(
    chat: "Chat", session: Session, resumed: Resumed, places: dict[str, tuple[str, int]]
) -> None:
    me, hub = session.me, chat.hub
    named = me.nick != ""
    if not named:
        await _rename_as_guest(chat, session)
    hub.reply(session, replies.Resumed(me.nick, me.sid, resumed.channels))
    catching_up = _CatchingUp(chat, session, resumed, places)
    if named:
        await catching_up.private()
    for name in resumed.channels:
        await chat.written(session)
        if session.gone:
            return
        await catching_up.channel(name)


class _CatchingUp:
    """Shows a person what they missed. `places`: by channel, as for `resume`.

    A quit or a nick change stands in the log of each channel and is shown once, so those that were
    shown in one channel have to be known in the others.
    """

    def __init__(
        self,
        chat: "Chat",
        session: Session,
        resumed: Resumed,
        places: dict[str, tuple[str, int]],
    ) -> None:
        self._chat = chat
        self._session = session
        self._resumed = resumed
        mine = {fold(channel) for channel in resumed.channels}
        self._places = {name: at for name, at in places.items() if name in mine}
        self._strays = [Position(*at) for name, at in places.items() if name not in mine]
        self._shown: set[tuple[str, int]] = set()  # the sid and num of quits and nick changes
        self._looked: set[str] = set()  # the channels in which those before were looked for

    def _reach(self, name: str) -> Reach:
        place = self._places.get(name)
        if place is not None:
            return Reach(Position(*place), -1)
        return self._resumed.told.get(name, Reach(Position("", -1), 0))

    async def private(self) -> None:
        """Show what came to the nick, and what comes from now on."""
        chat, me, inbox = self._chat, self._session.me, self._resumed.inbox
        reach = self._resumed.told[fold(me.nick)]
        missed = await chat.broker.missed(me.nick, reach.after, inbox)
        self._show("", missed, inbox.epoch, _read(reach, self._resumed.till), "")
        chat.broker.attend(me, inbox)

    async def channel(self, channel: str) -> None:
        """Take up one membership, and show what was missed there."""
        name, hub, broker = fold(channel), self._chat.hub, self._chat.broker
        hub.expect(name)
        try:
            await broker.follow(name)
            found = await broker.regain(self._session.me, name)
            if found is None:
                hub.give_up(name)
                hub.reply(self._session, replies.Notice(replies.News.CHANNEL_LOST, channel))
                return
            await self._find_stray(name, found.tip)
            reach = self._reach(name)
            after = reach.after
            if after.seq < 0 or (after.epoch == found.tip.epoch and after.seq < found.since):
                after = Position(found.tip.epoch, found.since)
            missed = await broker.missed(name, after, found.tip)
            await self._look_elsewhere(name, missed)
        except BaseException:
            hub.give_up(name)
            raise
        epoch, till = found.tip.epoch, 0 if name in self._places else self._resumed.till
        self._show(found.channel, missed, epoch, _read(reach, till), ranks(found.status))
        hub.take_up(self._session, name, found, after.seq if after.epoch == epoch else 0)

    async def _find_stray(self, name: str, tip: Position) -> None:
        """A place may have been given under a name that the channel had before: it's in its log."""
        if name in self._places:
            return
        for place in self._strays:
            if (await self._chat.broker.missed(name, place, tip)).lost is not None:
                self._strays.remove(place)
                self._places[name] = place.epoch, place.seq
                return

    async def _look_elsewhere(self, name: str, missed: Missed) -> None:
        """Find out what of this was shown before in other channels of the session."""
        mine = {fold(channel) for channel in self._resumed.channels} - {name}
        for entry in missed.entries:
            event = entry.event
            if not isinstance(event, Renamed | Quit):
                continue
            for other in mine.intersection(event.channels) - self._looked:
                self._looked.add(other)
                after = self._reach(other).after
                earlier = await self._chat.broker.missed(other, Position(after.epoch, 0), after)
                self._shown |= {
                    (e.event.sid, e.event.num)
                    for e in earlier.entries
                    if isinstance(e.event, Renamed | Quit)
                }

    def _show(
        self,
        channel: str,
        missed: Missed,
        epoch: str,
        read: Callable[[Entry], bool],
        readers: str,
    ) -> None:
        self._chat.hub.show_missed(
            self._session, channel, missed, epoch, read=read, shown=self._shown, readers=readers
        )


def _read(reach: Reach, till: int) -> Callable[[Entry], bool]:
    """Whether a person may have read an entry."""
    return lambda entry: entry.seq <= reach.maybe or entry.ms <= till


async def _rename_as_guest(chat: "Chat", session: Session) -> None:
    """Somebody else has the nick by now."""
    for _ in range(NAMING):
        session.me.nick = chat.guest()
        try:
            await chat.broker.open(session.me)
        except Refused as refused:
            session.me.nick = ""
            if refused.code is not Code.NICK_TAKEN:
                raise
        else:
            chat.hub.reply(session, replies.Notice(replies.News.NICK_LOST, session.me.nick))
            return
    raise Refused(Code.BUSY)


async def take_back(chat: "Chat", session: Session) -> bool:
    """Take up a kept session for the connection that it had all the time: its node was cut off.

    What came meanwhile has been shown by the feed. False if it has ended, for want of anybody who
    took it up. Raises Refused if it couldn't be settled.
    """
    me, nick = session.me, session.me.nick
    me.token = new_secret()
    try:
        await chat.broker.resume(me, session.secret, detached=True)
    except Refused as refused:
        me.nick = me.nick or nick
        if refused.code is Code.TOKEN_UNKNOWN:
            return False
        if refused.code is Code.ELSEWHERE:
            chat.hand_over(session)
            return True
        raise
    try:
        if not me.nick:
            await _rename_as_guest(chat, session)
        for name in list(session.channels):
            regained = await chat.broker.regain(me, name)
            status = "" if regained is None else regained.status
            if regained is None:
                # they never left it, nor were they taken out, of which the feed would have told: it
                # was lost, and what they missed for that is told by the feed, too
                await chat.broker.join(me, name, announce=False, roster=0, history=0)
            if name in session.channels:
                session.channels[name].status = status
        await chat.broker.resumed(me)
    except BaseException:
        me.nick = me.nick or nick
        await chat.broker.detach(me, state(session))
        raise
    chat.keeps(session)
    return True
