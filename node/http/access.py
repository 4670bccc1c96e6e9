"""Who asks, and may they: a request's scopes, before anything else is done.

    Authorization: Bearer SECRET ─> a token's scopes, at its rate
    cookie chorus_token=SECRET ───> likewise, with proof against forged requests
    from --operators-from ────────> an operator's: all of them, with the same proof
    otherwise ────────────────────> nobody's: none

A browser can be made to send requests by any page that it shows. So one without a Bearer token that
changes something needs a header that no foreign page can add, and no foreign Origin; and who is an
operator by where they come from must have asked for an address or for localhost, not for a name
that somebody lets point here (DNS rebinding). Must not know what is asked for.
"""

from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from node.core.limits import Bucket
from node.http.tokens import ALL, Scope, Token, Tokens
from node.origins import at_home

__all__ = ["ALL", "COOKIE", "NOBODY", "OPERATOR", "PROOF", "Access", "Caller", "Denied", "Scope"]

COOKIE = "chorus_token"
"""The cookie with a token's secret, which the dashboard's login sets: HttpOnly, SameSite=Strict."""

PROOF = "X-Chorus"
"""The header, with any value, of requests that change something and come without a Bearer token."""

_SAFE = frozenset([b"GET", b"HEAD", b"OPTIONS"])
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""What a proxy adds: whoever asks comes from elsewhere."""

Network = IPv4Network | IPv6Network


class Denied(Exception):
    """A request that won't be done: the status, a code for programs, and words.

    `headers`: what the answer has besides.
    """

    def __init__(
        self, status: int, error: str, says: str, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        super().__init__(status, error, says)
        self.status = status
        self.error = error
        self.says = says
        self.headers = tuple(headers)


class Caller(NamedTuple):
    """Who asks. `name`: for logs, a token's name. `token`: by which they're known, if by one."""

    name: str
    scopes: frozenset[Scope]
    token: Token | None = None


NOBODY = Caller("", frozenset())
OPERATOR = Caller("operator", ALL)
"""Somebody who comes from where operators do."""

_UNKNOWN = Denied(
    401,
    "token-unknown",
    "that token is not known",
    [("WWW-Authenticate", 'Bearer realm="chorus", error="invalid_token"')],
)


class Access:
    """Who may do what at the HTTP doors of one node. `operators`: networks they come from.

    `clock`: seconds, never backwards.
    """

    def __init__(self, tokens: Tokens, operators: Iterable[Network], clock: Any) -> None:
        self._tokens = tokens
        self._operators = tuple(operators)
        self._clock = clock
        self._buckets: dict[str, tuple[Token, Bucket]] = {}

    def require(self, request: Any, scope: Scope) -> Caller:
        """Whoever asks, if they may do this now; takes one of their token's rate.

        Raises Denied: 401 for who isn't known, 403 for who may not, 429 for too often.
        """
        caller = self.caller(request)
        if scope not in caller.scopes:
            if caller is NOBODY:
                raise Denied(
                    401,
                    "token-missing",
                    f"this needs a token with the scope {scope}",
                    [("WWW-Authenticate", f'Bearer realm="chorus", scope="{scope}"')],
                )
            raise Denied(403, "scope-missing", f"the token {caller.name} lacks the scope {scope}")
        if caller.token is not None:
            self._spend(caller.token)
        return caller

    def caller(self, request: Any) -> Caller:
        """Whoever asks. Raises Denied for a token that isn't known, or a request that may be
        forged.
        """
        given = request.getHeader("authorization")
        if given is not None:
            way, _, secret = given.partition(" ")
            caller = self.known_by(secret.strip()) if way.lower() == "bearer" else None
            if caller is None:
                raise _UNKNOWN
            return caller
        caller = self._by_cookie(request)
        if caller is None and self._is_operator(request):
            caller = OPERATOR
        if caller is None:
            return NOBODY
        if request.method not in _SAFE:
            prove(request)
        return caller

    def known_by(self, secret: str) -> Caller | None:
        """Who has this secret."""
        token = self._tokens.find(secret)
        return None if token is None else Caller(token.name, token.scopes, token)

    def _by_cookie(self, request: Any) -> Caller | None:
        try:
            cookies = SimpleCookie(request.getHeader("cookie") or "")
        except CookieError:
            return None
        cookie = cookies.get(COOKIE)
        return self.known_by(cookie.value) if cookie is not None else None

    def _is_operator(self, request: Any) -> bool:
        try:
            address = ip_address(getattr(request.getClientAddress(), "host", ""))
        except ValueError:
            return False
        place = getattr(address, "ipv4_mapped", None) or address
        return (
            any(place in network for network in self._operators)
            and _by_address(request.getHeader("host") or "")
            and not any(request.getHeader(name) for name in _FORWARDED)
        )

    def _spend(self, token: Token) -> None:
        known = self._buckets.get(token.name)
        if known is None or known[0] != token:  # it's new, or its entry was changed
            known = self._buckets[token.name] = (token, Bucket(token.rate))
        bucket, now = known[1], self._clock()
        wait = bucket.wait(now)
        if wait > 0:
            seconds = int(wait) + 1
            raise Denied(
                429,
                "too-often",
                f"the token {token.name} is used too often ({token.rate});"
                f" try again in {seconds} s",
                [("Retry-After", str(seconds))],
            )
        bucket.take(now, 1)


def prove(request: Any) -> None:
    """That no page of another site had it sent. Raises Denied."""
    if not request.getHeader(PROOF.lower()):
        raise Denied(
            403, "forgeable", f"without an Authorization header this needs the header {PROOF}: 1"
        )
    if not at_home(request.getHeader("origin"), request.getHeader("host")):
        raise Denied(403, "foreign-origin", "this was sent by a page of another site")


def _by_address(host: str) -> bool:
    """Whether a Host header is localhost or an address, which nobody can let point elsewhere."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost" or name.endswith(".localhost"):
            return True
        ip_address(name)
    except ValueError:
        return False
    return True
