"""Keeps nodes and their server running until it's told to stop.

             one ended, or it takes too long
    starting ──────────────────────────────> stopping ── all ended ──> over
        └─ all serve ──> running ── signal ────┘  └─ second signal, or it takes too long:
                           └─ one ended: started         SIGKILL
                              again, later each time

Blocking, on a selector and signals. Must not know what the processes do.
"""

import selectors
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Protocol

from node.signals import StopSignals
from node.up.child import Child, SpawnError


class StartError(Exception):
    """The nodes didn't come up, and are down again; the text says why."""


class Server(Protocol):
    """What the nodes need. It runs before them; here it's only started again when it ends."""

    name: str

    def spawn(self) -> None:
        """Start it. Raises SpawnError."""

    def poll(self) -> int | None:
        """None while it runs, otherwise its exit status."""


@dataclass
class Backoff:
    """How long to wait before something that ended is started again. All in seconds."""

    first: float = 0.25
    most: float = 10.0
    healthy: float = 10.0
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self._next = self.first

    def after(self, lived: float) -> float:
        """Twice as long each time, and from the beginning after a life of `healthy` seconds."""
        if lived >= self.healthy:
            self._next = self.first
        wait = self._next
        self._next = min(2 * wait, self.most)
        return wait


class Supervisor:
    """Runs nodes, and starts again what ends; a server too, if there is one.

    `say` gets what people should know. `serving` is called once, when all nodes serve.
    `start_within`, `stop_within`: seconds.
    """

    def __init__(
        self,
        nodes: Sequence[Child],
        server: Server | None,
        *,
        say: Callable[[str], None],
        serving: Callable[[], None],
        start_within: float = 30.0,
        stop_within: float = 15.0,
    ) -> None:
        self._nodes = nodes
        self._workers: list[Child | Server] = [*([server] if server else []), *nodes]
        self._say = say
        self._serving = serving
        self._start_within = start_within
        self._stop_within = stop_within
        self._selector = selectors.DefaultSelector()
        self._backoffs = {worker.name: Backoff() for worker in self._workers}
        self._born: dict[str, float] = {}
        """When each worker that runs was started."""
        self._due: dict[str, float] = {}
        """When each worker that ended is to be started again."""
        self._deadline: float | None = None
        """When starting, or stopping, takes too long."""
        self._started = self._stopping = self._killed = False
        self._failure = ""

    def run(self) -> bool:
        """Start the nodes, and keep everything running until a signal says to stop.

        Returns whether the nodes ended by themselves; False if they had to be killed. Raises
        StartError if one ended, or didn't serve in time, before all did.
        """
        with StopSignals() as signals, self._selector:
            self._selector.register(signals, selectors.EVENT_READ, signals.drain)
            try:
                self._deadline = time.monotonic() + self._start_within
                for worker in self._workers:
                    if not self._stopping:
                        self._spawn(worker)
                while not self._stopping or self._living():
                    for key, _ in self._selector.select(self._patience()):
                        key.data()
                    self._reap()
                    self._decide(signals.asked)
                    self._start_due()
            finally:
                self._kill()  # nothing outlives this, whatever went wrong
                for node in self._nodes:
                    node.wait()
                    node.close()
        if self._failure:
            raise StartError(self._failure)
        return not self._killed

    def _living(self) -> list[Child]:
        return [node for node in self._nodes if node.name in self._born]

    def _patience(self) -> float | None:
        """Seconds until there's something to do unasked."""
        times = [*self._due.values(), *([] if self._deadline is None else [self._deadline])]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _decide(self, asked: int) -> None:
        """Go on to the next state if it's time. `asked`: how often an end was asked for."""
        late = self._deadline is not None and time.monotonic() >= self._deadline
        waiting = [node.name for node in self._nodes if not node.serves]
        if self._stopping:
            if asked > 1 or late:
                self._kill()
        elif asked:
            self._stop()
        elif self._started:
            pass
        elif not waiting:
            self._started, self._deadline = True, None
            self._serving()
        elif late:
            self._fail(f"after {self._start_within:g} s, {', '.join(waiting)} can't serve yet")

    def _reap(self) -> None:
        for worker in self._workers:
            if worker.name in self._born:
                status = worker.poll()
                if status is not None:
                    self._ended(worker, status)

    def _ended(self, worker: Child | Server, status: int) -> None:
        lived = time.monotonic() - self._born.pop(worker.name)
        how = f"status {status}" if status >= 0 else signal.strsignal(-status)
        if isinstance(worker, Child):
            for pipe in worker.outputs:
                self._unwatch(pipe)
            worker.close()
        if self._stopping:
            return
        if self._started:
            self._again(worker, f"{worker.name} ended ({how})", lived)
        else:
            self._fail(f"{worker.name} ended before it could serve ({how})")

    def _again(self, worker: Child | Server, what: str, lived: float) -> None:
        wait = self._backoffs[worker.name].after(lived)
        self._due[worker.name] = time.monotonic() + wait
        self._say(f"{what}; starting it again in {wait:g} s")

    def _start_due(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if self._due.get(worker.name, now + 1) <= now:
                del self._due[worker.name]
                self._spawn(worker)

    def _spawn(self, worker: Child | Server) -> None:
        try:
            if worker.poll() is not None:
                worker.spawn()
        except SpawnError as e:
            what = f"{worker.name} can't be started: {e}"
            if self._started:
                self._again(worker, what, 0.0)
            else:
                self._fail(what)
            return
        self._born[worker.name] = time.monotonic()
        if isinstance(worker, Child):
            for pipe in worker.outputs:
                self._watch(worker, pipe)

    def _watch(self, node: Child, pipe: IO[bytes]) -> None:
        def readable() -> None:
            if not node.read(pipe):
                self._unwatch(pipe)

        self._selector.register(pipe, selectors.EVENT_READ, readable)

    def _unwatch(self, pipe: IO[bytes]) -> None:
        with suppress(KeyError):  # it had come to its end
            self._selector.unregister(pipe)

    def _fail(self, why: str) -> None:
        self._failure = self._failure or why
        if not self._stopping:
            self._stop()

    def _stop(self) -> None:
        self._stopping = True
        self._due.clear()
        self._deadline = time.monotonic() + self._stop_within
        for node in self._living():
            node.terminate()

    def _kill(self) -> None:
        self._deadline = None
        for node in self._nodes:
            if node.poll() is None:
                self._killed = True
                node.kill()
