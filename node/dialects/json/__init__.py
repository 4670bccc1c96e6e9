"""The JSON dialect: one object per message, for programs and for pages (`docs/json-protocol.md`).

    commands   what one may send, and what it asks of the core
    messages   what is sent: the kinds of objects
    events     events of the core as messages;  replies: its replies, by table
    words      the sentences that messages have for people
    schema     all of it as JSON Schema

How messages follow one another, as lines or as frames, is none of its business.
"""

from node.dialects.json.dialect import Json
from node.dialects.json.schema import schema

__all__ = ["Json", "schema"]
