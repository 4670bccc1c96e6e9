"""`broker.eager`: connections that write at once, and lose nothing when the socket is full."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory, Protocol

from broker.eager import EagerReactor, EagerWrite
from tests.support import spin

LOTS = bytes(range(256)) * 8192


class Caller(Protocol):
    """Somebody who called, and writes down what the other side says."""

    transport: Any

    def __init__(self) -> None:
        self.heard = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, _reason: Any = None) -> None:
        self.lost = True


class Line:
    """A caller, and a socket at the other end that never blocks."""

    def __init__(self, caller: Any, other: socket.socket) -> None:
        self.caller = caller
        self.other = other

    def read(self, size: int) -> bytes:
        """That many bytes at the other end, with the reactor turning."""
        data = b""
        while len(data) < size:
            try:
                data += self.other.recv(65_536)
            except BlockingIOError:
                spin.turn()
        return data


def endpoint(listening: socket.socket) -> Any:
    """How to call a listening socket."""
    reactor = EagerReactor(spin.reactor)
    if listening.family == socket.AF_UNIX:
        return UNIXClientEndpoint(reactor, listening.getsockname())
    return TCP4ClientEndpoint(reactor, *listening.getsockname())


@pytest.fixture(params=["tcp", "unix"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    with contextlib.ExitStack() as stack:
        if request.param == "tcp":
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        else:
            listening = stack.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(f"{tmp_path}/door")
            listening.listen()
        caller = spin.wait(endpoint(listening).connect(Factory.forProtocol(Caller)))
        other, _ = listening.accept()
        with other:
            other.setblocking(False)
            yield Line(caller, other)
            caller.transport.abortConnection()
            while not caller.lost:
                spin.turn()


def test_what_the_socket_takes_is_sent_at_once(line: Line) -> None:
    line.caller.transport.write(b"hello")
    assert (b"", []) == (line.caller.transport.dataBuffer, line.caller.transport._tempDataBuffer)
    assert b"hello" == line.read(5)


def test_what_the_socket_does_not_take_at_once_follows_in_order(line: Line) -> None:
    pieces = [LOTS, b"middle", LOTS, b"end"]
    for piece in pieces:
        line.caller.transport.write(piece)
    expected = b"".join(pieces)
    assert expected == line.read(len(expected))


def test_what_the_other_side_says_is_heard(line: Line) -> None:
    line.other.send(b"hello")
    while not line.caller.heard:
        spin.turn()
    assert b"hello" == line.caller.heard


def test_what_is_written_after_the_end_does_not_raise(line: Line) -> None:
    line.other.close()
    while not line.caller.lost:
        spin.turn()
    line.caller.transport.write(b"too late")
    assert line.caller.lost


def test_a_connection_writes_eagerly(line: Line) -> None:
    assert isinstance(line.caller.transport, EagerWrite)


def test_where_nobody_listens_there_is_no_connection() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectError):
            spin.wait(endpoint(bound).connect(Factory.forProtocol(Caller)))


def test_all_else_is_the_reactors() -> None:
    assert spin.reactor.callLater == EagerReactor(spin.reactor).callLater
