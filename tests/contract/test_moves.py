"""What the broker promises of channels that get another name."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from broker.api import Code, Identity, Member, Position, Refused, Wanted, Way
from broker.events import (
    Envelope,
    Event,
    Invited,
    Joined,
    Left,
    Moved,
    Quit,
    Renamed,
    Ruled,
    Said,
    TopicSet,
)
from broker.rules import Standing
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Fleet, Node, refusal
from tests.support.ruled import all_may, comes, deciding, kinds, nobody, ruled
from tests.support.sinks import Gap
from tests.support.spin import eventually, gather


async def moved(node: Node, me: Identity, new: str = "#py", old: str = "#go") -> None:
    await node.broker.move(me, old, new, "why not", judge=all_may)


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Said)]


async def faces(node: Node, channel: str) -> tuple[str, list[tuple[str, str]]]:
    """A channel as spelled, and who is in it."""
    roster = await node.broker.roster(channel)
    return roster.channel, sorted((member.nick, member.status) for member in roster.members)


# What becomes of the channel


async def test_everybody_is_in_it_under_the_new_name_with_their_status(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    await moved(a, ann, "#Py")
    assert ("#Py", [("ann", "o"), ("bob", "")]) == await faces(b, "#py")
    assert Code.NO_SUCH_CHANNEL is await refusal(b.broker.roster("#go"))


async def test_a_channel_takes_along_what_it_has(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    await a.say(ann, "#go", "hi")
    await a.broker.set_topic(ann, "#go", "gophers")
    await a.broker.rule(ann, "#go", deciding(key="k", modes="im"))
    cat = await b.enter("cat")
    await a.broker.invite(ann, "#go", "cat", judge=all_may)
    before = await a.broker.channel("#go"), await a.broker.topic("#go")
    await moved(a, ann)
    after, rules = await b.broker.channel("#py"), await b.broker.rules("#py")
    assert (before[0]._replace(name="#py"), before[1]) == (after, await b.broker.topic("#py"))
    assert ("k", "im") == (rules.key, rules.modes)
    assert ["hi"] == [e.event.text for e in (await b.broker.history("#py", 9)).entries]  # type: ignore[union-attr]
    arrival = await b.join(cat, "#py", judge=comes)
    assert 3 == arrival.roster.total


async def test_places_of_what_was_said_stay_what_they_are(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    await a.say(ann, "#go", "one")
    await a.say(ann, "#go", "two")
    said = (await a.broker.history("#go", 9)).entries
    place = Position((await a.broker.history("#go", 9)).epoch, said[0].seq)
    await moved(a, ann)
    found = await b.broker.span(ann, "#py", Wanted(Way.AFTER, (place,), 9))
    assert ["two"] == [one.event.text for one in found.entries]  # type: ignore[union-attr]
    await a.broker.redact(ann, "#py", place, "")
    history = (await b.broker.history("#py", 9)).entries
    assert ["two"] == [e.event.text for e in history]  # type: ignore[union-attr]


async def test_only_the_spelling_may_become_another(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    await moved(a, ann, "#GO")
    await a.say(ann, "#go", "hi")
    heard = kinds(await b.heard("#go"), Moved, Said)
    assert ("#GO", [("ann", "o"), ("bob", "")]) == await faces(b, "#go")
    assert [("#go", "#GO", ""), "hi"] == [
        (event.channel, event.new, event.epoch) if isinstance(event, Moved) else event.text
        for event in heard
    ]


# What is told


async def test_the_event_is_the_last_under_the_old_name(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await moved(a, ann)
    await a.broker.barrier()
    await b.broker.barrier()
    await b.say(bob, "#py", "hi")
    await a.broker.set_topic(ann, "#py", "pythons")
    for node in (a, b):
        old, new = await node.heard("#go"), await node.heard("#py")
        last = old[-1]
        assert isinstance(last, Moved)
        assert (ann.sid, "ann", "#go", "#py", "why not") == (
            last.sid,
            last.nick,
            last.channel,
            last.new,
            last.why,
        )
        assert [Said, TopicSet] == [type(event) for event in new]


async def test_places_go_on_after_the_event(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    await moved(a, ann)
    await a.say(ann, "#py", "hi")
    await b.broker.barrier()
    told = [e for e in b.sink.told if isinstance(e, Envelope) and e.log in ("#go", "#py")]
    (move,) = [event for e in told for event in e.events if isinstance(event, Moved)]
    last = told[-1]
    assert (move.epoch, told[-2].seq + 1) == (last.epoch, last.seq)


# Who may


async def test_the_judge_is_asked_by_what_holds(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    asked: list[tuple[str, Standing]] = []

    def judge(rules: Any, standing: Standing) -> None:
        asked.append((rules.modes, standing))
        if "o" not in standing.status:
            raise Refused(Code.NOT_OP, "#go")

    await a.broker.rule(ann, "#go", deciding(modes="m"))
    refused = await refusal(b.broker.move(bob, "#go", "#py", "", judge=judge))
    assert (Code.NOT_OP, [("m", Standing(True, ""))]) == (refused, asked)
    await a.broker.move(ann, "#go", "#py", "", judge=judge)
    assert ("m", Standing(True, "o")) == asked[-1]
    assert ("#py", [("ann", "o"), ("bob", "")]) == await faces(b, "#py")


async def test_whoever_is_refused_has_changed_nothing(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    assert Code.NOT_OP is await refusal(a.broker.move(ann, "#go", "#py", "", judge=nobody))
    assert Code.CUT_OFF is await refusal(moved(b, Identity("sid", "t", "eve")))
    assert Code.NO_SUCH_CHANNEL is await refusal(moved(a, ann, "#py", "#rust"))
    assert ("#go", [("ann", "o"), ("bob", "")]) == await faces(a, "#go")
    assert 1 == (await b.join(await b.enter("cat"), "#py")).roster.total
    assert [] == kinds(await b.heard("#go"), Moved)


async def test_a_name_is_had_by_one_channel_only(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await b.join(bob, "#py")
    assert Code.NAME_IN_USE is await refusal(moved(a, ann))
    await b.say(bob, "#py", "remember")
    await b.broker.leave(bob, "#py", "")
    assert Code.NAME_IN_USE is await refusal(moved(a, ann))
    assert ("#go", [("ann", "o"), ("bob", "")]) == await faces(a, "#go")


async def test_of_two_channels_one_gets_the_name(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann", "#one"), await b.enter("bob", "#two")
    outcomes = await gather(
        [refusal(moved(a, ann, "#py", "#one")), refusal(moved(b, bob, "#py", "#two"))]
    )
    assert {None, Code.NAME_IN_USE} == set(outcomes)
    winner = "ann" if outcomes[0] is None else "bob"
    assert ("#py", [(winner, "")]) == await faces(a, "#py")


# The name that was given up


async def test_the_old_name_is_free_and_nothing_of_the_old_is_found_there(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    await a.say(ann, "#go", "secret")
    await a.broker.set_topic(ann, "#go", "secret")
    await a.broker.rule(ann, "#go", deciding(key="k", modes="s"))
    await moved(a, ann)
    cat = await b.enter("cat")
    arrival = await b.join(cat, "#go", judge=nobody, status="o", modes="n")
    every = await b.broker.span(cat, "#go", Wanted(Way.LATEST, (), 99, every=True))
    assert ([Member("cat", "o", "")], "", [], "n", "") == (
        arrival.roster.members,
        arrival.topic.text,
        arrival.history,
        arrival.rules.modes,
        arrival.rules.key,
    )
    assert [] == [one for one in every.entries if not isinstance(one.event, Joined)]
    assert ("#py", [("ann", "o"), ("bob", "")]) == await faces(b, "#py")


async def test_who_comes_to_the_old_name_is_among_themselves(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await moved(a, ann)
    cat = await b.enter("cat", "#go")
    dan = await a.enter("dan", "#go")
    await b.say(cat, "#go", "old name")
    await a.say(ann, "#py", "new name")
    for node in (a, b):
        new, old = await node.heard("#py"), await node.heard("#go")
        assert (["new name"], ["old name"]) == (texts(new), texts(old))
    assert ("#go", [("cat", ""), ("dan", "")]) == await faces(a, "#go")
    assert Code.NOT_MEMBER is await refusal(b.say(bob, "#go", "x"))
    assert Code.NOT_MEMBER is await refusal(a.say(dan, "#py", "x"))


@pytest.mark.parametrize("fleet", ["server"], indirect=True)
@pytest.mark.parametrize("lost", ["forgotten", "failed over"])
async def test_who_comes_to_the_old_name_of_a_log_that_began_anew_is_there(
    make_brokers: MakeBrokers, fleet: Fleet, lost: str
) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    broker: Any = b.broker
    await moved(a, ann)
    await b.broker.barrier()
    if lost == "forgotten":
        await fleet.forget()
    else:
        await fleet.fall_behind()
        await fleet.fail_over()
    cat = await b.enter("cat", "#go")
    assert ["#go"] == list(broker._records.of(cat).channels)


async def test_a_name_that_was_given_up_is_given_to_no_other_channel_for_a_while(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await b.join(bob, "#rust")
    await moved(a, ann)
    assert Code.NAME_GIVEN_UP is await refusal(moved(b, bob, "#go", "#rust"))


async def test_a_channel_may_come_back_to_its_name(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await a.say(ann, "#go", "one")
    await moved(a, ann)
    await a.say(ann, "#py", "two")
    await b.broker.barrier()
    await b.say(bob, "#py", "three")
    await a.broker.barrier()
    await moved(a, ann, "#go", "#py")
    await b.broker.barrier()
    await b.say(bob, "#go", "four")
    history = (await a.broker.history("#go", 9)).entries
    assert ["one", "two", "three", "four"] == [e.event.text for e in history]  # type: ignore[union-attr]
    assert ("#go", [("ann", "o"), ("bob", "")]) == await faces(b, "#go")
    assert ["one", "four"] == texts(await b.heard("#go"))


# Who doesn't know of it yet


async def test_whoever_was_cut_off_goes_along_when_they_are_back(
    make_brokers: MakeBrokers, fleet: Fleet
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await fleet.lose(b)
    await moved(a, ann)
    await a.say(ann, "#py", "one")
    await a.say(ann, "#py", "two")
    await fleet.restore(b)
    await b.say(bob, "#py", "three")
    await b.broker.barrier()
    heard = [e for e in b.sink.told if isinstance(e, Envelope) and e.log in ("#go", "#py")]
    events = [event for e in heard for event in e.events]
    assert [Moved, Said, Said, Said] == [type(event) for event in events][-4:]
    assert ["one", "two", "three"] == texts(events)
    assert [] == [told for told in b.sink.told if isinstance(told, Gap)]


async def test_whoever_leaves_or_quits_or_is_called_otherwise_does_it_where_the_channel_is(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, (bob, cat, dan) = await ruled(make_brokers, "bob", "cat", "dan")
    await moved(a, ann)
    # as a node does that has yet to hear of it
    await b.broker.rename(bob, "bobby", ["#go"])
    bob.nick = "bobby"
    await b.broker.leave(cat, "#go", "bye")
    await b.broker.quit(dan, "gone", ["#go"])
    await b.broker.set_away(bob, "lunch", ["#go"])
    assert ("#py", [("ann", "o"), ("bobby", "")]) == await faces(a, "#py")
    told = kinds(await a.heard("#py"), Renamed, Left, Quit)
    assert [Renamed, Left, Quit] == [type(event) for event in told]


async def test_an_invitation_under_the_old_name_is_one_to_nowhere(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    await b.enter("cat")
    await moved(a, ann)
    await a.broker.invite(ann, "#go", "cat", judge=all_may)
    assert [] == kinds(await b.heard("#py"), Invited)


async def test_a_session_that_is_detached_is_taken_up_where_the_channel_is(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await b.broker.keep(bob, "secret", b"state")
    await b.broker.detach(bob, b"state")
    await moved(a, ann)
    await a.say(ann, "#py", "hi")
    me = Identity(bob.sid, "another", "")
    resumed = await a.broker.resume(me, "secret")
    (channel,) = resumed.channels
    await a.broker.follow(channel)
    regained = await a.broker.regain(me, channel)
    assert regained is not None
    missed = await a.broker.missed("#py", resumed.told["#py"].after, regained.tip)
    await a.broker.resumed(me)
    await a.say(me, "#py", "back")
    assert (0, ["hi"]) == (missed.lost, texts([entry.event for entry in missed.entries]))
    assert ("#py", [("ann", "o"), ("bob", "")]) == await faces(a, "#py")


@pytest.mark.parametrize("fleet", ["fakeredis", "server", "cluster"], indirect=True)
async def test_the_people_of_a_node_that_died_are_swept_where_the_channel_is(
    make_brokers: MakeBrokers, fleet: Fleet
) -> None:
    a, b = await make_brokers(2, lease=1.0)
    ann, bob = await a.enter("ann", "#go", status="o"), await b.enter("bob", "#go")
    await fleet.lose(b)
    await moved(a, ann)
    await fleet.evict(b, seen_by=a)

    async def left() -> list[tuple[str, str]]:
        return (await faces(a, "#py"))[1]

    await eventually(left, [("ann", "o")])
    assert [bob.sid] == [event.sid for event in kinds(await a.heard("#py"), Quit)]


# In several steps


async def test_lines_at_that_moment_are_told_once_or_refused(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    outcomes: list[str] = []

    async def talk() -> None:
        for number in range(50):
            channel = "#py" if any(isinstance(e, Moved) for e in b.sink.heard("#go")) else "#go"
            if await refusal(b.say(bob, channel, str(number))) is None:
                outcomes.append(str(number))

    await gather([talk(), moved(a, ann)])
    for node in (a, b):
        await node.broker.barrier()
        assert outcomes == texts([*await node.heard("#go"), *await node.heard("#py")])


async def test_decisions_at_that_moment_hold_or_are_refused(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await a.broker.rule(ann, "#go", deciding(("+o", "bob"), statuses=[("bob", "o")]))
    await gather(
        [
            moved(a, ann),
            refusal(b.broker.rule(bob, "#go", deciding(modes="m"), [])),
            refusal(b.broker.set_topic(bob, "#go", "topic", judge=all_may)),
        ]
    )
    done = kinds(await a.heard("#go"), Ruled, TopicSet)
    rules, topic = await a.broker.rules("#py"), await a.broker.topic("#py")
    expected = (any(isinstance(e, Ruled) and e.rules for e in done), topic.text != "")
    assert expected == ("m" in rules.modes, any(isinstance(e, TopicSet) for e in done))


REDIS = pytest.mark.parametrize("fleet", ["fakeredis", "server", "cluster"], indirect=True)


def never(*_about: object) -> Deferred[None]:
    """What a node does in the middle of which it dies."""
    return Deferred()


@REDIS
async def test_what_one_node_was_stopped_in_another_finishes(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await a.say(ann, "#go", "hi")
    broker: Any = a.broker
    broker._moving.arrived = never
    Deferred.fromCoroutine(moved(a, ann))
    await eventually(lambda: _moves_heard(b), 1)
    await b.say(bob, "#py", "there")
    assert ("#py", [("ann", "o"), ("bob", "")]) == await faces(b, "#py")
    history = (await b.broker.history("#py", 9)).entries
    assert ["hi", "there"] == texts([entry.event for entry in history])


async def _moves_heard(node: Node) -> int:
    return len(kinds(await node.heard("#go"), Moved))


@REDIS
async def test_a_name_that_was_held_in_vain_is_free_again(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    broker: Any = a.broker
    await broker._moving._rows.berth("id", "#go", "#py", broker._presence.deadline)
    assert Code.NAME_IN_USE is await refusal(moved(a, ann))
    assert Code.NO_SUCH_CHANNEL is await refusal(b.broker.roster("#py"))
    await broker._moving._rows.unberth("id", "#py", broker.now_ms + 1000)
    await moved(a, ann)
    assert ("#py", [("ann", "o"), ("bob", "")]) == await faces(b, "#py")


@REDIS
async def test_a_name_that_was_held_in_vain_has_nothing_that_was_put_there(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    broker: Any = a.broker
    await broker._moving._rows.berth("id", "#go", "#py", broker._presence.deadline)
    meta, _, log = broker._keys.channel("#py")
    await broker._store.run("carry", (meta, log), "id", "7-0", 1, "[]")
    await broker._moving._rows.unberth("id", "#py", broker.now_ms + 1000)
    cat = await b.enter("cat", "#py")
    await b.say(cat, "#py", "hi")
    assert ["hi"] == texts([e.event for e in (await b.broker.history("#py", 9)).entries])


@REDIS
async def test_who_comes_while_a_name_is_held_waits_and_is_one_of_them(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    broker: Any = a.broker
    broker._moving.arrived = never
    Deferred.fromCoroutine(moved(a, ann))
    await eventually(lambda: _left_put_aside(a), True)
    c = await b.enter("cat")
    arrival = await b.join(c, "#py", status="o", judge=all_may)
    assert (3, "") == (arrival.roster.total, arrival.status)


async def _left_put_aside(node: Node) -> bool:
    return await refusal(node.broker.roster("#go")) is Code.NO_SUCH_CHANNEL


@REDIS
async def test_who_acts_under_another_token_is_not_sent_after_a_channel_that_came_back(
    make_brokers: MakeBrokers,
) -> None:
    a, _, ann, _ = await ruled(make_brokers, "bob")
    broker: Any = a.broker
    await moved(a, ann)
    await moved(a, ann, "#go", "#py")
    other = Identity(ann.sid, "another", "ann")
    event = Renamed(ann.sid, 99, "ann", "anna", ("#go",))
    assert not await broker._store.rename(other, "#go", event)
    assert not await broker._store.rename(other, "#py", event)


@pytest.mark.parametrize("fleet", ["server"], indirect=True)
async def test_a_server_that_has_not_heard_of_it_is_told(
    make_brokers: MakeBrokers, fleet: Fleet
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await a.say(ann, "#go", "hi")
    await fleet.fall_behind()
    await moved(a, ann)
    await b.broker.barrier()
    await b.say(bob, "#py", "there")
    await a.broker.barrier()
    await fleet.fail_over()
    await a.say(ann, "#py", "still")
    await b.say(bob, "#py", "here")
    assert ("#py", [("ann", "o"), ("bob", "")]) == await faces(b, "#py")
    assert Code.NO_SUCH_CHANNEL is await refusal(b.broker.roster("#go"))
    assert ["there", "still", "here"] == texts(await a.heard("#py"))


@REDIS
async def test_who_is_put_back_where_a_server_forgot_that_they_had_arrived(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    broker: Any = a.broker
    await moved(a, ann)
    meta, roster, _ = broker._keys.channel("#py")
    move = (await broker._store.ask("HGET", meta, "arrived")).decode()
    await broker._store.ask("DEL", roster)
    await broker._store.ask("DEL", meta)
    await broker._store.ask("HSET", meta, "berth", move, "berth_from", "#go", "berth_ms", 1)
    deadline = broker._presence.deadline
    await broker._store.put_back(ann, "#py", quiet=False, deadline=deadline)
    assert ("#py", [("ann", "o"), ("bob", "")]) == await faces(b, "#py")
