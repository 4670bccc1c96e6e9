"""`node.operate.units`: numbers for people."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.operate.units import delay, many, rate, share, size, span


@pytest.mark.parametrize(
    "said, value, expected",
    [
        (rate, 0.0, "0"),
        (rate, 0.04, "0.0"),
        (rate, 9.0, "9.0"),
        (rate, 99.94, "99.9"),
        (rate, 99.96, "100"),
        (rate, 1234.4, "1,234"),
        (size, 0, "0 B"),
        (size, 999, "999 B"),
        (size, 1000, "1.0 kB"),
        (size, 99_600, "100 kB"),
        (size, 999_600, "1.0 MB"),
        (size, 64_400_000, "64.4 MB"),
        (size, 2e9, "2.0 GB"),
        (size, 3e12, "3.0 TB"),
        (span, -1, "0 s"),
        (span, 0.5, "0 s"),
        (span, 59.9, "59 s"),
        (span, 60, "1 min"),
        (span, 7200, "2 h"),
        (span, 200_000, "2 d"),
        (delay, None, "late"),
        (delay, 0.0004, "0.4 ms"),
        (delay, 0.0123, "12 ms"),
        (delay, 0.9996, "1.0 s"),
        (delay, 12.34, "12.3 s"),
        (share, 0.994, "99%"),
    ],
)
def test_numbers_are_short_and_have_their_units(
    said: Callable[[float | None], str], value: float | None, expected: str
) -> None:
    assert expected == said(value)


def test_what_is_counted_has_its_plural() -> None:
    assert "1 node" == many(1, "node")
    assert "0 nodes" == many(0, "node")
    assert "1,200 people" == many(1200, "person", "people")


@given(st.floats(0, 1e14))
def test_no_size_and_no_rate_is_longer_than_its_column(value: float) -> None:
    assert len(size(value)) <= 9
    assert len(rate(min(value, 999_999))) <= 7
