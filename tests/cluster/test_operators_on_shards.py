"""Operators' commands on a Redis Cluster: what they see and do is at all masters."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.keys import Keys
from tests.cluster.conftest import MakeTown
from tests.cluster.test_dashboard import overview, stream
from tests.support.operator import Running, asked, diagnosis, operate, operate_on, told
from tests.support.processes import await_fact
from tests.support.redis_cluster import RedisCluster, slot_of
from tests.support.town import Town, settle


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Three masters that nobody may harm."""
    with RedisCluster(tmp_path_factory.mktemp("shards")) as shards:
        yield shards


@pytest.fixture
def spread(shards: RedisCluster, make_town: MakeTown) -> Town:
    """Two nodes."""
    return make_town(url=shards.url, count=2)


def one_at_each(shards: RedisCluster, town: Town) -> tuple[str, ...]:
    """A channel for each master, such that what is kept of it is there."""
    keys = Keys(town.cluster.namespace)
    found: dict[int, str] = {}
    names = (f"#c{i}" for i in range(10_000))
    while len(found) < len(shards.masters):
        name = next(names)
        found.setdefault(shards.master_of(keys.channel(name).log).port, name)
    return tuple(sorted(found.values()))


def test_channels_sessions_and_nodes_of_all_masters_are_shown(
    shards: RedisCluster, spread: Town
) -> None:
    channels = one_at_each(shards, spread)
    spread.people("ann", "bob", at=channels)
    nodes = spread.cluster
    assert [*channels, "#lobby"] == [each["channel"] for each in told(nodes, "channels")]
    assert [("ann", [*channels, "#lobby"]), ("bob", [*channels, "#lobby"])] == [
        (each["nick"], each["channels"]) for each in told(nodes, "sessions")
    ]
    await_fact(lambda: told(nodes, "status")["sessions"] == 2)
    assert ["n1", "n2"] == [each["node"] for each in told(nodes, "status")["nodes"]]


def test_status_tells_of_each_master(shards: RedisCluster, spread: Town) -> None:
    places = sorted(f"127.0.0.1:{master.port}" for master in shards.masters)
    masters = told(spread.cluster, "status")["masters"]
    assert [(place, "master", True, 0) for place in places] == [
        (each["place"], each["role"], each["connected"], each["replicas"]) for each in masters
    ]
    assert all(each["memory"] > 0 and each["version"] for each in masters)
    lines = asked(spread.cluster, "status").stdout.splitlines()
    shown = [line for line in lines if line.startswith("Redis ")]
    assert places == [line.partition(" at ")[2].partition(",")[0] for line in shown]


def test_nodes_tell_of_each_master(shards: RedisCluster, spread: Town) -> None:
    places = sorted(f"127.0.0.1:{master.port}" for master in shards.masters)
    with stream(spread.nodes[0]) as events:
        found = overview(events)
    assert places == [each["place"] for each in found["masters"]]
    assert all(each["memory"] > 0 for each in found["masters"])
    assert found["server"]["version"] == found["masters"][0]["version"]


def test_a_master_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with RedisCluster(tmp_path / "shards", node_timeout=600_000) as shards:  # nobody is replaced
        home = shards.master_of(Keys("lost").leases)
        lost = next(master for master in shards.masters if master is not home)
        shards.kill(lost)
        done = operate_on(shards.url, "status", "--namespace", "lost")
        assert 1 == done.returncode
        assert f"Redis at 127.0.0.1:{lost.port}: it doesn't answer" in done.stdout
        assert f"Redis at 127.0.0.1:{lost.port} doesn't answer" in done.stdout
        assert f"at 127.0.0.1:{home.port}, up" in done.stdout
        assert "Traceback" not in done.stderr


