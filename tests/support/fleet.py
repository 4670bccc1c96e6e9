"""A few brokers of one cluster, each with a recording sink, whatever the cluster is made of.

    Fleet ── node() ──> Node: a broker and its sink
      │                 outages: lose, restore, evict, forget, fail_over
      ├─ MemoryFleet    broker.memory on one World
      └─ RedisFleet     broker.cluster on a server, each broker behind a relay of its own

Must not know what is tested.
"""

import random
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import redis
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from broker.address import Place
from broker.api import Broker, Code, Identity, Refused
from broker.events import Event
from broker.keys import Keys
from broker.memory import Memory, World
from tests.support.redis_server import replica
from tests.support.relay import Relay
from tests.support.sinks import Evicted, NickLost, Record
from tests.support.spin import eventually, gather, reactor

_sids = count(1)

UNHURRIED = {"deadline": 20.0, "patience": 200.0}
"""Seconds: what a broker gives its server, unless a test is about that. On a busy machine, where
fakeredis shares this process, a thousand calls at once take longer than a node would wait.
"""


def somebody(nick: str, **details: Any) -> Identity:
    """A person whom no broker knows yet."""
    return Identity(f"sid{next(_sids)}", secrets.token_hex(8), nick, **details)


class Node:
    """One broker with its sink, and the ways in which tests use them all the time."""

    def __init__(self, name: str, broker: Broker, sink: Record) -> None:
        self.name = name
        self.broker = broker
        self.sink = sink
        self.people: list[Identity] = []

    async def enter(self, nick: str, *channels: str, **how: Any) -> Identity:
        """Somebody comes to this node and joins channels; `how` is as for `Broker.join`."""
        me = somebody(nick)
        await self.broker.open(me)
        self.people.append(me)
        for channel in channels:
            await self.join(me, channel, **how)
        return me

    async def join(self, me: Identity, channel: str, **how: Any) -> Any:
        """Follow and join, as a node's core does; the Arrival."""
        await self.broker.follow(channel)
        return await self.broker.join(me, channel, **how)

    async def say(self, me: Identity, channel: str, text: str, action: bool = False) -> None:
        """Say a line and wait until it's settled. Raises Refused."""
        settled: Deferred[Refused | None] = Deferred()
        self.broker.say(me, channel, text, action, settled.callback)
        refused = await settled
        if refused is not None:
            raise refused

    async def heard(self, log: str) -> list[Event]:
        """All events of a log that this node heard, once all that was accepted is there."""
        await self.broker.barrier()
        return self.sink.heard(log)


async def refusal(command: Any) -> Code | None:
    """The code with which a command is refused; None if it isn't."""
    try:
        await command
    except Refused as refused:
        return refused.code
    return None


class Fleet(ABC):
    """A cluster of a test's own."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    async def start(self, name: str = "", **settings: Any) -> Node:
        """One more node. `settings`: the lease and the bounds that a test cares about."""
        name = name or f"node{len(self.nodes) + 1}"
        node = Node(name, await self._broker(name, settings), Record())
        await node.broker.start(node.sink)
        self.nodes.append(node)
        return node

    async def stop(self) -> None:
        """Stop all nodes that weren't stopped or killed."""
        await gather(node.broker.stop() for node in self.nodes)
        self.nodes.clear()

    async def restore(self, node: Node) -> None:
        """The node finds its broker again; returns when it was told all that it missed."""
        backs = node.sink.told.count("back")
        self._mend(node)
        await node.sink.until(lambda: node.sink.told.count("back") > backs)

    async def evict(self, node: Node, seen_by: Node) -> None:
        """The node loses its broker for longer than its lease; the other has seen it end."""
        self._cut(node)
        self._end_lease(node)
        await self.ended(node, seen_by)

    async def ended(self, node: Node, seen_by: Node) -> None:
        """Returns when the other has seen the people of a node leave."""

        async def left() -> list[str]:
            found = [(me.nick, seen_by.broker.person(me.nick)) for me in node.people]
            return [nick for nick, person in found if await refusal(person) is None]

        nobody: list[str] = []
        await eventually(left, nobody)
        await seen_by.broker.barrier()

    async def lose(self, node: Node) -> None:
        """The node loses its broker; returns when it was told so."""
        if node.broker.ready:
            aways = node.sink.told.count("away")
            self._cut(node)
            await node.sink.until(lambda: node.sink.told.count("away") > aways)

    async def forget(self, *late: Node) -> None:
        """The broker loses all that it knew, in an outage that lasts on for the `late` nodes."""
        for node in self.nodes:
            await self.lose(node)
        self._wipe()
        await gather(self.restore(node) for node in self.nodes if node not in late)

    async def forget_at_once(self) -> None:
        """The broker loses all that it knew under nodes that are connected, and have noticed."""
        self._wipe(scripts=False)  # fakeredis would close the connection of who misses one
        await gather(node.sink.until_told(Evicted(True)) for node in self.nodes)

    async def usurp(self, node: Node, me: Identity) -> None:
        """The nick of somebody on the node turns out to be another's, who had it before."""
        self._usurp(node, me.nick)
        await node.sink.until_told(NickLost(me.sid))

    async def fail_over(self, *late: Node) -> None:
        """The replica takes over; returns when all nodes but the `late` ones have found it."""
        for node in self.nodes:
            await self.lose(node)
        witnesses = [node for node in self.nodes if node not in late]
        self._take_over(*witnesses)
        await gather(self.restore(node) for node in witnesses)

    @abstractmethod
    async def fall_behind(self) -> None:
        """A replica hears nothing any more: what is done from here on, it doesn't know."""

    @abstractmethod
    def _take_over(self, *witnesses: Node) -> None: ...

    @abstractmethod
    def _usurp(self, node: Node, nick: str) -> None: ...

    @abstractmethod
    async def _broker(self, name: str, settings: dict[str, Any]) -> Broker: ...

    @abstractmethod
    def _cut(self, node: Node) -> None: ...

    @abstractmethod
    def _mend(self, node: Node) -> None: ...

    @abstractmethod
    def _end_lease(self, node: Node) -> None: ...

    @abstractmethod
    def _wipe(self, *, scripts: bool = True) -> None: ...


