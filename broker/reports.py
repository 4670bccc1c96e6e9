"""What nodes tell of themselves, for operators: it meets in Redis, and any node can show it all.

    node ─ every STATUS seconds ─> status   (hash: incarnation -> Status)
         ─ every POINT seconds ──> points   (a stream for each incarnation, an hour of it)
         ─ when it happens ──────> incidents (a stream, the last INCIDENTS of the cluster)

Values and bytes only; must not know Redis, nor who asks.
"""

from enum import StrEnum

import msgspec

STATUS = 1.0
"""Seconds from one status of a node to its next."""

POINT = 5.0
"""Seconds from one point of a node to its next."""

HOUR = 720
"""How many points are kept of a node."""

INCIDENTS = 500
"""How many incidents are kept of a cluster."""

POINTS_KEPT = 3600
"""Seconds that points stay in Redis after a node's last."""

INCIDENT_FIELD = "i"
"""The field of an entry of the stream of incidents: an `Incident` as JSON."""

POINT_FIELD = "p"
"""The field of an entry of a stream of points: a `Point` as JSON."""

SILENT = 2.0
"""Seconds after which a node that has told nothing is shown as degraded."""

GONE_FOR = 3600.0
"""Seconds for which a node that is gone is still shown."""

WRONG_FOR = 60.0
"""Seconds for which a node that was lost counts as something that's wrong with the cluster."""

GONE_MOST = 100
"""How many nodes that are gone are shown at most: one that starts, ends and starts under ever
other names shan't fill Redis.
"""

POINTS = 240
"""How many points a series has at most."""

STOPPED = "stopped in good order"
"""The `why` of a node that has told itself that it's gone."""

LOST = "lost: its lease has ended"
"""The `why` of a node that hasn't."""

TOP = 20
"""How many channels and people a status names at most."""


class State(StrEnum):
    """How a node is. `GONE` is said by who reads: its lease has ended."""

    READY = "ready"
    DEGRADED = "degraded"
    DRAINING = "draining"
    GONE = "gone"


class Rate(msgspec.Struct, array_like=True, frozen=True):
    """Lines a second of a channel, or of a person, as they were said on one node."""

    name: str
    rate: float


