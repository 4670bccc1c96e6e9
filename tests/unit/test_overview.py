"""`broker.overview`: what lies in Redis, put together for people."""

from typing import Any

import msgspec
import pytest

from broker.overview import (
    Asked,
    SlowRow,
    candidates,
    outdated,
    overview,
    parse_info,
    series,
    server_of,
)
from broker.reports import (
    GONE_MOST,
    LOST,
    STOPPED,
    TOP,
    WRONG_FOR,
    Incident,
    Kind,
    Overview,
    Point,
    Rate,
    Sized,
    Slow,
    State,
    Status,
)

NOW = 1_800_000_000_000
HOUR = 3_600_000
WELL = {"redis_version": "7.0.15", "role": "master"}


def status(node: str, at: int = NOW, state: State = State.READY, **more: Any) -> Status:
    return Status(node=node, version="1", state=state, started=0, at=at, **more)


def seen(*statuses: Status, living: str = "", **more: Any) -> Overview:
    """An overview of nodes of which those named in `living` hold a lease."""
    raw = {
        f"{each.node}.{i}".encode(): msgspec.json.encode(each) for i, each in enumerate(statuses)
    }
    held = [key for key in raw if key.decode().partition(".")[0] in living.split()]
    more.setdefault("info", WELL)
    return overview(NOW, statuses=raw, living=held, incidents=more.pop("incidents", []), **more)


def test_numbers_of_all_living_nodes_are_added_up() -> None:
    a = status("a", sessions={"slash": 3, "json": 1}, line_rate=1.5, delivery_rate=10)
    b = status("b", sessions={"slash": 4}, line_rate=2.5, delivery_rate=20)
    found = seen(a, b, status("c", sessions={"slash": 100}, line_rate=9), living="a b")
    assert (8, {"json": 1, "slash": 7}) == (found.sessions, found.dialects)
    assert (4.0, 30.0) == (found.line_rate, found.delivery_rate)


def test_a_name_that_is_busy_on_two_nodes_is_listed_once_with_both_rates() -> None:
    a = status("a", busiest=(Rate("#Go", 2.0), Rate("#py", 3.0)), talkers=(Rate("ann", 1.0),))
    b = status("b", busiest=(Rate("#go", 2.0),), talkers=(Rate("bob", 2.0),))
    found = seen(a, b, living="a b")
    assert (Rate("#Go", 4.0), Rate("#py", 3.0)) == found.busiest
    assert (Rate("bob", 2.0), Rate("ann", 1.0)) == found.talkers


def test_a_node_without_a_lease_is_gone_and_stands_behind_the_others() -> None:
    found = seen(status("a"), status("b"), living="b")
    assert [("b", State.READY), ("a", State.GONE)] == [(n.node, n.state) for n in found.nodes]
    assert ((LOST,), (f"a: {LOST}",)) == (found.nodes[1].why, found.why)


def test_that_a_node_was_lost_is_wrong_for_a_while() -> None:
    def why(ago: float) -> tuple[str, ...]:
        return seen(status("a", at=NOW - int(ago * 1000)), status("b"), living="b").why

    assert (f"a: {LOST}",) == why(WRONG_FOR - 1)
    assert () == why(WRONG_FOR)


def test_that_a_node_was_lost_is_wrong_for_a_while_also_when_it_is_back() -> None:
    def why(ago: float) -> tuple[str, ...]:
        lost = Incident(NOW - int(ago * 1000), Kind.LOST, "b", "a", "its lease has ended")
        raw = msgspec.json.encode(lost)
        return seen(status("a"), status("b"), living="a b", incidents=[raw, raw]).why

    assert ("a: was lost 20 s ago",) == why(20)
    assert () == why(WRONG_FOR)


def test_a_node_that_is_lost_and_gone_is_told_once() -> None:
    raw = msgspec.json.encode(Incident(NOW, Kind.LOST, "b", "a", "its lease has ended"))
    assert (f"a: {LOST}",) == seen(status("a"), status("b"), living="b", incidents=[raw]).why


def test_a_node_that_stopped_in_good_order_is_gone_and_nothing_is_wrong() -> None:
    gone = status("a", state=State.GONE, why=(STOPPED,))
    found = seen(gone, status("b"), living="b")
    assert [State.READY, State.GONE] == [node.state for node in found.nodes]
    assert () == found.why


def test_a_node_that_is_back_under_its_name_is_not_shown_as_gone_too() -> None:
    raw = {f"a.{i}".encode(): msgspec.json.encode(status("a", at=NOW - 1000 + i)) for i in range(3)}
    found = overview(NOW, statuses=raw, living=[b"a.2"], incidents=[], info=WELL)
    assert [State.READY] == [node.state for node in found.nodes]


def test_who_was_gone_several_times_under_one_name_is_shown_once() -> None:
    raw = {f"a.{i}".encode(): msgspec.json.encode(status("a", at=NOW - i)) for i in range(3)}
    found = overview(NOW, statuses=raw, living=[], incidents=[], info=WELL)
    assert [NOW] == [node.at for node in found.nodes]


