"""Who had which nick is kept of so many nicks only: whoever gives nicks back notes them here, and
forgets for the cluster those that have become too many, the oldest first.

What a node that dies hasn't noted yet is forgotten when its time is over. Must not know what else
becomes of nicks.
"""

from itertools import islice

from broker.api import Refused
from broker.store import WAS_KEPT, Store

AT_ONCE = 500
"""How many are noted in one call."""


class Bygone:
    """See the module's docstring. `most`: nicks."""

    def __init__(self, store: Store, most: int) -> None:
        self._store = store
        self._most = most

    async def settle(self) -> None:
        """Note the nicks that were given back here since the last time."""
        given_back = self._store.given_back
        while given_back:
            some = list(islice(given_back, AT_ONCE))
            for nick in some:
                del given_back[nick]
            try:
                keys = (self._store.keys.bygone,)
                over = await self._store.run("bygone", keys, self._most, WAS_KEPT, *some)
            except Refused:
                given_back |= dict.fromkeys(some)  # with the next beat
                return
            for nick in over:
                await self._store.ask("DEL", self._store.keys.was(nick.decode()))
