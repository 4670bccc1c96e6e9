"""`broker.board`: what nodes tell of themselves is there for all, and stands in nobody's way."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.task import deferLater

from broker.api import Code
from broker.board import BURST, UNTOLD, Board
from broker.cluster import Cluster
from broker.keys import Keys
from broker.reports import INCIDENTS, Kind, Overview, Point, Sized, State, Status
from tests.contract.conftest import MakeBrokers
from tests.support import spin
from tests.support.fleet import Node, RedisFleet, refusal, somebody
from tests.support.redis_server import real_server


@pytest.fixture
def fleet(servers: Callable[[str], int]) -> Iterator[RedisFleet]:
    """On a real server: others don't say how they are."""
    made = RedisFleet(servers("server"), real=True)
    yield made
    spin.wait(made.stop())


def board(node: Node) -> Board:
    assert isinstance(node.broker, Cluster)
    return node.broker.board


def status(node: Node, state: State = State.READY, **more: Any) -> Status:
    at = board(node).now_ms
    return Status(node=node.name, version="1", state=state, started=at, at=at, **more)


async def look(node: Node, fact: Callable[[Overview], bool]) -> Overview:
    """An overview of which that's so, as soon as there is one."""
    while not fact(found := await board(node).overview()):
        await deferLater(spin.reactor, 0.05)
    return found


