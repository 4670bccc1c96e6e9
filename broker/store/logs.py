"""What can be asked of Redis about logs: what is in them."""

from broker.api import History, Position
from broker.events import Entry, decode_event
from broker.feed import Excerpt
from broker.store.calls import Calls


class LogCalls(Calls):
    """Calls to Redis about logs."""

    async def read(self, log: str, after: int, count: int) -> Excerpt:
        """At most `count` entries of a log after a seq."""
        keys = self.keys.log(log)
        epoch, tip, flat, past = await self.run("read", keys, after, count, patient=True)
        places = [each.rpartition(":") for each in past.decode().split()]
        return Excerpt(
            Position(epoch.decode(), int(tip)),
            read_entries(flat),
            {before: int(seq) for before, _, seq in places},
        )

    async def history(
        self, channel: str, count: int, before: Position | None, ranks: str
    ) -> History:
        """The last spoken entries, or the last before a place."""
        keys = self.keys.log(channel)
        epoch, flat = await self.run("history", keys, count + 1, ranks, *(before or ()))
        entries = read_entries(flat)
        return History(epoch.decode(), entries[:count][::-1], len(entries) > count)

    async def trim(self, log: str, oldest_ms: int) -> int:
        """Forget what is older; returns how many entries went."""
        gone: int = await self.run("trim", self.keys.log(log), oldest_ms, self.most(log))
        return gone


def read_entries(flat: list[bytes]) -> list[Entry]:
    """What scripts tell of a log: id, ms and body of each entry."""
    return [
        Entry(int(flat[i].partition(b"-")[0]), int(flat[i + 1]), decode_event(flat[i + 2]))
        for i in range(0, len(flat), 3)
    ]
