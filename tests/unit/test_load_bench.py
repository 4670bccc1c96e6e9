"""`tests.load.bench`: whatever may not be is noted, and nothing that failed passes for a figure."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.load import bench
from tests.load.bench import Bench
from tests.load.cases import Case, Row
from tests.load.generator import Faults, LoadError
from tests.load.measure import Figures
from tests.load.servers import Server

CASE = Case((), (Row("talk", "all talk"),))


def refuse(folder: Path) -> AbstractContextManager[Server]:
    raise LoadError("it did not come up")


def test_a_server_that_does_not_come_up_has_no_figures_and_is_noted() -> None:
    run = Bench(1, 1.0)
    assert run.figures("here", refuse, CASE) is None
    assert ["here: all talk: it did not come up"] == run.wrong


def test_everyone_has_a_turn_though_others_do_not_come_up() -> None:
    run = Bench(2, 1.0)
    assert [None, None] == run.by_turns([("here", refuse, CASE), ("there", refuse, CASE)])
    assert ["here", "there", "here", "there"] == [line.partition(":")[0] for line in run.wrong]


def test_figures_with_a_fault_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = Figures(1.0, 1.0, 1.0, 1.0, Faults(lost=2, dead=1))
    monkeypatch.setattr(bench, "measure", lambda *_: [faulty])
    run = Bench(1, 1.0)
    assert [faulty] == run.figures("here", refuse, CASE)
    assert ["here: all talk: 2 lost, 1 dead"] == run.wrong
