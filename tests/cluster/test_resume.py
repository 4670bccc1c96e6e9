"""Sessions that outlive their connection and their node, on real nodes (`/token`, `/resume`)."""

import re

import pytest

from tests.cluster.conftest import LEASE, MakeTown
from tests.support.town import Citizen, Town, new_channel, settle

KEEP = 3.0
"""Seconds that a session is kept in tests that wait for its end."""


def token(person: Citizen) -> str:
    """The token of a person's session, which is kept from now on."""
    person.type("/token")
    return person.until("token ").removeprefix("token ")


def resume(town: Town, given: str, *places: str, on: int) -> Citizen:
    """Somebody with a token on a new connection; they have read what they missed."""
    person = town.person(on=on)
    person.type(" ".join(["/resume", given, *places]))
    person.until("resumed as ")
    person.settle()
    return person


def since(person: Citizen, line: str) -> list[str]:
    """What a person has heard after a line that begins so."""
    at = next(i for i, heard in enumerate(person.heard) if heard.startswith(line))
    return [heard for heard in person.heard[at + 1 :] if not heard.startswith("pong ")]


def test_a_session_goes_on_on_another_node_and_nobody_sees_it(town: Town, go: str) -> None:
    ann, bob = town.person("ann", go, on=1), town.person("bob", go, on=2)
    given, before = token(ann), len(bob.heard)
    ann.close()
    bob.does("are you there?")
    again = resume(town, given, on=3)
    again.does("yes")
    bob.settle()
    # her node may have written it to a socket that was closed: then it comes as history, perhaps
    # with what was before
    missed = [
        re.sub(r"^\| \d\d:\d\d ", "", line)
        for line in since(again, "resumed as ann")
        if not re.match(r"\| .* has joined", line)
    ]
    told = [line for line in bob.heard[before:] if not line.startswith("pong ")]
    assert ([f"[{go}] <bob> are you there?"], [f"[{go}] <ann> yes"]) == (missed, told)


def test_a_session_is_taken_over_while_it_is_open(town: Town, go: str) -> None:
    ann, bob = town.person("ann", go, on=1), town.person("bob", go, on=2)
    given, before = token(ann), len(bob.heard)
    again = resume(town, given, on=2)
    assert "closing: resumed elsewhere" == ann.rest()[-1]
    again.does("here")
    bob.settle()
    assert [f"[{go}] <ann> here"] == [line for line in bob.heard[before:] if "pong" not in line]


def test_each_line_is_read_once_across_many_takeovers(town: Town, go: str) -> None:
    """Bob talks without a pause while ann's session goes from node to node."""
    ann, bob = town.person("ann", go, on=1), town.person("bob", go, on=2)
    ann.does("/set pos on")
    bob.does("before")
    ann.settle()
    given, read = token(ann), []
    place = ann.heard[-3].split(" ")[0]  # of that line
    ann.heard.clear()
    for turn in range(12):
        for i in range(20):
            bob.type(f"{turn}.{i}")
        ann.settle() if turn % 3 else None
        said = [line.split(" ") for line in ann.heard if line.startswith("@") and "<bob>" in line]
        read += [words[-1] for words in said]
        place = said[-1][0] if said else place
        if not turn % 2:
            ann.close()
        ann = resume(town, given, f"{go}{place}", on=turn % 3 + 1)
    bob.settle()
    ann.settle()
    read += [line.split(" ")[-1] for line in ann.heard if line.startswith("@") and "<bob>" in line]
    assert [f"{turn}.{i}" for turn in range(12) for i in range(20)] == read


def test_a_nodes_death_is_not_seen_of_those_who_come_back(make_town: MakeTown) -> None:
    town = make_town("--lease", str(LEASE), count=3)
    ann, bob = town.person("ann", "#go", on=1), town.person("bob", "#go", on=2)
    cat = town.person("cat", "#go", on=1)
    given = token(ann)
    settle(ann, bob, cat)
    before = len(bob.heard)
    town.nodes[0].kill()
    bob.does("one")
    bob.until("cat has quit (connection lost)")
    bob.does("two")
    again = resume(town, given, on=3)
    again.does("/msg bob psst")
    again.does("three")
    bob.settle()
    said = [line for line in bob.heard[before:] if not line.startswith("pong ")]
    lines = [line.partition("[")[2] for line in since(again, "resumed as ann") if "<bob>" in line]
    assert ["#go] <bob> one", "#go] <bob> two"] == lines
    assert [
        "cat has quit (connection lost)",
        "[private] <ann> psst",
        "[#go] <ann> three",
    ] == said


def test_who_does_not_come_back_quits_once(make_town: MakeTown) -> None:
    town = make_town("--lease", str(LEASE), "--keep", str(KEEP), count=3)
    ann, bob = town.person("ann", "#go", "#og", on=1), town.person("bob", "#go", "#og", on=2)
    given = token(ann)
    ann.close()
    bob.until("ann has quit (connection lost)")
    bob.settle()
    person = town.person(on=3)
    assert ["error: that token is not known"] == person.does(f"/resume {given}")
    assert 1 == sum(line.startswith("ann has quit") for line in bob.heard)
    assert any("is changing nick to ann" in line for line in person.does("/nick ann"))


