"""`node.operate.tail`, as far as it's pure: lines and objects of what is told."""

import json
from typing import Any

import pytest

from broker.events import (
    Entry,
    Event,
    Joined,
    Kicked,
    Left,
    Quit,
    Renamed,
    Ruled,
    Said,
    TopicSet,
)
from node.operate.following import Lost, Placed, Reordered
from node.operate.tail import Days, Told, dialect_of, words

NOON = 1_790_000_000_000  # 2026-09-21 14:13:20 UTC
DAY = 86_400_000


LINES = dialect_of(as_json=False, color=False)
OBJECTS = dialect_of(as_json=True, color=False)


def objects(told: Told) -> list[dict[str, Any]]:
    """The objects that programs read, one in each line."""
    return [json.loads(line) for line in words(OBJECTS, "#Go", told).splitlines()]


def placed(event: Event, ms: int = NOON) -> Placed:
    return Placed("e1", Entry(7, ms, event))


SAID = placed(Said("s1", 3, "ann", "hi"))

CASES: list[tuple[Told, str, dict[str, Any]]] = [
    (SAID, "14:13 [#Go] <ann> hi", {"is": "said", "text": "hi"}),
    (
        placed(Said("s1", 3, "ann", "waves\x07", True)),
        "14:13 [#Go] * ann waves�",
        {"is": "said", "text": "waves\x07", "action": True},
    ),
    (
        placed(Joined("s1", 3, "ann")),
        "14:13 ann has joined the channel #Go",
        {"is": "joined"},
    ),
    (
        placed(Left("s1", 3, "ann", "lunch")),
        "14:13 ann has left the channel #Go (lunch)",
        {"is": "left", "why": "lunch"},
    ),
    (placed(Left("s1", 3, "ann")), "14:13 ann has left the channel #Go", {"is": "left"}),
    (
        placed(Kicked("s1", 3, "ann", "s2", "bob", "enough")),
        "14:13 ann has kicked bob out of the channel #Go (enough)",
        {"is": "kicked", "target": "bob", "target_sid": "s2", "why": "enough"},
    ),
    (
        placed(Ruled("s1", 3, "ann", 7, (("+o", "bob"),))),
        "14:13 ann has changed the modes of #Go: +o bob",
        {"is": "ruled", "changes": [{"mode": "+o", "about": "bob"}]},
    ),
    (
        placed(TopicSet("s1", 3, "ann", "")),
        "14:13 ann has taken the topic of #Go away",
        {"is": "topic", "topic": ""},
    ),
    (
        placed(Renamed("s1", 3, "ann", "Ann", ("#go",))),
        "14:13 ann is changing nick to Ann",
        {"is": "renamed", "new": "Ann"},
    ),
    (
        placed(Quit("s1", 3, "ann", "bye", ("#go", "#py"))),
        "14:13 ann has quit (bye)",
        {"is": "quit", "why": "bye"},
    ),
]


@pytest.mark.parametrize("told, line, besides", CASES)
def test_an_event_is_a_line_or_an_object(told: Told, line: str, besides: dict[str, Any]) -> None:
    assert f"{line}\n" == words(LINES, "#Go", told)
    common = {"channel": "#Go", "pos": "e1.7", "at": NOON, "sid": "s1", "nick": "ann"}
    assert [common | besides] == objects(told)


@pytest.mark.parametrize(
    "told, says, besides",
    [
        (Lost(1), "gap: 1 message of #Go is lost", {"is": "gap", "lost": 1}),
        (Lost(12), "gap: 12 messages of #Go are lost", {"is": "gap", "lost": 12}),
        (Lost(None), "gap: messages of #Go may be missing", {"is": "gap"}),
        (
            Reordered(NOON),
            "gap: the order of #Go before 14:13 may differ",
            {"is": "disorder", "before": NOON},
        ),
    ],
)
def test_what_is_missing_is_said_in_words(told: Told, says: str, besides: dict[str, Any]) -> None:
    assert f"{says}\n" == words(LINES, "#Go", told)
    (found,) = objects(told)
    assert "#Go" in found.pop("says")
    assert {"channel": "#Go"} | besides == found


def test_another_day_than_today_is_told_once() -> None:
    days = Days("2026-09-22")
    told: list[Told] = [SAID, Lost(1), SAID, placed(Said("s1", 4, "ann", "hi"), NOON + DAY)]
    assert ["on 2026-09-21 (UTC)\n", "", "", "on 2026-09-22 (UTC)\n"] == list(map(days.turn, told))


def test_nicks_have_colours_only_if_asked_for() -> None:
    for color in (True, False):
        assert color == ("\x1b[" in words(dialect_of(as_json=False, color=color), "#Go", SAID))
