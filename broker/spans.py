"""Picking a part of a log: what is before, after, between or around places or times.

`api.Way` says what may be asked. `scripts/span.lua` has the same rules, for logs that are too long
to be read whole. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from broker.api import Found, Place, Position, Span, Wanted, Way
from broker.events import SPOKEN, Entry, Event, Moved, Said, Tagged, Told
from broker.names import fold

RANKS = "ohv"
"""Letters of status, the highest first."""


def ranks(status: str) -> str:
    """Whose lines somebody of this status reads, of those that aren't for all (STATUSMSG)."""
    highest = min((RANKS.index(letter) for letter in status if letter in RANKS), default=None)
    return "" if highest is None else RANKS[highest:]


def readable(event: Event, readers: str) -> bool:
    """Whether an event is for somebody who reads lines of these `ranks`."""
    if not isinstance(event, Said | Tagged) or event.extra is None:
        return True
    return event.extra.rank == "" or event.extra.rank in readers


def fits(event: Event, wanted: Wanted) -> bool:
    """Whether an event is of a kind that is wanted, and for the reader. Where a channel has gone
    isn't for who came to its name after that.
    """
    kind = not isinstance(event, Moved) if wanted.every else isinstance(event, (*SPOKEN, Told))
    return kind and readable(event, wanted.ranks)


class Edge(NamedTuple):
    """How much stands before a place, and how much before or at it."""

    before: int
    upto: int


NOWHERE = Edge(0, 0)
"""Of a place that isn't known: nothing stands before it, and all after it."""


def time_edge(times: Sequence[int], ms: int) -> Edge:
    """Of a time among times, in their order."""
    return Edge(bisect_left(times, ms), bisect_right(times, ms))


def pick(found: Sequence[Found], wanted: Wanted, edges: Sequence[Edge]) -> Span:
    """What is wanted of what there is, in its order. `edges`: of the places that were asked for."""
    count, newest, low, high = wanted.count, False, 0, len(found)
    match wanted.way:
        case Way.BEFORE:
            newest, high = True, edges[0].before
        case Way.AFTER:
            low = edges[0].upto
        case Way.LATEST:
            newest, low = True, edges[0].upto if edges else 0
        case Way.BETWEEN:
            newest = edges[0] > edges[1]
            one, other = sorted(edges)
            low, high = one.upto, other.before
        case Way.AROUND:
            middle = edges[0].before
            first, last = max(0, middle - count // 2), min(high, middle + count - count // 2)
            return Span(list(found[first:last]), first > 0 or last < high)
    part = list(found[low : max(low, high)])
    some = part[max(0, len(part) - count) :] if newest else part[:count]
    return Span(some, len(some) < len(part))


# -- logs


def first_place(past: Mapping[str, int], tip: Position, seq: int) -> Position:
    """A place of a log as it was told when it was new, as far as that's known.

    `past`: up to which seq it's the log of each earlier epoch, the oldest first.
    """
    for epoch, upto in past.items():
        if seq <= upto:
            return Position(epoch, seq)
    return Position(tip.epoch, seq)


def known_seq(past: Mapping[str, int], tip: Position, place: Position) -> int:
    """Up to which seq a log is the one that a place is of; 0: it isn't."""
    return tip.seq if place.epoch == tip.epoch else past.get(place.epoch, 0)


def placed(past: Mapping[str, int], tip: Position, entries: Sequence[Entry]) -> list[Found]:
    """What was read of a log, each with its place."""
    return [Found(first_place(past, tip, e.seq), e.ms, e.event) for e in entries]


def span_of(
    past: Mapping[str, int], tip: Position, entries: Sequence[Entry], wanted: Wanted
) -> Span:
    """What is wanted of a log that is there as a whole."""
    found = placed(past, tip, [e for e in entries if fits(e.event, wanted)])

    def edge(place: Place) -> Edge:
        if isinstance(place, int):
            return time_edge([one.ms for one in found], place)
        known, seqs = known_seq(past, tip, place), [one.at.seq for one in found]
        if place.seq > known:
            return Edge(*[bisect_right(seqs, known)] * 2)
        return Edge(bisect_left(seqs, place.seq), bisect_right(seqs, place.seq))

    return pick(found, wanted, [edge(place) for place in wanted.places])


# -- conversations


def is_from(event: Event, nick: str, to: str) -> bool:
    """Whether it's something that somebody called so sent to a session, in its inbox."""
    sent_to = getattr(event, "to", "")
    return sent_to == to and fold(event.nick) == fold(nick)


def talk(received: Sequence[Found], sent: Sequence[Found], wanted: Wanted) -> Span:
    """What is wanted of what two people wrote to one another, which stands in both inboxes."""
    both = {one.at: one for one in (*received, *sent)}
    merged = sorted(both.values(), key=lambda one: one.ms)
    found = [one for one in merged if fits(one.event, wanted)]
    times = [one.ms for one in found]

    def edge(place: Place) -> Edge:
        if isinstance(place, int):
            return time_edge(times, place)
        if place not in both:
            return NOWHERE
        at = merged.index(both[place])
        before = sum(fits(one.event, wanted) for one in merged[:at])
        return Edge(before, before + fits(both[place].event, wanted))

    return pick(found, wanted, [edge(place) for place in wanted.places])


def latest_of(received: Sequence[Found], to: str) -> dict[str, int]:
    """When each, called as they were then, told a session something last."""
    nicks: dict[str, str] = {}
    times: dict[str, int] = {}
    for one in received:
        if isinstance(one.event, Told) and one.event.to == to:
            times.pop(nicks.get(fold(one.event.nick), ""), None)
            nicks[fold(one.event.nick)] = one.event.nick
            times[one.event.nick] = one.ms
    return times
