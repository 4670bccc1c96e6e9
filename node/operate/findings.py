"""How what Redis has and what the nodes have in memory differ: a value for each difference.

Pure. Who can't be asked (a node that doesn't answer, one that is being swept) has no differences
but that one: whatever of theirs is in Redis may be right.
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from broker.names import fold
from broker.orders import Shown
from node.operate.look import NEVER, Answer, Look
from node.operate.operator import name_of


class Finding(msgspec.Struct, frozen=True):
    """A difference."""

    says: ClassVar[str]
    mends: ClassVar[str] = ""
    """What is done about it; empty: nothing can be."""

    def __str__(self) -> str:
        return self.says.format(**msgspec.structs.asdict(self))

    @property
    def mended(self) -> str:
        """What was done about it."""
        return self.mends.format(**msgspec.structs.asdict(self))

    def as_dict(self) -> dict[str, object]:
        """For JSON. Without tokens: with one, somebody could be taken out of everything."""
        about = msgspec.structs.asdict(self)
        about.pop("token", None)
        return {"finding": type(self).__name__, "says": str(self), **about}


class SilentNode(Finding, frozen=True):
    says = "the node {node} holds a lease and doesn't answer; nothing is known of its people"

    node: str


class DeafNode(Finding, frozen=True):
    says = "the node {node} doesn't follow {channel}, in which it has people"

    node: str
    channel: str


class GarbledKey(Finding, frozen=True):
    says = "{key} doesn't hold what it should"

    key: str


class OrphanedRecords(Finding, frozen=True):
    says = "{sessions} sessions of {node} are on record, which is neither alive nor being swept"
    mends = "{node} is handed to the nodes, to be swept"

    node: str
    sessions: int


class GhostNick(Finding, frozen=True):
    says = "the nick {nick} is held by a session that no node has ({sid})"
    mends = "the nick {nick} is free"

    nick: str
    sid: str
    token: str


class GhostMember(Finding, frozen=True):
    """`here`: the session is there, and its node says that it isn't in the channel."""

    says = "{nick} is in {channel} by the roster, and by no node ({sid})"
    mends = "{nick} was taken out of {channel}"

    channel: str
    nick: str
    sid: str
    token: str
    here: bool


class LostNick(Finding, frozen=True):
    says = "the node {node} has {nick}, who doesn't hold that nick in Redis ({sid})"
    mends = "the node {node} was asked to claim {nick} again"

    node: str
    nick: str
    sid: str


class LostMember(Finding, frozen=True):
    says = "the node {node} has {nick} in {channel}, who isn't in its roster ({sid})"
    mends = "the node {node} was asked to put {nick} into {channel} again"

    node: str
    channel: str
    nick: str
    sid: str


class UnlistedChannel(Finding, frozen=True):
    says = "{channel} has members and isn't on the list of channels"
    mends = "{channel} is on the list of channels"

    channel: str


class ListedChannel(Finding, frozen=True):
    says = "{channel} has no members and is on the list of channels"
    mends = "{channel} is off the list of channels"

    channel: str


class LastingKey(Finding, frozen=True):
    """`channel`: it's a channel's, and kept as long as history is."""

    says = "{key} belongs to nobody and would stay for ever"
    mends = "{key} expires"

    key: str
    channel: bool


class FleetingKey(Finding, frozen=True):
    says = "{key} is in use and would expire"
    mends = "{key} stays"

    key: str


def findings(look: Look) -> Iterator[Finding]:
    """All differences, ghosts first, so that what they hold is free for whose it is."""
    here = {
        sid: (node, shown)
        for node, answer in look.nodes.items()
        if answer is not None
        for sid, shown in answer.sessions.items()
    }
    unheard = {node for node, answer in look.nodes.items() if answer is None} | look.dying
    orphaned = {
        node: sids
        for node, sids in look.records.items()
        if sids and node not in look.nodes and node not in look.dying
    }
    excused = look.kept.union(
        *(sids for node, sids in look.records.items() if node in unheard), *orphaned.values()
    )
    for node, answer in look.nodes.items():
        if answer is None:
            yield SilentNode(name_of(node))
    for key in look.garbled:
        yield GarbledKey(key)
    for node, sids in orphaned.items():
        yield OrphanedRecords(node, len(sids))
    for name, claim in look.claims.items():
        if claim.sid in excused or fold(claim.node) in unheard:
            continue
        _, shown = here.get(claim.sid, ("", None))
        if shown is None or fold(shown.nick) != name or shown.token != claim.token:
            yield GhostNick(claim.nick, claim.sid, claim.token)
    for channel, roster in look.rosters.items():
        for sid, member in roster.items():
            _, shown = here.get(sid, ("", None))
            if sid not in excused and (shown is None or channel not in shown.channels):
                yield GhostMember(channel, member.nick, sid, member.token, shown is not None)
    for node, answer in look.nodes.items():
        if answer is not None:
            yield from _lost(look, name_of(node), answer)
    yield from _misfiled(look, [shown for _, shown in here.values()])


def _lost(look: Look, node: str, answer: Answer) -> Iterator[Finding]:
    """What a node has and Redis hasn't."""
    deaf = set()
    for sid, shown in answer.sessions.items():
        claim = look.claims.get(fold(shown.nick))
        if claim is None or (claim.sid, claim.token) != (sid, shown.token):
            yield LostNick(node, shown.nick, sid)
        for channel in shown.channels:
            member = look.rosters.get(channel, {}).get(sid)
            if member is None or member.token != shown.token:
                yield LostMember(node, channel, shown.nick, sid)
            if channel not in answer.follows:
                deaf.add(channel)
    for channel in sorted(deaf):
        yield DeafNode(node, channel)


def _misfiled(look: Look, here: list[Shown]) -> Iterator[Finding]:
    """What is wrong with the list of channels, and with when things expire."""
    inhabited = {channel for channel, roster in look.rosters.items() if roster}
    used = inhabited | look.claims.keys()
    # and what is lost, and will be in use again
    wanted = used.union(*(shown.channels for shown in here), (fold(shown.nick) for shown in here))
    for channel in sorted(inhabited - look.listed):
        yield UnlistedChannel(channel)
    for channel in sorted(look.listed - wanted):
        yield ListedChannel(channel)
    for name, keys in look.expires.items():
        for key, seconds in keys.items():
            if seconds == NEVER and name not in wanted:
                yield LastingKey(key, name.startswith("#"))
            elif seconds != NEVER and name in used:
                yield FleetingKey(key)
