"""Events as lines: a table with a row per kind. A line of another dialect may be longer than one of
IRC: it goes out as several.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from broker import events as core
from broker.api import Identity
from broker.events import Event
from node.core.dialect import Place
from node.core.modes import STATUSES, written
from node.dialects.irc import wire

if TYPE_CHECKING:
    from node.dialects.irc.dialect import Irc

_Lines = Sequence[str]

_ACTION = "\x01ACTION {}\x01"


def _text(irc: "Irc", event: core.Said | core.Told, place: Place) -> _Lines:
    """What was said or told, if that's one line; or each line, in pieces if it's too long."""
    extra, target = event.extra, place.channel or place.to
    verb = "NOTICE" if extra is not None and extra.notice else "PRIVMSG"
    if extra is not None and extra.rank:
        target = f"{STATUSES[extra.rank]}{target}"
    head = f":{irc.source(event)} {verb} {target} :"
    text = event.text
    whole = f"{head}{_ACTION.format(text) if event.action else text}"
    if "\n" not in text and _fits(whole) and (extra is None or not extra.cuts):
        return (whole,)
    pieces = list(_pieces(event, wire.LINE - 2 - len(head.encode())))
    said = [_ACTION.format(piece) if event.action else piece for piece, _ in pieces]
    if len(said) == 1 or MULTILINE not in irc.options:
        return [head + line for line in said if line]
    ref = f"{place.epoch}-{place.seq}"
    begun = f":{irc.source(event)} BATCH +{ref} {MULTILINE} {target}"
    inside = [
        wire.tagged({"batch": ref} | ({CONCAT: ""} if joined else {})) + head + line
        for line, (_, joined) in zip(said, pieces, strict=True)
    ]
    return [begun, *inside, f":{irc.source(event)} BATCH -{ref}"]


def plain(event: core.Said, place: Place) -> str | None:
    """What was said in a channel, if it's one line of text and has nothing besides; else None. It's
    as `_text` has it for every kind of listener, but for the tags before it.
    """
    text = event.text
    if event.extra is not None or event.action or not event.by or event.sid[:1] == core.PROGRAM:
        return None
    whole = f":{event.nick}!{event.by} PRIVMSG {place.channel} :{text}"
    return whole if "\n" not in text and _fits(whole) else None


def _fits(line: str) -> bool:
    return len(line) <= FITS and (line.isascii() or len(line.encode()) <= FITS)


def _pieces(event: core.Said | core.Told, room: int) -> Iterator[tuple[str, bool]]:
    """Pieces of a text that fit, each with whether it belongs to the one before."""
    cuts = set(event.extra.cuts) if event.extra is not None else set()
    if event.action:
        room -= len(_ACTION) - 2
    at = 0
    for line in event.text.split("\n"):
        ends = [cut - at for cut in sorted(cuts) if at < cut < at + len(line)]
        parts = [line[a:b] for a, b in pairwise([0, *ends, len(line)])]
        joined = False
        for part in parts:
            for piece in wire.pieces(part, room):
                yield piece, joined
                joined = True
        at += len(line) + 1


MULTILINE, CONCAT = "draft/multiline", "draft/multiline-concat"

FITS = wire.LINE - 2

SHORT = 300
"""Bytes of a line that fits whoever says it: there's room for any name before it."""


def fits(me: Identity, verb: str, target: str, text: str) -> bool:
    """Whether others can read as one line what somebody says."""
    return len(f":{me.nick}!{me.profile.by} {verb} {target} :{text}".encode()) <= FITS


def _tagged(irc: "Irc", event: core.Tagged, place: Place) -> _Lines:
    if "message-tags" not in irc.options:
        return ()
    rank = event.extra.rank if event.extra is not None else ""
    target = f"{STATUSES[rank] if rank else ''}{place.channel}" if place.channel else place.to
    return (f":{irc.source(event)} TAGMSG {target}",)


