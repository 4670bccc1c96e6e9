"""Puts in order what was missed in several logs, so that people read it as it happened.

    Feed ── catching up ──> Merge ── held, by Redis's time ──> sink
         └─ live ────────────────────────────────────────────> sink

Each log is read by itself. If they were passed on one after the other, somebody's quit, read from
one channel's log, could come before their joining another, and that would have no end any more.
Must not know how logs are read.
"""

from collections.abc import Callable
from functools import partial

from broker.api import Sink
from broker.events import Envelope, Moved
from broker.names import fold

MOST = 50_000
"""How much is held; beyond that it goes out as it is."""


class Merge:
    """Holds what it's told until `release`: the order of each log is kept, and between logs it's
    the order in which Redis accepted things, as far as milliseconds tell.
    """

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._held: list[tuple[int, str, Callable[[], None]]] = []
        self._last: dict[str, int] = {}  # by log; a clock may go back, a log doesn't
        self._forgotten: set[str] = set()

    def events(self, envelope: Envelope) -> None:
        """As `Sink.events`, later."""
        self._hold(envelope.ms, envelope.log, partial(self.sink.events, envelope))
        for event in envelope.events:
            if isinstance(event, Moved):  # what follows under the new name comes after that
                ms, new = self._last[envelope.log], fold(event.new)
                self._last[new] = max(ms, self._last.get(new, 0))

    def gap(self, log: str, lost: int | None) -> None:
        """As `Sink.gap`, later."""
        self._hold(0, log, partial(self.sink.gap, log, lost))

    def continued(self, log: str, epoch: str, differs: int | None) -> None:
        """As `Sink.continued`, later."""
        self._hold(0, log, partial(self.sink.continued, log, epoch, differs))

    def forget(self, log: str) -> None:
        """Pass on nothing of a log that is held now."""
        self._forgotten.add(log)
        self._held = [one for one in self._held if one[1] != log]
        self._last.pop(log, None)

    def release(self) -> None:
        """Pass on all that is held."""
        held, self._held = sorted(self._held, key=lambda one: one[0]), []
        self._last.clear()
        self._forgotten.clear()
        for _, log, tell in held:
            if log not in self._forgotten:  # by what was told before
                tell()

    def _hold(self, ms: int, log: str, tell: Callable[[], None]) -> None:
        ms = self._last[log] = max(ms, self._last.get(log, 0))
        self._held.append((ms, log, tell))
        if len(self._held) >= MOST:
            self.release()
