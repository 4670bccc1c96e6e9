"""The files of the chat page, as they are read: small, of this site only, and never markup."""

import re
from html.parser import HTMLParser

import pytest

from node.http.assets import STATIC

FILES = {file.name: file.read_text() for file in (STATIC / "chat").iterdir()}
SCRIPTS = {name: text for name, text in FILES.items() if name.endswith(".js")}

MOST = 150_000
"""Bytes of the whole page."""

MARKUP = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "document.write", "DOMParser",
    "createContextualFragment", "srcdoc", "eval(", "new Function", "javascript:",
)  # fmt: skip
"""Ways in which a text can become markup or a script."""


class Page(HTMLParser):
    """Each tag of a page, with its attributes, and the texts of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem and data.strip():
            self.inline.append(data)


@pytest.fixture
def page() -> Page:
    parsed = Page()
    parsed.feed(FILES["index.html"])
    return parsed


def test_the_whole_page_is_small() -> None:
    assert sum(len(text.encode()) for text in FILES.values()) < MOST


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_no_text_becomes_markup(name: str) -> None:
    assert [] == [way for way in MARKUP if way in SCRIPTS[name]]


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_modules_come_from_beside_them(name: str) -> None:
    imported = re.findall(r"(?:from|import\()\s*\"([^\"]+)\"", SCRIPTS[name])
    assert [] == [each for each in imported if each.removeprefix("./") not in SCRIPTS]


def test_the_page_has_no_script_and_no_style_of_its_own(page: Page) -> None:
    assert [] == page.inline
    attributes = [name for _, has in page.tags for name in has]
    assert [] == [name for name in attributes if name == "style" or name.startswith("on")]


def test_all_that_the_page_names_is_beside_it(page: Page) -> None:
    named = [has.get("href", has.get("src", "")) for tag, has in page.tags if tag in LOADED]
    assert [] == [each for each in named if each.removeprefix("chat/") not in FILES]


def test_the_browser_is_told_of_every_module_at_once(page: Page) -> None:
    told = [has["href"] for _, has in page.tags if has.get("rel") == "modulepreload"]
    assert [f"chat/{name}" for name in sorted(SCRIPTS) if name != "main.js"] == told


def test_styles_load_nothing() -> None:
    assert None is re.search(r"url\(|@import", FILES["chat.css"])


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_the_elements_that_modules_look_for_are_there(name: str, page: Page) -> None:
    there = {has["id"] for _, has in page.tags if "id" in has}
    assert set() == set(re.findall(r"(?:found|onClick)\(\"([\w-]+)\"", SCRIPTS[name])) - there


LOADED = {"script", "link", "img"}
