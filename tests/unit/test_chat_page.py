"""The files of the chat page, as they are read: small, of this site only, and never markup."""

import re
from html.parser import HTMLParser

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from node.http.assets import STATIC
from node.http.chat import chat_page
from node.http.site import site

FILES = {file.name: file.read_text() for file in (STATIC / "chat").iterdir()}
SCRIPTS = {name: text for name, text in FILES.items() if name.endswith(".js")}

MOST = 150_000
"""Bytes of the whole page."""

MARKUP = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "document.write", "DOMParser",
    "createContextualFragment", "srcdoc", "eval(", "new Function", "javascript:",
)  # fmt: skip
"""Ways in which a text can become markup or a script."""

LOADED = {"script", "link", "img"}
"""Tags that name files."""


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


def asked(path: str, *headers: str) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """What a site with the page answers: the status, the headers, the body."""
    made, transport = site(chat_page()), StringTransport()
    made.reactor = Clock()
    channel = made.buildProtocol(None)
    channel.makeConnection(transport)
    lines = [f"GET {path} HTTP/1.1", "Host: here", "Connection: close", *headers, "", ""]
    channel.dataReceived("\r\n".join(lines).encode())
    head, _, body = transport.value().partition(b"\r\n\r\n")
    status, *told = head.split(b"\r\n")
    return status.split(b" ")[1], dict(_header(line) for line in told), body


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b": ")
    return name.lower(), value


@pytest.mark.parametrize("path, name", [("/", "index.html"), ("/chat/main.js", "main.js")])
def test_the_page_is_at_the_root_and_its_parts_below(path: str, name: str) -> None:
    status, headers, body = asked(path)
    assert (b"200", FILES[name]) == (status, body.decode())
    assert b"require-trusted-types-for 'script'" in headers[b"content-security-policy"]
    assert b"nosniff" == headers[b"x-content-type-options"]


@pytest.mark.parametrize(
    "path", ["/chat", "/chat/", "/chat/none.js", "/chat/main.js/x", "/chat/../x"]
)
def test_there_is_nothing_else(path: str) -> None:
    assert b"404" == asked(path)[0]


def test_a_page_that_the_browser_has_is_not_sent_again() -> None:
    _, headers, _ = asked("/")
    status, again, body = asked("/", f"If-None-Match: {headers[b'etag'].decode()}")
    assert (b"304", b"") == (status, body)
    assert b"content-length" not in again
