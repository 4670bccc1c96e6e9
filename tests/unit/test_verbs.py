"""`node.core.verbs`: what each command does, as conversations over nodes in one world."""

import pytest

from node.core.limits import Act, Limits, Rate
from node.dialects.slash.words import MALFORMED
from tests.support.village import Screens, Village, Villager

AWAY = "error: the broker is away; that was not done"


@pytest.fixture
def village() -> Village:
    return Village(3, lobby="")


@pytest.fixture
def alice(village: Village) -> Villager:
    return village.person("alice", "#go", node=0)


@pytest.fixture
def bob(village: Village, alice: Villager) -> Villager:
    bob = village.person("bob", "#go", node=1)
    alice.read()
    return bob


# -- lines


def test_a_line_is_read_by_everyone_else_in_the_channel(
    village: Village, alice: Villager, bob: Villager
) -> None:
    carol = village.person("carol", "#go", node=2)
    village.read_up()
    alice.type("hello")
    expected = ["[#go] <alice> hello"]
    assert (expected, expected) == (bob.read(), carol.read())


def test_authors_do_not_read_their_own_lines(alice: Villager) -> None:
    assert [] == alice.type("hello")


def test_authors_with_echo_read_their_own_lines_in_their_place(
    alice: Villager, bob: Villager
) -> None:
    alice.type("/set echo on")
    bob.say("one")
    alice.say("two")
    bob.say("three")
    expected = ["[#go] <bob> one", "[#go] <alice> two", "[#go] <bob> three"]
    assert expected == alice.read()


def test_nobody_who_is_not_in_a_channel_reads_it(village: Village, alice: Villager) -> None:
    stranger = village.person("eve", "#elsewhere", node=0)
    alice.type("hello")
    assert [] == stranger.read()


def test_a_line_goes_to_the_channel_last_joined(alice: Villager, bob: Villager) -> None:
    alice.type("/join #new")
    alice.type("hello")
    assert [] == bob.read()


def test_a_line_goes_to_the_channel_last_spoken_in(alice: Villager, bob: Villager) -> None:
    alice.type("/join #new", "/msg #go one", "two")
    expected = ["[#go] <alice> one", "[#go] <alice> two"]
    assert expected == bob.read()[-2:]


def test_who_left_the_current_channel_speaks_in_the_one_joined_before(
    alice: Villager, bob: Villager
) -> None:
    alice.type("/join #new", "/leave", "hello")
    assert ["[#go] <alice> hello"] == bob.read()


def test_who_is_nowhere_is_told_so(village: Village) -> None:
    assert ["error: you are in no channel; /join one first"] == village.person("eve").type("hello")


def test_a_line_to_a_channel_one_is_not_in_is_refused(alice: Villager) -> None:
    assert ["error: you are not in #new"] == alice.type("/msg #new hello")


def test_two_slashes_say_one(alice: Villager, bob: Villager) -> None:
    alice.type("//nick is a command")
    assert ["[#go] <alice> /nick is a command"] == bob.read()


@pytest.mark.parametrize("line", ["a\rb", "a\0b", "/me a\rb", "/msg bob a\0b", "/topic a\rb"])
def test_a_text_that_could_end_a_line_is_refused(alice: Villager, bob: Villager, line: str) -> None:
    assert ["error: a text can't hold a line break or a NUL character"] == alice.type(line)
    assert [] == bob.read()


def test_what_one_does_is_read_as_such(alice: Villager, bob: Villager) -> None:
    alice.type("/me waves")
    assert ["[#go] * alice waves"] == bob.read()


def test_many_lines_of_many_people_have_one_order_for_all(
    village: Village, alice: Villager, bob: Villager
) -> None:
    people = [alice, bob, village.person("carol", "#go", node=2)]
    for person in people:
        person.type("/set echo on")
    village.read_up()
    for i in range(30):
        people[i % 3].say(f"line {i}")
    read = [person.read() for person in people]
    assert [read[0]] * 3 == read
    assert 30 == len(read[0])


