"""`node.core.masks`: whom a mask means."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.api import Code, Refused
from node.core import masks
from node.core.masks import Who, matches, same, spelled

BOB = Who("Bob", "slash@1f2e.cloak", "192.0.2.7")

LETTERS = st.sampled_from("ab[]\\*?-!")
GLOBS = st.text(LETTERS, max_size=8)
TEXTS = st.text(st.sampled_from("ab[]\\-!"), max_size=8)


def escaped(text: str) -> str:
    """A glob that means this text and nothing else."""
    return "".join("\\" + letter if letter in "*?" else letter for letter in text)


def like(glob: str, text: str) -> bool:
    """What a glob means, by definition: slow, but plain."""
    if glob[:2] in (r"\*", r"\?"):
        return text[:1] == glob[1] and like(glob[2:], text[1:])
    if glob[:1] == "*":
        return any(like(glob[1:], text[i:]) for i in range(len(text) + 1))
    if not glob:
        return not text
    return text != "" and glob[0] in ("?", text[0]) and like(glob[1:], text[1:])


# -- a part stands for a whole


@pytest.mark.parametrize(
    "part, whole",
    [
        ("bob", "bob!*@*"),
        ("bob*", "bob*!*@*"),
        ("bob!ann", "bob!ann@*"),
        ("ann@host", "*!ann@host"),
        ("*@host", "*!*@host"),
        ("host.example.org", "*!*@host.example.org"),
        ("192.0.2.0/24", "*!*@192.0.2.0/24"),
        ("2001:db8::/32", "*!*@2001:db8::/32"),
        ("::1", "*!*@::1"),
        ("*!*@*", "*!*@*"),
        ("!@", "*!*@*"),
        ("b!u@x@h", "b!u@x@h"),
        ("bob!**@***", "bob!*@*"),
        (r"a\***!*@*", r"a\**!*@*"),
    ],
)
def test_a_part_of_a_mask_stands_for_a_whole_one(part: str, whole: str) -> None:
    assert whole == spelled(part)


@given(st.text(LETTERS | st.sampled_from("@.:/"), min_size=1, max_size=20))
def test_a_whole_mask_stands_for_itself(text: str) -> None:
    try:
        whole = spelled(text)
    except Refused:
        return
    assert whole == spelled(whole)


@pytest.mark.parametrize(
    "text", ["", " ", "a b", "a\n", "a\0", "a\x03", "\u202e", ":a!*@*", "x" * (masks.LONGEST + 1)]
)
def test_this_can_not_be_a_mask(text: str) -> None:
    with pytest.raises(Refused) as caught:
        spelled(text)
    assert Refused(Code.MASK_INVALID, text) == caught.value


def test_masks_that_differ_in_the_case_of_letters_are_one() -> None:
    assert [True, False] == [same("BOB!*@*", other) for other in ("bob!*@*", "rob!*@*")]


# -- whom a mask means


@pytest.mark.parametrize(
    "mask",
    [
        "*!*@*",
        "bob!*@*",
        "BOB!SLASH@1F2E.CLOAK",
        "b?b!s*h@*.cloak",
        "*!*@192.0.2.7",
        "*!*@192.0.2.*",
        "*!*@192.0.2.0/24",
        "*!*@192.0.2.99/24",
        "*!*@192.0.2.7/32",
        "*!*@0.0.0.0/0",
    ],
)
def test_this_mask_means_somebody(mask: str) -> None:
    assert matches(mask, BOB)


@pytest.mark.parametrize(
    "mask",
    [
        "rob!*@*",
        "bo!*@*",
        "*!json@*",
        "*!*@cloak",
        "*!*@192.0.2.8",
        "*!*@192.0.2.0/29/1",
        "*!*@192.0.2.8/29",
        "*!*@192.0.2.0/33",
        "*!*@2001:db8::/32",
        "rob!*@192.0.2.0/24",
    ],
)
def test_this_mask_means_somebody_else(mask: str) -> None:
    assert not matches(mask, BOB)


@pytest.mark.parametrize(
    "mask", ["*!*@2001:DB8::1", "*!*@2001:db8:0:0::1", "*!*@2001:db8::/32", "*!*@2001:db8::*"]
)
def test_addresses_of_ipv6_are_met_however_they_are_written(mask: str) -> None:
    assert matches(mask, Who("bob", "irc@x.cloak", "2001:db8::1"))


def test_ipv4_over_ipv6_is_ipv4() -> None:
    who = Who("bob", "irc@x.cloak", "::ffff:192.0.2.7")
    assert matches("*!*@192.0.2.0/24", who)
    assert matches("*!*@::ffff:192.0.2.7", who)


def test_who_has_no_address_is_in_no_network() -> None:
    assert not matches("*!*@0.0.0.0/0", Who("bob", "slash@local"))


def test_of_whom_nothing_is_known_only_the_nick_is_met() -> None:
    assert [True, False] == [matches(mask, Who("bob")) for mask in ("bob!*@*", "bob!?*@*")]


@given(GLOBS.filter(lambda text: text and "!" not in text), TEXTS)
def test_a_text_with_its_wildcards_escaped_means_itself_only(text: str, other: str) -> None:
    mask = f"{escaped(text)}!*@*"
    assert (True, text == other) == (matches(mask, Who(text)), matches(mask, Who(other)))


@given(GLOBS.filter(lambda glob: "!" not in glob), TEXTS)
def test_a_glob_means_what_its_stars_and_question_marks_can_be_replaced_by(
    glob: str, text: str
) -> None:
    assert like(glob, text) == matches(f"{glob}!*@*", Who(text))


@given(st.text(string.ascii_letters, min_size=1, max_size=8))
def test_ascii_letters_fold(nick: str) -> None:
    assert matches(f"{nick.upper()}!*@*", Who(nick.lower()))


def test_a_mask_full_of_stars_costs_no_more_than_another() -> None:
    mask = "*!*@" + "*a" * 97 + "*b"
    assert len(mask) <= masks.LONGEST
    assert not matches(mask, Who("bob", "u@" + "a" * 200))


@pytest.mark.parametrize(
    "glob, fitting",
    [
        ("#[*", ["#[go]", "#[GO]x"]),
        ("#?", ["#g", "#*"]),
        (r"#\*", ["#*"]),
        ("*GO*", ["#[go]", "#[GO]x"]),
    ],
)
def test_what_is_looked_for_is_read_as_the_parts_of_masks_are(
    glob: str, fitting: list[str]
) -> None:
    texts = ["#[go]", "#[GO]x", "#g", "#*x", "#*"]
    found = [text for text in texts if masks.like(glob)(text)]
    assert fitting == found
