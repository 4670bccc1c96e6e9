"""`broker.merge`: what was missed in several logs, in one order."""

import pytest

from broker import merge as merge_module
from broker.events import Envelope, Said
from broker.merge import Merge
from tests.support.sinks import Gap, Record


def envelope(log: str, seq: int, ms: int) -> Envelope:
    return Envelope(1, log, "e", seq, ms, [Said("s", seq, "bob", "hi")])


def places(record: Record) -> list[tuple[str, int]]:
    return [(call.log, call.seq) for call in record.told if isinstance(call, Envelope)]


def test_nothing_is_passed_on_before_it_is_released() -> None:
    sink = Record()
    merge = Merge(sink)
    merge.events(envelope("#a", 1, 10))
    merge.gap("#a", 3)
    assert [] == sink.told


def test_what_was_accepted_earlier_comes_earlier_whichever_log_was_read_first() -> None:
    sink = Record()
    merge = Merge(sink)
    for log, seq, ms in (("#a", 1, 10), ("#a", 2, 30), ("#b", 1, 20), ("#b", 2, 40)):
        merge.events(envelope(log, seq, ms))
    merge.release()
    assert [("#a", 1), ("#b", 1), ("#a", 2), ("#b", 2)] == places(sink)


def test_a_log_keeps_its_order_though_the_clock_went_back() -> None:
    sink = Record()
    merge = Merge(sink)
    for seq, ms in ((1, 30), (2, 10), (3, 20)):
        merge.events(envelope("#a", seq, ms))
    merge.release()
    assert [("#a", 1), ("#a", 2), ("#a", 3)] == places(sink)


def test_a_gap_stays_at_its_place() -> None:
    sink = Record()
    merge = Merge(sink)
    merge.events(envelope("#a", 1, 10))
    merge.gap("#a", 3)
    merge.events(envelope("#a", 5, 30))
    merge.events(envelope("#b", 1, 20))
    merge.release()
    told = [call if isinstance(call, Gap) else (call.log, call.seq) for call in sink.told]  # type: ignore[union-attr]
    assert [("#a", 1), Gap("#a", 3), ("#b", 1), ("#a", 5)] == told


def test_a_log_that_is_forgotten_is_not_passed_on() -> None:
    sink = Record()
    merge = Merge(sink)
    merge.events(envelope("#a", 1, 10))
    merge.events(envelope("#b", 1, 20))
    merge.forget("#a")
    merge.release()
    assert [("#b", 1)] == places(sink)


def test_a_log_that_is_forgotten_while_it_is_passed_on_ends_there() -> None:
    sink = Record()
    merge = Merge(sink)
    for seq in (1, 2):
        merge.events(envelope("#a", seq, seq))
    sink.then = lambda: merge.forget("#a")
    merge.release()
    assert [("#a", 1)] == places(sink)


def test_what_is_held_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge_module, "MOST", 3)
    sink = Record()
    merge = Merge(sink)
    for seq in range(1, 5):
        merge.events(envelope("#a", seq, seq))
    assert [("#a", 1), ("#a", 2), ("#a", 3)] == places(sink)
