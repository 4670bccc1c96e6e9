"""What one node knows of the cluster's bans: read anew when a heartbeat tells of another version.

A server that knows an earlier version than this node has lost some, as after a failover or a
restart without its data: what this node knows goes back. Must not know what a node does about bans.
"""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from broker.bans import Ban
from broker.store import Store


class Barring:
    """The bans, as one node knows them. `changed` is told of all that there are."""

    log = Logger()

    def __init__(self, store: Store, changed: Callable[[tuple[Ban, ...]], None]) -> None:
        self._store = store
        self._changed = changed
        self._version = 0
        self._known: tuple[Ban, ...] = ()
        self._reading = False

    def heard(self, version: int) -> None:
        """A heartbeat told the version."""
        if version != self._version and not self._reading:
            self._reading = True
            Deferred.fromCoroutine(self._read(version)).addBoth(self._end)

    def _end(self, failure: object) -> None:
        self._reading = False
        if failure is not None:
            self.log.info("the bans couldn't be read now: {why}", why=str(failure))

    async def _read(self, version: int) -> None:
        if version < self._version:
            await self._store.ban(self._known, again=True, least=self._version)
        self._version, self._known = await self._store.bans()
        self._changed(self._known)

    async def ban(self, ban: Ban) -> bool:
        """Ban somebody, in the whole cluster; whether there was room for one more."""
        done = await self._store.ban([ban])
        await self._look()
        return done

    async def unban(self, key: str) -> Ban | None:
        """Take a ban away; the ban, if there was one."""
        found = await self._store.unban(key)
        await self._look()
        return found

    async def _look(self) -> None:
        self._version, self._known = await self._store.bans()
        self._changed(self._known)

    async def all(self, now: int) -> list[Ban]:
        """Those whose time isn't over, from Redis."""
        return [ban for ban in (await self._store.bans()).bans if not ban.over(now)]
