"""What is published is delivered: a probe that a node sends itself with each beat, and barriers.

    probe ────> one that doesn't come back in time, twice: the wire is given up
    barrier ──> one PING for all who ask in a turn: what was published before that comes first

Must not know sinks.
"""

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from broker.attempts import Attempts
from broker.events import SCHEMA, Envelope
from broker.feed import Feed
from broker.link import LinkLost
from broker.store import Store
from broker.tally import BrokerTally

TURNS = 0.003
"""Seconds in which other nodes have their turns, also where there are more of them than processors.
To ask Redis several times instead takes these from them.
"""

PROBE = "probe"
"""What a node says to itself."""


class Delivery:
    """See the module's docstring. `lease`, `deadline`: seconds, as for `ClusterConfig`."""

    log = Logger()

    def __init__(
        self,
        store: Store,
        feed: Feed,
        attempts: Attempts,
        clock: Any,
        tally: BrokerTally,
        *,
        lease: float,
        deadline: float,
    ) -> None:
        self._store = store
        self._link = store.link
        self._feed = feed
        self._attempts = attempts
        self._clock = clock
        self._tally = tally
        self._lease = lease
        self._deadline = deadline
        self._barriers: list[Deferred[None]] = []  # to be asked for at the end of this turn
        self._probed_at = 0.0
        self._probe_sent: float | None = None
        self._suspected = False  # that nothing is delivered any more

    def reopened(self) -> None:
        """All that was missed has been told."""
        self._probed_at = self._clock.seconds()

    def interrupted(self) -> None:
        """No answer can come any more."""
        self._probe_sent = None

    def probe(self) -> None:
        """Drop a subscription that says nothing any more, whatever TCP says."""
        two_beats = self._lease / 4
        silent = self._clock.seconds() - self._probed_at
        # twice: if this process stood still, the probe may be there and not read yet
        overdue = silent > max(self._deadline, two_beats)
        self._suspected, again = overdue, self._suspected
        if overdue and again:
            self.log.warn("nothing is delivered any more")
            self._link.drop()
        if self._probe_sent is None or overdue:
            self._probe_sent = self._clock.seconds()
        probe = msgspec.json.encode(Envelope(SCHEMA, "", PROBE, 0, 0, []))
        self._link.publish(self._store.own_topic, probe)

    def proved(self) -> None:
        """A probe was heard."""
        self._probed_at = now = self._clock.seconds()
        tally = self._tally
        tally.probed_at, tally.probes = now, tally.probes + 1
        if self._probe_sent is not None:
            tally.probe, self._probe_sent = now - self._probe_sent, None

    async def barrier(self, *, patient: bool = False) -> None:
        """As `api.Broker.barrier`."""
        if patient:
            others: Deferred[None] = Deferred()
            self._clock.callLater(TURNS, others.callback, None)
            await others
        passed: Deferred[None] = Deferred()
        self._link.soon()
        self._barriers.append(passed)
        await passed
        await self._feed.settled()

    def ask_for_barriers(self) -> None:
        """One PING for all: what was published before Redis answers it comes before the answer."""
        if not (self._barriers and self._attempts.open):
            return
        waiting, self._barriers = self._barriers, []

        def answered(reply: Any) -> None:
            if isinstance(reply, LinkLost):
                self._barriers += waiting  # and when Redis is back they're asked for again
                return
            for one in waiting:
                one.callback(None)

        self._link.send(("PING",), answered, again=False)
