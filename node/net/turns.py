"""A reactor whose turns have an end.

Batching hangs on it: what a turn brought is written once, at its end. Twisted's way to say
"at the end of this turn" is a timer of zero seconds, which is made, pushed, compared, popped
and timed like any other; and for each socket that is ready it keeps a context for log messages.
At a thousand messages a second the two are a tenth of a node's work. Where there's epoll, this is
Twisted's own epoll reactor without them; elsewhere the reactor is what Twisted chooses.

Its timers don't go by the wall clock, as Twisted's do: set back by two minutes, that would keep a
node from renewing its lease for so long, and others would see its people quit.
"""

import errno
import select
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.main import installReactor
from twisted.logger import Logger

from broker.api import Later

Work = Callable[[], None]

_CLOCK: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)
"""Seconds since the machine was started. The first counts those, too, for which it slept."""

if hasattr(select, "epoll"):
    from twisted.internet.epollreactor import EPollReactor

    class TurnReactor(EPollReactor):
        """See the module's docstring."""

        _log = Logger()
        seconds = staticmethod(_CLOCK)

        def __init__(self) -> None:
            self._works: list[Work] = []
            super().__init__()  # type: ignore[no-untyped-call]

        def at_end_of_turn(self, work: Work) -> None:
            """Call `work` before the next wait for sockets. What it raises is logged."""
            self._works.append(work)

        def _end_turn(self) -> bool:
            """Whether there was anything to do."""
            if not self._works:
                return False
            while self._works:
                works, self._works = self._works, []
                for work in works:
                    try:
                        work()
                    except Exception:
                        self._log.failure("at the end of a turn")
            return True

        def doPoll(self, timeout: float | None) -> None:
            """One turn, after the timers: wait for sockets, read and write, end the turn."""
            if self._end_turn():
                timeout = 0.0  # it was counted before: there may be earlier timers now
            elif timeout is None:
                timeout = -1.0
            selectables, read_or_write = self._selectables, self._doReadOrWrite
            try:
                events = self._poller.poll(timeout, len(selectables))
            except OSError as e:
                if e.errno == errno.EINTR:
                    return
                raise
            for fd, event in events:
                selectable = selectables.get(fd)
                if selectable is not None:
                    read_or_write(selectable, fd, event)  # type: ignore[no-untyped-call]
            self._end_turn()

        doIteration = doPoll


def install() -> None:
    """Make it this process's reactor, where there's epoll and no other reactor yet.

    Elsewhere it's Twisted's, with our clock.
    """
    if "twisted.internet.reactor" in sys.modules:
        return
    if hasattr(select, "epoll"):
        installReactor(TurnReactor())
    else:
        from twisted.internet import reactor

        setattr(reactor, "seconds", _CLOCK)  # noqa: B010 - to mypy it's a method


def end_of_turn(reactor: Any) -> Later:
    """How to say "at the end of this turn" to a reactor."""
    later: Later | None = getattr(reactor, "at_end_of_turn", None)
    return later or (lambda work: reactor.callLater(0, work))
