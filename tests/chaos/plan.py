"""What is done to a cluster in a run, drawn by a seed: parts, each on a cluster of its own.

    honest      each fault that loses nothing, then some at once; in the short mix those of nodes
                and their links, and those of Redis, are apart, so that they can run side by side
    lossy       each of those after which Redis has lost something, then some at once
    replicated  faults under which a replica has what was answered as done

A gap may be told only where something was lost, so what loses nothing has parts of its own.
Must not know how faults are done.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

from tests.chaos.faults import Fault, Reach

BRIEF = (
    "node killed, back at once",
    "node frozen past its lease",
    "node drained",
    "replies lost",
    "link half-open",
    "Redis killed",
    "connections killed",
    # of a Redis Cluster, and where sentinels watch
    "slots moved",
    "master killed, back at once",
    "failover in good order",
)
"""What the shortest run does, as far as there's such a fault."""


class Step(NamedTuple):
    """Faults that strike together: each so many seconds after the step's beginning."""

    blows: tuple[tuple[float, Fault], ...]


class Part(NamedTuple):
    """Steps, one after the other. `replicated`: nodes wait for a replica."""

    name: str
    steps: list[Step]
    replicated: bool = False


class Kinds(NamedTuple):
    """The faults of a stage, by what they lose. `replicated`: a replica is waited for."""

    honest: list[Fault]
    lossy: list[Fault]
    replicated: list[Fault]


def kinds(faults: list[Fault]) -> Kinds:
    """Sorted."""
    plain = [fault for fault in faults if not fault.replicated]
    return Kinds(
        [fault for fault in plain if not fault.loses],
        [fault for fault in plain if fault.loses],
        [fault for fault in faults if fault.replicated],
    )


def alone(faults: list[Fault], rng: random.Random) -> list[Step]:
    """Each fault by itself, in some order."""
    return [Step(((0.0, fault),)) for fault in rng.sample(faults, len(faults))]


def mixed(faults: list[Fault], among: list[Fault], rng: random.Random) -> Step:
    """Two or three that overlap: one that concerns everyone, the others different nodes.

    One that ends all nodes leaves nothing for others to overlap with. `among`: all of the stage.
    """
    of_all = [fault for fault in faults if fault.reach is Reach.ALL and not fault.ends]
    of_one = [fault for fault in among if fault.reach is not Reach.ALL]
    chosen = [rng.choice(of_all), *rng.sample(of_one, rng.choice((1, 1, 2)))]
    return Step(tuple((rng.uniform(0, 2), fault) for fault in chosen))


def only(faults: list[Fault], names: list[str], times: int, rng: random.Random) -> list[Part]:
    """These faults, and no others, so many times."""
    named = [fault for fault in faults if fault.name in names]
    steps = [step for _ in range(times) for step in alone(named, rng)]
    return [Part("only", steps, any(fault.replicated for fault in named))]


def brief(faults: list[Fault], rng: random.Random) -> list[Part]:
    """Half a minute."""
    return [Part("brief", alone([fault for fault in faults if fault.name in BRIEF], rng))]


def short(faults: list[Fault], rng: random.Random) -> list[Part]:
    """Everything alone, and some of it at once."""
    honest, lossy, replicated = kinds(faults)
    of_all = [fault for fault in honest if fault.reach is Reach.ALL]
    of_one = [fault for fault in honest if fault.reach is not Reach.ALL]
    parts = [
        Part("nodes", alone(of_one, rng)),
        Part("Redis", [*alone(of_all, rng), *(mixed(honest, faults, rng) for _ in range(3))]),
        Part("lossy", [*alone(lossy, rng), mixed(lossy, faults, rng)]),
    ]
    if replicated:
        steps = [*alone(replicated, rng), mixed(replicated, faults, rng)]
        parts.append(Part("replicated", steps, replicated=True))
    return parts


def endless(faults: list[Fault], rng: random.Random) -> Iterator[Part]:
    """Everything, again and again, and more and more at once."""
    honest, lossy, replicated = kinds(faults)
    while True:
        yield Part("honest", alone(honest, rng))
        yield Part("lossy", [*alone(lossy, rng), *(mixed(lossy, faults, rng) for _ in range(5))])
        yield Part("mixed", [mixed(honest, faults, rng) for _ in range(10)])
        if replicated:
            steps = [*alone(replicated, rng), *(mixed(replicated, faults, rng) for _ in range(3))]
            yield Part("replicated", steps, replicated=True)
