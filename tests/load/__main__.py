"""`make bench` and `make bench-quick`.

    python -m tests.load            all of it; prints the tables, writes docs/benchmarks.md
    python -m tests.load --quick    once, chorus and the yardsticks; writes nothing

Exit status 1 if anything was lost, doubled, reordered, misplaced or dead, or couldn't be measured.
"""

import argparse
import resource
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.load.bench import Bench
from tests.load.cases import cases
from tests.load.columns import columns
from tests.load.compare import compare
from tests.load.generator import LoadError, build
from tests.load.machine import machine, versions
from tests.load.report import document, listed
from tests.load.scaling import by_nodes, by_sessions, by_silence
from tests.load.shares import by_lines, by_process

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def main() -> int:
    """Measure, print, write; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument("--quick", action="store_true", help="in less than two minutes")
    quick = parser.parse_args().quick
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended
    began = time.monotonic()
    try:
        build()
    except LoadError as e:
        print(e, file=sys.stderr)
        return 1
    raise_file_limit()
    bench = Bench(1, 0.7) if quick else Bench(3, 1.5)
    measured = cases(1000 if quick else 5000)
    tables = [compare(bench, columns(quick=quick), measured)]
    tables.append(by_nodes(bench, (1, 2, 4) if quick else (1, 2, 4, 8)))
    tables.append(by_silence(bench))
    tables += [by_process(bench), by_lines(bench.seconds)]
    if not quick:
        tables.append(by_sessions(bench))
    print(listed([*machine(), *versions()]))
    for table in tables:
        print(f"\n{table.title}\n\n{table.markdown()}")
    print(f"\n{time.monotonic() - began:.0f} seconds")
    if not quick:
        date = datetime.now(UTC).date().isoformat()
        page = document(tables, measured, machine(), versions(), date, bench.repetitions)
        PAGE.write_text(page)
    for wrong in bench.wrong:
        print(f"WRONG: {wrong}")
    return 1 if bench.wrong else 0


def raise_file_limit() -> None:
    """As far as it goes, for all that is started from here."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
