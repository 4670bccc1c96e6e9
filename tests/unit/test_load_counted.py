"""`tests.load.counted`: what is counted as work, and what isn't."""

import select
import socket
import sys
from collections.abc import Callable

import pytest
from twisted.internet.task import Clock, LoopingCall

from broker.names import fold
from tests.load.counted import Counter, Counts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="epoll")


def counted(work: Callable[[], object]) -> Counts:
    """What is counted while it's done. Whoever watches the tests watches again after it."""
    counter, watching = Counter(), sys.getprofile()
    counter.begin()
    try:
        work()
    finally:
        sys.setprofile(watching)
    return counter.counts


def test_functions_of_our_own_are_counted_and_no_others() -> None:
    def work() -> None:
        fold("#Go")
        fold("#Go")
        b"#Go".hex(":").title()

    assert Counts(calls=2) == counted(work)


def test_calls_of_the_system_are_counted_on_sockets() -> None:
    one, two = socket.socketpair()

    def work() -> None:
        one.send(b"a")
        one.sendall(b"b")
        two.recv(10)
        two.fileno()
        one.close()
        two.close()

    assert Counts(sends=2, receives=1, others=2) == counted(work)


def test_polls_are_counted_if_something_is_done_after_them() -> None:
    one, two = socket.socketpair()
    with one, two, select.epoll() as epoll:
        epoll.register(two, select.EPOLLIN)

        def work() -> None:
            epoll.poll(0)
            epoll.poll(0)
            one.send(b"a")
            epoll.poll(0)

        assert Counts(polls=1, sends=1) == counted(work)


def test_what_comes_by_the_clock_is_left_out() -> None:
    looping = LoopingCall(fold, "#Go")
    clock = Clock()
    looping.clock = clock  # type: ignore[assignment]
    looping.start(1, now=False)

    def work() -> None:
        clock.advance(1)
        fold("#Go")

    assert Counts(calls=1) == counted(work)
