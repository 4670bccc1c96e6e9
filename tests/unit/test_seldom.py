"""`broker.seldom`: what takes long to read is read once for all who ask."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from broker.api import Code, Refused
from broker.seldom import FEW, Seldom


class Shelf:
    """Lists that are read, one after the other, each with the same in all of its rows; each read
    waits until it's told that it took so long.
    """

    def __init__(self, rows: int = FEW + 1) -> None:
        self.rows = rows
        self.clock = Clock()
        self.seldom = Seldom(self.clock.seconds)
        self.reads: list[Deferred[list[str]]] = []
        self.got: list[object] = []

    async def _read(self) -> list[str]:
        self.reads.append(Deferred())
        return await self.reads[-1]

    def ask(self, times: int = 1) -> None:
        for _ in range(times):
            asked = Deferred.fromCoroutine(self.seldom.get("people", self._read))
            asked.addCallbacks(
                lambda rows: self.got.append(rows[0]),
                lambda failure: self.got.append(failure.value),
            )

    def end(self, found: str, took: float = 0.0) -> None:
        self.clock.advance(took)
        self.reads[-1].callback([found] * self.rows)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_what_is_read_quickly_is_read_whenever_somebody_asks(shelf: Shelf) -> None:
    for found in ("one", "two"):
        shelf.ask()
        shelf.end(found)
    assert ["one", "two"] == shelf.got


def test_a_short_list_is_read_whenever_somebody_asks_however_long_that_took() -> None:
    shelf = Shelf(rows=FEW)
    shelf.ask(times=2)
    for found in ("one", "two", "three"):
        shelf.end(found, took=0.5)
        if found == "two":
            shelf.ask()
    assert ["one", "two", "three"] == shelf.got


def test_what_took_long_is_read_in_a_tenth_of_the_time(shelf: Shelf) -> None:
    shelf.ask()
    shelf.end("one", took=0.05)
    shelf.clock.advance(0.4)
    shelf.ask()
    shelf.clock.advance(0.1)
    shelf.ask()
    shelf.end("two")
    assert ["one", "one", "two"] == shelf.got


@pytest.mark.parametrize("took, later", [(0.1, 0.9), (0.5, 0.5), (3.0, 3.0)])
def test_it_is_read_again_after_a_second_or_after_as_long_as_it_took(
    shelf: Shelf, took: float, later: float
) -> None:
    shelf.ask()
    shelf.end("one", took=took)
    shelf.clock.advance(later - 0.01)
    shelf.ask()
    shelf.clock.advance(0.02)
    shelf.ask()
    assert (["one", "one"], 2) == (shelf.got, len(shelf.reads))


def test_all_who_ask_while_it_is_read_share_the_next_reading(shelf: Shelf) -> None:
    shelf.ask()
    shelf.ask(times=3)
    shelf.end("one")
    shelf.end("two")
    assert (["one", "two", "two", "two"], 2) == (shelf.got, len(shelf.reads))


def test_all_who_ask_while_it_is_read_get_the_same_if_that_took_long(shelf: Shelf) -> None:
    shelf.ask()
    shelf.ask(times=3)
    shelf.end("one", took=0.05)
    assert (["one"] * 4, 1) == (shelf.got, len(shelf.reads))


def test_whoever_asked_is_told_that_it_cannot_be_read_and_the_next_read_it(shelf: Shelf) -> None:
    refused = Refused(Code.AWAY)
    shelf.ask(times=2)
    shelf.reads[-1].errback(refused)
    shelf.end("one")
    assert [refused, "one"] == shelf.got
