"""`node.net.pace`: nothing is lost, nothing changes its place, and nothing comes too fast."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from node.core.limits import Act, Limits, Rate
from node.net.pace import LATER, SOON, Messages, Pace

RATE = Rate(5, 5)
ONE_TO_FIVE: Messages = [b"1", b"2", b"3", b"4", b"5"]


class Walk:
    """Somebody's pace. `done`: what was done so far."""

    def __init__(self, rate: Rate = RATE) -> None:
        self.clock = Clock()
        self.done: Messages = []
        self.looks = 0
        allowance = Limits({Act.LINES: rate}, {}, (), self.clock.seconds).of("192.0.2.1")
        assert allowance is not None
        self.pace = Pace(allowance, self.clock.callLater, self._more)

    def _more(self) -> None:
        self.looks += 1
        self.done += self.pace.due([])

    def come(self, *messages: bytes | None) -> None:
        self.done += self.pace.due([*messages])

    @property
    def state(self) -> tuple[Messages, bool]:
        """What was done, and whether there's more."""
        return self.done, self.pace.holding


@pytest.fixture
def walk() -> Walk:
    return Walk()


def test_what_may_be_done_is_due_at_once(walk: Walk) -> None:
    walk.come(*ONE_TO_FIVE)
    assert (ONE_TO_FIVE, False) == walk.state


def test_what_may_not_be_done_is_held(walk: Walk) -> None:
    walk.come(*ONE_TO_FIVE, None, b"7")
    assert (ONE_TO_FIVE, True) == walk.state
    walk.clock.pump([1, 1])
    assert ([*ONE_TO_FIVE, None, b"7"], False) == walk.state


def test_what_comes_later_waits_behind_it(walk: Walk) -> None:
    walk.come(*ONE_TO_FIVE, b"6")
    walk.come(b"7")
    assert ONE_TO_FIVE == walk.done
    walk.clock.pump([1, 1])
    assert ([*ONE_TO_FIVE, b"6", b"7"], False) == walk.state


def test_what_is_told_to_wait_is_looked_at_again_soon(walk: Walk) -> None:
    walk.pace.wait()
    walk.come(b"1")
    before = [*walk.done], walk.pace.holding
    walk.clock.advance(SOON)
    assert (([], True), ([b"1"], False)) == (before, walk.state)


def test_what_is_forgotten_is_never_done(walk: Walk) -> None:
    walk.come(*ONE_TO_FIVE, b"6")
    walk.pace.forget()
    walk.clock.advance(60)
    assert (ONE_TO_FIVE, False) == walk.state


@pytest.mark.parametrize(
    "rate, seconds, looks", [(Rate(1000, 1), 1, 1 / SOON), (Rate(1, 3600), 60, 60 / LATER)]
)
def test_it_looks_neither_too_often_nor_too_seldom(rate: Rate, seconds: int, looks: float) -> None:
    walk = Walk(rate)
    walk.come(*[b""] * 10_000)
    walk.clock.pump([0.01] * seconds * 100)
    assert looks - 1 <= walk.looks <= looks


@given(
    st.lists(st.lists(st.none() | st.binary(max_size=2), max_size=9), max_size=20),
    st.integers(1, 9),
)
def test_however_they_come_all_are_done_in_order_and_no_faster(
    pieces: list[Messages], burst: int
) -> None:
    walk = Walk(Rate(burst, burst))
    for piece in pieces:
        walk.come(*piece)
    sent = [message for piece in pieces for message in piece]
    for second in range(len(sent) + 1):
        assert walk.done == sent[: len(walk.done)]
        assert len(walk.done) <= burst + second
        walk.clock.advance(1)
    assert (sent, False) == walk.state
