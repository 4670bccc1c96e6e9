"""A sink that writes down what it's told."""

from collections.abc import Callable
from typing import NamedTuple

from twisted.internet.defer import Deferred

from broker.api import Kept, Position, Sighting
from broker.events import Altered, Entry, Envelope, Event


class Gap(NamedTuple):
    """A call of `Sink.gap`."""

    log: str
    lost: int | None


class Continued(NamedTuple):
    """A call of `Sink.continued`; of the time only whether there was one."""

    log: str
    epoch: str
    differs: bool


class NickLost(NamedTuple):
    """A call of `Sink.nick_lost`."""

    sid: str


class Evicted(NamedTuple):
    """A call of `Sink.evicted`."""

    forgotten: bool


class Replicated(NamedTuple):
    """A call of `Sink.replicated`."""

    enough: bool


class Taken(NamedTuple):
    """A call of `Sink.taken`."""

    sid: str


class Watched(NamedTuple):
    """A call of `Sink.watched`. `by` empty: nobody has the nick."""

    nick: str
    by: str


class AlteredThere(NamedTuple):
    """A call of `Sink.altered`."""

    event: Altered


Call = (
    Envelope
    | Gap
    | Continued
    | NickLost
    | Evicted
    | Replicated
    | Taken
    | Watched
    | AlteredThere
    | str
)
"""What a sink was told: "away" and "back" stand for themselves."""


class Record:
    """A `broker.api.Sink`. `told`: everything, in its order.

    `keeping`: what it says of kept sessions, by sid. `then`: run within each call after it's
    written down, as a node's core might.
    """

    def __init__(self) -> None:
        self.told: list[Call] = []
        self.keeping: dict[str, Kept] = {}
        self.beats = 0  # how often it was asked for kept sessions
        self.reentered = False
        self.quiet: dict[str, int] = {}  # for how many seconds sessions said nothing, by sid
        self.then: Callable[[], None] = lambda: None
        self._inside = False
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def events(self, envelope: Envelope) -> None:
        self._tell(envelope)

    def gap(self, log: str, lost: int | None) -> None:
        self._tell(Gap(log, lost))

    def continued(self, log: str, epoch: str, differs: int | None) -> None:
        self._tell(Continued(log, epoch, differs is not None))

    def nick_lost(self, sid: str) -> None:
        self._tell(NickLost(sid))

    def away(self) -> None:
        self._tell("away")

    def back(self) -> None:
        self._tell("back")

    def evicted(self, forgotten: bool) -> None:
        self._tell(Evicted(forgotten))

    def replicated(self, enough: bool) -> None:
        self._tell(Replicated(enough))

    def watched(self, nick: str, holder: Sighting | None) -> None:
        self._tell(Watched(nick, holder.by if holder is not None else ""))

    def altered(self, event: Altered) -> None:
        self._tell(AlteredThere(event))

    def kept(self) -> list[Kept]:
        self.beats += 1
        self._look()
        return list(self.keeping.values())

    def idle(self, sid: str) -> int | None:
        return self.quiet.get(sid)

    def taken(self, sid: str) -> None:
        self.keeping.pop(sid, None)
        self._tell(Taken(sid))

    def _tell(self, call: Call) -> None:
        self.reentered = self.reentered or self._inside
        self.told.append(call)
        self._inside = True
        try:
            self.then()
        finally:
            self._inside = False
        self._look()

    def _look(self) -> None:
        due = [deferred for fact, deferred in self._waiting if fact()]
        self._waiting = [(f, d) for f, d in self._waiting if d not in due]
        for deferred in due:
            deferred.callback(None)

    def envelopes(self, log: str) -> list[Envelope]:
        """What came of one log, as it came."""
        return [call for call in self.told if isinstance(call, Envelope) and call.log == log]

    def entries(self, log: str) -> list[Entry]:
        """What came of one log, each event with its place."""
        return [
            Entry(envelope.seq + i, envelope.ms, event)
            for envelope in self.envelopes(log)
            for i, event in enumerate(envelope.events)
        ]

    def heard(self, log: str) -> list[Event]:
        """The events of one log."""
        return [entry.event for entry in self.entries(log)]

    def places(self, log: str) -> list[Position]:
        """The places of the events of one log."""
        return [
            Position(envelope.epoch, envelope.seq + i)
            for envelope in self.envelopes(log)
            for i in range(len(envelope.events))
        ]

    def gaps(self) -> list[Gap]:
        """What was told to be lost."""
        return [call for call in self.told if isinstance(call, Gap)]

    def continuations(self) -> list[Continued]:
        """Which logs went on under which epochs."""
        return [call for call in self.told if isinstance(call, Continued)]

    def plain(self) -> list[Call]:
        """Everything but events."""
        return [call for call in self.told if not isinstance(call, Envelope)]

    async def until(self, fact: Callable[[], bool]) -> None:
        """Returns when `fact` is so; it's looked at after each call."""
        if fact():
            return
        waiting: Deferred[None] = Deferred()
        self._waiting.append((fact, waiting))
        await waiting

    async def until_told(self, call: Call) -> None:
        """Returns when the sink was told this."""
        await self.until(lambda: call in self.told)
