"""The rules of a channel: values. What they mean is judged in `node/core/rules.py`.

Letters are those of IRC (Modern IRC Client Protocol, "Channel Modes").
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from broker.events import Ruled


class Mask(NamedTuple):
    """An entry of a channel's list: a mask, who set it, and when (Unix milliseconds)."""

    mask: str
    nick: str
    ms: int


class Rules(msgspec.Struct, frozen=True):
    """What holds in a channel. `law` counts its changes: two rules of a channel with the same `law`
    are the same.

    `modes`: the letters of those that are on and need nothing more, sorted. `key` empty, `limit` 0:
    none. `lists`: masks by the letter of the list (`b`, `e`, `I`). `forward`: the channel for those
    who may not come into this one, or empty.
    """

    law: int = 0
    modes: str = ""
    key: str = ""
    limit: int = 0
    lists: dict[str, tuple[Mask, ...]] = {}
    forward: str = ""


FREE = Rules()
"""Of a channel of which nothing was ever decided."""


class Standing(NamedTuple):
    """Who asks, as a channel sees them. `status`: letters, empty if they're none of its members or
    have none.
    """

    member: bool
    status: str = ""
    invited: bool = False


class Fellow(NamedTuple):
    """A member of a channel, as somebody sees them who decides about them. `status`, `by`: as in
    `api.Member`.
    """

    sid: str
    nick: str
    status: str = ""
    by: str = ""


class Decision(NamedTuple):
    """What somebody decides about a channel: its rules from here on (whatever their `law` says),
    the changes that make them so, as in `Ruled`, and the statuses that some have from here on, by
    their sids. No changes: nothing.
    """

    rules: Rules
    changes: tuple[tuple[str, str], ...]
    statuses: tuple[tuple[str, str], ...] = ()


Judge = Callable[[Rules, Standing], None]
"""Whether somebody of this standing may do something where these rules hold: raises Refused if not.
Pure: it may be asked more than once, with other rules each time.
"""


def anybody(_rules: Rules, _standing: Standing) -> None:
    """A judge who lets everybody do what it's about, and needn't be asked."""


def encode_rules(rules: Rules) -> str:
    """Rules as JSON; their `law` stands elsewhere."""
    return _encoder.encode(rules).decode()


def decode_rules(law: int, raw: bytes | str) -> Rules:
    """Of that JSON, empty: none. Raises msgspec.DecodeError."""
    if not raw:
        return FREE if law == 0 else Rules(law)
    return msgspec.structs.replace(_decoder.decode(raw), law=law)


def after(rules: Rules, event: Ruled) -> Rules:
    """What holds after a change, where these held before."""
    if event.rules:
        return decode_rules(event.law, event.rules)
    return msgspec.structs.replace(rules, law=event.law)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Rules)
