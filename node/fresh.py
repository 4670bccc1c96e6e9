"""A file that a setting names, as it is now: read anew when it has changed, or when it's asked for.

A file that has become bad changes nothing until it's good again. Must not know what files hold.
"""

import os
from collections.abc import Callable, Sized
from typing import Generic, TypeVar

T = TypeVar("T", bound=Sized)

LOOK = 1.0
"""Seconds until it's looked again whether the file has changed."""

Stamp = tuple[int, ...]


class Fresh(Generic[T]):
    """What a file holds, or `nothing` without one.

    `setting`: which names it, such as `--tokens`; `what`: its rows, in the plural, for words.
    `load` raises ValueError, which completes the sentence "expected ...", and is let through at the
    beginning. `clock`: seconds. `told` gets a line for the log when the file was read anew, or
    can't be: then what was known stays.
    """

    def __init__(
        self,
        setting: str,
        what: str,
        path: str,
        load: Callable[[str], T],
        nothing: T,
        clock: Callable[[], float],
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._setting = setting
        self._what = what
        self._path = path
        self._load = load
        self._clock = clock
        self._told = told
        self._stamp = _stamp(path)
        self._known = load(path) if path else nothing
        self._looked = clock()

    @property
    def now(self) -> T:
        """What the file holds; looked at once in LOOK seconds."""
        now = self._clock()
        if self._path and now - self._looked >= LOOK:
            self._looked = now
            if _stamp(self._path) != self._stamp:
                self.again()
        return self._known

    def again(self) -> str:
        """Read it, changed or not; what came of it, in words; empty without a file."""
        if not self._path:
            return ""
        self._stamp = _stamp(self._path)
        try:
            self._known = self._load(self._path)
        except ValueError as e:
            says = f"{self._setting}: the old ones stay; expected {e}"
        else:
            says = f"{self._setting}: read {self._path} anew, {len(self._known)} {self._what}"
        self._told(says)
        return says


def _stamp(path: str) -> Stamp:
    """What changes when a file does."""
    try:
        about = os.stat(path)  # noqa: PTH116
    except OSError:
        return ()
    return about.st_mtime_ns, about.st_size, about.st_ino
