"""What logs have kept: reading parts of them, and taking back what stands in them.

    span ── a channel's log, or what two people wrote to one another, which stands in both inboxes
    latest ── when something was last said, and by whom
    redact ── the text is gone from the log; its place stays, and an event says so

Must not know sinks.
"""

import msgspec

from broker.api import (
    Code,
    Found,
    Identity,
    Position,
    Redaction,
    Refused,
    Span,
    Wanted,
    Way,
)
from broker.attempts import Attempts
from broker.events import SCHEMA, Envelope, Redacted
from broker.feed import Feed
from broker.names import fold
from broker.presence import Presence
from broker.spans import latest_of, placed, talk
from broker.store import Late, Store, read_entries
from broker.together import together

OPS = "oh"
"""Letters of status: who may take back what others said."""

LAST = Wanted(Way.LATEST, (), 1)


class Past:
    """See the module's docstring."""

    def __init__(self, store: Store, attempts: Attempts, presence: Presence, feed: Feed) -> None:
        self._store = store
        self._attempts = attempts
        self._presence = presence
        self._feed = feed

    # -- reading

    async def span(self, me: Identity, target: str, wanted: Wanted) -> Span:
        """As `api.Broker.span`."""
        self._attempts.check()
        if target.startswith("#"):
            return await self._span(target, wanted)
        received, sent = await together(
            (self._talk(me.nick, "to", me.sid, fold(target)), self._talk(target, "by", me.sid))
        )
        return talk(received, sent, wanted)

    async def latest(self, me: Identity, channels: list[str]) -> dict[str, int]:
        """As `api.Broker.latest`."""
        self._attempts.check()
        found = await together(self._span(channel, LAST) for channel in channels)
        times = {
            fold(channel): span.entries[-1].ms
            for channel, span in zip(channels, found, strict=True)
            if span.entries
        }
        return times | latest_of(await self._talk(me.nick, "to", me.sid), me.sid)

    async def _span(self, channel: str, wanted: Wanted) -> Span:
        flat: list[str | int] = []
        for place in wanted.places:
            flat += ("", place) if isinstance(place, int) else place
        epoch, tip, past, more, entries = await self._store.run(
            "span",
            self._store.keys.log(channel),
            wanted.way.value,
            wanted.count,
            int(wanted.every),
            wanted.ranks,
            *flat,
        )
        return Span(_found(epoch, tip, past, entries), more == 1)

    async def _talk(self, nick: str, *whose: str) -> list[Found]:
        """What stands in an inbox that somebody sent or got. `whose`: see scripts/talk.lua."""
        found = await self._store.run("talk", self._store.keys.log(nick), *whose)
        return _found(*found)

    # -- taking back

    async def redact(
        self, me: Identity, target: str, at: Position, why: str, *, power: bool
    ) -> Redaction:
        """As `api.Broker.redact`."""
        self._attempts.check()
        me.num += 1
        event = Redacted(me.sid, me.num, me.nick, "", why, me.profile.by)
        if target.startswith("#"):
            return await self._redact(me, target, at, event, power=power)
        node = self._presence.node

        async def retract(_again: bool) -> Redaction:
            return await self._retract(me, target, at, event)

        return await self._attempts.settle(node, retract)

    async def _redact(
        self, me: Identity, channel: str, at: Position, event: Redacted, *, power: bool
    ) -> Redaction:
        store = self._store
        reply = await store.run(
            "redact",
            store.keys.channel(channel),
            store.log_name(channel),
            store.most(channel),
            me.sid,
            me.token,
            me.num,
            *_around_at(event),
            *at,
            OPS,
            int(power),
            store.server,
        )
        match reply[0]:
            case b"stranger":
                raise Refused(Code.NOT_MEMBER, channel)
            case b"unknown":
                raise Refused(Code.NO_SUCH_LINE, _place(at))
            case b"forbidden":
                raise Refused(Code.NOT_YOURS, _place(at))
        return _redaction(event, *reply[1:])

    async def _retract(self, me: Identity, nick: str, at: Position, event: Redacted) -> Redaction:
        """Raises `Late`, too."""
        store = self._store
        reply = await store.run(
            "retract",
            store.keys.nick(nick),
            store.log_name(nick),
            store.most(nick),
            me.sid,
            me.num,
            *_around_at(event),
            *at,
            self._presence.deadline,
            store.server,
        )
        match reply[0]:
            case b"late":
                raise Late
            case b"unknown":
                raise Refused(Code.NO_SUCH_LINE, _place(at))
        redaction = _redaction(event, *reply[1:])
        at, ms = redaction.at, redaction.ms
        told = Envelope(SCHEMA, fold(nick), at.epoch, at.seq, ms, [redaction.event])
        self._feed.witness(told)
        return redaction


def _around_at(event: Redacted) -> tuple[bytes, bytes]:
    """The encoding of an event but for what only the log knows: where it stood, and for whom."""
    fields = msgspec.to_builtins(event)
    head = msgspec.json.encode(fields[:4])[:-1] + b","
    return head, b"," + msgspec.json.encode([event.why, event.by])[1:-1] + b","


def _place(at: Position) -> str:
    return f"{at.epoch}.{at.seq}"


def _found(epoch: bytes, tip: bytes, past: bytes, flat: list[bytes]) -> list[Found]:
    places = [each.rpartition(":") for each in past.decode().split()]
    known = {before: int(seq) for before, _, seq in places}
    return placed(known, Position(epoch.decode(), int(tip)), read_entries(flat))


def _redaction(
    event: Redacted, epoch: bytes, seq: bytes, ms: bytes, at: bytes, to: bytes = b""
) -> Redaction:
    whole = msgspec.structs.replace(event, at=at.decode(), to=to.decode())
    return Redaction(Position(epoch.decode(), int(seq)), int(ms), whole)
