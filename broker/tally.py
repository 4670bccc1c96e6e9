"""What one node's broker counts: plain numbers, for whoever looks.

Counting must cost next to nothing: an addition a turn, an envelope or an answer, never one for each
person who reads it. Nothing here is ever reset. Pure.
"""

from bisect import bisect_left

LATENCIES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds of histograms of seconds: from what Redis needs on the same machine to an outage."""


class Histogram:
    """So many values up to each bound. `counts` has one more: what is above all bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, many: int = 1) -> None:
        """So many values of this size."""
        self.counts[bisect_left(self.bounds, value)] += many
        self.total += value * many


class BrokerTally:
    """Since the node started.

    `gaps_found`: holes in what was published that made the feed read a log; `gaps_repaired`: those
    that the log could fill; `gaps_told`: those that it couldn't, which people read. `duplicates`:
    envelopes that had come before. `reconnects`: connections to Redis after the first.
    `failovers`: times that Redis was another server then. `leases_lost`: times that this node's
    lease had ended. `swept`: dead nodes whose people this one took out.
    `latency`: from a call to its answer; `lag`: from when Redis accepted something to when it was
    given to the sink here; both in seconds. `probe`: what the last probe took through Redis, in
    seconds, None before the first; `probed_at` when it came back (the reactor's clock), `probes`
    how many have. `skew`: Redis's clock (Unix ms) less 1000 times the reactor's.
    """

    __slots__ = (
        "gaps_found",
        "gaps_repaired",
        "gaps_told",
        "duplicates",
        "reconnects",
        "failovers",
        "leases_lost",
        "swept",
        "latency",
        "lag",
        "probe",
        "probed_at",
        "probes",
        "skew",
    )

    def __init__(self) -> None:
        self.gaps_found = 0
        self.gaps_repaired = 0
        self.gaps_told = 0
        self.duplicates = 0
        self.reconnects = 0
        self.failovers = 0
        self.leases_lost = 0
        self.swept = 0
        self.latency = Histogram(LATENCIES)
        self.lag = Histogram(LATENCIES)
        self.probe: float | None = None
        self.probed_at = 0.0
        self.probes = 0
        self.skew = 0.0
