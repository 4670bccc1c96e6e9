"""Whose page sent a request: the origin that a browser tells (RFC 6454), and the host asked for."""

from urllib.parse import urlsplit


def at_home(origin: str | None, host: str | None) -> bool:
    """Whether it's a page of the very site that was asked, or no page at all (None)."""
    if origin is None:
        return True
    try:
        place = urlsplit(origin).netloc
    except ValueError:
        return False
    return host is not None and place != "" and place.lower() == host.lower()
