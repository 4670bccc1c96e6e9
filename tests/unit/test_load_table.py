"""`tests.load.table`: tables that read well as Markdown and as plain text."""

import pytest

from tests.load.table import Table, figure, ratio


def test_columns_are_aligned_and_figures_stand_on_the_right() -> None:
    table = Table("Speed", ("case", "a server"), [("one", "7"), ("twenty", "1,000,000")])
    expected = [
        "| case   |  a server |",
        "| ------ | --------: |",
        "| one    |         7 |",
        "| twenty | 1,000,000 |",
    ]
    assert expected == table.markdown().splitlines()


def test_a_remark_stands_below_the_table() -> None:
    table = Table("Speed", ("case",), [], "Skipped: too slow.")
    assert ["| case |", "| ---- |", "", "Skipped: too slow."] == table.markdown().splitlines()


@pytest.mark.parametrize(
    "value, shown",
    [
        (0, "0"),
        (0.0512, "0.051"),
        (0.11249, "0.112"),
        (7.6705, "7.67"),
        (54.39, "54.4"),
        (878.46, "878"),
        (1234.5, "1,230"),
        (5766127.28, "5,770,000"),
    ],
)
def test_three_digits_of_a_figure_count(value: float, shown: str) -> None:
    assert shown == figure(value)


def test_a_ratio_says_how_many_times_as_much() -> None:
    assert "× 1.25" == ratio(1.2499)
