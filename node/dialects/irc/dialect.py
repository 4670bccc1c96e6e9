"""Events and replies to lines of IRC. One instance is one kind of listener: those who have the same
capabilities share it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from broker.api import Code, Refused
from broker.events import PROGRAM, Event, Extra, Tagged
from node.core.commands import Command
from node.core.dialect import Place
from node.core.replies import Reply
from node.core.session import Session
from node.dialects.irc import wire
from node.dialects.irc.caps import CAPS
from node.dialects.irc.config import IrcConfig
from node.dialects.irc.events import EVENTS
from node.dialects.irc.numerics import NUMERICS
from node.dialects.irc.reader import Reader
from node.dialects.irc.replies import REPLIES
from node.dialects.irc.wire import clock

EVERYBODY = 1 << 30
"""NAMES at JOIN is the whole roster."""


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
    ) -> None:
        self.config = config
        self.options = options
        self.echo = "echo-message" in options
        self._framed = framed
        self._known = {} if known is None else known
        self._known[options] = self
        self._time = "server-time" in options
        self._msgid = "message-tags" in options
        self._account = "account-tag" in options
        self._tagged = self._time or self._msgid or self._account

    def option(self, name: str, on: bool) -> "Irc":
        if name not in CAPS:
            raise Refused(Code.OPTION_UNKNOWN, name)
        return self.having(self.options | {name} if on else self.options - {name})

    def having(self, caps: frozenset[str]) -> "Irc":
        """The dialect with these capabilities."""
        return self._known.get(caps) or Irc(self.config, self._framed, caps, self._known)

    def parser(self, session: Session) -> Callable[[bytes], Command | None]:
        return Reader(session)

    def too_long(self) -> Command:
        return Reader.too_long()

    # -- events

    def render(self, event: Event, place: Place) -> bytes:
        return b"".join(map(self._framed, self.lines(event, place)))

    def lines(self, event: Event, place: Place) -> Sequence[str]:
        """An event, not framed yet."""
        lines = EVENTS[type(event)](self, event, place)
        if not lines or not self._tagged:
            return lines
        first, *more = lines
        extra: Extra | None = getattr(event, "extra", None)
        tags = self._tags(event, place, extra)
        whole = [wire.tagged(tags) + first]
        if more:  # one message, in pieces: its id is the first's
            tags.pop("msgid", None)
            whole += [line if line.startswith("@") else wire.tagged(tags) + line for line in more]
        return whole

    def _tags(self, event: Event, place: Place, extra: Extra | None) -> dict[str, str]:
        """What stands before an event's line."""
        tags = {}
        if self._time:
            tags["time"] = clock(place.ms)
        if self._msgid:
            if place.epoch:
                tags["msgid"] = f"{place.epoch}.{place.seq}"
            if event.sid.startswith(PROGRAM) or (extra is not None and extra.bot):
                tags["bot"] = ""
            if extra is not None:
                tags |= extra.tags
            if isinstance(event, Tagged):
                tags |= event.tags
        if self._account and extra is not None and extra.account:
            tags["account"] = extra.account
        return tags

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
