"""Redis goes and comes back under conversation; nothing is lost, doubled or disordered (I3, I4)."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from broker.embedded import Embedded
from tests.cluster.conftest import LEASE, MakeTown, let_nodes_sweep
from tests.support.processes import await_fact
from tests.support.talk import Talk
from tests.support.town import Citizen, Town, named, settle, settle_once_back

AWAY = "notice: the broker is away"
BACK = "notice: the broker is back"
REFUSED = "error: the broker is away"


LONG = ("--history-lines", "100000")
"""A log that keeps all that fast talkers say while somebody's node is away."""


@contextmanager
def frozen(server: Embedded) -> Iterator[None]:
    """The server stands still for a while: it closes nothing and answers nothing."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def gather(town: Town, channel: str) -> dict[str, Citizen]:
    """Six people on three nodes, in the channel and in another."""
    nicks = ["ann", "bob", "cat", "dan", "eve", "fay"]
    return dict(zip(nicks, town.people(*nicks, at=(f"{channel}-2", channel)), strict=True))


def insist(person: Citizen, command: str) -> None:
    """Type it until it's done: a node that finds out that all is lost refuses for a moment."""
    await_fact(lambda: not any(line.startswith(REFUSED) for line in person.does(command)))


def notices(person: Citizen) -> list[str]:
    """What a person was told of the broker."""
    return [line for line in person.heard if line.startswith((AWAY, BACK))]


def nobody_was_lost(people: dict[str, Citizen]) -> None:
    """Nobody has quit, in anybody's eyes, and nothing is said to be missing."""
    settle_once_back(*people.values())
    for person in people.values():
        assert [] == [
            line for line in person.heard if " has quit" in line or line.startswith("gap: ")
        ]
    assert set(people) == set(named(people["ann"].does("/names")))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_restart_with_its_data_loses_doubles_and_disorders_nothing(
    make_town: MakeTown, own_server: Embedded, how: signal.Signals
) -> None:
    town = make_town(*LONG, url=own_server.url)
    people = gather(town, "#go")
    with Talk(people, "#go") as talk:
        talk.go_on()
        os.kill(own_server.pid, how)
        await_fact(lambda: own_server.poll() is not None)
        own_server.start()
        talk.go_on()
    talk.check()
    nobody_was_lost(people)


def test_everyone_is_told_once_that_the_broker_is_away_and_once_that_it_is_back(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url)
    people = town.people("ann", "bob", "cat", at="#go")
    own_server.kill()
    for person in people:
        person.until(AWAY)
    own_server.start()
    for person in people:
        person.until(BACK)
    settle(*people)
    assert [2, 2, 2] == [len(notices(person)) for person in people]


def test_commands_in_an_outage_get_a_plain_error_and_a_ping_its_pong(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url, count=2)
    ann, bob = town.people("ann", "bob", at="#go")
    with frozen(own_server):
        for person in (ann, bob):
            person.type("/whois bob")  # or the node would notice somewhat later
        for person in (ann, bob):
            person.until(AWAY)
        commands = ["hello", "/me waves", "/msg bob psst", "/nick anna", "/join #other", "/leave",
                    "/topic new", "/topic", "/names", "/list", "/whois ann", "/who", "/history",
                    "/away", "/back", "/stats"]  # fmt: skip
        for command in commands:
            answer = ann.does(command)
            assert [REFUSED] == [line[: len(REFUSED)] for line in answer], command
        assert [] == ann.does("/set time off")[1:]
    for person in (ann, bob):
        person.until(BACK)
    settle(ann, bob)
    assert [] == [line for line in bob.heard if "<ann>" in line or "anna" in line]
    ann.does("here still")
    assert "[#go] <ann> here still" in bob.settle()


def test_a_thousand_lines_in_an_outage_are_refused_one_by_one(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url, count=2)
    ann, bob = town.people("ann", "bob", at="#go")
    own_server.kill()
    ann.until(AWAY)
    ann.send(b"lost words\r\n" * 1000)
    assert [REFUSED] * 1000 == [line[: len(REFUSED)] for line in ann.settle()]
    own_server.start()
    for person in (ann, bob):
        person.until(BACK)
    assert [] == bob.settle()


def test_the_counter_says_that_it_cannot_count_in_an_outage_and_then_goes_on(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url, count=1)
    ann = town.person("ann")
    url = f"http://127.0.0.1:{town.nodes[0].http}/counter"

    def count() -> bytes:
        with urlopen(url, timeout=20) as answer:
            said: bytes = answer.read()
        return said.strip()

    assert b"I am request #1" == count()
    own_server.kill()
    ann.until(AWAY)
    with pytest.raises(HTTPError, match="503") as unavailable:
        count()
    unavailable.value.close()
    own_server.start()
    ann.until(BACK)
    assert b"I am request #2" == count()


