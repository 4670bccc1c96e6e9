"""People behind a balancer are who they are: over real nodes."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tests.cluster.conftest import MakeTown
from tests.support.nodes import NodeProcess

NOBODY = ("--trusted", "")
BALANCED = ("--balancers", "127.0.0.0/8")


@contextmanager
def through(node: NodeProcess, address: str, words: bytes = b"") -> Iterator[BinaryIO]:
    """Come in as a balancer that brings somebody, and read what they read."""
    with socket.create_connection(("127.0.0.1", node.line), 60) as wire:
        wire.sendall(f"PROXY TCP4 {address} 192.0.2.1 5555 1234\r\n".encode() + words)
        yield wire.makefile("rb")


def test_limits_are_those_of_the_address_that_a_balancer_brings(make_town: MakeTown) -> None:
    town = make_town(*NOBODY, *BALANCED, "--connections-per-address", "1", count=1)
    (node,) = town.nodes
    with through(node, "198.51.100.7") as ann, through(node, "198.51.100.8") as bob:
        for person in (ann, bob):
            assert not person.readline().startswith(b"closing: ")
        with through(node, "198.51.100.7") as cat:
            assert cat.readline().startswith(b"closing: too many connections from your address")


def test_what_follows_a_header_at_once_is_heard(make_town: MakeTown) -> None:
    (node,) = make_town(*NOBODY, *BALANCED, count=1).nodes
    with through(node, "198.51.100.7", b"/ping here\r\n") as lines:
        while (line := lines.readline()) != b"pong here\r\n":
            assert line != b""


def test_a_balancer_asks_over_http_how_a_node_is(make_town: MakeTown) -> None:
    (node,) = make_town(*BALANCED, count=1).nodes
    local = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
    with socket.create_connection(("127.0.0.1", node.http), 20) as wire:
        wire.sendall(local + b"GET /counter HTTP/1.0\r\n\r\n")
        assert wire.makefile("rb").readline().startswith(b"HTTP/1.")


def test_people_behind_a_balancer_on_a_unix_socket_are_who_they_are(
    make_town: MakeTown, tmp_path: Path
) -> None:
    more = ("--connections-per-address", "1", "--line", f"unix:{tmp_path}/door")
    make_town(*NOBODY, "--balancers", "unix", *more, count=1)

    def first(address: str) -> tuple[socket.socket, str]:
        wire = socket.socket(socket.AF_UNIX)
        wire.settimeout(20)
        wire.connect(f"{tmp_path}/door")
        wire.sendall(f"PROXY TCP4 {address} 192.0.2.1 5555 1234\r\n".encode())
        return wire, wire.makefile("rb").readline().decode()

    ann, to_ann = first("198.51.100.7")
    bob, to_bob = first("198.51.100.8")
    cat, to_cat = first("198.51.100.7")
    with ann, bob, cat:
        assert not to_ann.startswith("closing: ") and not to_bob.startswith("closing: ")
        assert to_cat.startswith("closing: too many connections from your address")
