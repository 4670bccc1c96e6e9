"""Signals that ask for an end, for what isn't run by Twisted: as a Ctrl-C, or as something that a
selector can wait for.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """While nothing else handles them, each is a Ctrl-C: a KeyboardInterrupt."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in _STOP}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class StopSignals:
    """Counts the signals that ask for an end: Ctrl-C, SIGTERM, a terminal that was closed.

    A context manager. Its `fileno` is readable after one of these, and after SIGCHLD; `drain`
    makes it unreadable again.
    """

    def __init__(self) -> None:
        self.asked = 0
        self._read = self._write = -1

    def fileno(self) -> int:
        """For a selector."""
        return self._read

    def drain(self) -> None:
        """Take note that something came."""
        os.read(self._read, 4096)

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._ask) for number in _STOP}
        # Ignored it would not wake anybody; it needs a handler, even one that does nothing.
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(self, *_exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._read)
        os.close(self._write)

    def _ask(self, *_: object) -> None:
        self.asked += 1
