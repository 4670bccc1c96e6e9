"""A node that is asked to end says goodbye and leaves nothing of its own behind."""

import signal

import pytest

from broker.embedded import Embedded
from tests.cluster.conftest import MakeTown
from tests.support.town import settle


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


def test_an_idle_node_ends_in_under_a_second(make_town: MakeTown) -> None:
    assert make_town(count=1).nodes[0].end() < 1


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
    assert town.nodes[0].end() < 8


def test_it_says_goodbye_also_while_redis_is_gone(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(count=1, url=own_server.url)
    ann = town.person("ann", "#go")
    own_server.kill()
    ann.until("notice: ")
    assert town.nodes[0].end() < 8
    assert ann.rest()[-1].startswith("closing: ")
