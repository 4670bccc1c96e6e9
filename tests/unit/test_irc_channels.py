"""IRC's channels: coming and going, topics, lists, modes, kicks, invitations.

Sources: Modern IRC Client Protocol, "Channel Operations" and "Operator Messages"; RFC 2812, section
3.2; the numerics are named where they're sent (`node.dialects.irc.numerics`).
"""

import pytest

from tests.support.ircville import Client, IrcVillage
from tests.support.village import NOON

ANN, BOB = ":ann!~ann@192.0.2.7", ":bob!~bob@192.0.2.7"


@pytest.fixture
def village() -> IrcVillage:
    return IrcVillage(2)


@pytest.fixture
def ann(village: IrcVillage) -> Client:
    """The operator of #go."""
    return village.here("ann", "#go")


@pytest.fixture
def bob(village: IrcVillage, ann: Client) -> Client:
    """Somebody else there, on another node."""
    bob = village.here("bob", "#go", node=1)
    ann.read()
    return bob


def test_names_at_join_are_the_roster_at_its_place(village: IrcVillage, ann: Client) -> None:
    bob = village.here("bob")
    assert [
        f"{BOB} JOIN #go",
        ":irc.chorus 353 bob = #go :@ann bob",
        ":irc.chorus 366 bob #go :End of /NAMES list",
    ] == bob.type("JOIN #GO")


def test_several_channels_are_joined_and_left_at_once(ann: Client) -> None:
    joined = [line for line in ann.type("JOIN #a,#b") if " JOIN " in line]
    assert ([f"{ANN} JOIN #a", f"{ANN} JOIN #b"], [f"{ANN} PART #a :x", f"{ANN} PART #b :x"]) == (
        joined,
        ann.type("PART #a,#b :x"),
    )


def test_join_0_leaves_all(ann: Client) -> None:
    ann.type("JOIN #a")
    assert [f"{ANN} PART #go", f"{ANN} PART #a"] == ann.type("JOIN 0")


def test_who_is_there_already_joins_without_a_word(ann: Client) -> None:
    assert [] == ann.type("JOIN #go")


REFUSED = [
    ("JOIN go", ":irc.chorus 403 ann go :No such channel"),
    ("JOIN", ":irc.chorus 461 ann JOIN :Not enough parameters"),
    ("PART #no", ":irc.chorus 442 ann #no :You're not on that channel"),
    ("TOPIC #no", ":irc.chorus 403 ann #no :No such channel"),
    ("TOPIC #go", ":irc.chorus 331 ann #go :No topic is set"),
    ("NAMES #no", ":irc.chorus 366 ann #no :End of /NAMES list"),
    ("MODE #no", ":irc.chorus 403 ann #no :No such channel"),
    ("MODE #go +Z", ":irc.chorus 472 ann Z :is unknown mode char to me"),
    ("MODE #go +o nobody", ":irc.chorus 401 ann nobody :No such nick/channel"),
    ("KICK #go", ":irc.chorus 461 ann KICK :Not enough parameters"),
    ("KICK #no bob", ":irc.chorus 403 ann #no :No such channel"),
    ("KICK #go nobody", ":irc.chorus 401 ann nobody :No such nick/channel"),
    ("INVITE nobody #go", ":irc.chorus 401 ann nobody :No such nick/channel"),
    ("INVITE bob", ":irc.chorus 461 ann INVITE :Not enough parameters"),
    ("INVITE", ":irc.chorus 337 ann :End of /INVITE list"),
    ("PRIVMSG #no :x", ":irc.chorus 403 ann #no :No such channel"),
    ("PRIVMSG", ":irc.chorus 411 ann :No recipient given (PRIVMSG)"),
    ("PRIVMSG #go", ":irc.chorus 412 ann :No text to send"),
]


@pytest.mark.parametrize("line, answer", REFUSED)
def test_what_can_not_be_is_told_so(ann: Client, line: str, answer: str) -> None:
    assert [answer] == ann.type(line)


def test_a_topic_is_set_shown_and_taken_away(ann: Client, bob: Client) -> None:
    assert [f"{BOB} TOPIC #go :all about Go"] == bob.type("TOPIC #go :all about Go")
    shown = ann.type("TOPIC #go")[1:]
    assert [
        ":irc.chorus 332 ann #go :all about Go",
        ":irc.chorus 333 ann #go bob 1699963200",
    ] == shown
    assert [f"{ANN} TOPIC #go :"] == ann.type("TOPIC #go :")


def test_with_t_only_operators_set_the_topic(ann: Client, bob: Client) -> None:
    ann.type("MODE #go +t")
    bob.read()
    assert [":irc.chorus 482 bob #go :You're not channel operator"] == bob.type("TOPIC #go :x")


