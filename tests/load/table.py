"""Tables of figures, as they're printed and as they stand in docs/benchmarks.md.

Must not know what the figures mean.
"""

from collections.abc import Sequence
from typing import NamedTuple

NONE = "–"
"""In place of a figure that there can't be."""

FAILED = "failed"
"""In place of a figure that there should be."""


class Table(NamedTuple):
    """Cells as they're shown, and a remark below them. The first column is text, the others
    are figures.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    remark: str = ""

    def markdown(self) -> str:
        """The table, aligned, so that it reads well as plain text too."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        rule = ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])]
        lines = [_line(cells, widths) for cells in (self.head, rule, *self.rows)]
        return "\n".join([*lines, *(["", self.remark] if self.remark else [])])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    shown = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
    return f"| {' | '.join(shown)} |"


def figure(value: float) -> str:
    """Three digits that count: 0.112, 7.67, 54.4, 878, 5,770,000."""
    if value == 0:
        return "0"
    digits = 3 - len(str(int(abs(value)))) if abs(value) >= 1 else 3
    if digits <= 0:
        return f"{round(value, digits):,.0f}"
    return f"{value:.{digits if abs(value) >= 0.1 else 3}f}"


def ratio(value: float) -> str:
    """How many times as much."""
    return f"× {value:.2f}"
