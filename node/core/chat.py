"""The chat of one node: its sessions from greeting to goodbye, and what the broker tells.

It's the broker's `Sink`, and it performs what the lanes bring. What each command does is in
`verbs`.
"""

import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from broker.api import Broker, Code, Identity, Kept, Profile, Refused, Sighting
from broker.bans import Ban
from broker.events import Altered
from broker.names import fold
from node.core import kept, names, people, verbs
from node.core.bans import Bans
from node.core.commands import Command, Say
from node.core.dialect import Connection, Dialect
from node.core.hub import Hub, Outbox
from node.core.journal import Journal, NoJournal
from node.core.lane import Lane
from node.core.opers import OPER, NoOperators, Operators, StandDown
from node.core.replies import (
    Answered,
    Closing,
    Error,
    Goodbye,
    Greeting,
    News,
    Notice,
    Reply,
    Seen,
)
from node.core.session import Promise, Session, Waiting, new_secret, new_sid
from node.core.tally import Tally
from node.core.watchers import Watchers

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
LOST = "connection lost"

GUESSES = 20
"""How many guest nicks are tried before it's said that it can't be done now."""

RESTORING = 20
"""How often a session that the cluster lost is tried to be put back at once."""

AGAIN = 1.0
"""Seconds until it's tried again, as long as the broker is there and doesn't take it."""


class Greet(Command, frozen=True):
    """A new session finds a nick and comes into the lobby, if its dialect's people do."""

    aside = False

    lobby: bool


class Restore(Command, frozen=True):
    """The cluster knows the session no more: take back what nobody else holds."""

    aside = False


class Yield(Command, frozen=True):
    """Somebody else has the session's nick, and keeps it: take a guest's.

    `nick` and `token`: as it was told; by now they may have another, or have it anew.
    """

    aside = False

    nick: str
    token: str


class Mend(Command, frozen=True):
    """The cluster may have lost something of the session: see that it has all."""

    aside = False


class End(Command, frozen=True):
    """The session is over: `why` is for others, `closing` for the person if they're there, with
    what it's about. `for_good`: also if it's kept.
    """

    aside = False

    why: str
    closing: Goodbye | None = None
    about: str = ""
    for_good: bool = False


class Dismiss(Command, frozen=True):
    """The server closes the connection; the session is kept for whoever takes it up."""

    aside = False

    closing: Goodbye


@dataclass(frozen=True, slots=True)
class ChatConfig:
    """What people see and what bounds there are. `lobby` empty: none. `channel_modes`: the modes
    (flags) of new channels.
    """

    server: str = "chorus"
    node: str = "node"
    lobby: str = "#lobby"
    channel_modes: str = "n"
    channels_per_session: int = 100


