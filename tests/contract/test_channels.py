"""What the broker promises of channels: follow, join, leave, topic, roster, history, list."""

import pytest

from broker.api import Code, History, Member, Position, Roster, Topic
from broker.events import Entry, Joined, Left, Said, TopicSet
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Node, refusal, somebody
from tests.support.spin import eventually, gather


def texts(entries: list[Entry]) -> list[str]:
    return [entry.event.text for entry in entries if isinstance(entry.event, Said)]


# Hearing


async def test_what_was_accepted_comes_to_every_node(make_brokers: MakeBrokers) -> None:
    nodes = await make_brokers(3)
    people = [await node.enter(f"n{i}", "#go") for i, node in enumerate(nodes)]
    await nodes[1].say(people[1], "#go", "hi")
    said = Said(people[1].sid, people[1].num, "n1", "hi")
    assert [said] * 3 == [(await node.heard("#go"))[-1] for node in nodes]


async def test_every_node_hears_the_same_places_and_times(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go", announce=False)
    await a.say(ann, "#go", "hi")
    await b.broker.barrier()
    await a.broker.barrier()
    assert a.sink.entries("#go")[-1] == b.sink.entries("#go")[-1]
    assert a.sink.places("#go")[-1] == b.sink.places("#go")[-1]


async def test_a_log_goes_by_the_folded_name(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#GO")
    assert [Joined(ann.sid, ann.num, "ann")] == await a.heard("#go")


async def test_a_channel_may_be_spelled_in_any_case(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.broker.set_topic(ann, "#Go", "gophers")
    await a.say(ann, "#gO", "hi")
    before = (
        (await a.broker.roster("#GO")).nicks,
        (await a.broker.topic("#GO")).text,
        texts((await a.broker.history("#GO", 10)).entries),
    )
    await a.broker.leave(ann, "#GO", "")
    assert (["ann"], "gophers", ["hi"], [], Left(ann.sid, ann.num, "ann")) == (
        *before,
        (await a.broker.roster("#go")).nicks,
        (await a.heard("#go"))[-1],
    )


async def test_following_alone_brings_no_events(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.broker.follow("#go")
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    assert [] == await b.heard("#go")


async def test_a_node_that_does_not_follow_hears_nothing(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.enter("bob", "#py", announce=False)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    await b.broker.barrier()
    assert [] == b.sink.told


async def test_nothing_arrives_after_unfollow(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    heard = await b.heard("#go")
    b.broker.unfollow("#GO")
    await a.say(ann, "#go", "hi")
    assert heard == await b.heard("#go")


async def test_a_channel_can_be_followed_again(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    bob = await b.enter("bob", "#go")
    heard = await b.heard("#go")
    await b.broker.leave(bob, "#go", "")
    b.broker.unfollow("#go")
    await a.say(ann, "#go", "missed")
    await b.join(bob, "#go", announce=False)
    await a.say(ann, "#go", "heard")
    assert [*heard, Said(ann.sid, ann.num, "ann", "heard")] == [
        event for event in await b.heard("#go") if not isinstance(event, Left)
    ]


async def test_whoever_follows_and_joins_misses_nothing_after(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann", "#go"), await b.enter("bob")

    async def speak() -> None:
        await gather(a.say(ann, "#go", str(i)) for i in range(100))

    _, arrival = await gather([speak(), b.join(bob, "#go", history=1000)])
    assert not isinstance(arrival, Exception) and arrival is not None
    await b.broker.barrier()
    after = [entry for entry in b.sink.entries("#go") if entry.seq > arrival.tip.seq]
    assert [str(i) for i in range(100)] == texts(arrival.history) + texts(after)


async def test_a_second_member_does_not_make_a_node_hear_twice(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go", announce=False)
    await b.enter("bert", "#go", announce=False)
    await a.say(ann, "#go", "hi")
    assert [Said(ann.sid, ann.num, "ann", "hi")] == await b.heard("#go")


async def test_following_again_misses_nothing(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go", announce=False)
    await b.broker.follow("#go")
    await a.say(ann, "#go", "hi")
    assert [Said(ann.sid, ann.num, "ann", "hi")] == await b.heard("#go")


# Join


async def test_the_first_to_join_makes_the_channel(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann")
    arrival = await a.join(ann, "#Go")
    there: tuple[object, ...] = (0, Roster("#Go", [Member("ann")], 1), Topic("", "", 0), [], True)
    assert there == (arrival.tip.seq, *arrival[1:5])


async def test_a_channel_keeps_its_first_spelling(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#Go")
    bob = await b.enter("bob")
    arrival = await b.join(bob, "#GO")
    spelled = (arrival.roster.channel, (await b.broker.roster("#gO")).channel)
    assert ("#Go", "#Go") == spelled


async def test_a_joiner_finds_the_others_and_the_topic(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await a.broker.set_topic(ann, "#go", "gophers")
    arrival = await b.join(await b.enter("bob"), "#go")
    assert (["ann", "bob"], 2, "gophers", "ann") == (
        sorted(arrival.roster.nicks),
        arrival.roster.total,
        *arrival.topic[:2],
    )


async def test_what_follows_the_tip_begins_with_ones_own_join(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go")
    bob = await b.enter("bob")
    arrival = await b.join(bob, "#go")
    await b.broker.barrier()
    expected = [(arrival.tip._replace(seq=arrival.tip.seq + 1), Joined(bob.sid, bob.num, "bob"))]
    assert expected == list(zip(b.sink.places("#go"), b.sink.heard("#go"), strict=True))


async def test_everyone_there_hears_of_a_join(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go")
    bob = await b.enter("bob", "#go")
    assert Joined(bob.sid, bob.num, "bob") == (await a.heard("#go"))[-1]


async def test_a_join_may_be_unannounced(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go")
    heard = await a.heard("#go")
    arrival = await b.join(await b.enter("bob"), "#go", announce=False)
    assert (False, heard, []) == (
        arrival.announced,
        await a.heard("#go"),
        await b.heard("#go"),
    )


async def test_after_an_unannounced_join_all_that_follows_is_heard(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    bob = await b.enter("bob")
    arrival = await b.join(bob, "#go", announce=False)
    await a.say(ann, "#go", "hi")
    await b.broker.barrier()
    assert [arrival.tip._replace(seq=arrival.tip.seq + 1)] == b.sink.places("#go")


@pytest.mark.parametrize("page", [0, 1, 3])
async def test_a_roster_may_be_cut_but_not_its_total(make_brokers: MakeBrokers, page: int) -> None:
    (a,) = await make_brokers(1)
    for i in range(4):
        await a.enter(f"n{i}", "#go")
    arrival = await a.join(await a.enter("ann"), "#go", roster=page)
    assert (page, 5) == (len(arrival.roster.nicks), arrival.roster.total)


async def test_a_joiner_gets_the_last_lines_oldest_first(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    for text in "12345":
        await a.say(ann, "#go", text)
    arrival = await b.join(await b.enter("bob"), "#go", history=3)
    assert ["3", "4", "5"] == texts(arrival.history)


async def test_a_joiner_may_want_no_history(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    arrival = await b.join(await b.enter("bob"), "#go", history=0)
    assert [] == arrival.history


async def test_a_joiner_gets_only_what_was_spoken(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    await a.broker.set_topic(ann, "#go", "gophers")
    await a.enter("carl", "#go")
    arrival = await b.join(await b.enter("bob"), "#go", history=3)
    assert [Said(ann.sid, ann.num - 1, "ann", "hi")] == [e.event for e in arrival.history]


async def test_history_has_the_places_of_the_log(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    arrival = await b.join(await b.enter("bob"), "#go")
    await a.broker.barrier()
    said = [entry for entry in a.sink.entries("#go") if isinstance(entry.event, Said)]
    assert said == arrival.history


async def test_a_member_who_joins_again_is_not_told_of(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.enter("bob", "#go")
    ann = await a.enter("ann", "#go")
    heard = await b.heard("#go")
    await a.join(ann, "#GO")
    assert heard == await b.heard("#go")


async def test_a_member_who_joins_again_is_there_once(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    arrival = await a.join(ann, "#go")
    assert Roster("#go", [Member("ann")], 1) == arrival.roster


async def test_a_member_who_joins_again_reads_on_from_there(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    arrival = await a.join(ann, "#go")
    await a.broker.barrier()
    assert (False, a.sink.places("#go")[-1]) == (arrival.announced, arrival.tip)


async def test_a_join_asked_again_under_its_number_is_answered_from_where_the_log_is(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann")
    number = ann.num
    first = await a.join(ann, "#go")
    ann.num = number
    again = await a.join(ann, "#go")
    assert (first.roster, first.tip.seq + 1, False) == (
        again.roster,
        again.tip.seq,
        again.announced,
    )
    assert [Joined(ann.sid, ann.num, "ann")] == await a.heard("#go")


async def test_a_quiet_member_who_joins_again_stays_quiet(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.enter("bob", "#lobby")
    ann = await a.enter("ann", "#lobby", announce=False, quiet=True)
    heard = await b.heard("#lobby")
    await a.join(ann, "#lobby")
    await a.broker.quit(ann, "", ["#lobby"])
    assert heard == await b.heard("#lobby")


async def test_an_address_may_make_only_so_many_channels(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1, channels_per_address=2)
    ann = somebody("ann", address="192.0.2.1")
    await a.broker.open(ann)
    for channel in ("#one", "#two"):
        await a.join(ann, channel)
    refused = (await refusal(a.join(ann, "#three")), await refusal(a.broker.roster("#three")))
    assert (Code.TOO_MANY_MADE, Code.NO_SUCH_CHANNEL) == refused


async def test_a_refused_join_leaves_no_membership(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1, channels_per_address=1)
    ann = somebody("ann", address="192.0.2.1")
    await a.broker.open(ann)
    await a.join(ann, "#one")
    await refusal(a.join(ann, "#two"))

    async def channels() -> list[str]:
        return (await a.broker.person("ann")).channels

    await eventually(channels, ["#one"])


async def test_channels_that_are_there_are_open_to_any_address(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2, channels_per_address=1)
    ann = somebody("ann", address="192.0.2.1")
    await a.broker.open(ann)
    await a.join(ann, "#one")
    await b.enter("bob", "#two")
    assert 2 == (await a.join(ann, "#two")).roster.total


async def test_another_address_may_still_make_channels(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1, channels_per_address=1)
    for i in range(2):
        me = somebody(f"n{i}", address=f"192.0.2.{i}")
        await a.broker.open(me)
        await a.join(me, f"#made-by-{i}")
    assert 1 == (await a.broker.roster("#made-by-1")).total


async def test_an_unknown_address_may_make_any_number(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1, channels_per_address=1)
    ann = await a.enter("ann", "#one", "#two", "#three")
    assert ["#one", "#three", "#two"] == (await a.broker.person(ann.nick)).channels


async def test_a_channel_that_is_gone_does_not_count_as_made(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1, channels_per_address=1)
    ann = somebody("ann", address="192.0.2.1")
    await a.broker.open(ann)
    await a.join(ann, "#one")
    await a.broker.leave(ann, "#one", "")
    assert 1 == (await a.join(ann, "#two")).roster.total


# Leave


async def test_everyone_there_hears_of_a_leave(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await a.broker.leave(ann, "#go", "lunch")
    left = Left(ann.sid, ann.num, "ann", "lunch")
    assert [left, left] == [(await node.heard("#go"))[-1] for node in (a, b)]


async def test_a_quiet_member_leaves_aloud(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.enter("bob", "#lobby")
    ann = await a.enter("ann", "#lobby", announce=False, quiet=True)
    await a.broker.leave(ann, "#lobby", "")
    assert Left(ann.sid, ann.num, "ann") == (await b.heard("#lobby"))[-1]


async def test_who_left_is_not_in_the_roster(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await a.broker.leave(ann, "#go", "")
    assert Roster("#go", [Member("bob")], 1) == await b.broker.roster("#go")


async def test_only_members_leave(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await b.enter("bob", "#go")
    heard = await b.heard("#go")
    refused = await refusal(a.broker.leave(ann, "#go", ""))
    assert (Code.NOT_MEMBER, heard) == (refused, await b.heard("#go"))


async def test_nobody_leaves_twice(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.broker.leave(ann, "#go", "")
    assert Code.NOT_MEMBER == await refusal(a.broker.leave(ann, "#go", ""))


async def test_who_left_may_come_back(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.enter("bob", "#go")
    ann = await a.enter("ann", "#go")
    await a.broker.leave(ann, "#go", "")
    await a.join(ann, "#go")
    assert Joined(ann.sid, ann.num, "ann") == (await b.heard("#go"))[-1]


async def _visit(node: Node, channel: str, text: str = "") -> None:
    ann = await node.enter("ann", channel)
    if text:
        await node.say(ann, channel, text)
    await node.broker.leave(ann, channel, "")
    node.broker.unfollow(channel)
    await node.broker.quit(ann, "", [])


async def test_an_empty_channel_where_nothing_was_said_is_gone(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    await _visit(a, "#Go")
    assert [Code.NO_SUCH_CHANNEL] * 2 == [
        await refusal(b.broker.roster("#go")),
        await refusal(b.broker.topic("#go")),
    ]


async def test_a_channel_that_was_gone_is_spelled_anew(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await _visit(a, "#Go")
    arrival = await b.join(await b.enter("bob"), "#GO")
    assert "#GO" == arrival.roster.channel


async def test_an_empty_channel_keeps_what_was_said(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await _visit(a, "#Go", "remember")
    arrival = await b.join(await b.enter("bob"), "#GO")
    assert ("#Go", ["remember"]) == (arrival.roster.channel, texts(arrival.history))


async def test_a_channel_whose_people_quit_is_empty_too(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await a.broker.quit(await a.enter("ann", "#go"), "", ["#go"])
    assert Code.NO_SUCH_CHANNEL == await refusal(a.broker.roster("#go"))


# Topic


async def test_everyone_there_hears_of_a_topic(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await a.broker.set_topic(ann, "#go", "gophers")
    assert TopicSet(ann.sid, ann.num, "ann", "gophers") == (await b.heard("#go"))[-1]


async def test_a_topic_tells_who_set_it_and_when(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await a.broker.set_topic(ann, "#go", "gophers")
    topic = await b.broker.topic("#go")
    await a.broker.barrier()
    late = topic.ms - a.sink.entries("#go")[-1].ms
    assert ("gophers", "ann", True) == (*topic[:2], abs(late) < 1000)


async def test_a_topic_can_be_taken_away(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await a.broker.set_topic(ann, "#go", "gophers")
    await a.broker.set_topic(ann, "#go", "")
    assert ("", TopicSet(ann.sid, ann.num, "ann", "")) == (
        (await b.broker.topic("#go")).text,
        (await a.heard("#go"))[-1],
    )


async def test_only_members_set_the_topic(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go")
    bob = await b.enter("bob")
    refused = await refusal(b.broker.set_topic(bob, "#go", "gophers"))
    assert (Code.NOT_MEMBER, "") == (refused, (await b.broker.topic("#go")).text)


async def test_no_channel_no_topic(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    assert Code.NO_SUCH_CHANNEL == await refusal(a.broker.topic("#go"))


# Roster, history, list


async def test_a_roster_has_everyone(make_brokers: MakeBrokers) -> None:
    nodes = await make_brokers(2)
    nicks = [f"n{i:03}" for i in range(120)]
    await gather(nodes[i % 2].enter(nick, "#go") for i, nick in enumerate(nicks))
    roster = await nodes[0].broker.roster("#go")
    assert ("#go", nicks, 120) == (roster.channel, sorted(roster.nicks), roster.total)


async def test_no_channel_no_roster(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    assert Code.NO_SUCH_CHANNEL == await refusal(a.broker.roster("#go"))


async def test_history_is_the_last_lines_oldest_first(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    for text in "12345":
        await a.say(ann, "#go", text)
        await a.broker.set_topic(ann, "#go", text)
    assert ["4", "5"] == texts((await b.broker.history("#go", 2)).entries)


async def test_history_may_be_shorter_than_wanted(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    assert ["hi"] == texts((await a.broker.history("#go", 20)).entries)


async def test_no_channel_no_history(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    assert History("", [], more=False) == await a.broker.history("#go", 10)


async def test_history_says_whether_there_are_older_lines(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    for text in "123":
        await a.say(ann, "#go", text)
    found = [await a.broker.history("#go", count) for count in (2, 3, 4)]
    assert [True, False, False] == [each.more for each in found]


async def test_history_tells_places_under_the_logs_epoch(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    await a.broker.barrier()
    found = await a.broker.history("#go", 1)
    place = Position(found.epoch, found.entries[0].seq)
    assert a.sink.places("#go")[-1] == place


async def test_history_before_a_place_ends_with_the_last_line_before_it(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    for text in "12345":
        await a.say(ann, "#go", text)
        await a.broker.set_topic(ann, "#go", text)
    epoch, entries, _ = await a.broker.history("#go", 2)
    before = await a.broker.history("#go", 2, Position(epoch, entries[0].seq))
    further = await a.broker.history("#go", 2, Position(epoch, before.entries[0].seq))
    assert [["2", "3"], ["1"]] == [texts(before.entries), texts(further.entries)]
    assert [True, False] == [before.more, further.more]


async def test_the_place_need_not_be_a_lines(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "1")
    await a.broker.set_topic(ann, "#go", "topic")
    await a.say(ann, "#go", "2")
    epoch, entries, _ = await a.broker.history("#go", 1)
    found = await a.broker.history("#go", 9, Position(epoch, entries[0].seq - 1))
    assert ["1"] == texts(found.entries)


async def test_nothing_was_said_before_the_first_place(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "1")
    epoch, _, _ = await a.broker.history("#go", 1)
    found = [await a.broker.history("#go", 9, Position(epoch, seq)) for seq in (0, 1)]
    assert [History(epoch, [], more=False)] * 2 == found


async def test_before_a_place_that_is_yet_to_come_stands_everything(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "1")
    epoch, _, _ = await a.broker.history("#go", 1)
    found = await a.broker.history("#go", 9, Position(epoch, 10**15 - 1))
    assert ["1"] == texts(found.entries)


async def test_before_a_place_of_another_log_stands_nothing(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "1")
    found = await a.broker.history("#go", 9, Position("gone", 7))
    assert ([], False) == (found.entries, found.more)


async def test_a_log_is_bounded(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1, history_lines=100)
    ann = await a.enter("ann", "#go")
    await gather(a.say(ann, "#go", str(i)) for i in range(1000))
    history = texts((await a.broker.history("#go", 1000)).entries)
    assert ("999", True) == (history[-1], len(history) < 300)


async def test_channels_are_listed_by_name(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#Py", "#go")
    await b.enter("bob", "#GO")
    await a.broker.set_topic(ann, "#go", "gophers")

    async def listed() -> list[tuple[str, int, str]]:
        return [row[:3] for row in await b.broker.channels()]

    await eventually(listed, [("#go", 2, "gophers"), ("#Py", 1, "")])


async def test_it_is_known_since_when_there_is_a_channel_and_its_topic(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    made = await a.broker.channel("#GO")
    await a.broker.set_topic(ann, "#go", "gophers")
    await b.enter("bob", "#go")
    found = await b.broker.channel("#go")
    assert (made.created, made._replace(topic="gophers", members=2, topic_ms=0)) == (
        found.created,
        found._replace(topic_ms=0),
    )
    assert 0 < made.created <= found.topic_ms
    assert 0 == made.topic_ms
    assert Code.NO_SUCH_CHANNEL is await refusal(b.broker.channel("#py"))


async def test_an_empty_channel_is_not_listed(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await _visit(a, "#go", "remember")
    assert [] == await b.broker.channels()


# Listening


async def test_who_listens_hears_what_comes_after_the_place_and_is_no_member(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#Go")
    await a.say(ann, "#go", "before")
    await b.broker.follow("#go")
    place = await b.broker.listen("#GO")
    await a.say(ann, "#go", "after")
    assert ["after"] == [event.text for event in await b.heard("#go") if isinstance(event, Said)]
    assert (place.epoch, place.seq + 1) == b.sink.places("#go")[0]
    assert ["ann"] == (await b.broker.roster("#go")).nicks


async def test_who_listens_where_members_are_heard_changes_nothing_for_them(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "one")
    await a.broker.listen("#go")
    await a.say(ann, "#go", "two")
    said = [event.text for event in await a.heard("#go") if isinstance(event, Said)]
    assert ["one", "two"] == said


async def test_where_there_is_no_channel_nobody_listens(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await a.broker.follow("#nowhere")
    assert Code.NO_SUCH_CHANNEL is await refusal(a.broker.listen("#nowhere"))


async def test_who_listens_hears_nothing_of_a_channel_that_is_not_followed_any_more(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.broker.follow("#go")
    await b.broker.listen("#go")
    b.broker.unfollow("#go")
    await a.say(ann, "#go", "hi")
    assert [] == await b.heard("#go")
