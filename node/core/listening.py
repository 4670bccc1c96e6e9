"""Hearing a channel without being in it, from a place on: for programs that read along.

    hub ──(epoch, seq) once each──> Listening ──> tell(Heard | Gap), in the order of the log

What comes by before it's known where the channel stands is kept, and what lies between the place
and that is read from the log: nothing is missed and nothing comes twice. Must not know how it's
told.
"""

from collections.abc import Callable
from typing import NamedTuple

from broker.api import Broker, Position
from broker.events import Entry, Envelope, Said
from broker.names import fold
from broker.spans import readable
from node.core.hub import Hub


class Heard(NamedTuple):
    """A line that was said, and where it stands."""

    at: Position
    ms: int
    said: Said


class Missing(NamedTuple):
    """Events are lost at this place: how many, or None if nobody knows."""

    lost: int | None


class Listening:
    """One who hears a channel. `tell` gets what is said, and what is lost."""

    def __init__(
        self, hub: Hub, broker: Broker, channel: str, tell: Callable[[Heard | Missing], None]
    ) -> None:
        self._hub = hub
        self._broker = broker
        self.name = fold(channel)
        self._tell = tell
        self._at = Position("", -1)
        self._kept: list[Envelope] | None = []  # until it's known where the channel stands
        self._over = False

    async def begin(self, after: Position | None) -> None:
        """Hear what comes, or (`after`) what has come after a place. Raises Refused."""
        self._hub.listen(self.name, self)
        try:
            await self._broker.follow(self.name)
            tip = await self._broker.listen(self.name)
            lost: int | None = 0
            entries: list[Entry] = []
            if after is not None:
                lost, entries = await self._broker.missed(self.name, after, tip)
        except BaseException:
            self.end()
            raise
        if self._over:
            return
        if lost != 0:
            self._tell(Missing(lost))
        for entry in entries:
            self._show(Position(tip.epoch, entry.seq), entry)
        self._at = tip
        kept, self._kept = self._kept or [], None
        for envelope in kept:
            self.heard(envelope)

    def end(self) -> None:
        """Hear nothing more."""
        self._over = True
        self._hub.listen_no_more(self.name, self)

    def _show(self, at: Position, entry: Entry) -> None:
        if self._over or not readable(entry.event, ""):
            return
        if isinstance(entry.event, Said):
            self._tell(Heard(at, entry.ms, entry.event))

    # -- as the hub's Listener

    def heard(self, envelope: Envelope) -> None:
        if self._kept is not None:
            self._kept.append(envelope)
            return
        for seq, event in enumerate(envelope.events, envelope.seq):
            if envelope.epoch == self._at.epoch and seq <= self._at.seq:
                continue
            self._at = Position(envelope.epoch, seq)
            self._show(self._at, Entry(seq, envelope.ms, event))

    def gap(self, lost: int | None) -> None:
        if self._kept is None and not self._over:
            if lost is None:
                self._at = Position("", -1)  # places that were told may come again, for others
            self._tell(Missing(lost))

    def continued(self, epoch: str, differs: int | None) -> None:
        # otherwise the order differs: what comes next tells its own place
        self._at = Position(epoch, self._at.seq if differs is None else -1)
