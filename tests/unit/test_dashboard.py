"""`node.http.dashboard`: the page, who may see its data, and what is told."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from broker.reports import Overview, Point, Rate, Series, State, Status
from node.core.limits import parse_networks
from node.http.access import COOKIE, Access, Scope
from node.http.assets import STATIC
from node.http.dashboard import PATIENCE, Dashboard, News
from node.http.site import site
from node.http.tokens import Tokens, draw

BUSY = (Rate("#go", 2.0),)
READY = Status(node="n1", version="1", state=State.READY, started=0, at=1000, busiest=BUSY)
POINT = Point(1000, 1, 0.0, 0.0, 0.0, 0.0, 1)


class FakeBoard:
    """Tells of one node, or nothing at all."""

    def __init__(self) -> None:
        self.away = False
        self.asked = 0

    async def overview(self) -> Overview:
        self.asked += 1
        await self._answer()
        return Overview(at=1500, nodes=(READY,), busiest=BUSY)

    async def series(self) -> Series:
        await self._answer()
        return Series(15_000, {"n1": (POINT,)}, (POINT,))

    async def _answer(self) -> None:
        if self.away:
            await Deferred()


class Place:
    """A site whose root has a dashboard, and its tokens: for who may inspect, and may only read."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.board = FakeBoard()
        self.inspector, entry = draw("ops", frozenset([Scope.INSPECT]))
        self.reader, other = draw("reader", frozenset([Scope.READ]))
        self.tokens = folder / "tokens.toml"
        self.entries = entry, other
        self.tokens.write_text(f"{entry}\n{other}\n")
        tokens = Tokens(str(self.tokens), self.clock.seconds)
        access = Access(tokens, parse_networks(["127.0.0.0/8"]), self.clock.seconds)
        news = News("n1", self.board, lambda: READY, self.clock)
        self.dashboard: Any = Dashboard("n1", access, news, self.clock)
        self._site: Any = site({"dashboard": self.dashboard})
        self._site.reactor = self.clock

    def ask(
        self,
        path: str,
        body: str | None = None,
        *,
        at: str = "192.0.2.1",
        method: str = "GET",
        **headers: str,
    ) -> "Answer":
        """POST if there's a body. `path`: below `/dashboard`."""
        transport: Any = StringTransport(peerAddress=IPv4Address("TCP", at, 4711))
        protocol = self._site.buildProtocol(None)
        protocol.makeConnection(transport)
        lines = [
            f"{method if body is None else 'POST'} /dashboard{path} HTTP/1.1",
            "Host: 127.0.0.1",
        ]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body or '')}", "", body or ""]
        protocol.dataReceived("\r\n".join(lines).encode())
        return Answer(transport)

    def login(self, secret: str, **headers: str) -> "Answer":
        said = json.dumps({"token": secret})
        return self.ask("/login", said, **{"X_Chorus": "1", **headers})


