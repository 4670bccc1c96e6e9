"""`node.http.site`: what holds for every request, whatever is asked for."""

import json
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from node.http.site import BODY, GUARDS, TIME, site


class Part(Resource):
    """Answers what it was sent, breaks when it's asked to, or never answers."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def render_GET(self, request: Any) -> Any:
        self.asked.append(request)
        if b"broken" in request.args:
            raise RuntimeError("a secret")
        if b"late" in request.args:
            return NOT_DONE_YET
        return b"here it is"

    def render_POST(self, request: Any) -> bytes:
        return b"%d" % len(request.content.read())


class Visit:
    """A connection to a site."""

    def __init__(self, made: Any) -> None:
        self.clock = Clock()
        made.reactor = self.clock
        self.transport: Any = StringTransport()
        self.channel = made.buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> "Visit":
        self.channel.dataReceived(data)
        return self

    def get(self, path: str, method: str = "GET", headers: str = "", body: bytes = b"") -> "Visit":
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: here\r\n{headers}{length}\r\n"
        return self.send(head.encode() + body)

    @property
    def status(self) -> int:
        return int(self.transport.value().split(b" ", 2)[1])

    @property
    def headers(self) -> dict[bytes, bytes]:
        head, _, _ = self.transport.value().partition(b"\r\n\r\n")
        lines = (line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        return {name.lower(): value for name, value in lines}

    @property
    def body(self) -> bytes:
        _, _, body = self.transport.value().partition(b"\r\n\r\n")
        assert isinstance(body, bytes)
        return body

    @property
    def error(self) -> Any:
        return json.loads(self.body)["error"]

    @property
    def closed(self) -> bool:
        return bool(self.transport.disconnecting)


@pytest.fixture
def part() -> Part:
    return Part()


@pytest.fixture
def visit(part: Part) -> Visit:
    return Visit(site({"part": part, "api/v1": Part(), "api/v2/deep": Part(), "": Part()}))


@pytest.mark.parametrize("path", ["/part", "/api/v1", "/api/v2/deep", "/", "/part?x=1", "/part/"])
def test_a_part_is_at_its_path(visit: Visit, path: str) -> None:
    assert (200, b"here it is") == (visit.get(path).status, visit.body)


@pytest.mark.parametrize("path", ["/nothing", "/api", "/api/v3", "/api/v2", "/../part", "/%00"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_there_is_nothing_that_is_said_in_json(visit: Visit, path: str, method: str) -> None:
    visit.get(path, method)
    assert (404, "not-found") == (visit.status, visit.error)
    assert b"application/json" == visit.headers[b"content-type"]


@pytest.mark.parametrize("path", ["/part", "/nothing", "/part?broken=1"])
def test_every_answer_forbids_a_browser_what_it_does_not_need(visit: Visit, path: str) -> None:
    visit.get(path)
    assert dict(GUARDS) == {name: visit.headers[name] for name in GUARDS}


def test_a_part_may_set_headers_of_its_own() -> None:
    class Page(Part):
        def render_GET(self, request: Any) -> bytes:
            request.setHeader(b"content-security-policy", b"default-src 'self'")
            return b""

    visit = Visit(site({"page": Page()})).get("/page")
    assert b"default-src 'self'" == visit.headers[b"content-security-policy"]


def test_head_is_get_without_a_body(visit: Visit) -> None:
    visit.get("/part", "HEAD")
    assert (200, b"10", b"") == (visit.status, visit.headers[b"content-length"], visit.body)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "BREW"])
def test_a_method_that_a_part_does_not_take_is_told_with_those_that_it_does(
    visit: Visit, method: str
) -> None:
    visit.get("/part", method)
    assert (405, "method-not-allowed") == (visit.status, visit.error)
    assert b"GET, HEAD, POST" == visit.headers[b"allow"]


class Teller(Resource):
    """Tells what it was sent as the header `X-Said`, and in its query."""

    isLeaf = True

    def render_POST(self, request: Any) -> bytes:
        said = request.getHeader("x-said"), [name.decode() for name in request.args]
        return json.dumps(said).encode()


@pytest.mark.parametrize(
    "said, read",
    [
        (b"plain", "plain"),
        ("zoë".encode(), "zoë"),
        (b"\xff", "\ufffd"),
        (b"a\xc3", "a\ufffd"),
        (b"", ""),
    ],
)
def test_whatever_bytes_a_header_has_it_can_be_read(said: bytes, read: str) -> None:
    visit = Visit(site({"part": Teller()}))
    visit.send(b"POST /part HTTP/1.1\r\nHost: here\r\nX-Said: " + said + b"\r\n\r\n")
    assert [read, []] == json.loads(visit.body)


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; b=c"]
)
def test_a_form_in_a_body_is_no_query(kind: str) -> None:
    visit = Visit(site({"part": Teller()}))
    visit.get("/part?a=1", "POST", f"Content-Type: {kind}\r\n", b"b=2")
    assert (200, [None, ["a"]]) == (visit.status, json.loads(visit.body))


@pytest.mark.parametrize("size", [1, BODY])
def test_a_body_may_have_so_many_bytes(visit: Visit, size: int) -> None:
    assert (200, b"%d" % size) == (visit.get("/part", "POST", body=b"x" * size).status, visit.body)


def test_a_body_that_is_too_long_is_refused_and_not_kept(visit: Visit) -> None:
    visit.get("/part", "POST", body=b"x" * (BODY + 1))
    assert (413, "too-much", True) == (visit.status, visit.error, visit.closed)


def test_a_body_in_pieces_without_a_length_is_bounded_too(visit: Visit) -> None:
    visit.get("/part", "POST", "Transfer-Encoding: chunked\r\n")
    for _ in range(BODY // 4096 + 1):
        visit.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
    visit.send(b"0\r\n\r\n")
    assert (413, "too-much") == (visit.status, visit.error)


def test_what_breaks_is_shown_to_nobody(visit: Visit) -> None:
    visit.get("/part?broken=1")
    assert (500, "unexpected") == (visit.status, visit.error)
    assert b"secret" not in visit.transport.value()
    assert b"Traceback" not in visit.transport.value()


@pytest.mark.parametrize(
    "bad",
    [
        b"nonsense\r\n\r\n",
        b"GET /part\x00 HTTP/1.1 more\r\n\r\n",
        b"GET /part HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /part HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET /part HTTP/1.1\r\nTransfer-Encoding: bogus\r\n\r\n",
        b"GET /part HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET /part HTTP/1.1\r\n" + b"A: %s\r\n" % (b"x" * 4000) * 5 + b"\r\n",
    ],
)
def test_what_is_no_request_is_told_and_the_connection_closed(visit: Visit, bad: bytes) -> None:
    visit.send(bad)
    assert (400, True) == (visit.status, visit.closed)


def test_a_line_without_an_end_ends_the_connection(visit: Visit) -> None:
    visit.send(b"GET /" + b"x" * 20_000)
    assert visit.closed


def test_a_connection_on_which_nothing_comes_is_closed(visit: Visit) -> None:
    visit.clock.advance(TIME + 1)
    assert visit.closed


def test_a_request_that_trickles_in_has_no_more_time_than_another(visit: Visit, part: Part) -> None:
    for byte in b"GET /part HTTP/1.1\r\nHost: slowly":
        visit.send(bytes([byte]))
        visit.clock.advance(1)
    assert visit.closed
    assert [] == part.asked


def test_a_request_that_comes_late_on_a_kept_connection_has_its_whole_time(visit: Visit) -> None:
    visit.get("/part")
    visit.transport.clear()
    visit.clock.advance(TIME - 1)
    visit.send(b"GET /part HTTP/1.1\r\n")
    visit.clock.advance(TIME - 1)
    assert not visit.closed
    assert 200 == visit.send(b"Host: here\r\n\r\n").status


def test_an_answer_may_take_as_long_as_it_does(visit: Visit, part: Part) -> None:
    visit.get("/part?late=1")
    visit.clock.advance(10 * TIME)
    assert not visit.closed
    (request,) = part.asked
    request.write(b"at last")
    request.finish()
    assert 200 == visit.status
    visit.clock.advance(TIME + 1)
    assert visit.closed
