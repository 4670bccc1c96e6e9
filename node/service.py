"""The only place where the parts are put together: one node, from settings to doors.

settings ─> Cluster (Redis) ─> Chat ─> doors: line, irc, json, echo, http
"""

import gc
import random
import resource
import secrets
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

from broker import orders
from broker.api import Code, Refused
from broker.cluster import Cluster, ClusterConfig
from broker.reports import Kind
from node import __version__, logs
from node.core import names
from node.core.bans import Bans
from node.core.chat import Chat, ChatConfig
from node.core.cloak import Cloak
from node.core.drain import Drain
from node.core.entrance import Entrance
from node.core.limits import Act, Limits, Rate, parse_networks, parse_rate
from node.core.replies import Goodbye
from node.core.rules import anybody_speaks
from node.core.session import Session
from node.core.tally import Tally
from node.dialects.irc import Irc, IrcConfig
from node.dialects.json import Json
from node.dialects.slash import Slash
from node.files import read_lines, read_secret
from node.fresh import Fresh
from node.health import Health
from node.net.aside import Aside
from node.net.connection import write
from node.net.idle import Idle
from node.net.outbox import Outbox
from node.net.turns import end_of_turn
from node.numbers import Numbers
from node.operating import Operating
from node.opers import Opers
from node.ordered import Ordered
from node.reporter import Reporter
from node.serving import Behind, Doors, settled
from node.settings import Settings
from node.vitals import LoopLag

GOODBYE = 5.0
"""Seconds that a node takes at most to say goodbye."""

log = Logger()
reactor: Any = _reactor


