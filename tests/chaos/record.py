"""The record of a run: who came, what they sent, what they read, and what was done to the cluster.

A record is a list of moments in one order, seen by one process with one monotonic clock, so
that "before" means something whichever nodes were concerned. It can be written down, a line of
JSON for each moment, and looked at again. Must not know what lines mean.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec


class Begun(msgspec.Struct, frozen=True, tag="begun"):
    """The first moment. `wall`: Unix time, to find the place in the logs of nodes.

    `replicated`: a line is answered as done when a replica has it.
    """

    at: float
    wall: float
    seed: str
    nodes: tuple[str, ...]
    replicated: bool = False


class Came(msgspec.Struct, frozen=True, tag="came"):
    """A connection was made: the visit `who` ("p3/2" is person p3's second) to a node's door."""

    at: float
    who: str
    node: str
    door: str = "line"


class Sent(msgspec.Struct, frozen=True, tag="sent"):
    """A line was typed."""

    at: float
    who: str
    line: str


class Heard(msgspec.Struct, frozen=True, tag="heard"):
    """A line was read."""

    at: float
    who: str
    line: str


class Went(msgspec.Struct, frozen=True, tag="went"):
    """The connection has ended. `by`: "them" if the person hung up, "server" otherwise."""

    at: float
    who: str
    by: str


class Struck(msgspec.Struct, frozen=True, tag="struck"):
    """A fault began. `number`: of this occurrence. `on`: the nodes concerned.

    `loses`: Redis may have lost what was accepted. `ends`: connections to these nodes end.
    `drains`: they end with a token. `heals`: it is over by itself, whenever the cluster has got
    over it.
    """

    at: float
    number: int
    fault: str
    on: tuple[str, ...]
    loses: bool = False
    ends: bool = False
    heals: bool = False
    drains: bool = False


class Lifted(msgspec.Struct, frozen=True, tag="lifted"):
    """A fault is over."""

    at: float
    number: int
    fault: str


class Quiet(msgspec.Struct, frozen=True, tag="quiet"):
    """All that was to happen has happened. What follows are questions only."""

    at: float


class Examined(msgspec.Struct, frozen=True, tag="examined"):
    """A look past the people, at the end. `differs`: what `chorus doctor` named, if anything.

    `kept`: the marks of the lines that Redis has in the channels' logs.
    """

    at: float
    differs: tuple[str, ...]
    kept: frozenset[str]


Moment = Begun | Came | Sent | Heard | Went | Struck | Lifted | Quiet | Examined
Record = list[Moment]

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Moment)


def save(record: Iterable[Moment], path: Path) -> None:
    """Write a record down."""
    path.write_bytes(b"".join(_encoder.encode(moment) + b"\n" for moment in record))


def load(path: Path) -> Record:
    """Read a record that was written down. Raises `msgspec.DecodeError`."""
    return [_decoder.decode(line) for line in path.read_bytes().splitlines()]


def shown(moment: Moment) -> str:
    """A moment as a person would tell it."""
    at = f"{moment.at:9.3f}"
    match moment:
        case Begun(seed=seed, nodes=nodes):
            return f"{at}  seed {seed}, {len(nodes)} nodes"
        case Came(who=who, node=node):
            return f"{at}  {who} came to {node}"
        case Sent(who=who, line=line):
            return f"{at}  {who} > {_short(line)}"
        case Heard(who=who, line=line):
            return f"{at}  {who} < {_short(line)}"
        case Went(who=who, by=by):
            return f"{at}  {who} is gone, by {by}"
        case Struck(fault=fault, on=on):
            return f"{at}  ! {fault}: {' '.join(on)}"
        case Lifted(fault=fault):
            return f"{at}  ! {fault} is over"
        case Quiet():
            return f"{at}  ! quiet"
        case Examined(differs=differs, kept=kept):
            return f"{at}  ! {len(differs)} differences by the doctor, {len(kept)} lines in Redis"


def _short(line: str) -> str:
    return line if len(line) <= 160 else f"{line[:150]}... ({len(line)} characters)"
