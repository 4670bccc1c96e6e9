"""Whether a node is fit: for balancers, which send it people or don't, and for operators.

Liveness isn't asked for here: a node whose event loop turns is alive, whatever Redis does. Ready is
a node that isn't about to end, whose probes come back through Redis, and whose writes Redis takes;
it's not ready only after a while without, and ready again only when several probes have come back,
so that a blip empties no balancer and a Redis that comes and goes doesn't make it flap. Pure.
"""

from collections.abc import Callable

from broker.reports import State
from broker.tally import BrokerTally
from broker.writes import Writes

RED = 10.0
"""Seconds without a probe that came back, or without writes, after which a node isn't ready."""

GREEN = 2
"""How many must come back until it's ready again."""

LATE = 3.0
"""Seconds after which a probe is late."""

LAGGING = 0.5
"""Seconds by which an event loop may be late now and then."""


class Health:
    """The health of one node.

    `beat`: seconds from one probe to the next. `starting`: whether it can't serve yet. `draining`:
    whether it's about to end. `writes`: whether Redis takes them. `lag`: the longest that its event
    loop was late just now. `replicated`: whether enough replicas have what is accepted. `seconds`:
    the clock of the tally.
    """

    def __init__(
        self,
        tally: BrokerTally,
        *,
        beat: float,
        starting: Callable[[], bool],
        draining: Callable[[], bool],
        writes: Writes,
        lag: Callable[[], float],
        replicated: Callable[[], bool] = lambda: True,
        seconds: Callable[[], float],
    ) -> None:
        self._tally = tally
        self._red_after = max(RED, 3 * beat)
        self._late_after = max(LATE, 2 * beat)
        self._starting = starting
        self._draining = draining
        self._writes = writes
        self._lag = lag
        self._replicated = replicated
        self._seconds = seconds
        self._began = seconds()
        self._red_since: int | None = None  # how many probes had come back then

    @property
    def silence(self) -> float:
        """Seconds since the last probe came back, or since the beginning."""
        return self._seconds() - max(self._began, self._tally.probed_at)

    @property
    def probe(self) -> float | None:
        """How long the last probe took, in seconds; None if the next is late."""
        return self._tally.probe if self.silence <= self._late_after else None

    def unready(self) -> tuple[str, ...]:
        """Why it should be sent nobody, in words; empty if it's ready."""
        why = []
        if self._draining():
            why.append("draining: takes nobody any more")
        if self._starting():
            why.append("starting: it hasn't had Redis yet")
        elif self.silence > self._red_after:
            self._red_since = self._tally.probes
            why.append(f"nothing has come back through Redis for {self.silence:.0f} s")
        elif self._red_since is not None:
            if self._tally.probes < self._red_since + GREEN:
                why.append("Redis is back, for how long is to be seen")
            else:
                self._red_since = None
        if self._writes.refused_for > RED:
            why.append(self._takes_none)
        return tuple(why)

    @property
    def _takes_none(self) -> str:
        return f"Redis takes no writes: {self._writes.why}"

    def state(self) -> tuple[State, tuple[str, ...]]:
        """How it is, and why it isn't ready, or not as well as it should be."""
        why = self.unready()
        if self._draining():
            return State.DRAINING, why
        if not why and self.silence > self._late_after:
            why = (f"nothing has come back through Redis for {self.silence:.0f} s",)
        if self._writes.why and self._takes_none not in why:
            why = (*why, self._takes_none)
        if not self._replicated():
            why = (*why, "too few replicas have what is accepted")
        if self._lag() > LAGGING:
            why = (*why, f"the event loop was {self._lag():.1f} s late")
        return (State.DEGRADED if why else State.READY), why
