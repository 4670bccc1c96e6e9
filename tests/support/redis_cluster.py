"""A real Redis Cluster on this machine: masters, replicas, and what becomes of them.

    RedisCluster ── servers ──> Member: a process, somebody who may talk to it
      │             kill, freeze, wake, start, flush
      │             fail_over, fail_over_to, add_master
      └──────────── move, or in steps: open_move, carry, close_move

All are new, empty and on 127.0.0.1, at free ports for clients and for their bus. Who is a master
changes, and is asked for. Must not know brokers.
"""

import os
import shutil
import signal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

from broker.embedded import Embedded, EmbeddedError, free_port
from tests.support.processes import await_fact

SLOTS = 16_384

SOON = 500
"""Milliseconds after which servers hold one of them for lost, while the cluster is made: they also
wait for that long before they take up their work.
"""

UNHURRIED = 15_000
"""The same of a cluster without replicas: nobody could take over, and a busy machine isn't lost."""

HASTY = 1_500
"""The same of a cluster with replicas."""


class Member:
    """One server of a cluster. `id`: its name in there. `frozen`: it is stopped where it stands."""

    def __init__(self, server: Embedded) -> None:
        self.server = server
        self.frozen = False
        self.port = urlsplit(server.url).port or 0
        once = Retry(NoBackoff(), 0)
        self.client = redis.Redis(port=self.port, socket_timeout=20, retry=once, driver_info=None)
        self.id: str = self.client.execute_command("CLUSTER MYID").decode()

    def ask(self, *command: Any) -> Any:
        """What this server says, and no other."""
        return self.client.execute_command(*command)

    def state(self) -> dict[str, str]:
        """CLUSTER INFO."""
        raw = self.client.execute_command("CLUSTER INFO")
        return raw if isinstance(raw, dict) else _pairs(raw)

    @property
    def is_up(self) -> bool:
        """Whether it runs, and isn't frozen."""
        return self.server.poll() is None and not self.frozen

    def close(self) -> None:
        """Let nothing of it stay."""
        self.client.close()
        if self.server.pid:
            with suppress(ProcessLookupError):
                os.kill(self.server.pid, signal.SIGCONT)
        self.server.kill()
        self.server.stop()


