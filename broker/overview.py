"""What Redis has of the nodes, put together for people. Pure: nodes and commands share it.

    status, points, incidents (raw) ─┐
    who holds a lease ───────────────┼─> overview() ─> reports.Overview
    INFO and SLOWLOG ────────────────┘   series() ───> reports.Series

What can't be read (a later release's, say) is left out. Must not know any client.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from broker.names import fold
from broker.reports import (
    GONE_FOR,
    GONE_MOST,
    HOUR,
    LOST,
    POINT,
    POINTS,
    SILENT,
    STOPPED,
    TOP,
    WRONG_FOR,
    Incident,
    Kind,
    Overview,
    Point,
    Rate,
    Series,
    Server,
    Sized,
    Slow,
    State,
    Status,
)

_FULL = 0.9
"""The share of Redis's memory from which on it's said that it's nearly full."""

_NONE: Mapping[bytes, str] = MappingProxyType({})

_decode_status = msgspec.json.Decoder(Status).decode
_decode_incident = msgspec.json.Decoder(Incident).decode
_decode_point = msgspec.json.Decoder(Point).decode


class SlowRow(NamedTuple):
    """A row of SLOWLOG GET: Unix seconds, microseconds, the command and its arguments."""

    at: int
    micros: int
    words: Sequence[bytes]


class Asked(NamedTuple):
    """What a server says of itself: INFO, by field, and its slow log."""

    info: Mapping[str, Any]
    slow: Iterable[SlowRow]


_NO_MASTERS: Mapping[str, Asked | None] = MappingProxyType({})


def name_of(incarnation: str) -> str:
    """A node's name, of one of its incarnations'."""
    return incarnation.rpartition(".")[0]


def overview(
    now: int,
    *,
    statuses: Mapping[bytes, bytes],
    living: Iterable[bytes],
    incidents: Iterable[bytes],
    info: Mapping[str, Any],
    slow: Iterable[SlowRow] = (),
    masters: Mapping[str, Asked | None] = _NO_MASTERS,
    channels: Iterable[tuple[str, int]] = (),
    count: int = 0,
    messages: int = 0,
    kept: int = 0,
    scripts: Mapping[bytes, str] = _NONE,
) -> Overview:
    """Everything at one look.

    `now`: Redis's clock, Unix ms. `statuses`: by incarnation, as they lie in Redis. `living`: the
    incarnations whose lease hasn't ended. `incidents`: newest first. `info`: what INFO said, by
    field. `masters`: of a Redis Cluster, by place; None: it doesn't answer. `count`: how many
    channels have members; `channels`: names and sizes, of `candidates`. `messages`, `kept`: as in
    `Overview`. `scripts`: names by SHA-1 (hex), for the slow log.
    """
    nodes = _nodes(now, statuses, {one.decode() for one in living})
    here = [node for node in nodes if node.state is not State.GONE]
    server = server_of(info, slow, scripts)
    each = tuple(_master(place, asked, scripts) for place, asked in sorted(masters.items()))
    dialects: dict[str, int] = {}
    for node in here:
        for dialect, many in node.sessions.items():
            dialects[dialect] = dialects.get(dialect, 0) + many
    sized = ((name, members) for name, members in channels if members)
    largest = sorted(sized, key=lambda row: (-row[1], fold(row[0])))[:TOP]
    told = tuple(_readable(_decode_incident, incidents))
    why = [*_wrong(now, nodes), *_lost_lately(now, nodes, told)]
    if not here:
        why.insert(0, "no node is alive")
    return Overview(
        at=now,
        nodes=tuple(nodes),
        sessions=sum(dialects.values()),
        dialects=dict(sorted(dialects.items())),
        kept=kept,
        channels=count,
        messages=messages,
        line_rate=sum(node.line_rate for node in here),
        delivery_rate=sum(node.delivery_rate for node in here),
        largest=tuple(Sized(name, members) for name, members in largest),
        busiest=_summed(node.busiest for node in here),
        talkers=_summed(node.talkers for node in here),
        incidents=told,
        server=server,
        masters=each,
        why=(*why, *_wrong_with(each or (server,))),
    )


def _wrong_with(servers: Iterable[Server]) -> Iterable[str]:
    for server in servers:
        where = f"Redis at {server.place}" if server.place else "Redis"
        yield from (f"{where}: {words}" for words in server.why)


def _master(place: str, asked: Asked | None, scripts: Mapping[bytes, str]) -> Server:
    """One of a Redis Cluster's."""
    if asked is None:
        return Server(place=place, connected=False, why=("it doesn't answer",))
    return msgspec.structs.replace(server_of(*asked, scripts), place=place)


def candidates(statuses: Mapping[bytes, bytes]) -> list[str]:
    """The channels that may be the largest, as far as nodes have told theirs: for their sizes to be
    looked up.
    """
    sums: dict[str, int] = {}
    spelled: dict[str, str] = {}
    for status in _readable(_decode_status, statuses.values()):
        for name, members in ((each.name, each.members) for each in status.largest):
            sums[fold(name)] = sums.get(fold(name), 0) + members
            spelled.setdefault(fold(name), name)
    return [spelled[key] for key in sorted(sums, key=lambda key: -sums[key])[: 3 * TOP]]


