"""The connection to a Redis that sentinels watch over: to whichever server is the master now.

    Guarded ── a Link that asks anew where the master is, whenever it connects
      ├─ finds     any sentinel that answers tells; the one that did is asked first the next time,
      │            one that didn't, or named a server that's no master, last
      ├─ doubts    a server that says itself that it's a replica is none to talk to
      └─ watches   all sentinels say when another becomes the master (+switch-master): the one that
                   arranged it at once, others up to two seconds later. Each is asked now and then,
                   too, which tells whether it's still there

Must not know scripts, logs or sessions.

Source: https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

import random
from collections.abc import Callable
from functools import partial
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
"""Seconds until a sentinel is asked again that we hear, or couldn't."""


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
        self._said: dict[Place, Place] = {}  # whom each sentinel named last
        self._outdated = False  # whether whom we're connecting to is the master no more
        self._watching: list[Deferred[None]] = []

    def start(self) -> None:
        super().start()
        for place in self._where.places:
            watching = Deferred.fromCoroutine(self._watch_over(place))
            watching.addErrback(lambda failure: failure.trap(CancelledError))
            self._watching.append(watching)

    async def stop(self) -> None:
        self._stopping = True
        for watching in self._watching:
            watching.cancel()
        await super().stop()

    # -- the master

    async def _connect(self) -> Any:
        self._outdated = False
        try:
            self._master = await self._find()
            self._address = self._where.to.at(self._via(self._master))
            return await super()._connect()
        except CancelledError:
            if self._outdated:
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

    async def _watch_over(self, place: Place) -> None:
        """Hear a sentinel, as long as this link is wanted."""
        while not self._stopping:
            try:
                await self._hear(place)
            except Exception as e:  # whatever it is, there are others
                self.log.debug("the sentinel {place}: {e}", place=place, e=e)
            if not self._stopping:
                await self._wait(AGAIN)

    async def _hear(self, place: Place) -> None:
        """Until it's lost, or answers no more."""
        sentinel = self._where.sentinel.at(place)
        wire = await self._in_time(self._wire_to(sentinel, partial(self._switched, place)))
        try:
            await self._until_lost(wire, self._question(place, wire))
        finally:
            wire.abort()

    async def _question(self, place: Place, wire: Wire) -> None:
        await self._in_time(self._greet(wire, None, self._where.sentinel))
        wire.topics("SUBSCRIBE", [SWITCH])
        while True:
            # also what it would have said before we heard it
            self._look_at(await self._in_time(self._named_by(wire)), place)
            await self._wait(AGAIN)

    def _switched(self, place: Place, message: bytes) -> None:
        service, *places = message.decode().split()
        if service == self._where.service and len(places) == 4:
            self._look_at((places[2], int(places[3])), place)

    def _look_at(self, master: Place, sentinel: Place) -> None:
        """Talk to nobody else than the master. A sentinel that's behind is believed once."""
        news = self._said.get(sentinel) != master
        self._said[sentinel] = master
        if not news or self._master in (None, master):
            return
        self.log.info("{host}:{port} is the master now", host=master[0], port=master[1])
        self._prefer(sentinel)
        if self.connected:
            self.drop()
            return
        self._outdated = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._pause is not None and self._pause.active():
            self._pause.reset(0)

    async def _in_time(self, work: Any) -> Any:
        return await Deferred.fromCoroutine(work).addTimeout(self._deadline, self._clock)

    async def _wait(self, seconds: float) -> None:
        await deferLater(self._clock, seconds)
