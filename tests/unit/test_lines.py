"""`node.net.lines`: bytes to lines, however they're cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.net.lines import LIMIT, Lines

IAC = b"\xff"
DO_ECHO = IAC + b"\xfd\x01"
WILL_SIZE = IAC + b"\xfb\x1f"
SIZE = IAC + b"\xfa\x1f\x00\x50\x00\x18" + IAC + b"\xf0"
NOTHING = IAC + b"\xf1"
NEGOTIATION = DO_ECHO + WILL_SIZE + SIZE + NOTHING


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces, cut at places."""
    ends = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(ends)]


def fed(pieces: list[bytes], limit: int = LIMIT) -> list[bytes | None]:
    lines = Lines(limit)
    return [line for piece in pieces for line in lines.feed(piece)]


def test_a_line_ends_in_lf_or_crlf() -> None:
    assert [b"one", b"two"] == fed([b"one\ntwo\r\n"])


def test_half_a_line_waits_for_its_end() -> None:
    lines = Lines()
    assert ([], [], [b"hello"]) == (lines.feed(b"he"), lines.feed(b"llo"), lines.feed(b"\n"))


def test_a_cr_alone_ends_nothing() -> None:
    assert [b"a\rb"] == fed([b"a\rb\n"])


def test_a_crlf_may_come_in_two_pieces() -> None:
    assert [b"hello"] == fed([b"hello\r", b"\n"])


def test_an_empty_line_is_a_line() -> None:
    assert [b"", b""] == fed([b"\n\r\n"])


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_at_the_limit_is_taken(end: bytes) -> None:
    line = b"x" * LIMIT
    assert [line] == fed([line + end])


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_over_the_limit_is_dropped_up_to_its_end(end: bytes) -> None:
    assert [None, b"next"] == fed([b"x" * (LIMIT + 1) + end + b"next\n"])


def test_a_line_too_long_is_told_before_its_end_has_come() -> None:
    lines = Lines()
    assert ([None], [], [b"next"]) == (
        lines.feed(b"x" * (LIMIT + 2)),
        lines.feed(b"x" * 10_000),
        lines.feed(b"x\nnext\n"),
    )


def test_ten_megabytes_without_an_end_are_not_kept() -> None:
    lines = Lines()
    told = [line for _ in range(160) for line in lines.feed(b"x" * 65_536)]
    assert ([None], b"") == (told, lines._rest)


def test_what_waits_for_its_end_is_never_more_than_the_limit_and_a_cr() -> None:
    lines = Lines()
    kept = []
    for _ in range(10_000):
        lines.feed(b"x")
        kept.append(len(lines._rest))
    assert LIMIT + 1 == max(kept)


def test_negotiation_at_the_start_is_skipped() -> None:
    assert [b"hello"] == fed([NEGOTIATION + b"hello\r\n"])


@pytest.mark.parametrize("place", range(1, len(NEGOTIATION) + 1))
def test_negotiation_may_be_cut_anywhere(place: int) -> None:
    data = NEGOTIATION + b"hello\r\n"
    assert [b"hello"] == fed([data[:place], data[place:]])


def test_negotiation_may_come_byte_by_byte() -> None:
    data = NEGOTIATION + b"hello\r\n"
    assert [b"hello"] == fed([data[i : i + 1] for i in range(len(data))])


def test_telnet_bytes_after_the_first_line_are_part_of_a_line() -> None:
    assert [b"hello", DO_ECHO + b"x"] == fed([b"hello\n" + DO_ECHO + b"x\n"])


def test_negotiation_without_an_end_is_not_kept() -> None:
    lines = Lines()
    for _ in range(100):
        lines.feed(IAC + b"\xfa" + b"x" * 1000)
    assert len(lines._rest) <= LIMIT + 1


@given(st.binary(max_size=300), st.lists(st.integers(0, 300)))
def test_any_bytes_cut_anywhere_are_the_same_lines(data: bytes, places: list[int]) -> None:
    assert fed([data], limit=20) == fed(cut(data, places), limit=20)


@given(
    st.lists(st.sampled_from([IAC, b"\xfa", b"\xf0", b"\xfd", b"x", b"\r", b"\n", b"\x01"])),
    st.lists(st.integers(0, 100)),
)
def test_any_negotiation_cut_anywhere_is_the_same_lines(
    parts: list[bytes], places: list[int]
) -> None:
    data = b"".join(parts)
    assert fed([data], limit=5) == fed(cut(data, places), limit=5)


@given(st.integers(900, 1200), st.lists(st.integers(0, 1300), max_size=4))
def test_long_negotiation_cut_anywhere_is_the_same_lines(size: int, places: list[int]) -> None:
    data = IAC + b"\xfa" + b"x" * size + IAC + b"\xf0" + b"hello\n"
    assert fed([data]) == fed(cut(data, places))


@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b""))))
def test_lines_that_fit_come_out_as_they_went_in(lines: list[bytes]) -> None:
    data = b"".join(line + b"\r\n" for line in lines)
    if not data.startswith(IAC):
        assert lines == fed([data])


def endless(pieces: list[bytes]) -> tuple[list[bytes | None], bool]:
    """What comes of pieces, if a line of more than 50 bytes is the last; whether there was one."""
    lines = Lines(10, 50)
    return [line for piece in pieces for line in lines.feed(piece)], lines.endless


@pytest.mark.parametrize("size", [1, 7, 51, 100])
def test_an_endless_line_is_told_once_more_and_is_the_last(size: int) -> None:
    data = b"hi\n" + b"x" * 52 + b"\nnext\n"
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    heard, over = endless([*pieces, b"more\n"])
    assert ([b"hi", None, None], True) == (heard[:3], over)
    assert b"more" not in heard


@pytest.mark.parametrize("size", [1, 7, 50, 100])
def test_lines_that_are_too_long_but_not_endless_are_no_end_together(size: int) -> None:
    data = (b"x" * 50 + b"\r\n") * 3 + b"next\n"
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    assert ([None, None, None, b"next"], False) == endless(pieces)
