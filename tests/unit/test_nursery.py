"""Commands that are forked rather than started: `tests.support.nursery`."""

import socket
import subprocess

import pytest

from tests.support import nursery
from tests.support.up import LOOPBACK, SOURCE, environ

pytestmark = pytest.mark.skipif(not nursery.POSSIBLE, reason="there's no pidfd_open")


def test_what_a_command_says_is_heard_and_how_it_ended() -> None:
    done = nursery.run("--help", env=environ(), source=SOURCE, timeout=60)
    assert (0, "") == (done.returncode, done.stderr)
    assert "node" in done.stdout


def test_a_command_that_does_not_end_is_ended() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"  # it waits for what that says
        node = ("node", "--name", "n1", "--line", LOOPBACK, "--redis", url)
        with pytest.raises(subprocess.TimeoutExpired):
            nursery.run(*node, env=environ(), source=SOURCE, timeout=0.5)
