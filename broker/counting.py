"""Numbers that no two people get: one call at a time and counter, for all who asked meanwhile."""

import secrets

from twisted.internet.defer import Deferred

from broker.api import Refused
from broker.presence import Presence
from broker.store import Store


class Counting:
    """See the module's docstring."""

    def __init__(self, store: Store, presence: Presence) -> None:
        self._store = store
        self._presence = presence
        self._counting: dict[str, list[Deferred[int]]] = {}  # who waits for a number

    async def count(self, counter: str) -> int:
        """As `api.Broker.count`."""
        number: Deferred[int] = Deferred()
        waiting = self._counting.get(counter)
        if waiting is not None:
            waiting.append(number)
        else:
            self._counting[counter] = [number]
            Deferred.fromCoroutine(self._count(counter))
        return await number

    async def _count(self, counter: str) -> None:
        """One call at a time and counter, for all who asked meanwhile: a number each."""
        while waiting := self._counting[counter]:
            self._counting[counter] = []
            batch = secrets.token_hex(6)
            try:
                last = await self._store.count(counter, self._presence.node, batch, len(waiting))
            except Refused as refused:
                for one in waiting:
                    one.errback(refused)
                continue
            for i, one in enumerate(waiting, last - len(waiting) + 1):
                one.callback(i)
        del self._counting[counter]
