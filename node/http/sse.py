"""Server-sent events, as they're written (the HTML standard, section 9.2)."""

from typing import Any


def head(request: Any) -> None:
    """Say that events follow, for as long as both want."""
    request.setHeader(b"content-type", b"text/event-stream")
    request.setHeader(b"cache-control", b"no-store")
    request.setHeader(b"x-accel-buffering", b"no")  # nginx would keep them back


def event(kind: str, data: bytes, place: str = "") -> bytes:
    """An event. `data`: JSON, which has no line ends of its own. `place`: its id, with which a
    browser that connects again says how far it had read.
    """
    named = b"id: %s\n" % place.encode() if place else b""
    return b"%sevent: %s\ndata: %s\n\n" % (named, kind.encode(), data)