def test_whoever_connects_in_an_outage_is_told_and_sent_away(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url, count=1)
    ann = town.person("ann")
    own_server.kill()
    ann.until(AWAY)
    late = Citizen(town.nodes[0])
    assert late.rest()[-1].startswith("closing: ")
    late.close()
    own_server.start()
    ann.until(BACK)
    town.person("late")


def test_whoever_hangs_up_in_an_outage_has_quit_after_it(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url, count=2)
    ann, bob = town.people("ann", "bob", at=("#a", "#b"))
    own_server.kill()
    for person in (ann, bob):
        person.until(AWAY)
    ann.close()
    own_server.start()
    bob.until("ann has quit (connection lost)")
    settle(bob)
    assert 1 == bob.heard.count("ann has quit (connection lost)")
    assert ["in #a (1): bob"] == bob.does("/names #a")


def test_whoever_leaves_in_the_midst_of_an_outage_leaves_nothing_behind(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url, count=2)
    bob = town.person("bob", "#go", on=2)
    before = town.cluster.held()
    under_way = ["/join #other", "/nick other", "/leave", "hello", "/topic new", "/join #new"]
    leaving = [town.person(f"leaving{i}", "#go", on=1) for i in range(len(under_way))]
    with frozen(own_server):
        for person, command in zip(leaving, under_way, strict=True):
            person.type(command)
            Citizen(town.nodes[0]).close()  # is being greeted, and gone
        for person in leaving:
            person.until(AWAY)
            person.type("/quit")
    for person in leaving:
        person.rest()
    settle_once_back(bob)
    await_fact(lambda: before == town.cluster.held())
    assert ["in #go (1): @bob"] == bob.does("/names #go")


