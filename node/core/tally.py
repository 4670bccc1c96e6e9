"""What one node counts of its people: plain numbers, for whoever looks.

As in `broker.tally`: an addition a turn, an envelope or a line, never one for each who reads it.
Pure.
"""

from collections.abc import Callable, Iterable
from heapq import nlargest
from operator import itemgetter

from broker.api import Code
from broker.tally import Histogram

FAN_OUT = (
    0.0,
    1.0,
    2.0,
    5.0,
    10.0,
    20.0,
    50.0,
    100.0,
    200.0,
    500.0,
    1000.0,
    2000.0,
    5000.0,
    10000.0,
)
"""Bounds of the histogram of how many read a line here."""

LAGS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds, in seconds, of the histogram of how late the event loop is."""


class Tally:
    """Since the node started.

    `lines`: accepted from people here, to be said. `deliveries`: events shown to people here, once
    for each of them. `connections`: that came in; `turned_away`: that didn't, by why. `refusals`:
    of commands. `bytes_in`, `bytes_out`: from and to people. `outbox`: bytes that wait now for
    readers whose sockets take no more. `slow_readers`: closed for that.
    `by_channel`, `by_nick`: lines since they were last taken (`Traffic`).
    `loop_lag`: how late the event loop is, in seconds, asked ten times a second.
    """

    __slots__ = (
        "lines",
        "deliveries",
        "fan_out",
        "connections",
        "turned_away",
        "refusals",
        "bytes_in",
        "bytes_out",
        "outbox",
        "slow_readers",
        "by_channel",
        "by_nick",
        "loop_lag",
    )

    def __init__(self) -> None:
        self.lines = 0
        self.deliveries = 0
        self.fan_out = Histogram(FAN_OUT)
        self.connections = 0
        self.turned_away: dict[str, int] = {}
        self.refusals = dict.fromkeys(Code, 0)
        self.bytes_in = 0
        self.bytes_out = 0
        self.outbox = 0
        self.slow_readers = 0
        self.by_channel: dict[str, int] = {}
        self.by_nick: dict[str, int] = {}
        self.loop_lag = Histogram(LAGS)

    def said(self, channel: str, nick: str) -> None:
        """A line was accepted, to be said."""
        self.lines += 1
        self.by_channel[channel] = self.by_channel.get(channel, 0) + 1
        self.by_nick[nick] = self.by_nick.get(nick, 0) + 1

    def shown(self, deliveries: int, lines: int) -> None:
        """So many lines of one envelope were put into outboxes so often."""
        self.deliveries += deliveries
        self.fan_out.observe(deliveries / lines, lines)


class Traffic:
    """Who and what was busiest in the last `steps` steps, out of what is taken at each step.

    Bounded by what can be said in that time.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._taken: list[dict[str, int]] = []
        self._sums: dict[str, int] = {}

    def take(self, counted: dict[str, int]) -> None:
        """Add a step, and forget the oldest."""
        sums = self._sums
        for name, many in counted.items():
            sums[name] = sums.get(name, 0) + many
        self._taken.append(counted)
        if len(self._taken) > self._steps:
            for name, many in self._taken.pop(0).items():
                left = sums[name] - many
                if left:
                    sums[name] = left
                else:
                    del sums[name]

    def busiest(self, most: int) -> list[tuple[str, int]]:
        """Names and how many lines, the busiest first."""
        return nlargest(most, self._sums.items(), key=itemgetter(1))


def largest(
    channels: Iterable[tuple[str, int]], most: int, spelled: Callable[[str], str]
) -> list[tuple[str, int]]:
    """The largest channels: as spelled, and how many are in them here."""
    return [(spelled(name), many) for name, many in nlargest(most, channels, key=itemgetter(1))]
