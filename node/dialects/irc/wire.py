"""Lines of IRC, apart and together.

Modern IRC Client Protocol, "Message Format" (modern.ircdocs.horse); IRCv3 Message Tags
(ircv3.net/specs/extensions/message-tags).
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from node.core.rules import CTCP

LINE = 512
"""The most bytes of a line, without its tags and with its CRLF."""

CLIENT_TAGS = 4096
"""The most bytes of the tags that a client sends, with `@` and the space after them."""

LONGEST = CLIENT_TAGS + LINE
"""The most bytes that are read as one line."""

ENDLESS = 16_384
"""A line of more bytes is the last that is heard."""

_KEY = re.compile(r"\+?(?:[A-Za-z0-9-.]+/)?[A-Za-z0-9-]+")
_ESCAPED = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
_ESCAPES = str.maketrans({";": r"\:", " ": r"\s", "\\": r"\\", "\r": r"\r", "\n": r"\n"})


class Message(NamedTuple):
    """One line: what a client wants. `verb` is in capitals."""

    verb: str
    params: list[str]
    tags: dict[str, str]


UNREAD = Message("*", [], {})
"""A line of which nothing is known."""


class Malformed(Exception):
    """A line that can't be read. `code` is why, `message` what of it could be."""

    def __init__(self, code: str, message: Message = UNREAD) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


TOO_LONG, NOT_UTF8, ODD = "too-long", "not-utf8", "odd"


def parse(line: bytes) -> Message | None:
    """A line without its end; None if it's blank. Raises Malformed."""
    tagged, rest = b"", line
    if line.startswith(b"@"):
        tagged, _, rest = line.partition(b" ")
        rest = rest.lstrip(b" ")
        if len(tagged) + 1 > CLIENT_TAGS:
            raise Malformed(TOO_LONG)
    if len(rest) > LINE - 2:
        raise Malformed(TOO_LONG)
    try:
        text, tags = rest.decode(), tagged[1:].decode()
    except UnicodeDecodeError:
        raise Malformed(NOT_UTF8, _guessed(line)) from None
    if "\0" in text or "\r" in text:
        raise Malformed(ODD)
    text = text.strip(" ") if " :" not in text else text.lstrip(" ")
    if text.startswith(":"):  # what a client says of its source counts for nothing
        text = text.partition(" ")[2].lstrip(" ")
    if not text:
        return None
    head, colon, last = text.partition(" :")
    verb, *params = [word for word in head.split(" ") if word] or [""]
    if colon:
        params.append(last)
    if not verb.isprintable() or verb.startswith(":"):
        raise Malformed(ODD)
    return Message(verb.upper(), params, dict(_tags(tags)))


def _guessed(line: bytes) -> Message:
    """What a line that isn't UTF-8 seems to want; its parameters mean nothing."""
    try:
        guessed = parse(line.decode(errors="ignore").encode())
    except Malformed:
        return UNREAD
    return guessed._replace(params=[]) if guessed is not None else UNREAD


def _tags(text: str) -> Iterator[tuple[str, str]]:
    for tag in text.split(";") if text else ():
        key, _, value = tag.partition("=")
        if _KEY.fullmatch(key):
            yield key, unescaped(value)


def unescaped(value: str) -> str:
    """A tag's value as it's meant."""
    if "\\" not in value:
        return value
    found, letters = [], iter(value)
    for letter in letters:
        escaped = next(letters, "") if letter == "\\" else None
        found.append(letter if escaped is None else _ESCAPED.get(escaped, escaped))
    return "".join(found)


def tagged(tags: Mapping[str, str]) -> str:
    """Tags as they stand before a line, with the space after them; empty if there are none."""
    if not tags:
        return ""
    return f"@{';'.join(map(tag, tags.items()))} "


def tag(tag: tuple[str, str]) -> str:
    """One of them."""
    key, value = tag
    return f"{key}={value.translate(_ESCAPES)}" if value else key


def joined(*params: str) -> str:
    """Params as they stand in a line. The last may hold anything."""
    *middle, last = params
    if not last or last.startswith(":") or " " in last:
        last = ":" + last
    return " ".join((*middle, last))


def pieces(text: str, room: int) -> Iterator[str]:
    """A text in pieces of at most so many bytes, between letters, and between words if that's near.

    At least one, which may be empty.
    """
    raw = text.encode()
    while len(raw) > room:
        end = room
        while end > 0 and raw[end] & 0xC0 == 0x80:  # in the middle of a letter
            end -= 1
        space = raw.rfind(b" ", end - end // 3, end)
        if space > 0:
            end = space + 1
        yield raw[:end].decode()
        raw = raw[end:]
    yield raw.decode()


def filled(words: Iterable[str], room: int) -> Iterator[str]:
    """Words with spaces between, in lines of at most so many bytes; none if there are no words."""
    line: list[str] = []
    length = 0
    for word in words:
        size = len(word.encode()) + 1
        if line and length + size > room + 1:
            yield " ".join(line)
            line, length = [], 0
        line.append(word)
        length += size
    if line:
        yield " ".join(line)


_ACTION = f"{CTCP}ACTION "


def number(text: str) -> int | None:
    """A whole number, of nine digits at the most that count; None if it's none."""
    return int(text[:9]) if text.isascii() and text.isdigit() else None


def action(text: str) -> str | None:
    """What somebody does, if the text is CTCP's ACTION."""
    return text.removeprefix(_ACTION).removesuffix(CTCP) if text.startswith(_ACTION) else None


@lru_cache(64)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


@lru_cache(64)
def clock(ms: int) -> str:
    """Unix milliseconds as IRCv3 server-time has them."""
    return f"{_second(ms // 1000)}.{ms % 1000:03}Z"
