"""What was read of a cluster, as tables and sentences for a terminal. Pure.

Names and texts are people's: they're made harmless, and are never markup.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from broker.reports import STOPPED, Incident, Kind, Overview, Server, State, Status
from node.dialects.slash.harmless import harmless
from node.operate.reading import Channel, Session
from node.operate.units import STYLES, delay, many, rate, share, size, span

GRAVE = {Kind.LOST, Kind.AWAY, Kind.FORGOTTEN, Kind.GAP, Kind.FAILOVER}
"""Kinds of incidents that are shown as bad news."""

_LEAST = 8
"""Columns that are left of a cell that is cut, at least."""

MANY = 500
"""Rows of a table beyond which each costs less. Rich takes 0.2 ms to lay out and colour one."""


class Column(NamedTuple):
    """A column of a table. `wide`: from how many columns of a terminal on it's shown. `gives`:
    whether its cells are cut if there isn't room for all.
    """

    heading: str
    right: bool = False
    wide: int = 0
    gives: bool = False


def plain(words: str, style: str = "") -> Text:
    """Somebody's words, or ours, as they are."""
    return Text(harmless(words), style=style)


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str | Text]],
    width: int = 0,
    *,
    fill: bool = False,
) -> RenderableType:
    """Rows under headings, a line each; without those columns for which `width` is too small (0:
    any is enough). `fill`: what is left of it is given to columns that give.

    More than MANY have no colours, and are cut where the line ends.
    """
    shown = [i for i, column in enumerate(columns) if not width or column.wide <= width]
    rows = list(rows)
    if len(rows) > MANY:
        return _Lines([columns[i] for i in shown], [[row[i] for i in shown] for row in rows])
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=fill)
    for column in (columns[i] for i in shown):
        made.add_column(
            column.heading,
            justify="right" if column.right else "left",
            no_wrap=not column.gives,  # those that may be wrapped are made narrower, if need be
            min_width=_LEAST if column.gives else None,
            ratio=1 if fill and column.gives else None,
        )
    for row in rows:
        made.add_row(*(_cell(row[i]) for i in shown))
    return made


def _cell(words: str | Text) -> Text:
    text = plain(words) if isinstance(words, str) else words
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


class _Lines(NamedTuple):
    """Rows under headings as lines, for what would cost too much as a table."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Text]]

    def __rich_console__(self, _: Console, __: ConsoleOptions) -> Iterator[Segment]:
        headings = [column.heading for column in self.columns]
        lines = [headings, *([_words(cell) for cell in row] for row in self.rows)]
        widths = [
            max(_LEAST if column.gives else 0, *map(cell_len, cells))
            for column, cells in zip(self.columns, zip(*lines, strict=True), strict=True)
        ]
        for line in lines:
            cells = []
            for column, width, cell in zip(self.columns, widths, line, strict=True):
                room = " " * (width - cell_len(cell))
                cells.append(room + cell if column.right else cell + room)
            yield Segment("  ".join(cells))
            yield Segment.line()


def _words(cell: str | Text) -> str:
    return harmless(cell) if isinstance(cell, str) else cell.plain


_NODES = (
    Column("NODE", gives=True),
    Column("STATE"),
    Column("UP", right=True),
    Column("PEOPLE", right=True),
    Column("LINES/S", right=True),
    Column("OUT/S", right=True, wide=72),
    Column("CPU", right=True, wide=56),
    Column("LAG", right=True, wide=48),
    Column("PROBE", right=True, wide=92),
    Column("MEMORY", right=True, wide=64),
    Column("VERSION", wide=104),
)


def nodes(found: Sequence[Status], now: int, width: int = 0) -> RenderableType:
    """Each node in a line. `now`: Unix ms."""
    return table(_NODES, (_node(status, now) for status in found), width)


def _node(status: Status, now: int) -> Sequence[str | Text]:
    state = Text(status.state.value, "dim" if status.why == (STOPPED,) else STYLES[status.state])
    if status.state is State.GONE:
        since = f"{span((now - status.at) / 1000)} ago"
        return [plain(status.node, "dim"), state, plain(since, "dim"), *("",) * 8]
    return [
        status.node,
        state,
        span((now - status.started) / 1000) if status.started else "",
        f"{sum(status.sessions.values()):,}",
        rate(status.line_rate),
        rate(status.delivery_rate),
        share(status.cpu),
        delay(status.loop_lag),
        delay(status.probe),
        size(status.memory),
        status.version,
    ]


_CHANNELS = (
    Column("CHANNEL", gives=True),
    Column("PEOPLE", right=True),
    Column("LINES/S", right=True),
    Column("TOPIC", gives=True),
)


def channels(found: Iterable[Channel], width: int = 0) -> RenderableType:
    """Each channel in a line."""
    rows = ([c.channel, f"{c.members:,}", rate(c.line_rate), c.topic] for c in found)
    return table(_CHANNELS, rows, width)


_SESSIONS = (
    Column("NICK"),
    Column("NODE", gives=True),
    Column("SINCE", wide=72),
    Column("STATE"),
    Column("CHANNELS", gives=True),
)


def sessions(found: Iterable[Session], width: int = 0) -> RenderableType:
    """Each session in a line."""
    return table(_SESSIONS, (_session(session) for session in found), width)


def _session(session: Session) -> Sequence[str | Text]:
    if session.ends is not None:
        state = plain("detached", "yellow")
    elif session.away is not None:
        state = plain(f"away: {session.away}" if session.away else "away", "dim")
        state.truncate(20, overflow="ellipsis")
    else:
        state = Text("here")
    since = moment(session.since) if session.since is not None else ""
    return [session.nick, session.node, since, state, " ".join(session.channels)]


def moment(ms: int) -> str:
    """A date and a time in UTC."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(ms / 1000))


