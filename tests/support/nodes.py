"""Nodes as an operator runs them: processes of their own, on free ports of 127.0.0.1, and the
ways in which they fare: frozen, killed, ended.

    Nodes ── start("n1") ──> NodeProcess: n1.line, n1.json, n1.http ── freeze, wake, kill, end
      └─ a namespace of their own on somebody's Redis, and a client that looks into it

All of them end with the test process, however that one ends. Must not know the line protocol.
"""

import os
import secrets
import signal
import subprocess
import time
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Self

import redis

from broker.address import Seeds, Sentinels, parse
from tests.support import nursery
from tests.support.up import LOOPBACK, SOURCE, command, environ

DOORS = ("line", "irc", "json", "echo", "http")
"""What each node opens, if its release knows it."""

KINDS = (*DOORS, "irc-ws")
"""What a node may be told to open."""

OTHER_RELEASE = "CHORUS_TEST_OTHER_RELEASE"
"""A variable with a folder whose code every second node runs: see tests/mixed.py."""


class NodeProcess:
    """A running `chorus node`. `log`: the file that its standard error goes to.

    `serve` must be called before its doors are known: several nodes can start side by side.
    `module`: what is run as `chorus`. `source`: the code that it runs. `forked`: it may come from a
    process that has imported all that it needs, see `nursery`.
    """

    def __init__(
        self,
        name: str,
        log: Path,
        lifeline: int,
        *flags: str,
        module: str = "node",
        source: Path = SOURCE,
        forked: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        self.doors: dict[str, int] = {}  # by kind; of several, the last
        self._told = 0
        known = [kind for kind in DOORS if kind != "irc" or (source / "node/dialects/irc").exists()]
        doors = [word for kind in known for word in (f"--{kind}", LOOPBACK)]
        flags = ("--name", name, *doors, "--parent-pipe", str(lifeline), *flags)
        self._opened = sum(flag in {f"--{kind}" for kind in KINDS} for flag in flags)
        self._process: subprocess.Popen[bytes] | nursery.Born
        with log.open("ab") as errors:
            if forked and (module, source) == ("node", SOURCE) and nursery.POSSIBLE:
                self._process = nursery.bear(
                    *("node", *flags),
                    env=environ(source),
                    stderr=errors,
                    lifeline=lifeline,
                    source=source,
                )
                return
            self._process = subprocess.Popen(
                command("node", *flags, module=module),
                env=environ(source),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(lifeline,),
                start_new_session=True,
            )

    def serve(self) -> Self:
        """Wait until it says where its doors are."""
        while not self.serves:
            kind, over, where = self._read().split()
            self._told += 1
            if over != "unix":
                self.doors[kind] = int(where.rpartition(":")[2])
        return self

    @property
    def serves(self) -> bool:
        """Whether it has said so."""
        return self._told == self._opened

    def _read(self) -> str:
        said: IO[bytes] | None = self._process.stdout
        assert said is not None
        line = said.readline().decode()
        assert line, f"{self.name} ended:\n{self.log.read_text()}"
        return line

    @property
    def line(self) -> int:
        """The port of the chat."""
        return self.doors["line"]

    @property
    def irc(self) -> int:
        """The port of the chat for IRC clients."""
        return self.doors["irc"]

    @property
    def json(self) -> int:
        """The port of the chat for programs."""
        return self.doors["json"]

    @property
    def http(self) -> int:
        """The port of all that is spoken over HTTP."""
        return self.doors["http"]

    @property
    def echo(self) -> int:
        """The port of the echo."""
        return self.doors["echo"]

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    @property
    def memory(self) -> int:
        """What it holds in memory now, in bytes."""
        listed = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self._process.pid)], capture_output=True, check=True
        )
        return int(listed.stdout) * 1024

    def freeze(self) -> None:
        """Stop it where it stands: it closes nothing and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it run on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait()

    def send_signal(self, number: signal.Signals) -> None:
        """Tell it something."""
        self._process.send_signal(number)

    def ask(self, number: signal.Signals) -> str:
        """Tell it something that makes it print a line; that line."""
        self.send_signal(number)
        return self._read()

    def wait(self, seconds: float = 60.0) -> int:
        """Its exit status, once it has ended."""
        return self._process.wait(seconds)

    def end(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Ask it to end. Returns how many seconds that took."""
        began = time.monotonic()
        self.send_signal(number)
        self.wait()
        return time.monotonic() - began

    def forsake(self) -> None:
        """Let nothing of it stay."""
        if self.runs:
            self.kill()
        with self._process:
            pass


