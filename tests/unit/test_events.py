"""`broker.events`: shapes and bytes of what was accepted."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.events import (
    SPOKEN,
    Altered,
    Envelope,
    Event,
    Extra,
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
    around_channel,
    around_nick,
    around_target,
    around_to,
    decode_envelope,
    decode_event,
    encode,
)

GOLDEN: list[tuple[Event, str]] = [
    (Said("s", 1, "bob", "hi"), '["said","s",1,"bob","hi",false,"",null]'),
    (Said("s", 1, "bob", "hi", True, "b@h"), '["said","s",1,"bob","hi",true,"b@h",null]'),
    (
        Said("s", 1, "bob", "hi", False, "b@h", Extra(True, {"+x": "1"}, "o", True, "rob")),
        '["said","s",1,"bob","hi",false,"b@h",[true,{"+x":"1"},"o",true,"rob",[],false]]',
    ),
    (Told("s", 1, "bob", "hi", "t"), '["told","s",1,"bob","hi","t",false,"",null]'),
    (Tagged("s", 1, "bob", {"+x": ""}, "t"), '["tagged","s",1,"bob",{"+x":""},"t","",null]'),
    (Joined("s", 1, "bob", "b@h", "Bob"), '["joined","s",1,"bob","b@h","Bob",""]'),
    (Left("s", 1, "bob", "why"), '["left","s",1,"bob","why",""]'),
    (
        Moved("s", 1, "bob", "#go", "#py", "e2", "why"),
        '["moved","s",1,"bob","#go","#py","e2","why",""]',
    ),
    (Kicked("s", 1, "bob", "t", "tom", "why"), '["kicked","s",1,"bob","t","tom","why",""]'),
    (
        Ruled("s", 1, "bob", 7, (("+o", "tom"),), (("t", "o"),)),
        '["ruled","s",1,"bob",7,[["+o","tom"]],[["t","o"]],"",""]',
    ),
    (Invited("s", 1, "bob", "tom", "#go"), '["invited","s",1,"bob","tom","#go","",""]'),
    (Redacted("s", 1, "bob", "e.1", "why"), '["redacted","s",1,"bob","e.1","why","",""]'),
    (TopicSet("s", 1, "bob", "new"), '["topic","s",1,"bob","new",""]'),
    (Renamed("s", 1, "bob", "rob", ("#a", "#b")), '["renamed","s",1,"bob","rob",["#a","#b"],""]'),
    (Quit("s", 1, "bob", "why", ("#a",)), '["quit","s",1,"bob","why",["#a"],""]'),
    (
        Altered("s", 1, "bob", "away", None, ("#a",)),
        '["altered","s",1,"bob","away",null,["#a"],""]',
    ),
]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUM = st.integers(0, 2**53)
CHANNELS = st.lists(TEXT, max_size=4).map(tuple)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Said, TEXT, NUM, TEXT, TEXT, st.booleans()),
    st.builds(Told, TEXT, NUM, TEXT, TEXT, TEXT),
    st.builds(Joined, TEXT, NUM, TEXT),
    st.builds(Left, TEXT, NUM, TEXT, TEXT),
    st.builds(TopicSet, TEXT, NUM, TEXT, TEXT),
    st.builds(Renamed, TEXT, NUM, TEXT, TEXT, CHANNELS),
    st.builds(Quit, TEXT, NUM, TEXT, TEXT, CHANNELS),
    st.builds(Kicked, TEXT, NUM, TEXT, TEXT, TEXT, TEXT, TEXT),
    st.builds(Altered, TEXT, NUM, TEXT, TEXT, st.none() | TEXT, CHANNELS),
)


@pytest.mark.parametrize("event, written", GOLDEN)
def test_an_event_is_written_so(event: Event, written: str) -> None:
    assert written.encode() == encode(event)


@pytest.mark.parametrize("event, written", GOLDEN)
def test_an_event_is_read_so(event: Event, written: str) -> None:
    assert event == decode_event(written)


@pytest.mark.parametrize(
    "written, event",
    [
        ('["said","s",1,"bob","hi"]', Said("s", 1, "bob", "hi")),
        ('["left","s",1,"bob"]', Left("s", 1, "bob")),
        ('["left","s",1,"bob","","","of a later release"]', Left("s", 1, "bob")),
        ('["of a later release","s",1]', Unknown()),
    ],
)
def test_an_event_of_another_release_can_be_read(written: str, event: Event) -> None:
    assert event == decode_event(written)


@pytest.mark.parametrize("written", ["", "{}", "[]", "[1]", '["said","s","1","b","t"]'])
def test_what_is_no_event_can_not_be_read(written: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_event(written)


def test_an_event_of_a_later_release_has_its_place_among_others() -> None:
    written = b'[1,"#go","e",7,0,[["later",1],["left","s",1,"bob"]]]'
    assert Envelope(1, "#go", "e", 7, 0, [Unknown(), Left("s", 1, "bob")]) == decode_envelope(
        written
    )


FAREWELLS = st.one_of(
    st.builds(Left, TEXT, NUM, TEXT, TEXT, TEXT),
    st.builds(Quit, TEXT, NUM, TEXT, TEXT, st.lists(TEXT).map(tuple), TEXT),
)


@given(EVENTS)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    assert event == decode_event(encode(event))


@given(EVENTS)
def test_an_event_has_no_line_breaks(event: Event) -> None:
    assert not {b"\n"[0], b"\r"[0], 0} & set(encode(event))


@given(st.lists(EVENTS, max_size=4), TEXT, NUM)
def test_an_envelope_comes_back_as_it_was(events: list[Event], log: str, seq: int) -> None:
    envelope = Envelope(1, log, "e", seq, 1000, events)
    assert envelope == decode_envelope(msgspec.json.encode(envelope))


@given(FAREWELLS, TEXT, TEXT)
def test_what_a_roster_knows_better_can_be_put_into_a_farewell(
    event: Left | Quit, nick: str, by: str
) -> None:
    head, between = around_nick(event)
    expected = msgspec.structs.replace(event, nick=nick, by=by)
    parts = (head, json.dumps(nick).encode(), between, json.dumps(by).encode(), b"]")
    assert expected == decode_event(b"".join(parts))


@given(st.builds(Kicked, TEXT, NUM, TEXT, TEXT, TEXT, TEXT, TEXT), TEXT)
def test_whom_a_kick_is_about_can_be_put_between_the_halves(event: Kicked, target: str) -> None:
    head, tail = around_target(event)
    expected = msgspec.structs.replace(event, target=target)
    assert expected == decode_event(head + json.dumps(target).encode() + tail)


@given(st.builds(Invited, TEXT, NUM, TEXT, TEXT, TEXT, TEXT, TEXT), TEXT)
def test_a_channels_name_can_be_put_between_the_halves(event: Invited, name: str) -> None:
    head, tail = around_channel(event)
    expected = msgspec.structs.replace(event, channel=name)
    assert expected == decode_event(head + json.dumps(name).encode() + tail)


@given(
    st.one_of(
        st.builds(Told, TEXT, NUM, TEXT, TEXT), st.builds(Invited, TEXT, NUM, TEXT, TEXT, TEXT)
    ),
    TEXT,
)
def test_whom_it_is_to_can_be_put_between_the_halves(event: Told | Invited, to: str) -> None:
    head, tail = around_to(event)
    expected = msgspec.structs.replace(event, to=to)
    assert expected == decode_event(head + json.dumps(to).encode() + tail)


def test_history_shows_what_was_said_only() -> None:
    assert (Said,) == SPOKEN
