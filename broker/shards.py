"""The connection to a Redis Cluster: a wire to each master, and a way from each key to its own.

    Shards ── a Link whose wire is Wires: one to each master, made and lost together
      ├─ calls    go to the master of their key's slot, and are answered in order, slot by slot
      ├─ topics   that are heard, each at the master of its slot (sharded pub/sub)
      └─ Turn     a slot that is being moved: its calls go one at a time, whoever has it

A channel's keys and its topic are in one slot, so all that a link promises of order is so of each
channel, and of each nick. Between slots there's no order; who needs one has to wait for answers.

When one wire is lost all are: what is missed is read again anyway, and nodes have one way back
from an outage, whatever it was. What moves between masters that live is followed without that: a
call that is told MOVED or ASK waits, with all calls of its slot behind it, until those before it
are answered; a topic that was taken away is heard anew where it is now, and `strayed` is told,
since something may have been missed. Must not know scripts, logs or sessions.

Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
"""

import random
from binascii import crc_hqx
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from functools import lru_cache, partial
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.defer import TimeoutError as Overdue
from twisted.internet.error import ConnectError, DNSLookupError

from broker.address import Place, Seeds
from broker.link import (
    TOPIC,
    Argument,
    Call,
    Client,
    Link,
    LinkLost,
    ReplyError,
    Wire,
    packed,
    settle,
)

SLOTS = 16_384

EVERYWHERE = frozenset({"PING", "SCRIPT"})
"""Commands that go to all masters, and are answered when all have answered."""

ANYWHERE = frozenset({"TIME", "INFO", "SLOWLOG"})
"""Commands without a key: they go to the master of `home`."""

REDIRECTIONS = ("MOVED ", "ASK ", "TRYAGAIN", "CLUSTERDOWN", "READONLY")
"""How errors begin with which nothing was done, but elsewhere or later it may be."""

GLANCE = 0.02
"""Seconds until a call is tried again whose slot is being moved."""

Range = tuple[int, int, Place]
"""The first and last of some slots, and where their master is."""


@lru_cache(maxsize=8192)  # a line needs its channel's
def slot(key: str) -> int:
    """The slot of a key: of what stands in its first braces, if anything does."""
    begin = key.find("{")
    end = key.find("}", begin + 1) if begin >= 0 else -1
    tag = key[begin + 1 : end] if end > begin + 1 else key
    return crc_hqx(tag.encode(), 0) % SLOTS


class Lane:
    """What goes over the wire to one master. `place`: where that is. `owner` keeps the link's
    books: it's told each answer.
    """

    __slots__ = ("calls", "heard_at", "place", "suspected", "wire", "written")

    def __init__(self, place: Place, wire: Wire) -> None:
        self.place = place
        self.wire = wire
        self.calls: deque[_Placed] = deque()
        self.written: list[bytes] = []
        self.heard_at = 0.0
        self.suspected = False


class _Placed(Call):
    """A call, and the slot where it belongs; None for one that is this link's own."""

    __slots__ = ("slot",)

    def __init__(self, slot: int | None, *call: Any) -> None:
        super().__init__(*call)
        self.slot = slot


class Turn:
    """A slot that is being moved: `back` came back from where it was, `new` was made since."""

    def __init__(self) -> None:
        self.back: deque[_Placed] = deque()
        self.new: deque[_Placed] = deque()


class Wires:
    """A wire to each master, in the place of a link's one."""

    def __init__(self, home: int) -> None:
        self.lanes: dict[Place, Lane] = {}
        self.slots: list[Lane | None] = [None] * SLOTS
        self.left: set[Lane] = set()  # masters from which slots were moved
        self.lost: Deferred[None] = Deferred()
        self._home = home

    def add(self, lane: Lane) -> None:
        """Have one more; when it's lost, all are."""
        self.lanes[lane.place] = lane
        lane.wire.lost.addCallback(lambda _: self._lose(lane))

    def _lose(self, lane: Lane) -> None:
        if self.lanes.get(lane.place) is lane and not self.lost.called:
            self.lost.callback(None)
            self.abort()

    def retire(self) -> None:
        """Let go of those that were left, when nothing is there, or under way, any more."""
        for lane in [lane for lane in self.left if not lane.calls]:
            self.left.discard(lane)
            if lane not in self.slots:
                del self.lanes[lane.place]
                lane.wire.strayed = None
                lane.wire.abort()

    def abort(self) -> None:
        """Give all up as dead."""
        for lane in self.lanes.values():
            lane.wire.abort()

    def owns(self, lane: Lane, key: str) -> bool:
        """Whether a key is at this master."""
        return self.slots[slot(key)] is lane

    def at(self, number: int) -> Lane:
        """Where a slot is."""
        return cast(Lane, self.slots[number])

    def ask(self, *args: Argument) -> "Deferred[Any]":
        """Write a command where it belongs; a Deferred of the reply, which fails with ReplyError.

        If it should have gone elsewhere, the wires are given up: where things are has changed.
        """
        place = placed(args)
        return self.at(self._home if place is None else place).wire.ask(*args).addErrback(self._err)

    def _err(self, failure: Any) -> Any:
        if _is_redirection(failure.value):
            self.abort()
        return failure

    @property
    def oldest(self) -> list[Any]:
        """Who waits for the longest, at each."""
        waiting = (lane.wire.waiting for lane in self.lanes.values())
        return [each[0] for each in waiting if each]


