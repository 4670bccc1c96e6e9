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
from typing import Any, TypeVar

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
from node.core.dialect import Dialect
from node.core.drain import Drain
from node.core.entrance import Entrance
from node.core.limits import Act, Limits, Rate, parse_networks, parse_rate
from node.core.replies import Goodbye
from node.core.session import Session
from node.core.tally import Tally
from node.dialects.irc import Irc, IrcConfig
from node.dialects.json import Json
from node.dialects.slash import Slash
from node.files import read_lines, read_secret
from node.fresh import Fresh
from node.health import Health
from node.net.aside import Aside
from node.net.connection import LineDoor, SocketDoor, write
from node.net.doors import open_door, shown
from node.net.echo import EchoDoor
from node.net.idle import Idle
from node.net.outbox import Outbox
from node.net.proxied import Balancers
from node.net.turns import end_of_turn
from node.numbers import Numbers
from node.operating import Operating
from node.opers import Opers
from node.ordered import Ordered
from node.reporter import Reporter
from node.settings import Settings
from node.vitals import LoopLag

GOODBYE = 5.0
"""Seconds that a node takes at most to say goodbye."""

ANSWER = 1.0
"""Seconds for which it then waits until requests over HTTP are answered."""

log = Logger()
reactor: Any = _reactor

