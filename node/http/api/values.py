"""What the API takes and answers: values, checked where they come in, described where they're told.

Times are Unix milliseconds by Redis's clock, spans seconds.
"""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from broker.bans import LONGEST, Ban
from broker.events import Entry, Said
from broker.reports import State
from node.acts import LONGEST_TEXT, LONGEST_WHY

PAGE = 200
"""How much a page has, if nobody says otherwise."""

Pos = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-z]{1,40}\.[0-9]{1,15}$",
        description="A place in the log of a channel, such as 5a4a6e6fc770.42",
        examples=["5a4a6e6fc770.42"],
    ),
]
ChannelName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=51,
        description="A channel's name, its # written as %23 or left out",
        examples=["go"],
    ),
]
NodeName = Annotated[str, Meta(min_length=1, max_length=64, description="A node's name")]
Network = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=50,
        description="An address, or a network such as 203.0.113.0/24",
        examples=["203.0.113.0/24"],
    ),
]
Mask = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description="Of a user's name and a host, as others see it or as it is, with * and ?",
        examples=["bob@*.example.org"],
    ),
]
Barred = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description="An address, a network or a mask, as it's banned; a / is written as %2F",
        examples=["203.0.113.0/24"],
    ),
]
Nick = Annotated[str, Meta(min_length=1, max_length=32)]
Text = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
Why = Annotated[str, Meta(max_length=LONGEST_WHY, description="A reason, which people read")]
Over = (
    Annotated[float, Meta(ge=0, le=86_400, description="Seconds; none: as the node is set up")]
    | None
)
Limit = Annotated[int, Meta(ge=1, le=1_000, description="How many to return at most")]


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may stand behind the question mark: here nothing."""


class Page(Query, frozen=True, forbid_unknown_fields=True):
    """A page of a list that is sorted by name. `after`: the last name of the page before."""

    limit: Limit = PAGE
    after: Annotated[str, Meta(max_length=64)] = ""


class Before(Query, frozen=True, forbid_unknown_fields=True):
    """The last so many, or the last before a place."""

    limit: Limit = 50
    before: Pos | UnsetType = UNSET


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request brings."""


class NewMessage(Body, frozen=True, forbid_unknown_fields=True):
    """A line to be said."""

    text: Text


class NewNotice(Body, frozen=True, forbid_unknown_fields=True):
    """Words for everybody."""

    text: Text


class NewKick(Body, frozen=True, forbid_unknown_fields=True):
    """Whose session is to end, and why."""

    nick: Nick
    why: Why = ""


class NewBan(Body, frozen=True, forbid_unknown_fields=True):
    """Who may not connect: a network, the address from which somebody is connected now, or whoever
    is like a mask; one of these. `seconds` none: for good. `force`: also where the nodes' own
    machines connect from.
    """

    network: Network | UnsetType = UNSET
    nick: Nick | UnsetType = UNSET
    mask: Mask | UnsetType = UNSET
    seconds: Annotated[float, Meta(ge=1, le=LONGEST)] | None = None
    why: Why = ""
    force: bool = False


class Draining(Body, frozen=True, forbid_unknown_fields=True):
    """How long a node takes to close all its connections."""

    over: Over = None


class Rebalancing(Body, frozen=True, forbid_unknown_fields=True):
    """Which share of its connections a node closes, above 0 and up to 1, and how long it takes."""

    share: Annotated[float, Meta(gt=0, le=1)]
    over: Over = None


class Answer(msgspec.Struct, frozen=True):
    """What is answered."""


class Problem(Answer, frozen=True):
    """Why it wasn't done: a code for programs, and words for people."""

    error: str
    says: str


class Done(Answer, frozen=True):
    """What was done, in words."""

    says: str


class Message(Answer, frozen=True):
    """A line that was said. `nick`: a program's ends with `.bot`. `action`: said as `/me`."""

    pos: Pos
    at: int
    sid: str
    nick: str
    text: str
    action: bool = False


class Posted(Answer, frozen=True):
    """Where a line stands that was said."""

    channel: str
    pos: Pos
    at: int
    nick: str


class Messages(Answer, frozen=True):
    """Lines that were said, oldest first. `more`: there are older ones."""

    channel: str
    messages: list[Message]
    more: bool


class Channel(Answer, frozen=True):
    """A channel that has members."""

    name: str
    members: int
    topic: str


class Channels(Answer, frozen=True):
    """A page of `total`. `next`: what `after` is for the next page; none: this is the last."""

    channels: list[Channel]
    total: int
    next: str | None


class Session(Answer, frozen=True):
    """Somebody, and the node that they're on, or were before they were lost and kept."""

    nick: str
    node: str


class Sessions(Answer, frozen=True):
    """A page, as of channels."""

    sessions: list[Session]
    total: int
    next: str | None


class Node(Answer, frozen=True):
    """How a node is, in its own words. `sessions`: by dialect. Counts are since it started, rates
    are per second. `cpu`: share of one core. `loop_lag`, `probe`: seconds. `memory`, `outbox`:
    bytes. `why`: what is wrong.
    """

    node: str
    state: State
    why: list[str]
    version: str
    started: int
    at: int
    sessions: dict[str, int]
    channels: int
    lines: int
    deliveries: int
    refusals: int
    gaps: int
    slow_readers: int
    reconnects: int
    line_rate: float
    delivery_rate: float
    cpu: float
    loop_lag: float
    probe: float | None
    memory: int
    outbox: int


class Nodes(Answer, frozen=True):
    """All nodes, also those that are gone not long ago."""

    nodes: list[Node]


class Banned(Answer, frozen=True):
    """A ban of a network or of a mask: the other is empty. `until` none: for good. `by`: who made
    it, `nick`: by whose nick it was found.
    """

    network: str
    until: int | None
    why: str
    by: str
    at: int
    nick: str
    mask: str = ""


class BanList(Answer, frozen=True):
    """All bans whose time isn't over."""

    bans: list[Banned]


def node_of(status: Any) -> Node:
    """A node's status, as it's answered."""
    told = {name: getattr(status, name) for name in Node.__struct_fields__}
    return Node(**told | {"why": list(status.why), "sessions": dict(status.sessions)})


def banned(ban: Ban) -> Banned:
    """A ban, as it's answered."""
    network = "" if ban.mask else ban.network
    return Banned(network, ban.until or None, ban.why, ban.by, ban.at, ban.nick, ban.mask)


def message(epoch: str, entry: Entry, said: Said) -> Message:
    """A line, as it's answered."""
    pos = f"{epoch}.{entry.seq}"
    return Message(pos, entry.ms, said.sid, said.nick, said.text, said.action)
