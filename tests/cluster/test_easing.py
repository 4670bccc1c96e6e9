"""`chorus drain` and `chorus rebalance`: an operator takes people off a node."""

import signal

import pytest

from tests.cluster.conftest import MakeTown
from tests.support.operator import operate
from tests.support.processes import await_fact
from tests.support.town import Citizen, settle, with_news

DRAINED = "closing: this node is being drained; another will do; take your session up again, on any"


def test_a_node_that_is_told_to_drain_closes_its_people_ends_well_and_leaves_nothing(
    make_town: MakeTown,
) -> None:
    town = make_town("--keep", "0.2", count=2)
    bob = town.person("bob", "#go", on=2)
    before = town.cluster.held()
    people = [town.person(f"ann{i}", "#go", on=1) for i in range(4)]
    done = operate(town.cluster, "drain", "n1", "--over", "1")
    assert (0, "") == (done.returncode, done.stdout), done.stderr
    assert "n1 drains: 4 connections within 1 s" == done.stderr.splitlines()[0]
    assert "n1 has drained and is gone" == done.stderr.splitlines()[-1]
    assert 0 == town.nodes[0].wait()
    for person in people:
        assert person.rest()[-1].startswith(DRAINED)
    assert ["n2"] == town.cluster.leases()
    for _ in range(4):
        bob.until(lambda line: line.endswith("has quit (connection lost)"))
    await_fact(lambda: before == town.cluster.held())


def test_a_node_drains_for_as_long_as_it_was_set_up_to(make_town: MakeTown) -> None:
    town = make_town("--drain", "0.5", count=1)
    town.person("ann", on=1)
    done = operate(town.cluster, "drain", "n1")
    assert "n1 drains: 1 connection within 0.5 s" == done.stderr.splitlines()[0]
    assert 0 == done.returncode


def test_a_node_that_is_told_twice_to_drain_is_gone_at_once(make_town: MakeTown) -> None:
    town = make_town("--drain", "600", count=2)
    people = [town.person(f"ann{i}", "#go", on=1) for i in range(3)]
    settle(*people)
    town.nodes[0].send_signal(signal.SIGTERM)
    assert 1 == len(with_news(people))
    done = operate(town.cluster, "drain", "n1")
    assert 0 == done.returncode, done.stderr
    assert 0 == town.nodes[0].wait()


def test_a_node_that_is_not_there_is_named_and_so_are_those_that_are(make_town: MakeTown) -> None:
    town = make_town(count=2)
    for command in (("drain", "n3"), ("rebalance", "n3", "--share", "10%")):
        done = operate(town.cluster, *command)
        expected = "Error: no node called n3 is alive; there are: n1, n2\n"
        assert (1, expected) == (done.returncode, done.stderr)


def test_a_node_that_takes_no_order_is_an_error_and_the_order_is_withdrawn(
    make_town: MakeTown,
) -> None:
    town = make_town(count=1)
    town.nodes[0].freeze()
    town.cluster.prolong("n1")
    done = operate(town.cluster, "drain", "n1", "--wait", "0.5")
    expected = "Error: n1 hasn't taken the order within 0.5 s\n"
    assert (1, expected) == (done.returncode, done.stderr)
    town.nodes[0].wake()
    assert [] == town.person("ann", on=1).does("/away")[:-1]
    assert [] == [key for key in town.cluster.all_keys() if key.endswith(":orders")]


def test_a_share_of_a_nodes_people_is_closed_and_the_node_goes_on(make_town: MakeTown) -> None:
    town = make_town(count=2)
    bob = town.person("bob", "#go", on=2)
    people = [town.person(f"ann{i}", "#go", on=1) for i in range(10)]
    settle(*people)
    done = operate(town.cluster, "rebalance", "n1", "--share", "30%", "--over", "0.5")
    expected = ["n1 closes 3 of 10 connections within 0.5 s", "n1 has closed 3 of 10 connections"]
    assert (0, expected) == (done.returncode, done.stderr.splitlines())
    closed: list[Citizen] = []
    while len(closed) < 3:
        closed += with_news([person for person in people if person not in closed])
    for person in closed:
        assert person.rest()[-1].startswith(DRAINED)
    settle(*(person for person in people if person not in closed))
    town.person("cat", "#go", on=1)
    assert "cat has joined the channel #go" in bob.settle()


@pytest.mark.parametrize("share", ["0%", "101%", "10", "many"])
def test_what_is_no_share_is_refused(share: str, make_town: MakeTown) -> None:
    done = operate(make_town(count=0).cluster, "rebalance", "n1", "--share", share)
    expected = f"Error: --share: expected a share such as 10%, up to 100%, not {share!r}\n"
    assert (2, expected) == (done.returncode, done.stderr)
