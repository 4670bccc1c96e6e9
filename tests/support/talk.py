"""Talk: people who say numbered lines in one channel, all at once, and what became of each line.

    with Talk(people, "#go") as talk: ... whatever happens to the cluster meanwhile ...
    talk.check()

Each says a few lines, waits until each was answered (its echo, or an error), and goes on.
Must not know the cluster.
"""

import re
import threading
from collections import Counter
from difflib import unified_diff
from typing import Self

from tests.support.processes import await_fact
from tests.support.town import Citizen, settle_once_back

BURST = 5
"""Lines that each says without waiting for an answer."""

LONG = ("--history-lines", "100000")
"""Flags of nodes whose logs keep all that fast talkers say."""

REFUSALS = ("error: the broker is away", "error: the cluster had lost sight of you")
"""How errors begin that mean: that line was not accepted."""


class Talk:
    """Talk of these people, who are in the channel, each under the nick that they came with."""

    def __init__(self, people: dict[str, Citizen], channel: str) -> None:
        self._people = people
        self._channel = channel
        self._said: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._accepted = 0
        self._waiting: set[str] = set()
        self._over = threading.Event()
        self._failures: list[Exception] = []
        self._threads = [threading.Thread(target=self._run, args=names) for names in people.items()]

    def __enter__(self) -> Self:
        for person in self._people.values():
            person.does("/set echo on")
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def accepted(self) -> int:
        """How many lines have been accepted so far."""
        return self._accepted

    def go_on(self, lines: int = 100) -> None:
        """Wait until so many more lines are accepted."""
        goal = self._accepted + lines
        await_fact(lambda: self._accepted >= goal or bool(self._failures))

    def until_all_wait(self) -> None:
        """Returns when everybody has said something that isn't answered yet."""
        await_fact(lambda: self._waiting == set(self._people) or bool(self._failures))

    def _run(self, nick: str, person: Citizen) -> None:
        mine = f"[{self._channel}] <{nick}> "
        try:
            while not self._over.is_set():
                for _ in range(BURST):
                    self._said[nick] += 1
                    person.type(f"/msg {self._channel} {self._said[nick]}")
                self._waiting.add(nick)
                for _ in range(BURST):
                    answer = person.until(lambda line: line.startswith((mine, "error: ")))
                    if answer.startswith(mine):
                        self._accepted += 1
                    else:
                        assert answer.startswith(REFUSALS), answer
                        self._refused[nick] += 1
                self._waiting.discard(nick)
        except Exception as e:  # the thread's; told by `check`
            self._failures.append(e)

    def check(self) -> list[str]:
        """All have read the same lines in the same order, each accepted one once, none refused.

        Returns what they have read.
        """
        assert [] == self._failures
        settle_once_back(*self._people.values())
        spoken = re.compile(rf"\[{re.escape(self._channel)}\] <\S+> \d+")
        read = [
            [line for line in person.heard if spoken.fullmatch(line)]
            for person in self._people.values()
        ]
        for nick, each in zip(self._people, read, strict=True):
            assert read[0] == each, f"{nick} read otherwise: {_difference(read[0], each)}"
        for nick in self._people:
            numbers = [int(line.split()[2]) for line in read[0] if f" <{nick}> " in line]
            assert sorted(set(numbers)) == numbers, "in order, each once"
            assert self._said[nick] - self._refused[nick] == len(numbers)
        return read[0]


def missed(*people: Citizen) -> list[str]:
    """What any of them was told to be missing, or gone."""
    return [
        line
        for person in people
        for line in person.heard
        if line.startswith("gap: ") or " has quit" in line or "cut off" in line
    ]


def _difference(one: list[str], other: list[str]) -> str:
    """The lines that differ, as a patch would show them."""
    return "\n".join(unified_diff(one, other, lineterm="", n=2))
