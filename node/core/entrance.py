"""Who may come in: who is banned, how fast from one address, and how many at once, before anything
else is done.

The rate is this node's, the number and the bans are the cluster's. While the broker is away nobody
waits for it here: what comes next tells them. Must not know sockets.
"""

from typing import Protocol

from node.core.bans import Bans
from node.core.limits import Act, Allowance, Limits
from node.core.replies import Closing, Goodbye


class Counter(Protocol):
    """The part of `broker.api.Broker` that counts connections."""

    async def admit(self, address: str) -> bool: ...

    def dismiss(self, address: str) -> None: ...


class Entrance:
    """The entrance of one node. `limits` None: there are none, but bans hold.

    `connections`: how many one address may have open; for words.
    """

    def __init__(
        self, limits: Limits | None, counter: Counter, connections: int, bans: Bans
    ) -> None:
        self._limits = limits
        self._counter = counter
        self._connections = connections
        self._bans = bans

    def banned(self, address: str) -> Closing | None:
        """Why an address may not come in at all, trusted or not."""
        ban = self._bans.of(address)
        return Closing(Goodbye.BANNED, about=ban.why) if ban is not None else None

    def allowance(self, address: str) -> Allowance | None:
        """As `Limits.of`. Who has none comes in without a word, unless they're banned."""
        return self._limits.of(address) if self._limits is not None else None

    async def admit(self, allowance: Allowance, address: str) -> Closing | None:
        """None if they may come in, and then `left` must follow one day; otherwise why not."""
        if not allowance.take(Act.CONNECTS):
            rate = allowance.rate(Act.CONNECTS)
            return Closing(Goodbye.CONNECTS, about=str(rate))
        if not await self._counter.admit(allowance.site):
            return Closing(Goodbye.CONNECTIONS, about=str(self._connections))
        banned = self.banned(address)  # perhaps just now
        if banned is not None:
            self.left(allowance)
        return banned

    def left(self, allowance: Allowance) -> None:
        """A connection that was admitted is gone."""
        self._counter.dismiss(allowance.site)
