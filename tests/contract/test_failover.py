"""What the broker promises when a replica takes over that hadn't heard what was accepted last."""

import pytest

from broker.api import Code, Identity, Position, altered
from broker.events import Event, Quit, Renamed, Said, Told, TopicSet
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Fleet, Node, refusal
from tests.support.sinks import Continued, NickLost, Watched

pytestmark = pytest.mark.parametrize("fleet", ["memory", "server"], indirect=True)


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Said | Told)]


async def _met(make_brokers: MakeBrokers) -> tuple[Node, Node, Identity, Identity]:
    """Ann on one node and Bob on another, in one channel, and the replica knows it."""
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go", announce=False)
    bob = await b.enter("bob", "#go", announce=False)
    await a.say(ann, "#go", "kept")
    await b.broker.barrier()
    return a, b, ann, bob


async def _everywhere(*nodes: Node) -> list[list[str]]:
    """What was said in the channel, as each node heard it, and as the log has it."""
    heard = [texts(await node.heard("#go")) for node in nodes]
    entries = (await nodes[0].broker.history("#go", 100)).entries
    return [*heard, texts([entry.event for entry in entries])]


# What was accepted


async def test_what_the_replica_lacked_is_put_back(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b, ann, bob = await _met(make_brokers)
    await fleet.fall_behind()
    await a.say(ann, "#go", "lost")
    await b.say(bob, "#go", "lost too")
    await a.broker.barrier()
    await fleet.fail_over()
    await a.say(ann, "#go", "after")
    expected = ["kept", "lost", "lost too", "after"]
    assert [expected] * 3 == await _everywhere(a, b)


async def test_who_stood_at_a_place_that_is_gone_missed_what_follows_the_last_that_is_left(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    await fleet.fall_behind()
    epoch, seq = b.sink.places("#go")[-1]
    await fleet.fail_over()
    await a.say(ann, "#go", "after")
    await b.broker.barrier()
    tip = b.sink.places("#go")[-1]
    for place, lost in ((Position(epoch, seq), 0), (Position(epoch, seq + 7), None)):
        missed = await b.broker.missed("#go", place, tip)
        assert (lost, ["after"]) == (missed.lost, texts([each.event for each in missed.entries]))


async def test_a_log_that_is_whole_goes_on_under_another_epoch(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    await fleet.fall_behind()
    await a.say(ann, "#go", "lost")
    await b.broker.barrier()
    before = b.sink.places("#go")[-1]
    await fleet.fail_over()
    await a.say(ann, "#go", "after")
    await b.broker.barrier()
    after = b.sink.places("#go")[-1]
    continued = Continued("#go", after.epoch, differs=False)
    told = b.sink.told.index(continued)
    assert (before.seq + 1, True) == (after.seq, before.epoch != after.epoch)
    assert b.sink.told.index("away") < told < b.sink.told.index("back")


async def test_where_all_is_put_back_no_gap_is_told(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    await fleet.fall_behind()
    await a.say(ann, "#go", "lost")
    await b.broker.tell(_, "ann", "psst")
    await b.broker.barrier()
    await fleet.fail_over()
    assert [] == [*a.sink.gaps(), *b.sink.gaps()]


async def test_private_messages_that_the_replica_lacked_come_once(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, _, bob = await _met(make_brokers)
    await fleet.fall_behind()
    await b.broker.tell(bob, "ann", "lost")
    await a.broker.barrier()
    await fleet.fail_over()
    await b.broker.tell(bob, "ann", "after")
    assert ["lost", "after"] == texts(await a.heard("ann"))


async def test_a_second_failover_is_survived_too(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b, ann, bob = await _met(make_brokers)
    for i in range(2):
        await fleet.fall_behind()
        await a.say(ann, "#go", f"lost {i}")
        await b.broker.barrier()
        await fleet.fail_over()
    await b.say(bob, "#go", "after")
    assert [["kept", "lost 0", "lost 1", "after"]] * 3 == await _everywhere(a, b)


async def test_a_failover_that_loses_nothing_is_told_as_an_outage_and_no_more(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    await fleet.fall_behind()
    await fleet.fail_over()
    await a.say(ann, "#go", "after")
    await b.broker.barrier()
    told = [call for call in b.sink.plain() if not isinstance(call, Continued)]
    assert (["away", "back"], [["kept", "after"]] * 3) == (told, await _everywhere(a, b))


# Too late


async def _late(fleet: Fleet, make_brokers: MakeBrokers) -> tuple[Node, Node, Identity, Identity]:
    """Ann's node alone heard a line, and comes when Bob's has gone on without it."""
    a, b, ann, bob = await _met(make_brokers)
    await fleet.fall_behind()
    await fleet.lose(b)
    await a.say(ann, "#go", "ann's")
    await a.broker.barrier()
    await fleet.fail_over(a)
    await b.say(bob, "#go", "bob's")
    await fleet.restore(a)
    return a, b, ann, bob


async def test_what_comes_too_late_becomes_new(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await _late(fleet, make_brokers)
    await a.say(ann, "#go", "after")
    expected = ["kept", "bob's", "ann's", "after"]
    assert [["kept", "ann's", "bob's", "after"], expected, expected] == await _everywhere(a, b)


async def test_history_before_a_place_under_an_earlier_epoch_is_what_both_have(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await _late(fleet, make_brokers)
    await a.say(ann, "#go", "after")
    await a.broker.barrier()
    first, *_, last = a.sink.places("#go")
    assert first.epoch != last.epoch
    found = [
        await b.broker.history("#go", 9, Position(first.epoch, seq)) for seq in (first.seq, 99)
    ]
    assert [[], ["kept"]] == [texts([entry.event for entry in each.entries]) for each in found]


async def test_who_comes_too_late_is_told_that_the_order_differs(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, _, _ = await _late(fleet, make_brokers)
    await b.broker.barrier()
    (continued,) = [call for call in a.sink.continuations() if call.log == "#go"]
    epoch = b.sink.places("#go")[-1].epoch
    assert (Continued("#go", epoch, differs=True), []) == (continued, a.sink.gaps())
    assert [] == [call for call in b.sink.continuations() if call.differs]


# What nobody saw


async def test_what_nobody_saw_is_gone_and_cannot_be_noticed(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, bob = await _met(make_brokers)
    other = await fleet.start()
    eve = await other.enter("eve", "#go", announce=False)
    await fleet.fall_behind()
    await fleet.lose(a)
    await fleet.lose(b)
    await other.say(eve, "#go", "unseen")
    await fleet.lose(other)
    fleet.nodes.remove(other)
    await fleet.fail_over()
    await a.say(ann, "#go", "after")
    assert [["kept", "after"]] * 3 == await _everywhere(a, b)
    assert [] == [*a.sink.gaps(), *b.sink.gaps()]


# What sessions hold


async def test_sessions_stay_what_they_were(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await _met(make_brokers)
    await fleet.fall_behind()
    carl = await a.enter("carl", "#go", "#new")
    await a.say(carl, "#new", "hi")
    assert ["#go"] == await a.broker.rename(ann, "anna", ["#go"])
    ann.nick = "anna"
    await a.broker.set_away(ann, "lunch")
    ann.away = "lunch"
    await b.broker.barrier()
    heard = await b.heard("#go")
    await fleet.fail_over()
    assert (["anna", "bob", "carl"], ["carl"], "lunch", ["hi"], Code.NO_SUCH_NICK) == (
        sorted((await b.broker.roster("#go")).nicks),
        (await b.broker.roster("#new")).nicks,
        (await b.broker.person("anna")).away,
        texts([entry.event for entry in (await b.broker.history("#new", 10)).entries]),
        await refusal(b.broker.person("ann")),
    )
    assert heard == await b.heard("#go")
    await a.say(carl, "#new", "here still")
    await a.say(ann, "#go", "and here")
    assert "and here" == texts(await b.heard("#go"))[-1]


async def test_what_somebody_changed_of_themselves_stays_so(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    await fleet.fall_behind()
    for what, value in ("host", "ann@new.host"), ("real", "Ann"), ("modes", "i"):
        await a.broker.alter(ann, what, value, ["#go"])
        ann.profile = altered(ann.profile, what, value)
    await b.broker.barrier()
    await fleet.fail_over()
    assert ann.profile == (await b.broker.person("ann")).profile
    members = (await b.broker.roster("#go")).members
    assert {"ann": "ann@new.host", "bob": ""} == {one.nick: one.by for one in members}


async def test_who_watches_a_nick_sees_nobody_go(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b, _, _ = await _met(make_brokers)
    await b.broker.watch(["ann", "carl", "dan"])
    await fleet.fall_behind()
    carl = await a.enter("carl")
    await fleet.fail_over()
    await a.enter("dan")
    await a.broker.quit(carl, "", [])

    def told() -> list[Watched]:
        return [call for call in b.sink.told if isinstance(call, Watched)]

    await b.sink.until(lambda: len(told()) == 3)
    assert ["carl", "dan", "carl"] == [call.nick for call in told()]


async def test_who_was_gone_stays_gone(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await _met(make_brokers)
    carl = await a.enter("carl", "#go")
    await a.broker.barrier()
    await fleet.fall_behind()
    await a.broker.leave(ann, "#go", "bye")
    await a.broker.quit(carl, "good night", ["#go"])
    heard = await b.heard("#go")
    await a.broker.barrier()
    await fleet.fail_over()
    assert (["bob"], heard, Code.NO_SUCH_NICK, []) == (
        (await b.broker.roster("#go")).nicks,
        await b.heard("#go"),
        await refusal(b.broker.person("carl")),
        (await b.broker.person("ann")).channels,
    )
    assert Quit(carl.sid, carl.num, "carl", "good night", ("#go",)) == heard[-1]


async def test_a_topic_is_put_back(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await _met(make_brokers)
    await fleet.fall_behind()
    await a.broker.set_topic(ann, "#go", "gophers")
    await b.broker.barrier()
    await fleet.fail_over()
    topics = [event for event in await b.heard("#go") if isinstance(event, TopicSet)]
    assert (("gophers", "ann"), 1) == ((await b.broker.topic("#go"))[:2], len(topics))


async def test_a_session_whose_nick_is_lost_is_named_and_takes_another(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    await fleet.usurp(a, ann)
    assert ["#go"] == await a.broker.rename(ann, "anna", ["#go"])
    ann.nick = "anna"
    await a.say(ann, "#go", "it's me")
    heard = await b.heard("#go")
    assert ["ann", "anna"] == [
        name for e in heard if isinstance(e, Renamed) for name in (e.nick, e.new)
    ]
    assert ("it's me", 1) == (texts(heard)[-1], a.sink.told.count(NickLost(ann.sid)))


# Programs


async def test_a_programs_line_that_the_replica_lacked_is_put_back_and_makes_no_member(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    await fleet.fall_behind()
    await a.broker.post("deploys.bot", "#go", "lost")
    await b.broker.barrier()
    await fleet.fail_over()
    await a.say(ann, "#go", "after")
    assert [["kept", "lost", "after"]] * 3 == await _everywhere(a, b)
    assert ["ann", "bob"] == sorted((await a.broker.roster("#go")).nicks)


async def test_a_program_may_be_the_first_to_say_something_after_a_failover(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    await fleet.fall_behind()
    await a.say(ann, "#go", "lost")
    await b.broker.barrier()
    await fleet.fail_over()
    await a.broker.post("deploys.bot", "#go", "after")
    assert [["kept", "lost", "after"]] * 3 == await _everywhere(a, b)
