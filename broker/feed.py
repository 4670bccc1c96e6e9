"""The feed: makes out of what is published, and of the logs, what a sink may see.

    published ──> hear() ──in order──────────────────────────────> sink.events
                     └─ hole, or link was lost ─> held ─> read the log, then what was held

Pub/sub is a hint and the log is the truth (I3): an envelope that continues its log is
passed on; one that was passed on before is dropped; anything else makes the feed read the
log from where it stood, and hold what comes meanwhile. What the log has no more is told
as a gap. What was passed on last is kept, for a server that lost it (see `recovery`).
Must not know keys, scripts or sessions: it's given a `Reader`.
"""

import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import NamedTuple, Protocol

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from broker.api import Position, Sink
from broker.events import (
    DECISIONS,
    Entry,
    Envelope,
    Moved,
    Redacted,
    Unknown,
    decode_envelope,
    decode_quickly,
    encode,
)
from broker.merge import Merge
from broker.tally import BrokerTally

CHUNK = 500
"""How many entries are read from a log at a time."""

HELD = 10_000
"""How many envelopes of a log are held while it's being read; the log has those beyond."""

WITNESSED = 16 << 20
"""Bytes of memory for the last envelopes of all logs, kept for a server that lost what they say.
It's some seconds' worth of a channel at full rate. Their number alone would be no bound: one can
hold what a whole turn brought, a quarter of a megabyte.
"""


GONE = "?"
"""The epoch of a log that Redis has lost and that was perhaps never written to; no log's is so."""


class Excerpt(NamedTuple):
    """What a log says after some place: its tip, and the entries, oldest first. `past`: up to
    which seq it is the log of an earlier epoch.
    """

    tip: Position
    entries: list[Entry]
    past: Mapping[str, int] = MappingProxyType({})


class Seen(NamedTuple):
    """What this node saw of a log: how far, under its last epoch, and the last of the entries,
    oldest first. `former`: the epochs that the last one continues. `followed`: up to now; of others
    it may have missed that they were lost, and began anew.
    """

    tip: Position
    entries: list[Entry]
    former: frozenset[str] = frozenset()
    followed: bool = False


class Reader(Protocol):
    """Reads at most `count` entries of a log after a `seq`."""

    def __call__(self, log: str, after: int, count: int) -> Awaitable[Excerpt]: ...


class _Hole(Enum):
    """Whether something is missing of a log that is being read, and was told as a gap."""

    NONE = auto()
    FOUND = auto()
    TOLD = auto()


class _Log:
    """Where the feed stands in one log."""

    __slots__ = (
        "name",
        "epoch",
        "seq",
        "held",
        "mending",
        "again",
        "wire",
        "shown",
        "former",
        "hole",
    )

    def __init__(self, name: str, wire: int) -> None:
        self.name = name
        self.wire = wire  # the count of wires when it was followed
        self.epoch = ""
        self.seq = -1  # before `open`
        self.held: list[Envelope] | None = []  # None: live
        self.mending = False
        self.again = False  # something came that is neither held nor in what is being read
        self.former: frozenset[str] = frozenset()  # epochs that the last one continues
        self.hole = _Hole.NONE
        self.shown: set[tuple[str, int]] = set()  # passed on, and may come again at other places


def _blank(entries: dict[int, Entry], epochs: set[str]) -> None:
    """Of entries of a log, by seq: forget what was taken back. `epochs`: the log's, and those
    before under which its places are the same.
    """
    redacted = [one.event for one in entries.values() if isinstance(one.event, Redacted)]
    for event in redacted:
        epoch, _, seq = event.at.rpartition(".")
        entry = entries.get(int(seq)) if epoch in epochs else None
        if entry is not None:
            gone = entry.event
            left = Unknown(gone.sid, gone.num, gone.nick)
            entries[entry.seq] = Entry(entry.seq, entry.ms, left)


async def _at_once(_log: str, _event: Moved) -> None:
    """Nothing has to be waited for."""


