"""The connection to a Redis that sentinels watch over: to whichever server is the master now.

    Guarded ── a Link that asks anew where the master is, whenever it connects
      ├─ finds     any sentinel that answers tells; the one that did is asked first the next time,
      │            one that didn't, or named a server that's no master, last
      ├─ doubts    a server that says itself that it's a replica is none to talk to
      └─ watches   one sentinel says when another becomes the master (+switch-master), and is asked
                   now and then, which tells whether it's still there

Must not know scripts, logs or sessions.

Source: https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

import random
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as Overdue
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.task import deferLater

from broker.address import Place, Sentinels
from broker.link import Link, LinkLost, ReplyError, Wire

SWITCH = "+switch-master"
"""What sentinels publish, with the service's name and two places, when there's another master."""

AGAIN = 1.0
"""Seconds until sentinels are asked again: those of whom none answered, and the one we hear."""


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
        self._master: Place | None = None  # whom we talk to, or try to
        self._named: Place | None = None  # what sentinels that we hear said last
        self._watching: Deferred[None] | None = None

    def start(self) -> None:
        super().start()
        self._watching = Deferred.fromCoroutine(self._watch_over())
        self._watching.addErrback(lambda failure: failure.trap(CancelledError))

    async def stop(self) -> None:
        self._stopping = True
        if self._watching is not None:
            self._watching.cancel()
        await super().stop()

    # -- the master

    async def _connect(self) -> Any:
        self._master = await self._find()
        self._address = self._where.to.at(self._via(self._master))
        try:
            return await super()._connect()
        except CancelledError:
            if self._named not in (None, self._master):
                raise LinkLost("another is the master now") from None
            raise

    async def _approve(self, wire: Wire) -> None:
        role = await wire.ask("ROLE")
        if role[0] != b"master":
            self._prefer_others(self._places[0])
            raise LinkLost(f"{self._address.shown} is no master")

    def _answered(self, reply: Any) -> None:
        if isinstance(reply, ReplyError) and str(reply).startswith("READONLY"):
            self.drop()  # it's a replica now; what isn't answered is asked again, this, too
        else:
            super()._answered(reply)

    # -- sentinels

    async def _find(self) -> Place:
        """Where the master is. Raises what the last of the sentinels did."""
        error = LinkLost("no sentinel can be asked")
        until = self._clock.seconds() + self._deadline
        for place in list(self._places):
            asking = Deferred.fromCoroutine(self._ask_one(place))
            try:
                return await asking.addTimeout(self._deadline / 4, self._clock)
            except (ConnectError, DNSLookupError, Overdue, LinkLost, ReplyError) as e:
                error = LinkLost(
                    f"the sentinel {place[0]}:{place[1]}: {str(e) or type(e).__name__}"
                )
            # a cancelled attempt may look like a name that wasn't found
            self._prefer_others(place)
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

    def _prefer_others(self, place: Place) -> None:
        self._places.sort(key=lambda each: each == place)

    async def _asked(self, wire: Wire) -> Place:
        await self._greet(wire, None, self._where.sentinel)
        return await self._named_by(wire)

    async def _named_by(self, wire: Wire) -> Place:
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
                try:
                    hearing = Deferred.fromCoroutine(self._hear(place))
                    wire = await hearing.addTimeout(self._deadline, self._clock)
                except Exception as e:
                    if isinstance(e, CancelledError) and self._stopping:
                        raise
                    continue
                self._prefer(place)
                try:
                    await self._until_lost(wire, self._question(wire))
                except (Overdue, LinkLost, ReplyError):
                    self._prefer_others(place)
                finally:
                    wire.abort()
                break
            await self._wait(AGAIN)

    async def _question(self, wire: Wire) -> None:
        """Ask a sentinel that we hear now and then. Raises whatever makes another one better."""
        while True:
            await self._wait(AGAIN)
            asking = Deferred.fromCoroutine(self._named_by(wire))
            named = await asking.addTimeout(self._deadline, self._clock)
            if self.connected and named == self._named != self._master:
                raise LinkLost("others named another, who says that it's the master")
            self._look_at(named)

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
        self._look_at(await self._named_by(wire))

    def _switched(self, message: bytes) -> None:
        service, *places = message.decode().split()
        if service == self._where.service and len(places) == 4:
            self._look_at((places[2], int(places[3])))

    def _look_at(self, master: Place) -> None:
        """Talk to nobody else than the master. A sentinel that's behind is believed once."""
        news, self._named = master != self._named, master
        if not news or self._master in (None, master):
            return
        self.log.info("{host}:{port} is the master now", host=master[0], port=master[1])
        if self.connected:
            self.drop()
        elif self._connecting is not None:
            self._connecting.cancel()  # to the one before
        elif self._pause is not None and self._pause.active():
            self._pause.reset(0)

    async def _wait(self, seconds: float) -> None:
        await deferLater(self._clock, seconds)
