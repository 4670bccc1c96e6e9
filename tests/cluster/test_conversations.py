"""People on three nodes, and every command of the line protocol, by the wire."""

import re

import pytest

from tests.support.town import Town, named, settle

MALFORMED = "error: line did not conform to chat server requirements!"


def test_whoever_connects_is_told_their_nick_where_they_are_and_where_help_is(town: Town) -> None:
    greeting = "\n".join(town.person().heard)
    assert re.search(r"\bguest-[a-z0-9]+\b", greeting)
    assert "#lobby" in greeting
    assert "/help" in greeting


def test_a_join_is_read_by_everyone_there_and_by_whoever_joins(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat")
    ann.does(f"/join {go}")
    assert f"bob has joined the channel {go}" == bob.does(f"/join {go}")[0]
    assert [[f"bob has joined the channel {go}"], []] == settle(ann, cat)


def test_whoever_joins_reads_who_is_there_the_topic_and_the_last_lines(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob")
    for line in (f"/join {go}", "/topic all about Go", "hello", "/me waves"):
        ann.does(line)
    joined, *found = bob.does(f"/join {go}")
    assert f"bob has joined the channel {go}" == joined
    said = [re.sub(r"^\| \d\d:\d\d ", "| HH:MM ", line) for line in found if line[0] == "|"]
    assert [f"| HH:MM [{go}] <ann> hello", f"| HH:MM [{go}] * ann waves"] == said
    about = "\n".join(line for line in found if line[0] != "|")
    assert "all about Go" in about
    assert {"@ann", "bob"} <= set(about.split())


def test_a_channel_may_be_named_without_its_sign_and_in_any_case(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob")
    ann.does(f"/join {go}")
    assert f"bob has joined the channel {go}" in bob.does(f"/join {go[1:].upper()}")
    assert f"bob has left the channel {go}" in bob.does(f"/leave {go[1:].upper()}")
    assert ["bob has joined the channel " + go, "bob has left the channel " + go] == ann.settle()


def test_a_name_keeps_the_spelling_of_whoever_made_it(town: Town, go: str) -> None:
    ann, bob = town.people("Ann", "bob")
    spelled = f"#Go{go[3:]}"
    ann.does(f"/join {spelled}")
    bob.does(f"/join {go}")
    ann.does("hello")
    assert [f"[{spelled}] <Ann> hello"] == bob.settle()
    bob.does("/msg ANN hi")
    assert "[private] <bob> hi" in ann.settle()


def test_whoever_leaves_reads_it_with_the_others_and_then_nothing_more(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    left = f"ann has left the channel {go}"
    assert [left] == ann.does("/leave")
    assert [[left], [left]] == settle(bob, cat)
    bob.does("without ann")
    assert [] == ann.settle()


def test_a_reason_to_leave_is_told(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.does(f"/leave {go} time for lunch")
    assert [f"ann has left the channel {go} (time for lunch)"] == bob.settle()


def test_what_is_said_is_read_by_the_members_and_not_by_the_author(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    dan = town.person("dan")
    assert [] == ann.does("hello there")
    said = [f"[{go}] <ann> hello there"]
    assert [said, said, []] == settle(bob, cat, dan)


def test_a_line_is_said_where_one_last_joined_or_spoke(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=(go, f"{go}-2"))
    ann.does("here")
    ann.does(f"/msg {go} there")
    ann.does("and there")
    assert [
        f"[{go}-2] <ann> here",
        f"[{go}] <ann> there",
        f"[{go}] <ann> and there",
    ] == bob.settle()


def test_two_slashes_say_one(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.does("//join is a command")
    assert [f"[{go}] <ann> /join is a command"] == bob.settle()


def test_me_says_what_one_does(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.does("/me waves")
    assert [f"[{go}] * ann waves"] == bob.settle()


def test_nobody_speaks_where_they_are_not(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob")
    bob.does(f"/join {go}")
    (refused,) = ann.does(f"/msg {go} hello")
    assert refused.startswith("error: ")
    assert [] == bob.settle()


def test_a_private_message_is_read_by_that_one_person(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    assert [] == ann.does("/msg BOB psst, over here")
    assert [["[private] <ann> psst, over here"], []] == settle(bob, cat)


def test_a_private_message_to_nobody_is_an_error(town: Town) -> None:
    (refused,) = town.person("ann").does("/msg nobody psst")
    assert refused.startswith("error: ")
    assert "nobody" in refused


def test_a_nick_given_up_gets_no_private_messages(town: Town) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat")
    ann.does("/msg bob one")
    bob.does("/nick rob")
    (refused,) = ann.does("/msg bob two")
    assert refused.startswith("error: ")
    cat.does("/nick bob")
    ann.does("/msg bob three")
    ann.does("/msg rob four")
    assert ["[private] <ann> three"] == [line for line in cat.settle() if "private" in line]
    bob.settle()
    private = [line for line in bob.heard if line.startswith("[private]")]
    assert ["[private] <ann> one", "[private] <ann> four"] == private


def test_a_change_of_nick_is_read_once_by_all_who_share_channels(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=(go, f"{go}-2", f"{go}-3"))
    cat = town.person("cat", f"{go}-2", on=3)
    dan = town.person("dan", on=2)
    settle(ann, bob, cat)
    told = ["ann is changing nick to anna"]
    assert told == ann.does("/nick anna")
    assert [told, told, []] == settle(bob, cat, dan)
    ann.does("it is me")
    assert [f"[{go}-3] <anna> it is me"] == bob.settle()


def test_a_change_of_nick_that_shares_no_channel_is_read_by_its_author(town: Town) -> None:
    assert ["ann is changing nick to anna"] == town.person("ann").does("/nick anna")


def test_the_letters_of_a_nick_may_change_their_case(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.does("/nick ANN")
    assert ["ann is changing nick to ANN"] == bob.settle()
    bob.does("/msg ann still you?")
    assert ["[private] <bob> still you?"] == ann.settle()


@pytest.mark.parametrize("nick", ["ann", "ANN", "Ann"])
def test_a_nick_that_is_held_is_refused_in_any_case(town: Town, nick: str) -> None:
    _, bob = town.people("ann", "bob")
    assert [f"error: the nick {nick} is taken"] == bob.does(f"/nick {nick}")


def test_every_nick_that_the_protocol_allows_can_be_taken(town: Town) -> None:
    ann = town.person("ann")
    nicks = ["a", "Z9", "[x]", "{x}", "_", "\\`^|", "a-b-c", "x" * 32]
    said = [line for nick in nicks for line in ann.does(f"/nick {nick}")]
    changes = zip(["ann", *nicks], nicks, strict=False)
    assert [f"{old} is changing nick to {new}" for old, new in changes] == said


def test_no_other_nick_can(town: Town) -> None:
    ann = town.person("ann")
    nicks = ["1a", "-a", "a.b", "a#b", "x" * 33, "é", "a,b", "guest-me", "GUEST-me", "a\x1bb"]
    answers = [ann.does(f"/nick {nick}") for nick in nicks]
    assert [1] * len(nicks) == [len(answer) for answer in answers]
    assert all(line.startswith("error: ") for (line,) in answers)
    assert MALFORMED not in [line for (line,) in answers]


def test_only_channels_that_the_protocol_allows_can_be_joined(town: Town, go: str) -> None:
    ann = town.person("ann")
    fine = [go + letter for letter in "é漢.{}*?:/%☃"] + [go.ljust(51, "x")]
    for channel in fine:
        assert f"ann has joined the channel {channel}" in ann.does(f"/join {channel}")
    for channel in ("#", f"{go},x", go.ljust(52, "x"), f"{go}\x07", f"{go}\u200b", f"{go}\u202e"):
        (refused,) = ann.does(f"/join {channel}")
        assert refused.startswith("error: "), channel


def test_a_channel_is_the_same_however_its_letters_are_composed(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob")
    ann.does(f"/join {go}-caf\u00e9")
    bob.does(f"/join {go}-cafe\u0301")
    assert [f"bob has joined the channel {go}-caf\u00e9"] == ann.settle()


def test_joining_twice_is_refused_and_makes_it_the_current_channel(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=(go, f"{go}-2"))
    (refused,) = ann.does(f"/join {go}")
    assert refused.startswith("error: ")
    ann.does("hello")
    assert [f"[{go}] <ann> hello"] == bob.settle()


def test_names_are_exact_on_every_node_at_every_moment(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    steps = [
        (cat, "/nick kitty", {"ann", "bob", "kitty"}),
        (bob, "/leave", {"ann", "kitty"}),
        (bob, f"/join {go}", {"ann", "bob", "kitty"}),
        (cat, "/quit", {"ann", "bob"}),
    ]
    for who, command, expected in steps:
        who.type(command)
        who.rest() if command == "/quit" else who.settle()
        for asking in (ann, bob):
            asking.settle()
            assert expected == set(named(asking.does(f"/names {go}")))


def test_names_of_many_are_whole(town: Town, go: str) -> None:
    nicks = {f"somebody-with-a-long-name-{i:03}" for i in range(60)}
    ann, *_ = town.people("ann", *nicks, at=go)
    lines = ann.does(f"/names {go}")
    assert {"ann", *nicks} == set(named(lines))


def test_names_and_topic_of_a_channel_that_is_not_there_are_errors(town: Town, go: str) -> None:
    ann = town.person("ann")
    for command in ("/names", "/topic"):
        (refused,) = ann.does(f"{command} {go}")
        assert refused.startswith("error: ")


def test_the_list_has_every_channel_with_its_size_and_topic(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.does("/topic all about Go")
    bob.does(f"/join {go}-2")
    listed = town.person("cat", on=3).does(f"/list {go}*")
    assert f"{go} (2): all about Go" in listed
    assert f"{go}-2 (1)" in listed
    assert 3 == len(listed)


def test_a_channel_that_nobody_is_in_any_more_is_not_on_the_list(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob")
    ann.does(f"/join {go}")
    ann.does("/leave")
    assert [] == [line for line in bob.does(f"/list {go}") if line.startswith(go)]


def test_whois_tells_node_channels_and_why_somebody_is_away(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    bob.does("/away lunch")
    details = "\n".join(ann.does("/whois BOB"))
    for fact in ("bob", "n2", go, "lunch"):
        assert fact in details
    bob.does("/back")
    assert "lunch" not in "\n".join(ann.does("/whois bob"))


def test_whois_of_nobody_is_an_error(town: Town) -> None:
    (refused,) = town.person("ann").does("/whois nobody")
    assert refused.startswith("error: ")


def test_who_knows_everyone_on_every_node(town: Town) -> None:
    ann, *_ = town.people("ann", "bob", "cat")
    words = " ".join(ann.does("/who")).split()
    assert {"ann", "bob", "cat"} <= set(words)


def test_a_topic_is_told_to_all_and_shown_to_whoever_asks(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    told = f"ann has set the topic of {go} to all about Go"
    assert [told] == ann.does("/topic all about Go")
    assert [[told], [told]] == settle(bob, cat)
    assert "all about Go" in "\n".join(bob.does("/topic"))
    assert "all about Go" in "\n".join(town.person("dan").does(f"/topic {go}"))


def test_only_members_set_a_topic(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob")
    ann.does(f"/join {go}")
    (refused,) = bob.does(f"/topic {go} mine now")
    assert refused.startswith("error: ")
    assert [] == ann.settle()


def test_history_is_what_was_said_on_any_node_oldest_first(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    for i in range(8):
        for who in (ann, bob, cat):
            who.does(str(i))
    expected = [f"[{go}] <{nick}> {i}" for i in range(8) for nick in ("ann", "bob", "cat")]
    ann.settle()
    for command, count in ((f"/history {go} 5", 5), ("/history", 20), ("/history 100", 24)):
        lines = ann.does(command)
        assert all(re.match(r"\| \d\d:\d\d ", line) for line in lines)
        assert expected[-count:] == [line[8:] for line in lines]


def test_history_is_for_members(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob")
    ann.does(f"/join {go}")
    (refused,) = bob.does(f"/history {go}")
    assert refused.startswith("error: ")


def test_whoever_writes_to_somebody_who_is_away_is_told(town: Town) -> None:
    ann, bob = town.people("ann", "bob")
    bob.does("/away lunch")
    (told,) = ann.does("/msg bob psst")
    assert "bob" in told
    assert "lunch" in told
    bob.does("/back")
    assert [] == ann.does("/msg bob psst")
    bob.settle()
    assert ["[private] <ann> psst"] * 2 == [line for line in bob.heard if "psst" in line]


def test_echo_sends_ones_own_lines_in_their_place(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.does("/set echo on")
    bob.does("one")
    ann.does("two")
    bob.does("three")
    ann.settle()
    said = [line for line in ann.heard if line.startswith(f"[{go}]")]
    assert [f"[{go}] <bob> one", f"[{go}] <ann> two", f"[{go}] <bob> three"] == said
    ann.does("/set echo off")
    assert [] == ann.does("four")


def test_time_and_place_are_put_before_each_line_if_asked_for(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.does("/set time on")
    ann.does("/set pos on")
    bob.does("one")
    bob.does("two")
    one, two = (line.split(" ", 2) for line in ann.settle())
    assert (f"[{go}] <bob> one", f"[{go}] <bob> two") == (one[2], two[2])
    for place, clock, _ in (one, two):
        assert re.fullmatch(r"@\S+", place)
        assert re.fullmatch(r"\d\d:\d\d", clock)
    assert one[0] != two[0]
    for option in ("time", "pos"):
        ann.does(f"/set {option} off")
    bob.does("three")
    assert [f"[{go}] <bob> three"] == ann.settle()


def test_colours_are_for_whoever_asked_for_them(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    ann.does("/set color on")
    bob.does("hello")
    coloured, plain = (lines[0] for lines in settle(ann, cat))
    assert f"[{go}] <bob> hello" == plain
    assert plain != coloured
    assert plain == re.sub(r"\x1b\[[0-9;]*m", "", coloured)


def test_a_ping_is_answered_after_all_that_was_accepted_before_it(town: Town, go: str) -> None:
    people = town.people("ann", "bob", "cat", at=go)
    for i in range(30):
        author = people[i % 3]
        author.does(f"line {i}")
        for reader in people:
            if reader is not author:
                assert f"[{go}] <{['ann', 'bob', 'cat'][i % 3]}> line {i}" == reader.settle()[-1]


def test_a_ping_comes_after_the_answers_to_all_before_it(town: Town, go: str) -> None:
    ann = town.person("ann")
    ann.send(f"/whois nobody\r\n/join {go}\r\n/nope\r\n/whois nobody\r\n/nick x\r\n".encode())
    kinds = [line.split()[0] for line in ann.settle()]
    assert ["error:", "ann", "in", "error:", "hint:", "error:", "ann"] == kinds


def test_a_pong_repeats_its_text_to_the_letter(town: Town) -> None:
    ann = town.person("ann")
    for text in ("1", "  two  words ", "☃"):
        ann.type(f"/ping {text}")
        assert f"pong {text}" == ann.read()
    ann.type("/PING")
    assert "pong" == ann.read().rstrip()


def test_help_names_every_command_and_explains_each(town: Town) -> None:
    ann = town.person("ann")
    listed = "\n".join(ann.does("/help"))
    verbs = "nick join leave msg me names list whois who topic history away back set ping stats"
    for verb in [*verbs.split(), "quit", "help"]:
        assert f"/{verb}" in listed
        explained = ann.does(f"/help {verb}")
        assert len(explained) >= 2
        assert all(f"/{verb}" in line for line in explained)


def test_a_quit_is_read_once_by_those_who_share_several_channels(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=(go, f"{go}-2", f"{go}-3"))
    cat = town.person("cat", f"{go}-3", on=3)
    dan = town.person("dan", on=2)
    settle(ann, bob, cat, dan)
    ann.type("/quit good night")
    assert "closing: " == ann.rest()[-1][:9]
    told = ["ann has quit (good night)"]
    assert [told, told, []] == settle(bob, cat, dan)


def test_a_quit_without_a_reason_gives_none(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.type("/quit")
    ann.rest()
    assert ["ann has quit"] == bob.settle()


def test_a_nick_is_free_once_its_holders_connection_is_closed(town: Town) -> None:
    for i in range(10):
        ann = town.person("ann", on=i % 3 + 1)
        assert "ann" in ann.heard[-2]
        assert not [line for line in ann.heard if line.startswith("error: ")]
        ann.type("/quit")
        ann.rest()


def test_whoever_just_hangs_up_has_quit(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=(go, f"{go}-2"))
    ann.close()
    told = "ann has quit (connection lost)"
    assert told == bob.until("ann has")
    assert told == cat.until("ann has")
    assert [[], []] == settle(bob, cat)


def test_what_was_typed_before_hanging_up_is_done(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.send(b"one\r\n/me two\r\n/msg bob three\r\n")
    ann.say_no_more()
    ann.rest()
    assert [
        f"[{go}] <ann> one",
        f"[{go}] * ann two",
        "[private] <ann> three",
        "ann has quit (connection lost)",
    ] == bob.settle()


def test_a_line_that_is_no_command_is_answered_to_its_author_alone(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    lines = ["/nope", "/nick", "/nick a b", "/join", "/join #a b c", "/msg", "/msg bob", "/me"]
    lines += ["/whois", "/set echo", "/set echo perhaps", "/history a b 1", "/who cares", "/"]
    for line in lines:
        error, hint = ann.does(line)
        assert (MALFORMED, "hint: ") == (error, hint[:6])
    assert [] == bob.settle()


def test_a_hint_shows_the_right_form(town: Town) -> None:
    ann = town.person("ann")
    forms = {"/nick": "/nick NAME", "/join": "/join #CHAN", "/msg bob": "/msg NAME TEXT"}
    for line, form in forms.items():
        assert form in ann.does(line)[1]


def test_commands_may_be_typed_in_any_case(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.does("/ME waves")
    ann.does("/Msg BOB psst")
    assert [f"[{go}] * ann waves", "[private] <ann> psst"] == bob.settle()


def test_stats_tell_the_node_and_the_cluster(town: Town, go: str) -> None:
    ann, *_ = town.people("ann", "bob", "cat", at=go)
    said = "\n".join(ann.does("/stats"))
    assert re.search(r"\bn1\b", said)
    assert re.search(r"\b3 nodes\b", said)
    assert re.search(r"\b\d+ sessions\b.*\b\d+ channels\b.*\b\d+ messages\b", said)


def test_what_people_typed_reaches_no_screen_as_control_characters(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    wicked = "a\x1b[31mb\x9b2Jc\x07d\u202ee\u2066f\u200fg\x7fh"
    for command in (wicked, f"/me {wicked}", f"/topic {wicked}", f"/msg bob {wicked}"):
        ann.does(command)
    ann.does(f"/away {wicked}")
    bob.does("/msg ann hi")
    bob.does("/whois ann")
    ann.type(f"/quit {wicked}")
    ann.rest()
    bob.settle()
    screen = "".join(bob.heard)
    assert set() == set(screen) & set("\x1b\x9b\x07\u202e\u2066\u200f\x7f")
    assert 6 <= screen.count("a\ufffd[31mb\ufffd2Jc\ufffdd\ufffde\ufffdf\ufffdg\ufffdh")
