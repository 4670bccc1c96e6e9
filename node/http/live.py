"""A live stream of server-sent events: one reading for everybody who looks, none for nobody.

    news() ── every second, while somebody looks ──> Live ──> viewers, those that read
    opening() ── once for each viewer, when it can be had ┘

Who doesn't read is passed over: there's never more than one event of a viewer's in memory besides
what the socket holds, and who stays so is closed. Must not know what the events say, nor who may
look.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from node.http.sse import event, head

EVERY = 1.0
"""Seconds from one event to the next."""

MOST = 100
"""How many may look at one node at a time."""

STALLED = 30.0
"""Seconds after which somebody who doesn't read is closed."""


@implementer(IPushProducer)
class _Viewer:
    """One open request. `may`: whether they may still look."""

    def __init__(self, request: Any, may: Callable[[], bool], seconds: Callable[[], float]) -> None:
        self.request = request
        self.may = may
        self.greeted = False
        self._seconds = seconds
        self._stalled_at: float | None = None

    @property
    def stalled(self) -> float:
        """Seconds for which nothing more could be written."""
        return 0.0 if self._stalled_at is None else self._seconds() - self._stalled_at

    @property
    def reads(self) -> bool:
        return self._stalled_at is None

    def pauseProducing(self) -> None:
        self._stalled_at = self._seconds()

    def resumeProducing(self) -> None:
        self._stalled_at = None

    def stopProducing(self) -> None:
        """The connection is gone: `notifyFinish` tells."""


class Live:
    """Whoever looks at a node. `news`: the events of this second, never fails; `opening`: those
    that each viewer gets once, may fail and is asked again then. `clock`: a reactor's.
    """

    log = Logger()

    def __init__(
        self,
        news: Callable[[], Awaitable[bytes]],
        opening: Callable[[], Awaitable[bytes]],
        clock: Any,
        most: int = MOST,
    ) -> None:
        self._news = news
        self._opening = opening
        self._clock = clock
        self._most = most
        self._viewers: dict[_Viewer, None] = {}
        self._last: tuple[float, bytes] | None = None
        self._stopped = False
        self._loop = LoopingCall(self._tick)
        self._loop.clock = clock

    def __len__(self) -> int:
        return len(self._viewers)

    @property
    def full(self) -> bool:
        """Whether nobody more may look: there are too many, or it has stopped."""
        return self._stopped or len(self._viewers) >= self._most

    def watch(self, request: Any, may: Callable[[], bool] = lambda: True) -> None:
        """Answer a request with the stream, for as long as `may` says so and both ends are there.

        Must not be `full`.
        """
        head(request)
        viewer = _Viewer(request, may, self._clock.seconds)
        self._viewers[viewer] = None
        request.notifyFinish().addBoth(lambda _: self._gone(viewer))
        request.registerProducer(viewer, True)
        request.write(b"retry: 1000\n\n")
        if self._last is not None and self._clock.seconds() - self._last[0] < EVERY:
            request.write(self._last[1])
        if not self._loop.running:
            self._loop.start(EVERY).addErrback(lambda f: self.log.failure("unexpected", f))

    def part(self) -> None:
        """Have everybody come again: through a balancer they get to a node that doesn't end."""
        for viewer in list(self._viewers):
            self._close(viewer, event("bye", b"{}"))

    def stop(self) -> None:
        """As `part`, and take nobody any more."""
        self._stopped = True
        self.part()

    def _gone(self, viewer: _Viewer) -> None:
        """Whether anybody is left is seen at the next tick: a loop that is stopped in the middle of
        a reading, and started again, would go twice as fast.
        """
        self._viewers.pop(viewer, None)

    def _close(self, viewer: _Viewer, last: bytes = b"") -> None:
        """A connection that was a stream is used for nothing else: whoever comes again may be led
        to another node.
        """
        channel = viewer.request.channel
        if viewer.reads:
            viewer.request.write(last)
            viewer.request.unregisterProducer()
            viewer.request.finish()
            channel.loseConnection()
        else:
            channel.forceAbortClient()

    async def _news_and_opening(self) -> tuple[bytes, bytes]:
        news, opening = await self._news(), b""
        if not all(viewer.greeted for viewer in self._viewers):
            try:
                opening = await self._opening()
            except Exception as e:
                self.log.debug("no opening yet: {why!r}", why=e)
        return news, opening

    def _tick(self) -> "Deferred[None] | None":
        if not self._viewers:
            self._loop.stop()
            return None
        return Deferred.fromCoroutine(self._tell())

    async def _tell(self) -> None:
        news, opening = await self._news_and_opening()
        self._last = self._clock.seconds(), news
        for viewer in list(self._viewers):
            if viewer.stalled > STALLED or not viewer.may():
                self._close(viewer)
            elif viewer.reads:
                viewer.request.write(news if viewer.greeted else opening + news)
                viewer.greeted = viewer.greeted or bool(opening)