# -- private messages


def test_a_private_message_is_read_by_one_person_only(
    village: Village, alice: Villager, bob: Villager
) -> None:
    carol = village.person("carol", "#go", node=1)
    village.read_up()
    assert [] == alice.type("/msg bob are you there?")
    assert (["[private] <alice> are you there?"], []) == (bob.read(), carol.read())


def test_a_private_message_finds_a_nick_in_any_case(alice: Villager, bob: Villager) -> None:
    alice.type("/msg BOB hello")
    assert ["[private] <alice> hello"] == bob.read()


def test_a_private_message_to_nobody_is_refused(alice: Villager) -> None:
    assert ["error: nobody is called zed"] == alice.type("/msg zed hello")


def test_one_can_write_to_oneself(alice: Villager) -> None:
    assert ["[private] <alice> note"] == alice.type("/msg alice note")


def test_a_new_holder_of_a_nick_reads_nothing_sent_before(
    village: Village, alice: Villager, bob: Villager
) -> None:
    alice.type("/msg bob secret")
    bob.type("/nick rob")
    carol = village.person("carol")
    assert ["carol is changing nick to bob"] == carol.type("/nick bob")
    alice.type("/msg bob hello")
    assert ["[private] <alice> hello"] == carol.read()


# -- nicks


def test_a_nick_change_is_read_once_by_each_who_shares_a_channel(
    village: Village, alice: Villager, bob: Villager
) -> None:
    for person in (alice, bob):
        person.type("/join #two", "/join #three")
    stranger = village.person("eve", "#elsewhere")
    village.read_up()
    expected = ["alice is changing nick to alicia"]
    assert expected == alice.type("/nick alicia")
    assert (expected, []) == (bob.read(), stranger.read())


def test_a_nick_change_in_no_channel_is_told_to_oneself(village: Village) -> None:
    guest = village.guest()
    guest.read()
    old = guest.nick
    assert [f"{old} is changing nick to eve"] == guest.type("/nick eve")


def test_a_taken_nick_is_refused_in_any_case(alice: Villager, bob: Villager) -> None:
    assert ["error: the nick ALICE is taken"] == bob.type("/nick ALICE")
    assert "bob" == bob.nick


def test_a_nick_that_was_given_up_can_be_taken(alice: Villager, bob: Villager) -> None:
    alice.type("/nick alicia")
    bob.read()
    assert ["bob is changing nick to alice"] == bob.type("/nick alice")


def test_a_nick_can_change_its_case(alice: Villager, bob: Villager) -> None:
    assert ["alice is changing nick to Alice"] == alice.type("/nick Alice")
    assert ["alice is changing nick to Alice"] == bob.read()


def test_lines_after_a_nick_change_bear_the_new_one(alice: Villager, bob: Villager) -> None:
    alice.type("/nick alicia", "hello")
    assert "[#go] <alicia> hello" == bob.read()[-1]


@pytest.mark.parametrize("nick", ["1alice", "-alice", "al ice", "alice!", "älice", "a" * 33, "a:b"])
def test_what_can_not_be_a_nick_is_refused(alice: Villager, nick: str) -> None:
    first, *_ = alice.type(f"/nick {nick}")
    assert first.startswith("error: ")
    assert "alice" == alice.nick


@pytest.mark.parametrize("nick", ["guest-1", "Guest-x", "GUEST-"])
def test_guest_nicks_are_not_for_taking(alice: Villager, nick: str) -> None:
    expected = ["error: names that begin with guest- are given by the server only"]
    assert expected == alice.type(f"/nick {nick}")


# -- joining and leaving


