"""`node.net.frames`: messages from frames, however they're cut, and frames that others can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    TextMessage,
)

from node.net.frames import PING, Frames, LineFrames, binary_frame, text_frame
from node.net.pace import Messages
from tests.unit.test_lines import cut

LIMIT = 100

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def client() -> Connection:
    return Connection(ConnectionType.CLIENT)


def sent(*events: Event) -> bytes:
    """What a client sends."""
    speaker = client()
    return b"".join(speaker.send(event) for event in events)


def read(data: bytes) -> list[Event]:
    """What a client reads."""
    reader = client()
    reader.receive_data(data)
    return list(reader.events())


def fed(*events: Event) -> Messages:
    return Frames(LIMIT).feed(sent(*events))


def test_a_frame_is_a_message() -> None:
    assert [b"hello", "é☃".encode()] == fed(TextMessage("hello"), TextMessage("é☃"))


def test_a_message_may_come_in_several_frames_and_each_counts() -> None:
    parts = [TextMessage("a", message_finished=False), TextMessage("", message_finished=False)]
    assert [b"", b"", b"ab"] == fed(*parts, TextMessage("b"))


def test_an_empty_frame_is_an_empty_message() -> None:
    assert [b""] == fed(TextMessage(""))


@pytest.mark.parametrize(
    "text",
    ["x" * (LIMIT + 1), "é" * (LIMIT // 2 + 1), "x" * 70_000],
    ids=["by one", "in bytes", "by far"],
)
def test_what_is_too_long_is_told_once_and_dropped(text: str) -> None:
    assert [None, b"next"] == fed(TextMessage(text), TextMessage("next"))


def test_what_is_too_long_is_told_before_it_has_ended() -> None:
    frames = Frames(LIMIT)
    assert [None] == frames.feed(sent(TextMessage("x" * 1000))[: LIMIT + 20])


def test_many_frames_of_a_message_are_too_long_together() -> None:
    parts = [TextMessage("x" * 60, message_finished=False) for _ in range(3)]
    messages = fed(*parts, TextMessage("end"), TextMessage("next"))
    assert ([None], b"next") == ([one for one in messages if one is None], messages[-1])


def test_what_is_just_not_too_long_is_a_message() -> None:
    assert [b"x" * LIMIT] == fed(TextMessage("x" * LIMIT))


def test_a_ping_is_answered_and_counts() -> None:
    frames = Frames(LIMIT)
    messages = frames.feed(sent(Ping(b"one"), Ping(b"two")))
    assert ([b"", b""], [Pong(b"one"), Pong(b"two")]) == (messages, read(frames.answers))


def test_a_pong_counts_unless_it_was_asked_for() -> None:
    frames = Frames(LIMIT)
    frames.expecting = True
    assert [[], [b""]] == [frames.feed(sent(Pong())) for _ in range(2)]


def test_our_ping_is_one() -> None:
    assert [Ping(b"")] == read(PING)


def test_a_close_is_answered_with_its_code_and_nothing_is_read_after_it() -> None:
    frames = Frames(LIMIT)
    assert [b"last"] == frames.feed(sent(TextMessage("last"), CloseConnection(1001, "bye")))
    assert [] == frames.feed(b"anything")
    assert ([CloseConnection(1001, "bye")], False) == (read(frames.closing), frames.broken)
    assert frames.closing == frames.goodbye()


def test_who_ends_first_says_that_all_is_well() -> None:
    assert [CloseConnection(1000, "")] == read(Frames(LIMIT).goodbye())


def test_a_goodbye_is_said_once() -> None:
    frames = Frames(LIMIT)
    assert frames.goodbye() == frames.goodbye()


UNMASKED = b"\x81\x02hi"
RESERVED = b"\xf1\x80\x00\x00\x00\x00"
LONG_PING = b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + b"x" * 126
NOT_UTF8 = b"\x81\x82\x00\x00\x00\x00\xc3\x28"
CONTINUED = b"\x80\x80\x00\x00\x00\x00"


@pytest.mark.parametrize(
    "data, code",
    [
        (UNMASKED, 1002),
        (RESERVED, 1002),
        (LONG_PING, 1002),
        (CONTINUED, 1002),
        (NOT_UTF8, 1007),
        (sent(BytesMessage(b"x")), 1003),
    ],
    ids=["unmasked", "reserved", "long ping", "continued", "not UTF-8", "binary"],
)
def test_what_breaks_the_rules_ends_the_connection(data: bytes, code: int) -> None:
    frames = Frames(LIMIT)
    messages = frames.feed(sent(TextMessage("before")) + data + sent(TextMessage("after")))
    (closing,) = read(frames.closing)
    assert isinstance(closing, CloseConnection)
    assert ([b"before"], code, True) == (messages, int(closing.code), frames.broken)


@given(st.lists(texts, max_size=6), st.lists(st.integers(0), max_size=8))
def test_however_the_bytes_are_cut_the_messages_are_the_same(
    said: list[str], places: list[int]
) -> None:
    data, frames = sent(*map(TextMessage, said)), Frames(LIMIT)
    messages = [message for piece in cut(data, places) for message in frames.feed(piece)]
    fits = [text.encode() if len(text.encode()) <= LIMIT else None for text in said]
    assert fits == messages


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_no_bytes_do_any_harm(pieces: list[bytes]) -> None:
    frames = Frames(LIMIT)
    for piece in pieces:
        messages = frames.feed(piece)
        assert all(one is None or len(one) <= LIMIT for one in messages)
    frames.goodbye()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_a_text_frame_is_read_as_it_was_meant(size: int) -> None:
    events = read(text_frame(b"x" * size) * 2)
    text = "".join(event.data for event in events if isinstance(event, TextMessage))
    ends = [event.message_finished for event in events if isinstance(event, Message)]
    assert ("x" * size * 2, 2) == (text, sum(ends))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_binary_frame_is_read_as_it_was_meant(size: int) -> None:
    events = read(binary_frame(b"\xff" * size) * 2)
    data = b"".join(event.data for event in events if isinstance(event, BytesMessage))
    ends = [event.message_finished for event in events if isinstance(event, Message)]
    assert (b"\xff" * size * 2, 2) == (data, sum(ends))


# -- a line in each


def lines(*events: Event) -> Messages:
    return LineFrames(LIMIT).feed(sent(*events))


def test_a_line_may_come_as_text_or_as_bytes() -> None:
    assert ["é".encode(), b"\xff"] == lines(TextMessage("é"), BytesMessage(b"\xff"))


@pytest.mark.parametrize(
    "message, read",
    [
        ("one\r\n", [b"one"]),
        ("one\n", [b"one"]),
        ("one\r\ntwo", [b"one", b"two"]),
        ("one\ntwo\r\n", [b"one", b"two"]),
        ("a\rb", [b"a\rb"]),
        ("\n", [b""]),
        ("", [b""]),
    ],
)
def test_an_end_of_a_line_is_one_within_a_frame_too(message: str, read: list[bytes]) -> None:
    assert read == lines(TextMessage(message))


def test_bytes_in_several_frames_are_one_line() -> None:
    parts = [BytesMessage(b"a\xc3", message_finished=False), BytesMessage(b"\xa9b")]
    assert [b"", "aéb".encode()] == lines(*parts)


def test_bytes_that_are_too_many_are_told_once() -> None:
    assert [None, b"next"] == lines(BytesMessage(b"x" * 1000), BytesMessage(b"next"))


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_no_line_has_an_end_in_it(pieces: list[bytes]) -> None:
    frames = LineFrames(LIMIT)
    read = [line for piece in pieces for line in frames.feed(sent(BytesMessage(piece)))]
    assert all(line is None or b"\n" not in line for line in read)
