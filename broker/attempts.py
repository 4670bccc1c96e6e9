"""How a broker takes steps while Redis comes and goes: whether any can be taken now, and trying one
until it's known what became of it.

    check ── may a command begin?     settle ── till Redis has answered, or patience is over
    aside ── nobody waits for it      insist ── till it's done, or this incarnation has ended

Must not know what the steps are.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from broker.api import Code, Refused
from broker.link import Link, LinkLost
from broker.presence import Presence
from broker.store import Late

T = TypeVar("T")


class Attempts:
    """See the module's docstring. `clock`: Twisted's. `patience`: seconds for which a step waits
    for a lost Redis.

    `open`: Redis is there, and all that was missed has been told. `stopping`: nothing is waited for
    any more.
    """

    log = Logger()

    def __init__(self, clock: Any, presence: Presence, link: Link, *, patience: float) -> None:
        self._clock = clock
        self._presence = presence
        self._link = link
        self._patience = patience
        self.open = False
        self.stopping = False

    @property
    def ready(self) -> bool:
        """Whether commands are taken now."""
        return self.open and not self._presence.ended

    async def moved(self) -> None:
        """Returns when no renewal of the lease is under way, if that's all that hinders."""
        if self.open:
            await self._presence.moved()

    def check(self) -> None:
        """Raises AWAY if commands aren't taken now, BUSY if too much is under way."""
        if not self.ready:
            raise Refused(Code.AWAY)
        if self._link.full:
            raise Refused(Code.BUSY)

    async def settle(self, node: str, attempt: Callable[[bool], Awaitable[T]]) -> T:
        """Try until Redis answers; `attempt` is told whether it may have been done before.

        Raises UNSETTLED when patience is at its end, or CUT_OFF if this node isn't the
        incarnation any more that began: nothing may be done in its name.
        """
        again, until = False, self._clock.seconds() + self._patience
        while self._clock.seconds() < until:
            if node != self._presence.node:
                raise Refused(Code.UNSETTLED if again else Code.CUT_OFF)
            if self.open and self._presence.held:
                try:
                    return await attempt(again)
                except LinkLost:
                    again = True
                except Late:
                    pass
            await self.pause(0.05)
        raise Refused(Code.UNSETTLED)

    async def insist(self, node: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do what has to be done while Redis takes no writes (out of disk or of replicas, say),
        too: again and again, as long as this incarnation lives.
        """
        while node == self._presence.node:
            try:
                await work()
                return
            except Refused as refused:
                if refused.code not in (Code.BUSY, Code.UNSETTLED) or self.stopping:
                    raise
            await self.pause(0.5)

    def aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for."""

        def missed(failure: Failure) -> None:
            if failure.check(Refused) is None:
                self.log.failure("nobody waited for this", failure)

        Deferred.fromCoroutine(work).addErrback(missed)

    async def pause(self, seconds: float) -> None:
        """Wait."""
        over: Deferred[None] = Deferred()
        self._clock.callLater(seconds, over.callback, None)
        await over
