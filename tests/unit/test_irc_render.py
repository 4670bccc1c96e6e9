"""`node.dialects.irc`: events and replies to bytes, for each kind of listener.

Sources: Modern IRC Client Protocol (modern.ircdocs.horse); for what a capability changes, its
specification (ircv3.net/irc).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.api import Code, Member, Position, Roster, Topic
from broker.events import (
    Altered,
    Event,
    Extra,
    Invited,
    Joined,
    Kicked,
    Left,
    Quit,
    Redacted,
    Renamed,
    Ruled,
    Said,
    Tagged,
    Told,
    TopicSet,
    Unknown,
)
from node.core import replies
from node.core.dialect import Place
from node.dialects.irc import Irc, IrcConfig
from tests.support.village import NOON

IRC = Irc(IrcConfig(created=NOON))
HERE = Place("#Go", "e1", 7, 1_699_963_200_123)
MINE = Place("", "e2", 3, 1_699_963_200_000, "tom")
BOB = ("s", 1, "bob")
BY = "~b@host"


def shown(event: Event, caps: str = "", place: Place = HERE) -> list[str]:
    rendered = IRC.having(frozenset(caps.split())).render(event, place).decode()
    assert rendered == "" or rendered.endswith("\r\n")
    return rendered.split("\r\n")[:-1]


ONE_LINE: list[tuple[Event, str]] = [
    (Said(*BOB, "hi", by=BY), ":bob!~b@host PRIVMSG #Go :hi"),
    (Said(*BOB, ":)", by=BY), ":bob!~b@host PRIVMSG #Go ::)"),
    (Said(*BOB, "waves", True, BY), ":bob!~b@host PRIVMSG #Go :\x01ACTION waves\x01"),
    (Said(*BOB, "hi", by=BY, extra=Extra(notice=True)), ":bob!~b@host NOTICE #Go :hi"),
    (Said(*BOB, "\x02b\x0304red\x1b", by=BY), ":bob!~b@host PRIVMSG #Go :\x02b\x0304red\x1b"),
    (Said(*BOB, "hi"), ":bob!unknown@irc.chorus PRIVMSG #Go :hi"),
    (Joined(*BOB, BY, "Bob"), ":bob!~b@host JOIN #Go"),
    (Left(*BOB, by=BY), ":bob!~b@host PART #Go"),
    (Left(*BOB, "so long", BY), ":bob!~b@host PART #Go :so long"),
    (Kicked(*BOB, "t", "tom", "why not", BY), ":bob!~b@host KICK #Go tom :why not"),
    (Kicked(*BOB, "t", "tom", by=BY), ":bob!~b@host KICK #Go tom :bob"),
    (TopicSet(*BOB, "new one", BY), ":bob!~b@host TOPIC #Go :new one"),
    (TopicSet(*BOB, "", BY), ":bob!~b@host TOPIC #Go :"),
    (Renamed(*BOB, "rob", ("#go",), BY), ":bob!~b@host NICK rob"),
    (Quit(*BOB, "bye", ("#go",), BY), ":bob!~b@host QUIT :bye"),
    (Ruled(*BOB, 2, (("+t", ""),), (), BY), ":bob!~b@host MODE #Go +t"),
    (
        Ruled(*BOB, 2, (("+o", "tom"), ("+v", "ann"), ("-k", "*"), ("+m", "")), (), BY),
        ":bob!~b@host MODE #Go +ov-k+m tom ann *",
    ),
]


@pytest.mark.parametrize("event, line", ONE_LINE)
def test_an_event_is_a_line(event: Event, line: str) -> None:
    assert [line] == shown(event)


BY_CAPS: list[tuple[Event, str, list[str]]] = [
    (Joined(*BOB, BY, "Bob"), "extended-join", [":bob!~b@host JOIN #Go * :Bob"]),
    (Joined(*BOB, BY, "", "rob"), "extended-join", [":bob!~b@host JOIN #Go rob :bob"]),
    (Invited(*BOB, "tom", "#Go", by=BY), "", []),
    (Invited(*BOB, "tom", "#Go", by=BY), "invite-notify", [":bob!~b@host INVITE tom #Go"]),
    (Tagged(*BOB, {"+x": "y"}, by=BY), "", []),
    (Redacted(*BOB, "e1.5", "oops", BY), "", []),
    (Altered(*BOB, "away", "lunch time", ("#go",), BY), "", []),
    (
        Altered(*BOB, "away", "lunch time", ("#go",), BY),
        "away-notify",
        [":bob!~b@host AWAY :lunch time"],
    ),
    (Altered(*BOB, "away", None, ("#go",), BY), "away-notify", [":bob!~b@host AWAY"]),
    (Altered(*BOB, "host", "~b@new", ("#go",), BY), "", []),
    (Altered(*BOB, "host", "~b@new", ("#go",), BY), "chghost", [":bob!~b@host CHGHOST ~b new"]),
    (Altered(*BOB, "real", "B B", ("#go",), BY), "", []),
    (Altered(*BOB, "real", "B B", ("#go",), BY), "setname", [":bob!~b@host SETNAME :B B"]),
    (Altered(*BOB, "of a later release", "x", ("#go",), BY), "setname chghost", []),
    (Unknown(), "server-time message-tags", []),
    (
        Said(*BOB, "hi", by=BY),
        "server-time",
        ["@time=2023-11-14T12:00:00.123Z :bob!~b@host PRIVMSG #Go :hi"],
    ),
    (Said(*BOB, "hi", by=BY), "message-tags", ["@msgid=e1.7 :bob!~b@host PRIVMSG #Go :hi"]),
    (
        Said(*BOB, "hi", by=BY, extra=Extra(tags={"+a": "b c"}, bot=True, account="rob")),
        "message-tags account-tag",
        ["@msgid=e1.7;bot;+a=b\\sc;account=rob :bob!~b@host PRIVMSG #Go :hi"],
    ),
    (Said(*BOB, "hi", by=BY, extra=Extra(tags={"+a": "b"})), "", [":bob!~b@host PRIVMSG #Go :hi"]),
    (Said(*BOB, "hi", by=BY, extra=Extra(rank="o")), "", [":bob!~b@host PRIVMSG @#Go :hi"]),
    (Said(".p", 1, "ci.bot", "hi"), "message-tags",
     ["@msgid=e1.7;bot :ci.bot!unknown@irc.chorus PRIVMSG #Go :hi"]),
]  # fmt: skip


@pytest.mark.parametrize("event, caps, lines", BY_CAPS)
def test_a_capability_changes_what_is_shown(event: Event, caps: str, lines: list[str]) -> None:
    assert lines == shown(event, caps)


def test_what_is_told_in_private_is_to_the_nick_that_one_has() -> None:
    assert [":bob!~b@host PRIVMSG tom :psst"] == shown(Told(*BOB, "psst", by=BY), place=MINE)
    assert ["@msgid=e2.3 :bob!~b@host PRIVMSG tom :psst"] == shown(
        Told(*BOB, "psst", by=BY), "message-tags", MINE
    )


def test_an_invitation_is_shown_to_the_guest_whatever_they_asked_for() -> None:
    invited = Invited(*BOB, "tom", "#Go", "t", BY)
    assert [":bob!~b@host INVITE tom #Go"] == shown(invited, place=MINE)


def test_a_long_line_of_another_dialect_goes_out_as_several() -> None:
    text = "ä" * 600
    lines = shown(Said(*BOB, text, by=BY), "message-tags")
    head = ":bob!~b@host PRIVMSG #Go :"
    assert text == "".join(line.partition(head)[2] for line in lines)
    assert [True, False, False] == [line.startswith("@msgid") for line in lines]


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0")), st.booleans()
)
def test_no_line_is_longer_than_512_bytes(text: str, action: bool) -> None:
    for line in shown(Said(*BOB, text, action, BY)):
        assert len(line.encode()) <= 510


def test_many_mode_changes_go_out_as_several_lines() -> None:
    changes = tuple(("+b", f"{'x' * 60}{i}!*@*") for i in range(12))
    lines = shown(Ruled(*BOB, 2, changes, (), BY))
    assert all(len(line.encode()) <= 510 for line in lines)
    assert 12 == sum(line.count("!*@*") for line in lines)


# Replies

TOPIC = Topic("all about Go", "bob", 1_699_963_200_000)
TIP = Position("e1", 7)
ROSTER = Roster("#Go", [Member("bob", "ov", BY), Member("tom")], 2)


def replied(reply: replies.Reply, caps: str = "", to: str = "ann") -> list[str]:
    answered = IRC.having(frozenset(caps.split())).reply(reply, to).decode()
    return answered.split("\r\n")[:-1]


NAMED = [":irc.chorus 353 ann = #Go :@bob tom", ":irc.chorus 366 ann #Go :End of /NAMES list"]
REPLIES: list[tuple[replies.Reply, str, list[str]]] = [
    (replies.Names(ROSTER), "", NAMED),
    (replies.Names(ROSTER), "multi-prefix", [":irc.chorus 353 ann = #Go :@+bob tom", NAMED[1]]),
    (
        replies.Names(ROSTER),
        "userhost-in-names",
        [":irc.chorus 353 ann = #Go :@bob!~b@host tom", NAMED[1]],
    ),
    (replies.Welcome("#Go", TIP, ROSTER, Topic("", "", 0), []), "", NAMED),
    (replies.Welcome("#Go", TIP, ROSTER, Topic("", "", 0), []), "draft/no-implicit-names", []),
    (
        replies.Welcome("#Go", TIP, ROSTER, TOPIC, []),
        "",
        [
            ":irc.chorus 332 ann #Go :all about Go",
            ":irc.chorus 333 ann #Go bob 1699963200",
            *NAMED,
        ],
    ),
    (
        replies.Error(Code.NOT_MEMBER, "#Go"),
        "",
        [":irc.chorus 404 ann #Go :Cannot send to channel"],
    ),
    (
        replies.Error(Code.AWAY),
        "standard-replies",
        [":irc.chorus FAIL PRIVMSG BROKER_AWAY :the broker is away; that was not done"],
    ),
    (
        replies.Error(Code.AWAY),
        "",
        [":irc.chorus NOTICE ann :PRIVMSG: the broker is away; that was not done"],
    ),
    (replies.HolderAway("bob", "lunch"), "", [":irc.chorus 301 ann bob :lunch"]),
    (
        replies.Gap("#Go", 3),
        "",
        [":irc.chorus NOTICE #Go :3 messages of #Go are lost"],
    ),
    (replies.Gap(None, None), "", [":irc.chorus NOTICE ann :private messages may be missing"]),
    (
        replies.Closing(replies.Goodbye.SHUTDOWN),
        "",
        ["ERROR :Closing link: this server is going down"],
    ),
    (replies.YourNick("s", "ann", "anna", "~a@h"), "", [":ann!~a@h NICK anna"]),
]


@pytest.mark.parametrize("reply, caps, lines", REPLIES)
def test_a_reply_is_these_lines(reply: replies.Reply, caps: str, lines: list[str]) -> None:
    assert lines == replied(reply, caps)


def test_a_long_roster_goes_out_as_several_lines() -> None:
    members = [Member(f"somebody{i:04}", "v", BY) for i in range(200)]
    lines = replied(replies.Names(Roster("#Go", members, 200)), "userhost-in-names")
    assert all(len(line.encode()) <= 510 for line in lines)
    assert 200 == sum(line.count("+somebody") for line in lines)


CAPABILITY_SETS = st.sets(
    st.sampled_from(
        [
            "server-time",
            "message-tags",
            "account-tag",
            "draft/multiline",
            "batch",
            "echo-message",
            "away-notify",
            "extended-join",
            "labeled-response",
        ]
    )
)


@given(
    CAPABILITY_SETS,
    CAPABILITY_SETS,
    st.text(max_size=600).filter(lambda text: text.isprintable()),
    st.sampled_from([None, Extra(True, {"+draft/reply": "x"}, account="ann"), Extra(bot=True)]),
)
def test_kinds_that_share_their_speech_read_the_same_lines(
    some: set[str], others: set[str], text: str, extra: Extra | None
) -> None:
    one, other = IRC.having(frozenset(some)), IRC.having(frozenset(others))
    if one.speech is other.speech:
        said = Said(*BOB, text, by=BY, extra=extra)
        assert one.render(said, HERE) == other.render(said, HERE)


@given(
    st.lists(CAPABILITY_SETS, min_size=1, max_size=3),
    st.lists(
        st.builds(
            Said,
            st.sampled_from(["s", ".program"]),
            st.integers(1, 9),
            st.sampled_from(["bob", "j\xfcrg"]),
            st.text(max_size=600).filter(lambda text: "\r" not in text),
            st.booleans(),
            st.sampled_from(["", BY]),
            st.sampled_from([None, Extra(bot=True), Extra(cuts=(3,)), Extra(account="ann")]),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_lines_that_come_together_are_what_each_is_alone(
    kinds: list[set[str]], events: list[Said]
) -> None:
    places = [Place("#Go", "e1", seq, 1_699_963_200_123) for seq, _ in enumerate(events, 1)]
    for kind in (IRC.having(frozenset(caps)) for caps in kinds):
        alone = [kind.render(event, place) for event, place in zip(events, places, strict=True)]
        assert alone == kind.speak(events, places)


def test_no_line_is_longer_than_a_line_may_be_where_names_are_long() -> None:
    place = Place("#" + "\N{SNOWMAN}" * 50, "e1", 7, 0)
    rendered = IRC.render(Said(*BOB, "x" * 400, by=BY), place)
    assert [True, True] == [len(line) <= 510 for line in rendered.split(b"\r\n")[:-1]]


def test_what_has_nothing_to_do_with_lines_makes_no_other_speech() -> None:
    assert IRC.speech is IRC.having(frozenset({"away-notify", "echo-message", "batch"})).speech
