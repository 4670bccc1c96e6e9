"""Giving a channel another name."""

from broker.api import Code, Identity, Refused
from broker.events import Moved
from broker.memory.node import Node
from broker.names import fold
from broker.rules import Judge

_RECENT = 60_000


class Moving(Node):
    """As `api.Broker`, about channels that move."""

    async def move(self, me: Identity, channel: str, new: str, why: str, *, judge: Judge) -> None:
        self._session(me)
        world, found, name = self._world, self._channel(channel), fold(new)
        judge(found.rules, found.standing(me.sid))
        old, spelled = found.log.name, found.name
        spelling = name == old
        if not spelling:
            if name in world.channels:
                raise Refused(Code.NAME_IN_USE, new)
            log, since = world.given_up.get(name, (None, 0))
            back = log is not None and log.epoch in found.log.past
            if log is not None and not back and world.ms() - since < _RECENT:
                raise Refused(Code.NAME_GIVEN_UP, new)
            world.given_up.pop(name, None)
        epoch = "" if spelling else world.new_epoch()
        member = found.members.get(me.sid)
        if member is not None:
            member.num = me.num
        event = Moved(me.sid, me.num, me.nick, spelled, new, epoch, why, me.profile.by)
        if spelling:
            found.name = new
        log = found.log
        told = world.write(log, event)
        if not spelling:
            world.depart(found, new, epoch)
        world.publish(log, told)
