"""Nodes on a Redis that sentinels watch over: whoever is the master, people talk on.

Source: issue 6; https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import MakeTown
from tests.support.sentinels import Guard
from tests.support.talk import Talk
from tests.support.town import Citizen, settle_once_back

LONG = ("--history-lines", "100000")
"""A log that keeps all that fast talkers say."""

NICKS = ("ann", "bob", "cat", "dan", "eve", "fay")


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    with Guard(tmp_path / "redis") as guard:
        yield guard


def lost(*people: Citizen) -> list[str]:
    """What any of them was told to be missing, or gone."""
    return [
        line
        for person in people
        for line in person.heard
        if line.startswith("gap: ") or " has quit" in line or "cut off" in line
    ]


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
    assert [] == lost(*people.values())


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
    assert [] == lost(*people.values())


def test_a_sentinel_that_is_frozen_is_passed_over(guard: Guard, make_town: MakeTown) -> None:
    guard.freeze(guard.sentinels[0])
    town = make_town(url=guard.url, count=1)
    ann = town.person("ann", "#go")
    guard.master.kill()
    ann.until("notice: the broker is away")
    settle_once_back(ann)
    assert [] == lost(ann)
