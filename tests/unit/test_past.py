"""What people see of parts of logs, of what was taken back, of several lines, of tags."""

import json
from typing import Any

import pytest

from broker.api import Code, Position, Refused, Way
from broker.events import Extra
from node.core import commands, names, past
from node.core.replies import Span, TakenBack, Targets
from node.core.words import REFUSED
from node.dialects.json import Json
from tests.support.village import Village, Villager, done


@pytest.fixture
def village() -> Village:
    return Village(nodes=2, lobby="")


class Program(Villager):
    """Somebody who speaks JSON."""

    def ask(self, **wanted: Any) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.type(json.dumps(wanted))]

    def hear(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.read()]


def program(village: Village, nick: str, *channels: str, node: int = 0) -> Program:
    """A program with a nick comes into channels, and everybody reads up."""
    dialect = Json(lambda message: message + b"\r\n")
    one = Program(village.chats[node], dialect, "", lobby=False)
    village.people.append(one)
    one.ask(do="nick", nick=nick)
    for channel in channels:
        one.ask(do="join", channel=channel)
    village.read_up()
    return one


def span(who: Villager, chat: Any, target: str, **how: Any) -> Span:
    reply = done(past.span(chat, who.session, commands.Span(target, Way.LATEST, **how)))
    assert isinstance(reply, Span)
    return reply


# Several lines


def test_what_has_several_lines_is_read_as_so_many(village: Village) -> None:
    ann = program(village, "ann", "#go")
    bob = village.person("bob", "#go", node=1)
    ann.ask(do="say", channel="#go", text="one\n\ntwo")
    assert ["[#go] <ann> one", "[#go] <ann> ", "[#go] <ann> two"] == bob.read()


def test_each_of_its_lines_has_place_and_time(village: Village) -> None:
    ann = program(village, "ann", "#go")
    bob = village.person("bob", "#go", node=1)
    bob.type("/set time on")
    ann.ask(do="say", channel="#go", text="one\ntwo", action=True)
    assert ["12:00 [#go] * ann one", "12:00 [#go] * ann two"] == bob.read()


def test_in_history_it_is_as_many_lines(village: Village) -> None:
    ann = program(village, "ann", "#go")
    bob = village.person("bob", "#go", node=1)
    ann.ask(do="say", channel="#go", text="one\ntwo")
    bob.read()
    assert ["| 12:00 [#go] <ann> one", "| 12:00 [#go] <ann> two"] == bob.type("/history")


def test_a_program_reads_it_as_one_text(village: Village) -> None:
    ann, bob = program(village, "ann", "#go"), program(village, "bob", "#go", node=1)
    ann.ask(do="say", channel="#go", text="one\ntwo")
    assert ["one\ntwo"] == [said["text"] for said in bob.hear()]


def test_a_private_message_may_have_several_lines(village: Village) -> None:
    ann, bob = program(village, "ann"), village.person("bob", node=1)
    ann.ask(do="tell", nick="bob", text="one\ntwo")
    ann.ask(do="tell", nick="bob", text="waves", action=True)
    assert ["[private] <ann> one", "[private] <ann> two", "[private] * ann waves"] == bob.read()