class Node:
    """One node: what `chorus node` runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cloak = Cloak(secrets.token_bytes(32))  # until it's known what the others have
        self._rng = rng = random.Random()
        self.broker = Cluster(
            ClusterConfig(
                url=settings.redis_url,
                namespace=settings.namespace,
                node=settings.name,
                lease=settings.lease,
                keep=settings.keep,
                history_lines=settings.history_lines,
                history_days=settings.history_days,
                inbox_lines=settings.inbox_lines,
                channels_per_address=settings.channels_per_address if settings.limits else 0,
                replicas=settings.replicas if settings.ack == "replicated" else 0,
                ack_timeout=settings.ack_timeout,
                connections_per_address=settings.connections_per_address if settings.limits else 0,
                passing=names.GUEST,
            ),
            reactor,
            rng,
            later=end_of_turn(reactor),
            orders=lambda order: self._ordered.do(order),  # noqa: PLW0108 (it's made below)
            bans=lambda bans: self._ordered.ban(bans),  # noqa: PLW0108
            all_speak=anybody_speaks,
        )
        self.tally = Tally()
        bans = Bans(lambda: self.broker.now_ms)
        opers = Opers(settings.opers, reactor.seconds, Aside(), _told)
        self._rereads: list[Callable[[], str]] = [opers.again]
        outbox = Outbox(end_of_turn(reactor), write, self.tally)
        self.chat = Chat(
            ChatConfig(
                server=settings.server_name,
                node=settings.name,
                lobby=settings.lobby,
                channel_modes=settings.channel_modes,
                channels_per_session=settings.channels_per_session,
            ),
            self.broker,
            outbox,
            rng=rng,
            seconds=time.time,
            spawn=_spawn,
            promise=Deferred,
            later=reactor.callLater,
            tally=self.tally,
            journal=logs.Journal(),
            shown_host=lambda peer: self._cloak.host(peer),  # noqa: PLW0108 (it's another later)
            bans=bans,
            operators=Operating(opers, self.broker.desk),
        )
        self._ordered = Ordered(self.chat, self.broker, self, bans, self._reread, _spawn)
        self._idle = Idle(self.chat, settings.idle, reactor)
        self._lag = LoopLag(self.tally.loop_lag, reactor)
        self.health = Health(
            self.broker.tally,
            beat=settings.lease / 8,
            starting=lambda: not self._serving,
            draining=lambda: self.draining,
            writes=self.broker.writes,
            lag=lambda: self._lag.longest,
            replicated=lambda: self.chat.replicated_enough,
            seconds=reactor.seconds,
        )
        numbers = Numbers(
            settings.name,
            self.broker,
            self.chat,
            self.health,
            ending=lambda: self.draining,
            dialects=(Slash.name, Irc.name, Json.name),
        )
        self._reporter = Reporter(
            settings.name,
            self.broker.board,
            self.chat,
            self.broker.tally,
            self.health,
            self._lag,
            reactor,
        )
        motd = Fresh[list[str]](
            "--irc-motd", "lines", settings.irc_motd, read_lines, [], reactor.seconds, _told
        )
        self._rereads.append(motd.again)
        self._doors = Doors(
            settings,
            self.broker,
            self.chat,
            Behind(
                entrance=_entrance(settings, self.broker, bans),
                flush=outbox.flush_one,
                irc=Irc(_irc_config(settings, lambda: motd.now)),
                unready=self.health.unready,
                numbers=numbers,
                latest=lambda: self._reporter.latest,
                spawn=_spawn,
                told=_told,
                again=self._rereads.append,
            ),
            reactor,
        )
        self._serving = False
        self._closing = Goodbye.SHUTDOWN
        self._drain: Drain | None = None
        self.draining = False
        """Whether it takes nobody any more and is about to end."""

    async def start(self) -> list[str]:
        """Serve. Returns a line for each door: its kind and where it is.

        Raises OSError (or Twisted's `CannotListenError`) if a door can't be opened.
        """
        settings = self._settings
        # /livez answers while Redis is waited for, and /readyz says so; but where nodes share a
        # port, who asks is to find another node
        first = "" if settings.reuse_port else "http"
        opened = await self._doors.open(lambda kind: kind == first)
        await self.broker.start(self.chat)
        self._cloak = Cloak((await self._cloak_secret()).encode())
        self._serving = True
        if settings.limits and settings.idle:
            self._idle.start()
        self._lag.start()
        if settings.reports:
            self._reporter.start()
            self.broker.board.tell(Kind.STARTED, settings.name, f"version {__version__}")
        return await self._doors.open(lambda kind: kind != first) + opened

    async def _cloak_secret(self) -> str:
        """As the settings say, or what all nodes share."""
        if self._settings.cloak_secret_file:
            return read_secret(self._settings.cloak_secret_file)
        while True:
            with suppress(Refused):
                return await self.broker.secret("cloak", secrets.token_hex(32))
            pause: Deferred[None] = Deferred()
            reactor.callLater(0.2, pause.callback, None)
            await pause

    # -- coming to an end, and losing weight

    def end(self, over: float | None = None, by: str = "") -> None:
        """Close the doors, then people's connections, spread over a time, then end the process.

        `over`: in seconds; None: as it was set up. `by`: which operator said so. Once more:
        the rest at once.
        """
        if not self.draining:
            self.draining = True
            _spawn(self._end(self._settings.drain if over is None else over, by))
        elif self._drain is not None:
            self._drain.hurry()

    async def _end(self, over: float, by: str) -> None:
        # A balancer reads from /readyz that it's to send nobody. Where nodes share a port, who asks
        # is to find another node.
        await self._doors.close(but="" if self._settings.reuse_port else "http")
        self._doors.part()
        says = f"{len(self.chat.hub.sessions)} sessions within {over:g} s"
        self.broker.board.tell(Kind.DRAINING, self._settings.name, says, by)
        if over > 0:
            self._closing = Goodbye.DRAIN
            drained: Deferred[None] = Deferred()
            everybody = list(self.chat.hub.sessions.values())
            self._drain = self._spread(everybody, over, lambda: drained.callback(None))
            self._drain.start()
            await drained
        with suppress(ReactorNotRunning):  # it couldn't even serve, and is stopping
            reactor.stop()

    def _spread(self, sessions: list[Session], over: float, done: Callable[[], None]) -> Drain:
        self._rng.shuffle(sessions)
        return Drain(
            sessions,
            over,
            dismiss=lambda session: self.chat.dismiss(session, Goodbye.DRAIN),
            over=done,
            seconds=reactor.seconds,
            call_later=reactor.callLater,
        )

    async def stop(self) -> None:
        """Close the doors, say goodbye, and leave nothing of one's own in Redis."""
        self.draining = True
        await self._doors.close(but="http")
        self._idle.stop()
        try:
            goodbye = Deferred.fromCoroutine(self.chat.close_all(self._closing))
            # without Redis nobody can be taken out of anything: others will sweep them
            goodbye.addTimeout(GOODBYE if self.broker.ready else GOODBYE / 10, reactor)
            await goodbye
        except Exception as e:
            log.warn("not everybody could be said goodbye to: {why}", why=type(e).__name__)
        self._lag.stop()
        await self._doors.answered()
        if self.broker.ready:
            self.broker.board.tell(Kind.STOPPED, self._settings.name)
            await settled(Deferred.fromCoroutine(self._reporter.stop()).addTimeout(1.0, reactor))
        await settled(Deferred.fromCoroutine(self.broker.stop()).addTimeout(GOODBYE, reactor))
        await self._doors.close()

    # -- what an operator orders (`node.ordered`)

    def drain(self, order: orders.Drain) -> None:
        """Report how many there are, and end."""
        over = self._settings.drain if order.over is None else order.over
        count = len(self.chat.hub.sessions)
        shedding = orders.Shedding(count, count, 0.0 if self.draining else over)
        _spawn(self.broker.report(order.report, shedding))
        self.end(over, order.by)

    def _reread(self) -> tuple[str, ...]:
        """Read anew what files say; what came of each, in words."""
        return tuple(dict.fromkeys(says for again in self._rereads if (says := again())))

    def shed(self, order: orders.Shed) -> None:
        """Report how many there are, close some of their connections, and report that."""
        over = self._settings.drain if order.over is None else order.over
        everybody = list(self.chat.hub.sessions.values())
        some = self._rng.sample(everybody, round(order.share * len(everybody)))

        def report(*, finished: bool) -> None:
            shedding = orders.Shedding(len(everybody), len(some), over, drain.dismissed, finished)
            _spawn(self.broker.report(order.report, shedding, over))

        drain = self._spread(some, over, lambda: report(finished=True))
        says = f"{len(some)} of {len(everybody)} sessions are sent elsewhere"
        self.broker.board.tell(Kind.REBALANCE, self._settings.name, says, order.by)
        report(finished=False)
        drain.start()


def _told(what: str) -> None:
    log.warn("{what}", what=what)


def _irc_config(settings: Settings, motd: Callable[[], list[str]]) -> IrcConfig:
    """What the settings say of IRC. Clients take a name without a dot for a person's."""
    name = settings.server_name
    where, who, mail, *_ = [*settings.irc_admin.split("|"), "", ""]
    return IrcConfig(
        server=name if "." in name else f"irc.{name}",
        network=name,
        version=__version__,
        created=time.time(),
        motd=motd,
        admin=(where, who, mail),
        channels=settings.channels_per_session,
        password=settings.irc_password,
        sts=(settings.irc_sts, int(settings.irc_sts_days * 86_400)) if settings.irc_sts else None,
    )


def _entrance(settings: Settings, broker: Cluster, bans: Bans) -> Entrance:
    """What the settings say about limits."""
    if not settings.limits:
        return Entrance(None, broker, 0, bans)

    def table(scope: str) -> dict[Act, Rate]:
        rates = {act: parse_rate(getattr(settings, f"{act}_per_{scope}", "")) for act in Act}
        return {act: rate for act, rate in rates.items() if rate is not None}

    limits = Limits(
        table("session"), table("address"), parse_networks(settings.trusted), time.monotonic
    )
    return Entrance(limits, broker, settings.connections_per_address, bans)


def _spawn(work: Coroutine[Any, Any, None]) -> None:
    Deferred.fromCoroutine(work).addErrback(_log_unexpected)


def _log_unexpected(failure: Any) -> None:
    if failure.check(Refused) is not None and failure.value.code is Code.UNSETTLED:
        return  # said to whom it concerned, or nobody is there any more
    log.failure("unexpected", failure)


def _prepare_process() -> None:
    """As many files as the system allows, and a collector that stays off the hot path."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def run(settings: Settings) -> int:
    """Run a node until SIGTERM or SIGINT. Returns its exit status."""
    lines = logs.begin(
        style=settings.log_format,
        level=settings.log_level,
        node=settings.name,
        clock=reactor,
    )
    node = Node(settings)
    status = 0

    async def serve() -> None:
        nonlocal status
        try:
            doors = await node.start()
        except Exception as e:
            print(f"chorus: the node can't serve: {e}", file=sys.stderr)
            status = 1
            reactor.stop()
            return
        _prepare_process()
        print("\n".join(doors), flush=True)

    def heed_signals() -> None:
        """Instead of Twisted's own handlers, which are there by now and know only one end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: reactor.callFromThread(node.end))

    reactor.callWhenRunning(heed_signals)
    reactor.callWhenRunning(lambda: _spawn(serve()))
    reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(node.stop()))
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    # a shell's background job inherits an ignored SIGINT, which Twisted would leave ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    reactor.run()
    lines.flush()
    return status
