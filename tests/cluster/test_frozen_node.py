"""A node that stood still past its lease: others saw its people quit; it must learn that (I1)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event
from typing import NamedTuple

import pytest

from tests.cluster.conftest import LEASE, MakeTown, let_leases_end, let_nodes_sweep
from tests.support.nodes import NodeProcess, Nodes
from tests.support.processes import await_fact
from tests.support.talk import Talk
from tests.support.town import Citizen, Town, named, settle, settle_once_back

LOST = "has quit (connection lost)"


@contextmanager
def frozen(node: NodeProcess) -> Iterator[None]:
    """The node stands still for a while."""
    node.freeze()
    try:
        yield
    finally:
        node.wake()


def back_in(person: Citizen, channel: str, nick: str) -> str:
    """Wait until a person of a woken node is a member again; the whole nick that begins so."""
    joined = f" has joined the channel {channel}"
    came = person.until(lambda line: line.startswith(nick) and line.endswith(joined))
    return came.removesuffix(joined)


class Absence(NamedTuple):
    """What was seen of one.

    Ann and dan are on the node that was frozen; ann's nick was taken by eve meanwhile, and she is
    `guest` now. `since`: what bob, in their channels on another node, has heard since then.
    """

    town: Town
    ann: Citizen
    bob: Citizen
    dan: Citizen
    eve: Citizen
    guest: str
    since: list[str]


@pytest.fixture(scope="module")
def absence(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Absence]:
    """A node was frozen past its lease and woken; its people have come back, and spoken."""
    folder = tmp_path_factory.mktemp("absence")
    with Nodes(server, folder, "--lease", str(LEASE), forked=True) as nodes, Town(nodes, 2) as town:
        ann, dan = (town.person(nick, "#a", "#b", on=1) for nick in ("ann", "dan"))
        bob, eve = town.person("bob", "#a", "#b", on=2), town.person("eve", on=2)
        settle(ann, dan, bob)
        with frozen(town.nodes[0]):
            for line in ("said", "/me acted", "/msg bob told", "/topic changed", "said again"):
                ann.type(line)
            for nick in ("ann", "dan"):
                if f"{nick} {LOST}" not in bob.heard:
                    bob.until(f"{nick} {LOST}")
            # it's free a moment after the quit is told
            await_fact(lambda: any("is changing nick" in line for line in eve.does("/nick ann")))
            bob.settle()
            taken = len(bob.heard)
        guest = back_in(ann, "#b", "guest-")
        back_in(dan, "#b", "dan")
        settle_once_back(ann, dan)
        ann.does("/msg #a here again")
        bob.does("/msg #b welcome back")
        for person in (ann, dan):
            person.does("/msg bob psst")
        bob.does(f"/msg {guest} psst")
        bob.does("/msg dan psst")
        settle(ann, dan, bob, eve)
        yield Absence(town, ann, bob, dan, eve, guest, bob.heard[taken:])


def test_everyone_reads_once_that_its_people_have_quit(absence: Absence) -> None:
    quits = sorted(line for line in absence.bob.heard if " has quit" in line)
    assert [f"ann {LOST}", f"dan {LOST}"] == quits


def test_everyone_reads_that_they_are_back_in_their_channels(absence: Absence) -> None:
    joins = sorted(line for line in absence.since if "has joined" in line)
    nicks = ("dan", absence.guest)
    assert [f"{nick} has joined the channel {c}" for nick in nicks for c in ("#a", "#b")] == joins
    absence.bob.settle()
    assert {"bob", *nicks} == set(named(absence.bob.does("/names #a")))


def test_a_nick_that_somebody_took_meanwhile_stays_theirs(absence: Absence) -> None:
    absence.dan.does("/msg ann who are you?")
    assert "[private] <dan> who are you?" in absence.eve.settle()


def test_they_are_told_what_happened(absence: Absence) -> None:
    for person, facts in ((absence.ann, ("cut off", absence.guest)), (absence.dan, ("cut off",))):
        notices = [line for line in person.heard if line.startswith("notice: ")]
        for fact in facts:
            assert 1 == len([line for line in notices if fact in line])


def test_nothing_is_accepted_under_the_lost_nick(absence: Absence) -> None:
    assert [] == [line for line in absence.since if "<ann>" in line or "* ann" in line]
    assert [] == [line for line in absence.since if line.startswith("ann has")]
    refused = [line for line in absence.ann.heard if line.startswith("error: ")]
    assert refused


def test_messages_flow_both_ways_again(absence: Absence) -> None:
    guest, bob = absence.guest, absence.bob
    assert f"[#a] <{guest}> here again" in bob.heard
    for person, nick in ((absence.ann, guest), (absence.dan, "dan")):
        assert f"[private] <{nick}> psst" in bob.heard
        assert "[private] <bob> psst" in person.heard
        assert "[#b] <bob> welcome back" in person.heard


def test_nobody_is_stuck_who_talks_while_their_node_wakes(make_town: MakeTown) -> None:
    """It's frozen so shortly that no link is lost; only the lease is."""
    town = make_town("--lease", str(LEASE), count=2)
    witness = town.person("witness", "#go", on=2)
    people = {f"talker{i}": town.person(f"talker{i}", "#go", on=1) for i in range(6)}
    with Talk(people, "#go") as talk:
        talk.go_on()
        with frozen(town.nodes[0]):
            witness.until(f"talker0 {LOST}")
        talk.go_on()
    settle_once_back(*people.values())
    assert {*people, "witness"} == set(named(witness.does("/names #go")[-1:]))


