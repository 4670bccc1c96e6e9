"""An operator who looks at the dashboard: what they do, and what they see.

Knows the page as a person does: by labels, roles and words, hardly by how it's made.
"""

import re
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

expect.set_options(timeout=40_000)

LOST = re.compile(r"console error: Failed to load resource: net::ERR_")
"""What the console says of a node that is gone: of no concern to a test that ends one."""


class Look:
    """A tab with the dashboard of whatever answers at `port`. `faults`: what it shouldn't do."""

    def __init__(self, page: Page, port: int) -> None:
        self.page = page
        self.faults: list[str] = []
        self.url = f"http://127.0.0.1:{port}/"
        self.says = page.locator("#banner-says")
        self.more = page.locator("#banner-more")
        self.from_whom = page.locator("#fresh")
        self.dialog = page.get_by_role("dialog")
        self.told = page.locator("#told")
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.goto(f"{self.url}dashboard")

    def _said(self, kind: str, text: str) -> None:
        self.faults.append(f"console {kind}: {text}")

    def _asked(self, url: str) -> None:
        if not url.startswith(self.url):
            self.faults.append(f"request to {url}")

    def forgive(self, words: re.Pattern[str]) -> None:
        """Take out the faults that a test has made itself."""
        self.faults = [fault for fault in self.faults if not words.match(fault)]

    def sees(self, text: str | re.Pattern[str]) -> None:
        """Wait until the banner says so."""
        expect(self.says).to_have_text(text)

    def table(self, name: str) -> Locator:
        """A table, by its caption."""
        return self.page.get_by_role("table", name=name)

    def row(self, table: str, name: str) -> Locator:
        """A row of a table, by what its heading says."""
        rows = self.table(table).get_by_role("row")
        return rows.filter(has=self.page.get_by_role("rowheader", name=name, exact=True))

    def total(self, name: str) -> Locator:
        """One of the totals: its value."""
        titles = self.page.locator("#totals > div").filter(
            has=self.page.get_by_text(name, exact=True)
        )
        return titles.locator(".value")

    def press(self, name: str) -> None:
        """Press a button, by its name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    @property
    def unfit(self) -> list[dict[str, Any]]:
        """What axe finds that is serious or worse."""
        found = Axe().run(self.page).response["violations"]
        return [
            {"rule": each["id"], "where": [node["html"] for node in each["nodes"]]}
            for each in found
            if each["impact"] in {"serious", "critical"}
        ]
