"""Somebody who types in a terminal: `nc HOST PORT`, blocking, with a memory.

Must not know how the server works.
"""

import socket
from collections.abc import Callable
from itertools import count
from typing import Self

_pings = count(1)


class Person:
    """A connection that speaks the slash dialect. `heard`: every line so far, without CRLF."""

    def __init__(self, port: int, host: str = "127.0.0.1", seconds: float = 60.0) -> None:
        self._socket = socket.create_connection((host, port), seconds)
        self._lines = self._socket.makefile("rb")
        self.heard: list[str] = []

    def type(self, line: str) -> None:
        """Send a line."""
        self._socket.sendall(line.encode() + b"\r\n")

    def read(self) -> str:
        """The next line. Raises ConnectionError at the end, TimeoutError after a while."""
        line = self._lines.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        self.heard.append(line.decode().rstrip("\r\n"))
        return self.heard[-1]

    def until(self, wanted: str | Callable[[str], bool]) -> str:
        """Read up to a line that is so, or begins so; that line."""
        is_wanted = wanted if callable(wanted) else lambda line: line.startswith(wanted)
        while not is_wanted(line := self.read()):
            pass
        return line

    def settle(self) -> list[str]:
        """Wait until all that was typed is done and all that was accepted is here: `/ping`.

        Returns what was heard meanwhile.
        """
        before = len(self.heard)
        word = f"settle-{next(_pings)}"
        self.type(f"/ping {word}")
        self.until(f"pong {word}")
        return self.heard[before:-1]

    def does(self, line: str) -> list[str]:
        """Type a line, settle, and return what was heard."""
        self.type(line)
        return self.settle()

    @property
    def node(self) -> str:
        """The name of the node that this connection landed on."""
        line = next(line for line in self.does("/stats") if line.startswith("node "))
        return line.removeprefix("node ").partition(":")[0]

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
