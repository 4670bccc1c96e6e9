"""`node.net.idle`: who says nothing for too long is closed, and nobody sooner."""

from collections.abc import Iterator

import pytest

from node.net.idle import LOOKS, Idle
from tests.unit.test_connection import Node, Wire

DAY = 86_400.0
CLOSING = "closing: nothing came from you for 24 h (--idle)"


@pytest.fixture
def node() -> Iterator[Node]:
    made = Node()
    idle = Idle(made.chat, DAY, made.clock)
    idle.start()
    yield made
    idle.stop()
    assert [] == made.failures


def wait(node: Node, seconds: float) -> None:
    """Time goes by."""
    for _ in range(LOOKS + 1):
        node.turn(seconds / (LOOKS + 1))
    node.turn()


def test_who_says_nothing_for_so_long_reads_why_and_is_closed(node: Node) -> None:
    wire = node.connect("alice")
    wait(node, DAY)
    before = wire.read()
    wait(node, DAY / LOOKS)
    assert ([], [CLOSING], True) == (before, wire.read(), wire.socket.disconnecting)


def test_others_read_that_they_were_idle(node: Node) -> None:
    alice, bob = node.connect("alice"), node.connect("bob")
    for wire in (alice, bob):
        node.type(wire, "/join #go")
    node.type(bob)
    wait(node, DAY / 2)
    node.type(bob, "")
    wait(node, DAY)
    assert ["alice has quit (idle)"] == [line for line in bob.read() if "quit" in line]


@pytest.mark.parametrize("line", ["hello", "/ping", ""])
def test_whatever_comes_from_them_keeps_them(node: Node, line: str) -> None:
    wire = node.connect("alice")
    for _ in range(3):
        wait(node, DAY * 0.9)
        node.type(wire, line)
    assert not wire.socket.disconnecting


def test_who_only_reads_is_idle(node: Node) -> None:
    alice, bob = node.connect("alice"), node.connect("bob")
    for _ in range(3):
        wait(node, DAY / 2)
        node.type(bob, "hello")
    assert (True, False) == (alice.socket.disconnecting, bob.socket.disconnecting)


def test_of_many_one_is_closed_after_the_other(node: Node) -> None:
    wires = [node.connect() for _ in range(10)]
    wait(node, DAY)
    closed = []
    for seconds in (DAY / LOOKS, *[DAY / LOOKS / 10] * 9):
        node.turn(seconds)
        node.turn()
        closed.append(sum(wire.socket.disconnecting for wire in wires))
    assert list(range(1, 11)) == closed


def test_who_says_something_before_it_is_their_turn_stays(node: Node) -> None:
    wires = [node.connect() for _ in range(2)]
    wait(node, DAY + DAY / LOOKS)
    for wire in wires:
        node.type(wire, "")
    node.turn(DAY / LOOKS)
    assert 1 == sum(wire.socket.disconnecting for wire in wires)


def test_who_is_gone_already_is_left_in_peace(node: Node) -> None:
    wire = node.connect("alice")
    node.type(wire, "/quit")
    wait(node, 2 * DAY)
    assert [] == wire.read()


def test_a_session_without_a_connection_of_lines_is_left_alone(node: Node) -> None:
    wire: Wire = node.connect("alice")
    session = wire.session
    session.connection = object()  # type: ignore[assignment]
    wait(node, 2 * DAY)
    assert not session.gone