def test_a_join_is_read_by_everyone_there_and_the_joiner(
    village: Village, alice: Villager, bob: Villager
) -> None:
    carol = village.person("carol", node=2)
    lines = carol.type("/join #go")
    expected = "carol has joined the channel #go"
    assert [expected, "in #go (3): @alice bob carol"] == lines
    assert ([expected], [expected]) == (alice.read(), bob.read())


def test_a_joiner_gets_topic_roster_and_the_last_lines_as_they_were(
    village: Village, alice: Villager
) -> None:
    alice.type("/topic all about Go", "one", "/me two")
    village.now += 60
    alice.type("three")
    bob = village.person("bob", node=1)
    expected = [
        "bob has joined the channel #go",
        "the topic of #go is all about Go",
        "in #go (2): @alice bob",
        "| 12:00 [#go] <alice> one",
        "| 12:00 [#go] * alice two",
        "| 12:01 [#go] <alice> three",
    ]
    assert expected == bob.type("/join #go")


def test_only_the_last_lines_are_shown_on_joining(village: Village, alice: Villager) -> None:
    alice.type(*(f"line {i}" for i in range(15)))
    shown = village.person("bob", node=1).type("/join #go")
    expected = [f"| 12:00 [#go] <alice> line {i}" for i in range(5, 15)]
    assert expected == shown[2:]


def test_a_channel_keeps_the_spelling_of_whoever_made_it(village: Village) -> None:
    alice, bob = village.person("alice", "#Go"), village.person("bob", node=1)
    assert "bob has joined the channel #Go" == bob.type("/join #gO")[0]
    alice.read()
    bob.type("/msg #GO hello")
    assert ["[#Go] <bob> hello"] == alice.read()


def test_a_channel_can_be_joined_without_its_hash(village: Village) -> None:
    alice = village.person("alice")
    assert "alice has joined the channel #go" == alice.type("/join go")[0]


def test_a_key_is_taken_and_does_nothing_where_there_is_none(village: Village) -> None:
    alice = village.person("alice")
    assert "alice has joined the channel #go" == alice.type("/join #go sesame")[0]


def test_joining_twice_is_refused_and_makes_the_channel_current(
    alice: Villager, bob: Villager
) -> None:
    alice.type("/join #new")
    assert ["error: you are in #go already"] == alice.type("/join #GO")
    alice.type("hello")
    assert ["[#go] <alice> hello"] == bob.read()


@pytest.mark.parametrize("name", ["#", "#a,b", "#" + "x" * 51, "#a\u202eb", "#a\x07"])
def test_what_can_not_be_a_channel_is_refused(village: Village, name: str) -> None:
    (line,) = village.person("alice").type(f"/join {name}")
    assert line.startswith("error: ")
    assert " can't be a channel: " in line


def test_a_session_has_a_most_of_channels() -> None:
    alice = Village(1, lobby="", channels_per_session=2).person("alice", "#a", "#b")
    expected = ["error: you are in as many channels as one may be; /leave one first"]
    assert expected == alice.type("/join #c")


def test_an_address_makes_a_most_of_channels() -> None:
    village = Village(1, lobby="", bounds={"channels_per_address": 1})
    guest = village.guest(address="192.0.2.1")
    guest.type("/join #a")
    expected = "error: too many channels were made from your address; join one that is there"
    assert [expected] == guest.type("/join #b")


# -- only so often


def strict(village: Village, **rates: Rate) -> Villager:
    """Somebody who may do these only so often; the clock is the village's."""
    limits = Limits({Act(act): rate for act, rate in rates.items()}, {}, (), lambda: village.now)
    person = village.guest()
    person.session.allowance = limits.of("192.0.2.1")
    person.read()
    return person


def test_who_changes_their_nick_too_often_is_told_when_they_may(village: Village) -> None:
    ann = strict(village, nicks=Rate(2, 60))
    ann.type("/nick ann", "/nick anna")
    expected = ["error: you change your nick too often; try again in 30 s"]
    assert expected == ann.type("/nick annabel")
    village.now += 30
    assert ["anna is changing nick to annabel"] == ann.type("/nick annabel")