def _nodes(now: int, raw: Mapping[bytes, bytes], living: set[str]) -> list[Status]:
    """The statuses, each with the state that it's in now."""
    found: dict[str, Status] = {}
    for key, status in zip(raw, _each(_decode_status, raw.values()), strict=True):
        if status is not None:
            found[key.decode()] = status
    shown = [_now(status, now) for incarnation, status in found.items() if incarnation in living]
    told = {incarnation for incarnation in found if incarnation in living}
    names = {name_of(incarnation) for incarnation in living}
    for incarnation in living - told:  # one that hasn't come to its first status yet
        if name_of(incarnation) not in {status.node for status in shown}:
            shown.append(
                Status(
                    node=name_of(incarnation),
                    version="",
                    state=State.DEGRADED,
                    why=("holds a lease, and has told nothing of itself",),
                    started=0,
                    at=now,
                )
            )
    gone: dict[str, Status] = {}
    for status in sorted(found.values(), key=attrgetter("at")):
        if status.node not in names and now - status.at < GONE_FOR * 1000:
            gone[status.node] = status
    dead = [_gone(status) for status in gone.values()][-GONE_MOST:]
    return sorted(shown, key=attrgetter("node")) + sorted(dead, key=attrgetter("node"))


def _now(status: Status, now: int) -> Status:
    """The status of a node that holds its lease."""
    silent = (now - status.at) / 1000
    if status.state is State.GONE or silent < SILENT:
        return status
    why = (f"nothing heard of it for {silent:.0f} s", *status.why)
    return msgspec.structs.replace(status, state=State.DEGRADED, why=why)


def _wrong(now: int, nodes: Iterable[Status]) -> Iterable[str]:
    """What is wrong with nodes, or was a moment ago."""
    for node in nodes:
        lost = node.why != (STOPPED,) and now - node.at < WRONG_FOR * 1000
        if node.state is State.DEGRADED or (node.state is State.GONE and lost):
            yield from (f"{node.node}: {words}" for words in node.why or (node.state.value,))


def _lost_lately(now: int, nodes: Iterable[Status], told: Iterable[Incident]) -> Iterable[str]:
    """Which nodes were lost a moment ago, and are back."""
    gone = {node.node for node in nodes if node.state is State.GONE}
    for incident in told:
        since = (now - incident.at) / 1000
        if incident.kind is Kind.LOST and since < WRONG_FOR and incident.about not in gone:
            gone.add(incident.about)
            yield f"{incident.about}: was lost {since:.0f} s ago"


def _gone(status: Status) -> Status:
    if status.state is State.GONE:
        return status
    return msgspec.structs.replace(status, state=State.GONE, why=(LOST,))


def outdated(now: int, statuses: Mapping[bytes, bytes], living: Iterable[bytes]) -> list[str]:
    """The incarnations whose statuses needn't be kept any longer, of those without a lease."""
    held = set(living)
    dead: list[tuple[int, str]] = []
    unreadable: list[str] = []
    for key, status in zip(statuses, _each(_decode_status, statuses.values()), strict=True):
        if key not in held:
            if status is None:
                unreadable.append(key.decode())
            else:
                dead.append((status.at, key.decode()))
    dead.sort(reverse=True)
    old = [key for at, key in dead[:GONE_MOST] if now - at >= GONE_FOR * 1000]
    return [*unreadable, *old, *(key for _, key in dead[GONE_MOST:])]


def _summed(several: Iterable[tuple[Rate, ...]]) -> tuple[Rate, ...]:
    """The highest rates of all nodes together, each name once, however it's spelled."""
    sums: dict[str, float] = {}
    spelled: dict[str, str] = {}
    for rates in several:
        for name, rate in ((each.name, each.rate) for each in rates):
            key = fold(name)
            sums[key] = sums.get(key, 0.0) + rate
            spelled.setdefault(key, name)
    highest = sorted(sums.items(), key=lambda row: (-row[1], row[0]))[:TOP]
    return tuple(Rate(spelled[key], rate) for key, rate in highest)


# -- Redis itself


