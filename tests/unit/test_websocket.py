"""`node.net.websocket`: who may come, and what a connection of frames does besides one of lines."""

import json
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Site
from wsproto import WSConnection
from wsproto.connection import ConnectionType
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from node.core.bans import Bans
from node.core.entrance import Entrance
from node.core.limits import Act, Limits, Rate
from node.dialects.json import Json
from node.net.frames import LineFrames, binary_frame, text_frame
from node.net.websocket import (
    LOOKS,
    Watch,
    WebSocketDoor,
    WebSocketResource,
    may_come_from,
)
from tests.support.clocked import ClockedChat, Socket

BOUND = 2000
DEAD_PEER = 120.0
RATE = Rate(5, 5)


class Browser:
    """The other side of a connection to a node's HTTP door, with the node's clock."""

    def __init__(self, node: "Node", **headers: str) -> None:
        self.node = node
        self.socket = Socket()
        self.channel: Any = node.site.buildProtocol(None)
        self.channel.makeConnection(self.socket)
        self._speaks = WSConnection(ConnectionType.CLIENT)
        asked = headers.pop("subprotocols", "").split()
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.send(
            Request(host="chat.example.org", target="/ws", extra_headers=extra, subprotocols=asked)
        )

    def send(self, *events: Event) -> None:
        """Send, and let the turn end."""
        self.channel.dataReceived(b"".join(self._speaks.send(event) for event in events))
        self.node.clock.advance(0)

    def events(self) -> list[Event]:
        """What has come since the last time."""
        self._speaks.receive_data(self.socket.value())
        self.socket.clear()
        return list(self._speaks.events())

    def objects(self) -> list[dict[str, Any]]:
        """The messages among them."""
        return [json.loads(each.data) for each in self.events() if isinstance(each, TextMessage)]

    def do(self, *commands: dict[str, Any]) -> list[dict[str, Any]]:
        """Send commands in one piece; the messages that came by the end of the turn."""
        self.send(*(TextMessage(json.dumps(command)) for command in commands))
        return self.objects()

    def lose(self) -> None:
        self.socket.connected = False
        self.channel.connectionLost(Failure(ConnectionLost()))


class Node(ClockedChat):
    """A chat behind an HTTP door."""

    def __init__(self, *origins: str, trusted: bool = True) -> None:
        super().__init__(outbox_bytes=BOUND)
        limits = Limits({Act.LINES: RATE}, {}, (), self.clock.seconds)
        let_in = None if trusted else Entrance(limits, self.broker, 0, Bans(lambda: 0))
        self.door = WebSocketDoor(self.chat, Json(text_frame), entrance=let_in, **self.given)
        self.door.watch = Watch(DEAD_PEER, self.clock)
        root: Any = Resource()
        self.binary = WebSocketDoor(self.chat, Json(binary_frame), entrance=let_in, **self.given)
        self.binary.watch, self.binary.frames = self.door.watch, LineFrames
        protocols = {"text.test": self.door, "binary.test": self.binary}
        root.putChild(b"ws", WebSocketResource(self.door, origins, protocols))
        self.site: Any = Site(root, reactor=self.clock)

    def browser(self) -> Browser:
        """Somebody is there, and has read the greeting."""
        browser = Browser(self)
        assert ["greeting"] == [each["is"] for each in browser.objects()]
        return browser


@pytest.fixture
def node() -> Node:
    return Node()


# -- the handshake


def test_who_connects_is_greeted(node: Node) -> None:
    accepted, greeting = Browser(node).events()
    assert isinstance(accepted, AcceptConnection) and accepted.extensions == []
    assert isinstance(greeting, TextMessage)
    assert {"is": "greeting", "lobby": "#lobby"}.items() <= json.loads(greeting.data).items()


def test_who_connects_is_in_no_channel(node: Node) -> None:
    node.browser()
    (session,) = node.chat.hub.sessions.values()
    assert {} == session.channels


ORIGINS = frozenset({"https://other.example.org"})


@pytest.mark.parametrize(
    "origin, host, may",
    [
        (None, "chat.example.org", True),
        (None, None, True),
        ("https://chat.example.org", "chat.example.org", True),
        ("http://chat.example.org", "Chat.example.org", True),
        ("http://chat.example.org:8080", "chat.example.org:8080", True),
        ("http://chat.example.org:8080", "chat.example.org", False),
        ("https://evil.example.org", "chat.example.org", False),
        ("https://chat.example.org.evil.net", "chat.example.org", False),
        ("https://other.example.org", "chat.example.org", True),
        ("http://other.example.org", "chat.example.org", False),
        ("null", "chat.example.org", False),
        ("null", "", False),
        ("http://[", "chat.example.org", False),
        ("https://chat.example.org", None, False),
    ],
)
def test_pages_of_this_host_and_of_named_origins_may_come(
    origin: str | None, host: str | None, may: bool
) -> None:
    assert may is may_come_from(origin, host, ORIGINS)


def test_pages_of_all_origins_may_come_if_that_was_said() -> None:
    assert may_come_from("https://evil.example.org", "chat.example.org", frozenset("*"))