def client_of(url: str) -> Any:
    """Somebody who may talk to the Redis, or the Redis Cluster, at a URL."""
    match parse(url):
        case Seeds() as seeds:
            nodes = [redis.cluster.ClusterNode(*place) for place in seeds.places]
            account: dict[str, Any] = {"username": seeds.to.username, "password": seeds.to.password}
            return redis.RedisCluster(startup_nodes=nodes, decode_responses=True, **account)
        case Sentinels() as where:
            sentinel = redis.Sentinel(where.places)
            account = {"username": where.to.username, "password": where.to.password}
            return sentinel.master_for(where.service, decode_responses=True, **account)
        case _:
            return redis.Redis.from_url(url, decode_responses=True)


class Nodes:
    """The nodes of one cluster, on the Redis at `url`. `flags`, `module` and `forked` are every
    node's.

    They end at once when they're asked to, unless a flag says otherwise.
    As a context manager: nothing of them stays.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        *flags: str,
        module: str = "node",
        namespace: str = "",
        forked: bool = False,
    ) -> None:
        self.url = url
        self.namespace = namespace or f"test-{secrets.token_hex(4)}"
        self._folder = folder
        self._module = module
        self._forked = forked
        self._flags = ("--redis", url, "--namespace", self.namespace, "--drain", "0", *flags)
        self._lifeline = os.pipe()
        self._started: list[NodeProcess] = []

    @cached_property
    def redis(self) -> Any:
        """Somebody who looks into the Redis."""
        return client_of(self.url)

    def start(self, *names: str) -> list[NodeProcess]:
        """Start nodes side by side; returns when all of them serve."""
        return [node.serve() for node in [self.launch(name) for name in names]]

    def launch(self, name: str, *flags: str) -> NodeProcess:
        """Start a node, without waiting until it serves."""
        log = self._folder / f"{name}-{len(self._started)}.log"
        flags = (*self._flags, *flags)
        sources = (SOURCE, Path(os.environ.get(OTHER_RELEASE, SOURCE)))
        node = NodeProcess(
            name,
            log,
            self._lifeline[0],
            *flags,
            module=self._module,
            source=sources[len(self._started) % 2],
            forked=self._forked,
        )
        self._started.append(node)
        return node

    def all_keys(self) -> list[str]:
        """All keys of this cluster that are in Redis."""
        return sorted(self.redis.scan_iter(f"{self.namespace}:*", count=1000))

    def held(self) -> list[str]:
        """The keys in which people, or nodes for them, hold something: nicks, places, records."""
        kinds = (":claim", ":roster", "{w:")
        told = ":points"  # of itself, for charts: that's nobody's
        return [
            key
            for key in self.all_keys()
            if any(kind in key for kind in kinds) and not key.endswith(told)
        ]

    def leases(self) -> list[str]:
        """The names of the nodes that the cluster believes in."""
        return sorted(self.lease_ends())

    def prolong(self, name: str) -> None:
        """Let the lease of a node, which stands still, last for an hour."""
        held: Any = self.redis.zrange(self._leases, 0, -1)
        for incarnation in held:
            if incarnation.rpartition(".")[0] == name:
                self.redis.zincrby(self._leases, 3_600_000, incarnation)

    @property
    def _leases(self) -> str:
        return f"{self.namespace}:1:{{cluster}}:leases"

    def lease_ends(self) -> dict[str, float]:
        """When the lease of each node ends, in seconds of Redis's clock."""
        held: Any = self.redis.zrange(self._leases, 0, -1, withscores=True)
        return {incarnation.rpartition(".")[0]: ms / 1000 for incarnation, ms in held}

    def now(self) -> float:
        """Redis's clock, in seconds."""
        seconds, micros = self.redis.time()
        return float(seconds + micros / 1e6)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for node in self._started:
            node.forsake()
        if "redis" in self.__dict__:
            self.redis.close()
        for fd in self._lifeline:
            os.close(fd)