def parse_info(text: bytes) -> dict[str, str]:
    """The fields of an INFO reply. Those of replicas (`slave0`) stay texts: `ip=...,offset=...`."""
    lines = text.decode(errors="replace").splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def server_of(
    info: Mapping[str, Any],
    slow: Iterable[SlowRow] = (),
    scripts: Mapping[bytes, str] = _NONE,
) -> Server:
    """How Redis is. `info`: by field, as texts (`parse_info`) or as redis-py has parsed them.

    Where it says nothing (it isn't allowed to be asked, say) stand zeros.
    """
    memory, most = _int(info, "used_memory"), _int(info, "maxmemory")
    saved = info.get("rdb_last_bgsave_status", "ok") == "ok"
    written = info.get("aof_last_write_status", "ok") == "ok"
    why = []
    if not info:
        why.append("it doesn't say how it is")
    if most and memory > _FULL * most:
        why.append(f"{memory / most:.0%} of its memory is used")
    if most and str(info.get("maxmemory_policy", "noeviction")) != "noeviction":
        why.append("it may evict keys: its maxmemory-policy must be noeviction")
    if not (saved and written):
        why.append("it couldn't put its data on disk")
    if _int(info, "loading"):
        why.append("it's loading its data")
    if info.get("role") == "slave":
        why.append("it's a replica, which takes no writes")
    return Server(
        version=str(info.get("valkey_version") or info.get("redis_version") or ""),
        role={"slave": "replica"}.get(str(info.get("role", "")), str(info.get("role", ""))),
        uptime=_int(info, "uptime_in_seconds"),
        memory=memory,
        memory_most=most,
        memory_peak=_int(info, "used_memory_peak"),
        fragmentation=_float(info, "mem_fragmentation_ratio"),
        clients=_int(info, "connected_clients"),
        clients_most=_int(info, "maxclients"),
        blocked=_int(info, "blocked_clients"),
        commands_rate=_float(info, "instantaneous_ops_per_sec"),
        keys=_keys(info),
        evicted=_int(info, "evicted_keys"),
        rejected=_int(info, "rejected_connections"),
        replicas=_int(info, "connected_slaves"),
        replica_lag=_replica_lag(info),
        saved=saved and written,
        append_only=bool(_int(info, "aof_enabled")),
        loading=bool(_int(info, "loading")),
        slow=tuple(
            Slow(row.at * 1000, row.micros / 1e6, _command(row.words, scripts)) for row in slow
        ),
        why=tuple(why),
    )


def _int(info: Mapping[str, Any], field: str) -> int:
    return int(_float(info, field))


def _float(info: Mapping[str, Any], field: str) -> float:
    try:
        return float(info.get(field, 0))
    except (TypeError, ValueError):
        return 0.0


def _parts(value: Any) -> Mapping[str, Any]:
    """`a=1,b=2` as a mapping; redis-py's is one already."""
    if isinstance(value, Mapping):
        return value
    return dict(part.split("=", 1) for part in str(value).split(",") if "=" in part)


def _keys(info: Mapping[str, Any]) -> int:
    databases = (_parts(value) for field, value in info.items() if field[:2] == "db")
    return sum(_int(each, "keys") for each in databases)


def _replica_lag(info: Mapping[str, Any]) -> int:
    offset = _int(info, "master_repl_offset")
    replicas = (_parts(info.get(f"slave{i}", "")) for i in range(_int(info, "connected_slaves")))
    return max((offset - _int(each, "offset") for each in replicas if each), default=0)


def _command(words: Sequence[bytes], scripts: Mapping[bytes, str]) -> str:
    """A command without what it's about."""
    verb = words[0].decode(errors="replace").upper() if words else ""
    if verb == "EVALSHA" and len(words) > 1:
        return f"{verb} {scripts.get(words[1], 'unknown')}"
    return verb


# -- the last hour


def series(now: int, points: Mapping[str, Iterable[bytes]], most: int = POINTS) -> Series:
    """The last hour of nodes. `now`: Unix ms. `points`: as they lie in Redis, by incarnation."""
    step = max(1, round(HOUR * POINT * 1000 / most))
    first = (now - int(HOUR * POINT * 1000)) // step + 1  # no more than `most` steps
    steps: dict[str, dict[int, list[Point]]] = {}
    for incarnation, raw in points.items():
        node = steps.setdefault(name_of(incarnation), {})
        for point in _readable(_decode_point, raw):
            if first <= point.at // step <= now // step:
                node.setdefault(point.at // step, []).append(point)
    nodes = {
        name: {at: _mean(at * step, some) for at, some in sorted(found.items())}
        for name, found in sorted(steps.items())
    }
    moments = sorted({at for node in nodes.values() for at in node})
    return Series(
        step,
        {name: tuple(node.values()) for name, node in nodes.items() if node},
        tuple(
            _sum(at * step, [node[at] for node in nodes.values() if at in node]) for at in moments
        ),
    )


def _mean(at: int, points: list[Point]) -> Point:
    many = len(points)
    return Point(
        at,
        round(sum(p.sessions for p in points) / many),
        sum(p.line_rate for p in points) / many,
        sum(p.delivery_rate for p in points) / many,
        sum(p.cpu for p in points) / many,
        max(p.lag for p in points),
        round(sum(p.memory for p in points) / many),
    )


def _sum(at: int, points: list[Point]) -> Point:
    return Point(
        at,
        sum(p.sessions for p in points),
        sum(p.line_rate for p in points),
        sum(p.delivery_rate for p in points),
        sum(p.cpu for p in points),
        max(p.lag for p in points),
        sum(p.memory for p in points),
    )


# -- reading what may be another release's


def _each(decode: Any, raw: Iterable[bytes]) -> "Iterable[Any]":
    """Each decoded, or None."""
    for one in raw:
        try:
            yield decode(one)
        except msgspec.DecodeError:
            yield None


def _readable(decode: Any, raw: Iterable[bytes]) -> "Iterable[Any]":
    return (found for found in _each(decode, raw) if found is not None)