class MemoryFleet(Fleet):
    """Brokers in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._world: World | None = None

    async def _broker(self, name: str, settings: dict[str, Any]) -> Broker:
        for ours in ("lease", "replicas", "ack_timeout"):
            settings.pop(ours, None)
        if self._world is None:
            self._world = World(time.time, **settings)
        return Memory(self._world, name)

    def _switch(self, name: str, *nodes: Node) -> None:
        getattr(self._world, name)(*(node.broker for node in nodes))

    def _cut(self, node: Node) -> None:
        self._switch("lose", node)

    def _mend(self, node: Node) -> None:
        self._switch("restore", node)

    def _end_lease(self, node: Node) -> None:
        self._switch("evict", node)

    def _wipe(self, *, scripts: bool = True) -> None:
        self._switch("forget")

    async def fall_behind(self) -> None:
        self._switch("fall_behind")

    def _take_over(self, *witnesses: Node) -> None:
        self._switch("fail_over", *witnesses)

    def _usurp(self, node: Node, nick: str) -> None:
        assert self._world is not None
        self._world.usurp(nick)


class _NoJitter(random.Random):
    """Outages in tests are over as soon as they can be."""

    def random(self) -> float:
        return 0.0


class Way(NamedTuple):
    """How a broker comes to its server: a URL, and by what it reaches a place named to it."""

    url: str
    via: Callable[[Place], Place]


class RedisFleet(Fleet):
    """Brokers on a server, under a namespace of their own."""

    def __init__(self, port: int, *, real: bool) -> None:
        super().__init__()
        self._port = port
        self._real = real
        self.namespace = f"test-{secrets.token_hex(4)}"
        self.relays: dict[Broker, Any] = {}  # Relay, or Relays
        self._running = ExitStack()
        self._standbys: list[int] = []

    @property
    def keys(self) -> Keys:
        """The names of all keys."""
        return Keys(self.namespace)

    async def _broker(self, name: str, settings: dict[str, Any]) -> Broker:
        from broker.cluster import Cluster, ClusterConfig

        relay = Relay(reactor, self._port)
        await relay.start()
        settings = {**UNHURRIED, **settings}
        way = self._way(relay)
        config = ClusterConfig(
            url=way.url,
            namespace=self.namespace,
            node=name,
            script_flags=self._real,  # fakeredis knows none
            **settings,
        )
        broker = Cluster(config, reactor, _NoJitter(), via=way.via)
        self.relays[broker] = relay
        return broker

    def _way(self, relay: Relay) -> Way:
        return Way(relay.url, lambda place: place)

    async def stop(self) -> None:
        for relay in self.relays.values():
            relay.mend()
        await super().stop()
        for relay in self.relays.values():
            await relay.stop()
        self._running.close()

    async def fall_behind(self) -> None:
        folder = Path(self._running.enter_context(TemporaryDirectory()))
        server = self._running.enter_context(replica(self._port, folder))
        self._standbys.append(urlsplit(server.url).port or 0)

    def _take_over(self, *_witnesses: Node) -> None:
        self._port = self._standbys.pop(0)
        for relay in self.relays.values():
            relay.redis_port = self._port

    def _usurp(self, node: Node, nick: str) -> None:
        keys = Keys(self.namespace)
        with self.client() as client:
            claim = keys.nick(nick).claim
            client.hset(claim, mapping={"sid": "elder", "token": "t", "claimed": 1})
            client.publish(str(client.hget(claim, "topic"), "utf-8"), '[1,"","lost",0,0,[]]')

    def _cut(self, node: Node) -> None:
        self.relays[node.broker].cut()

    def _mend(self, node: Node) -> None:
        self.relays[node.broker].mend()

    def _end_lease(self, node: Node) -> None:
        pass  # it ends by itself

    def client(self) -> redis.Redis:
        """One more who may talk to the server."""
        return redis.Redis(port=self._port)

    def _wipe(self, *, scripts: bool = True) -> None:
        with self.client() as client:
            client.flushall()
            if scripts:
                client.script_flush()


class Relays:
    """A node's relays to all masters, as one."""

    def __init__(self, relays: list[Relay]) -> None:
        self._relays = relays

    def __getattr__(self, name: str) -> Any:
        if name not in ("cut", "mend", "silence"):
            pytest.skip("it's about a single wire")

        def each(**how: Any) -> None:
            for relay in self._relays:
                getattr(relay, name)(**how)

        return each

    async def stop(self) -> None:
        """All of them."""
        for relay in self._relays:
            await relay.stop()


