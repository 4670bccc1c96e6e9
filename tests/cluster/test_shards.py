"""Nodes on a Redis Cluster: slots move, masters die and forget, and people notice little of it.

Source: issue 6; docs/adr/0024.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker.keys import Keys
from tests.cluster.conftest import LEASE, MakeTown
from tests.support.redis_cluster import Member, RedisCluster, slot_of
from tests.support.talk import LONG, Talk, missed
from tests.support.town import Citizen, Town, settle, settle_once_back

NICKS = ("ann", "bob", "cat", "dan", "eve", "fay")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Three masters that nobody may harm."""
    with RedisCluster(tmp_path_factory.mktemp("shards")) as shards:
        yield shards


@pytest.fixture
def doubled(tmp_path: Path) -> Iterator[RedisCluster]:
    """Three masters of a test's own, each with a replica."""
    with RedisCluster(tmp_path / "shards", replicas=1) as shards:
        yield shards


def one_at_each(shards: RedisCluster, town: Town, key: Callable[[str], str]) -> list[str]:
    """A name for each master, such that what is kept of it is there."""
    names = (f"{word}{i}" for i in range(1000) for word in ("#a", "#b"))
    found: dict[int, str] = {}
    while len(found) < len(shards.masters):
        name = next(names)
        found.setdefault(shards.master_of(key(name)).port, name)
    return list(found.values())


def channel_key(town: Town) -> Callable[[str], str]:
    keys = Keys(town.cluster.namespace)
    return lambda name: keys.channel(name).log


def home(shards: RedisCluster, town: Town) -> Member:
    """The master that has what is said of the nodes."""
    return shards.master_of(Keys(town.cluster.namespace).leases)


def somewhere_else(shards: RedisCluster, town: Town) -> Member:
    """Another master."""
    return next(master for master in shards.masters if master is not home(shards, town))


def told(*people: Citizen) -> list[str]:
    """What people were told beyond the conversation."""
    kinds = ("gap: ", "notice: ", "error: ")
    return [line for person in people for line in person.heard if line.startswith(kinds)]


def test_people_talk_in_channels_of_all_masters(plain: RedisCluster, make_town: MakeTown) -> None:
    town = make_town(url=plain.url)
    channels = one_at_each(plain, town, channel_key(town))
    ann, bob, cat = town.people("ann", "bob", "cat", at=tuple(channels))
    for channel in channels:
        ann.does(f"/msg {channel} hello {channel}")
    ann.does("/nick zoe")
    assert [f"[{channel}] <ann> hello {channel}" for channel in channels] == [
        line for line in cat.settle() if "hello" in line
    ]
    bob.settle()
    bob.does("/msg zoe psst")
    assert [line for line in ann.settle() if "psst" in line]


def test_a_replica_takes_over_in_good_order(doubled: RedisCluster, make_town: MakeTown) -> None:
    town = make_town(*LONG, url=doubled.url)
    people = dict(zip(NICKS, town.people(*NICKS, at="#go"), strict=True))
    with Talk(people, "#go") as talk:
        for whose in (home, somewhere_else):
            talk.go_on(100)
            doubled.fail_over(whose(doubled, town))
        talk.go_on(100)
    talk.check()
    assert [] == missed(*people.values())


def test_a_node_that_dies_is_swept_off_all_masters(
    plain: RedisCluster, make_town: MakeTown
) -> None:
    town = make_town("--lease", str(LEASE), url=plain.url)
    channels = one_at_each(plain, town, channel_key(town))
    ann, bob = town.people("ann", "bob", at=tuple(channels))
    town.nodes[0].kill()
    bob.until(lambda line: "ann" in line and "has quit" in line)
    town.person("ann", on=3)
    assert 1 == len([line for line in bob.heard if "ann" in line and "has quit" in line])
    for channel in channels:
        assert not [line for line in bob.does(f"/names {channel}") if "ann" in line]


