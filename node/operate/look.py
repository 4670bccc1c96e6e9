"""A look at a cluster: what Redis has, and what each node says that it has in memory.

Redis is read in pages, while people go on. So a look is not of one moment: what they do meanwhile
may show as a difference, and shows no more in the next look.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from redis.exceptions import ResponseError

from broker.keys import Named
from broker.names import fold
from broker.orders import SUMMARY, Following, Show, Shown
from broker.records import Member, decode_member
from node.operate.operator import PAGE, Operator, OperatorError, new_report, pages

NEVER = -1
"""What Redis says of a key that doesn't expire."""


MEMORY = ("n", "was")
"""The keys that say who had a nick before: they expire, whether the nick is in use or not."""


class Claim(NamedTuple):
    """Who holds a nick. `node`: an incarnation."""

    sid: str
    token: str
    nick: str
    node: str


class Answer(NamedTuple):
    """What a node says that it has in memory."""

    sessions: dict[str, Shown]
    follows: frozenset[str]


@dataclass
class Look:
    """See the module's docstring. Names are folded, those of incarnations too.

    `nodes`: those alive; None: it didn't answer. `dying`: those that are being swept. `records`:
    the sids in the records of each incarnation. `expires`: of channels and nicks, the keys that
    are there and in how many seconds they aren't. `garbled`: keys that hold something else than
    they should. `kept`: sids of detached sessions.
    """

    nodes: dict[str, Answer | None] = field(default_factory=dict)
    dying: set[str] = field(default_factory=set)
    records: dict[str, set[str]] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    rosters: dict[str, dict[str, Member]] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    expires: dict[str, dict[str, int]] = field(default_factory=dict)
    garbled: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)


def look(operator: Operator) -> Look:
    """Ask the nodes, then read Redis. Raises redis-py's errors."""
    found = Look()
    living = operator.nodes()
    for node, answer in zip(living, _answers(operator, living), strict=True):
        found.nodes[fold(node)] = answer
    redis, keys = operator.redis, operator.keys
    found.dying = {fold(node.decode()) for node in redis.zrange(keys.dying, 0, -1)}
    found.dying |= {fold(node.decode()) for node in redis.zrange(keys.leases, 0, -1)} - set(
        found.nodes
    )
    for page in pages(redis.scan_iter(keys.every, count=PAGE)):
        _read(operator, [key.decode() for key in page], found)
    found.listed = {name.decode() for name in redis.sscan_iter(keys.channel_index, count=PAGE)}
    found.kept = _kept(operator)
    return found


def _kept(operator: Operator) -> set[str]:
    """The sids of sessions that wait for whoever has their token, without any node."""
    waiting = operator.redis.zscan_iter(operator.keys.detached, count=PAGE)
    return {sid.decode() for sid, _ in waiting}


def _answers(operator: Operator, nodes: list[str]) -> Iterator[Answer | None]:
    """What each node shows, all asked at the same time."""
    asked: dict[str, Show] = {}
    for node in nodes:
        order = Show(new_report())
        with _saying_why(operator):
            operator.place(node, order)
            asked[node] = order
    for node in nodes:
        answer = None
        if node in asked:
            with _saying_why(operator):
                answer = _answer(operator, node, asked[node])
        yield answer


@contextmanager
def _saying_why(operator: Operator) -> Iterator[None]:
    try:
        yield
    except (OperatorError, msgspec.DecodeError) as e:  # the latter: it's of another release
        operator.say(str(e))


def _answer(operator: Operator, node: str, order: Show) -> Answer:
    operator.await_taken(node, order)
    following = operator.report(order.report, Following, operator.wait)
    key = operator.keys.report(order.report)
    rows = operator.redis.hscan_iter(key, count=PAGE)
    shown = {
        sid.decode(): msgspec.json.decode(raw, type=Shown)
        for sid, raw in rows
        if sid.decode() != SUMMARY
    }
    operator.redis.delete(key)
    return Answer(shown, frozenset(following.channels))


def _read(operator: Operator, some: list[str], found: Look) -> None:
    """What stands in these keys."""
    redis, keys = operator.redis, [(key, operator.keys.taken_apart(key)) for key in some]
    small = []
    with redis.pipeline(transaction=False) as asked:
        for key, named in keys:
            kind = (named.kind, named.part) if named is not None else MEMORY
            if named is None or kind == MEMORY:
                continue
            if kind in (("w", "sessions"), ("c", "roster")):
                _read_rows(redis, key, named, found)
            elif kind == ("n", "claim"):
                asked.hmget(key, *Claim._fields)
                small.append((key, named))
            elif named.kind in "cn":
                asked.ttl(key)
                small.append((key, named))
        for (key, named), reply in zip(small, asked.execute(raise_on_error=False), strict=True):
            if isinstance(reply, ResponseError):
                found.garbled.append(key)
            elif isinstance(reply, int):
                if reply >= NEVER:  # below, it's gone
                    found.expires.setdefault(named.name, {})[key] = reply
            elif None not in reply:
                found.claims[named.name] = Claim(*(value.decode() for value in reply))
            elif any(reply):
                found.garbled.append(key)


def _read_rows(redis: Any, key: str, named: Named, found: Look) -> None:
    """A roster, or the records of a node."""
    try:
        rows = {sid.decode(): raw for sid, raw in redis.hscan_iter(key, count=PAGE)}
        if named.kind == "w":
            found.records[named.name] = set(rows)
        else:
            found.rosters[named.name] = {sid: decode_member(raw) for sid, raw in rows.items()}
    except (ValueError, ResponseError):
        found.garbled.append(key)