def test_modes_are_changed_and_shown(ann: Client, bob: Client) -> None:
    assert [f"{ANN} MODE #go +klo sesame 9 bob"] == ann.type("MODE #go +kl-i+o sesame 9 bob")
    assert [f"{ANN} MODE #go +klo sesame 9 bob"] == bob.read()
    assert [
        ":irc.chorus 324 bob #go +nkl sesame 9",
        f":irc.chorus 329 bob #go {NOON:.0f}",
    ] == bob.type("MODE #go")


def test_who_is_outside_does_not_see_the_key(village: IrcVillage, ann: Client) -> None:
    ann.type("MODE #go +k sesame")
    shown = village.here("cat").type("MODE #go")
    assert ":irc.chorus 324 cat #go +nk *" == shown[0]


LISTS = [("b", "367", "368"), ("e", "348", "349"), ("I", "346", "347")]


@pytest.mark.parametrize("letter, row, end", LISTS)
def test_a_list_is_shown(ann: Client, letter: str, row: str, end: str) -> None:
    ann.type(f"MODE #go +{letter} eve")
    first, last = ann.type(f"MODE #go +{letter}")
    assert f":irc.chorus {row} ann #go eve!*@* ann 1699963200" == first
    assert last.startswith(f":irc.chorus {end} ann #go :")


def test_who_is_no_operator_changes_nothing(ann: Client, bob: Client) -> None:
    assert [":irc.chorus 482 bob #go :You're not channel operator"] == bob.type("MODE #go +m")
    assert [":irc.chorus 482 bob #go :You're not channel operator"] == bob.type("KICK #go ann")
    assert [] == ann.read()


KEPT_OUT = [
    ("+i", "473", "Cannot join channel (+i)"),
    ("+k sesame", "475", "Cannot join channel (+k)"),
    ("+l 1", "471", "Cannot join channel (+l)"),
    ("+b *!*@192.0.2.0/24", "474", "Cannot join channel (+b)"),
]


@pytest.mark.parametrize("modes, numeric, says", KEPT_OUT)
def test_who_may_not_come_in_is_told_why_and_may_if_invited(
    village: IrcVillage, ann: Client, modes: str, numeric: str, says: str
) -> None:
    ann.type(f"MODE #go {modes}")
    cat = village.here("cat", node=1)
    assert [f":irc.chorus {numeric} cat #go :{says}"] == cat.type("JOIN #go")
    assert [":irc.chorus 341 ann cat #go"] == ann.type("INVITE cat #go")
    assert [f"{ANN} INVITE cat #go"] == cat.read()
    assert ":irc.chorus 336 cat #go" == cat.type("INVITE")[0]
    assert ":cat!~cat@192.0.2.7 JOIN #go" == cat.type("JOIN #go")[0]


def test_who_knows_the_key_comes_in(village: IrcVillage, ann: Client) -> None:
    ann.type("MODE #go +k sesame")
    assert 3 == len(village.here("cat").type("JOIN #go sesame"))


def test_who_is_there_already_is_not_invited(ann: Client, bob: Client) -> None:
    assert [":irc.chorus 443 ann bob #go :is already on channel"] == ann.type("INVITE bob #go")


def test_who_is_kicked_is_out(ann: Client, bob: Client) -> None:
    assert [f"{ANN} KICK #go bob :enough"] == ann.type("KICK #go bob :enough")
    assert [f"{ANN} KICK #go bob :enough"] == bob.read()
    assert [":irc.chorus 404 bob #go :Cannot send to channel"] == bob.type("PRIVMSG #go :x")
    assert [":irc.chorus 441 ann bob #go :They aren't on that channel"] == ann.type("KICK #go bob")


def test_several_are_kicked_each_with_a_line_of_its_own(
    village: IrcVillage, ann: Client, bob: Client
) -> None:
    village.here("cat", "#go")
    ann.read()
    assert [f"{ANN} KICK #go bob :ann", f"{ANN} KICK #go cat :ann"] == ann.type("KICK #go bob,cat")


SILENT = ["+m", "+b bob", "+C"]


@pytest.mark.parametrize("modes", SILENT)
def test_who_may_not_speak_is_told(ann: Client, bob: Client, modes: str) -> None:
    ann.type(f"MODE #go {modes}")
    bob.read()
    text = "\x01VERSION\x01" if modes == "+C" else "x"
    assert [":irc.chorus 404 bob #go :Cannot send to channel"] == bob.type(f"PRIVMSG #go :{text}")
    assert [] == bob.type(f"NOTICE #go :{text}")
    assert [] == ann.read()[1:]


