"""What the broker promises where replicas count (`--ack replicated`)."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from broker.api import Refused
from broker.events import Event, Said, Told
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import MemoryFleet, Node, RedisFleet
from tests.support.redis_server import Pair
from tests.support.sinks import Replicated
from tests.support.spin import eventually, gather

LONG = 15.0
"""Seconds. A time limit that no test comes to."""


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Pair]]:
    """A master and its replica, started when they're first asked for."""
    made: list[Pair] = []

    def pair() -> Pair:
        if not made:
            made.append(Pair(tmp_path_factory.mktemp("pair")))
            made[0].__enter__()
        return made[0]

    yield pair
    for each in made:
        each.__exit__()


class ReplicatedFleet(RedisFleet):
    """Brokers for which a replica counts."""

    def __init__(self, pair: Pair) -> None:
        super().__init__(pair.port, real=True)
        self.pair = pair

    async def start(self, name: str = "", **settings: object) -> Node:
        return await super().start(name, **{"replicas": 1, **settings})

    def freeze_replicas(self) -> None:
        self.pair.freeze()

    def wake_replicas(self) -> None:
        self.pair.wake()

    async def stop(self) -> None:
        self.pair.wake()
        await super().stop()


class MemoryReplicatedFleet(MemoryFleet):
    """As if."""

    def freeze_replicas(self) -> None:
        self._switch("freeze_replicas")

    def wake_replicas(self) -> None:
        self._switch("wake_replicas")


@pytest.fixture(params=["memory", "server"])
def fleet(
    request: pytest.FixtureRequest, standing: Callable[[], Pair]
) -> Iterator[ReplicatedFleet | MemoryReplicatedFleet]:
    from tests.support import spin

    made = ReplicatedFleet(standing()) if request.param == "server" else MemoryReplicatedFleet()
    yield made
    spin.wait(made.stop())


only_real = pytest.mark.parametrize("fleet", ["server"], indirect=True)

AnyFleet = ReplicatedFleet | MemoryReplicatedFleet


def said(node: Node) -> list[Replicated]:
    """What a sink was told of replicas."""
    return [call for call in node.sink.told if isinstance(call, Replicated)]


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Said | Told)]


async def test_while_replicas_keep_up_nothing_is_told_of_them(
    fleet: AnyFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    ann, _ = await a.enter("ann", "#go"), await b.enter("bob", "#go")
    await gather(a.say(ann, "#go", str(i)) for i in range(100))
    await a.broker.tell(ann, "bob", "psst")
    assert [str(i) for i in range(100)] == texts(await b.heard("#go"))
    assert ["psst"] == texts(await b.heard("bob"))
    assert ([], []) == (said(a), said(b))


async def test_when_they_do_not_it_is_told_once_and_again_when_they_do(
    fleet: AnyFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1, ack_timeout=0.1)
    ann = await a.enter("ann", "#go")
    fleet.freeze_replicas()
    for i in range(3):
        await a.say(ann, "#go", str(i))
    assert [Replicated(False)] == said(a)
    fleet.wake_replicas()
    await a.sink.until_told(Replicated(True))
    assert [Replicated(False), Replicated(True)] == said(a)


async def test_it_is_told_although_nobody_says_anything(
    fleet: AnyFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1, ack_timeout=0.1, lease=1.0)
    fleet.freeze_replicas()
    await a.sink.until_told(Replicated(False))


async def test_lines_and_private_messages_are_accepted_all_the_same(
    fleet: AnyFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, ack_timeout=0.1)
    ann, _ = await a.enter("ann", "#go"), await b.enter("bob", "#go")
    fleet.freeze_replicas()
    for i in range(3):
        await a.say(ann, "#go", str(i))
        await a.broker.tell(ann, "bob", str(i))
    assert ["0", "1", "2"] == texts(await b.heard("#go"))
    assert ["0", "1", "2"] == texts(await b.heard("bob"))


async def test_the_sink_is_told_before_a_line_is_settled_that_replicas_lack(
    fleet: AnyFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1, ack_timeout=0.1)
    ann = await a.enter("ann", "#go")
    fleet.freeze_replicas()
    told: list[Replicated] = []
    settled: Deferred[None] = Deferred()

    def settle(_refused: Refused | None) -> None:
        told.extend(said(a))
        settled.callback(None)

    a.broker.say(ann, "#go", "hi", False, settle)
    await settled
    assert [Replicated(False)] == told


@only_real
@pytest.mark.parametrize("what", ["say", "tell", "post"])
async def test_it_is_settled_when_replicas_have_it_and_shown_before(
    fleet: ReplicatedFleet, make_brokers: MakeBrokers, what: str
) -> None:
    a, b = await make_brokers(2, ack_timeout=LONG)
    ann, _ = await a.enter("ann", "#go"), await b.enter("bob", "#go")
    fleet.freeze_replicas()
    saying: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "say": lambda: a.say(ann, "#go", "hi"),
        "tell": lambda: a.broker.tell(ann, "bob", "hi"),
        "post": lambda: a.broker.post("deploys.bot", "#go", "hi"),
    }
    settled = Deferred.fromCoroutine(saying[what]())
    log = "bob" if what == "tell" else "#go"
    await b.sink.until(lambda: texts(b.sink.heard(log)) == ["hi"])
    await a.broker.barrier()
    assert not settled.called
    fleet.wake_replicas()
    await settled
    assert [] == said(a)


