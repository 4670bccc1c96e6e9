"""How the cluster is, in one sentence, for whoever has only a moment.

    Overview ──> verdict() ─┐
    no answer ─> away() ────┴─> Verdict: how grave, what is said, what stays the same of it

Pure. Must not know how it's shown.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from operator import attrgetter

import msgspec

from broker.reports import LOST, SILENT, STOPPED, Overview, State, Status

LOUD = 300.0
"""Seconds for which the loss of a node is the first thing that is said."""

BRIEF = 60.0
"""Seconds for which it's said that a node was stopped in good order."""

NAMED = 3
"""How many findings are said; how many more there are is said, too."""


class Level(StrEnum):
    """How grave it is, the gravest last."""

    WELL = "well"
    NOTE = "note"
    WARN = "warn"
    BAD = "bad"


class Verdict(msgspec.Struct, frozen=True):
    """`says`: a sentence. `gist`: the same without what changes by the second, so that whoever has
    it read aloud hears it once. `well`: how many of the cluster's `nodes` are well, those counted
    that it lost lately.
    """

    level: Level
    says: str
    gist: str
    well: int = 0
    nodes: int = 0


class _Finding(msgspec.Struct, frozen=True):
    """Something that isn't as it should be. `how_long`: words that change by the second."""

    level: Level
    gist: str
    how_long: str = ""

    @property
    def says(self) -> str:
        return f"{self.gist} {self.how_long}".rstrip()


def verdict(overview: Overview) -> Verdict:
    """How a cluster is of which Redis told."""
    now, begun = overview.at, _begun(overview.nodes)
    here = [
        node
        for node in overview.nodes
        if node.state is not State.GONE and node.started == begun[node.node]
    ]
    lost = [node for node in overview.nodes if _is_lost(node, now)]
    well = sum(node.state is State.READY and _age(node, now) < SILENT for node in here)
    known = len(here) + len(lost)
    findings = sorted(_findings(overview, begun), key=lambda found: -_GRAVITY[found.level])
    head = _head(well, known)
    return Verdict(
        _level(findings, known),
        _sentence(head, (found.says for found in findings)),
        _sentence(head, (found.gist for found in findings)),
        well,
        known,
    )


def away(seconds: float) -> Verdict:
    """How it is while Redis doesn't answer a node. `seconds`: since when."""
    rest = (
        "people stay connected and read that the broker is away; nothing new is accepted until "
        "it's back"
    )
    gist = f"Redis doesn't answer: {rest}."
    if seconds < 1:
        return Verdict(Level.BAD, gist, gist)
    return Verdict(Level.BAD, f"Redis hasn't answered for {span(seconds)}: {rest}.", gist)


_GRAVITY = {level: gravity for gravity, level in enumerate(Level)}


def _level(findings: list[_Finding], nodes: int) -> Level:
    if not nodes:
        return Level.BAD
    return findings[0].level if findings else Level.WELL


def _findings(overview: Overview, begun: Mapping[str, int]) -> Iterator[_Finding]:
    for node in overview.nodes:
        found = _finding(node, overview.at, begun.get(node.node, 0))
        if found is not None:
            yield found
    stopped = [node for node in overview.nodes if _is_stopped(node, overview.at)]
    if stopped:
        who = stopped[0].node if len(stopped) == 1 else f"{len(stopped)} nodes"
        was = "was" if len(stopped) == 1 else "were"
        ago = span(min(_age(node, overview.at) for node in stopped))
        yield _Finding(Level.NOTE, f"{who} {was} stopped in good order", f"{ago} ago")
    for words in overview.server.why:
        yield _Finding(Level.WARN, f"Redis: {words}")


def _finding(node: Status, now: int, begun: int) -> _Finding | None:
    """What is wrong with a node. `begun`: when the last that's called so started."""
    name, age = node.node, _age(node, now)
    if _is_lost(node, now):
        return _Finding(Level.BAD, f"{name} was lost", f"{span(age)} ago")
    if node.state is State.GONE:
        return None
    if node.started < begun:
        if age >= SILENT:
            return _Finding(Level.NOTE, f"{name} died and has started again")
        if now - begun > 2000 * SILENT:
            return _Finding(Level.WARN, f"two nodes are called {name}")
        return None
    if age >= SILENT:
        return _Finding(Level.WARN, f"{name} hasn't been heard of", f"for {span(age)}")
    if node.state is State.DEGRADED:
        why = f" ({', '.join(node.why)})" if node.why else ""
        return _Finding(Level.WARN, f"{name} is degraded{why}")
    if node.state is State.DRAINING:
        return _Finding(Level.NOTE, f"{name} is draining")
    return None


def _begun(nodes: Iterable[Status]) -> dict[str, int]:
    """When the last node of each name started: one that died and was started again has two
    statuses, until the lease of its former life ends.
    """
    living = [node for node in nodes if node.state is not State.GONE]
    return {node.node: node.started for node in sorted(living, key=attrgetter("started"))}


def _is_lost(node: Status, now: int) -> bool:
    return node.state is State.GONE and LOST in node.why and _age(node, now) < LOUD


def _is_stopped(node: Status, now: int) -> bool:
    return node.state is State.GONE and STOPPED in node.why and _age(node, now) < BRIEF


def _age(node: Status, now: int) -> float:
    """Seconds since it was heard of."""
    return (now - node.at) / 1000


def _head(well: int, all_: int) -> str:
    if all_ == 0:
        return "No node is alive"
    if well < all_:
        return f"{well} of {all_} node{'s' * (all_ != 1)} {'is' if well == 1 else 'are'} well"
    return "The only node is well" if all_ == 1 else f"All {all_} nodes are well"


def _sentence(head: str, findings: Iterable[str]) -> str:
    findings = iter(findings)
    parts = [head, *islice(findings, NAMED)]
    more = sum(1 for _ in findings)
    if more:
        parts.append(f"and {more} more")
    return "; ".join(parts) + "."


def span(seconds: float) -> str:
    """A time as people say it: 14 s, 3 min, 5 h."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h"
