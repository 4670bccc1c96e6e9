"""What browser tests stand on: Debian's chromium, and tabs that forgive no error.

    browser ──> visit(port) ──> Visit: a tab of somebody's own, and what they do on the chat page

Without a browser these tests are skipped. A tab fails its test for anything on the console, for an
error of the page's, and for a request to elsewhere.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.browser.visit import Visit
from tests.support.nodes import Nodes
from tests.support.redis_server import real_server
from tests.support.town import Town, new_channel

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LOST = re.compile(r"WebSocket connection to 'ws://127\.0\.0\.1:\d+/ws' failed")
"""What the console says of a connection that is lost: of no concern to a test that cuts one."""

MakeVisit = Callable[..., Visit]


def chromium() -> str | None:
    """Where the browser is: `CHROMIUM` in the environment, or the first of these on PATH."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    if chromium() is None:
        pytest.skip("no chromium on PATH (apt-get install chromium, or set CHROMIUM)")
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    found = playwright.chromium.launch(executable_path=chromium())
    yield found
    found.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[MakeVisit]:
    """`visit(port, "ann", "#go")`: somebody with a browser of their own, on the chat page.

    `losses`: whether lost connections are part of the test; what else it's given goes to
    `browser.new_context`.
    """
    opened: list[tuple[Page, Watch]] = []

    def make(port: int, nick: str = "", *at: str, losses: bool = False, **options: Any) -> Visit:
        context = browser.new_context(**options)
        context.set_default_timeout(20_000)
        page = context.new_page()
        opened.append((page, Watch(page, port, losses)))
        return Visit(page, port).come(nick, *at)

    yield make
    for page, _ in opened:
        page.context.close()
    assert [] == [fault for _, watch in opened for fault in watch.faults]


class Watch:
    """Whatever a page does that it shouldn't: `faults`."""

    def __init__(self, page: Page, port: int, losses: bool) -> None:
        self.faults: list[str] = []
        self._losses = losses
        self._own = (f"http://127.0.0.1:{port}/", f"ws://127.0.0.1:{port}/")
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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that nobody may harm."""
    with real_server(tmp_path_factory.mktemp("redis")) as port:
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(scope="module")
def standing(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with Nodes(server, tmp_path_factory.mktemp("nodes")) as nodes, Town(nodes, 2) as town:
        yield town


@pytest.fixture
def town(standing: Town) -> Iterator[Town]:
    """Two nodes that other tests use, too."""
    yield standing
    standing.leave()
    logs = [node.log.read_text() for node in standing.nodes]
    assert [] == [log for log in logs if "Traceback" in log]


@pytest.fixture
def make_town(server: str, tmp_path: Path) -> Iterator[Callable[..., Town]]:
    """`make_town("--lease", "2", count=2)`: nodes of one's own on the common server."""
    from contextlib import ExitStack

    with ExitStack() as made:

        def make(*flags: str, count: int = 2) -> Town:
            nodes = made.enter_context(Nodes(server, tmp_path, *flags))
            return made.enter_context(Town(nodes, count))

        yield make


@pytest.fixture
def go() -> str:
    """A channel of the test's own."""
    return new_channel()