class ShardsFleet(RedisFleet):
    """Brokers on a Redis Cluster, under a namespace of their own. `ports`: of its masters."""

    def __init__(self, ports: list[int]) -> None:
        super().__init__(ports[0], real=True)
        self._ports = ports

    async def _broker(self, name: str, settings: dict[str, Any]) -> Broker:
        from broker.cluster import Cluster, ClusterConfig

        relays = {port: Relay(reactor, port) for port in self._ports}
        for relay in relays.values():
            await relay.start()
        places = {("127.0.0.1", port): ("127.0.0.1", relay.port) for port, relay in relays.items()}
        config = ClusterConfig(
            url=f"redis+cluster://127.0.0.1:{relays[self._port].port}",
            namespace=self.namespace,
            node=name,
            **{**UNHURRIED, **settings},
        )
        broker = Cluster(config, reactor, _NoJitter(), via=lambda place: places[place])
        self.relays[broker] = Relays(list(relays.values()))
        return broker

    async def stop(self) -> None:
        for relay in self.relays.values():
            relay.mend()
        await Fleet.stop(self)
        for relays in self.relays.values():
            await relays.stop()

    async def forget_at_once(self) -> None:
        pytest.skip("one master forgets after the other")

    async def fall_behind(self) -> None:
        pytest.skip("it has no replicas here")

    def apart(self, name: str, *others: str) -> str:
        """A name that begins so, of a log that isn't where any of these keys are, nor what is said
        of the nodes.
        """
        taken = [self.master_of(key) for key in (self.keys.leases, *others)]
        names = (f"{name}{i}" for i in count())
        return next(n for n in names if self.master_of(self.keys.log(n).meta) not in taken)

    def is_at_home(self, key: str) -> bool:
        """Whether a key is where that is what is said of the nodes."""
        return self.master_of(key) == self.master_of(self.keys.leases)

    def master_of(self, key: str) -> str:
        """The name of the master that has a key."""
        with self.client() as client:
            return str(client.get_node_from_key(key).name)

    async def forget_at(self, key: str) -> None:
        """The master that has a key loses all that it knew."""
        for node in self.nodes:
            await self.lose(node)
        with self.client() as client:
            client.flushall(target_nodes=client.get_node_from_key(key))
        await gather(self.restore(node) for node in self.nodes)

    async def forget_log(self, log: str, *, anew: bool = False, first: Node | None = None) -> None:
        """The master of a log loses all that it knew. `anew`: somebody wrote to the log before that
        was noticed. `first`: who offers what it saw of the log before the others come.
        """
        for node in self.nodes:
            await self.lose(node)
        meta = self.keys.log(log).meta
        with self.client() as client:
            client.flushall(target_nodes=client.get_node_from_key(meta))
            if anew:
                client.hset(meta, mapping={"epoch": "anew", "seq": 0})
            if first is not None:
                self._mend(first)
                while not client.hexists(meta, "offered"):
                    await deferLater(reactor, 0.01)
        await gather(self.restore(node) for node in self.nodes)

    def client(self) -> Any:
        return redis.RedisCluster(host="127.0.0.1", port=self._port)

    def _usurp(self, node: Node, nick: str) -> None:
        keys = Keys(self.namespace)
        with self.client() as client:
            claim = keys.nick(nick).claim
            client.hset(claim, mapping={"sid": "elder", "token": "t", "claimed": 1})
            topic = str(client.hget(claim, "topic"), "utf-8")
            client.spublish(topic, '[1,"","lost",0,0,[]]')

    def _wipe(self, *, scripts: bool = True) -> None:
        for port in self._ports:
            with redis.Redis(port=port) as client:
                client.flushall()
                if scripts:
                    client.script_flush()


class SentinelFleet(RedisFleet):
    """Brokers on a server that sentinels name. `url`: how nodes find them, `port`: the server's."""

    def __init__(self, url: str, port: int) -> None:
        super().__init__(port, real=True)
        self._url = url

    def _way(self, relay: Relay) -> Way:
        return Way(self._url, lambda _named: ("127.0.0.1", relay.port))