class Sized(msgspec.Struct, array_like=True, frozen=True):
    """A channel and how many are in it."""

    name: str
    members: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a node is, in its own words.

    `started` and `at`: ms of Unix time, by Redis's clock as far as it's known. Counts are since
    the node started (`gaps`: those that people were told); rates are per second, over the last few
    seconds. `cpu`: share of one core; `loop_lag`: the longest that the event loop was late in the
    last few seconds, in seconds; `probe`: seconds that the last probe took through Redis, None if
    it's late; `memory` and `outbox`: bytes. `why`: what is wrong, in words, if it isn't ready.
    """

    node: str
    version: str
    state: State
    why: tuple[str, ...] = ()
    started: int
    at: int
    sessions: dict[str, int] = {}
    """By dialect."""
    channels: int = 0
    lines: int = 0
    deliveries: int = 0
    refusals: int = 0
    gaps: int = 0
    slow_readers: int = 0
    reconnects: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    line_rate: float = 0.0
    delivery_rate: float = 0.0
    cpu: float = 0.0
    loop_lag: float = 0.0
    probe: float | None = None
    memory: int = 0
    outbox: int = 0
    busiest: tuple[Rate, ...] = ()
    """Channels by lines said here."""
    talkers: tuple[Rate, ...] = ()
    """People here by lines said."""
    largest: tuple[Sized, ...] = ()
    """Channels by the members that are here."""


class Point(msgspec.Struct, array_like=True, frozen=True):
    """A moment of a node, for charts. Units as in `Status`; `lag` the longest since the last."""

    at: int
    sessions: int
    line_rate: float
    delivery_rate: float
    cpu: float
    lag: float
    memory: int


class Kind(StrEnum):
    """What may happen that an operator should know of."""

    STARTED = "started"
    STOPPED = "stopped"
    LOST = "node-lost"
    DRAINING = "draining"
    AWAY = "broker-away"
    FAILOVER = "failover"
    FORGOTTEN = "forgotten"
    GAP = "gap"
    SLOW = "slow-reader"
    NOTICE = "notice"
    KICK = "kick"
    BAN = "ban"
    UNBAN = "unban"
    REBALANCE = "rebalance"
    OPER = "oper"
    KILL = "kill"
    WALLOPS = "wallops"
    REHASH = "rehash"


class Incident(msgspec.Struct, frozen=True):
    """Something that happened. `node`: who tells; `about`: whom or what it's about (a node, a
    channel, a nick), `says`: in words, never what people said; `by`: which operator or token did
    it, empty if nobody.
    """

    at: int
    kind: Kind
    node: str
    about: str = ""
    says: str = ""
    by: str = ""


class Slow(msgspec.Struct, frozen=True):
    """A command that took Redis long: when it was begun (Unix ms), how many seconds it took, and
    its first word, with the script's name. Never its arguments: they may hold what people said.
    """

    at: int
    seconds: float
    command: str


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """How Redis itself is. `place`: HOST:PORT, of a master of a Redis Cluster; `connected`: whether
    it answers. Memory and `replica_lag`: bytes; `uptime`: seconds; counts are since it started.
    `memory_most` 0: no bound. `replica_lag`: of the replica that lags most.
    `saved`: whether its data was put on disk when that was last tried.
    `why`: what is wrong, in words.
    """

    place: str = ""
    connected: bool = True
    version: str = ""
    role: str = ""
    uptime: int = 0
    memory: int = 0
    memory_most: int = 0
    memory_peak: int = 0
    fragmentation: float = 0.0
    clients: int = 0
    clients_most: int = 0
    blocked: int = 0
    commands_rate: float = 0.0
    keys: int = 0
    evicted: int = 0
    rejected: int = 0
    replicas: int = 0
    replica_lag: int = 0
    saved: bool = True
    append_only: bool = False
    loading: bool = False
    slow: tuple[Slow, ...] = ()
    why: tuple[str, ...] = ()


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The whole cluster, as it was at `at` (Unix ms, Redis's clock).

    `nodes`: by name, those that are gone at the end; their numbers don't count. `sessions` and
    rates: of all nodes together. `kept`: sessions that wait, detached, to be taken up. `messages`:
    lines since Redis was empty. `largest`: channels by members; `busiest`, `talkers`: by lines.
    `incidents`: the last ones first. `server`: Redis; of a Redis Cluster the master that has what
    is said of nodes. `masters`: all of a Redis Cluster, by place; else there are none. `why`: what
    is wrong with the cluster, in words; empty if nothing is.
    """

    at: int
    nodes: tuple[Status, ...] = ()
    sessions: int = 0
    dialects: dict[str, int] = {}
    kept: int = 0
    channels: int = 0
    messages: int = 0
    line_rate: float = 0.0
    delivery_rate: float = 0.0
    largest: tuple[Sized, ...] = ()
    busiest: tuple[Rate, ...] = ()
    talkers: tuple[Rate, ...] = ()
    incidents: tuple[Incident, ...] = ()
    server: Server = Server()
    masters: tuple[Server, ...] = ()
    why: tuple[str, ...] = ()

    @property
    def servers(self) -> tuple[Server, ...]:
        """Each that there is."""
        return self.masters or (self.server,)


class Series(msgspec.Struct, frozen=True):
    """The last hour, a point for each `step` ms in which there was one, oldest first.

    `nodes`: by name. `total`: all of them together; its `lag` is the longest, its `cpu` the sum.
    """

    step: int
    nodes: dict[str, tuple[Point, ...]]
    total: tuple[Point, ...]
