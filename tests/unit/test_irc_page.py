"""`docs/irc.md` has every capability and every token that clients are told, and no other."""

import re
from pathlib import Path

from node.dialects.irc import IrcConfig
from node.dialects.irc.caps import CAPS
from node.dialects.irc.isupport import isupport

PAGE = (Path(__file__).parents[2] / "docs/irc.md").read_text()


def rows(heading: str) -> list[str]:
    """The first cells of the table under a heading, each of which may name several."""
    (part,) = re.findall(rf"^## {heading}\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    cells = re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_each_capability_has_its_row_and_no_other_has() -> None:
    assert sorted(CAPS) == sorted(rows("Capabilities"))


def test_each_token_of_isupport_has_its_row_and_no_other_has() -> None:
    told = [token.partition("=")[0] for line in isupport(IrcConfig()).lines for token in line]
    assert sorted(told) == sorted(rows("ISUPPORT"))
