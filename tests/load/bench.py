"""One run of the benchmark: how often and how long it measures, and what went wrong so far.

Must not know what is measured.
"""

import sys
import time
from collections.abc import Sequence

from broker.embedded import EmbeddedError
from tests.load.cases import Case
from tests.load.generator import Faults, LoadError, Measurement
from tests.load.measure import Figures, measure, measure_once, medians
from tests.load.servers import Start

FAILURES = (LoadError, EmbeddedError, OSError, AssertionError)
"""Ways in which a server doesn't come up, or can't be measured."""

Entry = tuple[str, Start, Case]
"""What is measured on what, and how that's called."""


class Bench:
    """`repetitions` of each measurement; `seconds` that one takes at most.

    `wrong`: a line for each thing that may not be.
    """

    def __init__(self, repetitions: int, seconds: float) -> None:
        self.repetitions = repetitions
        self.seconds = seconds
        self.wrong: list[str] = []

    def figures(self, where: str, start: Start, case: Case) -> list[Figures] | None:
        """The figures of each row; None if there are none, and then it's in `wrong`."""
        began = time.monotonic()
        what = f"{where}: {', '.join(row.title for row in case.rows)}"
        try:
            found = measure(case, start, self.repetitions, self.seconds)
        except FAILURES as e:
            self._note(f"{what}: {e}")
            return None
        self._look_at(where, case, found)
        print(f"{what} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
        return found

    def by_turns(self, entries: Sequence[Entry]) -> list[list[Figures] | None]:
        """The figures of each entry, for ratios between them: each repetition measures all of
        them once, one after another, so that a busy minute is busy for all.
        """
        rounds: list[list[list[Measurement]]] = [[] for _ in entries]
        failed: set[int] = set()
        for _ in range(self.repetitions):
            for i, (where, start, case) in enumerate(entries):
                try:
                    rounds[i].append(measure_once(case, start, 1, self.seconds))
                except FAILURES as e:
                    self._note(f"{where}: {e}")
                    failed.add(i)
                print(f"{where}: {', '.join(row.title for row in case.rows)}", file=sys.stderr)
        found = [None if i in failed else medians(each) for i, each in enumerate(rounds)]
        for (where, _, case), each in zip(entries, found, strict=True):
            self._look_at(where, case, each or [])
        return found

    def _look_at(self, where: str, case: Case, found: Sequence[Figures]) -> None:
        for row, figures in zip(case.rows, found, strict=bool(found)):
            if any(figures.faults):
                self._note(f"{where}: {row.title}: {told(figures.faults)}")

    def _note(self, wrong: str) -> None:
        print(f"WRONG: {wrong}", file=sys.stderr, flush=True)
        self.wrong.append(wrong)


def told(faults: Faults) -> str:
    """In words: `3 lost, 1 dead`."""
    return ", ".join(f"{n} {name}" for name, n in faults._asdict().items() if n) or "nothing"
