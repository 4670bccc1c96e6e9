"""`node.net.pace`: nothing is lost, nothing changes its place, and nothing comes too fast."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from node.core.limits import Act, Limits, Rate
from node.net.pace import LATER, SOON, Pace

RATE = Rate(5, 5)


class Walk:
    """Somebody's pace. `done`: what was done so far."""

    def __init__(self, rate: Rate = RATE) -> None:
        self.clock = Clock()
        self.done = b""
        self.looks = 0
        allowance = Limits({Act.LINES: rate}, {}, (), self.clock.seconds).of("192.0.2.1")
        assert allowance is not None
        self.pace = Pace(allowance, self.clock.callLater, self._more)

    def _more(self) -> None:
        self.looks += 1
        self.done += self.pace.due()

    def come(self, data: bytes) -> None:
        self.done += self.pace.due(data)

    @property
    def state(self) -> tuple[bytes, bool]:
        """What was done, and whether there's more."""
        return self.done, self.pace.holding


@pytest.fixture
def walk() -> Walk:
    return Walk()


def test_what_may_be_done_is_due_at_once(walk: Walk) -> None:
    walk.come(b"1\n2\n3\n4\n5\n")
    assert (b"1\n2\n3\n4\n5\n", False) == walk.state


def test_what_may_not_be_done_is_held_from_the_end_of_a_line_on(walk: Walk) -> None:
    walk.come(b"1\n2\n3\n4\n5\n6\n7")
    assert (b"1\n2\n3\n4\n5\n", True) == walk.state
    walk.clock.advance(1)
    assert (b"1\n2\n3\n4\n5\n6\n7", False) == walk.state


def test_what_comes_later_waits_behind_it(walk: Walk) -> None:
    walk.come(b"\n" * 6)
    walk.come(b"x\n")
    assert b"\n" * 5 == walk.done
    walk.clock.pump([1, 1])
    assert (b"\n" * 6 + b"x\n", False) == walk.state


def test_part_of_a_line_does_not_count(walk: Walk) -> None:
    for _ in range(20):
        walk.come(b"xxx")
    assert (b"xxx" * 20, False) == walk.state


def test_what_is_told_to_wait_is_looked_at_again_soon(walk: Walk) -> None:
    walk.pace.wait()
    walk.come(b"1\n")
    before = walk.state
    walk.clock.advance(SOON)
    assert ((b"", True), (b"1\n", False)) == (before, walk.state)


def test_what_is_forgotten_is_never_done(walk: Walk) -> None:
    walk.come(b"1\n2\n3\n4\n5\n6\n")
    walk.pace.forget()
    walk.clock.advance(60)
    assert (b"1\n2\n3\n4\n5\n", False) == walk.state


@pytest.mark.parametrize(
    "rate, seconds, looks", [(Rate(1000, 1), 1, 1 / SOON), (Rate(1, 3600), 60, 60 / LATER)]
)
def test_it_looks_neither_too_often_nor_too_seldom(rate: Rate, seconds: int, looks: float) -> None:
    walk = Walk(rate)
    walk.come(b"\n" * 10_000)
    walk.clock.pump([0.01] * seconds * 100)
    assert looks - 1 <= walk.looks <= looks


@given(
    st.lists(st.binary(max_size=6) | st.integers(0, 9).map(lambda n: b"\n" * n), max_size=20),
    st.integers(1, 9),
)
def test_however_it_comes_all_is_done_in_order_and_no_faster(
    pieces: list[bytes], burst: int
) -> None:
    walk = Walk(Rate(burst, burst))
    for piece in pieces:
        walk.come(piece)
    sent = b"".join(pieces)
    for second in range(sent.count(b"\n") + 1):
        assert walk.done == sent[: len(walk.done)]
        assert walk.done.count(b"\n") <= burst + second
        walk.clock.advance(1)
    assert (sent, False) == walk.state