@only_real
async def test_a_settled_line_is_in_the_replica(
    fleet: ReplicatedFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1, ack_timeout=LONG)
    ann = await a.enter("ann", "#go", announce=False)
    log = a.broker._keys.channel("#go").log  # type: ignore[attr-defined]
    with Pair.client(fleet.pair.replica) as replica:
        for i in range(50):
            await a.say(ann, "#go", str(i))
            assert i + 1 == replica.xlen(log)


@only_real
async def test_a_line_under_way_outlives_a_lost_link(
    fleet: ReplicatedFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    ann, _ = await a.enter("ann", "#go"), await b.enter("bob", "#go")
    saying = Deferred.fromCoroutine(a.say(ann, "#go", "hi"))
    await fleet.lose(a)
    await fleet.restore(a)
    await saying
    await a.say(ann, "#go", "ho")
    assert ["hi", "ho"] == texts(await b.heard("#go"))


@only_real
async def test_a_short_outage_is_no_loss_of_replicas(
    fleet: ReplicatedFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1, ack_timeout=LONG)
    ann = await a.enter("ann", "#go")
    await fleet.lose(a)
    await fleet.restore(a)
    await a.say(ann, "#go", "hi")
    assert [] == said(a)


@only_real
async def test_a_master_without_replicas_is_told_and_so_is_their_coming(
    fleet: ReplicatedFleet, make_brokers: MakeBrokers
) -> None:
    fleet.pair.detach()
    try:
        (a,) = await make_brokers(1, ack_timeout=0.1, lease=1.0)
        await a.sink.until_told(Replicated(False))
    finally:
        fleet.pair.attach()
    await a.sink.until_told(Replicated(True))


@only_real
async def test_as_many_replicas_as_were_asked_for_must_have_it(
    fleet: ReplicatedFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1, replicas=2, ack_timeout=0.1)
    await a.sink.until_told(Replicated(False))


@only_real
async def test_scripts_that_redis_forgot_do_not_matter(
    fleet: ReplicatedFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1, ack_timeout=LONG)
    ann = await a.enter("ann", "#go")
    with Pair.client(fleet.pair.master) as client:
        client.script_flush()

    async def try_to_say() -> bool:
        try:
            await a.say(ann, "#go", "hi")
        except Refused:
            return False
        return True

    await eventually(try_to_say, True)
    assert [] == said(a)


async def test_nobody_is_told_where_replicas_do_not_count(
    fleet: AnyFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1, replicas=0)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    assert [] == said(a)
