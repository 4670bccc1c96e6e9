"""What browser tests stand on: Debian's chromium, and tabs that forgive no error.

    browser ──> visit(port) ──> Visit: a tab of somebody's own, and what they do on the chat page

Without a browser these tests are skipped. A tab fails its test for anything on the console, for an
error of the page's, and for a request to elsewhere.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.visit import Visit
from tests.browser.watch import Watch
from tests.support.balancer import Balancer
from tests.support.nodes import Nodes
from tests.support.redis_server import real_server
from tests.support.town import Town, new_channel

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENT = pytest.mark.timeout(180)
"""A browser on a machine that does ten other things takes its time."""

MakeVisit = Callable[..., Visit]
MakeTown = Callable[..., Town]
Balance = Callable[[int], Balancer]


def chromium() -> str | None:
    """Where the browser is: `CHROMIUM` in the environment, or the first of these on PATH."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Called with the items of all folders."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(PATIENT)


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
def balance() -> Iterator[Balance]:
    """`balance(port)`: a balancer in front of a node, until whoever visits is gone."""
    with ExitStack() as made:
        yield lambda port: made.enter_context(Balancer(port))


@pytest.fixture
def visit(browser: Browser, balance: object) -> Iterator[MakeVisit]:
    """`visit(port, "ann", "#go")`: somebody with a browser of their own, on the chat page.

    `losses`: whether lost connections are part of the test; what else it's given goes to
    `browser.new_context`.
    """
    came: list[Visit] = []

    def make(port: int, nick: str = "", *at: str, losses: bool = False, **options: Any) -> Visit:
        context = browser.new_context(**options)
        context.set_default_timeout(45_000)
        page = context.new_page()
        came.append(Visit(page, port, Watch(page, port, losses)))
        return came[-1].come(nick, *at)

    yield make
    for each in came:
        each.leave()
        each.page.context.close()
    assert [] == [fault for each in came for fault in each.watch.faults]


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
def make_town(server: str, tmp_path: Path) -> Iterator[MakeTown]:
    """`make_town("--lease", "2", count=2)`: nodes of one's own on the common server."""
    with ExitStack() as made:

        def make(*flags: str, count: int = 2) -> Town:
            nodes = made.enter_context(Nodes(server, tmp_path, *flags))
            return made.enter_context(Town(nodes, count))

        yield make


@pytest.fixture
def go() -> str:
    """A channel of the test's own."""
    return new_channel()
