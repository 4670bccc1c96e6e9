"""A request's way: which route, may they, what did they bring; then its function, and the answer.

What can't be done is answered as `{"error": code, "says": words}`, with a status that fits.
"""

import re
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from broker.api import Refused
from node.acts import Failed
from node.http.access import Denied
from node.http.api import openapi, problems
from node.http.api.events import Stream
from node.http.api.routes import PATHS, ROUTES, Asked, Parts, Route, position
from node.http.api.values import Answer, Pos, Problem
from node.http.site import shown

DESCRIPTION = "openapi.json"
JSON = "application/json"

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_UNEXPECTED = Denied(500, "unexpected", "that went wrong here, and is in the log")


class Api(Resource):
    """All of `/api/v1`."""

    isLeaf = True
    log = Logger()

    def __init__(self, parts: Parts) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._parts = parts
        self._streams: set[Stream] = set()
        self._table = [(route, tuple(route.path.split("/"))) for route in ROUTES]
        self._description = msgspec.json.encode(openapi.description())

    def render(self, request: Any) -> Any:
        """As Twisted calls it, whatever the method."""
        gone: list[bool] = []
        request.notifyFinish().addErrback(lambda _: gone.append(True))
        work = Deferred.fromCoroutine(self._answer(request, gone))
        work.addErrback(lambda failure: self.log.failure("answering", failure))
        return NOT_DONE_YET

    async def _answer(self, request: Any, gone: list[bool]) -> None:
        try:
            answer = await self._answered(request)
        except Denied as e:
            answer = e
        except Refused as e:
            answer = problems.of_chat(e)
        except Failed as e:
            answer = problems.of_act(e)
        except Exception:
            self.log.failure("answering {path}", path=shown(request.path))
            answer = _UNEXPECTED
        if answer is None or gone:
            return
        status, body, headers = _told(answer)
        request.setResponseCode(status)
        for name, value in headers:
            request.setHeader(name.lower(), value)
        request.setHeader("content-type", JSON)
        request.setHeader("content-length", str(len(body)))
        request.write(b"" if request.method == b"HEAD" else body)
        request.finish()

    async def _answered(self, request: Any) -> "Denied | tuple[int, Answer] | bytes | None":
        """What is answered; None if that goes on by itself."""
        segments = _segments(request)
        if segments == (DESCRIPTION,):
            _allow(request, ["GET"])
            return self._description
        route, path = self._find(request, segments)
        caller = self._parts.access.require(request, route.scope)
        for name, value in path.items():
            _convert(value, PATHS[name], f"{name} in the path")
        query = _convert(_query(request), route.query, "the query", strict=False)
        body = _body(request, route)
        asked = Asked(self._parts, path, query, body, caller, _key(request, route))
        if route.work is None:
            await self._follow(request, asked)
            return None
        done = await route.work(asked)
        return done if isinstance(done, tuple) else (next(iter(route.answers)), done)

    async def _follow(self, request: Any, asked: Asked) -> None:
        after = request.getHeader("last-event-id")
        if after:
            _convert(after, Pos, "Last-Event-ID")
        stream = Stream(request, self._parts, asked.channel, self._streams)
        await stream.begin(position(after) if after else None)

    def _find(self, request: Any, segments: tuple[str, ...]) -> tuple[Route, dict[str, str]]:
        found = {
            route.method: (route, path)
            for route, pattern in self._table
            if (path := _match(pattern, segments)) is not None
        }
        if not found:
            raise Denied(404, "not-found", "there is nothing at this path")
        _allow(request, list(found))
        method = request.method.decode("latin-1")
        return found["GET" if method == "HEAD" else method]


def _segments(request: Any) -> tuple[str, ...]:
    try:
        return tuple(segment.decode() for segment in request.postpath)
    except UnicodeDecodeError:
        return ()


def _match(pattern: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    path = {}
    for wanted, given in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            if not given:
                return None
            path[wanted[1:-1]] = given
        elif wanted != given:
            return None
    return path


def _allow(request: Any, methods: list[str]) -> None:
    """Raises Denied for a method that isn't one of these; HEAD is GET without a body."""
    allowed = sorted({*methods, *(["HEAD"] if "GET" in methods else [])})
    if request.method.decode("latin-1") not in allowed:
        listed = ", ".join(allowed)
        says = f"what is there takes {listed} only"
        raise Denied(405, "method-not-allowed", says, [("Allow", listed)])


def _convert(value: Any, kind: Any, what: str, *, strict: bool = True) -> Any:
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as e:
        raise Denied(422, "invalid", f"{what}: {e}") from None


def _query(request: Any) -> dict[str, str]:
    found = {}
    for name, given in request.args.items():
        try:
            if len(given) != 1:
                raise Denied(422, "invalid", "the query: expected each name once")
            found[name.decode()] = given[0].decode()
        except UnicodeDecodeError:
            raise Denied(422, "invalid", "the query: expected UTF-8") from None
    return found


def _body(request: Any, route: Route) -> Any:
    raw = request.content.read()
    if route.body is None:
        return None
    kind = (request.getHeader("content-type") or "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise Denied(415, "not-json", f"expected a body of the content type {JSON}")
    try:
        return msgspec.json.decode(raw, type=route.body)
    except msgspec.ValidationError as e:
        raise Denied(422, "invalid", f"the body: {e}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Denied(400, "malformed", "the body: expected JSON") from None


def _key(request: Any, route: Route) -> str:
    key: str | None = request.getHeader("idempotency-key")
    if route.keyed and key is not None and not _KEY.fullmatch(key):
        says = "Idempotency-Key: expected 1 to 200 printable ASCII characters without a space"
        raise Denied(422, "invalid", says)
    return key or ""


def _told(answer: Any) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
    if isinstance(answer, bytes):
        return 200, answer, ()
    if isinstance(answer, Denied):
        problem = Problem(answer.error, answer.says)
        return answer.status, msgspec.json.encode(problem) + b"\n", answer.headers
    status, value = answer
    return status, msgspec.json.encode(value) + b"\n", ()