def _joined(irc: "Irc", event: core.Joined, place: Place) -> _Lines:
    line = f":{irc.source(event)} JOIN {place.channel}"
    if "extended-join" in irc.options:
        line = f"{line} {event.account or '*'} :{event.real or event.nick}"
    return (line,)


def _left(irc: "Irc", event: core.Left, place: Place) -> _Lines:
    why = f" :{event.why}" if event.why else ""
    return (f":{irc.source(event)} PART {place.channel}{why}",)


def _kicked(irc: "Irc", event: core.Kicked, place: Place) -> _Lines:
    return (f":{irc.source(event)} KICK {place.channel} {event.target} :{event.why or event.nick}",)


def _ruled(irc: "Irc", event: core.Ruled, place: Place) -> _Lines:
    head = f":{irc.source(event)} MODE {place.channel} "
    lines: list[str] = []
    some: list[tuple[str, str]] = []
    size = 0
    room = wire.LINE - 2 - len(head.encode())
    for mode, about in event.changes:
        length = len(mode) + len(about.encode()) + 1
        if some and size + length > room:
            lines.append(head + written(some))
            some, size = [], 0
        some.append((mode, about))
        size += length
    if some:
        lines.append(head + written(some))
    return lines


def _invited(irc: "Irc", event: core.Invited, place: Place) -> _Lines:
    if place.channel and "invite-notify" not in irc.options:
        return ()
    return (f":{irc.source(event)} INVITE {event.guest} {event.channel}",)


def _topic_set(irc: "Irc", event: core.TopicSet, place: Place) -> _Lines:
    return (f":{irc.source(event)} TOPIC {place.channel} :{event.topic}",)


def _moved(irc: "Irc", event: core.Moved, _: Place) -> _Lines:
    """Who hasn't the capability leaves and comes: see `replies`."""
    if not irc.renames:
        return ()
    return (f":{irc.source(event)} RENAME {event.channel} {event.new} :{event.why}",)


def _renamed(irc: "Irc", event: core.Renamed, _: Place) -> _Lines:
    return (f":{irc.source(event)} NICK {event.new}",)


def _quit(irc: "Irc", event: core.Quit, _: Place) -> _Lines:
    return (f":{irc.source(event)} QUIT :{event.why}",)


def _redacted(irc: "Irc", event: core.Redacted, place: Place) -> _Lines:
    if "draft/message-redaction" not in irc.options:
        return ()
    why = f" :{event.why}" if event.why else ""
    return (f":{irc.source(event)} REDACT {place.channel or place.to} {event.at}{why}",)


def _altered(irc: "Irc", event: core.Altered, _: Place) -> _Lines:
    cap, line = _ALTERED.get(event.what, ("", ""))
    if cap not in irc.options:
        return ()
    value = event.value or ""
    if event.what == "host":
        value = value.replace("@", " ", 1)
    elif event.value is None:
        return (f":{irc.source(event)} {line.removesuffix(' :')}",)
    return (f":{irc.source(event)} {line}{value}",)


_ALTERED = {
    "away": ("away-notify", "AWAY :"),
    "host": ("chghost", "CHGHOST "),
    "real": ("setname", "SETNAME :"),
    "account": ("account-notify", "ACCOUNT "),
}


def _unknown(_irc: "Irc", _event: Event, _place: Place) -> _Lines:
    return ()


EVENTS: dict[type[Event], Callable[["Irc", Any, Place], _Lines]] = {
    core.Said: _text,
    core.Told: _text,
    core.Tagged: _tagged,
    core.Joined: _joined,
    core.Left: _left,
    core.Kicked: _kicked,
    core.Ruled: _ruled,
    core.Invited: _invited,
    core.TopicSet: _topic_set,
    core.Moved: _moved,
    core.Renamed: _renamed,
    core.Quit: _quit,
    core.Redacted: _redacted,
    core.Altered: _altered,
    core.Unknown: _unknown,
}
