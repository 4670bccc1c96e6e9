"""Who may not connect: the cluster's bans, looked up by address. Pure: the clock is passed in."""

from collections.abc import Callable, Iterable
from ipaddress import ip_network

from broker.bans import Ban
from node.core.limits import place


class Bans:
    """The bans that a node goes by. `now`: Redis's clock, Unix ms, by which they end."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._by_shift: dict[tuple[int, int], dict[int, Ban]] = {}

    def put(self, bans: Iterable[Ban]) -> None:
        """These are all, from now on."""
        self._by_shift = {}
        for ban in bans:
            network = ip_network(ban.network)
            shift = network.max_prefixlen - network.prefixlen
            row = self._by_shift.setdefault((network.version, shift), {})
            row[int(network.network_address) >> shift] = ban

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
