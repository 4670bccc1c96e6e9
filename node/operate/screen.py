"""What `chorus top` shows, in so many columns and lines. Pure.

    title, verdict
    the last hour's lines and people, as bars
    nodes
    channels    talkers       as many rows as fit
    incidents
    Redis, its slow commands

What is most important comes first, and what doesn't fit is left out at the end of each part.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from broker.names import fold
from broker.reports import (
    POINTS,
    STOPPED,
    WRONG_FOR,
    Overview,
    Series,
    Server,
    Sized,
    Status,
)
from node.operate import tables
from node.operate.tables import Column, plain
from node.operate.units import delay, rate

LEAST_WIDE, LEAST_HIGH = 40, 10
"""Columns and lines below which nothing sensible can be shown."""

_BARS = "▁▂▃▄▅▆▇█"
_CHARTED = ("line_rate", "sessions")
_HOUR = 3_600_000
_MOST_BARS = POINTS // 2  # else some have no point


class View(NamedTuple):
    """What there is to be shown. `trouble`: why nothing newer was read, for so many `seconds`.
    `where`: which Redis and namespace it's of.
    """

    overview: Overview | None = None
    series: Series | None = None
    trouble: str = ""
    seconds: int = 0
    where: str = ""


def screen(view: View, width: int, height: int) -> RenderableType:
    """The whole screen, `height` lines at most."""
    if width < LEAST_WIDE or height < LEAST_HIGH:
        return plain(f"a terminal of {LEAST_WIDE} × {LEAST_HIGH} at least is needed")
    if view.overview is None:
        return Group(_title(None), *_trouble(view), plain("q ends this", "dim"))
    return Group(*_parts(view, view.overview, width, height))


def _parts(view: View, overview: Overview, width: int, height: int) -> list[RenderableType]:
    trouble = _trouble(view)
    verdict = trouble or tables.verdict(overview)
    most = max(1, height // 4)
    if len(verdict) > most:
        left = len(verdict) - most + 1
        verdict = [*verdict[: most - 1], plain(f"  and {left} more", "red")]
    for line in verdict:
        line.truncate(width, overflow="ellipsis")
    redis = _redis(overview.servers, width, most)
    parts: list[RenderableType] = [_title(overview), *verdict, Text()]
    left = height - len(parts) - len(redis) - 1
    if view.series is not None and len(view.series.total) > 1 and left >= 14:
        parts += [*_charts(view.series, overview.at, width), Text()]
        left -= 3

    present = _present(overview)
    shown = present[: max(1, left - 6)]
    empty = plain(f"looked at {view.where}")
    parts.append(tables.nodes(shown, overview.at, width) if shown else empty)
    left -= len(shown) + 1
    if len(shown) < len(present):
        parts.append(plain(f"and {len(present) - len(shown)} more", "dim"))
        left -= 1

    happened = min(len(overview.incidents), max(0, (left - 2) // 2), 10)
    rows = min(max(0, left - 2 - (happened + 1 if happened else 0)), _longest(overview))
    if rows > 0:
        parts += [Text(), _tops(overview, rows, width)]
        left -= rows + 2
    happened = min(len(overview.incidents), max(0, left - 1))
    if happened:
        parts.append(Text())
        for incident in overview.incidents[:happened]:
            line = tables.incident(incident)
            line.truncate(width, overflow="ellipsis")
            parts.append(line)
        left -= happened + 1
    parts += [Text()] * max(0, left)
    return [*parts, Text(), *redis]


def _present(overview: Overview) -> list[Status]:
    """The nodes without those that stopped in good order a while ago: they're of no concern."""
    return [
        node
        for node in overview.nodes
        if node.why != (STOPPED,) or overview.at - node.at < WRONG_FOR * 1000
    ]


def _trouble(view: View) -> list[Text]:
    if not view.trouble:
        return []
    return [
        plain(view.trouble, "bold red"),
        plain(f"nothing newer for {view.seconds} s; what is below is as old", "red")
        if view.overview is not None
        else Text(),
    ]


