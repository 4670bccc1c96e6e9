"""What the broker promises of kept sessions: keep, detach, resume, regain, attend, missed."""

import secrets
from typing import Any

import msgspec
import pytest

from broker.api import Code, Identity, Kept, Missed, Position, Presence, Reach, Refused, Resumed
from broker.events import Event, Quit, Renamed, Said, Told
from broker.keeping import Keeping
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Fleet, MemoryFleet, Node, RedisFleet, refusal, somebody
from tests.support.sinks import Evicted, Taken
from tests.support.spin import eventually

SECRET = "a secret"
STATE = b'{"current":"#go"}'
LEASE = 0.8
"""Seconds: short, in tests that wait for beats, or for its end."""


async def kept(node: Node, nick: str, *channels: str, **how: Any) -> Identity:
    """Somebody whose session is kept."""
    me = await node.enter(nick, *channels, **how)
    await node.broker.keep(me, SECRET, STATE)
    node.sink.keeping[me.sid] = Kept(me, STATE, True)
    return me


async def beats(node: Node) -> None:
    """Returns when the node has written down how far its kept sessions were told by now."""
    before = node.sink.beats
    await node.sink.until(lambda: node.sink.beats > before + 2)


async def take(node: Node, me: Identity, **how: Any) -> tuple[Identity, Resumed]:
    """Take a session up on a node, as far as its nick; who it is there."""
    again = Identity(me.sid, secrets.token_hex(8), "")
    resumed = await node.broker.resume(again, SECRET, **how)
    node.people.append(again)
    return again, resumed


async def take_up(node: Node, me: Identity, **how: Any) -> tuple[Identity, Resumed]:
    """Take a session up on a node, with all its memberships."""
    again, resumed = await take(node, me, **how)
    node.broker.attend(again, resumed.inbox)
    for channel in resumed.channels:
        await node.broker.follow(channel)
        await node.broker.regain(again, channel)
    await node.broker.resumed(again)
    return again, resumed


