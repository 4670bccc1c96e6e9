"""The load generator: builds it, runs it, reads what it measured.

Must not know what is measured, nor on what.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

SOURCE = Path(__file__).with_name("generator.c")
BUILD = Path(__file__).parents[2] / "build"
"""Git ignores it."""

LONGEST = 300.0
"""Seconds that a run may take, in which all repetitions are."""


class LoadError(Exception):
    """Something can't be measured. The text says why."""


class Faults(NamedTuple):
    """What must not be, and how often it was."""

    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    misplaced: int = 0
    dead: int = 0

    def plus(self, other: "Faults") -> "Faults":
        """Both together."""
        return Faults(*(one + two for one, two in zip(self, other, strict=True)))


class Measurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line that the generator printed.

    `done`: deliveries, cycles, or sessions. `cost`: of one of them, over all the server's
    processes: CPU in µs, of a session bytes of memory. `busy`: the share of a core that the
    generator itself took; near 1 it was the limit. `cpu_us`: of each process.
    """

    done: int
    seconds: float
    cost: float
    p50_ms: float
    p99_ms: float
    lost: int
    doubled: int
    reordered: int
    misplaced: int
    dead: int
    busy: float
    cpu_us: list[float]

    @property
    def per_second(self) -> float:
        """How many were done in a second."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def faults(self) -> Faults:
        """What went wrong."""
        return Faults(self.lost, self.doubled, self.reordered, self.misplaced, self.dead)


def measurements(printed: str) -> list[Measurement]:
    """What the generator printed. Raises LoadError if it's anything else."""
    try:
        return [msgspec.json.decode(line, type=Measurement) for line in printed.splitlines()]
    except msgspec.DecodeError as e:
        raise LoadError(f"the generator printed something else: {e}") from None


def build() -> Path:
    """Compile the generator, unless that was done; the program. Raises LoadError."""
    if sys.platform != "linux":
        raise LoadError("the benchmark needs Linux: its load generator uses epoll and /proc")
    program = BUILD / "generator"
    if program.exists() and program.stat().st_mtime >= SOURCE.stat().st_mtime:
        return program
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise LoadError(
            "the benchmark needs a C compiler (cc, gcc or clang) to build its load generator,"
            " and there is none on PATH"
        )
    BUILD.mkdir(exist_ok=True)
    flags = ("-O2", "-std=c11", "-Wall", "-Wextra", "-o", str(program))
    command = [compiler, *flags, str(SOURCE)]
    built = subprocess.run(command, check=False, capture_output=True, text=True)
    if built.returncode != 0:
        raise LoadError(f"the load generator can't be built:\n{built.stderr}")
    return program


def run(arguments: Iterable[str]) -> list[Measurement]:
    """Run the generator; what it measured. Raises LoadError if that is nothing.

    What it has to say goes to standard error.
    """
    try:
        ran = subprocess.run(
            [str(build()), *arguments],
            check=False,
            stdout=subprocess.PIPE,
            text=True,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        raise LoadError(f"the generator came to no end in {LONGEST:.0f} seconds") from None
    if ran.returncode != 0:
        raise LoadError("the generator could not measure")
    return measurements(ran.stdout)
