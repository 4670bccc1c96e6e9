"""IRC's operators: what they and others are answered."""

from typing import Any

import pytest
from msgspec.structs import replace

from broker.api import Code, Refused
from broker.bans import NOWHERE, Ban
from node.core import policing
from node.core.opers import Bar, OperWrites, Right
from tests.support.boss import ALL, OneBoss
from tests.support.ircville import Client, IrcVillage

S = ":irc.chorus"


class Office(IrcVillage):
    """A village whose node has operators."""

    def __init__(self) -> None:
        super().__init__()
        (self.chat,) = self.chats
        self.boss = self.chat.operators = OneBoss()

    def oper(self, nick: str, rights: frozenset[Right] = ALL) -> Client:
        self.boss.known["boss"] = rights
        client = self.here(nick)
        client.type("OPER boss boss's")
        self.boss.did.clear()
        return client


@pytest.fixture
def office() -> Office:
    return Office()


def test_oper_says_that_one_is_one(office: Office) -> None:
    """381 RPL_YOUREOPER: Modern."""
    expected = [f"{S} MODE ann :+o", f"{S} 381 ann :You are now an IRC operator"]
    assert expected == office.here("ann").type("OPER boss boss's")


@pytest.mark.parametrize("line", ["OPER boss wrong", "OPER nobody boss's"])
def test_oper_with_what_is_wrong(office: Office, line: str) -> None:
    """464 ERR_PASSWDMISMATCH: Modern."""
    assert [f"{S} 464 ann :Password incorrect"] == office.here("ann").type(line)


def test_oper_where_there_is_none() -> None:
    """491 ERR_NOOPERHOST: Modern."""
    ann = IrcVillage().here("ann")
    assert [f"{S} 491 ann :No O-lines for your host"] == ann.type("OPER boss boss's")


@pytest.mark.parametrize("line", ["OPER", "OPER boss", "KILL", "WALLOPS", "KLINE", "UNDLINE"])
def test_what_lacks_a_parameter(office: Office, line: str) -> None:
    """461 ERR_NEEDMOREPARAMS: Modern."""
    verb = line.split(maxsplit=1)[0]
    assert [f"{S} 461 ann {verb} :Not enough parameters"] == office.oper("ann").type(line)


@pytest.mark.parametrize(
    "line",
    ["KILL bob :x", "WALLOPS :x", "REHASH", "KLINE a@b", "DLINE 192.0.2.1", "UNKLINE a@b"],
)
def test_who_is_no_operator_does_nothing_of_it(office: Office, line: str) -> None:
    """481 ERR_NOPRIVILEGES: Modern. 723 ERR_NOPRIVS: Modern."""
    expected = [f"{S} 481 ann :Permission Denied- You're not an IRC operator"]
    assert expected == office.here("ann").type(line)
    (said,) = office.oper("bob", frozenset([Right.SEE])).type(line)
    assert said.startswith(f"{S} 723 bob ") and said.endswith(" :Insufficient oper privileges")
    assert [] == office.boss.did


BY = "oper boss (ann)"


@pytest.mark.parametrize(
    "line, did, read",
    [
        ("KILL bob :far too loud", ("kill", "ann", "bob", "far too loud", BY), ["killed"]),
        ("KILL bob", ("kill", "ann", "bob", "", BY), ["killed"]),
        ("WALLOPS :hi all", ("wallops", "ann", "hi all", BY), []),
        ("KLINE a@b :bad manners", ("bar", Bar("a@b", "bad manners"), BY), ["banned"]),
        ("KLINE 60 a@b bad", ("bar", Bar("a@b", "bad", 3600.0), BY), ["banned"]),
        ("KLINE 0 a@b", ("bar", Bar("a@b"), BY), ["banned"]),
        ("DLINE 192.0.2.1 :bad", ("bar", Bar("192.0.2.1", "bad"), BY), ["banned"]),
        ("UNKLINE a@b", ("unbar", "a@b", BY), ["unbanned"]),
        ("UNDLINE 192.0.2.1", ("unbar", "192.0.2.1", BY), ["unbanned"]),
    ],
)
def test_an_operator_has_it_done_and_reads_what_was(
    office: Office, line: str, did: tuple[Any, ...], read: list[str]
) -> None:
    ann = office.oper("ann")
    assert [f"{S} NOTICE ann :{says}" for says in read] == ann.type(line)
    assert [did] == office.boss.did


def test_rehash(office: Office) -> None:
    """382 RPL_REHASHING: Modern."""
    expected = [f"{S} 382 ann * :Rehashing", f"{S} NOTICE ann :read"]
    assert expected == office.oper("ann").type("REHASH")


def test_several_are_killed_each_once(office: Office) -> None:
    ann = office.oper("ann")
    ann.type("KILL bob,cat,bob :x")
    assert ["bob", "cat"] == [did[2] for did in office.boss.did]


def test_whom_nobody_is_called_nobody_kills(office: Office) -> None:
    """401 ERR_NOSUCHNICK: Modern."""
    ann = office.oper("ann")
    office.boss.refused = Refused(Code.NO_SUCH_NICK, "bob")
    assert [f"{S} 401 ann bob :No such nick/channel"] == ann.type("KILL bob :x")


def test_wallops_come_from_the_operator_to_those_who_want_them(office: Office) -> None:
    ann, bob, cat = office.oper("ann"), office.here("bob"), office.here("cat")
    me = bob.session.me
    me.profile = replace(me.profile, modes="w")
    policing.write(office.chat, OperWrites("ann", "~ann@host", "hi all"))
    expected = [":ann!~ann@host WALLOPS :hi all"]
    assert [expected, expected, []] == [one.read() for one in (ann, bob, cat)]


def test_an_operator_whose_row_is_gone_is_told(office: Office) -> None:
    ann = office.oper("ann")
    office.boss.known.clear()
    policing.review(office.chat)
    assert [f"{S} MODE ann :-o"] == ann.read()


def test_stats_show_who_is_banned(office: Office) -> None:
    """216, 225: as hybrid has them; 219 RPL_ENDOFSTATS: Modern."""
    ann, bob = office.oper("ann"), office.here("bob")
    office.boss.banned = [
        Ban(0, NOWHERE, "spam", "boss", mask="bob@*.org"),
        Ban(600_005, "192.0.2.0/24", "", "boss"),
    ]
    assert [
        f"{S} 216 ann K *.org * bob :spam, by boss",
        f"{S} 219 ann k :End of /STATS report",
    ] == ann.type("STATS k")
    assert [
        f"{S} 225 ann D 192.0.2.0/24 :no reason was given, for 10 more min, by boss",
        f"{S} 219 ann D :End of /STATS report",
    ] == ann.type("STATS D")
    assert ["481", "219"] == bob.numerics("STATS k")


def test_who_is_banned_by_mask_reads_so_when_they_have_said_who_they_are(office: Office) -> None:
    """465 ERR_YOUREBANNEDCREEP: Modern."""
    office.chat._bans.put([Ban(0, NOWHERE, "spam", mask="~bob@192.0.2.*")])
    rob, bob = office.client(), office.client()
    assert "001" == rob.numerics("NICK rob", "USER rob 0 * :Rob")[0]
    assert [
        f"{S} 465 * :you are banned from this server: spam",
        "ERROR :Closing link: banned: spam",
    ] == bob.type("NICK bert", "USER bob 0 * :Bob")
    assert not bob.here