def _title(overview: Overview | None) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    line.add_column(justify="right", no_wrap=True)
    head = Text("chorus", "bold")
    if overview is not None:
        head.append_text(plain(f"  {tables.totals(overview, 'out/s')}"))
    line.add_row(head, Text(f" {tables.clock(overview.at)} UTC" if overview else "", "dim"))
    return line


def _charts(series: Series, now: int, width: int) -> list[Text]:
    """The last hour, lines a second and people: each a row of bars that ends now (Unix ms)."""
    lines, people = ([(p.at, getattr(p, name)) for p in series.total] for name in _CHARTED)
    made = []
    for label, points, shown in (("lines/s", lines, rate), ("people", people, "{:,.0f}".format)):
        most = f"{shown(max(value for _, value in points))} at most in an hour"
        line = Text(f"{label:<9}", "dim")
        room = min(_MOST_BARS, width - len(most) - 11)
        line.append(bars(points, now - _HOUR, now, room), "cyan")
        line.append(f"  {most}", "dim")
        made.append(line)
    return made


def bars(points: Sequence[tuple[int, float]], since: int, until: int, many: int) -> str:
    """So many bars for as many spans of a time (ms), each its highest point; a space if it has
    none. The highest of all is as high as a line is.
    """
    spans: dict[int, float] = {}
    for at, value in points:
        i = min(many - 1, (at - since) * many // (until - since))
        spans[i] = max(value, spans.get(i, 0.0))
    return "".join(_bar(spans.get(i), max(spans.values(), default=0.0)) for i in range(many))


def _bar(value: float | None, most: float) -> str:
    if value is None:
        return " "
    return _BARS[round(value / most * (len(_BARS) - 1)) if most > 0 else 0]


def _longest(overview: Overview) -> int:
    return max(len(_channels(overview)), len(overview.talkers))


def _channels(overview: Overview) -> list[tuple[str, int | None, float]]:
    """The busiest channels, then the largest: names, members if they're known, lines a second."""
    members = {fold(each.name): each.members for each in overview.largest}
    busy = [(each.name, members.get(fold(each.name)), each.rate) for each in overview.busiest]
    named = {fold(name) for name, _, _ in busy}
    quiet: list[Sized] = [each for each in overview.largest if fold(each.name) not in named]
    return busy + [(each.name, each.members, 0.0) for each in quiet]


def _tops(overview: Overview, rows: int, width: int) -> RenderableType:
    """Channels beside talkers."""
    left = (width - 2) * 3 // 5
    channels = tables.table(
        (
            Column("CHANNEL", gives=True),
            Column("PEOPLE", right=True),
            Column("LINES/S", right=True),
        ),
        (
            (name, "" if members is None else f"{members:,}", rate(lines))
            for name, members, lines in _channels(overview)[:rows]
        ),
        left,
        fill=True,
    )
    talkers = tables.table(
        (Column("TALKER", gives=True), Column("LINES/S", right=True)),
        ((each.name, rate(each.rate)) for each in overview.talkers[:rows]),
        width - 2 - left,
        fill=True,
    )
    beside = Table.grid(padding=(0, 2, 0, 0))
    beside.add_column(width=left)
    beside.add_column(width=width - 2 - left)
    beside.add_row(channels, talkers)
    return beside


def _redis(servers: Sequence[Server], width: int, most: int) -> list[Text]:
    lines = [plain(tables.redis(server)) for server in servers[:most]]
    if len(servers) > most:
        lines.append(plain(f"and {len(servers) - most} more", "dim"))
    slow = [row for server in servers for row in server.slow]
    if slow:
        slowest = sorted(slow, key=lambda each: -each.seconds)[:3]
        told = ", ".join(f"{each.command} {delay(each.seconds)}" for each in slowest)
        lines.append(plain(f"slowest of late: {told}", "dim"))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines
