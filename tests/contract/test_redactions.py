"""What the broker promises of taking back what was said: it's gone, and its place isn't."""

import pytest
import redis

from broker.api import Code, Identity, Position, Wanted, Way
from broker.events import Extra, Redacted, Said, Tagged, Told, Unknown
from broker.keys import Keys
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Fleet, Node, RedisFleet, refusal
from tests.support.sinks import Gap

ALL = Wanted(Way.LATEST, (), 100)
EVERY = Wanted(Way.LATEST, (), 100, every=True)


async def said(node: Node, me: Identity, *texts: str, channel: str = "#go") -> list[Position]:
    """Say lines; where they stand."""
    for text in texts:
        await node.say(me, channel, text)
    span = await node.broker.span(me, channel, Wanted(Way.LATEST, (), len(texts)))
    return [one.at for one in span.entries]


async def lines(node: Node, me: Identity, target: str = "#go") -> list[str]:
    span = await node.broker.span(me, target, ALL)
    return [one.event.text for one in span.entries if isinstance(one.event, Said | Told)]


def named(at: Position) -> str:
    return f"{at.epoch}.{at.seq}"


async def test_what_was_taken_back_is_in_no_history(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    _, at, _ = await said(a, ann, "1", "secret", "3")
    await a.broker.redact(ann, "#go", at, "")
    history = (await b.broker.history("#go", 100)).entries
    assert ["1", "3"] == await lines(b, ann)
    assert ["1", "3"] == [one.event.text for one in history if isinstance(one.event, Said)]


async def test_that_something_was_taken_back_is_told_in_the_log(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    (at,) = await said(a, ann, "secret")
    redaction = await a.broker.redact(ann, "#go", at, "oops")
    event = Redacted(ann.sid, ann.num, "ann", named(at), "oops")
    assert (event, redaction.at) == ((await b.heard("#go"))[-1], b.sink.places("#go")[-1])
    assert event == redaction.event


async def test_its_place_stays(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    before, at, after = await said(a, ann, "1", "secret", "3")
    await a.broker.redact(ann, "#go", at, "")
    tip = a.sink.places("#go")[-1]
    missed = await b.broker.missed("#go", before, Position(tip.epoch, after.seq + 1))
    number = ann.num - 2
    assert (0, Unknown(ann.sid, number, "ann")) == (missed.lost, missed.entries[0].event)
    assert [after.seq - 1, after.seq, after.seq + 1] == [one.seq for one in missed.entries]


async def test_who_was_cut_off_meanwhile_is_told_no_gap(fleet: Fleet) -> None:
    a, b = await fleet.start(), await fleet.start()
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await b.heard("#go")
    await fleet.lose(b)
    _, at, _ = await said(a, ann, "1", "secret", "3")
    await a.broker.redact(ann, "#go", at, "")
    await fleet.restore(b)
    heard = [event for event in await b.heard("#go") if not isinstance(event, Unknown)]
    gaps: list[Gap] = []
    assert (gaps, ["1", "3"]) == (b.sink.gaps(), [e.text for e in heard if isinstance(e, Said)])


async def test_tags_can_be_taken_back(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.broker.tag(ann, "#go", {"+draft/react": "👍"})
    tagged = (await a.broker.span(ann, "#go", EVERY)).entries[-1]
    await a.broker.redact(ann, "#go", tagged.at, "")
    kinds = [type(one.event) for one in (await a.broker.span(ann, "#go", EVERY)).entries]
    assert (Tagged, False) == (type(tagged.event), Tagged in kinds)


async def test_nothing_but_what_was_said_can_be_taken_back(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    joined = (await a.broker.span(ann, "#go", EVERY)).entries[0]
    nowhere = Position(joined.at.epoch, 99)
    elsewhere = Position("elsewhere", 1)
    assert [Code.NO_SUCH_LINE] * 3 == [
        await refusal(a.broker.redact(ann, "#go", at, "")) for at in (joined.at, nowhere, elsewhere)
    ]


async def test_what_was_taken_back_is_taken_back_once(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    (at,) = await said(a, ann, "secret")
    await a.broker.redact(ann, "#go", at, "")
    assert Code.NO_SUCH_LINE == await refusal(a.broker.redact(ann, "#go", at, ""))


async def test_a_redaction_repeated_under_its_number_is_done_once(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    (at,) = await said(a, ann, "secret")
    number = ann.num
    first = await a.broker.redact(ann, "#go", at, "")
    ann.num = number
    second = await a.broker.redact(ann, "#go", at, "")
    told = [event for event in await a.heard("#go") if isinstance(event, Redacted)]
    assert (first, [first.event]) == (second, told)


async def test_only_members_take_back(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    bob = await b.enter("bob")
    (at,) = await said(a, ann, "1")
    assert Code.NOT_MEMBER == await refusal(b.broker.redact(bob, "#go", at, ""))


async def test_what_others_said_only_ops_take_back(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    bob = await b.enter("bob", "#go")
    (at,) = await said(a, ann, "1")
    refused = await refusal(b.broker.redact(bob, "#go", at, ""))
    assert (Code.NOT_YOURS, ["1"]) == (refused, await lines(a, ann))


@pytest.mark.parametrize("status", ["o", "h"])
async def test_ops_and_half_ops_take_back_what_others_said(
    make_brokers: MakeBrokers, status: str
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go", status=status)
    bob = await b.enter("bob", "#go")
    at, _ = await said(b, bob, "spam", "hi")
    redaction = await a.broker.redact(ann, "#go", at, "no spam")
    assert (redaction.event, ["hi"]) == ((await b.heard("#go"))[-1], await lines(b, bob))


async def test_an_operator_of_the_server_takes_back_anywhere(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    bob = await b.enter("bob")
    (at,) = await said(a, ann, "secret")
    nothing: list[str] = []
    redaction = await b.broker.redact(bob, "#go", at, "spam", power=True)
    assert (redaction.event, nothing) == ((await a.heard("#go"))[-1], await lines(b, bob))


async def test_a_line_for_some_can_be_taken_back(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    a.broker.say(ann, "#go", "secret", False, lambda _: None, extra=Extra(rank="o"))
    await a.broker.barrier()
    await a.broker.redact(ann, "#go", a.sink.places("#go")[-1], "")
    found = await a.broker.span(ann, "#go", Wanted(Way.LATEST, (), 9, ranks="ohv"))
    assert [] == found.entries


# In private


async def told(a: Node, b: Node) -> tuple[Identity, Identity, Position]:
    """Ann, bob, and what she told him: `secret`, between two others."""
    ann, bob = await a.enter("ann"), await b.enter("bob")
    for text in ("1", "secret", "3"):
        await a.broker.tell(ann, "bob", text)
    return ann, bob, (await a.broker.span(ann, "bob", ALL)).entries[1].at


async def test_who_wrote_it_takes_back_what_they_told_a_nick(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob, at = await told(a, b)
    await a.broker.redact(ann, "bob", at, "oops")
    event = Redacted(ann.sid, ann.num, "ann", named(at), "oops", "", bob.sid)
    found = [["1", "3"]] * 2
    assert event == (await b.heard("bob"))[-1]
    assert found == [await lines(a, ann, "bob"), await lines(b, bob, "ann")]


async def test_nobody_takes_back_what_another_told_a_nick(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob, at = await told(a, b)
    cat = await b.enter("cat")
    assert [Code.NO_SUCH_LINE] * 3 == [
        await refusal(b.broker.redact(bob, "bob", at, "")),
        await refusal(b.broker.redact(cat, "bob", at, "")),
        await refusal(a.broker.redact(ann, "nobody", at, "")),
    ]


async def test_what_was_told_is_taken_back_once(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, _, at = await told(a, b)
    number = ann.num
    first = await a.broker.redact(ann, "bob", at, "")
    ann.num = number
    second = await a.broker.redact(ann, "bob", at, "")
    redacted = [event for event in await b.heard("bob") if isinstance(event, Redacted)]
    assert (first, [first.event]) == (second, redacted)
    assert Code.NO_SUCH_LINE == await refusal(a.broker.redact(ann, "bob", at, ""))


# It's gone


def bytes_of(fleet: RedisFleet, key: str) -> bytes:
    """All that a server has of a key, as it would be written to its disk."""
    for port in getattr(fleet, "_ports", [fleet._port]):
        with redis.Redis(port=port) as client:
            client.config_set("rdbcompression", "no")
    with fleet.client() as client:
        dumped = client.dump(key)
    assert isinstance(dumped, bytes)
    return dumped


@pytest.fixture
def kept(fleet: Fleet) -> RedisFleet:
    """A fleet on a server that tells what it has."""
    if not isinstance(fleet, RedisFleet) or not fleet._real:
        pytest.skip("it's about a real server's memory")
    return fleet


async def test_no_byte_of_it_is_left_in_the_log(kept: RedisFleet) -> None:
    a = await kept.start()
    ann = await a.enter("ann", "#go")
    _, at, _ = await said(a, ann, "before-it", "very-secret", "after-it")
    key = Keys(kept.namespace).channel("#go").log
    before = bytes_of(kept, key)
    await a.broker.redact(ann, "#go", at, "")
    after = bytes_of(kept, key)
    wanted = (b"before-it", b"very-secret", b"after-it")
    assert ([True] * 3, [True, False, True]) == (
        [text in before for text in wanted],
        [text in after for text in wanted],
    )


async def test_no_byte_of_it_is_left_in_an_inbox(kept: RedisFleet) -> None:
    a, b = await kept.start(), await kept.start()
    ann, _, at = await told(a, b)
    await a.broker.redact(ann, "bob", at, "")
    assert b"secret" not in bytes_of(kept, Keys(kept.namespace).nick("bob").log)


async def test_the_log_of_an_empty_channel_is_kept_no_longer_for_it(kept: RedisFleet) -> None:
    a = await kept.start(history_days=1)
    ann, bob = await a.enter("ann", "#go"), await a.enter("bob")
    (at,) = await said(a, ann, "secret")
    await a.broker.leave(ann, "#go", "")
    await a.broker.redact(bob, "#go", at, "", power=True)
    with kept.client() as client:
        assert 0 < client.ttl(Keys(kept.namespace).channel("#go").log) <= 86_400


# After a failover


@pytest.mark.parametrize("fleet", ["memory", "server"], indirect=True)
async def test_what_a_server_lost_that_it_was_taken_back_is_taken_back_again(
    fleet: Fleet,
) -> None:
    a, b = await fleet.start(), await fleet.start()
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    early, _ = await said(a, ann, "secret", "2")
    await fleet.fall_behind()
    late, _ = await said(a, ann, "another secret", "4")
    for at in (early, late):
        await a.broker.redact(ann, "#go", at, "")
    await b.heard("#go")
    await fleet.fail_over()
    await a.say(ann, "#go", "5")
    gaps: list[Gap] = []
    assert ["2", "4", "5"] == await lines(b, ann)
    assert gaps == [*a.sink.gaps(), *b.sink.gaps()]


@pytest.mark.parametrize("fleet", ["memory", "server"], indirect=True)
async def test_a_node_that_comes_late_brings_nothing_back_that_was_taken_back(
    fleet: Fleet,
) -> None:
    a, b = await fleet.start(lease=8.0), await fleet.start(lease=8.0)
    ann = await a.enter("ann", "#go")
    bob = await b.enter("bob", "#elsewhere")
    (early,) = await said(a, ann, "secret")
    await fleet.fall_behind()
    late, _ = await said(a, ann, "another secret", "3")
    for at in (early, late):
        await a.broker.redact(ann, "#go", at, "")
    await a.heard("#go")
    await fleet.fail_over(a)
    await b.join(bob, "#go")
    await b.say(bob, "#go", "from bob")
    await fleet.restore(a)
    await a.say(ann, "#go", "4")
    assert ["from bob", "3", "4"] == await lines(b, bob)
