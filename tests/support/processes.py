"""Processes of this machine: who is whose child, and whether one has ended.

Must not know what they run.
"""

import subprocess
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Process(NamedTuple):
    """A process as `ps` lists it. `state` begins with Z when it has ended and nobody knows."""

    pid: int
    parent: int
    state: str
    command: str


def processes() -> dict[int, Process]:
    """All that there are, by process id."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,state=,args="],
        capture_output=True,
        text=True,
        check=True,
    )
    found = {}
    for line in listed.stdout.splitlines():
        pid, parent, state, command = [*line.split(None, 3), ""][:4]
        found[int(pid)] = Process(int(pid), int(parent), state, command)
    return found


def descendants(pid: int) -> list[Process]:
    """The children of a process, and theirs."""
    listed = processes()
    found: list[Process] = []
    parents = {pid}
    while parents:
        children = [each for each in listed.values() if each.parent in parents]
        found += children
        parents = {child.pid for child in children}
    return found


def living(pids: list[int]) -> list[Process]:
    """Those of them that have not ended."""
    listed = processes()
    return [listed[pid] for pid in pids if pid in listed and not listed[pid].state.startswith("Z")]


def await_fact(fact: Callable[[], T | None], seconds: float = 60.0) -> T:
    """Look again and again until there's something true, and return it.

    Raises AssertionError after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not (found := fact()):
        assert time.monotonic() < deadline, f"not so within {seconds} seconds"
        time.sleep(0.01)
    return found


def ended(*pids: int) -> bool:
    """Whether all of them come to their ends within some seconds."""
    return await_fact(lambda: not living(list(pids)))
