"""What is there to be seen of a cluster: how it is, its channels, its sessions. Reads only.

Sessions and channels are read in pages, while people go on: what is told is not of one moment.
All functions raise redis-py's errors.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import msgspec
from redis.exceptions import ResponseError

from broker.names import fold
from broker.overview import Asked, SlowRow, candidates, overview, series
from broker.records import Record, decode_record, decode_shelved
from broker.reports import Overview, Series
from node.operate.clients import AWAY
from node.operate.operator import PAGE, Operator, name_of, pages

T = TypeVar("T")

SHOWN = 100
"""How many incidents an overview has at most."""

SLOWEST = 20
"""How many rows of Redis's slow log it has."""


class Channel(msgspec.Struct, frozen=True):
    """A channel with members. `line_rate`: lines a second, as far as it's among the busiest."""

    channel: str
    members: int
    line_rate: float = 0.0
    topic: str = ""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's session. `node`: where it is, or was, if it's detached. `since`: Unix ms, None if
    it holds no nick at this moment. `away`: why, None if they aren't. `kept`: whether it outlives
    its node. `ends`: when a detached one does, Unix ms; None: it isn't detached.
    """

    nick: str
    sid: str
    node: str
    since: int | None = None
    away: str | None = None
    channels: tuple[str, ...] = ()
    kept: bool = False
    ends: int | None = None


def read_overview(operator: Operator) -> Overview:
    """Everything at one look."""
    keys = operator.keys
    with operator.home.pipeline(transaction=False) as asked:
        asked.time()
        asked.hgetall(keys.status)
        asked.zrange(keys.leases, 0, -1, withscores=True)
        asked.xrevrange(keys.incidents, count=SHOWN)
        asked.info()
        asked.slowlog_get(SLOWEST)
        asked.scard(keys.channel_index)
        asked.get(keys.messages)
        asked.hlen(keys.shelf)
        now, statuses, leases, incidents, info, slow, count, messages, kept = asked.execute(
            raise_on_error=False
        )
    for needed in (now, statuses, leases):
        if isinstance(needed, Exception):
            raise needed
    at = now[0] * 1000 + now[1] // 1000
    largest = candidates(statuses)
    sizes = _sizes(operator, largest)
    return overview(
        at,
        statuses=statuses,
        living=[node for node, until in leases if until >= at],
        incidents=_entries(incidents),
        **_asked(info, slow)._asdict(),
        masters={place: _ask(client) for place, client in operator.masters.items()},
        channels=[(name, _given(size, 0)) for name, size in zip(largest, sizes, strict=True)],
        count=_given(count, 0),
        messages=int(_given(messages, 0) or 0),
        kept=_given(kept, 0),
        scripts={script.sha.encode(): name for name, script in operator.scripts.items()},
    )


def _sizes(operator: Operator, channels: list[str]) -> list[Any]:
    """How many members channels have. None is known if a master of a Redis Cluster is away."""
    try:
        with operator.redis.pipeline(transaction=False) as asked:
            for name in channels:
                asked.hlen(operator.keys.channel(name).roster)
            return asked.execute(raise_on_error=False)  # type: ignore[no-any-return]
    except AWAY:
        if not operator.masters:
            raise
        return [0] * len(channels)


def _ask(master: Any) -> Asked | None:
    """What a master of a Redis Cluster says of itself; None if it doesn't answer."""
    try:
        with master.pipeline(transaction=False) as asked:
            asked.info()
            asked.slowlog_get(SLOWEST)
            return _asked(*asked.execute(raise_on_error=False))
    except AWAY:
        return None


def _asked(info: Any, slow: Any) -> Asked:
    return Asked(_given(info, {}), list(map(_slow, _given(slow, []))))


def read_series(operator: Operator) -> Series:
    """The last hour."""
    redis, keys = operator.redis, operator.keys
    seconds, _ = operator.home.time()
    nodes = [node.decode() for node in redis.hkeys(keys.status)]
    with redis.pipeline(transaction=False) as asked:
        for node in nodes:
            asked.xrange(keys.node_points(node))
        rows = asked.execute(raise_on_error=False)
    points = {node: _entries(some) for node, some in zip(nodes, rows, strict=True)}
    return series(seconds * 1000, points)


