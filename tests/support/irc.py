"""Somebody who speaks IRC by hand: over TCP, TLS or WebSocket, blocking, with a memory.

    Irc(Tcp(port), "ann", "#go")     is registered, and in a channel

Must not know how the server works.
"""

import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import count
from typing import Protocol, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

SECONDS = 60.0
"""How long an answer may take."""

TEXT, BINARY = "text.ircv3.net", "binary.ircv3.net"

_tokens = count(1)


class Wire(Protocol):
    def send(self, line: bytes) -> None: ...

    def read(self) -> bytes:
        """The next line. Raises ConnectionError at the end."""

    def close(self) -> None: ...


class Tcp:
    """Lines over TCP, or over TLS if there's a context. `first`: what is sent before all else."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, first: bytes = b"") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(first)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket)
        self._lines = self._socket.makefile("rb")

    def send(self, line: bytes) -> None:
        self._socket.sendall(line + b"\r\n")

    def read(self) -> bytes:
        line = self._lines.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        assert line.endswith(b"\r\n")
        return line[:-2]

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


class Frames:
    """A line in each frame. `protocols`: subprotocols that are asked for; `spoken`: which it is."""

    def __init__(self, port: int, *protocols: str, path: str = "/irc", origin: str = "") -> None:
        self._open = ExitStack()
        self._socket = self._open.enter_context(
            connect(
                f"ws://127.0.0.1:{port}{path}",
                subprotocols=[Subprotocol(one) for one in protocols] or None,
                additional_headers={"Origin": origin} if origin else None,
                compression=None,
                proxy=None,
                ping_interval=None,
                open_timeout=SECONDS,
                close_timeout=SECONDS,
            )
        )
        self.spoken = self._socket.subprotocol
        self.kinds: set[type] = set()

    def send(self, line: bytes) -> None:
        self._socket.send(line if self.spoken == BINARY else line.decode())

    def read(self) -> bytes:
        try:
            message = self._socket.recv(SECONDS)
        except ConnectionClosed as e:
            raise ConnectionError(str(e)) from None
        self.kinds.add(type(message))
        line = message.encode() if isinstance(message, str) else message
        assert b"\n" not in line and b"\r" not in line
        return line

    def close(self) -> None:
        self._open.close()


class Irc:
    """A person. `heard`: every line so far, without CRLF. `nick`: taken at once, unless empty."""

    def __init__(self, wire: Wire, nick: str = "", *at: str, caps: str = "") -> None:
        self.wire = wire
        self.nick = nick
        self.heard: list[str] = []
        if nick:
            self.register(nick, caps)
        for channel in at:
            self.type(f"JOIN {channel}")
            self.until(lambda line: " 366 " in line)

    def register(self, nick: str, caps: str = "") -> None:
        """Come in under that nick, with these capabilities; returns when greeted."""
        if caps:
            self.type(f"CAP REQ :{caps}", "CAP END")
        self.type(f"NICK {nick}", f"USER {nick} 0 * :{nick} of the tests")
        self.until(lambda line: line.split(" ")[1] in ("376", "422"))

    def type(self, *lines: str) -> None:
        """Send lines, and wait for nothing."""
        for line in lines:
            self.wire.send(line.encode())

    def read(self) -> str:
        """The next line. Raises ConnectionError at the end."""
        line = self.wire.read().decode()
        self.heard.append(line)
        return line

    def until(self, wanted: Callable[[str], bool]) -> str:
        """Read up to a line that is so; that line."""
        while not wanted(line := self.read()):
            pass
        return line

    def settle(self) -> list[str]:
        """Wait until all that was typed is done, and all that was accepted is here: PING. What was
        heard meanwhile.
        """
        before, token = len(self.heard), f"settle-{next(_tokens)}"
        self.type(f"PING {token}")
        self.until(lambda line: " PONG " in line and line.endswith(token))
        return self.heard[before:-1]

    def does(self, *lines: str) -> list[str]:
        """Type lines, settle, and return what was heard."""
        self.type(*lines)
        return self.settle()

    def rest(self) -> list[str]:
        """All that is still to be read, up to the end of the connection."""
        before = len(self.heard)
        with suppress(ConnectionError):
            while True:
                self.read()
        return self.heard[before:]

    def leave(self) -> None:
        """Go, whatever state they're in; returns when the nick is free."""
        with suppress(OSError, ConnectionClosed):
            self.type("QUIT")
            self.rest()
        self.wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.leave()
