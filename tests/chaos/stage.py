"""The cluster that is put to the test: a server, nodes, and a relay between each and the server.

    people ──> n1 ──> relay ──┐
               n2 ──> relay ──┼──> Redis, with its data on disk ──> a slow relay ──> its replica,
               n3 ──> relay ──┘                                     if the stage is replicated

The nodes' clocks are apart by minutes. All of it ends with the stage, however that ends. Must
not know people.
"""

import json
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import redis
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from broker.embedded import Embedded
from broker.keys import Keys
from tests.chaos.lines import marks
from tests.chaos.ways import Ways
from tests.support.nodes import NodeProcess, Nodes
from tests.support.operator import operate_on
from tests.support.processes import await_fact
from tests.support.relay import Relay
from tests.support.spin import gather, reactor, wait

T = TypeVar("T")

LEASE = 2.0
"""Seconds. Short, so that runs are."""

FLAGS = (
    *("--lease", str(LEASE)),
    *("--history-lines", "100000", "--inbox-lines", "100000"),  # no gap is for want of room
    *("--drain", "1"),
    "--no-limits",
)

REPLICATED = ("--ack", "replicated", "--ack-timeout", "1")
"""Flags of the nodes of a replicated stage."""

LAG = 0.15
"""Seconds by which its replica is behind, and by which its answers are late."""

SKEW = 150.0
"""Seconds by which each node's clock is ahead of the one before; the first is behind."""


async def pause(seconds: float) -> None:
    """Let others do something."""
    await deferLater(reactor, seconds)


async def aside(work: Callable[[], T]) -> T:
    """Do what blocks in a thread: relays and people go on."""
    return await deferToThread(work)


class Standby(NamedTuple):
    """A replica, somebody who may talk to it, and the relay between it and its master."""

    server: Embedded
    client: redis.Redis
    link: Relay


