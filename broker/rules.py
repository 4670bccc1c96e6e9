"""The rules of a channel: values. What they mean is judged in `node/core/rules.py`.

Letters are those of IRC (Modern IRC Client Protocol, "Channel Modes").
"""

from typing import NamedTuple

import msgspec


class Mask(NamedTuple):
    """An entry of a channel's list: a mask, who set it, and when (Unix milliseconds)."""

    mask: str
    nick: str
    ms: int


class Rules(msgspec.Struct, frozen=True):
    """What holds in a channel. `law` counts its changes: two rules of a channel with the same `law`
    are the same.

    `modes`: the letters of those that are on and need nothing more, sorted. `key` empty, `limit` 0:
    none. `lists`: masks by the letter of the list (`b`, `e`, `I`).
    """

    law: int = 0
    modes: str = ""
    key: str = ""
    limit: int = 0
    lists: dict[str, tuple[Mask, ...]] = {}


FREE = Rules()
"""Of a channel of which nothing was ever decided."""


class Standing(NamedTuple):
    """Who asks, as a channel sees them. `status`: letters, empty if they're none of its members or
    have none.
    """

    member: bool
    status: str = ""
    invited: bool = False
