"""Events: facts that were accepted, the same for everyone on every node.

An event lives in the log of a channel (or in a nick's inbox) and travels in an envelope.
Its identity is its author and the author's command number, `(sid, num)`: the key under
which a retried command happens once. On the wire an event is a JSON array whose first
element names its kind, so that Redis can hold and splice it without understanding it.

This module knows shapes and bytes only; it must not know Redis, sockets or dialects.
"""

import secrets
from typing import Any

import msgspec

SCHEMA = 1
"""Version of keys and payloads. Two releases that share it can share a cluster."""


PROGRAM = "."
"""How the sid of a program begins, which says something and is no session: no session's does."""


def program() -> str:
    """A sid for one line of a program's."""
    return PROGRAM + secrets.token_hex(8)


class Said(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="said"):
    """A line said in a channel. `action`: said as `/me`."""

    sid: str
    num: int
    nick: str
    text: str
    action: bool = False


class Told(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="told"):
    """A private message, in the inbox of the nick that it was sent to.

    `to` is the session that held the nick at that moment: whoever holds it later doesn't
    read it. The broker fills it in.
    """

    sid: str
    num: int
    nick: str
    text: str
    to: str = ""


class Joined(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="joined"):
    """Somebody came into the channel."""

    sid: str
    num: int
    nick: str


class Left(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="left"):
    """Somebody left the channel; `why` may be empty."""

    sid: str
    num: int
    nick: str
    why: str = ""


class TopicSet(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="topic"):
    """The channel's topic became `topic`."""

    sid: str
    num: int
    nick: str
    topic: str


class Renamed(msgspec.Struct, array_like=True, frozen=True, tag="renamed"):
    """`nick` is called `new` from here on.

    The same fact stands in the log of each of `channels` (folded, in the order in which
    they were written); a listener is shown it once.
    """

    sid: str
    num: int
    nick: str
    new: str
    channels: tuple[str, ...]


class Quit(msgspec.Struct, array_like=True, frozen=True, tag="quit"):
    """Somebody is gone from every one of `channels`; shown once, as `Renamed` is."""

    sid: str
    num: int
    nick: str
    why: str
    channels: tuple[str, ...]


Event = Said | Told | Joined | Left | TopicSet | Renamed | Quit
SPOKEN = (Said,)
"""The kinds that history shows: what was said, not who came and went."""


class Envelope(msgspec.Struct, array_like=True, frozen=True):
    """What Redis publishes: events that were accepted together, with their place.

    `log` is a folded channel name, or a folded nick for its inbox; they can't be mixed up,
    since a nick never begins with `#`. The empty name carries no events: it's a word to the
    node on whose own topic it comes, in the place of `epoch`. `seq` is the place of the first
    event, the others follow without a hole; `ms` is Redis's clock, milliseconds of Unix time.
    """

    schema: int
    log: str
    epoch: str
    seq: int
    ms: int
    events: list[Event]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One event with its place in a log that was read back; `ms` as in `Envelope`."""

    seq: int
    ms: int
    event: Event


_encoder = msgspec.json.Encoder()
encode = _encoder.encode
"""Event -> bytes (JSON, no line breaks)."""

decode_event = msgspec.json.Decoder(Event).decode
"""bytes -> Event. Raises `msgspec.DecodeError` (or its `ValidationError`)."""

decode_envelope = msgspec.json.Decoder(Envelope).decode
"""bytes -> Envelope. Raises as `decode_event` does."""


def around_nick(event: Event) -> tuple[bytes, bytes]:
    """The encoding of `event` cut in two, around its nick.

    A script puts in the nick that the roster holds at that moment, which the caller of a
    sweep can't know.
    """
    fields: Any = msgspec.to_builtins(event)
    head = _encoder.encode(fields[:3])[:-1] + b","
    tail = _encoder.encode(["", *fields[4:]])[3:]  # after the empty nick's `[""`
    return head, tail
