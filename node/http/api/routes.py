"""The routes: a row for each thing that may be asked, and the function that answers it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from broker.api import Broker, Position
from broker.events import Said
from broker.names import fold
from broker.reports import Status
from broker.spans import readable
from node import acts
from node.acts import Desk
from node.core import names
from node.core.hub import Hub
from node.http.access import Access, Caller, Denied, Scope
from node.http.api import values
from node.http.api.values import Answer, Body, Query

T = TypeVar("T")


class Overview(Protocol):
    """The part of `broker.reports.Overview` that is told."""

    @property
    def nodes(self) -> tuple[Status, ...]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the API is given to work with. `overview`: how the cluster is. `call_later`: Twisted's.

    `backlog`: bytes that may wait for one who follows events.
    """

    access: Access
    broker: Broker
    hub: Hub
    desk: Desk
    overview: Callable[[], Awaitable[Overview]]
    call_later: Callable[..., Any]
    backlog: int


class Asked(NamedTuple):
    """A request that may be done: its path's names, its query, its body, and by whom.

    `key`: the Idempotency-Key, or empty.
    """

    parts: Parts
    path: dict[str, str]
    query: Any
    body: Any
    caller: Caller
    key: str

    @property
    def by(self) -> str:
        """Who does it, for the incidents."""
        return f"token {self.caller.name}" if self.caller.token else self.caller.name

    @property
    def channel(self) -> str:
        """Raises CHANNEL_INVALID."""
        return names.channel(self.path["channel"])


Work = Callable[[Asked], Awaitable[Answer | tuple[int, Answer]]]


class Route(NamedTuple):
    """A row of the table. `work` None: it's answered for as long as both want, see `events`.

    `answers`: what is answered, by status; the first is what `work` returns if it returns no
    status. `problems`: statuses besides those that all such routes may have. `keyed`: whether an
    Idempotency-Key counts.
    """

    method: str
    path: str
    scope: Scope
    does: str
    work: Work | None
    answers: dict[int, type[Answer]]
    query: type[Query] = Query
    body: type[Body] | None = None
    problems: tuple[int, ...] = ()
    keyed: bool = False


# -- channels


async def post(asked: Asked) -> tuple[int, Answer]:
    text = acts.words(asked.body.text, "text", acts.LONGEST_TEXT)
    nick = names.program(asked.caller.name)
    posted = await asked.parts.broker.post(nick, asked.channel, text, asked.key)
    if not posted.same:
        raise Denied(422, "key-reused", "something else was said under this Idempotency-Key before")
    pos = f"{posted.at.epoch}.{posted.at.seq}"
    answer = values.Posted(asked.channel, pos, posted.ms, nick)
    return 201 if posted.fresh else 200, answer


async def messages(asked: Asked) -> Answer:
    query: values.Before = asked.query
    channel, broker = asked.channel, asked.parts.broker
    await broker.topic(channel)  # there is one
    before = position(query.before) if isinstance(query.before, str) else None
    found = await broker.history(channel, query.limit, before)
    said = [
        values.message(found.epoch, entry, entry.event)
        for entry in found.entries
        if isinstance(entry.event, Said) and readable(entry.event, "")
    ]
    return values.Messages(channel, said, found.more)


def position(text: str) -> Position:
    """A place as it's told; it was checked before."""
    epoch, _, seq = text.partition(".")
    return Position(epoch, int(seq))


async def channels(asked: Asked) -> Answer:
    found = await asked.parts.broker.channels()
    page, after = _page(found, asked.query, lambda channel: channel.name)
    rows = [values.Channel(*channel[:3]) for channel in page]
    return values.Channels(rows, len(found), after)


async def sessions(asked: Asked) -> Answer:
    found = await asked.parts.broker.people()
    page, after = _page(found, asked.query, lambda person: person.nick)
    return values.Sessions(
        [values.Session(person.nick, person.node) for person in page], len(found), after
    )


def _page(
    rows: Sequence[T], query: values.Page, name: Callable[[T], str]
) -> tuple[Sequence[T], str | None]:
    """Rows that are sorted by folded name, after the one that is named."""
    after = fold(query.after)
    rest = [row for row in rows if fold(name(row)) > after] if after else rows
    page = rest[: query.limit]
    return page, name(page[-1]) if len(rest) > len(page) else None


# -- nodes


async def nodes(asked: Asked) -> Answer:
    found = await asked.parts.overview()
    return values.Nodes([values.node_of(status) for status in found.nodes])


async def drain(asked: Asked) -> Answer:
    over, name = asked.body.over, asked.path["node"]
    return values.Done(await acts.drain(asked.parts.desk, name, over, asked.by))


