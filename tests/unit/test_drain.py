"""`node.core.drain`: who is closed when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from node.core.drain import Drain, due
from node.core.session import Session
from tests.support.village import Village


class Draining:
    """A drain of some villagers by a clock. `closed`: when each was dismissed, by their number."""

    def __init__(self, people: int, window: float) -> None:
        self.clock = Clock()
        village = Village()
        self.sessions = [village.guest().session for _ in range(people)]
        self.closed: list[tuple[int, float]] = []
        self.overs: list[float] = []
        self.drain = Drain(
            self.sessions,
            window,
            dismiss=self._dismiss,
            over=lambda: self.overs.append(self.clock.seconds()),
            seconds=self.clock.seconds,
            call_later=self.clock.callLater,
        )

    def _dismiss(self, session: Session) -> None:
        self.closed.append((self.sessions.index(session), self.clock.seconds()))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.pump([0.05] * round(seconds / 0.05))


def test_they_are_closed_one_after_another_over_the_whole_window() -> None:
    draining = Draining(4, 20.0)
    draining.drain.start()
    draining.run(25)
    numbers, times = zip(*draining.closed, strict=True)
    assert (0, 1, 2, 3) == numbers
    assert [0, 5, 10, 15] == [pytest.approx(time, abs=0.2) for time in times]
    assert [15] == [pytest.approx(over, abs=0.2) for over in draining.overs]


def test_nobody_at_all_is_over_at_once() -> None:
    draining = Draining(0, 20.0)
    draining.drain.start()
    assert [0.0] == draining.overs


def test_a_window_of_nothing_closes_all_at_once() -> None:
    draining = Draining(5, 0.0)
    draining.drain.start()
    assert ([(i, 0.0) for i in range(5)], [0.0]) == (draining.closed, draining.overs)


def test_who_went_by_themselves_are_not_waited_for() -> None:
    draining = Draining(3, 30.0)
    draining.drain.start()
    for session in draining.sessions[1:]:
        session.gone = True
    draining.run(1)
    assert ([(0, 0.0)], 1) == (draining.closed, len(draining.overs))


def test_hurried_it_closes_the_rest_at_once_and_is_over_once() -> None:
    draining = Draining(4, 40.0)
    draining.drain.start()
    draining.run(1)
    draining.drain.hurry()
    assert [0, 1, 2, 3] == [number for number, _ in draining.closed]
    draining.drain.hurry()
    draining.run(50)
    assert (4, 1) == (draining.drain.dismissed, len(draining.overs))


@given(st.integers(0, 500), st.floats(0.001, 1000))
def test_the_number_of_the_due_grows_evenly_from_one_to_all(total: int, window: float) -> None:
    wanted = [due(total, window * i / 100, window) for i in range(101)]
    assert sorted(wanted) == wanted
    assert (min(1, total), total) == (wanted[0], wanted[-1])
    assert all(abs(n - total * i / 100) <= 1 for i, n in enumerate(wanted))
