"""What can be asked of Redis about kept sessions: typed values in and out, as in `store`.

A kept session has a row of its own, {s:SID}, which says under which token it acts and which
incarnation of a node has it; and, while it's detached, a place on the shelf, the list of those
that end if nobody takes them up. The order of steps is `keeping`'s business.
"""

from enum import Enum
from typing import NamedTuple

import msgspec

from broker.api import Code, Identity, Position, Profile, Refused, Regained
from broker.link import Argument
from broker.profiles import decode_profile
from broker.records import Record
from broker.rules import decode_rules
from broker.store import Late, Store

TURN = 32
"""The numbers of a session's commands begin with how often it was taken up, above so many bits."""

KEPT = 7 * 86_400
"""Seconds that a kept session's own row outlives the last word of whoever has it."""

ROWS = 500
"""How many rows are read at a time."""


class Taken(NamedTuple):
    """A kept session as it was when it was taken up: `tokens` under which it may hold something,
    with spaces between, the new one last; `was`: the incarnation that had it, or empty.
    """

    tokens: str
    was: str
    record: bytes
    state: bytes
    seen: bytes
    till: int
    turn: int


class Row(NamedTuple):
    """A kept session as its row says it is. `owner`: the incarnation that has it, or empty.
    `settled`: nothing of it stands under an earlier token. `turn`: how often it was taken up.
    """

    secret: str
    token: str
    owner: str
    record: bytes
    settled: bool
    turn: int


class Reclaimed(NamedTuple):
    """A claim that was taken up. `topic`: of the node that had it. `taken`: the inbox's tip when
    the nick was, `tip`: now. `claimed`: when that was (ms). `profile`: None if none is known.
    """

    nick: str
    away: str | None
    since: int
    topic: str
    taken: Position
    tip: Position
    claimed: int
    profile: Profile | None = None


class Keep(Enum):
    """What may be so of a session that is to be kept."""

    STILL = 0
    """It's kept already, or nothing is to be done."""
    FRESH = 1
    """It may be kept for the first time."""
    AGAIN = 2
    """Redis went back behind its having been taken up here."""


def encode_held(record: Record) -> bytes:
    """What a session holds, as its row says it while it's detached."""
    return msgspec.json.encode((record.nicks, list(record.channels.values())))


