"""Asking another node what only it knows of somebody: for how long they have said nothing.

    asker ── "ask NUMBER SID TOPIC", on the topic of the nick's holder ──> their node
          <── "told NUMBER SECONDS", on the asker's own topic ────────────

Nobody needs to know it exactly, or at all, so nothing of it is kept in Redis, and who doesn't
answer soon isn't waited for. Must not know what it's good for.
"""

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from broker.api import Code, Refused, Sink
from broker.events import SCHEMA, Envelope
from broker.store import RETAINED, Store

ASK, TOLD = "ask", "told"

PATIENCE = 1.0
"""Seconds that an answer may take."""


class Asking:
    """See the module's docstring. `clock`: Twisted's."""

    sink: Sink

    def __init__(self, store: Store, clock: Any) -> None:
        self._store = store
        self._clock = clock
        self._numbers = count(1)
        self._asked: dict[str, Deferred[int | None]] = {}
        self._hear: dict[str, Callable[[list[str]], None]] = {ASK: self._answer, TOLD: self._told}

    async def idle(self, nick: str) -> int | None:
        """As `broker.api.Broker.idle`."""
        claim = self._store.keys.nick(nick).claim
        sid, topic, token = await self._store.ask("HMGET", claim, "sid", "topic", "token")
        if sid is None or token == RETAINED.encode():
            raise Refused(Code.NO_SUCH_NICK, nick)
        here = self.sink.idle(sid.decode())
        if here is not None:
            return here
        number, told = str(next(self._numbers)), Deferred[int | None]()
        self._asked[number] = told
        waiting = self._clock.callLater(PATIENCE, self._told, [number, ""])
        self._publish(topic.decode(), f"{ASK} {number} {sid.decode()} {self._store.own_topic}")
        found = await told
        if waiting.active():
            waiting.cancel()
        return found

    def heard(self, kind: str, about: list[str]) -> bool:
        """A word that was published; whether it's one of these."""
        hear = self._hear.get(kind)
        if hear is None:
            return False
        with suppress(ValueError):  # a later release's
            hear(about)
        return True

    def _answer(self, about: list[str]) -> None:
        number, sid, topic, *_ = about
        idle = self.sink.idle(sid)
        self._publish(topic, f"{TOLD} {number} {'' if idle is None else idle}")

    def _told(self, about: list[str]) -> None:
        number, idle, *_ = about
        seconds = int(idle) if idle else None
        asked = self._asked.pop(number, None)
        if asked is not None:
            asked.callback(seconds)

    def _publish(self, topic: str, word: str) -> None:
        packed = msgspec.json.encode(Envelope(SCHEMA, "", word, 0, 0, []))
        self._store.link.publish(topic, packed)
