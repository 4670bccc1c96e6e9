"""Channels that get another name, as people on the nodes of a village see it: IRC with the
capability and without, and lines (IRCv3 channel-rename).
"""

import pytest

from node.core.session import Diversion
from tests.support.ircville import Client, IrcVillage, untagged
from tests.support.village import Village

ANN, BOB, CAT = (f":{nick}!~{nick}@192.0.2.7" for nick in ("ann", "bob", "cat"))


@pytest.fixture
def village() -> IrcVillage:
    return IrcVillage(3)


@pytest.fixture
def ann(village: IrcVillage) -> Client:
    """The operator of #go, who knows of renames."""
    return village.here("ann", "#go", caps="draft/channel-rename")


@pytest.fixture
def bob(village: IrcVillage, ann: Client) -> Client:
    """Somebody there, on another node, who knows nothing of them."""
    bob = village.here("bob", "#go", node=1)
    ann.read()
    return bob


def test_who_knows_of_it_reads_the_new_name(ann: Client) -> None:
    assert [f"{ANN} RENAME #go #Py :why not"] == ann.type("RENAME #GO #Py :why not")
    assert [f"{ANN} RENAME #Py #rust :"] == ann.type("RENAME #py #rust")


def test_who_does_not_leaves_and_comes(ann: Client, bob: Client) -> None:
    ann.type("TOPIC #go :all about Go", "RENAME #go #py :why not")
    shown = bob.read()[1:]
    assert [
        f"{BOB} PART #go :why not",
        f"{BOB} JOIN #py",
        ":irc.chorus 332 bob #py :all about Go",
        ":irc.chorus 333 bob #py ann 1699963200",
        ":irc.chorus 353 bob = #py :@ann bob",
        ":irc.chorus 366 bob #py :End of /NAMES list",
    ] == shown


def test_who_joins_at_length_reads_their_own_real_name(village: IrcVillage, ann: Client) -> None:
    dan = village.here("dan", "#go", caps="extended-join", node=2)
    ann.type("RENAME #go #py")
    assert [
        ":dan!~dan@192.0.2.7 PART #go",
        ":dan!~dan@192.0.2.7 JOIN #py * :The real dan",
    ] == dan.read()[:2]


def test_all_go_on_under_the_new_name(ann: Client, bob: Client) -> None:
    ann.type("RENAME #go #py")
    bob.read()
    assert [] == bob.type("PRIVMSG #py :hi")
    assert [f"{BOB} PRIVMSG #py :hi"] == ann.read()
    assert [f"{ANN} MODE #py +v bob"] == ann.type("MODE #py +v bob")
    bob.read()
    assert [":irc.chorus 403 bob #go :No such channel"] == bob.type("PRIVMSG #go :hi")
    assert [f"{BOB} PART #py"] == bob.type("PART #py")


def test_another_spelling_is_told_to_who_knows_of_it(ann: Client, bob: Client) -> None:
    assert [f"{ANN} RENAME #go #GO :"] == ann.type("RENAME #go #GO")
    assert [] == bob.read()
    assert [f"{BOB} PART #GO"] == bob.type("PART #go")


def test_the_old_name_is_another_channels(village: IrcVillage, ann: Client, bob: Client) -> None:
    ann.type("RENAME #go #py")
    bob.read()
    assert [
        f"{BOB} JOIN #go",
        ":irc.chorus 353 bob = #go :@bob",
        ":irc.chorus 366 bob #go :End of /NAMES list",
    ] == bob.type("JOIN #go")
    assert [f"{BOB} MODE #go +k beer"] == bob.type("MODE #go +k beer")
    assert [] == ann.read()


FAIL, THERE = ":irc.chorus FAIL RENAME", "there is a channel"

