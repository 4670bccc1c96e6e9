"""`chorus top`: the screen, drawn anew each second until somebody presses q.

    a thread: read Redis, each second ──> View ──> screen
    this one: keys, and drawing

Reading has a thread of its own, so that q works while Redis doesn't answer.
"""

import os
import select
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from broker.reports import POINT
from node.operate.operator import Operator, OperatorError
from node.operate.reading import read_overview, read_series
from node.operate.screen import View, screen
from node.operate.show import terminal
from node.options import SettingError
from node.signals import interruptible

EACH = 1.0
"""Seconds from one look to the next."""

LATE = 2.5
"""Seconds after which it's said that what is shown is old."""

KEYS = 0.2
"""Seconds for which a key is waited for, before the screen is looked at."""

_ENDS = b"qQ\x1b\x03\x04"
"""q, Escape, Ctrl-C, Ctrl-D."""


class Looking:
    """Looks again and again, in a thread of its own."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._view = View(where=operator.where)
        self._ended = threading.Event()
        self._read_at = time.monotonic()
        self._series_at = -POINT
        self._thread = threading.Thread(target=self._look, daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def end(self) -> None:
        """Look no more. A look that's under way is left alone."""
        self._ended.set()

    def current(self) -> View:
        """What was seen last, and for how long nothing newer was, if that's too long."""
        view, age = self._view, time.monotonic() - self._read_at
        if age < LATE:
            return view
        return view._replace(trouble=view.trouble or "Redis doesn't answer", seconds=int(age))

    def _look(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                with self._operator.reaching():
                    self._look_once(began)
            except OperatorError as e:
                self._view = self._view._replace(trouble=str(e))
            except Exception as e:  # a thread that died would show the same for ever
                self._view = self._view._replace(trouble=f"{type(e).__name__}: {e}")
            self._ended.wait(max(0.1, EACH - (time.monotonic() - began)))

    def _look_once(self, now: float) -> None:
        view = self._view._replace(overview=read_overview(self._operator), trouble="")
        if now - self._series_at >= POINT:
            view = view._replace(series=read_series(self._operator))
            self._series_at = now
        self._view, self._read_at = view, time.monotonic()


def watch(operator: Operator) -> bool:
    """Show it until a key ends it. Raises SettingError where there's no terminal."""
    console = terminal()
    if not (console.is_terminal and sys.stdin.isatty()):
        raise SettingError("top", "a terminal; `chorus status --json` tells the same to programs")
    looking = Looking(operator)
    looking.start()
    try:
        with interruptible(), _keys() as pressed:
            draw(console, looking.current, pressed)
    except KeyboardInterrupt:
        pass  # as good as q
    finally:
        looking.end()
    return True


def draw(console: Console, current: Callable[[], View], pressed: Callable[[], bytes]) -> None:
    """Draw what is current, until one of the keys that were pressed ends it."""
    with Live(console=console, screen=True, auto_refresh=False, transient=True) as live:
        shown = None
        while not any(key in _ENDS for key in pressed()):
            now = (current(), console.size)
            if now != shown:
                shown = now
                live.update(screen(now[0], *console.size), refresh=True)


@contextmanager
def _keys() -> Iterator[Callable[[], bytes]]:
    """Keys as they are pressed: a function that waits a moment for some."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        yield lambda: os.read(fd, 64) or _ENDS if select.select([fd], [], [], KEYS)[0] else b""
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
