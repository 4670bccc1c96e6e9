"""`broker.names` and `node.core.names`: which names there are, and which are the same."""

import string
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from broker.api import Code, Refused
from broker.names import fold
from node.core import names

FIRST = string.ascii_letters + "_[]\\`^{}|"
REST = FIRST + string.digits + "-"

NICKS = st.text(st.sampled_from(REST), max_size=31).flatmap(
    lambda rest: st.sampled_from(FIRST).map(lambda first: first + rest)
)

CHANNELS = st.text(
    st.characters(categories=["L", "M", "N", "P", "S"], exclude_characters=","),
    min_size=1,
    max_size=16,  # NFC may take three for one
).map("#".__add__)


def refusal(name: str, check: object = names.nick) -> Code | None:
    assert callable(check)
    try:
        check(name)
    except Refused as refused:
        return refused.code
    return None


# -- folding


@pytest.mark.parametrize(
    "name, folded",
    [
        ("#Go", "#go"),
        ("ALICE", "alice"),
        ("[X]\\^{}|", "[x]\\^{}|"),
        ("#ÄÖ", "#ÄÖ"),
        ("#Straße", "#straße"),
    ],
)
def test_only_ascii_letters_fold(name: str, folded: str) -> None:
    assert folded == fold(name)


@given(st.text())
def test_folding_twice_is_folding_once(name: str) -> None:
    assert fold(name) == fold(fold(name))


@given(st.text())
def test_folding_keeps_the_length_and_all_but_ascii_capitals(name: str) -> None:
    expected = "".join(c.lower() if c in string.ascii_uppercase else c for c in name)
    assert expected == fold(name)


# -- nicks


@given(NICKS.filter(lambda nick: not nick.lower().startswith("guest-")))
def test_letters_digits_and_some_signs_make_a_nick(nick: str) -> None:
    assert nick == names.nick(nick)


@pytest.mark.parametrize("nick", ["a", "_", "|", "^", "x" * 32, "`tick`", "a-1", "[{}]", "guest"])
def test_this_can_be_a_nick(nick: str) -> None:
    assert nick == names.nick(nick)


@pytest.mark.parametrize(
    "nick",
    [
        "",
        "1a",
        "-a",
        "x" * 33,
        "a b",
        "a.b",
        "a:b",
        "#a",
        "ä",
        "a\n",
        "a\0",
        "a\u202e",
        "аlice",
        "٣",
    ],
)
def test_this_can_not_be_a_nick(nick: str) -> None:
    assert Code.NICK_INVALID is refusal(nick)


@pytest.mark.parametrize("nick", ["guest-", "guest-1", "GUEST-x", "Guest-alice"])
def test_guest_nicks_are_reserved(nick: str) -> None:
    assert Code.NICK_RESERVED is refusal(nick)


@given(st.text(max_size=40))
def test_any_other_text_is_no_nick(text: str) -> None:
    assume(not (text and text[0] in FIRST and set(text) <= set(REST) and len(text) <= 32))
    assert Code.NICK_INVALID is refusal(text)


def test_a_refusal_says_what_it_is_about() -> None:
    with pytest.raises(Refused) as caught:
        names.nick("a b")
    assert Refused(Code.NICK_INVALID, "a b") == caught.value


# -- channels


@pytest.mark.parametrize(
    "name, channel",
    [
        ("#go", "#go"),
        ("go", "#go"),
        ("##go", "##go"),
        ("#Go", "#Go"),
        ("#" + "x" * 50, "#" + "x" * 50),
        ("#caf\u0065\u0301", "#café"),
        ("日本", "#日本"),
        ("#🦊", "#🦊"),
        ("#{c}%", "#{c}%"),
    ],
)
def test_this_can_be_a_channel(name: str, channel: str) -> None:
    assert channel == names.channel(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "#",
        "#a b",
        "#a,b",
        "#a\x07",
        "#a\u200e",
        "#a\u202eb",
        "#a\u00a0b",
        "#\n",
        "#" + "x" * 51,
    ],
)
def test_this_can_not_be_a_channel(name: str) -> None:
    assert Code.CHANNEL_INVALID is refusal(name, names.channel)


@given(CHANNELS)
def test_letters_marks_numbers_and_signs_make_a_channel(name: str) -> None:
    assert unicodedata.normalize("NFC", name) == names.channel(name)


@given(CHANNELS)
def test_a_channel_stays_as_it_is(name: str) -> None:
    channel = names.channel(name)
    assert channel == names.channel(channel)


@given(st.text(max_size=60))
def test_a_channel_is_a_hash_and_up_to_fifty_printable_characters(text: str) -> None:
    if refusal(text, names.channel) is None:
        channel = names.channel(text)
        assert ("#", True) == (channel[0], channel.isprintable())
        assert 1 <= len(channel[1:]) <= 50
        assert not set(" ,") & set(channel)


@given(NICKS)
def test_no_nick_is_a_channel(nick: str) -> None:
    assert not nick.startswith("#")


# -- texts


@given(st.text(st.characters(exclude_characters="\r\n\0")))
def test_a_text_is_taken_as_it_is(text: str) -> None:
    assert text == names.text(text)


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\0b", "\n"])
def test_a_text_that_could_end_a_line_is_refused(text: str) -> None:
    assert Code.TEXT_INVALID is refusal(text, names.text)
