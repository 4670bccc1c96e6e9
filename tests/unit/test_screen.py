"""`node.operate.screen` and the drawing of `node.operate.top`: what `chorus top` shows."""

import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from broker.reports import (
    LOST,
    STOPPED,
    WRONG_FOR,
    Incident,
    Kind,
    Overview,
    Point,
    Rate,
    Series,
    Server,
    Sized,
    Slow,
    State,
    Status,
)
from node.operate.screen import LEAST_HIGH, LEAST_WIDE, View, bars, screen
from node.operate.top import draw
from tests.unit.test_tables import NOW, status

HOUR = 3_600_000


def overview(many: int = 3, **more: Any) -> Overview:
    """A cluster of so many nodes, and as many of everything else."""
    each = range(1, many + 1)
    found: dict[str, Any] = {
        "nodes": tuple(status(f"n{i}", sessions={"slash": i}) for i in each),
        "largest": tuple(Sized(f"#large{i}", 100 - i) for i in each),
        "busiest": tuple(Rate(f"#busy{i}", 10.0 - i) for i in each),
        "talkers": tuple(Rate(f"talker{i}", 9.0 - i) for i in each),
        "incidents": tuple(Incident(NOW, Kind.LOST, "n1", f"x{i}", "its lease") for i in each),
        "server": Server(version="7", role="master", slow=(Slow(NOW, 0.02, "EVALSHA say"),)),
    }
    return Overview(at=NOW, **(found | more))


def series(*values: float) -> Series:
    step = HOUR // len(values)
    points = (
        Point(NOW - HOUR + step * i + 1, int(value), value, 0.0, 0.0, 0.0, 0)
        for i, value in enumerate(values)
    )
    return Series(15_000, {}, tuple(points))


def lines(view: View, width: int = 80, height: int = 24) -> list[str]:
    file = StringIO()
    console = Console(
        file=file, width=width, height=height, highlight=False, markup=False, emoji=False
    )
    console.print(screen(view, width, height))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_all_parts_are_there_at_80_columns_and_24_lines() -> None:
    shown = lines(View(overview(), series(1, 2, 3)))
    assert 24 == len(shown)
    assert "chorus  3 nodes, 0 people, 0 channels, 0 lines/s, 0 out/s" == shown[0][:57]
    assert "14:13:20 UTC" == shown[0][-12:]
    assert "all is well" == shown[1]
    assert "Redis 7 master" == shown[-2][:14]
    assert "slowest of late: EVALSHA say 20 ms" == shown[-1]
    for word in ("lines/s ", "people ", "n3 ", "#busy1 ", "talker1 ", "node-lost x1 (n1)"):
        assert [word] == [word for line in shown if word in line][:1]


def test_each_master_of_a_redis_cluster_is_shown_as_far_as_there_is_room() -> None:
    masters = tuple(Server(place=f"h:{i}", version="8", role="master") for i in range(1, 31))
    (*_, third) = lines(View(overview(masters=masters[:3]), None))
    assert "Redis 8 master at h:3" == third[:21]
    shown = lines(View(overview(masters=masters), None))
    assert (24, "and 24 more") == (len(shown), shown[-1])


def test_a_busy_channel_is_shown_with_its_members_and_before_those_that_are_only_large() -> None:
    found = overview(0, largest=(Sized("#Go", 7), Sized("#py", 5)), busiest=(Rate("#go", 2.0),))
    rows = [line.split() for line in lines(View(found)) if line.startswith("#")]
    assert [["#go", "7", "2.0"], ["#py", "5", "0"]] == rows


def test_what_is_wrong_comes_first_and_leaves_room_for_the_rest() -> None:
    shown = lines(View(overview(why=tuple(f"n{i}: lost" for i in range(50)))))
    assert ["something is wrong", "  n0: lost"] == shown[1:3]
    assert "  and 46 more" == shown[6]
    assert "NODE" == shown[8][:4]


def test_that_nothing_newer_was_read_is_said_above_what_was() -> None:
    shown = lines(View(overview(), trouble="the Redis can't be reached", seconds=7))
    assert "the Redis can't be reached" == shown[1]
    assert "nothing newer for 7 s; what is below is as old" == shown[2]
    assert [line for line in shown if line.startswith("n1 ")]


