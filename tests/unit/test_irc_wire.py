"""`node.dialects.irc.wire`: lines apart and together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.dialects.irc import wire
from node.dialects.irc.wire import Malformed, Message

LINES: list[tuple[bytes, Message | None]] = [
    (b"", None),
    (b"   ", None),
    (b"PING", Message("PING", [], {})),
    (b"ping x", Message("PING", ["x"], {})),
    (b"  PING  x  ", Message("PING", ["x"], {})),
    (b"PRIVMSG #go :hi there", Message("PRIVMSG", ["#go", "hi there"], {})),
    (b"PRIVMSG #go :", Message("PRIVMSG", ["#go", ""], {})),
    (b"PRIVMSG #go ::)", Message("PRIVMSG", ["#go", ":)"], {})),
    (b"PRIVMSG #go :a :b", Message("PRIVMSG", ["#go", "a :b"], {})),
    (b"PRIVMSG #go  : padded ", Message("PRIVMSG", ["#go", " padded "], {})),
    (b"MODE #go +o a:b", Message("MODE", ["#go", "+o", "a:b"], {})),
    (b":ann!a@h PING x", Message("PING", ["x"], {})),
    (b":ann", None),
    (b"p1ng_ a", Message("P1NG_", ["a"], {})),
    (b"12 x", Message("12", ["x"], {})),
    (b"@a=b PING", Message("PING", [], {"a": "b"})),
    (b"@a;b=;+c/d=e\\sf PING", Message("PING", [], {"a": "", "b": "", "+c/d": "e f"})),
    (b"@a=1;a=2 PING", Message("PING", [], {"a": "2"})),
    (b"@ PING", Message("PING", [], {})),
    (b"@not\xc3\xa4=1 PING", Message("PING", [], {})),
    (b"@a=b", None),
    ("PRIVMSG #gö :ä\u202e".encode(), Message("PRIVMSG", ["#gö", "ä\u202e"], {})),
]

MALFORMED: list[tuple[bytes, str]] = [
    (b"PRIVMSG #go :\xff", wire.NOT_UTF8),
    (b"@a=\xff PING", wire.NOT_UTF8),
    (b"PING \0", wire.ODD),
    (b"PING a\rb", wire.ODD),
    (b": :x", wire.ODD),
    (b"P\1NG", wire.ODD),
    (b"PING :" + b"x" * 505, wire.TOO_LONG),
    (b"@a=" + b"x" * 4093 + b" PING", wire.TOO_LONG),
]

LETTERS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))


@pytest.mark.parametrize("line, message", LINES)
def test_a_line_is_read_so(line: bytes, message: Message | None) -> None:
    assert message == wire.parse(line)


@pytest.mark.parametrize("line, code", MALFORMED)
def test_what_is_no_line_is_told_apart(line: bytes, code: str) -> None:
    with pytest.raises(Malformed) as found:
        wire.parse(line)
    assert code == found.value.code


def test_the_longest_line_and_the_longest_tags_are_read() -> None:
    line = b"@a=" + b"x" * 4092 + b" PING :" + b"y" * 504
    message = wire.parse(line)
    assert message is not None
    assert (4092, 504) == (len(message.tags["a"]), len(message.params[0]))


GUESSED: list[tuple[bytes, Message]] = [
    (b"PRIVMSG #go :\xff", Message("PRIVMSG", [], {})),
    (b"@label=7 notice #go hi\xff", Message("NOTICE", [], {"label": "7"})),
    (b"@label=\xff PING", Message("PING", [], {"label": ""})),
    (b"\xff", wire.UNREAD),
    (b"P\0NG \xff", wire.UNREAD),
]


@pytest.mark.parametrize("line, message", GUESSED)
def test_what_is_not_utf8_is_answered_as_what_it_seems_to_be(line: bytes, message: Message) -> None:
    with pytest.raises(Malformed) as found:
        wire.parse(line)
    assert (wire.NOT_UTF8, message) == (found.value.code, found.value.message)


@given(st.binary(max_size=600))
def test_any_bytes_are_a_message_or_malformed(line: bytes) -> None:
    try:
        message = wire.parse(line)
    except Malformed:
        return
    assert message is None or (message.verb.isprintable() and " " not in message.verb)


@given(st.dictionaries(st.sampled_from(["a", "+b", "v.w/c"]), LETTERS, max_size=3))
def test_tags_come_back_as_they_were(tags: dict[str, str]) -> None:
    message = wire.parse(f"{wire.tagged(tags)}PING".encode())
    assert message is not None
    assert tags == message.tags


@given(st.text("\\:s;rn \r\nä"))
def test_whatever_is_escaped_oddly_can_be_read(value: str) -> None:
    assert isinstance(wire.unescaped(value), str)


@given(LETTERS, st.integers(4, 40))
def test_pieces_are_the_whole_and_fit(text: str, room: int) -> None:
    pieces = list(wire.pieces(text, room))
    assert text == "".join(pieces)
    assert all(len(piece.encode()) <= room for piece in pieces)


def test_pieces_end_between_words_if_that_is_near() -> None:
    assert ["hello ", "world"] == list(wire.pieces("hello world", 7))


@given(st.lists(st.text("aä", min_size=1, max_size=5), max_size=30))
def test_lines_are_filled_with_words_in_their_order(words: list[str]) -> None:
    lines = list(wire.filled(words, 20))
    assert words == [word for line in lines for word in line.split()]
    assert all(len(line.encode()) <= 20 for line in lines)


@pytest.mark.parametrize(
    "params, line",
    [
        (["a"], "a"),
        (["a", "b c"], "a :b c"),
        (["a", ""], "a :"),
        (["a", ":b"], "a ::b"),
    ],
)
def test_only_the_last_parameter_may_hold_anything(params: list[str], line: str) -> None:
    assert line == wire.joined(*params)
