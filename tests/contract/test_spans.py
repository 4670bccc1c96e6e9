"""What the broker promises of parts of logs: before, after, between and around places and times."""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, TypeVar

import pytest

from broker.api import Found, Identity, Place, Position, Span, Wanted, Way
from broker.events import Entry, Extra, Joined, Said, Told
from broker.spans import Edge, pick, span_of, time_edge
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Fleet, Node

T = TypeVar("T")

FAILING_OVER = ["memory", "server"]

LINES = [str(number) for number in range(8)]


def texts(span: Span) -> list[str]:
    return [one.event.text for one in span.entries if isinstance(one.event, Said | Told)]


async def spoken(node: Node, channel: str = "#go") -> tuple[Identity, list[Position]]:
    """Somebody who has said some lines, and where they stand."""
    ann = await node.enter("ann", channel)
    for line in LINES:
        await node.say(ann, channel, line)
    await node.broker.barrier()
    return ann, node.sink.places(channel)[-len(LINES) :]


async def each(works: Iterable[Awaitable[T]]) -> list[T]:
    return [await work for work in works]


async def asked(node: Node, me: Identity, way: Way, *places: Place, count: int = 100) -> Any:
    span = await node.broker.span(me, "#go", Wanted(way, places, count))
    return texts(span), span.more


