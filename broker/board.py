"""The board: what nodes tell of themselves, in Redis, and reading all of it for a dashboard.

    node: post(Status) each second, plot(Point), tell(Kind, ...) ──> Redis
    any node: overview(), series() <──────────────────────────────── Redis

Nothing of it may stand in the way of the chat: one status is under way at a time, none waits for a
Redis that is away, and what goes wrong is left to the next. Reads that are asked for together are
done once. Must not know where the numbers come from.
"""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, TypeVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from broker.api import Code, Refused
from broker.link import LinkLost, ReplyError
from broker.overview import Asked, SlowRow, candidates, outdated, overview, parse_info, series
from broker.reports import Incident, Kind, Overview, Point, Series, Status
from broker.store import Store

T = TypeVar("T")

UNTOLD = 50
"""How many incidents wait to be told at most, and with one status at most."""

BURST, AGAIN = 5, 10.0
"""How many incidents of a kind are told at once, and after how many seconds one more may be."""

SHOWN = 100
"""How many incidents an overview has at most."""

SLOWEST = 20
"""How many rows of Redis's slow log it has."""

FRESH, FRESH_SERIES = 0.5, 5.0
"""Seconds for which what was read is good for whoever asks next."""


class Board:
    """One node's way to the board.

    `node`: this incarnation's name. `now_ms`: Redis's clock. `ready`: whether Redis can be asked.
    `seconds`: any clock. `name`: the node's, for incidents.
    """

    log = Logger()

    def __init__(
        self,
        store: Store,
        *,
        name: str,
        node: Callable[[], str],
        now_ms: Callable[[], int],
        ready: Callable[[], bool],
        seconds: Callable[[], float],
    ) -> None:
        self._store = store
        self._name = name
        self._node = node
        self._now_ms = now_ms
        self._ready = ready
        self._seconds = seconds
        self._under_way = False
        self._untold: deque[Incident] = deque()
        self._may: dict[Kind, float] = {}  # when an incident of that kind isn't one too many
        self._too_many: Counter[Kind] = Counter()
        self.leases = 0
        """How many nodes hold a lease, as of the last status."""
        self._overview = _Shared(self._read_overview, FRESH, seconds)
        self._series = _Shared(self._read_series, FRESH_SERIES, seconds)

    # -- telling

    @property
    def now_ms(self) -> int:
        """Redis's clock, Unix ms, as well as it's known here."""
        return self._now_ms()

    def tell(self, kind: Kind, about: str = "", says: str = "", by: str = "") -> None:
        """Tell of an incident: it's logged, and is in Redis with the next status.

        Of a kind that comes too often, only some are told, and later how many weren't.
        """
        if not self._allowed(kind):
            self._too_many[kind] += 1
            return
        more = self._too_many.pop(kind, 0)
        if more:
            says = f"{says} ({more} more of these were not told)".lstrip()
        incident = Incident(self._now_ms(), kind, self._name, about, says, by)
        if len(self._untold) == UNTOLD:
            self._untold.popleft()
        self._untold.append(incident)
        told = {"kind": kind.value, "about": about, "words": says, "by": by}
        self.log.info("incident", about={name: value for name, value in told.items() if value})

    def _allowed(self, kind: Kind) -> bool:
        """A bucket that is kept as the time when it's full, as in `node.core.limits`."""
        now = self._seconds()
        full_at = max(self._may.get(kind, now), now)
        if full_at - now > (BURST - 1) * AGAIN:
            return False
        self._may[kind] = full_at + AGAIN
        return True

    def post(self, status: Status) -> None:
        """Write down how this node is, unless the last status is still under way or Redis away."""
        if self._under_way or not self._ready():
            return
        untold = list(self._untold)
        self._untold.clear()
        self._under_way = True

        def told(leases: int | None) -> None:
            self._under_way = False
            if leases is not None:
                self.leases = leases
            else:
                room = UNTOLD - len(self._untold)
                self._untold.extendleft(reversed(untold[len(untold) - room :] if room else []))

        encoded = list(map(msgspec.json.encode, untold))
        self._store.tell_status(self._node(), msgspec.json.encode(status), encoded, told)

    async def part(self, status: Status) -> None:
        """Write down how this node ends. Returns when that's done, or can't be."""
        parted: Deferred[None] = Deferred()
        untold = [msgspec.json.encode(each) for each in self._untold]
        raw = msgspec.json.encode(status)
        self._store.tell_status(self._node(), raw, untold, lambda _: parted.callback(None))
        await parted

    def plot(self, point: Point) -> None:
        """Add a point to this node's charts."""
        if self._ready():
            self._store.tell_point(self._node(), msgspec.json.encode(point))

    async def prune(self) -> None:
        """Take away what tells of nodes that are gone for long."""
        if not self._ready():
            return
        keys = self._store.keys
        try:
            now, statuses, leases = await self._store.glance(
                ("TIME",),
                ("HGETALL", keys.status),
                ("ZRANGE", keys.leases, 0, -1),
            )
            if isinstance(statuses, dict) and isinstance(leases, list):
                old = outdated(_ms(now), statuses, leases)
                if old:
                    await self._store.glance(("HDEL", keys.status, *old))
        except LinkLost:
            pass  # the next time, then

    # -- reading

    def overview(self) -> Awaitable[Overview]:
        """How everything is, half a second old at most. Raises Refused (AWAY, BUSY)."""
        return self._overview.get()

    def series(self) -> Awaitable[Series]:
        """The last hour, five seconds old at most. Raises Refused (AWAY, BUSY)."""
        return self._series.get()

    async def _read(self, *commands: tuple[Any, ...]) -> list[Any]:
        if not self._ready():
            raise Refused(Code.AWAY)
        try:
            return await self._store.glance(*commands)
        except LinkLost:
            raise Refused(Code.AWAY) from None

    async def _read_overview(self) -> Overview:
        keys = self._store.keys
        now, statuses, leases, incidents, info, slow, count, messages, kept = await self._read(
            ("TIME",),
            ("HGETALL", keys.status),
            ("ZRANGE", keys.leases, 0, -1, "WITHSCORES"),
            ("XREVRANGE", keys.incidents, "+", "-", "COUNT", SHOWN),
            ("INFO",),
            ("SLOWLOG", "GET", SLOWEST),
            ("SCARD", keys.channel_index),
            ("GET", keys.messages),
            ("HLEN", keys.shelf),
        )
        for needed in (now, statuses, leases):
            if isinstance(needed, ReplyError):
                raise Refused(Code.BUSY)
        at = _ms(now)
        try:
            each = await self._store.glance_each(("INFO",), ("SLOWLOG", "GET", SLOWEST))
        except LinkLost:
            raise Refused(Code.AWAY) from None
        largest = candidates(statuses)
        sizes = await self._read(*(("HLEN", keys.channel(name).roster) for name in largest))
        return overview(
            at,
            statuses=statuses,
            living=[node for node, until in leases if float(until) >= at],
            incidents=[row[1][1] for row in _rows(incidents)],
            **_asked(info, slow)._asdict(),
            masters={place: _asked(*said) for place, said in each.items()},
            channels=[(name, _given(size, 0)) for name, size in zip(largest, sizes, strict=True)],
            count=_given(count, 0),
            messages=int(_given(messages, 0) or 0),
            kept=_given(kept, 0),
            scripts=self._store.script_names,
        )

    async def _read_series(self) -> Series:
        keys = self._store.keys
        now, nodes = await self._read(("TIME",), ("HKEYS", keys.status))
        if isinstance(now, ReplyError) or isinstance(nodes, ReplyError):
            raise Refused(Code.BUSY)
        names = [node.decode() for node in nodes]
        rows = await self._read(*(("XRANGE", keys.node_points(node), "-", "+") for node in names))
        points: dict[str, Iterable[bytes]] = {
            node: [row[1][1] for row in _rows(some)] for node, some in zip(names, rows, strict=True)
        }
        return series(_ms(now), points)


