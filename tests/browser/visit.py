"""Somebody on the chat page: what they do, and what they see.

Knows the page as a person does: by labels, roles and words, hardly by how it's made.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Self

from playwright.sync_api import Locator, Page, expect

from tests.browser.watch import Watch


class Visit:
    """Somebody with the chat page in a tab."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.url = watch.url
        self._use(watch.page)

    def _use(self, page: Page) -> None:
        self.page = page
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

    def comes_again(self, meanwhile: Callable[[], object]) -> None:
        """Close the page, and open it in another tab of the same browser."""
        context = self.page.context
        with self.page.expect_event("close"):  # it has said what the next one is to know
            self.page.close(run_before_unload=True)
        meanwhile()
        self.watch.look_at(context.new_page())
        self._use(self.watch.page)
        self.page.goto(self.url)

    def leave(self) -> None:
        """Quit, whatever is on the screen; returns when the nick is free."""
        if self.page.is_closed():
            return
        while self.page.get_by_role("dialog").is_visible():
            self.page.keyboard.press("Escape")
        ended = self.state.get_by_text("You are not connected any more")
        if not ended.is_visible():
            self.says("/quit")
            expect(ended).to_be_visible()

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

    def is_online(self) -> None:
        """Have the browser tell the page that the network is back, so that it waits no longer."""
        self.page.evaluate("window.dispatchEvent(new Event('online'))")

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
