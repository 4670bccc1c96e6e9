"""Lists and sums of all that the cluster has.

How often each is read is `seldom`'s to say.
"""

from collections.abc import Callable
from typing import Any

from broker.api import ChannelInfo, Totals
from broker.api import Presence as Present
from broker.channels import CHANNEL_FIELDS, channel_info
from broker.names import fold
from broker.people import People
from broker.seldom import Seldom
from broker.store import Store


class Lately:
    """See the module's docstring. `clock`: Twisted's. `unsaid`: how many lines were said here that
    Redis's sum hasn't yet.
    """

    def __init__(
        self, store: Store, people: People, clock: Any, *, unsaid: Callable[[], int]
    ) -> None:
        self._store = store
        self._keys = store.keys
        self._people = people
        self._unsaid = unsaid
        self._seldom = Seldom(clock.seconds)

    async def channels(self) -> list[ChannelInfo]:
        """As `api.Broker.channels`."""
        return await self._seldom.get("channels", self._read_channels)

    async def people(self) -> list[Present]:
        """As `api.Broker.people`."""
        return await self._seldom.get("people", self._read_people)

    async def totals(self) -> Totals:
        """As `api.Broker.totals`."""
        return await self._seldom.get("totals", self._read_totals)

    async def _read_channels(self) -> list[ChannelInfo]:
        names = [
            name.decode() for name in await self._store.ask("SMEMBERS", self._keys.channel_index)
        ]
        found = []
        for i in range(0, len(names), 500):
            some = [self._keys.channel(name) for name in names[i : i + 500]]
            sizes = await self._store.ask_all(*(("HLEN", keys.roster) for keys in some))
            about = await self._store.ask_all(
                *(("HMGET", keys.meta, *CHANNEL_FIELDS) for keys in some)
            )
            for name, size, fields in zip(names[i:], sizes, about, strict=False):
                row = channel_info(size, fields)
                if row is not None and size:
                    found.append(row)
                else:
                    await self._store.unindex(name)
        return sorted(found, key=lambda channel: fold(channel.name))

    async def _nodes(self) -> list[str]:
        return [node.decode() for node in await self._store.ask("ZRANGE", self._keys.leases, 0, -1)]

    async def _read_totals(self) -> Totals:
        nodes = await self._nodes()
        channels, messages, *sessions = await self._store.ask_all(
            ("SCARD", self._keys.channel_index),
            ("GET", self._keys.messages),
            ("HLEN", self._keys.shelf),
            *(("HLEN", self._keys.node_sessions(node)) for node in nodes),
        )
        return Totals(len(nodes), sum(sessions), channels, int(messages or 0) + self._unsaid())

    async def _read_people(self) -> list[Present]:
        return await self._people.everyone(await self._nodes())
