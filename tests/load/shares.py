"""Where a message's CPU goes: which process, and what Redis could take at most.

    by_process  a message on two nodes, process by process
    by_lines    what Redis needs for a line, when it's never idle: one, or many, in a call

Each measures, and makes a table.
"""

import secrets
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import redis

from broker.embedded import Embedded
from broker.events import Said, encode
from broker.keys import Keys
from broker.scripts import load
from tests.load.bench import Bench
from tests.load.cases import RATE, ROOMS, ROOMS_RATE, channel, fanout, rooms
from tests.load.servers import chorus
from tests.load.table import FAILED, Table, figure

TALKS = [(channel(500, fanout(500), RATE), 499), (rooms(200, ROOMS, ROOMS_RATE), 9)]
"""Cases, and to how many people a message goes there."""


def by_process(bench: Bench) -> Table:
    """What a message costs on two nodes, in each process."""
    rows = []
    for case, copies in TALKS:
        found = bench.figures("chorus, 2 nodes", chorus(2), case)
        for i, row in enumerate(case.rows):
            if found is None:
                rows.append([row.title, *(FAILED,) * 4])
                continue
            messages = found[i].per_second / copies
            shares = [share * 1e6 / messages for share in found[i].cpu]
            rows.append([row.title, figure(messages), *map(figure, shares)])
    head = ("µs of CPU per message", "messages/s", "one node", "the other", "Redis")
    return Table("Where a message's CPU goes", head, rows)


LINES = (1, 4, 16)
"""Lines in a call."""


def by_lines(seconds: float) -> Table:
    """What Redis needs for a line of 100 bytes in `say.lua`, with two nodes that hear it."""
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="chorus-load-") as folder,
        Embedded(Path(folder) / "redis", port=0) as server,
    ):
        port = urlsplit(server.url).port
        assert port is not None
        with redis.Redis(port=port) as client:
            for lines in LINES:
                us = _us_per_line(client, port, server.pid, lines, seconds)
                rows.append([str(lines), figure(us), figure(1e6 / us)])
    head = ("lines in a call", "µs of Redis's CPU per line", "lines/s that fill its core")
    return Table("What Redis takes", head, rows, "Calls come pipelined: Redis is never idle.")


def _us_per_line(client: redis.Redis, port: int, pid: int, lines: int, seconds: float) -> float:
    scripts, keys = load(), Keys(f"load-{lines}").channel("#go")
    for name in ("join", "say"):
        client.script_load(scripts[name].text)
    token, far = secrets.token_hex(16), int(time.time() * 1000) + 3_600_000
    member = ('"#go"', 1000, "sid", token, 1, "nick", "", "a", "epoch", "#go", "", 1, 0, 0, far, "")
    client.evalsha(scripts["join"].sha, 3, *keys, *member)
    body = encode(Said("sid", 1, "nick", "x" * 100))
    num, said = 1, 0
    with redis.Redis(port=port) as one, redis.Redis(port=port) as other:
        hearing = [one.pubsub(), other.pubsub()]
        for each in hearing:
            each.subscribe(keys.log)
        began, before = time.monotonic(), cpu_us(pid)
        while time.monotonic() < began + seconds:
            pipeline = client.pipeline(transaction=False)
            for _ in range(64):
                flat: list[str | int | bytes] = ['"#go"', 1000]
                for _ in range(lines):
                    num += 1
                    flat += ["sid", token, num, body]
                pipeline.evalsha(scripts["say"].sha, 3, *keys, *flat)
                said += lines
            pipeline.execute()
            for each in hearing:
                while each.get_message() is not None:
                    pass
        return (cpu_us(pid) - before) / said


def cpu_us(pid: int) -> float:
    """CPU time of a process so far."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1000
