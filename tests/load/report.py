"""docs/benchmarks.md, written whole: what was measured, with what, and how to read it.

Must not know how anything is measured.
"""

from collections.abc import Sequence

from tests.load.cases import Case
from tests.load.measure import command
from tests.load.servers import Server
from tests.load.table import Table

PAIRS = Sequence[tuple[str, str]]

HEAD = """\
<!-- Made by `make bench`, which writes all of it anew. -->

# Benchmarks

What chorus costs, beside servers that do the same work in the same run: the server that a first
tutorial of Twisted builds (`tests/load/tutorial.py`: one process, each line to everybody), Redis
itself with everybody connected to it, and other chat servers where they are installed. `make bench`
measures everything and writes this page. `make bench-quick` takes less than two minutes, measures
chorus and the two yardsticks once, and writes nothing. Both need Linux and a C compiler.
"""

READ = """\
## How to read it

- **CPU per delivery comes first.** It's the time that all processes of a server used, Redis
  included, over all copies of messages that they delivered. The load generator shares the machine
  with what it measures, and so do other jobs: deliveries/s and latencies move with them. CPU per
  delivery, and ratios between servers of one run, hold within about a fifth.
- *As fast as it goes* keeps 64 messages (256 with many channels) under way. The faster a server,
  the more it can do at once, and the less a delivery costs: compare servers, not with the cases at
  a fixed rate. There each message is alone, and what is paid is mostly one system call per copy.
  Latency there counts from when a message was due.
- A message has 100 bytes. Every copy is checked: that it came once, whole, in its sender's order,
  from its sender, in its channel. The last line counts what was not so, with connections that were
  lost and cycles that failed. If anything but 0 stands there, the benchmark fails.
- *Connect, nick, join, part, quit*: 50 people at once do that over and over in 16 channels, each
  waiting for every answer. Each repetition has a new server. InspIRCd lets people in once a second,
  whatever the load, so there 1,000 do, and its cycles/s say nothing. ngIRCd lets 10 connections
  wait, so there 8 do.
- *Idle sessions* have a nick and are in no channel. The memory is that of all processes. The
  tutorial's server keeps nothing about anybody.
- With appendonly, Redis writes each message to a file and has the disk take it once a second, as
  with `make up`. Redis pub/sub, the tutorial's server and the peers keep nothing.
- The tutorial's server and Redis send everybody their own lines too; these are counted as
  deliveries.
"""


def document(
    tables: Sequence[Table],
    cases: Sequence[Case],
    machine: PAIRS,
    versions: PAIRS,
    date: str,
    repetitions: int,
) -> str:
    """The page."""
    main, *others = tables
    parts = [
        HEAD,
        f"Measured on {date}; each figure is the median of {repetitions} repetitions.\n",
        f"## {main.title}\n\n{main.markdown()}\n",
        "## Scaling, and what limits\n",
        *(f"### {table.title}\n\n{table.markdown()}\n" for table in others),
        READ,
        f"## The machine\n\n{listed(machine)}\n\nVersions:\n\n{listed(versions)}\n",
        f"## The commands\n\n{commands(cases, repetitions)}",
    ]
    return "\n".join(parts)


def listed(pairs: PAIRS) -> str:
    """As a list."""
    return "\n".join(f"- {name}: {value}" for name, value in pairs)


def commands(cases: Sequence[Case], repetitions: int) -> str:
    """How servers are started and what the generator is told."""
    lines = []
    for case in cases:
        words = command(case, Server("slash", [], []), 1 if case.fresh else repetitions, 60.0)
        words[words.index("--seconds") + 1] = str(case.seconds)
        lines.append(" ".join(["build/generator", *words]))
    return COMMANDS.format(generator="\n".join(lines))


COMMANDS = """\
`make bench` starts each server anew for each case, with free ports of 127.0.0.1, and ends it. A
node of chorus, beside a Valkey or Redis with `appendonly yes`, `appendfsync everysec`, `save ""`:

```
python -m node node --line tcp:0:interface=127.0.0.1 --lobby '' --no-limits --redis URL --name NAME
```

The generator, with a `--port` for each node and a `--pid` for each process of the server's added,
for the other servers `--dialect irc`, `tutorial` or `redis`, for ngIRCd `--parallel 8` and
`--oper 'bench bench'`, for InspIRCd `--parallel 1000`:

```
{generator}
```

For scaling, people beside those who are measured: `--bystanders 18500`, or `--bystanders 10` with
`--aside PORT` for the other node, where `--rate=-1` is silence. With `make bench-quick`
measurements take 0.7 seconds.
"""
