"""What the broker promises of what is said and told: order, once, and to whom."""

from twisted.internet.defer import Deferred

from broker.api import Code, Identity, Position, Refused
from broker.events import Event, Quit, Said, Told
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Node, refusal
from tests.support.spin import gather


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Said | Told)]


# Say


async def test_a_line_is_heard_as_it_was_said(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await a.say(ann, "#go", '007 "\\ \t ÿ 😀 ]}', action=True)
    said = Said(ann.sid, ann.num, "ann", '007 "\\ \t ÿ 😀 ]}', action=True)
    assert said == (await b.heard("#go"))[-1]


async def test_a_line_is_settled_once(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    settled: list[Refused | None] = []
    a.broker.say(ann, "#go", "hi", False, settled.append)
    await a.broker.barrier()
    await a.broker.barrier()
    assert [None] == settled


async def test_lines_keep_their_order_without_waiting(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go", announce=False)
    lines = [str(i) for i in range(200)]
    await gather(a.say(ann, "#go", line) for line in lines)
    assert lines == texts(await b.heard("#go"))


async def test_a_line_is_in_history_when_settled(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    assert ["hi"] == texts([entry.event for entry in (await b.broker.history("#go", 1)).entries])


async def test_only_members_speak(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go")
    bob = await b.enter("bob")
    refused = await refusal(b.say(bob, "#go", "hi"))
    assert (Code.NOT_MEMBER, []) == (refused, texts(await a.heard("#go")))


async def test_who_left_speaks_no_more(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await a.enter("bob", "#go")
    ann = await a.enter("ann", "#go")
    await a.broker.leave(ann, "#go", "")
    assert Code.NOT_MEMBER == await refusal(a.say(ann, "#go", "hi"))


async def test_a_refused_line_stops_no_other(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann, bob = await a.enter("ann", "#go"), await a.enter("bob")
    outcomes = await gather(
        [a.say(ann, "#go", "1"), a.say(bob, "#go", "2"), a.say(ann, "#go", "3")]
    )
    assert ([None, Refused(Code.NOT_MEMBER, "#go"), None], ["1", "3"]) == (
        outcomes,
        texts(await a.heard("#go")),
    )


async def test_a_line_said_again_under_its_number_is_there_once(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    number = ann.num
    await a.say(ann, "#go", "hi")
    ann.num = number
    await a.say(ann, "#go", "hi")
    assert ["hi"] == texts(await b.heard("#go"))


async def test_a_topic_set_again_under_its_number_is_told_once(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    heard = await a.heard("#go")
    number = ann.num
    await a.broker.set_topic(ann, "#go", "gophers")
    ann.num = number
    await a.broker.set_topic(ann, "#go", "gophers")
    assert 1 == len(await a.heard("#go")) - len(heard)


async def test_the_same_words_can_be_said_twice(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    await a.say(ann, "#go", "hi")
    assert ["hi", "hi"] == texts(await a.heard("#go"))


async def test_a_persons_numbers_only_grow(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "1")
    await a.broker.set_topic(ann, "#go", "2")
    await gather(a.say(ann, "#go", str(i)) for i in range(3, 6))
    await a.broker.rename(ann, "anna", ["#go"])
    numbers = [event.num for event in await a.heard("#go")]
    assert sorted(set(numbers)) == numbers


# Order


async def _talk(node: Node, me: Identity, lines: int) -> None:
    """Lines in waves, with other events between."""
    for i in range(0, lines, 5):
        await gather(node.say(me, "#go", f"{me.nick} {i + k}") for k in range(5))
        await node.broker.set_topic(me, "#go", f"{me.nick} {i}")


async def test_all_hear_one_order_without_a_hole(make_brokers: MakeBrokers) -> None:
    nodes = await make_brokers(3)
    people = [await node.enter(f"n{i}", "#go") for i, node in enumerate(nodes)]
    for node in nodes:
        await node.broker.barrier()
        node.sink.told.clear()
    await gather(_talk(node, me, 25) for node, me in zip(nodes, people, strict=True))
    for node in nodes:
        await node.broker.barrier()
    first, *others = [
        list(zip(node.sink.places("#go"), node.sink.entries("#go"), strict=True)) for node in nodes
    ]
    start = first[0][0]
    places = [Position(start.epoch, start.seq + i) for i in range(90)]
    assert places == [place for place, _ in first]
    assert [first, first] == others


async def test_each_keeps_its_own_order_among_all(make_brokers: MakeBrokers) -> None:
    nodes = await make_brokers(3)
    people = [await node.enter(f"n{i}", "#go") for i, node in enumerate(nodes)]
    await gather(_talk(node, me, 25) for node, me in zip(nodes, people, strict=True))
    said = texts(await nodes[0].heard("#go"))
    spoken = [[line for line in said if line.startswith(me.nick)] for me in people]
    assert [[f"{me.nick} {i}" for i in range(25)] for me in people] == spoken


async def test_an_envelopes_events_follow_its_place(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await gather(a.say(ann, "#go", str(i)) for i in range(20))
    await a.broker.barrier()
    history = (await a.broker.history("#go", 20)).entries
    said = [entry for entry in a.sink.entries("#go") if isinstance(entry.event, Said)]
    assert history == said


async def test_a_quit_has_one_number_in_all_channels(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await a.enter("bob", "#go", "#py")
    ann = await a.enter("ann", "#go", "#py")
    await a.broker.quit(ann, "", ["#go", "#py"])
    last = [(await a.heard(channel))[-1] for channel in ("#go", "#py")]
    assert isinstance(last[0], Quit) and last[0] == last[1]


# Barrier


async def test_after_a_barrier_all_that_was_accepted_is_there(make_brokers: MakeBrokers) -> None:
    a, b, c = await make_brokers(3)
    ann, bob = await a.enter("ann", "#go"), await b.enter("bob", "#py")
    await c.enter("carl", "#go", "#py", announce=False)
    for i in range(20):
        await gather([a.say(ann, "#go", str(i)), b.say(bob, "#py", str(i))])
        await c.broker.barrier()
        counts = [len(texts(c.sink.heard(channel))) for channel in ("#go", "#py")]
        assert [i + 1, i + 1] == counts


async def test_a_barrier_needs_no_channel(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await a.broker.barrier()
    assert [] == a.sink.told


# Tell


async def test_a_private_message_reaches_the_holder_alone(make_brokers: MakeBrokers) -> None:
    a, b, c = await make_brokers(3)
    ann = await a.enter("ann")
    bob = await b.enter("Bob")
    await c.enter("carl")
    await a.broker.tell(ann, "bOB", "psst")
    told = [Told(ann.sid, ann.num, "ann", "psst", bob.sid)]
    assert [[], told, []] == [await node.heard("bob") for node in (a, b, c)]


async def test_people_on_one_node_can_tell_each_other(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann")
    await a.enter("bob")
    await a.broker.tell(ann, "bob", "psst")
    assert ["psst"] == texts(await a.heard("bob"))


async def test_one_can_tell_oneself(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann")
    await a.broker.tell(ann, "ann", "psst")
    assert ["psst"] == texts(await a.heard("ann"))


async def test_a_receipt_spells_the_nick_as_its_holder_does(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await b.enter("BoB")
    assert ("BoB", None) == (await a.broker.tell(ann, "bob", "hi"))[:2]


async def test_a_receipt_tells_why_the_holder_is_away(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await b.broker.set_away(await b.enter("bob"), "lunch")
    assert ("bob", "lunch") == (await a.broker.tell(ann, "bob", "hi"))[:2]


async def test_a_receipt_tells_of_being_away_without_why(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await b.broker.set_away(await b.enter("bob"), "")
    assert ("bob", "") == (await a.broker.tell(ann, "bob", "hi"))[:2]


async def test_who_is_away_gets_messages_all_the_same(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await b.broker.set_away(await b.enter("bob"), "lunch")
    await a.broker.tell(ann, "bob", "hi")
    assert ["hi"] == texts(await b.heard("bob"))


async def test_nobody_can_be_told_nothing(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann")
    assert Code.NO_SUCH_NICK == await refusal(a.broker.tell(ann, "bob", "hi"))


async def test_who_quit_can_be_told_nothing(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await b.broker.quit(await b.enter("bob"), "", [])
    assert Code.NO_SUCH_NICK == await refusal(a.broker.tell(ann, "bob", "hi"))


async def test_an_inbox_keeps_its_order_without_a_hole(make_brokers: MakeBrokers) -> None:
    a, b, c = await make_brokers(3)
    ann, carl = await a.enter("ann"), await c.enter("carl")
    await b.enter("bob")
    for i in range(20):
        await a.broker.tell(ann, "bob", str(2 * i))
        await c.broker.tell(carl, "bob", str(2 * i + 1))
    assert [str(i) for i in range(40)] == texts(await b.heard("bob"))
    first = b.sink.places("bob")[0]
    assert [Position(first.epoch, first.seq + i) for i in range(40)] == b.sink.places("bob")


async def test_messages_in_a_hurry_arrive_once_each(make_brokers: MakeBrokers) -> None:
    a, b, c = await make_brokers(3)
    senders = [(a, await a.enter("ann")), (c, await c.enter("carl"))]
    await b.enter("bob")
    await gather(
        node.broker.tell(me, "bob", f"{me.nick}{i}") for i in range(30) for node, me in senders
    )
    expected = sorted(f"{me.nick}{i}" for i in range(30) for _, me in senders)
    assert expected == sorted(texts(await b.heard("bob")))


# Counters


async def test_a_counter_counts_without_a_hole(make_brokers: MakeBrokers) -> None:
    nodes = await make_brokers(3)
    counted = await gather(nodes[i % 3].broker.count("requests") for i in range(60))
    assert list(range(1, 61)) == sorted(n for n in counted if isinstance(n, int))


async def test_counters_are_apart(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await a.broker.count("requests")
    assert 1 == await a.broker.count("others")


# A sink may call its broker


async def test_a_sink_is_never_reentered(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    bob = await b.enter("bob", "#go")
    await b.broker.barrier()
    answered: Deferred[None] = Deferred()

    def answer() -> None:
        b.sink.then = lambda: None
        b.broker.say(bob, "#go", "hello yourself", False, lambda _: answered.callback(None))

    b.sink.then = answer
    await a.say(ann, "#go", "hello")
    await answered
    assert (False, ["hello", "hello yourself"]) == (
        b.sink.reentered,
        texts(await b.heard("#go")),
    )