def test_who_is_told_to_wait_keeps_what_they_had(village: Village) -> None:
    ann = strict(village, nicks=Rate(1, 60), joins=Rate(1, 60))
    ann.type("/nick ann", "/join #a", "/nick other", "/join #b")
    assert ("ann", ["#a"]) == (ann.nick, list(ann.session.channels))


@pytest.mark.parametrize("line", ["/nick ann", "/nick 7", "/nick guest-x"])
def test_what_changes_no_nick_does_not_count(village: Village, line: str) -> None:
    ann = strict(village, nicks=Rate(2, 60))
    ann.type("/nick ann", line)
    assert ["ann is changing nick to anna"] == ann.type("/nick anna")


def test_a_nick_that_is_taken_counts(village: Village, alice: Villager) -> None:
    ann = strict(village, nicks=Rate(1, 60))
    taken, late = ann.type("/nick alice", "/nick ann")
    assert ("taken", "error: you change") == (taken.split()[-1], late[:17])


def test_who_joins_too_often_is_told_when_they_may(village: Village) -> None:
    ann = strict(village, joins=Rate(1, 60))
    ann.type("/join #a", "/leave #a")
    expected = ["error: you join channels too often; try again in 60 s"]
    assert expected == ann.type("/join #a")
    village.now += 60
    assert "in #a (1): " == ann.type("/join #a")[-1][:11]


@pytest.mark.parametrize("line", ["/join #a", "/join #a,b"])
def test_what_joins_no_channel_does_not_count(village: Village, line: str) -> None:
    ann = strict(village, joins=Rate(2, 60))
    ann.type("/join #a", line)
    assert "in #b (1): " == ann.type("/join #b")[-1][:11]


def test_a_leave_is_read_by_everyone_there_and_the_leaver(alice: Villager, bob: Villager) -> None:
    expected = ["alice has left the channel #go"]
    assert (expected, expected) == (alice.type("/leave #go"), bob.read())


@pytest.mark.parametrize(
    "line", ["/leave #go for lunch", "/leave go for lunch", "/leave for lunch"]
)
def test_a_leave_can_have_a_reason(alice: Villager, bob: Villager, line: str) -> None:
    expected = ["alice has left the channel #go (for lunch)"]
    assert (expected, expected) == (alice.type(line), bob.read())


def test_who_left_reads_nothing_more_of_the_channel(alice: Villager, bob: Villager) -> None:
    alice.type("/leave #go")
    bob.type("hello")
    assert [] == alice.read()


def test_who_came_back_reads_on(alice: Villager, bob: Villager) -> None:
    alice.type("/leave #go", "/join #go")
    bob.type("hello")
    assert ["[#go] <bob> hello"] == alice.read()


def test_leaving_where_one_is_not_is_refused(alice: Villager) -> None:
    assert ["error: you are not in #new"] == alice.type("/leave #new")


# -- asking


def test_names_are_those_of_all_nodes_in_order(
    village: Village, alice: Villager, bob: Villager
) -> None:
    for i, nick in enumerate(["Zoe", "carol", "Abe"]):
        village.person(nick, "#go", node=i)
    expected = ["in #go (5): Abe @alice bob carol Zoe"]
    assert (expected, expected) == (alice.type("/names"), alice.type("/names GO"))


def test_names_of_a_channel_that_is_not_there_are_refused(alice: Villager) -> None:
    assert ["error: there is no channel #new"] == alice.type("/names #new")


def test_names_of_an_empty_channel_are_nobody(alice: Villager) -> None:
    alice.type("hello", "/leave")
    assert ["in #go (0): nobody"] == alice.type("/names #go")


def test_the_list_has_sizes_and_topics(village: Village, alice: Villager, bob: Villager) -> None:
    bob.type("/join #new", "/topic fresh")
    assert ["#go (2)", "#new (1): fresh", "2 channels"] == alice.type("/list")