async def test_before_a_place_stands_what_came_last_before_it(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, places = await spoken(a)
    assert [(["0", "1"], False), (["3", "4"], True)] == [
        await asked(b, ann, Way.BEFORE, places[2]),
        await asked(b, ann, Way.BEFORE, places[5], count=2),
    ]


async def test_after_a_place_stands_what_came_first_after_it(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, places = await spoken(a)
    assert [(["6", "7"], False), (["3", "4"], True)] == [
        await asked(b, ann, Way.AFTER, places[5]),
        await asked(b, ann, Way.AFTER, places[2], count=2),
    ]


async def test_the_latest_are_the_last_of_all_or_after_a_place(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, places = await spoken(a)
    assert [(LINES, False), (["6", "7"], True), (["5", "6", "7"], False), (["7"], True)] == [
        await asked(b, ann, Way.LATEST),
        await asked(b, ann, Way.LATEST, count=2),
        await asked(b, ann, Way.LATEST, places[4]),
        await asked(b, ann, Way.LATEST, places[4], count=1),
    ]


async def test_around_a_place_half_is_before_it(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, places = await spoken(a)
    assert [(["4"], True), (["3", "4", "5"], True), (["3", "4"], True), (LINES, False)] == [
        await asked(b, ann, Way.AROUND, places[4], count=1),
        await asked(b, ann, Way.AROUND, places[4], count=3),
        await asked(b, ann, Way.AROUND, places[4], count=2),
        await asked(b, ann, Way.AROUND, places[4]),
    ]


async def test_between_two_places_neither_is_told(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, places = await spoken(a)
    assert [(["3", "4"], False), (["3", "4"], False), ([], False)] == [
        await asked(b, ann, Way.BETWEEN, places[2], places[5]),
        await asked(b, ann, Way.BETWEEN, places[5], places[2]),
        await asked(b, ann, Way.BETWEEN, places[2], places[2]),
    ]


async def test_between_two_places_it_begins_at_the_first_named(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, places = await spoken(a)
    assert [(["1", "2"], True), (["5", "6"], True)] == [
        await asked(b, ann, Way.BETWEEN, places[0], places[7], count=2),
        await asked(b, ann, Way.BETWEEN, places[7], places[0], count=2),
    ]


async def test_every_span_is_as_it_would_be_picked_of_the_whole_log(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann, places = await spoken(a)
    await b.enter("bob", "#go")
    await a.broker.set_topic(ann, "#go", "numbers")
    await a.say(ann, "#go", "8")
    everything = await b.broker.span(ann, "#go", Wanted(Way.LATEST, (), 100, every=True))
    found = everything.entries
    entries = [Entry(one.at.seq, one.ms, one.event) for one in found]
    times = sorted({one.ms for one in found})
    marks: list[Place] = [*places[::2], found[-1].at, *times[::3], times[0] - 1, times[-1] + 1]
    wanted = [
        Wanted(way, some, count, every)
        for way, some in [
            *((way, (mark,)) for mark in marks for way in Way if way is not Way.BETWEEN),
            *((Way.BETWEEN, (one, other)) for one in marks[::2] for other in marks[::3]),
            (Way.LATEST, ()),
        ]
        for count in (1, 3, 50)
        for every in (False, True)
    ]
    told = await each(b.broker.span(ann, "#go", one) for one in wanted)
    assert told == [span_of({}, found[-1].at, entries, one) for one in wanted]


async def test_a_span_of_times_has_nothing_of_the_very_millisecond(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    ann, _ = await spoken(a)
    found = (await a.broker.span(ann, "#go", Wanted(Way.LATEST, (), 100))).entries
    ms = found[4].ms
    before, after = await each(
        a.broker.span(ann, "#go", Wanted(way, (ms,), 100)) for way in (Way.BEFORE, Way.AFTER)
    )
    assert ([one for one in found if one.ms < ms], [one for one in found if one.ms > ms]) == (
        before.entries,
        after.entries,
    )


async def test_only_if_asked_for_a_span_has_what_was_not_said(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    said, every = await each(
        a.broker.span(ann, "#go", Wanted(Way.LATEST, (), 9, every)) for every in (False, True)
    )
    assert ([Said], [Joined, Said]) == (
        [type(one.event) for one in said.entries],
        [type(one.event) for one in every.entries],
    )


async def test_what_is_found_has_its_place_and_time(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, _ = await spoken(a)
    span = await b.broker.span(ann, "#go", Wanted(Way.LATEST, (), 100, every=True))
    entries = a.sink.entries("#go")
    assert span.entries == [
        Found(at, entry.ms, entry.event)
        for at, entry in zip(a.sink.places("#go"), entries, strict=True)
    ]


async def test_before_a_place_that_nobody_knows_is_nothing_and_after_it_all(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    ann, _ = await spoken(a)
    nowhere = Position("nowhere", 5)
    assert [([], False), (LINES, False)] == [
        await asked(a, ann, Way.BEFORE, nowhere),
        await asked(a, ann, Way.AFTER, nowhere),
    ]


async def test_where_nothing_was_ever_said_nothing_is_found(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann")
    assert [([], False), ([], False)] == [
        await asked(a, ann, Way.LATEST),
        await asked(a, ann, Way.AROUND, 1_700_000_000_000),
    ]


async def test_lines_for_a_rank_are_found_by_those_of_the_rank(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    settled: list[object] = []
    for rank in ("", "v", "h", "o"):
        a.broker.say(ann, "#go", f"for {rank}", False, settled.append, extra=Extra(rank=rank))
    await a.broker.barrier()
    seen = await each(
        a.broker.span(ann, "#go", Wanted(Way.LATEST, (), 9, ranks=ranks))
        for ranks in ("", "v", "hv", "ohv")
    )
    expected = ["for ", "for v", "for h", "for o"]
    assert [expected[: i + 1] for i in range(4)] == [texts(span) for span in seen]


async def test_lines_for_a_rank_are_in_the_history_of_those_of_the_rank(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "for all")
    a.broker.say(ann, "#go", "for ops", False, lambda _: None, extra=Extra(rank="o"))
    await a.broker.barrier()
    bob = await a.enter("bob")
    all_, ops = await each(a.broker.history("#go", 1, None, ranks) for ranks in ("hv", "ohv"))
    joining = await a.join(bob, "#go")
    assert [["for all"], ["for ops"], ["for all"]] == [
        [entry.event.text for entry in entries if isinstance(entry.event, Said)]
        for entries in (all_.entries, ops.entries, joining.history)
    ]


# In private


async def test_of_two_people_is_found_what_each_wrote_to_the_other(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann, bob, cat = await a.enter("ann"), await b.enter("Bob"), await b.enter("cat")
    await a.broker.tell(ann, "bob", "1")
    await b.broker.tell(bob, "ann", "2")
    await b.broker.tell(cat, "ann", "from cat")
    await a.broker.tell(ann, "cat", "to cat")
    await a.broker.tell(ann, "bob", "3")
    latest = Wanted(Way.LATEST, (), 9)
    spans = await each([a.broker.span(ann, "BOB", latest), b.broker.span(bob, "ann", latest)])
    assert [{"1", "2", "3"}] * 2 == [set(texts(span)) for span in spans]
    assert [True] * 2 == [times(span) == sorted(times(span)) for span in spans]


def times(span: Span) -> list[int]:
    return [one.ms for one in span.entries]


async def test_in_private_both_ends_are_exact_too(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann"), await b.enter("bob")
    for _ in range(3):
        await a.broker.tell(ann, "bob", "ping")
        await b.broker.tell(bob, "ann", "pong")
    every = (await a.broker.span(ann, "bob", Wanted(Way.LATEST, (), 9))).entries
    middle = every[3].at
    before, after, around = await each(
        a.broker.span(ann, "bob", Wanted(way, (middle,), count))
        for way, count in ((Way.BEFORE, 9), (Way.AFTER, 9), (Way.AROUND, 1))
    )
    assert (every[:3], every[4:], every[3:4]) == (before.entries, after.entries, around.entries)


async def test_who_takes_a_nick_finds_nothing_that_was_told_to_another(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann"), await b.enter("bob")
    await b.broker.tell(bob, "ann", "for the first ann")
    await a.broker.rename(ann, "anna", [])
    ann.nick = "anna"
    other = await a.enter("ann")
    await b.broker.tell(bob, "ann", "for the second")
    span = await a.broker.span(other, "bob", Wanted(Way.LATEST, (), 9))
    assert ["for the second"] == texts(span)


async def test_what_one_wrote_to_oneself_is_found_once(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann")
    await a.broker.tell(ann, "ann", "a note")
    assert ["a note"] == texts(await a.broker.span(ann, "ann", Wanted(Way.LATEST, (), 9)))


# When something was last said


async def test_the_latest_of_channels_and_of_people_is_told(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, places = await spoken(a)
    bob = await b.enter("Bob", "#quiet")
    await b.broker.tell(bob, "ann", "hi")
    await a.broker.tell(ann, "bob", "not from bob")
    line = (await a.broker.span(ann, "#go", Wanted(Way.LATEST, (), 1))).entries[0]
    told = (await a.broker.span(ann, "bob", Wanted(Way.LATEST, (), 9))).entries
    hi = [one.ms for one in told if one.event.sid == bob.sid]
    assert {"#go": line.ms, "Bob": hi[0]} == await a.broker.latest(ann, ["#Go", "#quiet"])


# After a failover


@pytest.mark.parametrize("fleet", FAILING_OVER, indirect=True)
async def test_a_place_told_before_a_failover_is_the_same_after_it(fleet: Fleet) -> None:
    a = await fleet.start()
    ann, places = await spoken(a)
    await fleet.fall_behind()
    await fleet.fail_over()
    await a.say(ann, "#go", "8")
    assert [(LINES[:3], False), (["4", "5", "6", "7", "8"], False)] == [
        await asked(a, ann, Way.BEFORE, places[3]),
        await asked(a, ann, Way.AFTER, places[3]),
    ]


@pytest.mark.parametrize("fleet", FAILING_OVER, indirect=True)
async def test_after_a_failover_places_are_told_as_when_they_were_new(fleet: Fleet) -> None:
    a = await fleet.start()
    ann, places = await spoken(a)
    await fleet.fall_behind()
    await fleet.fail_over()
    await a.say(ann, "#go", "8")
    await a.broker.barrier()
    span = await a.broker.span(ann, "#go", Wanted(Way.LATEST, (), 9))
    assert [*places, a.sink.places("#go")[-1]] == [one.at for one in span.entries]


# The rules themselves


@pytest.mark.parametrize(
    "way, edges, count, expected",
    [
        (Way.BEFORE, [Edge(3, 4)], 2, ([1, 2], True)),
        (Way.AFTER, [Edge(3, 4)], 2, ([4, 5], True)),
        (Way.LATEST, [], 2, ([8, 9], True)),
        (Way.LATEST, [Edge(8, 9)], 2, ([9], False)),
        (Way.AROUND, [Edge(0, 1)], 4, ([0, 1], True)),
        (Way.AROUND, [Edge(10, 10)], 4, ([8, 9], True)),
        (Way.BETWEEN, [Edge(6, 7), Edge(2, 3)], 2, ([4, 5], True)),
        (Way.BETWEEN, [Edge(2, 3), Edge(3, 4)], 2, ([], False)),
    ],
)
def test_a_part_is_picked_by_its_edges(
    way: Way, edges: Sequence[Edge], count: int, expected: tuple[list[int], bool]
) -> None:
    found = [Found(Position("e", number), number, Joined("s", number, "n")) for number in range(10)]
    span = pick(found, Wanted(way, (), count), edges)
    assert expected == ([one.ms for one in span.entries], span.more)


def test_a_time_has_all_of_its_millisecond_at_it() -> None:
    assert [Edge(0, 0), Edge(1, 3), Edge(3, 3)] == [time_edge([1, 2, 2], ms) for ms in (0, 2, 9)]
