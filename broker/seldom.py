"""What takes long to read, and may be a second old: one read at a time, for all who ask.

Must not know what is read, but for how long a list is.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred

T = TypeVar("T")

QUICK, FEW = 0.02, 500
"""Seconds, and rows: what is read faster, or isn't a list of more, is read whenever somebody asks.
How long a short one takes says less of it than of how busy the machine is, and who asks then wants
no older one.
"""


class Seldom:
    """See the module's docstring. `seconds`: a clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._found: dict[str, tuple[float, Any]] = {}  # until when, and what
        self._asked: dict[str, list[Deferred[Any]]] = {}  # while it's being read: for the next time

    async def get(self, what: str, read: Callable[[], Awaitable[T]]) -> T:
        """A value that is read when it's asked for; but a long list in no more than a tenth of the
        time, or, if it takes half a second and more, in half.

        Who asks while it's being read gets what is read after that, together with all others; or
        the same, if that's a long list and took long. Raises what `read` does.
        """
        until, value = self._found.get(what, (0.0, None))
        if self._seconds() < until:
            return cast(T, value)
        mine: Deferred[T] = Deferred()
        asked = self._asked.get(what)
        if asked is not None:
            asked.append(mine)
        else:
            self._asked[what] = [mine]
            Deferred.fromCoroutine(self._read(what, read))
        return await mine

    async def _read(self, what: str, read: Callable[[], Awaitable[T]]) -> None:
        while asked := self._asked[what]:
            self._asked[what] = []
            began = self._seconds()
            try:
                value = await read()
            except Exception as e:
                for one in asked:
                    one.errback(e)
                continue
            took = self._seconds() - began
            if took > QUICK and isinstance(value, list) and len(value) > FEW:
                self._found[what] = (began + max(2 * took, min(1.0, 10 * took)), value)
                asked, self._asked[what] = asked + self._asked[what], []
            for one in asked:
                one.callback(value)
        del self._asked[what]