@pytest.mark.parametrize("pattern", ["#n*", "NEW", "?new", "*ew", "n?w"])
def test_the_list_can_be_narrowed_by_a_pattern(alice: Villager, pattern: str) -> None:
    alice.type("/join #new")
    assert ["#new (1)", "1 channel"] == alice.type(f"/list {pattern}")


def test_whois_tells_a_person_of_another_node(alice: Villager, bob: Villager) -> None:
    expected = [
        "bob is slash@local",
        "bob is on the node node2, connected since 2023-11-14 12:00 UTC",
        "bob is in #go",
    ]
    assert expected == alice.type("/whois BOB")


def test_whois_nobody_is_refused(alice: Villager) -> None:
    assert ["error: nobody is called zed"] == alice.type("/whois zed")


def test_who_is_everyone_by_node(alice: Villager, bob: Villager) -> None:
    assert ["on node1: alice", "on node2: bob", "2 people in all"] == alice.type("/who")


def test_a_topic_is_told_to_everyone_there(alice: Villager, bob: Villager) -> None:
    expected = ["alice has set the topic of #go to all about Go"]
    assert (expected, expected) == (alice.type("/topic all about Go"), bob.read())


@pytest.mark.parametrize("line", ["/topic", "/topic #go", "/topic GO"])
def test_a_topic_can_be_read(alice: Villager, bob: Villager, line: str) -> None:
    alice.type("/topic all about Go")
    bob.read()
    expected = ["the topic of #go is all about Go", "set by alice, 2023-11-14 12:00 UTC"]
    assert expected == bob.type(line)


def test_a_channel_without_a_topic_says_so(alice: Villager) -> None:
    assert ["#go has no topic"] == alice.type("/topic")


def test_only_members_set_the_topic(village: Village, alice: Villager) -> None:
    stranger = village.person("eve")
    assert ["error: you are not in #go"] == stranger.type("/topic #go mine")
    assert [] == alice.read()


def test_history_shows_the_last_twenty(alice: Villager) -> None:
    alice.type(*(f"line {i}" for i in range(25)))
    expected = [f"| 12:00 [#go] <alice> line {i}" for i in range(5, 25)]
    assert expected == alice.type("/history")


@pytest.mark.parametrize("line", ["/history 2", "/history #go 2", "/history go 2"])
def test_history_shows_as_many_as_asked_for(alice: Villager, line: str) -> None:
    alice.type("one", "two", "three")
    expected = ["| 12:00 [#go] <alice> two", "| 12:00 [#go] <alice> three"]
    assert expected == alice.type(line)


def test_history_without_lines_says_so(alice: Villager) -> None:
    assert ["nothing was said in #go yet"] == alice.type("/history")


def test_history_is_read_back_page_by_page(alice: Villager, bob: Villager) -> None:
    alice.type("/set pos on")
    alice.type(*(f"line {i}" for i in range(7)))
    bob.type("now")
    place = alice.read()[-1].split()[0].removeprefix("@")
    pages, ask = [], f"/history #go 3 before {place}"
    while ask:
        *page, last = alice.type(ask)
        ask = last.removeprefix("hint: ").removesuffix(" shows what is older")
        if ask == last:
            page, ask = [*page, last], ""
        pages.append([line.removeprefix("| 12:00 [#go] <alice> ") for line in page])
    assert [["line 4", "line 5", "line 6"], ["line 1", "line 2", "line 3"], ["line 0"]] == pages


def test_before_the_first_line_there_is_nothing(alice: Villager) -> None:
    (joined,) = alice.type("/set pos on", "/leave", "/join #two")[-2:-1]
    place = joined.split()[0].removeprefix("@")
    expected = ["nothing was said in #two before that"]
    assert expected == alice.type(f"/history before {place}")


def test_history_is_for_members(village: Village, alice: Villager) -> None:
    assert ["error: you are not in #go"] == village.person("eve").type("/history #go")


