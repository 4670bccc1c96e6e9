"""The dialect as JSON Schema (draft 2020-12), made from the classes: they're what is spoken."""

from typing import Any

import msgspec

from node.dialects.json import commands, messages

_REF = "#/$defs/{name}"


def schema() -> dict[str, Any]:
    """`#/$defs/Command`: what may be sent to the server; `#/$defs/Message`: what it sends."""
    (asked,), asked_defs = msgspec.json.schema_components(
        [commands.AnyAsked], ref_template=_REF.format(name="Command.{name}")
    )
    (sent,), sent_defs = msgspec.json.schema_components(
        [messages.AnyMessage], ref_template=_REF.format(name="Message.{name}")
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The JSON dialect of chorus: docs/json-protocol.md",
        "anyOf": [{"$ref": "#/$defs/Command"}, {"$ref": "#/$defs/Message"}],
        "$defs": {
            "Command": asked,
            "Message": sent,
            **{f"Command.{name}": each for name, each in asked_defs.items()},
            **{f"Message.{name}": each for name, each in sent_defs.items()},
        },
    }
