"""A person's connection: a socket, its framing, and the session behind it; over lines, here.

Backpressure goes both ways: a session with enough to do, or more lines than it may say for now,
isn't read from, and a reader who doesn't read is closed at the bound, while nobody else waits for
it.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
    ISSLTransport,
)
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from node.core.chat import LOST, Chat
from node.core.dialect import Dialect
from node.core.entrance import Entrance
from node.core.limits import Allowance
from node.core.replies import Closing, Goodbye
from node.core.session import Session
from node.net.fingerprint import fingerprint
from node.net.lines import Lines
from node.net.pace import SOON, Messages, Pace
from node.net.reached import reached
from node.net.secured import secured

HANDSHAKE = 10.0
"""Seconds that TLS's handshake may take."""

GRACE = 5.0
"""Seconds that a closed connection may take to read what it was sent before."""

STALLED = 30.0
"""Seconds that a socket may take to read what it has, when others wait for that."""

SLOW = "reads too slowly"


@implementer(IPushProducer)
class SocketConnection(Protocol):
    """A `node.core.dialect.Connection`, whatever its framing.

    `feed`: makes messages of what comes from the socket. When the socket takes no more, what is to
    be sent waits in a backlog, up to the bound. `quiet`: for `node.net.idle`. `farewell`: what the
    framing has to say before the connection is closed.
    """

    transport: Any

    def __init__(self, door: "SocketDoor", feed: Callable[[bytes], Messages]) -> None:
        self._door = door
        self._feed = feed
        self._session: Session | None = None
        self._backlog: list[bytes] | None = None  # None: the socket takes what it's given
        self._waiting = 0
        self._when_ready: tuple[Callable[[], None], ...] = ()
        self._why = LOST
        self._gone = False
        self._grace: Any = None
        self._busy = False  # the lane has enough to do
        self._greeting: Callable[[], None] | None = None  # what the handshake is awaited for
        self._shaking = False  # TLS's handshake isn't over
        self._pace: Pace | None = None  # None: as fast as they like
        self.quiet = 0

    @property
    def farewell(self) -> bytes:
        return b""

    def _endless(self) -> bool:
        """Whether something came that was so long that nothing more is heard."""
        return False

    # -- from the socket

    def connectionMade(self) -> None:
        transport = self.transport
        set_no_delay = getattr(transport, "setTcpNoDelay", None)
        if set_no_delay is not None:
            set_no_delay(True)
            transport.setTcpKeepAlive(True)
        transport.registerProducer(self, True)
        address: str = getattr(transport.getPeer(), "host", "")
        entrance = self._door.entrance
        banned = entrance.banned(address) if entrance is not None else None
        if banned is not None:
            self._turn_away(banned)
            return
        allowance = entrance.allowance(address) if entrance is not None else None
        if entrance is not None and allowance is not None:
            transport.pauseProducing()
            self._door.spawn(self._ask(entrance, allowance, address))
        else:
            self._come_in("" if entrance is not None else address, address)

    async def _ask(self, entrance: Entrance, allowance: Allowance, address: str) -> None:
        """Come in if one may. What they send meanwhile isn't read."""
        closing = await entrance.admit(allowance, address)
        if closing is None and (self._gone or self._door.closed):
            entrance.left(allowance)
            closing = Closing(Goodbye.SHUTDOWN)
        if closing is None:
            self._pace = Pace(allowance, self._door.call_later, self._more)
            self._come_in(allowance.site, address, allowance)
            self.resume()
        elif not self._gone:
            self._turn_away(closing)

    def _turn_away(self, closing: Closing) -> None:
        transport, turned_away = self.transport, self._door.chat.tally.turned_away
        turned_away[closing.code] = turned_away.get(closing.code, 0) + 1
        peer: str = getattr(transport.getPeer(), "host", "")
        self._door.chat.journal.turned_away(peer, closing.code.value)
        transport.unregisterProducer()
        transport.write(self._door.dialect.reply(closing) + self.farewell)
        transport.resumeProducing()  # closing before all is read would be a reset, not an end
        self._door.call_later(SOON, transport.loseConnection)
        self._soon_closed()

    def _come_in(self, site: str, peer: str, allowance: Allowance | None = None) -> None:
        if not self._shaking:
            self._begin(site, peer, allowance)
            return
        self._greeting = partial(self._begin, site, peer, allowance)
        self._grace = self._door.call_later(HANDSHAKE, self.transport.abortConnection)
        self.transport.resumeProducing()

    def _shaken(self) -> None:
        """TLS's handshake is over: it's known what certificate they have shown, if any."""
        self._shaking = False
        greeting, self._greeting = self._greeting, None
        if greeting is None:
            return  # they aren't let in, or not yet
        self._grace.cancel()
        if self._door.closed:
            self._turn_away(Closing(Goodbye.SHUTDOWN))
        else:
            greeting()

    def _begin(self, site: str, peer: str, allowance: Allowance | None) -> None:
        chat, shown = self._door.chat, fingerprint(self.transport)
        session = self._session = chat.connect(
            self,
            self._door.dialect,
            site,
            peer=peer,
            certificate=shown,
            secure=secured(self.transport),
        )
        session.allowance = allowance
        if session.dialect.greets:
            chat.greet(session, lobby=session.dialect.lobby)
        else:
            self._door.call_later(self._door.registration, self._still_strange, session)

    def _still_strange(self, session: Session) -> None:
        if self._session is session and not session.me.nick and not session.gone:
            about = f"{self._door.registration:g} seconds"
            self._door.chat.lost(session, str(Goodbye.REGISTRATION), Goodbye.REGISTRATION, about)

    def dataReceived(self, data: bytes) -> None:
        session, chat = self._session, self._door.chat
        if session is None:
            return
        messages = self._feed(data)
        if messages:
            self.quiet = 0
        chat.tally.bytes_in += len(data)
        pace = self._pace
        if pace is not None:
            messages = pace.due(messages)
            if pace.holding:
                self.transport.pauseProducing()
        for message in messages:
            if message is None:
                if self._endless():
                    about = str(self._door.dialect.endless)
                    chat.lost(session, str(Goodbye.ENDLESS), Goodbye.ENDLESS, about)
                    break
                chat.heard_too_long(session)
            else:
                chat.hear(session, message)

    def _more(self) -> None:
        """Do more of what was held back; if that was all, read on."""
        pace = self._pace
        if pace is None or self._session is None:
            return
        if self._busy:
            pace.wait()
            return
        self.dataReceived(b"")
        if not self._busy:
            self.resume()

    def hung_up(self, *, in_words: bool = True) -> None:
        """They'll say nothing more, but may still read: do what they asked for, then close.

        `in_words`: with a last message.
        """
        if self._session is not None and not self._session.gone:
            self._door.chat.lost(self._session, closing=Goodbye.HUNG_UP if in_words else None)

    def connectionLost(self, _reason: Any = None) -> None:
        session, self._session = self._session, None
        self._gone = True
        self._take_backlog()
        if self._grace is not None and self._grace.active():
            self._grace.cancel()
        if self._pace is not None and self._door.entrance is not None:
            self._pace.forget()
            self._door.entrance.left(self._pace.allowance)
        if session is not None and not session.gone:
            self._door.chat.lost(session, self._why)
        self._ready()
        # Nobody needs this any more, but it's in a circle with its session: that is collected
        # much later, and what a slow reader didn't take is a megabyte.
        self.transport = self._backlog = self._greeting = None

    # -- to the socket

    def send(self, data: bytes) -> None:
        """Write, or keep for later what the socket doesn't take; too much ends the connection."""
        if self._session is None or self._why is SLOW:
            return
        if self._backlog is None:
            self.transport.write(data)
            return
        self._backlog.append(data)
        self._waiting += len(data)
        self._door.chat.tally.outbox += len(data)
        if self._waiting > self._door.outbox_bytes:
            self._give_up_on(self._session)

    def _give_up_on(self, session: Session) -> None:
        self._why = SLOW
        self._door.chat.tally.slow_readers += 1
        self._door.slow(session)
        self.transport.abortConnection()

    def close(self) -> None:
        """Close when all that was put into the outbox has been sent, or after a grace."""
        session = self._session
        if session is None:
            return
        self._door.flush(session)
        self._session = None
        transport = self.transport
        transport.unregisterProducer()
        transport.write(b"".join(self._take_backlog()) + self.farewell)
        self._ready()
        transport.loseConnection()
        self._soon_closed()

    def _soon_closed(self) -> None:
        """Abort the connection if it isn't closed in a while."""
        self._grace = self._door.call_later(GRACE, self.transport.abortConnection)

    def pause(self) -> None:
        """Read nothing for now."""
        self._busy = True
        if self._session is not None:
            self.transport.pauseProducing()

    def resume(self) -> None:
        """Read on, unless something is held back."""
        self._busy = False
        if self._session is not None and not self._holding:
            self.transport.resumeProducing()

    @property
    def _holding(self) -> bool:
        """Whether something that was read is yet to be done."""
        return self._pace is not None and self._pace.holding

    def when_ready(self, work: Callable[[], None]) -> None:
        if self._backlog is None or self._session is None:
            work()
            return

        def stalled() -> None:
            if work in self._when_ready and self._session is not None:
                self._give_up_on(self._session)

        self._when_ready += (work,)
        self._door.call_later(STALLED, stalled)

    def _ready(self) -> None:
        works, self._when_ready = self._when_ready, ()
        for work in works:
            work()

    @property
    def reached(self) -> bool:
        return self._session is not None and not self._backlog and reached(self.transport)

    # -- as a producer for the transport: told when the socket is full

    def pauseProducing(self) -> None:
        if self._backlog is None:
            self._backlog = []

    def _take_backlog(self) -> list[bytes]:
        """What waited, of which nothing waits here any more."""
        backlog, self._backlog = self._backlog or [], None
        self._door.chat.tally.outbox -= self._waiting
        self._waiting = 0
        return backlog

    def resumeProducing(self) -> None:
        backlog = self._take_backlog()
        if backlog:
            self.transport.write(b"".join(backlog))
        if self._backlog is None:
            self._ready()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` follows."""


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class LineConnection(SocketConnection):
    """Lines over TCP, or over TLS: they come in when its handshake is over."""

    def __init__(self, door: "LineDoor") -> None:
        self._lines = Lines(door.dialect.longest, door.dialect.endless)
        super().__init__(door, self._lines.feed)

    def connectionMade(self) -> None:
        self._shaking = ISSLTransport.providedBy(self.transport)
        super().connectionMade()

    def _endless(self) -> bool:
        return self._lines.endless

    def handshakeCompleted(self) -> None:
        self._shaken()

    def readConnectionLost(self) -> None:
        self.hung_up()

    def writeConnectionLost(self) -> None:
        """They read nothing more."""


class SocketDoor(Factory):
    """What makes connections. `outbox_bytes`: what may wait for one reader.

    `entrance`: who may come in and how fast they may talk; None: everybody, and as they like.
    `registration`: seconds that one may take to say who one is, where that's to be said. `closed`:
    whether the door has been closed since.
    """

    noisy = False

    def __init__(
        self,
        chat: Chat,
        dialect: Dialect,
        *,
        outbox_bytes: int,
        flush: Callable[[Session], None],
        slow: Callable[[Session], None],
        call_later: Callable[..., Any],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        entrance: Entrance | None = None,
        registration: float = 60.0,
    ) -> None:
        self.chat = chat
        self.dialect = dialect
        self.outbox_bytes = outbox_bytes
        self.flush = flush
        self.slow = slow
        self.call_later = call_later
        self.spawn = spawn
        self.entrance = entrance
        self.registration = registration
        self.closed = False

    def stopFactory(self) -> None:
        self.closed = True


class LineDoor(SocketDoor):
    """Makes line connections."""

    def buildProtocol(self, _addr: Any) -> LineConnection:
        return LineConnection(self)


def write(session: Session, data: bytes) -> None:
    """Send bytes to a session's socket."""
    connection = session.connection
    if isinstance(connection, SocketConnection):
        connection.send(data)
