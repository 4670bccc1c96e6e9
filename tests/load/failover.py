"""How long nodes are away when sentinels name another master, while people talk.

    python -m tests.load.failover                three times each way, in about two minutes
    python -m tests.load.failover --rounds 10

Each round has a master, its replica, three sentinels (`down-after-milliseconds 500`), three nodes
and somebody on each who talks as fast as they are answered. Then the master is killed, or frozen,
or sentinels are told to fail over. What counts is when a node accepts lines again, reckoned from
when sentinels published +switch-master. Exit status 1 if that took one of them 3 s or longer.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Self

import redis

from tests.load.table import Table, figure
from tests.support.nodes import Nodes
from tests.support.sentinels import SERVICE, Guard
from tests.support.town import Citizen, Town

NODES = 3

LIMIT = 3.0
"""Seconds after +switch-master within which every node is to be back."""

CHANNEL = "#go"

WAYS: dict[str, Callable[[Guard], None]] = {
    "master killed": lambda guard: guard.master.kill(),
    "master frozen": lambda guard: guard.freeze(guard.master),
    "in good order": lambda guard: guard.fail_over(),
}
"""What is done to have another master."""


class Away(NamedTuple):
    """Seconds: of the slowest node, without a line accepted; and of each node from +switch-master
    until it accepted lines again.
    """

    longest: float
    back: list[float]


class Talker:
    """Somebody who talks until told to stop. `accepted`: when each line was, by `monotonic`."""

    def __init__(self, person: Citizen, nick: str) -> None:
        self.accepted: list[float] = []
        self.over = threading.Event()
        self._person, self._nick = person, nick
        person.does("/set echo on")
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        mine = f"[{CHANNEL}] <{self._nick}> "
        while not self.over.is_set():
            self._person.type(f"/msg {CHANNEL} hello")
            answer = self._person.until(lambda line: line.startswith((mine, "error: ")))
            if answer.startswith(mine):
                self.accepted.append(time.monotonic())

    def rest(self, struck: float) -> tuple[float, float]:
        """The longest time without a line accepted since a moment, and when that ended."""
        times = [struck, *(each for each in self.accepted if each > struck)]
        return max((after - before, after) for before, after in pairwise(times))


def measure(how: Callable[[Guard], None], folder: Path) -> Away:
    """One round."""
    with ExitStack() as held:
        guard = held.enter_context(Guard(folder / "redis"))
        nodes = held.enter_context(Nodes(guard.url, folder, "--no-limits"))
        town = held.enter_context(Town(nodes, NODES))
        nicks = [f"nick{i}" for i in range(NODES)]
        people = town.people(*nicks, at=CHANNEL)
        talkers = [Talker(*each) for each in zip(people, nicks, strict=True)]
        named = held.enter_context(_Named(guard))
        try:
            for talker in talkers:
                talker.thread.start()
            _until_all_accept(talkers, time.monotonic())
            struck = time.monotonic()
            how(guard)
            at = named.wait()
            _until_all_accept(talkers, at + LIMIT)
        finally:
            for talker in talkers:
                talker.over.set()
            for talker in talkers:
                talker.thread.join()
    rests = [talker.rest(struck) for talker in talkers]
    return Away(max(length for length, _ in rests), [end - at for _, end in rests])


def _until_all_accept(talkers: list[Talker], since: float) -> None:
    while not all(talker.accepted and talker.accepted[-1] > since for talker in talkers):
        if not all(talker.thread.is_alive() for talker in talkers):
            raise SystemExit("somebody was thrown out")
        time.sleep(0.05)


class _Named:
    """Hears when sentinels first name another master, as a context manager."""

    def __init__(self, guard: Guard) -> None:
        self._clients = [redis.Redis.from_url(each.url) for each in guard.sentinels]
        self._at: list[float] = []
        self._threads = []
        for client in self._clients:
            hearing = client.pubsub()
            hearing.psubscribe(**{"+switch-master": self._hear})
            self._threads.append(hearing.run_in_thread(sleep_time=0.5, daemon=True))

    def _hear(self, message: dict[str, bytes]) -> None:
        if message["data"].startswith(SERVICE.encode()):
            self._at.append(time.monotonic())

    def wait(self) -> float:
        """When it was; returns as soon as it is."""
        while not self._at:
            time.sleep(0.01)
        return min(self._at)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for thread in self._threads:
            thread.stop()
        for thread in self._threads:
            thread.join()
        for client in self._clients:
            client.close()


def main() -> int:
    """Measure, and print; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.failover")
    parser.add_argument("--rounds", type=int, default=3)
    count = parser.parse_args().rounds
    rows, slowest = [], 0.0
    for name, how in WAYS.items():
        found = []
        for _ in range(count):
            with tempfile.TemporaryDirectory(prefix="chorus-") as folder:
                found.append(measure(how, Path(folder)))
        back = sorted(each for round_ in found for each in round_.back)
        slowest = max(slowest, back[-1])
        longest = max(round_.longest for round_ in found)
        rows.append([name, *map(figure, (back[len(back) // 2], back[-1], longest))])
    head = ["", "back after, median", "back after, most", "nothing accepted, most"]
    print(Table("Another master, s", head, rows).markdown())
    return 1 if slowest >= LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