class KeptRows:
    """Calls to Redis about kept sessions; they raise as `Store`'s do."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = store.keys

    async def keep(self, me: Identity, secret: str, owner: str, state: bytes, how: Keep) -> bool:
        """Keep a session, or write down its state anew. False: it's another's."""
        kept, turn = (self._keys.kept(me.sid),), me.num >> TURN
        args = (me.token, secret, owner, state, KEPT, how.value, turn)
        return bool(await self._store.run("keep", kept, *args))

    async def lag(self, sid: str, token: str, seen: bytes) -> bool:
        """Write down how far a session was told (empty: as its node was); False: it's another's."""
        return bool(await self._store.run("lag", (self._keys.kept(sid),), token, seen))

    async def detach(
        self, sid: str, record: Record, seen: bytes, till: int, state: bytes
    ) -> bool | None:
        """Take a session off its node; False if it's another's, None if it isn't kept."""
        args = (record.token, encode_held(record), seen, till, KEPT, state)
        done = await self._store.run("detach", (self._keys.kept(sid),), *args, patient=True)
        return None if done == 2 else bool(done)

    async def shelve(self, sid: str, keep_ms: int, row: bytes) -> None:
        """Put a detached session on the list of those that will end."""
        keys = (self._keys.detached, self._keys.shelf)
        await self._store.run("shelve", keys, sid, keep_ms, row, patient=True)

    async def unshelve(self, sid: str, row: bytes) -> None:
        """Take a session off the list of those that will end, if it's there with this row."""
        keys = (self._keys.detached, self._keys.shelf)
        await self._store.run("unshelve", keys, sid, row, patient=True)

    async def shelved(self) -> dict[str, bytes]:
        """The rows of the detached sessions, by sid."""
        found = await self._store.ask("HGETALL", self._keys.shelf)
        return {sid.decode(): row for sid, row in found.items()}

    async def shelved_row(self, sid: str) -> bytes | None:
        """A detached session's row."""
        row: bytes | None = await self._store.ask("HGET", self._keys.shelf, sid, patient=True)
        return row

    async def peek(self, sid: str) -> Row | None:
        """What stands in a session's row; None if it isn't kept, or not any more."""
        fields = ("secret", "tokens", "owner", "record", "gone", "turn")
        secret, tokens, owner, record, gone, turn = await self._store.ask(
            "HMGET", self._keys.kept(sid), *fields
        )
        if tokens is None or gone is not None:
            return None
        *earlier, token = tokens.decode().split()
        settled = not earlier
        return Row(secret.decode(), token, owner.decode(), record or b"", settled, int(turn or 0))

    async def is_known(self, sid: str) -> bool:
        """Whether there's a row of the session, whatever it says."""
        return bool(await self._store.ask("EXISTS", self._keys.kept(sid)))

    async def acting(self, sids: list[str]) -> list[str | None]:
        """Under which token each of these acts; None if it isn't kept."""
        found: list[bytes | None] = []
        for i in range(0, len(sids), ROWS):
            rows = [("HGET", self._keys.kept(sid), "tokens") for sid in sids[i : i + ROWS]]
            found += await self._store.ask_all(*rows)
        return [tokens.decode().split()[-1] if tokens else None for tokens in found]

    async def take(
        self, sid: str, token: str, owner: str, *, row: Row, seen: bytes, deadline: int
    ) -> Taken | None:
        """Take up a kept session under a new token; None if it's not as in `row` any more.

        `seen`: how far its node was told. Raises TOKEN_UNKNOWN, ELSEWHERE, `Late`.
        """
        args = (row.secret, token, owner, KEPT, deadline, row.token, row.owner, seen)
        found = await self._store.run("take", (self._keys.kept(sid),), *args)
        match found[0]:
            case b"unknown":
                raise Refused(Code.TOKEN_UNKNOWN)
            case b"elsewhere":
                raise Refused(Code.ELSEWHERE)
            case b"late":
                raise Late
            case b"changed":
                return None
        _, tokens, was, record, state, seen, till, turn = found
        return Taken(
            tokens.decode(), was.decode(), record, state, seen, int(till or 0), int(turn or 0)
        )

    async def settle(self, sid: str, token: str) -> bool:
        """A session has been taken up: nothing stands under earlier tokens. False: another's."""
        return bool(await self._store.run("taken", (self._keys.kept(sid),), token))

    async def lapse(self, sid: str, token: str) -> tuple[list[str], bytes] | None:
        """Nobody may take up the session any more; its tokens and record. None if it's another's,
        or (with an empty `token`) on a node.
        """
        found = await self._store.run("lapse", (self._keys.kept(sid),), token, patient=True)
        return (found[0].decode().split(), found[1]) if found else None

    async def bury(self, sids: list[str]) -> None:
        """Nobody may take up any of these that are kept."""
        kept = [self._keys.kept(sid) for sid in sids]
        known = await self._store.ask_all(*(("EXISTS", key) for key in kept))
        await self._store.ask_all(
            *(("HSET", key, "gone", 1) for key, there in zip(kept, known, strict=True) if there)
        )

    async def forget(self, sid: str) -> None:
        """Nothing is left of a session that lapsed."""
        await self._store.ask("DEL", self._keys.kept(sid), patient=True)

    async def reclaim(
        self, sid: str, taken: Taken, token: str, nick: str, node: str, deadline: int
    ) -> Reclaimed | None:
        """Take up a claim; None if the session doesn't hold it. Raises `Late`."""
        claim, meta, _ = self._keys.nick(nick)
        args = (sid, taken.tokens, token, node, self._store.inbox_topic(nick), deadline)
        found = await self._store.run("reclaim", (claim, meta), *args)
        if found[0] == b"late":
            raise Late
        if found[0] == b"gone":
            return None
        _, spelled, is_away, why, since, topic, epoch, seq, tip_epoch, tip_seq, *more = found
        claimed, about = more
        return Reclaimed(
            spelled.decode(),
            why.decode() if is_away else None,
            int(since),
            topic.decode(),
            Position(epoch.decode(), int(seq)),
            Position(tip_epoch.decode(), int(tip_seq)),
            int(claimed),
            decode_profile(about) if about else None,
        )

    async def regain(
        self, sid: str, taken: Taken, token: str, channel: str, deadline: int
    ) -> Regained | None:
        """Take up a membership; None if the session has none. Raises `Late`."""
        meta, roster, _ = self._keys.channel(channel)
        args = (sid, taken.tokens, token, deadline, taken.turn << TURN)
        found = await self._store.run("regain", (meta, roster), *args)
        if found[0] == b"late":
            raise Late
        if found[0] == b"gone":
            return None
        _, epoch, tip, name, flag, nick, since, status, law, rules = found
        return Regained(
            name.decode(),
            Position(epoch.decode(), int(tip)),
            flag == b"q",
            nick.decode(),
            int(since),
            status.decode(),
            decode_rules(int(law), rules),
        )

    async def note_seen(self, node: str, seen: dict[str, bytes], gone: list[str]) -> None:
        """Write down how far the kept sessions of a node were told, by log."""
        flat = [part for row in seen.items() for part in row]
        key = self._keys.node_seen(node)
        calls: list[tuple[Argument, ...]] = []
        if flat:
            calls.append(("HSET", key, *flat))
        if gone:
            calls.append(("HDEL", key, *gone))
        await self._store.ask_all(*calls)

    async def seen(self, node: str, logs: list[str]) -> dict[str, bytes]:
        """How far those of a node were told, by log."""
        if not (node and logs):
            return {}
        found = await self._store.ask("HMGET", self._keys.node_seen(node), *logs)
        return {log: raw for log, raw in zip(logs, found, strict=True) if raw is not None}
