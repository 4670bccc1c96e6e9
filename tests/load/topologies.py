"""What a message costs Redis, and how many Redis can take: one, and Redis Clusters.

    python -m tests.load.topologies [--seconds 3]

    driver ─ say.lua, pipelined, over many channels ─> each master ─ its topics ─> listeners

No node takes part: calls are those that nodes make, and as many listen as nodes would. Throughput
itself can't be compared on a machine of a few cores, which all servers share with who drives them.
What can be is the CPU that each server takes for a message. When that fills the core of the
busiest, Redis is full.
"""

import argparse
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import redis

from broker.embedded import Embedded
from broker.events import Said, encode
from broker.keys import Keys
from broker.scripts import load
from tests.load.shares import cpu_us
from tests.load.table import Table, figure, ratio
from tests.support.processes import await_fact
from tests.support.redis_cluster import RedisCluster

CHANNELS = 300
DRIVERS = 4
"""Connections to each server that say something."""
NODES = 3
"""Connections to each server that hear all its channels."""
CALLS = 32
"""Messages of each driver that are under way at a time."""


class Place(NamedTuple):
    """A server that takes messages, and the channels whose it is."""

    port: int
    pid: int
    channels: list[str]


class Cost(NamedTuple):
    """Microseconds of CPU for a message, of all messages: of each server."""

    messages: int
    us: list[float]

    @property
    def busiest(self) -> float:
        """Of the server that has most to do."""
        return max(self.us)

    @property
    def full(self) -> float:
        """Messages per second at which its core is full."""
        return 1e6 / self.busiest


class _Driver:
    """Says something in the channels of one server, as a node would."""

    def __init__(self, place: Place, keys: Keys, number: int, *, sharded: bool) -> None:
        self._keys = keys
        self._scripts = load(sharded=sharded)
        self._sid, self._token = f"sid{number}", secrets.token_hex(16)
        self._number = 0
        self._client = redis.Redis(port=place.port)
        self._connection: Any = self._client.connection_pool.get_connection()
        self._channels = place.channels
        self._body = encode(Said(self._sid, 1, f"nick{number}", "x" * 100))
        for name in ("join", "say"):
            self._client.script_load(self._scripts[name].text)
        far = int(time.time() * 1000) + 3_600_000
        about = (self._sid, self._token, 1, f"nick{number}", "", "a", "epoch")
        for channel in place.channels:
            rules = ("", "", 0, 0, "", "", "", "", "")
            arguments = (f'"{channel}"', 1000, *about, channel, "", 1, 0, 0, far, "", *rules)
            self._call("join", channel, *arguments)

    def _call(self, script: str, channel: str, *arguments: Any) -> Any:
        keys = self._keys.channel(channel)
        return self._client.evalsha(self._scripts[script].sha, len(keys), *keys, *arguments)

    def send(self, rng: random.Random) -> None:
        """Some messages, one in a call, without waiting for what comes of them."""
        calls = []
        for channel in rng.choices(self._channels, k=CALLS):
            self._number += 1
            number = self._number + 1
            line = (f'"{channel}"', 1000, "", self._sid, self._token, number, self._body)
            keys = self._keys.channel(channel)
            calls.append(("EVALSHA", self._scripts["say"].sha, len(keys), *keys, *line))
        self._connection.send_packed_command(self._connection.pack_commands(calls))

    def settle(self) -> None:
        """Wait until they are said."""
        for _ in range(CALLS):
            assert b"0" == self._connection.read_response(), "it wasn't said"

    def close(self) -> None:
        self._client.connection_pool.release(self._connection)
        self._client.close()


class _Listener:
    """Hears all channels of one server."""

    def __init__(self, place: Place, keys: Keys, *, sharded: bool) -> None:
        self._client = redis.Redis(port=place.port)
        self._hearing = self._client.pubsub()
        self._connection: Any = None
        topics = [keys.channel(channel).log for channel in place.channels]
        command = "SSUBSCRIBE" if sharded else "SUBSCRIBE"
        for topic in topics:
            self._hearing.execute_command(command, topic)
        self._connection = self._hearing.connection
        for _ in topics:
            self._connection.read_response(push_request=True)
        self._heard = 0

    def hear(self) -> int:
        """Read all that has come by now; how many messages that is since the beginning."""
        while self._connection.can_read(timeout=0):
            self._connection.read_response(push_request=True)
            self._heard += 1
        return self._heard

    def close(self) -> None:
        self._hearing.close()
        self._client.close()


