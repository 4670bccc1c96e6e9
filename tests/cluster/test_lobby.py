"""The lobby, where everyone finds themselves and hardly anything is announced."""

import pytest

from tests.cluster.conftest import MakeTown
from tests.support.town import named, settle


def test_coming_and_being_lost_is_not_announced_in_the_lobby(make_town: MakeTown) -> None:
    town = make_town()
    reader = town.person("reader")
    came = [town.person(on=i % 3 + 1) for i in range(6)]
    assert [] == reader.settle()
    for person in came:
        person.leave()
    assert [] == reader.settle()


def test_the_silent_change_their_nicks_unannounced_in_the_lobby(make_town: MakeTown) -> None:
    town = make_town(count=2)
    reader, ann = town.people("reader", "ann")
    assert ["ann is changing nick to anna"] == ann.does("/nick anna")
    assert [] == reader.settle()


def test_whoever_has_spoken_in_the_lobby_is_told_of_there(make_town: MakeTown) -> None:
    town = make_town(count=2)
    reader, ann = town.people("reader", "ann")
    ann.does("hello")
    ann.does("/nick anna")
    ann.type("/quit")
    ann.rest()
    assert [
        "[#lobby] <ann> hello",
        "ann is changing nick to anna",
        "anna has quit",
    ] == reader.settle()


def test_whoever_came_into_the_lobby_by_joining_is_told_of_there(make_town: MakeTown) -> None:
    town = make_town(count=2)
    reader, ann = town.people("reader", "ann")
    ann.does("/leave #lobby")
    ann.does("/join #lobby")
    ann.does("/nick anna")
    ann.type("/quit")
    ann.rest()
    assert [
        "ann has left the channel #lobby",
        "ann has joined the channel #lobby",
        "ann is changing nick to anna",
        "anna has quit",
    ] == reader.settle()


def test_the_silent_are_in_the_lobbys_names_all_the_same(make_town: MakeTown) -> None:
    town = make_town()
    people = town.people("ann", "bob", "cat", "dan")
    people[3].leave()
    people[2].does("/nick kitty")
    assert {"ann", "bob", "kitty"} == set(named(people[0].does("/names")))


def test_the_lobby_may_be_called_otherwise(make_town: MakeTown) -> None:
    town = make_town("--lobby", "#hall", count=2)
    ann, bob = town.people("ann", "bob")
    assert "#hall" in "\n".join(ann.heard)
    ann.does("hello")
    assert ["[#hall] <ann> hello"] == bob.settle()


def test_there_may_be_no_lobby(make_town: MakeTown) -> None:
    town = make_town("--lobby", "", count=2)
    ann, bob = town.people("ann", "bob")
    (refused,) = ann.does("hello")
    assert refused.startswith("error: ")
    assert [] == bob.settle()
    assert not [line for line in ann.heard if "#lobby" in line]


@pytest.mark.parametrize("spoke", [True, False])
def test_a_change_of_nick_in_lobby_and_channel_is_read_once(
    make_town: MakeTown, spoke: bool
) -> None:
    town = make_town(count=2)
    ann, bob = town.people("ann", "bob")
    if spoke:
        ann.does("hello")
    for person in (ann, bob):
        person.does("/join #go")
    settle(ann, bob)
    ann.does("/nick anna")
    assert ["ann is changing nick to anna"] == bob.settle()
