"""Lines to Commands: a table with a row per verb, with its form, an example and its parser."""

import re
from collections.abc import Callable
from typing import NamedTuple

from broker.api import Position
from node.core import commands as core
from node.core.commands import Command
from node.core.replies import Reply

MOST_PLACES = 1000
"""How many places `/resume` takes."""

_PLACE = re.compile(r"(#\S+)@(\S+)")
_POS = re.compile(r"(\w{1,64})\.([0-9]{1,15})", re.ASCII)


class Help(Reply, frozen=True):
    """The list of commands, or one command's row; `about` as typed, empty for the list."""

    about: str = ""


class Malformed(Reply, frozen=True):
    """A line that is no command: `verb` is the one that was meant, or what was typed instead."""

    verb: str


class NotText(Reply, frozen=True):
    """A line that isn't UTF-8."""


class Row(NamedTuple):
    """A verb. `parse` makes a command of what follows it, or None if that won't do."""

    form: str
    does: str
    example: str
    parse: Callable[[str], Command | None]


def _nothing(command: Command) -> Callable[[str], Command | None]:
    return lambda rest: None if rest else command


def _word(rest: str) -> str | None:
    """The one word that there is."""
    return rest if rest and " " not in rest else None


def _channel_first(rest: str) -> tuple[str | None, str]:
    """A leading `#channel`, and what follows it."""
    if not rest.startswith("#"):
        return None, rest
    channel, _, tail = rest.partition(" ")
    return channel, tail.strip()


def _nick(rest: str) -> Command | None:
    name = _word(rest)
    return core.SetNick(name) if name else None


def _join(rest: str) -> Command | None:
    words = rest.split()
    return core.Join(*words) if 1 <= len(words) <= 2 else None


def _leave(rest: str) -> Command | None:
    channel, why = _channel_first(rest)
    return core.Leave(channel, why)


def _msg(rest: str) -> Command | None:
    target, _, text = rest.partition(" ")
    if not target or not text.strip():
        return None
    return core.Say(target, text) if target.startswith("#") else core.Tell(target, text)


def _me(rest: str) -> Command | None:
    return core.Say(None, rest, action=True) if rest.strip() else None


def _names(rest: str) -> Command | None:
    if not rest:
        return core.Names()
    name = _word(rest)
    return core.Names(name) if name else None


def _page(words: list[str]) -> int:
    """A page's number, if that's the last word; it's taken off."""
    if words and words[-1].isascii() and words[-1].isdigit():
        return max(1, int(words.pop()[:9]))
    return 1


def _list(rest: str) -> Command | None:
    words = rest.split()
    page = _page(words)
    return core.ListChannels(" ".join(words), page) if len(words) < 2 else None


def _who(rest: str) -> Command | None:
    words = rest.split()
    page = _page(words)
    return core.Who(page) if not words else None


def _whois(rest: str) -> Command | None:
    name = _word(rest)
    return core.Whois(name) if name else None


def _whowas(rest: str) -> Command | None:
    words = rest.split()
    many = words[1:] == [] or (words[1].isascii() and words[1].isdigit())
    if not (1 <= len(words) <= 2 and many):
        return None
    return core.Whowas(words[0], int(words[1][:9]) if len(words) > 1 else 0)


def _watch(rest: str) -> Command:
    nicks = tuple(rest.split())
    return core.Watch(nicks) if nicks else core.Watched()


def _unwatch(rest: str) -> Command:
    return core.Unwatch(tuple(rest.split()) or None)


def _topic(rest: str) -> Command | None:
    channel, text = _channel_first(rest)
    return core.Topic(channel, text)


def _mode(rest: str) -> Command | None:
    channel, changes = _channel_first(rest)
    return core.Mode(channel, tuple(changes.split()))


def _changing(mode: str, *, shows: bool = False) -> Callable[[str], Command | None]:
    """Of a verb that changes one mode of a channel, about each word. `shows`: without any it's
    shown what it's about.
    """

    def parse(rest: str) -> Command | None:
        channel, words = _channel_first(rest)
        about = words.split()
        if not about and not shows:
            return None
        return core.Mode(channel, (mode[0] + mode[1] * max(1, len(about)), *about))

    return parse


