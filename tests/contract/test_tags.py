"""What the broker promises of lines that have more than a text, and of tags without a line."""

from collections.abc import Mapping
from functools import partial

from msgspec.structs import astuple

from broker.api import Code, Position, Refused, Wanted, Way
from broker.events import Extra, Joined, Said, Tagged, Told
from broker.rules import Decision, Fellow, Rules, Standing
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Fleet, refusal
from tests.support.sinks import Gap
from tests.support.spin import gather

TAGS = {"+draft/react": "👍", "+typing": ""}
TYPING = {"+typing": "active"}


async def test_a_line_has_what_was_said_with_it(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    extra = Extra(True, TAGS, "v", True, "ann", (3, 5))
    a.broker.say(ann, "#go", "hi\nthere", False, lambda _: None, extra=extra)
    await a.broker.barrier()
    assert Said(ann.sid, ann.num, "ann", "hi\nthere", extra=extra) == (await b.heard("#go"))[-1]


async def test_a_private_message_has_what_was_said_with_it(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann"), await b.enter("bob")
    extra = Extra(notice=True, tags=TAGS)
    await a.broker.tell(ann, "bob", "waves", action=True, extra=extra)
    expected = Told(ann.sid, ann.num, "ann", "waves", bob.sid, True, "", extra)
    assert [expected] == await b.heard("bob")


async def test_it_is_told_where_a_private_message_stands(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await b.enter("bob")
    receipt = await a.broker.tell(ann, "bob", "hi")
    await b.heard("bob")
    envelope = b.sink.envelopes("bob")[0]
    assert (receipt.at, receipt.ms) == (Position(envelope.epoch, 1), envelope.ms)


async def test_tags_stand_among_lines_in_their_order(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go", announce=False)
    await b.enter("bob", "#go", announce=False)
    await gather([a.say(ann, "#go", "1"), a.broker.tag(ann, "#go", TAGS), a.say(ann, "#go", "2")])
    heard = await b.heard("#go")
    assert [Said, Tagged, Said] == [type(event) for event in heard]
    assert Tagged(ann.sid, ann.num - 1, "ann", TAGS) == heard[1]


async def test_only_members_send_tags(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go")
    bob = await b.enter("bob")
    assert Code.NOT_MEMBER == await refusal(b.broker.tag(bob, "#go", TAGS))


async def test_tags_are_in_no_history(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    await a.broker.tag(ann, "#go", TAGS)
    history = (await a.broker.history("#go", 9)).entries
    span = (await a.broker.span(ann, "#go", Wanted(Way.LATEST, (), 9))).entries
    assert [Said] == [type(one.event) for one in history] == [type(one.event) for one in span]


async def test_tags_for_a_nick_come_to_whoever_holds_it(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann"), await b.enter("Bob")
    receipt = await a.broker.touch(ann, "bob", TAGS)
    expected = Tagged(ann.sid, ann.num, "ann", TAGS, bob.sid)
    assert (["Bob", None], [expected]) == ([*receipt[:2]], await b.heard("bob"))


async def test_tags_for_a_nick_that_nobody_has_are_refused(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann")
    assert Code.NO_SUCH_NICK == await refusal(a.broker.touch(ann, "bob", TAGS))


async def test_tags_are_found_in_private_if_everything_is_asked_for(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await b.enter("bob")
    await a.broker.touch(ann, "bob", TAGS)
    said, every = [
        (await a.broker.span(ann, "bob", Wanted(Way.LATEST, (), 9, every))).entries
        for every in (False, True)
    ]
    assert ([], [Tagged]) == (said, [type(one.event) for one in every])


# Of a moment


async def test_what_is_of_a_moment_is_shown_and_kept_nowhere(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await b.heard("#go")
    await a.broker.tag(ann, "#go", TYPING)
    tagged = Tagged(ann.sid, ann.num, "ann", TYPING)
    await a.say(ann, "#go", "hi")
    await b.heard("#go")
    envelopes = b.sink.envelopes("#go")[-2:]
    every = (await a.broker.span(ann, "#go", Wanted(Way.LATEST, (), 9, True))).entries
    assert [("", 0, [tagged])] == [each[2:4] + each[5:] for each in map(astuple, envelopes[:1])]
    assert [Joined, Joined, Said] == [type(one.event) for one in every]
    assert [1, 2, 3] == [one.at.seq for one in every]


async def test_so_it_is_under_a_nick(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann"), await b.enter("Bob")
    receipt = await a.broker.touch(ann, "bob", TYPING)
    expected = Tagged(ann.sid, ann.num, "ann", TYPING, bob.sid)
    assert [expected] == await b.heard("bob")
    assert (("Bob", None), 0) == (receipt[:2], b.sink.envelopes("bob")[0].seq)
    assert [] == (await b.broker.span(bob, "ann", Wanted(Way.LATEST, (), 9, True))).entries


async def test_what_is_of_a_moment_is_refused_as_lines_are(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go", status="o")
    bob, cat = await b.enter("bob"), await b.enter("cat", "#go")
    silent = partial(decided, Rules(modes="m"))
    await a.broker.rule(ann, "#go", silent)

    def judge(rules: Rules, standing: Standing) -> None:
        if "m" in rules.modes and not standing.status:
            raise Refused(Code.CANNOT_SPEAK, "#go")

    assert [Code.NOT_MEMBER, Code.NO_SUCH_NICK, Code.CANNOT_SPEAK, None] == [
        await refusal(b.broker.tag(bob, "#go", TYPING, judge=judge)),
        await refusal(b.broker.touch(bob, "nobody", TYPING)),
        await refusal(b.broker.tag(cat, "#go", TYPING, judge=judge)),
        await refusal(a.broker.tag(ann, "#go", TYPING, judge=judge)),
    ]


def decided(rules: Rules, _now: Rules, _there: Mapping[str, Fellow]) -> Decision:
    return Decision(rules, (("+m", ""),))


async def test_what_is_of_a_moment_is_not_told_after_an_outage(fleet: Fleet) -> None:
    a, b = await fleet.start(), await fleet.start()
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await b.heard("#go")
    await fleet.lose(b)
    await a.broker.tag(ann, "#go", TYPING)
    await a.say(ann, "#go", "hi")
    await fleet.restore(b)
    gaps: list[Gap] = []
    assert (gaps, [Said]) == (b.sink.gaps(), [type(e) for e in (await b.heard("#go"))[-1:]])
    assert [] == [event for event in b.sink.heard("#go") if isinstance(event, Tagged)]
