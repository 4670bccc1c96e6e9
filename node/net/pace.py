"""Holds back what comes from a connection faster than it may be done: as bytes, in their order.

data ─> due ─> what may be done now
└─ the rest is held; `more` is called in a while, to ask again
"""

from collections.abc import Callable
from typing import Any

from node.core.limits import Act, Allowance

SOON = 0.05
"""The least seconds until what is held is looked at: several lines cost less at once."""

LATER = 10.0
"""The most."""


class Pace:
    """The pace of one connection, which isn't to be read from while something is `holding`.

    So one read is held at most, and if the connection breaks it's lost like what wasn't read.
    """

    __slots__ = ("allowance", "holding", "_held", "_call_later", "_more")

    def __init__(
        self, allowance: Allowance, call_later: Callable[..., Any], more: Callable[[], None]
    ) -> None:
        self.allowance = allowance
        self.holding = False
        self._held = b""
        self._call_later = call_later
        self._more = more

    def due(self, data: bytes = b"") -> bytes:
        """What may be done now of what is held and of `data`, which follows it."""
        data = self._held + data
        if self.holding:
            self._held = data
            return b""
        lines = data.count(b"\n")
        may = self.allowance.take(Act.LINES, lines)
        if may == lines:
            self._held = b""
            return data
        end = _end(data, may)
        self._held = data[end:]
        self.wait(self.allowance.wait(Act.LINES))
        return data[:end]

    def wait(self, seconds: float = SOON) -> None:
        """Hold for a while, whatever may be done."""
        self.holding = True
        self._call_later(min(max(SOON, seconds), LATER), self._look)

    def forget(self) -> None:
        """Nothing of it will be done."""
        self._held = b""

    def _look(self) -> None:
        self.holding = False
        self._more()


def _end(data: bytes, lines: int) -> int:
    """Where so many lines end, of those in `data`."""
    end = 0
    for _ in range(lines):
        end = data.index(b"\n", end) + 1
    return end
