"""A node that counts what it does.

    python -m tests.load.counted node ...    as `chorus node ...`; on SIGUSR1 it prints its counts

Counts functions of our own that are called, and calls of the system on sockets and epoll. What
comes by the clock is left out. Being asked for the counts doesn't change them: only the main
thread's work is counted, and another thread answers. Must not know what is measured.
"""

import os
import select
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
from twisted.internet.task import LoopingCall

from node.main import main

ASK = signal.SIGUSR1
"""What makes it print a line: its counts so far, as JSON."""

ROOT = Path(__file__).parents[2]
OURS = (f"{ROOT}{os.sep}node{os.sep}", f"{ROOT}{os.sep}broker{os.sep}")

INLINED = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
"""Functions in one version of Python, and part of another function in the next."""

SENDS = {"send", "sendall", "sendmsg", "sendto"}
RECEIVES = {"recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into"}
OTHERS = {
    *("_accept", "bind", "close", "connect", "connect_ex", "listen", "shutdown"),
    *("getpeername", "getsockname", "getsockopt", "setsockopt", "setblocking"),
    *("register", "modify", "unregister"),
}
OWNERS: tuple[type, ...] = (socket.SocketType, *([select.epoll] if sys.platform == "linux" else []))

BY_THE_CLOCK = LoopingCall.__call__.__code__


class Counts(msgspec.Struct):
    """So many so far. `polls`: those after which something was done on a socket: others found
    nothing, or ended because of the clock. `others`: all other calls of the system on sockets;
    Twisted tries to accept once more after some connections, and not after all, so an average
    may be no whole number.
    """

    calls: int = 0
    sends: int = 0
    receives: int = 0
    polls: int = 0
    others: int = 0

    def less(self, before: "Counts") -> "Counts":
        """What was done since `before`."""
        mine, theirs = msgspec.structs.astuple(self), msgspec.structs.astuple(before)
        return Counts(*(a - b for a, b in zip(mine, theirs, strict=True)))


class Counter:
    """Counts in the thread that calls `begin`."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._ours: dict[str, bool] = {}  # by file name
        self._polled = False
        self._by_the_clock = False

    def begin(self) -> None:
        """Count from here on."""
        sys.setprofile(self._see)

    def _see(self, frame: FrameType, event: str, what: Any) -> None:
        code = frame.f_code
        if self._by_the_clock:
            self._by_the_clock = not (event == "return" and code is BY_THE_CLOCK)
        elif event == "call":
            if code is BY_THE_CLOCK:
                self._by_the_clock = True
            elif self._is_ours(code.co_filename) and code.co_name not in INLINED:
                self.counts.calls += 1
        elif event == "c_call" and isinstance(getattr(what, "__self__", None), OWNERS):
            self._called(what.__name__)

    def _is_ours(self, file: str) -> bool:
        known = self._ours.get(file)
        if known is None:
            known = self._ours[file] = file.startswith(OURS)
        return known

    def _called(self, name: str) -> None:
        if name == "poll":
            self._polled = True
            return
        counts = self.counts
        if name in SENDS:
            counts.sends += 1
        elif name in RECEIVES:
            counts.receives += 1
        elif name in OTHERS:
            counts.others += 1
        else:
            return  # asks the system nothing
        if self._polled:
            self._polled = False
            counts.polls += 1


def answer(counter: Counter) -> None:
    """Print the counts whenever somebody asks."""
    while True:
        signal.sigwait({ASK})
        os.write(1, msgspec.json.encode(counter.counts) + b"\n")


if __name__ == "__main__":
    # For the thread that waits for it: a handler would wake the event loop.
    signal.pthread_sigmask(signal.SIG_BLOCK, {ASK})
    counter = Counter()
    threading.Thread(target=answer, args=(counter,), daemon=True).start()
    counter.begin()
    main(prog_name="chorus")