REFUSED = [
    ("RENAME #go", ":irc.chorus 461 bob RENAME :Not enough parameters"),
    ("RENAME #go #py", ":irc.chorus 482 bob #go :You're not channel operator"),
    ("RENAME #rust #py", ":irc.chorus 403 bob #rust :No such channel"),
    ("RENAME #old #py", ":irc.chorus 442 bob #old :You're not on that channel"),
    ("RENAME #mine #go", f"{FAIL} CHANNEL_NAME_IN_USE #mine #go :{THERE} #go already"),
    ("RENAME #mine #mine", f"{FAIL} CHANNEL_NAME_IN_USE #mine #mine :{THERE} #mine already"),
    ("RENAME #mine #lobby", f"{FAIL} CHANNEL_NAME_IN_USE #mine #lobby :{THERE} #lobby already"),
    ("RENAME #mine &go", f"{FAIL} CANNOT_RENAME #mine &go :&go can't be a channel"),
    ("RENAME #mine #last", f"{FAIL} CANNOT_RENAME #mine #last :the name #last was given up"),
]


@pytest.mark.parametrize("line, answer", REFUSED)
def test_what_is_refused(
    village: IrcVillage, ann: Client, bob: Client, line: str, answer: str
) -> None:
    village.here("dan", "#old", "#last", node=2).type("RENAME #last #new")
    bob.type("JOIN #mine")
    (shown,) = bob.type(line)
    assert shown.startswith(answer)


def test_a_label_is_answered_with_what_it_brought(village: IrcVillage) -> None:
    ann = village.here("ann", "#go", caps="draft/channel-rename labeled-response batch")
    assert [f"@label=7 {ANN} RENAME #go #py :"] == ann.type("@label=7 RENAME #go #py")


def test_without_the_capability_a_label_is_answered_too(village: IrcVillage) -> None:
    ann = village.here("ann", "#go", caps="labeled-response batch")
    shown = ann.type("@label=7 RENAME #go #py")
    assert "@label=7 :irc.chorus BATCH +" in shown[0]
    assert any(line.endswith(f"{ANN} PART #go") for line in shown)
    assert any(line.endswith(f"{ANN} JOIN #py") for line in shown)


def test_others_read_it_before_what_follows_though_an_answer_to_their_label_is_under_way(
    village: IrcVillage, ann: Client
) -> None:
    bob = village.here("bob", "#go", caps="labeled-response batch")
    bob.session.diversion = Diversion(bob.session.me.num)
    ann.say("RENAME #go #py", "PRIVMSG #py :hi")
    shown = [line for line in bob.read() if " JOIN " in line or " PRIVMSG " in line]
    assert [f"{BOB} JOIN #py", f"{ANN} PRIVMSG #py :hi"] == untagged(shown)


# In lines


def test_in_lines_everybody_reads_it_and_goes_on_there() -> None:
    village = Village(2)
    ann, bob = village.person("ann"), village.person("bob", node=1)
    ann.type("/join #go")
    bob.type("/join #go")
    village.read_up()
    renamed = "ann has renamed the channel #go to #py (why not)"
    assert ([renamed], [renamed]) == (ann.type("/rename #go #py why not"), bob.read())
    bob.type("hi")
    assert ["[#py] <bob> hi"] == ann.read()
    assert ["error: only an operator of #py may do that"] == bob.type("/rename #rust")


def test_history_goes_along_and_not_to_who_comes_to_the_old_name() -> None:
    village = Village(2)
    ann, bob = village.person("ann"), village.person("bob", node=1)
    ann.type("/join #go", "secret", "/rename #py")
    assert not any("secret" in line for line in bob.type("/join #go", "/history"))
    assert any("secret" in line for line in ann.type("/history"))


def test_who_missed_it_reads_it_when_they_are_back() -> None:
    village = Village(2)
    ann, bob = village.person("ann"), village.person("bob", node=1)
    ann.type("/join #go")
    bob.type("/join #go")
    village.read_up()
    village.world.lose(village.brokers[1])
    ann.type("/rename #py", "hi")
    village.world.restore(village.brokers[1])
    shown = [line for line in bob.read() if not line.startswith("notice: ")]
    assert ["ann has renamed the channel #go to #py", "[#py] <ann> hi"] == shown
    assert [] == bob.type("hello")
    assert ["[#py] <bob> hello"] == ann.read()


def test_who_leaves_before_they_read_it_leaves_the_channel_as_it_is_called_now() -> None:
    village = Village(2)
    ann, bob = village.person("ann"), village.person("bob", node=1)
    ann.type("/join #go")
    bob.type("/join #go", "/away lunch")
    village.read_up()
    ann.type("/rename #py")
    assert "bob has left the channel #py" in [*bob.type("/leave #py"), *ann.read()]
