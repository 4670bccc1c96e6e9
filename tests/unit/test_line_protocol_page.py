"""`docs/line-protocol.md` has every command, and every sentence that the server says of itself."""

import re
from pathlib import Path

import pytest

from node.core.words import CLOSINGS, NOTICES, OPERATORS
from node.dialects.slash import words
from node.dialects.slash.commands import VERBS
from node.dialects.slash.replies import OPTIONS

PAGE = (Path(__file__).parents[2] / "docs/line-protocol.md").read_text().replace("\\|", "|")

SAID = [
    words.MALFORMED,
    words.NOT_UTF8,
    *(f"error: {sentence}" for code, sentence in words.REFUSED.items() if code not in OPERATORS),
    *(f"notice: {sentence}" for sentence in NOTICES.values()),
    *(f"closing: {sentence}" for sentence in CLOSINGS.values()),
]


@pytest.mark.parametrize("sentence", SAID)
def test_what_the_server_says_stands_in_the_page_to_the_letter(sentence: str) -> None:
    about = "\0"
    shown = re.escape(sentence.format(about=about)).replace(re.escape(about), "#?[A-Z]+")
    assert re.search(f"`{shown}`", PAGE)


def test_each_command_has_its_heading_and_no_other_has() -> None:
    headings = re.findall(r"^### (/.*)$", PAGE, re.MULTILINE)
    forms = {form for heading in headings for form in heading.split(" and ")}
    assert {row.form for row in VERBS.values()} == forms


@pytest.mark.parametrize("option", OPTIONS)
def test_each_option_is_described(option: str) -> None:
    assert re.search(rf"^\| `{option}` \|", PAGE, re.MULTILINE)
