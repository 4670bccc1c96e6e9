"""The cluster that is put to the test: a server, nodes, and a relay between each and the server.

    people ──> n1 ──> relay ──┐
               n2 ──> relay ──┼──> Redis, with its data on disk
               n3 ──> relay ──┘

The nodes' clocks are apart by minutes. All of it ends with the stage, however that ends. Must
not know people.
"""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import redis
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from broker.embedded import Embedded
from tests.support.nodes import NodeProcess, Nodes
from tests.support.processes import await_fact
from tests.support.relay import Relay
from tests.support.spin import gather, reactor, wait

T = TypeVar("T")

LEASE = 2.0
"""Seconds. Short, so that runs are."""

FLAGS = (
    *("--lease", str(LEASE)),
    *("--history-lines", "100000", "--inbox-lines", "100000"),  # no gap is for want of room
    "--no-limits",
)

SKEW = 150.0
"""Seconds by which each node's clock is ahead of the one before; the first is behind."""


async def pause(seconds: float) -> None:
    """Let others do something."""
    await deferLater(reactor, seconds)


async def aside(work: Callable[[], T]) -> T:
    """Do what blocks in a thread: relays and people go on."""
    return await deferToThread(work)


class Stage:
    """See the module's docstring. `folder`: for data and logs. As a context manager: started."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self.names = [f"n{i}" for i in range(1, count + 1)]
        self._extra = folder / "extra.conf"
        self._extra.touch()
        self._servers: list[Embedded] = []
        self.server = self._make_server()
        self.nodes: dict[str, NodeProcess] = {}
        self.relays: dict[str, Relay] = {}
        self._nodes: Nodes
        self.client: redis.Redis

    def __enter__(self) -> Self:
        self.server.start()
        try:
            self._nodes = Nodes(self.server.url, self._folder, *FLAGS, module="tests.chaos.skewed")
            self.client = self._client_of(self.server)
            for name in self.names:
                self.relays[name] = Relay(reactor, _port(self.server))
            wait(self._set_up(), 60)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let nothing of it stay."""
        for node in self.nodes.values():
            node.forsake()
        if hasattr(self, "_nodes"):
            self._nodes.__exit__()
        if hasattr(self, "client"):
            self.client.close()
        for server in self._servers:
            if server.pid:
                os.kill(server.pid, signal.SIGCONT)
                server.kill()
            server.stop()
        wait(gather([relay.stop() for relay in self.relays.values()]))

    async def _set_up(self) -> None:
        for relay in self.relays.values():
            await relay.start()
        for result in await gather([self.start(name) for name in self.names]):
            if isinstance(result, Exception):
                raise result

    # -- nodes

    async def start(self, name: str) -> None:
        """Start a node; returns when it serves."""
        skew = (self.names.index(name) - 1) * SKEW
        os.environ["CHAOS_SKEW"] = str(skew)
        node = self._nodes.launch(name, "--redis", self.relays[name].url)
        self.nodes[name] = node
        await aside(node.serve)

    def port(self, name: str) -> int | None:
        """Where a node's people come in; None while it doesn't serve."""
        node = self.nodes[name]
        return node.line if node.runs and node.serves else None

    def logs(self) -> dict[str, str]:
        """What each node wrote to its standard error."""
        return {name: node.log.read_text(errors="replace") for name, node in self.nodes.items()}

    # -- the server

    @property
    def data(self) -> Path:
        """Where it keeps its data."""
        return self.server.folder / "appendonlydir"

    def _make_server(self) -> Embedded:
        folder = self._folder / f"redis{len(self._servers) + 1}"
        config = {
            "include": str(self._extra),
            "repl-diskless-sync-delay": "0",
            "appendfsync": "always",  # else a kill may lose what was accepted in the last second
        }
        self._servers.append(Embedded(folder, port=0, config=config))
        return self._servers[-1]

    def _client_of(self, server: Embedded) -> redis.Redis:
        return redis.Redis(port=_port(server), socket_timeout=5)

    def kill_server(self) -> None:
        """SIGKILL."""
        self.server.kill()

    async def start_server(self, *, config: str = "", empty: bool = False) -> None:
        """Start it again, on its data unless it's to be `empty`. `config`: further directives."""
        if empty:
            shutil.rmtree(self.data, ignore_errors=True)
        self._extra.write_text(config)
        await aside(self.server.start)

    def signal_server(self, number: signal.Signals) -> None:
        """SIGSTOP, SIGCONT."""
        os.kill(self.server.pid, number)

    async def fail_over(self, *, lag: float) -> None:
        """Another server takes over, and the first is killed.

        `lag`: seconds of what was accepted last that the other has never got; 0: it has all.
        """
        other, link = self._make_server(), Relay(reactor, _port(self.server))
        await link.start()
        await aside(other.start)
        client = self._client_of(other)

        def follow() -> None:
            client.execute_command("REPLICAOF", "127.0.0.1", link.port)
            await_fact(lambda: client.info("replication")["master_link_status"] == "up")
            if not lag:
                self.client.execute_command("CLIENT", "PAUSE", 10_000, "WRITE")
            goal = self.client.info("replication")["master_repl_offset"]
            await_fact(lambda: client.info("replication")["slave_repl_offset"] >= goal)

        await aside(follow)
        link.silence()
        await pause(lag)
        self.server.kill()
        await aside(lambda: client.execute_command("REPLICAOF", "NO", "ONE"))
        await link.stop()
        self.client.close()
        self.server, self.client = other, client
        for relay in self.relays.values():
            relay.redis_port = _port(other)

    async def ask(self, *command: Any) -> Any:
        """Ask the server something, past all relays, as soon as it's there."""
        while True:
            try:
                return await aside(lambda: self.client.execute_command(*command))
            except (redis.ConnectionError, redis.TimeoutError):
                await pause(0.1)


def _port(server: Embedded) -> int:
    """The port that a server listens on."""
    return int(server.url.rpartition(":")[2].partition("/")[0])
