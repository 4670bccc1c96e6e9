"""`node.http.assets`: files of the package, as browsers get them."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from twisted.web.test.requesthelper import DummyRequest

from node.http.assets import POLICY, STATIC, Asset, folder


class Request(DummyRequest):
    """Knows of ETags, as a real one does."""

    def __init__(self, **headers: str) -> None:
        super().__init__([b""])
        for name, value in headers.items():
            self.requestHeaders.setRawHeaders(name.replace("_", "-"), [value])

    def setETag(self, etag: bytes) -> Any:
        from twisted.web.http import Request as Real

        self.responseHeaders.setRawHeaders(b"etag", [etag])
        return Real.setETag(self, etag)  # type: ignore[arg-type]


@pytest.fixture
def page(tmp_path: Path) -> Asset:
    file = tmp_path / "page.html"
    file.write_text("<!doctype html>" + "hello " * 100)
    return Asset(file)


def get(asset: Asset, **headers: str) -> tuple[Any, bytes]:
    request = Request(**headers)
    return request, asset.render_GET(request)


def header(request: Any, name: str) -> str:
    (value,) = request.responseHeaders.getRawHeaders(name)
    return str(value)


def test_a_file_is_sent_as_it_is(page: Asset, tmp_path: Path) -> None:
    request, body = get(page)
    assert (tmp_path / "page.html").read_bytes() == body
    assert "text/html; charset=utf-8" == header(request, "content-type")


def test_it_is_sent_smaller_to_whoever_takes_that(page: Asset, tmp_path: Path) -> None:
    request, body = get(page, accept_encoding="br, gzip;q=0.8")
    assert (tmp_path / "page.html").read_bytes() == gzip.decompress(body)
    assert "gzip" == header(request, "content-encoding")


@pytest.mark.parametrize("said", ["", "br", "gzip;q=0", "gzip; q=0", "identity"])
def test_it_is_not_sent_smaller_to_who_does_not(page: Asset, said: str, tmp_path: Path) -> None:
    request, body = get(page, accept_encoding=said)
    assert (tmp_path / "page.html").read_bytes() == body
    assert None is request.responseHeaders.getRawHeaders("content-encoding")


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_who_has_it_already_is_told_that_it_is_still_so(page: Asset, coding: str) -> None:
    first, _ = get(page, accept_encoding=coding)
    etag = header(first, "etag")
    request, body = get(page, accept_encoding=coding, if_none_match=etag)
    assert (304, b"") == (request.responseCode, body)


def test_each_form_of_it_has_a_tag_of_its_own(page: Asset) -> None:
    plain, _ = get(page)
    small, _ = get(page, accept_encoding="gzip")
    assert header(plain, "etag") != header(small, "etag")
    assert "accept-encoding" == header(small, "vary")


def test_other_contents_have_another_tag(page: Asset, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("other")
    assert header(get(page)[0], "etag") != header(get(Asset(tmp_path / "page.html"))[0], "etag")


def test_the_policy_goes_with_every_file(page: Asset) -> None:
    said = header(get(page)[0], "content-security-policy")
    assert [f"{name} {value}" for name, value in POLICY.items()] == said.split("; ")


def test_a_page_may_have_a_policy_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("")
    request, _ = get(Asset(tmp_path / "a.css", {"default-src": "'self'"}))
    assert "default-src 'self'" == header(request, "content-security-policy")


@pytest.mark.parametrize("value", POLICY.values())
def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(value: str) -> None:
    assert value in {"'none'", "'self'", "'script'"}


def test_a_folder_has_a_resource_for_each_file() -> None:
    tree = folder("chat")
    names = sorted(file.name.encode() for file in (STATIC / "chat").iterdir())
    assert names == sorted(tree.listStaticNames())
