"""The metrics as a table in Markdown, from the rows in which they are declared."""

from node.http.metrics import HISTOGRAM, PREFIX, ROWS, Row

_HEAD = ("metric", "kind", "what it is")


def metrics_table() -> str:
    """One row for each metric of our own."""
    table = [_HEAD, ("---",) * 3, *map(_cells, ROWS)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)


def _cells(row: Row) -> tuple[str, ...]:
    label = f"{{{row.label}}}" if row.label else ""
    series = " (`_bucket`, `_sum`, `_count`)" if row.kind == HISTOGRAM else ""
    return f"`{PREFIX}{row.name}{label}`", row.kind + series, row.help