def _given(reply: Any, otherwise: T) -> T:
    """A reply, unless Redis refuses to give it: an overview without it is better than none."""
    return otherwise if isinstance(reply, ResponseError) else reply


def _entries(stream: Any) -> list[bytes]:
    """What stands in a stream whose entries have one field."""
    rows: list[tuple[bytes, dict[bytes, bytes]]] = _given(stream, [])
    return [raw for _, row in rows for raw in row.values()]


def _slow(row: dict[str, Any]) -> SlowRow:
    return SlowRow(row["start_time"], row["duration"], row["command"].split(b" ", 2))


def read_channels(operator: Operator) -> list[Channel]:
    """All channels that have members, by name."""
    redis, keys = operator.redis, operator.keys
    rates = {fold(each.name): each.rate for each in read_overview(operator).busiest}
    found = []
    names = (name.decode() for name in redis.sscan_iter(keys.channel_index, count=PAGE))
    for page in pages(names):
        with redis.pipeline(transaction=False) as asked:
            for name in page:
                asked.hmget(keys.channel(name).meta, "name", "topic")
                asked.hlen(keys.channel(name).roster)
            answers = iter(asked.execute())
        for name, (spelled, topic), members in zip(page, answers, answers, strict=True):
            if members:
                words = ((spelled or name.encode()).decode(), (topic or b"").decode())
                found.append(Channel(words[0], members, rates.get(fold(name), 0.0), words[1]))
    return sorted(found, key=lambda channel: fold(channel.channel))


def read_sessions(operator: Operator) -> list[Session]:
    """All sessions by nick: those that nodes have, and those that wait to be taken up again."""
    redis, keys = operator.redis, operator.keys
    found: list[Session] = []
    for node in operator.nodes():
        rows = redis.hscan_iter(keys.node_sessions(node), count=PAGE)
        for page in pages(_read_rows(rows, partial(_record_on, node))):
            found += _sessions(operator, page, {})
    ends = {sid: int(at) for sid, at in redis.zscan_iter(keys.detached, count=PAGE)}
    for page in pages(_read_rows(redis.hscan_iter(keys.shelf, count=PAGE), decode_shelved)):
        found += _sessions(operator, page, ends)
    once = {session.sid: session for session in found}  # one that was taken up meanwhile
    return sorted(once.values(), key=lambda session: (fold(session.nick), session.sid))


_Row = tuple[str, tuple[str, Record]]
"""A sid, the incarnation of its node, and what it holds."""


def _record_on(node: str, raw: bytes) -> tuple[str, Record]:
    return node, decode_record(raw)


def _read_rows(
    rows: Iterator[tuple[bytes, bytes]], decode: Callable[[bytes], tuple[str, Record]]
) -> Iterator[_Row]:
    for sid, raw in rows:
        with suppress(msgspec.DecodeError):  # it's of another release
            yield sid.decode(), decode(raw)


def _sessions(operator: Operator, page: list[_Row], ends: dict[bytes, int]) -> Iterator[Session]:
    with operator.redis.pipeline(transaction=False) as asked:
        for _, (_, record) in page:
            nick = next(iter(record.nicks), "")
            asked.hmget(operator.keys.nick(nick).claim, "sid", "nick", "since", "away")
        claims = asked.execute()
    for (sid, (node, record)), (holder, nick, since, away) in zip(page, claims, strict=True):
        holds = holder is not None and holder.decode() == sid
        yield Session(
            nick=nick.decode() if holds else next(iter(record.nicks), ""),
            sid=sid,
            node=name_of(node),
            since=int(since) if holds else None,
            away=away.decode() if holds and away is not None else None,
            channels=tuple(sorted(record.channels.values(), key=fold)),
            kept=record.kept,
            ends=ends.get(sid.encode()),
        )
