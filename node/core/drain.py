"""Closing people's connections one after another, so that they don't all come back at once.

Must not know why, nor which node they'll find.
"""

from collections.abc import Callable, Iterable
from typing import Any

from node.core.session import Session

STEP = 0.1
"""Seconds. Those who are due within one are closed together."""


def due(total: int, elapsed: float, window: float) -> int:
    """How many of `total` are to be closed by now, `elapsed` seconds into a window."""
    return total if elapsed >= window else min(total, int(total * elapsed / window) + 1)


class Drain:
    """Dismisses sessions, in the order given, spread evenly over `window` seconds.

    `dismiss` closes one. `over` is called once, when all are dismissed or gone. `seconds`: a
    clock; `call_later`: as a reactor's.
    """

    def __init__(
        self,
        sessions: Iterable[Session],
        window: float,
        *,
        dismiss: Callable[[Session], None],
        over: Callable[[], None],
        seconds: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], Any],
    ) -> None:
        self._sessions = list(sessions)
        self._window = window
        self._dismiss = dismiss
        self._over: Callable[[], None] | None = over
        self._seconds = seconds
        self._call_later = call_later
        self._began = seconds()
        self._passed = 0
        self.dismissed = 0

    def __len__(self) -> int:
        """How many there were at the beginning."""
        return len(self._sessions)

    def start(self) -> None:
        """Begin, with the first of them."""
        self._go_on()

    def hurry(self) -> None:
        """Dismiss the rest at once."""
        self._window = 0.0
        self._go_on()

    def _go_on(self) -> None:
        if self._over is None:
            return  # it was hurried: this is the timer from before
        elapsed = self._seconds() - self._began
        wanted = due(len(self._sessions), elapsed, self._window)
        while self._passed < wanted:
            session = self._sessions[self._passed]
            self._passed += 1
            if not session.gone:
                self._dismiss(session)
                self.dismissed += 1
        if all(session.gone for session in self._sessions[self._passed :]):
            over, self._over = self._over, None
            over()
        else:
            self._call_later(STEP, self._go_on)