class RedisCluster:
    """See the module's docstring. As a context manager: up inside, ended after.

    `replicas`: of each master. `node_timeout`: milliseconds after which a silent server is held
    for lost, and a replica takes over. `appendonly`: keep data on disk, so that who is killed has
    it still. `config`: further directives of all servers.
    """

    def __init__(
        self,
        folder: Path,
        *,
        masters: int = 3,
        replicas: int = 0,
        node_timeout: int | None = None,
        appendonly: bool = False,
        config: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._masters, self._replicas = masters, replicas
        self._timeout = node_timeout or (HASTY if replicas else UNHURRIED)
        self._appendonly = appendonly
        self._config = dict(config or {})
        self._running = ExitStack()
        self.members: list[Member] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._running.close()

    def _start(self) -> None:
        for _ in range(self._masters * (1 + self._replicas)):
            self._add()
        masters = self.members[: self._masters]
        bounds = [SLOTS * i // self._masters for i in range(self._masters + 1)]
        for i, master in enumerate(masters):
            master.ask("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
            master.ask("CLUSTER", "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1)
        for other in self.members[1:]:
            self._introduce(other)
        await_fact(lambda: all(self._knows_all(each) for each in self.members))
        for i, replica in enumerate(self.members[self._masters :]):
            replica.ask("CLUSTER", "REPLICATE", masters[i % self._masters].id)
        self.await_ready()
        for each in self.members:
            each.ask("CONFIG", "SET", "cluster-node-timeout", self._timeout)

    # -- who is there

    @property
    def seeds(self) -> str:
        """Where its servers are now: `host:port,host:port`, as in a URL."""
        return ",".join(f"127.0.0.1:{each.port}" for each in self.members)

    @property
    def url(self) -> str:
        """For those who speak to a whole cluster."""
        return f"redis+cluster://{self.seeds}"

    @property
    def masters(self) -> list[Member]:
        """Those that have slots, in the slots' order."""
        return list(dict.fromkeys(owner for _, _, owner in self._ranges()))

    def master_of(self, key: str | int) -> Member:
        """Whose a key is, or a slot."""
        slot = key if isinstance(key, int) else slot_of(key)
        return next(owner for first, last, owner in self._ranges() if first <= slot <= last)

    def replicas_of(self, master: Member) -> list[Member]:
        """Who follows it, as far as they can be reached."""
        return [each for each in self.members if each.is_up and _follows(each) == master.port]

    def client(self, **options: Any) -> "redis.RedisCluster":
        """Somebody who may talk to all of it."""
        nodes = [redis.cluster.ClusterNode("127.0.0.1", each.port) for each in self.members]
        return redis.RedisCluster(startup_nodes=nodes, driver_info=None, **options)

    def _ranges(self) -> list[tuple[int, int, Member]]:
        """Whose the slots are, as the first says that can be asked."""
        for each in self.members:
            if each.is_up:
                return sorted(_view(each, self.members), key=lambda row: row[0])
        raise AssertionError("no server of the cluster can be asked")

    # -- what becomes of them

    def kill(self, member: Member) -> None:
        """SIGKILL."""
        member.client.connection_pool.disconnect()
        member.server.kill()

    def freeze(self, member: Member) -> None:
        """Stop it where it stands."""
        member.frozen = True
        os.kill(member.server.pid, signal.SIGSTOP)

    def wake(self, member: Member) -> None:
        """Let it run on."""
        os.kill(member.server.pid, signal.SIGCONT)
        member.frozen = False

    def start(self, member: Member, *, empty: bool = False) -> None:
        """Start it again, in its old place, on its data unless it's to be `empty`."""
        if empty:
            shutil.rmtree(member.server.folder / "appendonlydir", ignore_errors=True)
        member.server.start()
        member.ask("CONFIG", "SET", "cluster-node-timeout", self._timeout)

    def flush(self, member: Member) -> None:
        """Let a master, and its replicas, forget all that they have."""
        member.ask("FLUSHALL", "SYNC")

    def fail_over(self, master: Member) -> Member:
        """A replica takes over in good order, with all that there is; who it is, once all know."""
        replica = await_fact(lambda: next(iter(self.replicas_of(master)), None))
        await_fact(lambda: replica.client.info("replication")["master_link_status"] == "up")
        replica.ask("CLUSTER", "FAILOVER")
        self.await_master(replica)
        return replica

    def fail_over_to(self, replica: Member) -> None:
        """A replica takes over with what it has, whatever its master, or the others, think."""
        replica.ask("CLUSTER", "FAILOVER", "TAKEOVER")
        self.await_master(replica)

    def await_master(self, member: Member) -> None:
        """Until all who can be reached know that it's a master with slots."""
        await_fact(
            lambda: all(
                any(owner is member for _, _, owner in _view(each, self.members))
                for each in self.members
                if each.is_up
            )
        )

    def await_successor(self, slot: int, lost: Member) -> Member:
        """Who has a slot after the master that is lost, once all who can be reached know."""
        heir = await_fact(lambda: (now := self.master_of(slot)) is not lost and now)
        assert isinstance(heir, Member)
        self.await_master(heir)
        return heir

    def add_master(self) -> Member:
        """Another, without slots yet."""
        new = self._add()
        self._introduce(new)
        self.await_ready()
        new.ask("CONFIG", "SET", "cluster-node-timeout", self._timeout)
        return new

    # -- slots

    def move(self, slots: Iterable[int], to: Member) -> None:
        """Give slots to a master, with all keys, while they're used."""
        for slot in slots:
            if self.open_move(slot, to) is not None:
                while self.carry(slot, to):
                    pass
                self.close_move(slot, to)

    def open_move(self, slot: int, to: Member) -> Member | None:
        """From here on, who asks for what isn't there any more is sent on (ASK). The slot's owner;
        None if that's whose it will be.
        """
        owner = self.master_of(slot)
        if owner is to:
            return None
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", owner.id)
        owner.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)
        return owner

    def carry(self, slot: int, to: Member, keys: Sequence[bytes] = (), most: int = 100) -> int:
        """Carry some keys of a slot, those given or any; how many."""
        owner = self.master_of(slot)
        some = list(keys) or owner.ask("CLUSTER", "GETKEYSINSLOT", slot, most)
        if some:
            owner.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 10_000, "KEYS", *some)
        return len(some)

    def close_move(self, slot: int, to: Member) -> None:
        """The slot is the other's, and all are told."""
        owner = self.master_of(slot)
        masters = [each for each in self.masters if each not in (to, owner)]
        for each in (to, owner, *masters):
            each.ask("CLUSTER", "SETSLOT", slot, "NODE", to.id)

    # -- within

    def _add(self) -> Member:
        member = Member(self._server())
        self._running.callback(member.close)
        self.members.append(member)
        return member

    def _server(self) -> Embedded:
        """A server at free ports. The second may be somebody's the next moment: then, others."""
        for attempt in range(5):
            folder = self._folder / f"{len(self.members) + 1}"
            config = {
                "cluster-enabled": "yes",
                "cluster-config-file": "nodes.conf",
                "cluster-port": str(free_port()),
                "cluster-node-timeout": str(SOON),
                "repl-diskless-sync-delay": "0",
                "cluster-replica-validity-factor": "0",  # who was frozen may take over all the same
                "enable-debug-command": "local",
                **self._config,
            }
            server = Embedded(folder, port=0, appendonly=self._appendonly, config=config)
            try:
                server.start()
            except EmbeddedError:
                shutil.rmtree(folder, ignore_errors=True)
                if attempt == 4:
                    raise
            else:
                return server
        raise AssertionError

    def _introduce(self, new: Member) -> None:
        first = next(each for each in self.members if each is not new and each.is_up)
        bus = new.client.config_get("cluster-port")["cluster-port"]
        first.ask("CLUSTER", "MEET", "127.0.0.1", new.port, bus)

    def _knows_all(self, member: Member) -> bool:
        return int(member.state()["cluster_known_nodes"]) == len(self.members)

    def cut_off(self, replica: Member) -> None:
        """Let a replica hear nothing more of its master: what it has is old soon."""
        replica.ask("CONFIG", "SET", "masterauth", "unwelcome")
        replica.ask("CLIENT", "KILL", "TYPE", "master")

    def await_ready(self) -> None:
        """Until all servers know all, whose each slot is, and have what their master has."""

        def ready() -> bool:
            views = []
            for each in self.members:
                state = each.state()
                if state["cluster_state"] != "ok" or not self._knows_all(each):
                    return False
                views.append(sorted((a, b, who.port) for a, b, who in _view(each, self.members)))
                said = each.client.info("replication")
                if said["role"] == "slave" and said["master_link_status"] != "up":
                    return False
            return all(view == views[0] for view in views)

        await_fact(ready)


def slot_of(key: str) -> int:
    """The slot of a key."""
    return key_slot(key.encode())


def key_in(member_slots: Iterable[int]) -> str:
    """A tag whose slot is one of these, as in `{TAG}`."""
    wanted = set(member_slots)
    return next(tag for tag in map(str, range(1_000_000)) if slot_of(tag) in wanted)


def _view(member: Member, members: Sequence[Member]) -> list[tuple[int, int, Member]]:
    """Whose the slots are, as this one says."""
    found = []
    rows = member.client.connection_pool  # the raw reply: redis-py makes another shape of it
    connection = rows.get_connection()
    try:
        connection.send_command("CLUSTER", "SLOTS")
        said = connection.read_response()
    finally:
        rows.release(connection)
    by_port = {each.port: each for each in members}
    for first, last, (_, port, *_), *_ in said:
        if port in by_port:
            found.append((first, last, by_port[port]))
    return found


def _follows(member: Member) -> int | None:
    """The port of its master; None: it's one itself."""
    said = member.client.info("replication")
    return int(said["master_port"]) if said["role"] == "slave" else None


def _pairs(raw: bytes) -> dict[str, str]:
    lines = raw.decode().split("\r\n")
    return dict(line.split(":", 1) for line in lines if ":" in line)
