"""Puts right what differs, by the same scripts that the nodes use, and guarded as they are:
each step compares the token that was found, so it does nothing to what has changed meanwhile.
"""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from broker.events import Left, Quit, around_nick
from broker.names import fold
from broker.orders import Mend
from broker.profiles import went
from broker.scripts import MOMENT
from node.operate.findings import (
    Finding,
    FleetingKey,
    GhostMember,
    GhostNick,
    LastingKey,
    ListedChannel,
    LostMember,
    LostNick,
    OrphanedRecords,
    UnlistedChannel,
)
from node.operate.operator import Operator, OperatorError

LOST = "connection lost"

ASKED = 500
"""For how many sessions a node is asked at a time."""


class Mender:
    """Mends what was found in one cluster."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._redis = operator.redis
        self._keys = operator.keys
        self._scripts = operator.scripts
        self._kept = max(1, int(operator.settings.history_days * 86_400))

    def mend(self, found: Iterable[Finding]) -> list[Finding]:
        """Put right what can be, in the order given; what was. Raises redis-py's errors."""
        found = list(found)
        ghosts = defaultdict(list)
        for each in found:
            if isinstance(each, GhostMember):
                ghosts[each.sid].append(each.channel)
        done: list[Finding] = []
        lost: dict[str, dict[str, list[Finding]]] = defaultdict(lambda: defaultdict(list))
        for each in found:
            match each:
                case GhostNick():
                    keys, gone = self._keys.traces(each.nick), went(each.sid, each.nick)
                    if self._run("release", keys, each.sid, each.token, MOMENT, 0, gone):
                        done.append(each)
                case GhostMember():
                    if self._take_out(each, tuple(ghosts[each.sid])):
                        done.append(each)
                case LostNick() | LostMember():
                    lost[each.node][each.sid].append(each)
                case OrphanedRecords():
                    self._redis.zadd(self._keys.dying, {each.node: 0}, nx=True)
                    done.append(each)
                case UnlistedChannel() | ListedChannel():
                    self._list(each.channel)
                    done.append(each)
                case LastingKey():
                    self._redis.expire(each.key, self._kept if each.channel else MOMENT, nx=True)
                    done.append(each)
                case FleetingKey():
                    self._redis.persist(each.key)
                    done.append(each)
        for node, sessions in lost.items():
            done += self._ask(node, sessions)
        return done

    def _run(self, script: str, keys: Iterable[str], *args: str | bytes | int) -> object:
        keys = list(keys)
        return self._redis.eval(self._scripts[script].text, len(keys), *keys, *args)

    def _take_out(self, ghost: GhostMember, channels: tuple[str, ...]) -> bool:
        """With the event that a sweep, or their node, would have written."""
        event: Quit | Left = Quit(ghost.sid, 0, ghost.nick, LOST, channels)
        if ghost.here:
            event = Left(ghost.sid, 0, ghost.nick)
        keys = self._keys.channel(ghost.channel)
        reply = self._redis.eval(
            self._scripts["leave"].text,
            len(keys),
            *keys,
            msgspec.json.encode(ghost.channel),
            self._operator.settings.history_lines,
            ghost.sid,
            ghost.token,
            "loud" if self._redis.exists(keys.meta) else "never",
            *around_nick(event),
            self._kept,
            MOMENT,
            # the server that the nodes have settled on: a log goes on under that, or is settled
            self._redis.hget(self._keys.recovery, "server") or "",
        )
        if reply[0] != 0:
            return False
        _, _, left, maker = reply
        if left == 0:
            if maker:
                self._redis.zrem(self._keys.address(maker.decode()), ghost.channel)
            self._list(ghost.channel)
        return True

    def _list(self, channel: str) -> None:
        """On the list of channels or off it, as a node does it: off, then look, then on again."""
        self._redis.srem(self._keys.channel_index, fold(channel))
        if self._redis.hlen(self._keys.channel(channel).roster):
            self._redis.sadd(self._keys.channel_index, fold(channel))

    def _ask(self, node: str, sessions: dict[str, list[Finding]]) -> list[Finding]:
        sids = list(sessions)
        done: list[Finding] = []
        try:
            for i in range(0, len(sids), ASKED):
                some = tuple(sids[i : i + ASKED])
                self._operator.give(self._operator.find(node), Mend(some))
                done += [each for sid in some for each in sessions[sid]]
        except OperatorError as e:
            self._operator.say(str(e))
        return done
