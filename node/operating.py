"""What operators of the chat do, as `node.core.opers.Operators` has it: `acts` at the node's desk.

policing (verbs) ──> Operating ──> acts ──> Desk ─ orders ─> every node
└───────> Opers: who they are
"""

from collections.abc import Coroutine
from typing import Any

from broker.api import Code, Identity, Refused
from broker.reports import Kind
from node import acts
from node.acts import Desk, Failed
from node.core.opers import Bar, Bars, Oper
from node.opers import Opers


class Operating:
    """See the module's docstring."""

    def __init__(self, opers: Opers, desk: Desk) -> None:
        self._opers = opers
        self._desk = desk
        self.rights = opers.rights

    async def find(self, name: str, password: str, address: str, certificate: str) -> Oper | None:
        """As `Operators` has it."""
        if not len(self._opers):
            raise Refused(Code.NO_OPERS)
        return await self._opers.find(name, password, address, certificate)

    async def became(self, nick: str, by: str) -> None:
        """As `Operators` has it."""
        await acts.told(self._desk, Kind.OPER, nick, f"{nick} is an operator now", by)

    async def kill(self, me: Identity, nick: str, why: str, by: str) -> str:
        """As `Operators` has it. NO_SUCH_NICK."""
        return await _done(acts.kill(self._desk, me.nick, me.sid, nick, why, by), nick)

    async def wallops(self, me: Identity, text: str, by: str) -> str:
        """As `Operators` has it."""
        return await _done(acts.wallops(self._desk, me.nick, me.profile.by, text, by))

    async def rehash(self, by: str) -> str:
        """As `Operators` has it."""
        return await _done(acts.rehash(self._desk, by))

    async def bar(self, asked: Bar, by: str) -> str:
        """As `Operators` has it. NO_SUCH_NICK."""
        ban = acts.ban(
            self._desk,
            by=by,
            seconds=asked.seconds,
            why=asked.why,
            force=asked.force,
            **acts.whom(asked.who),
        )
        return await _done(ban, asked.who)

    async def unbar(self, who: str, by: str) -> str:
        """As `Operators` has it."""
        return await _done(acts.unban(self._desk, who, by))

    async def bars(self) -> Bars:
        """As `Operators` has it."""
        return Bars(await self._desk.bans(), self._desk.now())


async def _done(act: Coroutine[Any, Any, str], nick: str = "") -> str:
    try:
        return await act
    except Failed as e:
        if e.error == "no-such-nick":
            raise Refused(Code.NO_SUCH_NICK, nick) from None
        raise Refused(Code.NOT_DONE, e.says) from None
