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


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a node is, in its own words.

    `started` and `at`: ms of Unix time, by Redis's clock as far as it's known. Counts are since
    the node started; rates are per second, over the last few seconds. `cpu`: share of one core;
    `loop_lag`: the longest that the event loop was late, in seconds; `probe`: seconds that the
    last probe took through Redis, None if it's late; `memory` and `outbox`: bytes.
    `why`: what is wrong, in words, if it isn't ready.
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
