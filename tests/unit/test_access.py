"""`node.http.access`: who asks, and may they."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.web.test.requesthelper import DummyRequest

from node.core.limits import parse_networks
from node.http.access import ALL, NOBODY, OPERATOR, Access, Denied, Scope
from node.http.tokens import Tokens, draw

LOOPBACK = IPv4Address("TCP", "127.0.0.1", 9)
ELSEWHERE = IPv4Address("TCP", "192.0.2.7", 9)


def asked(method: str = "GET", come_from: Any = ELSEWHERE, **headers: str) -> Any:
    """A request. Headers: `_` stands for a dash."""
    request: Any = DummyRequest([b""])
    request.method = method.encode()
    request.client = come_from
    request.getClientAddress = lambda: come_from
    for name, value in {"host": "127.0.0.1:8080", **headers}.items():
        request.requestHeaders.setRawHeaders(name.replace("_", "-"), [value])
    return request


class Door:
    """An access with three tokens, whose clock stands."""

    def __init__(self, file: Path) -> None:
        self.now = 0.0
        self.reader, one = draw("reader", frozenset([Scope.READ]), "2/10")
        self.boss, other = draw("boss", ALL)
        file.write_text(f"{one}\n{other}\n")
        operators = parse_networks(["127.0.0.0/8", "::1", "10.0.0.0/8"])
        self.access = Access(Tokens(str(file), lambda: self.now), operators, lambda: self.now)

    def denies(self, request: Any, scope: Scope = Scope.READ) -> tuple[int, str]:
        with pytest.raises(Denied) as denied:
            self.access.require(request, scope)
        assert denied.value.says
        return denied.value.status, denied.value.error


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path / "tokens.toml")


def test_nobody_may_nothing(door: Door) -> None:
    assert NOBODY is door.access.caller(asked())
    assert (401, "token-missing") == door.denies(asked())


def test_a_token_has_its_scopes_and_no_others(door: Door) -> None:
    request = asked(authorization=f"Bearer {door.reader}")
    assert "reader" == door.access.require(request, Scope.READ).name
    assert (403, "scope-missing") == door.denies(request, Scope.POST)


def test_the_way_is_written_in_any_case(door: Door) -> None:
    request = asked(authorization=f"bearer {door.boss}")
    assert "boss" == door.access.require(request, Scope.POST).name


@pytest.mark.parametrize("given", ["Bearer", "Bearer x", "Basic YTpi", "", "Bearer \u00fc"])
def test_a_token_that_is_not_known_is_refused_wherever_it_comes_from(
    door: Door, given: str
) -> None:
    for place in (LOOPBACK, ELSEWHERE):
        request = asked(come_from=place, authorization=given)
        assert (401, "token-unknown") == door.denies(request)


def test_a_token_may_be_used_at_its_rate(door: Door) -> None:
    request = asked(authorization=f"Bearer {door.reader}")
    for _ in range(2):
        door.access.require(request, Scope.READ)
    assert (429, "too-often") == door.denies(request)
    with pytest.raises(Denied) as denied:
        door.access.require(request, Scope.READ)
    assert (("Retry-After", "6"),) == denied.value.headers
    door.now += 5
    door.access.require(request, Scope.READ)


def test_a_token_that_does_not_suffice_costs_nothing(door: Door) -> None:
    request = asked(authorization=f"Bearer {door.reader}")
    for _ in range(5):
        door.denies(request, Scope.POST)
    door.access.require(request, Scope.READ)


def test_a_cookie_serves_as_well(door: Door) -> None:
    request = asked(cookie=f"other=1; chorus_token={door.boss}")
    assert "boss" == door.access.require(request, Scope.OPERATE).name


@pytest.mark.parametrize(
    "cookie", ["chorus_token=x", "chorus_token", "=", "a\x01b", "chorus_token="]
)
def test_a_cookie_that_says_nothing_is_nobodys(door: Door, cookie: str) -> None:
    assert NOBODY is door.access.caller(asked(cookie=cookie))


@pytest.mark.parametrize(
    "place",
    [
        LOOPBACK,
        IPv6Address("TCP", "::1", 9),
        IPv6Address("TCP", "::ffff:127.0.0.1", 9),
        IPv4Address("TCP", "10.1.2.3", 9),
    ],
    ids=str,
)
def test_who_comes_from_where_operators_do_is_one(door: Door, place: Any) -> None:
    assert OPERATOR is door.access.require(asked(come_from=place), Scope.OPERATE)


@pytest.mark.parametrize("place", [ELSEWHERE, UNIXAddress("/x")], ids=str)
def test_who_comes_from_elsewhere_is_none(door: Door, place: Any) -> None:
    assert NOBODY is door.access.caller(asked(come_from=place))


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "a.localhost", "[::1]:8080", "10.0.0.1"]
)
def test_an_operator_asks_for_an_address_or_for_localhost(door: Door, host: str) -> None:
    assert OPERATOR is door.access.caller(asked(come_from=LOOPBACK, host=host))


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8080", "", "[", "[::1"])
def test_a_name_that_may_point_anywhere_makes_no_operator(door: Door, host: str) -> None:
    assert NOBODY is door.access.caller(asked(come_from=LOOPBACK, host=host))


@pytest.mark.parametrize("header", ["forwarded", "x_forwarded_for", "x_real_ip", "via"])
def test_who_comes_through_a_proxy_is_no_operator(door: Door, header: str) -> None:
    request = asked(come_from=LOOPBACK, **{header: "x"})
    assert NOBODY is door.access.caller(request)


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
def test_what_changes_something_needs_a_proof_of_who_has_no_bearer_token(
    door: Door, method: str
) -> None:
    host = "127.0.0.1:8080"
    for how in ({"come_from": LOOPBACK}, {"cookie": f"chorus_token={door.boss}"}):
        assert (403, "forgeable") == door.denies(asked(method, **how))
        proven = asked(method, **how, x_chorus="1")
        door.access.require(proven, Scope.OPERATE)
        at_home = asked(method, **how, x_chorus="1", origin=f"http://{host}")
        door.access.require(at_home, Scope.OPERATE)
        for origin in ("http://evil.example", "null", "http://127.0.0.1", f"http://{host}.evil.ex"):
            forged = asked(method, **how, x_chorus="1", origin=origin)
            assert (403, "foreign-origin") == door.denies(forged)


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "", "\ufffd"])
def test_an_origin_that_is_none_is_foreign(door: Door, origin: str) -> None:
    request = asked("POST", come_from=LOOPBACK, x_chorus="1", origin=origin)
    assert (403, "foreign-origin") == door.denies(request, Scope.OPERATE)


def test_a_bearer_token_is_proof_enough(door: Door) -> None:
    request = asked("POST", authorization=f"Bearer {door.boss}", origin="http://app.example")
    assert "boss" == door.access.require(request, Scope.OPERATE).name
