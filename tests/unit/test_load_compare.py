"""`tests.load.compare`: what was found on several servers, side by side."""

from contextlib import AbstractContextManager
from pathlib import Path

from tests.load.cases import Case, Row
from tests.load.columns import Column
from tests.load.compare import arranged
from tests.load.generator import Faults
from tests.load.measure import Figures
from tests.load.servers import Server


def start(folder: Path) -> AbstractContextManager[Server]:
    raise AssertionError("nothing is started here")


ROOMY, SIMPLE = Column("roomy", start), Column("simple", start, rooms=False)
TALK = Case((), (Row("talk", "all talk"),))
ROOMS = Case((), (Row("rooms", "rooms", 0, "µs", "", False),), rooms=True)
FIGURES = Figures(2.5, 1200.0, 0.5, 10.0, Faults(lost=1))


def test_each_kind_of_figure_has_a_line_of_its_own() -> None:
    table = arranged([ROOMY], [TALK], {("roomy", "talk"): FIGURES})
    expected = [
        ["all talk", "CPU µs per delivery", "2.50"],
        ["", "deliveries/s", "1,200"],
        ["", "ms, p50 / p99", "0.500 / 10.0"],
        ["lost / doubled / reordered / misplaced / dead", "in all", "1 / 0 / 0 / 0 / 0"],
    ]
    assert expected == table.rows


def test_what_a_server_cannot_do_is_no_failure_and_what_it_should_have_done_is() -> None:
    table = arranged([ROOMY, SIMPLE], [ROOMS], {})
    assert ["rooms", "µs", "failed", "–"] == table.rows[0]
