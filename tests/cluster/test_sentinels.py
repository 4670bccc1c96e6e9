"""Nodes on a Redis that sentinels watch over: whoever is the master, people talk on.

Source: issue 6; https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from broker.embedded import Embedded
from tests.cluster.conftest import MakeTown
from tests.support.sentinels import SERVICE, Guard
from tests.support.talk import LONG, Talk, missed
from tests.support.town import settle_once_back
from tests.support.up import Up

NICKS = ("ann", "bob", "cat", "dan", "eve", "fay")


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    with Guard(tmp_path / "redis") as guard:
        yield guard


@pytest.mark.parametrize("how", ["good order", "killed", "frozen"])
def test_another_master_is_found_and_nothing_is_lost(
    guard: Guard, make_town: MakeTown, how: str
) -> None:
    town = make_town(*LONG, url=guard.url)
    people = dict(zip(NICKS, town.people(*NICKS, at="#go"), strict=True))
    master, replica = guard.master, guard.replica
    with Talk(people, "#go") as talk:
        talk.go_on(100)
        match how:
            case "killed":
                master.kill()
            case "frozen":
                guard.freeze(master)
            case _:
                guard.fail_over()
        guard.await_master(replica)
        talk.go_on(100)
        if how == "frozen":
            guard.wake(master)  # it takes itself for the master, until it's told otherwise
            talk.go_on(100)
    talk.check()
    assert [] == missed(*people.values())


def test_a_sentinel_that_dies_is_not_missed(guard: Guard, make_town: MakeTown) -> None:
    town = make_town(url=guard.url)
    people = dict(zip(NICKS, town.people(*NICKS, at="#go"), strict=True))
    replica = guard.replica
    with Talk(people, "#go") as talk:
        guard.sentinels[0].kill()
        guard.freeze(guard.master)
        guard.await_master(replica)
        talk.go_on(100)
    talk.check()
    assert [] == missed(*people.values())


def test_a_sentinel_that_is_frozen_is_passed_over(guard: Guard, make_town: MakeTown) -> None:
    guard.freeze(guard.sentinels[0])
    town = make_town(url=guard.url, count=1)
    ann = town.person("ann", "#go")
    guard.master.kill()
    ann.until("notice: the broker is away")
    settle_once_back(ann)
    assert [] == missed(ann)


def test_replicas_count_at_another_master_too(guard: Guard, make_town: MakeTown) -> None:
    town = make_town("--ack", "replicated", "--ack-timeout", "20", url=guard.url, count=2)
    ann, bob = town.people("ann", "bob", at="#go")
    guard.fail_over()
    guard.await_in_step()
    settle_once_back(ann, bob)
    assert [] == ann.does("safe")
    assert "[#go] <ann> safe" in bob.settle()
    assert [] == [line for line in ann.heard if "too few replicas" in line]


LEAST = (
    *("+hello", "+auth", "+client|setname", "+subscribe", "+sentinel|get-master-addr-by-name"),
    "&+switch-master",
)
"""What a node's user needs at sentinels: docs/adr/0023."""


def ask(sentinel: Embedded, *command: str) -> None:
    with redis.Redis.from_url(sentinel.url) as client:
        client.execute_command(*command)


def test_sentinels_may_know_users(guard: Guard, make_town: MakeTown) -> None:
    master = guard.master
    for sentinel in guard.sentinels:
        ask(sentinel, "ACL", "SETUSER", "node", "on", ">sesame", "-@all", *LEAST)
        hidden = ("-sentinel|get-master-addr-by-name", "-subscribe")
        ask(sentinel, "ACL", "SETUSER", "default", *hidden)
    # the tests' own client is refused now, too: it talks to the server
    own = "?sentinel_username=node&sentinel_password=sesame"
    town = make_town(url=guard.url + own, count=1)
    ann = town.person("ann", "#go")
    master.kill()
    ann.until("notice: the broker is away")
    settle_once_back(ann)
    assert [] == missed(ann)


def test_a_sentinel_that_is_behind_is_not_followed(guard: Guard, make_town: MakeTown) -> None:
    town = make_town(url=guard.url, count=1)
    ann = town.person("ann", "#go")
    behind, replica = guard.sentinels[0], guard.replica
    guard.freeze(behind)
    ask(guard.sentinels[1], "SENTINEL", "FAILOVER", SERVICE)
    guard.await_master(replica)
    guard.wake(behind)  # it names the first master, until it has heard of the other
    settle_once_back(ann)
    guard.await_master(replica)
    settle_once_back(ann)
    assert [] == missed(ann)


def test_up_uses_whom_sentinels_name(guard: Guard, tmp_path: Path) -> None:
    with Up(tmp_path, "--redis", guard.url, "--nodes", "1") as up, up.person() as ann:
        assert [] == ann.does("hello")
