"""What the values of settings may be: each check raises ValueError("what was expected").

Values are quoted only where they can't hold a secret. Nothing here opens, binds or connects.
"""

import re
from collections.abc import Callable

from broker import address
from broker.api import Code, Refused
from node import opers
from node.core import limits, modes, names
from node.files import read_lines, read_secret
from node.http import tokens
from node.ports import place


def redis_url(value: str) -> None:
    """A URL of a Redis: see `broker.address`."""
    try:
        address.parse(value)
    except ValueError as e:
        raise ValueError(f"a Redis URL such as redis://127.0.0.1:6379/0 ({e})") from None


def secret_file_or_none(value: str) -> None:
    """A file that holds a secret. Or nothing."""
    if value:
        read_secret(value)


def endpoints(values: tuple[str, ...]) -> None:
    """Twisted's endpoint strings, one door each, as its own parser sees them.

    https://docs.twisted.org/en/stable/core/howto/endpoints.html (servers)
    """
    for value in values:
        _endpoint(value)


_INSTEAD = {
    # reads a certificate once, a whole folder anew for each name that it doesn't know, and never
    # returns if a certificate that signed itself lies in there without a key
    "tls": "ssl:443:privateKey=KEY.pem:certKey=CERTIFICATE.pem",
    # believes anybody, and loses a header that comes in pieces
    "haproxy": "tcp:1234 and --balancers NETWORK",
}
"""Endpoints of Twisted's that won't do for a door, and what does."""


def _endpoint(value: str) -> None:
    kind = value.partition(":")[0]
    if kind in _INSTEAD:
        raise ValueError(f"{_INSTEAD[kind]}, as {kind}: won't do for a door, not {value!r}")
    place(value)
    # Costs 0.15 s, and a node needs it anyway; whoever has no doors doesn't pay.
    from twisted.internet.endpoints import serverFromString

    wanted = f"an endpoint such as tcp:1234:interface=127.0.0.1, not {value!r}"
    try:
        serverFromString(object(), value)
    except TypeError:
        raise ValueError(f"{wanted} (it lacks a part, or has one that isn't known)") from None
    except Exception as e:  # a parser may read files, or be a plugin: anything can come out
        raise ValueError(f"{wanted} ({e})") from None


def channel_or_none(value: str) -> None:
    """A channel's name as `node.core.names` has it, `#` and NFC included. Or nothing."""
    try:
        if value and names.channel(value) != value:
            raise Refused(Code.CHANNEL_INVALID, value)
    except Refused:
        raise ValueError(
            "a channel's name (# and 1 to 50 printable characters, no space or comma, in NFC)"
            f" or nothing, not {value!r}"
        ) from None


def spelled(allowed: str, most: int) -> Callable[[str], None]:
    """1 to `most` ASCII letters, digits and characters of `allowed`."""
    pattern = re.compile(f"[A-Za-z0-9{re.escape(allowed)}]{{1,{most}}}")

    def check(value: str) -> None:
        if not pattern.fullmatch(value):
            signs = " ".join(allowed)
            raise ValueError(
                f"1 to {most} characters out of letters, digits and {signs}, not {value!r}"
            )

    return check


def one_of(*words: str) -> Callable[[str], None]:
    """One of these, as it stands."""

    def check(value: str) -> None:
        if value not in words:
            raise ValueError(f"{' or '.join(words)}, not {value!r}")

    return check


def channel_modes(value: str) -> None:
    """Letters of modes that a channel has from the beginning, or none."""
    if not set(value) <= set(modes.FLAGS):
        raise ValueError(f"letters of {modes.FLAGS}, or nothing, not {value!r}")


def rate(value: str) -> None:
    """How often something may be done. Or nothing."""
    try:
        limits.parse_rate(value)
    except ValueError:
        raise ValueError(
            "COUNT/SECONDS such as 100/10 (1 to 1,000,000 at once, and as many again within 0.001"
            f" to 86,400 seconds) or nothing, not {value!r}"
        ) from None


def networks(values: tuple[str, ...]) -> None:
    """Networks in CIDR's notation (RFC 4632), or addresses."""
    for value in values:
        try:
            limits.parse_networks([value])
        except ValueError as e:
            raise ValueError(f"a network such as 10.0.0.0/8 or fd00::/8 ({e})") from None


def balancers(values: tuple[str, ...]) -> None:
    """Networks, or the word `unix` (`node.net.proxied.UNIX`, which is slow to import)."""
    networks(tuple(value for value in values if value != "unix"))


MOTD_LINES, MOTD_BYTES = 500, 400
"""The most lines of a message of the day, and the most bytes of each: an IRC message has 512."""


def motd_file(value: str) -> None:
    """A text that people read line by line. Or nothing."""
    if value:
        lines = read_lines(value)
        if len(lines) > MOTD_LINES:
            raise ValueError(f"at most {MOTD_LINES} lines in {value}")
        _short_lines(lines, f" in {value}")


def admin_lines(value: str) -> None:
    """One to three lines, with `|` between them. Or nothing."""
    lines = value.split("|")
    if len(lines) > 3:
        raise ValueError(f"three lines at most, with | between them, not {len(lines)}")
    _short_lines(lines, "")


def _short_lines(lines: list[str], where: str) -> None:
    if any(set("\r\n\0") & set(line) or len(line.encode()) > MOTD_BYTES for line in lines):
        raise ValueError(f"lines of at most {MOTD_BYTES} bytes{where}")


def token_file(value: str) -> None:
    """A file with tokens. Or nothing."""
    if value:
        tokens.load(value)


def oper_file(value: str) -> None:
    """A file with operators of the chat. Or nothing."""
    if value:
        opers.load(value)


def origins(values: tuple[str, ...]) -> None:
    """Origins of web pages (RFC 6454), or `*`."""
    for value in values:
        if value != "*" and not re.fullmatch(r"https?://[^/?#@\s]+", value):
            raise ValueError(f"an origin such as https://chat.example.org, or *, not {value!r}")


def between(least: float, most: float, unit: str) -> Callable[[float], None]:
    """A number from `least` to `most`, both included."""

    def check(value: float) -> None:
        if not least <= value <= most:
            raise ValueError(f"{least:,} to {most:,} {unit}, not {value:,}")

    return check
