"""`node.net.aside`: work beside the event loop."""

import threading
from collections.abc import Iterator
from functools import partial

import pytest
from twisted.internet.defer import Deferred

from broker.api import Code, Refused
from node.net.aside import WAITING, Aside
from tests.support import spin


@pytest.fixture(scope="module", autouse=True)
def threads_end() -> Iterator[None]:
    """A thread that the reactor was never told to end would keep the process from ending."""
    yield
    if spin.reactor.threadpool is not None:
        spin.reactor._stopThreadPool()


def test_work_is_done_in_another_thread_and_what_it_returns_comes_back() -> None:
    here, there = threading.get_ident(), spin.wait(Aside()(threading.get_ident))
    assert here != there


def test_what_it_raises_comes_back() -> None:
    def fail() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        spin.wait(Aside()(fail))


def test_one_piece_at_a_time_is_done_in_their_order_and_not_too_many_wait() -> None:
    aside, begun, let = Aside(), list[int](), threading.Event()

    def piece(number: int) -> int:
        begun.append(number)
        assert let.wait(60)
        return number

    numbers = range(WAITING + 1)
    under_way = [Deferred.fromCoroutine(aside(partial(piece, n))) for n in numbers]
    with pytest.raises(Refused) as refused:
        spin.wait(aside(lambda: piece(-1)))
    assert Code.BUSY is refused.value.code
    while not begun:
        spin.turn()
    assert [0] == begun
    let.set()
    assert list(numbers) == [spin.wait(one) for one in under_way]
    assert list(numbers) == begun
