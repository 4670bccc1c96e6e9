"""Work that takes long, beside the event loop: in a thread, one piece at a time."""

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import DeferredLock
from twisted.internet.threads import deferToThread

T = TypeVar("T")


class Aside:
    """Does pieces of work, in the order in which they're given."""

    def __init__(self) -> None:
        self._one_at_a_time = DeferredLock()

    async def __call__(self, work: Callable[[], T]) -> T:
        """What the work returns; it's done in a thread."""
        return await self._one_at_a_time.run(deferToThread, work)
