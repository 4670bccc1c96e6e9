"""`/dashboard`: how the cluster is, live, for operators.

    GET  /dashboard         the page, which has no data of its own
    GET  /dashboard/me      who asks, and what they may: as the page needs it
    POST /dashboard/login   a token, to be kept as a cookie that no script can read
    POST /dashboard/logout  the cookie is forgotten
    GET  /dashboard/live    server-sent events, for who may inspect

The events, all JSON: `series` (`broker.reports.Series`) once; each second either `overview` (a
`Verdict` and `broker.reports.Overview`) or, when Redis doesn't answer, `away` (a `Verdict`, since
when, and this node as it sees itself); `bye` at the end of the node. What an operator does goes to
the API. Must not know Redis: it's given the board.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.web.error import UnsupportedMethod
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from broker.reports import Overview, Series, Status
from node.http.access import COOKIE, Access, Caller, Denied, Scope, prove
from node.http.assets import STATIC, asset, folder
from node.http.live import Live
from node.http.site import NOTHING, refuse, tell
from node.http.sse import event, head
from node.http.verdict import Verdict, away, verdict

PATIENCE = 0.9
"""Seconds within which Redis must tell how everything is: less than from one event to the next."""

LOGIN_BYTES = 4096
"""What a login may have at most, in bytes."""


class Board(Protocol):
    """Where the numbers meet. Both raise an exception of any kind when they can't be had."""

    def overview(self) -> Awaitable[Overview]: ...

    def series(self) -> Awaitable[Series]: ...


class _Told(msgspec.Struct, frozen=True):
    """The event `overview`. `by`: the node that tells."""

    by: str
    verdict: Verdict
    overview: Overview


class _Away(msgspec.Struct, frozen=True):
    """The event `away`. `seconds`: since Redis last told this node, or since it was first asked.
    `own`: this node, as it sees itself, if it does.
    """

    by: str
    verdict: Verdict
    seconds: float
    own: Status | None


class _Login(msgspec.Struct, forbid_unknown_fields=True):
    token: str


class News:
    """What is told each second. `own`: this node as it sees itself; `clock`: a reactor's."""

    def __init__(
        self, node: str, board: Board, own: Callable[[], Status | None], clock: Any
    ) -> None:
        self._node = node
        self._board = board
        self._own = own
        self._clock = clock
        self._asked_at = self._told_at = float("-inf")

    async def now(self) -> bytes:
        """The event of this second."""
        now = self._clock.seconds()
        if now - self._asked_at > 10 * PATIENCE:
            self._told_at = now  # nobody has looked lately, nor knows since when
        self._asked_at = now
        try:
            overview = await self._in_time(self._board.overview())
        except Exception:
            return event("away", msgspec.json.encode(self._away()))
        self._told_at = self._clock.seconds()
        told = _Told(self._node, verdict(overview), _lean(overview))
        return event("overview", msgspec.json.encode(told))

    async def opening(self) -> bytes:
        """The event that comes first. Raises what the board raises, and TimeoutError."""
        return event("series", msgspec.json.encode(await self._in_time(self._board.series())))

    def _away(self) -> _Away:
        seconds = self._clock.seconds() - self._told_at
        return _Away(self._node, away(seconds), seconds, self._own())

    def _in_time(self, asked: Awaitable[Any]) -> Any:
        async def answer() -> Any:
            return await asked

        return Deferred.fromCoroutine(answer()).addTimeout(PATIENCE, self._clock)


def _lean(overview: Overview) -> Overview:
    """Without what each node says of channels and people: it's summed up for all of them."""
    lean = (replace(node, busiest=(), talkers=(), largest=()) for node in overview.nodes)
    return replace(overview, nodes=tuple(lean))


class Dashboard(Resource):
    """The page and what it needs. `live`: for whoever ends the node to `stop`."""

    def __init__(self, node: str, access: Access, news: News, clock: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = Live(news.now, news.opening, clock)
        self._page = asset("dashboard/index.html")
        answers: dict[str, Any] = {
            "me": _Answer(GET=lambda request: _me(node, access.caller(request))),
            "login": _Answer(POST=lambda request: _login(node, access, request)),
            "logout": _Answer(POST=_logout),
            "live": _Stream(access, self.live),
            "": self._page,
        }
        names = {file.name for file in (STATIC / "dashboard").iterdir()} - {"index.html"}
        files = {file: folder(f"dashboard/{file}") for file in names}
        for name, child in {**files, **answers}.items():
            self.putChild(name.encode(), child)

    def getChild(self, _path: bytes, _request: Any) -> Any:
        return NOTHING

    def render_GET(self, request: Any) -> bytes:
        return self._page.render_GET(request)


class _Stream(Resource):
    """`GET /dashboard/live`, and `HEAD`. 503 when too many look already."""

    isLeaf = True

    def __init__(self, access: Access, live: Live) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._access = access
        self._live = live

    def render_GET(self, request: Any) -> bytes | int:
        try:
            self._access.require(request, Scope.INSPECT)
            if self._live.full:
                raise Denied(503, "too-many", "too many look at this node already, or it ends")
        except Denied as denied:
            return _denied(request, denied)
        if request.method == b"HEAD":
            head(request)
            return b""
        self._live.watch(request, lambda: self._may(request))
        return NOT_DONE_YET

    def _may(self, request: Any) -> bool:
        """A token that is taken out of the file ends what it has opened."""
        try:
            return Scope.INSPECT in self._access.caller(request).scopes
        except Denied:
            return False


class _Answer(Resource):
    """JSON, by method; HEAD is GET. A function of the request returns the value, or raises
    Denied.
    """

    isLeaf = True

    def __init__(self, **methods: Callable[[Any], Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._methods = methods

    def render(self, request: Any) -> bytes:
        method = request.method.decode()
        answer = self._methods.get("GET" if method == "HEAD" else method)
        if answer is None:
            raise UnsupportedMethod([method.encode() for method in self._methods])
        try:
            return tell(request, answer(request))
        except Denied as denied:
            return _denied(request, denied)


def _denied(request: Any, denied: Denied) -> bytes:
    for name, value in denied.headers:
        if name.lower() != "www-authenticate":  # a browser would ask for a name and a password
            request.setHeader(name, value)
    return refuse(request, denied.status, denied.error, denied.says)


def _me(node: str, caller: Caller) -> dict[str, Any]:
    return {
        "node": node,
        "name": caller.name,
        "scopes": sorted(caller.scopes),
        "token": caller.token is not None,
    }


def _login(node: str, access: Access, request: Any) -> dict[str, Any]:
    prove(request)
    try:
        secret = msgspec.json.decode(request.content.read(LOGIN_BYTES), type=_Login).token.strip()
    except msgspec.DecodeError:
        raise Denied(400, "malformed", 'expected {"token": "..."}') from None
    caller = access.known_by(secret)
    if caller is None:
        raise Denied(403, "token-unknown", "that token is not known")
    if Scope.INSPECT not in caller.scopes:
        raise Denied(403, "scope-missing", f"the token {caller.name} lacks the scope inspect")
    _keep(request, secret)
    return _me(node, caller)


def _logout(request: Any) -> dict[str, Any]:
    prove(request)
    _keep(request, "", b"0")
    return {"says": "logged out"}


def _keep(request: Any, secret: str, seconds: bytes | None = None) -> None:
    """Set the cookie; until the browser is closed, unless it's said for how long."""
    request.addCookie(
        COOKIE.encode(),
        secret.encode(),
        max_age=seconds,
        path=b"/",
        secure=request.isSecure(),
        httpOnly=True,
        sameSite=b"strict",
    )
