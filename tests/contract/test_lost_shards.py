"""What becomes of logs when one master of a Redis Cluster forgets all that it knew, and then again.

Only a cluster of several masters forgets in part, so these run on one alone.
"""

from typing import Any, cast

import pytest

from broker.api import Code, Identity
from broker.cluster import Cluster
from broker.events import Event, Quit, Said, Told
from broker.keeping import Keeping
from broker.link import LinkLost
from broker.shards import Wires
from tests.contract.conftest import MakeBrokers
from tests.contract.test_kept import SECRET, STATE, beats, kept, take, take_up
from tests.support.fleet import ShardsFleet, refusal
from tests.support.sinks import Evicted, Gap
from tests.support.spin import eventually

pytestmark = pytest.mark.parametrize("fleet", ["cluster"], indirect=True)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is late, however busy the machine is."""
    monkeypatch.setattr("broker.recovery.WINDOW", 30_000)


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Said | Told)]


# Logs


async def test_a_log_is_put_back_as_it_was_last_and_not_as_somebody_knew_it_before(
    fleet: ShardsFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    go = fleet.apart("#go")
    ann, bob = await a.enter("ann", go), await b.enter("bob", go)
    await a.say(ann, go, "one")
    await b.broker.barrier()
    await a.broker.leave(ann, go, "")
    a.broker.unfollow(go)
    await fleet.forget_log(go, anew=True)
    await b.say(bob, go, "two")
    await b.broker.barrier()
    await fleet.forget_log(go, first=a)
    await b.say(bob, go, "three")
    assert ["one", "two", "three"] == texts(await b.heard(go))
    assert [Gap(go, None)] == b.sink.gaps()
    entries = (await b.broker.history(go, 10)).entries
    assert ["two", "three"] == texts([entry.event for entry in entries])


async def test_who_came_after_it_reads_nothing_of_what_others_put_back(
    fleet: ShardsFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    go = fleet.apart("#go")
    ann = await a.enter("ann", go)
    await a.say(ann, go, "one")
    bob = await b.enter("bob", go)
    await a.broker.leave(ann, go, "")
    a.broker.unfollow(go)
    await fleet.forget_log(go, anew=True)
    await fleet.forget_log(go, first=a)
    await b.say(bob, go, "two")
    assert (["two"], [Gap(go, None)]) == (texts(await b.heard(go)), b.sink.gaps())


async def test_a_private_message_that_its_author_puts_back_is_not_read_again(
    fleet: ShardsFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    nick = fleet.apart("bob")
    ann, _ = await a.enter("ann"), await b.enter(nick)
    await a.broker.tell(ann, nick, "psst")
    await b.broker.barrier()
    await fleet.forget_log(nick, anew=True)
    await fleet.forget_log(nick, first=a)
    await a.broker.tell(ann, nick, "hey")
    assert (["psst", "hey"], [Gap(nick, None)]) == (texts(await b.heard(nick)), b.sink.gaps())


# Sessions


async def test_a_detached_session_keeps_the_membership_and_the_nick_that_were_lost(
    fleet: ShardsFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    bob = await b.enter("bob")
    nick = fleet.apart("ann")
    ann = await kept(a, nick)
    while fleet.master_of(fleet.keys.kept(ann.sid)) == fleet.master_of(fleet.keys.nick(nick).claim):
        await a.broker.quit(ann, "", [])
        ann = await kept(a, nick)
    go = fleet.apart("#go", fleet.keys.kept(ann.sid))
    await b.join(bob, go)
    await a.join(ann, go)
    await a.broker.detach(ann, STATE)
    for lost in (go, nick):
        await fleet.forget_at(fleet.keys.log(lost).meta)
    assert {"bob", nick} == set((await b.broker.roster(go)).nicks)
    again, resumed = await take_up(b, ann)
    assert nick == resumed.nick
    await b.say(again, go, "here")
    assert "here" in texts(await b.heard(go))


async def test_who_takes_up_a_session_as_it_is_put_back_has_all_of_it(
    fleet: ShardsFleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await make_brokers(2)
    bob = await b.enter("bob", "#lost")
    go = fleet.apart("#go", fleet.keys.log("#lost").meta)
    await b.join(bob, go)
    ann = await kept(a, "ann", "#lost", go)
    await a.broker.detach(ann, STATE)
    put_back = Keeping._put_back_detached
    again = Identity(ann.sid, "another", "")

    async def taken_up_meanwhile(keeping: Keeping, *shelved: Any) -> None:
        await put_back(keeping, *shelved)
        if again.nick:
            return

        async def ready() -> bool:
            return b.broker.ready

        await eventually(ready, True)
        await b.broker.resume(again, SECRET)

    with monkeypatch.context() as busy:
        busy.setattr(Keeping, "_put_back_detached", taken_up_meanwhile)
        await fleet.forget_at(fleet.keys.log("#lost").meta)
    await beats(a)
    for channel in ("#lost", go):
        assert await b.broker.regain(again, channel) is not None
    await b.broker.resumed(again)
    await beats(a)
    assert {"ann", "bob"} == set((await b.broker.roster(go)).nicks)
    await b.say(again, go, "here")


async def test_who_spoke_takes_up_the_membership_that_was_put_back_for_anybody(
    fleet: ShardsFleet, make_brokers: MakeBrokers
) -> None:
    (b,) = await make_brokers(1)
    bob = await b.enter("bob")
    dying = await fleet.start()
    ann = await kept(dying, "ann")
    go = fleet.apart("#go", fleet.keys.kept(ann.sid))
    await b.join(bob, go)
    await dying.join(ann, go)
    await dying.say(ann, go, "hello")
    await b.broker.barrier()
    await dying.broker.detach(ann, STATE)
    await dying.broker.stop()
    fleet.nodes.remove(dying)
    await fleet.forget_at(fleet.keys.log(go).meta)
    again, _ = await take(b, ann)
    assert await b.broker.regain(again, go) is not None


async def test_a_detached_session_ends_in_its_time_though_the_list_of_those_was_lost(
    fleet: ShardsFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, keep=0.5, lease=1.0)
    bob = await b.enter("bob")
    go, nick = fleet.apart("#go"), fleet.apart("ann")
    await b.join(bob, go)
    await a.broker.detach(await kept(a, nick, go), STATE)
    await fleet.forget_at(fleet.keys.leases)

    async def quits() -> list[str]:
        return [event.nick for event in await b.heard(go) if isinstance(event, Quit)]

    await eventually(quits, [nick])
    assert Code.NO_SUCH_NICK == await refusal(b.broker.person(nick))


async def test_a_detached_session_that_nobody_can_take_up_any_more_has_quit(
    fleet: ShardsFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    bob, ann = await b.enter("bob"), await kept(a, "ann")
    row = fleet.keys.kept(ann.sid)
    go = fleet.apart("#go", row)
    await b.join(bob, go)
    await a.join(ann, go)
    await a.broker.detach(ann, STATE)
    await fleet.forget_at(row)
    assert Code.TOKEN_UNKNOWN == await refusal(take(b, ann))
    assert ["ann"] == [event.nick for event in await b.heard(go) if isinstance(event, Quit)]
    assert Code.NO_SUCH_NICK == await refusal(b.broker.person("ann"))


async def test_a_detached_session_whose_row_was_lost_is_ended_by_whoever_ends_it(
    fleet: ShardsFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    bob, ann = await b.enter("bob", "#go"), await kept(a, "ann", "#go")
    await a.broker.detach(ann, STATE)
    with fleet.client() as client:
        client.delete(fleet.keys.kept(ann.sid))
    ended = await cast(Cluster, b.broker).end_detached(ann.sid, "kicked")
    assert ended
    assert [bob.nick] == (await b.broker.roster("#go")).nicks


@pytest.mark.parametrize("quits", [True, False])
async def test_a_nick_that_was_given_back_is_free_though_its_master_did_not_hear_of_it(
    fleet: ShardsFleet, make_brokers: MakeBrokers, quits: bool
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    claim = fleet.keys.nick("ann").claim
    go = fleet.apart("#go", claim)
    await b.enter("bob", go)
    with fleet.client() as client:
        before = client.hgetall(claim)
        if quits:
            await a.broker.quit(ann, "", [])
        else:
            await a.broker.rename(ann, "zoe", [])
            ann.nick = "zoe"
        client.hset(claim, mapping=before)
    await fleet.forget_at(fleet.keys.log(go).meta)
    assert Code.NO_SUCH_NICK == await refusal(b.broker.person("ann"))


# All of them


async def test_that_all_forgot_is_noticed_also_by_who_loses_the_way_back_once_more(
    fleet: ShardsFleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    (a,) = await make_brokers(1)
    recovery = cast(Cluster, a.broker)._recovery
    meet = recovery.meet

    async def lose(_wires: Wires) -> None:
        monkeypatch.setattr(recovery, "meet", meet)
        raise LinkLost("once")

    monkeypatch.setattr(recovery, "meet", lose)
    await fleet.forget()
    assert ["away", Evicted(True), "back"] == a.sink.plain()


# Leases


async def test_a_node_that_dies_as_the_leases_are_lost_is_swept(
    fleet: ShardsFleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.recovery.WINDOW", 1_000)
    (b,) = await make_brokers(1, lease=2.0)
    a = await fleet.start(lease=2.0)
    while fleet.is_at_home(fleet.keys.node_sessions(cast(Cluster, a.broker).node)):
        await a.broker.stop()  # what it had would be lost, too
        fleet.nodes.remove(a)
        a = await fleet.start(lease=2.0)
    go = fleet.apart("#go")
    ann, _ = await a.enter("ann", go), await b.enter("bob", go)
    await beats(b)
    await fleet.lose(a)
    fleet.nodes.remove(a)
    await fleet.forget_at(fleet.keys.leases)

    async def quits() -> list[str]:
        return [event.sid for event in await b.heard(go) if isinstance(event, Quit)]

    await eventually(quits, [ann.sid])
    fleet.nodes.append(a)
