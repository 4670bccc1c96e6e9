"""An operator who looks at the dashboard: what they do, and what they see.

Knows the page as a person does: by labels, roles and words, hardly by how it's made.
"""

import re

from playwright.sync_api import Locator, expect

from tests.browser.watch import Watch


class Look:
    """Somebody with the dashboard in a tab."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.page = watch.page
        self.says = self.page.locator("#banner-says")
        self.more = self.page.locator("#banner-more")
        self.from_whom = self.page.locator("#fresh")
        self.dialog = self.page.get_by_role("dialog")
        self.told = self.page.locator("#told")
        self.page.goto(f"{watch.url}dashboard")

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
