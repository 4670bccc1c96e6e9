"""`/livez` and `/readyz`: whether a node is to be started anew, and whether it's to get people.

Whoever is asked for `/livez` is alive: its event loop turns. Redis isn't asked, or a blip of it
would restart all nodes at once.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.web.resource import Resource

from node.http.site import tell


class Livez(Resource):
    """`GET /livez`: 200, at once."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def render_GET(self, request: Any) -> bytes:
        return tell(request, {"alive": True})


class Readyz(Resource):
    """`GET /readyz`: 200, or 503 and why not. `unready`: the reasons, in words.

    `/readyz?red=404` answers 404 instead: what HAProxy takes for "nobody new, and keep whom you
    have" (`http-check disable-on-404`). A 503 would have it cut everybody off.
    """

    isLeaf = True

    def __init__(self, unready: Callable[[], Sequence[str]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._unready = unready

    def render_GET(self, request: Any) -> bytes:
        why = self._unready()
        if why:
            request.setResponseCode(404 if request.args.get(b"red") == [b"404"] else 503)
        return tell(request, {"ready": not why, "why": why})
