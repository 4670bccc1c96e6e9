"""`chorus top` on a terminal of its own, with real nodes."""

import os
import pty
import signal
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.conftest import MakeTown
from tests.support.nodes import Nodes
from tests.support.operator import operate
from tests.support.up import command, environ


class Terminal:
    """A command on a terminal of 80 columns and 24 lines. `shown`: all that was written there."""

    def __init__(self, nodes: Nodes, *args: str) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        self._before = termios.tcgetattr(slave)
        self._slave = slave
        self.shown = ""
        self.process = subprocess.Popen(
            command(*args, "--redis", nodes.url, "--namespace", nodes.namespace),
            env={**environ(), "TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )

    def until(self, wanted: str) -> None:
        """Read up to something."""
        while wanted not in self.shown:
            self.shown += os.read(self._master, 65536).decode(errors="replace")

    def press(self, key: str) -> None:
        os.write(self._master, key.encode())

    def wait(self) -> int:
        """The exit status, once it has given the terminal back as it was."""
        self.until("\x1b[?1049l")
        status = self.process.wait(30)
        assert self._before == termios.tcgetattr(self._slave)
        return status

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self._slave)


@contextmanager
def terminal(nodes: Nodes, *args: str) -> Iterator[Terminal]:
    made = Terminal(nodes, *args)
    try:
        yield made
    finally:
        made.close()


def test_it_shows_the_cluster_until_q_is_pressed(make_town: MakeTown) -> None:
    town = make_town(count=2)
    with terminal(town.cluster, "top") as top:
        top.until("2 nodes, 0 people")
        people = town.people("ann", "bob", at="#go")
        top.until("2 nodes, 2 people")
        for _ in range(20):
            people[0].does("hello")
        top.until("#go")
        top.until("ann")
        top.press("q")
        assert 0 == top.wait()
    assert "Traceback" not in top.shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_is_as_good_as_q(make_town: MakeTown, number: signal.Signals) -> None:
    with terminal(make_town(count=0).cluster, "top") as top:
        top.until("no node is alive")
        top.process.send_signal(number)
        assert 0 == top.wait()
    assert "Traceback" not in top.shown


def test_without_a_terminal_it_says_what_to_use_instead(make_town: MakeTown) -> None:
    done = operate(make_town(count=0).cluster, "top")
    assert (2, "") == (done.returncode, done.stdout)
    assert "Error: top: expected a terminal; `chorus status --json`" in done.stderr
