"""`docs/json-protocol.md` has every command, kind and code; its examples and schema are true."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from broker.api import Code
from node.core.replies import Goodbye, News
from node.core.words import OPERATORS
from node.dialects.json import schema, words
from tests.support.protocol_schema import DOCS, SCHEMA, written

PAGE = (DOCS / "json-protocol.md").read_text()
WHOLE = schema()
EXAMPLES = [
    line
    for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]


def _tags(which: str, field: str) -> list[str]:
    found = WHOLE["$defs"]
    kinds = [found[one["$ref"].split("/")[-1]] for one in found[which]["anyOf"]]
    return [kind["properties"][field]["enum"][0] for kind in kinds]


def _validate(example: dict[str, Any]) -> None:
    which = "Command" if "do" in example else "Message"
    Draft202012Validator({"$ref": f"#/$defs/{which}", "$defs": WHOLE["$defs"]}).validate(example)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(WHOLE)


def test_the_schema_beside_the_page_is_current() -> None:
    assert written() == SCHEMA.read_text(), "make readme"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text[:40])
def test_each_example_is_what_may_be_said(example: str) -> None:
    _validate(json.loads(example))


def test_each_kind_has_an_example() -> None:
    shown = {json.loads(example).get("is") for example in EXAMPLES} - {None}
    assert set(_tags("Message", "is")) == shown


def test_each_command_has_its_row_and_no_other_has() -> None:
    rows = re.findall(r'^\| `\{"do":"(\w+)"', PAGE, re.MULTILINE)
    assert set(_tags("Command", "do")) == set(rows)


def test_each_code_is_in_a_table() -> None:
    codes = {code.value for code in Code} - {Code.NO_CURRENT_CHANNEL, *OPERATORS}
    codes |= {words.MALFORMED, *(code.value for code in (*News, *Goodbye))}
    rows = "\n".join(re.findall(r"^\|(.*?)\|", PAGE, re.MULTILINE))
    assert set() == codes - set(re.findall(r"`([a-z0-9-]+)`", rows))
