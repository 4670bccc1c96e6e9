"""Which names there may be (`docs/line-protocol.md`, Names). Folding is `broker.names.fold`."""

import re
import unicodedata

from broker.api import Code, Refused

GUEST = "guest-"
"""Nicks that begin so (folded) are given by the server only."""

PROGRAM = re.compile(r"[a-z][a-z0-9_-]{0,23}")
"""The name of a program, and of its token."""

_NICK = re.compile(r"[A-Za-z_\[\]\\`^{}|][A-Za-z0-9\-_\[\]\\`^{}|]{0,31}\Z")


def nick(name: str) -> str:
    """The nick, if a person may take it. Raises NICK_INVALID or NICK_RESERVED."""
    if not _NICK.match(name):
        raise Refused(Code.NICK_INVALID, name)
    if name.lower().startswith(GUEST):
        raise Refused(Code.NICK_RESERVED, name)
    return name


def is_nick(name: str) -> bool:
    """Whether somebody could be called that, also by the server."""
    return _NICK.match(name) is not None


def program(name: str) -> str:
    """What a program with this name is called where it says something: no nick holds a dot.

    Raises NICK_INVALID.
    """
    if not PROGRAM.fullmatch(name):
        raise Refused(Code.NICK_INVALID, name)
    return name + ".bot"


def channel(name: str) -> str:
    """The channel's name with its `#`, in NFC. Raises CHANNEL_INVALID."""
    named = unicodedata.normalize("NFC", name if name.startswith("#") else "#" + name)
    rest = named[1:]
    if not 1 <= len(rest) <= 50 or not rest.isprintable() or " " in rest or "," in rest:
        raise Refused(Code.CHANNEL_INVALID, name)
    return named


MOST_LINES, MOST_BYTES = 32, 4096
"""How much a text of several lines may be (UTF-8)."""

MOST_TAGS = 4094
"""How many bytes tags may be together."""

_TAG = re.compile(r"\+[A-Za-z0-9.\-/]+\Z")


def lines(said: str) -> str:
    """As `text`, of what may have several lines. Raises TEXT_TOO_LONG, too."""
    if "\r" in said or "\0" in said or ("\n" in said and not said.strip()):
        raise Refused(Code.TEXT_INVALID)
    if len(said.encode()) > MOST_BYTES or said.count("\n") >= MOST_LINES:
        raise Refused(Code.TEXT_TOO_LONG)
    return said


def tags(given: dict[str, str]) -> dict[str, str]:
    """Client-only tags (IRCv3 message-tags), by name. Raises TEXT_INVALID, TEXT_TOO_LONG."""
    if not all(map(_TAG.match, given)) or "\0" in "".join(given.values()):
        raise Refused(Code.TEXT_INVALID)
    if sum(len(f"{name}={value};".encode()) for name, value in given.items()) > MOST_TAGS + 1:
        raise Refused(Code.TEXT_TOO_LONG)
    return given


def text(said: str) -> str:
    """What a person says or writes about themselves, as far as the core cares.

    Raises TEXT_INVALID for the three characters that could end a line somewhere.
    """
    if "\r" in said or "\n" in said or "\0" in said:
        raise Refused(Code.TEXT_INVALID)
    return said