@pytest.mark.parametrize(
    "text, code",
    [
        ("one\r\ntwo", Code.TEXT_INVALID),
        ("one\0two", Code.TEXT_INVALID),
        ("\n \n", Code.TEXT_INVALID),
        ("\n" * names.MOST_LINES + "x", Code.TEXT_TOO_LONG),
        ("x" * (names.MOST_BYTES + 1), Code.TEXT_TOO_LONG),
        ("é" * (names.MOST_BYTES // 2) + "\n", Code.TEXT_TOO_LONG),
    ],
)
def test_several_lines_have_their_bounds(text: str, code: Code) -> None:
    with pytest.raises(Refused) as caught:
        names.lines(text)
    assert code is caught.value.code


@pytest.mark.parametrize("text", ["", " ", "x\n", "\nx", "\n" * (names.MOST_LINES - 1) + "x"])
def test_within_them_lines_are_as_they_were_typed(text: str) -> None:
    assert text == names.lines(text)


# Taking back


def said(by: Program, text: str, channel: str = "#go") -> str:
    """Say a line; its place."""
    answers = by.ask(do="say", channel=channel, text=text)
    return next(str(one["pos"]) for one in answers if one.get("text") == text)


def test_who_said_it_takes_it_back_and_everybody_reads_that(village: Village) -> None:
    ann = village.person("ann", "#go")
    bob = village.person("bob", "#go", node=1)
    bob.type("/set pos on")
    ann.type("secret")
    place = bob.read()[0].split()[0]
    assert ["ann has taken back a line of #go (oops)"] == ann.type(f"/redact {place} oops")
    (line,) = bob.read()
    assert f"ann has taken back a line of #go, {place} (oops)" == line.partition(" ")[2]


def test_it_is_in_nobodys_history(village: Village) -> None:
    ann = program(village, "ann", "#go")
    bob = village.person("bob", "#go", node=1)
    place = said(ann, "secret")
    said(ann, "hi")
    ann.ask(do="redact", target="#go", pos=place)
    bob.read()
    assert ["| 12:00 [#go] <ann> hi"] == bob.type("/history")
    assert ["hi"] == [one["text"] for one in ann.ask(do="history", channel="#go")[-1]["entries"]]


def test_a_program_is_told_what_was_taken_back(village: Village) -> None:
    ann, bob = program(village, "ann", "#go"), program(village, "bob", "#go", node=1)
    place = said(ann, "secret")
    bob.read()
    answers = ann.ask(do="redact", id=7, target="#go", pos=place, why="oops")
    (told,) = bob.hear()
    assert ("redacted", place, "oops") == (told["is"], told["what"], told["why"])
    assert [told, {"is": "done", "id": 7}] == answers


def test_what_others_said_one_cannot_take_back(village: Village) -> None:
    ann, bob = program(village, "ann", "#go"), village.person("bob", "#go", node=1)
    place = said(ann, "hi")
    bob.read()
    assert [f"error: {REFUSED[Code.NOT_YOURS]}"] == bob.type(f"/redact #go {place}")


def test_where_nothing_is_said_nothing_is_taken_back(village: Village) -> None:
    ann = village.person("ann", "#go")
    expected = ["error: there is nothing said at e.7 that could be taken back"]
    assert expected == ann.type("/redact #go e.7")
    assert ["error: you are not in #py"] == ann.type("/redact #py e.7")


def test_what_was_told_in_private_is_taken_back_by_who_told_it(village: Village) -> None:
    ann, bob = program(village, "ann"), village.person("bob", node=1)
    ann.ask(do="tell", nick="bob", text="secret")
    entries = ann.ask(do="span", target="bob", way="latest")[0]["entries"]
    (answer,) = ann.ask(do="redact", id=7, target="bob", pos=entries[0]["pos"])
    assert (7, entries[0]["pos"], True) == (answer["id"], answer["what"], "channel" not in answer)
    assert ["[private] <ann> secret", "ann has taken back a private message"] == bob.read()


def test_a_server_operator_takes_back_where_they_are_not(village: Village) -> None:
    ann, bob = program(village, "ann", "#go"), village.person("bob", node=1)
    place = said(ann, "spam")
    me = bob.session.me
    me.profile = me.profile.__class__(modes="o")
    epoch, _, seq = place.partition(".")
    wish = commands.Redact("#go", Position(epoch, int(seq)), "no spam")
    reply = done(past.redact(village.chats[1], bob.session, wish))
    assert isinstance(reply, TakenBack) and reply.event.at == place
    assert ["bob"] == [told["nick"] for told in ann.hear()]


def test_who_comes_back_reads_nothing_that_was_taken_back(village: Village) -> None:
    ann = program(village, "ann", "#go")
    bob = village.person("bob", "#go", node=1)
    token = bob.type("/token")[0].split()[1]
    bob.hang_up()
    place = said(ann, "secret")
    said(ann, "hi")
    ann.ask(do="redact", target="#go", pos=place)
    back = village.guest(0, lobby=False)
    back.read()
    lines = back.type(f"/resume {token}")
    assert ["[#go] <ann> hi", "ann has taken back a line of #go"] == lines[1:]


# Parts of logs


def test_only_members_read_parts_of_a_log(village: Village) -> None:
    village.person("ann", "#go")
    bob = village.person("bob", node=1)
    with pytest.raises(Refused) as caught:
        span(bob, village.chats[1], "#go")
    assert Refused(Code.NOT_MEMBER, "#go") == caught.value


def test_who_has_no_status_reads_no_lines_that_are_for_one(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=1)
    wish = commands.Say("#go", "for ops", extra=Extra(rank="o"))
    ann.session.lane.add(wish)
    found = [span(bob, village.chats[1], "#go").entries]
    bob.session.channels["#go"].status = "v"
    found.append(span(bob, village.chats[1], "#go").entries)
    bob.session.channels["#go"].status = "o"
    found.append(span(bob, village.chats[1], "#go").entries)
    bob.read()
    assert [0, 0, 1] == [len(entries) for entries in found]
    assert ["| 12:00 [#go] <ann> for ops"] == bob.type("/history")


def test_a_part_is_told_with_places_and_whether_there_is_more(village: Village) -> None:
    ann = program(village, "ann", "#Go")
    places = [said(ann, text, "#go") for text in ("1", "2", "3")]
    (answer,) = ann.ask(do="span", id=7, target="#go", way="before", places=[places[2]], count=1)
    (entry,) = answer["entries"]
    assert (7, "#Go", True) == (answer["id"], answer["target"], answer["more"])
    assert ("2", places[1], "#Go") == (entry["text"], entry["pos"], entry["channel"])


def test_where_something_was_said_between_two_times_is_told_by_time(village: Village) -> None:
    ann, bob = program(village, "ann", "#a", "#b"), program(village, "bob", node=1)
    told = []
    for step in (
        lambda: said(ann, "1", "#b"),
        lambda: bob.ask(do="tell", nick="ann", text="2"),
        lambda: said(ann, "3", "#a"),
    ):
        village.now += 1
        told.append(int(village.now * 1000))
        step()
    first, second, third = told
    everything = [("#b", first), ("bob", second), ("#a", third)]

    def asked(*how: int) -> list[tuple[str, int]]:
        wish = commands.Targets(*how)
        reply = done(past.targets(village.chats[0], ann.session, wish))
        assert isinstance(reply, Targets)
        return reply.targets

    assert [everything, everything[1:2], everything[:2], everything[1:], []] == [
        asked(0, third + 1),
        asked(first, third),
        asked(0, third + 1, 2),
        asked(third + 1, 0, 2),
        asked(0, first),
    ]


# Tags


def test_tags_are_told_who_asked_for_them(village: Village) -> None:
    ann, bob = program(village, "ann", "#go"), program(village, "bob", "#go", node=1)
    cat = village.person("cat", "#go")
    bob.ask(do="set", option="tags", on=True)
    ann.read()
    assert [] == ann.ask(do="tag", target="#go", tags={"+typing": "active"})
    ann.ask(do="say", channel="#go", text="hi", tags={"+x": "y"})
    tagged, said_ = bob.hear()
    assert ("tagged", {"+typing": "active"}, False) == (
        tagged["is"],
        tagged["tags"],
        "pos" in tagged,
    )
    assert ({"+x": "y"}, ["[#go] <ann> hi"]) == (said_["tags"], cat.read())


def test_tags_in_private_come_to_whom_they_are_for(village: Village) -> None:
    ann, bob = program(village, "ann"), program(village, "bob", node=1)
    bob.ask(do="set", option="tags", on=True)
    ann.ask(do="tag", target="bob", tags={"+typing": "active"})
    (tagged,) = bob.hear()
    assert ("tagged", "ann", False) == (tagged["is"], tagged["nick"], "channel" in tagged)


def test_that_somebody_types_is_no_part_of_what_was(village: Village) -> None:
    ann = program(village, "ann", "#go")
    village.person("bob", "#go", node=1)
    for tags in ({"+typing": "active"}, {"+draft/react": "x"}):
        ann.ask(do="tag", target="#go", tags=tags)
    kinds = [
        one["is"]
        for one in ann.ask(do="span", target="#go", way="latest", every=True)[0]["entries"]
    ]
    assert ["joined", "joined", "tagged"] == kinds


def test_who_may_not_speak_sends_no_tags(village: Village) -> None:
    ann = village.person("ann", "#go")
    bob = program(village, "bob", "#go", node=1)
    ann.type("/mode #go +m")
    bob.hear()
    codes = [
        bob.ask(do="tag", target="#go", tags=tags)[0]["code"]
        for tags in ({"+x": "y"}, {"+typing": "active"})
    ]
    assert ["cannot-speak"] * 2 == codes


def test_who_is_not_in_a_channel_sends_no_tags_there(village: Village) -> None:
    program(village, "ann", "#go")
    bob = program(village, "bob", node=1)
    (answer,) = bob.ask(do="tag", target="#go", tags={"+x": "y"})
    assert ("error", "not-member") == (answer["is"], answer["code"])


@pytest.mark.parametrize(
    "tags, code",
    [
        ({"x": "y"}, Code.TEXT_INVALID),
        ({"+": "y"}, Code.TEXT_INVALID),
        ({"+a b": "y"}, Code.TEXT_INVALID),
        ({"+x": "\0"}, Code.TEXT_INVALID),
        ({"+x": "y" * names.MOST_TAGS}, Code.TEXT_TOO_LONG),
    ],
)
def test_tags_have_their_bounds(tags: dict[str, str], code: Code) -> None:
    with pytest.raises(Refused) as caught:
        names.tags(tags)
    assert code is caught.value.code


def test_within_them_tags_are_as_they_came() -> None:
    tags = {"+draft/reply": "e.1", "+example.com/x-y": "a;\r\n", "+x": "y" * 4000}
    assert tags == names.tags(tags)


def test_a_choice_of_options_is_kept_with_the_session(village: Village) -> None:
    ann = program(village, "ann", "#go")
    bob = program(village, "bob", "#go", node=1)
    bob.ask(do="set", option="tags", on=True)
    token = bob.ask(do="token")[0]["token"]
    bob.hang_up()
    back = program(village, "guest")
    back.ask(do="resume", token=token)
    ann.ask(do="tag", target="#go", tags={"+x": "y"})
    assert ["tagged"] == [one["is"] for one in back.hear()]
