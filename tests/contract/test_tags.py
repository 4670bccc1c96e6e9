"""What the broker promises of lines that have more than a text, and of tags without a line."""

from broker.api import Code, Position, Wanted, Way
from broker.events import Extra, Said, Tagged, Told
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import refusal
from tests.support.spin import gather

TAGS = {"+draft/react": "👍", "+typing": ""}


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
