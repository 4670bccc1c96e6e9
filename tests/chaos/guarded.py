"""A stage whose Redis is watched over by sentinels, and what is done to that.

people ──> n1 ──> relays ──┐             ┌── three sentinels
           n2 ──> relays ──┼──> a master ┴─> its replica
"""

from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import redis

from broker.address import parse
from broker.embedded import Embedded
from node.operate.clients import client
from tests.chaos.faults import (
    ANYWHERE,
    Fault,
    Reach,
    flush,
    flush_scripts,
    give_memory,
    kill_clients,
    take_memory,
)
from tests.chaos.stage import Stage, aside
from tests.support.sentinels import Guard

DOWN_AFTER = 2_000
"""Milliseconds after which a silent master is held for lost: none is that by a loaded machine."""


class GuardedStage(Stage):
    """See the module's docstring. `lost`: who was the master until the fault that is on."""

    guard: Guard
    lost: Embedded

    def _begin(self, running: ExitStack) -> None:
        made = Guard(self._folder / "guard", appendonly=True, down_after=DOWN_AFTER)
        self.guard = running.enter_context(made)
        self.client: Any = client(parse(self.url))

    @property
    def url(self) -> str:
        return self.guard.url

    @property
    def ports(self) -> list[int]:
        both = (self.guard.master, self.guard.replica)
        return [urlsplit(server.url).port or 0 for server in both]

    async def until_replaced(self) -> None:
        """Until the sentinels have made the replica the master."""
        await aside(lambda: self.guard.await_master(self._other(self.lost)))

    def _other(self, server: Embedded) -> Embedded:
        both = (self.guard.master, self.guard.replica)
        return both[1] if both[0] is server else both[0]

    async def in_step(self) -> None:
        """Until there's a replica again that has everything."""
        await aside(self.guard.await_in_step)


async def _fail_over(stage: Any, _on: list[str]) -> None:
    await aside(stage.guard.fail_over)
    await stage.in_step()


async def _kill(stage: Any, _on: list[str]) -> None:
    stage.lost = stage.guard.master
    stage.lost.kill()
    await stage.until_replaced()


async def _start(stage: Any, _on: list[str]) -> None:
    await aside(stage.lost.start)
    await stage.in_step()


async def _freeze(stage: Any, _on: list[str]) -> None:
    stage.lost = stage.guard.master
    stage.guard.freeze(stage.lost)
    await stage.until_replaced()


async def _wake(stage: Any, _on: list[str]) -> None:
    stage.guard.wake(stage.lost)
    await stage.in_step()


async def _fall_behind(stage: Any, _on: list[str]) -> None:
    """The replica hears nothing more for a while, and takes over: it lacks what was said since."""
    with redis.Redis.from_url(stage.guard.replica.url) as replica:
        replica.config_set("masterauth", "unwelcome")
        replica.execute_command("CLIENT", "KILL", "TYPE", "master")
    await _kill(stage, _on)


async def _catch_up(stage: Any, on: list[str]) -> None:
    with redis.Redis.from_url(stage.guard.master.url) as master:
        master.config_set("masterauth", "")
    await _start(stage, on)


FAULTS: list[Fault] = [
    *ANYWHERE,
    Fault("Redis out of memory", Reach.ALL, take_memory, give_memory, 2.0),
    Fault("scripts flushed", Reach.ALL, flush_scripts),
    Fault("connections killed", Reach.ALL, kill_clients),
    Fault("failover in good order", Reach.ALL, _fail_over, loses=True),
    Fault("master killed", Reach.ALL, _kill, _start, 1.0, loses=True),
    Fault("master frozen", Reach.ALL, _freeze, _wake, 1.0, loses=True),
    Fault("failover to a replica that lags", Reach.ALL, _fall_behind, _catch_up, 0.5, loses=True),
    Fault("FLUSHALL", Reach.ALL, flush, loses=True),
]
"""All that is done there. Replicas aren't waited for, so whoever takes over may lack the end."""
