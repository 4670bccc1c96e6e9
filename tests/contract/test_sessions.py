"""What the broker promises of sessions and their nicks: open, rename, quit, away."""

from collections.abc import Awaitable, Callable

import pytest

from broker.api import Code, Identity, Presence, Refused
from broker.events import Quit, Renamed, Said, Told
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Node, refusal, somebody
from tests.support.spin import eventually, gather


async def test_open_makes_the_session_known(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.broker.open(somebody("Ann", since=1234))
    person = await b.broker.person("ann")
    assert ("Ann", a.name, 1234, None, []) == person[:5]


async def test_a_nick_has_one_holder_after_folding(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("Ann[]")
    assert Code.NICK_TAKEN == await refusal(b.broker.open(somebody("aNN[]")))


async def test_a_session_may_open_its_own_nick_again(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann", "#go"), await b.enter("bob")
    await a.broker.open(ann)
    await b.broker.tell(bob, "ann", "still you?")
    assert (["#go"], [Told(bob.sid, bob.num, "bob", "still you?", ann.sid)]) == (
        (await b.broker.person("ann")).channels,
        await a.heard("ann"),
    )


async def test_only_ascii_letters_fold(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann[")
    assert await refusal(b.broker.open(somebody("ann{"))) is None


async def test_a_refused_open_leaves_the_holder_as_it_was(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann")
    await refusal(b.broker.open(somebody("ANN")))
    assert ("ann", a.name) == (await b.broker.person("ann"))[:2]


async def test_a_refused_open_leaves_nobody_behind(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann")
    await refusal(b.broker.open(somebody("ANN")))
    assert [Presence("ann", a.name)] == await b.broker.people()


async def test_of_fifty_sessions_on_three_nodes_one_gets_the_nick(
    make_brokers: MakeBrokers,
) -> None:
    nodes = await make_brokers(3)
    claims = [nodes[i % 3].broker.open(somebody("ann")) for i in range(50)]
    outcomes = await gather(claims)
    assert (1, 49) == (
        outcomes.count(None),
        sum(isinstance(o, Refused) and o.code is Code.NICK_TAKEN for o in outcomes),
    )


async def test_of_fifty_renames_on_three_nodes_one_gets_the_nick(
    make_brokers: MakeBrokers,
) -> None:
    nodes = await make_brokers(3)
    people = [await nodes[i % 3].enter(f"guest{i}") for i in range(50)]
    renames = [nodes[i % 3].broker.rename(me, "ann", []) for i, me in enumerate(people)]
    outcomes = await gather(renames)
    assert (1, 49) == (
        outcomes.count([]),
        sum(isinstance(o, Refused) and o.code is Code.NICK_TAKEN for o in outcomes),
    )


async def test_a_new_holder_never_gets_what_was_sent_before(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    bob, ann = await a.enter("bob"), await a.enter("ann")
    await a.broker.tell(bob, "ann", "to the first")
    await a.broker.quit(ann, "", [])
    await b.enter("ann")
    await a.broker.tell(bob, "ann", "to the second")
    heard = [event.text for event in await b.heard("ann") if isinstance(event, Told)]
    assert ["to the second"] == heard


# Tokens: nothing is accepted but from the identity whose token the broker holds.


async def _join(node: Node, me: Identity) -> None:
    await node.join(me, "#other")


async def _say(node: Node, me: Identity) -> None:
    await node.say(me, "#go", "forged")


async def _leave(node: Node, me: Identity) -> None:
    await node.broker.leave(me, "#go", "")


async def _topic(node: Node, me: Identity) -> None:
    await node.broker.set_topic(me, "#go", "forged")


async def _rename(node: Node, me: Identity) -> None:
    await node.broker.rename(me, "ann2", ["#go"])


async def _tell(node: Node, me: Identity) -> None:
    await node.broker.tell(me, "bob", "forged")


async def _away(node: Node, me: Identity) -> None:
    await node.broker.set_away(me, "forged")


async def _open(node: Node, me: Identity) -> None:
    await node.broker.open(me)


COMMANDS = [_join, _say, _leave, _topic, _rename, _tell, _away, _open]
Command = Callable[[Node, Identity], Awaitable[None]]


def _forged(me: Identity) -> Identity:
    return Identity(me.sid, "another token", me.nick, num=me.num)


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_under_another_token_is_refused(
    make_brokers: MakeBrokers, command: Command
) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.enter("bob", "#go")
    refused = await refusal(command(a, _forged(ann)))
    assert refused in (Code.CUT_OFF, Code.NOT_MEMBER, Code.NICK_TAKEN)


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_under_another_token_changes_nothing(
    make_brokers: MakeBrokers, command: Command
) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann", "#go")
    await a.enter("bob", "#go")

    async def state() -> object:
        return (
            await a.heard("#go"),
            await a.heard("bob"),
            await a.broker.person("ann"),
            sorted((await a.broker.roster("#go")).nicks),
        )

    before = await state()
    await refusal(command(a, _forged(ann)))
    assert before == await state()


async def test_a_quit_under_another_token_does_nothing(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    bob = await b.enter("bob", "#go")
    await b.broker.quit(_forged(ann), "", ["#go"])
    await b.broker.tell(bob, "ann", "still there?")
    assert (["ann", "bob"], [Told(bob.sid, bob.num, "bob", "still there?", ann.sid)]) == (
        sorted((await b.broker.roster("#go")).nicks),
        await a.heard("ann"),
    )


# Rename


async def test_a_rename_is_told_in_every_channel(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go", "#Py")
    await b.enter("bob", "#go", "#py")
    told = await a.broker.rename(ann, "anna", ["#Py", "#go"])
    renamed = Renamed(ann.sid, ann.num, "ann", "anna", ("#py", "#go"))
    assert (["#py", "#go"], renamed, renamed) == (
        told,
        (await b.heard("#py"))[-1],
        (await b.heard("#go"))[-1],
    )


async def test_a_rename_is_in_every_roster(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go", "#py")
    await a.broker.rename(ann, "anna", ["#go", "#py"])
    rosters = [(await b.broker.roster(channel)).nicks for channel in ("#go", "#py")]
    assert [["anna"], ["anna"]] == rosters


async def test_a_rename_frees_the_old_nick(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await a.broker.rename(ann, "anna", [])
    assert await refusal(b.broker.open(somebody("ann"))) is None


async def test_a_rename_takes_the_new_nick(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await a.broker.rename(ann, "anna", [])
    assert Code.NICK_TAKEN == await refusal(b.broker.open(somebody("Anna")))


async def test_a_rename_to_a_taken_nick_leaves_everything(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    bob = await b.enter("bob", "#go")
    heard = await b.heard("#go")
    assert Code.NICK_TAKEN == await refusal(a.broker.rename(ann, "BOB", ["#go"]))
    receipt = await b.broker.tell(bob, "ann", "still you?")
    assert (heard, ["ann", "bob"], "ann", b.name) == (
        await b.heard("#go"),
        sorted((await b.broker.roster("#go")).nicks),
        receipt.nick,
        (await a.broker.person("bob")).node,
    )


async def test_a_nick_may_change_its_letters_case(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await a.broker.rename(ann, "ANN", ["#go"])
    assert (Renamed(ann.sid, ann.num, "ann", "ANN", ("#go",)), "ANN") == (
        (await b.heard("#go"))[-1],
        (await b.broker.person("ann")).nick,
    )


async def test_messages_follow_a_rename(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann"), await b.enter("bob")
    await a.broker.rename(ann, "anna", [])
    ann.nick = "anna"
    await b.broker.tell(bob, "anna", "hi")
    old = await refusal(b.broker.tell(bob, "ann", "hi"))
    assert ([Told(bob.sid, bob.num - 1, "bob", "hi", ann.sid)], Code.NO_SUCH_NICK) == (
        await a.heard("anna"),
        old,
    )


async def test_a_nick_in_another_case_keeps_its_messages(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann"), await b.enter("bob")
    await b.broker.tell(bob, "ann", "before")
    await a.broker.rename(ann, "ANN", [])
    ann.nick = "ANN"
    receipt = await b.broker.tell(bob, "ann", "after")
    heard = [event.text for event in await a.heard("ann") if isinstance(event, Told)]
    assert ("ANN", ["before", "after"]) == (receipt.nick, heard)


async def test_a_renamed_member_speaks_under_the_new_nick(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await a.broker.rename(ann, "anna", ["#go"])
    ann.nick = "anna"
    await a.say(ann, "#go", "hi")
    assert Said(ann.sid, ann.num, "anna", "hi") == (await b.heard("#go"))[-1]


async def test_a_rename_keeps_why_one_is_away(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await a.broker.set_away(ann, "lunch")
    ann.away = "lunch"
    await a.broker.rename(ann, "anna", [])
    assert "lunch" == (await b.broker.person("anna")).away


async def test_a_quiet_members_rename_is_not_told(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.enter("bob", "#lobby")
    ann = await a.enter("ann", "#lobby", announce=False, quiet=True)
    heard = await b.heard("#lobby")
    told = await a.broker.rename(ann, "anna", ["#lobby"])
    assert ([], heard, ["anna", "bob"]) == (
        told,
        await b.heard("#lobby"),
        sorted((await b.broker.roster("#lobby")).nicks),
    )


async def test_a_rename_carries_the_quiet_channels_too(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.enter("bob", "#go")
    ann = await a.enter("ann", "#lobby", announce=False, quiet=True)
    await a.join(ann, "#go")
    told = await a.broker.rename(ann, "anna", ["#lobby", "#go"])
    assert (["#go"], Renamed(ann.sid, ann.num, "ann", "anna", ("#lobby", "#go"))) == (
        told,
        (await b.heard("#go"))[-1],
    )


async def test_a_quiet_member_who_has_spoken_is_told_of(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.enter("bob", "#lobby")
    ann = await a.enter("ann", "#lobby", announce=False, quiet=True)
    await a.say(ann, "#lobby", "hi")
    assert ["#lobby"] == await a.broker.rename(ann, "anna", ["#lobby"])


# Quit


async def test_a_quit_is_told_in_every_channel(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go", "#Py")
    await b.enter("bob", "#go", "#py")
    await a.broker.quit(ann, "bye", ["#Py", "#go"])
    quitting = Quit(ann.sid, ann.num, "ann", "bye", ("#py", "#go"))
    assert (quitting, quitting) == ((await b.heard("#py"))[-1], (await b.heard("#go"))[-1])


async def test_a_quit_empties_the_rosters(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go", "#py")
    await b.enter("bob", "#go", "#py")
    await a.broker.quit(ann, "", ["#go", "#py"])
    rosters = [(await b.broker.roster(channel)).nicks for channel in ("#go", "#py")]
    assert [["bob"], ["bob"]] == rosters


async def test_a_quit_frees_the_nick(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.broker.quit(await a.enter("ann"), "", [])
    assert await refusal(b.broker.open(somebody("ann"))) is None


async def test_after_a_quit_the_nick_is_unknown(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.broker.quit(await a.enter("ann"), "", [])
    assert Code.NO_SUCH_NICK == await refusal(b.broker.person("ann"))


async def test_a_quiet_member_goes_without_an_event(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.enter("bob", "#lobby")
    ann = await a.enter("ann", "#lobby", announce=False, quiet=True)
    heard = await b.heard("#lobby")
    await a.broker.quit(ann, "", ["#lobby"])
    assert (heard, ["bob"]) == (
        await b.heard("#lobby"),
        (await b.broker.roster("#lobby")).nicks,
    )


async def test_a_session_that_is_not_known_has_quit_already(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await b.enter("bob", "#go")
    await a.broker.quit(ann, "bye", ["#go"])
    heard = await b.heard("#go")
    await a.broker.quit(ann, "bye", ["#go"])
    assert heard == await b.heard("#go")


async def test_a_quit_spares_the_nicks_new_holder(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await a.broker.quit(ann, "", [])
    await b.enter("ann")
    await a.broker.quit(ann, "", [])
    assert b.name == (await a.broker.person("ann")).node


# Away


async def test_away_is_shown_with_the_person(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.broker.set_away(await a.enter("ann"), "lunch")
    assert "lunch" == (await b.broker.person("ann")).away


async def test_away_needs_no_why(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.broker.set_away(await a.enter("ann"), "")
    assert "" == (await b.broker.person("ann")).away


async def test_one_comes_back_from_away(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await a.broker.set_away(ann, "lunch")
    await a.broker.set_away(ann, None)
    assert (await b.broker.person("ann")).away is None


async def test_a_session_may_be_away_from_its_beginning(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.broker.open(somebody("ann", away="lunch"))
    assert "lunch" == (await b.broker.person("ann")).away


# Lists and numbers


async def test_a_person_is_known_with_channels(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.enter("ann", "#Py", "#go")
    assert ["#go", "#Py"] == (await b.broker.person("ANN")).channels


async def test_a_left_channel_is_not_a_persons(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#py", "#go")
    await a.broker.leave(ann, "#py", "")

    async def channels() -> list[str]:
        return (await b.broker.person("ann")).channels

    await eventually(channels, ["#go"])


async def test_who_has_quit_is_on_no_list_whatever_they_did_before(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    people = [await a.enter(f"p{i}", "#go") for i in range(30)]
    bob = await a.enter("bob")

    async def go(me: Identity) -> None:
        await a.broker.leave(me, "#go", "")
        await a.broker.quit(me, "bye", [])

    async def rename() -> None:
        for i in range(20):
            bob.nick = f"bob{i}"
            await a.broker.rename(bob, f"bob{i + 1}", [])

    await gather([rename(), *map(go, people)])

    async def there() -> list[str]:
        return [person.nick for person in await a.broker.people()]

    await eventually(there, ["bob20"])


async def test_nobody_is_no_such_nick(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    assert Code.NO_SUCH_NICK == await refusal(a.broker.person("ann"))


async def test_everyone_is_listed_by_nick(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    for nick in ("carl", "Ann"):
        await a.enter(nick)
    bob = await b.enter("bob")
    await b.broker.rename(bob, "Bert", [])
    listed = [Presence("Ann", a.name), Presence("Bert", b.name), Presence("carl", a.name)]
    await eventually(b.broker.people, listed)


async def test_the_cluster_is_counted(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2, lease=0.8)
    ann = await a.enter("ann", "#go", "#py")
    await b.enter("bob", "#go")
    await a.say(ann, "#go", "one")
    await a.say(ann, "#py", "two")
    await eventually(b.broker.totals, (2, 2, 2, 2))
