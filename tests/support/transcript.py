"""A conversation that two people have over two nodes, as each of them read it on a terminal.

    TYPED ──> ann on the node east, bob on the node west ──> what they read after each line

The cluster is a real one, made for it. What is drawn at random, and the time of day, is put in
the same words each time (`_Mask`); everything else is as it came. Must not know who reads it.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from broker.embedded import Embedded
from tests.support.nodes import Nodes
from tests.support.town import Citizen

ANN, BOB = "ann", "bob"

TYPED = (
    (ANN, "/nick ann"),
    (BOB, "/nick bob"),
    (ANN, "/join #go"),
    (ANN, "/topic all things Go"),
    (ANN, "is anybody here?"),
    (BOB, "/nick Ann"),
    (BOB, "/join #go"),
    (BOB, "hello from the other node"),
    (ANN, "/me waves"),
    (BOB, "/msg ann psst, only you can read this"),
    (ANN, "/whois bob"),
)
"""Who types what, in this order. Then bob quits."""

_QUIT = "/quit good night"
_CLOAK = "@o237kju5hq.vhphv2xysj.tpautotdvu.cloak"
_GUESTS = ("guest-m4k7q", "guest-x2p9d")


class _Mask:
    """Puts constants for what is another each time: guests' nicks, times, cloaks."""

    def __init__(self) -> None:
        self._guests: dict[str, str] = {}

    def __call__(self, line: str) -> str:
        line = re.sub(r"guest-[a-z2-9]{5}", self._guest, line)
        line = re.sub(r"@([a-z2-7]{10}\.){3}cloak", _CLOAK, line)
        line = re.sub(r"^\| \d\d:\d\d ", "| 12:34 ", line)
        return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "2026-01-31 12:34 UTC", line)

    def _guest(self, found: re.Match[str]) -> str:
        return self._guests.setdefault(found[0], _GUESTS[len(self._guests) % len(_GUESTS)])


def transcript() -> str:
    """Hold the conversation, and return it: a line for each that was typed (`>`) or read."""
    mask = _Mask()
    with tempfile.TemporaryDirectory() as folder:
        server = Embedded(Path(folder) / "redis", appendonly=False)
        with server, Nodes(server.url, Path(folder)) as nodes:
            return "\n".join(f"{head}{mask(line)}".rstrip() for head, line in _talk(nodes))


def _talk(nodes: Nodes) -> Iterator[tuple[str, str]]:
    """Each line, and what stands before it."""
    east, west = nodes.start("east", "west")
    with Citizen(east) as ann:
        yield "", "ann is on the node east"
        yield from _read(ANN, ann.settle())
        with Citizen(west) as bob:
            yield "\n", "bob is on the node west"
            yield from _read(BOB, bob.settle())
            people = {ANN: ann, BOB: bob}
            for who, line in TYPED:
                yield f"\n{who} > ", line
                yield from _read(who, people[who].does(line))
                for other in people.keys() - {who}:
                    yield from _read(other, people[other].settle())
            yield f"\n{BOB} > ", _QUIT
            bob.type(_QUIT)
            yield from _read(BOB, bob.rest())
        yield from _read(ANN, ann.settle())


def _read(who: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        yield f"{who}   ", line
