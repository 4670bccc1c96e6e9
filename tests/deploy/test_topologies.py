"""`deploy/redis/sentinel` and `deploy/redis/cluster`: what Kubernetes starts, started here."""

import os
import random
import socket
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple

import pytest
import redis

import broker.address
from broker.embedded import find_server
from tests.support.nodes import NodeProcess
from tests.support.processes import await_fact
from tests.support.town import Citizen

DEPLOY = Path(__file__).parents[2] / "deploy" / "redis"
USERS = ["node", "operator", "viewer", "exporter", "replica", "sentinel", "cluster"]
PASSWORD = "open-sesame"
MASTERS = 3
HERE = "127.0.0.1"

pytestmark = pytest.mark.skipif(which("redis-cli") is None, reason="there is no redis-cli here")


def free_ports(count: int) -> list[int]:
    """Ports that are free, and so are those 10,000 above, which a cluster's bus takes."""
    found: list[int] = []
    for port in random.sample(range(20_000, 22_700), 1_000):
        with socket.socket() as one, socket.socket() as bus:
            try:
                one.bind((HERE, port))
                bus.bind((HERE, port + 10_000))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no free ports")


class Machines:
    """Processes that the shipped scripts start, each with a data folder, all with the secrets."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        bin_, self._secrets = folder / "bin", folder / "secrets"
        bin_.mkdir()
        self._secrets.mkdir()
        (bin_ / "redis-server").symlink_to(find_server())
        for user in USERS:
            (self._secrets / f"redis_{user}").write_text(f"{PASSWORD}\n")
        self._path = f"{bin_}:{os.environ['PATH']}"

    def environment(self, name: str, **more: str) -> dict[str, str]:
        data = self._folder / name
        data.mkdir(exist_ok=True)
        places = {"REDIS_DATA": str(data), "REDIS_SECRETS": str(self._secrets)}
        return {**os.environ, **places, **more, "PATH": self._path}

    def start(self, name: str, *command: str | Path, **environment: str) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                ["/bin/sh", *command],
                env=self.environment(name, **environment),
                stdout=log,
                stderr=log,
            )

    def run(self, name: str, *command: str | Path, **environment: str) -> str:
        """What a script says that ends by itself."""
        done = subprocess.run(
            ["/bin/sh", *command],
            env=self.environment(name, **environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert 0 == done.returncode, done.stdout + done.stderr
        return done.stdout + done.stderr

    def kill(self, name: str) -> None:
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def end(self) -> None:
        for name in list(self._running):
            self.kill(name)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    found = Machines(tmp_path)
    try:
        yield found
    finally:
        found.end()


def client(port: int, user: str = "") -> redis.Redis:
    return redis.Redis(
        port=port,
        username=user or None,
        password=PASSWORD if user else None,
        decode_responses=True,
        socket_timeout=20,
    )


def said(ask: Callable[[], Any]) -> Any:
    """An answer; None while there's nobody to give one, or nobody knows."""
    try:
        return ask()
    except redis.exceptions.RedisError:
        return None


