"""The table of the main cases: a column for each server, up to three lines for each case.

Must not know the servers.
"""

from collections.abc import Callable, Iterator, Sequence

from tests.load.bench import Bench
from tests.load.cases import Case, Row
from tests.load.columns import Column
from tests.load.measure import Figures, total
from tests.load.table import FAILED, NONE, Table, figure

Found = dict[tuple[str, str], Figures]
"""By the column's title and the row's key."""


def compare(bench: Bench, columns: Sequence[Column], cases: Sequence[Case]) -> Table:
    """Measure all cases on all servers. One server at a time, each case on a new one."""
    found: Found = {}
    for column in columns:
        for case in cases:
            if case.rooms and not column.rooms:
                continue
            figures = bench.figures(column.title, column.start, case)
            for row, one in zip(case.rows, figures or (), strict=bool(figures)):
                found[column.title, row.key] = one
    return arranged(columns, cases, found)


def arranged(columns: Sequence[Column], cases: Sequence[Case], found: Found) -> Table:
    """What was found, as a table."""
    head = ["case", "unit", *(column.title for column in columns)]
    rows = [
        line for case in cases for row in case.rows for line in _lines(columns, case, row, found)
    ]
    return Table("Main cases", head, [*rows, _faults(columns, found)])


def _lines(columns: Sequence[Column], case: Case, row: Row, found: Found) -> Iterator[list[str]]:
    shown: list[tuple[str, Callable[[Figures], str]]] = []
    shown.append((row.cost, lambda each: figure(each.cost)))
    if row.speed:
        shown.append((row.speed, lambda each: figure(each.per_second)))
    if row.latency:
        shown.append(
            ("ms, p50 / p99", lambda each: f"{figure(each.p50_ms)} / {figure(each.p99_ms)}")
        )
    for i, (unit, cell) in enumerate(shown):
        cells = []
        for column in columns:
            figures = found.get((column.title, row.key))
            missing = NONE if case.rooms and not column.rooms else FAILED
            cells.append(cell(figures) if figures is not None else missing)
        yield ["" if i else row.title, unit, *cells]


def _faults(columns: Sequence[Column], found: Found) -> list[str]:
    """The last line: everything that went wrong on a server."""
    cells = []
    for column in columns:
        faults = total(figures for (title, _), figures in found.items() if title == column.title)
        cells.append(" / ".join(map(str, faults)))
    return ["lost / doubled / reordered / misplaced / dead", "in all", *cells]
