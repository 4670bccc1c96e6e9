"""Tags of a moment, such as that somebody is typing: shown to who is there, and kept nowhere.

They would fill logs, and push out what was said. So they have no place, come in no certain order,
and are lost with a lost connection. Must not know sinks.
"""

from broker.api import Code, Identity, Receipt, Refused
from broker.attempts import Attempts
from broker.events import Tagged, around_to, encode
from broker.names import fold
from broker.presence import Presence
from broker.ruled import as_it_is
from broker.rules import Judge, anybody
from broker.ruling import LOOK, TRIES, UNJUDGED, Ruling
from broker.store import Late, Store


class Fleeting:
    """See the module's docstring."""

    def __init__(
        self, store: Store, ruling: Ruling, presence: Presence, attempts: Attempts
    ) -> None:
        self._store = store
        self._ruling = ruling
        self._presence = presence
        self._attempts = attempts

    async def tag(self, me: Identity, channel: str, event: Tagged, judge: Judge) -> None:
        """As `api.Broker.tag`."""
        name, law = fold(channel), LOOK
        known = self._ruling.known(name)
        if judge is anybody:
            law = UNJUDGED
        elif known is not None and (known.free or known.permits(me.sid, judge)):
            law = known.law
        keys, body = self._store.keys.channel(channel), encode(event)
        for _ in range(TRIES):
            head = (self._store.log_name(channel), me.sid, me.token)
            reply = await self._store.run("flash", keys, *head, law, body)
            if reply == 0:
                return
            if reply == 2:
                raise Refused(Code.NOT_MEMBER, channel)
            found = as_it_is(reply, me.sid)
            self._ruling.learn(name, [me.sid], found)
            if found.rules.law:
                judge(found.rules, found.standing())
            law = str(found.rules.law)
        raise Refused(Code.BUSY, channel)

    async def touch(self, nick: str, event: Tagged) -> Receipt:
        """As `api.Broker.touch`."""

        async def wink(_again: bool) -> Receipt:
            return await self._wink(nick, event)

        return await self._attempts.settle(self._presence.node, wink)

    async def _wink(self, nick: str, event: Tagged) -> Receipt:
        store, keys = self._store, (self._store.keys.nick(nick).claim,)
        args = (store.log_name(nick), *around_to(event), self._presence.deadline)
        reply = await store.run("wink", keys, *args)
        if reply[0] == b"none":
            raise Refused(Code.NO_SUCH_NICK, nick)
        if reply[0] == b"late":
            raise Late
        return Receipt(reply[1].decode(), reply[2].decode() if reply[3] else None)
