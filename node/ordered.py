"""What an operator orders a node to do, from outside, through Redis (`broker.orders`)."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

import msgspec
from twisted.logger import Logger

from broker import orders
from broker.api import Refused
from broker.bans import Ban
from node.core import policing
from node.core.bans import Bans
from node.core.chat import Chat
from node.core.opers import OperWrites
from node.core.replies import Goodbye, killed


class Reporter(Protocol):
    """The part of the broker that tells operators what came of their orders."""

    async def report(self, number: str, summary: msgspec.Struct, within: float = 0.0) -> None: ...

    async def show(self, number: str, sessions: dict[str, orders.Shown]) -> None: ...

    async def end_detached(self, sid: str, why: str) -> bool: ...


class Leaving(Protocol):
    """The part of a node that closes people's connections, bit by bit. `over`: seconds, None: as
    it was set up.
    """

    def drain(self, order: orders.Drain) -> None: ...

    def shed(self, order: orders.Shed) -> None: ...


class Ordered:
    """Does what one node is ordered to do, and has the cluster's bans hold on it."""

    log = Logger()

    def __init__(
        self,
        chat: Chat,
        reporter: Reporter,
        leaving: Leaving,
        bans: Bans,
        reread: Callable[[], tuple[str, ...]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._chat = chat
        self._reporter = reporter
        self._leaving = leaving
        self._bans = bans
        self._reread = reread
        self._spawn = spawn

    def do(self, order: orders.Order) -> None:
        """Do what was ordered; what there is to report comes later."""
        match order:
            case orders.Drain():
                self._leaving.drain(order)
            case orders.Shed():
                self._leaving.shed(order)
            case orders.Show():
                self._spawn(self._reporter.show(order.report, self._shown()))
            case orders.Mend():
                self._chat.mend(order.sids)
            case orders.Announce():
                people = self._chat.announce(order.text)
                self._report(order.report, orders.Announced(people))
            case orders.Kick():
                self._spawn(self._kick(order))
            case orders.Post():
                self._spawn(self._post(order))
            case orders.Locate():
                self._report(order.report, self._found(order.sid))
            case orders.Wallops(report, nick, by, text):
                people = policing.write(self._chat, OperWrites(nick, by, text))
                self._report(report, orders.Announced(people))
            case orders.Inform():
                policing.inform(self._chat, order.text)
            case orders.Rehash():
                self._report(order.report, orders.Reread(self._rehash()))

    def _report(self, number: str, summary: msgspec.Struct) -> None:
        self._spawn(self._reporter.report(number, summary))

    async def _kick(self, order: orders.Kick) -> None:
        found = self._found(order.sid)
        session = self._chat.hub.sessions.get(order.sid)
        closing, why = Goodbye.KICKED, order.why
        if order.killer:
            closing, why = Goodbye.KILLED, killed(order.killer, why)
        if session is not None:
            self._chat.expel(session, closing, why)
        elif await self._reporter.end_detached(order.sid, closing.because(why)):
            found = orders.Found(here=True)
        await self._reporter.report(order.report, found)

    async def _post(self, order: orders.Post) -> None:
        refused = ""
        try:
            await self._chat.broker.post(order.name, order.channel, order.text, order.report)
        except Refused as e:
            refused = e.code.value
        await self._reporter.report(order.report, orders.Posted(refused))

    def _found(self, sid: str) -> orders.Found:
        session = self._chat.hub.sessions.get(sid)
        if session is None:
            return orders.Found(here=False)
        return orders.Found(here=True, address=session.peer)

    def _shown(self) -> dict[str, orders.Shown]:
        return {
            sid: orders.Shown(session.me.token, session.me.nick, tuple(session.channels))
            for sid, session in self._chat.hub.sessions.items()
            if session.me.nick
        }

    def _rehash(self) -> tuple[str, ...]:
        says = self._reread()
        policing.review(self._chat)
        return says

    def ban(self, bans: Iterable[Ban]) -> None:
        """These are all bans, from now on: also for who is connected already."""
        new = self._bans.put(bans)
        for session in list(self._chat.hub.sessions.values()):
            ban = self._bans.of(session.peer) or new.like(session.me.profile)
            if ban is not None:
                self.log.info("banned: {who}", who=ban.key, sid=session.me.sid)
                self._chat.expel(session, Goodbye.BANNED, ban.why)