async def rebalance(asked: Asked) -> Answer:
    over, share, name = asked.body.over, asked.body.share, asked.path["node"]
    return values.Done(await acts.rebalance(asked.parts.desk, name, share, over, asked.by))


# -- people


async def notice(asked: Asked) -> Answer:
    return values.Done(await acts.notice(asked.parts.desk, asked.body.text, asked.by))


async def kick(asked: Asked) -> Answer:
    body: values.NewKick = asked.body
    return values.Done(await acts.kick(asked.parts.desk, body.nick, body.why, asked.by))


async def bans(asked: Asked) -> Answer:
    found = await asked.parts.desk.bans()
    return values.BanList([values.banned(ban) for ban in found])


async def ban(asked: Asked) -> Answer:
    body: values.NewBan = asked.body
    network = body.network if isinstance(body.network, str) else ""
    nick = body.nick if isinstance(body.nick, str) else ""
    mask = body.mask if isinstance(body.mask, str) else ""
    if [bool(network), bool(nick), bool(mask)].count(True) != 1:
        raise Denied(422, "body-invalid", "expected either a network, a nick or a mask")
    done = await acts.ban(
        asked.parts.desk,
        by=asked.by,
        network=network,
        nick=nick,
        mask=mask,
        seconds=body.seconds,
        why=body.why,
        force=body.force,
    )
    return values.Done(done)


async def unban(asked: Asked) -> Answer:
    return values.Done(await acts.unban(asked.parts.desk, asked.path["banned"], asked.by))


PATHS: dict[str, Any] = {
    "channel": values.ChannelName,
    "node": values.NodeName,
    "banned": values.Barred,
}
"""What may stand in a path, by its name there."""

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "channels",
        Scope.INSPECT,
        "The channels that have members, by name",
        channels,
        {200: values.Channels},
        query=values.Page,
    ),
    Route(
        "GET",
        "channels/{channel}/messages",
        Scope.READ,
        "What was said in a channel",
        messages,
        {200: values.Messages},
        query=values.Before,
        problems=(404,),
    ),
    Route(
        "POST",
        "channels/{channel}/messages",
        Scope.POST,
        "Say something in a channel, as the token's name and .bot, without being in it",
        post,
        {201: values.Posted, 200: values.Posted},
        body=values.NewMessage,
        problems=(404, 504),
        keyed=True,
    ),
    Route(
        "GET",
        "channels/{channel}/events",
        Scope.READ,
        "What is said in a channel from now on, or after a place, as server-sent events",
        None,
        {200: values.Message},
        problems=(404,),
    ),
    Route(
        "GET",
        "sessions",
        Scope.INSPECT,
        "Who is there, by nick",
        sessions,
        {200: values.Sessions},
        query=values.Page,
    ),
    Route(
        "GET",
        "nodes",
        Scope.INSPECT,
        "How the nodes are",
        nodes,
        {200: values.Nodes},
    ),
    Route(
        "POST",
        "nodes/{node}/drain",
        Scope.OPERATE,
        "Close a node's connections, bit by bit, and end it; answered when it has begun",
        drain,
        {202: values.Done},
        body=values.Draining,
        problems=(404, 504),
    ),
    Route(
        "POST",
        "nodes/{node}/rebalance",
        Scope.OPERATE,
        "Close a share of a node's connections, bit by bit; answered when it has begun",
        rebalance,
        {202: values.Done},
        body=values.Rebalancing,
        problems=(404, 504),
    ),
    Route(
        "POST",
        "notices",
        Scope.OPERATE,
        "Tell everybody something, on all nodes",
        notice,
        {200: values.Done},
        body=values.NewNotice,
        problems=(504,),
    ),
    Route(
        "POST",
        "kicks",
        Scope.OPERATE,
        "End somebody's session for good",
        kick,
        {200: values.Done},
        body=values.NewKick,
        problems=(404, 409, 504),
    ),
    Route(
        "GET",
        "bans",
        Scope.INSPECT,
        "Who may not connect",
        bans,
        {200: values.BanList},
    ),
    Route(
        "POST",
        "bans",
        Scope.OPERATE,
        "Let nobody connect any more from a network, or nobody who is like a mask",
        ban,
        {200: values.Done},
        body=values.NewBan,
        problems=(404, 409, 504),
    ),
    Route(
        "DELETE",
        "bans/{banned}",
        Scope.OPERATE,
        "Let people connect again who are banned",
        unban,
        {200: values.Done},
        problems=(404,),
    ),
)
