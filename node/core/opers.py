"""Operators of the chat: who they are, what they may do and ask for, what they're answered. Values.

    Oper(name, password) ──> policing (verbs) ──> Operators ─ node.opers: a file, scrypt
                                                            └ node.operating: acts, on all nodes

Replies that are here are rendered by dialects that have operators; the others never get one.
"""

from enum import StrEnum
from typing import Protocol

import msgspec

from broker.api import Code, Identity, Refused
from broker.bans import Ban
from node.core.commands import Command
from node.core.replies import Reply

OPER = "o"
"""The user mode of operators."""

HEARS = "w"
"""The user mode of who reads what operators write to all."""


INFORMED = "s"
"""The user mode of operators who read what operators do."""


class Right(StrEnum):
    """What an operator may do."""

    KILL = "kill"
    """End somebody's session."""
    BAN = "ban"
    """Ban networks and masks, take bans away, see them."""
    WALLOPS = "wallops"
    """Write to all who want to read it."""
    REHASH = "rehash"
    """Have all nodes read their files anew."""
    SEE = "see"
    """See what others mustn't: from where people really are connected, who is invisible, channels
    that are secret.
    """


class Oper(msgspec.Struct, frozen=True):
    """Somebody who has shown that they're an operator, by their name in the file."""

    name: str
    rights: frozenset[Right]


# -- what is asked for


class BecomeOper(Command, frozen=True):
    """Be an operator from now on."""

    name: str
    password: str


class Kill(Command, frozen=True):
    """End somebody's session for good, wherever they are."""

    nick: str
    why: str = ""


class Wallops(Command, frozen=True):
    """Write to all operators, and to all who want to read it."""

    text: str


class Rehash(Command, frozen=True):
    """Have all nodes read their files anew."""


class Bar(Command, frozen=True):
    """Ban a network, a mask (`user@host`) or the address of a nick. `seconds` None: for good.
    `force`: also if that's everybody.
    """

    who: str
    why: str = ""
    seconds: float | None = None
    force: bool = False


class Unbar(Command, frozen=True):
    """Take the ban of a network or of a mask away."""

    who: str


class ListBars(Command, frozen=True):
    """Who is banned."""


class StandDown(Command, frozen=True):
    """Be no operator any more. The server may ask for it in their place."""


# -- what is answered


class OperIs(Reply, frozen=True):
    """You're an operator now, by this name in the file; empty: you are no more. `modes`: of you."""

    name: str
    modes: str


class OperDid(Reply, frozen=True):
    """What came of what an operator did, in words."""

    says: str


class Bars(Reply, frozen=True):
    """All bans whose time isn't over, and what time it is (Unix ms, Redis's clock)."""

    bans: list[Ban]
    now: int


class OperInfo(Reply, frozen=True):
    """What an operator did, in the chat or from outside, in words; unasked."""

    says: str


class OperWrites(Reply, frozen=True):
    """What an operator writes to all. `by`: their `user@host` as others see it."""

    nick: str
    by: str
    text: str


# -- who does it


class Operators(Protocol):
    """What reaches beyond this node's memory. All but `rights` raise Refused.

    `by`: which operator does it, for the incidents. What is returned says what was done.
    """

    def rights(self, name: str) -> frozenset[Right]:
        """Of the operator of this name; nothing if there's none any more."""

    async def find(self, name: str, password: str, address: str, certificate: str) -> Oper | None:
        """The operator who this is, if it's one. NO_OPERS if there's none at all."""

    async def became(self, nick: str, by: str) -> None:
        """Somebody is an operator now."""

    async def kill(self, me: Identity, nick: str, why: str, by: str) -> str:
        """End somebody's session, in the name of the operator. Done when it has ended, if it isn't
        their own.
        """

    async def wallops(self, me: Identity, text: str, by: str) -> str:
        """Write to all; done when it was written to those of every node."""

    async def rehash(self, by: str) -> str:
        """Have all nodes read their files anew; done when they have."""

    async def bar(self, asked: Bar, by: str) -> str: ...

    async def unbar(self, who: str, by: str) -> str: ...

    async def bars(self) -> Bars: ...


class NoOperators:
    """Nobody is an operator."""

    def rights(self, name: str) -> frozenset[Right]:  # noqa: ARG002
        return frozenset()

    async def find(self, name: str, password: str, address: str, certificate: str) -> None:  # noqa: ARG002
        raise Refused(Code.NO_OPERS)

    async def _no(self, *_: object) -> str:
        raise Refused(Code.NOT_OPER)

    kill = wallops = rehash = bar = unbar = _no

    async def became(self, nick: str, by: str) -> None: ...

    async def bars(self) -> Bars:
        raise Refused(Code.NOT_OPER)
