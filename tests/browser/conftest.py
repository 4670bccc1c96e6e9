"""What browser tests stand on: Debian's chromium, and tabs that forgive no error.

    browser ──> watch(port): a tab of somebody's own ──> visit(port): what they do on the chat page

Without a browser these tests are skipped. A tab fails its test for anything on the console, for an
error of the page's, and for a request to elsewhere.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.browser.visit import Visit
from tests.browser.watch import Watch
from tests.support.balancer import Balancer
from tests.support.town import Town
from tests.support.towns import MakeTown, go, make_town, server, standing, town

__all__ = ["MakeTown", "go", "make_town", "server", "standing", "town"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

PATIENCE = 60_000
"""Milliseconds: a browser on a machine that does ten other things takes its time."""

expect.set_options(timeout=PATIENCE)

MakeWatch = Callable[..., Watch]
MakeVisit = Callable[..., Visit]
Balance = Callable[[int], Balancer]
Call = Callable[..., Any]


def chromium() -> str | None:
    """Where the browser is: `CHROMIUM` in the environment, or the first of these on PATH."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def town_size() -> int:
    return 2


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    if chromium() is None:
        pytest.skip("no chromium on PATH (apt-get install chromium, or set CHROMIUM)")
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    found = playwright.chromium.launch(executable_path=chromium(), timeout=PATIENCE)
    yield found
    found.close()


@pytest.fixture
def balance() -> Iterator[Balance]:
    """`balance(port)`: a balancer in front of a node, until whoever visits is gone."""
    with ExitStack() as made:
        yield lambda port: made.enter_context(Balancer(port))


@pytest.fixture
def watch(browser: Browser, balance: object) -> Iterator[MakeWatch]:
    """`watch(port)`: somebody with a browser of their own, who looks at what answers there.

    `losses`: whether lost connections are part of the test; what else it's given goes to
    `browser.new_context`.
    """
    made: list[Watch] = []

    def make(port: int, *, losses: bool = False, **options: Any) -> Watch:
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        made.append(Watch(context.new_page(), port, losses))
        return made[-1]

    yield make
    for each in made:
        each.page.context.close()
    assert [] == [fault for each in made for fault in each.faults]


@pytest.fixture
def visit(watch: MakeWatch) -> Iterator[MakeVisit]:
    """`visit(port, "ann", "#go")`: somebody on the chat page; the rest is as for `watch`."""
    came: list[Visit] = []

    def make(port: int, nick: str = "", *at: str, **options: Any) -> Visit:
        came.append(Visit(watch(port, **options)))
        return came[-1].come(nick, *at)

    yield make
    for each in came:
        each.leave()


@pytest.fixture(scope="module")
def plain(browser: Browser, standing: Town) -> Iterator[Page]:
    """A page of the site on which nothing runs."""
    found = browser.new_page()
    found.set_default_timeout(PATIENCE)
    found.goto(f"http://127.0.0.1:{standing.nodes[0].http}/chat/icon.svg")
    yield found
    found.close()


@pytest.fixture
def call(plain: Page) -> Call:
    """`call("/chat/links.js", "parts", "hello")`: what a module's function returns for these."""
    return lambda module, function, *args: plain.evaluate(
        "async ([m, f, a]) => (await import(m))[f](...a)", [module, function, list(args)]
    )