class Stage:
    """See the module's docstring. `folder`: for data and logs. As a context manager: started.

    `replicated`: nodes wait for a replica (`--ack replicated`), and there's one, in `standby`.
    """

    def __init__(
        self, folder: Path, count: int, *, replicated: bool = False, seed: str = ""
    ) -> None:
        self._folder = folder
        self.rng = random.Random(f"{seed} stage")
        self._running = ExitStack()
        self.replicated = replicated
        self.names = [f"n{i}" for i in range(1, count + 1)]
        self._extra = folder / "extra.conf"
        self._extra.touch()
        self._servers: list[Embedded] = []
        self.server: Embedded
        self.nodes: dict[str, NodeProcess] = {}
        self.relays: dict[str, Ways] = {}
        self.standby: Standby | None = None
        self._nodes: Nodes
        self.client: Any

    def _begin(self, _running: ExitStack) -> None:
        """Start Redis."""
        self.server = self._make_server()
        self.server.start()
        self.client = self._client_of(self.server)

    @property
    def url(self) -> str:
        """For those whom no fault of a link concerns."""
        return self.server.url

    @property
    def ports(self) -> list[int]:
        """Where the servers listen to which nodes talk."""
        return [_port(self.server)]

    def __enter__(self) -> Self:
        try:
            self._begin(self._running)
            flags = (*FLAGS, *(REPLICATED if self.replicated else ()))
            self._nodes = Nodes(self.url, self._folder, *flags, module="tests.chaos.skewed")
            for name in self.names:
                self.relays[name] = Ways(self.ports)
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
        relays: list[Ways | Relay] = list(self.relays.values())
        if self.standby is not None:
            self.standby.client.close()
            relays.append(self.standby.link)
        wait(gather([relay.stop() for relay in relays]))
        self._running.close()

    async def _set_up(self) -> None:
        for relay in self.relays.values():
            await relay.start()
        if self.replicated:
            await self.attach()
        for result in await gather([self.start(name) for name in self.names]):
            if isinstance(result, Exception):
                raise result

    # -- nodes

    async def start(self, name: str) -> None:
        """Start a node; returns when it serves."""
        self._clock(name).write_text(str((self.names.index(name) - 1) * SKEW))
        os.environ["CHAOS_CLOCK"] = str(self._clock(name))
        ways = self._folder / f"{name}.ways"
        ways.write_text(json.dumps(self.relays[name].ports))
        os.environ["CHAOS_WAYS"] = str(ways)
        node = self._nodes.launch(name, "--redis", self._url_for(name))
        self.nodes[name] = node
        await aside(node.serve)

    def _url_for(self, name: str) -> str:
        """By which a node finds Redis. Where it's sent from there is through its relays, too."""
        url = self.url
        for port, relayed in self.relays[name].ports.items():
            url = url.replace(f":{port}", f":{relayed}")
        return url

    def _clock(self, name: str) -> Path:
        return self._folder / f"{name}.clock"

    def turn_clock(self, name: str, seconds: float) -> None:
        """Set a node's clock forward, or back, while it runs."""
        clock = self._clock(name)
        clock.write_text(str(float(clock.read_text()) + seconds))
        self.nodes[name].send_signal(signal.SIGUSR1)

    def port(self, name: str, door: str = "line") -> int | None:
        """Where a node's people come in; None while it doesn't serve."""
        node = self.nodes[name]
        return node.doors[door] if node.runs and node.serves else None

    async def operate(self, *args: str) -> "subprocess.CompletedProcess[str]":
        """What an operator's command said, and its exit status."""
        flags = ("--namespace", self._nodes.namespace)
        return await aside(lambda: operate_on(self.url, *args, *flags))

    def words(self, channel: str) -> set[str]:
        """What Redis has of a channel: the marks of the lines in its log."""
        log = Keys(self._nodes.namespace).channel(channel).log
        entries: Any = self.client.xrange(log)
        return {mark for entry in entries for mark in marks(b" ".join(entry[1].values()).decode())}

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
        standby = await self._follow(in_step=not lag)
        standby.link.silence()
        await pause(lag)
        self.server.kill()
        await self._promote(standby)

    async def _follow(self, *, in_step: bool = False) -> "Standby":
        """A new replica. `in_step`: nothing more is written that it hasn't got."""
        server, link = self._make_server(), Relay(reactor, _port(self.server))
        await link.start()
        await aside(server.start)
        client = self._client_of(server)

        def follow() -> None:
            client.execute_command("REPLICAOF", "127.0.0.1", link.port)
            await_fact(lambda: client.info("replication")["master_link_status"] == "up")
            if in_step:
                self.client.execute_command("CLIENT", "PAUSE", 10_000, "WRITE")
            goal = self.client.info("replication")["master_repl_offset"]
            await_fact(lambda: client.info("replication")["slave_repl_offset"] >= goal)

        await aside(follow)
        return Standby(server, client, link)

    async def _promote(self, standby: "Standby") -> None:
        await aside(lambda: standby.client.execute_command("REPLICAOF", "NO", "ONE"))
        await standby.link.stop()
        self.client.close()
        self.server, self.client = standby.server, standby.client
        for relay in self.relays.values():
            relay.lead_to(_port(self.server))

    async def attach(self) -> None:
        """Give the server a replica that is always a little behind."""
        self.standby = await self._follow()
        self.standby.link.delay = LAG

    def lose_server(self) -> None:
        """Kill it; what its replica hasn't got is lost."""
        assert self.standby is not None
        self.standby.link.cut()
        self.server.kill()

    async def fall_back(self) -> None:
        """Let the replica take over from a server that is lost, and get another replica."""
        assert self.standby is not None
        standby, self.standby = self.standby, None
        await self._promote(standby)
        await self.attach()

    def signal_standby(self, number: signal.Signals) -> None:
        """SIGSTOP, SIGCONT."""
        assert self.standby is not None
        os.kill(self.standby.server.pid, number)

    async def ask(self, *command: Any) -> Any:
        """Ask the server something, past all relays, as soon as it's there."""
        return await self._ask(self.client, *command)

    @staticmethod
    async def _ask(client: Any, *command: Any) -> Any:
        while True:
            try:
                return await aside(lambda: client.execute_command(*command))
            except (redis.ConnectionError, redis.TimeoutError):
                await pause(0.1)


def _port(server: Embedded) -> int:
    """The port that a server listens on."""
    return int(server.url.rpartition(":")[2].partition("/")[0])
