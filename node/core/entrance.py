"""Who may come in: how fast from one address, and how many at once, before anything else is done.

The rate is this node's, the number is the cluster's. While the broker is away nobody waits for
it here: what comes next tells them. Must not know sockets.
"""

from typing import Protocol

from node.core.limits import Act, Allowance, Limits
from node.core.replies import Closing, Goodbye


class Counter(Protocol):
    """The part of `broker.api.Broker` that counts connections."""

    async def admit(self, address: str) -> bool: ...

    def dismiss(self, address: str) -> None: ...


class Entrance:
    """The entrance of one node. `connections`: how many one address may have open; for words."""

    def __init__(self, limits: Limits, counter: Counter, connections: int) -> None:
        self._limits = limits
        self._counter = counter
        self._connections = connections

    def allowance(self, address: str) -> Allowance | None:
        """As `Limits.of`. Who has none comes in without a word."""
        return self._limits.of(address)

    async def admit(self, allowance: Allowance) -> Closing | None:
        """None if they may come in, and then `left` must follow one day; otherwise why not."""
        if not allowance.take(Act.CONNECTS):
            return Closing(Goodbye.CONNECTS, about=str(self._limits.per_address[Act.CONNECTS]))
        if not await self._counter.admit(allowance.site):
            return Closing(Goodbye.CONNECTIONS, about=str(self._connections))
        return None

    def left(self, allowance: Allowance) -> None:
        """A connection that was admitted is gone."""
        self._counter.dismiss(allowance.site)
