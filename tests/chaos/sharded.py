"""A stage whose Redis is a Redis Cluster, and what is done to that.

    people ──> n1 ──> relays ──┐──> a master ──> its replica
               n2 ──> relays ──┼──> a master ──> its replica
               n3 ──> relays ──┘──> a master ──> its replica

Where slots are is told by the masters themselves, so each node is told by which relay it reaches
whom (see `skewed`). A fault's victim is any master, drawn by the seed.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import redis

from broker.keys import Keys
from tests.chaos.faults import (
    ANYWHERE,
    Fault,
    Reach,
    flush_scripts,
    give_memory,
    kill_clients,
    take_memory,
)
from tests.chaos.stage import Stage, aside, pause
from tests.support.redis_cluster import Member, RedisCluster, slot_of

TIMEOUT = 3_000
"""Milliseconds after which a silent master is held for lost."""

LAG = 0.5
"""Seconds of what was accepted last that a replica that lags has never got."""

MOVED = 8
"""Slots that are moved at a time, of those in which there's something."""


class ShardedStage(Stage):
    """See the module's docstring. `lost`: the victims of the fault that is on."""

    shards: RedisCluster
    lost: list[Member]

    def _begin(self, running: ExitStack) -> None:
        self.shards = running.enter_context(
            RedisCluster(
                self._folder / "shards",
                replicas=1,
                node_timeout=TIMEOUT,
                appendonly=True,
                config={"appendfsync": "always"},  # what was accepted outlives a kill
            )
        )
        self.client: Any = self.shards.client()
        self.lost = []

    @property
    def url(self) -> str:
        return self.shards.url

    @property
    def ports(self) -> list[int]:
        return [member.port for member in self.shards.members]

    async def ask(self, *command: Any) -> Any:
        """Ask each master something."""
        for master in await aside(lambda: self.shards.masters):
            await self._ask(master.client, *command)

    def draw(self) -> Member:
        """Any master."""
        return self.rng.choice(sorted(self.shards.masters, key=lambda each: each.port))

    @property
    def home(self) -> int:
        """The slot of what is said of nodes."""
        return slot_of(Keys(self._nodes.namespace).leases)

    def used(self, master: Member) -> list[int]:
        """A master's slots in which there's something."""
        keys = master.client.scan_iter(count=1000)
        return sorted({redis.crc.key_slot(key) for key in keys} - {self.home})

    async def ready(self) -> None:
        """Until all servers are there again and know all."""
        await aside(self.shards.await_ready)


def _at(work: Callable[[ShardedStage], object]) -> Callable[[Any, list[str]], Any]:
    """What is done in a thread, and then all know."""

    async def do(stage: ShardedStage, _on: list[str]) -> None:
        await aside(lambda: work(stage))
        await stage.ready()

    return do


def _fail_over(stage: ShardedStage) -> None:
    stage.shards.fail_over(stage.draw())


async def _kill(stage: ShardedStage, _on: list[str]) -> None:
    stage.lost = [await aside(stage.draw)]
    await aside(lambda: _until_replaced(stage, stage.shards.kill))


async def _freeze(stage: ShardedStage, _on: list[str]) -> None:
    stage.lost = [await aside(stage.draw)]
    await aside(lambda: _until_replaced(stage, stage.shards.freeze))


def _until_replaced(stage: ShardedStage, blow: Callable[[Member], None]) -> None:
    (victim,) = stage.lost
    slot = next(slot for slot in range(16_384) if stage.shards.master_of(slot) is victim)
    blow(victim)
    stage.shards.await_successor(slot, victim)


async def _freeze_shortly(stage: ShardedStage, _on: list[str]) -> None:
    stage.lost = [await aside(stage.draw)]
    stage.shards.freeze(stage.lost[0])


def _start(stage: ShardedStage) -> None:
    for victim in stage.lost:
        stage.shards.start(victim)


def _start_empty(stage: ShardedStage) -> None:
    for victim in stage.lost:
        stage.shards.start(victim, empty=True)


def _wake(stage: ShardedStage) -> None:
    for victim in stage.lost:
        stage.shards.wake(victim)


async def _kill_shortly(stage: ShardedStage, _on: list[str]) -> None:
    stage.lost = [await aside(stage.draw)]
    stage.shards.kill(stage.lost[0])


async def _kill_all(stage: ShardedStage, _on: list[str]) -> None:
    stage.lost = await aside(lambda: stage.shards.masters)
    for victim in stage.lost:
        stage.shards.kill(victim)


async def _fall_behind(stage: ShardedStage, _on: list[str]) -> None:
    """A replica hears nothing more for a while, and takes over: it lacks what was said since."""
    victim = await aside(stage.draw)
    (replica,) = await aside(lambda: stage.shards.replicas_of(victim))
    stage.lost = [victim]
    await aside(lambda: stage.shards.cut_off(replica))
    await pause(LAG)
    stage.shards.kill(victim)
    await aside(lambda: stage.shards.fail_over_to(replica))
    replica.ask("CONFIG", "SET", "masterauth", "")


def _move(stage: ShardedStage) -> None:
    """Some slots, one after the other, while they're used."""
    source = stage.draw()
    target = stage.rng.choice([each for each in stage.shards.masters if each is not source])
    used = stage.used(source)
    stage.shards.move(stage.rng.sample(used, min(MOVED, len(used))), target)


def _move_home(stage: ShardedStage) -> None:
    """The slot of what is said of nodes."""
    owner = stage.shards.master_of(stage.home)
    target = stage.rng.choice([each for each in stage.shards.masters if each is not owner])
    stage.shards.move([stage.home], target)


def _flush(stage: ShardedStage) -> None:
    stage.shards.flush(stage.draw())


FAULTS: list[Fault] = [
    *ANYWHERE,
    Fault("Redis out of memory", Reach.ALL, take_memory, give_memory, 2.0),
    Fault("scripts flushed", Reach.ALL, flush_scripts),
    Fault("connections killed", Reach.ALL, kill_clients),
    Fault("failover in good order", Reach.ALL, _at(_fail_over)),
    Fault("slots moved", Reach.ALL, _at(_move)),
    Fault("the nodes' slot moved", Reach.ALL, _at(_move_home)),
    Fault("master frozen shortly", Reach.ALL, _freeze_shortly, _at(_wake), 1.0),
    Fault("master killed, back at once", Reach.ALL, _kill_shortly, _at(_start), 0.0),
    Fault("all masters killed, back at once", Reach.ALL, _kill_all, _at(_start), 0.0),
    Fault("master killed", Reach.ALL, _kill, _at(_start), 1.0, loses=True),
    Fault("master frozen", Reach.ALL, _freeze, _at(_wake), 1.0, loses=True),
    Fault("failover to a replica that lags", Reach.ALL, _fall_behind, _at(_start), 0.5, loses=True),
    Fault("master back empty", Reach.ALL, _kill_shortly, _at(_start_empty), 0.0, loses=True),
    Fault("master emptied", Reach.ALL, _at(_flush), loses=True),
]
"""All that is done there. Replicas aren't waited for, so whoever takes over may lack the end."""