def test_whoever_comes_and_goes_while_the_node_wakes_leaves_nothing_behind(
    make_town: MakeTown,
) -> None:
    town = make_town("--lease", str(LEASE), count=2)
    bob = town.person("bob", "#go", on=2)
    before = town.cluster.held()
    ann = town.person("ann", "#go", on=1)
    over = Event()

    def come_and_go(name: str) -> int:
        visits = 0
        while not over.is_set():
            visits += 1
            with Citizen(town.nodes[0], f"{name}x{visits}") as visitor, suppress(ConnectionError):
                visitor.type("/join #go")
                visitor.settle()
                visitor.does("/whois bob")
        return visits

    with ThreadPoolExecutor(12) as pool:
        with frozen(town.nodes[0]):
            visiting = [pool.submit(come_and_go, f"visitor{i}") for i in range(12)]
            bob.until(f"ann {LOST}")
        back_in(ann, "#go", "ann")
        ann.settle()
        over.set()
        assert all(visits.result() for visits in visiting)
    ann.leave()
    await_fact(lambda: before == town.cluster.held())
    bob.settle()
    for channel, sign in (("#go", "@"), ("#lobby", "")):
        assert [f"in {channel} (1): {sign}bob"] == bob.does(f"/names {channel}")


def test_a_node_frozen_for_less_than_its_lease_loses_nobody(make_town: MakeTown) -> None:
    town = make_town(count=2)
    ann, bob = town.people("ann", "bob", at="#go")
    with frozen(town.nodes[0]):
        bob.does("while you slept")
        ann.type("when I woke")
    bob.until("[#go] <ann> when I woke")
    ann.settle()
    assert "[#go] <bob> while you slept" in ann.heard
    assert [] == [line for line in bob.heard if " has quit" in line]


def test_all_nodes_frozen_at_once_lose_nobody(make_town: MakeTown) -> None:
    """Every lease looks ended to whoever wakes first, and nobody may sweep on that."""
    town = make_town("--lease", str(LEASE))
    people = town.people("ann", "bob", "cat", at="#go")
    for node in town.nodes:
        node.freeze()
    let_leases_end(town)
    for node in town.nodes:
        node.wake()
    let_nodes_sweep(town)
    settle_once_back(*people)
    people[0].does("all here?")
    for person in people[1:]:
        assert "[#go] <ann> all here?" == person.settle()[-1]
    assert [] == [line for person in people for line in person.heard if " has quit" in line]
