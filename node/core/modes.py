"""Modes of channels: which there are, and how changes of them are read. Pure.

    MODE #go +ov-k+b ann bob *!*@192.0.2.0/24    (Modern IRC Client Protocol, "MODE message")

What they mean for whom is judged in `rules`.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from broker.api import Code, Refused
from broker.rules import Rules
from node.core import masks, names

MOST = 20
"""How many changes that are about something may be made at once (MODES of IRC's ISUPPORT)."""

LIST = 100
"""How many masks each list of a channel may hold."""

KEY = 32
"""The most characters of a key."""

LIMIT = 9_999_999
"""The highest limit."""


class Kind(Enum):
    """When a mode is about something. The first four are those of CHANMODES, in its order."""

    LIST = "A"
    ALWAYS = "B"
    WHEN_SET = "C"
    NEVER = "D"
    STATUS = "a status"


class Mode(NamedTuple):
    """A mode. `least`: the status that changing it takes. `check`: raises Refused for what it can't
    be about, and returns what it's about otherwise.
    """

    letter: str
    kind: Kind
    does: str
    least: str = "h"
    check: Callable[[str], str] = str


class Change(NamedTuple):
    """`mode`: a sign and a letter, as in `Ruled`. `about`: what it's about, or empty."""

    mode: str
    about: str = ""

    @property
    def on(self) -> bool:
        return self.mode[0] == "+"

    @property
    def letter(self) -> str:
        return self.mode[1]


class Asked(NamedTuple):
    """What a line asks for: changes, lists (their letters) to see, and what it can't have."""

    changes: list[Change]
    lists: list[str]
    refused: list[Refused]


def _key(text: str) -> str:
    if not 1 <= len(text) <= KEY or not text.isprintable() or set(" ,") & set(text):
        raise Refused(Code.KEY_INVALID, text)
    if text.startswith(":"):  # IRC couldn't say it
        raise Refused(Code.KEY_INVALID, text)
    return text


def _limit(text: str) -> str:
    digits = text.lstrip("0")
    if not (text.isascii() and text.isdigit() and digits and len(digits) <= len(str(LIMIT))):
        raise Refused(Code.LIMIT_INVALID, text)
    return digits


def _forward(text: str) -> str:
    try:
        return names.channel(text)
    except Refused:
        raise Refused(Code.FORWARD_INVALID, text) from None


STATUSES = {"o": "@", "h": "%", "v": "+"}
"""The letters of statuses, the highest first, and how they're shown before a nick."""

_ROWS = (
    Mode("b", Kind.LIST, "who may neither come in nor speak", check=masks.spelled_ban),
    Mode("e", Kind.LIST, "whom no ban means", check=masks.spelled_ban),
    Mode("I", Kind.LIST, "who needs no invitation", check=masks.spelled),
    Mode("k", Kind.ALWAYS, "a key is needed to come in", check=_key),
    Mode("l", Kind.WHEN_SET, "how many may be in it", check=_limit),
    Mode("f", Kind.WHEN_SET, "where those go who may not come in", check=_forward),
    Mode("C", Kind.NEVER, "no CTCP but actions"),
    Mode("i", Kind.NEVER, "only who is invited comes in"),
    Mode("m", Kind.NEVER, "only who has a status may speak"),
    Mode("n", Kind.NEVER, "only members may speak"),
    Mode("p", Kind.NEVER, "others don't see it"),
    Mode("s", Kind.NEVER, "others don't see it"),
    Mode("t", Kind.NEVER, "only operators set the topic"),
    Mode("o", Kind.STATUS, "operator", least="o"),
    Mode("h", Kind.STATUS, "half an operator", least="o"),
    Mode("v", Kind.STATUS, "voice"),
)
MODES = {row.letter: row for row in _ROWS}


def of_kind(kind: Kind) -> str:
    """The letters of a kind, in the order of the table."""
    return "".join(row.letter for row in _ROWS if row.kind is kind)


FLAGS = of_kind(Kind.NEVER)
LISTS = of_kind(Kind.LIST)


def read(words: Sequence[str]) -> Asked:
    """What `+o-v+b ann bob mask` asks for, in words. Without a sign `+` is meant; a list that is
    about nothing is to be seen.
    """
    asked = Asked([], [], [])
    first, *others = words or [""]
    rest, sign, counted = iter(others), "+", 0
    for letter in first:
        if letter in "+-":
            sign = letter
            continue
        mode = MODES.get(letter)
        if mode is None:
            asked.refused.append(Refused(Code.MODE_UNKNOWN, letter))
            continue
        about = next(rest, None) if _takes(mode.kind, sign) else ""
        if about is None and mode.kind is Kind.LIST:
            asked.lists.append(letter)
            continue
        counted += _takes(mode.kind, sign)
        if counted > MOST:
            asked.refused.append(Refused(Code.TOO_MANY_MODES, str(MOST)))
            break
        try:
            asked.changes.append(Change(sign + letter, _checked(mode, sign, about)))
        except Refused as refused:
            asked.refused.append(refused)
    return asked


def _takes(kind: Kind, sign: str) -> bool:
    return kind is not Kind.NEVER and (kind is not Kind.WHEN_SET or sign == "+")


def _checked(mode: Mode, sign: str, about: str | None) -> str:
    """What a change is about; None: there was nothing more that it could be about."""
    if not _takes(mode.kind, sign):
        return ""
    if mode.kind is Kind.ALWAYS and sign == "-":
        return "*"  # nobody has to know a key to take it away
    if about is None or (mode.kind is Kind.STATUS and not about):
        raise Refused(Code.MODE_LACKS, sign + mode.letter)
    return mode.check(about)


def written(changes: Iterable[tuple[str, str]]) -> str:
    """Changes as they're typed: `+o-v ann bob`; a sign stands before each that has another."""
    letters, words, sign = "", [], ""
    for mode, about in changes:
        letters += mode[1] if mode[0] == sign else mode
        sign = mode[0]
        if about:
            words.append(about)
    return " ".join([letters, *words])


def shown(rules: Rules, *, inside: bool) -> str:
    """The modes that a channel has, as they'd be typed, without its lists; empty if there are none.
    `inside`: for somebody who is in it, and may know its key, and where it sends others.
    """
    about = [("+" + letter, "") for letter in rules.modes]
    if rules.key:
        about.append(("+k", rules.key if inside else ""))
    if rules.limit:
        about.append(("+l", str(rules.limit)))
    if rules.forward and inside:
        about.append(("+f", rules.forward))
    return written(about)


def ranked(letters: Iterable[str]) -> str:
    """The letters of statuses, the highest first, each once."""
    held = set(letters)
    return "".join(letter for letter in STATUSES if letter in held)


def prefix(status: str) -> str:
    """What stands before a nick, for the highest of its statuses."""
    return STATUSES.get(status[:1], "")


def reaches(status: str, least: str) -> bool:
    """Whether somebody with this status has this one, or a higher."""
    order = "".join(STATUSES)
    return status != "" and order.index(status[0]) <= order.index(least)
