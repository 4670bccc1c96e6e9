"""`node.dialects.slash`: every event and every reply in words, to the letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.api import (
    Attendee,
    ChannelInfo,
    Code,
    Member,
    Person,
    Position,
    Presence,
    Profile,
    Refused,
    Roster,
    Sighting,
    Topic,
    Totals,
    Was,
)
from broker.events import (
    Entry,
    Event,
    Invited,
    Joined,
    Kicked,
    Left,
    Moved,
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
from broker.rules import FREE, Mask, Rules
from node.core import replies
from node.core.commands import Answer
from node.core.dialect import Place
from node.core.replies import Goodbye, News, Reply
from node.dialects.slash import Slash, words
from node.dialects.slash.replies import REPLIES

HALF_PAST_NINE = (9 * 60 + 30) * 60_000
PLACE = Place("#Go", "e1", 7, HALF_PAST_NINE)
INBOX = Place("", "e2", 3, HALF_PAST_NINE)

EVENTS: list[tuple[Event, str]] = [
    (Said("s", 1, "bob", "hello"), "[#Go] <bob> hello"),
    (Said("s", 1, "bob", " two  spaces "), "[#Go] <bob>  two  spaces "),
    (Said("s", 1, "bob", "waves", action=True), "[#Go] * bob waves"),
    (Joined("s", 1, "bob"), "bob has joined the channel #Go"),
    (Left("s", 1, "bob"), "bob has left the channel #Go"),
    (Left("s", 1, "bob", "lunch"), "bob has left the channel #Go (lunch)"),
    (Renamed("s", 1, "bob", "rob", ("#go",)), "bob is changing nick to rob"),
    (Quit("s", 1, "bob", "", ("#go",)), "bob has quit"),
    (Quit("s", 1, "bob", "connection lost", ("#go",)), "bob has quit (connection lost)"),
    (TopicSet("s", 1, "bob", "all about Go"), "bob has set the topic of #Go to all about Go"),
    (TopicSet("s", 1, "bob", ""), "bob has taken the topic of #Go away"),
    (Kicked("s", 1, "bob", "t", "tom"), "bob has kicked tom out of the channel #Go"),
    (
        Kicked("s", 1, "bob", "t", "tom", "enough"),
        "bob has kicked tom out of the channel #Go (enough)",
    ),
    (
        Moved("s", 1, "bob", "#Go", "#Py", "e2", "x"),
        "bob has renamed the channel #Go to #Py (x)",
    ),
    (
        Ruled("s", 1, "bob", 7, (("+o", "tom"), ("+n", ""), ("-b", "x!*@*")), (("t", "o"),)),
        "bob has changed the modes of #Go: +on-b tom x!*@*",
    ),
]


@pytest.mark.parametrize("event, line", EVENTS)
def test_an_event_reads_so(event: Event, line: str) -> None:
    assert f"{line}\r\n".encode() == Slash().render(event, PLACE)


def test_an_invitation_is_read_by_the_guest_only() -> None:
    invited = Invited("s", 1, "bob", "tom", "#Go", "t")
    expected = b"bob invites you into the channel #Go\r\n"
    assert (expected, b"") == (Slash().render(invited, INBOX), Slash().render(invited, PLACE))


def test_a_private_message_reads_so() -> None:
    expected = b"[private] <bob> psst\r\n"
    assert expected == Slash().render(Told("s", 1, "bob", "psst", "t"), INBOX)


def test_what_was_taken_back_is_told_so() -> None:
    event = Redacted("s", 1, "bob", "e0.3", "oops")
    assert [
        b"bob has taken back a line of #Go (oops)\r\n",
        b"bob has taken back a private message (oops)\r\n",
        b"@e1.7 bob has taken back a line of #Go, @e0.3 (oops)\r\n",
    ] == [
        Slash().render(event, PLACE),
        Slash().render(event, INBOX),
        Slash(frozenset({"pos"})).render(event, PLACE),
    ]


def test_each_line_of_a_text_begins_as_the_first() -> None:
    event = Said("s", 1, "bob", "one\n\x1btwo")
    expected = (
        "@e1.7 09:30 [#Go] <bob> one\r\n@e1.7 09:30 [#Go] <bob> \N{REPLACEMENT CHARACTER}two\r\n"
    )
    assert expected.encode() == Slash(frozenset({"pos", "time"})).render(event, PLACE)


@pytest.mark.parametrize(
    "event", [Unknown("s", 1, "bob"), Tagged("s", 1, "bob", {"+x": "y"})], ids=repr
)
def test_what_has_no_words_is_not_shown(event: Event) -> None:
    past = replies.Past("#Go", "e1", [Entry(7, HALF_PAST_NINE, event)])
    assert [b"", b""] == [Slash().render(event, PLACE), Slash().reply(past)]


@pytest.mark.parametrize("event, line", EVENTS)
def test_with_time_on_an_event_begins_with_the_time(event: Event, line: str) -> None:
    assert f"09:30 {line}\r\n".encode() == Slash(frozenset({"time"})).render(event, PLACE)


@pytest.mark.parametrize("event, line", EVENTS)
def test_with_pos_on_an_event_begins_with_its_place(event: Event, line: str) -> None:
    assert f"@e1.7 {line}\r\n".encode() == Slash(frozenset({"pos"})).render(event, PLACE)


@pytest.mark.parametrize("event, line", EVENTS)
def test_with_both_on_the_place_comes_first(event: Event, line: str) -> None:
    both = Slash(frozenset({"time", "pos"}))
    assert f"@e1.7 09:30 {line}\r\n".encode() == both.render(event, PLACE)


@pytest.mark.parametrize("event, line", EVENTS)
def test_with_echo_on_an_event_reads_the_same(event: Event, line: str) -> None:
    assert f"{line}\r\n".encode() == Slash(frozenset({"echo"})).render(event, PLACE)


@pytest.mark.parametrize("event, line", EVENTS)
def test_with_color_on_only_nicks_are_coloured(event: Event, line: str) -> None:
    rendered = Slash(frozenset({"color"})).render(event, PLACE).decode()
    plain = rendered.replace("\x1b[0m", "")
    for color in words.COLORS:
        plain = plain.replace(f"\x1b[{color}m", "")
    assert (f"{line}\r\n", True) == (plain, rendered != plain)


def test_a_nick_has_one_colour_in_any_case() -> None:
    slash = Slash(frozenset({"color"}))
    assert slash.nick("bob").replace("bob", "Bob") == slash.nick("Bob")


BOB = Topic("all about Go", "bob", HALF_PAST_NINE)
NO_TOPIC = Topic("", "", 0)
TIP = Position("e", 2)
LINES = [Entry(1, 0, Said("s", 1, "bob", "one")), Entry(2, 60_000, Said("s", 2, "bob", "two"))]

REPLY_LINES: list[tuple[Reply, list[str]]] = [
    (
        replies.Greeting("chorus", "n1", "guest-x", "s", "#lobby", inside=True),
        [
            "welcome to chorus; you are guest-x",
            "you are in the channel #lobby: what you type is said there",
            "/nick NAME takes a nick, /join #CHANNEL a channel, /help shows all commands",
        ],
    ),
    (
        replies.Greeting("chorus", "n1", "guest-x", "s", "#lobby", inside=False),
        [
            "welcome to chorus; you are guest-x",
            "/nick NAME takes a nick, /join #CHANNEL a channel, /help shows all commands",
        ],
    ),
    (replies.Error(Code.NICK_TAKEN, "alice"), ["error: the nick alice is taken"]),
    (replies.Error(Code.NO_SUCH_NICK, "al{ice}"), ["error: nobody is called al{ice}"]),
    (replies.Gap("#go", 12), ["gap: 12 messages of #go are lost"]),
    (replies.Gap("#go", 1), ["gap: 1 message of #go is lost"]),
    (replies.Gap("#go", None), ["gap: messages of #go may be missing"]),
    (replies.Gap(None, 2), ["gap: 2 private messages are lost"]),
    (replies.Gap(None, 1), ["gap: 1 private message is lost"]),
    (replies.Gap(None, None), ["gap: private messages may be missing"]),
    (replies.Disorder("#go", 45_240_000), ["gap: the order of #go before 12:34 may differ"]),
    (
        replies.Disorder(None, 45_240_000),
        ["gap: the order of private messages before 12:34 may differ"],
    ),
    (replies.Closing(Goodbye.QUIT), ["closing: you have quit"]),
    (replies.Notice(News.BACK), ["notice: the broker is back"]),
    (replies.YourNick("s", "bob", "rob"), ["bob is changing nick to rob"]),
    (
        replies.Welcome("#Go", TIP, Roster("#Go", [Member("bob"), Member("rob")], 2), BOB, LINES),
        [
            "the topic of #Go is all about Go",
            "in #Go (2): bob rob",
            "| 00:00 [#Go] <bob> one",
            "| 00:01 [#Go] <bob> two",
        ],
    ),
    (
        replies.Welcome("#Go", TIP, Roster("#Go", [Member("bob")], 900), NO_TOPIC, []),
        ["in #Go (900): bob", "in #Go (900): and 899 more, /names #Go shows all"],
    ),
    (replies.Names(Roster("#Go", [Member("bob"), Member("rob")], 2)), ["in #Go (2): bob rob"]),
    (
        replies.Names(
            Roster("#Go", [Member("bob", "ov"), Member("rob", "h"), Member("tom", "v")], 3)
        ),
        ["in #Go (3): @bob %rob +tom"],
    ),
    (replies.Names(Roster("#Go", [], 0)), ["in #Go (0): nobody"]),
    (
        replies.ModesAre("#Go", Rules(1, "nt", "sesame", 5), inside=True),
        ["the modes of #Go are +ntkl sesame 5"],
    ),
    (
        replies.ModesAre("#Go", Rules(1, "nt", "sesame", 5), inside=False),
        ["the modes of #Go are +ntkl 5"],
    ),
    (
        replies.ModesAre("#Go", Rules(1, "nt", forward="#More"), inside=True),
        ["the modes of #Go are +ntf #More"],
    ),
    (
        replies.ModesAre("#Go", Rules(1, "nt", forward="#More"), inside=False),
        ["the modes of #Go are +nt"],
    ),
    (replies.ModesAre("#Go", FREE, inside=True), ["#Go has no modes"]),
    (
        replies.MasksAre("#Go", {"b": (Mask("x!*@*", "bob", HALF_PAST_NINE),), "e": (), "I": ()}),
        [
            "x!*@* is banned from #Go (by bob, 1970-01-01 09:30 UTC)",
            "nobody is excepted from bans in #Go",
            "nobody may come into #Go uninvited",
        ],
    ),
    (
        replies.Forwarded("#Go", "#More"),
        ["#Go does not let you in, and sends you on to #More"],
    ),
    (replies.Inviting("#Go", "tom"), ["you have invited tom into #Go"]),
    (
        replies.Inviting("#Go", "tom", "lunch"),
        ["you have invited tom into #Go", "tom is away (lunch)"],
    ),
    (
        replies.Channels([ChannelInfo("#a", 2, ""), ChannelInfo("#b", 1, "bees")], 1, 1, 2),
        ["#a (2)", "#b (1): bees", "2 channels"],
    ),
    (replies.Channels([ChannelInfo("#a", 2, "")], 1, 1, 1), ["#a (2)", "1 channel"]),
    (replies.Channels([], 1, 1, 0), ["0 channels"]),
    (
        replies.Channels([ChannelInfo("#a", 2, "")], 2, 3, 401),
        ["#a (2)", "401 channels, page 2 of 3: /list [PATTERN] PAGE shows another"],
    ),
    (
        replies.Whois(Person("bob", "n1", 0, "lunch", ["#Go", "#two"])),
        [
            "bob is on the node n1, connected since 1970-01-01 00:00 UTC",
            "bob is away (lunch)",
            "bob is in #Go #two",
        ],
    ),
    (
        replies.Whois(Person("bob", "n1", 0, "", [])),
        ["bob is on the node n1, connected since 1970-01-01 00:00 UTC", "bob is away"],
    ),
    (
        replies.Whois(Person("bob", "n1", 0, None, [], Profile(secure=True)), 125),
        [
            "bob is on the node n1, connected since 1970-01-01 00:00 UTC",
            "bob is using a secure connection",
            "bob has said nothing for 2 minutes",
        ],
    ),
    (
        replies.Whois(Person("bob", "n1", 0, None, [])),
        ["bob is on the node n1, connected since 1970-01-01 00:00 UTC"],
    ),
    (
        replies.Whois(
            Person("bob", "n1", 0, None, [], Profile("u@h", "B\x1b", "192.0.2.1", "Bo", "acc", "f"))
        ),
        [
            "bob is u@h (B\N{REPLACEMENT CHARACTER})",
            "bob is on the node n1, connected since 1970-01-01 00:00 UTC",
            "bob comes from 192.0.2.1",
            "bob is logged in as acc",
            "bob is an operator",
            "bob is a bot",
        ],
    ),
    (
        replies.Whowas("bob", [Was("Bob", "n1", 1, 60_000, Profile("u@h", "B"))]),
        ["Bob was u@h (B) on the node n1, until 1970-01-01 00:01 UTC"],
    ),
    (
        replies.Whowas("bob", [Was("bob", "n1", 1, 60_000, Profile())]),
        ["bob was somebody on the node n1, until 1970-01-01 00:01 UTC"],
    ),
    (replies.Whowas("bob", []), ["nobody was called bob lately"]),
    (
        replies.Seen([Sighting("bob", "s", "u@h"), Sighting("zoe", "t", "")], ["ann"], ["cat"]),
        [
            "bob is there (u@h)",
            "zoe is there",
            "ann is not there",
            "error: you watch as many nicks as one may; cat is not watched",
        ],
    ),
    (replies.Watching(["ann", "bob"]), ["you watch ann bob"]),
    (replies.Watching([]), ["you watch nobody"]),
    (replies.RealSet("Bob", told=True), ["your real name is Bob"]),
    (replies.UserModes("bob", "ix", "+i"), ["your modes are +ix"]),
    (replies.Present([Person("a", "n2", 0, None, [])]), ["there: a"]),
    (
        replies.Looked(
            "a*", "", [Attendee(Member("a"), Person("a", "n", 0, None, [], Profile("u@h", "A")))]
        ),
        ["a is u@h (A)"],
    ),
    (
        replies.Everyone([Presence("a", "n2"), Presence("b", "n1"), Presence("c", "n2")], 1, 1, 3),
        ["on n1: b", "on n2: a c", "3 people in all"],
    ),
    (replies.Everyone([Presence("a", "n1")], 1, 1, 1), ["on n1: a", "1 person in all"]),
    (
        replies.Everyone([Presence("a", "n1")], 2, 2, 1001),
        ["on n1: a", "1001 people in all, page 2 of 2: /who PAGE shows another"],
    ),
    (
        replies.TopicIs("#Go", BOB),
        ["the topic of #Go is all about Go", "set by bob, 1970-01-01 09:30 UTC"],
    ),
    (replies.TopicIs("#Go", NO_TOPIC), ["#Go has no topic"]),
    (
        replies.Lines("#Go", "e", LINES, more=True),
        ["| 00:00 [#Go] <bob> one", "| 00:01 [#Go] <bob> two"],
    ),
    (replies.Lines("#Go", "e", [], more=False), ["nothing was said in #Go yet"]),
    (
        replies.Lines("#Go", "f", LINES, more=True, before=Position("e", 3)),
        [
            "| 00:00 [#Go] <bob> one",
            "| 00:01 [#Go] <bob> two",
            "hint: /history #Go 2 before f.1 shows what is older",
        ],
    ),
    (
        replies.Lines("#Go", "e", LINES, more=False, before=Position("e", 3)),
        ["| 00:00 [#Go] <bob> one", "| 00:01 [#Go] <bob> two"],
    ),
    (
        replies.Lines("#Go", "e", [], more=False, before=Position("e", 1)),
        ["nothing was said in #Go before that"],
    ),
    (replies.HolderAway("bob", "lunch"), ["bob is away (lunch)"]),
    (replies.HolderAway("bob", ""), ["bob is away"]),
    (replies.AwaySet("lunch"), ["you are away (lunch)"]),
    (replies.AwaySet(""), ["you are away"]),
    (replies.AwaySet(None), ["you are back"]),
    (replies.Options(), ["set: echo off, time off, color off, pos off"]),
    (replies.Pong(""), ["pong"]),
    (replies.Pong("1 2"), ["pong 1 2"]),
    (
        replies.StatsAre("n1", 90, Totals(1, 2, 3, 4), Totals(5, 6, 7, 8)),
        [
            "node n1: 2 sessions, 3 channels, 4 messages, up for 90 seconds",
            "cluster: 5 nodes, 6 sessions, 7 channels, 8 messages",
        ],
    ),
]


@pytest.mark.parametrize("reply, lines", REPLY_LINES)
def test_a_reply_reads_so(reply: Reply, lines: list[str]) -> None:
    assert "".join(f"{line}\r\n" for line in lines).encode() == Slash().reply(reply)


def test_every_reply_of_the_core_has_words() -> None:
    core = {kind for kind in vars(replies).values() if isinstance(kind, type)}
    others = {Reply, replies.Answered}  # no command of this dialect has a ref
    expected = {kind for kind in core if issubclass(kind, Reply) and kind not in others}
    assert expected <= REPLIES.keys()


@pytest.mark.parametrize("code", list(Code))
def test_every_refusal_is_one_line_that_begins_with_error(code: Code) -> None:
    (line, rest) = Slash().reply(replies.Error(code, "x{0}y")).decode().split("\r\n")
    assert (True, "") == (line.startswith("error: "), rest)
    assert "{about}" not in line


@pytest.mark.parametrize("code", list(News))
def test_every_notice_is_one_line_that_begins_with_notice(code: News) -> None:
    (line, rest) = Slash().reply(replies.Notice(code, "x")).decode().split("\r\n")
    assert (True, "") == (line.startswith("notice: "), rest)


@pytest.mark.parametrize("code", list(Goodbye))
def test_every_reason_is_one_line_that_begins_with_closing(code: Goodbye) -> None:
    (line, rest) = Slash().reply(replies.Closing(code)).decode().split("\r\n")
    assert (True, "") == (line.startswith("closing: "), rest)


def test_many_names_are_broken_into_lines() -> None:
    nicks = [f"somebody{i}" for i in range(500)]
    lines = (
        Slash()
        .reply(replies.Names(Roster("#go", [Member(nick) for nick in nicks], 500)))
        .decode()
        .split("\r\n")[:-1]
    )
    head = "in #go (500): "
    assert nicks == [nick for line in lines for nick in line.removeprefix(head).split(" ")]
    assert max(map(len, lines)) < 450


def test_listeners_with_the_same_options_share_one_dialect() -> None:
    first = Slash()
    one = first.option("echo", on=True).option("time", on=True)
    other = first.option("time", on=True).option("echo", on=True)
    assert one is other
    assert first is one.option("time", on=False).option("echo", on=False)


def test_an_option_that_is_on_can_be_set_again() -> None:
    echo = Slash().option("echo", on=True)
    assert echo is echo.option("echo", on=True)


def test_echo_is_off_until_it_is_on() -> None:
    assert (False, True) == (Slash().echo, Slash().option("echo", on=True).echo)


def test_an_option_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        Slash().option("size", on=True)
    assert Refused(Code.OPTION_UNKNOWN, "size") == caught.value


def test_options_are_shown_as_they_are() -> None:
    slash = Slash().option("time", on=True)
    assert b"set: echo off, time on, color off, pos off\r\n" == slash.reply(replies.Options())


def test_a_line_that_was_too_long_is_answered_with_an_error() -> None:
    assert Answer(replies.Error(Code.TEXT_TOO_LONG)) == Slash().too_long()


@given(
    st.sets(st.sampled_from(["echo", "time", "color", "pos"])),
    st.lists(
        st.builds(
            Said,
            st.just("s"),
            st.integers(1, 9),
            st.sampled_from(["bob", "j\xfcrg"]),
            st.text(max_size=30),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_lines_that_come_together_are_what_each_is_alone(
    options: set[str], events: list[Said]
) -> None:
    slash = Slash(frozenset(options))
    places = [Place("#go", "e1", seq, 43_200_000) for seq, _ in enumerate(events, 1)]
    alone = [slash.render(event, place) for event, place in zip(events, places, strict=True)]
    assert alone == slash.speak(events, places)
