"""Commands of chorus that needn't import anything any more: forked from a process that has.

    bear("node", "--name", "n1", ...) ─┐
    run("kick", "bob", ...) ───────────┴─> the nursery: one per process of tests, with all of node
                                             │          and broker imported, but no reactor
                                             └─ fork ──> `chorus node --name n1 ...`

Most of what a node does until it serves, and nearly all that a command does, is to import; tests
start hundreds of them. These are processes of their own, with a session, an environment and files
of their own, as if they had been started by a command line; only what `ps` says of them differs.
Where it's about starting itself, `chorus up`, `tail` and the like are started as people do. Only
where there's Linux's `pidfd_open`.
"""

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, NoReturn, Self

POSSIBLE = hasattr(os, "pidfd_open")
"""Whether this system can do it."""

_GONE = 70
"""The exit status of somebody whose nursery was killed: nobody knows theirs."""


class Born:
    """A process from the nursery; what `subprocess.Popen` has of one, as far as it's needed.

    `stdout`: what it says, in bytes.
    """

    def __init__(self, pid: int, stdout: IO[bytes], ending: int) -> None:
        self.pid = pid
        self.stdout = stdout
        self._ending = ending  # its exit status can be read here, once
        self._status: int | None = None

    def poll(self) -> int | None:
        """Its exit status, if it has ended; that of a signal is negative."""
        return self._await(0)

    def wait(self, timeout: float | None = None) -> int:
        """As `poll`, once it has ended. Raises subprocess.TimeoutExpired."""
        status = self._await(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("a node", timeout or 0)
        return status

    def _await(self, seconds: float | None) -> int | None:
        if self._status is None:
            with selectors.DefaultSelector() as waiting:
                waiting.register(self._ending, selectors.EVENT_READ)
                if not waiting.select(seconds):
                    return None
            self._status = int(os.read(self._ending, 16) or _GONE)
            os.close(self._ending)
        return self._status

    def send_signal(self, number: int) -> None:
        """Tell it something, if it's there."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stdout.close()
        self.wait()


def run(
    *args: str, env: Mapping[str, str], source: Path, timeout: float
) -> "subprocess.CompletedProcess[str]":
    """Run `chorus ARGS` to its end, as `subprocess.run` does. Raises subprocess.TimeoutExpired."""
    with TemporaryFile() as errors:
        with bear(*args, env=env, stderr=errors, source=source) as command:
            said = _heard(command, timeout)
            status = command.wait()
        errors.seek(0)
        return subprocess.CompletedProcess(args, status, said.decode(), errors.read().decode())


def _heard(command: Born, timeout: float) -> bytes:
    """All that a command says; it's ended if that takes longer. Raises TimeoutExpired then."""
    said: list[bytes] = []
    until = time.monotonic() + timeout
    with selectors.DefaultSelector() as waiting:
        waiting.register(command.stdout, selectors.EVENT_READ)
        while waiting.select(max(0.0, until - time.monotonic())):
            some = os.read(command.stdout.fileno(), 1 << 16)
            if not some:
                return b"".join(said)
            said.append(some)
    command.kill()
    raise subprocess.TimeoutExpired("a command", timeout)


def bear(
    *args: str,
    env: Mapping[str, str],
    stderr: IO[bytes],
    source: Path,
    lifeline: int | None = None,
) -> Born:
    """Begin `chorus ARGS` with this environment, in which the file `lifeline` is the same as here.
    `source`: where the code is, which has to be the same each time.
    """
    said, says = os.pipe()
    ended, ends = os.pipe()
    asked = {"args": args, "env": dict(env), "lifeline": lifeline}
    nursery = _nursery(source)
    try:
        files = [ends, says, stderr.fileno(), *([] if lifeline is None else [lifeline])]
        socket.send_fds(nursery, [json.dumps(asked).encode()], files)
        pid = int(nursery.recv(16))
    finally:
        os.close(says)
        os.close(ends)
    return Born(pid, os.fdopen(said, "rb"), ended)


@cache
def _nursery(source: Path) -> socket.socket:
    """The way to this process's nursery, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.support.nursery", str(theirs.fileno())],
            env={**os.environ, "PYTHONPATH": str(source)},
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )

    def close() -> None:
        ours.close()
        process.wait()

    atexit.register(close)
    return ours


# -- in the nursery


class _Later:
    """In the place of the reactor, for a module that wants one when it's imported: each node has a
    reactor of its own, later.
    """

    def __getattr__(self, name: str) -> Any:
        from twisted.internet import reactor

        return getattr(reactor, name)


def _prepare() -> None:
    """Import what a node will."""
    sys.modules["twisted.internet.reactor"] = _Later()  # type: ignore[assignment]
    import node.http.access
    import node.http.api
    import node.http.chat
    import node.http.counter
    import node.http.dashboard
    import node.http.health
    import node.http.metrics
    import node.http.site
    import node.http.tokens
    import node.main
    import node.net.turns
    import node.net.websocket
    import node.operate.desk
    import node.operate.doctor
    import node.operate.easing
    import node.operate.operator
    import node.operate.show
    import node.operate.tail
    import node.serving  # noqa: F401

    del sys.modules["twisted.internet.reactor"]


def _serve(wanted: socket.socket) -> None:
    """Until nobody wants any more."""
    children: dict[int, tuple[int, int]] = {}  # pid, and where its end is told, by its pidfd
    with selectors.DefaultSelector() as waiting:
        waiting.register(wanted, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fd in children:
                    waiting.unregister(key.fd)
                    pid, ends = children.pop(key.fd)
                    _, status = os.waitpid(pid, 0)
                    os.write(ends, str(os.waitstatus_to_exitcode(status)).encode())
                    os.close(ends)
                    os.close(key.fd)
                    continue
                message, files, _, _ = socket.recv_fds(wanted, 1 << 20, 4)
                if not message:
                    return
                ends, *theirs = files
                pid = os.fork()
                if pid == 0:
                    waiting.close()
                    for fd in (
                        wanted.fileno(),
                        ends,
                        *children,
                        *(e for _, e in children.values()),
                    ):
                        os.close(fd)
                    _live(theirs, **json.loads(message))
                for fd in theirs:
                    os.close(fd)
                pidfd = os.pidfd_open(pid)
                children[pidfd] = pid, ends
                waiting.register(pidfd, selectors.EVENT_READ)
                wanted.send(str(pid).encode())


def _live(files: list[int], args: list[str], env: dict[str, str], lifeline: int | None) -> NoReturn:
    """Be that command."""
    status = 1
    try:
        os.setsid()
        for fd, number in zip(files, (1, 2, lifeline), strict=False):
            if number is not None and fd != number:
                os.dup2(fd, number)
                os.close(fd)
        os.environ.clear()
        os.environ.update(env)
        sys.argv = ["chorus", *args]
        from node.main import main

        main(prog_name="chorus", args=args)
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:  # as the interpreter would
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _prepare()
    _serve(socket.socket(fileno=int(sys.argv[1])))
