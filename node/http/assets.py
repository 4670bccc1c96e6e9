"""Files that browsers get as they lie in the package, and what their pages may do.

    node/http/static/chat/index.html ─> asset("chat/index.html") ─┐
    node/http/static/chat/*          ─> folder("chat")            ├─> resources for a site's tree
                                                                  ┘
They are read once, and told apart by their contents: a browser asks each time whether what it has
is still so, and is answered 304. Must not know what is in them.
"""

import gzip
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Any

from twisted.web import http
from twisted.web.resource import Resource

from node.http.site import NOTHING, Tree

STATIC = files("node.http") / "static"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Content types by suffix: what else a machine may know doesn't change what we say."""

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    # no text can become markup: the sinks that would parse it throw
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
"""What a page may do: everything of its own, nothing from elsewhere (Content Security Policy 3)."""


class Asset(Resource):
    """`GET` and `HEAD` of one file. `policy`: as `POLICY`, for a page that needs another.

    Raises OSError if there's no such file, KeyError if its suffix isn't in `TYPES`.
    """

    def __init__(self, file: Traversable, policy: dict[str, str] = POLICY) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        body = file.read_bytes()
        self._bodies = {b"": body, b"gzip": gzip.compress(body, mtime=0)}
        self._etag = sha256(body).hexdigest()[:32].encode()
        policies = "; ".join(f"{directive} {value}" for directive, value in policy.items())
        self._headers = {
            b"content-type": TYPES[PurePosixPath(file.name).suffix].encode(),
            b"content-security-policy": policies.encode(),
            b"cache-control": b"no-cache",  # keep it, and ask whether it's still so
            b"vary": b"accept-encoding",
        }

    def getChild(self, _path: bytes, _request: Any) -> Any:
        return NOTHING

    def render_GET(self, request: Any) -> bytes:
        for name, value in self._headers.items():
            request.setHeader(name, value)
        coding = b"gzip" if _takes_gzip(request) else b""
        etag = b'"' + self._etag + (b"-" + coding if coding else b"") + b'"'
        if request.setETag(etag) is http.CACHED:
            return b""
        if coding:
            request.setHeader(b"content-encoding", coding)
        return self._bodies[coding]


def _takes_gzip(request: Any) -> bool:
    """Whether `Accept-Encoding` names gzip, and doesn't refuse it (RFC 9110, section 12.5.3)."""
    for said in (request.getHeader(b"accept-encoding") or b"").lower().split(b","):
        coding, _, weight = said.partition(b";")
        if coding.strip() == b"gzip":
            return weight.strip() not in {b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"}
    return False


def asset(path: str, policy: dict[str, str] = POLICY) -> Asset:
    """The resource for one file, by its path below `static`. Raises OSError if there's none."""
    return Asset(STATIC / path, policy)


def folder(path: str, policy: dict[str, str] = POLICY) -> Any:
    """A resource with one child for each file and folder of `static/PATH`; it has no list."""
    return _tree(STATIC / path, policy)


def _tree(place: Traversable, policy: dict[str, str]) -> Any:
    if place.is_file():
        return Asset(place, policy)
    root = Tree()
    for child in place.iterdir():
        root.putChild(child.name.encode(), _tree(child, policy))
    return root
