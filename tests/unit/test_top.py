"""`node.operate.top`: looking again and again, whatever comes of a look."""

from contextlib import nullcontext
from threading import Event
from typing import Any

import pytest

from broker.reports import Overview, Series
from node.operate import top
from node.operate.top import Looking


class Nowhere:
    """As much of an operator as it takes to look."""

    where = "nowhere"
    reaching = nullcontext


def test_a_look_that_fails_is_told_and_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    operator: Any = Nowhere()
    looking, again = Looking(operator), Event()
    seen: list[str] = []

    def read(_: object) -> Overview:
        seen.append(looking._view.trouble)
        if len(seen) == 1:
            raise ValueError("odd")
        again.set()
        return Overview(at=0)

    monkeypatch.setattr(top, "EACH", 0.0)
    monkeypatch.setattr(top, "read_overview", read)
    monkeypatch.setattr(top, "read_series", lambda _: Series(0, {}, ()))
    looking.start()
    try:
        assert again.wait(60)
    finally:
        looking.end()
        looking._thread.join(60)
    assert ["", "ValueError: odd"] == seen[:2]
