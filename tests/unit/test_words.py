"""`node.core.words`: a sentence for every code, whatever the dialect."""

import pytest

from broker.api import Code
from node.core.replies import Gap, Goodbye, News
from node.core.words import CLOSINGS, NOTICES, REFUSED, filled, gap


def test_every_code_has_its_sentence() -> None:
    assert (set(Code), set(News), set(Goodbye)) == (set(REFUSED), set(NOTICES), set(CLOSINGS))


@pytest.mark.parametrize("sentence", [*REFUSED.values(), *NOTICES.values(), *CLOSINGS.values()])
def test_a_sentence_is_one_line_about_what_was_given_to_the_letter(sentence: str) -> None:
    said = filled(sentence, "{x}: ")
    assert 1 == len(said.splitlines())
    assert ("{about}" in sentence, "{about}" not in said) == ("{x}: " in said, True)


def test_a_reason_that_was_not_given_leaves_no_trace() -> None:
    sentence = CLOSINGS[Goodbye.KICKED]
    assert ["kicked", "kicked: spam"] == [filled(sentence, why) for why in ("", "spam")]


@pytest.mark.parametrize(
    "lost, expected",
    [
        (Gap("#go", 12), "12 messages of #go are lost"),
        (Gap("#go", 1), "1 message of #go is lost"),
        (Gap("#messages", 1), "1 message of #messages is lost"),
        (Gap(None, None), "private messages may be missing"),
    ],
)
def test_a_gap_says_how_much_is_missing_if_that_is_known(lost: Gap, expected: str) -> None:
    assert expected == gap(lost)
