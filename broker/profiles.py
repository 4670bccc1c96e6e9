"""How it stands in Redis what is known of people, and what is published to those who watch a nick.

A watcher's node gets a word in an envelope without a log: its kind, a space, and JSON.
"""

import msgspec

from broker.api import NOBODY, Identity, Profile
from broker.events import SCHEMA, Altered, Envelope, encode

CAME, WENT, ALTERED = "came", "went", "altered"
"""Somebody took the nick: [nick, sid, user@host]. Its holder gave it back: [nick, sid]. Something
about its holder is otherwise: the event."""

encode_profile = msgspec.json.Encoder().encode
"""A profile as it stands in a claim."""

_profile = msgspec.json.Decoder(Profile).decode


def decode_profile(raw: bytes | str | None) -> Profile:
    """A profile that stands in a claim; an empty one if none does, as of an earlier release."""
    return _profile(raw) if raw else NOBODY


def came(me: Identity, nick: str) -> bytes:
    """Somebody has a nick now."""
    return _word(CAME, msgspec.json.encode((nick, me.sid, me.profile.by)))


def went(sid: str, nick: str) -> bytes:
    """A nick is free."""
    return _word(WENT, msgspec.json.encode((nick, sid)))


def told(event: Altered) -> bytes:
    """Something about a nick's holder is otherwise."""
    return _word(ALTERED, encode(event))


def _word(kind: str, about: bytes) -> bytes:
    return msgspec.json.encode(Envelope(SCHEMA, "", f"{kind} {about.decode()}", 0, 0, []))
