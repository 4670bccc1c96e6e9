"""`node.core.hub`: memberships begin and end at a place in the log, and each sees their part."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from broker.api import Arrival, Identity, Member, Position, Roster, Topic
from broker.events import (
    Envelope,
    Event,
    Extra,
    Joined,
    Kicked,
    Left,
    Quit,
    Renamed,
    Ruled,
    Said,
    Told,
    TopicSet,
)
from node.core.dialect import Place
from node.core.hub import Hub
from node.core.replies import Pong, Welcome
from node.core.session import Session, Waiting
from node.dialects.slash import Slash
from tests.support.village import Screen, Screens

NOON = 43_200_000


class Counting(Slash):
    """Counts how often it renders."""

    def __init__(self, options: Iterable[str] = ()) -> None:
        super().__init__(frozenset(options))
        self.rendered = 0

    def render(self, event: Event, place: Place) -> bytes:
        self.rendered += 1
        return super().render(event, place)

    def speak(self, events: Sequence[Said], places: Sequence[Place]) -> list[bytes]:
        return list(map(self.render, events, places))


class Hall:
    """A hub, its logs, and people who are in channels without having joined them."""

    def __init__(self) -> None:
        self.unfollowed: list[str] = []
        self.outbox = Screens()
        self.hub = Hub(self.outbox, self.unfollowed.append)
        self.dialect = Counting()
        self.tips: Counter[str] = Counter()
        self.epoch = "e"
        self._nums = count(1)

    def come(self, nick: str, *channels: str, dialect: Slash | None = None) -> Session:
        """Somebody who reads from here on. Their sid is their nick."""
        me = Identity(nick, "token", nick)
        session = Session(me, dialect or self.dialect, Screen())
        self.hub.sessions[nick] = session
        for channel in channels:
            self.hub.expect(channel)
            self.arrive(session, channel)
        read(session)
        return session

    def arrive(
        self,
        session: Session,
        channel: str,
        since: int | None = None,
        *,
        announced: bool = False,
        quiet: bool = False,
    ) -> None:
        """A join that was expected is answered; `since`: the place, or else the tip."""
        at = Position("e", self.tips[channel] if since is None else since)
        arrival = Arrival(at, Roster(channel, [], 0), Topic("", "", 0), [], announced)
        self.hub.arrive(session, channel, arrival, quiet)

    def log(self, channel: str, *events: Event) -> None:
        """Events come by in one envelope, at the next places of a log."""
        seq = self.tips[channel] + 1
        self.tips[channel] += len(events)
        self.hub.events(Envelope(1, channel, self.epoch, seq, NOON, list(events)))

    def say(self, channel: str, nick: str, *texts: str) -> None:
        self.log(channel, *(Said(nick, next(self._nums), nick, text) for text in texts))


def read(session: Session) -> list[str]:
    """What a session was shown since the last time."""
    assert isinstance(session.connection, Screen)
    return session.connection.read()


def quits(nick: str, *channels: str, num: int = 1000) -> Quit:
    return Quit(nick, num, nick, "", channels)


def renames(nick: str, new: str, *channels: str, num: int = 1000) -> Renamed:
    return Renamed(nick, num, nick, new, channels)


@pytest.fixture
def hall() -> Hall:
    return Hall()


# -- lines


def test_a_line_is_shown_to_all_members_but_its_author(hall: Hall) -> None:
    alice, bob, carol = (hall.come(nick, "#go") for nick in ("alice", "bob", "carol"))
    hall.say("#go", "alice", "hello")
    expected = ["[#go] <alice> hello"]
    assert ([], expected, expected) == (read(alice), read(bob), read(carol))


def test_a_line_of_another_node_is_shown_to_all_members(hall: Hall) -> None:
    alice = hall.come("alice", "#go")
    hall.say("#go", "far", "hello")
    assert ["[#go] <far> hello"] == read(alice)


def test_a_line_is_not_shown_to_others(hall: Hall) -> None:
    eve = hall.come("eve", "#elsewhere")
    hall.come("alice", "#go")
    hall.say("#go", "far", "hello")
    assert [] == read(eve)


def test_authors_read_the_lines_of_others_in_an_envelope(hall: Hall) -> None:
    alice, bob = hall.come("alice", "#go"), hall.come("bob", "#go")
    hall.log("#go", Said("alice", 1, "alice", "a"), Said("bob", 1, "bob", "b"))
    assert (["[#go] <bob> b"], ["[#go] <alice> a"]) == (read(alice), read(bob))


def test_authors_who_asked_for_it_read_their_own_lines(hall: Hall) -> None:
    alice = hall.come("alice", "#go", dialect=hall.dialect.option("echo", on=True))
    hall.say("#go", "alice", "hello")
    assert ["[#go] <alice> hello"] == read(alice)


def test_an_author_among_other_events_does_not_read_their_own_lines(hall: Hall) -> None:
    alice = hall.come("alice", "#go")
    hall.log("#go", Said("alice", 1, "alice", "a"), Joined("far", 1, "far"))
    assert ["far has joined the channel #go"] == read(alice)


def test_a_line_is_rendered_once_for_each_kind_of_listener(hall: Hall) -> None:
    loud = Counting(["time"])
    for i in range(10):
        hall.come(f"p{i}", "#go", dialect=loud if i % 2 else hall.dialect)
    hall.say("#go", "far", "hello")
    assert (1, 1) == (hall.dialect.rendered, loud.rendered)


def test_a_notice_is_rendered_once_for_all_and_not_shown_to_its_author(hall: Hall) -> None:
    people = [hall.come(nick, "#go") for nick in ("ann", "bob", "cat")]
    hall.log("#go", Said("ann", 1, "ann", "psst", extra=Extra(notice=True)))
    shown = [read(one) for one in people]
    assert ([[], shown[1], shown[1]], 1) == (shown, hall.dialect.rendered)
    assert shown[1]


def test_who_says_something_from_outside_has_said_it(hall: Hall) -> None:
    ann, bob = hall.come("ann"), hall.come("bob", "#go")
    hall.log("#go", Said("ann", 7, "ann", "hi", extra=Extra(outside=True)))
    assert (7, [], ["[#go] <ann> hi"]) == (ann.seen, read(ann), read(bob))


def test_kinds_that_read_the_same_share_a_rendering(hall: Hall) -> None:
    quiet, loud = Counting(), Counting(["echo"])
    loud.speech = quiet.speech
    ann = hall.come("ann", "#go", dialect=loud)
    bob = hall.come("bob", "#go", dialect=quiet)
    hall.say("#go", "ann", "hi")
    rendered = quiet.rendered + loud.rendered
    assert (["[#go] <ann> hi"], ["[#go] <ann> hi"], 1) == (read(ann), read(bob), rendered)


def test_authors_of_one_envelope_read_each_other_in_order(hall: Hall) -> None:
    ann, bob = hall.come("ann", "#go"), hall.come("bob", "#go")
    said = [("ann", "1"), ("bob", "2"), ("ann", "3"), ("bob", "4")]
    hall.log("#go", *(Said(nick, i, nick, text) for i, (nick, text) in enumerate(said, 1)))
    expected = ["[#go] <bob> 2", "[#go] <bob> 4"], ["[#go] <ann> 1", "[#go] <ann> 3"]
    assert expected == (read(ann), read(bob))


def test_the_lines_of_an_envelope_are_put_at_once(hall: Hall) -> None:
    for i in range(10):
        hall.come(f"p{i}", "#go")
    hall.outbox.puts = 0
    hall.say("#go", "far", *"abcdefgh")
    assert 1 == hall.outbox.puts


def test_who_becomes_another_kind_of_listener_reads_on_as_such(hall: Hall) -> None:
    alice = hall.come("alice", "#go", "#two")
    hall.hub.listen_as(alice, hall.dialect.option("time", on=True))
    hall.say("#go", "far", "hello")
    hall.say("#two", "far", "hello")
    assert ["12:00 [#go] <far> hello", "12:00 [#two] <far> hello"] == read(alice)


def test_a_private_message_is_shown_to_the_session_it_was_for(hall: Hall) -> None:
    alice, bob = hall.come("alice"), hall.come("bob")
    hall.log("alice", Told("far", 1, "far", "psst", "alice"))
    assert (["[private] <far> psst"], []) == (read(alice), read(bob))


def test_a_private_message_for_a_former_holder_of_a_nick_is_shown_to_nobody(hall: Hall) -> None:
    alice = hall.come("alice")
    hall.log("alice", Told("far", 1, "far", "psst", "somebody before"))
    assert [] == read(alice)


# -- coming and going


def test_who_arrives_reads_what_follows_their_place(hall: Hall) -> None:
    hall.come("bob", "#go")
    hall.say("#go", "far", "before")
    alice = hall.come("alice", "#go")
    hall.say("#go", "far", "after")
    assert ["[#go] <far> after"] == read(alice)


def test_what_came_by_before_the_answer_is_played_back_from_the_place(hall: Hall) -> None:
    hall.come("bob", "#go")
    alice = hall.come("alice")
    hall.hub.expect("#go")
    hall.say("#go", "far", "one", "two")
    hall.say("#go", "far", "three")
    hall.arrive(alice, "#go", 1)
    assert ["[#go] <far> two", "[#go] <far> three"] == read(alice)


def test_what_was_played_back_to_one_is_not_shown_to_others_again(hall: Hall) -> None:
    bob, alice = hall.come("bob", "#go"), hall.come("alice")
    hall.hub.expect("#go")
    hall.say("#go", "far", "one")
    hall.arrive(alice, "#go", 0)
    assert ["[#go] <far> one"] == read(bob)


def test_who_arrives_ahead_of_the_log_reads_nothing_before_their_place(hall: Hall) -> None:
    hall.come("bob", "#go")
    alice = hall.come("alice")
    hall.hub.expect("#go")
    hall.arrive(alice, "#go", 2)
    hall.say("#go", "far", "one")
    hall.say("#go", "far", "two", "three")
    hall.say("#go", "far", "four")
    assert ["[#go] <far> three", "[#go] <far> four"] == read(alice)


def test_one_reads_of_ones_own_joining_and_then_what_is_there(hall: Hall) -> None:
    alice = hall.come("alice")
    hall.hub.expect("#go")
    hall.log("#go", Joined("alice", 1, "alice"))
    alice.welcome = Welcome(
        "#go", Position("e", 0), Roster("#go", [Member("alice")], 1), Topic("", "", 0), []
    )
    hall.arrive(alice, "#go", 0, announced=True)
    hall.say("#go", "far", "hello")
    expected = ["alice has joined the channel #go", "in #go (1): alice", "[#go] <far> hello"]
    assert expected == read(alice)


def test_who_comes_unannounced_reads_at_once_what_is_there(hall: Hall) -> None:
    alice = hall.come("alice")
    hall.hub.expect("#go")
    alice.welcome = Welcome(
        "#go", Position("e", 0), Roster("#go", [Member("alice")], 1), Topic("", "", 0), []
    )
    hall.arrive(alice, "#go", 0, announced=False, quiet=True)
    assert ["in #go (1): alice"] == read(alice)


def test_several_may_be_on_their_way_at_once(hall: Hall) -> None:
    people = [hall.come(nick) for nick in ("alice", "bob", "carol")]
    for _ in people:
        hall.hub.expect("#go")
    for i, session in enumerate(people):
        hall.say("#go", "far", f"line {i + 1}")
        hall.arrive(session, "#go", i)
    hall.say("#go", "far", "end")
    read_by_all = [[line[-1] for line in read(session)] for session in people]
    assert [["1", "2", "3", "d"], ["2", "3", "d"], ["3", "d"]] == read_by_all


def test_nothing_is_kept_when_nobody_is_on_their_way(hall: Hall) -> None:
    hall.come("bob", "#go")
    alice = hall.come("alice")
    hall.hub.expect("#go")
    hall.say("#go", "far", "one")
    hall.arrive(alice, "#go")
    hall.say("#go", "far", "two")
    assert [] == hall.hub._channels["#go"].recorded


def test_who_leaves_reads_of_it_and_nothing_after(hall: Hall) -> None:
    alice, bob = hall.come("alice", "#go"), hall.come("bob", "#go")
    hall.log("#go", Left("alice", 1, "alice", "bye"), Said("far", 2, "far", "hello"))
    expected = ["alice has left the channel #go (bye)"]
    assert (expected, [*expected, "[#go] <far> hello"]) == (read(alice), read(bob))


def test_a_channel_is_unfollowed_after_its_last_listener(hall: Hall) -> None:
    hall.come("alice", "#go")
    hall.come("bob", "#go")
    hall.log("#go", Left("alice", 1, "alice", ""))
    before = list(hall.unfollowed)
    hall.log("#go", Left("bob", 1, "bob", ""))
    assert ([], ["#go"]) == (before, hall.unfollowed)


def test_a_channel_is_followed_while_somebody_is_on_their_way(hall: Hall) -> None:
    hall.come("alice", "#go")
    hall.hub.expect("#go")
    hall.log("#go", Left("alice", 1, "alice", ""))
    before = list(hall.unfollowed)
    hall.hub.give_up("#go")
    assert ([], ["#go"]) == (before, hall.unfollowed)


def test_who_was_gone_before_the_answer_is_in_nothing(hall: Hall) -> None:
    alice = hall.come("alice")
    hall.hub.expect("#go")
    alice.gone = True
    hall.arrive(alice, "#go", 0)
    assert ({}, ["#go"]) == (alice.channels, hall.unfollowed)


def test_who_is_gone_is_in_nothing_and_shown_nothing(hall: Hall) -> None:
    alice = hall.come("alice", "#go", "#two")
    hall.hub.leave_all(alice)
    hall.say("#go", "far", "hello")
    assert ([], {}, {}) == (read(alice), alice.channels, hall.hub.sessions)
    assert ["#go", "#two"] == hall.unfollowed


def test_a_channel_is_called_as_it_was_first_spelled(hall: Hall) -> None:
    alice = hall.come("alice")
    hall.hub.expect("#go")
    arrival = Arrival(Position("e", 0), Roster("#Go", [], 0), Topic("", "", 0), [], False)
    hall.hub.arrive(alice, "#go", arrival, quiet=False)
    hall.say("#go", "far", "hello")
    assert (["[#Go] <far> hello"], "#Go") == (read(alice), hall.hub.spelled("#go"))


def kicks(nick: str, target: str) -> Kicked:
    return Kicked(nick, 1, nick, target, target)


def rules(*statuses: tuple[str, str]) -> Ruled:
    return Ruled("far", 1, "far", 1, (("+o", "x"),), statuses)


def test_who_is_kicked_reads_of_it_and_nothing_after(hall: Hall) -> None:
    alice, bob = hall.come("alice", "#two", "#go"), hall.come("bob", "#go")
    alice.current = "#go"
    hall.log("#go", kicks("far", "alice"), Said("far", 2, "far", "hello"))
    expected = ["far has kicked alice out of the channel #go"]
    assert (expected, [*expected, "[#go] <far> hello"]) == (read(alice), read(bob))
    assert (["#two"], "#two") == (list(alice.channels), alice.current)


def test_who_is_kicked_before_their_join_is_answered_is_in_nothing(hall: Hall) -> None:
    alice = hall.come("alice")
    hall.hub.expect("#go")
    hall.log("#go", Joined("alice", 1, "alice"), kicks("far", "alice"))
    hall.say("#go", "far", "hello")
    hall.arrive(alice, "#go", 0, announced=True)
    hall.say("#go", "far", "again")
    expected = [
        "alice has joined the channel #go",
        "far has kicked alice out of the channel #go",
    ]
    assert (expected, {}, ["#go"]) == (read(alice), alice.channels, hall.unfollowed)


def test_a_kick_before_ones_place_means_somebody_who_was_there_then(hall: Hall) -> None:
    hall.come("bob", "#go")
    alice = hall.come("alice")
    hall.hub.expect("#go")
    hall.arrive(alice, "#go", 1)
    hall.log("#go", kicks("far", "alice"))
    hall.say("#go", "far", "hello")
    assert ["[#go] <far> hello"] == read(alice)


def test_a_status_is_what_the_last_event_of_ones_part_says(hall: Hall) -> None:
    bob = hall.come("bob", "#go")
    alice = hall.come("alice")
    hall.hub.expect("#go")
    hall.log("#go", rules(("alice", "v"), ("bob", "h")))
    hall.log("#go", rules(("alice", "o")))
    hall.arrive(alice, "#go", 1)
    assert ("o", "h") == (alice.channels["#go"].status, bob.channels["#go"].status)
    hall.log("#go", rules(("bob", "")))
    assert ("o", "") == (alice.channels["#go"].status, bob.channels["#go"].status)


def test_a_line_for_some_is_shown_to_those_with_the_status_or_a_higher(hall: Hall) -> None:
    people = [hall.come(nick, "#go", dialect=Counting(["echo"])) for nick in "abcd"]
    hall.log("#go", rules(("a", "o"), ("b", "hv"), ("c", "v")))
    for session in people:
        read(session)
    hall.log("#go", Said("d", 1, "d", "psst", extra=Extra(rank="h")))
    expected = ["[#go] <d> psst"]
    assert [expected, expected, [], expected] == [read(session) for session in people]


def test_a_topic_is_shown_to_its_author_too(hall: Hall) -> None:
    alice = hall.come("alice", "#go")
    hall.log("#go", TopicSet("alice", 1, "alice", "all about Go"))
    assert ["alice has set the topic of #go to all about Go"] == read(alice)


def test_who_waits_for_their_own_event_is_woken_by_it(hall: Hall) -> None:
    alice = hall.come("alice", "#go")
    shown: Deferred[None] = Deferred()
    alice.waiting = Waiting(2, shown)
    hall.log("#go", TopicSet("alice", 1, "alice", "one"))
    before = shown.called
    hall.log("#go", TopicSet("alice", 2, "alice", "two"))
    assert (False, True) == (before, shown.called)


def test_who_waits_for_their_own_event_is_woken_by_a_gap(hall: Hall) -> None:
    alice = hall.come("alice", "#go")
    shown: Deferred[None] = Deferred()
    alice.me.num = 1
    alice.waiting = Waiting(1, shown)
    hall.hub.gap("#go", 3)
    assert shown.called


# -- quits and nick changes, over several channels


@pytest.mark.parametrize("made", [quits("far", "#a", "#b", "#c"), renames("far", "x", "#a", "#b")])
def test_what_stands_in_several_logs_is_shown_once(hall: Hall, made: Quit | Renamed) -> None:
    alice = hall.come("alice", "#a", "#b", "#c")
    for channel in made.channels:
        hall.log(channel, made)
    assert 1 == len(read(alice))


def test_it_is_shown_for_the_first_channel_that_they_share(hall: Hall) -> None:
    alice, bob, carol = hall.come("alice", "#a"), hall.come("bob", "#b"), hall.come("carol", "#c")
    made = quits("far", "#a", "#b")
    hall.log("#a", made)
    hall.log("#b", made)
    expected = ["far has quit"]
    assert (expected, expected, []) == (read(alice), read(bob), read(carol))


def test_it_is_shown_once_whatever_log_comes_first(hall: Hall) -> None:
    alice = hall.come("alice", "#a", "#b")
    made = quits("far", "#a", "#b")
    hall.log("#b", made)
    hall.log("#a", made)
    assert ["far has quit"] == read(alice)


def test_two_changes_of_one_person_are_two(hall: Hall) -> None:
    alice = hall.come("alice", "#a", "#b")
    one, two = renames("far", "x", "#a", "#b", num=1), renames("far", "y", "#a", "#b", num=2)
    for channel in ("#a", "#b"):
        hall.log(channel, one, two)
    assert ["far is changing nick to x", "far is changing nick to y"] == read(alice)


def test_a_nick_change_is_shown_once_to_its_author(hall: Hall) -> None:
    alice = hall.come("alice", "#a", "#b")
    made = renames("alice", "alicia", "#a", "#b")
    hall.log("#a", made)
    hall.log("#b", made)
    assert ["alice is changing nick to alicia"] == read(alice)


def test_who_left_a_channel_before_it_came_there_is_shown_it_in_another(hall: Hall) -> None:
    alice = hall.come("alice", "#a", "#b")
    made = quits("far", "#a", "#b")
    hall.log("#a", Left("alice", 1, "alice", ""))
    read(alice)
    hall.log("#a", made)
    hall.log("#b", made)
    assert ["far has quit"] == read(alice)


def test_who_left_a_channel_after_it_came_there_is_not_shown_it_again(hall: Hall) -> None:
    alice = hall.come("alice", "#a", "#b")
    made = quits("far", "#a", "#b")
    hall.log("#a", made, Left("alice", 1, "alice", ""))
    read(alice)
    hall.log("#b", made)
    assert [] == read(alice)


def test_who_left_the_channel_just_before_it_is_shown_it_in_another(hall: Hall) -> None:
    alice, _ = hall.come("alice", "#a", "#b"), hall.come("bob", "#a")
    made = quits("far", "#a", "#b")
    hall.log("#a", Left("alice", 1, "alice", ""), made)
    hall.log("#b", made)
    assert ["alice has left the channel #a", "far has quit"] == read(alice)


def test_who_joins_another_of_its_channels_in_between_is_not_shown_it_again(hall: Hall) -> None:
    alice = hall.come("alice", "#a")
    made = quits("far", "#a", "#b")
    hall.log("#a", made)
    hall.hub.expect("#b")
    hall.arrive(alice, "#b")
    read(alice)
    hall.log("#b", made)
    assert [] == read(alice)


@pytest.mark.parametrize("first, second", [("#a", "#b"), ("#b", "#a")])
def test_who_is_on_the_way_into_another_of_its_channels_is_shown_it_once(
    hall: Hall, first: str, second: str
) -> None:
    alice = hall.come("alice", "#a")
    hall.hub.expect("#b")
    made = quits("far", "#a", "#b")
    hall.log(first, made)
    hall.log(second, made)
    hall.arrive(alice, "#b", 0)
    assert ["far has quit"] == read(alice)


def test_who_came_after_it_is_not_shown_it(hall: Hall) -> None:
    hall.come("bob", "#a", "#b")
    made = quits("far", "#a", "#b")
    hall.log("#a", made)
    alice = hall.come("alice", "#a")
    assert [] == read(alice)


def test_who_came_to_one_channel_after_it_is_shown_it_in_another(hall: Hall) -> None:
    hall.come("bob", "#a", "#b")
    made = quits("far", "#a", "#b")
    hall.log("#a", made)
    alice = hall.come("alice", "#a", "#b")
    hall.log("#b", made)
    assert ["far has quit"] == read(alice)


def test_who_comes_back_to_a_channel_has_seen_what_they_saw_there(hall: Hall) -> None:
    alice = hall.come("alice", "#a", "#b")
    hall.come("bob", "#a")
    made = quits("far", "#a", "#b")
    hall.log("#a", made, Left("alice", 1, "alice", ""))
    hall.hub.expect("#a")
    hall.arrive(alice, "#a")
    read(alice)
    hall.log("#b", made)
    assert [] == read(alice)


def test_people_who_are_still_here_do_not_read_their_own_quit(hall: Hall) -> None:
    alice, bob = hall.come("alice", "#a"), hall.come("bob", "#a")
    hall.log("#a", quits("alice", "#a"))
    assert ([], ["alice has quit"]) == (read(alice), read(bob))


def test_people_whom_others_saw_quit_still_wait_for_their_own_events(hall: Hall) -> None:
    """A sweeper's quit has a number that says nothing about the commands of those it's about."""
    alice = hall.come("alice", "#a")
    shown: Deferred[None] = Deferred()
    hall.log("#a", quits("alice", "#a", num=4_000_000_000))
    alice.waiting = Waiting(2, shown)
    hall.log("#a", TopicSet("alice", 1, "alice", "one"))
    assert (1, False) == (alice.seen, shown.called)


def test_it_is_shown_once_after_the_log_began_anew(hall: Hall) -> None:
    alice = hall.come("alice")
    hall.tips.update({"#a": 100, "#b": 100})
    for channel in ("#a", "#b"):
        hall.hub.expect(channel)
        hall.arrive(alice, channel)
        hall.hub.gap(channel, None)
    hall.tips.clear()
    read(alice)
    made = quits("far", "#a", "#b")
    hall.log("#a", made)
    hall.log("#b", made)
    assert ["far has quit"] == read(alice)


def test_what_was_shown_is_not_remembered_for_ever(hall: Hall) -> None:
    hall.come("alice", "#a")
    for num in range(20_000):
        hall.log("#a", quits(f"far{num}", "#a", "#elsewhere", num=num))
    assert len(hall.hub._shown) <= 16_384


@given(
    st.lists(
        st.sampled_from(["#a", "#b", "#c"]).flatmap(
            lambda name: st.sampled_from([("in", name), ("out", name), ("log", name)])
        ),
        max_size=24,
    )
)
def test_whatever_is_joined_and_left_meanwhile_it_is_shown_at_most_once_and_if_seen(
    steps: list[tuple[str, str]],
) -> None:
    hall = Hall()
    hall.come("watcher", "#a", "#b", "#c")
    alice = hall.come("alice", "#a")
    made = quits("far", "#a", "#b", "#c")
    to_come = set(made.channels)
    seen = False
    for what, name in steps:
        if what == "in" and name not in alice.channels:
            hall.hub.expect(name)
            hall.arrive(alice, name)
        elif what == "out" and name in alice.channels:
            hall.log(name, Left("alice", 1, "alice", ""))
        elif what == "log" and name in to_come:
            to_come.remove(name)
            seen = seen or name in alice.channels
            hall.log(name, made)
    assert int(seen) == read(alice).count("far has quit")


# -- gaps


def test_a_gap_is_told_to_all_members(hall: Hall) -> None:
    alice, bob, eve = hall.come("alice", "#go"), hall.come("bob", "#go"), hall.come("eve", "#x")
    hall.hub.gap("#go", 12)
    expected = ["gap: 12 messages of #go are lost"]
    assert (expected, expected, []) == (read(alice), read(bob), read(eve))


def test_a_gap_in_an_inbox_is_told_to_its_holder(hall: Hall) -> None:
    alice, bob = hall.come("Alice"), hall.come("bob")
    hall.hub.gap("alice", 2)
    assert (["gap: 2 private messages are lost"], []) == (read(alice), read(bob))


def test_after_a_gap_people_read_on(hall: Hall) -> None:
    alice = hall.come("alice", "#go")
    hall.hub.gap("#go", 12)
    hall.tips["#go"] += 12
    hall.say("#go", "far", "hello")
    assert "[#go] <far> hello" == read(alice)[-1]


def test_after_a_log_began_anew_people_on_their_way_read_on(hall: Hall) -> None:
    hall.come("bob", "#go")
    alice = hall.come("alice")
    hall.hub.expect("#go")
    hall.arrive(alice, "#go", 50)
    hall.hub.gap("#go", None)
    hall.say("#go", "far", "hello")
    assert "[#go] <far> hello" == read(alice)[-1]


def test_a_log_that_goes_on_under_another_epoch_is_read_on(hall: Hall) -> None:
    alice = hall.come("alice", "#go")
    hall.hub.continued("#go", "e2", None)
    hall.say("#go", "far", "hello")
    assert ["[#go] <far> hello"] == read(alice)


def test_what_stands_in_two_logs_is_shown_once_though_one_went_on_in_between(hall: Hall) -> None:
    alice = hall.come("alice", "#a", "#b")
    hall.log("#a", quits("far", "#a", "#b"))
    for channel in ("#a", "#b"):
        hall.hub.continued(channel, "e2", None)
    hall.epoch = "e2"
    hall.log("#b", quits("far", "#a", "#b"))
    assert ["far has quit"] == read(alice)


def test_who_is_on_their_way_while_a_log_goes_on_reads_from_their_place(hall: Hall) -> None:
    hall.come("bob", "#go")
    alice = hall.come("alice")
    hall.hub.expect("#go")
    hall.say("#go", "far", "one", "two")
    hall.hub.continued("#go", "e2", None)
    hall.arrive(alice, "#go", 1)
    assert ["[#go] <far> two"] == read(alice)


def test_another_order_is_told_to_all_members(hall: Hall) -> None:
    alice, eve = hall.come("alice", "#go"), hall.come("eve", "#x")
    hall.hub.continued("#go", "e2", NOON)
    hall.epoch = "e2"
    hall.say("#go", "far", "hello")
    expected = ["gap: the order of #go before 12:00 may differ", "[#go] <far> hello"]
    assert (expected, []) == (read(alice), read(eve))


def test_another_order_in_an_inbox_is_told_to_its_holder(hall: Hall) -> None:
    alice, bob = hall.come("Alice"), hall.come("bob")
    hall.hub.continued("alice", "e2", NOON)
    hall.hub.continued("bob", "e2", None)
    expected = ["gap: the order of private messages before 12:00 may differ"]
    assert (expected, []) == (read(alice), read(bob))


def test_who_waits_for_their_own_event_is_woken_when_the_order_differs(hall: Hall) -> None:
    alice = hall.come("alice", "#go")
    alice.me.num = 5
    woken: Deferred[None] = Deferred()
    alice.waiting = Waiting(5, woken)
    hall.hub.continued("#go", "e2", NOON)
    assert woken.called


def test_lines_from_before_a_log_began_anew_are_not_played_back(hall: Hall) -> None:
    hall.come("bob", "#go")
    alice = hall.come("alice")
    hall.hub.expect("#go")
    hall.say("#go", "far", "of old")
    hall.hub.gap("#go", None)
    hall.tips.clear()
    hall.say("#go", "far", "of late")
    hall.arrive(alice, "#go", 0)
    assert ["[#go] <far> of late"] == read(alice)


def test_a_reply_is_for_one_session_only(hall: Hall) -> None:
    alice, bob = hall.come("alice", "#go"), hall.come("bob", "#go")
    hall.hub.reply(alice, Pong("1"))
    assert (["pong 1"], []) == (read(alice), read(bob))


def test_what_is_played_back_to_one_happens_to_nobody_else_again() -> None:
    """Xen has left and come again while Yan's join waited for its answer."""
    hall = Hall()
    xen, yan = hall.come("xen"), hall.come("yan")
    hub = hall.hub

    def events(seq: int, event: Event) -> None:
        hub.events(Envelope(1, "#go", "e", seq, NOON, [event]))

    def arrive(session: Session, seq: int) -> None:
        arrival = Arrival(Position("e", seq), Roster("#go", [], 1), Topic("", "", 0), [], True)
        hub.arrive(session, "#go", arrival, False)

    hub.expect("#go")
    events(1, Joined("xen", 1, "xen"))
    arrive(xen, 0)
    hub.expect("#go")
    events(2, Joined("yan", 1, "yan"))
    events(3, Left("xen", 2, "xen", ""))
    hub.expect("#go")
    events(4, Joined("xen", 3, "xen"))
    arrive(xen, 3)
    arrive(yan, 1)
    assert "#go" in xen.channels
