"""README.md and docs/metrics.md say what is so: a conversation was held, tables are complete."""

import pytest

from tests.support.readme import MADE, part, with_part

TEXT = "before\n<!-- word: made -->\nold\n<!-- /word -->\nafter\n"


@pytest.mark.parametrize("name", MADE)
def test_what_a_program_makes_is_as_it_would_make_it_now(name: str) -> None:
    page, make = MADE[name]
    assert make() == part(page.read_text(), name), "run `make readme`, and look what changed"


def test_a_part_stands_between_its_comments() -> None:
    assert "old" == part(TEXT, "word")


def test_a_part_can_be_made_anew_and_nothing_else_changes() -> None:
    assert TEXT.replace("old", r"new \1" + "\nlines") == with_part(
        TEXT, "word", r"new \1" + "\nlines"
    )


def test_a_part_that_is_not_there_is_told() -> None:
    with pytest.raises(LookupError):
        part(TEXT, "other")