def test_a_node_that_holds_its_lease_and_says_nothing_is_degraded() -> None:
    found = seen(status("a", at=NOW - 3000), living="a")
    assert State.DEGRADED is found.nodes[0].state
    assert ("a: nothing heard of it for 3 s",) == found.why


def test_a_node_that_has_told_nothing_yet_is_shown() -> None:
    found = overview(NOW, statuses={}, living=[b"a.1"], incidents=[], info=WELL)
    assert [("a", State.DEGRADED)] == [(node.node, node.state) for node in found.nodes]


def test_that_no_node_is_alive_is_said_first() -> None:
    assert "no node is alive" == seen(status("a")).why[0]


def test_a_node_that_is_gone_for_an_hour_is_not_shown() -> None:
    assert () == seen(status("a", at=NOW - HOUR)).nodes


def test_what_cannot_be_read_is_left_out() -> None:
    raw = {b"a.1": msgspec.json.encode(status("a")), b"b.1": b"{}", b"c.1": b"\xff"}
    incidents = [
        b'{"at":1,"kind":"of-tomorrow","node":"a"}',
        b"",
        b'{"at":1,"kind":"gap","node":""}',
    ]
    found = overview(NOW, statuses=raw, living=[b"a.1"], incidents=incidents, info=WELL)
    assert (["a"], (Incident(1, Kind.GAP, ""),)) == ([n.node for n in found.nodes], found.incidents)


def test_fields_of_a_later_release_are_no_obstacle() -> None:
    raw = msgspec.json.decode(msgspec.json.encode(status("a"))) | {"mood": "sunny"}
    found = overview(
        NOW, statuses={b"a.1": msgspec.json.encode(raw)}, living=[b"a.1"], incidents=[], info=WELL
    )
    assert ["a"] == [node.node for node in found.nodes]


def test_channels_are_ordered_by_size_and_empty_ones_left_out() -> None:
    found = seen(status("a"), living="a", channels=[("#b", 2), ("#a", 2), ("#c", 0), ("#d", 9)])
    assert (Sized("#d", 9), Sized("#a", 2), Sized("#b", 2)) == found.largest


def test_the_largest_channels_are_sought_among_the_largest_of_each_node() -> None:
    a, b = (Sized("#A", 5), Sized("#b", 4)), (Sized("#b", 3), Sized("#c", 6))
    raw = {
        b"a.1": msgspec.json.encode(status("a", largest=a)),
        b"b.1": msgspec.json.encode(status("b", largest=b)),
    }
    assert ["#b", "#c", "#A"] == candidates(raw)


def test_lists_are_bounded() -> None:
    many = tuple(Rate(f"#{i}", float(i)) for i in range(3 * TOP))
    found = seen(status("a", busiest=many), living="a", channels=[(f"#{i}", 1) for i in range(99)])
    assert (TOP, TOP) == (len(found.busiest), len(found.largest))


def test_old_statuses_are_told_apart_from_those_that_are_to_stay() -> None:
    raw = {
        b"lives.1": msgspec.json.encode(status("lives", at=NOW - HOUR)),
        b"old.1": msgspec.json.encode(status("old", at=NOW - HOUR)),
        b"lost.1": msgspec.json.encode(status("lost")),
        b"odd.1": b"?",
    }
    assert ["odd.1", "old.1"] == outdated(NOW, raw, [b"lives.1"])


def test_of_those_who_come_and_go_the_latest_stay() -> None:
    raw = {
        f"n{i}.1".encode(): msgspec.json.encode(status(f"n{i}", at=NOW - i))
        for i in range(GONE_MOST + 2)
    }
    assert [f"n{GONE_MOST}.1", f"n{GONE_MOST + 1}.1"] == outdated(NOW, raw, [])


# -- Redis itself

INFO = b"""# Server\r
redis_version:7.0.15\r
uptime_in_seconds:12\r
# Memory\r
used_memory:1000\r
maxmemory:4000\r
maxmemory_policy:noeviction\r
mem_fragmentation_ratio:1.25\r
# Replication\r
role:master\r
connected_slaves:2\r
slave0:ip=127.0.0.1,port=1,state=online,offset=90,lag=0\r
slave1:ip=127.0.0.1,port=2,state=online,offset=70,lag=1\r
master_repl_offset:100\r
# Keyspace\r
db0:keys=5,expires=2,avg_ttl=9\r
db3:keys=6,expires=0,avg_ttl=0\r
"""


def test_what_redis_says_of_itself_is_read() -> None:
    server = server_of(parse_info(INFO))
    assert ("7.0.15", "master", 12) == (server.version, server.role, server.uptime)
    assert (1000, 4000, 1.25) == (server.memory, server.memory_most, server.fragmentation)
    assert (2, 30, 11) == (server.replicas, server.replica_lag, server.keys)
    assert () == server.why


