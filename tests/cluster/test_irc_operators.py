"""Operators in IRC, on real nodes: everybody on another one, and nothing to wait for in between."""

import json
from pathlib import Path

import pytest

from node.core.opers import Right
from node.opers import draw
from tests.cluster.conftest import MakeTown
from tests.cluster.test_certificates import Client, secured
from tests.support.irc import Irc, Tcp
from tests.support.operator import operate
from tests.support.town import Town


class Court:
    """A town of three nodes with an operator, boss, whose password is `pass`."""

    def __init__(self, town: Town, opers: Path) -> None:
        self.town = town
        self.opers = opers

    def somebody(self, nick: str, *at: str, on: int) -> Irc:
        """Somebody on a node."""
        return Irc(Tcp(self.town.nodes[on].irc), nick, *at)

    def boss(self, *at: str) -> Irc:
        made = self.somebody("ann", *at, on=0)
        (mode, done) = made.does("OPER boss pass")
        assert (mode.split(" ", 1)[1], done.split(" ")[1]) == ("MODE ann :+o", "381")
        return made


@pytest.fixture
def court(make_town: MakeTown, tmp_path: Path) -> Court:
    opers = tmp_path / "opers.toml"
    opers.write_text(draw("boss", "pass", frozenset(Right)))
    return Court(make_town("--opers", str(opers), count=3), opers)


def said(lines: list[str]) -> list[str]:
    """What lines say, without who says it."""
    return [line.partition(" ")[2] for line in lines]


def ending(person: Irc) -> str:
    """The last line before a connection is closed."""
    person.rest()
    return person.heard[-1]


def test_who_is_killed_is_gone_when_kill_is_answered(court: Court) -> None:
    with (
        court.boss("#go") as ann,
        court.somebody("bob", "#go", on=1) as bob,
        court.somebody("cat", "#go", on=2) as cat,
    ):
        ann.settle()
        answered = ann.does("KILL bob :far too loud")
        assert "NOTICE ann :bob was killed: far too loud" in said(answered)
        assert "ERROR :Closing link: killed: ann (far too loud)" == ending(bob)
        quits = [line for line in said(cat.settle()) if line.startswith("QUIT")]
        assert ["QUIT :Killed (ann (far too loud))"] == quits
        (refused,) = cat.does("KILL ann :revenge")
        assert "481" == refused.split(" ")[1]
        assert ["401"] == [line.split(" ")[1] for line in ann.does("KILL bob :again")]


def test_wallops_have_come_to_all_who_read_them_when_they_are_answered(court: Court) -> None:
    with (
        court.boss() as ann,
        court.somebody("bob", on=1) as bob,
        court.somebody("cat", on=2) as cat,
    ):
        bob.does("MODE bob +w")
        cat.does("MODE cat -w")
        assert ["WALLOPS :hi all"] == said(ann.does("WALLOPS :hi all"))
        assert (["WALLOPS :hi all"], []) == (said(bob.settle()), cat.settle())
        assert bob.heard[-2].startswith(":ann!~ann@")


def test_a_mask_is_banned_on_all_nodes_for_who_is_there_and_for_who_comes(court: Court) -> None:
    with court.boss() as ann, court.somebody("bob", on=1) as bob:
        (done,) = said(ann.does("KLINE 60 ~bob@* :spam"))
        assert "NOTICE ann :~bob@* is banned for 60 min: spam" == done
        assert "ERROR :Closing link: banned: spam" == ending(bob)
        for node in court.town.nodes[1:]:
            with Irc(Tcp(node.irc)) as again:
                again.type("NICK bobby", "USER bob 0 * :Bob")
                assert "ERROR :Closing link: banned: spam" == ending(again)
                assert "465" == again.heard[-2].split(" ")[1]
        (shown, end) = ann.does("STATS k")
        assert ("216", "219") == (shown.split(" ")[1], end.split(" ")[1])
        (listed,) = json.loads(operate(court.town.cluster, "bans", "--json").stdout)
        assert ("~bob@*", "oper boss (ann)") == (listed["mask"], listed["by"])
        assert ["NOTICE ann :~bob@* isn't banned any more"] == said(ann.does("UNKLINE ~bob@*"))
        (refused,) = said(ann.does("DLINE 127.0.0.0/8"))
        assert "127.0.0.0/8 is where the nodes' own machines connect from" in refused


