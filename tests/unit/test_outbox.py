"""`node.net.outbox`: one write per person and turn."""

from collections.abc import Callable

import pytest

from broker.api import Identity
from node.core.session import Session
from node.dialects.slash import Slash
from node.net.outbox import Outbox
from tests.support.village import Screen


class Turn:
    """An outbox, the end of whose turn a test decides about. `written`: (nick, bytes)."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []
        self.written: list[tuple[str, bytes]] = []
        self.outbox = Outbox(self.work.append, self.write)
        self.while_writing: Callable[[], None] = lambda: None

    def write(self, session: Session, data: bytes) -> None:
        self.written.append((session.me.nick, data))
        self.while_writing()

    def end(self) -> list[tuple[str, bytes]]:
        """The turn ends; what was written by it."""
        work, self.work[:] = list(self.work), []
        for each in work:
            each()
        written, self.written = self.written, []
        return written


def somebody(nick: str) -> Session:
    return Session(Identity(nick, "t", nick), Slash(), Screen())


@pytest.fixture
def turn() -> Turn:
    return Turn()


def test_nothing_is_written_before_the_end_of_the_turn(turn: Turn) -> None:
    turn.outbox.put(somebody("a"), b"x")
    assert [] == turn.written


def test_what_a_turn_brought_is_written_at_once_in_its_order(turn: Turn) -> None:
    a, b = somebody("a"), somebody("b")
    turn.outbox.put(a, b"1")
    turn.outbox.put(b, b"2")
    turn.outbox.put(a, b"3")
    assert [("a", b"13"), ("b", b"2")] == turn.end()


def test_what_is_for_all_is_written_to_each(turn: Turn) -> None:
    turn.outbox.put_all([somebody("a"), somebody("b")], b"x")
    assert [("a", b"x"), ("b", b"x")] == turn.end()


def test_what_is_for_all_and_for_one_keeps_its_order(turn: Turn) -> None:
    a, b = somebody("a"), somebody("b")
    turn.outbox.put_all([a, b], b"1")
    turn.outbox.put(a, b"2")
    turn.outbox.put_all([a, b], b"3")
    assert [("a", b"123"), ("b", b"13")] == turn.end()


def test_those_with_the_same_pieces_get_the_very_same_bytes(turn: Turn) -> None:
    a, b = somebody("a"), somebody("b")
    turn.outbox.put_all([a, b], b"one")
    turn.outbox.put_all([a, b], b"two")
    (_, first), (_, second) = turn.end()
    assert first is second


def test_a_turn_has_one_end(turn: Turn) -> None:
    a = somebody("a")
    turn.outbox.put(a, b"1")
    turn.outbox.put_all([a], b"2")
    turn.outbox.put(somebody("b"), b"3")
    assert 1 == len(turn.work)


def test_nothing_is_written_twice(turn: Turn) -> None:
    turn.outbox.put(somebody("a"), b"x")
    turn.end()
    turn.outbox.flush()
    assert [] == turn.end()


def test_each_turn_has_its_own(turn: Turn) -> None:
    a = somebody("a")
    turn.outbox.put(a, b"1")
    first = turn.end()
    turn.outbox.put(a, b"2")
    assert ([("a", b"1")], [("a", b"2")]) == (first, turn.end())


def test_one_can_be_written_to_before_the_end(turn: Turn) -> None:
    a, b = somebody("a"), somebody("b")
    turn.outbox.put_all([a, b], b"x")
    turn.outbox.flush_one(a)
    assert [("a", b"x")] == turn.written
    assert [("a", b"x"), ("b", b"x")] == turn.end()


def test_who_was_written_to_before_the_end_gets_what_comes_after_once(turn: Turn) -> None:
    a = somebody("a")
    turn.outbox.put(a, b"1")
    turn.outbox.flush_one(a)
    turn.outbox.put(a, b"2")
    assert [("a", b"1"), ("a", b"2")] == turn.end()


def test_for_nobody_there_is_nothing_to_write(turn: Turn) -> None:
    turn.outbox.put_all([], b"x")
    turn.outbox.flush_one(somebody("a"))
    assert [] == turn.end()


@pytest.mark.parametrize("nick", ["a", "b", "c"])
def test_what_comes_up_while_writing_is_written_too(turn: Turn, nick: str) -> None:
    people = {name: somebody(name) for name in "abc"}
    turn.outbox.put(people["a"], b"1")
    turn.outbox.put(people["b"], b"1")

    def more() -> None:
        turn.while_writing = lambda: None
        turn.outbox.put(people[nick], b"2")

    turn.while_writing = more
    written = [*turn.end(), *turn.end()]
    assert 1 == sum(data.count(b"2") for name, data in written if name == nick)
    assert 3 == sum(len(data) for _, data in written)


def test_one_who_cannot_be_written_to_keeps_nobody_from_being_written_to(turn: Turn) -> None:
    def fail() -> None:
        raise OSError

    turn.while_writing = fail
    turn.outbox.put_all([somebody("a"), somebody("b")], b"x")
    assert ["a", "b"] == [nick for nick, _ in turn.end()]