def test_what_redis_py_has_parsed_is_read_alike() -> None:
    parsed: dict[str, Any] = {
        **parse_info(INFO),
        "used_memory": 1000,
        "slave0": {"ip": "127.0.0.1", "offset": 90},
        "slave1": {"ip": "127.0.0.1", "offset": 70},
        "db0": {"keys": 5},
        "db3": {"keys": 6},
    }
    assert server_of(parse_info(INFO)) == server_of(parsed)


@pytest.mark.parametrize(
    "says,why",
    [
        ({"used_memory": "3900", "maxmemory": "4000"}, "98% of its memory is used"),
        (
            {"maxmemory": "4000", "maxmemory_policy": "allkeys-lru"},
            "it may evict keys: its maxmemory-policy must be noeviction",
        ),
        ({"rdb_last_bgsave_status": "err"}, "it couldn't put its data on disk"),
        ({"aof_last_write_status": "err"}, "it couldn't put its data on disk"),
        ({"loading": "1"}, "it's loading its data"),
        ({"role": "slave"}, "it's a replica, which takes no writes"),
    ],
)
def test_what_is_wrong_with_redis_is_said(says: dict[str, str], why: str) -> None:
    assert (why,) == server_of(WELL | says).why
    assert (f"Redis: {why}",) == seen(status("a"), living="a", info=WELL | says).why


def test_each_master_of_a_redis_cluster_is_told_of_and_what_is_wrong_with_it() -> None:
    full = WELL | {"used_memory": "3900", "maxmemory": "4000"}
    row = SlowRow(5, 20_000, [b"EVALSHA", b"abc"])
    found = overview(
        NOW,
        statuses={},
        living=[],
        incidents=[],
        info=WELL,
        masters={"b:2": None, "a:1": Asked(WELL, [row]), "b:1": Asked(full, [])},
        scripts={b"abc": "say"},
    )
    assert [("a:1", True), ("b:1", True), ("b:2", False)] == [
        (each.place, each.connected) for each in found.servers
    ]
    assert ["EVALSHA say"] == [each.command for each in found.masters[0].slow]
    assert (
        "no node is alive",
        "Redis at b:1: 98% of its memory is used",
        "Redis at b:2: it doesn't answer",
    ) == found.why


def test_a_redis_that_is_one_has_no_masters() -> None:
    found = seen(status("a"), living="a", info=WELL)
    assert ((), (found.server,)) == (found.masters, found.servers)


def test_a_redis_that_must_not_be_asked_is_said_to_say_nothing() -> None:
    assert ("it doesn't say how it is",) == server_of({}).why


def test_a_slow_command_is_named_without_what_it_was_about() -> None:
    rows = [
        SlowRow(5, 20_000, [b"EVALSHA", b"abc", b"3", b"#go", b"a secret"]),
        SlowRow(4, 10_000, [b"evalsha", b"other"]),
        SlowRow(3, 1_500, [b"get", b"key"]),
    ]
    found = server_of(WELL, rows, {b"abc": "say"}).slow
    expected = (
        Slow(5000, 0.02, "EVALSHA say"),
        Slow(4000, 0.01, "EVALSHA unknown"),
        Slow(3000, 0.0015, "GET"),
    )
    assert expected == found


# -- the last hour


def point(at: int, sessions: int, lag: float = 0.0) -> bytes:
    return msgspec.json.encode(Point(at, sessions, 1.0, 2.0, 0.5, lag, 100))


def test_an_hour_of_points_becomes_at_most_so_many_steps() -> None:
    points = [point(NOW - 5000 * i, 10) for i in reversed(range(720))]
    found = series(NOW, {"a.1": points}, 240)
    assert (15_000, 240) == (found.step, len(found.total))
    assert found.nodes == {"a": found.total}
    assert sorted(p.at for p in found.total) == [p.at for p in found.total]


def test_a_step_has_the_mean_and_the_longest_lag() -> None:
    start = NOW // 15_000 * 15_000
    found = series(start + 14_000, {"a.1": [point(start, 10, 0.1), point(start + 5000, 20, 0.3)]})
    assert (Point(start, 15, 1.0, 2.0, 0.5, 0.3, 100),) == found.total


def test_nodes_are_added_up_and_incarnations_are_one_node() -> None:
    start = NOW // 15_000 * 15_000
    old, new = start - 15_000, start
    found = series(
        start,
        {"a.1": [point(old, 1)], "a.2": [point(new, 2)], "b.1": [point(old, 10), point(new, 20)]},
    )
    assert [11, 22] == [p.sessions for p in found.total]
    assert {"a": [1, 2], "b": [10, 20]} == {
        name: [p.sessions for p in node] for name, node in found.nodes.items()
    }


def test_what_is_older_than_an_hour_or_unreadable_is_in_no_series() -> None:
    found = series(NOW, {"a.1": [point(NOW - HOUR - 15_000, 1), b"{}", point(NOW, 2)], "b.1": []})
    assert ([2], ["a"]) == ([p.sessions for p in found.total], list(found.nodes))
