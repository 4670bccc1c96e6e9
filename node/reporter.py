"""Tells Redis how this node is: a status each second, and each few seconds a point for charts.

    tallies, health, vitals ─> Reporter ─> broker.board

Must not know how it's kept.
"""

import random
from collections import Counter, deque
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from broker.reports import POINT, STATUS, STOPPED, TOP, Point, Rate, Sized, State, Status
from node import __version__
from node.core.chat import Chat
from node.core.tally import Traffic, largest
from node.health import Health
from node.vitals import Cpu, LoopLag, memory

if TYPE_CHECKING:
    from broker.board import Board
    from broker.tally import BrokerTally

WINDOW = 5
"""Over how many statuses rates are measured."""

PRUNE = 60
"""After how many statuses it's looked for nodes that are gone for long."""


class Reporter:
    """Reports of one node. `started`: when it did, in ms of Redis's clock. `clock`: Twisted's."""

    def __init__(
        self,
        name: str,
        board: "Board",
        chat: Chat,
        broker: "BrokerTally",
        health: Health,
        lag: LoopLag,
        clock: Any,
    ) -> None:
        self._name = name
        self._board = board
        self._chat = chat
        self._broker = broker
        self._health = health
        self._lag = lag
        self._clock = clock
        self._cpu = Cpu()
        self._started = 0
        self._channels, self._people = Traffic(WINDOW), Traffic(WINDOW)
        self._largest: tuple[Sized, ...] = ()
        self._counted: deque[tuple[float, int, int]] = deque(maxlen=WINDOW + 1)
        self._told = random.randrange(PRUNE)  # not all nodes at once
        self.latest: Status | None = None
        """How the node was a second ago, whether Redis was told or not."""
        self._telling = LoopingCall(self._tell)
        self._telling.clock = clock

    def start(self) -> None:
        """Tell from now on."""
        self._started = self._board.now_ms
        self._telling.start(STATUS)

    async def stop(self) -> None:
        """Tell that the node is gone, and nothing more."""
        if self._telling.running:
            self._telling.stop()
            await self._board.part(self._status(State.GONE, (STOPPED,)))

    def _tell(self) -> None:
        tally = self._chat.tally
        taken, tally.by_channel = tally.by_channel, {}
        self._channels.take(taken)
        taken, tally.by_nick = tally.by_nick, {}
        self._people.take(taken)
        self._counted.append((self._clock.seconds(), tally.lines, tally.deliveries))
        self._told += 1
        if self._told % round(POINT / STATUS) == 0:
            hub = self._chat.hub
            found = largest(hub.sizes(), TOP, hub.spelled)
            self._largest = tuple(Sized(name, many) for name, many in found)
        status = self.latest = self._status(*self._health.state())
        self._board.post(status)
        if self._told % round(POINT / STATUS) == 0:
            self._board.plot(
                Point(
                    status.at,
                    sum(status.sessions.values()),
                    status.line_rate,
                    status.delivery_rate,
                    status.cpu,
                    status.loop_lag,
                    status.memory,
                )
            )
        if self._told % PRUNE == 0:
            Deferred.fromCoroutine(self._board.prune())

    def sessions(self) -> dict[str, int]:
        """How many there are here, by dialect."""
        return sessions(self._chat)

    def _rates(self) -> tuple[float, float]:
        """Lines and deliveries a second, over the window."""
        if len(self._counted) < 2:
            return 0.0, 0.0
        (since, lines, deliveries), (now, lines_now, deliveries_now) = (
            self._counted[0],
            self._counted[-1],
        )
        took = max(now - since, 0.001)
        return round((lines_now - lines) / took, 1), round((deliveries_now - deliveries) / took, 1)

    def _status(self, state: State, why: tuple[str, ...]) -> Status:
        tally, broker, hub = self._chat.tally, self._broker, self._chat.hub
        line_rate, delivery_rate = self._rates()
        return Status(
            node=self._name,
            version=__version__,
            state=state,
            why=why,
            started=self._started,
            at=self._board.now_ms,
            sessions=self.sessions(),
            channels=len(hub),
            lines=tally.lines,
            deliveries=tally.deliveries,
            refusals=sum(tally.refusals.values()),
            gaps=broker.gaps_told,
            slow_readers=tally.slow_readers,
            reconnects=broker.reconnects,
            bytes_in=tally.bytes_in,
            bytes_out=tally.bytes_out,
            line_rate=line_rate,
            delivery_rate=delivery_rate,
            cpu=round(self._cpu.share(), 4),
            loop_lag=round(self._lag.longest, 4),
            probe=None if self._health.probe is None else round(self._health.probe, 6),
            memory=memory(),
            outbox=tally.outbox,
            busiest=tuple(
                Rate(hub.spelled(name), many / WINDOW) for name, many in self._channels.busiest(TOP)
            ),
            talkers=tuple(Rate(name, many / WINDOW) for name, many in self._people.busiest(TOP)),
            largest=self._largest,
        )


def sessions(chat: Chat) -> dict[str, int]:
    """How many sessions there are here, by dialect."""
    found: dict[str, int] = {}
    # one look at each, in C: there may be 50,000
    for dialect, many in Counter(map(attrgetter("dialect"), chat.hub.sessions.values())).items():
        found[dialect.name] = found.get(dialect.name, 0) + many
    return found
