"""An operator at a terminal: `chorus drain`, `status`, `tail` and so on, on some nodes."""

import json
import os
import signal
import subprocess
from typing import IO, Any, Self

from click.testing import CliRunner, Result

from node.main import main
from tests.support import nursery
from tests.support.nodes import Nodes
from tests.support.up import SOURCE, command, environ


def operate(nodes: Nodes, *args: str) -> "subprocess.CompletedProcess[str]":
    """What a command said, and its exit status."""
    return operate_on(nodes.url, *args, "--namespace", nodes.namespace)


def operate_on(url: str, *args: str) -> "subprocess.CompletedProcess[str]":
    """As `operate`, on the cluster whose Redis is at `url`."""
    if nursery.POSSIBLE:
        whole = (*args, "--redis", url)
        return nursery.run(*whole, env=environ(), source=SOURCE, timeout=120)
    return subprocess.run(
        command(*args, "--redis", url),
        env=environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def asked(nodes: Nodes, *args: str) -> Result:
    """As `operate`, in this process: for commands that only look, often."""
    where = ("--redis", nodes.url, "--namespace", nodes.namespace)
    unset = {name: None for name in os.environ if name.startswith("CHORUS_")}
    result = CliRunner().invoke(main, [*args, *where], env=unset)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def told(nodes: Nodes, *args: str) -> Any:
    """What a command tells to programs."""
    return json.loads(asked(nodes, *args, "--json").stdout)


def diagnosis(nodes: Nodes, *args: str) -> tuple[int, dict[str, Any]]:
    """The exit status of the doctor, and what it told."""
    done = operate(nodes, "doctor", "--json", *args)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


class Running:
    """A command that goes on until it's ended. `heard`: every line so far, without its end.
    `into`: a file for what it tells, if that's more than a pipe holds.

    As a context manager: nothing of it stays.
    """

    def __init__(self, nodes: Nodes, *args: str, into: IO[str] | None = None) -> None:
        self.heard: list[str] = []
        self._process = subprocess.Popen(
            command(*args, "--redis", nodes.url, "--namespace", nodes.namespace),
            env=environ(),
            stdin=subprocess.DEVNULL,
            stdout=into or subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def read(self) -> str:
        """The next line that it tells."""
        return self._read(self._process.stdout)

    def read_error(self) -> str:
        """The next line that it says on stderr."""
        return self._read(self._process.stderr)

    def _read(self, pipe: "IO[str] | None") -> str:
        assert pipe is not None
        line = pipe.readline()
        assert line, "it ended"
        self.heard.append(line.removesuffix("\n"))
        return self.heard[-1]

    def until(self, wanted: str) -> str:
        """Read up to a line that ends so; that line."""
        while not (line := self.read()).endswith(wanted):
            pass
        return line

    def hang_up(self) -> None:
        """Read nothing more of what it tells."""
        assert self._process.stdout is not None
        self._process.stdout.close()

    def interrupt(self) -> tuple[int, str]:
        """As Ctrl-C does. Returns its exit status, and what else it said on stderr."""
        self._process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """Its exit status, once it has ended, and what else it said on stderr."""
        assert self._process.stderr is not None
        said = self._process.stderr.read()
        return self._process.wait(20), said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.kill()
        with self._process:
            pass
