"""What people of the IRC door type and read, in the words of the slash dialect."""

import pytest

from tests.chaos.irc import Ear, typed
from tests.chaos.lines import Kind, changes, signs, understood

TYPED = [
    ("/msg #red p3.1 word", "PRIVMSG #red :p3.1 word"),
    ("/msg ann p3.2", "PRIVMSG ann :p3.2"),
    ("/me p3.3", "PRIVMSG #red :\x01ACTION p3.3\x01"),
    ("/ping p3/1-4", "PING :p3/1-4"),
    ("/leave #red", "PART #red"),
    ("/op #red ann", "MODE #red +o ann"),
    ("/devoice #red ann", "MODE #red -v ann"),
    ("/kick #red ann", "KICK #red ann"),
    ("/invite ann #red", "INVITE ann #red"),
    ("/mode #red +l 50", "MODE #red +l 50"),
    ("/mode #red", "MODE #red"),
    ("/set pos on", ""),
]

READ = [
    ("@msgid=e.7 :ann!u@h PRIVMSG #red :p3.1 word", ["@e.7 [#red] <ann> p3.1 word"]),
    ("@msgid=e.7;bot :ann!u@h PRIVMSG #red :\x01ACTION p3.1\x01", ["@e.7 [#red] * ann p3.1"]),
    ("@msgid=i.2 :ann!u@h PRIVMSG cat :p3.1", ["@i.2 [private] <ann> p3.1"]),
    ("@msgid=i.2 :cat!u@h PRIVMSG ann :p9.1", []),  # an echo
    ("@msgid=e.8 :ann!u@h JOIN #red", ["@e.8 ann has joined the channel #red"]),
    ("@msgid=e.9 :ann!u@h PART #red", ["@e.9 ann has left the channel #red"]),
    ("@msgid=e.9 :ann!u@h QUIT :connection lost", ["@e.9 ann has quit (connection lost)"]),
    (":ann!u@h KICK #red bob :ann", ["ann has kicked bob out of the channel #red"]),
    (":ann!u@h MODE #red +o-v bob eve", ["ann has changed the modes of #red: +o-v bob eve"]),
    (":irc.chorus PONG irc.chorus :p9/1-4", ["pong p9/1-4"]),
    (":irc.chorus 442 cat #red :You're not on that channel", ["error: you are not in #red"]),
    (
        ":irc.chorus 433 cat ann :Nickname is already in use",
        ["error: Nickname is already in use ann"],
    ),
    (":irc.chorus 301 cat ann :busy", ["ann is away (busy)"]),
    (":irc.chorus 324 cat #red +nl 50", ["the modes of #red are +nl 50"]),
    (":irc.chorus NOTICE cat :3 messages of #red are lost", ["gap: 3 messages of #red are lost"]),
    (":irc.chorus NOTICE cat :the broker is back", ["notice: the broker is back"]),
    (":irc.chorus FAIL JOIN AWAY :the broker is away", ["error: the broker is away"]),
    ("ERROR :Closing link: you have quit", ["closing: you have quit"]),
    (":irc.chorus 372 cat :hello", []),
]


@pytest.fixture
def ear() -> Ear:
    """Cat's, who is p9."""
    made = Ear("p9")
    assert ["welcome to chorus; you are cat"] == list(made.hears(":irc.chorus 001 cat :Welcome"))
    return made


@pytest.mark.parametrize("line, said", TYPED)
def test_what_is_typed_is_irc(line: str, said: str) -> None:
    assert said == typed(line, "#red")


@pytest.mark.parametrize("line, meant", READ)
def test_what_is_read_is_told_in_the_slash_dialect(ear: Ear, line: str, meant: list[str]) -> None:
    assert meant == list(ear.hears(line))


def test_a_roster_comes_in_pieces(ear: Ear) -> None:
    for line in ("= #red :@ann bob", "= #red :+cat"):
        assert [] == list(ear.hears(f":irc.chorus 353 cat {line}"))
    (line,) = ear.hears(":irc.chorus 366 cat #red :End of /NAMES list")
    assert "in #red (3): @ann bob +cat" == line
    assert {"ann": "@", "bob": "", "cat": "+"} == signs(understood(line))


def test_everybody_is_listed_and_counted(ear: Ear) -> None:
    for nick in ("ann", "bob"):
        listed = f":irc.chorus 352 cat * u h irc.chorus {nick} H :0 {nick}"
        assert [f"on irc: {nick}"] == list(ear.hears(listed))
    end = ":irc.chorus 315 cat * :End of /WHO list"
    assert ["that is all", "2 people in all"] == list(ear.hears(end))


def test_history_is_told_as_such(ear: Ear) -> None:
    assert [] == list(ear.hears(":irc.chorus BATCH +7 chathistory #red"))
    old = list(ear.hears("@batch=7;msgid=e.3 :ann!u@h PRIVMSG #red :p1.1"))
    assert ["| 00:00 [#red] <ann> p1.1"] == old


def test_a_new_nick_of_ones_own_is_known(ear: Ear) -> None:
    assert ["cat is changing nick to kit"] == list(ear.hears(":cat!u@h NICK kit"))
    assert "kit" == ear.nick


def test_before_they_are_greeted_nothing_is_told_but_that_they_cannot_come_in() -> None:
    ear = Ear("p9")
    refused = ":irc.chorus FAIL NICK AWAY :the broker is away"
    ended = "ERROR :Closing link: the broker is away"
    assert ([], ["closing: the broker is away"]) == (
        list(ear.hears(refused)),
        list(ear.hears(ended)),
    )


def test_changes_of_statuses_are_told_from_those_of_modes() -> None:
    line = understood("ann has changed the modes of #red: +ol-vkt bob 50 cat *")
    assert (Kind.RULED, [("+o", "bob"), ("-v", "cat")]) == (line.kind, changes(line))
