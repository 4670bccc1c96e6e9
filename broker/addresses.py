"""How many connections each address has open, on this node and in the whole cluster.

A node tells Redis its own number for an address, never a difference: so it's safe to repeat, and
what was lost on the way is right the next time. Redis adds up those of living nodes. What
couldn't be told, or may have been told wrongly, is in doubt, and told with the next beat. Must not
know sockets.
"""

from collections.abc import Callable
from itertools import islice

from broker.api import Refused
from broker.link import LinkLost
from broker.store import Store

AT_ONCE = 500
"""How many addresses are told with one beat."""


class Addresses:
    """The open connections of one node.

    `most`: how many an address may have; 0: any number. `node`: this incarnation's name.
    `ready`: whether Redis can be asked.
    """

    def __init__(
        self, store: Store, *, most: int, node: Callable[[], str], ready: Callable[[], bool]
    ) -> None:
        self._store = store
        self._most = most
        self._node = node
        self._ready = ready
        self._open: dict[str, int] = {}
        self._doubtful: dict[str, None] = {}

    async def admit(self, address: str) -> bool:
        """See `broker.api.Broker`."""
        if not self._most:
            return True
        living = await self._living()
        # Nothing comes in between from here to the call: Redis gets the numbers in their order.
        count = self._add(address, 1)
        if living:
            try:
                if await self._store.admit(address, self._node(), count, self._most, living):
                    return True
                self._add(address, -1)
            except (LinkLost, Refused):
                living = []
        # It isn't told, or others that were told meanwhile counted one that was refused.
        self._doubtful[address] = None
        return not living

    def dismiss(self, address: str) -> None:
        """See `broker.api.Broker`."""
        if self._most:
            self._add(address, -1)
            self._tell(address)

    def doubt(self) -> None:
        """What Redis was told may be forgotten: all of it will be told again."""
        self._doubtful.update(dict.fromkeys(self._open))

    def settle(self) -> None:
        """Tell what is in doubt, or some of it."""
        if self._doubtful and self._ready():
            for address in list(islice(self._doubtful, AT_ONCE)):
                self._tell(address)

    async def _living(self) -> list[str]:
        """The incarnations that count; none if Redis can't be asked."""
        if self._ready():
            try:
                return await self._store.living()
            except (LinkLost, Refused):
                pass
        return []

    def _add(self, address: str, many: int) -> int:
        count = self._open.get(address, 0) + many
        if count > 0:
            self._open[address] = count
        else:
            self._open.pop(address, None)
        return count

    def _tell(self, address: str) -> None:
        if not self._ready():
            self._doubtful[address] = None
            return
        self._doubtful.pop(address, None)

        def told(certainly: bool) -> None:
            if not certainly:
                self._doubtful[address] = None

        self._store.tell_open(address, self._node(), self._open.get(address, 0), told)
