"""Chat in the browser: a page at `/`, and what it's made of below `/chat/`.

The page speaks the JSON dialect with `/ws` (docs/web.md).
"""

from typing import Any

from node.http.assets import asset, folder


def add_chat(root: Any) -> None:
    """Put the page into a site's tree."""
    root.putChild(b"", asset("chat/index.html"))
    root.putChild(b"chat", folder("chat"))
