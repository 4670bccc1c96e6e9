"""What lists tell of channels, as their metas have it."""

from collections.abc import Sequence

from broker.api import ChannelInfo, Code, Refused
from broker.rules import decode_rules
from broker.store import Store

CHANNEL_FIELDS = ("name", "topic", "rules", "created", "topic_ms", "spoken")
"""Of a channel's meta, what `channel_info` takes."""


def channel_info(members: int, fields: Sequence[bytes | None]) -> ChannelInfo | None:
    """A row of the list of channels; None if there's no such channel."""
    name, topic, rules, created, topic_ms, spoken = fields
    if name is None or (members == 0 and spoken is None):
        return None
    modes = decode_rules(0, rules or b"").modes
    said = (topic or b"").decode()
    return ChannelInfo(name.decode(), members, said, modes, int(created or 0), int(topic_ms or 0))


async def channel_now(store: Store, name: str) -> ChannelInfo:
    """A channel as it's now. Raises NO_SUCH_CHANNEL."""
    meta, roster, _ = store.keys.channel(name)
    size, fields = await store.ask_all(("HLEN", roster), ("HMGET", meta, *CHANNEL_FIELDS))
    row = channel_info(size, fields)
    if row is None:
        raise Refused(Code.NO_SUCH_CHANNEL, name)
    return row
