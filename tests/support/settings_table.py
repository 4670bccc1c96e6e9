"""The settings as a table in Markdown, from the rows in which they are declared.

Must not know any setting by name, nor who reads the table.
"""

from collections.abc import Iterator
from itertools import chain

from node.options import TEXTS, Row, rows
from node.settings import Settings, UpSettings

_HEAD = ("flag", "environment", "default", "what it is")


def settings_table() -> str:
    """Those of `chorus node`, and then what only `chorus up` has."""
    own = [_cells(row) for row in rows(UpSettings)]
    mine = [(*cells[:3], f"`chorus up` only. {cells[3]}") for cells in own]
    table = chain([_HEAD, ("---",) * 4], (_cells(row) for row in rows(Settings)), mine)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)


def _cells(row: Row) -> tuple[str, ...]:
    flag = f"--{row.flag} {row.metavar}".rstrip()
    default = f"`{row.default}`" if row.default else ""
    return f"`{flag}`", f"`{row.env}`", default, " ".join(_words(row)).replace("|", "\\|")


def _words(row: Row) -> Iterator[str]:
    yield row.help
    if row.kind == TEXTS:
        yield "May be repeated."
