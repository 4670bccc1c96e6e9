"""`node.core.people` and `node.core.watchers`: what people ask about others and say of themselves,
as conversations over nodes in one world, in commands and replies: not every dialect has words for
all of them.
"""

from typing import Any

import pytest

from broker.api import Attendee, Person, Profile, Sighting
from broker.events import Altered, Event
from node.core import commands, replies
from node.core.cloak import Cloak
from node.core.commands import Command
from node.core.dialect import Place
from node.core.limits import Act, Limits, Rate
from node.core.opers import Oper, Right
from node.core.replies import Reply
from node.core.watchers import MOST
from node.dialects.slash import Slash
from tests.support.village import Village, Villager

CLOAK = Cloak(b"a secret of sixteen bytes or more")
ADDRESS, OTHER = "192.0.2.7", "192.0.2.99"


class Told(Slash):
    """Writes down what one listener is told. Of an event it sends which one that was."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: list[Reply] = []
        self.events: list[tuple[Event, str]] = []

    def reply(self, reply: Reply, to: str = "") -> bytes:
        self.replies.append(reply)
        return b""

    def render(self, event: Event, place: Place) -> bytes:
        self.events.append((event, place.channel))
        return f"{len(self.events) - 1}\r\n".encode()


class Somebody:
    """A person whose commands are given as such."""

    def __init__(self, village: Village, nick: str, *channels: str, node: int, address: str):
        self._village = village
        self._told = Told()
        self.person = village.guest(node, address=address, dialect=self._told)
        self.does(commands.SetNick(nick), *(commands.Join(channel) for channel in channels))

    @property
    def profile(self) -> Profile:
        return self.person.session.me.profile

    def does(self, *asked: Command) -> list[Reply]:
        """Give commands; what was replied since the last time."""
        for command in asked:
            self.person.session.lane.add(command)
        return self.read()

    def asks(self, command: Command) -> Any:
        """The one reply to a command."""
        (reply,) = self.does(command)
        return reply

    def read(self) -> list[Reply]:
        """What was replied since the last time."""
        told, self._told.replies = self._told.replies, []
        return told

    def shown(self) -> list[tuple[Event, str]]:
        """The events that were shown since the last time, with where."""
        return [self._told.events[int(number)] for number in self.person.read()]

    def altered(self) -> list[tuple[str, str | None, str]]:
        """Of these, what changed of others or oneself."""
        return [
            (event.what, event.value, channel)
            for event, channel in self.shown()
            if isinstance(event, Altered)
        ]


@pytest.fixture
def village() -> Village:
    village = Village(2, lobby="")
    for chat in village.chats:
        chat.shown_host = CLOAK.host
    return village


@pytest.fixture
def ann(village: Village) -> Somebody:
    return Somebody(village, "ann", "#go", "#zoo", node=0, address=ADDRESS)


@pytest.fixture
def bob(village: Village, ann: Somebody) -> Somebody:
    bob = Somebody(village, "bob", "#go", "#zoo", node=1, address=OTHER)
    _settle(ann, bob)
    return bob


@pytest.fixture
def eve(village: Village, bob: Somebody) -> Somebody:
    eve = Somebody(village, "eve", "#elsewhere", node=1, address=OTHER)
    _settle(eve)
    return eve


def _settle(*people: Somebody) -> None:
    for person in people:
        person.read()
        person.shown()


def _modes(person: Somebody, nick: str, *changes: str) -> Command:
    return commands.UserModes(nick, tuple((change[0], change[1]) for change in changes))


# -- whois


def test_who_comes_is_shown_under_a_cloak(ann: Somebody, bob: Somebody) -> None:
    person: Person = bob.asks(commands.Whois("ann")).person
    assert f"slash@{CLOAK.host(ADDRESS)}" == person.profile.by


def test_others_do_not_see_where_somebody_comes_from(ann: Somebody, bob: Somebody) -> None:
    assert "" == bob.asks(commands.Whois("ann")).person.profile.peer


def test_people_see_where_they_come_from_themselves(ann: Somebody) -> None:
    assert ADDRESS == ann.asks(commands.Whois("ann")).person.profile.peer


def test_operators_see_where_others_come_from(ann: Somebody, bob: Somebody) -> None:
    _become_operator(bob)
    assert ADDRESS == bob.asks(commands.Whois("ann")).person.profile.peer


def _become_operator(person: Somebody) -> None:
    session = person.person.session
    me, session.oper = session.me, Oper("boss", frozenset([Right.SEE]))
    me.profile = Profile(me.profile.by, "", me.profile.peer, "ox")


def test_operators_who_may_not_see_it_do_not(ann: Somebody, bob: Somebody) -> None:
    _become_operator(bob)
    bob.person.session.oper = Oper("boss", frozenset(Right) - {Right.SEE})
    assert "" == bob.asks(commands.Whois("ann")).person.profile.peer


def test_channels_of_somebody_invisible_are_seen_by_their_members(
    ann: Somebody, bob: Somebody, eve: Somebody
) -> None:
    ann.does(_modes(ann, "ann", "+i"))
    bob.does(commands.Leave("#zoo"))
    found = [each.asks(commands.Whois("ann")).person.channels for each in (ann, bob, eve)]
    assert [["#go", "#zoo"], ["#go"], []] == found


# -- whowas


def test_who_had_a_nick_is_told_without_where_they_came_from(ann: Somebody, bob: Somebody) -> None:
    ann.does(commands.Quit())
    (was,) = bob.asks(commands.Whowas("ANN")).found
    assert ("ann", f"slash@{CLOAK.host(ADDRESS)}", "") == (
        was.nick,
        was.profile.by,
        was.profile.peer,
    )


def test_operators_are_told_where_who_had_a_nick_came_from(ann: Somebody, bob: Somebody) -> None:
    _become_operator(bob)
    ann.does(commands.Quit())
    (was,) = bob.asks(commands.Whowas("ann")).found
    assert ADDRESS == was.profile.peer


# -- who is there


def _nicks(reply: Any) -> list[str]:
    attendees: list[Attendee] = reply.attendees
    return [each.member.nick for each in attendees]


@pytest.mark.parametrize(
    "mask, found",
    [
        ("*", ["ann", "bob", "eve"]),
        ("0", ["ann", "bob", "eve"]),
        ("ANN", ["ann"]),
        ("?o?", ["bob"]),
        ("slash@*", ["ann", "bob", "eve"]),
        (f"*@{CLOAK.host(ADDRESS)}", ["ann"]),
        (CLOAK.host(ADDRESS), ["ann"]),
        (f"ann!*@*{CLOAK.host(ADDRESS)[11:]}", ["ann"]),
        ("*Liddell", ["ann"]),
        (ADDRESS, []),
        ("nobody", []),
        ("[ab]*", []),
        ("#GO", ["ann", "bob"]),
        ("#nowhere", []),
        ("#", []),
    ],
)
def test_a_mask_fits_some(ann: Somebody, eve: Somebody, mask: str, found: list[str]) -> None:
    ann.does(commands.SetReal("Ann Liddell"))
    assert found == sorted(_nicks(eve.asks(commands.Look(mask))))


def test_a_channel_that_is_looked_at_is_spelled_as_at_first(ann: Somebody, eve: Somebody) -> None:
    assert "#go" == eve.asks(commands.Look("#GO")).channel


def test_masks_of_operators_fit_where_people_come_from(ann: Somebody, eve: Somebody) -> None:
    _become_operator(eve)
    assert ["ann"] == _nicks(eve.asks(commands.Look("192.0.2.?")))


def test_one_may_look_for_operators_only(village: Village, ann: Somebody, bob: Somebody) -> None:
    session = village.world.sessions[bob.person.session.me.sid]
    session.profile = Profile("b@b", "", "", "o")
    assert ["bob"] == _nicks(ann.asks(commands.Look("*", operators=True)))


def test_who_is_invisible_is_seen_by_those_who_share_a_channel(
    ann: Somebody, bob: Somebody, eve: Somebody
) -> None:
    ann.does(_modes(ann, "ann", "+i"))
    found = [sorted(_nicks(each.asks(commands.Look("*")))) for each in (ann, bob, eve)]
    everybody = ["ann", "bob", "eve"]
    assert [everybody, everybody, ["bob", "eve"]] == found


def test_who_is_invisible_is_seen_by_operators(ann: Somebody, eve: Somebody) -> None:
    ann.does(_modes(ann, "ann", "+i"))
    _become_operator(eve)
    assert ["ann", "bob", "eve"] == sorted(_nicks(eve.asks(commands.Look("*"))))


def test_who_is_invisible_is_found_by_their_very_nick(ann: Somebody, eve: Somebody) -> None:
    ann.does(_modes(ann, "ann", "+i"))
    assert ["ann"] == _nicks(eve.asks(commands.Look("ann")))


def test_who_is_invisible_is_left_out_of_lists_for_strangers(ann: Somebody, eve: Somebody) -> None:
    ann.does(_modes(ann, "ann", "+i"))
    listed = [present.nick for present in eve.asks(commands.Who()).people]
    named = eve.asks(commands.Names("#go")).roster
    assert (["bob", "eve"], ["bob"], 1) == (listed, named.nicks, named.total)


def test_members_are_named_to_members(ann: Somebody, bob: Somebody) -> None:
    ann.does(_modes(ann, "ann", "+i"))
    assert ["ann", "bob"] == bob.asks(commands.Names("#go")).roster.nicks


def test_some_are_found_by_nick(ann: Somebody, eve: Somebody) -> None:
    found = eve.asks(commands.Find(("BOB", "nobody", "ann"))).persons
    assert [("bob", ""), ("ann", "")] == [(one.nick, one.profile.peer) for one in found]


# -- what one says of oneself


def test_who_is_away_is_shown_to_others_once(ann: Somebody, bob: Somebody) -> None:
    assert [replies.AwaySet("lunch")] == ann.does(commands.SetAway("lunch"))
    assert ([("away", "lunch", "#go")], []) == (bob.altered(), ann.altered())


def test_who_is_away_still_is_no_news(ann: Somebody, bob: Somebody) -> None:
    ann.does(commands.SetAway("lunch"), commands.SetAway("lunch"))
    ann.does(commands.SetAway(None), commands.SetAway(None))
    assert [("away", "lunch", "#go"), ("away", None, "#go")] == bob.altered()


def test_who_comes_and_is_away_is_shown_so(ann: Somebody, bob: Somebody) -> None:
    ann.does(commands.SetAway("lunch"))
    bob.does(commands.Join("#new"))
    _settle(bob)
    ann.does(commands.Join("#new"))
    assert [("away", "lunch", "#new")] == bob.altered()


def test_a_real_name_is_shown_to_all_who_share_a_channel(
    ann: Somebody, bob: Somebody, eve: Somebody
) -> None:
    assert [replies.RealSet("Ann", told=True)] == ann.does(commands.SetReal("Ann"))
    told = [("real", "Ann", "#go")]
    assert (told, told, []) == (ann.altered(), bob.altered(), eve.altered())
    assert "Ann" == bob.asks(commands.Whois("ann")).person.profile.real == ann.profile.real


def test_a_real_name_is_told_also_to_who_is_in_no_channel(village: Village) -> None:
    cat = Somebody(village, "cat", node=0, address="")
    cat.read()
    assert [replies.RealSet("Cat", told=False)] == cat.does(commands.SetReal("Cat"))


@pytest.mark.parametrize("real", ["x" * 151, "a\nb"])
def test_some_real_names_will_not_do(ann: Somebody, real: str) -> None:
    (reply,) = ann.does(commands.SetReal(real))
    assert isinstance(reply, replies.Error)
    assert "" == ann.profile.real


def test_what_all_are_told_may_be_changed_only_so_often(ann: Somebody) -> None:
    rates = {Act.NICKS: Rate(2, 60.0)}
    ann.person.session.allowance = Limits(rates, {}, (), lambda: 0.0).of(ADDRESS)
    told = ann.does(*(commands.SetReal(str(i)) for i in range(3)))
    assert [replies.RealSet, replies.RealSet, replies.Error] == list(map(type, told))


# -- user modes


def test_modes_are_set_and_shown(ann: Somebody) -> None:
    assert [replies.UserModes("ann", "iwx", "+iw")] == ann.does(_modes(ann, "ann", "+i", "+w"))
    assert [replies.UserModes("ann", "wx", "-i")] == ann.does(_modes(ann, "ANN", "-i", "+w"))
    assert [replies.UserModes("ann", "wx")] == ann.does(_modes(ann, "ann"))


def test_unknown_modes_are_told(ann: Somebody) -> None:
    assert [replies.UserModes("ann", "ix", "+i", "qz")] == ann.does(
        _modes(ann, "ann", "+q", "+i", "-z")
    )


def test_nobody_makes_themselves_an_operator(ann: Somebody) -> None:
    assert [replies.UserModes("ann", "x")] == ann.does(_modes(ann, "ann", "+o"))


def test_an_operator_may_become_one_of_many_again(ann: Somebody) -> None:
    _become_operator(ann)
    assert [replies.UserModes("ann", "x", "-o")] == ann.does(_modes(ann, "ann", "-o"))


@pytest.mark.parametrize("nick, code", [("bob", "others-modes"), ("nobody", "no-such-nick")])
def test_others_modes_are_theirs(ann: Somebody, bob: Somebody, nick: str, code: str) -> None:
    (reply,) = ann.does(_modes(ann, nick, "+i"))
    assert isinstance(reply, replies.Error) and (code, nick) == (reply.code, reply.about)


def test_who_takes_the_cloak_off_shows_their_address(ann: Somebody, bob: Somebody) -> None:
    ann.does(_modes(ann, "ann", "-x"))
    told = [("host", f"slash@{ADDRESS}", "#go")]
    assert (told, told) == (ann.altered(), bob.altered())
    members = bob.asks(commands.Names("#go")).roster.members
    assert f"slash@{ADDRESS}" == next(one.by for one in members if one.nick == "ann")


def test_who_puts_the_cloak_on_again_hides_it(ann: Somebody, bob: Somebody) -> None:
    ann.does(_modes(ann, "ann", "-x"), _modes(ann, "ann", "+x"))
    assert f"slash@{CLOAK.host(ADDRESS)}" == bob.altered()[-1][1]


def test_an_address_that_begins_with_a_colon_is_shown_with_a_digit(village: Village) -> None:
    cat = Somebody(village, "cat", node=0, address="::1")
    cat.does(_modes(cat, "cat", "-x"))
    assert "slash@0::1" == cat.profile.by


def test_who_comes_from_no_address_keeps_the_cloak(village: Village) -> None:
    cat = Somebody(village, "cat", node=0, address="")
    cat.does(_modes(cat, "cat", "-x"))
    assert "slash@local.cloak" == cat.profile.by


def test_that_somebody_is_a_bot_is_told(ann: Somebody, bob: Somebody) -> None:
    ann.does(_modes(ann, "ann", "+B"))
    ann.does(_modes(ann, "ann", "-B"))
    assert [("bot", "on", "#go"), ("bot", "", "#go")] == bob.altered()


# -- watching


def test_who_watches_is_told_who_is_there(ann: Somebody, bob: Somebody) -> None:
    told = bob.asks(commands.Watch(("ANN", "zoe", "not a nick")))
    by = f"slash@{CLOAK.host(ADDRESS)}"
    there = [Sighting("ann", ann.person.session.me.sid, by)]
    assert replies.Seen(there, ["zoe", "not a nick"]) == told


def test_who_watches_is_told_when_somebody_comes_and_goes(village: Village, bob: Somebody) -> None:
    bob.asks(commands.Watch(("cat",)))
    cat = Somebody(village, "Cat", node=0, address=ADDRESS)
    (came,) = bob.read()
    cat.does(commands.Quit())
    assert [replies.Seen([], ["Cat"])] == bob.read()
    assert isinstance(came, replies.Seen) and ["Cat"] == [one.nick for one in came.there]


def test_each_who_watches_is_told(village: Village, ann: Somebody, bob: Somebody) -> None:
    for each in ann, bob:
        each.does(commands.Watch(("cat",)))
    ann.does(commands.Unwatch(("CAT",)))
    Somebody(village, "cat", node=0, address=ADDRESS)
    assert ([], 1) == (ann.read(), len(bob.read()))


def test_who_watches_sees_what_those_do_whom_they_share_no_channel_with(
    ann: Somebody, bob: Somebody, eve: Somebody
) -> None:
    for each in bob, eve:
        each.does(commands.Watch(("ann",)))
    ann.does(commands.SetAway("lunch"))
    told = ("away", "lunch")
    assert ([(*told, "#go")], [(*told, "")]) == (bob.altered(), eve.altered())


def test_nobody_is_shown_what_they_do_for_watching_themselves(ann: Somebody) -> None:
    ann.does(commands.Watch(("ann",)))
    ann.does(commands.Leave("#go"), commands.Leave("#zoo"), commands.SetReal("Ann"))
    assert [] == ann.altered()


def test_the_nicks_that_one_watches_are_listed_as_they_were_typed(ann: Somebody) -> None:
    ann.does(commands.Watch(("Bob", "zoe")), commands.Unwatch(("ZOE",)))
    assert replies.Watching(["Bob"]) == ann.asks(commands.Watched())
    ann.does(commands.Unwatch())
    assert replies.Watching([]) == ann.asks(commands.Watched())


def test_one_may_watch_only_so_many(ann: Somebody) -> None:
    nicks = tuple(f"n{i}" for i in range(MOST + 2))
    told = ann.asks(commands.Watch(nicks))
    assert [f"n{MOST}", f"n{MOST + 1}"] == told.refused
    assert MOST == len(ann.asks(commands.Watched()).nicks)
    assert [] == ann.asks(commands.Watch(("n0",))).refused


def test_who_is_gone_watches_nobody(village: Village, ann: Somebody, bob: Somebody) -> None:
    bob.does(commands.Watch(("cat",)))
    bob.does(commands.Quit())
    cat = Somebody(village, "cat", node=0, address=ADDRESS)
    assert [] == bob.read()
    assert "cat" == cat.person.nick


def test_watching_is_refused_while_the_broker_is_away(village: Village, bob: Somebody) -> None:
    village.lose(1)
    bob.read()
    (reply,) = bob.does(commands.Watch(("cat",)))
    assert isinstance(reply, replies.Error)
    village.restore(1)
    bob.read()
    Somebody(village, "cat", node=0, address=ADDRESS)
    assert [] == bob.read()


# -- sessions that are taken up again


def test_who_comes_again_from_elsewhere_is_shown_so(village: Village) -> None:
    first = Somebody(village, "cat", "#go", node=0, address=ADDRESS)
    token = first.asks(commands.Token()).token
    first.person.hang_up()
    again = village.guest(1, address=OTHER)
    again.type(f"/resume {token}")
    profile = again.session.me.profile
    assert (f"slash@{CLOAK.host(OTHER)}", OTHER) == (profile.by, profile.peer)
    assert profile == village.world.sessions[again.session.me.sid].profile


def test_what_one_has_said_of_oneself_is_kept_with_the_session(village: Village) -> None:
    first: Villager = village.person("cat", "#go", node=0)
    first.type("/real Cat")
    (token,) = first.type("/token")
    first.hang_up()
    again = village.guest(1)
    again.type(f"/resume {token.removeprefix('token ')}")
    assert "cat is slash@local.cloak (Cat)" == again.type("/whois cat")[0]
