"""Work that takes long, beside the event loop: in a thread, one piece at a time."""

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import DeferredLock
from twisted.internet.threads import deferToThread

from broker.api import Code, Refused

T = TypeVar("T")

WAITING = 50
"""How many pieces may wait: what comes then would be late for whoever asked for it."""


class Aside:
    """Does pieces of work, in the order in which they're given."""

    def __init__(self) -> None:
        self._one_at_a_time = DeferredLock()

    async def __call__(self, work: Callable[[], T]) -> T:
        """What the work returns; it's done in a thread. Raises BUSY if too many wait."""
        if len(self._one_at_a_time.waiting) >= WAITING:
            raise Refused(Code.BUSY)
        return await self._one_at_a_time.run(deferToThread, work)
