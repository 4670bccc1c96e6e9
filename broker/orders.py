"""What an operator may order a node to do, from outside, through Redis.

    chorus drain ─ RPUSH orders:INCARNATION order ─> Redis ─ next heartbeat ─> that node does it
    chorus drain <─ HGETALL report:ID ───────────── Redis <─ what came of it ─┘

An order is JSON. All that wait are handed out with a heartbeat, in their order, and are gone from
Redis then: each is taken once or, if the answer is lost, never. A node that gives an order to
another tells it on its topic (HURRY) not to wait for its next beat. Must not know Redis, nor what a
node does about it.
"""

from typing import NamedTuple

import msgspec


class Drain(msgspec.Struct, frozen=True, tag="drain", tag_field="order"):
    """Close all connections within `over` seconds (None: as the node was set up), then end.

    Reports `Shedding` at the beginning.
    """

    report: str
    over: float | None = None
    by: str = ""


class Shed(msgspec.Struct, frozen=True, tag="shed", tag_field="order"):
    """Close a share of the connections (0 to 1). Reports `Shedding`, at the beginning and at the
    end.
    """

    report: str
    share: float
    over: float | None = None
    by: str = ""


class Show(msgspec.Struct, frozen=True, tag="show", tag_field="order"):
    """Report what is in the node's memory: a `Shown` for each session, and at last `Following`."""

    report: str


class Mend(msgspec.Struct, frozen=True, tag="mend", tag_field="order"):
    """See that Redis has all that these sessions hold."""

    sids: tuple[str, ...]


class Announce(msgspec.Struct, frozen=True, tag="announce", tag_field="order"):
    """Tell everybody here an operator's words. Reports `Announced`."""

    report: str
    text: str


class Kick(msgspec.Struct, frozen=True, tag="kick", tag_field="order"):
    """End a session for good, also one that is kept and that nobody has. Reports `Found`.

    `killer`: the nick of the operator of the chat whose act it is, if it's one's.
    """

    report: str
    sid: str
    why: str = ""
    killer: str = ""


class Locate(msgspec.Struct, frozen=True, tag="locate", tag_field="order"):
    """Report from where a session is connected: `Found`."""

    report: str
    sid: str


class Post(msgspec.Struct, frozen=True, tag="post", tag_field="order"):
    """Say something in a channel, under a name that is no person's. Reports `Posted`."""

    report: str
    name: str
    channel: str
    text: str


class Wallops(msgspec.Struct, frozen=True, tag="wallops", tag_field="order"):
    """Tell all here who read it what an operator of the chat writes. `by`: as in `Said`. Reports
    `Announced`.
    """

    report: str
    nick: str
    by: str
    text: str


class Rehash(msgspec.Struct, frozen=True, tag="rehash", tag_field="order"):
    """Read the files anew that settings name. Reports `Reread`."""

    report: str


class Inform(msgspec.Struct, frozen=True, tag="inform", tag_field="order"):
    """Tell the operators of the chat who are here, and want to read it, what one did."""

    text: str


Order = Drain | Shed | Show | Mend | Announce | Kick | Locate | Post | Wallops | Rehash | Inform

_decoder: "msgspec.json.Decoder[Order]" = msgspec.json.Decoder(Order)


class Holder(NamedTuple):
    """Who holds a nick, and the incarnation that has them, or had before they were detached."""

    sid: str
    node: str
    nick: str


class Shedding(msgspec.Struct, frozen=True):
    """How far a node is: of so many sessions, so many to be closed within `over` seconds, and how
    many were.
    """

    sessions: int
    closing: int
    over: float
    closed: int = 0
    finished: bool = False


class Announced(msgspec.Struct, frozen=True):
    """How many people an announcement was put to."""

    people: int


class Posted(msgspec.Struct, frozen=True):
    """What became of a post: empty, or the code with which it was refused."""

    refused: str = ""


class Reread(msgspec.Struct, frozen=True):
    """What came of each file, in words."""

    says: tuple[str, ...] = ()


class Found(msgspec.Struct, frozen=True):
    """Whether a session is on the node, and the address that it's connected from; empty: from none
    (over a unix socket, say).
    """

    here: bool
    address: str = ""


class Shown(msgspec.Struct, array_like=True, frozen=True):
    """A session as its node has it. `channels`: folded."""

    token: str
    nick: str
    channels: tuple[str, ...]


class Following(msgspec.Struct, array_like=True, frozen=True):
    """The channels that a node hears, folded."""

    channels: tuple[str, ...]


HURRY = "hurry"
"""Said on a node's topic: there's something for it with the next heartbeat, orders or bans. If
that's lost, it's a second later.
"""

SUMMARY = ""
"""The field of a report that is written last; no session is called so."""

WAITING = 100
"""How many orders may wait for one node."""

FORGOTTEN = 3_600
"""Seconds after which an order that nobody took or took back is gone."""

KEPT = 60
"""Seconds that a report stays in Redis, besides what the order takes."""


def encode_order(order: Order) -> bytes:
    """An order as Redis has it."""
    return msgspec.json.encode(order)


def decode_order(raw: bytes) -> Order:
    """Raises msgspec.DecodeError: for one of a later release, say."""
    return _decoder.decode(raw)
