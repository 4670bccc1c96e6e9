"""How fast people may do what: token buckets, for each session and for each address.

    address ──> Limits ──> Allowance ──> buckets of its own (a session's), buckets of its site
                  │
                  └─ None: the address is trusted

What becomes of too much is decided where it's done: lines wait (`net.pace`), joins and
nicks are refused (`verbs`), connections are closed (`entrance`). Pure: the clock is passed in.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import ceil, inf
from typing import NamedTuple

Network = IPv4Network | IPv6Network

SITES = 100_000
"""The most addresses that are kept for each act; beyond, the one kept longest is forgotten."""

_SUBNET = 64
"""What one customer has of IPv6 addresses: they count as one."""


class Act(StrEnum):
    """What there is a rate for."""

    LINES = "lines"
    JOINS = "joins"
    NICKS = "nicks"
    CONNECTS = "connects"
    OPERS = "opers"
    """Trying to become an operator."""


class Rate(NamedTuple):
    """`burst` at once, and as many again in `seconds`, bit by bit."""

    burst: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.burst} in {spelled(self.seconds)}"


def parse_rate(text: str) -> Rate | None:
    """`COUNT/SECONDS`; None for nothing, which is no limit. Raises ValueError."""
    if not text:
        return None
    burst, _, seconds = text.partition("/")
    rate = Rate(int(burst), float(seconds))
    if not (1 <= rate.burst <= 1_000_000 and 0.001 <= rate.seconds <= 86_400):
        raise ValueError
    return rate


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks such as 10.0.0.0/8, or addresses. Raises ValueError."""
    return tuple(ip_network(text) for text in texts)


def spelled(seconds: float) -> str:
    """A time in words, rounded up: `12 s`, `90 min`, `24 h`."""
    for size, unit in ((3_600, "h"), (60, "min")):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{int(seconds / size)} {unit}"
    return f"{ceil(seconds - 1e-6)} s" if seconds >= 1 else f"{seconds:g} s"


class Bucket:
    """A token bucket, kept as the time when it will be full: one that is full says nothing.

    Times are seconds of one clock. (In ATM it's called the virtual scheduling algorithm: ITU-T
    I.371, annex A.)
    """

    __slots__ = ("_rate", "_full_at")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._full_at = -inf

    def holds(self, now: float) -> int:
        """How many may be taken now."""
        missing = self._full_at - now
        burst, seconds = self._rate
        return burst if missing <= 0 else max(0, int(burst - missing * burst / seconds + 1e-6))

    def take(self, now: float, many: int) -> None:
        """Take so many, of those that it holds."""
        burst, seconds = self._rate
        self._full_at = max(self._full_at, now) + many * seconds / burst

    def wait(self, now: float) -> float:
        """Seconds until it holds one; 0 if it does."""
        if self.holds(now):
            return 0.0
        burst, seconds = self._rate
        return self._full_at - now - seconds + seconds / burst

    def is_full(self, now: float) -> bool:
        """Whether it's as good as a new one."""
        return self._full_at <= now


class _Shared:
    """The buckets of all sites for one act, without those that are full."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._buckets: dict[str, Bucket] = {}
        self._look_at = 1024  # how many there must be before full ones are looked for

    def __len__(self) -> int:
        return len(self._buckets)

    def bucket(self, site: str, now: float) -> Bucket:
        found = self._buckets.get(site)
        if found is None:
            if len(self._buckets) >= self._look_at:
                self._forget(now)
            found = self._buckets[site] = Bucket(self._rate)
        return found

    def _forget(self, now: float) -> None:
        kept = {site: bucket for site, bucket in self._buckets.items() if not bucket.is_full(now)}
        while len(kept) >= SITES:
            del kept[next(iter(kept))]
        self._buckets = kept
        self._look_at = min(SITES, max(1024, 2 * len(kept)))


class Allowance:
    """What may be done over one connection. Who has done nothing costs nothing: buckets are made
    when they're needed.

    `site`: the address, as far as it counts.
    """

    __slots__ = ("site", "_limits", "_own")

    def __init__(self, site: str, limits: "Limits") -> None:
        self.site = site
        self._limits = limits
        self._own: dict[Act, Bucket] | None = None

    def take(self, act: Act, many: int = 1) -> int:
        """Take as many as there are, up to `many`; how many."""
        now = self._limits.clock()
        buckets = self._buckets(act, now)
        for bucket in buckets:
            many = min(many, bucket.holds(now))
        if many:
            for bucket in buckets:
                bucket.take(now, many)
        return many

    def rate(self, act: Act) -> Rate:
        """At which all from the address may do something together, if there's one."""
        return self._limits.per_address[act]

    def wait(self, act: Act) -> float:
        """Seconds until one may be taken; 0 if it may."""
        now = self._limits.clock()
        return max((bucket.wait(now) for bucket in self._buckets(act, now)), default=0.0)

    def _buckets(self, act: Act, now: float) -> list[Bucket]:
        limits, found = self._limits, []
        rate = limits.per_session.get(act)
        if rate is not None:
            own = self._own
            if own is None:
                own = self._own = {}
            bucket = own.get(act)
            if bucket is None:
                bucket = own[act] = Bucket(rate)
            found.append(bucket)
        shared = limits.shared.get(act)
        if shared is not None:
            found.append(shared.bucket(self.site, now))
        return found


class Limits:
    """What one may do on this node, and who may do all. An act that isn't in a table has no limit.

    `clock`: seconds, and never backwards.
    """

    def __init__(
        self,
        per_session: Mapping[Act, Rate],
        per_address: Mapping[Act, Rate],
        trusted: Iterable[Network],
        clock: Callable[[], float],
    ) -> None:
        self.per_session = per_session
        self.per_address = per_address
        self.shared = {act: _Shared(rate) for act, rate in per_address.items()}
        self.clock = clock
        self._trusted = tuple(trusted)

    def of(self, address: str) -> Allowance | None:
        """What may be done from an address; None if it's trusted, as is what isn't on a network
        (a unix socket, say).
        """
        where = place(address)
        if where is None or any(where in network for network in self._trusted):
            return None
        return Allowance(_site(where), self)


def place(address: str) -> IPv4Address | IPv6Address | None:
    """An IP address as such; IPv4 over an IPv6 socket is IPv4."""
    try:
        place = ip_address(address)
    except ValueError:
        return None
    return getattr(place, "ipv4_mapped", None) or place


def _site(place: IPv4Address | IPv6Address) -> str:
    if place.version == 4:
        return str(place)
    return str(ip_network((int(place), _SUBNET), strict=False))
