"""Doors: listening sockets from endpoint strings, with transports that write at once."""

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.endpoints import serverFromString

from broker.eager import EagerServer, EagerUnixServer
from node.net.proxied import Balancers, Peeking, PeekingUnix, ProxiedDoor

BACKLOG = 1024
"""How many connections may wait to be accepted."""


class Port(tcp.Port):
    """A listening socket whose connections write at once; see `broker.eager`.

    `dead_peer`: seconds after which a peer that says nothing, not even that it got what was sent,
    is taken for dead; 0: when the system thinks so.
    """

    transport: type[tcp.Server] = EagerServer
    dead_peer = 0

    def createInternetSocket(self) -> socket.socket:
        created: socket.socket = super().createInternetSocket()  # type: ignore[no-untyped-call]
        for option, value in patience(self.dead_peer).items():
            created.setsockopt(socket.IPPROTO_TCP, option, value)  # connections inherit it
        return created


class SharedPort(Port):
    """A port that other processes may open too; the kernel shares out the connections."""

    def createInternetSocket(self) -> socket.socket:
        created = super().createInternetSocket()
        created.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return created


class UnixPort(unix.Port):
    """A listening unix socket whose connections write at once."""

    transport: type[unix.Server] = EagerUnixServer


PROBES = 4
"""How often a silent peer is asked whether it's there."""


def patience(seconds: int) -> dict[int, int]:
    """The options of a TCP socket (as in Linux's tcp(7)) that this platform has.

    Half of the time it may be silent, in the other half it's asked.
    """
    if not seconds:
        return {}
    options = {
        "TCP_KEEPIDLE": max(1, seconds // 2),
        "TCP_KEEPALIVE": max(1, seconds // 2),  # what macOS calls it
        "TCP_KEEPINTVL": max(1, seconds // 2 // PROBES),
        "TCP_KEEPCNT": PROBES,
        "TCP_USER_TIMEOUT": seconds * 1000,
    }
    return {
        getattr(socket, name): value for name, value in options.items() if hasattr(socket, name)
    }


class _Listener:
    """The reactor, but for how it listens."""

    def __init__(
        self,
        reactor: Any,
        endpoint: str,
        port: type[Port],
        dead_peer: int,
        balancers: Balancers | None,
        asks: bool,
        again: Callable[[Callable[[], str]], None],
    ) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._port = port
        self._dead_peer = dead_peer
        self._balancers = balancers
        self._asks = asks
        self._again = again

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Port:
        factory = self._proxied(factory)
        listening = self._port(port, factory, max(backlog, BACKLOG), interface, self._reactor)
        listening.dead_peer = self._dead_peer
        if self._balancers is not None:
            listening.transport = Peeking
        listening.startListening()
        return listening

    def listenUNIX(
        self, address: Any, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: int = 0
    ) -> UnixPort:
        factory, backlog = self._proxied(factory), max(backlog, BACKLOG)
        listening = UnixPort(address, factory, backlog, mode, self._reactor, wantPID)
        if self._balancers is not None:
            listening.transport = PeekingUnix
        listening.startListening()  # type: ignore[no-untyped-call]
        return listening

    def _proxied(self, factory: Any) -> Any:
        if self._balancers is None:
            return factory
        return ProxiedDoor(factory, self._balancers, self._reactor.callLater)

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> Port:
        del contextFactory  # has read the files for good
        from twisted.protocols.tls import TLSMemoryBIOFactory  # slow to import, seldom needed

        from node.net.certificates import Certificates

        seconds = self._reactor.seconds
        certificates: Any = Certificates(self._endpoint, seconds, asks=self._asks)
        self._again(certificates.again)
        wrapped = TLSMemoryBIOFactory(certificates, False, factory)
        return self.listenTCP(port, wrapped, backlog, interface)


async def open_door(
    reactor: Any,
    endpoint: str,
    factory: Any,
    *,
    shared: bool,
    dead_peer: int = 0,
    balancers: Balancers | None = None,
    asks: bool = False,
    again: Callable[[Callable[[], str]], None] = lambda _: None,
) -> Any:
    """Listen on an endpoint string; the listening port. `shared`: as `SharedPort`. `dead_peer`: as
    for `Port`. `balancers`: who comes from there says in a header whom they bring
    (`net.proxied`); None: everybody comes by themselves. `asks`: over TLS, for a certificate, which
    nobody needs (`net.certificates`). `again` is given what reads the door's files anew, if it has
    some.

    Raises ValueError for a string that is no endpoint, and `error.CannotListenError`.
    """
    kind = SharedPort if shared else Port
    listener = _Listener(reactor, endpoint, kind, dead_peer, balancers, asks, again)
    door = serverFromString(listener, endpoint)
    return await door.listen(factory)


def shown(port: Any) -> str:
    """Where a door is, for people: `tcp 127.0.0.1:1234`."""
    host: Any = port.getHost()
    name = getattr(host, "name", None)
    if name is not None:
        return f"unix {name.decode() if isinstance(name, bytes) else name}"
    where = f"[{host.host}]" if ":" in host.host else host.host
    return f"{host.type.lower()} {where}:{host.port}"
