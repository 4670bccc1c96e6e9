"""What becomes of what a replica lacked when some of the nodes are late, or dead.

Only a real server goes back in time with all that it holds, so these run on one alone.
"""

import pytest

from broker.api import Code, Identity
from broker.events import Event, Joined, Quit, Said, Told
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import RedisFleet, refusal
from tests.support.sinks import Gap, NickLost
from tests.support.spin import eventually

pytestmark = pytest.mark.parametrize("fleet", ["server"], indirect=True)


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Said | Told)]


async def test_of_two_who_hold_a_nick_the_one_who_had_it_first_keeps_it(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    bob = await b.enter("bob")
    await fleet.fall_behind()
    kim = await a.enter("kim")
    await fleet.fail_over(a)
    other = await b.enter("kim")
    await fleet.restore(a)
    await b.sink.until_told(NickLost(other.sid))
    await b.broker.tell(bob, "kim", "psst")
    assert (["psst"], []) == (texts(await a.heard("kim")), texts(await b.heard("kim")))
    assert a.name == (await b.broker.person("kim")).node
    assert NickLost(kim.sid) not in a.sink.told


async def test_a_node_that_died_leaves_nobody_who_came_in_what_was_put_back(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=0.5)
    await a.enter("ann", "#go", announce=False)
    dying = await fleet.start(lease=0.5)
    await fleet.fall_behind()
    dan = await dying.enter("dan", "#go")
    await a.broker.barrier()
    await fleet.lose(dying)
    fleet.nodes.remove(dying)
    await fleet.fail_over()

    async def nicks() -> list[str]:
        return (await b.broker.roster("#go")).nicks

    await eventually(nicks, ["ann"])
    ends = [event for event in await a.heard("#go") if event.sid == dan.sid]
    assert [Joined, Quit] == [type(event) for event in ends]


async def test_what_is_older_than_what_nodes_remember_is_a_gap_for_whoever_reads_it(
    fleet: RedisFleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.feed.WITNESSED", 1)
    a, b = await make_brokers(2)
    ann, _ = await a.enter("ann", "#go"), await b.enter("bob", "#go")
    await a.say(ann, "#go", "kept")
    await b.broker.barrier()
    await fleet.fall_behind()
    await fleet.lose(b)
    for text in ("one", "two", "three"):
        await a.say(ann, "#go", text)
    await a.broker.barrier()
    await fleet.fail_over()
    await a.say(ann, "#go", "after")
    assert (["kept", "one", "two", "three", "after"], ["kept", "three", "after"]) == (
        texts(await a.heard("#go")),
        texts(await b.heard("#go")),
    )
    assert ([], [Gap("#go", 2)]) == (a.sink.gaps(), b.sink.gaps())


async def test_a_replica_that_knows_nothing_of_the_failover_before_lacks_nothing_in_the_end(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann", "#go", "#py"), await b.enter("bob", "#go")
    await b.broker.barrier()
    heard = await a.heard("#go")
    await fleet.fall_behind()
    await fleet.fall_behind()
    for text in ("one", "two"):
        await a.say(ann, "#go", text)
        await b.broker.tell(bob, "ann", text)
        await b.broker.barrier()
        await fleet.fail_over()
    await a.say(ann, "#go", "three")
    for node in (a, b):
        assert ["one", "two", "three"] == texts(await node.heard("#go"))
        assert [] == node.sink.gaps()
    assert len(heard) + 3 == len(a.sink.heard("#go"))
    assert ["one", "two"] == texts(await a.heard("ann"))
    entries = (await b.broker.history("#go", 10)).entries
    assert ["one", "two", "three"] == texts([entry.event for entry in entries])


async def test_a_private_message_whose_reader_was_away_is_put_back_by_its_author(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann")
    bob = await b.enter("bob")
    await fleet.fall_behind()
    await fleet.lose(a)
    await b.broker.tell(bob, "ann", "psst")
    await fleet.fail_over()
    assert (["psst"], []) == (texts(await a.heard("ann")), a.sink.gaps())


async def test_a_session_that_was_opened_anew_in_what_was_lost_keeps_its_nick(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    old = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await fleet.fall_behind()
    await a.broker.quit(old, "", ["#go"])
    ann = Identity(old.sid, "another", "ann", num=old.num)
    await a.broker.open(ann)
    await a.join(ann, "#go")
    heard = await b.heard("#go")
    await fleet.fail_over()
    await a.broker.set_away(ann, "lunch")
    await a.say(ann, "#go", "here")
    assert ("lunch", [*heard, Said(ann.sid, ann.num, "ann", "here")]) == (
        (await b.broker.person("ann")).away,
        await b.heard("#go"),
    )
    await a.broker.quit(ann, "", ["#go"])
    assert Code.NO_SUCH_NICK == await refusal(b.broker.person("ann"))


async def test_a_replica_that_comes_makes_no_other_server_of_its_master(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go")
    await fleet.fall_behind()
    await fleet.lose(a)
    await fleet.restore(a)
    assert [] == [*a.sink.continuations(), *b.sink.continuations()]