def clock(ms: int) -> str:
    """A time of the day in UTC, with seconds."""
    return time.strftime("%H:%M:%S", time.gmtime(ms / 1000))


def verdict(overview: Overview) -> list[Text]:
    """Whether all is well, and if not, why, a line for each."""
    if not overview.why:
        return [Text("all is well", "green")]
    return [
        Text("something is wrong", "bold red"),
        *(plain(f"  {words}", "red") for words in overview.why),
    ]


def totals(overview: Overview, out: str = "deliveries/s") -> str:
    """The whole cluster in a line. `out`: what deliveries are called."""
    here = [node for node in overview.nodes if node.state is not State.GONE]
    spoken = ", ".join(f"{count:,} {dialect}" for dialect, count in overview.dialects.items())
    people = many(overview.sessions, "person", "people")
    if len(overview.dialects) > 1:
        people += f" ({spoken})"
    parts = [many(len(here), "node"), people, many(overview.channels, "channel")]
    if overview.kept:
        parts.append(f"{overview.kept:,} detached")
    parts += [f"{rate(overview.line_rate)} lines/s", f"{rate(overview.delivery_rate)} {out}"]
    return ", ".join(parts)


def redis(server: Server) -> str:
    """Redis, or one of its servers, in a line."""
    if not server.connected:
        return f"Redis at {server.place} doesn't answer"
    where = f" at {server.place}" if server.place else ""
    most = f" of {size(server.memory_most)}" if server.memory_most else ""
    parts = [
        f"Redis {server.version} {server.role}{where}".rstrip(),
        f"up {span(server.uptime)}",
        f"{size(server.memory)}{most}",
        many(server.clients, "client"),
        f"{rate(server.commands_rate)} commands/s",
        many(server.keys, "key"),
    ]
    if server.replicas:
        behind = f", {size(server.replica_lag)} behind" if server.replica_lag else ""
        parts.append(f"{many(server.replicas, 'replica')}{behind}")
    return ", ".join(parts)


def incident(told: Incident) -> Text:
    """What happened, in a line."""
    line = Text.assemble(
        (clock(told.at), "dim"),
        " ",
        (told.kind.value, "red" if told.kind in GRAVE else "bold"),
    )
    where = f"{told.about} ({told.node})" if told.about not in ("", told.node) else told.node
    says = f": {told.says}" if told.says else ""
    by = f" (by {told.by})" if told.by else ""
    line.append_text(plain(f" {where}{says}{by}"))
    return line
