"""The names of all keys and topics in Redis. Nothing else in chorus spells one.

    NAMESPACE:1:{c:#go}:meta       hash    epoch, seq, at, past and what is offered after another
                                           server took over (see scripts/_settle.lua), name,
                                           topic..., made (address), created (ms),
                                           spoken: the seq of the last line, 0 if there's only a
                                           topic, law, rules, invites and closed (see
                                           scripts/_rules.lua)
    NAMESPACE:1:{c:#go}:roster     hash    sid -> member (see scripts/_member.lua)
    NAMESPACE:1:{c:#go}:log        stream  SEQ-0 -> m: Unix ms, e: event; also the topic's name
    NAMESPACE:1:{c:#go}:moved      hash    where channels went that had the name before, and
    NAMESPACE:1:{c:#go}:left:ID    hash    what they had then (see scripts/_moving.lua)
    NAMESPACE:1:{c:#go}:post:ID    string  where a program's line stands (see scripts/post.lua)
    NAMESPACE:1:{n:alice}:claim    hash    sid, token, nick, node, topic, since, away, about (the
                                           Profile, JSON), claimed (ms), and epoch, seq: the
                                           inbox's tip then
    NAMESPACE:1:{n:alice}:meta     hash    epoch, seq, at, past   of the inbox
    NAMESPACE:1:{n:alice}:log      stream  the inbox, as a channel's log
    NAMESPACE:1:{n:alice}:was      stream  who had the nick before (see scripts/_was.lua)
    NAMESPACE:1:{n:alice}:watch    topic   who has it from now on (see broker/watching.py)
    NAMESPACE:1:{a:ADDRESS}        zset    channels made from an address, by when they're forgotten
    NAMESPACE:1:{a:ADDRESS}:open   hash    incarnation of a node -> connections from there
    NAMESPACE:1:{w:NODE}:sessions  hash    sid -> record (see broker/records.py), of one
                                           incarnation of a node
    NAMESPACE:1:{w:NODE}:seen      hash    log -> epoch and seq up to which the node's kept
                                           sessions were told
    NAMESPACE:1:{w:NODE}:points    stream  an hour of the node, for charts (see broker/reports.py)
    NAMESPACE:1:{s:SID}            hash    a kept session (see scripts/_kept.lua)
    NAMESPACE:1:{m:N}              string  whether a master of a Redis Cluster has what it had: see
                                           broker/marks.py
    NAMESPACE:1:{w:NODE}           topic   what is for one node alone (its first incarnation's)
    NAMESPACE:1:{cluster}:...      leases, dying (zsets), epoch, channels (set), messages, counters,
                                           mark (of the last WAIT), orders:INCARNATION (list) and
                                           report:ID (hash): see broker/orders.py, bans (hash:
                                           network -> ban) and bans-version: see broker/bans.py,
                                           detached (zset of sids, by when they end),
                                           bygone (zset of nicks, see broker/bygone.py),
                                           shelf (hash, their records by sid),
                                           status (hash: incarnation -> Status),
                                           incidents (stream): see broker/reports.py,
                                           secret:NAME (string, see scripts/secret.lua)
                                           and recovery (hash, see scripts/recover.lua)

The `1` is `events.SCHEMA`. The part in braces is the hash tag: one slot on Redis Cluster, and
each script touches one. Names are folded, then percent-encoded, so a nick's own braces don't
count. Must not know commands or scripts.
"""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from broker.events import SCHEMA
from broker.names import fold


class LogKeys(NamedTuple):
    """Where a log lives: a channel's, or the inbox of a nick."""

    meta: str
    log: str


class ChannelKeys(NamedTuple):
    """The keys of a channel, as the scripts take them. `log` names its topic too."""

    meta: str
    roster: str
    log: str


class NickKeys(NamedTuple):
    """The keys of a nick, in the order in which the scripts take them."""

    claim: str
    meta: str
    log: str


def _encoded(name: str) -> str:
    return quote(fold(name), safe="#-_.~")


@lru_cache(maxsize=4096)  # a line needs its channel's
def _channel_keys(prefix: str, name: str) -> ChannelKeys:
    base = f"{prefix}{{c:{_encoded(name)}}}:"
    return ChannelKeys(base + "meta", base + "roster", base + "log")


class Named(NamedTuple):
    """What a key is of. `kind`: c, n, a or w; `part`: what stands behind the braces."""

    kind: str
    name: str
    part: str


_NAMED = re.compile(r"\{([cnaw]):([^}]*)\}(?::(\w+))?")


