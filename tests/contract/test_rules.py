"""What the broker promises of channels with rules: judges, statuses, kicks, invitations."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from broker.api import ChannelInfo, Code, Identity, Invitation, Member, Refused
from broker.events import Event, Extra, Invited, Joined, Kicked, Left, Quit, Ruled, Said, TopicSet
from broker.rules import FREE, Decision, Fellow, Mask, Rules, Standing
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Node, refusal, somebody
from tests.support.spin import eventually, gather

BAN = {"b": (Mask("bob!*@*", "ann", 5),)}


def nobody(*_judged: object) -> None:
    """Lets nobody do anything."""
    raise Refused(Code.NOT_OP)


def all_may(*_judged: object) -> None:
    """Lets everybody do it; the broker doesn't know that."""


def speaks(rules: Rules, standing: Standing) -> None:
    """In a moderated channel only who has a status says something."""
    if "m" in rules.modes and not standing.status:
        raise Refused(Code.CANNOT_SPEAK)


def comes(rules: Rules, standing: Standing) -> None:
    """Nobody comes into a closed channel but who is invited; no bans are in the way of Ann."""
    if "i" in rules.modes and not standing.invited:
        raise Refused(Code.INVITE_ONLY)
    if rules.lists.get("b"):
        raise Refused(Code.BANNED_HERE)


def deciding(*changes: tuple[str, str], statuses: Any = (), **rules: Any) -> Any:
    """Decides that these rules hold, and these statuses, by nick."""

    def decide(before: Rules, fellows: Any) -> Decision:
        after = Rules(
            **{"modes": before.modes, "key": before.key, "limit": before.limit, **rules}
        )
        found = tuple((fellows[nick].sid, status) for nick, status in statuses)
        return Decision(after, changes or (("+x", ""),), found)

    return decide


def adding(letter: str) -> Any:
    """Decides that one more flag holds; nothing, if it does."""

    def decide(before: Rules, _fellows: Any) -> Decision:
        modes = "".join(sorted({*before.modes, letter}))
        changes = () if letter in before.modes else ((f"+{letter}", ""),)
        return Decision(Rules(modes=modes), changes)

    return decide


async def said_by(node: Node, me: Identity, text: str, **how: Any) -> Code | None:
    """Say a line with a judge; the code with which it's refused."""
    settled: Deferred[Refused | None] = Deferred()
    node.broker.say(me, "#go", text, False, settled.callback, **{"judge": speaks, **how})
    refused = await settled
    return refused.code if refused is not None else None


async def ruled(make_brokers: MakeBrokers, *others: str) -> tuple[Node, Node, Identity, Any]:
    """Ann, an operator, on one node, and others on another, in one channel."""
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go", status="o")
    people = [await b.enter(nick, "#go") for nick in others]
    return a, b, ann, people


def kinds(events: list[Event], *kinds: type) -> list[Event]:
    return [event for event in events if isinstance(event, kinds)]


# Statuses and rules of a new channel


async def test_who_makes_a_channel_gets_a_status_and_the_channel_modes(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    arrival = await a.join(await a.enter("ann"), "#go", status="o", modes="nt")
    assert ("o", "nt", [Member("ann", "o")]) == (
        arrival.status,
        arrival.rules.modes,
        arrival.roster.members,
    )


async def test_who_comes_to_others_gets_neither(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#go", status="o", modes="n")
    arrival = await b.join(await b.enter("bob"), "#go", status="o", modes="st")
    assert ("", "n", [("ann", "o"), ("bob", "")]) == (
        arrival.status,
        arrival.rules.modes,
        sorted((member.nick, member.status) for member in arrival.roster.members),
    )


async def test_who_comes_into_an_empty_channel_begins_anew(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go", status="o", modes="n")
    await a.say(ann, "#go", "hi")
    await a.broker.rule(ann, "#go", deciding(modes="mnt"))
    law = (await a.broker.rules("#go")).law
    await a.broker.leave(ann, "#go", "")
    empty = await a.broker.rules("#go")
    arrival = await b.join(await b.enter("bob"), "#go", judge=nobody, status="o", modes="n")
    texts = [entry.event.text for entry in arrival.history if isinstance(entry.event, Said)]
    assert ("", "o", "n", ["hi"]) == (empty.modes, arrival.status, arrival.rules.modes, texts)
    assert law < empty.law < arrival.rules.law


@pytest.mark.parametrize("rules", [{"key": "k"}, {"modes": "i"}])
async def test_of_a_channel_into_which_not_everybody_might_come_nothing_is_left(
    make_brokers: MakeBrokers, rules: dict[str, Any]
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go", status="o")
    await a.say(ann, "#go", "secret")
    await a.broker.set_topic(ann, "#go", "secret")
    await a.broker.rule(ann, "#go", deciding(**rules))
    await a.broker.quit(ann, "", ["#go"])
    gone = await refusal(a.broker.roster("#go"))
    bob = await b.enter("bob")
    arrival = await b.join(bob, "#go", judge=nobody)
    await b.say(bob, "#go", "hi")
    history = (await b.broker.history("#go", 10)).entries
    assert (Code.NO_SUCH_CHANNEL, "", []) == (gone, arrival.topic.text, arrival.history)
    assert ["hi"] == [entry.event.text for entry in history if isinstance(entry.event, Said)]


async def test_a_channel_of_which_nothing_was_decided_has_no_rules(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    await a.enter("ann", "#go", status="o")
    rules = (await a.broker.rules("#GO"), await refusal(a.broker.rules("#py")))
    assert (FREE, Code.NO_SUCH_CHANNEL) == rules


async def test_a_roster_tells_where_people_come_from(make_brokers: MakeBrokers) -> None:
    from broker.api import Profile

    (a,) = await make_brokers(1)
    ann = somebody("ann", profile=Profile(by="a@1f.cloak", real="Ann"))
    await a.broker.open(ann)
    arrival = await a.join(ann, "#go", status="o")
    await a.enter("bob", "#go")
    members = sorted((await a.broker.roster("#go")).members)
    assert [Member("ann", "o", "a@1f.cloak")] == arrival.roster.members
    assert [Member("ann", "o", "a@1f.cloak"), Member("bob")] == members


async def test_who_leaves_is_told_of_with_where_they_came_from(make_brokers: MakeBrokers) -> None:
    from broker.api import Profile

    a, b = await make_brokers(2)
    await b.enter("bob", "#go")
    ann = somebody("ann", profile=Profile(by="a@1f.cloak"))
    await a.broker.open(ann)
    await a.join(ann, "#go", announce=False)
    await a.broker.leave(ann, "#go", "lunch")
    await a.join(ann, "#go", announce=False)
    await a.broker.quit(ann, "bye", ["#go"])
    left = Left(ann.sid, ann.num - 2, "ann", "lunch", "a@1f.cloak")
    gone = Quit(ann.sid, ann.num, "ann", "bye", ("#go",), "a@1f.cloak")
    assert [left, gone] == kinds(await b.heard("#go"), Left, Quit)
