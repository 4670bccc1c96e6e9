"""How the process is: how late its event loop is, how much of a core and of memory it takes."""

import os
import resource
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.task import LoopingCall

from broker.tally import Histogram

TICK = 0.1
"""Seconds between two looks at how late the event loop is."""

RECENT = 5.0
"""Seconds for which the longest delay is remembered."""

_STATM = Path("/proc/self/statm")


class LoopLag:
    """How late a timer is called: as late as everything else. `seen` gets it, in seconds."""

    def __init__(self, seen: Histogram, clock: Any) -> None:
        self._seen = seen
        self._clock = clock
        self._last = 0.0
        self._recent: deque[tuple[float, float]] = deque()
        self._ticking = LoopingCall(self._tick)
        self._ticking.clock = clock

    def start(self) -> None:
        """Look from now on."""
        self._last = self._clock.seconds()
        self._ticking.start(TICK, now=False)

    def stop(self) -> None:
        """Look no more."""
        if self._ticking.running:
            self._ticking.stop()

    def _tick(self) -> None:
        now = self._clock.seconds()
        late = max(0.0, now - self._last - TICK)
        # the next is due one tick from now, or a steady delay would be seen but once
        self._last = self._ticking.starttime = now
        self._seen.observe(late)
        self._recent.append((now, late))
        while self._recent[0][0] <= now - RECENT:
            self._recent.popleft()

    @property
    def longest(self) -> float:
        """The longest of the last seconds."""
        return max((late for _, late in self._recent), default=0.0)


class Cpu:
    """How much of one core this process took since it was last asked."""

    def __init__(
        self,
        used: Callable[[], float] = time.process_time,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._used = used
        self._seconds = seconds
        self._before = (seconds(), used())

    def share(self) -> float:
        """0 to 1, or more with threads."""
        now, used = self._seconds(), self._used()
        then, before = self._before
        self._before = (now, used)
        return (used - before) / (now - then) if now > then else 0.0


def memory() -> int:
    """What this process has in memory, in bytes; where the system doesn't tell, its most."""
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