def test_a_page_from_elsewhere_is_refused(node: Node) -> None:
    (answer, *_) = Browser(node, origin="https://evil.example.org").events()
    assert isinstance(answer, RejectConnection)
    assert (403, {}) == (answer.status_code, node.chat.hub.sessions)


def test_a_page_from_an_origin_that_was_named_may_come() -> None:
    node = Node("https://evil.example.org")
    (answer, *_) = Browser(node, origin="https://evil.example.org").events()
    assert isinstance(answer, AcceptConnection)


def test_a_door_that_is_closed_takes_nobody(node: Node) -> None:
    node.door.stopFactory()
    (answer, *_) = Browser(node).events()
    assert isinstance(answer, RejectConnection)
    assert (503, {}) == (answer.status_code, node.chat.hub.sessions)


@pytest.mark.parametrize(
    "asked, agreed, kind",
    [
        ("", None, TextMessage),
        ("text.test", "text.test", TextMessage),
        ("binary.test", "binary.test", BytesMessage),
        ("binary.test text.test", "binary.test", BytesMessage),
        ("other.test text.test binary.test", "text.test", TextMessage),
        ("other.test", None, TextMessage),
    ],
)
def test_the_first_subprotocol_that_is_there_is_theirs(
    node: Node, asked: str, agreed: str | None, kind: type[Event]
) -> None:
    accepted, greeting = Browser(node, subprotocols=asked).events()
    assert isinstance(accepted, AcceptConnection) and agreed == accepted.subprotocol
    assert isinstance(greeting, kind)


def test_who_speaks_in_bytes_is_heard_and_answered_in_bytes(node: Node) -> None:
    browser = Browser(node, subprotocols="binary.test")
    browser.events()
    browser.send(BytesMessage(b'{"do":"ping","id":1}\r\n'))
    (pong,) = browser.events()
    assert isinstance(pong, BytesMessage) and {"is": "pong", "id": 1} == json.loads(pong.data)


PLAIN = b"GET /ws HTTP/1.1\r\nhost: h\r\n\r\n"
OLD = (
    b"GET /ws HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-key: x\r\nsec-websocket-version: 8\r\n\r\n"
)
HEAD = PLAIN.replace(b"GET", b"HEAD")
STRANGE = PLAIN.replace(b"host: h", b"host: \xff\xfe")
UNHEARD_OF = OLD.replace(b"version: 8", b"version: 13\r\nsec-websocket-protocol: \xff")


@pytest.mark.parametrize(
    "request_, status",
    [(PLAIN, b"400"), (OLD, b"426"), (HEAD, b"405"), (STRANGE, b"400"), (UNHEARD_OF, b"400")],
    ids=["plain", "old", "head", "strange", "unheard of"],
)
def test_what_is_no_handshake_is_refused(node: Node, request_: bytes, status: bytes) -> None:
    socket = Socket()
    channel = node.site.buildProtocol(None)
    channel.makeConnection(socket)
    channel.dataReceived(request_)
    assert socket.value().split(b" ")[1] == status


# -- what comes


def test_a_frame_is_a_command(node: Node) -> None:
    assert [{"is": "pong", "id": 1, "text": "x"}] == node.browser().do(
        {"do": "ping", "id": 1, "text": "x"}
    )


def test_frames_are_done_in_their_order(node: Node) -> None:
    sent = node.browser().do(*({"do": "ping", "id": i} for i in range(20)))
    assert [{"is": "pong", "id": i} for i in range(20)] == sent


def test_a_ping_is_answered(node: Node) -> None:
    browser = node.browser()
    browser.send(Ping(b"there?"))
    assert [Pong(b"there?")] == browser.events()


def test_a_frame_that_is_too_long_is_refused_and_the_connection_stays(node: Node) -> None:
    browser = node.browser()
    browser.send(TextMessage("x" * 20_000), TextMessage('{"do":"ping","id":1}'))
    refused, pong = browser.objects()
    assert ("text-too-long", {"is": "pong", "id": 1}) == (refused["code"], pong)


def test_a_binary_frame_ends_the_connection(node: Node) -> None:
    browser = node.browser()
    browser.send(BytesMessage(b"x"))
    (closing,) = browser.events()
    assert isinstance(closing, CloseConnection)
    assert (1003, True, {}) == (
        closing.code,
        browser.socket.disconnecting,
        node.chat.hub.sessions,
    )


def test_who_closes_is_done_with_after_what_they_said_before(node: Node) -> None:
    browser = node.browser()
    browser.send(TextMessage('{"do":"ping","id":1}'), CloseConnection(1001))
    *said, closing = browser.events()
    kinds = [json.loads(each.data)["is"] for each in said if isinstance(each, TextMessage)]
    assert (["pong", "closing"], True, {}) == (
        kinds,
        browser.socket.disconnecting,
        node.chat.hub.sessions,
    )
    assert isinstance(closing, CloseConnection) and closing.code == 1001


