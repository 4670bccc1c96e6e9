"""What the broker promises of what is known of people: profiles, and what they change of them, who
had a nick, and who watches it.
"""

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from broker.api import (
    Code,
    Identity,
    Member,
    Person,
    Presence,
    Profile,
    Seat,
    Sighting,
    altered,
)
from broker.events import Altered, Joined, Said
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Fleet, Node, refusal, somebody
from tests.support.sinks import AlteredThere, Call, Watched
from tests.support.spin import eventually, gather

ANN = Profile("ann@one.cloak", "Ann of One", "192.0.2.1", "x", "", "")
NEW = "ann@192.0.2.1"


async def _enter(node: Node, nick: str, *channels: str, profile: Profile = ANN) -> Identity:
    """Somebody of whom something is known comes to a node."""
    me = somebody(nick, profile=profile, since=1234)
    await node.broker.open(me)
    node.people.append(me)
    for channel in channels:
        await node.join(me, channel)
    return me


async def _alter(node: Node, me: Identity, what: str, value: str | None, *channels: str) -> Any:
    """As a node's core does."""
    told = await node.broker.alter(me, what, value, channels)
    me.profile = altered(me.profile, what, value)
    if what == "away":
        me.away = value
    return told


def _alterations(node: Node, log: str) -> list[Altered]:
    return [event for event in node.sink.heard(log) if isinstance(event, Altered)]


# Profiles


