"""The doors of a node: which there are, and what stands behind each.

    line, irc, json ── LineDoor ───────────────┐
    irc-ws ── a site ── WebSocketDoor ─────────┼──> Chat, each in a dialect
    http ──── a site ─┬ WebSocketDoor (two) ───┘
                      └ API, dashboard, health, metrics, pages

What is HTTP's is imported when such a door is opened: it's half of a node's start-up time.
"""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from twisted.internet.defer import Deferred

from broker.reports import Kind
from node.core.chat import Chat
from node.core.dialect import Dialect
from node.core.entrance import Entrance
from node.core.limits import parse_networks
from node.core.session import Session
from node.dialects.irc import Irc
from node.dialects.json import Json
from node.dialects.slash import Slash
from node.net.connection import LineDoor, SocketDoor
from node.net.doors import open_door, shown
from node.net.echo import EchoDoor
from node.net.proxied import Balancers
from node.numbers import Numbers
from node.settings import Settings

if TYPE_CHECKING:
    from broker.cluster import Cluster

Door = TypeVar("Door", bound=SocketDoor)

ANSWER = 1.0
"""Seconds for which requests over HTTP that are under way are waited for."""


class Behind(NamedTuple):
    """What doors lead to, besides the chat. `spawn` runs what nobody waits for; `told` hears of
    files that can't be read, and `again` gets what reads one anew. `latest`: how the node is.
    """

    entrance: Entrance
    flush: Callable[[Any], None]
    irc: Irc
    unready: Callable[[], Any]
    numbers: Numbers
    latest: Callable[[], Any]
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    told: Callable[[str], None]
    again: Callable[[Callable[[], str]], None]


class Doors:
    """All doors of one node. `reactor`: Twisted's."""

    def __init__(
        self, settings: Settings, broker: "Cluster", chat: Chat, parts: Behind, reactor: Any
    ) -> None:
        self._settings = settings
        self._broker = broker
        self._chat = chat
        self._parts = parts
        self._reactor = reactor
        self._irc = parts.irc
        self._ports: list[tuple[str, Any]] = []
        self._sites: list[Any] = []
        self._dashboard: Any = None
        self._upgrading: list[SocketDoor] = []  # behind HTTP's

    async def open(self, wanted: Callable[[str], bool]) -> list[str]:
        """Open those whose kind is `wanted`; a line for each: its kind and where it is.

        Raises OSError (or Twisted's `CannotListenError`) if one can't be opened.
        """
        settings, opened = self._settings, []
        for kind, endpoints, door in self._doors():
            for endpoint in endpoints if wanted(kind) else ():
                port = await open_door(
                    self._reactor,
                    endpoint,
                    door(),
                    shared=settings.reuse_port,
                    dead_peer=settings.dead_peer,
                    balancers=Balancers.parse(settings.balancers, served=kind == "http"),
                    asks=kind in ("line", "irc", "json"),  # a browser would ask its people
                    again=self._parts.again,
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
        tokens = Tokens(settings.tokens, self._reactor.seconds, self._parts.told)
        self._parts.again(tokens.again)
        access = Access(
            tokens,
            parse_networks(settings.operators_from),
            self._reactor.seconds,
        )
        parts = Parts(
            access,
            self._broker,
            self._chat.hub,
            self._broker.desk,
            self._broker.board.overview,
            self._reactor.callLater,
            settings.outbox_bytes,
        )
        made = site(
            {
                "api/v1": Api(parts),
                "counter": Counter(self._broker),
                "dashboard": self._the_dashboard(access),
                "irc": self._irc_resource(),
                "livez": Livez(),
                "readyz": Readyz(self._parts.unready),
                "metrics": Metrics(self._parts.numbers),
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
            name, board = self._settings.name, self._broker.board
            news = News(name, board, self._parts.latest, self._reactor)
            self._dashboard = Dashboard(name, access, news, self._reactor)
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
        door.watch = Watch(self._settings.dead_peer, self._reactor)
        self._upgrading.append(door)
        return door

    def _chat_door(self, kind: type[Door], dialect: Dialect) -> Door:
        """A door to the chat: how it's framed, and how it's spoken."""
        return kind(
            self._chat,
            dialect,
            outbox_bytes=self._settings.outbox_bytes,
            flush=self._parts.flush,
            slow=self._slow,
            call_later=self._reactor.callLater,
            spawn=self._parts.spawn,
            entrance=self._parts.entrance,
            registration=self._settings.registration,
        )

    def _slow(self, session: Session) -> None:
        bound = self._settings.outbox_bytes
        says = f"reads too slowly: more than {bound} bytes waited"
        self._broker.board.tell(Kind.SLOW, session.me.nick, says)

    async def close(self, *, but: str = "") -> None:
        """Close all doors but those of one kind."""
        for door in self._upgrading:
            door.stopFactory()
        closing = [port for kind, port in self._ports if kind != but]
        self._ports = [door for door in self._ports if door[0] == but]
        for port in closing:
            await settled(port.stopListening())

    def part(self) -> None:
        """Who looks at the dashboard is told that this node is ending."""
        if self._dashboard is not None:
            self._dashboard.live.part()

    async def answered(self) -> None:
        """Returns when requests over HTTP are answered, or it takes too long: whoever had the node
        drained is to read that it does.
        """
        if self._dashboard is not None:
            self._dashboard.live.stop()
        for site in self._sites:
            await settled(site.answered().addTimeout(ANSWER, self._reactor))


async def settled(result: Any) -> None:
    """Wait for a Deferred, whatever becomes of it."""
    if isinstance(result, Deferred):
        await result.addErrback(lambda _: None)
