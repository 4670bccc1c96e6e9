"""Somebody on the chat page: what they do, and what they see.

Knows the page as a person does: by labels, roles and words, hardly by how it's made.
"""

import json
import re
from typing import Any, Self

from playwright.sync_api import Locator, Page, expect

expect.set_options(timeout=20_000)


class Visit:
    """A tab with the chat page of whatever answers at `port`."""

    def __init__(self, page: Page, port: int) -> None:
        self.page = page
        self.url = f"http://127.0.0.1:{port}/"
        self.log = page.get_by_role("log")
        self.field = page.get_by_label("Message", exact=True)
        self.state = page.locator("#state")
        self.side = page.get_by_role("navigation", name="Conversations")

    def come(self, nick: str, *at: str) -> Self:
        """Open the page for the first time: choose a nick, or stay a guest; join these."""
        self.page.goto(self.url)
        dialog = self.page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        if nick:
            dialog.get_by_label("Nick").fill(nick)
            self.page.keyboard.press("Enter")
        else:
            dialog.get_by_role("button", name="Stay guest-").click()
        expect(dialog).to_be_hidden()
        self.sees("came in")
        for channel in at:
            self.says(f"/join {channel}")
            self.is_in(channel)
        return self

    def says(self, text: str) -> None:
        """Type a line, and Enter."""
        self.field.fill(text)
        self.field.press("Enter")

    def sees(self, text: str) -> None:
        """Wait until that stands in the log."""
        expect(self.log).to_contain_text(text)

    def is_in(self, name: str) -> None:
        """Wait until this conversation is open."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(name)

    def opens(self, name: str) -> None:
        """Choose a conversation from the list."""
        self.conversation(name).click()
        self.is_in(name)

    def conversation(self, name: str) -> Locator:
        """It, in the list."""
        return self.side.get_by_role("button", name=re.compile(rf"^{re.escape(name)}(,|$)"))

    @property
    def texts(self) -> list[str]:
        """What was said in the open conversation, as far as it's on the page."""
        return self.log.locator(".entry .text").all_inner_texts()

    @property
    def tab(self) -> dict[str, Any]:
        """What the page remembers of this tab."""
        kept = self.page.evaluate("sessionStorage.getItem('chorus.tab')")
        return json.loads(kept) if kept else {}

    @property
    def nick(self) -> str:
        """Who they are."""
        return self.page.locator("#me").inner_text()
