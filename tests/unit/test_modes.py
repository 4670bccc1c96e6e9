"""`node.core.modes`: which modes there are, and how changes of them are read and written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.api import Code, Refused
from node.core import modes
from node.core.modes import MODES, Change, Kind, prefix, ranked, reaches, read, written

LETTERS = st.sampled_from("".join(MODES) + "+-zé")
WORDS = st.lists(st.sampled_from(["ann", "42", "*!*@host", "", "a b"]), max_size=30)


def changes(line: str) -> list[tuple[str, str]]:
    return [(mode, about) for mode, about in read(line.split(" ")).changes]


@pytest.mark.parametrize(
    "line, expected",
    [
        ("+n", [("+n", "")]),
        ("nt", [("+n", ""), ("+t", "")]),
        ("+n-t+s", [("+n", ""), ("-t", ""), ("+s", "")]),
        ("+o-v+b ann bob rob", [("+o", "ann"), ("-v", "bob"), ("+b", "rob!*@*")]),
        ("+nok ann key", [("+n", ""), ("+o", "ann"), ("+k", "key")]),
        ("+l 007", [("+l", "7")]),
        ("-l+o ann", [("-l", ""), ("+o", "ann")]),
        ("-k+o secret ann", [("-k", "*"), ("+o", "ann")]),
        ("-k", [("-k", "*")]),
        ("+-+n", [("+n", "")]),
        ("", []),
    ],
)
def test_changes_are_read_in_their_order_each_with_what_its_about(
    line: str, expected: list[tuple[str, str]]
) -> None:
    assert expected == changes(line)


def test_a_list_that_is_about_nothing_is_to_be_seen() -> None:
    assert ["b", "I"] == read(["+b-I"]).lists
    assert (["e"], [("+b", "x!*@*")]) == (read(["+be", "x"]).lists, changes("+be x"))


@pytest.mark.parametrize(
    "line, refused",
    [
        ("+z", Refused(Code.MODE_UNKNOWN, "z")),
        ("+o", Refused(Code.MODE_LACKS, "+o")),
        ("-v", Refused(Code.MODE_LACKS, "-v")),
        ("+k", Refused(Code.MODE_LACKS, "+k")),
        ("+l", Refused(Code.MODE_LACKS, "+l")),
        ("+l 0", Refused(Code.LIMIT_INVALID, "0")),
        ("+l -1", Refused(Code.LIMIT_INVALID, "-1")),
        ("+l ten", Refused(Code.LIMIT_INVALID, "ten")),
        ("+l ٣", Refused(Code.LIMIT_INVALID, "٣")),
        ("+l 10000000", Refused(Code.LIMIT_INVALID, "10000000")),
        ("+k a,b", Refused(Code.KEY_INVALID, "a,b")),
        ("+k :a", Refused(Code.KEY_INVALID, ":a")),
        ("+k a\x07", Refused(Code.KEY_INVALID, "a\x07")),
        ("+f", Refused(Code.MODE_LACKS, "+f")),
        ("+f #a,b", Refused(Code.FORWARD_INVALID, "#a,b")),
        ("+b a\x07", Refused(Code.MASK_INVALID, "a\x07")),
    ],
)
def test_what_cannot_be_had_is_refused_and_all_else_is_read(line: str, refused: Refused) -> None:
    letters, *about = line.split(" ")
    asked = read([letters + "+n", *about])
    assert ([refused], [Change("+n")]) == (asked.refused, asked.changes)


@pytest.mark.parametrize("key", ["", "pass phrase", "x" * (modes.KEY + 1)])
def test_this_can_not_be_a_key(key: str) -> None:
    assert [Refused(Code.KEY_INVALID, key)] == read(["+k", key]).refused


def test_only_so_many_changes_that_are_about_something_may_be_made_at_once() -> None:
    asked = read(["n" + "o" * (modes.MOST + 5), *["ann"] * 40])
    assert modes.MOST + 1 == len(asked.changes)
    assert [Refused(Code.TOO_MANY_MODES, str(modes.MOST))] == asked.refused


@given(st.text(LETTERS, max_size=60), WORDS)
def test_whatever_is_typed_each_change_is_one_that_can_be_made(
    letters: str, words: list[str]
) -> None:
    for change in read([letters, *words]).changes:
        row = MODES[change.letter]
        about = row.kind is not Kind.NEVER and (row.kind is not Kind.WHEN_SET or change.on)
        assert (change.mode[0] in "+-", about) == (True, change.about != "")


@given(st.text(LETTERS, max_size=30), st.lists(st.sampled_from(["ann", "42", "*!*@host"])))
def test_changes_that_are_written_are_read_as_the_same(letters: str, words: list[str]) -> None:
    made = read([letters, *words]).changes
    assert made == read(written(made).split(" ")).changes


def test_a_sign_is_written_only_where_it_changes() -> None:
    made = [("+o", "ann"), ("+n", ""), ("-b", "x!*@*"), ("-t", "")]
    assert "+on-bt ann x!*@*" == written(made)


def test_statuses_have_an_order() -> None:
    assert "ohv" == ranked("vvho")
    assert ["@", "%", "+", ""] == [prefix(status) for status in ("ohv", "h", "v", "")]


@pytest.mark.parametrize(
    "status, reached", [("o", "ohv"), ("ov", "ohv"), ("h", "hv"), ("v", "v"), ("", "")]
)
def test_a_status_reaches_itself_and_the_lower_ones(status: str, reached: str) -> None:
    assert reached == "".join(least for least in "ohv" if reaches(status, least))