def drive(places: Sequence[Place], keys: Keys, seconds: float, *, sharded: bool) -> Cost:
    """Say something in all channels, as often, for some seconds."""
    rng = random.Random(1)
    with ExitStack() as open_ones:
        drivers, listeners = [], []
        for place in places:
            for number in range(DRIVERS):
                drivers.append((place, _Driver(place, keys, number, sharded=sharded)))
                open_ones.callback(drivers[-1][1].close)
            for _ in range(NODES):
                listeners.append(_Listener(place, keys, sharded=sharded))
                open_ones.callback(listeners[-1].close)
        said: defaultdict[int, int] = defaultdict(int)
        before = [cpu_us(place.pid) for place in places]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for _, driver in drivers:
                driver.send(rng)
            for place, driver in drivers:
                driver.settle()
                said[place.port] += CALLS
            for listener in listeners:
                listener.hear()
        expected = NODES * sum(said.values())
        await_fact(lambda: sum(listener.hear() for listener in listeners) == expected)
        spent = [cpu_us(place.pid) - was for place, was in zip(places, before, strict=True)]
    # each was driven equally; in the field each gets what its channels are
    shares = [len(place.channels) / CHANNELS for place in places]
    each = [
        us / said[place.port] * share
        for us, place, share in zip(spent, places, shares, strict=True)
    ]
    return Cost(sum(said.values()), each)


@contextmanager
def one(folder: Path, keys: Keys) -> Iterator[list[Place]]:
    """One Redis."""
    with Embedded(folder / "one", port=0) as server:
        port = urlsplit(server.url).port
        assert port is not None
        yield [Place(port, server.pid, _channels())]


@contextmanager
def cluster(folder: Path, keys: Keys, masters: int) -> Iterator[list[Place]]:
    """A Redis Cluster without replicas: channels are where their names put them."""
    with RedisCluster(folder / f"{masters}", masters=masters, appendonly=True) as shards:
        found = {each.port: Place(each.port, each.server.pid, []) for each in shards.masters}
        for channel in _channels():
            found[shards.master_of(keys.channel(channel).log).port].channels.append(channel)
        yield list(found.values())


def _channels() -> list[str]:
    return [f"#room{i}" for i in range(CHANNELS)]


def topologies(seconds: float, masters: Sequence[int] = (3, 6)) -> tuple[Table, list[Cost]]:
    """Measure all, by turns; the table, and the costs of one Redis and of each cluster."""
    keys = Keys("load")
    names = ["one Redis", *(f"Redis Cluster, {count} masters" for count in masters)]
    with tempfile.TemporaryDirectory(prefix="chorus-load-") as made, ExitStack() as running:
        folder = Path(made)
        there = [running.enter_context(one(folder, keys))]
        there += [running.enter_context(cluster(folder, keys, count)) for count in masters]
        costs = [
            drive(places, keys, seconds, sharded=index > 0) for index, places in enumerate(there)
        ]
    alone = costs[0]
    rows = [
        [
            name,
            figure(sum(cost.us)),
            figure(cost.busiest),
            f"{max(len(place.channels) for place in places) / CHANNELS:.0%}",
            figure(cost.full),
            ratio(cost.full / alone.full),
        ]
        for name, cost, places in zip(names, costs, there, strict=True)
    ]
    return Table("A message at Redis, by topology", HEAD, rows, REMARK), costs


HEAD = (
    "topology",
    "µs of all servers",
    "µs of the busiest",
    "channels there",
    "messages/s that fill its core",
    "of one Redis",
)

REMARK = f"""\
µs: CPU of Redis per message. There is one in each call, all {CHANNELS} channels have as many, and
{NODES} nodes hear them. The messages per second are reckoned from that, not seen: here all servers
share a few cores with who drives them. A channel is at one master: one that alone is more than a
core can do isn't helped by a cluster."""


def main() -> int:
    """Measure and print; the exit status is 1 if 3 masters don't carry twice what one does."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.topologies")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each topology")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended
    table, costs = topologies(arguments.seconds)
    print(f"{table.title}\n\n{table.markdown()}")
    if costs[1].full < 2 * costs[0].full:
        print("\nWRONG: 3 masters don't carry twice what one Redis does")
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