class Watched:
    """Three servers and the three sentinels that watch them."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        ports = free_ports(6)
        self.redis, self.sentinels = ports[:3], ports[3:]
        self._asked = " ".join(f"{HERE}:{port}" for port in self.sentinels)
        for port in self.sentinels:
            self.watch(port)
        for port in self.redis:
            self.serve(port)

    def watch(self, port: int) -> None:
        self._machines.start(
            f"sentinel-{port}",
            DEPLOY / "sentinel" / "sentinel.sh",
            "--port",
            str(port),
            SENTINEL_ADDRESS=f"{HERE}:{port}",
            REDIS_FIRST=f"{HERE}:{self.redis[0]}",
        )

    def serve(self, port: int) -> None:
        self._machines.start(
            f"redis-{port}",
            DEPLOY / "sentinel" / "follow.sh",
            DEPLOY / "start.sh",
            "--port",
            str(port),
            "--repl-diskless-sync-delay",
            "0",
            REDIS_ADDRESS=f"{HERE}:{port}",
            REDIS_SENTINELS=self._asked,
        )

    def leave(self, port: int) -> str:
        return self._machines.run(
            "leave",
            DEPLOY / "sentinel" / "leave.sh",
            REDIS_ADDRESS=f"{HERE}:{port}",
            REDIS_SENTINELS=self._asked,
        )

    def told(self, about: str) -> list[Any]:
        """What each sentinel answers to a question about the master."""
        asked = "SENTINEL", about, "chorus"
        return [said(partial(client(p).execute_command, *asked)) for p in self.sentinels]

    def masters(self) -> set[int]:
        """Where the sentinels say that the master is."""
        answers = self.told("GET-MASTER-ADDR-BY-NAME")
        return {int(answer[1]) if answer else 0 for answer in answers}

    def role(self, port: int) -> Any:
        """What a server says that it is: master, or a replica of which port, in which state."""
        answer = said(lambda: client(port, "probe").execute_command("ROLE"))
        return answer and ("master" if answer[0] == "master" else (int(answer[2]), answer[3]))

    def follow(self, master: int, replicas: list[int]) -> bool:
        """Whether all agree on who is who, and can name another master if need be."""
        return (
            {master} == self.masters()
            and "master" == self.role(master)
            and {(master, "connected")} == {self.role(port) for port in replicas}
            and all(self.told("CKQUORUM"))
            and all(len(one or ()) >= len(replicas) for one in self.told("REPLICAS"))
        )


def test_sentinels_name_another_master_and_the_old_one_follows_it(machines: Machines) -> None:
    town = Watched(machines)
    first, *others = town.redis
    await_fact(lambda: town.follow(first, others), 60)
    assert client(first, "node").set("chorus:x", "y")
    machines.kill(f"redis-{first}")
    await_fact(lambda: town.masters() - {first} and len(town.masters()) == 1, 60)
    (second,) = town.masters()
    town.serve(first)
    await_fact(lambda: (second, "connected") == town.role(first), 60)
    assert "y" == client(second, "node").get("chorus:x")


def test_a_master_that_is_stopped_hands_over_first(machines: Machines) -> None:
    town = Watched(machines)
    first, *others = town.redis
    await_fact(lambda: town.follow(first, others), 60)
    # Replicas tell sentinels how well they are every few seconds; until then none is chosen.
    await_fact(lambda: "OK" in town.leave(first) and town.role(first) != "master", 60)
    await_fact(lambda: first not in town.masters(), 60)


def test_a_sentinel_keeps_what_it_knows_and_takes_new_settings(machines: Machines) -> None:
    town = Watched(machines)
    first, *others = town.redis
    await_fact(lambda: town.follow(first, others), 60)
    port = town.sentinels[0]
    asked = "SENTINEL", "MYID"
    mine = client(port).execute_command(*asked)
    machines.kill(f"sentinel-{port}")
    town.watch(port)
    assert mine == await_fact(lambda: said(lambda: client(port).execute_command(*asked)))
    await_fact(lambda: town.follow(first, others), 60)


@pytest.mark.parametrize(
    "command",
    [
        ("SENTINEL", "FAILOVER", "chorus"),
        ("SENTINEL", "SET", "chorus", "quorum", "1"),
        ("SENTINEL", "REMOVE", "chorus"),
        ("CLIENT", "LIST"),
        ("SHUTDOWN",),
        ("ACL", "LIST"),
    ],
    ids=" ".join,
)
def test_who_has_no_password_only_asks_a_sentinel(machines: Machines, command: Any) -> None:
    (port,) = free_ports(1)
    machines.start(
        "sentinel",
        DEPLOY / "sentinel" / "sentinel.sh",
        "--port",
        str(port),
        SENTINEL_ADDRESS=f"{HERE}:{port}",
        REDIS_FIRST=f"{HERE}:1",
    )
    asked = "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "chorus"
    assert [HERE, "1"] == await_fact(lambda: said(lambda: client(port).execute_command(*asked)))
    with pytest.raises(redis.exceptions.NoPermissionError):
        client(port).execute_command(*command)


class Member(NamedTuple):
    """A server of a Redis Cluster. `follows`: the number of its master, or a dash."""

    port: int
    number: str
    follows: str
    slots: list[str]


class Sharded:
    """Six servers, which are a Redis Cluster when they're formed."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self.ports = free_ports(2 * MASTERS)
        for port in self.ports:
            self.serve(port)

    def serve(self, port: int) -> None:
        self._machines.start(
            f"redis-{port}",
            DEPLOY / "cluster" / "join.sh",
            DEPLOY / "start.sh",
            "--port",
            str(port),
            "--repl-diskless-sync-delay",
            "0",
            REDIS_ADDRESS=f"{HERE}:{port}",
        )

    def form(self) -> str:
        servers = [f"{HERE}:{port}" for port in self.ports]
        return self._machines.run("form", DEPLOY / "cluster" / "form.sh", str(MASTERS), *servers)

    def leave(self, port: int) -> str:
        return self._machines.run(
            "leave", DEPLOY / "cluster" / "leave.sh", REDIS_ADDRESS=f"{HERE}:{port}"
        )

    def members(self) -> list[Member]:
        """What the first server says of all."""
        said = client(self.ports[0], "cluster").execute_command("CLUSTER", "NODES")
        lines = [line.split() for line in said.splitlines()]
        return [
            Member(int(line[1].partition("@")[0].rpartition(":")[2]), line[0], line[3], line[8:])
            for line in lines
        ]

    def shape(self) -> set[tuple[int, str, tuple[str, ...]]]:
        """Whom each server follows, and which slots it has."""
        return {(one.port, one.follows, tuple(one.slots)) for one in self.members()}

    def role(self, port: int) -> Any:
        answer = said(lambda: client(port, "probe").execute_command("ROLE"))
        return answer and answer[0]


