"""Whether replicas have what the master accepted: acknowledgement level `replicated`.

    accepted ─> confirm(done) ─┐
    accepted ─> confirm(done) ─┴─ end of turn ─> a mark is written, WAIT ─> done, done
                                                    └─ too few, too late ─> uncertain

Replication is one ordered stream, so a replica that has the mark has all that the master did
before it. WAIT blocks the connection that calls it, and counts that connection's writes: so it has
one of its own, with the mark as the only write. What people say goes the one way that everything
goes, and is shown as soon as it's accepted; only the answer to its author waits.

At most one WAIT is under way, and what is accepted meanwhile shares the next. Once too few
replicas have answered in time nobody waits for them, until they have answered several times in a
row: one that is barely quick enough would have people read a notice each second.
Must not know lines or sinks.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from broker.link import Argument, Link, LinkLost, ReplyError, Wire

Done = Callable[[], None]

STEADY = 3
"""How many answers in a row make replicas count again."""


class Replication:
    """See the module's docstring.

    `link` makes the connection of its own, given what it's to call. `mark`: the command that
    writes one. `replicas`: how many must have it within `timeout` seconds. `changed` is told when
    that ceases to be so, and when it's so again. `master`: the connection by which the master
    accepts things.
    """

    log = Logger()

    def __init__(
        self,
        clock: Any,
        link: Callable[..., Link],
        *,
        mark: tuple[Argument, ...],
        replicas: int,
        timeout: float,
        changed: Callable[[bool], None],
        master: Link,
    ) -> None:
        self._clock = clock
        self._mark = mark
        self._replicas = replicas
        self._timeout = timeout
        self._changed = changed
        self._master = master
        self._link = link(
            up=self._ask, down=lambda: None, introduce=self._introduce, gather=self._end_of_turn
        )
        self._certain = True
        self._in_a_row = 0  # good answers, since it has been uncertain
        self._waiting: list[Done] = []  # for the next WAIT
        self._asked: list[Done] = []  # for the one that is under way
        self._under_way = False
        self._written = False  # the mark of the WAIT that is under way
        self._wanted = False
        self._limit: Any = None
        self._servers = ["", ""]  # run ids: the master's connection, and ours

    def start(self) -> None:
        """Connect, and see whether there are replicas."""
        self._link.start()
        self._ask()

    async def stop(self) -> None:
        """Disconnect; nobody waits any more."""
        self._stop_limit()
        self._release()
        await self._link.stop()

    def confirm(self, done: Done) -> None:
        """Call `done` when replicas have all that was accepted so far, or if that's uncertain."""
        if not self._certain:
            done()
            return
        self._waiting.append(done)
        self._ask()

    async def confirmed(self) -> None:
        """As `confirm`."""
        confirmed: Deferred[None] = Deferred()
        self.confirm(lambda: confirmed.callback(None))
        await confirmed

    def probe(self) -> None:
        """See whether replicas keep up, though nobody may have said anything."""
        self._ask()

    def lost(self) -> None:
        """The master's connection is lost: what it accepted is for another to show."""
        if self._waiting or self._asked:
            self._turn(False)

    async def greet(self, wire: Wire) -> None:
        """Learn on a new connection to the master which server it is."""
        await self._compare(0, wire)
        self._link.soon()  # for who waited to know

    async def _introduce(self, wire: Wire) -> None:
        await self._compare(1, wire)

    async def _compare(self, which: int, wire: Wire) -> None:
        """Both connections must end at one server. If one moved, the other has to follow."""
        about = (await wire.ask("INFO", "server")).decode()
        self._servers[which] = about.partition("run_id:")[2].partition("\r")[0]
        if "" not in self._servers and self._servers[0] != self._servers[1]:
            (self._master if which else self._link).drop()

    # -- asking

    def _ask(self) -> None:
        self._wanted = True
        if self._limit is None:
            self._limit = self._clock.callLater(self._timeout, self._too_late)
        if not self._under_way:
            self._link.soon()

    def _end_of_turn(self) -> None:
        same = self._servers[0] == self._servers[1]
        if not self._wanted or self._under_way or not self._link.connected or not same:
            return
        self._wanted, self._under_way = False, True
        self._asked, self._waiting = self._waiting, []
        self._link.send(self._mark, self._marked, again=False)
        wait = ("WAIT", self._replicas, max(1, int(self._timeout * 1000)))
        self._link.send(wait, self._answered, again=False)

    def _marked(self, reply: Any) -> None:
        self._written = not isinstance(reply, Exception)
        if isinstance(reply, ReplyError):
            self.log.error("Redis refused a mark: {why}", why=str(reply))

    def _answered(self, reply: Any) -> None:
        self._under_way = False
        if isinstance(reply, LinkLost):
            self._waiting[:0], self._asked = self._asked, []
            self._wanted = True  # on the next connection, if that comes in time
            return
        if isinstance(reply, ReplyError):
            self.log.error("Redis refused WAIT: {why}", why=str(reply))
        self._stop_limit()
        enough = self._written and isinstance(reply, int) and reply >= self._replicas
        self._in_a_row = self._in_a_row + 1 if enough else 0
        if not enough or self._certain or self._in_a_row >= STEADY:
            self._turn(enough)
        if self._waiting:
            self._ask()

    def _too_late(self) -> None:
        self._limit = None
        if self._waiting or self._asked or self._master.connected:
            self._turn(False)

    def _turn(self, certain: bool) -> None:
        """Say so if that's new, and then let go of those who needn't wait any more."""
        if certain != self._certain:
            self._certain, self._in_a_row = certain, 0
            if certain:
                self.log.info("replicas have everything again")
            else:
                self.log.warn(
                    "less than {n} replicas answered within {s} s",
                    n=self._replicas,
                    s=self._timeout,
                )
            self._changed(certain)
        if certain:
            asked, self._asked = self._asked, []
            for done in asked:
                done()
        else:
            self._release()

    def _release(self) -> None:
        everyone = [*self._asked, *self._waiting]
        self._asked, self._waiting = [], []
        for done in everyone:
            done()

    def _stop_limit(self) -> None:
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.cancel()
