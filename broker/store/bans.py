"""What can be asked of Redis about who may not connect."""

from collections.abc import Iterable

from broker.bans import MOST, Ban, Bans, decode_ban, encode_ban
from broker.store.calls import Calls


class BanCalls(Calls):
    """Calls to Redis about bans."""

    async def bans(self) -> Bans:
        """All bans, also those whose time is over."""
        keys = (self.keys.bans, self.keys.bans_version)
        version, flat = await self.run("bans", keys)
        return Bans(int(version), tuple(map(decode_ban, flat[1::2])))

    async def ban(self, bans: Iterable[Ban], *, again: bool = False, least: int = 0) -> bool:
        """Ban somebody; whether there was room. `again`: put back what may have been lost, which
        had the version `least`.
        """
        flat = [part for ban in bans for part in (ban.key, encode_ban(ban))]
        keys = (self.keys.bans, self.keys.bans_version)
        done: int = await self.run("ban", keys, MOST, int(again), least, *flat)
        return done == 1

    async def unban(self, key: str) -> Ban | None:
        """Take a ban away; the ban, if there was one."""
        keys = (self.keys.bans, self.keys.bans_version)
        raw = await self.run("unban", keys, key)
        return decode_ban(raw) if raw else None