async def test_every_node_sees_what_each_has_told(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    board(a).post(status(a, sessions={"slash": 2}))
    board(b).post(status(b, sessions={"slash": 3}))
    found = await look(a, lambda seen: seen.sessions == 5)
    assert sorted([a.name, b.name]) == [node.node for node in found.nodes]
    assert [State.READY] * 2 == [node.state for node in found.nodes]
    assert 5 == (await look(b, lambda seen: seen.sessions == 5)).sessions


async def test_redis_itself_is_in_the_overview(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    server = (await board(a).overview()).server
    assert ("master", True) == (server.role, server.memory > 0 and server.clients > 0)


async def test_channels_have_their_size_in_the_whole_cluster(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    for node, nick in ((a, "ann"), (b, "bob")):
        me = somebody(nick)
        await node.broker.open(me)
        await node.broker.follow("#go")
        await node.broker.join(me, "#Go")
    board(a).post(status(a, largest=(Sized("#Go", 1),)))
    found = await look(b, lambda seen: bool(seen.largest))
    assert ((Sized("#Go", 2),), 1) == (found.largest, found.channels)


async def test_an_incident_is_there_with_the_next_status(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    board(a).tell(Kind.BAN, "192.0.2.1", "floods", by="ann")
    board(a).post(status(a))
    (incident,) = (await look(b, lambda seen: bool(seen.incidents))).incidents
    expected = (Kind.BAN, a.name, "192.0.2.1", "floods", "ann")
    told = (incident.kind, incident.node, incident.about, incident.says, incident.by)
    assert expected == told


async def test_the_last_incidents_come_first(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    for kind in (Kind.KICK, Kind.BAN, Kind.UNBAN):
        board(a).tell(kind)
    board(a).post(status(a))
    found = await look(a, lambda seen: bool(seen.incidents))
    assert [Kind.UNBAN, Kind.BAN, Kind.KICK] == [one.kind for one in found.incidents]


async def test_of_a_storm_of_incidents_only_some_are_told(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    for i in range(1000):
        board(a).tell(Kind.SLOW, f"n{i}")
    board(a).tell(Kind.KICK)
    board(a).post(status(a))
    found = await look(a, lambda seen: bool(seen.incidents))
    assert [Kind.KICK, *[Kind.SLOW] * BURST] == [one.kind for one in found.incidents]


async def test_incidents_of_an_outage_are_told_when_it_is_over(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1)
    await fleet.lose(a)
    board(a).post(status(a))  # for which nothing waits
    board(a).tell(Kind.GAP, "#go")
    await fleet.restore(a)
    board(a).post(status(a))
    found = await look(a, lambda seen: bool(seen.incidents))
    assert {Kind.GAP, Kind.AWAY} == {one.kind for one in found.incidents}


async def test_no_more_incidents_wait_than_may(
    fleet: RedisFleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    (a,) = await make_brokers(1)
    monkeypatch.setattr("broker.board.BURST", 10_000)
    for i in range(UNTOLD + 10):
        board(a).tell(Kind.KICK, str(i))
    board(a).post(status(a))
    found = await look(a, lambda seen: bool(seen.incidents))
    assert [str(i) for i in reversed(range(10, UNTOLD + 10))] == [i.about for i in found.incidents]


async def test_while_redis_is_away_nobody_can_look(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1)
    await fleet.lose(a)
    assert Code.AWAY == await refusal(board(a).overview())
    assert Code.AWAY == await refusal(board(a).series())


async def test_points_become_a_series(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    for node, sessions in ((a, 2), (b, 3)):
        board(node).post(status(node))
        board(node).plot(Point(board(node).now_ms, sessions, 1.0, 2.0, 0.1, 0.01, 100))
    await look(a, lambda seen: len(seen.nodes) == 2)
    await b.broker.barrier()
    found = await board(a).series()
    assert {a.name, b.name} == set(found.nodes)
    assert 5 == sum(node[-1].sessions for node in found.nodes.values())


async def test_what_redis_keeps_of_a_node_is_bounded(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1)
    for i in range(800):
        board(a).plot(Point(i, 1, 1.0, 2.0, 0.1, 0.01, 100))
    await a.broker.barrier()
    keys = Keys(fleet.namespace)
    assert isinstance(a.broker, Cluster)
    with fleet.client() as client:
        points = keys.node_points(a.broker.node)
        assert 720 == client.xlen(points)
        assert 0 < client.ttl(points) <= 3600
        for i in range(INCIDENTS + 10):
            client.xadd(keys.incidents, {"i": f"{i}"})
        board(a).tell(Kind.KICK)
        board(a).post(status(a))
        await look(a, lambda seen: bool(seen.incidents))
        assert INCIDENTS == client.xlen(keys.incidents)


async def test_who_is_gone_for_long_is_forgotten_and_who_lives_is_not(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1)
    board(a).post(status(a))
    keys = Keys(fleet.namespace)
    old = msgspec.structs.replace(status(a), node="old", at=board(a).now_ms - 3_600_000)
    await look(a, lambda seen: bool(seen.nodes))
    with fleet.client() as client:
        client.hset(keys.status, "old.1", msgspec.json.encode(old))
        await board(a).prune()
        assert isinstance(a.broker, Cluster)
        assert [a.broker.node.encode()] == client.hkeys(keys.status)


async def test_that_a_node_is_lost_is_told_once_whoever_sweeps_it(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b, c = await make_brokers(3, lease=1.0)
    board(a).post(status(a))
    await look(b, lambda seen: bool(seen.nodes))
    await fleet.lose(a)
    found = await look(b, lambda seen: any(one.kind is Kind.LOST for one in seen.incidents))
    lost = [one for one in found.incidents if one.kind is Kind.LOST]
    assert [a.name] == [one.about for one in lost]
    assert lost[0].node in {b.name, c.name}
    (node,) = [one for one in found.nodes if one.node == a.name]
    assert State.GONE is node.state


async def test_a_last_word_is_waited_for(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    board(a).tell(Kind.STOPPED, a.name)
    await board(a).part(status(a, State.GONE, why=("stopped in good order",)))
    found = await board(b).overview()
    assert [Kind.STOPPED] == [one.kind for one in found.incidents]


def test_a_redis_without_memory_still_takes_statuses_and_incidents(tmp_path: Path) -> None:
    async def work(fleet: RedisFleet) -> None:
        a = await fleet.start()
        with fleet.client() as client:
            client.config_set("maxmemory", "1")
        board(a).tell(Kind.SLOW, "ann")
        board(a).post(status(a))
        found = await look(a, lambda seen: bool(seen.incidents))
        assert any("memory" in words for words in found.why)
        assert [a.name] == [node.node for node in found.nodes]
        with fleet.client() as client:
            client.config_set("maxmemory", "0")

    with real_server(tmp_path) as port:
        fleet = RedisFleet(port, real=True)
        try:
            spin.wait(work(fleet))
        finally:
            spin.wait(fleet.stop())


async def test_many_who_look_at_once_read_once(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1)
    seen = await spin.gather(look(a, lambda _: True) for _ in range(20))
    assert 1 == len({id(one) for one in seen})


async def test_a_status_is_left_out_while_another_is_under_way(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    for sessions in (1, 2, 3):
        board(a).post(status(a, sessions={"slash": sessions}))
    assert 1 == (await look(a, lambda seen: bool(seen.sessions))).sessions
