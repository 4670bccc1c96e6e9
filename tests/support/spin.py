"""Drives Twisted's reactor from within pytest: one turn after another, until something is so.

The reactor is started once, without signal handlers, and never run: it turns only while a
test waits. Must not know what the tests are about.
"""

import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

T = TypeVar("T")

reactor: Any = _reactor
"""The reactor, for those who must be given one. (It has no useful type of its own.)"""

_TURN = 0.05
"""Seconds that one turn may wait for the network."""


class TooLate(AssertionError):
    """What a test waited for didn't come about."""


def wait(awaitable: Awaitable[T], seconds: float = 150.0) -> T:
    """Turn the reactor until `awaitable` is done; its result, or what it raised.

    Raises TooLate after `seconds`, and then it's cancelled.
    """
    outcome: list[T | Failure] = []
    deferred = Deferred.fromCoroutine(_awaited(awaitable))
    deferred.addBoth(outcome.append).addBoth(lambda _: reactor.callLater(0, _at_once))
    deadline = time.monotonic() + seconds
    while not outcome:
        if time.monotonic() > deadline:
            deferred.cancel()
            raise TooLate(f"not done within {seconds} seconds: {awaitable}")
        turn()
    result = outcome[0]
    if isinstance(result, Failure):
        result.raiseException()
        raise AssertionError("unreachable")
    return result


def turn() -> None:
    """One turn of the reactor."""
    if not reactor.running:
        reactor.startRunning(installSignalHandlers=False)
    reactor.runUntilCurrent()
    due = reactor.timeout()
    reactor.doIteration(_TURN if due is None else min(due, _TURN))


def finish() -> None:
    """Let the reactor shut down, with its threads, if it was ever started."""
    if reactor.running:
        reactor.stop()
        while reactor.running:
            turn()


async def gather(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T | Exception]:
    """Run all at once; what each returned, or the exception that it raised."""

    async def outcome(coroutine: Coroutine[Any, Any, T]) -> T | Exception:
        try:
            return await coroutine
        except Exception as e:
            return e

    running = [Deferred.fromCoroutine(outcome(coroutine)) for coroutine in coroutines]
    return [await one for one in running]


async def eventually(probe: Callable[[], Awaitable[T]], expected: T, seconds: float = 50.0) -> None:
    """Ask again and again until the answer is `expected`. Raises TooLate with the last one."""
    deadline = time.monotonic() + seconds
    while (actual := await probe()) != expected:
        if time.monotonic() > deadline:
            raise TooLate(f"expected {expected!r}, and it's still {actual!r}")
        await deferLater(reactor, 0.01)


def _at_once() -> None:
    """Being due, it keeps a turn from waiting for the network."""


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable
