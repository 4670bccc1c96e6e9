"""A cluster in one process and without a reactor: chats over one in-memory world, and people
who type to them.

    Villager ─ type ─> Chat ─> Memory ─┐
    Villager <─ read ─ Screen          ├─ World
    Villager ─ type ─> Chat ─> Memory ─┘

Nothing waits: when `type` returns, all that follows from the line has been shown to everyone.
Must not know what is tested.
"""

import random
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from broker.memory import Memory, World
from node.core.chat import Chat, ChatConfig
from node.core.dialect import Dialect
from node.core.session import Session
from node.dialects.slash import Slash

T = TypeVar("T")

NOON = 1_699_963_200.0
"""12:00 UTC on 14 November 2023, in seconds of Unix time: when a village's clock begins."""


class Screen:
    """A `node.core.dialect.Connection` that shows what was put into the outbox."""

    def __init__(self) -> None:
        self.shown = b""
        self.closed = False
        self.paused = False

    def show(self, data: bytes) -> None:
        if not self.closed:
            self.shown += data

    def close(self) -> None:
        self.closed = True

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def when_ready(self, work: Callable[[], None]) -> None:
        work()

    @property
    def reached(self) -> bool:
        return True

    def read(self) -> list[str]:
        """The lines since the last `read`, without CRLF."""
        shown, self.shown = self.shown, b""
        *lines, rest = shown.decode().split("\r\n")
        assert rest == ""
        return lines


class Screens:
    """A `node.core.hub.Outbox` that writes at once. `puts` counts the calls of `put_all`."""

    def __init__(self) -> None:
        self.puts = 0

    def put(self, session: Session, data: bytes) -> None:
        assert isinstance(session.connection, Screen)
        session.connection.show(data)

    def put_all(self, sessions: Iterable[Session], data: bytes) -> None:
        self.puts += 1
        for session in sessions:
            self.put(session, data)


class Villager:
    """Somebody on one node, by a dialect whose lines end in CRLF."""

    def __init__(self, chat: Chat, dialect: Dialect, address: str, *, lobby: bool) -> None:
        self._chat = chat
        self.screen = Screen()
        self.session = chat.connect(self.screen, dialect, address)
        chat.greet(self.session, lobby=lobby)

    @property
    def nick(self) -> str:
        return self.session.me.nick

    @property
    def here(self) -> bool:
        """Whether the connection is open."""
        return not self.screen.closed

    def read(self) -> list[str]:
        """The lines since the last `read`, without CRLF."""
        return self.screen.read()

    def type(self, *lines: str) -> list[str]:
        """Type lines; what was shown since the last `read`, the answers at the end."""
        self.say(*lines)
        return self.read()

    def say(self, *lines: str) -> None:
        """Type lines, and read nothing yet."""
        for line in lines:
            self._chat.hear(self.session, line.encode())

    def hang_up(self) -> None:
        """The connection is lost."""
        self.screen.closed = True
        self._chat.lost(self.session)


class Village:
    """Some nodes and their people. `now`: seconds of Unix time, for all of them.

    `broker` makes a node's; `bounds` are the world's. `config`: as for `ChatConfig`.
    `failures`: what coroutines raised, which none ever should.
    """

    def __init__(
        self,
        nodes: int = 1,
        *,
        broker: Callable[[World, str], Memory] = Memory,
        bounds: dict[str, Any] | None = None,
        **config: Any,
    ) -> None:
        self.now = NOON
        self.failures: list[Failure] = []
        self.people: list[Villager] = []
        self.later: list[Callable[[], None]] = []
        self.world = World(lambda: self.now, **(bounds or {}))
        self.brokers = [broker(self.world, f"node{i + 1}") for i in range(nodes)]
        self.chats = [self._chat(i, made, config) for i, made in enumerate(self.brokers)]
        self._dialects = [Slash() for _ in self.chats]
        for made, chat in zip(self.brokers, self.chats, strict=True):
            done(made.start(chat))

    def _chat(self, number: int, broker: Memory, config: dict[str, Any]) -> Chat:
        return Chat(
            ChatConfig(node=broker.name, **config),
            broker,
            Screens(),
            rng=random.Random(number),
            seconds=lambda: self.now,
            spawn=self._spawn,
            promise=Deferred,
            later=lambda _seconds, work: self.later.append(work),
        )

    def a_while_later(self) -> None:
        """What nodes left for later, they do now."""
        later, self.later = self.later, []
        for work in later:
            work()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(work).addErrback(self.failures.append)

    def guest(
        self,
        node: int = 0,
        *,
        address: str = "",
        lobby: bool = True,
        dialect: Dialect | None = None,
    ) -> Villager:
        """Somebody connects to a node. `dialect`: None: slash."""
        spoken = dialect or self._dialects[node]
        person = Villager(self.chats[node], spoken, address, lobby=lobby)
        self.people.append(person)
        return person

    def person(self, nick: str, *channels: str, node: int = 0) -> Villager:
        """Somebody with a nick comes into channels, and everybody reads up."""
        person = self.guest(node)
        person.type(f"/nick {nick}", *(f"/join {channel}" for channel in channels))
        self.read_up()
        return person

    def read_up(self) -> None:
        """Everybody has read what there is."""
        for person in self.people:
            person.read()

    def lose(self, node: int) -> None:
        """The node loses the broker."""
        self.world.lose(self.brokers[node])

    def restore(self, node: int) -> None:
        """The node finds the broker again."""
        self.world.restore(self.brokers[node])

    def evict(self, node: int) -> None:
        """The node loses the broker for longer than its lease."""
        self.world.evict(self.brokers[node])


def done(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that needn't wait for anything."""
    results: list[T] = []
    failures: list[Failure] = []
    Deferred.fromCoroutine(work).addCallbacks(results.append, failures.append)
    if failures:
        failures[0].raiseException()
    (result,) = results
    return result
