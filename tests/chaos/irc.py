"""The IRC door, as people of the slash dialect see it: what they type goes out as IRC, and what
comes is read as what it means in the slash dialect. So a record and its judge know one language.

    Person ── /msg #red p3.1 ──> typed ──> PRIVMSG #red :p3.1 ──> a node
    Person <── @e.7 [#red] <ann> p3.1 ── Ear <── @msgid=e.7 :ann!u@h PRIVMSG #red :p3.1

Nobody takes a session up again here: IRC has no way for that.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.chaos.lines import author, mark
from tests.chaos.lines import typed as understood_typed

CAPS = "message-tags echo-message batch standard-replies draft/chathistory"
"""What these people ask for. Places are in the tags."""

ERRORS = range(400, 600)
NO_MOTD = "422"

_ACTION = "\x01ACTION "


class Message(NamedTuple):
    """A line that came. `nick`: whose it is; empty: the server's."""

    verb: str
    params: list[str]
    tags: dict[str, str]
    nick: str

    @property
    def last(self) -> str:
        return self.params[-1] if self.params else ""


def parsed(line: str) -> Message:
    """A line that came, taken apart."""
    tags: dict[str, str] = {}
    if line.startswith("@"):
        head, _, line = line[1:].partition(" ")
        tags = dict(tag.partition("=")[::2] for tag in head.split(";"))
    nick = ""
    if line.startswith(":"):
        source, _, line = line[1:].partition(" ")
        nick = source.partition("!")[0] if "!" in source else ""
    middle, colon, last = line.partition(" :")
    verb, *params = middle.split()
    return Message(verb, [*params, last] if colon else params, tags, nick)


# -- what they type


_MODES = {"/op": "+o", "/deop": "-o", "/voice": "+v", "/devoice": "-v"}


def typed(line: str, current: str) -> str:
    """A line of the slash dialect in IRC; empty if there's none. `current`: where `/me` is said."""
    verb, about, text = understood_typed(line)
    if verb in _MODES:
        return f"MODE {about} {_MODES[verb]} {text}"
    found = _TYPED.get(verb)
    return found(about, text, current) if found is not None else ""


_TYPED: dict[str, Callable[[str, str, str], str]] = {
    "/msg": lambda to, text, _: f"PRIVMSG {to} :{text}",
    "/me": lambda _, text, current: f"PRIVMSG {current or '#nowhere'} :{_ACTION}{text}\x01",
    "/ping": lambda _, text, __: f"PING :{text}",
    "/nick": lambda nick, _, __: f"NICK {nick}",
    "/join": lambda channel, _, __: f"JOIN {channel}",
    "/leave": lambda channel, _, __: f"PART {channel}",
    "/away": lambda why, _, __: f"AWAY :{why}",
    "/who": lambda _, __, ___: "WHO *",
    "/names": lambda channel, _, __: f"NAMES {channel}",
    "/list": lambda _, __, ___: "LIST",
    "/stats": lambda _, __, ___: "LUSERS",
    "/history": lambda _, __, current: f"CHATHISTORY LATEST {current or '#nowhere'} * 20",
    "/quit": lambda _, __, ___: "QUIT",
    "/kick": lambda channel, nick, _: f"KICK {channel} {nick}",
    "/invite": lambda nick, channel, _: f"INVITE {nick} {channel}",
    "/mode": lambda channel, changes, _: f"MODE {channel} {changes}".rstrip(),
}


# -- what they read