def _kick(rest: str) -> Command | None:
    channel, named = _channel_first(rest)
    nick, _, why = named.partition(" ")
    return core.Kick(channel, nick, why.strip()) if nick else None


def _rename(rest: str) -> Command | None:
    channel, tail = _channel_first(rest)
    new, why = _channel_first(tail)
    if channel is None:
        return None
    if new is None:
        return core.RenameChannel(None, channel, tail)
    return core.RenameChannel(channel, new, why)


def _invite(rest: str) -> Command | None:
    words = rest.split()
    channel = next((word for word in words if word.startswith("#")), None)
    nicks = [word for word in words if word != channel]
    return core.Invite(channel, nicks[0]) if len(nicks) == 1 and len(words) <= 2 else None


def _position(word: str) -> Position | None:
    """A place in a log as `/set pos on` shows it, without the `@`."""
    found = _POS.fullmatch(word)
    return Position(found[1], int(found[2])) if found else None


def _history(rest: str) -> Command | None:
    words = rest.split()
    count = 20
    before = None
    if words[-2:-1] == ["before"]:
        before = _position(words[-1])
    if before is not None:  # else it's a channel's name
        words = words[:-2]
    if words and words[-1].isascii() and words[-1].isdigit():
        count = int(words.pop()[:9])
    if len(words) > 1 or count < 1:
        return None
    return core.History(words[0] if words else None, count, before)


def _redact(rest: str) -> Command | None:
    channel, rest = _channel_first(rest)
    place, _, why = rest.partition(" ")
    at = _position(place.removeprefix("@"))
    return core.Redact(channel, at, why.strip()) if at is not None else None


def _set(rest: str) -> Command | None:
    words = rest.lower().split()
    if not words:
        return core.SetOption()
    if len(words) != 2 or words[1] not in ("on", "off"):
        return None
    return core.SetOption(words[0], words[1] == "on")


def _resume(rest: str) -> Command | None:
    token, *typed = rest.split()[:MOST_PLACES] or [""]
    places: dict[str, tuple[str, int]] = {}
    for word in typed:
        found = _PLACE.fullmatch(word)
        place = _position(found[2]) if found else None
        if found is None or place is None:
            return None
        places[found[1]] = place
    return core.Resume(token, places) if token else None


