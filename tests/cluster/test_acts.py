"""`chorus notice`, `say`, `kick`, `ban`, `unban`, `bans`: an operator among people."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from broker.keys import Keys
from broker.reports import Incident
from tests.cluster.conftest import MakeTown
from tests.support.operator import operate
from tests.support.person import Person
from tests.support.processes import await_fact
from tests.support.town import Town, settle


def incidents(town: Town, *kinds: str) -> list[tuple[str, str, str]]:
    """What was told of such acts: kind, about, and in words; all by an operator."""
    with redis.Redis.from_url(town.cluster.url) as client:
        rows: Any = client.xrange(Keys(town.cluster.namespace).incidents)
    told = [msgspec.json.decode(fields[b"i"], type=Incident) for _, fields in rows]
    found = [one for one in told if one.kind in kinds]
    assert all(one.by.startswith("operator") for one in found)
    return [(one.kind.value, one.about, one.says) for one in found]


def test_a_notice_is_read_by_everybody_on_all_nodes(make_town: MakeTown) -> None:
    town = make_town(count=2)
    people = town.people("ann", "bob", "cat", at="#go")
    done = operate(town.cluster, "notice", "back at \x1b[31mnoon")
    assert (0, "3 people were told\n") == (done.returncode, done.stderr)
    for person in people:
        assert ["notice: back at \ufffd[31mnoon"] == person.settle()
    assert [("notice", "", "3 people were told")] == incidents(town, "notice")


@pytest.mark.parametrize("text", ["", "two\nlines"])
def test_a_notice_that_is_none_is_refused(make_town: MakeTown, text: str) -> None:
    done = operate(make_town(count=0).cluster, "notice", text)
    assert (1, True) == (done.returncode, done.stderr.startswith("Error: text: expected "))


def test_something_is_said_in_a_channel_without_being_there(make_town: MakeTown) -> None:
    town = make_town(count=2)
    ann, bob = town.people("ann", "bob", at="#go")
    done = operate(town.cluster, "say", "#go", "it's deployed", "--as", "deploys")
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    for person in (ann, bob):
        assert ["[#go] <deploys.bot> it's deployed"] == person.settle()
    assert ["in #go (2): @ann bob"] == ann.does("/names")


def test_where_there_is_no_channel_nothing_is_said(make_town: MakeTown) -> None:
    done = operate(make_town(count=1).cluster, "say", "#nowhere", "hi")
    assert (1, "Error: there is no channel #nowhere\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    "args, says",
    [
        (["#go", "hi", "--as", "Ann B"], "Error: Ann B can't be a name\n"),
        (["#a,b", "hi"], "Error: #a,b can't be a channel\n"),
        (["#go", ""], "Error: text: expected some words\n"),
    ],
)
def test_what_cannot_be_said_is_refused(make_town: MakeTown, args: list[str], says: str) -> None:
    done = operate(make_town(count=0).cluster, "say", *args)
    assert (1, says) == (done.returncode, done.stderr)


def test_who_is_kicked_reads_why_others_too_and_it_cannot_be_undone(make_town: MakeTown) -> None:
    town = make_town(count=2)
    ann, bob = town.people("ann", "bob", at="#go")
    (token,) = bob.does("/token")
    done = operate(town.cluster, "kick", "BOB", "--why", "spam")
    assert (0, "bob was kicked: spam\n") == (done.returncode, done.stderr)
    assert ["closing: kicked: spam"] == bob.rest()
    ann.until("bob has quit (kicked: spam)")
    cat = town.person("cat")
    assert ["error: that token is not known"] == cat.does(f"/resume {token.split()[1]}")
    assert [("kick", "bob", "bob was kicked: spam")] == incidents(town, "kick")


def test_who_is_kept_and_not_connected_is_kicked_too(make_town: MakeTown) -> None:
    town = make_town(count=2)
    ann, bob = town.people("ann", "bob", at="#go")
    bob.does("/token")
    bob.close()
    town.citizens.remove(bob)
    done = operate(town.cluster, "kick", "bob")
    assert (0, "bob was kicked\n") == (done.returncode, done.stderr)
    ann.until("bob has quit (kicked)")
    assert ["error: nobody is called bob"] == ann.does("/whois bob")


def test_whom_there_is_not_nobody_kicks(make_town: MakeTown) -> None:
    done = operate(make_town(count=1).cluster, "kick", "bob")
    assert (1, "Error: nobody is called bob\n") == (done.returncode, done.stderr)


def test_who_is_banned_is_closed_and_cannot_come_again_on_any_node_until_unbanned(
    make_town: MakeTown,
) -> None:
    town = make_town(count=2)
    people = town.people("ann", "bob", at="#go")
    refused = operate(town.cluster, "ban", "bob")
    assert 1 == refused.returncode
    expected = "Error: 127.0.0.1, the address of bob, is where the nodes' own machines connect from"
    assert refused.stderr.startswith(expected), refused.stderr
    settle(*people)
    done = operate(town.cluster, "ban", "bob", "--force", "--for", "2h", "--why", "spam")
    says = "127.0.0.1, the address of bob, is banned for 2 h: spam"
    assert (0, f"{says}\n") == (done.returncode, done.stderr)
    for person in people:
        assert "closing: banned: spam" == person.rest()[-1]
    for node in town.nodes:
        with Person(node.line) as late:
            assert ["closing: banned: spam"] == [late.read()]
    listed = json.loads(operate(town.cluster, "bans", "--json").stdout)
    assert [("127.0.0.1/32", "spam", "bob")] == [
        (ban["network"], ban["why"], ban["nick"]) for ban in listed
    ]
    assert 7_200_000 == listed[0]["until"] - listed[0]["at"]
    shown = operate(town.cluster, "bans").stdout
    assert shown.startswith("127.0.0.1  until ") and "found as bob" in shown
    undone = operate(town.cluster, "unban", "127.0.0.1")
    assert (0, "127.0.0.1 isn't banned any more\n") == (undone.returncode, undone.stderr)

    def welcome() -> bool:
        with Person(town.nodes[0].line) as again:
            return again.read().startswith("welcome")

    await_fact(welcome)
    expected_told = [("ban", "127.0.0.1", says), ("unban", "127.0.0.1", undone.stderr.strip())]
    assert expected_told == incidents(town, "ban", "unban")


def test_who_is_like_a_banned_mask_is_closed_and_others_stay(make_town: MakeTown) -> None:
    town = make_town("--balancers", "127.0.0.1", count=2)

    def come(address: str, node: int) -> Person:
        person = Person(town.nodes[node].line)
        person.type(f"PROXY TCP4 {address} 127.0.0.1 40000 1234")
        return person

    with come("203.0.113.9", 0) as ann, come("198.51.100.9", 0) as bob:
        settle(ann, bob)
        done = operate(town.cluster, "ban", "Slash@203.0.*.9", "--why", "spam")
        says = "slash@203.0.*.9 is banned for good: spam"
        assert (0, f"{says}\n") == (done.returncode, done.stderr)
        ann.until("closing: banned: spam")
        assert [] == bob.settle()
        with come("203.0.114.9", 1) as again, come("203.0.114.10", 1) as other:
            again.until("closing: banned: spam")
            other.settle()
    shown = operate(town.cluster, "bans").stdout
    assert shown.startswith("slash@203.0.*.9  for good, by operator")
    (listed,) = json.loads(operate(town.cluster, "bans", "--json").stdout)
    assert ("", "slash@203.0.*.9") == (listed["network"], listed["mask"])
    undone = operate(town.cluster, "unban", "SLASH@203.0.*.9")
    assert (0, "slash@203.0.*.9 isn't banned any more\n") == (undone.returncode, undone.stderr)
    about = "slash@203.0.*.9"
    told = [("ban", about, says), ("unban", about, undone.stderr.strip())]
    assert told == incidents(town, "ban", "unban")


def test_nodes_read_their_files_anew(make_town: MakeTown, tmp_path: Path) -> None:
    opers = tmp_path / "opers.toml"
    opers.write_text("")
    town = make_town("--opers", str(opers), count=2)
    done = operate(town.cluster, "rehash")
    says = done.stderr.strip()
    names, _, words = says.partition(": ")
    assert sorted(node.name for node in town.nodes) == sorted(names.split(", "))
    assert f"--opers: read {opers} anew, 0 operators" == words
    assert (0, f"{says}\n") == (done.returncode, done.stderr)
    assert [("rehash", "", says)] == incidents(town, "rehash")


@pytest.mark.parametrize(
    "args, says",
    [
        (["ban", "nobody"], "Error: nobody is called nobody\n"),
        (
            ["ban", "10.1.2.3/8"],
            "Error: expected a network's first address: did you mean 10.0.0.0/8?\n",
        ),
        (["ban", "::1"], "Error: ::/64 is where the nodes' own machines connect from"),
        (["ban", "192.0.2.1", "--for", "0s"], "Error: seconds: expected 1 to "),
        (["ban", "192.0.2.1", "--for", "soon"], "Error: --for: expected a time such as 30m"),
        (["ban", "*@*"], "Error: *@* is where the nodes' own machines connect from"),
        (["ban", "?*@127.*"], "Error: ?*@127.* is where the nodes' own machines connect from"),
        (["ban", "ann!bob@*"], "Error: expected a mask such as bob@*.example.org, not 'ann!bob@*'"),
        (["unban", "bob@*"], "Error: bob@* isn't banned"),
        (["unban", "192.0.2.1"], "Error: 192.0.2.1 isn't banned\n"),
        (["unban", "ann"], "Error: expected an address, or a network such as"),
    ],
)
def test_what_cannot_be_banned_is_said(make_town: MakeTown, args: list[str], says: str) -> None:
    done = operate(make_town(count=0).cluster, *args)
    assert done.stderr.startswith(says), done.stderr
    assert 0 != done.returncode


def test_behind_a_balancer_a_ban_hits_who_it_is_meant_for(make_town: MakeTown) -> None:
    town = make_town("--balancers", "127.0.0.1", count=1)

    def come(address: str) -> Person:
        person = Person(town.nodes[0].line)
        person.type(f"PROXY TCP4 {address} 127.0.0.1 40000 1234")
        return person

    with come("203.0.113.9") as ann, come("203.0.113.10") as bob:
        ann.does("/nick ann")
        bob.does("/nick bob")
        done = operate(town.cluster, "ban", "ann", "--why", "spam")
        expected = "203.0.113.9, the address of ann, is banned for good: spam\n"
        assert (0, expected) == (done.returncode, done.stderr)
        ann.until("closing: banned: spam")
        assert [] == bob.settle()
        with come("203.0.113.9") as again, come("203.0.113.10") as other:
            assert "closing: banned: spam" == again.read()
            other.settle()
