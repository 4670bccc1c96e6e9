"""`node.core.listening`: who hears a channel without being in it."""

import pytest
from twisted.internet.defer import Deferred

from broker.api import Code, Position, Refused
from broker.events import SCHEMA, Envelope, Said
from broker.memory import Memory, World
from node.core.listening import Heard, Listening, Missing
from tests.support.village import Village


class Slow(Memory):
    """A broker whose answers to who listens wait for their turn."""

    def __init__(self, world: World, node_name: str) -> None:
        super().__init__(world, node_name)
        self.gate: Deferred[None] | None = None

    async def listen(self, channel: str) -> Position:
        tip = await super().listen(channel)
        if self.gate is not None:
            await self.gate
        return tip


class Ear:
    """Somebody who listens to #go on the second of two nodes, and writes down what they hear."""

    def __init__(self, village: Village, after: Position | None = None) -> None:
        self.told: list[Heard | Missing] = []
        self.chat = village.chats[1]
        self.listening = Listening(self.chat.hub, self.chat.broker, "#Go", self.told.append)
        self.begun = Deferred.fromCoroutine(self.listening.begin(after))

    @property
    def texts(self) -> list[str | int | None]:
        return [one.said.text if isinstance(one, Heard) else one.lost for one in self.told]


def village(**bounds: int) -> Village:
    made = Village(2, broker=Slow, bounds=dict(bounds))
    made.person("ann", "#go").type("before")
    return made


def test_what_is_said_is_heard_once_with_its_place() -> None:
    town = village()
    ear = Ear(town)
    town.people[0].type("one", "/me waves", "two")
    assert ["one", "waves", "two"] == ear.texts
    places = [one.at for one in ear.told if isinstance(one, Heard)]
    assert [places[0].seq + i for i in range(3)] == [at.seq for at in places]


def test_who_comes_and_goes_is_not_told() -> None:
    town = village()
    ear = Ear(town)
    town.person("bob", "#go").type("/topic #go news", "/quit")
    assert [] == ear.texts


def test_a_place_is_gone_on_from_without_a_hole_or_a_double() -> None:
    town = village()
    first = Ear(town)
    town.people[0].type("one", "two", "three")
    one = first.told[0]
    assert isinstance(one, Heard)
    again = Ear(town, one.at)
    town.people[0].type("four")
    assert ["two", "three", "four"] == again.texts


def test_what_comes_by_before_it_is_known_where_the_channel_stands_is_heard_once() -> None:
    town = village()
    first = Ear(town)
    town.people[0].type("one")
    one = first.told[0]
    assert isinstance(one, Heard)
    broker = town.brokers[1]
    assert isinstance(broker, Slow)
    broker.gate = Deferred()
    again = Ear(town, one.at)
    town.people[0].type("two", "three")
    assert [] == again.texts
    broker.gate.callback(None)
    town.people[0].type("four")
    assert ["two", "three", "four"] == again.texts


def test_what_the_log_has_no_more_is_told_as_missing() -> None:
    town = village(history_lines=2)
    first = Ear(town)
    town.people[0].type(*"12345")
    one = first.told[0]
    assert isinstance(one, Heard)
    assert [2, "4", "5"] == Ear(town, one.at).texts


def test_a_place_of_a_log_that_began_anew_is_told_as_missing() -> None:
    town = village()
    ear = Ear(town, Position("other", 7))
    assert [None, "before"] == ear.texts


def test_what_is_said_in_an_outage_is_heard_after_it() -> None:
    town = village()
    ear = Ear(town)
    town.lose(1)
    town.people[0].type("meanwhile")
    town.restore(1)
    town.people[0].type("after")
    assert ["meanwhile", "after"] == ear.texts


@pytest.mark.parametrize("epoch", ["other", ""], ids=["begun anew", "gone back"])
def test_where_the_log_lost_what_was_told_that_is_told_and_what_comes_then_is_heard(
    epoch: str,
) -> None:
    town = village()
    ear = Ear(town)
    town.people[0].type("one")
    one = ear.told[0]
    assert isinstance(one, Heard)
    ear.chat.gap("#go", None)
    said = Said("sid", 1, "ann", "again")
    ear.chat.events(Envelope(SCHEMA, "#go", epoch or one.at.epoch, one.at.seq, 0, [said]))
    assert ["one", None, "again"] == ear.texts


def test_a_failover_is_survived() -> None:
    town = village()
    ear = Ear(town)
    town.people[0].type("one")
    town.world.fall_behind()
    town.people[0].type("two")
    town.world.fail_over(*town.brokers)
    for node in range(2):
        town.restore(node)
    town.people[0].type("three")
    assert ["one", "two", "three"] == ear.texts


def test_where_there_is_no_channel_nobody_listens_and_nothing_is_left() -> None:
    town = Village(2)
    told: list[object] = []
    hub = town.chats[1].hub
    listening = Listening(hub, town.brokers[1], "#nowhere", told.append)
    codes: list[Code] = []

    def refused(failure: object) -> None:
        assert isinstance(failure.value, Refused)  # type: ignore[attr-defined]
        codes.append(failure.value.code)  # type: ignore[attr-defined]

    Deferred.fromCoroutine(listening.begin(None)).addErrback(refused)
    assert ([Code.NO_SUCH_CHANNEL], 0) == (codes, len(hub))


def test_who_listens_no_more_hears_nothing_and_the_channel_is_left() -> None:
    town = village()
    ear = Ear(town)
    ear.listening.end()
    town.people[0].type("one")
    assert ([], 0) == (ear.texts, len(ear.chat.hub))


def test_members_hear_what_listeners_do() -> None:
    town = village()
    ear = Ear(town)
    bob = town.person("bob", "#go", node=1)
    town.people[0].type("one")
    ear.listening.end()
    town.people[0].type("two")
    assert (["one"], ["[#go] <ann> one", "[#go] <ann> two"]) == (ear.texts, bob.read())


def test_a_member_who_joins_where_somebody_listens_reads_what_is_theirs() -> None:
    town = village()
    Ear(town)
    town.people[0].type("one")
    bob = town.guest(1)
    bob.type("/join #go")
    town.people[0].type("two")
    assert ["[#go] <ann> two"] == bob.read()
