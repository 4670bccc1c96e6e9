"""`node.net.turns`: what is put off to the end of a turn."""

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from node.net import turns
from node.net.turns import end_of_turn

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="there is no epoll here")

LONG = 3600.0
"""Seconds. A turn that waits that long is a test that hangs."""


@pytest.fixture
def reactor() -> Iterator[Any]:
    made = turns.TurnReactor()
    yield made
    for selectable in made.removeAll():
        selectable.connectionLost(None)
    made._poller.close()


class Reader:
    """Something to read from; `heard` is called when it was read."""

    def __init__(self, sock: socket.socket, heard: Callable[[], None]) -> None:
        self._socket = sock
        self._heard = heard

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "reader"

    def doRead(self) -> None:
        self._socket.recv(100)
        self._heard()

    def connectionLost(self, _why: object) -> None: ...


def test_work_is_done_before_the_next_wait(reactor: Any) -> None:
    done: list[int] = []
    end_of_turn(reactor)(lambda: done.append(1))
    reactor.doPoll(LONG)
    assert [1] == done


def test_work_that_brings_more_work_has_it_done_in_the_same_turn(reactor: Any) -> None:
    done: list[int] = []
    reactor.at_end_of_turn(lambda: reactor.at_end_of_turn(lambda: done.append(2)))
    reactor.doPoll(LONG)
    assert [2] == done


def test_work_that_fails_keeps_nobody_elses_from_being_done(reactor: Any) -> None:
    done: list[int] = []
    reactor.at_end_of_turn(lambda: 1 // 0)
    reactor.at_end_of_turn(lambda: done.append(3))
    reactor.doPoll(LONG)
    assert [3] == done


def test_what_was_read_is_done_with_in_the_same_turn(reactor: Any) -> None:
    here, there = socket.socketpair()
    done: list[str] = []
    with closing(here), closing(there):

        def heard() -> None:
            reactor.at_end_of_turn(lambda: done.append("end"))
            done.append("read")

        reader = Reader(here, heard)
        reactor.addReader(reader)
        there.send(b"x")
        reactor.doPoll(LONG)
        reactor.removeReader(reader)
    assert ["read", "end"] == done


def test_timers_go_by_the_time_since_the_machine_was_started(reactor: Any) -> None:
    assert 0 < reactor.seconds() < time.time() / 2
    later = reactor.callLater(10, lambda: None)
    assert 0 < later.getTime() < time.time() / 2
    later.cancel()


def test_another_reactor_is_asked_with_a_timer() -> None:
    clock = MemoryReactorClock()
    done: list[int] = []
    end_of_turn(clock)(lambda: done.append(4))
    before = list(done)
    clock.advance(0)
    assert ([], [4]) == (before, done)