class Feed:
    """Follows logs for one node. `told` gets each word that is meant for the node itself.

    `seconds`: the clock of the tally's `skew`. `gap` is told of gaps, too, for operators. `decided`
    is told of envelopes with DECISIONS, before the sink is; and before that `arrived` returns when
    the channel of a log (folded) has all that it had where it went.
    """

    logger = Logger()

    def __init__(
        self,
        read: Reader,
        told: Callable[[str], None],
        *,
        tally: BrokerTally | None = None,
        seconds: Callable[[], float] = time.time,
        gap: Callable[[str, int | None], None] = lambda _log, _lost: None,
        decided: Callable[[Envelope], None] = lambda _: None,
        arrived: Callable[[str, Moved], Awaitable[None]] | None = None,
    ) -> None:
        self._read = read
        self._tally = tally or BrokerTally()
        self._seconds = seconds
        self._gap = gap
        self._decided = decided
        self._arrived = arrived or _at_once
        self._told = told
        self._logs: dict[str, _Log] = {}
        self._mended: list[Deferred[None]] = []
        self._mending = 0
        self._wires = 0
        self._distrusted = False
        self._unwritten: list[_Log] = []  # when the wire was lost nobody had written to these
        self._stalled: set[str] = set()  # logs that couldn't be read
        self._witnessed: deque[tuple[int, Envelope]] = deque()  # each with what it weighs
        self._weight = 0
        self._merge: Merge | None = None  # while catching up
        self._passed_on: dict[str, list[Envelope]] | None = None  # before that, by log, if needed
        self.sink: Sink | Merge

    def follow(self, log: str) -> None:
        """Hold what is heard of a log until `open` tells from where it matters."""
        if log not in self._logs:
            self._logs[log] = _Log(log, self._wires)

    def open(self, log: str, tip: Position) -> None:
        """Pass on everything after `tip`; no effect on a log that is open already."""
        at = self._logs.get(log)
        if at is None or at.seq >= 0:
            return
        at.epoch, at.seq = tip
        if self._distrusted:
            return  # and `catch_up` reads it
        if at.wire == self._wires and not at.again:
            self._release(at)
        else:
            self._mend(at)

    def doubt(self, log: str) -> None:
        """A log was not heard for a while, though the wire is there: read it."""
        at = self._logs.get(log)
        if at is None:
            return
        if at.mending or at.seq < 0:
            at.again = True
        else:
            self._mend(at)

    def unfollow(self, log: str) -> None:
        """Pass on nothing more of a log."""
        self._logs.pop(log, None)
        if self._merge is not None:
            self._merge.forget(log)

    def followed(self) -> list[str]:
        """The names of all logs that are followed."""
        return list(self._logs)

    def positions(self) -> dict[str, Position]:
        """How far the sink was told, by log."""
        return {
            log.name: Position(log.epoch, log.seq) for log in self._logs.values() if log.seq >= 0
        }

    def hear(self, message: bytes) -> None:
        """Something was published on a topic that this node hears."""
        try:
            envelope = decode_quickly(message)
        except msgspec.DecodeError:
            try:
                envelope = decode_envelope(message)
            except msgspec.DecodeError:
                self.logger.warn("an envelope that can't be understood was left to the log")
                return
        log = self._logs.get(envelope.log)
        if log is None:
            if envelope.log == "":
                self._told(envelope.epoch)
            return
        if not envelope.seq:
            if log.held is None and self._merge is None:
                self.sink.events(envelope)  # of this moment, or of none
        elif log.held is not None:
            if len(log.held) < HELD:
                log.held.append(envelope)
            else:
                log.again = True
        elif envelope.seq == log.seq + 1 and (envelope.epoch == log.epoch or self._first(log)):
            decided = False
            for event in envelope.events:
                if type(event) in DECISIONS:
                    decided = True
                    if type(event) is Moved:  # it's passed on when all is where it went
                        log.held = [envelope]
                        self._mend(log)
                        return
            log.epoch = envelope.epoch
            if log.shown and not log.shown.isdisjoint((e.sid, e.num) for e in envelope.events):
                self._pass_each(log, envelope)
                return
            log.seq += len(envelope.events)
            weight = 2 * len(message) + 400  # as decoded, about
            self._witnessed.append((weight, envelope))
            self._weight += weight
            if self._weight > WITNESSED:
                self._lighten()
            if decided:
                self._decided(envelope)
            self.sink.events(envelope)
            tally = self._tally  # as in _pass: this is the hot path
            lag = self._seconds() - (envelope.ms - tally.skew) / 1000
            tally.lag.observe(max(0.0, lag))
        elif self._known(log, envelope):
            self._tally.duplicates += 1
        else:
            self._find_hole(log)
            log.held = [envelope]
            self._mend(log)

    def witness(self, envelope: Envelope) -> None:
        """Something was accepted here, and is heard by another node only."""
        weight = 2 * len(encode(envelope)) + 400
        self._witnessed.append((weight, envelope))
        self._weight += weight
        self._lighten()

    def disown(self) -> None:
        """Keep nothing of what was seen: Redis forgot all, and it shan't come back in part.

        If that was while the wire was lost, nobody knows what was written meanwhile, to whatever
        log: also where there was nothing before, `catch_up` tells a gap.
        """
        self._witnessed.clear()
        self._weight = 0
        for log in self._unwritten:
            if self._first(log):
                log.epoch = GONE

    def _lighten(self) -> None:
        while self._weight > WITNESSED:
            self._weight -= self._witnessed.popleft()[0]

    def seen(self) -> dict[str, Seen]:
        """What was seen of each log under its last epoch, also of logs no longer followed.

        Nothing of a log that was lost, and that nobody has written to since.
        """
        held = [e for at in self._logs.values() for e in at.held or ()]
        found: dict[str, tuple[str, dict[int, Entry]]] = {
            name: (at.epoch, {}) for name, at in self._logs.items() if at.epoch
        }
        for envelope in [*(e for _, e in self._witnessed if not self._is_over(e)), *held]:
            epoch, entries = found.get(envelope.log, ("", {}))
            log = self._logs.get(envelope.log)
            if epoch != envelope.epoch and (log is None or envelope.epoch not in log.former):
                if log is not None and epoch:
                    continue  # it went on without that
                entries = {}
                found[envelope.log] = (envelope.epoch, entries)
            for seq, event in enumerate(envelope.events, envelope.seq):
                entries[seq] = Entry(seq, envelope.ms, event)
        seen: dict[str, Seen] = {}
        for name, (epoch, entries) in found.items():
            log, last = self._logs.get(name), max(entries, default=0)
            former = log.former if log is not None else frozenset()
            tip = last if log is None or log.epoch != epoch else max(log.seq, last)
            _blank(entries, {epoch, *former})
            in_order = [entries[seq] for seq in sorted(entries)]
            followed = log is not None and log.seq >= 0
            seen[name] = Seen(Position(epoch, tip), in_order, former, followed)
        return seen

    def _is_over(self, envelope: Envelope) -> bool:
        """Whether a log that is followed isn't any more what it was then, nor continues it."""
        log = self._logs.get(envelope.log)
        if log is None or log.seq < 0:
            return False
        return envelope.epoch != log.epoch and envelope.epoch not in log.former

    @property
    def distrusted(self) -> bool:
        """Whether the wire was lost since `catch_up` was last begun."""
        return self._distrusted

    def distrust(self) -> None:
        """The wire was lost: hold everything, until `catch_up` has read the logs."""
        self._wires += 1
        if not self._distrusted:
            self._unwritten = [log for log in self._logs.values() if self._first(log)]
        self._distrusted = True
        for log in self._logs.values():
            if log.held is None:
                log.held = []

    async def catch_up(self) -> None:
        """Read every open log from where the feed stood, and pass on what was missed in the
        order in which it was accepted. Returns when all are live.
        """
        self._distrusted = False
        self._unwritten = []
        if self._merge is None:
            assert not isinstance(self.sink, Merge)
            self.sink = self._merge = Merge(self.sink)
        for log in list(self._logs.values()):
            if log.mending:
                log.again = True
            elif log.seq >= 0:
                self._mend(log)
        if not self._mending:
            self._end_catching_up()
        await self.settled()

    def _end_catching_up(self) -> None:
        merge = self._merge
        if merge is not None:
            self.sink = merge.sink
            merge.release()  # the sink may unfollow a log by that
            self._merge = self._passed_on = None

    def mend_stalled(self) -> None:
        """Read again the logs that couldn't be read."""
        stalled, self._stalled = self._stalled, set()
        for log in map(self._logs.get, stalled):
            if log is not None and log.held is not None and log.seq >= 0 and not log.mending:
                self._mend(log)

    async def settled(self) -> None:
        """Returns when no log is being read: what was heard by then has been passed on."""
        while self._mending:
            waiting: Deferred[None] = Deferred()
            self._mended.append(waiting)
            await waiting

    def _known(self, log: _Log, envelope: Envelope) -> bool:
        """Whether the whole of an envelope was passed on before."""
        return envelope.epoch == log.epoch and envelope.seq + len(envelope.events) - 1 <= log.seq

    def _continues(self, log: _Log, envelope: Envelope) -> bool:
        if envelope.epoch == log.epoch:
            return envelope.seq <= log.seq + 1
        return self._first(log) and envelope.seq == 1

    def _first(self, log: _Log) -> bool:
        """Nobody had written to this log when it was opened: its first writer draws the epoch."""
        return log.epoch == "" and log.seq == 0

    def _mend(self, log: _Log) -> None:
        log.mending = True
        if log.held is None:
            log.held = []
        self._mending += 1
        Deferred.fromCoroutine(self._mend_log(log)).addBoth(self._end_mending, log)

    def _end_mending(self, result: object, log: _Log) -> None:
        log.mending = False
        self._mending -= 1
        if result is not None:
            # the broker is gone, and will catch up when it's back; or it reads none now
            self._stalled.add(log.name)
            self.logger.info("a log couldn't be read now: {why}", why=str(result))
        if not self._mending:
            self._end_catching_up()
            waiting, self._mended = self._mended, []
            for one in waiting:
                one.callback(None)

    async def _mend_log(self, log: _Log) -> None:
        while True:
            before, log.again = len(log.held or ()), False
            excerpt = await self._read(log.name, max(log.seq, 0), CHUNK)
            if self._logs.get(log.name) is not log:
                return
            held = log.held or []
            log.held = [e for e in held[:before] if e.epoch == excerpt.tip.epoch] + held[before:]
            if log.epoch in excerpt.past and excerpt.tip.epoch != log.epoch:
                if self._succeed(log, excerpt):
                    continue
            elif excerpt.tip.epoch not in (log.epoch, "") and log.epoch != "":
                # Redis lost this log, and it began anew
                self._begin_anew(log, excerpt.tip.epoch)
                continue
            if excerpt.tip.epoch == "" and log.epoch != "":
                self._begin_anew(log, "")
            elif log.epoch == "":
                log.epoch = excerpt.tip.epoch
            elif excerpt.tip.seq < log.seq:
                # Redis went back: what was passed on is there no more, its numbers come again
                self._lose(log, None)
                log.seq = excerpt.tip.seq
            for entry in excerpt.entries:
                if entry.seq > log.seq:
                    if type(entry.event) is Moved:
                        await self._arrived(log.name, entry.event)
                        if self._logs.get(log.name) is not log:
                            return
                    else:
                        self._find_hole(log)
                self._pass(log, entry)
            if len(excerpt.entries) == CHUNK:
                continue
            if excerpt.tip.seq > log.seq:
                self._lose(log, excerpt.tip.seq - log.seq)
                log.seq = excerpt.tip.seq
            if log.again:
                log.held = [held for held in log.held if not self._known(log, held)]
                continue
            if self._release(log):
                if log.hole is _Hole.FOUND:
                    self._tally.gaps_repaired += 1
                log.hole = _Hole.NONE
                return

    def _find_hole(self, log: _Log) -> None:
        """Something wasn't heard that the log has, or had."""
        if log.hole is _Hole.NONE:
            log.hole = _Hole.FOUND
            self._tally.gaps_found += 1

    def _lose(self, log: _Log, lost: int | None) -> None:
        """Tell a gap."""
        self._find_hole(log)
        if log.hole is _Hole.FOUND:
            log.hole = _Hole.TOLD
            self._tally.gaps_told += 1
        self._gap(log.name, lost)
        self.sink.gap(log.name, lost)

    def _begin_anew(self, log: _Log, epoch: str) -> None:
        """What was passed on may be in it again: another node puts it back, or who said it says it
        again, as they had no answer.
        """
        self._lose(log, None)
        log.epoch, log.seq, log.former = epoch, 0, frozenset()
        log.shown = {(event.sid, event.num) for e in self._seen_of(log) for event in e.events}

    def _seen_of(self, log: _Log) -> list[Envelope]:
        """What is remembered of a log, from before it's looked at."""
        by_log = self._passed_on
        if by_log is None:
            by_log = defaultdict(list)
            for _, envelope in self._witnessed:
                by_log[envelope.log].append(envelope)
            if self._merge is not None:
                self._passed_on = by_log
        return by_log.get(log.name, [])

    def _succeed(self, log: _Log, excerpt: Excerpt) -> bool:
        """The log goes on under another epoch. Whether it must be read again: it has other things
        than were passed on, after the last place that is common.
        """
        common, before = excerpt.past[log.epoch], log.epoch
        log.epoch = excerpt.tip.epoch
        log.former = frozenset()
        if log.seq <= common:
            log.former = frozenset(excerpt.past)
            self.sink.continued(log.name, log.epoch, None)
            return False
        shown = [envelope for envelope in self._seen_of(log) if envelope.epoch == before]
        for envelope in shown:
            for seq, event in enumerate(envelope.events, envelope.seq):
                if seq > common:
                    log.shown.add((event.sid, event.num))
        log.seq = common
        ms = [e.ms for e in shown[-1:]] + [entry.ms for entry in excerpt.entries]
        self.sink.continued(log.name, log.epoch, max(ms, default=0))
        return True

    def _pass_each(self, log: _Log, envelope: Envelope) -> None:
        for seq, event in enumerate(envelope.events, envelope.seq):
            self._pass(log, Entry(seq, envelope.ms, event))

    def _pass(self, log: _Log, entry: Entry) -> None:
        if entry.seq <= log.seq or self._logs.get(log.name) is not log:
            return
        if entry.seq > log.seq + 1:
            self._lose(log, entry.seq - log.seq - 1)
        log.seq = entry.seq
        envelope = Envelope(1, log.name, log.epoch, entry.seq, entry.ms, [entry.event])
        self.witness(envelope)
        if type(entry.event) in DECISIONS:
            self._decided(envelope)
        identity = (entry.event.sid, entry.event.num)
        if identity in log.shown:
            log.shown.discard(identity)
        else:
            self.sink.events(envelope)
            lag = self._seconds() - (envelope.ms - self._tally.skew) / 1000
            self._tally.lag.observe(max(0.0, lag))

    def _release(self, log: _Log) -> bool:
        """Pass on what was held and go live; False if there is a hole in what was held."""
        held, log.held = log.held or [], None
        for i, envelope in enumerate(held):
            if self._known(log, envelope):
                continue
            moves = any(type(event) is Moved for event in envelope.events)
            if moves or not self._continues(log, envelope):
                log.held = held[i:]
                if not log.mending:
                    self._mend(log)
                return False
            log.epoch = envelope.epoch
            self._pass_each(log, envelope)
        return True
