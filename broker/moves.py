"""What can be asked of Redis about channels that get another name: typed values in and out, as in
`store`. In which order is `moving`'s business; how it's kept is told in `scripts/_moving.lua`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from broker.api import Code, Identity, Refused
from broker.events import Moved, encode
from broker.feed import CHUNK
from broker.names import fold
from broker.ruled import AsItIs, as_it_is
from broker.store import Late, Store

HELD = 60
"""Seconds for which a name is held for a channel that is about to have it, at most."""

RECENT = 60_000
"""Milliseconds for which nobody else gives a name to their channel that was given up."""

ARRIVED = b"."
"""The field that says so."""


class Left(NamedTuple):
    """What a channel had when it moved away. `members`: their entries, by sid."""

    new: str
    state: bytes
    seq: int
    members: dict[bytes, bytes]


class MoveRows:
    """Calls to Redis about channels that move; they raise as `Store`'s do."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def berth(self, move: str, old: str, new: str, deadline: int) -> int:
        """Hold a name for a channel that is called `old` yet; since when it's held (Redis's clock,
        ms). Raises NAME_IN_USE, NAME_GIVEN_UP, `Late`, LinkLost.
        """
        found = await self._store.once(
            "berth",
            (*self._store.keys.channel(new), self._store.keys.moved(new)),
            *self._store.log_head(new),
            move,
            fold(old),
            deadline,
            self._store.server,
            HELD,
            RECENT,
        )
        match found[0]:
            case b"late":
                raise Late
            case b"taken":
                raise Refused(Code.NAME_IN_USE, new)
            case b"recent":
                raise Refused(Code.NAME_GIVEN_UP, new)
        return int(found[1])

    async def unberth(self, move: str, new: str, ms: int) -> None:
        """Hold a name no longer, if that began by then (Redis's clock)."""
        meta, _, log = self._store.keys.channel(new)
        await self._store.run("unberth", (meta, log), move, ms)

    async def move(
        self, me: Identity, event: Moved, law: str, status: str | None, deadline: int
    ) -> AsItIs | None:
        """None if it's done, now or before. Raises NO_SUCH_CHANNEL, `Late`, LinkLost."""
        old = event.channel
        found = await self._store.once(
            "move",
            (*self._store.keys.channel(old), self._store.keys.moved(old)),
            *self._store.log_head(old),
            me.sid,
            me.token,
            me.num,
            deadline,
            self._store.server,
            law,
            "?" if status is None else status,
            event.epoch,
            event.new,
            encode(event),
        )
        match found[0]:
            case b"late":
                raise Late
            case b"none":
                raise Refused(Code.NO_SUCH_CHANNEL, old)
            case b"done":
                return None
        return as_it_is(found, me.sid)

    async def left(self, old: str, move: str) -> Left | None:
        """What a channel had; None if there was no such move, or it's forgotten."""
        new, found = await self._store.ask_all(
            ("HGET", self._store.keys.moved(old), move),
            ("HGETALL", self._store.keys.left(old, move)),
        )
        pairs = dict(found)
        state = pairs.pop(b"", None)
        if new is None or state is None:
            return None
        pairs.pop(ARRIVED, None)
        seq = int(msgspec.json.decode(state)["seq"])
        return Left(new.decode(), state, seq, pairs)

    async def has_arrived(self, old: str, move: str) -> bool:
        """Whether all of it is under the new name."""
        found = await self._store.ask("HEXISTS", self._store.keys.left(old, move), ARRIVED)
        return bool(found)

    async def carry(self, old: str, move: str, left: Left) -> None:
        """Put the log where it belongs."""
        after = 0
        meta, _, log = self._store.keys.channel(left.new)
        while after < left.seq:
            flat = await self._store.run("read", self._store.keys.log(old), after, CHUNK)
            entries = flat[2]
            if not entries:
                return
            after = int(entries[-3].partition(b"-")[0])
            mine: Sequence[bytes] = entries
            while mine and int(mine[-3].partition(b"-")[0]) > left.seq:
                mine = mine[:-3]
            if not mine or not await self._store.run("carry", (meta, log), move, *mine):
                return

    async def arrive(self, old: str, move: str, left: Left) -> None:
        """Let everybody in under the new name, and note that it's done."""
        keys = self._store.keys.channel(left.new)
        flat = [part for pair in left.members.items() for part in pair]
        kept = self._store.kept_ms // 1000
        await self._store.run("arrive", keys, move, self._store.server, left.state, kept, *flat)
        await self._store.ask("HSET", self._store.keys.left(old, move), ARRIVED, 1)
        await self._store.index(left.new)
        await self._store.emptied(old, "")

    async def whither(self, channel: str, sid: str) -> tuple[str, str, str] | None:
        """Where somebody went with a channel that had this name: the name it has, or had next, from
        which one, and by which move. None if they didn't.
        """
        keys = self._store.keys
        moved = dict(await self._store.ask("HGETALL", keys.moved(channel)))
        last = moved.pop(b"last", b"").split(b" ")[0]
        for move in sorted(moved, key=lambda one: one != last):
            if await self._store.ask("HEXISTS", keys.left(channel, move.decode()), sid):
                return moved[move].decode(), fold(channel), move.decode()
        return None


async def settled(store: Store, old: str, move: str) -> None:
    """Returns when all that a channel had is under its new name; does what is lacking. It may be
    done by several nodes at once.
    """
    if not await MoveRows(store).has_arrived(old, move):
        await make_way(store, old, move)


async def make_way(store: Store, old: str, move: str) -> None:
    """As `settled`, where a name is held still: a server that went back may have lost that it had
    arrived.
    """
    rows = MoveRows(store)
    left = await rows.left(old, move)
    if left is not None:
        await rows.carry(old, move, left)
        await rows.arrive(old, move, left)


async def whither(store: Store, channel: str, sid: str) -> str | None:
    """Under which other name the channel is known in which somebody is who was in it under this
    one; None if they're in none that had it.
    """
    rows, seen = MoveRows(store), set[str]()
    name = channel
    while (found := await rows.whither(name, sid)) is not None and found[2] not in seen:
        name, old, move = found
        seen.add(move)
        await settled(store, old, move)
        if await store.ask("HEXISTS", store.keys.channel(name).roster, sid):
            return name if name != fold(channel) else None  # it came back
    return None
