"""`node.dialects.slash.harmless`: nothing that people type does harm, and all scripts survive."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.api import ChannelInfo, Code, Person, Position, Roster, Topic
from broker.events import Entry, Event, Left, Quit, Said, Told, TopicSet
from node.core import replies
from node.core.dialect import Place
from node.core.replies import Reply
from node.dialects.slash import Slash
from node.dialects.slash.commands import Help, Malformed
from node.dialects.slash.harmless import harmless

REPLACED = "\N{REPLACEMENT CHARACTER}"
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

HARMFUL = [
    *map(chr, range(0x09)),
    *map(chr, range(0x0A, 0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *BIDI,
    "\u2028",
    "\u2029",
]

SCRIPTS = [
    "naïve café",
    "e\u0301",
    "Привет, мир",
    "Γειά σου",
    "שלום עולם",
    "مرحبا بالعالم",
    "नमस्ते दुनिया",
    "สวัสดีชาวโลก",
    "ကမ္ဘာလောက",
    "你好,世界",
    "こんにちは",
    "안녕하세요",
    "👋🏽 👩‍👩‍👧‍👦 ❤️ 🇨🇭 #️⃣ 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "می‌خواهم",
    "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋",
]


@pytest.mark.parametrize("letter", HARMFUL)
def test_a_dangerous_character_is_replaced(letter: str) -> None:
    assert f"a{REPLACED}b" == harmless(f"a{letter}b")


@pytest.mark.parametrize("text", SCRIPTS)
def test_every_script_survives(text: str) -> None:
    assert text == harmless(text)


def test_a_tab_is_a_space() -> None:
    assert "a b" == harmless("a\tb")


def test_an_escape_sequence_is_only_text() -> None:
    assert f"{REPLACED}[31mred{REPLACED}]0;title{REPLACED}" == harmless("\x1b[31mred\x1b]0;title\7")


def test_half_a_surrogate_is_replaced() -> None:
    assert REPLACED == harmless("\ud800")


@given(st.text())
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    once = harmless(text)
    assert (once, len(text)) == (harmless(once), len(once))


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"])))
def test_letters_marks_numbers_and_symbols_survive(text: str) -> None:
    assert text == harmless(text)


def dangerous(text: str) -> str:
    """The characters of rendered text that no terminal should get."""
    body = text.replace("\r\n", "")
    return "".join(c for c in body if unicodedata.category(c) in ("Cc", "Cs") or c in BIDI)


ANYTHING = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(HARMFUL)), max_size=40
)
PLACE = Place("#go", "e", 1, 0)


@given(ANYTHING)
def test_no_event_renders_anything_dangerous(text: str) -> None:
    events: list[Event] = [
        Said("s", 1, "bob", text),
        Said("s", 1, "bob", text, action=True),
        Told("s", 1, "bob", text, "t"),
        Left("s", 1, "bob", text),
        Quit("s", 1, "bob", text, ("#go",)),
        TopicSet("s", 1, "bob", text),
    ]
    slash = Slash(frozenset({"echo", "time", "pos"}))
    rendered = [slash.render(event, PLACE).decode() for event in events]
    lines = [text.count("\n") + 1] * 3 + [1] * 3  # what was said may be several
    assert [("", count) for count in lines] == [
        (dangerous(line), line.count("\n")) for line in rendered
    ]


@given(ANYTHING)
def test_no_reply_renders_anything_dangerous(text: str) -> None:
    said: list[Reply] = [
        *(replies.Error(code, text) for code in Code),
        replies.Channels([ChannelInfo("#go", 1, text)], 1, 1, 1),
        replies.Whois(Person("bob", "node", 0, text, ["#go"])),
        replies.TopicIs("#go", Topic(text, "bob", 0)),
        replies.Lines("#go", "e", [Entry(1, 0, Said("s", 1, "bob", text))], more=False),
        replies.Welcome("#go", Position("e", 1), Roster("#go", [], 0), Topic(text, "bob", 0), []),
        replies.HolderAway("bob", text),
        replies.AwaySet(text),
        replies.Pong(text),
        Help(text),
        Malformed(text),
    ]
    rendered = [Slash().reply(reply).decode() for reply in said]
    assert [""] * len(said) == [dangerous(lines) for lines in rendered]


@given(ANYTHING)
def test_nobody_can_make_a_line_of_their_own(text: str) -> None:
    lines = Slash().render(Said("s", 1, "bob", text), PLACE).decode().splitlines()
    begun = [line.startswith("[#go] <bob> ") for line in lines]
    assert [True] * (text.count("\n") + 1) == begun
