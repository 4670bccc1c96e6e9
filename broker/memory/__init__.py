"""The in-memory broker: a whole cluster in one process, for tests and for nothing else.

    Memory ─┐                 what the nodes agree on
    Memory ─┼─> World ──────> one queue of calls ──> Sink, Sink, Sink
    Memory ─┘

`World` is to `Memory` what Redis is to the real broker, and has switches to make nodes lose
it. No method waits for anything: when it returns, every sink has been told all that followed
from it. As with the real broker, one has to wait for `quit`, `follow` and `barrier` while the
node is cut off, and within a call of a sink, which is never re-entered, for `barrier`.
Must not know Redis, sockets or the reactor.
"""

from functools import partial

from twisted.internet.defer import Deferred

from broker.memory.channels import Channels
from broker.memory.moving import Moving
from broker.memory.past import Past
from broker.memory.people import People
from broker.memory.sessions import Sessions
from broker.memory.world import World

__all__ = ["Memory", "World"]


class Memory(Sessions, Channels, Moving, People, Past):
    """One node's way to the `World`; the whole of `broker.api.Broker`."""

    async def barrier(self, *, patient: bool = False) -> None:  # noqa: ARG002 (all turns are one)
        await self._return()
        reached: Deferred[None] = Deferred()
        self._world.call(partial(reached.callback, None))
        await reached
