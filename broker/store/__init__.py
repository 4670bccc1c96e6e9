"""What can be asked of Redis: a method for each script or read, typed values in and out.

    Store ─┬─ channels, logs ─┐
           ├─ nicks, sessions ├──> calls ──> Link
           └─ nodes, meeting, ┘
              bans

Each call is one atomic step on one slot. The order of steps is `cluster`'s business, and
when to take them `presence`'s. Must not know sockets, sinks or the feed.
"""

from broker.store.bans import BanCalls
from broker.store.calls import RETAINED, STRANGER, Asked, Berthed, Late
from broker.store.channels import ChannelCalls, Judged, Line, Parted, decode_face
from broker.store.logs import LogCalls, read_entries
from broker.store.meeting import Claim, Gathering, Meeting, MeetingCalls, Place
from broker.store.nicks import WAS_KEPT
from broker.store.nodes import Beat, NodeCalls
from broker.store.sessions import SessionCalls

__all__ = [
    "RETAINED",
    "STRANGER",
    "WAS_KEPT",
    "Asked",
    "Beat",
    "Berthed",
    "Claim",
    "Gathering",
    "Judged",
    "Late",
    "Line",
    "Meeting",
    "Parted",
    "Place",
    "Store",
    "decode_face",
    "read_entries",
]


class Store(ChannelCalls, LogCalls, SessionCalls, NodeCalls, MeetingCalls, BanCalls):
    """All that can be asked, nicks with sessions; see `Calls` for what it takes and raises."""