class _Shared(Generic[T]):
    """One reading for all who ask while it's under way or fresh."""

    def __init__(
        self, read: Callable[[], Awaitable[T]], fresh: float, seconds: Callable[[], float]
    ) -> None:
        self._read = read
        self._fresh = fresh
        self._seconds = seconds
        self._found: tuple[float, T] | None = None
        self._waiting: list[Deferred[T]] | None = None

    async def get(self) -> T:
        """Raises what reading raises."""
        if self._found is not None and self._seconds() - self._found[0] < self._fresh:
            return self._found[1]
        mine: Deferred[T] = Deferred()
        if self._waiting is not None:
            self._waiting.append(mine)
        else:
            self._waiting = [mine]
            Deferred.fromCoroutine(self._go())
        return await mine

    async def _go(self) -> None:
        found: Any = None
        try:
            found = await self._read()
            self._found = (self._seconds(), found)
        except Exception as e:
            found = e
        waiting, self._waiting = self._waiting or [], None
        for one in waiting:
            if one.called:
                continue  # whoever asked is gone
            if isinstance(found, Exception):
                one.errback(found)
            else:
                one.callback(found)


def _ms(time: list[bytes]) -> int:
    """A reply to TIME, in ms."""
    return int(time[0]) * 1000 + int(time[1]) // 1000


def _given(reply: Any, otherwise: T) -> T:
    """A reply, unless Redis refused to give it: a dashboard without it is better than none."""
    return otherwise if isinstance(reply, Exception) else reply


def _asked(info: Any, slow: Any) -> Asked:
    """Replies to INFO and SLOWLOG."""
    rows = [SlowRow(row[1], row[2], row[3]) for row in _rows(slow)]
    return Asked(parse_info(_given(info, b"")), rows)


def _rows(reply: Any) -> list[Any]:
    """As `_given`, of a reply that is a list."""
    return _given(reply, [])
