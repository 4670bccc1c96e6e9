"""`node.operate.tables`: what was read, in words and tables."""

from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from broker.reports import STOPPED, Incident, Kind, Overview, Server, State, Status
from node.operate import tables
from node.operate.reading import Channel, Session
from node.operate.tables import MANY, Column, plain

NOW = 1_790_000_000_000  # 2026-09-21 14:13:20 UTC


def printed(what: RenderableType, width: int = 1000) -> list[str]:
    """What is read on a terminal of so many columns, without colours."""
    file = StringIO()
    console = Console(file=file, width=width, highlight=False, markup=False, emoji=False)
    console.print(what)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def words(line: str) -> str:
    """A line without what holds its columns apart."""
    return " ".join(line.split())


def status(node: str, state: State = State.READY, **more: Any) -> Status:
    return Status(node=node, version="1.2", state=state, started=NOW - 90_000, at=NOW, **more)


def test_a_node_is_a_line_with_units() -> None:
    found = status(
        "n1",
        sessions={"slash": 1200, "json": 34},
        line_rate=12.34,
        delivery_rate=5678.0,
        cpu=0.25,
        loop_lag=0.0021,
        probe=0.0008,
        memory=64_400_000,
    )
    expected = [
        "NODE STATE UP PEOPLE LINES/S OUT/S CPU LAG PROBE MEMORY VERSION",
        "n1 ready 1 min 1,234 12.3 5,678 25% 2.1 ms 0.8 ms 64.4 MB 1.2",
    ]
    assert expected == list(map(words, printed(tables.nodes([found], NOW))))


def test_of_a_node_that_is_gone_stands_since_when() -> None:
    gone = status("n1", State.GONE, why=(STOPPED,), line_rate=5.0)
    assert "n1 gone 12 s ago" == words(printed(tables.nodes([gone], NOW + 12_000))[1])


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_long_name_is_cut_and_no_number_is(width: int) -> None:
    found = status("chorus-7d9f8b6c5-abcde-" + "x" * 40, line_rate=54_321.0, loop_lag=0.25)
    lines = printed(tables.nodes([found], NOW, width), width)
    assert 2 == len(lines)
    assert lines[1].startswith("chorus-")
    assert ["ready", "1", "min", "0", "54,321"] == lines[1].split()[1:6]
    assert "…" not in lines[1].partition(" ")[2]


def test_names_and_topics_are_text_and_nothing_else() -> None:
    channel = Channel("#go[b]", 3, 0.5, "\x1b[31m[red]x[/red] :smile: \N{RIGHT-TO-LEFT OVERRIDE}")
    shown = words(printed(tables.channels([channel]))[1])
    assert "#go[b] 3 0.5 �[31m[red]x[/red] :smile: �" == shown


def test_a_session_says_whether_somebody_is_there() -> None:
    found = [
        Session(nick="ann", sid="1", node="n1", since=NOW, channels=("#go", "#py")),
        Session(nick="bob", sid="2", node="n1", since=NOW, away="lunch"),
        Session(nick="cat", sid="3", node="n2", since=NOW, away=""),
        Session(nick="dan", sid="4", node="n2", kept=True, ends=NOW),
    ]
    rows = list(map(words, printed(tables.sessions(found))[1:]))
    assert [
        "ann n1 2026-09-21 14:13 here #go #py",
        "bob n1 2026-09-21 14:13 away: lunch",
        "cat n2 2026-09-21 14:13 away",
        "dan n2 detached",
    ] == rows


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(TEXTS, st.integers(), TEXTS.map(plain), TEXTS), min_size=1, max_size=5))
def test_many_rows_read_as_few_do(found: list[tuple[str, int, Text, str]]) -> None:
    columns = (
        Column("NAME", gives=True),
        Column("NUMBER", right=True),
        Column("STATE"),
        Column("TEXT", gives=True),
    )
    rows = [(name, f"{number:,}", state, text) for name, number, state, text in found]
    few = printed(tables.table(columns, rows))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "MANY", 0)
        many = tables.table(columns, rows)
    assert (few, False) == (printed(many), isinstance(many, Table))


def test_each_of_many_rows_is_a_line_however_narrow_it_is() -> None:
    found = [Channel(f"#{i}", 1, 0.0, "so wide, 好 " * 9) for i in range(MANY + 1)]
    lines = printed(tables.channels(found, 40), 40)
    assert ["#0", f"#{MANY}"] == [lines[at].split()[0] for at in (1, -1)]
    assert (MANY + 2, True) == (len(lines), all(cell_len(line) <= 40 for line in lines))


def test_the_verdict_is_a_word_or_all_that_is_wrong() -> None:
    assert ["all is well"] == [str(line) for line in tables.verdict(Overview(at=NOW))]
    wrong = tables.verdict(Overview(at=NOW, why=("n1: lost", "Redis: \x07")))
    assert ["something is wrong", "  n1: lost", "  Redis: �"] == [str(line) for line in wrong]


def test_totals_are_of_living_nodes_and_name_dialects_if_there_are_several() -> None:
    nodes = (status("n1"), status("n2", State.GONE))
    found = Overview(at=NOW, nodes=nodes, sessions=1, dialects={"slash": 1}, channels=2, kept=3)
    expected = "1 node, 1 person, 2 channels, 3 detached, 0 lines/s, 0 deliveries/s"
    assert expected == tables.totals(found)
    both = Overview(at=NOW, sessions=3, dialects={"json": 1, "slash": 2}, line_rate=0.5)
    assert "0 nodes, 3 people (1 json, 2 slash), 0 channels, 0.5 lines/s, 0 out/s" == tables.totals(
        both, "out/s"
    )


def test_redis_is_a_line() -> None:
    server = Server(
        version="7.0.15",
        role="master",
        uptime=7200,
        memory=2_000_000,
        memory_most=100_000_000,
        clients=5,
        commands_rate=300.0,
        keys=61,
        replicas=1,
        replica_lag=500,
    )
    expected = (
        "Redis 7.0.15 master, up 2 h, 2.0 MB of 100 MB, 5 clients, 300 commands/s, 61 keys,"
        " 1 replica, 500 B behind"
    )
    assert expected == tables.redis(server)


def test_one_of_several_masters_is_a_line_that_says_where_it_is() -> None:
    server = Server(place="10.0.0.7:6379", version="8.0.1", role="master", replicas=2)
    expected = (
        "Redis 8.0.1 master at 10.0.0.7:6379, up 0 s, 0 B, 0 clients, 0 commands/s, 0 keys,"
        " 2 replicas"
    )
    assert expected == tables.redis(server)
    lost = Server(place="10.0.0.7:6379", connected=False)
    assert "Redis at 10.0.0.7:6379 doesn't answer" == tables.redis(lost)


@pytest.mark.parametrize(
    "told, expected",
    [
        (Incident(NOW, Kind.STARTED, "n1", "n1", "version 1"), "started n1: version 1"),
        (Incident(NOW, Kind.LOST, "n1", "n2", "its lease"), "node-lost n2 (n1): its lease"),
        (Incident(NOW, Kind.BAN, "n1", "1.2.3.4", "", "root"), "ban 1.2.3.4 (n1) (by root)"),
        (Incident(NOW, Kind.AWAY, "n1"), "broker-away n1"),
    ],
)
def test_an_incident_is_a_line(told: Incident, expected: str) -> None:
    assert f"14:13:20 {expected}" == str(tables.incident(told))
