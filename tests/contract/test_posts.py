"""What the broker promises of what programs say, which are no members."""

from broker.api import Code, Position, Posted
from broker.events import Event, Said
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Fleet, Node, refusal


def said(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.nick, event.text) for event in events if isinstance(event, Said)]


async def place(node: Node) -> Position:
    """The last place of the channel."""
    entry = (await node.broker.history("#go", 1)).entries[-1]
    return Position(node.sink.places("#go")[-1].epoch, entry.seq)


async def test_a_programs_line_is_heard_by_members_on_all_nodes(make_brokers: MakeBrokers) -> None:
    a, b, c = await make_brokers(3)
    await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    posted = await c.broker.post("deploys.bot", "#GO", "done ☃ ]}")
    assert (True, True) == (posted.fresh, posted.same)
    for node in (a, b):
        event = (await node.heard("#go"))[-1]
        assert isinstance(event, Said) and event.sid.startswith(".")
        assert ("deploys.bot", "done ☃ ]}", False) == (event.nick, event.text, event.action)
        assert posted.at == node.sink.places("#go")[-1]


async def test_its_author_is_no_member(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await a.enter("ann", "#go")
    await a.broker.post("deploys.bot", "#go", "done")
    assert ["ann"] == (await a.broker.roster("#go")).nicks
    assert ["ann"] == [person.nick for person in await a.broker.people()]
    assert Code.NO_SUCH_NICK is await refusal(a.broker.person("deploys.bot"))


async def test_it_is_part_of_history_and_of_the_count(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    await a.broker.post("deploys.bot", "#go", "done")
    entries = (await a.broker.history("#go", 5)).entries
    assert [("ann", "hi"), ("deploys.bot", "done")] == said([entry.event for entry in entries])
    assert 2 == (await a.broker.totals()).messages


async def test_lines_of_one_program_are_different_events(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await a.enter("ann", "#go")
    for _ in range(2):
        await a.broker.post("deploys.bot", "#go", "done")
    identities = {(event.sid, event.num) for event in await a.heard("#go")}
    assert 3 == len(identities), "and one joined"


async def test_without_such_a_channel_nothing_is_posted(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#quiet")
    await a.broker.leave(ann, "#quiet", "")
    for channel in ("#nowhere", "#quiet"):
        posting = a.broker.post("deploys.bot", channel, "done")
        assert Code.NO_SUCH_CHANNEL is await refusal(posting)
    assert [] == await a.broker.channels()


async def test_an_empty_channel_in_which_something_was_said_is_one(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.say(ann, "#go", "hi")
    await a.broker.leave(ann, "#go", "")
    await a.broker.post("deploys.bot", "#go", "done")
    entries = (await a.broker.history("#go", 5)).entries
    assert [("ann", "hi"), ("deploys.bot", "done")] == said([entry.event for entry in entries])


async def test_under_a_key_something_is_said_once_whichever_node_is_asked(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go")
    first = await a.broker.post("deploys.bot", "#go", "done", "k1")
    again = await b.broker.post("deploys.bot", "#go", "done", "k1")
    assert first._replace(fresh=False) == again
    assert [("deploys.bot", "done")] == said(await a.heard("#go"))


async def test_another_text_under_a_key_is_told_from_the_first(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await a.enter("ann", "#go")
    first = await a.broker.post("deploys.bot", "#go", "done", "k1")
    other = await a.broker.post("deploys.bot", "#go", "failed", "k1")
    assert Posted(first.at, first.ms, fresh=False, same=False) == other


async def test_a_key_is_one_names_and_one_channels(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await a.enter("ann", "#go", "#stop")
    for name, channel in (("a.bot", "#go"), ("b.bot", "#go"), ("a.bot", "#stop")):
        assert (await a.broker.post(name, channel, "done", "k")).fresh


async def test_while_the_broker_is_away_nothing_is_posted(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    await b.enter("bob", "#go")
    await fleet.lose(a)
    assert Code.AWAY is await refusal(a.broker.post("deploys.bot", "#go", "done"))
    await fleet.restore(a)
    assert [] == said(await b.heard("#go"))