@pytest.mark.parametrize("frozen", [False, True])
def test_a_woken_node_gives_way_or_goes_on(make_town: MakeTown, frozen: bool) -> None:
    """A node stood still past its lease: whoever was resumed elsewhere is closed there; who wasn't
    goes on, and nobody sees a thing.
    """
    town = make_town("--lease", str(LEASE), count=2)
    ann, bob = town.person("ann", "#go", on=1), town.person("bob", "#go", on=2)
    cat = town.person("cat", "#go", on=1)
    given = token(ann)
    settle(ann, bob, cat)
    before = len(bob.heard)
    town.nodes[0].freeze()
    try:
        bob.until("cat has quit (connection lost)")  # and ann's session is detached
        if frozen:
            again = resume(town, given, on=2)
    finally:
        town.nodes[0].wake()
    if frozen:
        assert "closing: resumed elsewhere" == ann.rest()[-1]
        again.does("me")
    else:
        cat.until("notice: this node was cut off")
        ann.does("me")
    bob.settle()
    about = [line for line in bob.heard[before:] if re.search(r"\bann\b", line)]
    assert ["[#go] <ann> me"] == about


def test_who_quits_as_their_node_wakes_past_its_lease_has_quit(make_town: MakeTown) -> None:
    town = make_town("--lease", str(LEASE), count=2)
    ann, bob = town.person("ann", "#go", on=1), town.person("bob", "#go", on=2)
    cat = town.person("cat", "#go", on=1)
    token(ann)
    settle(ann, bob, cat)
    town.nodes[0].freeze()
    try:
        bob.until("cat has quit (connection lost)")  # and ann's session is detached
        ann.type("/quit bye")
    finally:
        town.nodes[0].wake()
    bob.until("ann has quit (bye)")


def test_a_token_serves_on_every_node_at_once_and_one_wins(town: Town) -> None:
    go = new_channel()
    ann = town.person("ann", go, on=1)
    given = token(ann)
    ann.close()
    rivals = [town.person(on=i % 3 + 1) for i in range(6)]
    for rival in rivals:
        rival.type(f"/resume {given}")
    bob, winners, losers = town.person("bob", go, on=1), rivals, []
    while len(winners) > 1:
        standing = []
        for rival in winners:
            try:
                rival.settle()
            except ConnectionError:
                losers.append(rival.heard[-1])
            else:
                refused = [line for line in rival.heard if line.startswith("error: ")]
                losers += refused
                standing += [rival] if not refused else []
        winners = standing
    assert {"closing: resumed elsewhere", "error: that session is open elsewhere"} >= set(losers)
    assert 1 == len(winners), [rival.heard[4:] for rival in rivals]
    winners[0].does("it's me")
    bob.settle()
    assert f"[{go}] <ann> it's me" in bob.heard, winners[0].heard[4:]


def test_without_places_nothing_is_skipped_and_nothing_is_new_twice(town: Town, go: str) -> None:
    """Bob talks without a pause while ann's session is taken from one open connection by another:
    what the one before showed comes as history at most.
    """
    ann, bob = town.person("ann", go, on=1), town.person("bob", go, on=2)
    given, heard, total = token(ann), [], 0
    for turn in range(12):
        for _ in range(30):
            bob.type(str(total))
            total += 1
        again = town.person(on=turn % 3 + 1)
        again.type(f"/resume {given}")
        for _ in range(30):
            bob.type(str(total))
            total += 1
        again.until("resumed as ")
        heard += ann.rest()
        ann = again
    bob.settle()
    ann.settle()
    heard += ann.heard
    new = [line.split(" ")[-1] for line in heard if line.startswith(f"[{go}] <bob> ")]
    old = [line.split(" ")[-1] for line in heard if line.startswith("| ") and "<bob>" in line]
    assert [] == sorted(one for one in set(new) if new.count(one) > 1)
    assert {str(i) for i in range(total)} == {*new, *old}


@pytest.mark.parametrize("swept", [False, True])
def test_nothing_is_skipped_when_a_node_dies_under_load(make_town: MakeTown, swept: bool) -> None:
    town = make_town("--lease", str(LEASE), count=3)
    ann, bob = town.person("ann", "#go", on=1), town.person("bob", "#go", on=2)
    cat = town.person("cat", "#go", on=1)
    given, total = token(ann), 600
    settle(ann, bob, cat)
    for i in range(total):
        if i == total // 2:
            town.nodes[0].kill()
        bob.type(str(i))
    if swept:
        bob.until("cat has quit (connection lost)")
    again = resume(town, given, on=3)
    settle(bob, again)  # bob's node may have been busy with all that until now
    heard = ann.rest() + since(again, "resumed as ann")
    new = [line.split(" ")[-1] for line in heard if line.startswith("[#go] <bob> ")]
    old = [line.split(" ")[-1] for line in heard if line.startswith("| ") and "<bob>" in line]
    assert [] == sorted(one for one in set(new) if new.count(one) > 1)
    assert {str(i) for i in range(total)} == {*new, *old}
