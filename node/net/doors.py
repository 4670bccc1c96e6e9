"""Doors: listening sockets from endpoint strings, with transports that write at once."""

import socket
from typing import Any

from twisted.internet import tcp
from twisted.internet.endpoints import serverFromString

from broker.eager import EagerServer

BACKLOG = 1024
"""How many connections may wait to be accepted."""


class Port(tcp.Port):
    """A listening socket whose connections write at once; see `broker.eager`."""

    transport = EagerServer


class SharedPort(Port):
    """A port that other processes may open too; the kernel shares out the connections."""

    def createInternetSocket(self) -> socket.socket:
        created: socket.socket = super().createInternetSocket()  # type: ignore[no-untyped-call]
        created.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return created


class _Listener:
    """The reactor, but for how it listens on TCP."""

    def __init__(self, reactor: Any, port: type[Port]) -> None:
        self._reactor = reactor
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Port:
        listening = self._port(port, factory, max(backlog, BACKLOG), interface, self._reactor)
        listening.startListening()
        return listening

    def listenSSL(
        self, port: int, factory: Any, context: Any, backlog: int = 50, interface: str = ""
    ) -> Port:
        from twisted.protocols.tls import TLSMemoryBIOFactory  # slow to import, seldom needed

        wrapped = TLSMemoryBIOFactory(context, False, factory)
        return self.listenTCP(port, wrapped, backlog, interface)


async def open_door(reactor: Any, endpoint: str, factory: Any, *, shared: bool) -> Any:
    """Listen on an endpoint string; the listening port. `shared`: as `SharedPort`.

    Raises ValueError for a string that is no endpoint, and `error.CannotListenError`.
    """
    listener = _Listener(reactor, SharedPort if shared else Port)
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
