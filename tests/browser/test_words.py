"""The dashboard's numbers and times, as the browser puts them into words."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.browser.conftest import Call

Say = Callable[..., Any]


@pytest.fixture
def say(call: Call) -> Say:
    """`say("bytes", 2048)`: what the function says."""
    return partial(call, "/dashboard/words.js")


@pytest.mark.parametrize(
    "function, value, words",
    [
        ("count", 1_234_567, "1,234,567"),
        ("count", None, "–"),
        ("rate", 0, "0"),
        ("rate", 0.44, "0.4"),
        ("rate", 9.96, "10"),
        ("rate", 3400.2, "3,400"),
        ("bytes", 0, "0 B"),
        ("bytes", 1023, "1,023 B"),
        ("bytes", 1536, "1.5 KiB"),
        ("bytes", 64 << 20, "64 MiB"),
        ("bytes", 3 << 60, "3,145,728 TiB"),
        ("percent", 0.004, "0.4 %"),
        ("percent", 1.5, "150 %"),
        ("lag", 0.0004, "0.4 ms"),
        ("lag", 0.0123, "12 ms"),
        ("lag", 1.25, "1.3 s"),
        ("lag", None, "–"),
        ("span", -3, "0 s"),
        ("span", 119, "119 s"),
        ("span", 185, "3 min"),
        ("span", 18_720, "5 h 12 min"),
        ("span", 7_200, "2 h"),
        ("span", 273_600, "3 d 4 h"),
    ],
)
def test_numbers_are_short(say: Say, function: str, value: float | None, words: str) -> None:
    assert words == say(function, value)


def test_one_is_not_several(say: Say) -> None:
    assert ["1 node", "0 nodes", "3 people"] == [
        say("counted", 1, "node"),
        say("counted", 0, "node"),
        say("counted", 3, "person", "people"),
    ]


def test_an_incident_of_a_later_release_has_its_own_name(say: Say) -> None:
    assert ["eclipse", "calm"] == say("kindOf", "eclipse")


def test_every_kind_of_incident_has_words(say: Say) -> None:
    from broker.reports import Kind

    assert [] == [kind for kind in Kind if say("kindOf", kind)[0] == kind]
