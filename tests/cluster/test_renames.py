"""Channels that get another name, on real nodes: everybody on another one, who speaks otherwise,
and nothing to wait for in between.
"""

import pytest

from tests.cluster.conftest import MakeTown
from tests.support.irc import Irc, Tcp
from tests.support.town import Town, new_channel, settle


@pytest.fixture
def town(make_town: MakeTown) -> Town:
    return make_town(count=3)


def on(town: Town, number: int, nick: str, *at: str, caps: str = "") -> Irc:
    """Somebody who speaks IRC, on a node."""
    return Irc(Tcp(town.nodes[number].irc), nick, *at, caps=caps)


def said(lines: list[str]) -> list[str]:
    """What lines say, without who says it."""
    return [line.partition(" ")[2] for line in lines]


def test_everybody_goes_along_and_is_told_in_their_own_words(town: Town) -> None:
    go, py = new_channel(), new_channel()
    with (
        on(town, 0, "ann", go, caps="draft/channel-rename") as ann,
        on(town, 1, "bob", go) as bob,
    ):
        cat = town.person("cat", go, on=3)
        ann.settle()
        bob.settle()
        assert [f"RENAME {go} {py} :why not"] == said(ann.does(f"RENAME {go} {py} :why not"))
        shown = said(bob.settle())
        assert [f"PART {go} :why not", f"JOIN {py}"] == shown[:2]
        if not any(f" 366 bob {py} " in line for line in bob.heard):
            bob.until(lambda line: f" 366 bob {py} " in line)
        assert f"ann has renamed the channel {go} to {py} (why not)" in cat.settle()
        cat.type("hi from a line")
        cat.settle()
        expected = [f"PRIVMSG {py} :hi from a line"]
        assert (expected, expected) == (said(ann.settle()), said(bob.settle()))
        # the old name is somebody else's, at once
        joined = said(bob.does(f"JOIN {go}"))
        assert (f"JOIN {go}", f"353 bob = {go} :@bob") == (joined[0], joined[1])
        assert [f"MODE {go} +k beer"] == said(bob.does(f"MODE {go} +k beer"))
        assert [] == ann.settle()


def test_lines_of_that_moment_are_read_by_all_in_one_order(town: Town) -> None:
    go, py = new_channel(), new_channel()
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    for number in range(40):
        bob.type(f"line {number}")
        cat.type(f"line {number}")
        if number == 20:
            ann.type(f"/rename {go} {py}")
    heard = settle(ann, bob, cat)
    moved = f"ann has renamed the channel {go} to {py}"
    for each in heard:
        at = each.index(moved)
        assert not any(line.startswith(f"[{py}]") for line in each[:at])
        assert not any(line.startswith(f"[{go}]") for line in each[at:])
    spoken = [[line for line in each if line.startswith("[")] for each in heard]
    assert len(spoken[0]) == len({*spoken[0]})
    for nick, own in (("bob", spoken[1]), ("cat", spoken[2])):
        assert [line for line in spoken[0] if f"<{nick}>" not in line] == own


def test_who_was_away_and_knows_the_old_name_gets_what_follows_their_place(town: Town) -> None:
    go, py = new_channel(), new_channel()
    ann, bob = town.people("ann", "bob", at=go)
    bob.does("/set pos on")
    ann.does("one")
    (place,) = [line.split()[0] for line in bob.settle() if line.endswith("<ann> one")]
    bob.type("/token")
    token = bob.until("token ").removeprefix("token ")
    ann.does("two")
    bob.settle()
    bob.close()
    for line in (f"/rename {go} {py}", "three"):
        ann.does(line)
    again = town.person(on=3)
    told = [line.partition(" ")[2] for line in again.does(f"/resume {token} {go}{place}")]
    assert [
        f"[{py}] <ann> two",
        f"ann has renamed the channel {go} to {py}",
        f"[{py}] <ann> three",
    ] == told[-3:]


def test_a_node_that_dies_before_it_is_told_leaves_nobody_behind(town: Town) -> None:
    go, py = new_channel(), new_channel()
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    town.nodes[1].freeze()
    ann.type(f"/rename {go} {py}")
    ann.settle()
    town.nodes[1].kill()
    for person in (ann, cat):
        person.until("bob has quit (connection lost)")
    assert [f"in {py} (2): @ann cat"] == cat.does(f"/names {py}")
    bob.close()
