"""What is measured, each started anew and ended with all its processes: chorus, Redis alone, the
tutorial's server.

    with chorus(2, appendonly=True)(folder) as server: ... server.ports, server.pids

Must not know what is done with them. Other people's servers are in `peers`.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from socket import create_connection
from typing import IO, NamedTuple
from urllib.parse import urlsplit

from broker.embedded import Embedded
from tests.load.generator import LoadError
from tests.support.nodes import Nodes
from tests.support.up import environ


class Server(NamedTuple):
    """Where it listens on 127.0.0.1, and all processes that do its work.

    `parallel`: how many may connect at once. `options`: what else the generator must know.
    """

    dialect: str
    ports: list[int]
    pids: list[int]
    parallel: int = 50
    options: tuple[str, ...] = ()


Start = Callable[[Path], AbstractContextManager[Server]]
"""Starts a server that keeps what it must in a folder. Raises LoadError."""


def chorus(
    nodes: int, *, appendonly: bool = True, door: str = "line", caps: Sequence[str] = ()
) -> Start:
    """Nodes on a Redis of their own. `appendonly`: as the product runs it. `door`: where people
    come in, `line` or `irc`. `caps`: lists of capabilities that people on IRC ask for, in turn.
    """

    @contextmanager
    def start(folder: Path) -> Iterator[Server]:
        flags = ("--lobby", "", "--no-limits")
        with (
            Embedded(folder / "redis", port=0, appendonly=appendonly) as redis,
            Nodes(redis.url, folder, *flags) as cluster,
        ):
            started = cluster.start(*(f"node{i + 1}" for i in range(nodes)))
            ports = [node.doors[door] for node in started]
            dialect = {"line": "slash"}.get(door, door)
            pids = [*(node.pid for node in started), redis.pid]
            options = tuple(word for each in caps for word in ("--caps", each))
            yield Server(dialect, ports, pids, options=options)

    return start


@contextmanager
def redis_alone(folder: Path) -> Iterator[Server]:
    """The same Redis, with everybody connected to it. What is published isn't kept."""
    config = {
        "maxclients": "30000",
        # A channel of 2,000 in a hurry is more than what may wait by default.
        "client-output-buffer-limit": "pubsub 0 0 0",
        "tcp-backlog": "1024",
    }
    with Embedded(folder / "redis", port=0, config=config) as redis:
        port = urlsplit(redis.url).port
        assert port is not None
        yield Server("redis", [port], [redis.pid])


@contextmanager
def tutorial(folder: Path) -> Iterator[Server]:
    """The tutorial's server: one process."""
    command = [sys.executable, "-P", "-m", "tests.load.tutorial"]
    with running(command, folder / "tutorial.log", stdout=subprocess.PIPE) as process:
        said: IO[bytes] | None = process.stdout
        assert said is not None
        words = said.readline().split()
        if not words:
            raise LoadError("the tutorial's server ended")
        yield Server("tutorial", [int(words[1])], [process.pid])


@contextmanager
def running(
    command: Sequence[str], log: Path, stdout: int = subprocess.DEVNULL
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in the folder of its log, killed at the end."""
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            env=environ(),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for the benchmark, which ends what it started
        )
    with process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def await_port(port: int, process: "subprocess.Popen[bytes]", seconds: float = 20.0) -> None:
    """Wait until somebody listens there. Raises LoadError if the process ends before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise LoadError(f"{process.args!r} did not come up")
