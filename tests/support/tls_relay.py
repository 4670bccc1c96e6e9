"""A door that speaks TLS in front of one that doesn't: what comes is passed on, both ways."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def tls_relay(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """The port of the door; behind it is the one at `port` of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=_serve, args=(door, port, context), daemon=True).start()
        try:
            yield door.getsockname()[1]
        finally:
            door.shutdown(socket.SHUT_RDWR)  # accept() returns


def _serve(door: socket.socket, port: int, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        while True:
            wire, _ = door.accept()
            threading.Thread(target=_relay, args=(wire, port, context), daemon=True).start()


def _relay(wire: socket.socket, port: int, context: ssl.SSLContext) -> None:
    with (
        suppress(OSError),
        wire,
        socket.create_connection(("127.0.0.1", port)) as behind,
        context.wrap_socket(wire, server_side=True) as secured,
    ):
        back = threading.Thread(target=_pass_on, args=(behind, secured), daemon=True)
        back.start()
        _pass_on(secured, behind)
        back.join()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