def test_a_server_frozen_past_all_leases_costs_nobody_anything(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(*LONG, "--lease", str(LEASE), url=own_server.url)
    people = gather(town, "#go")
    bystanders = [town.person(on=number) for number in (1, 2, 3)]
    with Talk(people, "#go") as talk:
        talk.go_on()
        last = max(town.cluster.lease_ends().values()) + LEASE  # renewed once more since, at most
        with frozen(own_server):
            await_fact(lambda: time.time() > last)  # its clock is this machine's
            for person in bystanders:
                person.until(AWAY)
        talk.go_on()
        let_nodes_sweep(town)  # which takes nobody
    talk.check()
    nobody_was_lost(people)
    for person in people.values():
        assert [AWAY, BACK] == [line[:26] for line in notices(person)]


def test_a_short_freeze_is_not_even_noticed(make_town: MakeTown, own_server: Embedded) -> None:
    town = make_town(*LONG, url=own_server.url)
    people = gather(town, "#go")
    with Talk(people, "#go") as talk:
        talk.go_on()
        with frozen(own_server):
            talk.until_all_wait()
        talk.go_on()
    talk.check()
    nobody_was_lost(people)
    assert [] == [line for person in people.values() for line in notices(person)]


@pytest.mark.parametrize("kinds", [("normal",), ("pubsub",), ("normal", "pubsub")])
def test_connections_that_are_killed_again_and_again_lose_and_double_nothing(
    make_town: MakeTown, own_server: Embedded, kinds: tuple[str, ...]
) -> None:
    town = make_town(*LONG, url=own_server.url)
    people = gather(town, "#go")
    with Talk(people, "#go") as talk:
        for _ in range(8):
            talk.go_on(60)
            for kind in kinds:
                town.cluster.redis.client_kill_filter(_type=kind, skipme=True)
        talk.go_on()
    talk.check()
    nobody_was_lost(people)


def test_a_gap_that_cannot_be_filled_is_told_in_its_place_with_its_size(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town("--history-lines", "200", url=own_server.url, count=2)
    ann, bob = town.people("ann", "bob", at="#go")
    town.nodes[0].freeze()
    for kind in ("normal", "pubsub"):
        town.cluster.redis.client_kill_filter(_type=kind, skipme=True)
    bob.until(BACK)
    for i in range(1000):
        bob.type(str(i))
    bob.settle()
    town.nodes[0].wake()
    ann.until(BACK)
    bob.does("1000")
    ann.settle()
    gap, *lines = (line for line in ann.heard if "<bob>" in line or "gap: " in line)
    lost = int(gap.split()[1])
    assert f"gap: {lost} messages of #go are lost" == gap
    assert [f"[#go] <bob> {i}" for i in range(lost, 1001)] == lines


def test_private_messages_are_neither_lost_nor_doubled_when_connections_are_killed(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url)
    ann, bob, cat = town.people("ann", "bob", "cat")
    refused = dict.fromkeys(("ann", "bob"), 0)
    for i in range(120):
        for person in (ann, bob):
            person.type(f"/msg cat {i}")
            person.type(f"/ping {i}")
        if i % 20 == 10:
            for kind in ("normal", "pubsub"):
                town.cluster.redis.client_kill_filter(_type=kind, skipme=True)
        for nick, person in (("ann", ann), ("bob", bob)):
            before = len(person.heard)
            person.until(f"pong {i}")
            errors = [line for line in person.heard[before:] if line.startswith("error: ")]
            assert [] == [line for line in errors if not line.startswith(REFUSED)]
            refused[nick] += len(errors)
            settle_once_back(person)
    settle_once_back(cat)
    for nick in ("ann", "bob"):
        read = [
            int(line.split()[2]) for line in cat.heard if line.startswith(f"[private] <{nick}>")
        ]
        assert sorted(set(read)) == read
        assert 120 - refused[nick] == len(read)


@pytest.mark.parametrize("how", ["restarted", "flushed"])
def test_people_stay_when_redis_has_lost_everything(
    make_town: MakeTown, tmp_path_factory: pytest.TempPathFactory, how: str
) -> None:
    folder = tmp_path_factory.mktemp("empty")
    with Embedded(folder, port=0, appendonly=False) as server:
        town = make_town("--lease", str(LEASE), url=server.url)
        ann, bob, cat = people = town.people("ann", "bob", "cat", at=("#a", "#b"))
        ann.does("before")
        settle(bob, cat)
        if how == "restarted":
            server.kill()
            server.start()
        else:
            town.cluster.redis.flushall()
        everyone = {"ann", "bob", "cat"}

        def put_back() -> bool:
            return everyone == set(named(cat.does("/names #a")[-1:]))

        await_fact(put_back)
        settle(*people)
        for channel in ("#a", "#b"):
            assert everyone == set(named(ann.does(f"/names {channel}")[-1:]))
        for i, person in enumerate(people):
            person.does(f"/msg #a after {i}")
        bob.does("/msg ann psst")
        assert any(line.startswith("error: ") for line in cat.does("/nick ANN"))
        settle(*people)
        assert "[private] <bob> psst" in ann.heard
        assert {"[#a] <bob> after 1", "[#a] <cat> after 2"} <= set(ann.heard)
        assert {"[#a] <ann> after 0", "[#a] <cat> after 2"} <= set(bob.heard)
        for person in people:
            assert [] == [line for line in person.heard if " has quit" in line]
        assert ["n1", "n2", "n3"] == town.cluster.leases()


def test_whoever_comes_before_the_loss_is_noticed_can_stay_and_leaves_nothing_behind(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url, count=2)
    ann, bob = town.people("ann", "bob", at="#go")
    town.cluster.redis.flushall()
    late = [town.person(on=i % 2 + 1) for i in range(4)]
    for i, person in enumerate(late):
        insist(person, f"/nick late{i}")
        insist(person, "/join #go")
    everyone = {"ann", "bob", "late0", "late1", "late2", "late3"}

    def all_back() -> bool:
        return everyone == set(named(ann.does("/names #go")[-1:]))

    await_fact(all_back)
    settle(bob, *late)
    for person in late:
        person.does("/msg #go here")
    assert 4 == len([line for line in bob.settle() if line.endswith("> here")])
    town.leave()
    await_fact(lambda: [] == town.cluster.held())


def test_what_was_left_before_the_loss_hides_no_quit_after_it(
    make_town: MakeTown, own_server: Embedded
) -> None:
    """Numbers begin anew then: a place in the old log says nothing about the new one."""
    town = make_town("--lease", str(LEASE), url=own_server.url, count=2)
    ann, eve = town.person("ann", "#c", "#a", on=1), town.person("eve", "#a", on=1)
    dan = town.person("dan", "#a", "#c", on=2)
    for i in range(20):
        eve.does(str(i))
    ann.does("/leave #a")
    town.cluster.redis.flushall()

    def put_back() -> bool:
        known = (named(person.does("/names #c")[-1:]) for person in (ann, dan))
        return all({"ann", "dan"} <= set(names) for names in known)

    await_fact(put_back)
    await_fact(lambda: {"eve", "dan"} <= set(named(eve.does("/names #a")[-1:])))
    for i in range(5):
        eve.does(f"again {i}")
    dan.type("/quit bye")
    dan.rest()
    assert "dan has quit (bye)" in [line for lines in settle(eve, ann)[1:] for line in lines]
