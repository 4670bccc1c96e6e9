"""Works that are done side by side: calls that don't wait for one another's answers."""

from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults

T = TypeVar("T")


async def together(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of works that are done side by side; the first failure, if there is one."""
    running = [Deferred.fromCoroutine(work) for work in works]
    try:
        return await gatherResults(running, consumeErrors=True)
    except FirstError as e:
        e.subFailure.raiseException()
