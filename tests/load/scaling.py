"""What more nodes and more people cost chorus, and what others' talk costs a node.

    by_nodes     one channel, its people spread over 1, 2, 4, 8 nodes
    by_sessions  the same deliveries on one node, with 500 people there and with 19,000
    by_silence   a node where nobody is in the channel that is loud elsewhere

Each measures, and makes a table.
"""

import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.load.bench import Bench
from tests.load.cases import RATE, Case, Row, channel, fanout, rooms
from tests.load.servers import Server, Start, chorus
from tests.load.table import FAILED, Table, figure, ratio

BOUND = 1.3
"""How many times as much a delivery may cost with more nodes, at the same deliveries/s."""

SIZES = FEW, MANY = 500, 19_000
"""People on one node."""

SPARE_FILES = 200
"""File descriptors that a process needs for other things than people."""


def by_nodes(bench: Bench, counts: Sequence[int]) -> Table:
    """What a delivery costs with so many nodes; the first count is what others are compared to."""
    rows: list[list[str]] = []
    first: list[float] = []
    above: list[str] = []
    case = channel(500, fanout(500), RATE)
    entries = [(f"chorus, nodes: {count}", chorus(count), case) for count in counts]
    for count, found in zip(counts, bench.by_turns(entries), strict=True):
        if found is None:
            rows.append([str(count), *(FAILED,) * 5])
            continue
        full, rate = found
        first = first or [full.cost, rate.cost]
        above += [str(count)] if rate.cost > BOUND * first[1] else []
        rows.append(
            [
                str(count),
                figure(rate.cost),
                ratio(rate.cost / first[1]),
                figure(full.cost),
                ratio(full.cost / first[0]),
                figure(full.per_second),
            ]
        )
    head = (
        "nodes",
        "µs at 20,000 deliveries/s",
        "of one node's",
        "µs as fast as it goes",
        "of one node's",
        "deliveries/s as fast as it goes",
    )
    remark = NODES.format(bound=BOUND, above=", ".join(above) or "none")
    return Table("One channel of 500, spread over nodes", head, rows, remark)


NODES = """\
µs: CPU of all nodes and of Redis per delivery. At the same deliveries/s it should stay within
{bound} times of what it is with one node; above that here: {above}. As fast as it goes, a delivery
costs so little that what each node does once for each message, however few people it has, makes
the difference."""


def by_sessions(bench: Bench) -> Table:
    """What a delivery costs on a node with few people and on one with many."""
    title = f"{FEW} and {MANY:,} sessions on one node"
    head = (
        "the same deliveries",
        f"µs with {FEW} sessions",
        f"µs with {MANY:,}",
        f"of that with {FEW}",
    )
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < MANY + SPARE_FILES:
        skipped = f"Skipped: a process may have {hard:,} files open here, which is too few."
        return Table(title, head, [], skipped)
    crowd = ("--bystanders", str(MANY - FEW))
    talk = channel(500, RATE)
    cases = [
        ("one channel of 500, the others in channels of 10 and silent", talk, _more(talk, *crowd)),
        ("all in channels of 10, 1,000 messages/s", rooms(50, THOUSAND), rooms(1900, THOUSAND)),
    ]
    rows = []
    for name, few, many in cases:
        entries = [
            (f"chorus, 1 node, {n:,} sessions", chorus(1), c)
            for n, c in zip(SIZES, (few, many), strict=True)
        ]
        both = bench.by_turns(entries)
        costs = [found[0].cost for found in both if found is not None]
        if len(costs) < 2:
            rows.append([name, *(FAILED,) * 3])
        else:
            rows.append([name, *map(figure, costs), ratio(costs[1] / costs[0])])
    return Table(title, head, rows, "µs: CPU of the node and of Redis per delivery.")


THOUSAND = Row("thousand", "channels of 10, 1,000 messages/s", 1000)


def by_silence(bench: Bench) -> Table:
    """The CPU of a node where nobody is in the channel, with that channel silent and loud."""
    head = ("share of a core", "the channel's node", "the other node", "Redis")
    title = "A channel that nobody on a node is in"
    found = bench.figures("chorus, 2 nodes", _apart(chorus(2)), channel(500, SILENCE, fanout(500)))
    if found is None:
        return Table(title, head, [["", *(FAILED,) * 3]])
    rows = [
        [name, *(f"{share:.2%}" for share in figures.cpu)]
        for name, figures in zip(("nobody talks", "as fast as it goes"), found, strict=True)
    ]
    return Table(title, head, rows, SILENT)


SILENCE = Row("silence", "nobody talks", -1)

SILENT = """\
A channel of 500, all of them on one node. On the other node are ten people in another channel."""


def _more(case: Case, *arguments: str) -> Case:
    return case._replace(arguments=(*case.arguments, *arguments))


def _apart(start: Start) -> Start:
    """The same two nodes: those who are measured on the first, ten others on the second."""

    @contextmanager
    def started(folder: Path) -> Iterator[Server]:
        with start(folder) as server:
            here, there = server.ports
            options = (*server.options, "--bystanders", "10", "--aside", str(there))
            yield server._replace(ports=[here], options=options)

    return started
