"""`node.net.reached`: whether what was written is with the other side's system."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from node.net.reached import reached
from tests.support.processes import await_fact


class Transport:
    """As much of a Twisted transport as is looked at."""

    def __init__(self, ours: socket.socket) -> None:
        self.socket = ours
        self.dataBuffer = b""
        self._tempDataBuffer: list[bytes] = []


class Layer:
    """What TLS puts above a transport."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport


@pytest.fixture
def pair() -> Iterator[tuple[Transport, socket.socket]]:
    """A transport over TCP, and the other end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    ours.setblocking(False)
    with ours, theirs:
        yield Transport(ours), theirs


def fill(ours: socket.socket) -> None:
    """Write until the socket takes no more."""
    try:
        while True:
            ours.send(b"x" * 65_536)
    except BlockingIOError:
        pass


def test_nothing_written_has_reached(pair: tuple[Transport, socket.socket]) -> None:
    assert reached(pair[0])


def test_what_the_other_system_has_acknowledged_has_reached(
    pair: tuple[Transport, socket.socket],
) -> None:
    transport, theirs = pair
    transport.socket.send(b"hello")
    theirs.recv(5)
    await_fact(lambda: reached(transport))


def test_what_the_other_system_has_no_room_for_has_not(
    pair: tuple[Transport, socket.socket],
) -> None:
    transport, _ = pair
    fill(transport.socket)
    assert not reached(transport)


def test_it_is_seen_through_a_layer(pair: tuple[Transport, socket.socket]) -> None:
    transport, _ = pair
    fill(transport.socket)
    assert not reached(Layer(transport))


@pytest.mark.parametrize("buffer, value", [("dataBuffer", b"x"), ("_tempDataBuffer", [b"x"])])
def test_what_waits_in_the_transport_has_not(
    pair: tuple[Transport, socket.socket], buffer: str, value: Any
) -> None:
    transport, _ = pair
    setattr(transport, buffer, value)
    assert not reached(transport)


def test_a_transport_without_a_socket_is_believed() -> None:
    assert reached(object())
