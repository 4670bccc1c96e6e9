"""What the broker promises when it's lost, when a node's lease ends, and when it forgets."""

from collections.abc import Awaitable, Callable

import pytest
from twisted.internet.defer import Deferred

from broker.api import Code, Identity, Position
from broker.events import Envelope, Event, Joined, Quit, Said, Told
from broker.keys import Keys
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Fleet, Node, RedisFleet, refusal, somebody
from tests.support.sinks import Evicted, Gap, NickLost
from tests.support.spin import eventually, gather

LEASE = 0.8
"""Seconds: short, in tests that wait for its end; but nobody stands still for so long by chance."""


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Said | Told)]


def anew(me: Identity) -> Identity:
    """The same person, as a node opens the session again."""
    return Identity(me.sid, me.token + "'", me.nick, num=me.num)


# Start and stop


async def test_a_started_broker_takes_commands(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    assert a.broker.ready


async def test_a_stopped_broker_is_not_counted(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.broker.stop()
    fleet.nodes.remove(b)
    assert 1 == (await a.broker.totals()).nodes


# Away and back


async def test_a_broker_that_is_away_is_not_ready(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await fleet.lose(a)
    assert not a.broker.ready


COMMANDS: dict[str, Callable[[Node, Identity], Awaitable[object]]] = {
    "open": lambda node, me: node.broker.open(somebody("carl")),
    "rename": lambda node, me: node.broker.rename(me, "anna", ["#go"]),
    "follow": lambda node, me: node.broker.follow("#go"),
    "join": lambda node, me: node.broker.join(me, "#go"),
    "leave": lambda node, me: node.broker.leave(me, "#go", ""),
    "say": lambda node, me: node.say(me, "#go", "hi"),
    "set_topic": lambda node, me: node.broker.set_topic(me, "#go", "gophers"),
    "tell": lambda node, me: node.broker.tell(me, "ann", "hi"),
    "set_away": lambda node, me: node.broker.set_away(me, ""),
    "roster": lambda node, me: node.broker.roster("#go"),
    "topic": lambda node, me: node.broker.topic("#go"),
    "history": lambda node, me: node.broker.history("#go", 1),
    "channels": lambda node, me: node.broker.channels(),
    "person": lambda node, me: node.broker.person("ann"),
    "people": lambda node, me: node.broker.people(),
    "totals": lambda node, me: node.broker.totals(),
    "count": lambda node, me: node.broker.count("requests"),
}


async def test_while_the_broker_is_away_commands_are_refused(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await fleet.lose(a)
    refused = {name: await refusal(command(a, ann)) for name, command in COMMANDS.items()}
    assert dict.fromkeys(COMMANDS, Code.AWAY) == refused


async def test_what_was_refused_never_happens(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    heard = await b.heard("#go")
    await fleet.lose(a)
    for command in COMMANDS.values():
        await refusal(command(a, ann))
    await fleet.restore(a)
    await a.broker.barrier()
    assert (heard, ["ann", "bob"], 1) == (
        await b.heard("#go"),
        sorted((await b.broker.roster("#go")).nicks),
        await b.broker.count("requests"),
    )


async def test_an_outage_is_told_once(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go", announce=False)
    for _ in range(2):
        await fleet.lose(a)
        await b.broker.barrier()
        await fleet.restore(a)
    assert ["away", "back", "away", "back"] == a.sink.told


async def test_others_notice_nothing_of_a_short_outage(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    await b.enter("bob", "#go")
    await a.enter("ann", "#go")
    heard = await b.heard("#go")
    await fleet.lose(a)
    await fleet.restore(a)
    assert (heard, ["ann", "bob"]) == (
        await b.heard("#go"),
        sorted((await b.broker.roster("#go")).nicks),
    )


async def test_what_was_missed_is_delivered_before_back(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go", "#py", announce=False)
    bob = await b.enter("bob", "#go", "#py", announce=False)
    await b.say(bob, "#go", "before")
    await a.broker.barrier()
    await fleet.lose(a)
    for i in range(10):
        await b.say(bob, "#go", f"go {i}")
        await b.say(bob, "#py", f"py {i}")
        await b.broker.tell(bob, "ann", f"ann {i}")
    await fleet.restore(a)
    assert ("back", ["before", *(f"go {i}" for i in range(10))]) == (
        a.sink.told[-1],
        texts(a.sink.heard("#go")),
    )
    assert [f"py {i}" for i in range(10)] == texts(a.sink.heard("#py"))
    assert [f"ann {i}" for i in range(10)] == texts(a.sink.heard("ann"))


async def test_what_was_missed_comes_in_the_order_in_which_it_was_accepted(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    channels = ["#one", "#two", "#three"]
    await a.enter("ann", *channels)
    bob = await b.enter("bob", *channels)
    await a.broker.barrier()
    await fleet.lose(a)
    before = len(a.sink.told)
    for i in range(30):
        await b.say(bob, channels[i % 3], str(i))
    await fleet.restore(a)
    missed = [call for call in a.sink.told[before:] if isinstance(call, Envelope)]
    assert 30 == sum(len(envelope.events) for envelope in missed)
    assert sorted(envelope.ms for envelope in missed) == [envelope.ms for envelope in missed]


async def test_nothing_is_heard_twice_around_an_outage(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go", announce=False)
    bob = await b.enter("bob", "#go", announce=False)

    async def speak() -> None:
        for i in range(60):
            await b.say(bob, "#go", str(i))

    async def stumble() -> None:
        for _ in range(3):
            await fleet.lose(a)
            await fleet.restore(a)

    assert [None, None] == await gather([speak(), stumble()])
    assert ([str(i) for i in range(60)], []) == (texts(await a.heard("#go")), a.sink.gaps())


async def test_where_nothing_was_lost_no_gap_is_told(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go", "#py")
    bob = await b.enter("bob", "#go")
    await fleet.lose(a)
    await b.say(bob, "#go", "hi")
    await fleet.restore(a)
    assert [] == a.sink.gaps()


async def test_after_an_outage_commands_are_taken_again(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await fleet.lose(a)
    await fleet.restore(a)
    await a.say(ann, "#go", "still here")
    assert ["still here"] == texts(await b.heard("#go"))


async def test_what_is_lost_for_good_is_told_with_its_number(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, history_lines=100, lease=60.0)
    await a.enter("ann", "#go", announce=False)
    bob = await b.enter("bob", "#go", announce=False)
    await b.say(bob, "#go", "before")
    await a.broker.barrier()
    await fleet.lose(a)
    await gather(b.say(bob, "#go", str(i)) for i in range(1000))
    await fleet.restore(a)
    (gap,) = a.sink.gaps()
    heard = texts(a.sink.heard("#go"))
    assert ("#go", 1000) == (gap.log, (gap.lost or 0) + len(heard) - 1)
    assert [str(i) for i in range(gap.lost or 0, 1000)] == heard[1:]


async def test_a_gap_is_told_at_its_place(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2, history_lines=100, lease=60.0)
    await a.enter("ann", "#go", announce=False)
    bob = await b.enter("bob", "#go", announce=False)
    await b.say(bob, "#go", "before")
    await a.broker.barrier()
    before = a.sink.places("#go")[-1]
    await fleet.lose(a)
    await gather(b.say(bob, "#go", str(i)) for i in range(1000))
    await fleet.restore(a)
    told = a.sink.told[a.sink.told.index("away") + 1 :]
    assert isinstance(told[0], Gap) and isinstance(told[1], Envelope)
    after = Position(told[1].epoch, told[1].seq)
    assert before._replace(seq=before.seq + (told[0].lost or 0) + 1) == after


async def test_an_inbox_is_bounded_too(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2, inbox_lines=100, lease=60.0)
    await a.enter("ann")
    bob = await b.enter("bob")
    await fleet.lose(a)
    await gather(b.broker.tell(bob, "ann", str(i)) for i in range(1000))
    await fleet.restore(a)
    (gap,) = a.sink.gaps()
    lost = gap.lost or 0
    assert ("ann", [str(i) for i in range(lost, 1000)], True) == (
        gap.log,
        texts(a.sink.heard("ann")),
        lost > 500,
    )


async def test_a_follow_is_refused_while_the_broker_is_away(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1)
    await fleet.lose(a)
    assert await refusal(a.broker.follow("#go")) == Code.AWAY


async def test_a_barrier_waits_for_the_broker(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go", announce=False)
    bob = await b.enter("bob", "#go", announce=False)
    await fleet.lose(a)
    await b.say(bob, "#go", "hi")
    passed = Deferred.fromCoroutine(a.broker.barrier())
    was_done = passed.called
    await fleet.restore(a)
    await passed
    assert (False, ["hi"]) == (was_done, texts(a.sink.heard("#go")))


async def test_a_quit_waits_for_the_broker(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await fleet.lose(a)
    quitting = Deferred.fromCoroutine(a.broker.quit(ann, "bye", ["#go"]))
    was_done = quitting.called
    await fleet.restore(a)
    await quitting
    assert (False, Quit(ann.sid, ann.num, "ann", "bye", ("#go",)), True) == (
        was_done,
        (await b.heard("#go"))[-1],
        await refusal(b.broker.open(somebody("ann"))) is None,
    )


# The lease ends


async def test_when_a_lease_ends_others_see_each_quit_once(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b, _other_sweeper = await make_brokers(3, lease=LEASE)
    await b.enter("bob", "#go", "#py")
    people = [await a.enter(nick, "#go", "#py") for nick in ("ann", "carl")]
    await fleet.evict(a, seen_by=b)
    for channel in ("#go", "#py"):
        quits = [event for event in await b.heard(channel) if isinstance(event, Quit)]
        expected = [(me.sid, me.nick, "connection lost", {"#go", "#py"}) for me in people]
        seen = [(quit.sid, quit.nick, quit.why, set(quit.channels)) for quit in quits]
        assert expected == sorted(seen, key=lambda row: row[1])


async def test_an_ended_leases_quit_has_one_number(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    await b.enter("bob", "#go", "#py")
    await a.enter("ann", "#go", "#py")
    await fleet.evict(a, seen_by=b)
    last = [(await b.heard(channel))[-1] for channel in ("#go", "#py")]
    assert isinstance(last[0], Quit) and last[0] == last[1]


async def test_when_a_lease_ends_a_quiet_member_goes_quietly(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    await b.enter("bob", "#lobby")
    await a.enter("ann", "#lobby", announce=False, quiet=True)
    heard = await b.heard("#lobby")
    await fleet.evict(a, seen_by=b)
    assert (heard, ["bob"]) == (
        await b.heard("#lobby"),
        (await b.broker.roster("#lobby")).nicks,
    )


async def test_when_a_lease_ends_the_nicks_are_free(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    await a.enter("ann", "#go")
    await fleet.evict(a, seen_by=b)
    await b.enter("ANN")
    assert b.name == (await b.broker.person("ann")).node


async def test_an_evicted_node_is_told_so_before_back(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    await a.enter("ann", "#go", announce=False)
    await b.enter("bob", "#go", announce=False)
    await fleet.evict(a, seen_by=b)
    await fleet.restore(a)
    assert ["away", Evicted(False), "back"] == a.sink.plain()


async def test_an_evicted_node_hears_what_it_missed(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    await a.enter("ann", "#go", announce=False)
    bob = await b.enter("bob", "#go", announce=False)
    await fleet.lose(a)
    await b.say(bob, "#go", "1")
    await b.broker.tell(bob, "ann", "psst")
    await fleet.evict(a, seen_by=b)
    await b.say(bob, "#go", "2")
    await fleet.restore(a)
    assert (["1", "2"], ["psst"], []) == (
        texts(a.sink.heard("#go")),
        texts(a.sink.heard("ann")),
        a.sink.gaps(),
    )


async def test_what_is_told_to_a_new_holder_names_no_evicted_session(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    old = await a.enter("ann")
    bob = await b.enter("bob")
    await fleet.evict(a, seen_by=b)
    new = await b.enter("ann")
    await b.broker.tell(bob, "ann", "for the new one")
    await fleet.restore(a)
    told = [*await a.heard("ann"), *await b.heard("ann")]
    assert ({new.sid}, False) == (
        {event.to for event in told if isinstance(event, Told)},
        new.sid == old.sid,
    )


async def test_an_evicted_session_is_refused(fleet: Fleet, make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await fleet.evict(a, seen_by=b)
    heard = await b.heard("#go")
    await fleet.restore(a)
    refused = [await refusal(COMMANDS[name](a, ann)) for name in ("say", "leave", "set_topic")]
    assert ([Code.NOT_MEMBER] * 3, heard) == (refused, await b.heard("#go"))


@pytest.mark.parametrize("name", ["join", "rename", "set_away", "tell"])
async def test_an_evicted_session_is_cut_off(
    fleet: Fleet, make_brokers: MakeBrokers, name: str
) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await fleet.evict(a, seen_by=b)
    await fleet.restore(a)
    assert Code.CUT_OFF == await refusal(COMMANDS[name](a, ann))


async def test_an_evicted_session_can_be_opened_again(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    old = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await fleet.evict(a, seen_by=b)
    await fleet.restore(a)
    ann = anew(old)
    await a.broker.open(ann)
    await a.join(ann, "#go")
    await a.say(ann, "#go", "again")
    expected = [Joined(ann.sid, ann.num - 1, "ann"), Said(ann.sid, ann.num, "ann", "again")]
    assert expected == (await b.heard("#go"))[-2:]
    assert expected == (await a.heard("#go"))[-2:]


async def test_a_session_opened_again_gets_private_messages(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    old = await a.enter("ann")
    bob = await b.enter("bob")
    await fleet.evict(a, seen_by=b)
    await fleet.restore(a)
    await a.broker.open(anew(old))
    await b.broker.tell(bob, "ann", "psst")
    assert ["psst"] == texts(await a.heard("ann"))


async def test_a_quit_of_an_evicted_session_ends_quietly(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await fleet.evict(a, seen_by=b)
    heard = await b.heard("#go")
    quitting = Deferred.fromCoroutine(a.broker.quit(ann, "bye", ["#go"]))
    await fleet.restore(a)
    await quitting
    assert heard == await b.heard("#go")


async def test_a_node_started_again_keeps_no_former_people(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    await b.enter("bob", "#go")
    ann = await a.enter("ann", "#go")
    await fleet.lose(a)
    again = await fleet.start(a.name, lease=LEASE)
    await fleet.evict(a, seen_by=b)
    quits = [event.sid for event in await b.heard("#go") if isinstance(event, Quit)]
    assert ([ann.sid], True) == (quits, again.broker.ready)


# The broker forgets


async def test_a_broker_that_forgot_says_so_before_back(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann")
    await fleet.forget()
    plain = [[call for call in node.sink.plain() if call != Gap("ann", None)] for node in (a, b)]
    assert [["away", Evicted(True), "back"]] * 2 == plain


async def test_a_broker_that_forgot_tells_of_no_quits(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    heard = await b.heard("#go")
    await fleet.forget()
    assert heard == await b.heard("#go")


async def test_sessions_are_put_back_after_all_was_forgotten(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    old = await a.enter("ann", "#go"), await b.enter("bob", "#go")
    await fleet.forget()
    ann, bob = anew(old[0]), anew(old[1])
    for node, me in ((a, ann), (b, bob)):
        await node.broker.open(me)
        await node.join(me, "#go", announce=False)
    await a.say(ann, "#go", "again")
    await b.broker.tell(bob, "ann", "psst")
    assert (["again"], ["again"], ["psst"]) == (
        texts(await a.heard("#go")),
        texts(await b.heard("#go")),
        texts(await a.heard("ann")),
    )


async def test_a_log_that_was_forgotten_has_another_epoch(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1)
    old = await a.enter("ann", "#go")
    await a.broker.barrier()
    await fleet.forget()
    ann = anew(old)
    await a.broker.open(ann)
    arrival = await a.join(ann, "#go")
    assert a.sink.places("#go")[0].epoch != arrival.tip.epoch


async def test_what_was_forgotten_before_it_was_heard_is_a_gap(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go", announce=False)
    bob = await b.enter("bob", "#go", announce=False)
    await b.say(bob, "#go", "heard")
    await a.broker.barrier()
    await fleet.lose(a)
    await b.say(bob, "#go", "forgotten")
    await fleet.forget()
    assert [Gap("#go", None), Gap("ann", None)] == sorted(a.sink.gaps())


@pytest.mark.parametrize("lost", [[], ["forgotten"]])
async def test_who_was_cut_off_when_all_was_forgotten_is_told_so_of_their_inbox_once(
    fleet: Fleet, make_brokers: MakeBrokers, lost: list[str]
) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann"), await b.enter("bob")
    await fleet.lose(a)
    for text in lost:
        await b.broker.tell(bob, "ann", text)
    await fleet.forget()
    bob = anew(bob)
    await a.broker.open(anew(ann))
    await b.broker.open(bob)
    await b.broker.tell(bob, "ann", "again")
    assert (["again"], [Gap("ann", None)]) == (texts(await a.heard("ann")), a.sink.gaps())


async def test_who_was_connected_until_all_was_forgotten_is_told_of_no_inbox_that_had_nothing(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    ann, bob = await a.enter("ann"), await b.enter("bob")
    await fleet.forget_at_once()
    bob = anew(bob)
    await a.broker.open(anew(ann))
    await b.broker.open(bob)
    await b.broker.tell(bob, "ann", "psst")
    assert (["psst"], []) == (texts(await a.heard("ann")), a.sink.gaps())


# Whose a nick is when all was forgotten


async def test_a_nick_is_held_for_who_had_it_when_all_was_forgotten(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    old, bob = await a.enter("ann"), anew(await b.enter("bob"))
    await fleet.forget()
    await b.broker.open(bob)
    assert [Code.NICK_TAKEN] * 2 == [
        await refusal(b.broker.open(somebody("Ann"))),
        await refusal(b.broker.rename(bob, "ann", [])),
    ]
    await a.broker.open(anew(old))
    assert a.name == (await b.broker.person("ann")).node


async def test_until_it_is_opened_again_a_nick_that_is_held_back_is_nobodys(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    old, bob = await a.enter("ann"), anew(await b.enter("bob"))
    await fleet.forget()
    await b.broker.open(bob)
    assert [Code.NO_SUCH_NICK] * 2 == [
        await refusal(b.broker.person("ann")),
        await refusal(b.broker.tell(bob, "ann", "psst")),
    ]
    ann = anew(old)
    await a.broker.open(ann)
    await b.broker.tell(bob, "ann", "psst")
    assert ["psst"] == texts(await a.heard("ann"))


@pytest.mark.parametrize("how", ["quit", "opened"])
async def test_a_nick_is_held_back_no_longer_than_its_session_needs_it(
    fleet: Fleet, make_brokers: MakeBrokers, how: str
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await fleet.forget()
    if how == "quit":
        await a.broker.quit(ann, "", [])
    else:
        await a.broker.open(Identity(ann.sid, "another", "anna", num=ann.num))
    await b.enter("ann")
    assert b.name == (await a.broker.person("ann")).node


async def test_a_nick_that_nobody_comes_for_is_free_after_a_while(
    fleet: Fleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("broker.memory.world", "broker.recovery"):
        monkeypatch.setattr(f"{module}.HELD_BACK", 1)
    a, b = await make_brokers(2)
    await a.enter("ann")
    await fleet.forget()

    async def free() -> Code | None:
        return await refusal(b.broker.open(somebody("ann")))

    await eventually(free, None)


async def test_a_nick_that_changed_hands_before_all_was_forgotten_is_its_last_holders(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    was, old = await a.enter("ann"), await b.enter("bob")
    await a.broker.rename(was, "anna", [])
    await b.broker.rename(old, "ann", [])
    was.nick, old.nick = "anna", "ann"
    await fleet.forget()
    assert Code.NICK_TAKEN == await refusal(a.broker.open(somebody("ann")))
    await b.broker.open(anew(old))
    await a.broker.open(anew(was))
    assert [b.name, a.name] == [(await a.broker.person(n)).node for n in ("ann", "anna")]


async def _late(
    fleet: Fleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> tuple[Node, Node, Identity, Identity]:
    """All was forgotten, and Ann's node comes back when somebody on the other has her nick."""
    monkeypatch.setattr("broker.recovery.WINDOW", 100)
    a, b = await make_brokers(2, lease=60)
    ann = await a.enter("ann")
    await fleet.forget(a)
    other = await b.enter("ann", "#go")
    return a, b, anew(ann), other


async def test_a_node_that_comes_later_takes_back_what_its_people_held(
    fleet: Fleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, ann, other = await _late(fleet, make_brokers, monkeypatch)
    await fleet.restore(a)
    await b.sink.until_told(NickLost(other.sid))
    await b.broker.rename(other, "anna", ["#go"])
    await a.broker.open(ann)
    assert [a.name, b.name] == [(await b.broker.person(nick)).node for nick in ("ann", "anna")]


@pytest.mark.parametrize("fleet", ["fakeredis", "server"], indirect=True)  # memory does it at once
async def test_who_loses_a_nick_has_it_until_they_have_another(
    fleet: Fleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.recovery.YIELDING", 60)
    a, b, ann, other = await _late(fleet, make_brokers, monkeypatch)
    restoring = Deferred.fromCoroutine(fleet.restore(a))
    await b.sink.until_told(NickLost(other.sid))
    await b.say(other, "#go", "ann still")
    assert (b.name, False) == ((await b.broker.person("ann")).node, restoring.called)
    await b.broker.rename(other, "anna", ["#go"])
    await restoring
    await a.broker.open(ann)
    assert a.name == (await b.broker.person("ann")).node


async def test_who_gave_way_to_an_older_holder_can_lose_another_nick(
    fleet: Fleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, _, other = await _late(fleet, make_brokers, monkeypatch)
    await fleet.restore(a)
    await b.sink.until_told(NickLost(other.sid))
    await b.broker.rename(other, "anna", ["#go"])
    other.nick, before = "anna", b.sink.told.count(NickLost(other.sid))
    await fleet.usurp(b, other)
    await b.sink.until(lambda: b.sink.told.count(NickLost(other.sid)) > before)


async def test_a_node_whose_lease_had_ended_takes_nothing_back(
    fleet: Fleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.recovery.WINDOW", 100)
    a, b = await make_brokers(2, lease=LEASE)
    ann = await a.enter("ann")
    await fleet.evict(a, seen_by=b)
    await fleet.forget(a)
    await b.enter("ann")
    await fleet.restore(a)
    assert Code.NICK_TAKEN == await refusal(a.broker.open(anew(ann)))
    assert [] == [call for call in b.sink.told if isinstance(call, NickLost)]


# Before all have noticed that all was forgotten


@pytest.mark.parametrize("fleet", ["fakeredis", "server"], indirect=True)
@pytest.mark.parametrize("how", ["open", "rename"])
async def test_a_nick_is_not_given_away_by_a_node_that_has_not_noticed_yet(
    fleet: RedisFleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("broker.recovery.WINDOW", 60_000)
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann"), await b.enter("bob")
    with fleet.client() as client:
        client.flushall()
    taking = b.broker.open(somebody("ann")) if how == "open" else b.broker.rename(bob, "ann", [])
    assert await refusal(taking) is not None
    assert Code.NICK_TAKEN == await refusal(b.broker.open(somebody("ann")))
    await a.sink.until_told(Evicted(True))
    await a.broker.open(anew(ann))
    assert a.name == (await b.broker.person("ann")).node


@pytest.mark.parametrize("fleet", ["fakeredis", "server"], indirect=True)
async def test_nobody_is_given_a_nick_before_all_nodes_are_back(
    fleet: RedisFleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.recovery.WINDOW", 60_000)
    a, b = await make_brokers(2, lease=60)
    await a.enter("ann")
    for node in (a, b):
        await fleet.lose(node)
    with fleet.client() as client:
        client.flushall()
        coming = Deferred.fromCoroutine(fleet.restore(b))

        async def gathers() -> bool:
            return bool(client.exists(Keys(fleet.namespace).gathering))

        await eventually(gathers, True)
    is_back = coming.called
    await fleet.restore(a)
    await coming
    assert (False, Code.NICK_TAKEN) == (is_back, await refusal(b.broker.open(somebody("ann"))))
