"""What a node's reports cost it: `python -m tests.load.reports [SECONDS]`. Linux.

Two nodes, one of which tells Redis nothing of itself, have as many people in as many channels,
who talk at the same rate. What the other takes of a core beyond that is what telling costs. Must
not know what is told.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from broker.embedded import Embedded
from tests.support.nodes import NodeProcess, Nodes
from tests.support.town import Citizen, settle

PEOPLE, CHANNELS = 200, 20
"""On each node."""

LINES = 20
"""A second, on each node."""

TICKS = os.sysconf("SC_CLK_TCK")


def used(node: NodeProcess) -> float:
    """Seconds of a core that a node has taken so far (proc(5))."""
    told = Path(f"/proc/{node.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(told[11]) + int(told[12])) / TICKS


def crowd(node: NodeProcess) -> list[Citizen]:
    """People on a node, in its own channels."""
    came = [Citizen(node, f"{node.name}-{i}") for i in range(PEOPLE)]
    for i, person in enumerate(came):
        person.type(f"/join #{node.name}-{i % CHANNELS}")
    settle(*came)
    return came


def measure(folder: Path, seconds: float) -> dict[str, float]:
    """Shares of a core, by node."""
    with (
        Embedded(folder / "redis", port=0, appendonly=False) as redis,
        Nodes(redis.url, folder, "--no-limits") as nodes,
    ):
        pair = [nodes.launch("telling"), nodes.launch("silent", "--no-reports")]
        crowds = [crowd(node.serve()) for node in pair]
        before, began = [used(node) for node in pair], time.monotonic()
        lines = 0
        while (elapsed := time.monotonic() - began) < seconds:
            if lines < elapsed * LINES:
                for people in crowds:
                    people[lines % PEOPLE].type("hello")
                lines += 1
            time.sleep(0.25 / LINES)
        shares = [(used(node) - b) / elapsed for node, b in zip(pair, before, strict=True)]
        for people in crowds:
            for person in people:
                person.close()
        return {node.name: share for node, share in zip(pair, shares, strict=True)}


def main() -> None:
    """Measure and tell."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    with tempfile.TemporaryDirectory(prefix="chorus-reports-") as folder:
        shares = measure(Path(folder), seconds)
    telling, silent = shares["telling"], shares["silent"]
    print(f"{PEOPLE} people in {CHANNELS} channels, {LINES} lines a second, {seconds:g} s:")
    print(f"  a node that tells Redis how it is takes {telling:.2%} of a core,")
    print(f"  one that doesn't {silent:.2%}: reports cost {telling - silent:.2%}.")


if __name__ == "__main__":
    main()
