"""A master, a replica, and three sentinels who watch over them. All are real, on 127.0.0.1.

    Guard ── url, for nodes; master, replica: as they stand now
      └─ kill, freeze, wake, start: what becomes of a server; await_master: once all say so

Must not know brokers.
"""

import os
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import redis

from broker.embedded import Embedded, free_port
from tests.support.processes import await_fact

SERVICE = "mymaster"

DOWN_AFTER = 500
"""Milliseconds after which a silent master is held for lost."""


class Sentinel(Embedded):
    """One sentinel, of three, two of whom agree. `master`: the port of whom it watches.
    `down_after`: as for `Guard`.
    """

    def __init__(self, folder: Path, master: int, down_after: int) -> None:
        super().__init__(folder, port=0)
        self._master = master
        self._down_after = down_after

    def _write_config(self) -> Path:
        self._port = self._port or free_port()
        self._url = f"redis://127.0.0.1:{self._port}/0"
        config = self.folder / "sentinel.conf"
        config.write_text(
            f"""port {self._port}
bind 127.0.0.1
dir "{self.folder}"
logfile ""
sentinel monitor {SERVICE} 127.0.0.1 {self._master} 2
sentinel down-after-milliseconds {SERVICE} {self._down_after}
sentinel failover-timeout {SERVICE} 5000
"""
        )
        return config

    def _spawn_guard(self, command: list[str], lifeline: int, lock: int) -> subprocess.Popen[bytes]:
        return super()._spawn_guard([*command, "--sentinel"], lifeline, lock)


class Guard:
    """See the module's docstring. As a context manager: all know one another inside, ended after.

    `appendonly`: keep data on disk. `down_after`: milliseconds after which a silent master is held
    for lost.
    """

    def __init__(
        self, folder: Path, *, appendonly: bool = False, down_after: int = DOWN_AFTER
    ) -> None:
        self._folder = folder
        self._down_after = down_after
        self._appendonly = appendonly
        self._running = ExitStack()
        self._servers: list[Embedded] = []
        self._sentinels: list[Sentinel] = []
        self._frozen: set[Embedded] = set()

    @property
    def url(self) -> str:
        """For nodes and tools."""
        return f"redis+sentinel://{','.join(map(_place, self._sentinels))}/{SERVICE}/0"

    @property
    def master(self) -> Embedded:
        """Whom the sentinels name."""
        port = self._named()[0]
        return next(server for server in self._servers if _port(server) == port)

    @property
    def replica(self) -> Embedded:
        """The other."""
        master = self.master
        return next(server for server in self._servers if server is not master)

    @property
    def sentinels(self) -> list[Sentinel]:
        """In the order in which the URL names them."""
        return list(self._sentinels)

    def freeze(self, server: Embedded) -> None:
        """Stop it where it stands."""
        os.kill(server.pid, signal.SIGSTOP)
        self._frozen.add(server)

    def wake(self, server: Embedded) -> None:
        """Let it run on."""
        os.kill(server.pid, signal.SIGCONT)
        self._frozen.discard(server)

    def fail_over(self) -> None:
        """The replica takes over in good order; returns when all sentinels say so."""
        replica = self.replica
        self._ask(self._sentinels[0], "SENTINEL", "FAILOVER", SERVICE)
        self.await_master(replica)

    def await_master(self, server: Embedded) -> None:
        """Until all sentinels name this one, and it's a master."""
        await_fact(lambda: set(self._named()) == {_port(server)})
        with redis.Redis.from_url(server.url) as client:
            await_fact(lambda: client.info("replication")["role"] == "master")

    def await_in_step(self) -> None:
        """Until the replica has what the master has, and all sentinels know that there's one."""

        def in_step() -> bool:
            with redis.Redis.from_url(self.replica.url) as client:
                try:
                    said = client.info("replication")
                except redis.ConnectionError:  # sentinels end all of whom they make a replica
                    return False
            return said.get("master_link_status") == "up" and all(
                len(self._ask(each, "SENTINEL", "REPLICAS", SERVICE)) == 1
                for each in self._sentinels
            )

        await_fact(in_step)

    def _named(self) -> list[int]:
        """The ports of whom each sentinel that runs names."""
        found = [
            self._ask(each, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
            for each in self._sentinels
            if each.poll() is None and each not in self._frozen
        ]
        return [int(said[1]) for said in found]

    def _ask(self, sentinel: Sentinel, *command: str) -> list[bytes]:
        with redis.Redis.from_url(sentinel.url) as client:
            client.response_callbacks.clear()
            found: list[bytes] = client.execute_command(*command)
            return found

    def _others(self, sentinel: Sentinel) -> int:
        return len(self._ask(sentinel, "SENTINEL", "SENTINELS", SERVICE))

    def __enter__(self) -> Self:
        config = {"repl-diskless-sync-delay": "0"}
        keeps = self._appendonly
        try:
            master = Embedded(self._folder / "1", port=0, appendonly=keeps, config=config)
            self._servers.append(self._running.enter_context(master))
            config["replicaof"] = f"127.0.0.1 {_port(master)}"
            replica = Embedded(self._folder / "2", port=0, appendonly=keeps, config=config)
            self._servers.append(self._running.enter_context(replica))
            for i in range(3):
                sentinel = Sentinel(self._folder / f"s{i}", _port(master), self._down_after)
                self._sentinels.append(self._running.enter_context(sentinel))
            await_fact(lambda: all(self._others(each) == 2 for each in self._sentinels))
            self.await_in_step()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        for server in [*self._servers, *self._sentinels]:
            if server.pid:
                self.wake(server)
        self._running.close()


def _port(server: Embedded) -> int:
    return urlsplit(server.url).port or 0


def _place(server: Embedded) -> str:
    return urlsplit(server.url).netloc
