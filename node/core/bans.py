"""Who may not be here: the cluster's bans, looked up by address, or by who somebody is. Pure: the
clock is passed in.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_network

from broker.api import Profile
from broker.bans import Ban
from node.core import masks
from node.core.limits import place


class Bans:
    """The bans that a node goes by. `now`: Redis's clock, Unix ms, by which they end."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._by_shift: dict[tuple[int, int], dict[int, Ban]] = {}
        self._by_mask: dict[str, Ban] = {}

    def put(self, bans: Iterable[Ban]) -> "Bans":
        """These are all, from now on. Returns those by mask that are new: whoever is here already
        is to be compared with no others.
        """
        before, self._by_shift, self._by_mask = self._by_mask, {}, {}
        new = Bans(self._now)
        for ban in bans:
            if ban.mask:
                self._by_mask[ban.mask] = ban
                if before.get(ban.mask) != ban:
                    new._by_mask[ban.mask] = ban
                continue
            network = ip_network(ban.network)
            shift = network.max_prefixlen - network.prefixlen
            row = self._by_shift.setdefault((network.version, shift), {})
            row[int(network.network_address) >> shift] = ban
        return new

    def of(self, address: str) -> Ban | None:
        """The ban that holds for an address; one is enough. What is on no network has none."""
        if not self._by_shift:
            return None
        where = place(address)
        if where is None:
            return None
        number, now = int(where), self._now()
        for (version, shift), row in self._by_shift.items():
            if version == where.version:
                ban = row.get(number >> shift)
                if ban is not None and not ban.over(now):
                    return ban
        return None

    def like(self, profile: Profile) -> Ban | None:
        """The ban by mask that holds for somebody: by their host as others see it, and as it is."""
        if not self._by_mask:
            return None
        who, now = masks.Who("", profile.by, profile.peer), self._now()
        for mask, ban in self._by_mask.items():
            if masks.matches(f"*!{mask}", who) and not ban.over(now):
                return ban
        return None
