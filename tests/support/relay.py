"""A relay between a broker and its Redis that can be cut, in the middle of a command too.

    broker ──> 127.0.0.1:PORT ──> Relay ──> Redis

Must not know what it carries.
"""

from collections import deque
from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.portforward import ProxyClient, ProxyClientFactory, ProxyServer
from twisted.python.failure import Failure


class Relay:
    """Relays to a port of 127.0.0.1, from one of its own. While `is_cut`, nobody gets through.

    `swallows`: what the broker sends doesn't arrive. `answers`: how many more pieces of what
    Redis says get through; the next is lost with all connections. None: all. `requests`: how
    many more pieces of what the broker says get through; the others are late, and `deliver`
    hands them over, even if the broker's side of the connection is gone. None: all.
    `delay`: seconds by which everything is late, either way.
    """

    def __init__(self, reactor: Any, redis_port: int) -> None:
        self._reactor = reactor
        self._endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self._port: Any = None
        self.redis_port = redis_port
        self.is_cut = False
        self.swallows = False
        self.answers: int | None = None
        self.requests: int | None = None
        self.late: list[tuple[Any, bytes]] = []
        self.delay = 0.0
        self._delayed: dict[Any, deque[tuple[float, bytes]]] = {}  # by whom they're for
        self._silent = False
        self.connections: set[_Near] = set()

    async def start(self) -> None:
        """Begin to listen."""
        self._port = await self._endpoint.listen(Factory.forProtocol(lambda: _Near(self)))

    async def stop(self) -> None:
        """Listen no more, and end all connections."""
        self.cut()
        await self._port.stopListening()

    @property
    def silences(self) -> bool:
        """Whether new connections are silent."""
        return self._silent

    @property
    def port(self) -> int:
        """Where it listens."""
        number: int = self._port.getHost().port
        return number

    @property
    def url(self) -> str:
        """Where the broker finds its Redis."""
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        """End all connections, and every new one at once."""
        self.is_cut = True
        for near in list(self.connections):
            near.part()
            near.transport.abortConnection()

    def mend(self) -> None:
        """Let everything through again. A connection that was silenced stays silent."""
        self.is_cut = self.swallows = self._silent = False
        self.answers = self.requests = None

    def silence(self, *, for_all: bool = False) -> None:
        """Nothing comes through any more on the connections there are, and nobody is told so.

        `for_all`: likewise on all that are made before `mend`. When the broker gives one up,
        Redis isn't told of that either.
        """
        self._silent = for_all
        for near in self.connections:
            near.silent = True

    def stall(self) -> None:
        """Read nothing of what Redis says, until `unstall`: it has to keep it."""
        for near in self.connections:
            if near.peer is not None:
                near.peer.transport.pauseProducing()

    def unstall(self) -> None:
        """Read on."""
        for near in self.connections:
            if near.peer is not None:
                near.peer.transport.resumeProducing()

    def pass_on(self, to: Any, data: bytes) -> None:
        """Hand over a piece, in its order, when it's time."""
        if not self.delay and to not in self._delayed:
            to.write(data)
            return
        due = self._reactor.seconds() + self.delay
        self._delayed.setdefault(to, deque()).append((due, data))
        self._reactor.callLater(self.delay, self._hand_over, to)

    def _hand_over(self, to: Any) -> None:
        delayed = self._delayed.get(to, deque())
        while delayed and delayed[0][0] <= self._reactor.seconds():
            to.write(delayed.popleft()[1])
        if not delayed:
            self._delayed.pop(to, None)

    def deliver(self) -> None:
        """Let everything through again, and what is late first."""
        late, self.late = self.late, []
        for far, data in late:
            far.transport.write(data)
        self.mend()

    def lets_ask(self) -> bool:
        """Whether one more piece of what the broker says gets through now."""
        if self.requests is None:
            return True
        self.requests -= 1
        return self.requests >= 0

    def lets_answer(self) -> bool:
        """Whether one more piece of what Redis says gets through."""
        if self.answers is None:
            return True
        self.answers -= 1
        if self.answers < 0:
            self.cut()
        return self.answers >= 0


class _Far(ProxyClient):
    """Towards Redis."""

    transport: Any
    peer: Any

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        peer = self.peer
        if peer is not None and not peer.silent and peer.relay.lets_answer():
            peer.relay.pass_on(peer.transport, data)


class _FarFactory(ProxyClientFactory):
    protocol = _Far


class _Near(ProxyServer):
    """Towards the broker."""

    transport: Any
    peer: Any
    clientProtocolFactory = _FarFactory

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.silent = relay.silences

    def connectionMade(self) -> None:
        if self.relay.is_cut:
            self.transport.abortConnection()
            return
        self.transport.setTcpNoDelay(True)
        self.relay.connections.add(self)
        self.factory.host, self.factory.port = "127.0.0.1", self.relay.redis_port
        super().connectionMade()

    def part(self) -> None:
        """If something is late, Redis's end outlives ours, as that of a broken one may."""
        if self.peer is None:
            return
        if self.silent or any(far is self.peer for far, _ in self.relay.late):
            self.transport.unregisterProducer()
            self.peer.transport.unregisterProducer()
            self.peer.setPeer(None)
            self.setPeer(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.relay.connections.discard(self)
        if self.silent:
            self.part()
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        if self.relay.swallows or self.silent:
            return
        if not self.relay.lets_ask():
            self.relay.late.append((self.peer, data))
        else:
            self.relay.pass_on(self.peer.transport, data)
