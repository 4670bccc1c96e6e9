"""A chat in one process and on a clock, for doors of a test's own, and sockets to them.

    Socket ──> the test's door ──> Chat ──> Memory
                     └─ made with `given`      └─ all on one Clock

Must not know what kind of door it is.
"""

import random
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from broker.memory import Memory, World
from node.core.chat import Chat, ChatConfig
from node.core.session import Session
from node.net.connection import write
from node.net.outbox import Outbox
from tests.support.village import done


class Socket(StringTransport):
    """A transport. `aborted`, `disconnecting`: as it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.connected = True
        self.aborted = False

    def abortConnection(self) -> None:
        self.aborted = True

    def resumeProducing(self) -> None:
        self.producerState = "producing"  # also when it does so already, as a real one


class ClockedChat:
    """A chat, and what a door to it is made with besides: `given`.

    `bounds`: the world's. `failures`: what coroutines raised. `slow`: whose reader was too slow.
    """

    def __init__(self, *, outbox_bytes: int, **bounds: Any) -> None:
        self.clock = Clock()
        self.failures: list[Failure] = []
        self.slow: list[Session] = []
        self.broker = Memory(World(self.clock.seconds, **bounds), "node")
        outbox = Outbox(self._later, write)
        self.chat = Chat(
            ChatConfig(),
            self.broker,
            outbox,
            rng=random.Random(1),
            seconds=self.clock.seconds,
            spawn=self._spawn,
            promise=Deferred,
            later=self.clock.callLater,
        )
        self.given: dict[str, Any] = {
            "outbox_bytes": outbox_bytes,
            "flush": outbox.flush_one,
            "slow": self.slow.append,
            "call_later": self.clock.callLater,
            "spawn": self._spawn,
        }
        done(self.broker.start(self.chat))

    def _later(self, work: Callable[[], None]) -> None:
        self.clock.callLater(0, work)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(work).addErrback(self.failures.append)

    def turn(self, seconds: float = 0) -> None:
        """Let the turn end, and so many seconds go by."""
        self.clock.advance(seconds)