def test_stats_tell_the_node_and_the_cluster(
    village: Village, alice: Villager, bob: Villager
) -> None:
    alice.type("one", "two")
    village.now += 90
    lines = alice.type("/stats")
    assert "node node1: 1 sessions" == lines[0][:22]
    assert "cluster: 3 nodes, 2 sessions, 1 channels, 2 messages" == lines[1]


# -- being away


def test_who_is_away_is_shown_so(alice: Villager, bob: Villager) -> None:
    assert ["you are away (lunch)"] == alice.type("/away lunch")
    assert "alice is away (lunch)" == bob.type("/whois alice")[2]


def test_who_writes_to_somebody_away_is_told(alice: Villager, bob: Villager) -> None:
    alice.type("/away lunch")
    assert ["alice is away (lunch)"] == bob.type("/msg ALICE hello")
    assert ["[private] <bob> hello"] == alice.read()


def test_one_can_be_away_without_a_reason(alice: Villager, bob: Villager) -> None:
    assert ["you are away"] == alice.type("/away")
    assert ["alice is away"] == bob.type("/msg alice hello")


def test_who_is_back_is_away_no_more(alice: Villager, bob: Villager) -> None:
    alice.type("/away lunch")
    assert ["you are back"] == alice.type("/back")
    assert [] == bob.type("/msg alice hello")


# -- options


def test_options_are_off_until_asked_for(alice: Villager) -> None:
    assert ["set: echo off, time off, color off, pos off"] == alice.type("/set")


def test_an_option_that_is_not_there_is_refused(alice: Villager) -> None:
    expected = "error: there is no option size; there are echo, time, color and pos"
    assert [expected] == alice.type("/set size on")


def test_time_is_shown_before_each_line(alice: Villager, bob: Villager) -> None:
    alice.type("/set time on")
    bob.type("hello")
    assert ["12:00 [#go] <bob> hello"] == alice.read()


def test_a_place_is_shown_before_each_line_from_a_log(alice: Villager, bob: Villager) -> None:
    alice.type("/set pos on")
    bob.type("one", "two")
    (first, *one), (second, *two) = (line.split(" ") for line in alice.read())
    assert (["[#go]", "<bob>", "one"], ["[#go]", "<bob>", "two"]) == (one, two)
    assert int(first.rpartition(".")[2]) + 1 == int(second.rpartition(".")[2])
    assert first.startswith("@")


def test_options_are_a_persons_own(alice: Villager, bob: Villager) -> None:
    alice.type("/set time on", "hello")
    assert ["[#go] <alice> hello"] == bob.read()


# -- pings


@pytest.mark.parametrize(
    "line, pong", [("/ping", "pong"), ("/ping 1", "pong 1"), ("/ping a  b", "pong a  b")]
)
def test_a_ping_is_answered_with_its_text(alice: Villager, line: str, pong: str) -> None:
    assert [pong] == alice.type(line)


def test_a_ping_is_answered_after_all_before_it(alice: Villager, bob: Villager) -> None:
    lines = alice.type("/set echo on", "one", "/nick alicia", "/ping 1")[1:]
    expected = ["[#go] <alice> one", "alice is changing nick to alicia", "pong 1"]
    assert expected == lines


