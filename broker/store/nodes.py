"""What can be asked of Redis about nodes: their leases, and what they tell of themselves."""

import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from broker.api import Code, Refused
from broker.link import Argument, ReplyError
from broker.orders import KEPT
from broker.overview import name_of
from broker.reports import HOUR, INCIDENTS, POINT_FIELD, POINTS_KEPT
from broker.store.calls import Calls, refusal

FORGOTTEN = 3600
"""Seconds for which it's kept how many connections an address has, unless it's told again."""


class Beat(NamedTuple):
    """What a heartbeat found. Times are Redis's, in Unix milliseconds. `orders`: operators', and
    `bans`: the version of those. `nodes`: the incarnations that hold a lease.
    """

    held: bool
    now: int
    deadline: int
    epoch: str
    orders: list[bytes]
    bans: int
    nodes: list[str]


class NodeCalls(Calls):
    """Calls to Redis about nodes."""

    @property
    def mark(self) -> tuple[Argument, ...]:
        """A command that writes something, whatever scripts Redis has forgotten."""
        return ("EVAL", self._scripts["mark"].text, 1, self.keys.mark)

    # -- leases

    async def beat(self, node: str, lease_ms: int, *, take: bool, messages: int) -> Beat:
        """Renew (or `take`) the lease of an incarnation, and count its messages."""
        keys = (
            self.keys.leases,
            self.keys.epoch,
            self.keys.messages,
            self.keys.orders(node),
            self.keys.bans_version,
            self.keys.recovery,
        )
        # of several masters the others may have what they had: see broker/marks.py
        drawn = secrets.token_hex(8) if take or not (self.sharded and self.survived) else ""
        held, now, deadline, epoch, orders, bans, nodes, server = await self.run(
            "heartbeat", keys, node, lease_ms, int(take), drawn, messages
        )
        if not epoch:
            self.link.drop()  # and look after it on the way back
            raise Refused(Code.UNSETTLED)
        if self.sharded and server.decode() not in ("", self.server):
            # Others have met anew: their masters were not those that they knew. This node may have
            # followed what moved without that, and would write under what is over.
            self.log.info("others have met anew: {server}", server=server.decode())
            self.link.drop()
        self.survived = True
        living = [node.decode() for node in nodes]
        return Beat(held == 1, int(now), int(deadline), epoch.decode(), orders, int(bans), living)

    async def look_at_epoch(self) -> str:
        """Of what Redis knows; empty if that can't be known now. Asked for at once."""
        looking = self.link.call("GET", self.keys.epoch, again=False)
        reply = await looking.addErrback(refusal)
        return reply.decode() if isinstance(reply, bytes) else ""

    async def living(self) -> list[str]:
        """The incarnations that hold a lease. Raises LinkLost."""
        try:
            found = await self.link.call("ZRANGE", self.keys.leases, 0, -1, again=False)
        except ReplyError as e:
            raise self._cannot("ZRANGE", e) from None
        return [node.decode() for node in found]

    async def expired(
        self, again_ms: int, most: int, until_ms: int, own: str = ""
    ) -> tuple[list[str], list[str]]:
        """The incarnations whose people someone should sweep now, and the detached sessions (at
        most that many) that someone should end. None if it's after `until_ms` on Redis's clock:
        what is asked before an outage may be read when it's over. `own`: the caller's incarnation.
        """
        keys = (self.keys.leases, self.keys.dying, self.keys.detached, self.keys.incidents)
        teller = name_of(own)
        nodes, sids = await self.run("expire", keys, again_ms, most, until_ms, INCIDENTS, teller)
        return [node.decode() for node in nodes], [sid.decode() for sid in sids]

    async def swept(self, node: str) -> None:
        """Nothing of an incarnation is left."""
        await self.ask("DEL", self.keys.node_sessions(node), self.keys.node_seen(node))
        await self.ask("ZREM", self.keys.dying, node)
        await self.ask("DEL", self.keys.orders(node))

    async def give_up_lease(self, node: str) -> None:
        """The incarnation is gone, with nothing left behind."""
        await self.ask("DEL", self.keys.node_sessions(node), self.keys.node_seen(node))
        await self.ask("ZREM", self.keys.leases, node)
        await self.ask("DEL", self.keys.orders(node))

    # -- what nodes count together

    async def count(self, counter: str, node: str, batch: str, many: int) -> int:
        """Add to a counter, under the name of a batch of this node's; what it is afterwards."""
        keys = (self.keys.counter(counter), self.keys.counter_memo(counter, node))
        counted: int = await self.run("count", keys, batch, many)
        return counted

    async def admit(
        self, address: str, node: str, count: int, most: int, living: list[str]
    ) -> bool:
        """Whether an address may have so many connections open on a node. Raises LinkLost."""
        keys = (self.keys.connections(address),)
        reply: int = await self.once("admit", keys, node, count, most, FORGOTTEN, *living)
        return reply == 1

    def tell_open(self, address: str, node: str, count: int, told: Callable[[bool], None]) -> None:
        """Say how many connections an address has open on a node. `told`: if it's certain."""

        def answered(reply: Any) -> None:
            if isinstance(reply, ReplyError) and str(reply).startswith("NOSCRIPT"):
                self.link.send(("SCRIPT", "LOAD", self._scripts["admit"].text), lambda _: None)
            told(reply == 1)

        keys = (self.keys.connections(address),)
        self.link.send(self._args("admit", keys, (node, count, 0, FORGOTTEN)), answered)

    # -- what nodes tell of themselves (`broker.board`)

    def tell_status(
        self,
        node: str,
        status: bytes,
        incidents: list[bytes],
        told: Callable[[int | None], None],
    ) -> None:
        """Write down how a node is. `told` how many nodes hold a lease; None if it isn't done, and
        then it isn't tried again.
        """

        def answered(reply: Any) -> None:
            if isinstance(reply, ReplyError) and str(reply).startswith("NOSCRIPT"):
                self.link.send(("SCRIPT", "LOAD", self._scripts["status"].text), lambda _: None)
            told(None if isinstance(reply, Exception) else reply)

        keys = (self.keys.status, self.keys.incidents, self.keys.leases)
        args = self._args("status", keys, (node, status, INCIDENTS, *incidents))
        self.link.send(args, answered, again=False)

    def tell_point(self, node: str, point: bytes) -> None:
        """Add a point to a node's; what Redis doesn't take is a hole in a chart.

        As it's all that is written again and again, it tells whether writes are taken.
        """
        key = self.keys.node_points(node)

        def answered(reply: Any) -> None:
            if isinstance(reply, ReplyError):
                self._cannot("a point", reply)
            elif isinstance(reply, bytes):
                self._writes.taken()

        add = ("XADD", key, "MAXLEN", HOUR, "*", POINT_FIELD, point)
        self.link.send(add, answered, again=False)
        self.link.send(("EXPIRE", key, POINTS_KEPT), lambda _: None, again=False)

    async def report(self, number: str, rows: dict[str, bytes], within: float = 0.0) -> None:
        """Write rows of a report. It stays for a minute, and for `within` seconds more."""
        key, flat = self.keys.report(number), [part for row in rows.items() for part in row]
        await self.ask_all(("HSET", key, *flat), ("EXPIRE", key, KEPT + int(within)))
