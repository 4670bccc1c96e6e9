"""The faults: a table of terrible things, each with how it begins, how long it lasts, how it ends.

    strike(stage, nodes) ── seconds ── lift(stage, nodes)

A fault that `heals` needs no lifting: the cluster gets over it by itself. Those of Redis here are
of one server; `guarded` and `sharded` have those of the other stages. Must not know people.
"""

import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.chaos.stage import LEASE, Stage, aside, pause
from tests.support.person import Person
from tests.support.spin import gather

Blow = Callable[[Any, list[str]], Awaitable[None]]
"""The first is the stage, of the kind that has such faults."""


class Reach(StrEnum):
    """Whom a fault concerns. Of those that concern everyone, one at a time."""

    NODE = "one node"
    LINK = "one node's link"
    ALL = "everyone"


async def _nothing(_stage: Stage, _on: list[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """See the module's docstring. `seconds` it lasts, `brief` in the shortest run and `long` in a
    long one if that's another time. `loses`, `ends`, `drains` and `heals` are as in
    `record.Struck`. `replicated`: it needs such a stage.
    """

    name: str
    reach: Reach
    strike: Blow
    lift: Blow = _nothing
    seconds: float = 1.0
    brief: float | None = None
    long: float | None = None
    loses: bool = False
    ends: bool = False
    drains: bool = False
    replicated: bool = False

    @property
    def heals(self) -> bool:
        """Whether it's over by itself."""
        return self.lift is _nothing


# -- nodes


async def _kill(stage: Stage, on: list[str]) -> None:
    for name in on:
        stage.nodes[name].kill()


async def _end(stage: Stage, on: list[str]) -> None:
    for name in on:
        await aside(stage.nodes[name].end)


async def _hurry(stage: Stage, on: list[str]) -> None:
    """A second signal, in the midst of draining."""
    for name in on:
        stage.nodes[name].send_signal(signal.SIGTERM)
        await pause(0.3)
    await _end(stage, on)


async def _drain(stage: Stage, on: list[str]) -> None:
    """If Redis is away the operator reads so, and nothing may come of it."""
    for name in on:
        await stage.operate("drain", name, "--over", "1")


async def _shed(stage: Stage, on: list[str]) -> None:
    for name in on:
        await stage.operate("rebalance", name, "--share", "50%", "--over", "1")


async def _restart(stage: Stage, on: list[str]) -> None:
    await _end(stage, on)
    await _start(stage, on)


async def _set_back(stage: Stage, on: list[str]) -> None:
    for name in on:
        stage.turn_clock(name, -120.0)


async def _set_right(stage: Stage, on: list[str]) -> None:
    for name in on:
        stage.turn_clock(name, 120.0)


async def _start(stage: Stage, on: list[str]) -> None:
    for name in on:
        await stage.start(name)


async def _freeze(stage: Stage, on: list[str]) -> None:
    for name in on:
        stage.nodes[name].freeze()


async def _wake(stage: Stage, on: list[str]) -> None:
    for name in on:
        stage.nodes[name].wake()


# -- links


async def _cut(stage: Stage, on: list[str]) -> None:
    for name in on:
        stage.relays[name].cut()


async def _mend(stage: Stage, on: list[str]) -> None:
    for name in on:
        stage.relays[name].mend()


async def _silence(stage: Stage, on: list[str]) -> None:
    for name in on:
        stage.relays[name].silence()


async def _black_hole(stage: Stage, on: list[str]) -> None:
    for name in on:
        stage.relays[name].silence(for_all=True)


async def _slow(stage: Stage, on: list[str]) -> None:
    for name in on:
        stage.relays[name].slow(0.3)


async def _hasten(stage: Stage, on: list[str]) -> None:
    for name in on:
        stage.relays[name].slow(0.0)


async def _lose_replies(stage: Stage, on: list[str]) -> None:
    """Six times: something is written, and the link is cut before its answer has come."""
    for _ in range(6):
        for name in on:
            stage.relays[name].lose_answers()
        await pause(0.15)
        await _mend(stage, on)
        await pause(0.15)


async def _write_late(stage: Stage, on: list[str]) -> None:
    """Five times: something is written, the link is cut, and it arrives when a new one is there."""
    for _ in range(5):
        for name in on:
            stage.relays[name].hold_requests()
        await pause(0.2)
        for name in on:
            stage.relays[name].cut()
            stage.relays[name].mend()
        await pause(0.2)
        for name in on:
            stage.relays[name].deliver()
        await pause(0.2)


# -- Redis


async def _kill_server(stage: Stage, _on: list[str]) -> None:
    stage.kill_server()


async def _start_server(stage: Stage, _on: list[str]) -> None:
    await stage.start_server()


async def _start_loading(stage: Stage, _on: list[str]) -> None:
    """It takes about three seconds to load its data, and answers meanwhile that it does."""
    size = sum(file.stat().st_size for file in stage.data.glob("*"))
    commands = size // 130 + 1
    sleeping = commands * 60e-6  # each sleep takes so much longer than it's told to
    delay = int((3 - sleeping) * 1e6 / commands) if sleeping < 3 else -int(sleeping / 3)
    await stage.start_server(
        config=f"key-load-delay {delay or 1}\nloading-process-events-interval-bytes 2048\n"
    )


async def _start_empty(stage: Stage, _on: list[str]) -> None:
    await stage.start_server(empty=True)


async def _pause_server(stage: Stage, _on: list[str]) -> None:
    stage.signal_server(signal.SIGSTOP)


async def _wake_server(stage: Stage, _on: list[str]) -> None:
    stage.signal_server(signal.SIGCONT)


async def take_memory(stage: Stage, _on: list[str]) -> None:
    """Nothing more may be written."""
    await stage.ask("CONFIG", "SET", "maxmemory", "1")


async def give_memory(stage: Stage, _on: list[str]) -> None:
    """Again it may."""
    await stage.ask("CONFIG", "SET", "maxmemory", "0")


async def flush_scripts(stage: Stage, _on: list[str]) -> None:
    """Redis knows no script any more."""
    await stage.ask("SCRIPT", "FLUSH")


async def kill_clients(stage: Stage, _on: list[str]) -> None:
    """All that are there."""
    for kind in ("normal", "pubsub"):
        await stage.ask("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")


async def flush(stage: Stage, _on: list[str]) -> None:
    """Redis has nothing any more."""
    await stage.ask("FLUSHALL")


async def _fail_over(stage: Stage, _on: list[str]) -> None:
    await stage.fail_over(lag=0.0)


async def _fail_over_late(stage: Stage, _on: list[str]) -> None:
    await stage.fail_over(lag=0.5)


# -- a replica that is waited for


async def _fall_back(stage: Stage, _on: list[str]) -> None:
    """The server is lost, and its replica, which is a little behind, takes over."""
    stage.lose_server()
    await stage.fall_back()


async def _freeze_replica(stage: Stage, _on: list[str]) -> None:
    stage.signal_standby(signal.SIGSTOP)


async def _wake_replica(stage: Stage, _on: list[str]) -> None:
    stage.signal_standby(signal.SIGCONT)


async def _lose_all(stage: Stage, on: list[str]) -> None:
    """Whatever is answered as done now is in the replica, or nowhere."""
    stage.lose_server()
    await _kill(stage, on)


async def _begin_again(stage: Stage, on: list[str]) -> None:
    await stage.fall_back()
    await gather([stage.start(name) for name in on])


# -- floods


LOUD = b"/msg #loud " + b"x" * 4000 + b"\r\n"


@contextmanager
def _in_loud(stage: Stage, name: str) -> Iterator[Person]:
    """Somebody on a node who is in the channel #loud, in which nobody else is."""
    port = stage.port(name)
    if port is None:
        raise ConnectionError(f"{name} is down")
    with Person(port) as person:
        person.does("/join #loud")
        yield person


def _shout(stage: Stage, victim: str, megabytes: int, *, reads: bool) -> None:
    """Somebody on another node fills #loud, in which somebody on this node is.

    `reads`: whether that one reads what comes. If there are other faults, it ends when it must.
    """
    other = next(name for name in stage.names if name != victim)
    with suppress(OSError), _in_loud(stage, other) as shouter, ExitStack() as here:
        listener = here.enter_context(_in_loud(stage, victim))
        for i in range(megabytes * 4):
            for _ in range(64):
                shouter.type(LOUD.decode().strip())
            shouter.type(f"/ping {i}")
            shouter.until(f"pong {i}")
            if reads:
                listener._socket.setblocking(False)
                with suppress(BlockingIOError):
                    while listener._socket.recv(1 << 20):
                        pass


async def _overrun(stage: Stage, on: list[str]) -> None:
    """Redis has more for a node than it may keep, and closes the connection."""
    await stage.ask("CONFIG", "SET", "client-output-buffer-limit", "pubsub 262144 0 0")
    for name in on:
        stage.relays[name].stall()
        await aside(lambda name=name: _shout(stage, name, 6, reads=True))  # type: ignore[misc]


async def _unstall(stage: Stage, on: list[str]) -> None:
    for name in on:
        stage.relays[name].unstall()
    await stage.ask("CONFIG", "SET", "client-output-buffer-limit", "pubsub 33554432 8388608 60")


async def _stall_reader(stage: Stage, on: list[str]) -> None:
    """Somebody reads nothing of a channel at full rate, until they're closed."""
    for name in on:
        await aside(lambda name=name: _shout(stage, name, 8, reads=False))  # type: ignore[misc]


ANYWHERE: list[Fault] = [
    Fault("node killed", Reach.NODE, _kill, _start, 1.5 * LEASE, ends=True),
    Fault("node killed, back at once", Reach.NODE, _kill, _start, 0.0, ends=True),
    Fault("node terminated", Reach.NODE, _end, _start, 0.3, ends=True, drains=True),
    Fault("node terminated twice", Reach.NODE, _hurry, _start, 0.3, ends=True, drains=True),
    Fault("node drained", Reach.NODE, _drain, _restart, 0.3, ends=True, drains=True),
    Fault("node rebalanced", Reach.NODE, _shed, ends=True, drains=True),
    Fault("node frozen past its lease", Reach.NODE, _freeze, _wake, 2 * LEASE),
    Fault("node frozen shortly", Reach.NODE, _freeze, _wake, 0.5 * LEASE),
    Fault("clock set back", Reach.NODE, _set_back, _set_right, 1.5 * LEASE),
    Fault("link cut", Reach.LINK, _cut, _mend, 1.0),
    Fault("link cut past the lease", Reach.LINK, _cut, _mend, 2 * LEASE),
    Fault("all links cut", Reach.ALL, _cut, _mend, 1.0),
    Fault("link half-open", Reach.LINK, _silence),
    Fault("link in a black hole", Reach.LINK, _black_hole, _mend, 2 * LEASE),
    Fault("link slowed", Reach.LINK, _slow, _hasten, 2.0),
    Fault("replies lost", Reach.LINK, _lose_replies),
    Fault("writes late", Reach.LINK, _write_late),
    Fault("output buffer overrun", Reach.LINK, _overrun, _unstall, 0.5),
    Fault("reader stalled", Reach.NODE, _stall_reader),
]
"""What is done to nodes and their links, whatever Redis is."""

FAULTS: list[Fault] = [
    *ANYWHERE,
    Fault("Redis killed", Reach.ALL, _kill_server, _start_server, 1.0, brief=0.3),
    Fault("Redis killed, back loading", Reach.ALL, _kill_server, _start_loading, 0.2),
    Fault("Redis paused", Reach.ALL, _pause_server, _wake_server, 6.0, long=30.0),
    Fault("Redis out of memory", Reach.ALL, take_memory, give_memory, 2.0),
    Fault("scripts flushed", Reach.ALL, flush_scripts),
    Fault("connections killed", Reach.ALL, kill_clients),
    Fault("failover", Reach.ALL, _fail_over),
    Fault("Redis emptied", Reach.ALL, _kill_server, _start_empty, 0.5, loses=True),
    Fault("FLUSHALL", Reach.ALL, flush, loses=True),
    Fault("failover to a replica that lags", Reach.ALL, _fail_over_late, loses=True),
    Fault("failover to the replica", Reach.ALL, _fall_back, replicated=True),
    Fault("replica frozen", Reach.ALL, _freeze_replica, _wake_replica, 3.0, replicated=True),
    Fault(
        "all lost but the replica",
        Reach.ALL,
        _lose_all,
        _begin_again,
        0.5,
        loses=True,
        ends=True,
        replicated=True,
    ),
]
"""All that is done where there's one server. A row is all that a new fault needs."""