Door = TypeVar("Door", bound=SocketDoor)


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
        )
        self.tally = Tally()
        bans = Bans(lambda: self.broker.now_ms)
        opers = Opers(settings.opers, reactor.seconds, Aside(), _told)
        self._rereads: list[Callable[[], str]] = [opers.again]
        self._outbox = Outbox(end_of_turn(reactor), write, self.tally)
        self.chat = Chat(
            ChatConfig(
                server=settings.server_name,
                node=settings.name,
                lobby=settings.lobby,
                channel_modes=settings.channel_modes,
                channels_per_session=settings.channels_per_session,
            ),
            self.broker,
            self._outbox,
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
        self._entrance = _entrance(settings, self.broker, bans)
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
        self._numbers = Numbers(
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
        self._ports: list[tuple[str, Any]] = []
        self._sites: list[Any] = []
        self._dashboard: Any = None
        self._upgrading: list[SocketDoor] = []  # behind HTTP's
        motd = Fresh[list[str]](
            "--irc-motd", "lines", settings.irc_motd, read_lines, [], reactor.seconds, _told
        )
        self._rereads.append(motd.again)
        self._irc = Irc(_irc_config(settings, lambda: motd.now))
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
        opened = await self._open_doors(lambda kind: kind == first)
        await self.broker.start(self.chat)
        self._cloak = Cloak((await self._cloak_secret()).encode())
        self._serving = True
        if settings.limits and settings.idle:
            self._idle.start()
        self._lag.start()
        if settings.reports:
            self._reporter.start()
            self.broker.board.tell(Kind.STARTED, settings.name, f"version {__version__}")
        return await self._open_doors(lambda kind: kind != first) + opened

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

    async def _open_doors(self, wanted: Callable[[str], bool]) -> list[str]:
        settings, opened = self._settings, []
        for kind, endpoints, door in self._doors():
            for endpoint in endpoints if wanted(kind) else ():
                port = await open_door(
                    reactor,
                    endpoint,
                    door(),
                    shared=settings.reuse_port,
                    dead_peer=settings.dead_peer,
                    balancers=Balancers.parse(settings.balancers, served=kind == "http"),
                    asks=kind in ("line", "irc", "json"),  # a browser would ask its people
                    again=self._rereads.append,
                )
                self._ports.append((kind, port))
                opened.append(f"{kind} {shown(port)}")
        return opened

    def _doors(self) -> list[tuple[str, tuple[str, ...], Callable[[], Any]]]:
        settings = self._settings
        return [
            ("line", settings.line, self._line_door),
            ("irc", settings.irc, self._irc_door),
            ("irc-ws", settings.irc_ws, self._irc_ws_door),
            ("json", settings.json, self._json_door),
            ("echo", settings.echo, EchoDoor),
            ("http", settings.http, self._http_door),
        ]

    def _line_door(self) -> LineDoor:
        return self._chat_door(LineDoor, Slash())

    def _irc_door(self) -> LineDoor:
        return self._chat_door(LineDoor, self._irc)

    def _irc_ws_door(self) -> Any:
        from node.http.site import site

        made = site({path: self._irc_resource() for path in ("", "irc")})
        self._sites.append(made)
        return made

    def _json_door(self) -> LineDoor:
        return self._chat_door(LineDoor, Json(lambda message: message + b"\n"))

    def _http_door(self) -> Any:
        # half of a node's start-up time, if it's unused
        from node.http.access import Access
        from node.http.api import Api, Parts
        from node.http.chat import chat_page
        from node.http.counter import Counter
        from node.http.health import Livez, Readyz
        from node.http.metrics import Metrics
        from node.http.site import site
        from node.http.tokens import Tokens
        from node.net.frames import text_frame
        from node.net.websocket import WebSocketResource

        settings = self._settings
        chat = self._websocket_door(Json(text_frame))
        tokens = Tokens(settings.tokens, reactor.seconds, _told)
        self._rereads.append(tokens.again)
        access = Access(
            tokens,
            parse_networks(settings.operators_from),
            reactor.seconds,
        )
        parts = Parts(
            access,
            self.broker,
            self.chat.hub,
            self.broker.desk,
            self.broker.board.overview,
            reactor.callLater,
            settings.outbox_bytes,
        )
        made = site(
            {
                "api/v1": Api(parts),
                "counter": Counter(self.broker),
                "dashboard": self._the_dashboard(access),
                "irc": self._irc_resource(),
                "livez": Livez(),
                "readyz": Readyz(self.health.unready),
                "metrics": Metrics(self._numbers),
                "ws": WebSocketResource(chat, settings.origins),
                **chat_page(),
            }
        )
        self._sites.append(made)
        return made

    def _the_dashboard(self, access: Any) -> Any:
        """One for all HTTP doors."""
        from node.http.dashboard import Dashboard, News

        if self._dashboard is None:
            name, board = self._settings.name, self.broker.board
            news = News(name, board, lambda: self._reporter.latest, reactor)
            self._dashboard = Dashboard(name, access, news, reactor)
        return self._dashboard

    def _irc_resource(self) -> Any:
        """IRC over WebSocket, in frames of bytes or of text (text if they don't say)."""
        from node.net.frames import LineFrames, binary_frame, text_frame
        from node.net.websocket import WebSocketResource

        doors = {
            protocol: self._websocket_door(Irc(self._irc.config, framed))
            for protocol, framed in (
                ("text.ircv3.net", lambda line: text_frame(line.encode())),
                ("binary.ircv3.net", lambda line: binary_frame(line.encode())),
            )
        }
        for door in doors.values():
            door.frames = LineFrames
        return WebSocketResource(doors["text.ircv3.net"], self._settings.origins, doors)

    def _websocket_door(self, dialect: Dialect) -> Any:
        from node.net.websocket import Watch, WebSocketDoor

        door = self._chat_door(WebSocketDoor, dialect)
        door.watch = Watch(self._settings.dead_peer, reactor)
        self._upgrading.append(door)
        return door

    def _chat_door(self, kind: type[Door], dialect: Dialect) -> Door:
        """A door to the chat: how it's framed, and how it's spoken."""
        return kind(
            self.chat,
            dialect,
            outbox_bytes=self._settings.outbox_bytes,
            flush=self._outbox.flush_one,
            slow=self._slow,
            call_later=reactor.callLater,
            spawn=_spawn,
            entrance=self._entrance,
            registration=self._settings.registration,
        )

    def _slow(self, session: Session) -> None:
        bound = self._settings.outbox_bytes
        says = f"reads too slowly: more than {bound} bytes waited"
        self.broker.board.tell(Kind.SLOW, session.me.nick, says)

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
        await self._close_doors(but="" if self._settings.reuse_port else "http")
        if self._dashboard is not None:
            self._dashboard.live.part()
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

    async def _close_doors(self, *, but: str = "") -> None:
        """Close all doors but those of one kind."""
        for door in self._upgrading:
            door.stopFactory()
        closing = [port for kind, port in self._ports if kind != but]
        self._ports = [door for door in self._ports if door[0] == but]
        for port in closing:
            await _settled(port.stopListening())

    async def stop(self) -> None:
        """Close the doors, say goodbye, and leave nothing of one's own in Redis."""
        self.draining = True
        await self._close_doors(but="http")
        self._idle.stop()
        try:
            goodbye = Deferred.fromCoroutine(self.chat.close_all(self._closing))
            # without Redis nobody can be taken out of anything: others will sweep them
            goodbye.addTimeout(GOODBYE if self.broker.ready else GOODBYE / 10, reactor)
            await goodbye
        except Exception as e:
            log.warn("not everybody could be said goodbye to: {why}", why=type(e).__name__)
        self._lag.stop()
        if self._dashboard is not None:
            self._dashboard.live.stop()
        for site in self._sites:  # whoever had it drained over HTTP is to read that it does
            await _settled(site.answered().addTimeout(ANSWER, reactor))
        if self.broker.ready:
            self.broker.board.tell(Kind.STOPPED, self._settings.name)
            await _settled(Deferred.fromCoroutine(self._reporter.stop()).addTimeout(1.0, reactor))
        await _settled(Deferred.fromCoroutine(self.broker.stop()).addTimeout(GOODBYE, reactor))
        await self._close_doors()

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


async def _settled(result: Any) -> None:
    """Wait for a Deferred, whatever becomes of it."""
    if isinstance(result, Deferred):
        await result.addErrback(lambda _: None)


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
