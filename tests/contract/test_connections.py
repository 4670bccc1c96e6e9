"""What the broker promises of connections: so many from one address, in the whole cluster."""

from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Fleet, Node
from tests.support.spin import eventually, gather

HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"
LEASE = 0.8
"""Seconds: short, in tests that wait for its end; but nobody stands still for so long by chance."""


async def admitted(*nodes: Node, address: str = HOME) -> list[object]:
    """Whether each of them lets somebody in, one after another."""
    return [await node.broker.admit(address) for node in nodes]


async def full(node: Node) -> None:
    """Returns when the node lets nobody in any more."""

    async def is_full() -> bool:
        if not await node.broker.admit(HOME):
            return True
        node.broker.dismiss(HOME)
        return False

    await eventually(is_full, True)


async def test_an_address_may_have_so_many_connections_on_all_nodes_together(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2, connections_per_address=3)
    assert [True, True, True, False, False] == await admitted(a, b, a, b, a)


async def test_who_was_not_admitted_does_not_count(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2, connections_per_address=1)
    await admitted(a, b, a, b)
    a.broker.dismiss(HOME)
    await a.broker.barrier()
    assert [True] == await admitted(b)


async def test_who_is_gone_makes_room_on_every_node(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2, connections_per_address=2)
    await admitted(a, b)
    b.broker.dismiss(HOME)
    await b.broker.barrier()
    assert [True, False] == await admitted(a, b)


async def test_other_addresses_have_connections_of_their_own(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2, connections_per_address=1)
    await admitted(a)
    assert [True, False] == await admitted(b, a, address=ELSEWHERE)


async def test_without_a_limit_everybody_is_admitted(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1, connections_per_address=0)
    assert [True] * 200 == await admitted(*[a] * 200)


async def test_of_fifty_who_come_at_once_as_many_as_may_are_admitted(
    make_brokers: MakeBrokers,
) -> None:
    nodes = await make_brokers(3, connections_per_address=10)
    outcomes = await gather(nodes[i % 3].broker.admit(HOME) for i in range(50))
    assert (10, 40) == (outcomes.count(True), outcomes.count(False))


async def test_connections_of_a_node_whose_lease_has_ended_do_not_count(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, connections_per_address=1, lease=LEASE)
    await a.enter("ann")
    await admitted(a)
    before = await admitted(b)
    await fleet.evict(a, seen_by=b)
    assert ([False], [True]) == (before, await admitted(b))


async def test_connections_count_again_once_their_node_is_back(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, connections_per_address=2, lease=LEASE)
    await a.enter("ann")
    await admitted(a, a)
    await fleet.evict(a, seen_by=b)
    await fleet.restore(a)
    await full(b)


async def test_while_the_broker_is_away_everybody_is_admitted_and_counted_later(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, connections_per_address=2)
    await fleet.lose(a)
    before = await admitted(a, a, a)
    await fleet.restore(a)
    await full(b)
    assert [True] * 3 == before


async def test_connections_count_also_after_the_broker_forgot_everything(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, connections_per_address=2, lease=LEASE)
    await admitted(a, a)
    await fleet.forget()
    await full(b)
