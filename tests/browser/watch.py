"""Whatever a page does that it shouldn't."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

LOST = re.compile(
    r"WebSocket connection to 'ws://127\.0\.0\.1:\d+/ws' failed"
    r"|Failed to load resource: net::ERR_"  # the icon that says that something is unread
)
"""What the console says where connections are lost."""


class Watch:
    """A tab with what answers at `port` of this machine, whose `url` that is.

    `faults`: anything on the console, an error of the page's, a request to elsewhere. `losses`:
    whether connections may be lost.
    """

    def __init__(self, page: Page, port: int, losses: bool = False) -> None:
        self.faults: list[str] = []
        self.url = f"http://127.0.0.1:{port}/"
        self._losses = losses
        self._own = (self.url, f"ws://127.0.0.1:{port}/")
        self.look_at(page)

    def look_at(self, page: Page) -> None:
        """At this one from now on."""
        self.page = page
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url))

    def _said(self, kind: str, text: str) -> None:
        if not (self._losses and LOST.match(text)):
            self.faults.append(f"console {kind}: {text}")

    def _asked(self, url: str) -> None:
        if not url.startswith(self._own):
            self.faults.append(f"request to {url}")

    def forgive(self, words: str) -> None:
        """Take out the faults that a test has made itself: those with these words."""
        self.faults = [fault for fault in self.faults if words not in fault]

    @property
    def barriers(self) -> list[str]:
        """What axe finds on the page that is serious or worse for somebody, and where."""
        found = Axe().run(self.page, options={"resultTypes": ["violations"]}).response["violations"]
        grave = [each for each in found if each["impact"] in {"serious", "critical"}]
        return [f"{each['id']}: {node['html']}" for each in grave for node in each["nodes"]]
