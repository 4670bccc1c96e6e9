"""Operators of the chat: who they are, and what they may do. Values; files are `node.opers`' and
what reaches beyond this node is `node.operating`'s.
"""

from enum import StrEnum

import msgspec


class Right(StrEnum):
    """What an operator may do."""

    KILL = "kill"
    """End somebody's session."""
    BAN = "ban"
    """Ban a network or a mask, take bans away, and see them."""
    WALLOPS = "wallops"
    """Write to all who want to read it."""
    REHASH = "rehash"
    """Have all nodes read their files anew."""
    SEE = "see"
    """See from where people really are connected, and channels that are secret."""


class Oper(msgspec.Struct, frozen=True):
    """Somebody who has shown that they're an operator, under a name of the file."""

    name: str
    rights: frozenset[Right]
