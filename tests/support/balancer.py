"""A load balancer of sorts: one port, and whoever connects gets to the node that it points at.

    browser ──> 127.0.0.1:PORT ──> Balancer ──> port `to`

Must not know what it carries.
"""

import socket
import threading
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, Self


class Balancer:
    """Relays each new connection to `to`, a port of 127.0.0.1; those there are stay as they are.

    As a context manager: all connections end with it.
    """

    def __init__(self, to: int) -> None:
        self.to = to
        self._open: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def cut(self) -> None:
        """End all connections that there are."""
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _handler(self) -> type[BaseRequestHandler]:
        balancer = self

        class Relayed(BaseRequestHandler):
            def handle(self) -> None:
                balancer.relay(self.request)

        return Relayed

    def relay(self, near: socket.socket) -> None:
        """Carry what comes from either side to the other, until one of them ends."""
        try:
            far = socket.create_connection(("127.0.0.1", self.to))
        except OSError:
            return
        with far:
            self._open |= {near, far}
            back = threading.Thread(target=_carry, args=(far, near))
            back.start()
            _carry(near, far)
            back.join()
            self._open -= {near, far}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self.cut()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingTCPServer):
    daemon_threads = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A side that ends while it's written to is no error here."""


def _carry(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for each in (one, other):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