def test_what_others_have_sent_to_another_node_has_some_time_to_come_before_the_pong(
    village: Village, alice: Villager, bob: Villager, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = village.brokers[0]
    barrier = broker.barrier

    async def barrier_after_a_while(*, patient: bool = False) -> None:
        if patient:
            bob.type("on its way")
        await barrier()

    monkeypatch.setattr(broker, "barrier", barrier_after_a_while)
    assert ["[#go] <bob> on its way", "pong 1"] == alice.type("/ping 1")


# -- quitting


def test_a_quit_is_read_once_by_each_who_shares_a_channel(
    village: Village, alice: Villager, bob: Villager
) -> None:
    for person in (alice, bob):
        person.type("/join #two", "/join #three")
    stranger = village.person("eve", "#elsewhere", node=1)
    village.read_up()
    assert ["closing: you have quit"] == alice.type("/quit good night")
    assert (["alice has quit (good night)"], []) == (bob.read(), stranger.read())


def test_a_quit_closes_the_connection_and_frees_the_nick(alice: Villager, bob: Villager) -> None:
    alice.type("/quit")
    assert not alice.here
    assert ["alice has quit"] == bob.read()
    assert ["bob is changing nick to alice"] == bob.type("/nick alice")


def test_nothing_is_done_after_a_quit(alice: Villager, bob: Villager) -> None:
    alice.type("/quit", "hello", "/nick eve")
    assert ["alice has quit"] == bob.read()


def test_a_lost_connection_is_a_quit(alice: Villager, bob: Villager) -> None:
    alice.hang_up()
    assert ["alice has quit (connection lost)"] == bob.read()


# -- lines that won't do


def test_a_line_that_is_no_command_is_answered_to_that_person_only(
    alice: Villager, bob: Villager
) -> None:
    assert [MALFORMED, "hint: there is no /dance; /help shows all commands"] == alice.type("/dance")
    assert [] == bob.read()


def test_a_command_that_lacks_something_is_answered_with_its_form(alice: Villager) -> None:
    expected = [MALFORMED, "hint: /nick NAME, for example: /nick alice"]
    assert expected == alice.type("/nick")


@pytest.mark.parametrize("line", ["", " ", "\t"])
def test_an_empty_line_does_nothing(alice: Villager, bob: Villager, line: str) -> None:
    assert ([], []) == (alice.type(line), bob.read())


# -- while the broker is away

COMMANDS = [
    "hello",
    "/me waves",
    "/msg #go hello",
    "/msg bob hello",
    "/nick alicia",
    "/leave",
    "/names",
    "/list",
    "/whois bob",
    "/who",
    "/topic",
    "/topic new",
    "/history",
    "/away",
    "/back",
    "/stats",
]


@pytest.mark.parametrize("line", [*COMMANDS, "/join #new"])
def test_a_command_is_refused_while_the_broker_is_away(
    village: Village, alice: Villager, bob: Villager, line: str
) -> None:
    village.lose(0)
    alice.read()
    assert [AWAY] == alice.type(line)
    village.restore(0)
    assert (["notice: the broker is back"], []) == (alice.read(), bob.read())


@pytest.mark.parametrize("line", ["/set", "/help nick", "/ping"])
def test_what_needs_no_broker_is_answered_while_it_is_away(
    village: Village, alice: Villager, line: str
) -> None:
    expected = alice.type(line)
    village.lose(0)
    alice.read()
    assert expected == alice.type(line)


def test_a_ping_is_answered_at_once_after_any_command_while_the_broker_is_away(
    village: Village, alice: Villager
) -> None:
    village.lose(0)
    alice.read()
    assert "pong 1" == alice.type(*COMMANDS, "/join #new", "/ping 1")[-1]


def test_a_quit_while_the_broker_is_away_is_done_when_it_is_back(
    village: Village, alice: Villager, bob: Villager
) -> None:
    village.lose(0)
    alice.type("/quit late")
    assert ([], True) == (bob.read(), alice.here)
    village.restore(0)
    assert (["alice has quit (late)"], False) == (bob.read(), alice.here)


# -- the hot path


def test_a_line_is_put_once_for_each_kind_of_listener(village: Village) -> None:
    people = [village.person(f"p{i}", "#go") for i in range(6)]
    people[0].type("/set time on")
    people[1].type("/set time on")
    outbox = village.chats[0].hub._outbox
    assert isinstance(outbox, Screens)
    outbox.puts = 0
    people[5].type("hello")
    assert 2 == outbox.puts
