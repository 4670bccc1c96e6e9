"""What becomes of logs when one master of a Redis Cluster forgets all that it knew, and then again.

Only a cluster of several masters forgets in part, so these run on one alone.
"""

import pytest

from broker.events import Event, Said, Told
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import ShardsFleet
from tests.support.sinks import Gap

pytestmark = pytest.mark.parametrize("fleet", ["cluster"], indirect=True)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is late, however busy the machine is."""
    monkeypatch.setattr("broker.recovery.WINDOW", 30_000)


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Said | Told)]


async def test_a_log_is_put_back_as_it_was_last_and_not_as_somebody_knew_it_before(
    fleet: ShardsFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    go = fleet.apart("#go")
    ann, bob = await a.enter("ann", go), await b.enter("bob", go)
    await a.say(ann, go, "one")
    await a.broker.leave(ann, go, "")
    a.broker.unfollow(go)
    await fleet.forget_log(go, anew=True)
    await b.say(bob, go, "two")
    await fleet.forget_log(go, first=a)
    await b.say(bob, go, "three")
    assert ["one", "two", "three"] == texts(await b.heard(go))
    assert [Gap(go, None)] == b.sink.gaps()
    entries = (await b.broker.history(go, 10)).entries
    assert ["two", "three"] == texts([entry.event for entry in entries])


async def test_who_came_after_it_reads_nothing_of_what_others_put_back(
    fleet: ShardsFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    go = fleet.apart("#go")
    ann = await a.enter("ann", go)
    await a.say(ann, go, "one")
    bob = await b.enter("bob", go)
    await a.broker.leave(ann, go, "")
    a.broker.unfollow(go)
    await fleet.forget_log(go, anew=True)
    await fleet.forget_log(go, first=a)
    await b.say(bob, go, "two")
    assert (["two"], [Gap(go, None)]) == (texts(await b.heard(go)), b.sink.gaps())


async def test_a_private_message_that_its_author_puts_back_is_not_read_again(
    fleet: ShardsFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    nick = fleet.apart("bob")
    ann, _ = await a.enter("ann"), await b.enter(nick)
    await a.broker.tell(ann, nick, "psst")
    await fleet.forget_log(nick, anew=True)
    await fleet.forget_log(nick, first=a)
    await a.broker.tell(ann, nick, "hey")
    assert (["psst", "hey"], [Gap(nick, None)]) == (texts(await b.heard(nick)), b.sink.gaps())
