"""Batches that clients send: messages of several lines (IRCv3 draft/multiline)."""

from itertools import accumulate

from node.core import names
from node.dialects.irc.call import Call, Row
from node.dialects.irc.events import CONCAT, MULTILINE
from node.dialects.irc.wire import Message


class Open:
    """A batch that a client has begun. `lines`: what it has so far, each with whether it belongs to
    the one before. `failed`: it can't be taken, and they have been told.
    """

    __slots__ = ("ref", "target", "tags", "verb", "lines", "failed")

    def __init__(self, ref: str, target: str, tags: dict[str, str]) -> None:
        self.ref = ref
        self.target = target
        self.tags = tags
        self.verb = ""
        self.lines: list[tuple[str, bool]] = []
        self.failed = False

    @property
    def text(self) -> str:
        """What it says so far."""
        return "".join(
            line if joined or not i else f"\n{line}" for i, (line, joined) in enumerate(self.lines)
        )

    @property
    def cuts(self) -> tuple[int, ...]:
        """Where lines that belong together were sent apart: letters before."""
        sizes = [len(line) + (i > 0 and not joined) for i, (line, joined) in enumerate(self.lines)]
        starts = [0, *accumulate(sizes)]
        return tuple(at for at, (_, joined) in zip(starts, self.lines, strict=False) if joined)


async def batch(call: Call) -> None:
    sign, ref = call.params[0][:1], call.params[0][1:]
    if sign == "+" and ref:
        _begin(call, ref)
    elif sign == "-" and call.reader.batch is not None and ref == call.reader.batch.ref:
        await _end(call, call.reader.batch)
    else:
        call.fail("MULTILINE_INVALID", "That is no batch of yours")


def _begin(call: Call, ref: str) -> None:
    if call.param(1) != MULTILINE or not call.has(MULTILINE) or not call.param(2):
        call.fail("MULTILINE_INVALID", "That batch can't be sent here")
    elif call.reader.batch is not None:
        call.fail("MULTILINE_INVALID", "A batch is open already")
    else:
        call.reader.batch = Open(ref, call.params[2], call.tags)


async def _end(call: Call, done: Open) -> None:
    call.reader.batch = None
    if done.failed:
        return
    if not done.text.strip("\n"):
        call.fail("MULTILINE_INVALID", "A message can't consist of blank lines only")
        return
    message = Message(done.verb, [done.target, done.text], done.tags)
    whole = Call(call.chat, call.session, call.reader, message)
    whole.cuts = done.cuts
    await call.reader.perform(whole)


def add(call: Call, into: Open | None) -> None:
    """A line of an open batch; None: there's none."""
    if into is None or (call.tags["batch"] != into.ref and not into.failed):
        _fail(call, into, "MULTILINE_INVALID", "That is no batch of yours")
        return
    if into.failed:
        return
    target, text, joined = call.param(0), call.param(1), CONCAT in call.tags
    if call.verb not in ("PRIVMSG", "NOTICE") or call.verb != (into.verb or call.verb):
        _fail(call, into, "MULTILINE_INVALID", "Lines of one kind only")
    elif target != into.target:
        _fail(call, into, "MULTILINE_INVALID_TARGET", "Another target", into.target, target or "*")
    elif joined and not text:
        _fail(call, into, "MULTILINE_INVALID", "A blank line belongs to no other")
    else:
        into.verb = call.verb
        into.lines.append((text, joined))
        if len(into.lines) > names.MOST_LINES:
            _fail(call, into, "MULTILINE_MAX_LINES", "Too many lines", str(names.MOST_LINES))
        elif len(into.text.encode()) > names.MOST_BYTES:
            _fail(call, into, "MULTILINE_MAX_BYTES", "Too many bytes", str(names.MOST_BYTES))


def _fail(call: Call, batch: Open | None, code: str, says: str, *about: str) -> None:
    if batch is not None:
        batch.failed = True
    call.said(" ".join(("FAIL", "BATCH", code, *about, f":{says}")))


COMMANDS = {
    "BATCH": Row(batch, 1, form="+REF TYPE TARGET, or -REF", does="begin or end a batch of lines"),
}
