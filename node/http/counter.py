"""The HTTP counter of the tutorial, for the whole cluster: `I am request #N`."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from broker.api import Broker, Refused


class Counter(Resource):
    """`GET /counter`: N is one more than the last, whichever node was asked. 503 without Redis."""

    isLeaf = True

    def __init__(self, broker: Broker) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._broker = broker

    def render_GET(self, request: Any) -> int:
        counting = Deferred.fromCoroutine(self._count(request))
        request.notifyFinish().addErrback(lambda _: counting.cancel())
        counting.addErrback(lambda _: None)  # whoever asked is gone
        return NOT_DONE_YET

    async def _count(self, request: Any) -> None:
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        request.setHeader(b"cache-control", b"no-store")
        try:
            said = f"I am request #{await self._broker.count('http')}\n"
        except Refused:
            request.setResponseCode(503)
            said = "the broker is away\n"
        request.write(said.encode())
        request.finish()