async def test_a_profile_is_known_everywhere(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await _enter(a, "Ann")
    assert Person("Ann", a.name, 1234, None, [], ANN) == await b.broker.person("ann")


async def test_the_list_of_everyone_has_profiles(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await _enter(a, "ann", "#Go")
    ann = Presence("ann", a.name, 1234, None, ANN, frozenset({"#go"}))
    assert [ann] == await b.broker.people()


async def test_a_profile_goes_with_its_nick(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann")
    await a.broker.rename(ann, "Zoe", [])
    assert ANN == (await b.broker.person("zoe")).profile


async def test_a_profile_is_taken_up_with_its_session(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann")
    await a.broker.keep(ann, "secret", b"")
    await a.broker.detach(ann, b"")
    again = Identity(ann.sid, "anew", "")
    await b.broker.resume(again, "secret")
    await b.broker.resumed(again)
    assert (ANN, ANN) == (again.profile, (await a.broker.person("ann")).profile)


async def test_a_person_has_a_seat_in_each_channel(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await _enter(a, "bob", "#Go", profile=Profile())
    await _enter(b, "ann", "#zoo", "#go")
    seats = (await a.broker.person("ann")).seats
    assert ["#Go", "#zoo"] == [seat.channel for seat in seats]


async def test_a_seat_tells_the_status_and_the_channels_modes(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann")
    await a.join(ann, "#go", status="o", modes="ns")
    seats = (await b.broker.person("ann")).seats
    attendance = await b.broker.members("#go")
    assert ((Seat("#go", "o", "ns"),), "ns", "o") == (
        seats,
        attendance.modes,
        attendance.attendees[0].member.status,
    )


async def test_a_channel_that_was_left_is_no_seat(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann", "#go", "#zoo")
    await a.broker.leave(ann, "#go", "")
    assert ["#zoo"] == (await b.broker.person("ann")).channels


async def test_many_are_asked_about_at_once(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await gather(_enter(a, f"ann{i}") for i in range(3))
    found = await b.broker.persons(["ANN2", "nobody", "ann0"])
    assert ["ann2", None, "ann0"] == [person and person.nick for person in found]
    assert [ANN, ANN] == [person.profile for person in found if person]


async def test_asked_about_many_nobody_has_channels(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await _enter(a, "ann", "#go")
    (found,) = await a.broker.persons(["ann"])
    assert found is not None and ([], ()) == (found.channels, found.seats)


async def test_members_are_known_with_what_is_known_of_them(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann", "#Go")
    await _alter(a, ann, "away", "lunch")
    attendance = await b.broker.members("#go")
    assert ("#Go", 1) == (attendance.channel, len(attendance.attendees))
    (attendee,) = attendance.attendees
    assert ("ann", Person("ann", a.name, 1234, "lunch", [], ANN)) == (
        attendee.member.nick,
        attendee.person,
    )


async def test_nobody_is_a_member_of_no_channel(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    assert Code.NO_SUCH_CHANNEL == await refusal(a.broker.members("#nowhere"))


# What somebody changes of it


@pytest.mark.parametrize(
    "what, value, after",
    [
        ("host", NEW, Profile(NEW, "Ann of One", "192.0.2.1", "x")),
        ("real", "Ann", Profile(ANN.by, "Ann", "192.0.2.1", "x")),
        ("bot", "on", Profile(ANN.by, "Ann of One", "192.0.2.1", "Bx")),
        ("account", "ann", Profile(ANN.by, "Ann of One", "192.0.2.1", "x", "ann")),
        ("modes", "ix", Profile(ANN.by, "Ann of One", "192.0.2.1", "ix")),
        ("peer", "192.0.2.9", Profile(ANN.by, "Ann of One", "192.0.2.9", "x")),
    ],
)
async def test_what_is_altered_is_known_everywhere(
    make_brokers: MakeBrokers, what: str, value: str, after: Profile
) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann")
    await _alter(a, ann, what, value)
    assert after == (await b.broker.person("ann")).profile == ann.profile


async def test_a_change_is_told_before_a_barrier_that_is_asked_for_meanwhile(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1)
    ann = await _enter(a, "ann", "#go", "#zoo")
    altering = Deferred.fromCoroutine(a.broker.alter(ann, "real", "Ann", ["#go", "#zoo"]))
    await a.broker.barrier()
    told = [Altered(ann.sid, ann.num, "ann", "real", "Ann", ("#go", "#zoo"), ANN.by)]
    assert (told, told) == (_alterations(a, "#go"), _alterations(a, "#zoo"))
    await altering


@pytest.mark.parametrize("what", ["host", "real", "bot", "account", "away"])
async def test_a_change_is_told_in_each_channel(make_brokers: MakeBrokers, what: str) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann", "#Go", "#zoo")
    await b.enter("bob", "#go", "#zoo")
    assert ["#go", "#zoo"] == await _alter(a, ann, what, "x@y", "#Go", "#zoo")
    await b.broker.barrier()
    told = Altered(ann.sid, ann.num, "ann", what, "x@y", ("#go", "#zoo"), ANN.by)
    assert [told] == _alterations(b, "#go") == _alterations(b, "#zoo")


@pytest.mark.parametrize("what", ["modes", "peer"])
async def test_some_changes_are_told_nobody(make_brokers: MakeBrokers, what: str) -> None:
    (a,) = await make_brokers(1)
    ann = await _enter(a, "ann", "#go")
    assert [] == await _alter(a, ann, what, "x", "#go")
    assert [Joined] == [type(event) for event in await a.heard("#go")]


async def test_a_quiet_members_channel_is_not_told(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = somebody("ann", profile=ANN)
    await a.broker.open(ann)
    await a.join(ann, "#go", announce=False, quiet=True)
    assert [] == await _alter(a, ann, "real", "Ann", "#go")
    assert [] == await a.heard("#go")


async def test_a_channel_that_one_is_not_in_is_not_told(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann")
    await b.enter("bob", "#go")
    assert [] == await _alter(a, ann, "real", "Ann", "#go", "#nowhere")
    assert [] == [event for event in await b.heard("#go") if event.sid == ann.sid]


@pytest.mark.parametrize("quiet", [False, True])
async def test_a_roster_has_the_new_host(make_brokers: MakeBrokers, quiet: bool) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann")
    await a.join(ann, "#go", announce=not quiet, quiet=quiet)
    await _alter(a, ann, "host", NEW, "#go")
    assert [Member("ann", by=NEW)] == [
        member._replace(status="") for member in (await b.broker.roster("#go")).members
    ]


async def test_a_change_is_not_what_was_said(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await _enter(a, "ann", "#go")
    await _alter(a, ann, "real", "Ann", "#go")
    await a.say(ann, "#go", "hello")
    history = await a.broker.history("#go", 10)
    assert ["hello"] == [e.event.text for e in history.entries if isinstance(e.event, Said)]


async def test_who_changes_something_under_another_token_changes_nothing(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann", "#go")
    forged = Identity(ann.sid, "another token", "ann", num=ann.num)
    assert Code.CUT_OFF == await refusal(a.broker.alter(forged, "real", "Eve", ["#go"]))
    assert (ANN, []) == ((await b.broker.person("ann")).profile, _alterations(a, "#go"))


async def test_one_is_away_in_the_channels_that_are_named(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await _enter(a, "ann", "#go", "#zoo")
    await a.broker.set_away(ann, "", ["#go"])
    await a.broker.barrier()
    told = Altered(ann.sid, ann.num, "ann", "away", "", ("#go",), ANN.by)
    assert ([told], []) == (_alterations(a, "#go"), _alterations(a, "#zoo"))


async def test_what_was_changed_outlives_a_loss_of_all(fleet: Fleet) -> None:
    a, b = await fleet.start(), await fleet.start()
    ann = await _enter(a, "ann")
    await _alter(a, ann, "real", "Ann")
    await fleet.forget()
    ann.token = "another token"
    await a.broker.open(ann)
    assert "Ann" == (await b.broker.person("ann")).profile.real


# Who had a nick


async def _had(node: Node, nick: str, count: int = 0) -> list[str]:
    return [was.profile.real for was in await node.broker.was(nick, count)]


async def test_who_had_a_nick_is_known_when_they_are_gone(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "Ann")
    await a.broker.quit(ann, "", [])
    (was,) = await b.broker.was("ann")
    assert ("Ann", a.name, 1234, ANN) == (was.nick, was.node, was.since, was.profile)
    assert was.until > 1_600_000_000_000


async def test_who_took_another_nick_had_the_one_before(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann")
    await a.broker.rename(ann, "zoe", [])
    assert (["Ann of One"], []) == (await _had(b, "ann"), await _had(b, "zoe"))


async def test_who_spells_their_nick_otherwise_has_it_still(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    ann = await _enter(a, "ann")
    await a.broker.rename(ann, "ANN", [])
    assert [] == await a.broker.was("ann")


async def test_those_of_a_dead_node_had_their_nicks(fleet: Fleet) -> None:
    a, b = await fleet.start(lease=1.0), await fleet.start(lease=1.0)
    await _enter(a, "ann")
    await fleet.evict(a, seen_by=b)
    assert ["Ann of One"] == await _had(b, "ann")
    await fleet.restore(a)


async def test_the_last_who_had_a_nick_comes_first(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    for real in "one", "two", "three":
        ann = await _enter(a, "ann", profile=Profile(real=real))
        await a.broker.quit(ann, "", [])
    found = [await _had(a, "ann", count) for count in (0, -1, 1, 2, 5)]
    everybody = ["three", "two", "one"]
    assert [everybody, everybody, ["three"], ["three", "two"], everybody] == found


async def test_ten_who_had_a_nick_are_remembered(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    for number in range(12):
        ann = await _enter(a, "ann", profile=Profile(real=str(number)))
        await a.broker.quit(ann, "", [])
    assert [str(number) for number in range(11, 1, -1)] == await _had(a, "ann")


async def test_nobody_had_a_nick_that_is_given_to_whoever_comes(
    make_brokers: MakeBrokers,
) -> None:
    (a,) = await make_brokers(1, passing="guest-")
    guest, ann = await _enter(a, "Guest-1"), await _enter(a, "ann")
    await a.broker.quit(guest, "", [])
    await a.broker.quit(ann, "", [])
    assert ([], ["Ann of One"]) == (await _had(a, "guest-1"), await _had(a, "ann"))


async def test_nobody_had_a_nick_that_nobody_took(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    assert [] == await a.broker.was("nobody")


# Watching nicks


def _watched(node: Node) -> list[Call]:
    return [call for call in node.sink.told if isinstance(call, Watched | AlteredThere)]


async def _told(node: Node, *calls: Call) -> None:
    """Returns when the sink was told these of nicks. Nothing else was, and nothing more comes."""
    await node.sink.until(lambda: len(_watched(node)) >= len(calls))
    await node.broker.barrier()
    assert list(calls) == _watched(node)


async def test_who_begins_to_watch_learns_who_is_there(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "Ann")
    found = await b.broker.watch(["ann", "bob"])
    assert [Sighting("Ann", ann.sid, ANN.by), None] == found
    await _told(b)


async def test_it_is_told_who_takes_a_nick_and_that_it_is_free(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    await b.broker.watch(["ann"])
    ann = await _enter(a, "Ann")
    await _told(b, Watched("Ann", ANN.by))
    await a.broker.quit(ann, "", [])
    await _told(b, Watched("Ann", ANN.by), Watched("Ann", ""))


async def test_it_is_told_to_the_holders_own_node(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    await a.broker.watch(["ann"])
    await _enter(a, "ann")
    await _told(a, Watched("ann", ANN.by))


async def test_a_change_of_nick_frees_one_and_takes_another(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann")
    await b.broker.watch(["ann", "zoe"])
    await a.broker.rename(ann, "zoe", [])
    await b.sink.until(lambda: len(_watched(b)) == 2)
    assert {Watched("ann", ""), Watched("zoe", ANN.by)} == set(_watched(b))


async def test_another_spelling_is_no_news_but_for_who_goes(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann")
    await b.broker.watch(["Ann"])
    await a.broker.rename(ann, "ANN", [])
    ann.nick = "ANN"
    await a.broker.quit(ann, "", [])
    await _told(b, Watched("ANN", ""))


async def test_who_opens_again_was_there(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann")
    await b.broker.watch(["ann"])
    await a.broker.open(ann)
    await _told(b)


async def test_who_is_taken_up_elsewhere_was_there(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann = await _enter(a, "ann")
    await b.broker.watch(["ann"])
    await a.broker.keep(ann, "secret", b"")
    await a.broker.detach(ann, b"")
    again = Identity(ann.sid, "anew", "")
    await b.broker.resume(again, "secret")
    await b.broker.resumed(again)
    await _told(b)


async def test_who_watches_no_more_is_told_nothing(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.broker.watch(["ann", "bob"])
    b.broker.unwatch(["Ann"])
    await _enter(a, "ann")
    await _enter(a, "bob")
    await _told(b, Watched("bob", ANN.by))


async def test_who_watches_twice_is_told_once(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    await b.broker.watch(["ann"])
    await b.broker.watch(["ANN", "ann"])
    await _enter(a, "ann")
    await _told(b, Watched("ann", ANN.by))


async def test_it_is_told_what_a_watched_holder_alters(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    ann, bob = await _enter(a, "ann", "#go"), await _enter(a, "bob")
    await b.broker.watch(["ann"])
    await _alter(a, bob, "real", "Bob")
    await _alter(a, ann, "away", "lunch", "#go")
    await _alter(a, ann, "modes", "i")
    event = Altered(ann.sid, ann.num - 1, "ann", "away", "lunch", ("#go",), ANN.by)
    await _told(b, AlteredThere(event))


async def test_those_of_a_dead_node_are_seen_to_go(fleet: Fleet) -> None:
    a, b = await fleet.start(lease=1.0), await fleet.start(lease=1.0)
    await _enter(a, "ann")
    await b.broker.watch(["ann"])
    await fleet.evict(a, seen_by=b)
    await _told(b, Watched("ann", ""))
    await fleet.restore(a)


async def test_what_changed_in_an_outage_is_told_after_it(fleet: Fleet) -> None:
    a, b = await fleet.start(), await fleet.start()
    ann, bob = await _enter(a, "ann"), await _enter(a, "bob")
    await b.broker.watch(["ann", "bob", "zoe"])
    await fleet.lose(b)
    await a.broker.quit(ann, "", [])
    await a.broker.rename(bob, "zoe", [])
    await fleet.restore(b)
    await b.sink.until(lambda: len(_watched(b)) == 3)
    there = {Watched("ann", ""), Watched("bob", ""), Watched("zoe", ANN.by)}
    assert there == set(_watched(b))


async def test_what_was_undone_in_an_outage_is_not_told(fleet: Fleet) -> None:
    a, b = await fleet.start(), await fleet.start()
    ann = await _enter(a, "ann")
    await b.broker.watch(["ann", "zoe"])
    await fleet.lose(b)
    await a.broker.rename(ann, "zoe", [])
    ann.nick = "zoe"
    await a.broker.rename(ann, "ann", [])
    ann.nick = "ann"
    await fleet.restore(b)
    await a.broker.quit(ann, "", [])
    await _told(b, Watched("ann", ""))


async def test_of_another_holder_after_an_outage_both_is_told(fleet: Fleet) -> None:
    a, b = await fleet.start(), await fleet.start()
    ann = await _enter(a, "ann")
    await b.broker.watch(["ann"])
    await fleet.lose(b)
    await a.broker.quit(ann, "", [])
    await _enter(a, "Ann", profile=Profile("new@host"))
    await fleet.restore(b)
    await _told(b, Watched("ann", ""), Watched("Ann", "new@host"))


async def test_who_is_opened_again_after_a_loss_of_all_was_there(fleet: Fleet) -> None:
    a, b = await fleet.start(), await fleet.start()
    ann = await _enter(a, "ann")
    await b.broker.watch(["ann"])
    await fleet.forget()
    ann.token = "another token"
    await a.broker.open(ann)
    await a.broker.quit(ann, "", [])
    await _told(b, Watched("ann", ""))


async def test_nothing_is_watched_while_the_broker_is_away(fleet: Fleet) -> None:
    a = await fleet.start()
    await fleet.lose(a)
    assert Code.AWAY == await refusal(a.broker.watch(["ann"]))


# A secret of all nodes


async def test_all_nodes_have_one_secret(make_brokers: MakeBrokers) -> None:
    nodes = await make_brokers(3)
    found = await gather(node.broker.secret("cloak", str(i)) for i, node in enumerate(nodes))
    assert (1, True) == (len(set(found)), found[0] in ("0", "1", "2"))


async def test_secrets_have_names(make_brokers: MakeBrokers) -> None:
    (a,) = await make_brokers(1)
    found = [await a.broker.secret("cloak", "one"), await a.broker.secret("other", "two")]
    assert ["one", "two"] == found


async def test_a_secret_outlives_a_loss_of_all(fleet: Fleet) -> None:
    a, b = await fleet.start(), await fleet.start()
    await a.broker.secret("cloak", "one")
    await fleet.forget()
    await a.broker.barrier()
    assert "one" == await b.broker.secret("cloak", "two")


async def test_who_had_a_nick_is_kept_of_so_many_nicks_only(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2, was_nicks=3)
    nicks = ["ann", "bob", "cat", "dan"]
    for nick in nicks:
        await a.broker.quit(await a.enter(nick), "", [])

    async def known() -> list[bool]:
        return [await b.broker.was(nick) != [] for nick in nicks]

    await eventually(known, [False, True, True, True])


# For how long somebody has said nothing


async def test_for_how_long_somebody_has_said_nothing_their_node_tells(
    make_brokers: MakeBrokers,
) -> None:
    a, b = await make_brokers(2)
    ann, bob = await a.enter("ann"), await b.enter("bob")
    a.sink.quiet, b.sink.quiet = {ann.sid: 7}, {bob.sid: 42}
    assert [42, 7, 7] == [
        await a.broker.idle("Bob"),
        await a.broker.idle("ann"),
        await b.broker.idle("ann"),
    ]


async def test_of_who_is_on_no_node_nobody_tells_it(make_brokers: MakeBrokers) -> None:
    a, b = await make_brokers(2)
    bob = await b.enter("bob")
    await b.broker.keep(bob, "secret", b"")
    await b.broker.detach(bob, b"")
    assert None is await a.broker.idle("bob")
    assert Code.NO_SUCH_NICK is await refusal(a.broker.idle("cat"))
