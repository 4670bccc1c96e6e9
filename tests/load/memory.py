"""What people and lines take of Redis's memory: `python -m tests.load.memory`.

A node with people who come, join a channel and talk; Redis is asked how much it has before and
after. Must not know what is stored.
"""

import tempfile
from pathlib import Path

import redis

from broker.embedded import Embedded
from tests.support.nodes import Nodes
from tests.support.town import Citizen, settle

PEOPLE = 500
LINES = 1_000
"""As many as a log keeps (`--history-lines`), of 100 bytes."""


def used(client: redis.Redis) -> int:
    """Bytes, all in all."""
    return int(client.info("memory")["used_memory"])


def main() -> None:
    """Measure, and say it."""
    with (
        tempfile.TemporaryDirectory(prefix="chorus-load-") as name,
        Embedded(Path(name) / "redis", port=0, appendonly=False) as server,
        Nodes(server.url, Path(name), "--no-limits", "--no-reports", "--lobby", "") as nodes,
    ):
        (node,) = nodes.start("n1")
        empty = used(nodes.redis)
        people = [Citizen(node, f"p{i}") for i in range(PEOPLE)]
        settle(*people)
        alone = used(nodes.redis)
        for one in people:
            one.does("/join #go")
        joined = used(nodes.redis)
        for _ in range(LINES // 50):
            for _ in range(50):
                people[0].type("x" * 100)
            settle(people[0])
        full = used(nodes.redis)
        print(f"a person            {(alone - empty) / PEOPLE:7.0f} bytes")
        print(f"one in a channel    {(joined - alone) / PEOPLE:7.0f} bytes")
        print(f"a line in a log     {(full - joined) / LINES:7.0f} bytes")


if __name__ == "__main__":
    main()
