"""One node as a child process: started, listened to, ended."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

_ADDRESS = re.compile(r"(line|irc|irc-ws|json|echo|http) \S+ \S+")
"""What a node prints for each address that it listens on, once it can serve."""

_PIECE = 65_536
"""Bytes read at once. A longer line comes in pieces."""


class SpawnError(Exception):
    """A process can't be started; the text says why."""


@dataclass(frozen=True)
class Program:
    """How a node is run.

    `stdin`: a descriptor, its lifeline. `inherited`: further descriptors that it keeps open.
    `addresses`: how many it'll say that it listens on.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    stdin: int
    inherited: tuple[int, ...]
    addresses: int


class Child:
    """A node's process, which can be started again. `say` gets the lines that it prints.

    All but those that tell its addresses: these are counted, see `serves`.
    """

    def __init__(self, program: Program, say: Callable[[str], None]) -> None:
        self.name = program.name
        self._program = program
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._begun: dict[IO[bytes], bytes] = {}
        self._addresses = 0

    @property
    def serves(self) -> bool:
        """Whether it listens on all its addresses."""
        return self._addresses >= self._program.addresses

    @property
    def outputs(self) -> list[IO[bytes]]:
        """Pipes to be watched, and given to `read` when there's something in them."""
        return list(self._begun)

    def spawn(self) -> None:
        """Start it. Raises SpawnError."""
        try:
            process = subprocess.Popen(
                self._program.command,
                env=self._program.environ,
                stdin=self._program.stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=self._program.inherited,
                start_new_session=True,  # Ctrl-C on the terminal is for `up`, which tells the nodes
            )
        except OSError as e:
            raise SpawnError(str(e)) from None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._addresses = 0
        self._begun = {process.stdout: b"", process.stderr: b""}
        for pipe in self._begun:
            os.set_blocking(pipe.fileno(), False)

    def poll(self) -> int | None:
        """None while it runs, otherwise its exit status (-N: signal N; 0: it never ran)."""
        return self._process.poll() if self._process is not None else 0

    def wait(self) -> None:
        """Wait for its end."""
        if self._process is not None:
            self._process.wait()

    def terminate(self) -> None:
        """Ask it to end in good order; wake it for that, should it be frozen."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)

    def read(self, pipe: IO[bytes]) -> bool:
        """Hear what a pipe holds now, or the next piece of it. False at its end."""
        try:
            data = os.read(pipe.fileno(), _PIECE)
        except BlockingIOError:
            return True
        self._take(pipe, data)
        return bool(data)

    def close(self) -> None:
        """Hear what's left of an ended process's words, and close its pipes."""
        for pipe in self.outputs:
            with pipe, suppress(BlockingIOError):
                while data := os.read(pipe.fileno(), _PIECE):
                    self._take(pipe, data)
            self._take(pipe, b"")
        self._begun = {}

    def _take(self, pipe: IO[bytes], data: bytes) -> None:
        *lines, begun = (self._begun[pipe] + data).split(b"\n")
        if not data or len(begun) > _PIECE:
            lines, begun = [*lines, begun], b""
        self._begun[pipe] = begun
        for line in lines:
            self._heard(line.decode(errors="replace").rstrip())

    def _heard(self, line: str) -> None:
        if _ADDRESS.fullmatch(line):
            self._addresses += 1
        elif line:
            self._say(line)