async def test_a_detached_session_holds_its_nick_and_memberships(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann", "#go")
    await a.broker.detach(ann, STATE)
    person, roster = await b.broker.person("ann"), await b.broker.roster("#go")
    assert (["#go"], ["ann"]) == (person.channels, roster.nicks)


async def test_a_detached_session_is_still_among_the_people(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await a.broker.detach(await kept(a, "ann"), STATE)
    assert ([Presence("ann", a.name)], 1) == (
        await b.broker.people(),
        (await b.broker.totals()).sessions,
    )


async def test_nobody_is_told_of_a_detach(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    bob, ann = await b.enter("bob", "#go"), await kept(a, "ann", "#go")
    before = await b.heard("#go")
    await a.broker.detach(ann, STATE)
    await b.say(bob, "#go", "hi")
    assert [Said(bob.sid, bob.num, "bob", "hi")] == (await b.heard("#go"))[len(before) :]


async def test_a_detached_session_ends_after_a_while(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2, keep=0.05, lease=LEASE)
    await b.enter("bob", "#go")
    ann = await kept(a, "ann", "#go")
    await a.broker.detach(ann, STATE)

    async def quits() -> list[tuple[str, str]]:
        await refusal(b.broker.person("ann"))
        heard = await b.heard("#go")
        return [(e.nick, e.why) for e in heard if isinstance(e, Quit)]

    await eventually(quits, [("ann", "connection lost")])
    assert Code.TOKEN_UNKNOWN == await refusal(take(b, ann))


async def test_a_session_that_is_not_kept_is_ended_by_a_detach(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann")
    await a.broker.detach(ann, STATE)
    assert Code.NO_SUCH_NICK == await refusal(b.broker.person("ann"))


async def test_a_session_that_is_not_known_cannot_be_kept(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    nobody = Identity("sid", "token", "ann")
    assert Code.CUT_OFF == await refusal(a.broker.keep(nobody, SECRET, STATE))


async def test_resume_gives_back_what_was_kept(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "Ann", "#Go")
    await a.broker.set_away(ann, "lunch")
    await a.broker.detach(ann, b"other")
    again, resumed = await take(b, ann)
    assert ("Ann", "lunch", b"other", ["#Go"]) == (
        resumed.nick,
        resumed.away,
        resumed.state,
        resumed.channels,
    )
    assert ("Ann", "lunch") == (again.nick, again.away)


@pytest.mark.parametrize("sid, secret", [("unknown", SECRET), ("", "another")])
async def test_another_sid_or_secret_is_not_known(
    make_brokers: MakeBrokers, sid: str, secret: str
) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann")
    await a.broker.detach(ann, STATE)
    other = Identity(sid or ann.sid, "token", "")
    assert Code.TOKEN_UNKNOWN == await refusal(b.broker.resume(other, secret))


@pytest.mark.parametrize("since", ["it was kept", "it was taken up"])
async def test_a_session_that_is_here_has_to_be_detached_before_it_is_resumed_here(
    make_brokers: MakeBrokers, since: str
) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann")
    if since == "it was taken up":
        await a.broker.detach(ann, STATE)
        ann, _ = await take_up(a, ann)
    assert Code.CUT_OFF == await refusal(take(a, ann))
    await a.broker.detach(ann, STATE)
    assert "ann" == (await take(a, ann))[1].nick


async def test_who_has_quit_cannot_be_resumed(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann")
    await a.broker.quit(ann, "", [])
    assert Code.TOKEN_UNKNOWN == await refusal(take(b, ann))


@pytest.mark.parametrize("fleet", ["fakeredis", "server", "cluster"], indirect=True)
async def test_who_has_quit_is_on_no_list_though_their_node_was_swept_and_did_not_hear_of_it(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann")
    record = '["token",["ann"],[],true]'
    with fleet.client() as client:
        client.hset(fleet.keys.shelf, ann.sid, msgspec.json.encode(("swept", record)))
    await a.broker.quit(ann, "", [])
    assert [] == await b.broker.people()


async def test_numbers_go_on_above_all_earlier_ones(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann", "#go")
    for _ in range(5):
        await a.say(ann, "#go", "hi")
    again, _ = await take(b, ann)
    assert again.num > ann.num


async def test_numbers_go_on_above_all_earlier_ones_though_all_was_forgotten(
    fleet: Fleet, make_brokers: MakeBrokers
) -> None:
    """A number that was had before would be taken for a command that was done before."""
    a, b, c, d = await make_brokers(4)
    ann = await kept(a, "ann", "#go")
    for node in (b, c):
        ann, _ = await take_up(node, ann)
    await fleet.forget()
    ann = Identity(ann.sid, secrets.token_hex(8), "ann", num=ann.num)
    await c.broker.open(ann)
    await c.join(ann, "#go", announce=False)
    await c.broker.keep(ann, SECRET, STATE)
    await c.say(ann, "#go", "hi")
    again, _ = await take_up(d, ann)
    assert again.num > ann.num


@pytest.mark.parametrize("fleet", ["fakeredis", "server"], indirect=True)
async def test_who_is_kept_when_all_is_forgotten_and_nobody_knows_it_yet_is_not_detached(
    fleet: RedisFleet, make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node opens the session anew in a moment: what was detached would only be in its way."""
    monkeypatch.setattr("broker.recovery.WINDOW", 100)
    a, b = await make_brokers(2, lease=60)
    ann = await a.enter("ann")
    with fleet.client() as client:
        client.flushall()
    await a.broker.keep(ann, SECRET, STATE)
    await refusal(a.broker.open(somebody("eve")))  # and now it's known
    await a.sink.until_told(Evicted(True))
    assert Code.TOKEN_UNKNOWN == await refusal(take(b, ann))
    anew = Identity(ann.sid, "another", "ann", num=ann.num)
    await a.broker.open(anew)
    await a.broker.keep(anew, SECRET, STATE)
    await refusal(b.broker.open(somebody("bob")))
    assert "ann" == (await take(b, anew))[1].nick


async def test_who_was_resumed_speaks_and_hears(make_brokers: MakeBrokers) -> None:
    a, b, c = await make_brokers(3)
    bob, ann = await c.enter("bob", "#go"), await kept(a, "ann", "#go")
    await a.broker.detach(ann, STATE)
    again, _ = await take_up(b, ann)
    before = len(await b.heard("#go"))
    await b.say(again, "#go", "back")
    await c.say(bob, "#go", "good")
    await c.broker.tell(bob, "ann", "psst")
    said = [event.text for event in (await b.heard("#go"))[before:] if isinstance(event, Said)]
    told = [event.text for event in await b.heard("ann") if isinstance(event, Told)]
    assert (["back", "good"], ["psst"]) == (said, told)


async def test_a_nick_that_was_spelled_anew_is_held_after_a_resume(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann")
    await a.broker.rename(ann, "Ann", [])
    _, resumed = await take_up(b, ann)
    assert ("Ann", Code.NICK_TAKEN) == (resumed.nick, await refusal(a.enter("ann")))


@pytest.mark.parametrize("fleet", ["fakeredis", "server", "cluster"], indirect=True)
async def test_who_takes_up_a_nick_is_listed_as_it_is_spelled(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2, lease=LEASE)
    ann = await kept(a, "ann")
    await a.broker.detach(ann, STATE)
    with fleet.client() as client:  # as after a failover that lost that it was spelled anew
        client.hset(fleet.keys.nick("ann").claim, "nick", "Ann")
    _, resumed = await take_up(b, ann)

    async def listed() -> list[str]:
        return [person.nick for person in await b.broker.people()]

    await eventually(listed, ["Ann"])
    assert "Ann" == resumed.nick


async def test_nobody_is_told_of_a_resume(make_brokers: MakeBrokers) -> None:
    a, b, c = await make_brokers(3)
    await c.enter("bob", "#go")
    ann = await kept(a, "ann", "#go")
    before = await c.heard("#go")
    await take_up(b, ann)
    assert before == await c.heard("#go")


async def test_nothing_comes_before_attend_and_regain(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    bob, ann = await a.enter("bob", "#go"), await kept(a, "ann", "#go")
    await a.broker.detach(ann, STATE)
    await take(b, ann)
    await a.say(bob, "#go", "hi")
    await a.broker.tell(bob, "ann", "psst")
    assert ([], []) == (await b.heard("#go"), await b.heard("ann"))


async def test_after_attend_comes_what_was_sent_after_the_inbox(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    bob, ann = await a.enter("bob"), await kept(a, "ann")
    await a.broker.detach(ann, STATE)
    again, resumed = await take(b, ann)
    await a.broker.tell(bob, "ann", "psst")
    b.broker.attend(again, resumed.inbox)
    told = [event.text for event in await b.heard("ann") if isinstance(event, Told)]
    assert ["psst"] == told


async def test_a_session_is_taken_from_the_node_that_has_it(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann", "#go")
    await take_up(b, ann)
    await a.sink.until_told(Taken(ann.sid))
    assert b.name == (await a.broker.person("ann")).node


async def _say(node: Node, me: Identity) -> None:
    await node.say(me, "#go", "forged")


async def _leave(node: Node, me: Identity) -> None:
    await node.broker.leave(me, "#go", "")


async def _topic(node: Node, me: Identity) -> None:
    await node.broker.set_topic(me, "#go", "forged")


@pytest.mark.parametrize("command", [_say, _leave, _topic])
async def test_nothing_is_accepted_from_who_had_it_before(
    make_brokers: MakeBrokers, command: Any
) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann", "#go")
    again, resumed = await take(b, ann)
    await b.broker.follow("#go")
    await b.broker.regain(again, "#go")
    assert await refusal(command(a, ann)) in (Code.NOT_MEMBER, Code.CUT_OFF)


async def test_detached_asks_for_one_that_is_on_no_other_node(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann")
    assert Code.ELSEWHERE == await refusal(take(b, ann, detached=True))


async def test_a_detached_one_is_on_no_other_node(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann")
    await a.broker.detach(ann, STATE)
    assert "ann" == (await take(b, ann, detached=True))[1].nick


async def test_one_who_is_not_in_a_channel_does_not_regain_it(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann", "#go")
    again, _ = await take(b, ann)
    await b.broker.follow("#other")
    assert await b.broker.regain(again, "#other") is None


async def test_a_session_that_was_detached_while_being_resumed_can_be_resumed(
    make_brokers: MakeBrokers,
) -> None:
    a, b, c = await make_brokers(3)
    ann = await kept(a, "ann", "#a", "#b")
    again, _ = await take(b, ann)
    await b.broker.follow("#a")
    await b.broker.regain(again, "#a")
    await b.broker.detach(again, STATE)
    third, resumed = await take(c, ann)
    regained = []
    for channel in sorted(resumed.channels):
        await c.broker.follow(channel)
        regained.append(await c.broker.regain(third, channel) is not None)
    assert ([True, True], "ann") == (regained, resumed.nick)


@pytest.mark.parametrize("step", ["reclaim", "regain"])
@pytest.mark.parametrize("fleet", ["fakeredis", "server", "cluster"], indirect=True)
async def test_who_loses_a_session_while_taking_it_up_is_refused(
    make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    a, b = await make_brokers(2)
    ann = await kept(a, "ann", "#go")
    await a.broker.detach(ann, STATE)
    again = Identity(ann.sid, secrets.token_hex(8), "")
    taken = getattr(Keeping, step)

    async def detached_meanwhile(keeping: Keeping, me: Identity, *about: Any) -> Any:
        found = await taken(keeping, me, *about)
        await b.broker.detach(me, STATE)
        return found

    with monkeypatch.context() as hasty:
        hasty.setattr(Keeping, step, detached_meanwhile)
        if step == "reclaim":
            assert Code.CUT_OFF == await refusal(b.broker.resume(again, SECRET))
        else:
            await b.broker.resume(again, SECRET)
            await b.broker.follow("#go")
            assert Code.CUT_OFF == await refusal(b.broker.regain(again, "#go"))
    once_more, resumed = await take_up(a, ann)
    assert ("ann", ["#go"]) == (resumed.nick, resumed.channels)
    await a.say(once_more, "#go", "here")


async def test_a_session_that_is_detached_as_it_has_just_been_resumed_is_whole(
    make_brokers: MakeBrokers,
) -> None:
    a, b, c = await make_brokers(3)
    ann = await kept(a, "ann", "#go")
    again, _ = await take(b, ann)
    await b.broker.follow("#go")
    await b.broker.regain(again, "#go")
    detaching = b.broker.detach(again, STATE)
    await refusal(b.broker.resumed(again))
    await detaching
    _, resumed = await take(c, ann)
    assert ("ann", ["#go"]) == (resumed.nick, resumed.channels)


async def test_a_node_that_dies_leaves_its_kept_sessions_detached(fleet: Fleet) -> None:
    a, b, c = [await fleet.start(lease=LEASE) for _ in range(3)]
    await b.enter("bob", "#go")
    ann = await kept(a, "ann", "#go")
    cat = await a.enter("cat", "#go")
    a.people = [cat]
    before = len(await b.heard("#go"))
    await fleet.evict(a, seen_by=b)
    quits = [event.nick for event in (await b.heard("#go"))[before:] if isinstance(event, Quit)]
    again, resumed = await take_up(c, ann)
    await c.say(again, "#go", "back")
    last: Event = (await b.heard("#go"))[-1]
    assert (["cat"], Said(again.sid, again.num, "ann", "back")) == (quits, last)


async def test_how_far_it_was_told_is_known_when_it_was_detached(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    bob, ann = await b.enter("bob", "#go"), await kept(a, "ann", "#go")
    await b.say(bob, "#go", "hi")
    await a.heard("#go")
    place = a.sink.places("#go")[-1]
    await a.broker.detach(ann, STATE)
    _, resumed = await take(b, ann)
    assert (place.epoch, place.seq) == (resumed.told["#go"].after.epoch, resumed.told["#go"].maybe)


async def test_who_lags_was_told_as_far_as_was_certain(fleet: Fleet) -> None:
    if isinstance(fleet, MemoryFleet):
        pytest.skip("it has no socket that could lag")
    a, b = [await fleet.start(lease=LEASE) for _ in range(2)]
    bob, ann = await b.enter("bob", "#go"), await kept(a, "ann", "#go")
    await b.say(bob, "#go", "read")
    await a.heard("#go")
    place = a.sink.places("#go")[-1]
    await beats(a)
    a.sink.keeping[ann.sid] = Kept(ann, STATE, False)
    await beats(a)
    await b.say(bob, "#go", "not read")
    await a.heard("#go")
    await a.broker.detach(ann, STATE)
    _, resumed = await take(b, ann)
    assert Reach(place, place.seq + 1) == resumed.told["#go"]


async def test_how_far_it_was_told_since_it_was_taken_up_is_not_known_where_nobody_listens(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    bob, ann = await b.enter("bob", "#go"), await kept(a, "ann", "#go")
    await a.heard("#go")
    place = a.sink.places("#go")[-1]
    await a.broker.detach(ann, STATE)
    again, _ = await take_up(a, ann)
    await b.say(bob, "#go", "perhaps read")
    a.broker.unfollow("#go")
    await a.broker.detach(again, STATE)
    _, resumed = await take(b, ann)
    reach = resumed.told["#go"]
    assert (place.epoch, True) == (reach.after.epoch, reach.after.seq <= place.seq)
    assert reach.maybe > place.seq + 1


# What was missed


async def test_what_was_missed_lies_after_one_place_and_up_to_another(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    bob = await a.enter("bob", "#go")
    for text in ("one", "two", "three"):
        await a.say(bob, "#go", text)
    await a.heard("#go")
    places = a.sink.places("#go")
    missed = await b.broker.missed("#go", places[1], places[2])
    texts = [entry.event.text for entry in missed.entries if isinstance(entry.event, Said)]
    assert (0, ["two"]) == (missed.lost, texts)


async def test_what_the_log_has_no_more_is_counted(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2, history_lines=3)
    bob = await a.enter("bob", "#go")
    for i in range(300):
        await a.say(bob, "#go", str(i))
    await a.heard("#go")
    first, tip = a.sink.places("#go")[0], a.sink.places("#go")[-1]
    missed = await b.broker.missed("#go", first, tip)
    assert 300 == (missed.lost or 0) + len(missed.entries)
    assert missed.lost is not None and missed.lost > 100


async def test_what_was_lost_from_another_epoch_is_not_known(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await a.enter("bob", "#go")
    await a.heard("#go")
    tip = a.sink.places("#go")[-1]
    missed = await a.broker.missed("#go", Position("another", 7), tip)
    assert (None, 1) == (missed.lost, len(missed.entries))


async def test_who_has_read_further_than_the_log_goes_has_lost_nobody_knows_how_much(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    await a.enter("bob", "#go")
    await a.heard("#go")
    tip = a.sink.places("#go")[-1]
    assert [Missed(None, []), Missed(0, [])] == [
        await a.broker.missed("#go", tip._replace(seq=tip.seq + more), tip) for more in (1, 0)
    ]


@pytest.mark.parametrize("fleet", ["memory", "server"], indirect=True)
@pytest.mark.parametrize("further, lost", [(0, 0), (1, None)])
async def test_who_has_read_up_to_a_failover_or_further_gets_what_comes_after_it(
    fleet: Fleet, make_brokers: MakeBrokers, further: int, lost: int | None
) -> None:
    (a,) = await make_brokers(1)
    bob = await a.enter("bob", "#go")
    await a.say(bob, "#go", "before")
    await a.broker.barrier()
    place = a.sink.places("#go")[-1]
    await fleet.fall_behind()
    await fleet.fail_over()
    await a.say(bob, "#go", "after")
    await a.broker.barrier()
    tip = a.sink.places("#go")[-1]
    missed = await a.broker.missed("#go", place._replace(seq=place.seq + further), tip)
    texts = [entry.event.text for entry in missed.entries if isinstance(entry.event, Said)]
    assert (lost, ["after"]) == (missed.lost, texts)


async def test_who_reads_an_inbox_that_nobody_wrote_to_missed_nothing(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    bob, ann = await b.enter("bob"), await kept(a, "ann")
    await a.broker.detach(ann, STATE)
    await b.broker.tell(bob, "ann", "psst")
    _, resumed = await take(b, ann)
    missed = await b.broker.missed("ann", resumed.told["ann"].after, resumed.inbox)
    texts = [entry.event.text for entry in missed.entries if isinstance(entry.event, Told)]
    assert (0, ["psst"]) == (missed.lost, texts)


async def test_while_the_broker_is_away_nothing_is_resumed(fleet: Fleet) -> None:
    a, b = [await fleet.start() for _ in range(2)]
    ann = await kept(a, "ann")
    await fleet.lose(b)
    with pytest.raises(Refused) as refused:
        await take(b, ann)
    assert Code.AWAY == refused.value.code


# Who had it before, and who comes after


async def test_the_node_that_had_it_is_told_before_all_is_taken_up(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    await take(b, await kept(a, "ann", "#go"))
    await a.sink.until_told(Taken(sid := a.people[0].sid))
    assert [Taken(sid)] == [call for call in a.sink.told if isinstance(call, Taken)]


async def test_what_the_node_before_showed_lies_before_the_tip(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob = await kept(a, "ann", "#go"), await a.enter("bob", "#go")
    again, resumed = await take(b, ann)
    await a.sink.until_told(Taken(ann.sid))
    shown = a.sink.places("#go")[-1]
    await b.broker.follow("#go")
    regained = await b.broker.regain(again, "#go")
    await a.say(bob, "#go", "not shown there")
    assert regained is not None and shown.seq <= regained.tip.seq


async def test_a_node_that_did_not_hear_of_it_is_told_when_the_broker_is_back(fleet: Fleet) -> None:
    a, b = [await fleet.start() for _ in range(2)]
    ann = await kept(a, "ann", "#go")
    await fleet.lose(a)
    await take_up(b, ann)
    await fleet.restore(a)
    assert [Taken(ann.sid)] == [call for call in a.sink.told if isinstance(call, Taken)]


async def test_a_node_that_was_cut_off_past_its_lease_is_told_before_what_it_missed(
    fleet: Fleet,
) -> None:
    a, b = [await fleet.start(lease=0.4) for _ in range(2)]
    ann, bob = await kept(a, "ann", "#go"), await b.enter("bob", "#go")
    a.people[:] = [await a.enter("eve")]  # the one who'll be gone
    await fleet.evict(a, seen_by=b)
    await take_up(b, ann)
    await b.say(bob, "#go", "meanwhile")
    await fleet.restore(a)
    told = a.sink.told
    missed = [call for call in told if "meanwhile" in str(call)]
    assert told.index(Taken(ann.sid)) < told.index(missed[0])


@pytest.mark.parametrize("fleet", ["fakeredis", "server", "cluster"], indirect=True)
async def test_what_comes_while_a_node_cannot_take_back_yet_what_it_had_is_heard(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = [await fleet.start(lease=LEASE) for _ in range(2)]
    ann, bob = await kept(a, "ann"), await b.enter("bob")
    a.people[:] = [await a.enter("eve")]  # the one who'll be gone
    await fleet.evict(a, seen_by=b)
    await fleet.restore(a)
    again = Identity(ann.sid, secrets.token_hex(8), "ann")
    with monkeypatch.context() as refusing:

        async def take(*_args: Any, **_how: Any) -> Any:
            raise Refused(Code.BUSY)

        refusing.setattr(Keeping, "take", take)
        assert Code.BUSY == await refusal(a.broker.resume(again, SECRET, detached=True))
    await beats(a)
    await b.broker.tell(bob, "ann", "psst")
    await a.broker.resume(again, SECRET, detached=True)
    await a.broker.resumed(again)
    heard = await a.heard("ann")
    assert ["psst"] == [event.text for event in heard if isinstance(event, Told)]


@pytest.mark.parametrize("fleet", ["fakeredis", "server", "cluster"], indirect=True)
async def test_who_could_not_be_taken_back_at_first_is_taken_back_and_quits(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = [await fleet.start(lease=LEASE) for _ in range(2)]
    ann = await kept(a, "ann", "#go")
    await b.enter("bob", "#go")
    a.people[:] = [await a.enter("eve")]  # the one who'll be gone
    await fleet.evict(a, seen_by=b)
    await fleet.restore(a)
    again = Identity(ann.sid, secrets.token_hex(8), "ann")
    with monkeypatch.context() as refusing:

        async def take(*_args: Any, **_how: Any) -> Any:
            raise Refused(Code.BUSY)

        refusing.setattr(Keeping, "take", take)
        assert Code.BUSY == await refusal(a.broker.resume(again, SECRET, detached=True))
    again.nick = "ann"
    await a.broker.quit(again, "", ["#go"])  # nothing shows that it's theirs
    assert ["ann", "bob"] == sorted((await b.broker.roster("#go")).nicks)
    await a.broker.resume(again, SECRET, detached=True)
    await a.broker.regain(again, "#go")
    await a.broker.resumed(again)
    await a.broker.quit(again, "bye", ["#go"])
    heard = await b.heard("#go")
    assert ["bye"] == [event.why for event in heard if isinstance(event, Quit)]
    assert ["bob"] == (await b.broker.roster("#go")).nicks
    assert Code.TOKEN_UNKNOWN == await refusal(b.broker.resume(again, SECRET))


@pytest.mark.parametrize("fleet", ["fakeredis", "server", "cluster"], indirect=True)
async def test_what_comes_before_a_node_takes_back_what_it_had_is_heard_though_others_want_the_nick(
    fleet: Fleet,
) -> None:
    a, b = [await fleet.start(lease=LEASE) for _ in range(2)]
    ann, bob = await kept(a, "ann"), await b.enter("bob")
    a.people[:] = [await a.enter("eve")]  # the one who'll be gone
    await fleet.evict(a, seen_by=b)
    await fleet.restore(a)
    zoe = await a.enter("zoe")
    assert Code.NICK_TAKEN == await refusal(a.broker.rename(zoe, "ann", []))
    await beats(a)
    await b.broker.tell(bob, "ann", "psst")
    again = Identity(ann.sid, secrets.token_hex(8), "ann")
    await a.broker.resume(again, SECRET, detached=True)
    await a.broker.resumed(again)
    await b.broker.tell(bob, "ann", "hey")
    heard = await a.heard("ann")
    assert ["psst", "hey"] == [event.text for event in heard if isinstance(event, Told)]


async def test_who_waits_detached_when_its_node_is_back_was_not_taken_up(fleet: Fleet) -> None:
    a, b = [await fleet.start(lease=0.4) for _ in range(2)]
    ann = await kept(a, "ann")
    a.people[:] = [await a.enter("eve")]
    await fleet.evict(a, seen_by=b)
    await fleet.restore(a)
    assert [] == [call for call in a.sink.told if isinstance(call, Taken)]
    assert "ann" == (await take(a, ann, detached=True))[1].nick


async def test_who_quits_where_it_was_taken_from_ends_nothing(make_brokers: MakeBrokers) -> None:
    a, b, c = await make_brokers(3)
    ann = await kept(a, "ann", "#go")
    again, _ = await take_up(b, ann)
    await a.broker.quit(ann, "", ["#go"])
    await b.broker.detach(again, STATE)
    _, resumed = await take(c, ann)
    assert ("ann", ["#go"]) == (resumed.nick, resumed.channels)


async def test_a_nick_change_that_was_stopped_is_told_with_the_membership(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann, _ = await kept(a, "ann", "#go"), await b.enter("bob", "#go")
    await a.broker.rename(ann, "anna", [])  # the rosters don't know yet
    await take_up(b, ann)
    renamed = [(e.nick, e.new) for e in await b.heard("#go") if isinstance(e, Renamed)]
    assert ([("ann", "anna")], ["anna", "bob"]) == (
        renamed,
        sorted((await b.broker.roster("#go")).nicks),
    )


@pytest.mark.parametrize("fleet", ["fakeredis", "server"], indirect=True)
async def test_a_nick_that_is_taken_while_its_session_is_being_taken_up_comes_along(
    make_brokers: MakeBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await make_brokers(2)
    ann, _ = await kept(a, "ann", "#go"), await b.enter("bob", "#go")
    fill, changes = Keeping._fill, ["anna", "annie"]

    async def and_change(*args: Any) -> None:
        await fill(*args)
        while changes:  # when it's known what the session holds, and it isn't taken yet
            new = changes.pop(0)
            await a.broker.rename(ann, new, ["#go"])
            ann.nick = new

    monkeypatch.setattr(Keeping, "_fill", and_change)
    again, _ = await take_up(b, ann)
    assert ("annie", b.name) == (again.nick, (await b.broker.person("annie")).node)
    assert ["annie", "bob"] == sorted((await b.broker.roster("#go")).nicks)
    assert [Code.NO_SUCH_NICK] * 2 == [
        await refusal(b.broker.person(nick)) for nick in ("ann", "anna")
    ]


async def test_a_node_that_is_cut_off_while_it_takes_one_up_can_do_so_later(fleet: Fleet) -> None:
    a, b = [await fleet.start(lease=LEASE) for _ in range(2)]
    ann = await kept(a, "ann", "#go")
    await take(b, ann)
    b.people.clear()
    b.people.append(await b.enter("bob"))
    await fleet.evict(b, seen_by=a)
    await fleet.restore(b)
    assert "ann" == (await take(b, ann))[1].nick


async def test_how_far_it_was_told_is_known_after_a_taking_that_came_to_nothing(
    make_brokers: MakeBrokers,
) -> None:
    a, b, c = await make_brokers(3)
    ann, bob = await kept(a, "ann", "#go"), await b.enter("bob", "#go")
    await a.broker.detach(ann, STATE)
    again, first = await take(b, ann)
    await b.say(bob, "#go", "not shown to ann")
    await b.heard("#go")
    await b.broker.detach(again, STATE)
    _, second = await take(c, ann)
    assert first.told["#go"] == second.told["#go"]


async def test_what_one_was_told_who_lags_is_not_certain_when_another_is_kept(
    fleet: Fleet,
) -> None:
    if isinstance(fleet, MemoryFleet):
        pytest.skip("it has no socket that could lag")
    a, b = [await fleet.start(lease=LEASE) for _ in range(2)]
    bob, ann = await b.enter("bob", "#go"), await kept(a, "ann", "#go")
    await a.heard("#go")
    place = a.sink.places("#go")[-1]
    await beats(a)
    a.sink.keeping[ann.sid] = Kept(ann, STATE, False)  # before a beat finds that all was read
    await b.say(bob, "#go", "not read")
    await a.heard("#go")
    await kept(a, "cat", "#go", announce=False)
    await beats(a)
    _, resumed = await take(b, ann)
    assert place == resumed.told["#go"].after


async def test_how_far_one_was_told_is_written_of_ones_own_logs_alone(fleet: Fleet) -> None:
    if isinstance(fleet, MemoryFleet):
        pytest.skip("it has no socket that could lag")
    a, b = [await fleet.start(lease=LEASE) for _ in range(2)]
    await a.enter("bob", "#other")
    ann = await kept(a, "ann", "#go")
    await kept(a, "cat", "#py")
    await beats(a)
    a.sink.keeping[ann.sid] = Kept(ann, STATE, False)
    await beats(a)
    _, resumed = await take(b, ann)
    assert {"#go", "ann"} == resumed.told.keys()


async def test_who_is_overtaken_while_resuming_is_told(make_brokers: MakeBrokers) -> None:
    a, b, c = await make_brokers(3)
    ann = await kept(a, "ann", "#go")
    again, _ = await take(b, ann)
    await b.broker.follow("#go")
    await b.broker.regain(again, "#go")
    await take(c, ann)
    await b.sink.until_told(Taken(ann.sid))
    assert Code.ELSEWHERE == await refusal(b.broker.resumed(again))