class Answer:
    def __init__(self, transport: Any) -> None:
        self._transport = transport

    @property
    def text(self) -> str:
        said: str = self._transport.value().decode()
        return said

    @property
    def status(self) -> int:
        return int(self.text.split()[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.text.partition("\r\n\r\n")[0].splitlines()[1:]
        pairs = (line.split(": ", 1) for line in lines)
        return {name.lower(): value for name, value in pairs}

    @property
    def json(self) -> Any:
        return json.loads(self.text.partition("\r\n\r\n")[2])

    def events(self) -> list[tuple[str, Any]]:
        """Kinds and data of the events that have come."""
        blocks = [block.split("\n") for block in self.text.split("\n\n") if "event: " in block]
        found = []
        for block in blocks:
            kind = next(line[7:] for line in block if line.startswith("event: "))
            data = next(line[6:] for line in block if line.startswith("data: "))
            found.append((kind, json.loads(data)))
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# -- the page


@pytest.mark.parametrize("path", ["/", ""])
def test_the_page_is_for_everybody_and_allows_nothing_inline(place: Place, path: str) -> None:
    answer = place.ask(path)
    assert (200, "text/html; charset=utf-8") == (answer.status, answer.headers["content-type"])
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


@pytest.mark.parametrize(
    "file", sorted(str(file) for file in Path(str(STATIC / "dashboard")).rglob("*.*"))
)
def test_each_file_of_the_page_is_served(place: Place, file: str) -> None:
    path = Path(file).relative_to(Path(str(STATIC / "dashboard")))
    if path.name != "index.html":
        assert 200 == place.ask(f"/{path}").status


def test_there_is_nothing_else(place: Place) -> None:
    answer = place.ask("/nothing")
    assert (404, "not-found") == (answer.status, answer.json["error"])


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    for file in Path(str(STATIC / "dashboard")).glob("*.*"):
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text, file


def test_the_page_has_no_markup_from_strings() -> None:
    for file in Path(str(STATIC / "dashboard")).glob("*.js"):
        text = file.read_text()
        assert not [word for word in ("innerHTML", "outerHTML", "insertAdj") if word in text], file


# -- who asks


def test_nobody_in_particular_may_nothing(place: Place) -> None:
    expected = {"node": "n1", "name": "", "scopes": [], "token": False}
    assert expected == place.ask("/me").json


def test_who_asks_for_the_head_alone_gets_that(place: Place) -> None:
    answer = place.ask("/me", method="HEAD")
    assert (200, "application/json") == (answer.status, answer.headers["content-type"])
    assert answer.text.endswith("\r\n\r\n")


def test_who_comes_from_where_operators_do_needs_no_token(place: Place) -> None:
    me = place.ask("/me", at="127.0.0.1").json
    assert ("operator", False) == (me["name"], me["token"])
    assert {"inspect", "operate"} <= set(me["scopes"])


def test_a_login_sets_a_cookie_that_no_script_reads_and_no_other_site_sends(place: Place) -> None:
    answer = place.login(place.inspector)
    assert (200, "ops") == (answer.status, answer.json["name"])
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}={place.inspector};")
    assert {"HttpOnly", "Path=/"} <= set(cookie.split("; "))
    assert "samesite=strict" in cookie.lower()


def test_with_the_cookie_one_is_who_one_logged_in_as(place: Place) -> None:
    me = place.ask("/me", cookie=f"{COOKIE}={place.inspector}").json
    assert ("ops", ["inspect"], True) == (me["name"], me["scopes"], me["token"])


def test_a_login_with_an_unknown_token_is_refused(place: Place) -> None:
    answer = place.login("chorus_nonsense")
    assert (403, "token-unknown") == (answer.status, answer.json["error"])
    assert "set-cookie" not in answer.headers


def test_a_login_with_a_token_that_may_not_inspect_is_refused(place: Place) -> None:
    answer = place.login(place.reader)
    assert (403, "scope-missing") == (answer.status, answer.json["error"])
    assert "set-cookie" not in answer.headers


def test_another_site_cannot_log_anybody_in(place: Place) -> None:
    foreign = place.login(place.inspector, Origin="https://evil.example")
    without = place.ask("/login", json.dumps({"token": place.inspector}))
    assert [403, 403] == [foreign.status, without.status]


@pytest.mark.parametrize("body", ["", "{", "[]", '{"token": 7}', '{"token": "a", "b": 1}'])
def test_a_malformed_login_is_refused(place: Place, body: str) -> None:
    assert 400 == place.ask("/login", body, X_Chorus="1").status


def test_a_login_that_is_far_too_long_is_refused(place: Place) -> None:
    assert 400 == place.login("a" * 10_000).status


def test_a_logout_takes_the_cookie_away(place: Place) -> None:
    answer = place.ask("/logout", "", X_Chorus="1")
    assert 200 == answer.status
    assert f"{COOKIE}=;" in answer.headers["set-cookie"]
    assert "max-age=0" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_logging_in_and_out_is_no_link(place: Place, path: str) -> None:
    assert 405 == place.ask(path).status


# -- the stream


def test_the_stream_is_for_who_may_inspect(place: Place) -> None:
    assert 401 == place.ask("/live").status
    assert 403 == place.ask("/live", cookie=f"{COOKIE}={place.reader}").status
    assert 200 == place.ask("/live", cookie=f"{COOKIE}={place.inspector}").status
    assert 200 == place.ask("/live", authorization=f"Bearer {place.inspector}").status
    assert 200 == place.ask("/live", at="127.0.0.1").status


def test_who_asks_for_the_head_of_the_stream_alone_does_not_look(place: Place) -> None:
    answer = place.ask("/live", at="127.0.0.1", method="HEAD")
    assert "text/event-stream" == answer.headers["content-type"]
    assert answer.text.endswith("\r\n\r\n")
    assert (0, 0) == (len(place.dashboard.live), place.board.asked)
    assert 401 == place.ask("/live", method="HEAD").status


def test_a_browser_does_not_ask_for_a_password_of_its_own(place: Place) -> None:
    assert "www-authenticate" not in place.ask("/live").headers


def test_it_begins_with_the_last_hour_and_how_everything_is(place: Place) -> None:
    (series, points), (kind, told) = place.ask("/live", at="127.0.0.1").events()
    assert ("series", "overview") == (series, kind)
    assert {"step": 15_000, "nodes": {"n1": [list(msgspec.to_builtins(POINT))]}} == {
        key: points[key] for key in ("step", "nodes")
    }
    assert ("n1", "The only node is well.") == (told["by"], told["verdict"]["says"])
    assert "n1" == told["overview"]["nodes"][0]["node"]


def test_channels_and_people_are_told_once_for_all_nodes(place: Place) -> None:
    overview = place.ask("/live", at="127.0.0.1").events()[1][1]["overview"]
    assert ([["#go", 2.0]], []) == (overview["busiest"], overview["nodes"][0]["busiest"])


def test_while_redis_does_not_answer_it_tells_since_when_and_of_itself(place: Place) -> None:
    stream = place.ask("/live", at="127.0.0.1")
    place.board.away = True
    place.clock.pump([0.5] * 10)
    kind, told = stream.events()[-1]
    assert ("away", "n1") == (kind, told["own"]["node"])
    assert 4.0 <= told["seconds"] <= 5.0
    assert "Redis hasn't answered for 4 s" in told["verdict"]["says"]


def test_that_redis_does_not_answer_is_told_within_two_seconds(place: Place) -> None:
    stream = place.ask("/live", at="127.0.0.1")
    place.board.away = True
    place.clock.pump([0.1] * 20)
    assert "away" == stream.events()[-1][0]


def test_when_redis_is_back_so_are_the_numbers(place: Place) -> None:
    place.board.away = True
    stream = place.ask("/live", at="127.0.0.1")
    place.clock.pump([0.5] * 6)
    assert {"away"} == {kind for kind, _ in stream.events()}
    place.board.away = False
    place.clock.pump([PATIENCE, 0.5, 0.5])
    kinds = [kind for kind, _ in stream.events()]
    assert (1, "overview") == (kinds.count("series"), kinds[-1])


def test_a_token_that_is_taken_away_ends_its_stream(place: Place) -> None:
    stream = place.ask("/live", cookie=f"{COOKIE}={place.inspector}")
    place.tokens.write_text(place.entries[1])
    place.clock.pump([1.0] * 4)
    many = len(stream.events())
    place.clock.pump([1.0] * 4)
    assert many == len(stream.events())
    assert stream.text.endswith("0\r\n\r\n")


def test_too_many_who_look_are_told_so(place: Place) -> None:
    for _ in range(100):
        place.ask("/live", at="127.0.0.1")
    answer = place.ask("/live", at="127.0.0.1")
    assert (503, "too-many") == (answer.status, answer.json["error"])
    assert 1 == place.board.asked
