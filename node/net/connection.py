"""A line connection: a socket, its framing, and the session behind it.

Backpressure goes both ways: a session with enough to do, or more lines than it may say for now,
isn't read from, and a reader who doesn't read is closed at the bound, while nobody else waits for
it.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from node.core.chat import LOST, Chat
from node.core.dialect import Dialect
from node.core.entrance import Entrance
from node.core.limits import Allowance
from node.core.replies import Closing, Goodbye
from node.core.session import Session
from node.net.lines import Lines
from node.net.pace import SOON, Pace
from node.net.reached import reached

GRACE = 5.0
"""Seconds that a closed connection may take to read what it was sent before."""

STALLED = 30.0
"""Seconds that a socket may take to read what it has, when others wait for that."""

SLOW = "reads too slowly"


@implementer(IHalfCloseableProtocol, IPushProducer)
class LineConnection(Protocol):
    """A `node.core.dialect.Connection` over lines.

    When the socket takes no more, what comes waits in a backlog, up to the bound. `quiet`: for
    `node.net.idle`.
    """

    transport: Any

    def __init__(self, door: "LineDoor") -> None:
        self._door = door
        self._lines = Lines()
        self._session: Session | None = None
        self._backlog: list[bytes] | None = None  # None: the socket takes what it's given
        self._waiting = 0
        self._when_ready: tuple[Callable[[], None], ...] = ()
        self._why = LOST
        self._gone = False
        self._grace: Any = None
        self._busy = False  # the lane has enough to do
        self._pace: Pace | None = None  # None: as fast as they like
        self.quiet = 0

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
        allowance = entrance.allowance(address) if entrance is not None else None
        if entrance is not None and allowance is not None:
            transport.pauseProducing()
            self._door.spawn(self._ask(entrance, allowance))
        else:
            self._come_in("" if entrance is not None else address)

    async def _ask(self, entrance: Entrance, allowance: Allowance) -> None:
        """Come in if one may. What they send meanwhile isn't read."""
        closing = await entrance.admit(allowance)
        if closing is None and (self._gone or self._door.closed):
            entrance.left(allowance)
            closing = Closing(Goodbye.SHUTDOWN)
        if closing is None:
            self._pace = Pace(allowance, self._door.call_later, self._more)
            self._come_in(allowance.site, allowance)
            self.resume()
        elif not self._gone:
            self._turn_away(closing)

    def _turn_away(self, closing: Closing) -> None:
        transport, turned_away = self.transport, self._door.chat.tally.turned_away
        turned_away[closing.code] = turned_away.get(closing.code, 0) + 1
        transport.unregisterProducer()
        transport.write(self._door.dialect.reply(closing))
        transport.resumeProducing()  # closing before all is read would be a reset, not an end
        self._door.call_later(SOON, transport.loseConnection)
        self._soon_closed()

    def _come_in(self, address: str, allowance: Allowance | None = None) -> None:
        chat = self._door.chat
        session = self._session = chat.connect(self, self._door.dialect, address)
        session.allowance = allowance
        chat.greet(session)

    def dataReceived(self, data: bytes) -> None:
        session, chat = self._session, self._door.chat
        if session is None:
            return
        self.quiet = 0
        chat.tally.bytes_in += len(data)
        pace = self._pace
        if pace is not None:
            data = pace.due(data)
            if pace.holding:
                self.transport.pauseProducing()
        for line in self._lines.feed(data):
            if line is None:
                chat.heard_too_long(session)
            else:
                chat.hear(session, line)

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

    def readConnectionLost(self) -> None:
        """They'll say nothing more, but may still read: do what they asked for, then close."""
        if self._session is not None and not self._session.gone:
            self._door.chat.lost(self._session, closing=Goodbye.HUNG_UP)

    def writeConnectionLost(self) -> None:
        """They read nothing more."""

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
        transport.write(b"".join(self._take_backlog()))
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
        if self._session is not None and not (self._pace is not None and self._pace.holding):
            self.transport.resumeProducing()

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


class LineDoor(Factory):
    """Makes line connections. `outbox_bytes`: what may wait for one reader.

    `entrance`: who may come in and how fast they may talk; None: everybody, and as they like.
    `closed`: whether the door has been closed since.
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
    ) -> None:
        self.chat = chat
        self.dialect = dialect
        self.outbox_bytes = outbox_bytes
        self.flush = flush
        self.slow = slow
        self.call_later = call_later
        self.spawn = spawn
        self.entrance = entrance
        self.closed = False

    def stopFactory(self) -> None:
        self.closed = True

    def buildProtocol(self, _addr: Any) -> LineConnection:
        return LineConnection(self)


def write(session: Session, data: bytes) -> None:
    """Send bytes to a session's socket."""
    connection = session.connection
    if isinstance(connection, LineConnection):
        connection.send(data)
