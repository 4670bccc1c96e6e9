"""What a node holds in memory while one reader stalls and a channel runs at full rate.

    python -m tests.load.stalled                 eight rounds of 32 MB
    python -m tests.load.stalled --rounds 20 --megabytes 64 --length 200

Each round somebody joins the channel who reads nothing, and somebody on the other node talks as
fast as they are answered. The reader is closed at `--outbox-bytes`; the talk goes on to the end
of the round. Another listener, on the reader's node, reads all of it.
"""

import argparse
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.load.table import Table
from tests.support.nodes import Nodes
from tests.support.redis_server import real_server
from tests.support.town import Town

BURST = 64 * 4000
"""Bytes that are said between two looks at the node."""

CHANNEL = "#loud"


class Round(NamedTuple):
    """Bytes: what the node held before, at most, and after; what was said, and how much of it
    before the stalled reader was closed.
    """

    before: int
    most: int
    after: int
    said: int
    endured: int


@contextmanager
def running(folder: Path, *flags: str) -> Iterator[Town]:
    """Two nodes, and the server that they share."""
    with ExitStack() as held:
        port = held.enter_context(real_server(folder / "redis"))
        url = f"redis://127.0.0.1:{port}/0"
        nodes = held.enter_context(Nodes(url, folder, "--no-limits", *flags))
        yield held.enter_context(Town(nodes, 2))


def rounds(town: Town, count: int, size: int, length: int = 4000) -> Iterator[Round]:
    """So many, in each of which so many bytes are said, in lines of so many bytes."""
    node = town.nodes[0]
    talker, listener = town.person("talker", CHANNEL, on=2), town.person("listener", CHANNEL)
    line = "x" * length
    for number in range(count):
        before = most = node.memory
        said, endured = 0, 0
        nick = f"stalled{number}"
        with closing(_stalled(node.line, nick)):
            listener.until(f"{nick} has joined")
            while said < size or not endured:
                for _ in range(BURST // length):
                    talker.type(line)
                    said += length
                talker.settle()
                heard = listener.settle()
                listener.heard.clear()
                talker.heard.clear()
                most = max(most, node.memory)
                if not endured and any(each.startswith(f"{nick} has quit") for each in heard):
                    endured = said
        yield Round(before, most, node.memory, said, endured)


def _stalled(port: int, nick: str) -> socket.socket:
    """Somebody in the channel who reads nothing."""
    reader = socket.create_connection(("127.0.0.1", port), 60)
    reader.sendall(f"/nick {nick}\r\n/join {CHANNEL}\r\n".encode())
    return reader


def table(found: list[Round]) -> Table:
    """The rounds, in megabytes."""
    rows = [
        [str(number), *(f"{size / 1e6:.1f}" for size in each)]
        for number, each in enumerate(found, 1)
    ]
    head = ["round", "before", "most", "after", "said", "until it was closed"]
    return Table("A stalled reader, MB", head, rows)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.stalled")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--megabytes", type=float, default=32)
    parser.add_argument("--length", type=int, default=4000, help="bytes of a line")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chorus-") as folder, running(Path(folder)) as town:
        found = rounds(town, arguments.rounds, int(arguments.megabytes * 1e6), arguments.length)
        print(table(list(found)).markdown())


if __name__ == "__main__":
    main()
