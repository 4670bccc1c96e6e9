"""The servers that tests talk to: a real one as a child process, alone or with a replica, and
fakeredis in a thread.

All are new, empty and on 127.0.0.1. Must not know brokers.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import redis
from fakeredis import TcpFakeServer
from fakeredis._socket._base import BaseFakeSocket

from broker.embedded import Embedded
from tests.support.processes import await_fact

AT_ONCE = {"repl-diskless-load": "swapdb"}
"""How a replica that is made for a test takes what its master has; by way of a file it takes a
second more, in which nothing happens.
"""


@contextmanager
def real_server(folder: Path) -> Iterator[int]:
    """A real server that keeps nothing on disk; its port. It ends with this process."""
    with Embedded(folder, port=0, appendonly=False) as server:
        yield _port(server)


class Pair:
    """A real master and its replica. As a context manager: in step inside, ended after."""

    def __init__(self, folder: Path) -> None:
        self._running = ExitStack()
        config = {"repl-diskless-sync-delay": "0"}
        self.master = Embedded(folder / "master", port=0, appendonly=False, config=config)
        self.replica = Embedded(folder / "replica", port=0, appendonly=False, config=AT_ONCE)

    @property
    def port(self) -> int:
        """The master's."""
        return _port(self.master)

    def attach(self) -> None:
        """Let the replica follow the master; returns when it's in step."""
        with self.client(self.replica) as client:
            client.replicaof("127.0.0.1", self.port)
        with self.client(self.master) as client:
            client.set("attached", "")
            assert 1 == client.wait(1, 20_000)

    def detach(self) -> None:
        """Let the replica be a server of its own."""
        with self.client(self.replica) as client:
            client.replicaof("NO", "ONE")

    def freeze(self) -> None:
        """Stop the replica where it stands."""
        os.kill(self.replica.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """Let the replica run on."""
        os.kill(self.replica.pid, signal.SIGCONT)

    @staticmethod
    def client(server: Embedded) -> redis.Redis:
        """Somebody who may talk to one of the two."""
        return redis.Redis.from_url(server.url, decode_responses=True)

    def __enter__(self) -> Self:
        self._running.enter_context(self.master)
        self._running.enter_context(self.replica)
        self.attach()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._running.close()


def _port(server: Embedded) -> int:
    port = urlsplit(server.url).port
    assert port is not None
    return port


@contextmanager
def replica(port: int, folder: Path) -> Iterator[Embedded]:
    """A server that has all that the one at `port` has now, and hears nothing more of it."""
    with (
        redis.Redis(port=port) as master,
        Embedded(folder, port=0, appendonly=False, config=AT_ONCE) as server,
        redis.Redis.from_url(server.url) as client,
    ):
        master.config_set("repl-diskless-sync-delay", 0)  # before the replica comes
        client.replicaof("127.0.0.1", port)
        await_fact(lambda: client.info("replication")["master_link_status"] == "up")
        await_fact(lambda: _offset(client) >= _offset(master))
        client.replicaof("NO", "ONE")
        yield server


class Lagging:
    """A server whose replica can fall behind, and then take over at the same address.

    As a context manager: nothing of them stays.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = ExitStack()
        master = Embedded(folder / "0", port=0, appendonly=False)
        self._servers = [self._running.enter_context(master)]
        self.url = master.url
        self._port = urlsplit(master.url).port or 0

    def fall_behind(self) -> None:
        """What is done from here on is lost at `fail_over`."""
        folder = self._folder / str(len(self._servers))
        self._servers.append(self._running.enter_context(replica(self._port, folder)))

    def fail_over(self) -> None:
        """The server dies, and its replica takes over."""
        master, standby = self._servers[-2:]
        master.kill()
        with redis.Redis.from_url(standby.url) as client:
            client.config_set("port", self._port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._running.close()


def _offset(client: redis.Redis) -> int:
    said = client.info("replication")
    return int(said.get("slave_repl_offset", said["master_repl_offset"]))


@contextmanager
def fake_server() -> Iterator[int]:
    """A fakeredis behind TCP; its port."""
    server = TcpFakeServer(("127.0.0.1", 0))
    server.daemon_threads = True
    _hasten(server)
    _let_subscribers_call()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def _hasten(server: TcpFakeServer) -> None:
    """Make an answer to pipelined commands take 0.2 ms, not 40, and a published message 1, not 10.

    The second is a constant that it keeps to itself; without it the tests are only slower.
    """
    server.RequestHandlerClass.disable_nagle_algorithm = True  # type: ignore[attr-defined]
    sys.modules[TcpFakeServer.__module__].__dict__["_POLL_INTERVAL"] = 0.001


class _Everything(set[str]):
    def __contains__(self, _item: object) -> bool:
        return True


def _let_subscribers_call() -> None:
    """In RESP3 a connection that hears topics may call anything; fakeredis keeps RESP2's rule."""
    BaseFakeSocket.ACCEPTED_COMMANDS_WHILE_PUBSUB = _Everything()