class Keys:
    """All key names under one namespace."""

    def __init__(self, namespace: str) -> None:
        self._prefix = f"{namespace}:{SCHEMA}:"
        cluster = self._prefix + "{cluster}:"
        self.leases = cluster + "leases"
        self.dying = cluster + "dying"
        self.epoch = cluster + "epoch"
        self.recovery = cluster + "recovery"
        self.gathering = cluster + "gathering"
        self.channel_index = cluster + "channels"
        self.messages = cluster + "messages"
        self.mark = cluster + "mark"
        self._orders = cluster + "orders:"
        self.bans = cluster + "bans"
        self.bans_version = cluster + "bans-version"
        self._reports = cluster + "report:"
        self.detached = cluster + "detached"
        self.bygone = cluster + "bygone"
        self.shelf = cluster + "shelf"
        self.status = cluster + "status"
        self.incidents = cluster + "incidents"
        self._counters = cluster + "counter:"
        self._secrets = cluster + "secret:"

    @property
    def every(self) -> str:
        """A pattern for SCAN: all keys of the namespace."""
        return re.sub(r"[][*?\\]", r"\\\g<0>", self._prefix) + "*"

    def taken_apart(self, key: str) -> Named | None:
        """What a key is of; None for those of the cluster, and for those of others."""
        found = _NAMED.fullmatch(key.removeprefix(self._prefix))
        if found is None or not key.startswith(self._prefix):
            return None
        return Named(found[1], unquote(found[2]), found[3] or "")

    def channel(self, name: str) -> ChannelKeys:
        return _channel_keys(self._prefix, name)

    def post(self, channel: str, digest: str) -> str:
        return f"{self._prefix}{{c:{_encoded(channel)}}}:post:{digest}"

    def moved(self, channel: str) -> str:
        """Where channels went that had this name before."""
        return f"{self._prefix}{{c:{_encoded(channel)}}}:moved"

    def left(self, channel: str, move: str) -> str:
        """What one of them had when it went."""
        return f"{self._prefix}{{c:{_encoded(channel)}}}:left:{move}"

    def nick(self, name: str) -> NickKeys:
        base = f"{self._prefix}{{n:{_encoded(name)}}}:"
        return NickKeys(base + "claim", base + "meta", base + "log")

    def traces(self, name: str) -> tuple[str, ...]:
        """The keys of what a nick's changing hands leaves a trace in, as the scripts take them."""
        base = f"{self._prefix}{{n:{_encoded(name)}}}:"
        return base + "claim", base + "meta", base + "log", base + "was", base + "watch"

    def was(self, name: str) -> str:
        return f"{self._prefix}{{n:{_encoded(name)}}}:was"

    def watch(self, name: str) -> str:
        """The topic of those who watch a nick."""
        return f"{self._prefix}{{n:{_encoded(name)}}}:watch"

    def secret(self, name: str) -> str:
        return self._secrets + _encoded(name)

    def log(self, name: str) -> LogKeys:
        """Of a log by its name: a channel's begins with `#`, a nick never does."""
        if name.startswith("#"):
            channel = self.channel(name)
            return LogKeys(channel.meta, channel.log)
        nick = self.nick(name)
        return LogKeys(nick.meta, nick.log)

    def address(self, address: str) -> str:
        return f"{self._prefix}{{a:{_encoded(address)}}}"

    def connections(self, address: str) -> str:
        return self.address(address) + ":open"

    def node_topic(self, incarnation: str) -> str:
        return f"{self._prefix}{{w:{_encoded(incarnation)}}}"

    def node_sessions(self, incarnation: str) -> str:
        return f"{self._prefix}{{w:{_encoded(incarnation)}}}:sessions"

    def orders(self, incarnation: str) -> str:
        return self._orders + _encoded(incarnation)

    def report(self, number: str) -> str:
        return self._reports + _encoded(number)

    def node_seen(self, incarnation: str) -> str:
        return f"{self._prefix}{{w:{_encoded(incarnation)}}}:seen"

    def node_points(self, incarnation: str) -> str:
        return f"{self._prefix}{{w:{_encoded(incarnation)}}}:points"

    def kept(self, sid: str) -> str:
        return f"{self._prefix}{{s:{_encoded(sid)}}}"

    def mark_of(self, number: int) -> str:
        """One of any number of keys, each in a slot of its own."""
        return f"{self._prefix}{{m:{number}}}"

    def counter(self, name: str) -> str:
        return self._counters + _encoded(name)

    def counter_memo(self, name: str, incarnation: str) -> str:
        return f"{self.counter(name)}:{_encoded(incarnation)}"
