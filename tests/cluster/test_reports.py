"""What nodes tell of themselves in Redis, and in their logs, is what is so."""

import json
import signal
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import redis

from broker.embedded import Embedded
from broker.keys import Keys
from broker.overview import overview
from broker.reports import Incident, Kind, Overview, State
from tests.cluster.conftest import LEASE, MakeTown
from tests.support.processes import await_fact
from tests.support.town import Town
from tests.support.web import metrics


def look(town: Town) -> Overview:
    """An overview, read as an operator's command would."""
    keys = Keys(town.cluster.namespace)
    with redis.Redis.from_url(town.cluster.url) as client:
        client_any: Any = client
        seconds, micros = client_any.time()
        now = seconds * 1000 + micros // 1000
        return overview(
            now,
            statuses=client_any.hgetall(keys.status),
            living=client_any.zrangebyscore(keys.leases, now, "+inf"),
            incidents=[row[1][b"i"] for row in client_any.xrevrange(keys.incidents)],
            info=client_any.info(),
        )


def await_look(town: Town, fact: Callable[[Overview], bool]) -> Overview:
    """An overview of which that is so, as soon as there's one."""
    found: list[Overview] = []

    def so() -> bool:
        found[:] = [look(town)]
        return fact(found[0])

    await_fact(so, 40.0)
    return found[0]


def kinds(town: Town) -> list[tuple[Kind, str]]:
    """All incidents so far, the oldest first: kind, and what it's about."""
    client: Any = town.cluster.redis
    raw = client.xrange(Keys(town.cluster.namespace).incidents)
    incidents = [msgspec.json.decode(row[1]["i"], type=Incident) for row in raw]
    return [(one.kind, one.about) for one in incidents]


def test_redis_metrics_and_a_count_from_outside_agree(make_town: MakeTown) -> None:
    town = make_town(count=2)
    ann, bob, cat = town.people("ann", "bob", "cat", at="#go")
    for i in range(7):
        ann.type(f"line {i}")
    for person in (bob, cat):
        person.until("[#go] <ann> line 6")
    told = [metrics(node) for node in town.nodes]
    names = ("chorus_lines_total", "chorus_deliveries_total", "chorus_sessions{dialect=slash}")
    expected = [tuple(each[name] for name in names) for each in told]
    assert (7, 3) == (sum(each[0] for each in expected), sum(each[2] for each in expected))

    def agrees(seen: Overview) -> bool:
        return expected == [(n.lines, n.deliveries, sum(n.sessions.values())) for n in seen.nodes]

    seen = await_look(town, agrees)  # each second one is told
    assert (3, {"slash": 3}) == (seen.sessions, {k: v for k, v in seen.dialects.items() if v})


def test_a_node_that_starts_drains_and_stops_tells_so(make_town: MakeTown) -> None:
    town = make_town(count=2)
    town.nodes[0].end()
    seen = await_look(town, lambda seen: seen.nodes[-1].state is State.GONE)
    assert [("n2", True), ("n1", False)] == [
        (n.node, n.state is not State.GONE) for n in seen.nodes
    ]
    assert not any(words.startswith("n1") for words in seen.why)
    mine = [kind for kind, about in kinds(town) if about == "n1"]
    assert [Kind.STARTED, Kind.DRAINING, Kind.STOPPED] == mine


def test_a_node_that_was_killed_is_silent_soon_and_lost_when_its_lease_ends(
    make_town: MakeTown,
) -> None:
    town = make_town("--lease", str(3 * LEASE), count=2)
    await_look(town, lambda seen: [n.version != "" for n in seen.nodes] == [True] * 2)
    town.nodes[0].kill()
    silent = "n1: nothing heard of it for "
    await_look(town, lambda seen: any(words.startswith(silent) for words in seen.why))
    seen = await_look(town, lambda seen: seen.nodes[-1].state is State.GONE)
    assert "n1: lost: its lease has ended" in seen.why
    await_fact(lambda: (Kind.LOST, "n1") in kinds(town))
    assert 1 == kinds(town).count((Kind.LOST, "n1"))


def test_a_redis_that_was_away_is_told_of_when_it_is_back(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url, count=1)
    own_server.kill()
    own_server.start()
    await_fact(lambda: Kind.AWAY in [kind for kind, _ in kinds(town)], 40.0)


def test_a_node_may_tell_nothing(make_town: MakeTown) -> None:
    town = make_town("--no-reports", count=1)
    assert 200 == int(metrics(town.nodes[0])["chorus_ready"] * 200)
    town.person("ann", "#go").does("hello")
    town.nodes[0].end()
    assert [] == [key for key in town.cluster.all_keys() if key.endswith((":status", ":points"))]


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_log_has_a_line_for_who_comes_and_goes_and_none_of_their_words(
    make_town: MakeTown, style: str
) -> None:
    town = make_town("--log-format", style, count=1)
    ann, bob = town.people("ann", "bob", at="#go")
    ann.does("something private")
    ann.does("/msg bob something else")
    ann.leave()
    bob.close()
    town.citizens.clear()
    node = town.nodes[0]
    await_fact(
        lambda: node.log.read_text().count(" closed ") + node.log.read_text().count('"closed"') == 2
    )
    node.send_signal(signal.SIGTERM)
    node.wait()
    text = node.log.read_text()
    assert "something" not in text
    if style == "json":
        lines = [json.loads(line) for line in text.splitlines()]
        assert {"n1"} == {line["node"] for line in lines}
        closed = [(line["nick"], line["why"]) for line in lines if line["says"] == "closed"]
        assert [("ann", "quit"), ("bob", "connection lost")] == closed
        assert {"127.0.0.1"} == {line["address"] for line in lines if "session" in line}
    else:
        assert " address=127.0.0.1 dialect=slash nick=ann why=quit " in text
        assert ' nick=bob why="connection lost" ' in text


def test_a_log_may_be_about_warnings_only(make_town: MakeTown) -> None:
    town = make_town("--log-level", "warn", count=1)
    town.person("ann", "#go").leave()
    town.citizens.clear()
    town.nodes[0].end()
    assert "" == town.nodes[0].log.read_text()