def test_before_anything_was_read_it_says_why_and_how_to_end_it() -> None:
    shown = lines(View(trouble="the Redis can't be reached"))
    assert ["chorus", "the Redis can't be reached", "", "q ends this"] == shown


def test_where_no_node_is_found_it_says_where_it_looked() -> None:
    shown = lines(View(overview(0), where="here (--redis)"))
    assert "looked at here (--redis)" in shown


def test_nodes_that_stopped_a_while_ago_take_no_room_and_lost_ones_do() -> None:
    def gone(name: str, why: str, ago: float) -> Status:
        left = status(name, State.GONE, why=(why,))
        return msgspec.structs.replace(left, at=NOW - int(ago * 1000))

    nodes = (
        status("here"),
        gone("lost", LOST, 3000),
        gone("old", STOPPED, WRONG_FOR),
        gone("new", STOPPED, WRONG_FOR - 1),
    )
    shown = lines(View(overview(0, nodes=nodes)))
    assert ["here", "lost", "new"] == [
        line.split()[0] for line in shown if line.startswith(("here", "lost", "old", "new"))
    ]


def test_a_name_cannot_change_the_screen() -> None:
    found = overview(1, talkers=(Rate("[red]x", 1.0),), busiest=(Rate("#\x1b[2J", 1.0),))
    shown = "\n".join(lines(View(found)))
    assert "[red]x" in shown
    assert "#�[2J" in shown


@given(
    st.integers(LEAST_WIDE, 200),
    st.integers(LEAST_HIGH, 70),
    st.integers(0, 30),
    st.integers(0, 30),
    st.booleans(),
)
def test_it_fits_any_terminal(width: int, height: int, many: int, wrong: int, charts: bool) -> None:
    found = overview(many, why=tuple(f"n{i}: " + "x" * 100 for i in range(wrong)))
    shown = lines(View(found, series(1, 2, 3) if charts else None), width, height)
    assert len(shown) <= height
    assert max(map(len, shown)) <= width
    assert any(line.startswith("Redis 7") for line in shown)


@pytest.mark.parametrize("width, height", [(LEAST_WIDE - 1, 24), (80, LEAST_HIGH - 1)])
def test_a_terminal_that_is_too_small_is_told_so(width: int, height: int) -> None:
    expected = "a terminal of 40 × 10 at least is needed"
    assert expected == " ".join(lines(View(overview()), width, height))


@pytest.mark.parametrize(
    "points, expected",
    [
        ([], "    "),
        ([(0, 0.0)], "▁   "),
        ([(0, 1.0), (10, 8.0), (20, 4.0), (39, 2.0)], "▂█▅▃"),
        ([(20, 2.0), (21, 8.0), (35, 1.0)], "  █▂"),
        ([(40, 1.0)], "   █"),
    ],
)
def test_bars_are_as_high_as_their_highest_points(
    points: list[tuple[int, float]], expected: str
) -> None:
    assert expected == bars(points, 0, 40, 4)


def drawn(keys: list[bytes], current: Callable[[], View]) -> str:
    """What was written to a terminal until the keys ended it."""
    file = StringIO()
    console = Console(file=file, width=80, height=24, force_terminal=True, color_system=None)
    pressed = iter(keys)
    draw(console, current, lambda: next(pressed))
    return file.getvalue()


@pytest.mark.parametrize("key", [b"q", b"Q", b"\x1b", b"\x03", b"xq"])
def test_a_key_ends_it_and_the_screen_is_as_before(key: bytes) -> None:
    said = drawn([b"", b"x", key], lambda: View(overview()))
    assert "all is well" in said
    assert ["\x1b[?1049h", "\x1b[?1049l"] == re.findall(r"\x1b\[\?1049.", said)


def test_it_is_drawn_anew_only_if_something_changed() -> None:
    views = [View(overview()), View(overview()), View(overview(why=("n1: lost",)))]
    said = drawn([b""] * 3 + [b"q"], iter([*views, views[-1]]).__next__)
    assert (1, 1) == (said.count("all is well"), said.count("something is wrong"))
