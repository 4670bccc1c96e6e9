"""`chorus up`: real processes, a real server, people who type."""

import os
import signal
import socket
import subprocess
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from broker.embedded import Embedded
from broker.ping import Unreachable, ping
from tests.support.irc import Irc, Tcp
from tests.support.operator import operate_on
from tests.support.processes import await_fact, descendants, ended, processes
from tests.support.up import LOOPBACK, Up, command, environ


def refused(*args: str) -> "subprocess.CompletedProcess[str]":
    """A `chorus up` that can't run."""
    done = subprocess.run(
        command("up", *args),
        env=environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "" == done.stdout
    return done


def test_people_on_two_nodes_talk(tmp_path: Path) -> None:
    with Up(tmp_path) as up, up.person() as ann, up.person(apart_from=ann) as bob:
        ann.does("/nick ann")
        bob.does("/nick bob")
        ann.does("/join #go")
        bob.does("/join #go")
        ann.does("/msg #go hello")
        bob.does("/msg ann psst")
        assert "[#go] <ann> hello" in [*bob.heard, *bob.settle()]
        assert "[private] <bob> psst" in [*ann.heard, *ann.settle()]


def test_irc_clients_may_come(tmp_path: Path) -> None:
    with Up(tmp_path) as up, up.person() as ann:
        ann.does("/nick ann")
        ann.does("/join #go")
        with Irc(Tcp(up.irc), "ivy", "#go") as ivy:
            ivy.does("PRIVMSG #go :hello")
            assert "[#go] <ivy> hello" in [*ann.heard, *ann.settle()]


def test_the_counter_counts_over_all_nodes(tmp_path: Path) -> None:
    with Up(tmp_path) as up:
        answers = []
        for _ in range(10):
            with urllib.request.urlopen(up.counter, timeout=20) as answer:
                answers.append(answer.read().decode().strip())
        assert [f"I am request #{n}" for n in range(1, 11)] == answers


def test_it_runs_as_many_nodes_as_wanted_and_one_server(tmp_path: Path) -> None:
    with Up(tmp_path, "--nodes", "2", "--name", "n") as up:
        assert ({"n-1", "n-2"}, 1) == (set(up.nodes), len(up.redis))


def test_no_password_is_to_be_seen_in_the_list_of_processes(tmp_path: Path) -> None:
    config = {"requirepass": "hunter2"}
    redis = Embedded(tmp_path / "redis", port=0, appendonly=False, config=config)
    redis.spawn()
    try:
        with Up(tmp_path, "--nodes", "1", CHORUS_REDIS_URL=_with_password(redis)) as up:
            assert [] == [each for each in processes().values() if "hunter2" in each.command]
            assert 1 == len(up.nodes)
    finally:
        redis.kill()
        redis.stop()


def _with_password(redis: Embedded) -> str:
    """The URL of a server that asks for one, once it answers."""
    url = redis.url.replace("//", "//:hunter2@")

    def answers() -> bool:
        with suppress(Unreachable):
            ping(url)
            return True
        return False

    await_fact(answers)
    return url


@pytest.mark.parametrize("ending", ["Ctrl-C", "SIGTERM", "SIGHUP"])
def test_it_ends_with_all_it_started(tmp_path: Path, ending: str) -> None:
    with Up(tmp_path) as up, up.person() as ann:
        if ending == "Ctrl-C":
            up.interrupt()
        else:
            up.process.send_signal(signal.Signals[ending])
        ann.until("closing: ")
        assert (0, []) == (up.wait(), up.children)


def test_what_it_started_ends_in_good_order_when_it_is_killed(tmp_path: Path) -> None:
    with Up(tmp_path) as up, up.person() as ann:
        ann.does("/nick ann")
        ann.does("/join #go")
        ann.does("a word that stays")
        up.process.kill()
        ann.until("closing: ")
        assert -signal.SIGKILL == up.wait()
    with Up(tmp_path) as up, up.person() as bob:
        assert any("ann" in line for line in bob.does("/nick ann"))
        history = bob.does("/join #go")
        assert [True] == [line.endswith("[#go] <ann> a word that stays") for line in history[-1:]]


def test_a_node_that_is_killed_comes_back(tmp_path: Path) -> None:
    with Up(tmp_path) as up:
        name, process = next(iter(up.nodes.items()))
        os.kill(process.pid, signal.SIGKILL)
        up.person(on=name).close()
        assert f"{name} ended (Killed); starting it again in 0.25 s" in up.log
        assert process.pid != up.nodes[name].pid


def test_a_node_that_was_drained_by_an_operator_comes_back(tmp_path: Path) -> None:
    with (
        Embedded(tmp_path / "redis", appendonly=False) as redis,
        Up(tmp_path, "--name", "n", "--redis", redis.url) as up,
        up.person(on="n-1") as ann,
    ):
        before = up.nodes["n-1"].pid
        done = operate_on(redis.url, "drain", "n-1", "--over", "0.5")
        assert (0, "") == (done.returncode, done.stdout), done.stderr
        ann.until("closing: this node is being drained; another will do")
        await_fact(lambda: up.nodes.get("n-1") and up.nodes["n-1"].pid != before)
        with up.person(on="n-1"):
            assert "n-1 ended (status 0); starting it again" in up.log
        assert 0 == operate_on(redis.url, "doctor").returncode


def test_its_nodes_end_at_once_unless_they_are_to_drain(tmp_path: Path) -> None:
    with Up(tmp_path, "--drain", "1") as up, up.person() as ann:
        ann.settle()
        up.process.terminate()
        ann.until("closing: this node is being drained; another will do")
        assert 0 == up.wait()
    with Up(tmp_path) as up, up.person() as ann:
        ann.settle()
        up.process.terminate()
        ann.until("closing: this server is going down")
        assert 0 == up.wait()


def test_a_server_that_is_killed_comes_back_and_people_stay(tmp_path: Path) -> None:
    with Up(tmp_path, "--nodes", "1") as up, up.person() as ann:
        ann.does("/join #go")
        (process,) = up.redis
        os.kill(process.pid, signal.SIGKILL)
        ann.until("notice: ")
        await_fact(lambda: any(line.startswith("in #go") for line in ann.does("/names #go")))
        assert "redis ended (status 137); starting it again in 0.25 s" in up.log


def test_a_redis_of_ones_own_is_used(tmp_path: Path) -> None:
    with (
        Embedded(tmp_path / "redis", port=0, appendonly=False) as redis,
        Up(tmp_path, "--redis", redis.url, "--nodes", "2") as up,
        up.person() as ann,
        up.person(apart_from=ann) as bob,
    ):
        bob.does("hello")
        assert any(line.endswith("> hello") for line in [*ann.heard, *ann.settle()])
        assert ([], False) == (up.redis, up.state.exists())


def test_a_second_one_on_the_same_state_is_refused(tmp_path: Path) -> None:
    with Up(tmp_path, "--nodes", "1") as up, up.person() as ann:
        second = refused("--line", LOOPBACK, "--irc", "", "--http", "", "--state", str(up.state))
        expected = f"{up.state} is in use: process {up.process.pid} runs a cluster on it"
        assert (1, f"Error: the folder {expected}\n") == (second.returncode, second.stderr)
        assert [] == ann.settle()


def test_a_second_one_on_the_same_port_is_refused(tmp_path: Path) -> None:
    with Up(tmp_path, "--nodes", "1") as up:
        port = f"tcp:{up.port}:interface=127.0.0.1"
        second = refused(
            "--line", port, "--irc", "", "--http", "", "--state", str(tmp_path / "other")
        )
        expected = f"Error: --line: 127.0.0.1 port {up.port} can't be opened: address already"
        assert (1, True) == (second.returncode, second.stderr.startswith(expected))
        assert not (tmp_path / "other").exists()


def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = refused(
            *("--line", LOOPBACK, "--http", f"tcp:{port}:interface=127.0.0.1"),
            *("--state", str(tmp_path / "state")),
        )
    expected = f"Error: --http: 127.0.0.1 port {port} can't be opened: address already in use"
    assert (1, True) == (done.returncode, done.stderr.startswith(expected))
    assert not (tmp_path / "state").exists()


def test_a_redis_that_does_not_answer_is_told() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        done = refused(
            "--line",
            LOOPBACK,
            "--irc",
            "",
            "--http",
            "",
            "--redis",
            f"redis://:hunter2@127.0.0.1:{port}",
        )
    expected = f"Error: no Redis answers at 127.0.0.1:{port}: connection refused\n"
    assert (1, expected) == (done.returncode, done.stderr)


def test_a_server_that_does_not_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    done = refused(
        "--line", LOOPBACK, "--irc", "", "--http", "", "--state", str(tmp_path / "state")
    )
    expected = f"Error: the embedded Redis can't use {tmp_path}/state: "
    assert (1, True) == (done.returncode, done.stderr.startswith(expected))


def test_nodes_that_cannot_serve_end_it_all_and_say_why(tmp_path: Path) -> None:
    door = f"ssl:0:interface=127.0.0.1:privateKey={tmp_path}/no.pem"
    state = ["--state", str(tmp_path / "state")]
    done = refused("--nodes", "1", "--name", "n", "--line", door, "--irc", "", "--http", "", *state)
    lines = done.stderr.splitlines()
    assert any(line.startswith("n-1 | Error: --line: expected an endpoint") for line in lines)
    assert "Error: n-1 ended before it could serve (status 2)" == lines[-1]
    assert 1 == done.returncode
    with Embedded(tmp_path / "state"):
        pass  # nobody has it any more


def test_the_children_of_one_that_is_killed_while_starting_end_too(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(
            "up", "--line", LOOPBACK, "--irc", "", "--http", "", "--state", str(tmp_path / "state")
        ),
        env=environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process:
        started = await_fact(lambda: [child.pid for child in descendants(process.pid)])
        process.kill()
    assert ended(*started)
    with Embedded(tmp_path / "state"):
        pass
