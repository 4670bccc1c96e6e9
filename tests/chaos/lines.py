"""What a line means that a person of the slash dialect reads or types.

Only what a checker has to know; docs/line-protocol.md is the reference. The words of people are
`p3.17 ...`: the 17th line of person p3, so that each line of a run is like no other.
"""

import re
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a line is."""

    SAID = "said"
    TOLD = "told"
    JOINED = "joined"
    LEFT = "left"
    RENAMED = "renamed"
    QUIT = "quit"
    KICKED = "kicked"
    RULED = "ruled"
    MODES = "modes"
    NAMES = "names"
    WHO = "who"
    PONG = "pong"
    WELCOME = "welcome"
    RECEIPT = "receipt"
    TOKEN = "token"
    RESUMED = "resumed"
    NOTICE = "notice"
    GAP = "gap"
    CLOSING = "closing"
    ERROR = "error"
    OTHER = "other"


class Line(NamedTuple):
    """A line that was read. `place`: epoch and seq, if it came from a log (`/set pos on`).

    `text`: what was said; the new nick; who was kicked; changes of modes, or the modes; the nicks
    of a roster; what follows `gap: ` and the like.
    """

    kind: Kind
    body: str
    place: tuple[str, int] | None = None
    channel: str = ""
    nick: str = ""
    text: str = ""


_SIGN = re.compile(r"(^| )[@%+]")
_PLACE = re.compile(r"@(\w+)\.(\d+) (.*)", re.DOTALL)
_FORMS = [
    (kind, re.compile(form, re.DOTALL))
    for kind, form in (
        (Kind.SAID, r"\[(?P<channel>#\S+)\] (?:<(?P<nick>\S+)>|\* (?P<nick2>\S+)) (?P<text>.*)"),
        (Kind.TOLD, r"\[private\] <(?P<nick>\S+)> (?P<text>.*)"),
        (Kind.PONG, r"pong (?P<text>.*)"),
        (Kind.TOKEN, r"token (?P<text>\w{48})"),
        (Kind.RESUMED, r"resumed as (?P<nick>\S+)"),
        (Kind.NAMES, r"in (?P<channel>#\S+) \(\d+\): (?P<text>.*)"),
        (Kind.WHO, r"on \S+: (?P<text>.*)"),
        (Kind.NOTICE, r"notice: (?P<text>.*)"),
        (Kind.GAP, r"gap: (?P<text>.*)"),
        (Kind.CLOSING, r"closing: (?P<text>.*)"),
        (Kind.ERROR, r"error: (?P<text>.*)"),
        (Kind.JOINED, r"(?P<nick>\S+) has joined the channel (?P<channel>#\S+)"),
        (Kind.LEFT, r"(?P<nick>\S+) has left the channel (?P<channel>#\S+)(?P<text>.*)"),
        (
            Kind.KICKED,
            r"(?P<nick>\S+) has kicked (?P<text>\S+) out of the channel (?P<channel>#\S+).*",
        ),
        (Kind.RULED, r"(?P<nick>\S+) has changed the modes of (?P<channel>#\S+): (?P<text>.*)"),
        (Kind.MODES, r"the modes of (?P<channel>#\S+) are (?P<text>\S+.*)"),
        (Kind.MODES, r"(?P<channel>#\S+) has no modes"),
        (Kind.RENAMED, r"(?P<nick>\S+) is changing nick to (?P<text>\S+)"),
        (Kind.QUIT, r"(?P<nick>\S+) has quit(?P<text>.*)"),
        (Kind.WELCOME, r"welcome to \S+; you are (?P<nick>\S+)"),
        (Kind.RECEIPT, r"(?P<nick>\S+) is away(?P<text>.*)"),
    )
]

TOLD_IN_CHANNELS = (
    Kind.SAID,
    Kind.JOINED,
    Kind.LEFT,
    Kind.RENAMED,
    Kind.QUIT,
    Kind.KICKED,
    Kind.RULED,
)
"""The kinds that stand in the log of a channel."""


def understood(raw: str) -> Line:
    """A line that was read."""
    place, body = None, raw
    if raw.startswith("@") and (found := _PLACE.fullmatch(raw)):
        place, body = (found[1], int(found[2])), found[3]
    for kind, form in _FORMS:
        if found := form.fullmatch(body):
            named = found.groupdict()
            nick = named.get("nick") or named.get("nick2") or ""
            channel, text = named.get("channel") or "", named.get("text") or ""
            if kind is Kind.NAMES:
                text = _SIGN.sub(r"\1", text)
            return Line(kind, body, place, channel, nick, text)
    return Line(Kind.OTHER, body, place)


def signs(line: Line) -> dict[str, str]:
    """Of a roster: by nick, the sign of their status, if they have one."""
    listed = line.body.partition("): ")[2].split()
    return {each.lstrip("@%+"): each[:1] if each[0] in "@%+" else "" for each in listed}


def changes(line: Line) -> list[tuple[str, str]]:
    """Of changed statuses: which, and whose; `("+o", "ann")`."""
    letters, *nicks = line.text.split(" ")
    found, sign = [], ""
    for letter in letters:
        if letter in "+-":
            sign = letter
        elif letter in "ohv":
            found.append((sign + letter, nicks.pop(0)))
        elif (letter in "beIk" or (letter == "l" and sign == "+")) and nicks:
            nicks.pop(0)
    return found


_HISTORY = re.compile(r"\| \d\d:\d\d (.*)", re.DOTALL)


def from_history(line: Line) -> Line | None:
    """The event of a line of history, if it is one."""
    found = _HISTORY.fullmatch(line.body)
    return understood(found[1]) if found else None


_HANDED = re.compile(r"/resume (\w{48})")


def token(line: Line) -> str:
    """The token that a line gives to its reader: when they asked, or as a node is drained."""
    if line.kind is Kind.TOKEN:
        return line.text
    found = _HANDED.search(line.text) if line.kind is Kind.CLOSING else None
    return found[1] if found else ""


class Typed(NamedTuple):
    """A line that was typed: a verb, whom or what it is about, and the words."""

    verb: str
    about: str
    text: str


def typed(line: str) -> Typed:
    """A line that was typed, always as `/VERB ABOUT TEXT`, or `/me TEXT`."""
    verb, _, rest = line.partition(" ")
    if verb in ("/me", "/ping"):
        return Typed(verb, "", rest)
    about, _, text = rest.partition(" ")
    return Typed(verb, about, text)


_MARK = re.compile(r"(\w+)\.(\d+)\b")


def mark(text: str) -> str:
    """The first word of somebody's words, which nobody else ever said: `p3.17`. Or nothing."""
    found = _MARK.match(text)
    return found[0] if found else ""


def marks(text: str) -> set[str]:
    """All that look like marks in a text."""
    return {found[0] for found in _MARK.finditer(text)}


def count(words: str) -> int:
    """The number in a mark."""
    return int(words.rpartition(".")[2])


def author(words: str) -> str:
    """The person in a mark."""
    return words.rpartition(".")[0]


def is_open(error: Line) -> bool:
    """Whether it's the one error after which nobody knows if it was done."""
    return "it is not known" in error.text