def test_the_doctor_finds_and_mends_at_all_masters(shards: RedisCluster, spread: Town) -> None:
    channels = one_at_each(shards, spread)
    ann, bob = spread.people("ann", "bob", at=channels)
    keys, redis = Keys(spread.cluster.namespace), spread.cluster.redis
    status, said = diagnosis(spread.cluster)
    assert (0, []) == (status, said["found"])
    for channel in channels:
        redis.hset(keys.channel(channel).roster, "ghost", "t 0 a - 0 casper")
    status, said = diagnosis(spread.cluster, "--fix")
    assert (0, ["GhostMember"] * 3) == (status, [each["finding"] for each in said["mended"]])
    for person in (ann, bob):
        quits = [line for line in person.settle() if "casper" in line]
        assert ["casper has quit (connection lost)"] == quits


def test_acts_reach_everybody(shards: RedisCluster, spread: Town) -> None:
    channels = one_at_each(shards, spread)
    ann, bob = spread.people("ann", "bob", at=channels)
    for channel in channels:
        done = operate(spread.cluster, "say", channel, f"hello {channel}")
        assert 0 == done.returncode, done.stderr
    assert 0 == operate(spread.cluster, "notice", "tea is ready").returncode
    settle(ann, bob)
    for person in (ann, bob):
        assert channels == tuple(
            line.rpartition(" ")[2] for line in person.heard if "hello #" in line
        )
        assert 1 == len([line for line in person.heard if line.endswith("tea is ready")])
    assert 0 == operate(spread.cluster, "kick", "bob").returncode
    assert [line for line in ann.settle() if "bob has quit" in line]
    assert 0 == operate(spread.cluster, "ban", "192.0.2.1", "--for", "1h").returncode
    assert "192.0.2.1" in asked(spread.cluster, "bans").stdout
    assert 0 == operate(spread.cluster, "unban", "192.0.2.1").returncode


def test_tail_follows_a_channel_to_another_master(shards: RedisCluster, spread: Town) -> None:
    ann, _ = spread.people("ann", "bob", at="#go")
    slot = slot_of(Keys(spread.cluster.namespace).channel("#go").log)
    with Running(spread.cluster, "tail", "#go", "--json") as tail:
        for i, target in enumerate(shards.masters):
            ann.does(f"before {i}")
            shards.move([slot], target)
            ann.does(f"after {i}")
        texts: list[str] = []
        while len(texts) < 6:
            text = json.loads(tail.read()).get("text")
            texts += [text] if text else []
    assert [f"{when} {i}" for i in range(3) for when in ("before", "after")] == texts


def test_a_node_is_drained(spread: Town) -> None:
    spread.people("ann", "bob", at="#go")
    done = operate(spread.cluster, "drain", "n1", "--over", "0.1")
    assert 0 == done.returncode, done.stderr
    await_fact(lambda: ["n2"] == spread.cluster.leases())


def test_one_server_that_can_be_reached_is_enough(shards: RedisCluster, spread: Town) -> None:
    spread.people("ann", "bob", at="#go")
    seeds = f"redis+cluster://127.0.0.1:1,127.0.0.1:{shards.members[0].port}"
    done = operate_on(seeds, "channels", "--json", "--namespace", spread.cluster.namespace)
    assert ["#go", "#lobby"] == [each["channel"] for each in json.loads(done.stdout)]


def test_where_no_server_can_be_reached_it_is_said() -> None:
    done = operate_on("redis+cluster://127.0.0.1:1,127.0.0.1:2", "status")
    assert 1 == done.returncode
    assert "the cluster of 127.0.0.1:1,127.0.0.1:2 (--redis) can't be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_master_that_is_lost_is_said(tmp_path: Path) -> None:
    with RedisCluster(tmp_path / "shards") as shards:
        lost = shards.master_of(Keys("away").leases)
        shards.kill(lost)
        done = operate_on(shards.url, "status", "--namespace", "away")
        assert 1 == done.returncode
        assert "(--redis) can't be reached" in done.stderr
        assert "Traceback" not in done.stderr
