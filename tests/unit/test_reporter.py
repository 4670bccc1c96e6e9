"""`node.reporter`: how a node is, from what is counted."""

import random
from typing import Any

import pytest
from twisted.internet.task import Clock

from broker.reports import POINT, STOPPED, Point, Rate, Sized, State, Status
from broker.tally import BrokerTally, Histogram
from broker.writes import Writes
from node.health import Health
from node.reporter import PRUNE, Reporter
from node.vitals import LoopLag
from tests.support.village import Village, done


class Board:
    """What was told, and nothing else."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.statuses: list[Status] = []
        self.points: list[Point] = []
        self.parted: list[Status] = []
        self.pruned = 0

    @property
    def now_ms(self) -> int:
        return int(self._clock.seconds() * 1000)

    def post(self, status: Status) -> None:
        self.statuses.append(status)

    def plot(self, point: Point) -> None:
        self.points.append(point)

    async def part(self, status: Status) -> None:
        self.parted.append(status)

    async def prune(self) -> None:
        self.pruned += 1


class Desk:
    """A reporter of the first node of a village."""

    def __init__(self) -> None:
        self.village = Village(1)
        self.clock = Clock()
        self.board = Board(self.clock)
        self.away = False
        board: Any = self.board
        self.broker = BrokerTally()
        chat = self.village.chats[0]
        health = Health(
            self.broker,
            beat=1.0,
            starting=lambda: False,
            draining=lambda: False,
            writes=Writes(self.clock.seconds),
            lag=lambda: 0.0,
            seconds=self.clock.seconds,
        )
        lag = LoopLag(Histogram((1.0,)), self.clock)
        self.reporter = Reporter("n1", board, chat, self.broker, health, lag, self.clock)
        self.reporter.start()

    def after(self, seconds: int) -> Status:
        """What it tells last, so many seconds later."""
        for _ in range(seconds):
            if not self.away:
                self.broker.probed_at = self.clock.seconds()
            self.clock.advance(1.0)
        latest = self.board.statuses[-1]
        assert latest is self.reporter.latest
        return latest


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(random, "randrange", lambda _: 0)
    return Desk()


def test_a_status_is_told_each_second_and_a_point_each_five(desk: Desk) -> None:
    desk.after(20)
    assert (21, 20 // POINT) == (len(desk.board.statuses), len(desk.board.points))


def test_it_says_who_is_there_and_what_they_said(desk: Desk) -> None:
    ann, bob = desk.village.person("ann"), desk.village.person("bob")
    for person in (ann, bob):
        person.type("/join #Go")
    ann.type("a", "b", "c")
    bob.type("d", "/nick !!!")
    status = desk.after(5)
    assert (State.READY, {"slash": 2}) == (status.state, status.sessions)
    assert (4, 4 / 5, 1) == (status.lines, status.line_rate, status.refusals)
    assert (Rate("#Go", 0.8),) == status.busiest
    assert (Rate("ann", 0.6), Rate("bob", 0.2)) == status.talkers
    assert Sized("#Go", 2) in status.largest


def test_rates_fall_to_nothing_when_nobody_says_anything(desk: Desk) -> None:
    desk.village.person("ann").type("/join #go", "hello")
    desk.after(3)
    status = desk.after(6)
    assert (0.0, 0.0, (), ()) == (
        status.line_rate,
        status.delivery_rate,
        status.busiest,
        status.talkers,
    )


def test_a_status_is_made_while_redis_is_away_too(desk: Desk) -> None:
    desk.away = True
    status = desk.after(12)
    assert (State.DEGRADED, None) == (status.state, status.probe)
    assert ("nothing has come back through Redis for 12 s",) == status.why


def test_who_is_gone_for_long_is_looked_for_each_minute(desk: Desk) -> None:
    desk.after(2 * PRUNE)
    assert 2 == desk.board.pruned


def test_the_last_word_is_that_it_is_gone(desk: Desk) -> None:
    done(desk.reporter.stop())
    done(desk.reporter.stop())
    assert [(State.GONE, (STOPPED,))] == [(one.state, one.why) for one in desk.board.parted]
    before = len(desk.board.statuses)
    desk.clock.advance(5)
    assert before == len(desk.board.statuses)