VERBS: dict[str, Row] = {
    "nick": Row("/nick NAME", "take a nick", "/nick alice", _nick),
    "join": Row("/join #CHANNEL [KEY]", "come into a channel, or make it", "/join #go", _join),
    "leave": Row("/leave [#CHANNEL] [WHY]", "leave a channel", "/leave #go time for lunch", _leave),
    "msg": Row(
        "/msg #CHANNEL TEXT or /msg NAME TEXT",
        "say something in a channel, or to one person",
        "/msg bob are you there?",
        _msg,
    ),
    "me": Row("/me TEXT", "say what you do", "/me waves", _me),
    "names": Row("/names [#CHANNEL]", "who is in a channel", "/names #go", _names),
    "list": Row("/list [PATTERN] [PAGE]", "which channels there are", "/list #g*", _list),
    "whois": Row("/whois NAME", "one person's details", "/whois bob", _whois),
    "whowas": Row(
        "/whowas NAME [N]", "who had a nick, the last of them first", "/whowas bob", _whowas
    ),
    "watch": Row("/watch [NAME ...]", "be told when people come and go", "/watch ann bob", _watch),
    "unwatch": Row("/unwatch [NAME ...]", "be told no more", "/unwatch bob", _unwatch),
    "real": Row(
        "/real TEXT",
        "say what your real name is",
        "/real Alice Liddell",
        lambda rest: core.SetReal(rest) if rest else None,
    ),
    "who": Row("/who [PAGE]", "everyone", "/who", _who),
    "topic": Row(
        "/topic [#CHANNEL] [TEXT]", "show a topic, or set it", "/topic #go all about Go", _topic
    ),
    "op": Row(
        "/op [#CHANNEL] NAME ...",
        "make somebody an operator of a channel",
        "/op bob",
        _changing("+o"),
    ),
    "deop": Row(
        "/deop [#CHANNEL] NAME ...",
        "make somebody an operator no more",
        "/deop bob",
        _changing("-o"),
    ),
    "halfop": Row(
        "/halfop [#CHANNEL] NAME ...",
        "make somebody half an operator",
        "/halfop bob",
        _changing("+h"),
    ),
    "dehalfop": Row(
        "/dehalfop [#CHANNEL] NAME ...",
        "make somebody half an operator no more",
        "/dehalfop bob",
        _changing("-h"),
    ),
    "voice": Row(
        "/voice [#CHANNEL] NAME ...",
        "let somebody speak where not all may",
        "/voice bob",
        _changing("+v"),
    ),
    "devoice": Row(
        "/devoice [#CHANNEL] NAME ...",
        "take somebody's voice away",
        "/devoice bob",
        _changing("-v"),
    ),
    "rename": Row(
        "/rename [#CHANNEL] #NEW [WHY]",
        "give a channel another name",
        "/rename #golang easier to find",
        _rename,
    ),
    "kick": Row(
        "/kick [#CHANNEL] NAME [WHY]",
        "take somebody out of a channel",
        "/kick bob enough",
        _kick,
    ),
    "ban": Row(
        "/ban [#CHANNEL] [MASK ...]",
        "keep somebody out of a channel, or show who is",
        "/ban bob",
        _changing("+b", shows=True),
    ),
    "unban": Row(
        "/unban [#CHANNEL] MASK ...",
        "keep somebody out no more",
        "/unban bob",
        _changing("-b"),
    ),
    "mode": Row(
        "/mode [#CHANNEL] [CHANGES]",
        "show the rules of a channel, or change them",
        "/mode #go +k sesame",
        _mode,
    ),
    "invite": Row(
        "/invite NAME [#CHANNEL]",
        "ask somebody into a channel",
        "/invite bob #go",
        _invite,
    ),
    "history": Row(
        "/history [#CHANNEL] [N] [before POS]",
        "the last N lines said (20), or said before a place",
        "/history #go 50",
        _history,
    ),
    "redact": Row(
        "/redact [#CHANNEL] POS [WHY]",
        "take back a line (/set pos on shows places)",
        "/redact #go 5f2c9a1e0b77.3 wrong channel",
        _redact,
    ),
    "away": Row("/away [WHY]", "be away", "/away lunch", core.SetAway),
    "back": Row("/back", "be back", "/back", _nothing(core.SetAway(None))),
    "set": Row(
        "/set echo|time|color|pos on|off",
        "your own lines back, times, colours, places in the log",
        "/set time on",
        _set,
    ),
    "token": Row(
        "/token",
        "a secret with which you can take up this session again",
        "/token",
        _nothing(core.Token()),
    ),
    "resume": Row(
        "/resume TOKEN [#CHANNEL@POS ...]",
        "take up a session again",
        "/resume 0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdef",
        _resume,
    ),
    "ping": Row("/ping [TEXT]", "a pong when all before it is done", "/ping 1", core.Ping),
    "stats": Row("/stats", "the node you're on, and the cluster", "/stats", _nothing(core.Stats())),
    "quit": Row("/quit [WHY]", "leave for good", "/quit good night", core.Quit),
    "help": Row(
        "/help [COMMAND]",
        "the commands, or one of them",
        "/help msg",
        lambda rest: core.Answer(Help(rest)),
    ),
}


def parse(line: bytes) -> Command | None:
    """A line, without its end, as a command; None if it's blank."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return core.Answer(NotText())
    if not text or text.isspace():
        return None
    if not text.startswith("/"):
        return core.Say(None, text)
    if text.startswith("//"):
        return core.Say(None, text[1:])
    typed, _, rest = text[1:].partition(" ")
    verb = typed.lower()
    row = VERBS.get(verb)
    if row is None:
        return core.Answer(Malformed(typed))
    if verb not in _VERBATIM:
        rest = rest.strip()
    return row.parse(rest.lstrip(" ") if verb == "msg" else rest) or core.Answer(Malformed(verb))


_VERBATIM = {"msg", "me", "ping"}
"""Verbs whose text is kept to the letter."""
