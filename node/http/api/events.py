"""Server-sent events of a channel: what is said, from now on or after a place.

https://html.spec.whatwg.org/multipage/server-sent-events.html

    id: 5a4a6e6fc770.42
    event: said
    data: {"pos": "5a4a6e6fc770.42", "at": ..., "nick": "ann", "text": "hi", ...}

Who connects again with the last `id` as `Last-Event-ID` goes on there. Who doesn't read what they
asked for is cut off at a bound, and delays nobody.
"""

from typing import Any

import msgspec
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from broker.api import Position
from broker.events import Entry
from node.core.listening import Heard, Listening, Missing
from node.http.access import Denied, Scope
from node.http.api.problems import AGAIN
from node.http.api.routes import Parts
from node.http.api.values import message
from node.http.sse import event, head

MOST = 1_000
"""How many may follow events on a node."""

SILENCE = 15.0
"""Seconds until something is sent that means nothing, so that nobody in between takes the
connection for dead, and until it's looked again whether they may.
"""

AGAIN_MS = 2_000
"""Milliseconds after which a browser connects again."""


@implementer(IPushProducer)
class Stream:
    """One who follows a channel. `streams`: all who do, on this node."""

    def __init__(self, request: Any, parts: Parts, channel: str, streams: set["Stream"]) -> None:
        self._streams = streams
        self._request = request
        self._parts = parts
        self._backlog: list[bytes] | None = None  # None: the socket takes what it's given
        self._waiting = 0
        self._paused = False
        self._over = False
        self._timer: Any = None
        self._listening = Listening(parts.hub, parts.broker, channel, self._tell)

    async def begin(self, after: Position | None) -> None:
        """Send the head and what follows. Raises Refused or Denied before anything is sent."""
        if len(self._streams) >= MOST:
            raise Denied(503, "busy", f"{MOST} follow events of this node already", [AGAIN])
        request = self._request
        if request.method == b"HEAD":
            await self._parts.broker.topic(self._listening.name)
            head(request)
            request.finish()
            return
        self._streams.add(self)
        request.notifyFinish().addBoth(self._end)
        self._backlog = []  # the head comes first
        try:
            await self._listening.begin(after)
        except BaseException:
            self._end(None)
            raise
        if self._over:
            return
        head(request)
        backlog, self._backlog = self._backlog, None
        request.registerProducer(self, True)
        request.write(f"retry: {AGAIN_MS}\n\n".encode())
        for data in backlog or ():
            self._send(data)
        self._timer = self._parts.call_later(SILENCE, self._stay)

    def _end(self, _reason: object) -> None:
        self._over = True
        self._streams.discard(self)
        self._listening.end()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _stay(self) -> None:
        """They're there still; but may they?"""
        self._timer = self._parts.call_later(SILENCE, self._stay)
        try:
            caller = self._parts.access.caller(self._request)
        except Denied:
            self._close()
            return
        if Scope.READ in caller.scopes:
            self._send(b": still here\n\n")
        else:
            self._close()

    def _tell(self, what: Heard | Missing) -> None:
        if isinstance(what, Missing):
            self._send(event("gap", msgspec.json.encode({"lost": what.lost})))
            return
        said = message(what.at.epoch, Entry(what.at.seq, what.ms, what.said), what.said)
        self._send(event("said", msgspec.json.encode(said), said.pos))

    def _send(self, data: bytes) -> None:
        if self._over:
            return
        if self._backlog is None:
            self._request.write(data)
            return
        self._backlog.append(data)
        self._waiting += len(data)
        if self._paused and self._waiting > self._parts.backlog:
            self._close()

    def _close(self) -> None:
        """Cut them off: they find out where they were, and come again."""
        self._end(None)
        self._request.channel.transport.abortConnection()

    # -- as a producer for the transport: told when the socket is full

    def pauseProducing(self) -> None:
        """The socket takes no more."""
        self._paused = True
        if self._backlog is None:
            self._backlog, self._waiting = [], 0

    def resumeProducing(self) -> None:
        """It does again."""
        self._paused = False
        backlog, self._backlog = self._backlog, None
        if backlog:
            self._request.write(b"".join(backlog))

    def stopProducing(self) -> None:
        """The connection is lost; `notifyFinish` tells."""
