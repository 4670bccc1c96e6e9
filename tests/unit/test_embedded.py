"""`broker.embedded` with its guard: a real server as a child process."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import redis

import broker
from broker.embedded import Embedded, EmbeddedError, find_server
from tests.support.processes import ended, processes

SOURCE = Path(broker.__file__).parent.parent


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Embedded]:
    embedded = Embedded(tmp_path / "state")
    yield embedded
    embedded.stop()


def client(server: Embedded) -> "redis.Redis":
    return redis.Redis.from_url(server.url, decode_responses=True)


def test_a_started_server_answers_on_a_socket_in_its_folder(server: Embedded) -> None:
    server.start()
    assert f"unix://{server.folder}/redis.sock?db=0" == server.url
    with client(server) as c:
        assert (True, server.pid) == (c.ping(), c.info("server")["process_id"])


def test_it_keeps_its_data_on_disk_and_evicts_nothing(server: Embedded) -> None:
    server.start()
    with client(server) as c:
        asked = c.config_get("appendonly", "appendfsync", "maxmemory-policy", "save", "port")
    expected = {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "port": "0",
    }
    assert expected == asked


def test_nobody_else_can_read_its_folder(server: Embedded) -> None:
    server.start()
    data = server.folder / "appendonlydir"
    assert [0o700, 0o700] == [path.stat().st_mode & 0o777 for path in (server.folder, data)]


def test_a_stopped_server_is_gone_and_comes_back_with_its_data(server: Embedded) -> None:
    server.start()
    with client(server) as c:
        c.set("key", "value")
    pid = server.pid
    server.stop()
    assert ended(pid)
    server.start()
    with client(server) as c:
        assert "value" == c.get("key")


def test_a_killed_server_comes_back_with_its_data_on_the_same_address(tmp_path: Path) -> None:
    with Embedded(tmp_path, port=0, config={"appendfsync": "always"}) as server:
        url = server.url
        with client(server) as c:
            c.set("key", "value")
        server.kill()
        assert server.poll() is not None
        server.start()
        with client(server) as c:
            assert ("value", url) == (c.get("key"), server.url)


def test_without_appendonly_a_restart_is_a_new_beginning(tmp_path: Path) -> None:
    with Embedded(tmp_path, appendonly=False) as server:
        with client(server) as c:
            c.set("key", "value")
        server.stop()
        server.start()
        with client(server) as c:
            assert None is c.get("key")


def test_further_directives_reach_the_server(tmp_path: Path) -> None:
    config = {"maxmemory": "10mb", "client-output-buffer-limit": "pubsub 1mb 1mb 5"}
    with Embedded(tmp_path, config=config) as server, client(server) as c:
        assert "10485760" == c.config_get("maxmemory")["maxmemory"]


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    with Embedded(tmp_path / ' "ü"\\ %20 #?') as server, client(server) as c:
        assert c.ping()


def test_a_long_folder_has_its_socket_elsewhere_until_it_is_stopped(tmp_path: Path) -> None:
    server = Embedded(tmp_path / ("x" * 100))
    with server:
        with client(server) as c:
            socket_path = Path(c.config_get("unixsocket")["unixsocket"])
        assert (True, 0o700) == (socket_path.exists(), socket_path.parent.stat().st_mode & 0o777)
    assert not socket_path.parent.exists()


def test_a_folder_has_one_server_at_a_time(server: Embedded) -> None:
    server.start()
    with pytest.raises(EmbeddedError, match=f"in use: process {os.getpid()} runs a cluster on it"):
        Embedded(server.folder).start()
    with client(server) as c:
        assert c.ping()


def test_a_server_that_does_not_come_up_says_why_with_its_log(tmp_path: Path) -> None:
    server = Embedded(tmp_path, config={"no-such-directive": "1"})
    with pytest.raises(EmbeddedError, match=r"(?s)didn't come up: it ended.*no-such-directive"):
        server.start()
    assert (0, 0) == (server.pid, server.poll())


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="can't use"):
        Embedded(tmp_path / "file").start()


def test_a_binary_that_cannot_be_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"(?s)didn't start.*can't be run"):
        Embedded(tmp_path, binary=tmp_path / "nowhere").start()


def test_without_the_wheel_a_server_on_path_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.embedded.find_spec", lambda _name: None)
    other = tmp_path / "redis-server"
    other.write_text("#!/bin/sh")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert other == find_server()


def test_without_any_server_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.embedded.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedError, match=r"redis-server is on PATH.*--redis"):
        find_server()


def test_a_frozen_server_can_be_stopped(server: Embedded) -> None:
    server.start()
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    server.stop()
    assert ended(pid)


def test_a_server_whose_guard_was_killed_is_ended_and_can_be_started_again(
    server: Embedded,
) -> None:
    server.start()
    pid = server.pid
    os.kill(processes()[pid].parent, signal.SIGKILL)
    server.kill()  # waits for the guard, and ends what it left
    assert ended(pid)
    server.start()
    with client(server) as c:
        assert c.ping()


OWNER = """
import os, signal, sys
from broker.embedded import Embedded
server = Embedded(sys.argv[1])
server.start()
if sys.argv[2] == "shares" and os.fork() == 0:
    sys.stdin.read()  # until the test lets go
    os._exit(0)
print(server.pid, flush=True)
signal.pause()
"""


class Owner:
    """A process that starts a server. `shares`: its own child holds the lifeline too."""

    def __init__(self, folder: Path, *, shares: bool = False) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(folder), "shares" if shares else "alone"],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.server = int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def let_go(self) -> None:
        """End the child, too."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.kill()
        with self.process:
            pass


def test_a_server_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    with Owner(tmp_path) as owner:
        owner.kill()
        assert ended(owner.server)


def test_a_server_outlives_its_owner_while_somebody_holds_the_lifeline(tmp_path: Path) -> None:
    with Owner(tmp_path / "1", shares=True) as owner, Owner(tmp_path / "2") as other:
        owner.kill()
        other.kill()
        assert ended(other.server)
        with redis.Redis(unix_socket_path=str(tmp_path / "1/redis.sock")) as c:
            assert c.ping()
        owner.let_go()
        assert ended(owner.server)


def test_the_folder_of_a_killed_owner_can_be_used_at_once(tmp_path: Path) -> None:
    with Owner(tmp_path) as owner:
        owner.kill()
        with Embedded(tmp_path) as server, client(server) as c:
            assert c.ping()
