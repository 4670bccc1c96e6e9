"""People who come by WebSocket (RFC 6455), behind a resource of the HTTP door.

    GET /ws ── from one of our pages, or no page ── 101 ──> WebSocketConnection
                     (by subprotocol, to one of several doors)

The handshake and what comes are wsproto's business. Twisted's own WebSocket support, on wsproto
too, isn't used: it gathers messages of any size, and writes each by itself (docs/adr/0020).
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from h11 import ProtocolError
from twisted.internet.task import LoopingCall
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, RejectConnection, Request
from wsproto.handshake import H11Handshake
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from node.net.connection import SocketConnection, SocketDoor
from node.net.frames import PING, Frames
from node.origins import at_home

LOOKS = 6
"""How many looks find a peer silent before it's taken for dead. One that is silent for one or two
is asked: with the usual settings sooner than the minute after which proxies close.
"""


class WebSocketConnection(SocketConnection):
    """Frames. `silent`: how many looks have found it so."""

    def __init__(self, door: "WebSocketDoor") -> None:
        self._frames = door.frames(door.dialect.longest)
        super().__init__(door, self._frames.feed)
        self._watch = door.watch
        self._ended = False
        self.silent = 0

    def connectionMade(self) -> None:
        self.transport.unregisterProducer()  # which was HTTP's
        self.transport.resumeProducing()
        super().connectionMade()
        self._watch.add(self)

    def connectionLost(self, reason: Any = None) -> None:
        self._watch.discard(self)
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        self.silent = 0
        super().dataReceived(data)
        frames = self._frames
        if frames.answers:
            answers, frames.answers = frames.answers, b""
            self.send(answers)
        if frames.closing and not self._holding and not self._ended:
            self._ended = True
            self.hung_up(in_words=not frames.broken)

    @property
    def farewell(self) -> bytes:
        return self._frames.goodbye()

    def look(self) -> None:
        """See whether the other side is there."""
        if self._busy or self._holding:
            self.silent = 0  # it isn't read from
            return
        self.silent += 1
        if self.silent > LOOKS:
            self.transport.abortConnection()
        elif self.silent > 1:
            self._frames.expecting = True
            self.send(PING)


class Watch:
    """Looks at each connection LOOKS times in `dead_peer` seconds, a few at a time. 0: never.

    Whoever is silent is asked whether they're there: a proxy closes what is silent, and nobody may
    ever tell that the other side of one is gone.
    """

    def __init__(self, dead_peer: float, clock: Any) -> None:
        self._period = dead_peer / LOOKS
        self._due = 0.0
        self._connections: dict[WebSocketConnection, None] = {}
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    def add(self, connection: WebSocketConnection) -> None:
        self._connections[connection] = None
        if self._period and not self._looking.running:
            self._looking.start(min(1.0, self._period), now=False)

    def discard(self, connection: WebSocketConnection) -> None:
        self._connections.pop(connection, None)
        if not self._connections and self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        self._due += len(self._connections) * (self._looking.interval or 0) / self._period
        while self._due >= 1 and self._connections:
            self._due -= 1
            connection = next(iter(self._connections))
            self._connections[connection] = self._connections.pop(connection)  # to the end
            connection.look()


class WebSocketDoor(SocketDoor):
    """Makes WebSocket connections, of which `watch` loses none from sight.

    `frames`: makes messages of what comes on one, each of so many bytes at most.
    """

    watch: Watch
    frames: Callable[[int], Frames] = Frames

    def buildProtocol(self, _addr: Any) -> WebSocketConnection:
        return WebSocketConnection(self)


class WebSocketResource(Resource):
    """Where connections to a door begin.

    `origins`: of whose pages they may come, besides those of this very host; `*`: of all.
    `protocols`: doors by subprotocol: theirs is the first that they name and that is there. Who
    names none of these comes to `door`.
    """

    isLeaf = True

    def __init__(
        self,
        door: WebSocketDoor,
        origins: Iterable[str],
        protocols: Mapping[str, WebSocketDoor] = MappingProxyType({}),
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._door = door
        self._origins = frozenset(origins)
        self._protocols = protocols

    def render_GET(self, request: Any) -> Any:
        if self._door.closed:
            return _refused(request, 503, "this node takes nobody any more; another will do")
        if not may_come_from(_header(request, b"origin"), _header(request, b"host"), self._origins):
            return _refused(request, 403, "pages of that origin may not connect (--origins)")
        handshake = H11Handshake(ConnectionType.SERVER)
        headers = request.requestHeaders.getAllRawHeaders()
        try:
            handshake.initiate_upgrade_connection(
                [(name, value) for name, values in headers for value in values], request.path
            )
            (asked,) = handshake.events()
            assert isinstance(asked, Request)
            spoken = next((one for one in asked.subprotocols if one in self._protocols), None)
            accepted = handshake.send(AcceptConnection(subprotocol=spoken))
        except (RemoteProtocolError, LocalProtocolError, ProtocolError, UnicodeError) as e:
            hint = getattr(e, "event_hint", None)
            return _no_handshake(request, hint, str(e))
        channel = request.channel
        channel.setTimeout(None)
        channel.transport.write(accepted)
        door = self._door if spoken is None else self._protocols[spoken]
        connection: Any = door.buildProtocol(None)
        # As Twisted's own: what comes over the connection isn't HTTP from here on.
        channel.dataReceived = connection.dataReceived
        channel.connectionLost = connection.connectionLost
        channel.requests.clear()  # 4 KB that nobody needs any more
        connection.makeConnection(channel.transport)
        return NOT_DONE_YET

    def render_HEAD(self, request: Any) -> Any:
        return _refused(request, 405, "")


def may_come_from(origin: str | None, host: str | None, origins: frozenset[str]) -> bool:
    """Whether a page of that origin (RFC 6454) may connect; None: it's no page.

    A page of another site would come with its visitor's address, from inside their network.
    """
    return "*" in origins or origin in origins or at_home(origin, host)


def _header(request: Any, name: bytes) -> str | None:
    value: bytes | None = request.getHeader(name)
    return None if value is None else value.decode("latin-1")


def _refused(request: Any, status: int, why: str) -> bytes:
    request.setResponseCode(status)
    request.setHeader("content-type", "text/plain; charset=utf-8")
    return f"{why}\n".encode()


def _no_handshake(request: Any, hint: Any, why: str) -> bytes:
    """An answer to whoever doesn't speak WebSocket: `hint` has what it should have."""
    status = 400
    if isinstance(hint, RejectConnection):
        status = hint.status_code
        for name, value in hint.headers:
            request.setHeader(name, value)
    return _refused(request, status, f"only WebSocket is spoken here: {why}")