class Chat:
    """See the module's docstring.

    `spawn` runs a coroutine and logs what it raises. `promise` makes a `Promise`. `later` does
    something after so many seconds.
    `seconds` is Unix time. `shown_host`: what others see of the address that somebody comes from.
    `bans`: those by mask are looked at here, when it's known who somebody is. `operators`: of the
    chat; None: there are none.
    """

    def __init__(
        self,
        config: ChatConfig,
        broker: Broker,
        outbox: Outbox,
        *,
        rng: random.Random,
        seconds: Callable[[], float],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        promise: Callable[[], Promise],
        later: Callable[[float, Callable[[], None]], object],
        tally: Tally | None = None,
        journal: Journal | None = None,
        shown_host: Callable[[str], str] = lambda peer: peer or "local",
        bans: Bans | None = None,
        operators: Operators | None = None,
    ) -> None:
        self.config = config
        self.broker = broker
        self.tally = tally or Tally()
        self.journal = journal or NoJournal()
        self.hub = Hub(outbox, broker.unfollow, self.tally, self._taken_along)
        self.events = self.hub.events  # as `broker.api.Sink.events`; each line comes by here
        self.watchers = Watchers(broker, self._tell_seen, self._show_altered)
        self.started = seconds()
        self.seconds = seconds
        self._rng = rng
        self.shown_host = shown_host
        self._bans = bans or Bans(lambda: 0)
        self.operators = operators or NoOperators()
        self._spawn = spawn
        self.promise = promise
        self._later = later
        self._known: set[Session] = set()  # to the cluster: opened, and not evicted since
        self._unknown: dict[Session, bool] = {}  # to be restored; True: nobody saw them quit
        self._restoring: set[Session] = set()  # that are neither, just now
        self._retried: set[Session] = set()  # that are restored a while later
        self._present: set[str] = set()  # sessions that the cluster may still know
        self._empty: Promise | None = None
        self._replicated = True  # as far as is known
        self._kept: set[Session] = set()
        self._resuming: dict[str, list[Promise]] = {}  # sid: who waits to do that next

    # -- sessions

    def connect(
        self,
        connection: Connection,
        dialect: Dialect,
        address: str,
        *,
        peer: str = "",
        certificate: str = "",
        secure: bool = False,
    ) -> Session:
        """Somebody is there; `address` may be empty. `greet` is next. `peer`: for logs.
        `certificate`: as for `Session`, and `secure` as for `Profile`.
        """
        me = Identity(new_sid(), "", "", address, int(self.seconds() * 1000))
        comes_from = peer or address
        host = self.shown_host(comes_from)
        modes = people.CLOAKED if host != comes_from else ""
        me.profile = Profile(
            f"{dialect.name}@{host}", "", comes_from, modes, "", certificate, secure
        )
        session = Session(me, dialect, connection)
        session.lane = Lane(session, self)
        self.hub.sessions[me.sid] = session
        self._present.add(me.sid)
        self.tally.connections += 1
        session.peer = peer or address
        session.certificate = certificate
        self.journal.connected(session)
        return session

    def greet(self, session: Session, *, lobby: bool = True) -> None:
        """The connection knows its session: begin. `lobby`: whether they come into it."""
        session.lane.add(Greet(lobby))

    def hear(self, session: Session, line: bytes) -> None:
        """The person sent a line."""
        command = session.parse(line)
        if command is not None and not session.gone:
            session.lane.add(command)

    def heard_too_long(self, session: Session) -> None:
        """The person sent a line that was too long; it was dropped."""
        if not session.gone:
            session.lane.add(session.dialect.too_long())

    def lost(
        self, session: Session, why: str = LOST, closing: Goodbye | None = None, about: str = ""
    ) -> None:
        """The connection is gone, or nothing more will come from it.

        What was typed before is done, then the session ends. `closing`, `about`: as in `End`.
        """
        session.lane.add(End(why, closing, about))

    def dismiss(self, session: Session, closing: Goodbye) -> None:
        """Close a connection, and keep the session for whoever takes it up: the last line says
        how.
        """
        session.lane.first(Dismiss(closing))

    def expel(self, session: Session, closing: Goodbye, why: str) -> None:
        """End a session for good, with an operator's reason, which may be empty; others read it,
        too.
        """
        session.lane.first(End(closing.because(why), closing, why, for_good=True))

    def announce(self, text: str) -> int:
        """Tell everybody here an operator's words; how many that are."""
        return self._notice(News.OPERATOR, text)

    async def close_all(self, closing: Goodbye) -> None:
        """Say goodbye to everybody; returns when the cluster knows none of them any more.

        Whoever is left of a drain is dismissed like the others, perhaps once more: their lane may
        not have come to it yet.
        """
        drained = closing is Goodbye.DRAIN
        for session in list(self.hub.sessions.values()):
            session.lane.first(Dismiss(closing) if drained else End(LOST, closing))
        if self._present:
            self._empty = self.promise()
            await self._empty

    def founder_of(self, channel: str) -> str:
        """The status of whoever comes into a channel in which nobody is: the lobby is nobody's."""
        return "" if fold(channel) == fold(self.config.lobby) else "o"

    def guest(self) -> str:
        """A nick that the server may give."""
        return names.GUEST + "".join(self._rng.choices(_LETTERS, k=5))

    # -- what lanes bring (`lane.Performer`)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._spawn(work)

    def say(self, session: Session, command: Say) -> None:
        verbs.say(self, session, command)

    async def perform(self, session: Session, command: Command) -> None:
        if session.gone:
            return
        try:
            match command:
                case Greet():
                    await self._greet(session, command)
                case Restore():
                    await self._restore(session)
                case Yield():
                    await self._yield(session, command)
                case Mend():
                    await self._mend(session)
                case End(why, closing, about, for_good):
                    await self.end(session, why, closing, about, for_good=for_good)
                case Dismiss():
                    await self._dismiss(session, command.closing)
                case _:
                    reply = await verbs.VERBS[type(command)](self, session, command)
                    self.answer(session, command, reply)
        except Refused as refused:
            self.refuse(session, refused, command)

    def refuse(self, session: Session, refused: Refused, command: Command) -> None:
        code = refused.code
        if (
            isinstance(command, Say)
            and code is Code.NOT_MEMBER
            and fold(refused.about) in session.channels
        ):
            code = Code.CUT_OFF  # they are one here, and have been told nothing else
        self.answer(session, command, Error(code, refused.about))

    def done(self, session: Session, command: Command) -> None:
        self.answer(session, command, None)

    def answer(self, session: Session, command: Command, reply: Reply | None) -> None:
        """Answer a command, once: None if there's nothing to say but that it's done."""
        if session.gone:
            return
        if command.ref is not None:
            reply = Answered(command.ref, reply)
        if reply is not None:
            self.hub.reply(session, reply)

    async def seen(self, session: Session) -> None:
        """Returns when the person has been shown the event of their last command."""
        if session.seen < session.me.num and not session.gone:
            promise = self.promise()
            session.waiting = Waiting(session.me.num, promise)
            await promise

    # -- from greeting to goodbye

    def _barred(self, session: Session) -> Ban | None:
        """The ban by which somebody like them may not come in."""
        ban = self._bans.like(session.me.profile)
        if ban is not None:
            turned_away = self.tally.turned_away
            turned_away[Goodbye.BANNED] = turned_away.get(Goodbye.BANNED, 0) + 1
            self.journal.turned_away(session.peer, Goodbye.BANNED)
        return ban

    async def _greet(self, session: Session, command: Greet) -> None:
        ban = self._barred(session)
        if ban is not None:
            self.hub.reply(session, Closing(Goodbye.BANNED, about=ban.why))
            self._close(session, Goodbye.BANNED)
            return
        try:
            await self._open_as_guest(session)
            config, me, inside = self.config, session.me, command.lobby and self.config.lobby != ""
            self.hub.reply(
                session,
                Greeting(config.server, config.node, me.nick, me.sid, config.lobby or None, inside),
            )
            if not self._replicated:
                self.hub.reply(session, Notice(News.UNREPLICATED))
            if inside:
                await verbs.enter(self, session, config.lobby, announce=False)
        except Refused as refused:
            if session.me.nick:
                self.refuse(session, refused, command)
            else:
                self.hub.reply(session, Closing(Goodbye.AWAY))
                self._close(session, Goodbye.AWAY)

    async def come_in(self, session: Session, nick: str, profile: Profile) -> None:
        """Somebody who wasn't greeted yet comes in under a nick of their choice.

        Raises Refused; they may try again, unless it's BARRED.
        """
        me = session.me
        nick, me.profile = names.nick(nick), profile
        ban = self._barred(session)
        if ban is not None:
            raise Refused(Code.BARRED, ban.why)
        me.nick = nick
        try:
            await self._open(session)
        except BaseException:
            me.nick = ""
            raise
        config = self.config
        lobby = config.lobby or None
        self.hub.reply(
            session, Greeting(config.server, config.node, me.nick, me.sid, lobby, inside=False)
        )
        if not self._replicated:
            self.hub.reply(session, Notice(News.UNREPLICATED))

    async def _open_as_guest(self, session: Session) -> None:
        """Open the session under a guest nick of its own."""
        for _ in range(GUESSES):
            session.me.nick = self.guest()
            try:
                await self._open(session)
            except Refused as refused:
                session.me.nick = ""
                if refused.code not in (Code.NICK_TAKEN, Code.CUT_OFF):
                    raise
            else:
                return
        raise Refused(Code.BUSY)

    async def _yield(self, session: Session, command: Yield) -> None:
        me = session.me
        for _ in range(GUESSES):
            if (me.nick, me.token) != (command.nick, command.token):
                return
            nick = self.guest()
            try:
                told = await self.broker.rename(me, nick, list(session.channels))
            except Refused as refused:
                if refused.code is Code.NICK_TAKEN:
                    continue
                break
            me.nick = nick
            if told:
                await self.seen(session)
            was = "" if told else command.nick
            self.hub.reply(session, Notice(News.NICK_LOST, nick, was))
            return
        self._later(AGAIN, partial(session.lane.first, command))

    async def _open(self, session: Session) -> None:
        """Make the session known to the cluster under its nick.

        Under a new token: nothing that is still under way for the old one can touch it.
        """
        session.me.token = new_secret()
        await self.broker.open(session.me)
        self._known.add(session)
        session.came_in = True

    async def end(
        self,
        session: Session,
        why: str,
        closing: Goodbye | None,
        about: str = "",
        *,
        for_good: bool = False,
    ) -> None:
        """Say goodbye, take the session out of everything, then close its connection.

        A kept session is only detached, unless it's `for_good`.
        """
        detached = session.secret != "" and not for_good
        if closing:
            told = detached and closing not in (Goodbye.HUNG_UP, Goodbye.ELSEWHERE)
            token = kept.token(session) if told else ""
            self.hub.reply(session, Closing(closing, token, about))
        if session.secret and for_good:
            await self._settle(session)
            if session.gone:
                return  # somebody took it up elsewhere
        channels, state = list(session.channels), kept.state(session)
        leaving = self.broker.detach(session.me, state) if detached else None
        # what somebody says who quits is theirs
        self._take_out(session, closing.value if closing else why)
        try:
            if leaving is not None:
                await leaving
            elif session.me.nick:
                await self.broker.quit(session.me, why, channels)
        finally:
            self._close(session, why)

    async def _settle(self, session: Session) -> None:
        """A kept session that is to quit: see that it's here, if its node was cut off. Detached, it
        would be listed until its time is over. Its person needn't wait for it.
        """
        while session not in self._known or not self.broker.ready:
            session.connection.close()
            try:
                if self.broker.ready and not await kept.take_back(self, session):
                    return  # it has ended
            except Refused as refused:
                if refused.code not in (Code.AWAY, Code.BUSY, Code.CUT_OFF, Code.UNSETTLED):
                    raise
            if session.gone:
                return
            if session not in self._known or not self.broker.ready:
                await self._pause(AGAIN)

    async def _pause(self, seconds: float) -> None:
        over = self.promise()
        self._later(seconds, lambda: over.callback(None))
        await over

    async def _dismiss(self, session: Session, closing: Goodbye) -> None:
        if session.dialect.resumes:
            with suppress(Refused):  # then it ends with its connection
                await kept.keep(self, session)
        await self.end(session, LOST, closing)

    def hand_over(self, session: Session) -> None:
        """Close the connection of a session that is taken up on another."""
        self.hub.reply(session, Closing(Goodbye.ELSEWHERE))
        self._wake(session)
        self._close(session, Goodbye.ELSEWHERE)

    def become(self, session: Session, me: Identity) -> Identity:
        """Make a connection's session another one; who it was, whom nobody here knows any more."""
        before, session.me = session.me, me
        session.oper = None
        if OPER in me.profile.modes:  # they have to show again that they're one
            session.lane.first(StandDown())
        self.journal.resumed(session, before.sid)
        self.hub.sessions[me.sid] = session
        self._present.add(me.sid)
        session.seen = me.num
        return before

    async def written(self, session: Session) -> None:
        """Returns when the person's socket takes more: they aren't slow for having missed much."""
        ready = self.promise()
        session.connection.when_ready(lambda: ready.callback(None))
        await ready

    @asynccontextmanager
    async def resuming(self, sid: str) -> AsyncIterator[None]:
        """Take a session up; one at a time."""
        while sid in self._resuming:
            over = self.promise()
            self._resuming[sid].append(over)
            await over
        self._resuming[sid] = []
        try:
            yield
        finally:
            for one in self._resuming.pop(sid):
                one.callback(None)

    def is_resuming(self, sid: str) -> bool:
        """Whether the session is being taken up on a connection here."""
        return sid in self._resuming

    def keeps(self, session: Session) -> None:
        """The session is kept from now on."""
        self._kept.add(session)
        self._known.add(session)

    async def leave_behind(self, me: Identity, channels: list[str]) -> None:
        """Quit as somebody whom nobody here is any more."""
        try:
            await self.broker.quit(me, "", channels)
        finally:
            self._gone(me.sid)

    def _take_out(self, session: Session, why: str) -> None:
        """Show the session nothing more. `why`: for the journal."""
        if not session.gone:
            self.journal.closed(session, why)
        session.gone = True
        self.watchers.unwatch_all(session)
        self.hub.leave_all(session)
        self._known.discard(session)
        self._kept.discard(session)
        self._unknown.pop(session, None)

    def _close(self, session: Session, why: str) -> None:
        """As `_take_out`, and close the connection."""
        self._take_out(session, why)
        session.connection.close()
        self._gone(session.me.sid)

    def _gone(self, sid: str) -> None:
        if sid not in self._present:
            return  # closed before: greeting it and ending it overlapped
        self._present.remove(sid)
        if self._empty is not None and not self._present:
            empty, self._empty = self._empty, None
            empty.callback(None)

    # -- what the broker tells (`broker.api.Sink`)

    def _taken_along(self, session: Session, channel: str) -> None:
        self.spawn(verbs.look_around(self, session, channel))

    def gap(self, log: str, lost: int | None) -> None:
        self.hub.gap(log, lost)

    def continued(self, log: str, epoch: str, differs: int | None) -> None:
        self.hub.continued(log, epoch, differs)

    def nick_lost(self, sid: str) -> None:
        session = self.hub.sessions.get(sid)
        if session is not None:
            session.lane.first(Yield(session.me.nick, session.me.token))

    @property
    def replicated_enough(self) -> bool:
        """Whether enough replicas have what is accepted, as far as that counts."""
        return self._replicated

    @property
    def adrift(self) -> bool:
        return not self.broker.ready

    def away(self) -> None:
        self._notice(News.AWAY)
        for session in list(self.hub.sessions.values()):
            session.lane.cast_off()

    def back(self) -> None:
        self._notice(News.BACK)  # first: who is being restored is neither known nor unknown
        self._restore_all()

    def evicted(self, forgotten: bool) -> None:
        lost, self._known = self._known, set()
        for session in lost:
            self._unknown[session] = forgotten
            self._wake(session)
        if self.broker.ready:
            self._restore_all()

    def replicated(self, enough: bool) -> None:
        self._replicated = enough
        self._notice(News.REPLICATED if enough else News.UNREPLICATED)

    @staticmethod
    def _wake(session: Session) -> None:
        """What the session's verb waits for won't come."""
        if session.waiting is not None:
            waiting, session.waiting = session.waiting, None
            waiting.promise.callback(None)

    def kept(self) -> Iterable[Kept]:
        return [
            Kept(
                session.me,
                kept.state(session),
                session.connection.reached and not session.pending,
            )
            for session in self._kept & self._known
        ]

    def watched(self, nick: str, holder: Sighting | None) -> None:
        self.watchers.watched(nick, holder)

    def altered(self, event: Altered) -> None:
        self.watchers.altered(event)

    def _tell_seen(self, session: Session, there: list[Sighting], free: list[str]) -> None:
        self.hub.reply(session, Seen(there, free))

    def _show_altered(self, session: Session, event: Altered) -> None:
        if session.dialect.observes:
            self.hub.show(session, event, int(self.seconds() * 1000))

    def idle(self, sid: str) -> int | None:
        session = self.hub.sessions.get(sid)
        return None if session is None else max(0, int(self.seconds() - session.spoke))

    def taken(self, sid: str) -> None:
        session = self.hub.sessions.get(sid)
        if session is not None:
            self.hand_over(session)

    @property
    def inside(self) -> int:
        """How many people here have come in."""
        restoring = sum(session not in self._known for session in self._restoring)
        return len(self._known) + len(self._unknown) + restoring

    def _notice(self, code: News, about: str = "") -> int:
        told = self._known | self._unknown.keys() | self._restoring
        for session in told:
            self.hub.reply(session, Notice(code, about))
        return len(told)

    def _restore_all(self) -> None:
        for session in list(self._unknown):
            session.lane.first(Restore())

    async def _restore(self, session: Session) -> None:
        """Open the session again, under its nick if nobody took it, in its channels.

        What fails for want of a broker is done when it's back, and otherwise again and again: a
        Redis without memory may have some in a minute.
        """
        for _ in range(RESTORING):
            if session not in self._unknown or not self.broker.ready:
                return
            forgotten = self._unknown.pop(session)
            self._restoring.add(session)
            try:
                await self._take_back(session, forgotten=forgotten)
            except Refused as refused:
                if session.gone:
                    return  # it was taken up elsewhere
                self._unknown.setdefault(session, forgotten)
                if refused.code is Code.BUSY:
                    break
            finally:
                self._restoring.discard(session)
        if session in self._unknown and self.broker.ready:
            self._restore_again(session)

    def _restore_again(self, session: Session) -> None:
        """Try it a while later; once, whoever asks for it meanwhile."""

        def again() -> None:
            self._retried.discard(session)
            session.lane.first(Restore())

        if session not in self._retried:
            self._retried.add(session)
            self._later(AGAIN, again)

    def mend(self, sids: Iterable[str]) -> None:
        """See that the cluster has all that these sessions hold, so far as they are here."""
        for session in map(self.hub.sessions.get, sids):
            if session is not None and session in self._known:
                session.lane.first(Mend())

    async def _mend(self, session: Session) -> None:
        """Claim and join again; without a word where nothing was lost, and to others."""
        try:
            await self.broker.open(session.me)
        except Refused as refused:
            if refused.code in (Code.AWAY, Code.BUSY):
                return  # nothing has changed: whoever found it will find it again
            # the nick is somebody else's, and so the session is open no more
            self._known.discard(session)
            self._unknown[session] = True
            await self._restore(session)
            return
        with suppress(Refused):
            await self._take_back(session, forgotten=True)

    async def _take_back(self, session: Session, *, forgotten: bool) -> None:
        me = session.me
        if session.secret and not forgotten and await kept.take_back(self, session):
            return
        if session not in self._known:
            await self._open_again(session)
        for name, membership in list(session.channels.items()):
            quiet = membership.quiet
            spelled = self.hub.spelled(name)
            announce = not forgotten and not quiet
            try:
                arrival = await self.broker.join(
                    me,
                    spelled,
                    announce=announce,
                    quiet=quiet,
                    roster=0,
                    history=0,
                    status=membership.status if forgotten else self.founder_of(name),
                    modes=self.config.channel_modes,
                )
                membership.status = arrival.status
            except Refused as refused:
                if refused.code not in (Code.TOO_MANY_MADE, Code.CHANNEL_FULL):
                    raise
                self.hub.part(session, fold(name))
                self.hub.reply(session, Error(refused.code, spelled))
        if session.secret:
            await self.broker.keep(me, session.secret, kept.state(session))
        if not forgotten:
            self.hub.reply(session, Notice(News.CUT_OFF))

    async def _open_again(self, session: Session) -> None:
        """Open the session under its nick, or as a guest if somebody took that."""
        try:
            await self._open(session)
        except Refused as refused:
            if refused.code is not Code.NICK_TAKEN:
                raise
            lost = session.me.nick
            try:
                await self._open_as_guest(session)
            finally:
                session.me.nick = session.me.nick or lost
            self.hub.reply(session, Notice(News.NICK_LOST, session.me.nick, lost))
