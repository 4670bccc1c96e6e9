"""`chorus up` as a user runs it: a process of its own, on free ports, with a state folder.

Must not know how it does what it does.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import node
from tests.support.person import Person
from tests.support.processes import Process, await_fact, descendants, ended

LOOPBACK = "tcp:0:interface=127.0.0.1"


def command(*args: str, module: str = "node") -> list[str]:
    """The command line of `chorus ARGS`, of this very source. `module`: what is run as it."""
    return [sys.executable, "-P", "-m", module, *args]


SOURCE = Path(node.__file__).parent.parent
"""Where the code is that is tested."""


def environ(source: Path = SOURCE) -> dict[str, str]:
    """An environment in which `command` works, and that sets nothing. `source`: whose code runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}
    return {**kept, "PYTHONPATH": str(source)}


class Up:
    """A running `chorus up`. `folder`: for its state and its log. `args`, `variables`: settings.

    As a context manager it's ended at the end, with all that it started.
    """

    def __init__(self, folder: Path, *args: str, **variables: str) -> None:
        self.state = folder / "state"
        self._log = folder / "up.log"
        listen = [f"--{kind}={LOOPBACK}" for kind in ("line", "irc", "http")]
        doors = [*listen, "--state", str(self.state)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command("up", *doors, *args),
                env={**environ(), **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # a group of its own, as on a terminal
            )
        self.said = ""
        self._started: list[int] = []
        try:
            self._await_welcome()
        except BaseException:
            self.end()
            raise

    def _await_welcome(self) -> None:
        assert self.process.stdout is not None
        while "Ctrl-C" not in self.said:
            line = self.process.stdout.readline()
            assert line, f"chorus up ended: {self.log}"
            self.said += line
        self._started = [child.pid for child in self.children]

    @property
    def log(self) -> str:
        """What it wrote to stderr so far."""
        return self._log.read_text()

    @property
    def port(self) -> int:
        """Where to chat."""
        return int(self._find(r"nc 127\.0\.0\.1 (\d+)"))

    @property
    def irc(self) -> int:
        """Where to chat with an IRC client."""
        return int(self._find(r"irssi -c 127\.0\.0\.1 -p (\d+)"))

    @property
    def counter(self) -> str:
        """The counter's URL."""
        return self._find(r"curl (\S+)")

    @property
    def dashboard(self) -> str:
        """The dashboard's URL."""
        return self._find(r"(\S+/dashboard)")

    def _find(self, pattern: str) -> str:
        found = re.search(pattern, self.said)
        assert found is not None, self.said
        return found[1]

    @property
    def children(self) -> list[Process]:
        """All processes that it has started, and those that these have."""
        return descendants(self.process.pid)

    @property
    def nodes(self) -> dict[str, Process]:
        """The nodes' processes by name."""
        named = [(re.search(r" --name (\S+)", child.command), child) for child in self.children]
        return {name[1]: child for name, child in named if name}

    @property
    def redis(self) -> list[Process]:
        """The embedded server's process, if there is one."""
        children = self.children
        # It writes a title of its own, which may come out cut; its parent's is a command line.
        guards = {child.pid for child in children if "guard.py" in child.command}
        return [child for child in children if child.parent in guards]

    def person(self, *, on: str = "", apart_from: Person | None = None) -> Person:
        """Somebody who connects, again and again until they land on such a node."""
        apart = apart_from.node if apart_from else ""

        def connected() -> Person | None:
            try:
                person = Person(self.port)
            except ConnectionError:
                return None
            try:
                node = person.node
            except ConnectionError:
                node = ""
            if node and node != apart and on in (node, ""):
                return person
            person.close()
            return None

        return await_fact(connected)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It stands still for a while, and starts nothing again; its children run on."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def interrupt(self) -> None:
        """As Ctrl-C on its terminal does: all of its process group gets the signal."""
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self) -> int:
        """Its exit status, once it and all that it had started have ended."""
        status = self.process.wait(60)
        assert ended(*self._started)
        return status

    def end(self) -> None:
        """Let nothing of it stay, however it was left."""
        started = [*self._started, *(child.pid for child in self.children)]
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        with self.process:
            pass
        assert ended(*started)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.end()
