"""`tests.load.generator`: what it prints is read strictly, and what went wrong is counted."""

import pytest

from tests.load.generator import Faults, LoadError, measurements

LINE = (
    '{"done":7014443,"seconds":2.0,"cost":0.1125,"p50_ms":4.981,"p99_ms":11.272,'
    '"lost":3,"doubled":0,"reordered":1,"misplaced":0,"dead":0,"busy":0.70,'
    '"cpu_us":[666244,122866]}\n'
)


def test_each_line_is_a_measurement() -> None:
    first, second = measurements(LINE * 2)
    assert first == second
    assert (3507221.5, [666244, 122866]) == (first.per_second, first.cpu_us)


def test_what_went_wrong_is_told_apart_and_added_up() -> None:
    (found,) = measurements(LINE)
    assert Faults(lost=3, reordered=1) == found.faults
    assert Faults(lost=6, reordered=2) == found.faults.plus(found.faults)


@pytest.mark.parametrize(
    "printed",
    ["no JSON\n", LINE.replace("7014443", '"many"'), LINE.replace("lost", "found"), LINE[:40]],
)
def test_anything_else_is_no_measurement(printed: str) -> None:
    with pytest.raises(LoadError):
        measurements(printed)
