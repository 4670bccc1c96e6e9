"""Whether each master of a Redis Cluster still has what it had.

A single server that forgot everything is known by its missing epoch. Of several masters one may
lose everything, or be followed by a replica that lacks the end, while the others go on. So each
has a mark of its own, in one of its slots, drawn by whoever finds none. The masters are known by
their parts: who each of these servers is (as in scripts/recover.lua), and each mark. Nodes meet
anew if a part isn't there any more, see broker/recovery.py. A mark whose slot moves is one still,
wherever it is. Must not know what is kept at the masters.
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
        self._marks: dict[int, bytes] = {}  # by number

    async def meet(self, wires: Wires) -> None:
        """Look at the masters, before anything else is asked there."""
        marks, parts = await self._known(wires), []
        for lane in wires.lanes.values():
            parts.append(await self._who(lane))
            if not any(wires.owns(lane, self._store.keys.mark_of(number)) for number in marks):
                numbers = (n for n in count() if wires.owns(lane, self._store.keys.mark_of(n)))
                number = next(numbers)
                marks[number] = await self._mark(wires, number)
        parts += [f"{number}={mark.decode()}" for number, mark in marks.items()]
        # if none did, that's so till the next beat, also when the way back is gone a second time
        survived = any(mark == self._marks.get(number) for number, mark in marks.items())
        self._store.survived = self._store.survived and survived
        self._store.parts = f" {' '.join(sorted(parts))} "
        self._marks = marks

    async def _known(self, wires: Wires) -> dict[int, bytes]:
        """The marks that nodes know of, as far as they're there still."""
        said = await wires.ask("HGET", self._store.keys.recovery, "parts")
        found = {}
        for part in (said or b"").decode().split():
            number, known, mark = part.partition("=")
            if known and await self._look_at(wires, int(number)) == mark.encode():
                found[int(number)] = mark.encode()
        return found

    async def _look_at(self, wires: Wires, number: int) -> bytes | None:
        mark: bytes | None = await wires.ask("GET", self._store.keys.mark_of(number))
        return mark

    async def _mark(self, wires: Wires, number: int) -> bytes:
        key = self._store.keys.mark_of(number)
        await wires.ask("SET", key, secrets.token_hex(6), "NX")
        return await self._look_at(wires, number) or b""

    async def _who(self, lane: Lane) -> str:
        known = []
        for section, pattern in _WHO.items():
            said = await lane.wire.ask("INFO", section)
            found = pattern.search(said)
            known.append(found[1] if found else b"")
        return f"{known[0][:12].decode()}.{known[1][:12].decode()}"

    def look(self) -> None:
        """Ask whether the marks are there still. If not, the way back from an outage is gone."""
        for number, mark in self._marks.items():
            key = self._store.keys.mark_of(number)
            self._link.send(("GET", key), partial(self._looked, mark), again=False)

    def _looked(self, mark: bytes, reply: Any) -> None:
        if not isinstance(reply, Exception) and reply != mark:
            self._link.drop()
