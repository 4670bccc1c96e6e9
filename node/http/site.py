"""The site behind a node's HTTP door: a tree of parts, and what holds for every request.

    door ─> Channel (time, headers) ─> Request (body, errors, headers of answers) ─> a part

Every answer has headers that forbid a browser all that the part doesn't allow. What is wrong with a
request is said in JSON, `{"error": code, "says": words}`, never with a traceback or markup. What a
request may have is bounded: its time, its headers, its body. Must not know what the parts do.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.web import http
from twisted.web.error import UnsupportedMethod
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

BODY = 64 << 10
"""The most bytes of a request's body."""

HEADERS = 100
"""The most headers of a request; together they have 16 KiB at most, as Twisted has it."""

TIME = 20.0
"""Seconds within which a whole request must have come, and for which a connection may be idle."""

GUARDS: Mapping[bytes, bytes] = {
    b"server": b"chorus",
    b"content-security-policy": (
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
"""What each answer's headers are, unless a part sets others."""


def tell(request: Any, value: Any) -> bytes:
    """An answer in JSON. To be returned by `render_GET` and its kind."""
    request.setHeader(b"content-type", b"application/json")
    return msgspec.json.encode(value) + b"\n"


def refuse(request: Any, status: int, error: str, says: str) -> bytes:
    """As `tell`, why there's none."""
    request.setResponseCode(status)
    return tell(request, {"error": error, "says": says})


class BoundedRequest(Request):
    """A request whose body is kept only as far as it may go; see the module's docstring."""

    log = Logger()
    _came = 0

    def getHeader(self, key: Any) -> Any:
        """Text for text, whatever bytes were sent: as UTF-8, which Twisted has it, or nearly so."""
        if isinstance(key, bytes):
            return super().getHeader(key)
        value = super().getHeader(key.encode())
        return None if value is None else value.decode(errors="replace")

    def gotLength(self, _length: int | None) -> None:
        """Never in a file, as Twisted would: it's small."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """What is too much is read to its end, so that the answer can be, and forgotten."""
        self._came += len(data)
        if self._came <= BODY:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]

    def render(self, resrc: Any) -> None:
        for name, value in GUARDS.items():
            self._any.setHeader(name, value)
        self._answer(self._rendered(resrc))

    def _rendered(self, resrc: Any) -> Any:
        if self._came > BODY:
            self._any.setHeader(b"connection", b"close")
            self.channel.persistent = 0
            return refuse(self, 413, "too-much", f"a request may have at most {BODY} bytes")
        try:
            return resrc.render(self)
        except UnsupportedMethod as e:
            allowed = {*e.allowedMethods} | ({b"HEAD"} if b"GET" in e.allowedMethods else set())
            self._any.setHeader(b"allow", b", ".join(sorted(allowed)))
            says = f"what is there takes {b', '.join(sorted(allowed)).decode()} only"
            return refuse(self, 405, "method-not-allowed", says)
        except Exception:
            self.log.failure("answering {path}", path=shown(self.path))
            return refuse(self, 500, "unexpected", "that went wrong here, and is in the log")

    def _answer(self, body: Any) -> None:
        if body is NOT_DONE_YET:
            self._any.site.expect(self)
            return
        if self.code not in http.NO_BODY_CODES:  # what a browser has already is as long as it is
            self._any.setHeader(b"content-length", b"%d" % len(body))
        self._any.write(b"" if self.method == b"HEAD" else body)
        self._any.finish()

    @property
    def _any(self) -> Any:
        """Twisted's own methods have no types."""
        return self

    def processingFailed(self, reason: Any) -> Any:
        """Something went wrong before a part was found, or a part said so itself."""
        self.log.failure("answering {path}", reason, path=shown(self.path))
        if not self.startedWriting:
            self._answer(refuse(self, 500, "unexpected", "that went wrong here, and is in the log"))
        elif not self.finished:
            self.channel.loseConnection()
        return reason


def shown(path: bytes) -> str:
    """A path for a log: what else a request says may be a secret."""
    return repr(path[:100])[1:]


class Channel(http.HTTPChannel):
    """A connection on which a request has so much time to come, however it trickles in."""

    maxHeaders = HEADERS
    abortTimeout = 5
    _coming = False

    def dataReceived(self, data: bytes) -> None:
        if not (self._coming or self._handlingRequest):
            self._coming = True
            channel: Any = self
            channel.setTimeout(self.timeOut)
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def resetTimeout(self) -> None:
        """Not with every byte, as Twisted would."""

    def requestDone(self, request: Any) -> None:
        self._coming = False
        super().requestDone(request)  # type: ignore[no-untyped-call]


class _Site(Site):
    """`pending`: requests whose answers are still being made."""

    protocol: Any = Channel
    noisy = False
    displayTracebacks = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.pending: set[Any] = set()

    def expect(self, request: Any) -> None:
        """A request will be answered later."""
        self.pending.add(request)
        request.notifyFinish().addBoth(lambda _: self.pending.discard(request))

    def answered(self) -> "Deferred[Any]":
        """Fires when all that were asked by now have their answers, or are gone."""
        asked = [request.notifyFinish() for request in self.pending]
        return DeferredList([each.addErrback(lambda _: None) for each in asked])

    def log(self, request: Any) -> None:
        """No line per request."""


class _Tree(Resource):
    """Where there is nothing but what was put there, and whatever else is asked for is told so."""

    def getChild(self, _path: bytes, _request: Any) -> Any:
        return NOTHING

    def render(self, request: Any) -> Any:
        return NOTHING.render(request)


class _Nothing(Resource):
    """404, whatever the method."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        return refuse(request, 404, "not-found", "there is nothing at this path")


NOTHING: Any = _Nothing()  # type: ignore[no-untyped-call]

Tree: Any = _Tree


def site(parts: Mapping[str, Resource]) -> Any:
    """A site of parts by their paths, without a slash in front: `metrics`, `api/v1`; empty: `/`."""
    root: Any = Tree()
    for path, part in parts.items():
        *above, last = path.encode().split(b"/")
        place: Any = root
        for name in above:
            if name not in place.children:
                place.putChild(name, Tree())
            place = place.children[name]
        place.putChild(last, part)
    made: Any = _Site
    # a part that takes a body reads it itself: one of a form is no query
    return made(root, requestFactory=BoundedRequest, timeout=TIME, parsePOSTFormSubmission=False)
