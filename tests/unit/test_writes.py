"""`broker.writes`: that Redis takes no writes is told once, and that it does again."""

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from broker.writes import LASTING, Writes


class Told:
    """What is logged, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lines: list[str] = []
        self.writes = Writes(lambda: self.now)

    def hear(self, event: LogEvent) -> None:
        if event.get("log_namespace") == "broker.writes.Writes":
            self.lines.append(formatEvent(event))


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    hear: Any = told.hear
    globalLogPublisher.addObserver(hear)
    yield told
    globalLogPublisher.removeObserver(hear)


@pytest.mark.parametrize("word", sorted(LASTING))
def test_what_lasts_is_told_once_with_redis_own_words(told: Told, word: str) -> None:
    for what in ("say", "note", "heartbeat"):
        told.writes.refused(what, f"{word} that's how it is. script: on @user_script:18.")
    assert [f"Redis takes no writes: {word} that's how it is."] == told.lines
    assert f"{word} that's how it is." == told.writes.why


def test_anything_else_is_told_each_time_and_says_nothing_of_other_writes(told: Told) -> None:
    for _ in range(2):
        told.writes.refused("say", "NOPERM this user has no permissions")
    assert ["Redis refused say: NOPERM this user has no permissions"] * 2 == told.lines
    assert "" == told.writes.why


def test_that_writes_are_taken_again_is_told_once(told: Told) -> None:
    told.writes.taken()
    assert [] == told.lines
    told.writes.refused("say", "OOM command not allowed")
    told.writes.taken()
    told.writes.taken()
    assert ["Redis takes writes again"] == told.lines[1:]
    assert "" == told.writes.why


def test_it_counts_from_the_first_that_was_refused_whatever_the_reasons(told: Told) -> None:
    assert 0.0 == told.writes.refused_for
    told.writes.refused("say", "OOM command not allowed")
    told.now += 5
    told.writes.refused("say", "READONLY You can't write against a read only replica.")
    told.now += 2
    assert 7.0 == told.writes.refused_for
    assert "READONLY You can't write against a read only replica." == told.writes.why
