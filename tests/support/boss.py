"""Operators for tests that are about nothing else of them. Must not know what is tested."""

from typing import Any

from msgspec.structs import replace

from broker.api import Identity, Refused
from broker.bans import NOWHERE, Ban
from node.core.opers import Bar, Bars, Oper, Right

ALL = frozenset(Right)
BARS = Bars([Ban(0, NOWHERE, "spam", mask="bob@*")], 5)


class OneBoss:
    """`node.core.opers.Operators`: one, called boss, whose password is `boss's`. `did`: what they
    were asked for.
    """

    def __init__(self) -> None:
        self.did: list[tuple[Any, ...]] = []
        self.known = {"boss": ALL}
        self.refused: Refused | None = None
        self.banned = BARS.bans

    def rights(self, name: str) -> frozenset[Right]:
        return self.known.get(name, frozenset())

    async def find(self, name: str, password: str, address: str, certificate: str) -> Oper | None:
        self.did.append(("find", name, password, address, certificate))
        return Oper(name, self.known[name]) if password == f"{name}'s" else None

    async def became(self, nick: str, by: str) -> None:
        self.did.append(("became", nick, by))

    async def kill(self, me: Identity, nick: str, why: str, by: str) -> str:
        if self.refused is not None:
            raise self.refused
        self.did.append(("kill", me.nick, nick, why, by))
        return "killed"

    async def wallops(self, me: Identity, text: str, by: str) -> str:
        self.did.append(("wallops", me.nick, text, by))
        return "told"

    async def rehash(self, by: str) -> str:
        self.did.append(("rehash", by))
        return "read"

    async def bar(self, asked: Bar, by: str) -> str:
        self.did.append(("bar", asked, by))
        return "banned"

    async def unbar(self, who: str, by: str) -> str:
        self.did.append(("unbar", who, by))
        return "unbanned"

    async def bars(self) -> Bars:
        return replace(BARS, bans=self.banned)
