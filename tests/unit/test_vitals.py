"""`node.vitals`: the event loop, the processor, memory."""

from twisted.internet.task import Clock

from broker.tally import Histogram
from node.vitals import RECENT, TICK, Cpu, LoopLag, memory


def lag(clock: Clock) -> tuple[LoopLag, Histogram]:
    seen = Histogram((0.001, 0.5))
    made = LoopLag(seen, clock)
    made.start()
    return made, seen


def test_a_loop_that_turns_is_not_late() -> None:
    clock = Clock()
    loop, seen = lag(clock)
    clock.pump([TICK] * 20)
    assert 0.0 == round(loop.longest, 6)
    assert 20 == sum(seen.counts)


def test_a_loop_that_stood_still_is_late_by_that() -> None:
    clock = Clock()
    loop, seen = lag(clock)
    clock.pump([TICK] * 5)
    clock.advance(0.75)
    assert 0.65 == round(loop.longest, 6)
    assert 1 == seen.counts[-1]


def test_a_loop_that_is_always_late_is_seen_to_be() -> None:
    clock = Clock()
    _, seen = lag(clock)
    clock.pump([0.7] * 5)
    assert [0, 0, 5] == seen.counts


def test_a_delay_is_forgotten_after_a_while() -> None:
    clock = Clock()
    loop, _ = lag(clock)
    clock.advance(2.0)
    assert loop.longest > 1.5
    clock.pump([TICK] * int(RECENT / TICK + 2))
    assert 0.0 == round(loop.longest, 6)


def test_who_has_stopped_looks_no_more() -> None:
    clock = Clock()
    loop, seen = lag(clock)
    loop.stop()
    loop.stop()
    clock.advance(1)
    assert (0, 0.0) == (sum(seen.counts), loop.longest)


def test_the_share_of_a_core_is_that_since_it_was_last_asked() -> None:
    times = iter([10.0, 12.0, 13.0])
    used = iter([1.0, 1.5, 2.5])
    cpu = Cpu(lambda: next(used), lambda: next(times))
    assert [0.25, 1.0] == [cpu.share(), cpu.share()]


def test_no_time_is_no_share() -> None:
    assert 0.0 == Cpu(lambda: 1.0, lambda: 1.0).share()


def test_a_process_takes_memory() -> None:
    assert 1 << 20 < memory() < 1 << 40
