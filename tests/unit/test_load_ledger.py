"""`tests.load.ledger`: which counts are too far from what is written down, and what is said."""

from pathlib import Path

import pytest

from tests.load.ledger import Work, differences, read, write


def test_what_is_written_down_can_be_read(tmp_path: Path) -> None:
    work: Work = {"alone": {"calls": 74, "others": 0}, "sessions": {"others": 10.6}}
    write(tmp_path / "work.toml", work)
    assert work == read(tmp_path / "work.toml")


@pytest.mark.parametrize(
    "written, counted",
    [
        (200, 200),
        (200, 220),
        (200, 180),
        (8, 8.5),  # less than one, where a tenth is less
        (0, 0.5),
    ],
)
def test_a_tenth_more_or_less_and_parts_of_one_are_let_pass(written: int, counted: float) -> None:
    assert [] == differences({"alone": {"calls": written}}, {"alone": {"calls": counted}})


@pytest.mark.parametrize("written, counted", [(200, 221), (8, 9), (0, 1)])
def test_more_is_a_slip(written: int, counted: int) -> None:
    said = differences({"alone": {"calls": written}}, {"alone": {"calls": counted}})
    assert [f"alone: {counted} calls, where {written} are written down: a slip"] == said


def test_less_is_to_be_written_down() -> None:
    said = differences({"alone": {"calls": 200}}, {"alone": {"calls": 179}})
    wanted = "an improvement, to be written down with `make work`"
    assert [f"alone: 179 calls, where 200 are written down: {wanted}"] == said


def test_what_is_only_counted_or_only_written_down_is_told() -> None:
    said = differences({"alone": {"sends": 4}}, {"crowd": {"sends": 50}})
    expected = [
        "crowd: 50 sends, of which nothing is written down: `make work`",
        "alone: sends are written down, and counted no more: `make work`",
    ]
    assert expected == said
