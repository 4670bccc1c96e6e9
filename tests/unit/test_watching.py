"""`broker.watching`: what is told of watched nicks, whatever comes between question and answer.

Redis is played: the test says when a question is answered, and what is published meanwhile.
"""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
import pytest
from twisted.internet.defer import Deferred

from broker.api import Identity, Profile, Sighting
from broker.events import Altered
from broker.keys import Keys
from broker.people import Holder, People
from broker.profiles import came, told, went
from broker.store import Store
from broker.watching import Watching
from tests.support.sinks import AlteredThere, Record, Watched

ANN = Identity("s1", "t", "ann", profile=Profile("ann@host"))
OTHER = Identity("s2", "t", "Ann", profile=Profile("other@host"))


def _holder(me: Identity, *, retained: bool = False) -> Holder:
    return Holder(me.nick, me.sid, me.profile.by, retained)


class Played:
    """Stands for `People`, and for the link."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], Deferred[list[Holder | None]]]] = []
        self.topics: list[str] = []

    async def holders(self, nicks: Sequence[str]) -> list[Holder | None]:
        answer: Deferred[list[Holder | None]] = Deferred()
        self.asked.append((list(nicks), answer))
        return await answer

    def answer(self, *holders: Holder | None) -> list[str]:
        """Answer the oldest question; which nicks it was about."""
        nicks, answer = self.asked.pop(0)
        answer.callback(list(holders))
        return nicks

    def subscribe(self, topic: str) -> None:
        self.topics.append(topic)

    def unsubscribe(self, topic: str) -> None:
        self.topics.remove(topic)


class Scene:
    """A node that watches."""

    def __init__(self) -> None:
        self.redis = Played()
        self.sink = Record()
        store = Store.__new__(Store)
        store.keys, store.link = Keys("test"), cast(Any, self.redis)
        self.watching = Watching(store, cast(People, self.redis))
        self.watching.sink = self.sink

    def begin(self, work: Any) -> list[Any]:
        """Begin something; its result will be in the list."""
        results: list[Any] = []
        Deferred.fromCoroutine(work).addCallback(results.append)
        return results

    def watches(self, holder: Holder | None) -> None:
        """The nick ann is watched, and has this holder."""
        self.begin(self.watching.watch(["ann"]))
        self.redis.answer(holder)

    def hear(self, published: bytes) -> None:
        """Something was published that this node hears."""
        kind, _, about = msgspec.json.decode(published)[2].partition(" ")
        assert self.watching.heard(kind, about)

    def looks(self, holder: Holder | None) -> None:
        """It asks anew."""
        self.begin(self.watching.look())
        self.redis.answer(holder)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_topic_is_heard_before_it_is_asked_who_is_there(scene: Scene) -> None:
    scene.begin(scene.watching.watch(["Ann"]))
    assert ["test:1:{n:ann}:watch"] == scene.redis.topics
    assert 1 == len(scene.redis.asked)


def test_the_answer_is_the_askers_and_nobody_elses(scene: Scene) -> None:
    found = scene.begin(scene.watching.watch(["ann"]))
    scene.redis.answer(_holder(ANN))
    assert ([[Sighting("ann", "s1", "ann@host")]], []) == (found, scene.sink.told)


def test_a_word_before_the_answer_has_it_asked_again(scene: Scene) -> None:
    found = scene.begin(scene.watching.watch(["ann"]))
    scene.hear(came(ANN, "ann"))
    scene.redis.answer(None)  # as it was before the word, or so it may be
    assert [] == found
    scene.redis.answer(_holder(ANN))
    assert ([[Sighting("ann", "s1", "ann@host")]], []) == (found, scene.sink.told)


def test_only_what_a_word_was_about_is_asked_again(scene: Scene) -> None:
    scene.begin(scene.watching.watch(["ann", "bob"]))
    scene.hear(came(ANN, "ann"))
    assert ["ann", "bob"] == scene.redis.answer(None, None)
    assert ["ann"] == scene.redis.answer(_holder(ANN))


def test_who_is_held_a_nick_for_is_not_there(scene: Scene) -> None:
    found = scene.begin(scene.watching.watch(["ann"]))
    scene.redis.answer(_holder(ANN, retained=True))
    assert [[None]] == found


def test_a_word_of_somebody_who_was_there_already_says_nothing(scene: Scene) -> None:
    scene.watches(_holder(ANN))
    scene.hear(went("s2", "ann"))
    scene.hear(came(ANN, "ANN"))
    assert [] == scene.sink.told


def test_a_word_of_another_holder_says_that_the_first_is_gone(scene: Scene) -> None:
    scene.watches(_holder(ANN))
    scene.hear(came(OTHER, "Ann"))
    assert [Watched("ann", ""), Watched("Ann", "other@host")] == scene.sink.told


def test_words_that_come_late_say_nothing(scene: Scene) -> None:
    scene.watches(None)
    scene.watching.unwatch(["ANN"])
    scene.hear(came(ANN, "ann"))
    scene.hear(went("s1", "ann"))
    assert ([], []) == (scene.sink.told, scene.redis.topics)


def test_a_change_is_passed_on(scene: Scene) -> None:
    event = Altered("s1", 1, "ann", "away", 'a "long" lunch', ("#go",), "ann@host")
    scene.watches(_holder(ANN))
    scene.hear(told(event))
    assert [AlteredThere(event)] == scene.sink.told


def test_a_change_of_somebody_who_is_not_watched_is_not(scene: Scene) -> None:
    scene.watches(None)
    scene.hear(told(Altered("s3", 1, "bob", "away", "", (), "")))
    assert [] == scene.sink.told


def test_words_for_somebody_else_are_left_alone(scene: Scene) -> None:
    assert not scene.watching.heard("probe", "")


@pytest.mark.parametrize("word", ["came", "went", "altered"])
@pytest.mark.parametrize("about", ["", "{}", "[1]", '["ann"', '["later",1]'])
def test_what_cannot_be_understood_says_nothing(scene: Scene, word: str, about: str) -> None:
    scene.watches(_holder(ANN))
    assert scene.watching.heard(word, about)
    assert [] == scene.sink.told


# After a word may have been missed


def test_who_has_come_meanwhile_is_told_at_once(scene: Scene) -> None:
    scene.watches(None)
    scene.looks(_holder(ANN))
    assert [Watched("ann", "ann@host")] == scene.sink.told


def test_that_somebody_is_gone_is_believed_at_the_second_look(scene: Scene) -> None:
    scene.watches(_holder(ANN))
    scene.looks(None)
    assert [] == scene.sink.told
    scene.begin(scene.watching.look_again())
    assert ["ann"] == scene.redis.answer(None)
    assert [Watched("ann", "")] == scene.sink.told


def test_who_is_there_again_at_the_second_look_was_never_gone(scene: Scene) -> None:
    scene.watches(_holder(ANN))
    scene.looks(None)
    scene.begin(scene.watching.look_again())
    scene.redis.answer(_holder(ANN))
    scene.begin(scene.watching.look_again())
    assert ([], []) == (scene.sink.told, scene.redis.asked)


def test_who_comes_again_before_the_second_look_was_never_gone(scene: Scene) -> None:
    scene.watches(_holder(ANN))
    scene.looks(None)
    scene.hear(came(ANN, "ann"))
    scene.begin(scene.watching.look_again())
    assert ([], []) == (scene.sink.told, scene.redis.asked)


def test_while_a_nick_is_held_for_somebody_they_are_not_gone(scene: Scene) -> None:
    scene.watches(_holder(ANN))
    scene.looks(_holder(ANN, retained=True))
    for _ in range(3):
        scene.begin(scene.watching.look_again())
        scene.redis.answer(_holder(ANN, retained=True))
    assert [] == scene.sink.told
    scene.begin(scene.watching.look_again())
    scene.redis.answer(None)
    assert [Watched("ann", "")] == scene.sink.told


def test_of_another_holder_meanwhile_both_is_told(scene: Scene) -> None:
    scene.watches(_holder(ANN))
    scene.looks(_holder(OTHER))
    assert [Watched("ann", ""), Watched("Ann", "other@host")] == scene.sink.told


def test_what_nobody_watches_any_more_is_not_looked_at_again(scene: Scene) -> None:
    scene.watches(_holder(ANN))
    scene.looks(None)
    scene.watching.unwatch(["ann"])
    scene.begin(scene.watching.look_again())
    assert [] == scene.redis.asked
