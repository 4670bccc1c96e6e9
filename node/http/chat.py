"""Chat in the browser: a page at `/`, and what it's made of below `/chat/`.

The page speaks the JSON dialect with `/ws` (docs/web.md).
"""

from twisted.web.resource import Resource

from node.http.assets import asset, folder


def chat_page() -> dict[str, Resource]:
    """The parts of the page, by their paths in a site."""
    return {"": asset("chat/index.html"), "chat": folder("chat")}
