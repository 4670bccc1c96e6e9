"""IRCv3 labeled-response and echo-message: answers in the log's own order."""

import pytest

from tests.support.ircville import IrcVillage, untagged

CAPS = "labeled-response batch echo-message message-tags"


def test_one_line_bears_the_label() -> None:
    ann = IrcVillage().here("ann", caps=CAPS)
    assert ["@label=7 :irc.chorus PONG irc.chorus :x"] == ann.type("@label=7 PING x")


def test_what_has_no_answer_is_acknowledged() -> None:
    ann = IrcVillage().here("ann", caps=CAPS)
    assert ["@label=7 :irc.chorus ACK"] == ann.type("@label=7 PONG x")


def test_several_lines_are_a_batch() -> None:
    ann = IrcVillage().here("ann", caps=CAPS)
    first, *inside, last = ann.type("@label=7 JOIN #go")
    ref = last.removeprefix(":irc.chorus BATCH -")
    assert f"@label=7 :irc.chorus BATCH +{ref} labeled-response" == first
    assert all(line.startswith(f"@batch={ref}") for line in inside)
    assert ":ann!~ann@192.0.2.7 JOIN #go" == untagged(inside)[0]


def test_batches_have_different_names() -> None:
    ann = IrcVillage().here("ann", caps=CAPS)
    lines = ann.type("@label=1 VERSION", "@label=2 VERSION")
    assert 2 == len({line.split()[-1] for line in lines if " BATCH -" in line})


def test_the_echo_bears_the_label_and_the_place_in_the_log() -> None:
    village = IrcVillage()
    ann, bob = village.here("ann", "#go", caps=CAPS), village.here("bob", "#go", caps=CAPS)
    ann.read()
    (echo,) = ann.type("@label=7 PRIVMSG #go :hi")
    (other,) = bob.read()
    assert echo == other.replace("@", "@label=7;", 1)


def test_without_echo_a_line_is_acknowledged_once_it_is_accepted() -> None:
    ann = IrcVillage().here("ann", "#go", caps="labeled-response batch")
    assert ["@label=7 :irc.chorus ACK"] == ann.type("@label=7 PRIVMSG #go :hi")


def test_a_refusal_bears_the_label() -> None:
    ann = IrcVillage().here("ann", caps=CAPS)
    assert ["@label=7 :irc.chorus 403 ann #no :No such channel"] == ann.type("@label=7 TOPIC #no")


def test_of_several_targets_each_is_answered_in_the_batch() -> None:
    village = IrcVillage()
    village.here("bob")
    ann = village.here("ann", "#go", caps=CAPS)
    _, *inside, _ = ann.type("@label=7 PRIVMSG #go,bob,nobody :hi")
    assert [
        ":ann!~ann@192.0.2.7 PRIVMSG #go :hi",
        ":ann!~ann@192.0.2.7 PRIVMSG bob :hi",
        ":irc.chorus 401 ann nobody :No such nick/channel",
    ] == untagged(inside)


def test_what_others_say_meanwhile_is_not_part_of_it() -> None:
    village = IrcVillage()
    ann, bob = village.here("ann", "#go", caps=CAPS), village.here("bob", "#go")
    ann.read()
    bob.say("PRIVMSG #go :before")
    lines = ann.type("@label=7 PRIVMSG #go :mine")
    assert ["before", "mine"] == [line.rpartition(":")[2] for line in lines]


@pytest.mark.parametrize("caps", ["", "message-tags", "batch"])
def test_who_did_not_ask_for_labels_has_none(caps: str) -> None:
    ann = IrcVillage().here("ann", caps=caps)
    assert [":irc.chorus PONG irc.chorus :x"] == ann.type("@label=7 PING x")


def test_who_quits_reads_the_last_line_anyway() -> None:
    ann = IrcVillage().here("ann", caps=CAPS)
    assert ["ERROR :Closing link: you have quit"] == ann.type("@label=7 QUIT")
    assert not ann.here


def test_who_reads_their_own_lines_reads_them_once() -> None:
    village = IrcVillage()
    ann = village.here("ann", "#go", caps="echo-message")
    assert [":ann!~ann@192.0.2.7 PRIVMSG #go :hi"] == ann.type("PRIVMSG #go :hi")
    assert [":ann!~ann@192.0.2.7 PRIVMSG ann :self"] * 2 == ann.type("PRIVMSG ann :self")


def test_a_line_that_is_not_utf8_is_answered_with_its_label() -> None:
    village = IrcVillage()
    ann = village.here("ann", caps=CAPS)
    village.chats[0].hear(ann.session, b"@label=7 PRIVMSG #go :\xff")
    (line,) = ann.read()
    assert line.startswith("@label=7 :irc.chorus FAIL PRIVMSG INVALID_UTF8 :")
