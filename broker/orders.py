"""What an operator may order a node to do, from outside, through Redis.

    chorus drain ─ HSETNX orders INCARNATION order ─> Redis ─ next heartbeat ─> that node does it
    chorus drain <─ HGETALL report:ID ────────────── Redis <─ what came of it ─┘

An order is JSON. It's handed out with a heartbeat and is gone from Redis then: it's taken once or,
if the answer is lost, never. Must not know Redis, nor what a node does about it.
"""

import msgspec


class Drain(msgspec.Struct, frozen=True, tag="drain", tag_field="order"):
    """Close all connections within `over` seconds (None: as the node was set up), then end.

    Reports `Shedding` at the beginning.
    """

    report: str
    over: float | None = None


class Shed(msgspec.Struct, frozen=True, tag="shed", tag_field="order"):
    """Close a share of the connections (0 to 1). Reports `Shedding`, at the beginning and at the
    end.
    """

    report: str
    share: float
    over: float | None = None


class Show(msgspec.Struct, frozen=True, tag="show", tag_field="order"):
    """Report what is in the node's memory: a `Shown` for each session, and at last `Following`."""

    report: str


class Mend(msgspec.Struct, frozen=True, tag="mend", tag_field="order"):
    """See that Redis has all that these sessions hold."""

    sids: tuple[str, ...]


Order = Drain | Shed | Show | Mend

_decoder: "msgspec.json.Decoder[Order]" = msgspec.json.Decoder(Order)


class Shedding(msgspec.Struct, frozen=True):
    """How far a node is: of so many sessions, so many to be closed within `over` seconds, and how
    many were.
    """

    sessions: int
    closing: int
    over: float
    closed: int = 0
    finished: bool = False


class Shown(msgspec.Struct, array_like=True, frozen=True):
    """A session as its node has it. `channels`: folded."""

    token: str
    nick: str
    channels: tuple[str, ...]


class Following(msgspec.Struct, array_like=True, frozen=True):
    """The channels that a node hears, folded."""

    channels: tuple[str, ...]


SUMMARY = ""
"""The field of a report that is written last; no session is called so."""

KEPT = 60
"""Seconds that a report stays in Redis, besides what the order takes."""


def encode_order(order: Order) -> bytes:
    """An order as Redis has it."""
    return msgspec.json.encode(order)


def decode_order(raw: bytes) -> Order:
    """Raises msgspec.DecodeError: for one of a later release, say."""
    return _decoder.decode(raw)
