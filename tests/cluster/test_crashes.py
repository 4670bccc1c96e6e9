"""A node that dies takes nothing with it but its people's connections (I5)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from broker.keys import Keys
from tests.support.nodes import Nodes
from tests.support.processes import await_fact
from tests.support.town import Citizen, Town, settle

LOST = "has quit (connection lost)"
DYING = sorted(f"dying{i}" for i in range(20))


class Crash(NamedTuple):
    """What was seen of one.

    `quits`: when each of the dead node's people was taken out of #b, in seconds since its lease had
    ended. `spoken`: how many lines bob said meanwhile. `before`: what was held in Redis by bob and
    cat alone.
    """

    town: Town
    bob: Citizen
    cat: Citizen
    quits: list[float]
    spoken: int
    before: list[str]
    after: list[str]


def quits(person: Citizen) -> list[str]:
    """All quits that a person has read so far, in the order of the alphabet."""
    return sorted(line for line in person.heard if LOST in line)


@pytest.fixture(scope="module")
def crash(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crash]:
    """A node was killed, and started again at once under its name."""
    folder: Path = tmp_path_factory.mktemp("crash")
    with Nodes(server, folder, forked=True) as nodes, Town(nodes) as town:
        bob, cat = town.person("bob", "#a", "#b", on=2), town.person("cat", "#b", "#c", on=3)
        bob.does("/set echo on")
        settle(bob, cat)
        before = nodes.held()
        for nick in DYING:
            town.person(nick, "#a", "#b", "#c", "#mine", on=1)
        town.nodes[0].kill()
        ended = nodes.lease_ends()["n1"]
        (again,) = nodes.start("n1")
        newcomer = town.come("newcomer", "#a", on=again)
        spoken = 0
        while min(len(quits(bob)), len(quits(cat))) < len(DYING):
            spoken += 1
            bob.does(f"line {spoken}")
            cat.settle()
        log: Any = nodes.redis.xrange(Keys(nodes.namespace).channel("#b").log)
        times = [int(entry["m"]) / 1000 - ended for _, entry in log if '["quit"' in entry["e"]]
        newcomer.does("hello")
        newcomer.leave()
        await_fact(lambda: before == nodes.held())
        settle(bob, cat)
        yield Crash(town, bob, cat, times, spoken, before, nodes.held())


def test_its_people_have_quit_when_its_lease_has_ended_and_soon_after_that(crash: Crash) -> None:
    """Within a beat, which is a second; a busy machine needs longer."""
    assert len(DYING) == len(crash.quits)
    assert all(0 <= seconds < 15 for seconds in crash.quits)


def test_each_of_them_has_quit_once_in_everyones_eyes(crash: Crash) -> None:
    expected = [f"{nick} {LOST}" for nick in DYING]
    assert [expected, expected] == [quits(crash.bob), quits(crash.cat)]


def test_nothing_of_them_or_their_node_is_left(crash: Crash) -> None:
    assert crash.before == crash.after
    crash.bob.settle()
    assert ["in #b (2): @bob cat"] == crash.bob.does("/names #b")


def test_their_nicks_are_free(crash: Crash) -> None:
    for nick in DYING:
        assert crash.cat.does(f"/nick {nick}")[-1].endswith(f" is changing nick to {nick}")
    crash.cat.does("/nick cat")


def test_their_node_lives_again_under_its_name(crash: Crash) -> None:
    assert ["n1", "n2", "n3"] == crash.town.cluster.leases()
    assert "[#a] <newcomer> hello" in crash.bob.heard


def test_talk_went_on_all_the_time(crash: Crash) -> None:
    expected = [f"[#b] <bob> line {i}" for i in range(1, crash.spoken + 1)]
    for person in (crash.bob, crash.cat):
        assert expected == [line for line in person.heard if line.startswith("[#b] <bob>")]