def test_who_quits_reads_why_and_then_the_end(node: Node) -> None:
    browser = node.browser()
    browser.send(TextMessage('{"do":"quit"}'))
    said, closing = browser.events()
    assert isinstance(said, TextMessage) and json.loads(said.data)["code"] == "quit"
    assert isinstance(closing, CloseConnection) and closing.code == 1000
    assert browser.socket.disconnecting


def test_who_is_lost_has_quit(node: Node) -> None:
    node.browser().lose()
    assert {} == node.chat.hub.sessions


def test_who_sends_too_fast_waits() -> None:
    node = Node(trusted=False)
    browser = node.browser()
    sent = browser.do(*({"do": "ping", "id": i} for i in range(8)))
    assert (5, "paused") == (len(sent), browser.socket.producerState)
    node.clock.pump([1, 1, 1])
    assert (3, "producing") == (len(browser.objects()), browser.socket.producerState)


def test_pings_count_as_commands() -> None:
    node = Node(trusted=False)
    browser = node.browser()
    browser.send(*[Ping()] * 8)
    assert "paused" == browser.socket.producerState


def test_who_sends_too_fast_and_closes_is_done_with_after_all_of_it() -> None:
    node = Node(trusted=False)
    browser = node.browser()
    commands = [TextMessage(json.dumps({"do": "ping", "id": i})) for i in range(8)]
    browser.send(*commands, CloseConnection(1000))
    node.clock.pump([1, 1, 1])
    kinds = [each["is"] for each in browser.objects()]
    assert [*["pong"] * 8, "closing"] == kinds


# -- what is sent


def test_a_turns_messages_are_one_write(node: Node) -> None:
    browser = node.browser()
    writes: list[bytes] = []
    browser.socket.write = writes.append  # type: ignore[method-assign]
    browser.send(*[TextMessage('{"do":"ping"}')] * 5)
    assert 1 == len(writes)


def test_all_members_get_the_same_bytes(node: Node) -> None:
    browsers = [node.browser() for _ in range(3)]
    for browser in browsers:
        browser.do({"do": "join", "channel": "#go"})
    for browser in browsers:
        browser.events()
    browsers[0].send(TextMessage('{"do":"say","channel":"#go","text":"hi"}'))
    assert 1 == len({browser.socket.value() for browser in browsers})
    assert all(b'"text":"hi"' in browser.socket.value() for browser in browsers)


def test_a_slow_reader_is_closed_at_the_bound(node: Node) -> None:
    browser = node.browser()
    connection = next(iter(node.chat.hub.sessions.values())).connection
    connection.pauseProducing()  # type: ignore[attr-defined]
    for _ in range(50):
        browser.send(TextMessage(json.dumps({"do": "ping", "text": "x" * 100})))
    assert (True, 1) == (browser.socket.aborted, len(node.slow))


def test_pongs_wait_for_a_slow_reader_like_all_else(node: Node) -> None:
    browser = node.browser()
    connection = next(iter(node.chat.hub.sessions.values())).connection
    connection.pauseProducing()  # type: ignore[attr-defined]
    for _ in range(50):
        browser.send(Ping(b"x" * 100))
    assert (True, b"") == (browser.socket.aborted, browser.socket.value())


# -- peers that are gone


def test_a_silent_peer_is_asked_and_dropped_if_it_says_nothing(node: Node) -> None:
    browser, seconds = node.browser(), 0
    while not browser.socket.aborted:
        node.clock.advance(1)
        seconds += 1
    assert DEAD_PEER <= seconds <= DEAD_PEER * (LOOKS + 1) / LOOKS + LOOKS
    assert [Ping(b"")] * (LOOKS - 1) == browser.events()


def test_a_peer_that_answers_stays(node: Node) -> None:
    browser = node.browser()
    for _ in range(10):
        node.clock.pump([1.0] * int(DEAD_PEER / LOOKS))
        for event in browser.events():
            assert isinstance(event, Ping)
            browser.send(event.response())
    assert not browser.socket.aborted


def test_a_pong_is_no_sign_of_a_person(node: Node) -> None:
    browser = node.browser()
    connection: Any = next(iter(node.chat.hub.sessions.values())).connection
    connection.quiet = 7
    while not browser.events():
        node.clock.advance(1)
    browser.send(Pong())
    before = connection.quiet
    browser.do({"do": "ping"})
    assert (7, 0) == (before, connection.quiet)


def test_nobody_is_asked_when_nobody_is_there(node: Node) -> None:
    node.browser().lose()
    assert [] == node.clock.getDelayedCalls()


def test_each_is_asked_as_often_however_many_there_are(node: Node) -> None:
    browsers = [node.browser() for _ in range(50)]
    node.clock.pump([1.0] * int(DEAD_PEER))
    asked = [len(browser.events()) for browser in browsers]
    assert {LOOKS - 1} == {min(LOOKS - 1, count) for count in asked}
    assert max(asked) <= LOOKS


def test_nothing_went_wrong_unseen(node: Node) -> None:
    browser = node.browser()
    browser.do({"do": "join", "channel": "#go"}, {"do": "say", "channel": "#go", "text": "x"})
    browser.lose()
    assert [] == node.failures
