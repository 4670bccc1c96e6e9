"""IRC's registration and capability negotiation: Modern IRC Client Protocol, "Connection
Registration"; IRCv3 Capability Negotiation.
"""

import pytest

from node.dialects.irc.caps import CAPS
from tests.support.ircville import Client, IrcVillage

IN = ["001", "002", "003", "004", "005", "251", "252", "254", "255", "265", "266"]


def test_who_has_said_a_nick_and_a_user_is_in() -> None:
    ann = IrcVillage().client()
    assert [*IN, "422"] == list(dict.fromkeys(ann.numerics("NICK ann", "USER ann 0 * :Ann")))


def test_the_order_of_nick_and_user_does_not_matter() -> None:
    ann = IrcVillage().client()
    assert [*IN, "422"] == list(dict.fromkeys(ann.numerics("USER ann 0 * :Ann", "NICK ann")))


def test_nobody_is_in_before_both_are_said() -> None:
    ann = IrcVillage().client()
    assert [] == ann.type("NICK ann", "NICK anna")


def test_nobody_is_in_before_negotiation_has_ended() -> None:
    ann = IrcVillage().client()
    before = ann.numerics("CAP LS 302", "NICK ann", "USER ann 0 * :Ann")
    assert ({"CAP"}, "001") == (set(before), ann.numerics("CAP END")[0])


def test_a_request_begins_negotiation_too() -> None:
    ann = IrcVillage().client()
    before = ann.numerics("CAP REQ :batch", "NICK ann", "USER ann 0 * :Ann")
    assert (["CAP"], "001") == (before, ann.numerics("CAP END")[0])


def test_the_welcome_names_the_person_in_full() -> None:
    ann = IrcVillage().client()
    assert ":irc.chorus 001 ann :Welcome to the chorus IRC network, ann" in ann.register("ann")


def test_a_nick_that_somebody_has_can_be_asked_for_otherwise() -> None:
    village = IrcVillage(2)
    village.here("ann")
    other = village.client(1)
    taken = other.type("NICK Ann", "USER x 0 * :X")
    assert [":irc.chorus 433 * Ann :Nickname is already in use"] == taken
    assert "001" == other.numerics("NICK anna")[0]


@pytest.mark.parametrize("nick", ["3x", "a b", "-x", "ä", "a" * 33, "a!b", "#a"])
def test_a_nick_that_can_not_be_is_told(nick: str) -> None:
    ann = IrcVillage().client()
    assert ["432"] == ann.numerics(f"NICK :{nick}")


def test_a_nick_of_the_servers_own_can_not_be_taken() -> None:
    assert ["432"] == IrcVillage().client().numerics("NICK guest-abcde")


def test_the_nick_that_one_has_is_no_news() -> None:
    ann = IrcVillage().here("ann")
    assert [] == ann.type("NICK ann")
    assert [":ann!~ann@192.0.2.7 NICK Ann"] == ann.type("NICK Ann")


def test_no_nick_is_told() -> None:
    assert ["431"] == IrcVillage().client().numerics("NICK")


@pytest.mark.parametrize("line", ["USER", "USER a", "USER a 0 *", "USER a 0 * :"])
def test_a_user_needs_four_parameters(line: str) -> None:
    assert ["461"] == IrcVillage().client().numerics(line)


@pytest.mark.parametrize("user, kept", [("ann", "ann"), ("änn", "nn"), ("😊", "user")])
def test_of_a_user_name_only_what_may_stand_in_one_is_kept(user: str, kept: str) -> None:
    ann = IrcVillage().client()
    ann.type("NICK ann", f"USER {user} 0 * :Ann")
    assert [f":irc.chorus 302 ann :ann=+~{kept}@192.0.2.7"] == ann.type("USERHOST ann")


@pytest.mark.parametrize("line", ["JOIN #go", "PRIVMSG #go :x", "LIST", "WHAT", "OPER a b"])
def test_nothing_else_is_done_before(line: str) -> None:
    assert ["451"] == IrcVillage().client().numerics(line)


def test_a_ping_is_answered_before() -> None:
    assert [":irc.chorus PONG irc.chorus :x"] == IrcVillage().client().type("PING x")