@pytest.fixture
def sharded(machines: Machines) -> Sharded:
    return Sharded(machines)


def test_six_servers_become_a_cluster_once(sharded: Sharded) -> None:
    sharded.form()
    shape = sharded.shape()
    masters = [one for one in sharded.members() if one.slots]
    assert set(sharded.ports[:MASTERS]) == {one.port for one in masters}
    followed = sorted(one.follows for one in sharded.members() if not one.slots)
    assert sorted(one.number for one in masters) == followed
    said_again = sharded.form()
    assert "follows" not in said_again and "slots for" not in said_again
    assert shape == sharded.shape()


def test_a_master_of_a_cluster_that_is_stopped_hands_over_first(
    sharded: Sharded, machines: Machines
) -> None:
    sharded.form()
    first = sharded.ports[0]
    await_fact(lambda: "OK" in sharded.leave(first) and "slave" == sharded.role(first), 60)
    machines.kill(f"redis-{first}")
    sharded.serve(first)
    await_fact(lambda: "slave" == sharded.role(first), 60)
    before = sharded.shape()
    sharded.form()
    assert before == sharded.shape()


def test_slots_are_moved_as_the_clusters_own_user(sharded: Sharded) -> None:
    sharded.form()
    source, goal = (one for one in sharded.members() if one.port in sharded.ports[1:3])
    first = int(source.slots[0].partition("-")[0])
    keys = [f"chorus:{i}" for i in range(20_000)]
    asked = client(source.port, "cluster").execute_command
    key = next(key for key in keys if first <= asked("CLUSTER", "KEYSLOT", key) <= first + 100)
    assert client(source.port, "node").set(key, "y")
    done = subprocess.run(
        [
            *("redis-cli", "--no-auth-warning", "--user", "cluster", "--pass", PASSWORD),
            *("--cluster", "reshard", f"{HERE}:{source.port}", "--cluster-from", source.number),
            *("--cluster-to", goal.number, "--cluster-slots", "200", "--cluster-yes"),
        ],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "y" == client(goal.port, "node").get(key)


@pytest.mark.skipif(
    not hasattr(broker.address, "Sentinels"), reason="nodes know one Redis and no more"
)
@pytest.mark.parametrize("topology", [Watched, Sharded])
def test_people_talk_on_when_a_master_hands_over(
    topology: type[Watched | Sharded], machines: Machines, tmp_path: Path
) -> None:
    """With the shipped users: what nodes need there they may."""
    servers = topology(machines)
    if isinstance(servers, Watched):
        first, *others = servers.redis
        await_fact(lambda: servers.follow(first, others), 60)
        scheme, ports, path = "redis+sentinel", servers.sentinels, "/chorus/0"
    else:
        servers.form()
        first = servers.ports[0]
        scheme, ports, path = "redis+cluster", servers.ports, ""
    seeds = ",".join(f"{HERE}:{port}" for port in ports)
    url = f"{scheme}://node:{PASSWORD}@{seeds}{path}"
    lifeline = os.pipe()
    flags = ("--redis", url, "--namespace", "chorus", "--drain", "0")
    nodes = [NodeProcess(n, tmp_path / f"{n}.log", lifeline[0], *flags) for n in ("n1", "n2")]
    try:
        ann, bob = (
            Citizen(node.serve(), nick) for node, nick in zip(nodes, ("ann", "bob"), strict=True)
        )
        for one in (ann, bob):
            one.does("/join #go")
        ann.type("before")
        bob.until("[#go] <ann> before")
        await_fact(lambda: "OK" in servers.leave(first), 60)
        machines.kill(f"redis-{first}")

        def is_heard() -> bool:
            ann.type("after")
            return "[#go] <ann> after" in bob.does("/ping")

        await_fact(is_heard, 60)
        for one in (ann, bob):
            one.leave()
    finally:
        for node in nodes:
            node.forsake()
        for end in lifeline:
            os.close(end)