class Ear:
    """What one connection reads, in the slash dialect. `person`: whose it is, as in their words.
    `nick`: as it is by now; empty until they're greeted.
    """

    def __init__(self, person: str) -> None:
        self.person = person
        self.nick = ""
        self._names: list[str] = []
        self._who: list[str] = []
        self._history: set[str] = set()  # batches

    def hears(self, line: str) -> Iterator[str]:
        """What a line means; nothing, if only to IRC."""
        message = parsed(line)
        found = self._meaning(message)
        if found is None:
            return
        if message.tags.get("batch") in self._history:
            yield f"| 00:00 {found}"
            return
        place = message.tags.get("msgid")
        yield f"@{place} {found}" if place else found
        if message.verb == "315":
            many = len(self._who)
            yield f"{many} {'person' if many == 1 else 'people'} in all"
            self._who = []

    def _meaning(self, message: Message) -> str | None:
        verb = message.verb
        if not self.nick and verb not in ("001", "ERROR"):
            return None
        if verb.isdigit():
            return self._numeric(message)
        row = _EVENTS.get(verb) if message.nick else _SERVERS.get(verb)
        return row(self, message) if row is not None else None

    def _numeric(self, message: Message) -> str | None:
        verb, params = message.verb, message.params[1:]
        if int(verb) in ERRORS and verb != NO_MOTD:
            # whose words decide something, as the slash dialect says it
            return f"error: you are not in {params[0]}" if verb == "442" else (
                f"error: {' '.join([message.last, *params[:-1]])}"
            )  # fmt: skip
        match verb:
            case "001":
                self.nick = message.params[0]
                return f"welcome to chorus; you are {self.nick}"
            case "301":
                return f"{params[0]} is away ({message.last})"
            case "306":
                return "you are away (busy)"
            case "324":
                modes = " ".join(params[1:])
                return f"the modes of {params[0]} are {modes}" if modes != "+" else (
                    f"{params[0]} has no modes"
                )  # fmt: skip
            case "341":
                return f"you have invited {params[0]} into {params[1]}"
            case "353":
                self._names += message.last.split()
                return None
            case "366":
                names, self._names = self._names, []
                return f"in {params[0]} ({len(names)}): {' '.join(names) or 'nobody'}"
            case "352":
                self._who.append(params[4])
                return f"on irc: {params[4]}"
            case "315":
                return "that is all"
        return None

    def _said(self, message: Message) -> str | None:
        to, text = message.params[0], message.last
        action = text.startswith(_ACTION)
        if action:
            text = text.removeprefix(_ACTION).removesuffix("\x01")
        if not to.startswith("#"):
            mine = author(mark(text)) == self.person
            return None if mine else f"[private] <{message.nick}> {text}"
        return f"[{to}] * {message.nick} {text}" if action else f"[{to}] <{message.nick}> {text}"

    def _renamed(self, message: Message) -> str:
        if message.nick == self.nick:
            self.nick = message.last
        return f"{message.nick} is changing nick to {message.last}"

    def _mode(self, message: Message) -> str | None:
        channel, *changes = message.params
        if not channel.startswith("#"):
            return None
        return f"{message.nick} has changed the modes of {channel}: {' '.join(changes)}"

    def _told(self, message: Message) -> str | None:
        text = message.last
        lost = text.endswith((" is lost", " are lost", " may be missing", " may differ"))
        return f"gap: {text}" if lost else f"notice: {text}"

    def _batch(self, message: Message) -> None:
        ref, *kind = message.params
        if kind[:1] == ["chathistory"]:
            self._history.add(ref[1:])

    def _kicked(self, message: Message) -> str:
        channel, target, *_ = message.params
        return f"{message.nick} has kicked {target} out of the channel {channel}"


_EVENTS: dict[str, Callable[[Ear, Message], str | None]] = {
    "PRIVMSG": Ear._said,
    "JOIN": lambda _, m: f"{m.nick} has joined the channel {m.params[0]}",
    "PART": lambda _, m: f"{m.nick} has left the channel {m.params[0]}",
    "QUIT": lambda _, m: f"{m.nick} has quit" + (f" ({m.last})" if m.last else ""),
    "NICK": Ear._renamed,
    "KICK": Ear._kicked,
    "MODE": Ear._mode,
    "INVITE": lambda _, m: f"{m.nick} invites you into the channel {m.last}",
}

_SERVERS: dict[str, Callable[[Ear, Message], str | None]] = {
    "PONG": lambda _, m: f"pong {m.last}",
    "NOTICE": Ear._told,
    "FAIL": lambda _, m: f"error: {m.last}",
    "ERROR": lambda _, m: f"closing: {m.last.removeprefix('Closing link: ')}",
    "BATCH": Ear._batch,
}
