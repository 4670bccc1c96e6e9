"""A program that speaks the JSON dialect: over WebSocket, as a browser would, or over lines.
Blocking, with a memory. Must not know how the server works.
"""

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import count
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.nodes import NodeProcess

Object = dict[str, Any]

_refs = count(1)

SECONDS = 20.0
"""How long an answer may take."""


class Frames:
    """A WebSocket connection to a node's HTTP door. `headers`: of the handshake, besides."""

    def __init__(self, on: NodeProcess, **headers: str) -> None:
        self._open = ExitStack()
        connecting = connect(
            f"ws://127.0.0.1:{on.http}/ws",
            additional_headers=headers,
            compression=None,
            max_size=None,
            proxy=None,
            ping_interval=None,
            open_timeout=SECONDS,
            close_timeout=SECONDS,
        )
        self._socket = self._open.enter_context(connecting)

    def send(self, text: str) -> None:
        self._socket.send(text)

    def read(self) -> str:
        """Raises ConnectionError at the end, TimeoutError after a while."""
        try:
            text = self._socket.recv(SECONDS)
        except ConnectionClosed as e:
            raise ConnectionError(str(e)) from None
        assert isinstance(text, str)
        return text

    def close(self) -> None:
        self._open.close()

    def cut(self) -> None:
        """Break the connection, as a network does."""
        self._socket.socket.shutdown(socket.SHUT_RDWR)


class Lines:
    """A connection to a node's JSON door."""

    def __init__(self, on: NodeProcess) -> None:
        self._socket = socket.create_connection(("127.0.0.1", on.json), SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = self._socket.makefile("rb")

    def send(self, text: str) -> None:
        self._socket.sendall(text.encode() + b"\n")

    def read(self) -> str:
        line = self._lines.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        return line.decode()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    cut = close


class Program:
    """Somebody on a node. `heard`: every object so far; `sid`: who they are.

    `nick`: taken at once, unless it's empty; `at`: channels that they come into.
    """

    def __init__(self, wire: Frames | Lines, nick: str = "", *at: str) -> None:
        self.wire = wire
        self.heard: list[Object] = []
        self.sid = self.read()["sid"]
        if nick:
            assert "done" == self.do("nick", nick=nick)["is"]
        for channel in at:
            assert "done" == self.do("join", channel=channel)["is"]

    def send(self, do: str, **fields: Any) -> None:
        """Send a command, and wait for nothing."""
        self.wire.send(json.dumps({"do": do, **fields}))

    def read(self) -> Object:
        """The next object. Raises ConnectionError at the end."""
        found: Object = json.loads(self.wire.read())
        self.heard.append(found)
        return found

    def until(self, wanted: Callable[[Object], bool]) -> Object:
        """Read up to an object that is so; that object."""
        while not wanted(found := self.read()):
            pass
        return found

    def do(self, do: str, **fields: Any) -> Object:
        """Send a command; its answer."""
        ref = next(_refs)
        self.send(do, id=ref, **fields)
        return self.until(lambda found: found.get("id") == ref)

    def settle(self) -> list[Object]:
        """Wait until all that was accepted is here; what was heard meanwhile."""
        before = len(self.heard)
        self.do("ping")
        return self.heard[before:-1]

    def rest(self) -> list[Object]:
        """All that is still to be read, up to the end of the connection."""
        before = len(self.heard)
        try:
            while True:
                self.read()
        except ConnectionError:
            return self.heard[before:]

    def resume(self, token: str, **places: str) -> list[Object]:
        """Take a session up; all that came until it was."""
        before = len(self.heard)
        assert "done" == self.do("resume", token=token, places=places)["is"]
        resumed = next(each for each in self.heard[before:] if each["is"] == "resumed")
        self.sid = resumed["sid"]
        return self.heard[before:]

    def leave(self) -> None:
        """Go, whatever state they're in; returns when the nick is free."""
        with suppress(OSError, ConnectionClosed):
            self.send("quit")
            self.rest()
        self.wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.leave()
