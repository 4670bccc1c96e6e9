"""`node.origins`: whose page sent a request."""

import pytest

from node.origins import at_home


@pytest.mark.parametrize(
    "origin, host, home",
    [
        (None, "chat.example.org", True),
        ("http://chat.example.org", "chat.example.org", True),
        ("https://chat.example.org", "Chat.example.org", True),
        ("http://chat.example.org:8080", "chat.example.org:8080", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://chat.example.org:8080", "chat.example.org", False),
        ("http://chat.example.org", "chat.example.org:8080", False),
        ("https://evil.example.org", "chat.example.org", False),
        ("https://chat.example.org.evil.net", "chat.example.org", False),
        ("https://chat.example.org", None, False),
        ("null", "null", False),
        ("null", "", False),
        ("", "", False),
        ("http://[", "[", False),
        ("\ufffd", "\ufffd", False),
    ],
)
def test_a_page_is_at_home_on_the_host_that_it_asks(
    origin: str | None, host: str | None, home: bool
) -> None:
    assert home is at_home(origin, host)