def test_operators_read_what_others_do_if_they_want_to(court: Court) -> None:
    with court.boss() as ann, court.somebody("bob", on=1) as bob, court.somebody("c", on=2) as cat:
        bob.does("OPER boss pass", "MODE bob +s")
        cat.does("MODE c +s")
        ann.does("DLINE 192.0.2.1 :spam")
        says = "NOTICE bob :*** 192.0.2.1 is banned for good: spam (by oper boss (ann))"
        bob.until(lambda line: line.endswith(f" {says}"))
        operate(court.town.cluster, "unban", "192.0.2.1")
        bob.until(lambda line: "*** 192.0.2.1 isn't banned any more (by operator" in line)
        assert [] == cat.settle()


def test_rehash_is_answered_when_all_nodes_have_read_their_files(court: Court) -> None:
    with court.boss() as ann, court.somebody("bob", on=1) as bob:
        bob.does("OPER boss pass")
        court.opers.write_text("")
        number, notice, *rest = said(ann.does("REHASH"))
        assert "382" == number.split(" ")[0]
        assert notice.endswith(f"--opers: read {court.opers} anew, 0 operators")
        assert ["MODE ann :-o"] == [*rest, *said(ann.settle())][:1]
        assert ["MODE bob :-o"] == said(bob.settle())
        (refused,) = ann.does("REHASH")
        assert "481" == refused.split(" ")[1]


def test_a_certificate_may_stand_in_the_place_of_a_password(
    make_town: MakeTown, tmp_path: Path
) -> None:
    client, motd, opers = Client(tmp_path), tmp_path / "motd", tmp_path / "opers.toml"
    opers.write_text(
        f'[[oper]]\nname = "boss"\ncertificate = "{client.fingerprint}"\nrights = ["rehash"]\n'
    )
    motd.write_text("Good morning\n")
    files = ("--opers", str(opers), "--irc-motd", str(motd))
    (node,) = make_town(*secured(tmp_path, "irc"), *files, count=1).nodes
    with Irc(Tcp(node.irc, client.context), "ann") as ann:
        assert "MODE ann :+o" in said(ann.does("OPER boss -"))
        motd.write_text("Good night\n")
        (done,) = [line for line in said(ann.does("REHASH")) if line.startswith("NOTICE")]
        read = [
            f"--opers: read {opers} anew, 1 operators",
            f"--irc-motd: read {motd} anew, 1 lines",
            "the certificate of ssl:0:",
        ]
        assert [True] * 3 == [words in done for words in read], done
        assert "was read anew" in done
        assert "372 ann :- Good night" in said(ann.does("MOTD"))
    other = Client(tmp_path)
    assert other.fingerprint != client.fingerprint
    with Irc(Tcp(node.irc, other.context), "bob") as bob:
        (refused,) = bob.does("OPER boss -")
        assert "464" == refused.split(" ")[1]


def test_who_tries_it_too_often_has_to_wait_and_the_log_has_no_password(
    make_town: MakeTown, tmp_path: Path
) -> None:
    opers = tmp_path / "opers.toml"
    opers.write_text(draw("boss", "pass", frozenset(Right)))
    flags = ("--opers", str(opers), "--trusted", "", "--opers-per-address", "2/3600")
    (node,) = make_town(*flags, count=1).nodes
    with Irc(Tcp(node.irc), "ann") as ann:
        tries = ["OPER boss hunter2", "OPER hunter2 boss", "OPER boss pass"]
        *wrong, late = [ann.does(one)[0] for one in tries]
        assert ["464"] * 2 == [line.split(" ")[1] for line in wrong]
        assert "you try to become an operator too often" in late
    log = node.log.read_text()
    told = [line for line in log.splitlines() if "isn't the operator" in line]
    assert (2, False) == (len(told), "hunter2" in log)
    assert ["operator=boss", 'operator=""'] == [line.split(" ")[-1] for line in told]
    assert all("nick=ann" in line and "address=127.0.0.1" in line for line in told)
