"""`broker.board`: what is said of a cluster whose masters are lost as they're asked."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from broker.api import Code, Refused
from broker.board import Board
from broker.keys import Keys
from broker.link import LinkLost
from broker.store import Store
from broker.writes import Writes

PLACES = ("127.0.0.1:1", "127.0.0.1:2")


class Lost:
    """A link that is lost when it's asked for each master."""

    def __init__(self) -> None:
        self.answers: list[Deferred[Any]] = []

    def ask_each(self, *_args: object) -> dict[str, Deferred[Any]]:
        asked: dict[str, Deferred[Any]] = {place: Deferred() for place in PLACES}
        self.answers += asked.values()
        return asked

    def go(self) -> None:
        for answer in self.answers:
            answer.errback(LinkLost())


@pytest.fixture
def link() -> Lost:
    return Lost()


@pytest.fixture
def store(link: Lost) -> Store:
    store = Store(
        Keys("test"),
        history_lines=10,
        history_days=1,
        inbox_lines=10,
        script_flags=True,
        writes=Writes(Clock().seconds),
    )
    store.link = link  # type: ignore[assignment]
    return store


def test_a_link_that_is_lost_is_dealt_with_for_each_master(link: Lost, store: Store) -> None:
    asked = Deferred.fromCoroutine(store.glance_each(("INFO",), ("SLOWLOG", "GET", 9)))
    link.go()
    why: list[Failure] = []
    asked.addErrback(why.append)
    assert [LinkLost] == [type(failure.value) for failure in why]
    assert [] == [one.result for one in link.answers if isinstance(one.result, Failure)]


def test_an_overview_of_masters_that_are_lost_meanwhile_is_refused(
    link: Lost, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def glance(*commands: object) -> list[Any]:
        return [[b"1", b"0"], {}, []] + [0] * (len(commands) - 3)

    monkeypatch.setattr(store, "glance", glance)
    board = Board(
        store,
        name="n1",
        node=lambda: "n1.x",
        now_ms=lambda: 0,
        ready=lambda: True,
        seconds=Clock().seconds,
    )
    why: list[Failure] = []
    Deferred.fromCoroutine(_overview(board)).addErrback(why.append)
    link.go()
    (refused,) = [failure.value for failure in why]
    assert isinstance(refused, Refused)
    assert Code.AWAY is refused.code


async def _overview(board: Board) -> None:
    await board.overview()
