"""`docs/json-protocol.schema.json`, made from the code (`make readme`)."""

import json
from pathlib import Path

from node.dialects.json import schema

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = DOCS / "json-protocol.schema.json"


def written() -> str:
    """What the file has to hold."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"
