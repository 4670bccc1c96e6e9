"""The connection to a Redis that sentinels watch over: to whichever server is the master now.

    Guarded ── a Link that asks anew where the master is, whenever it connects
      ├─ finds     any sentinel that answers tells; the one that did is asked first the next time
      ├─ doubts    a server that says itself that it's a replica is none to talk to
      └─ watches   one sentinel says when another becomes the master (+switch-master)

Must not know scripts, logs or sessions.

Source: https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

import random
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as Overdue
from twisted.internet.error import ConnectError, DNSLookupError

from broker.address import Place, Sentinels
from broker.link import Link, LinkLost, ReplyError, Wire

SWITCH = "+switch-master"
"""What sentinels publish, with the service's name and two places, when there's another master."""

AGAIN = 1.0
"""Seconds until sentinels are asked again of whom none answered."""


class Guarded(Link):
    """A `Link`, but for `where`: the sentinels. `via`: how a place that they name is reached."""

    def __init__(
        self,
        reactor: Any,
        where: Sentinels,
        rng: random.Random,
        *,
        via: Callable[[Place], Place] = lambda place: place,
        **how: Any,
    ) -> None:
        super().__init__(reactor, where.to, rng, **how)
        self._shown = where.shown
        self._where = where
        self._via = via
        self._places = list(where.places)  # of sentinels: who answered last is the first
        self._master: Place | None = None
        self._sentinel: Wire | None = None  # that we hear

    def start(self) -> None:
        super().start()
        Deferred.fromCoroutine(self._watch_over()).addErrback(self._unwatched)

    async def stop(self) -> None:
        self._stopping = True
        if self._sentinel is not None:
            self._sentinel.abort()
        await super().stop()

    # -- the master

    async def _connect(self) -> Any:
        self._master = await self._find()
        self._address = self._where.to.at(self._via(self._master))
        return await super()._connect()

    async def _approve(self, wire: Wire) -> None:
        role = await wire.ask("ROLE")
        if role[0] != b"master":
            raise LinkLost(f"{self._address.shown} is no master")

    def _answered(self, reply: Any) -> None:
        if isinstance(reply, ReplyError) and str(reply).startswith("READONLY"):
            self.drop()  # it's a replica now; what isn't answered is asked again, this, too
        else:
            super()._answered(reply)

    # -- sentinels

    async def _find(self) -> Place:
        """Where the master is. Raises what the last of the sentinels did."""
        error: Exception = LinkLost("no sentinel can be asked")
        until = self._clock.seconds() + self._deadline
        for place in list(self._places):
            asking = Deferred.fromCoroutine(self._ask_one(place))
            try:
                return await asking.addTimeout(self._deadline / 4, self._clock)
            except (ConnectError, DNSLookupError, Overdue, LinkLost, ReplyError) as e:
                error = LinkLost(f"the sentinel {place[0]}:{place[1]}: {e}")
            # a cancelled attempt may look like a name that wasn't found
            if self._stopping or self._clock.seconds() >= until:
                break
        raise error

    async def _ask_one(self, place: Place) -> Place:
        wire = await self._wire_to(self._where.sentinel.at(place))
        try:
            found: Place = await self._until_lost(wire, self._asked(wire))
        finally:
            wire.abort()
        self._prefer(place)
        return found

    def _prefer(self, place: Place) -> None:
        self._places.sort(key=lambda each: each != place)

    async def _asked(self, wire: Wire) -> Place:
        await self._greet(wire, None, self._where.sentinel)
        service = self._where.service
        found = await wire.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)
        if found is None:
            raise LinkLost(f"it knows no service {service!r}")
        return found[0].decode(), int(found[1])

    async def _until_lost(self, wire: Wire, work: Any) -> Any:
        """What comes of some work over a wire. Raises LinkLost if that breaks."""
        working = Deferred.fromCoroutine(work)
        wire.lost.addCallback(lambda _: working.cancel())  # nothing once it has fired
        try:
            return await working
        except CancelledError:
            if wire.lost.called:
                raise LinkLost("it closed the connection") from None
            raise

    # -- watching

    async def _watch_over(self) -> None:
        """Hear one sentinel, and another if that is lost, as long as this link is wanted."""
        while not self._stopping:
            for place in list(self._places):
                hearing = Deferred.fromCoroutine(self._hear(place))
                try:
                    wire = await hearing.addTimeout(self._deadline, self._clock)
                except (ConnectError, DNSLookupError, Overdue, LinkLost, ReplyError):
                    continue
                self._prefer(place)
                self._sentinel = wire
                await wire.lost
                self._sentinel = None
                break
            await self._wait(AGAIN)

    async def _hear(self, place: Place) -> Wire:
        wire = await self._wire_to(self._where.sentinel.at(place), self._switched)
        try:
            await self._until_lost(wire, self._begin_to_hear(wire))
        except BaseException:
            wire.abort()
            raise
        return wire

    async def _begin_to_hear(self, wire: Wire) -> None:
        await self._greet(wire, None, self._where.sentinel)
        wire.topics("SUBSCRIBE", [SWITCH])
        # also what it would have said before we heard it
        self._look_at(await self._asked(wire))

    def _switched(self, message: bytes) -> None:
        service, *places = message.decode().split()
        if service == self._where.service and len(places) == 4:
            self._look_at((places[2], int(places[3])))

    def _look_at(self, master: Place) -> None:
        """Talk to nobody else than the master."""
        if self.connected and master != self._master:
            self.log.info("{host}:{port} is the master now", host=master[0], port=master[1])
            self.drop()

    def _unwatched(self, failure: Any) -> None:
        self.log.failure("watching for another master", failure)

    async def _wait(self, seconds: float) -> None:
        over: Deferred[None] = Deferred()
        self._clock.callLater(seconds, over.callback, None)
        await over
