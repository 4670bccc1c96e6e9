"""What nodes ask of Redis when another server took over, or one forgot everything."""

from typing import NamedTuple

from broker.api import Position, Profile
from broker.events import Entry, Event, encode
from broker.profiles import decode_profile
from broker.scripts import MOMENT
from broker.store.calls import STRANGER, Calls
from broker.store.nodes import Beat


class Meeting(NamedTuple):
    """What a node finds at a server: which it is (empty: it doesn't tell), the epoch of what it
    knows (empty: nothing), and how many ms nobody may write yet. `blind`: it lost all leases.
    """

    server: str
    epoch: str
    wait: int
    blind: bool


class Place(NamedTuple):
    """Where a log stands, and at which server it got its epoch (empty: none, or not known)."""

    epoch: str
    seq: int
    server: str


class Claim(NamedTuple):
    """Who holds a nick, under which token, why they're away (or None), and what's known of them."""

    sid: str
    token: str
    away: str | None
    profile: Profile


class Gathering(NamedTuple):
    """What a node finds at a server that forgot everything: how many ms nobody may be given a nick
    anew yet, and whether the lease that this node had runs still.
    """

    wait: int
    runs: bool


class MeetingCalls(Calls):
    """Calls to Redis after another server took over."""

    async def meet(
        self, node: str, window_ms: int, *, done: bool, epoch: str, lease_ms: int, nodes: list[str]
    ) -> Meeting:
        """Meet the other nodes at a server; `done`: this one has offered all that it saw. `epoch`:
        of what it knows, and `nodes` that held a lease, for one of several masters that has lost
        that alone; `lease_ms`: how long leases run.
        """
        keys = (self.keys.recovery, self.keys.leases, self.keys.epoch)
        known = self.parts, epoch if self.parts and self.survived else ""
        server, found, wait, blind = await self.run(
            "recover", keys, node, window_ms, int(done), *known, lease_ms, *nodes
        )
        return Meeting(server.decode(), found.decode(), int(wait), blind == 1)

    async def gather(self, node: str, window_ms: int, before: Beat, *, done: bool) -> Gathering:
        """Gather with the other nodes at a server that forgot everything. `before`: this node's
        last beat at the one that didn't; `done`: it holds again what it held.
        """
        args = (node, window_ms, before.now, before.deadline, len(before.nodes), int(done))
        wait, runs = await self.run("gather", (self.keys.gathering,), *args)
        return Gathering(wait, runs == 1)

    async def gathered_at(self) -> int:
        """When the gathering of other nodes ends, if there is one (Redis's clock, ms)."""
        return int(await self.ask("HGET", self.keys.gathering, "ends") or 0)

    async def places(self, logs: list[str]) -> list[Place]:
        """Where these logs stand: those that are there, and not only offered."""
        metas = [self.keys.log(log).meta for log in logs]
        fields = ("epoch", "seq", "at", "known")
        found = await self.ask_all(*(("HMGET", meta, *fields) for meta in metas))
        return [
            Place((epoch or b"").decode(), int(seq or 0), (at or b"").decode())
            if known is None
            else Place("", 0, "")
            for epoch, seq, at, known in found
        ]

    async def offer(
        self, log: str, epoch: str, tip: Position, known: int, seen: list[Entry]
    ) -> None:
        """Offer what was seen of a log that is shorter now, and has this epoch; `tip`: where it
        stood, and `known`: till when that was certain (ms).
        """
        flat = [part for one in seen for part in (one.seq, one.ms, encode(one.event))]
        keys = (self.keys.log(log).meta,)
        await self.run("offer", keys, self.server, epoch, *tip, known, MOMENT, *flat)

    async def settle(self, log: str) -> None:
        """Let a log go on under this server, with what was offered."""
        channel, nick = self.keys.channel(log), self.keys.nick(log)
        keys = channel if log.startswith("#") else (nick.meta, nick.claim, nick.log)
        holders = int(log.startswith("#"))  # whose places follow from what is in the log
        await self.run("settle", keys, self.server, self.most(log), self._kept, MOMENT, holders)

    async def amend(self, channel: str, after: int, seen: list[Event]) -> None:
        """Append as new what was seen of a channel after a place, and is not in its log."""
        bodies = [encode(event) for event in seen]
        name = self.log_name(channel)
        await self.run("amend", self.keys.channel(channel), name, self._lines, after, *bodies)

    async def claims(self, nicks: list[str]) -> list[Claim | None]:
        """Who holds each; None: nobody does."""
        fields = ("sid", "token", "away", "about")
        keys = [self.keys.nick(nick).claim for nick in nicks]
        found = await self.ask_all(*(("HMGET", key, *fields) for key in keys))
        return [
            Claim(
                sid.decode(),
                token.decode(),
                away.decode() if away is not None else None,
                decode_profile(about),
            )
            if sid is not None
            else None
            for sid, token, away, about in found
        ]

    async def members(
        self, sids: dict[str, list[str]]
    ) -> dict[str, dict[str, tuple[str, str] | None]]:
        """What rosters say of some sessions, by channel and sid: token and nick, or None."""
        found = await self.ask_all(
            *(("HMGET", self.keys.channel(name).roster, *some) for name, some in sids.items())
        )
        return {
            name: dict(zip(some, map(_member, raw), strict=True))
            for (name, some), raw in zip(sids.items(), found, strict=True)
        }

    async def strangers(self, channel: str) -> list[tuple[str, int, str]]:
        """Members without a token: sid, the last number, nick. See scripts/_settle.lua."""
        flat = await self.ask("HGETALL", self.keys.channel(channel).roster)
        members = [(sid.decode(), raw.decode().split(" ", 5)) for sid, raw in flat.items()]
        return [(sid, int(parts[1]), parts[5]) for sid, parts in members if parts[0] == STRANGER]


def _member(raw: bytes | None) -> tuple[str, str] | None:
    if raw is None:
        return None
    token, *_, nick = raw.decode().split(" ", 5)
    return token, nick
