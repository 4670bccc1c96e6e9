"""`make chaos`: terrible things are done to a real cluster, and a checker judges what people saw.

    python -m tests.chaos                                   a short mix, two minutes
    python -m tests.chaos --brief                           a shorter one, for `make test`
    python -m tests.chaos --seed 7 --minutes 30 --nodes 6   a long one
    python -m tests.chaos --topology cluster                on a Redis Cluster; or sentinel
    python -m tests.chaos --judge FILE                      look again at a record that was kept

Each part of a mix (see `plan`) is a process of its own. Those of the short mix run side by side:
mostly they wait. Exit status 1 if anything is wrong, or if a part couldn't be ended; then the
record is kept.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

from node.lifeline import hold
from tests.chaos import faults, guarded, plan, sharded
from tests.chaos.checker import check
from tests.chaos.faults import Fault
from tests.chaos.record import Record, load, save
from tests.chaos.report import Report, failure
from tests.chaos.run import Run
from tests.chaos.stage import Stage
from tests.support import spin

SIDE_BY_SIDE = 2
"""How many parts of a short mix run at a time."""

RECORD = "record.jsonl"


class Topology(NamedTuple):
    """What Redis is made of, and what can be done to that."""

    stage: type[Stage]
    faults: list[Fault]


TOPOLOGIES = {
    "one": Topology(Stage, faults.FAULTS),
    "sentinel": Topology(guarded.GuardedStage, guarded.FAULTS),
    "cluster": Topology(sharded.ShardedStage, sharded.FAULTS),
}


def main() -> int:
    """Run, judge, print; the exit status."""
    arguments = _arguments()
    if arguments.judge:
        return judge([load(arguments.judge)])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended
    if arguments.part is not None:
        hold(arguments.lifeline)
        try:
            play(arguments)
        finally:
            spin.finish()
        return 0
    arguments.seed = arguments.seed or str(random.SystemRandom().randrange(1_000_000))
    print(
        f"seed {arguments.seed}, {arguments.nodes} nodes, Redis: {arguments.topology}", flush=True
    )
    began = time.monotonic()
    played = list(_all_played(arguments, began))
    print(f"played in {time.monotonic() - began:.0f} s", flush=True)
    status = judge([each.record for each in played])
    for each in played:
        for trouble in each.troubles:
            print(f"WRONG: {trouble}")
    if status or any(each.troubles for each in played):
        print("kept:", *(each.folder for each in played))
        return 1
    for each in played:
        shutil.rmtree(each.folder, ignore_errors=True)
    print(f"\nall in {time.monotonic() - began:.0f} s")
    return status


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", default="", help="what happens; drawn if not given")
    parser.add_argument("--minutes", type=float, default=0.0, help="how long a long run takes")
    parser.add_argument("--nodes", type=int, default=6)
    parser.add_argument("--people", type=int, default=0, help="default: three for each node")
    parser.add_argument("--pace", type=float, default=0.25, help="seconds between a person's acts")
    parser.add_argument("--brief", action="store_true", help="half a minute")
    parser.add_argument("--topology", choices=TOPOLOGIES, default="one", help="of Redis")
    parser.add_argument("--only", action="append", metavar="FAULT",
                        help="this fault, and no other; may be repeated")  # fmt: skip
    parser.add_argument("--times", type=int, default=3, help="how often, with --only")
    parser.add_argument("--judge", type=Path, metavar="FILE", help="look at a record again")
    # what the process of a part is told besides
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--lifeline", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--left", type=float, help=argparse.SUPPRESS)
    found = parser.parse_args()
    names = [fault.name for fault in TOPOLOGIES[found.topology].faults]
    for name in found.only or ():
        if name not in names:
            parser.error(f"there is no fault {name!r} here; there are: {', '.join(names)}")
    return found


def parts(arguments: argparse.Namespace) -> Iterator[plan.Part]:
    """What is to be done; without an end if a time was given."""
    rng, there = random.Random(arguments.seed), TOPOLOGIES[arguments.topology].faults
    if arguments.only:
        yield from plan.only(there, arguments.only, arguments.times, rng)
    elif arguments.brief:
        yield from plan.brief(there, rng)
    elif arguments.minutes:
        yield from plan.endless(there, rng)
    else:
        yield from plan.short(there, rng)


# -- the process that judges


class Played(NamedTuple):
    """A part that has ended. `troubles`: what nodes should never have written."""

    folder: Path
    record: Record
    troubles: list[str]


def _all_played(arguments: argparse.Namespace, began: float) -> Iterator[Played]:
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool, _lifeline() as lifeline:
        if arguments.minutes:
            until = began + 60 * arguments.minutes
            for number in count():
                if (left := until - time.monotonic()) <= 0:
                    return
                yield _played(arguments, number, lifeline, left)
        numbers = range(len(list(parts(arguments))))
        yield from pool.map(lambda number: _played(arguments, number, lifeline), numbers)


def _played(arguments: argparse.Namespace, number: int, lifeline: int, left: float = 0.0) -> Played:
    """Have a part played by a process of its own."""
    folder = Path(tempfile.mkdtemp(prefix="chorus-chaos-"))
    told = [*sys.argv[1:], "--seed", arguments.seed, "--part", str(number)]
    told += ["--folder", str(folder), "--lifeline", str(lifeline), "--left", str(left)]
    command = [sys.executable, "-m", "tests.chaos", *told]
    done = subprocess.run(command, pass_fds=(lifeline,), check=False)
    if done.returncode:
        raise SystemExit(f"kept: {folder}")
    logs = {log.stem: log.read_text(errors="replace") for log in folder.glob("n*.log")}
    troubles = [
        f"{name}: {log[max(0, log.index('Traceback') - 200) :][:3000]}"
        for name, log in logs.items()
        if "Traceback" in log
    ]
    return Played(folder, load(folder / RECORD), troubles)


@contextmanager
def _lifeline() -> Iterator[int]:
    """A pipe; the processes that hold it end when it does."""
    held, ours = os.pipe()
    try:
        yield held
    finally:
        os.close(ours)
        os.close(held)


def judge(found: list[Record]) -> int:
    """Print what was found in the records; the exit status."""
    report = Report()
    failures = []
    for record in found:
        findings = check(record)
        report.add(record, findings)
        if findings:
            failures.append(failure(record, findings))
    print(report.text())
    for each in failures:
        print(each)
    return 1 if failures else 0


# -- the process of a part


def play(arguments: argparse.Namespace) -> None:
    """Play a part, and write its record into the folder."""
    part = next(islice(parts(arguments), arguments.part, None))
    until = time.monotonic() + arguments.left if arguments.left else None

    def hold_for(fault: Fault) -> float:
        if arguments.brief and fault.brief is not None:
            return fault.brief
        if arguments.minutes and fault.long is not None:
            return fault.long
        return fault.seconds

    seed = f"{arguments.seed}/{arguments.part + 1}"
    made = TOPOLOGIES[arguments.topology].stage
    with made(arguments.folder, arguments.nodes, replicated=part.replicated, seed=seed) as stage:
        run = Run(
            stage,
            seed,
            people=arguments.people or 3 * arguments.nodes,
            pace=arguments.pace,
            hold=hold_for,
            say=lambda text: print(f"{part.name:>10} {text}", flush=True),
        )
        try:
            run.perform(part.steps, until)
        finally:
            save(run.record, arguments.folder / RECORD)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
