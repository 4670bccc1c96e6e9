"""Where a reader is in the log of a channel, and what is to be shown of what they read. Pure.

    read the log after `seq` ─> Follower.take ─> entries, once each and in order; what is missing
             └──── again at once, while `is_behind`; else when there's news ────┘

The same rules as those of a node's feed (`broker/feed.py`), without anything that is pushed.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from broker.events import Entry

REMEMBERED = 8_192
"""How many of the last entries are known, in case they come again at other places."""


class Read(NamedTuple):
    """What a log says after some place: its epoch (empty: there is no log), the seq of its last
    entry, and entries, oldest first. `past`: up to which seq it's the log of an earlier epoch.
    """

    epoch: str
    tip: int
    entries: list[Entry]
    past: Mapping[str, int] = MappingProxyType({})


class Placed(NamedTuple):
    """An entry, and the epoch under which it has its place."""

    epoch: str
    entry: Entry


class Lost(NamedTuple):
    """So many entries are missing here; None: nobody knows how many, or whether any are."""

    many: int | None


class Reordered(NamedTuple):
    """In the log, what came before that time (Unix ms) has another order than it was shown in."""

    before: int


class Follower:
    """Follows one log. `seq`: the place after which it's to be read next."""

    def __init__(self, tip: Read, lines: int) -> None:
        """Begin with the last `lines` entries before the tip, or as many of them as are there."""
        self.epoch, self.seq = tip.epoch, max(0, tip.tip - lines)
        self._since = tip.tip  # what isn't there up to here isn't missing
        self._last: deque[Entry] = deque(maxlen=REMEMBERED)
        self._again: set[tuple[str, int]] = set()

    def is_behind(self, read: Read) -> bool:
        """Whether there is more to be read than what was taken."""
        return read.tip > self.seq

    def take(self, read: Read, *, forgotten: bool) -> Iterator[Placed | Lost | Reordered]:
        """What is to be shown of what was read after `seq`.

        `forgotten`: whether things may have been lost if the log isn't there, or is another one.
        If not, it has come to its end because nobody was in the channel.
        """
        if read.epoch != self.epoch:
            before = self.seq
            yield from self._turn_to(read, forgotten)
            if self.seq != before:
                return  # it was read after another place
        elif read.tip < self.seq:  # Redis went back; the nodes may put back what it lost
            self._go_back(read.tip)
        for entry in read.entries:
            yield from self._pass_over(entry.seq - 1)
            self.seq = entry.seq
            self._last.append(entry)
            identity = (entry.event.sid, entry.event.num)
            if identity in self._again:
                self._again.discard(identity)
            else:
                yield Placed(self.epoch, entry)
        if not read.entries:
            yield from self._pass_over(read.tip)

    def _pass_over(self, seq: int) -> Iterator[Lost]:
        """Entries up to there aren't in the log."""
        missing = seq - max(self.seq, self._since)
        if missing > 0:
            yield Lost(missing)
        self.seq = max(seq, self.seq)

    def _turn_to(self, read: Read, forgotten: bool) -> Iterator[Lost | Reordered]:
        """The log isn't the one that it was."""
        before, self.epoch = self.epoch, read.epoch
        if before in read.past:
            common = read.past[before]
            if self.seq > common:
                yield Reordered(self._go_back(common))
        elif before:
            self.seq = self._since = 0
            if forgotten:
                yield Lost(None)

    def _go_back(self, seq: int) -> int:
        """Read on after an earlier place, and show nothing twice. Returns when the last thing that
        was shown was accepted (Unix ms).
        """
        late = [entry for entry in self._last if entry.seq > seq]
        self._again |= {(entry.event.sid, entry.event.num) for entry in late}
        self.seq = seq
        return max((entry.ms for entry in late), default=0)