def test_slots_are_moved_while_people_talk_and_nobody_notices(
    plain: RedisCluster, make_town: MakeTown
) -> None:
    town = make_town(*LONG, url=plain.url)
    people = dict(zip(NICKS, town.people(*NICKS, at="#go"), strict=True))
    keys = Keys(town.cluster.namespace)
    slots = {slot_of(keys.channel("#go").log), *(slot_of(keys.nick(nick).log) for nick in NICKS)}
    with Talk(people, "#go") as talk:
        for target in plain.masters:
            talk.go_on(50)
            plain.move(slots, target)
            talk.go_on(50)
    talk.check()
    people["ann"].does("/msg bob psst")
    assert [line for line in people["bob"].settle() if "psst" in line]
    assert [] == told(*people.values())


def test_calls_wait_while_half_of_a_slot_is_elsewhere(
    plain: RedisCluster, make_town: MakeTown
) -> None:
    town = make_town(url=plain.url)
    ann, bob = town.people("ann", "bob", at="#go")
    channel = Keys(town.cluster.namespace).channel("#go")
    number = slot_of(channel.log)
    target = next(each for each in plain.masters if each is not plain.master_of(number))
    plain.open_move(number, target)
    plain.carry(number, target, keys=[channel.roster.encode()])
    ann.type("/msg #go one")
    ann.type("/msg #go two")
    while plain.carry(number, target):
        pass
    ann.does("/msg #go three")
    plain.close_move(number, target)
    ann.does("/msg #go four")
    bob.until(lambda line: line.endswith("four"))
    texts = [line.rpartition(" ")[2] for line in bob.heard if "<ann>" in line]
    assert ["one", "two", "three", "four"] == texts
    assert [] == told(ann, bob)


def test_another_master_takes_slots(doubled: RedisCluster, make_town: MakeTown) -> None:
    town = make_town(url=doubled.url)
    ann, bob = town.people("ann", "bob", at="#go")
    new = doubled.add_master()
    doubled.move({slot_of(Keys(town.cluster.namespace).channel("#go").log)}, new)
    ann.type("/msg #go hello")
    settle_once_back(ann, bob)
    ann.type("/msg #go again")
    settle_once_back(ann, bob)
    said = [line for line in bob.heard if "<ann>" in line]
    assert ["[#go] <ann> hello", "[#go] <ann> again"] == said[-2:]
    assert [] == missed(ann, bob)


@pytest.mark.parametrize("whose", [home, somewhere_else])
def test_a_master_dies_and_nothing_is_lost(
    doubled: RedisCluster, make_town: MakeTown, whose: Callable[[RedisCluster, Town], Member]
) -> None:
    town = make_town(*LONG, url=doubled.url)
    people = dict(zip(NICKS, town.people(*NICKS, at="#go"), strict=True))
    victim = whose(doubled, town)
    replica = doubled.replicas_of(victim)[0]
    with Talk(people, "#go") as talk:
        talk.go_on(100)
        doubled.kill(victim)
        doubled.await_master(replica)
        talk.go_on(100)
    talk.check()
    assert [] == missed(*people.values())


@pytest.mark.parametrize("whose", [home, somewhere_else])
def test_a_master_forgets_everything_and_people_stay(
    plain: RedisCluster, make_town: MakeTown, whose: Callable[[RedisCluster, Town], Member]
) -> None:
    town = make_town(url=plain.url)
    channels = one_at_each(plain, town, channel_key(town))
    ann, bob, cat = town.people("ann", "bob", "cat", at=tuple(channels))
    plain.flush(whose(plain, town))
    for person in (ann, bob, cat):
        person.until("notice: the broker is back")
    settle(ann, bob, cat)
    for channel in channels:
        ann.does(f"/msg {channel} hello {channel}")
    heard = [line.rpartition(" ")[2] for line in cat.settle() if "<ann> hello" in line]
    assert sorted(channels) == sorted(heard)  # each channel has an order, three masters have none
    assert [line for line in bob.does("/nick ann") if "taken" in line]
