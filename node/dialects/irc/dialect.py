"""Events and replies to lines of IRC. One instance is one kind of listener: those who have the same
capabilities share it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from broker.api import Code, Refused
from broker.events import PROGRAM, Event, Extra, Said, Tagged
from node.core.commands import Command
from node.core.dialect import Place
from node.core.replies import Reply
from node.core.session import Session
from node.dialects.irc import wire
from node.dialects.irc.caps import CAPS, EXTENDED_MONITOR
from node.dialects.irc.config import IrcConfig
from node.dialects.irc.events import EVENTS, MULTILINE, plain
from node.dialects.irc.numerics import NUMERICS
from node.dialects.irc.reader import Reader
from node.dialects.irc.replies import REPLIES
from node.dialects.irc.wire import clock

EVERYBODY = 1 << 30
"""NAMES at JOIN is the whole roster."""


class _Last:
    """What was said last, at these places: lines without tags, so far as they're plain. All kinds
    put their own tags before them.
    """

    __slots__ = ("places", "lines")

    def __init__(self) -> None:
        self.places: Sequence[Place] = ()
        self.lines: list[str | None] = []


class Irc:
    """A `node.core.dialect.Dialect`. Make the first with its configuration and how a line is
    framed; the others come from it. Their options are capabilities.
    """

    name = "irc"
    lobby = False
    greets = False
    resumes = False
    longest = wire.LONGEST
    endless = wire.ENDLESS
    page = EVERYBODY
    history = 0

    def __init__(
        self,
        config: IrcConfig,
        framed: Callable[[str], bytes] = lambda line: f"{line}\r\n".encode(),
        options: frozenset[str] = frozenset(),
        known: "dict[frozenset[str], Irc] | None" = None,
        last: _Last | None = None,
    ) -> None:
        self.config = config
        self.options = options
        self.echo = "echo-message" in options
        self.renames = "draft/channel-rename" in options
        self.observes = not options.isdisjoint(EXTENDED_MONITOR)
        self._framed = framed
        self._known = {} if known is None else known
        self._known[options] = self
        self._last = last or _Last()
        self._time = "server-time" in options
        self._msgid = "message-tags" in options
        self._account = "account-tag" in options
        self._tagged = self._time or self._msgid or self._account
        self.says = (self._time, self._msgid, self._account, MULTILINE in options)
        self.speech: object = next(one for one in self._known.values() if one.says == self.says)

    def option(self, name: str, on: bool) -> "Irc":
        if name not in CAPS:
            raise Refused(Code.OPTION_UNKNOWN, name)
        return self.having(self.options | {name} if on else self.options - {name})

    def having(self, caps: frozenset[str]) -> "Irc":
        """The dialect with these capabilities."""
        return self._known.get(caps) or Irc(
            self.config, self._framed, caps, self._known, self._last
        )

    def parser(self, session: Session) -> Callable[[bytes], Command | None]:
        return Reader(session)

    def too_long(self) -> Command:
        return Reader.too_long()

    # -- events

    def render(self, event: Event, place: Place) -> bytes:
        lines = self.lines(event, place)
        if len(lines) == 1:  # as nearly all are
            return self._framed(lines[0])
        return b"".join(map(self._framed, lines))

    def speak(self, events: Sequence[Said], places: Sequence[Place]) -> list[bytes]:
        last = self._last
        if last.places is not places:
            last.places, last.lines = places, list(map(plain, events, places))
        framed, render = self._framed, self.render
        said = zip(self._heads(places), last.lines, events, places, strict=True)
        return [
            framed(head + line) if line else render(event, at) for head, line, event, at in said
        ]

    def _heads(self, places: Sequence[Place]) -> Sequence[str]:
        """What stands before plain lines that came by together."""
        time = f"time={clock(places[0].ms)}" if self._time else ""
        if self._msgid:
            before = f"@{time};" if time else "@"
            return [f"{before}msgid={at.epoch}.{at.seq} " for at in places]
        return [f"@{time} " if time else ""] * len(places)

    def lines(self, event: Event, place: Place) -> Sequence[str]:
        """An event, not framed yet."""
        lines = EVENTS[type(event)](self, event, place)
        if not lines or not self._tagged:
            return lines
        msgid = f"{place.epoch}.{place.seq}" if place.epoch else ""
        whole = [self._tags(event, place, msgid) + lines[0]]
        if len(lines) > 1:  # one message, in pieces: its id is the first's
            tags = self._tags(event, place, "")
            whole += [line if line.startswith("@") else tags + line for line in lines[1:]]
        return whole

    def _tags(self, event: Event, place: Place, msgid: str) -> str:
        """What stands before an event's line."""
        extra: Extra | None = getattr(event, "extra", None)
        tags = []
        if self._time:
            tags.append(f"time={clock(place.ms)}")
        if self._msgid:
            if msgid:
                tags.append(f"msgid={msgid}")
            if event.sid.startswith(PROGRAM) or (extra is not None and extra.bot):
                tags.append("bot")
            if extra is not None and extra.tags:
                tags += map(wire.tag, extra.tags.items())
            if type(event) is Tagged:
                tags += map(wire.tag, event.tags.items())
        if self._account and extra is not None and extra.account:
            tags.append(wire.tag(("account", extra.account)))
        return f"@{';'.join(tags)} " if tags else ""

    def source(self, event: Event) -> str:
        """Who it comes from."""
        return f"{event.nick}!{event.by or f'unknown@{self.config.server}'}"

    # -- replies

    def reply(self, reply: Reply, to: str = "") -> bytes:
        return b"".join(map(self._framed, self.answer(reply, to)))

    def answer(self, reply: Reply, to: str) -> Iterable[str]:
        """A reply, not framed yet."""
        return REPLIES[type(reply)](self, reply, to or "*")

    def numeric(self, to: str, name: str, *params: str, text: str | None = None) -> str:
        """A numeric reply. `text`: the last parameter, if it isn't the table's."""
        number, fixed = NUMERICS[name]
        text = text if text is not None else fixed or None
        said = f" :{text}" if text is not None else ""
        middle = f" {' '.join(params)}" if params else ""
        return f":{self.config.server} {number} {to}{middle}{said}"

    def said(self, rest: str) -> str:
        """A line of the server's own."""
        return f":{self.config.server} {rest}"

    @staticmethod
    def tagged(tags: dict[str, str], line: str) -> str:
        """A line with more tags before it. One that is in a batch already stays in that."""
        if not line.startswith("@"):
            return wire.tagged(tags) + line
        had, _, rest = line[1:].partition(" ")
        if "batch" in tags and any(tag.startswith("batch=") for tag in had.split(";")):
            return line
        return f"{wire.tagged(tags)[:-1]};{had} {rest}"

    def labelled(self, label: str, ref: str, lines: Sequence[str]) -> Iterator[str]:
        """What one command brought, as the answer to its label (IRCv3 labeled-response). `ref`: the
        name of the batch, if one is needed.
        """
        tag = {"label": label}
        if len(lines) > 2 and _one_batch(lines):
            yield self.tagged(tag, lines[0])
            yield from lines[1:]
        elif len(lines) < 2:
            yield self.tagged(tag, lines[0] if lines else self.said("ACK"))
        else:
            yield self.tagged(tag, self.said(f"BATCH +{ref} labeled-response"))
            yield from (self.tagged({"batch": ref}, line) for line in lines)
            yield self.said(f"BATCH -{ref}")


def _one_batch(lines: Sequence[str]) -> bool:
    """Whether the lines are one message already, in a batch of its own."""
    begun, ended = _BATCH.search(lines[0]), _BATCH.search(lines[-1])
    return begun is not None and ended is not None and begun[1] == "+" and begun[2] == ended[2]


_BATCH = re.compile(r"^(?:@\S+ )?:\S+ BATCH ([+-])(\S+)")
