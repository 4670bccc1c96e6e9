"""`make chaos`: terrible things are done to a real cluster, and a checker judges what people saw.

    python -m tests.chaos                                   a short mix, three to four minutes
    python -m tests.chaos --brief                           a shorter one, for `make test`
    python -m tests.chaos --seed 7 --minutes 30 --nodes 6   a long one
    python -m tests.chaos --judge FILE                      look again at a record that was kept

Exit status 1 if anything is wrong, or if the run couldn't be ended; then the record is kept.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.checker import check
from tests.chaos.faults import FAULTS, Fault, Reach
from tests.chaos.record import Record, load, save
from tests.chaos.report import Report, failure
from tests.chaos.run import Run, Step
from tests.chaos.stage import Stage
from tests.support import spin

BRIEF = (
    "node killed, back at once",
    "node frozen past its lease",
    "replies lost",
    "link half-open",
    "Redis killed",
    "connections killed",
)


def alone(faults: list[Fault], rng: random.Random) -> list[Step]:
    """Each fault by itself, in some order."""
    return [Step(((0.0, fault),)) for fault in rng.sample(faults, len(faults))]


def mixed(faults: list[Fault], rng: random.Random) -> Step:
    """Two or three that overlap: one that concerns everyone, the others different nodes."""
    of_all = [fault for fault in faults if fault.reach is Reach.ALL]
    of_one = [fault for fault in FAULTS if fault.reach is not Reach.ALL]
    chosen = [rng.choice(of_all), *rng.sample(of_one, rng.choice((1, 1, 2)))]
    return Step(tuple((rng.uniform(0, 2), fault) for fault in chosen))


def plans(arguments: argparse.Namespace) -> Iterator[list[Step]]:
    """The steps of each run: first such that lose nothing, then others."""
    rng = random.Random(arguments.seed)
    honest = [fault for fault in FAULTS if not fault.loses]
    lossy = [fault for fault in FAULTS if fault.loses]
    if arguments.only:
        named = [fault for fault in FAULTS if fault.name in arguments.only]
        yield [step for _ in range(arguments.times) for step in alone(named, rng)]
        return
    if arguments.brief:
        yield alone([fault for fault in FAULTS if fault.name in BRIEF], rng)
        return
    if not arguments.minutes:
        yield [*alone(honest, rng), mixed(honest, rng)]
        yield [*alone(lossy, rng), mixed(lossy, rng)]
        return
    while True:
        yield alone(honest, rng)
        yield [*alone(lossy, rng), *(mixed(lossy, rng) for _ in range(5))]
        yield [mixed(honest, rng) for _ in range(10)]


def main() -> int:
    """Run, judge, print; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", default="", help="what happens; drawn if not given")
    parser.add_argument("--minutes", type=float, default=0.0, help="how long a long run takes")
    parser.add_argument("--nodes", type=int, default=6)
    parser.add_argument("--people", type=int, default=0, help="default: three for each node")
    parser.add_argument("--pace", type=float, default=0.25, help="seconds between a person's acts")
    parser.add_argument("--brief", action="store_true", help="half a minute")
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--only", action="append", choices=names, metavar="FAULT",
                        help="this fault, and no other; may be repeated")  # fmt: skip
    parser.add_argument("--times", type=int, default=3, help="how often, with --only")
    parser.add_argument("--judge", type=Path, metavar="FILE", help="look at a record again")
    arguments = parser.parse_args()
    if arguments.judge:
        return judge([load(arguments.judge)])
    arguments.seed = arguments.seed or str(random.SystemRandom().randrange(1_000_000))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended
    try:
        arguments.troubles = []
        return judge(list(records(arguments))) or int(bool(arguments.troubles))
    finally:
        spin.finish()


def records(arguments: argparse.Namespace) -> Iterator[Record]:
    """The record of each run, one after the other."""
    print(f"seed {arguments.seed}, {arguments.nodes} nodes", flush=True)
    began = time.monotonic()
    until = began + 60 * arguments.minutes if arguments.minutes else None

    def hold(fault: Fault) -> float:
        if arguments.brief and fault.brief is not None:
            return fault.brief
        if arguments.minutes and fault.long is not None:
            return fault.long
        return fault.seconds

    for number, steps in enumerate(plans(arguments), 1):
        folder = Path(tempfile.mkdtemp(prefix="chorus-chaos-"))
        try:
            with Stage(folder, arguments.nodes) as stage:
                people = arguments.people or 3 * arguments.nodes
                run = Run(
                    stage,
                    f"{arguments.seed}/{number}",
                    people=people,
                    pace=arguments.pace,
                    hold=hold,
                    say=lambda text: print(text, flush=True),
                )
                try:
                    run.perform(steps, until)
                finally:
                    save(run.record, folder / "record.jsonl")
                troubles = [
                    f"{name}: {log[log.index('Traceback') - 200 :][:3000]}"
                    for name, log in stage.logs().items()
                    if "Traceback" in log
                ]
            if check(run.record) or troubles:
                print(f"kept: {folder}")
                for trouble in troubles:
                    print(f"WRONG: {trouble}")
                arguments.troubles += troubles
            else:
                shutil.rmtree(folder, ignore_errors=True)
            yield run.record
        except Exception:
            print(f"kept: {folder}")
            raise
        if until is not None and time.monotonic() > until:
            return


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


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