def test_without_n_who_is_outside_may_speak(village: IrcVillage, ann: Client) -> None:
    cat = village.here("cat", node=1)
    assert [":irc.chorus 404 cat #go :Cannot send to channel"] == cat.type("PRIVMSG #go :x")
    ann.type("MODE #go -n")
    assert [] == cat.type("PRIVMSG #go :x")
    assert [":cat!~cat@192.0.2.7 PRIVMSG #go :x"] == ann.read()


def test_a_status_message_is_for_who_has_it(village: IrcVillage, ann: Client, bob: Client) -> None:
    cat = village.here("cat", "#go")
    village.read_up()
    cat.say("PRIVMSG @#go :help")
    assert ([":cat!~cat@192.0.2.7 PRIVMSG @#go :help"], []) == (ann.read(), bob.read())


def test_a_quit_a_nick_and_an_absence_come_once(village: IrcVillage) -> None:
    ann = village.here("ann", "#a", "#b", "#c", caps="away-notify", node=1)
    bob = village.here("bob", "#a", "#b", "#c")
    ann.read()
    bob.say("AWAY :lunch", "NICK rob", "QUIT :bye")
    assert [
        f"{BOB} AWAY :lunch",
        f"{BOB} NICK rob",
        ":rob!~bob@192.0.2.7 QUIT :Quit: bye",
    ] == ann.read()


# LIST (Modern, "LIST message"; ISUPPORT's ELIST)


def listed(client: Client, conditions: str = "") -> list[str]:
    lines = client.type(f"LIST {conditions}".rstrip())
    assert (" 321 ", " 323 ") == (lines[0][11:16], lines[-1][11:16])
    return [line.split()[3] for line in lines[1:-1]]


LISTED = [
    ("", ["#go", "#py"]),
    ("#go", ["#go"]),
    ("#nonesuch", []),
    ("#g*", ["#go"]),
    ("!#g*", ["#py"]),
    (">1", ["#go"]),
    ("<2", ["#py"]),
    (">0,#p*", ["#py"]),
    (">²", ["#go", "#py"]),  # no number
    ("#[a-z]?", []),  # only * and ? stand for others
]


@pytest.mark.parametrize("conditions, channels", LISTED)
def test_channels_are_listed(
    village: IrcVillage, ann: Client, bob: Client, conditions: str, channels: list[str]
) -> None:
    bob.type("JOIN #py")
    assert channels == listed(village.here("cat"), conditions)


AGED = [
    ("C>2", ["#go"]),
    ("C<2", ["#py"]),
    ("C<0", []),
    ("C>0", ["#go", "#py"]),
    ("C<10", ["#go", "#py"]),
    ("T>2", ["#go"]),
    ("T<2", []),
    ("C<10,T>0,#*", ["#go"]),
]


@pytest.mark.parametrize("conditions, channels", AGED)
def test_channels_are_listed_by_their_age_and_their_topics(
    village: IrcVillage, ann: Client, conditions: str, channels: list[str]
) -> None:
    ann.type("TOPIC #go :all about Go")
    village.now += 150
    ann.type("JOIN #py")
    village.now += 60
    assert channels == listed(village.here("cat"), conditions)


def test_who_may_not_come_in_is_sent_on(village: IrcVillage, ann: Client) -> None:
    ann.type("JOIN #more", "MODE #go +if #more")
    bob = village.here("bob", node=1)
    assert [
        ":irc.chorus 470 bob #go #more :Forwarding to another channel",
        f"{BOB} JOIN #more",
    ] == bob.type("JOIN #go")[:2]
    ann.read()
    assert ":irc.chorus 324 ann #go +inf #more" == ann.type("MODE #go")[0]
    assert ":irc.chorus 324 bob #go +in" == bob.type("MODE #go")[0]


def test_a_channel_that_is_not_there_can_send_nobody_on(ann: Client) -> None:
    says = "there is no channel #more that people could be sent on to"
    assert [f":irc.chorus 696 ann #go f #more :{says}"] == ann.type("MODE #go +f #more")


def test_who_is_muted_is_there_and_silent(ann: Client, bob: Client) -> None:
    assert [f"{ANN} MODE #go +b m:bob!*@*"] == ann.type("MODE #go +b m:bob")
    bob.read()
    assert ["404"] == bob.numerics("PRIVMSG #go :hi")
    assert [f"{ANN} MODE #go -b m:bob!*@*"] == ann.type("MODE #go -b m:BOB!*@*")
    bob.say("PRIVMSG #go :hi")
    assert [f"{BOB} PRIVMSG #go :hi"] == ann.read()


def test_what_mutes_nobody_is_refused(ann: Client) -> None:
    assert ["696"] == ann.numerics("MODE #go +b m:")
