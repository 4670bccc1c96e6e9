"""What the broker promises of channels with rules when it's lost, goes back, or forgets."""

from typing import Any

import pytest

from broker.api import Code, Identity, Member
from broker.events import Kicked, Ruled, Said
from broker.rules import Rules
from tests.contract.conftest import MakeBrokers
from tests.contract.test_kept import STATE, kept, take, take_up
from tests.contract.test_outages import anew
from tests.support.fleet import Fleet, Node, refusal
from tests.support.ruled import all_may, comes, deciding, kinds, nobody, ruled, said_by
from tests.support.spin import eventually

VOICE = deciding(("+v", "bob"), statuses=(("bob", "v"),))

failover = pytest.mark.parametrize("fleet", ["memory", "server"], indirect=True)
real = pytest.mark.parametrize("fleet", ["server"], indirect=True)


async def statuses(node: Node) -> list[Member]:
    return sorted((await node.broker.roster("#go")).members)


# A replica takes over


@failover
async def test_what_was_decided_holds_though_the_replica_lacked_it(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await fleet.fall_behind()
    await a.broker.rule(ann, "#go", deciding(modes="m", key="k"))
    await a.broker.rule(ann, "#go", VOICE)
    await b.broker.barrier()
    await fleet.fail_over()
    assert Rules(2, "m", "k") == await b.broker.rules("#go")
    assert [Member("ann", "o"), Member("bob", "v")] == await statuses(a)
    assert None is await said_by(b, bob, "hi")


@failover
async def test_decisions_go_on_after_a_failover(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await fleet.fall_behind()
    await a.broker.rule(ann, "#go", deciding(modes="m"))
    await b.broker.barrier()
    await fleet.fail_over()
    codes = [await said_by(b, bob, "hi")]
    await a.broker.rule(ann, "#go", deciding(modes=""))
    codes.append(await said_by(b, bob, "ho"))
    laws = [event.law for event in kinds(await b.heard("#go"), Ruled)]
    assert ([Code.CANNOT_SPEAK, None], [1, 2]) == (codes, laws)


@failover
async def test_who_was_kicked_stays_so_though_the_replica_lacked_it(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await fleet.fall_behind()
    await a.broker.kick(ann, "#go", "bob", "", judge=all_may)
    await b.broker.barrier()
    await fleet.fail_over()
    await a.say(ann, "#go", "hi")
    assert Code.NOT_MEMBER == await refusal(b.say(bob, "#go", "hi"))
    assert [Member("ann", "o")] == await statuses(b)
    assert 1 == len(kinds(await b.heard("#go"), Kicked))


@failover
async def test_who_was_kicked_before_their_node_came_to_the_replica_stays_so(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await fleet.fall_behind()
    await b.say(bob, "#go", "what the replica lacks")
    await a.broker.barrier()
    await fleet.fail_over(b)
    await a.broker.kick(ann, "#go", "bob", "out", judge=all_may)
    await fleet.restore(b)
    assert "out" == (await kick_heard(b)).why
    assert [Member("ann", "o")] == await statuses(a)
    assert Code.NOT_MEMBER is await said_by(b, bob, "hi")


async def kick_heard(node: Node) -> Kicked:
    """The kick that a node has heard of."""
    (kicked,) = [event for event in await node.heard("#go") if isinstance(event, Kicked)]
    return kicked


@failover
async def test_an_invitation_counts_though_the_replica_lacked_it(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await ruled(make_brokers, "cat")
    bob = await b.enter("bob")
    await a.broker.rule(ann, "#go", deciding(modes="i"))
    await fleet.fall_behind()
    await a.broker.invite(ann, "#go", "bob", judge=all_may)
    await b.broker.barrier()
    await fleet.fail_over()
    assert None is await refusal(b.join(bob, "#go", judge=comes))


@failover
async def test_a_channel_that_the_replica_did_not_know_has_its_founder_and_its_rules(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann"), await b.enter("bob")
    await fleet.fall_behind()
    await a.join(ann, "#go", status="o", modes="mn")
    await b.join(bob, "#go")
    await a.say(ann, "#go", "hi")
    await b.broker.barrier()
    await fleet.fail_over()
    assert [Member("ann", "o"), Member("bob")] == await statuses(b)
    assert "mn" == (await b.broker.rules("#go")).modes
    assert [Code.CANNOT_SPEAK, None] == [
        await said_by(b, bob, "hi"),
        await said_by(a, ann, "hi"),
    ]


@failover
async def test_who_spoke_from_outside_is_no_member_after_a_failover(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, _, _ = await ruled(make_brokers)
    bob = await b.enter("bob")
    await fleet.fall_behind()
    await said_by(b, bob, "hi", outside=True)
    await a.broker.barrier()
    await fleet.fail_over()
    said = kinds(await a.heard("#go"), Said)
    assert (["ann"], ["hi"]) == (
        (await a.broker.roster("#go")).nicks,
        [event.text for event in said],
    )


@real
async def test_of_two_decisions_under_one_law_the_one_that_came_too_late_is_none(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await fleet.fall_behind()
    await fleet.lose(b)
    await a.broker.rule(ann, "#go", deciding(modes="m"))
    await a.broker.barrier()
    await fleet.fail_over(a)
    await b.broker.rule(bob, "#go", deciding(modes="t"))
    await fleet.restore(a)
    await said_by(a, ann, "hi")
    laws = [(event.nick, event.law) for event in kinds(await b.heard("#go"), Ruled)]
    assert (Rules(1, "t"), [("bob", 1)]) == (await a.broker.rules("#go"), laws)


# Redis forgets


async def _back(fleet: Fleet, *people: tuple[Node, Identity]) -> list[Any]:
    """All is forgotten, and everybody comes back as their nodes bring them; their arrivals."""
    await fleet.forget()
    arrivals = []
    for node, old in people:
        me = anew(old)
        await node.broker.open(me)
        arrivals.append(
            await node.join(me, "#go", announce=False, judge=nobody, status="v", modes="x")
        )
    return arrivals


async def test_who_was_invited_is_so_still_after_all_was_forgotten(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await ruled(make_brokers)
    bob, cat = await b.enter("bob"), await b.enter("cat")
    await a.broker.rule(ann, "#go", deciding(modes="i"))
    await a.broker.invite(ann, "#go", "bob", judge=all_may)
    await a.broker.invite(ann, "#go", "cat", judge=all_may)
    await b.join(cat, "#go", judge=comes)
    await b.broker.leave(cat, "#go", "")
    await a.broker.barrier()
    await _back(fleet, (a, ann))
    bob, cat = anew(bob), anew(cat)
    await b.broker.open(bob)
    await b.broker.open(cat)
    assert Code.INVITE_ONLY is await refusal(b.join(cat, "#go", judge=comes))
    assert ["ann", "bob"] == sorted((await b.join(bob, "#go", judge=comes)).roster.nicks)
    assert Code.INVITE_ONLY is await refusal(_again(b, bob))


async def _again(node: Node, me: Identity) -> None:
    """An invitation is good for coming once."""
    await node.broker.leave(me, "#go", "")
    await node.join(me, "#go", judge=comes)


async def test_rules_and_statuses_are_put_back_after_all_was_forgotten(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await a.broker.rule(ann, "#go", deciding(modes="im", key="k"))
    await a.broker.rule(ann, "#go", VOICE)
    await b.broker.barrier()
    await a.broker.barrier()
    arrivals = await _back(fleet, (b, bob), (a, ann))
    assert ["v", "o"] == [arrival.status for arrival in arrivals]
    assert [Rules(2, "im", "k")] * 2 == [arrival.rules for arrival in arrivals]
    assert [Member("ann", "o"), Member("bob", "v")] == await statuses(b)


async def test_the_latest_rules_that_any_node_knew_hold_after_all_was_forgotten(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await a.broker.rule(ann, "#go", deciding(modes="n"))
    await b.broker.barrier()
    await fleet.lose(b)
    await a.broker.rule(ann, "#go", deciding(modes="m"))
    await a.broker.barrier()
    await _back(fleet, (b, bob), (a, ann))
    assert Rules(2, "m") == await b.broker.rules("#go")


async def test_after_all_was_forgotten_others_are_judged(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await a.broker.rule(ann, "#go", deciding(modes="i"))
    await b.broker.barrier()
    await _back(fleet, (b, bob), (a, ann))
    cat = await b.enter("cat")
    assert Code.INVITE_ONLY == await refusal(b.join(cat, "#go", judge=comes))


# Cut off


async def test_who_was_kicked_while_their_node_was_cut_off_is_told(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await fleet.lose(b)
    await a.broker.kick(ann, "#go", "bob", "", judge=all_may)
    await fleet.restore(b)
    kicked = Kicked(ann.sid, ann.num, "ann", bob.sid, "bob")
    assert kicked == (await b.heard("#go"))[-1]

    async def channels() -> list[str]:
        return (await a.broker.person("bob")).channels

    nothing: list[str] = []
    await eventually(channels, nothing)


async def test_what_was_decided_while_a_node_was_cut_off_holds_for_its_people(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await fleet.lose(b)
    await a.broker.rule(ann, "#go", deciding(modes="m"))
    await fleet.restore(b)
    codes = [await said_by(b, bob, "hi")]
    await fleet.lose(b)
    await a.broker.rule(ann, "#go", VOICE)
    await fleet.restore(b)
    codes.append(await said_by(b, bob, "ho"))
    assert [Code.CANNOT_SPEAK, None] == codes


# Kept sessions


async def test_who_is_taken_up_has_the_status_that_they_had(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann", "#go", status="o", modes="m")
    await a.broker.detach(ann, STATE)
    again, resumed = await take(b, ann)
    await b.broker.follow("#go")
    regained = await b.broker.regain(again, "#go")
    await b.broker.resumed(again)
    assert regained is not None
    assert ("o", Rules(1, "m")) == (regained.status, regained.rules)
    assert None is await said_by(b, again, "hi")


async def test_who_was_kicked_while_detached_finds_it_out_when_taken_up(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann", "#go")
    bob = await b.enter("bob", "#go")
    await a.broker.detach(ann, STATE)
    await b.broker.kick(bob, "#go", "ann", "", judge=all_may)
    again, resumed = await take(b, ann)
    assert None is await b.broker.regain(again, "#go")
    await b.broker.resumed(again)
    assert (["bob"], []) == (
        (await a.broker.roster("#go")).nicks,
        (await b.broker.person("ann")).channels,
    )


async def test_who_is_taken_up_is_judged_as_before(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    cat = await a.enter("cat", "#go", status="o", modes="m")
    ann = await kept(a, "ann", "#go")
    await a.broker.detach(ann, STATE)
    again, _ = await take_up(b, ann)
    codes = [await said_by(b, again, "hi")]
    await a.broker.rule(cat, "#go", deciding(("+v", "ann"), statuses=(("ann", "v"),)))
    codes.append(await said_by(b, again, "ho"))
    assert [Code.CANNOT_SPEAK, None] == codes