def test_who_is_in_can_not_register_again() -> None:
    ann = IrcVillage().here("ann")
    assert ["462", "462"] == ann.numerics("USER b 0 * :B", "PASS x")


def test_who_has_to_give_a_password_gives_it_first() -> None:
    ann = IrcVillage(irc={"password": "open"}).client()
    assert "001" == ann.numerics("PASS open", "NICK ann", "USER ann 0 * :Ann")[0]


@pytest.mark.parametrize("lines", [[], ["PASS shut"]])
def test_who_has_not_is_not_let_in(lines: list[str]) -> None:
    ann = IrcVillage(irc={"password": "open"}).client()
    shown = ann.numerics(*lines, "NICK ann", "USER ann 0 * :Ann")
    assert (["464", "ERROR"], False) == (shown, ann.here)


def test_who_quits_before_is_told() -> None:
    ann = IrcVillage().client()
    assert ["ERROR :Closing link: you have quit"] == ann.type("QUIT")
    assert not ann.here


# Capabilities


def caps(line: str) -> list[str]:
    return line.partition(" :")[2].split()


def test_capabilities_are_listed() -> None:
    (line,) = IrcVillage().client().type("CAP LS")
    assert list(CAPS) == caps(line)


def test_a_capability_is_had_once_it_is_asked_for() -> None:
    ann = IrcVillage().client()
    shown = ann.type("CAP REQ :batch server-time", "CAP LIST")
    assert [
        ":irc.chorus CAP * ACK :batch server-time",
        ":irc.chorus CAP * LIST :batch server-time",
    ] == shown


def test_of_a_request_all_is_done_or_nothing() -> None:
    ann = IrcVillage().client()
    shown = ann.type("CAP REQ :batch nonsense", "CAP LIST")
    assert [":irc.chorus CAP * NAK :batch nonsense", ":irc.chorus CAP * LIST :"] == shown


def test_a_capability_can_be_given_back() -> None:
    ann = IrcVillage().here("ann", caps="batch")
    assert [":irc.chorus CAP ann ACK :-batch", ":irc.chorus CAP ann LIST :cap-notify"] == ann.type(
        "CAP REQ :-batch", "CAP LIST"
    )


def test_who_knows_302_is_notified_of_capabilities_and_stays_so() -> None:
    ann = IrcVillage().client()
    ann.type("CAP LS 302")
    shown = ann.type("CAP LIST", "CAP REQ :-cap-notify")
    assert [":irc.chorus CAP * LIST :cap-notify", ":irc.chorus CAP * NAK :-cap-notify"] == shown


@pytest.mark.parametrize("line", ["CAP", "CAP :"])
def test_a_cap_without_a_command_needs_one(line: str) -> None:
    assert ["461"] == IrcVillage().client().numerics(line)


def test_a_cap_command_that_is_none_is_told() -> None:
    assert [":irc.chorus 410 * NONSENSE :Invalid CAP command"] == IrcVillage().client().type(
        "CAP NONSENSE"
    )


def test_capabilities_can_change_in_a_channel() -> None:
    village = IrcVillage()
    ann, bob = village.here("ann", "#go"), village.here("bob", "#go")
    ann.read()
    bob.say("PRIVMSG #go :one")
    ann.say("CAP REQ :server-time")
    bob.say("PRIVMSG #go :two")
    one, _, two = ann.read()
    assert (":bob!~bob@192.0.2.7 PRIVMSG #go :one", True) == (one, two.startswith("@time="))


def test_people_of_the_line_dialect_are_in_the_same_channels() -> None:
    village = IrcVillage(2)
    ann = village.here("ann", "#go")
    bob = village.person("bob", "#go", node=1)
    ann.read()
    bob.say("hello")
    ann.say("PRIVMSG #go :\x01ACTION waves\x01")
    assert [":bob!slash@local PRIVMSG #go :hello"] == ann.read()
    assert ["[#go] * ann waves"] == bob.read()


def test_clients_with_the_same_capabilities_are_one_kind_of_listener() -> None:
    village = IrcVillage()
    kinds = {person.session.dialect for person in (village.here("ann", caps="batch server-time"),)}
    other: Client = village.here("bob", caps="server-time batch")
    assert {other.session.dialect} == kinds
