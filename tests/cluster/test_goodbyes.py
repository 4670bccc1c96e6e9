"""A node that is asked to end says goodbye and leaves nothing of its own behind."""

import signal
import time
from collections.abc import Iterable

import pytest

from broker.embedded import Embedded
from tests.cluster.conftest import MakeTown
from tests.support.processes import await_fact
from tests.support.town import Citizen, Town, settle, with_news

SOON = 20.0
"""Seconds. It's less than one, but for those who read nothing; a busy machine needs longer."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_its_people_read_why_and_others_read_that_they_quit(
    make_town: MakeTown, number: signal.Signals
) -> None:
    town = make_town(count=2)
    ann, bob = town.people("ann", "bob", at=("#a", "#b"))
    cat = town.person("cat", "#a", on=1)
    settle(ann, bob, cat)
    town.nodes[0].end(number)
    assert 0 == town.nodes[0].wait()
    for person in (ann, cat):
        assert person.rest()[-1].startswith("closing: ")
    expected = ["ann has quit (connection lost)", "cat has quit (connection lost)"]
    assert expected == sorted(bob.settle())
    assert ["in #a (1): bob"] == bob.does("/names #a")
    assert ["bob is changing nick to ann"] == bob.does("/nick ann")


def test_an_idle_node_ends_at_once(make_town: MakeTown) -> None:
    assert make_town(count=1).nodes[0].end() < SOON


def test_no_lease_nick_membership_or_session_of_its_own_is_left(make_town: MakeTown) -> None:
    town = make_town(count=2)
    bob = town.person("bob", "#a", on=2)
    before = town.cluster.held()
    for i in range(40):
        town.person(f"ann{i}", "#a", f"#b{i}", on=1)
    town.nodes[0].end()
    assert before == town.cluster.held()
    assert ["n2"] == town.cluster.leases()
    bob.settle()
    assert 40 == len([line for line in bob.heard if line.endswith("has quit (connection lost)")])
    assert ["in #lobby (1): bob"] == bob.does("/names #lobby")


def test_what_the_last_node_leaves_is_history_that_ends_and_the_clusters_numbers(
    make_town: MakeTown,
) -> None:
    town = make_town(count=2)
    ann, _ = town.people("ann", "bob", at="#go")
    ann.does("hello")
    for node in town.nodes:
        node.end()
    assert [] == town.cluster.held()
    assert [] == town.cluster.leases()
    lasting = [key for key in town.cluster.all_keys() if town.cluster.redis.ttl(key) == -1]
    assert [] == [key for key in lasting if "{cluster}" not in key]


def test_it_ends_soon_even_if_somebody_reads_nothing(make_town: MakeTown) -> None:
    town = make_town("--outbox-bytes", "10000000", count=1)
    ann, _ = town.person("ann", "#go"), town.person("bob", "#go")
    for i in range(1500):
        ann.type("x" * 4000)
        if i % 100 == 99:
            ann.settle()
    assert town.nodes[0].end() < SOON


def test_it_says_goodbye_also_while_redis_is_gone(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(count=1, url=own_server.url)
    ann = town.person("ann", "#go")
    own_server.kill()
    ann.until("notice: ")
    assert town.nodes[0].end() < SOON
    assert ann.rest()[-1].startswith("closing: ")


DRAINED = "closing: this node is being drained; another will do; take your session up again, on any"


def settled(people: Iterable[Citizen]) -> list[Citizen]:
    """These, when all of them have read all that there is."""
    everyone = list(people)
    settle(*everyone)
    return everyone


def gone(town: Town, before: list[str]) -> bool:
    """Whether nothing is held but what was before, and by n2."""
    return (before, ["n2"]) == (town.cluster.held(), town.cluster.leases())


def closed(people: list[Citizen]) -> list[Citizen]:
    """Those whose connection was closed for a drain, once there's one."""
    found = with_news(people)
    for person in found:
        assert person.rest()[-1].startswith(DRAINED)
    return found


def test_a_drained_node_takes_nobody_any_more_and_closes_its_people_one_after_another(
    make_town: MakeTown,
) -> None:
    town = make_town("--drain", "3", "--keep", "0.2", count=2)
    town.person("bob", on=2)
    before = town.cluster.held()
    people = settled(town.person(f"ann{i}", on=1) for i in range(3))
    began = time.monotonic()
    town.nodes[0].send_signal(signal.SIGTERM)
    first = closed(people)
    with pytest.raises(ConnectionError):
        town.person(on=1)
    while people := [person for person in people if person not in first]:
        first = closed(people)
    assert time.monotonic() - began > 1.9  # at 0, 1 and 2 seconds, or later on a busy machine
    assert 0 == town.nodes[0].wait()
    await_fact(lambda: gone(town, before))


def test_people_of_a_drained_node_go_on_on_another_and_others_notice_nothing(
    make_town: MakeTown,
) -> None:
    town = make_town("--drain", "1", count=2)
    bob, ann = town.person("bob", "#go", on=2), town.person("ann", "#go", on=1)
    bob.settle()
    town.nodes[0].send_signal(signal.SIGTERM)
    token = ann.rest()[-1].rpartition(" ")[2]
    assert [] == bob.does("while she is away")
    again = town.person(on=2)
    assert "[#go] <bob> while she is away" in "\n".join(again.does(f"/resume {token}"))
    assert [] == again.does("here I am")
    assert ["[#go] <ann> here I am"] == bob.settle()


def test_until_their_turn_comes_people_of_a_drained_node_talk_on(make_town: MakeTown) -> None:
    town = make_town("--drain", "30", count=2)
    cat = town.person("cat", "#go", on=2)
    people = settled(town.person(nick, "#go", on=1) for nick in ("ann", "bob"))
    town.nodes[0].send_signal(signal.SIGTERM)
    (first,) = closed(people)
    (stayed,) = (person for person in people if person is not first)
    stayed.does("still here")
    assert any(line.endswith("> still here") for line in cat.settle())


def test_a_drain_to_its_end_leaves_nothing_of_the_node_but_who_may_be_taken_up(
    make_town: MakeTown,
) -> None:
    town = make_town("--drain", "1", "--keep", "0.2", count=2)
    town.person("bob", "#a", on=2)
    before = town.cluster.held()
    for i in range(10):
        town.person(f"ann{i}", "#a", f"#b{i}", on=1)
    town.nodes[0].end()
    assert ["n2"] == town.cluster.leases()
    await_fact(lambda: gone(town, before))


def test_a_node_without_people_has_nothing_to_drain(make_town: MakeTown) -> None:
    assert make_town("--drain", "600", count=1).nodes[0].end() < SOON


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_a_second_time_a_node_closes_the_rest_at_once(
    make_town: MakeTown, number: signal.Signals
) -> None:
    town = make_town("--drain", "600", "--keep", "0.2", count=2)
    town.person("bob", "#go", on=2)
    before = town.cluster.held()
    people = settled(town.person(f"ann{i}", on=1) for i in range(4))
    town.nodes[0].send_signal(signal.SIGTERM)
    first = closed(people)
    assert 1 == len(first)
    assert town.nodes[0].end(number) < SOON
    assert 0 == town.nodes[0].wait()
    for person in people:
        assert person in first or person.rest()[-1].startswith(DRAINED)
    await_fact(lambda: gone(town, before))