def placed(args: tuple[Argument, ...]) -> int | None:
    """The slot of a command; None if it has no key."""
    name = args[0]
    if name == "EVALSHA" or name == "EVAL":
        return slot(str(args[3]))
    return None if name in ANYWHERE else slot(str(args[1]))


class Shards(Link):
    """A `Link` to a Redis Cluster. As that, but for:

    `seeds`: who is asked where the masters are; once connected, any of those is. `home`: a key at
    whose master commands without a key are done. `introduce` runs on each new wire, `meet` once for
    all (`Wires`). `strayed` is told of topics that were heard elsewhere for a while.
    `via`: how a place that the cluster names is reached from here.
    """

    def __init__(
        self,
        reactor: Any,
        seeds: Seeds,
        rng: random.Random,
        *,
        home: str,
        strayed: Callable[[str], None],
        via: Callable[[Place], Place] = lambda place: place,
        **how: Any,
    ) -> None:
        super().__init__(reactor, seeds.to, rng, **how)
        self._shown = seeds.shown
        self._rng = rng
        self._seeds = seeds
        self._home = slot(home)
        self._strayed = strayed
        self._via = via
        self._known: list[Place] = []  # masters, at the last look
        self._wires: Wires | None = None
        self._turns: dict[int, Turn] = {}
        self._clients: dict[Place, Client] = {}  # who the last wires were
        self._seeking: dict[str, bool] = {}  # topics, and whether they must be heard anew anyway
        self._one_at_a_time = DeferredLock()  # new wires among those there are

    # -- making wires

    def drop(self) -> None:
        if self._wires is not None:
            self._wires.abort()

    async def _connect(self) -> Any:
        wires, self._introduced = Wires(self._home), []
        opened: list[Wire] = []
        try:
            ranges = await self._look_around()
            attempt = self._connecting
            if attempt is not None:
                wires.lost.addCallback(lambda _: attempt.cancel())  # nothing once it has fired
            for place in dict.fromkeys(place for _, _, place in ranges):
                wire = await self._wire_to(self._seeds.to.at(self._via(place)))
                opened.append(wire)
                wires.add(Lane(place, wire))
            for begin, end, place in ranges:
                wires.slots[begin : end + 1] = [wires.lanes[place]] * (end + 1 - begin)
            for lane in wires.lanes.values():
                await self._introduce_lane(wires, lane)
            if wires.lost.called:
                raise LinkLost("closed while connecting")
        except BaseException:
            for wire in opened:
                wire.abort()
            raise
        self._known = list(wires.lanes)
        return wires

    async def _look_around(self) -> list[Range]:
        """Which slots are where, as the first says that can be asked. Raises what the last one did,
        or LinkLost if there are slots that nobody has.
        """
        places = dict.fromkeys([*(self._via(place) for place in self._known), *self._seeds.places])
        error: Exception = LinkLost("nobody can be asked")
        until = self._clock.seconds() + self._deadline
        for place in self._rng.sample(list(places), len(places)):
            asking = Deferred.fromCoroutine(self._ask_around(place))
            try:
                return await asking.addTimeout(self._deadline / 4, self._clock)
            except (ConnectError, DNSLookupError, Overdue, LinkLost, ReplyError) as e:
                error = e  # also if this attempt was cancelled while a name was looked up
            if self._stopping or self._clock.seconds() >= until:
                break
        raise error

    async def _ask_around(self, place: Place) -> list[Range]:
        wire = await self._wire_to(self._seeds.to.at(place))

        async def ask() -> list[Range]:
            await self._greet(wire, None, self._seeds.to)
            return _ranges(await wire.ask("CLUSTER", "SLOTS"), place[0])

        asking = Deferred.fromCoroutine(ask())
        wire.lost.addCallback(lambda _: asking.cancel())  # nothing once it has fired
        try:
            return await asking
        except CancelledError:
            if wire.lost.called:
                raise LinkLost("closed while connecting") from None
            raise
        finally:
            wire.abort()

    async def _introduce_lane(self, wires: Wires, lane: Lane) -> None:
        lane.wire.strayed = lambda _: wires.abort()
        self._clients[lane.place] = await self._greet(
            lane.wire, self._clients.get(lane.place), self._seeds.to
        )
        await self._first(lane.wire)
        topics = [name for name in self._topics if wires.owns(lane, name)]
        lane.wire.topics("SSUBSCRIBE", topics)
        self._introduced += topics
        await lane.wire.ask("PING")  # when that's answered all topics are heard

    def _begin(self, wires: Any) -> None:
        self._wire = self._wires = wires
        for lane in wires.lanes.values():
            self._begin_lane(lane)
        heard, self._introduced = set(self._introduced), []
        for name in heard - self._topics.keys():
            self._write("SUNSUBSCRIBE", name)
        for name in self._topics.keys() - heard:
            self._write("SSUBSCRIBE", name)
        once = [call for call in self._calls if not call.again]
        again = [call for call in self._calls if call.again]
        self._calls.clear()
        for call in again:
            self._put(cast(_Placed, call))
        self._fail(once)

    def _begin_lane(self, lane: Lane) -> None:
        lane.heard_at = self._clock.seconds()
        lane.wire.strayed = partial(self._taken_away, lane)

    def _end(self) -> None:
        """The wires are lost: keep what wasn't answered, in its order, slot by slot."""
        wires, self._wires = self._wires, None
        assert wires is not None
        turns, self._turns = self._turns, {}
        for turn in turns.values():
            self._calls += turn.back
        for lane in wires.lanes.values():
            lane.wire.strayed = None
            self._calls += (call for call in lane.calls if call.slot is not None)
        for turn in turns.values():
            self._calls += turn.new
        self._introduced = []
        self._seeking.clear()
        self._wire = None
        self._fail(
            [call for lane in wires.lanes.values() for call in lane.calls if call.slot is None]
        )

    # -- calls

    @property
    def under_way(self) -> int:
        return len(self._calls) + sum(len(lane.calls) for lane in self._each())

    @property
    def full(self) -> bool:
        return self.under_way >= self._most

    def _each(self) -> Iterator[Lane]:
        return iter(() if self._wires is None else self._wires.lanes.values())

    def publish(self, topic: str, message: bytes) -> None:
        self.send(("SPUBLISH", topic, message), lambda _: None)

    def send(
        self,
        args: tuple[Argument, ...],
        answered: Callable[[Any], None],
        *,
        again: bool = True,
        patient: bool = False,
    ) -> None:
        now = self._clock.seconds()
        if args[0] in EVERYWHERE:
            self._send_to_all(packed(*args), answered)
            return
        place = placed(args)
        number = self._home if place is None else place
        call = _Placed(number, packed(*args), answered, again, patient, now)
        if self._wires is not None:
            self._put(call)
        elif again:
            self._calls.append(call)
        else:
            answered(LinkLost())

    def _send_to_all(self, command: bytes, answered: Callable[[Any], None]) -> None:
        """Not repeated: a new wire is introduced anew, and who waits for a sign asks again."""
        lanes = list(self._each())
        replies: list[Any] = []

        def one(reply: Any) -> None:
            replies.append(reply)
            if len(replies) == len(lanes):
                errors = [each for each in replies if isinstance(each, Exception)]
                answered(errors[0] if errors else replies[0])

        for lane in lanes:
            self._own(lane, command, one)
        if not lanes:
            answered(LinkLost())

    def ask_each(self, *args: Argument) -> dict[str, "Deferred[Any]"]:
        """As `Link.ask_each`."""
        asked: dict[str, Deferred[Any]] = {}
        for lane in self._each():
            answer: Deferred[Any] = Deferred()
            asked[f"{lane.place[0]}:{lane.place[1]}"] = answer
            self._own(lane, packed(*args), partial(settle, answer))
        return asked

    def _own(self, lane: Lane, command: bytes, answered: Callable[[Any], None]) -> None:
        """A call to just this master."""
        call = _Placed(None, command, answered, False, False, self._clock.seconds())
        self._write_to(lane, call)

    def _put(self, call: "_Placed") -> None:
        number = cast(int, call.slot)
        turn = self._turns.get(number)
        if turn is not None:
            turn.new.append(call)
        else:
            self._write_to(cast(Wires, self._wires).at(number), call)

    def _write_to(self, lane: Lane, call: "_Placed") -> None:
        lane.calls.append(call)
        lane.wire.waiting.append(partial(self._answered_at, lane))
        lane.written.append(call.packed)
        self.soon()

    def _flush(self) -> None:
        for lane in self._each():
            if lane.written:
                written, lane.written = lane.written, []
                lane.wire.transport.write(b"".join(written))

    def _answered_at(self, lane: Lane, reply: Any) -> None:
        lane.heard_at = self._clock.seconds()
        call = lane.calls.popleft()
        if call.slot is not None and _is_redirection(reply):
            self._turn(lane, call)
            return
        self._latency.observe(lane.heard_at - call.since)
        call.answered(reply)

    # -- slots that move

    def _turn(self, lane: Lane, call: "_Placed") -> None:
        """A call came back, and nothing was done. All calls of its slot wait for those that are on
        their way there still: they come back, too, and before what was made since.
        """
        number = cast(int, call.slot)
        turn = self._turns.get(number)
        if turn is not None:
            turn.back.append(call)
            return
        turn = self._turns[number] = Turn()
        turn.back.append(call)
        wires = cast(Wires, self._wires)
        self._aside(wires, self._go(wires, lane, number, turn))

    async def _go(self, wires: Wires, lane: Lane, number: int, turn: Turn) -> None:
        """When all are back: one call after another, wherever the slot is, until none waits."""
        await self._ask(lane, "PING")
        while turn.back or turn.new:
            waiting = turn.back or turn.new
            call = waiting[0]
            reply = await self._try(wires, number, call)
            waiting.popleft()
            call.answered(reply)
        del self._turns[number]

    async def _try(self, wires: Wires, number: int, call: "_Placed") -> Any:
        """What a call comes to, an error as a value. Raises LinkLost if there's no wire to where it
        should be done, or nobody does it in time.
        """
        lane, asking = wires.at(number), False
        until = self._clock.seconds() + self._deadline
        while True:
            if asking:
                self._own(lane, packed("ASKING"), lambda _: None)
            answer: Deferred[Any] = Deferred()
            self._own(lane, call.packed, answer.callback)
            reply = await answer
            if isinstance(reply, LinkLost):
                raise reply
            if not _is_redirection(reply):
                return reply
            if self._clock.seconds() > until:
                raise LinkLost
            words = str(reply).split()
            asking = words[0] == "ASK"
            if words[0] in ("MOVED", "ASK"):
                host, _, port = words[2].rpartition(":")
                lane = await self._lane(wires, (host or lane.place[0], int(port)))
                if not asking:
                    self._moved(wires, number, lane)
            else:
                lane = wires.at(number)
                await self._glance()
            if self._wires is not wires:
                raise LinkLost

    def _moved(self, wires: Wires, number: int, lane: Lane) -> None:
        """A slot is at another master now, and perhaps all that were where it was. A master that
        became a replica takes no topics away: it hears of what's published, now and then too late.
        """
        before = wires.at(number)
        if before is not lane:
            there = (topic for topic in self._topics if wires.owns(before, topic))
            topics = {topic: slot(topic) == number for topic in there}
            self._place(wires, number, lane)
            self._hear_elsewhere(wires, lane, topics)

    def _place(self, wires: Wires, number: int, lane: Lane) -> None:
        before = wires.at(number)
        if before is not lane:
            wires.slots[number] = lane
            wires.left.add(before)

    async def _glance(self) -> None:
        over: Deferred[None] = Deferred()
        self._clock.callLater(GLANCE, over.callback, None)
        await over

    # -- topics

    def _write(self, verb: str, topic: str, lane: Lane | None = None) -> None:
        if self._wires is None:
            return
        lane = lane or self._wires.at(slot(topic))
        if verb.endswith("UNSUBSCRIBE"):
            verb = "SUNSUBSCRIBE"  # its confirmation isn't waited for: it comes unasked, too
        else:
            verb = "SSUBSCRIBE"
            lane.wire.waiting.append(TOPIC)
        lane.written.append(packed(verb, topic))
        self.soon()

    def _taken_away(self, lane: Lane, name: bytes) -> None:
        """A topic is heard no more at a master, perhaps as its slot was moved."""
        topic, wires = name.decode(), self._wires
        if wires is not None and topic in self._topics and wires.owns(lane, topic):
            self._hear_elsewhere(wires, lane, {topic: True})

    def _hear_elsewhere(self, wires: Wires, asked: Lane, topics: dict[str, bool]) -> None:
        """Hear topics where they are now, which `asked` knows; those that are False only if that
        isn't where they were.
        """
        begins = not self._seeking
        self._seeking |= topics
        if begins and self._seeking:
            self._aside(wires, self._seek(wires, asked))

    async def _seek(self, wires: Wires, asked: Lane) -> None:
        ranges = await self._ask(asked, "CLUSTER", "SLOTS")
        topics, self._seeking = self._seeking, {}
        for begin, end, place in _ranges(ranges, asked.place[0], whole=False):
            there = [topic for topic in topics if begin <= slot(topic) <= end]
            if not there:
                continue
            now = await self._lane(wires, place)
            some = []
            for topic in there:
                if (topics.pop(topic) or not wires.owns(now, topic)) and topic in self._topics:
                    some.append(topic)
                    self._write("SSUBSCRIBE", topic, now)
                self._place(wires, slot(topic), now)
            await self._ask(now, "PING")  # when that's answered they are heard
            for topic in some:
                if topic in self._topics:
                    self._strayed(topic)
        if topics:
            raise LinkLost("nobody has their slots")

    def _aside(self, wires: Wires, work: Coroutine[Any, Any, None]) -> None:
        """Do something in these wires' time. If it goes wrong, so do they."""

        def went_wrong(failure: Any) -> None:
            if failure.check(LinkLost, ReplyError) is None:
                self.log.failure("following a slot", failure)
            wires.abort()

        Deferred.fromCoroutine(work).addErrback(went_wrong)

    async def _ask(self, lane: Lane, *command: Argument) -> Any:
        """What one master says to a call of this link's own. Raises LinkLost and ReplyError."""
        answer: Deferred[Any] = Deferred()
        self._own(lane, packed(*command), answer.callback)
        reply = await answer
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def _lane(self, wires: Wires, place: Place) -> Lane:
        """The way to a master, which may be new here. Raises LinkLost."""
        if place in wires.lanes:
            return wires.lanes[place]

        async def grow() -> Lane:
            if place not in wires.lanes:
                lane = Lane(place, await self._wire_to(self._seeds.to.at(self._via(place))))
                try:
                    await self._introduce_lane(wires, lane)
                except BaseException:
                    lane.wire.abort()
                    raise
                if wires.lost.called:
                    lane.wire.abort()
                    raise LinkLost
                self._begin_lane(lane)
                wires.add(lane)
            return wires.lanes[place]

        def growing() -> Deferred[Lane]:
            return Deferred.fromCoroutine(grow()).addTimeout(self._deadline, self._clock)

        try:
            return await self._one_at_a_time.run(growing)
        except (ConnectError, DNSLookupError, Overdue, ReplyError):
            raise LinkLost from None

    # -- watching

    def _look(self) -> None:
        if self._wires is None:
            super()._look()
            return
        now = self._clock.seconds()
        self._wires.retire()
        for lane in list(self._each()):
            if not lane.calls and now - lane.heard_at >= self._deadline / 4:
                self._own(lane, packed("PING"), lambda _: None)
            since = max(lane.calls[0].since, lane.heard_at) if lane.calls else now
            lane.suspected, again = now - since > self._deadline, lane.suspected
            if lane.suspected and again:
                host, port = lane.place
                self.log.warn(
                    "Redis at {host}:{port} didn't answer within {s:.1f} s",
                    host=host,
                    port=port,
                    s=self._deadline,
                )
                self.drop()
                return


def _is_redirection(reply: Any) -> bool:
    return isinstance(reply, ReplyError) and str(reply).startswith(REDIRECTIONS)


def _ranges(reply: list[Any], asked: str, *, whole: bool = True) -> list[Range]:
    """What CLUSTER SLOTS says: first slot, last, and where their master is. `asked`: who was asked,
    which needn't know its own name. Raises LinkLost if it isn't the `whole`.
    """
    ranges = []
    for begin, end, (host, port, *_), *_ in reply:
        ranges.append((begin, end, ((host or b"").decode() or asked, port)))
    missing = SLOTS - sum(end + 1 - begin for begin, end, _ in ranges)
    if whole and missing:
        raise LinkLost(f"{missing} slots are at no master")
    return ranges
