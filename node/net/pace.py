"""Holds back what comes from a connection faster than it may be done, in its order.

messages ─> due ─> what may be done now
            └─ the rest is held; `more` is called in a while, to ask again
"""

from collections.abc import Callable
from typing import Any

from node.core.limits import Act, Allowance

Messages = list[bytes | None]
"""What a connection's framing made of what was read; None: too long, and dropped."""

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
        self._held: Messages = []
        self._call_later = call_later
        self._more = more

    def due(self, messages: Messages) -> Messages:
        """What may be done now of what is held and of `messages`, which follow it."""
        if self._held:
            messages = self._held + messages
        if self.holding:
            self._held = messages
            return []
        count = len(messages)
        may = self.allowance.take(Act.LINES, count)
        self._held = messages[may:]
        if may == count:
            return messages
        self.wait(self.allowance.wait(Act.LINES))
        return messages[:may]

    def wait(self, seconds: float = SOON) -> None:
        """Hold for a while, whatever may be done."""
        self.holding = True
        self._call_later(min(max(SOON, seconds), LATER), self._look)

    def forget(self) -> None:
        """Nothing of it will be done."""
        self._held = []

    def _look(self) -> None:
        self.holding = False
        self._more()
