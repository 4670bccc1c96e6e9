"""An operator's desk on a node: orders to any node of the cluster, and what came of them.

What `chorus` does with a Redis client that blocks, this does over the node's own link; both serve
`node.acts`. Must not know requests.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from broker.bans import Ban
from broker.barring import Barring
from broker.events import SCHEMA, Envelope
from broker.names import fold
from broker.orders import FORGOTTEN, HURRY, SUMMARY, WAITING, Holder, Order, encode_order
from broker.reports import INCIDENT_FIELD, INCIDENTS, Incident, Kind
from broker.store import Store

T = TypeVar("T")

WAIT = 10.0
"""Seconds within which a node must take an order, and report."""

LOOK = 0.05
"""Seconds between two looks at whether something has happened."""


class Desk:
    """See the module's docstring. `name`: this node's. `now_ms`: Redis's clock.

    All methods raise Refused when Redis is away or can't do it.
    """

    log = Logger()

    def __init__(
        self,
        store: Store,
        barring: Barring,
        clock: Any,
        *,
        name: str,
        now_ms: Callable[[], int],
        check: Callable[[], None],
    ) -> None:
        self._store = store
        self._barring = barring
        self._clock = clock
        self._name = name
        self._now_ms = now_ms
        self._check = check

    def now(self) -> int:
        """Redis's clock, in Unix milliseconds."""
        return self._now_ms()

    # -- nodes and orders

    async def nodes(self) -> list[str]:
        """The incarnations of nodes that are alive, the one that was heard of last at the end."""
        self._check()
        keys = self._store.keys
        found = await self._store.ask("ZRANGEBYSCORE", keys.leases, self._now_ms(), "+inf")
        return [node.decode() for node in found]

    async def place(self, incarnation: str, order: Order) -> bool:
        """Put an order where a node will find it; whether there was room."""
        self._check()
        key, raw = self._store.keys.orders(incarnation), encode_order(order)
        waiting, _ = await self._store.ask_all(("RPUSH", key, raw), ("EXPIRE", key, FORGOTTEN))
        if waiting <= WAITING:
            self._hurry(incarnation)
            return True
        await self._store.ask("LREM", key, -1, raw)
        return False

    def _hurry(self, incarnation: str) -> None:
        word = msgspec.json.encode(Envelope(SCHEMA, "", HURRY, 0, 0, []))
        self._store.link.publish(self._store.keys.node_topic(incarnation), word)

    async def _hurry_all(self) -> None:
        for incarnation in await self.nodes():
            self._hurry(incarnation)

    async def taken(self, incarnation: str, order: Order) -> bool:
        """Whether a node takes an order, within a while. If not, it never will."""
        key, raw = self._store.keys.orders(incarnation), encode_order(order)

        async def gone() -> bool:
            return await self._store.ask("LPOS", key, raw) is None

        if await self.until(gone):
            return True
        withdrawn: int = await self._store.ask("LREM", key, -1, raw)
        return withdrawn == 0

    async def report(self, number: str, kind: type[T]) -> T | None:
        """The summary of a report, once it's there; None if it doesn't come."""
        key = self._store.keys.report(number)

        async def there() -> bytes | None:
            raw: bytes | None = await self._store.ask("HGET", key, SUMMARY)
            return raw

        raw = await self.until(there)
        return msgspec.json.decode(raw, type=kind) if raw is not None else None

    async def until(self, fact: Callable[[], Awaitable[T]]) -> T | None:
        """Look again and again for something true; None if that takes too long."""
        deadline = self._clock.seconds() + WAIT
        while not (found := await fact()):
            if self._clock.seconds() > deadline:
                return None
            pause: Deferred[None] = Deferred()
            self._clock.callLater(LOOK, pause.callback, None)
            await pause
        return found

    async def holder(self, nick: str) -> Holder | None:
        """Who holds a nick."""
        self._check()
        claim = await self._store.ask("HMGET", self._store.keys.nick(fold(nick)).claim, *HOLDER)
        return Holder(*(part.decode() for part in claim)) if claim[0] is not None else None

    async def gone(self, holder: Holder) -> bool:
        """Whether somebody doesn't hold their nick any more, within a while."""

        async def given_back() -> bool:
            now = await self.holder(holder.nick)
            return now is None or now.sid != holder.sid

        return await self.until(given_back) is not None

    # -- bans, and what is told of all that

    async def ban(self, ban: Ban) -> bool:
        """Ban somebody; whether there was room for one more."""
        self._check()
        done = await self._barring.ban(ban)
        await self._hurry_all()
        return done

    async def unban(self, key: str) -> Ban | None:
        """Take a ban away; the ban, if there was one."""
        self._check()
        found = await self._barring.unban(key)
        await self._hurry_all()
        return found

    async def bans(self) -> list[Ban]:
        """Those whose time isn't over."""
        self._check()
        return await self._barring.all(self._now_ms())

    async def tell(self, kind: Kind, about: str, says: str, by: str) -> None:
        """Write down what was done, in the log and for the dashboards."""
        self.log.info(
            "{by}: {kind} {about}: {says}", kind=kind.value, about=about, says=says, by=by
        )
        incident = Incident(self._now_ms(), kind, self._name, about, says, by)
        raw = msgspec.json.encode(incident)
        keys = self._store.keys
        await self._store.ask(
            "XADD", keys.incidents, "MAXLEN", "~", INCIDENTS, "*", INCIDENT_FIELD, raw
        )


HOLDER = ("sid", "node", "nick")
"""Of a claim, what a `Holder` is made of."""
