"""What the broker promises of channels with rules: judges, statuses, kicks, invitations."""

from typing import Any

import pytest

from broker.api import ChannelInfo, Code, Invitation, Member, Refused
from broker.events import Extra, Invited, Joined, Kicked, Left, Quit, Ruled, Said, TopicSet
from broker.rules import FREE, Decision, Fellow, Rules, Standing
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import refusal, somebody
from tests.support.ruled import (
    BAN,
    adding,
    all_may,
    comes,
    deciding,
    kinds,
    nobody,
    ruled,
    said_by,
    speaks,
)
from tests.support.spin import eventually, gather

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


# Decisions


async def test_everybody_hears_of_what_is_decided(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    decision = await a.broker.rule(
        ann, "#GO", deciding(("+n", ""), ("+b", "bob!*@*"), modes="n", lists=BAN)
    )
    (event,) = kinds(await b.heard("#go"), Ruled)
    assert isinstance(event, Ruled)
    assert (ann.sid, ann.num, "ann", 1, decision.changes, ()) == (
        event.sid,
        event.num,
        event.nick,
        event.law,
        event.changes,
        event.statuses,
    )
    assert [event] == kinds(await a.heard("#go"), Ruled)


async def test_what_is_decided_holds_everywhere(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    await a.broker.rule(ann, "#go", deciding(modes="n", key="k", limit=7, lists=BAN))
    found = [await node.broker.rules("#go") for node in (a, b)]
    assert [Rules(1, "n", "k", 7, BAN)] * 2 == found


async def test_an_event_tells_all_rules_where_they_are_others(make_brokers: MakeBrokers) -> None:
    from broker.rules import after

    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    held, seen = FREE, []
    await a.broker.rule(ann, "#go", deciding(modes="n"))
    await a.broker.rule(ann, "#go", deciding(("+v", "bob"), statuses=(("bob", "v"),)))
    await a.broker.rule(ann, "#go", deciding(key="k"))
    for event in kinds(await b.heard("#go"), Ruled):
        assert isinstance(event, Ruled)
        held = after(held, event)
        seen.append((event.rules != "", event.statuses))
    assert [(True, ()), (False, ((bob.sid, "v"),)), (True, ())] == seen
    assert await a.broker.rules("#go") == held == Rules(3, "n", "k")


async def test_statuses_stand_in_the_roster(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob, _) = await ruled(make_brokers, "bob", "cat")
    changes = (("+o", "bob"), ("-o", "ann"))
    await a.broker.rule(ann, "#go", deciding(*changes, statuses=(("bob", "ov"), ("ann", ""))))
    (event,) = kinds(await b.heard("#go"), Ruled)
    assert isinstance(event, Ruled)
    members = sorted((await b.broker.roster("#go")).members)
    assert [Member("ann"), Member("bob", "ov"), Member("cat")] == members
    assert ((bob.sid, "ov"), (ann.sid, "")) == event.statuses


async def test_a_status_is_lost_by_leaving(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await a.broker.rule(ann, "#go", deciding(("+v", "bob"), statuses=(("bob", "v"),)))
    await b.broker.leave(bob, "#go", "")
    arrival = await b.join(bob, "#go")
    assert "" == arrival.status


async def test_a_nick_change_keeps_the_status(make_brokers: MakeBrokers) -> None:
    a, _, ann, _ = await ruled(make_brokers)
    await a.broker.rename(ann, "anna", ["#go"])
    assert [Member("anna", "o")] == (await a.broker.roster("#go")).members


async def test_a_member_who_joins_again_keeps_the_status(make_brokers: MakeBrokers) -> None:
    a, _, ann, _ = await ruled(make_brokers, "bob")
    arrival = await a.join(ann, "#go", judge=nobody, status="v", modes="x")
    assert ("o", FREE) == (arrival.status, arrival.rules)


async def test_who_decides_sees_rules_and_members(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob, _) = await ruled(make_brokers, "Bob", "cat")
    seen: list[Any] = []

    def look(rules: Rules, fellows: Any) -> Decision:
        seen.append((rules.modes, dict(fellows)))
        return Decision(rules, ())

    await a.broker.rule(ann, "#go", deciding(modes="n"))
    await a.broker.rule(ann, "#go", look)
    await b.broker.rule(bob, "#go", look, about=["ANN", "nobody"])
    everybody, some = seen
    assert ("n", ["ann", "bob", "cat"]) == (everybody[0], sorted(everybody[1]))
    fellows = {"bob": Fellow(bob.sid, "Bob"), "ann": Fellow(ann.sid, "ann", "o")}
    assert ("n", fellows) == some


async def test_where_nothing_changes_nothing_is_told(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    heard = await b.heard("#go")
    decision = await a.broker.rule(ann, "#go", lambda rules, _: Decision(rules, ()))
    assert ((), heard, 0) == (
        decision.changes,
        await b.heard("#go"),
        (await b.broker.rules("#go")).law,
    )


async def test_who_decides_may_refuse(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    heard = await b.heard("#go")
    refused = await refusal(a.broker.rule(ann, "#go", nobody))
    assert (Code.NOT_OP, heard) == (refused, await b.heard("#go"))


async def test_who_decides_need_not_be_a_member(make_brokers: MakeBrokers) -> None:
    a, b, _, _ = await ruled(make_brokers)
    root = await b.enter("root")
    await b.broker.rule(root, "#go", deciding(("-o", "ann"), statuses=(("ann", ""),)))
    (event,) = kinds(await a.heard("#go"), Ruled)
    assert [Member("ann")] == (await a.broker.roster("#go")).members
    assert (root.sid, "root") == (event.sid, event.nick)


async def test_where_there_is_no_channel_nothing_is_decided(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann")
    assert Code.NO_SUCH_CHANNEL == await refusal(a.broker.rule(ann, "#go", deciding(modes="n")))


async def test_a_decision_asked_again_under_its_number_is_made_once(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    number = ann.num
    await a.broker.rule(ann, "#go", deciding(modes="n"))
    ann.num = number
    await a.broker.rule(ann, "#go", deciding(modes="m"))
    assert ("n", 1) == (
        (await a.broker.rules("#go")).modes,
        len(kinds(await b.heard("#go"), Ruled)),
    )


async def test_of_decisions_made_at_the_same_time_none_is_lost(make_brokers: MakeBrokers) -> None:
    nodes = await make_brokers(3)
    letters = "abcdefghijkl"
    people = [await nodes[i % 3].enter(f"n{i}", "#go") for i in range(len(letters))]
    deciding_all = [
        nodes[i % 3].broker.rule(me, "#go", adding(letter))
        for i, (me, letter) in enumerate(zip(people, letters, strict=True))
    ]
    await gather(deciding_all)
    rules = await nodes[0].broker.rules("#go")
    laws = [event.law for event in kinds(await nodes[1].heard("#go"), Ruled)]
    assert (letters, len(letters)) == (rules.modes, rules.law)
    assert list(range(1, len(letters) + 1)) == laws[-len(letters) :]


async def test_of_two_who_take_each_others_status_one_keeps_it(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await a.broker.rule(ann, "#go", deciding(("+o", "bob"), statuses=(("bob", "o"),)))

    def taking(mine: str, theirs: str) -> Any:
        def decide(rules: Rules, fellows: Any) -> Decision:
            if fellows[mine].status != "o":
                raise Refused(Code.NOT_OP)
            return Decision(rules, (("-o", theirs),), ((fellows[theirs].sid, ""),))

        return decide

    outcomes = await gather(
        refusal(node.broker.rule(me, "#go", taking(me.nick, theirs)))
        for node, me, theirs in ((a, ann, "bob"), (b, bob, "ann"))
    )
    statuses = [member.status for member in (await a.broker.roster("#go")).members]
    assert ([None, Code.NOT_OP], ["", "o"]) == (
        sorted(outcomes, key=lambda code: code is not None),
        sorted(statuses),
    )


async def test_channels_are_listed_with_their_modes(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    await a.broker.rule(ann, "#go", deciding(modes="ns"))

    async def listed() -> list[ChannelInfo]:
        return [row._replace(created=0) for row in await b.broker.channels()]

    await eventually(listed, [ChannelInfo("#go", 2, "", "ns")])


# Joining


async def test_a_judge_keeps_people_out(make_brokers: MakeBrokers) -> None:
    a, b, ann, (_, bob) = await ruled(make_brokers, "cat", "bob")
    await b.broker.leave(bob, "#go", "")
    await a.broker.rule(ann, "#go", deciding(lists=BAN))
    heard = await a.heard("#go")
    refused = await refusal(b.join(bob, "#go", judge=comes))
    assert (Code.BANNED_HERE, heard) == (refused, await a.heard("#go"))
    assert ["ann", "cat"] == sorted((await b.broker.roster("#go")).nicks)


async def test_who_is_kept_out_does_not_hold_the_channel(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers)
    await a.broker.rule(ann, "#go", deciding(modes="i"))
    bob = await b.enter("bob")
    await refusal(b.join(bob, "#go", judge=comes))

    async def channels() -> list[str]:
        return (await a.broker.person("bob")).channels

    nothing: list[str] = []
    await eventually(channels, nothing)


async def test_a_judge_is_asked_with_the_rules_that_hold(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "cat")
    bob, seen = await b.enter("bob"), []

    def judge(rules: Rules, standing: Standing) -> None:
        seen.append((rules.key, standing))
        if rules.key:
            raise Refused(Code.KEY_WRONG)

    await a.broker.rule(ann, "#go", deciding(key="k"))
    refused = await refusal(b.join(bob, "#go", judge=judge))
    assert (Code.KEY_WRONG, ("k", Standing(False))) == (refused, seen[-1])


async def test_a_ban_that_was_taken_away_keeps_nobody_out(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "cat")
    bob = await b.enter("bob")
    await a.broker.rule(ann, "#go", deciding(lists=BAN))
    refused = await refusal(b.join(bob, "#go", judge=comes))
    await a.broker.rule(ann, "#go", deciding(lists={}))
    arrival = await b.join(bob, "#go", judge=comes)
    assert (Code.BANNED_HERE, {}) == (refused, arrival.rules.lists)


async def test_a_limit_is_kept_to_however_many_come_at_once(make_brokers: MakeBrokers) -> None:
    nodes = await make_brokers(3)
    ann = await nodes[0].enter("ann", "#go", status="o")
    await nodes[0].broker.rule(ann, "#go", deciding(limit=8))
    people = [(nodes[i % 3], await nodes[i % 3].enter(f"n{i}")) for i in range(20)]
    codes = await gather(refusal(node.join(me, "#go", judge=comes)) for node, me in people)
    total = (await nodes[1].broker.roster("#go")).total
    assert (8, 7, 13) == (total, codes.count(None), codes.count(Code.CHANNEL_FULL))


# Invitations


async def test_an_invitation_is_told_in_the_channel_and_to_the_guest(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, _ = await ruled(make_brokers, "cat")
    bob = await b.enter("Bob")
    invitation = await a.broker.invite(ann, "#GO", "bob", judge=all_may)
    told = Invited(ann.sid, ann.num, "ann", "Bob", "#go", bob.sid)
    assert Invitation("Bob", None) == invitation
    assert ([told], [told]) == (kinds(await a.heard("#go"), Invited), await b.heard("bob"))


async def test_an_invitation_tells_whether_the_guest_is_away(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers)
    bob = await b.enter("bob")
    await b.broker.set_away(bob, "lunch")
    assert Invitation("bob", "lunch") == await a.broker.invite(ann, "#go", "bob", judge=all_may)


async def test_who_is_invited_may_come_in_once(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "cat")
    bob = await b.enter("bob")
    await a.broker.rule(ann, "#go", deciding(modes="i"))
    codes = [await refusal(b.join(bob, "#go", judge=comes))]
    await a.broker.invite(ann, "#go", "bob", judge=all_may)
    codes.append(await refusal(b.join(bob, "#go", judge=comes)))
    await b.broker.leave(bob, "#go", "")
    codes.append(await refusal(b.join(bob, "#go", judge=comes)))
    assert [Code.INVITE_ONLY, None, Code.INVITE_ONLY] == codes


async def test_an_invitation_is_for_a_session_and_for_no_nick(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "cat")
    bob = await b.enter("bob")
    await a.broker.rule(ann, "#go", deciding(modes="i"))
    await a.broker.invite(ann, "#go", "bob", judge=all_may)
    await b.broker.rename(bob, "bobby", [])
    other = await b.enter("bob")
    codes = [await refusal(b.join(me, "#go", judge=comes)) for me in (other, bob)]
    assert [Code.INVITE_ONLY, None] == codes


async def test_who_is_invited_comes_in_though_there_are_many(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers)
    bob = await b.enter("bob")
    await a.broker.rule(ann, "#go", deciding(limit=1))
    codes = [await refusal(b.join(bob, "#go", judge=comes))]
    await a.broker.invite(ann, "#go", "bob", judge=all_may)
    codes.append(await refusal(b.join(bob, "#go", judge=comes)))
    assert [Code.CHANNEL_FULL, None] == codes


async def test_only_the_last_hundred_invitations_count(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers)
    first, second = await b.enter("n0"), await b.enter("n1")
    others = [await b.enter(f"n{i}") for i in range(2, 101)]
    await a.broker.rule(ann, "#go", deciding(modes="i"))
    for me in (first, second, *others):
        await a.broker.invite(ann, "#go", me.nick, judge=all_may)
    codes = [await refusal(b.join(me, "#go", judge=comes)) for me in (first, second, others[-1])]
    assert [Code.INVITE_ONLY, None, None] == codes


async def test_nobody_is_invited_who_is_there(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    codes = [
        await refusal(a.broker.invite(ann, "#go", nick, judge=nobody)) for nick in ("BOB", "dan")
    ]
    assert ([Code.ALREADY_THERE, Code.NO_SUCH_NICK], []) == (codes, await b.heard("bob"))


async def test_a_judge_says_who_may_invite(make_brokers: MakeBrokers) -> None:
    a, b, _, (bob,) = await ruled(make_brokers, "bob")
    await a.enter("cat")
    root, seen = await b.enter("root"), []

    def judge(_rules: Rules, standing: Standing) -> None:
        seen.append(standing)
        raise Refused(Code.NOT_OP)

    for me in (bob, root):
        assert Code.NOT_OP == await refusal(b.broker.invite(me, "#go", "cat", judge=judge))
    assert [Standing(True), Standing(False)] == seen
    assert [] == [*kinds(await a.heard("#go"), Invited), *await a.heard("cat")]


async def test_where_there_is_no_channel_the_guest_is_told(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann"), await b.enter("bob")
    await a.broker.invite(ann, "#Go", "bob", judge=all_may)
    refused = await refusal(a.broker.invite(ann, "#go", "bob", judge=nobody))
    invited = Invited(ann.sid, ann.num - 1, "ann", "bob", "#Go", bob.sid)
    assert ([invited], Code.NOT_OP) == (await b.heard("bob"), refused)


async def test_an_invitation_asked_again_under_its_number_is_told_once(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, _ = await ruled(make_brokers)
    await b.enter("bob")
    number = ann.num
    for _ in range(2):
        ann.num = number
        await a.broker.invite(ann, "#go", "bob", judge=all_may)
    assert 1 == len(kinds(await a.heard("#go"), Invited))


# Kicks


async def test_everybody_hears_of_a_kick(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "Bob")
    await a.broker.kick(ann, "#GO", "bob", "out", judge=all_may)
    kicked = Kicked(ann.sid, ann.num, "ann", bob.sid, "Bob", "out")
    assert [kicked, kicked] == [(await node.heard("#go"))[-1] for node in (a, b)]


async def test_who_was_kicked_is_no_member(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await a.broker.kick(ann, "#go", "bob", "", judge=all_may)
    assert (["ann"], Code.NOT_MEMBER, Code.NOT_MEMBER) == (
        (await b.broker.roster("#go")).nicks,
        await refusal(b.say(bob, "#go", "hi")),
        await refusal(b.broker.leave(bob, "#go", "")),
    )


async def test_who_was_kicked_does_not_hold_the_channel(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    await a.broker.kick(ann, "#go", "bob", "", judge=all_may)
    await b.broker.barrier()

    async def channels() -> list[str]:
        return (await a.broker.person("bob")).channels

    nothing: list[str] = []
    await eventually(channels, nothing)


async def test_who_was_kicked_may_come_again(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await a.broker.kick(ann, "#go", "bob", "", judge=all_may)
    await b.join(bob, "#go")
    await b.say(bob, "#go", "hi")
    last = (await a.heard("#go"))[-2:]
    assert [Joined(bob.sid, bob.num - 1, "bob"), Said(bob.sid, bob.num, "bob", "hi")] == last


async def test_one_may_kick_oneself(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers)
    await a.broker.kick(ann, "#go", "ann", "", judge=all_may)
    assert Code.NO_SUCH_CHANNEL == await refusal(b.broker.roster("#go"))


async def test_only_members_are_kicked(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers)
    await b.enter("bob")
    codes = [
        await refusal(a.broker.kick(ann, channel, nick, "", judge=nobody))
        for channel, nick in (("#go", "bob"), ("#go", "dan"), ("#py", "bob"))
    ]
    assert [Code.TARGET_NOT_MEMBER, Code.NO_SUCH_NICK, Code.NO_SUCH_CHANNEL] == codes


async def test_a_judge_says_who_may_kick_whom(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    root, seen = await b.enter("root"), []

    def judge(rules: Rules, standing: Standing, target: Fellow) -> None:
        seen.append((rules.law, standing, target))
        raise Refused(Code.NOT_OP)

    for node, me, nick in ((b, bob, "ann"), (a, ann, "bob"), (b, root, "bob")):
        assert Code.NOT_OP == await refusal(node.broker.kick(me, "#go", nick, "", judge=judge))
    assert [
        (0, Standing(True), Fellow(ann.sid, "ann", "o")),
        (0, Standing(True, "o"), Fellow(bob.sid, "bob")),
        (0, Standing(False), Fellow(bob.sid, "bob")),
    ] == seen
    assert [] == kinds(await a.heard("#go"), Kicked)


async def test_who_kicks_need_not_be_a_member(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    root = await a.enter("root")
    await a.broker.kick(root, "#go", "bob", "", judge=all_may)
    assert ["ann"] == (await b.broker.roster("#go")).nicks


async def test_a_kick_asked_again_under_its_number_is_made_once(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    number = ann.num
    await a.broker.kick(ann, "#go", "bob", "", judge=all_may)
    await b.join(bob, "#go")
    ann.num = number
    await a.broker.kick(ann, "#go", "bob", "", judge=all_may)
    assert ["ann", "bob"] == sorted((await a.broker.roster("#go")).nicks)


# Lines and topics


async def test_a_judge_says_who_may_speak(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await a.broker.rule(ann, "#go", deciding(modes="m"))
    codes = [await said_by(a, ann, "hi"), await said_by(b, bob, "ho")]
    await a.broker.rule(ann, "#go", deciding(("+v", "bob"), statuses=(("bob", "v"),)))
    codes.append(await said_by(b, bob, "ha"))
    assert [None, Code.CANNOT_SPEAK, None] == codes
    said = [event.text for event in kinds(await a.heard("#go"), Said) if isinstance(event, Said)]
    assert ["hi", "ha"] == said


async def test_in_a_channel_without_rules_members_are_not_judged(
    make_brokers: MakeBrokers,
) -> None:
    a, _, ann, _ = await ruled(make_brokers, "bob")
    assert None is await said_by(a, ann, "hi", judge=nobody)


async def test_what_was_forbidden_and_is_not_any_more_is_accepted_at_once(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    codes = []
    for modes in ("m", "", "m", ""):
        await a.broker.rule(ann, "#go", deciding(modes=modes))
        codes.append(await said_by(b, bob, "hi"))
    assert [Code.CANNOT_SPEAK, None] * 2 == codes


async def test_lines_keep_their_order_when_the_rules_change_among_them(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    texts = [str(i) for i in range(60)]
    ends: list[Refused | None] = []

    def say(text: str) -> None:
        b.broker.say(bob, "#go", text, False, ends.append, judge=speaks)

    for i in range(0, 60, 5):
        deciding_now = gather([a.broker.rule(ann, "#go", deciding(modes="n", limit=i + 1))])
        for text in texts[i : i + 5]:
            say(text)
        await deciding_now
    await b.broker.barrier()
    await eventually(lambda: _async(len(ends)), 60)
    said = [event.text for event in kinds(await a.heard("#go"), Said) if isinstance(event, Said)]
    assert (texts, [None] * 60) == (said, ends)


async def _async(value: int) -> int:
    return value


async def test_a_line_that_races_with_a_rule_stands_before_it_or_is_refused(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")
    await said_by(b, bob, "hi")
    rule, *lines = await gather(
        [
            a.broker.rule(ann, "#go", deciding(modes="m")),
            *(said_by(b, bob, str(i)) for i in range(20)),
        ]
    )
    heard = kinds(await a.heard("#go"), Said, Ruled)
    (at,) = [i for i, event in enumerate(heard) if isinstance(event, Ruled)]
    accepted = [str(i) for i, code in enumerate(lines) if code is None]
    assert ["hi", *accepted] == [event.text for event in heard[:at] if isinstance(event, Said)]
    assert [] == heard[at + 1 :]


async def test_a_line_carries_what_else_is_known_of_it(make_brokers: MakeBrokers) -> None:
    a, b, ann, _ = await ruled(make_brokers, "bob")
    await said_by(a, ann, "hi", extra=Extra(notice=True, tags={"+x": "y"}))
    (said,) = kinds(await b.heard("#go"), Said)
    assert Said(ann.sid, ann.num, "ann", "hi", extra=Extra(True, {"+x": "y"})) == said


async def test_who_is_outside_says_something_if_a_judge_lets_them(
    make_brokers: MakeBrokers,
) -> None:
    a, b, ann, _ = await ruled(make_brokers)
    bob, seen = await b.enter("bob"), []

    def judge(rules: Rules, standing: Standing) -> None:
        seen.append(standing)
        if "n" in rules.modes:
            raise Refused(Code.CANNOT_SPEAK)

    codes = [await said_by(b, bob, "hi", judge=judge, outside=True)]
    await a.broker.rule(ann, "#go", deciding(modes="n"))
    codes.append(await said_by(b, bob, "ho", judge=judge, outside=True))
    said = kinds(await a.heard("#go"), Said)
    assert ([None, Code.CANNOT_SPEAK], {Standing(False)}) == (codes, set(seen))
    assert [Said(bob.sid, bob.num - 1, "bob", "hi", extra=Extra(outside=True))] == said
    assert ["ann"] == (await b.broker.roster("#go")).nicks


async def test_where_there_is_no_channel_nobody_says_anything_from_outside(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    ann = await a.enter("ann")
    assert Code.NO_SUCH_CHANNEL == await said_by(a, ann, "hi", outside=True)


async def test_lines_from_outside_keep_their_order(make_brokers: MakeBrokers) -> None:
    a, b, _, _ = await ruled(make_brokers)
    bob = await b.enter("bob")
    texts = [str(i) for i in range(20)]
    await gather(said_by(b, bob, text, outside=True) for text in texts)
    said = kinds(await a.heard("#go"), Said)
    assert texts == [event.text for event in said if isinstance(event, Said)]


async def test_a_judge_says_who_may_set_the_topic(make_brokers: MakeBrokers) -> None:
    a, b, ann, (bob,) = await ruled(make_brokers, "bob")

    def judge(rules: Rules, standing: Standing) -> None:
        if "t" in rules.modes and standing.status != "o":
            raise Refused(Code.NOT_OP)

    codes = []
    for modes in ("t", "", "t"):
        await a.broker.rule(ann, "#go", deciding(modes=modes))
        for node, me in ((a, ann), (b, bob)):
            topic = node.broker.set_topic(me, "#go", f"{modes} {me.nick}", judge=judge)
            codes.append(await refusal(topic))
    assert [None, Code.NOT_OP, None, None, None, Code.NOT_OP] == codes
    topics = [event for event in await b.heard("#go") if isinstance(event, TopicSet)]
    assert ["t ann", " ann", " bob", "t ann"] == [event.topic for event in topics]
