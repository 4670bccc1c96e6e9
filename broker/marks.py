"""Whether each master of a Redis Cluster still has what it had.

A single server that forgot everything is known by its missing epoch. Of several masters one may
lose everything, or be followed by a replica that lacks the end, while the others go on. So each
has a mark of its own, in one of its slots, drawn by whoever finds none. Together with who the
server is (as in scripts/recover.lua), that's what a master is known by: a `part`. Nodes meet anew
if a part isn't there any more, see broker/recovery.py; if it was only that a slot with a mark in it
moved, they do so for nothing. Must not know what is kept at the masters.
"""

import re
import secrets
from functools import partial
from itertools import count
from typing import Any

from broker.link import Link
from broker.shards import Lane, Wires
from broker.store import Store

_WHO = {
    b"server": re.compile(rb"run_id:(\w+)"),
    b"replication": re.compile(rb"master_replid2:(\w+)"),
}


class Marks:
    """See the module's docstring. Tells `store` of the parts, and whether one of them survived."""

    def __init__(self, store: Store, link: Link) -> None:
        self._store = store
        self._link = link
        self._marks: dict[str, bytes] = {}  # by key

    async def meet(self, wires: Wires) -> None:
        """Look at the masters, before anything else is asked there."""
        marks, parts = {}, []
        for lane in wires.lanes.values():
            numbered = map(self._store.keys.mark_of, count())
            key = next(key for key in numbered if wires.owns(lane, key))
            marks[key] = await self._mark(lane, key)
            parts.append(await self._part(lane, marks[key]))
        self._store.survived = any(mark == self._marks.get(key) for key, mark in marks.items())
        self._store.parts = f" {' '.join(sorted(parts))} "
        self._marks = marks

    async def _mark(self, lane: Lane, key: str) -> bytes:
        await lane.wire.ask("SET", key, secrets.token_hex(6), "NX")
        mark: bytes = await lane.wire.ask("GET", key)
        return mark

    async def _part(self, lane: Lane, mark: bytes) -> str:
        known = []
        for section, pattern in _WHO.items():
            said = await lane.wire.ask("INFO", section)
            found = pattern.search(said)
            known.append(found[1] if found else b"")
        return f"{known[0][:12].decode()}.{known[1][:12].decode()}.{mark.decode()}"

    def look(self) -> None:
        """Ask whether the marks are there still. If not, the way back from an outage is gone."""
        for key, mark in self._marks.items():
            self._link.send(("GET", key), partial(self._looked, mark), again=False)

    def _looked(self, mark: bytes, reply: Any) -> None:
        if not isinstance(reply, Exception) and reply != mark:
            self._link.drop()
