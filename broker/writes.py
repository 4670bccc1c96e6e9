"""Whether Redis takes writes. It may be there and answer, and yet refuse them for as long as
something is wrong with it: its disk, its memory, its replicas, or that it's a replica itself.

What is refused so was not done, and whoever asked is told. Here it's told once how long that goes
on. Must not know what is written.
"""

from collections.abc import Callable

from twisted.logger import Logger

LASTING = frozenset(("NOREPLICAS", "OOM", "MISCONF", "READONLY", "LOADING", "MASTERDOWN"))
"""Redis's words for what concerns everything that's written, and doesn't pass by itself at once."""


class Writes:
    """`why`: why none are taken, in Redis's words; empty if they are. `seconds`: a clock."""

    log = Logger()

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._since = 0.0
        self.why = ""

    @property
    def refused_for(self) -> float:
        """Seconds since the first that wasn't taken; 0 if they are."""
        return self._seconds() - self._since if self.why else 0.0

    def refused(self, what: str, error: str) -> None:
        """Redis said so, about something."""
        word = error.partition(" ")[0]
        if word not in LASTING:
            self.log.error("Redis refused {what}: {why}", what=what, why=error)
        elif not self.why.startswith(word):
            self._since = self._since if self.why else self._seconds()
            self.why = error.partition(" script: ")[0]
            self.log.error("Redis takes no writes: {why}", why=self.why)

    def taken(self) -> None:
        """It did what it may refuse."""
        if self.why:
            self.why = ""
            self.log.info("Redis takes writes again")
