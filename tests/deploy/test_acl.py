"""`deploy/redis/redis.acl`: a cluster works with it, and what it doesn't list is refused."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from broker.embedded import find_server
from tests.support.nodes import Nodes
from tests.support.operator import operate_on
from tests.support.processes import await_fact
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_server import real_server
from tests.support.sentinels import Guard
from tests.support.town import Town

ACL = Path(__file__).parents[2] / "deploy" / "redis" / "redis.acl"
PASSWORD = "open sesame"
SERVERS = {find_server(), *map(Path, filter(None, [which("redis-server")]))}
OPERATED = [
    ("viewer", "status"),
    ("viewer", "nodes"),
    ("viewer", "channels"),
    ("viewer", "sessions"),
    ("operator", "bans"),
    ("operator", "notice", "hello"),
    ("operator", "say", "#go", "hello"),
    ("operator", "ban", "203.0.113.7"),
    ("operator", "unban", "203.0.113.7"),
    ("operator", "kick", "dan"),
    ("operator", "doctor"),
    ("operator", "doctor", "--fix"),
    ("operator", "drain", "n1"),
]
COMMANDS = [
    ("node", "FLUSHALL"),
    ("node", "CONFIG", "GET", "maxmemory"),
    ("node", "KEYS", "*"),
    ("node", "SHUTDOWN"),
    ("node", "GET", "other:1:{cluster}:epoch"),
    ("node", "PUBLISH", "other:1:{c:#go}:log", "x"),
    ("operator", "FLUSHALL"),
    ("operator", "CONFIG", "GET", "maxmemory"),
    ("operator", "GET", "other:1:{cluster}:epoch"),
    ("viewer", "SET", "chorus:x", "y"),
    ("viewer", "PUBLISH", "chorus:x", "y"),
    ("viewer", "EVAL", "return 1", "0"),
    ("exporter", "GET", "chorus:x"),
    ("exporter", "CONFIG", "SET", "maxmemory", "1"),
    ("replica", "GET", "chorus:x"),
    ("replica", "INFO"),
    ("sentinel", "GET", "chorus:x"),
    ("sentinel", "CONFIG", "GET", "masterauth"),
    ("sentinel", "FLUSHALL"),
    ("cluster", "GET", "chorus:x"),
    ("cluster", "FLUSHALL"),
    ("cluster", "CONFIG", "SET", "maxmemory", "1"),
    ("probe", "INFO"),
    ("probe", "GET", "chorus:x"),
]


def users() -> dict[str, list[str]]:
    """The shipped users and their rules."""
    lines = [line.split() for line in ACL.read_text().splitlines() if line.startswith("user ")]
    return {name: rules for _, name, *rules in lines}


class Guarded:
    """Servers with the shipped users, all with one password. `where`: their URL, for nobody in
    particular.
    """

    def __init__(self, where: str, *ports: int) -> None:
        self._where = where
        self._ports = ports
        for port in ports:
            with redis.Redis(port=port) as default:
                rules = ("on", f">{PASSWORD}", "allkeys", "+@all", "allchannels")
                default.execute_command("ACL", "SETUSER", "admin", *rules)
            with self.client("admin", port) as admin:
                for name, shipped in users().items():
                    command = ("ACL", "SETUSER", name, "resetpass", f">{PASSWORD}")
                    # sentinels, and masters among themselves, come as the default user here
                    if name != "default" or where.startswith("redis://"):
                        admin.execute_command(*command, *shipped)

    def client(self, user: str, port: int = 0) -> redis.Redis:
        """Somebody who talks to one of them; without a name, nobody."""
        account: dict[str, Any] = {"username": user, "password": PASSWORD} if user else {}
        return redis.Redis(port=port or self._ports[0], decode_responses=True, **account)

    def url(self, user: str) -> str:
        scheme, _, rest = self._where.partition("://")
        return f"{scheme}://{user}:{PASSWORD.replace(' ', '%20')}@{rest}"

    def admin(self, *command: str) -> list[Any]:
        """What each server says to somebody who may do all."""
        return [self.client("admin", port).execute_command(*command) for port in self._ports]

    @property
    def refused(self) -> list[str]:
        """What was refused so far: who wanted to do what."""
        log = [entry for log in self.admin("ACL", "LOG") for entry in log]
        return [f"{entry['username']} {entry['object']} ({entry['reason']})" for entry in log]


@contextmanager
def guarded_by(topology: str, folder: Path) -> Iterator[Guarded]:
    match topology:
        case "sentinel":
            with Guard(folder) as guard:
                yield Guarded(guard.url, urlsplit(guard.master.url).port or 0)
        case "cluster":
            with RedisCluster(folder) as shards:
                yield Guarded(shards.url, *(master.port for master in shards.masters))
        case _:
            with real_server(folder) as port:
                yield Guarded(f"redis://127.0.0.1:{port}/0", port)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    with guarded_by("one", tmp_path / "redis") as guarded:
        yield guarded


@pytest.mark.parametrize("topology", ["one", "sentinel", "cluster"])
def test_a_cluster_does_all_it_does_with_the_shipped_users(topology: str, tmp_path: Path) -> None:
    with guarded_by(topology, tmp_path / "redis") as guarded:
        does_all(guarded, tmp_path)


def does_all(guarded: Guarded, tmp_path: Path) -> None:
    nodes = Nodes(guarded.url("node"), tmp_path, "--lease", "1", namespace="chorus")
    with nodes, Town(nodes) as town:
        ann, bob, cat = town.people("ann", "bob", "cat", at="#go")
        ann.type("hello")
        ann.type("/topic what it is about")
        ann.does("/msg bob psst")
        bob.until("[private] <ann> psst")
        token = bob.does("/token")[0].removeprefix("token ")
        for line in (
            "/names",
            "/list",
            "/who",
            "/whois ann",
            "/history",
            "/stats",
            "/away",
            "/back",
        ):
            assert not [said for said in cat.does(line) if said.startswith("error: ")]
        for line in ("/set pos on", "/set echo on", "oops"):
            ann.type(line)
        place = ann.until(lambda line: line.endswith("<ann> oops")).split()[0]
        for line in (
            f"/redact {place}",
            "/set pos off",
            "/join #other",
            "/rename #other #new",
            "/leave #new",
        ):
            assert not [said for said in ann.does(line) if "error: " in said]
        bob.on.kill()
        dan = town.person("", on=1)
        await_fact(lambda: "resumed as bob" in dan.does(f"/resume {token}"))
        cat.on.kill()
        ann.until("cat has quit (connection lost)")
        guarded.admin("CLIENT", "KILL", "TYPE", "PUBSUB")
        ann.until("notice: the broker is back")
        town.person("dan", on=1)
        for user, *args in OPERATED:
            done = operate_on(guarded.url(user), *args, "--namespace", nodes.namespace)
            lost = user == "viewer"  # who says how the cluster is says that nodes were lost
            assert done.returncode in (0, int(lost)), (args, done.stdout, done.stderr)
    assert [] == guarded.refused


@pytest.mark.parametrize("user, command", [(user, command) for user, *command in COMMANDS])
def test_what_is_not_listed_is_refused(guarded: Guarded, user: str, command: list[str]) -> None:
    with guarded.client(user) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)


def test_an_operators_password_may_be_in_a_file(guarded: Guarded, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    url = guarded.url("viewer").replace(f":{PASSWORD.replace(' ', '%20')}", "")
    done = operate_on(url, "channels", "--redis-password-file", str(secret))
    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("binary", SERVERS, ids=lambda binary: str(binary.name))
def test_what_scripts_wrote_is_there_after_a_restart(binary: Path, tmp_path: Path) -> None:
    """Redis 7.0 leaves it out if its default user may do nothing."""
    secrets, bin_ = tmp_path / "secrets", tmp_path / "bin"
    secrets.mkdir()
    bin_.mkdir()
    (secrets / "redis_node").write_text(f"{PASSWORD}\n")
    (bin_ / "redis-server").symlink_to(binary)
    door = tmp_path / "redis.sock"
    places = {"REDIS_DATA": str(tmp_path), "REDIS_SECRETS": str(secrets)}
    path = f"{bin_}:{os.environ['PATH']}"

    def asked(*command: str) -> object:
        """What the server says, which is started for that and ended after."""
        start: list[str | Path] = [ACL.parent / "start.sh", "--port", "0", "--unixsocket", door]
        with subprocess.Popen(
            start, env={**os.environ, **places, "PATH": path}, stdout=subprocess.DEVNULL
        ) as server:
            try:
                client = redis.Redis(unix_socket_path=str(door), username="node", password=PASSWORD)
                await_fact(lambda: door.exists() and answers(client))
                return client.execute_command(*command)
            finally:
                server.terminate()

    write = "redis.call('SET', KEYS[1], 'x'); redis.call('SET', KEYS[2], 'y') return 'done'"
    assert b"done" == asked("EVAL", write, "2", "chorus:1", "chorus:2")
    assert b"y" == asked("GET", "chorus:2")


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.exceptions.ConnectionError:
        return False


def test_nobody_comes_in_without_a_name(guarded: Guarded) -> None:
    with (
        guarded.client("") as nobody,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        nobody.ping()
