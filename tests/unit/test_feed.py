"""`broker.feed`: out of what is published, lost, doubled and read back, each event once."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from broker import feed as feed_module
from broker.api import Position
from broker.events import Entry, Envelope, Said, decode_envelope
from broker.feed import Excerpt, Feed, Seen
from broker.tally import BrokerTally
from tests.support.sinks import Call, Continued, Gap, Record

GO = "#go"


class Logs:
    """What Redis is to a feed: logs, and a `Reader` of them whose answers can be held up.

    `log` appends and gives the envelope as published. Reading is refused after `patience`
    reads, so that an endless reader is found out.
    """

    def __init__(self) -> None:
        self.epoch = "e1"
        self.entries: list[Entry] = []
        self.seq = 0
        self.reads = 0
        self.patience = 1000
        self.hold = False
        self.waiting: list[tuple[Deferred[Excerpt], Excerpt]] = []
        self.fail = False
        self.past: dict[str, int] = {}
        self.nums = count(1)

    def log(self, *texts: str) -> bytes:
        """Append lines; the envelope."""
        first = self.seq + 1
        said = [Said("s", next(self.nums), "bob", text) for text in texts]
        for event in said:
            self.seq += 1
            self.entries.append(Entry(self.seq, 1000, event))
        return msgspec.json.encode(Envelope(1, GO, self.epoch, first, 1000, list(said)))

    def trim(self, kept: int) -> None:
        self.entries = self.entries[-kept:] if kept else []

    def begin_anew(self, epoch: str = "e2") -> None:
        self.epoch, self.entries, self.seq = epoch, [], 0

    def go_on(self, epoch: str = "e2", *, without: int = 0) -> None:
        """Another server goes on with the log, without its last entries."""
        self.seq -= without
        self.entries = [entry for entry in self.entries if entry.seq <= self.seq]
        self.past[self.epoch] = self.seq
        self.epoch = epoch

    async def read(self, log: str, after: int, count: int) -> Excerpt:
        self.reads += 1
        if self.fail or self.reads > self.patience:
            raise ConnectionError("the broker is gone")
        found = [entry for entry in self.entries if entry.seq > after][:count]
        excerpt = Excerpt(Position(self.epoch, self.seq), found, dict(self.past))
        if not self.hold:
            return excerpt
        answer: Deferred[Excerpt] = Deferred()
        self.waiting.append((answer, excerpt))
        return await answer

    def answer(self) -> None:
        """The oldest read that was held up is answered with what was there when it was made."""
        answer, excerpt = self.waiting.pop(0)
        answer.callback(excerpt)


def encoded(epoch: str, seq: int, texts: list[str], log: str = GO) -> bytes:
    said: list[Any] = [Said("s", seq + i, "bob", text) for i, text in enumerate(texts)]
    return msgspec.json.encode(Envelope(1, log, epoch, seq, 1000, said))


class Following:
    """A feed that follows one log from its beginning, and what its sink heard."""

    def __init__(self, logs: Logs, *, opened: bool = True) -> None:
        self.words: list[str] = []
        self.feed = Feed(logs.read, self.words.append)
        self.feed.sink = self.sink = Record()
        self.feed.follow(GO)
        if opened:
            self.feed.open(GO, Position(logs.epoch, logs.seq))

    def hear(self, *messages: bytes) -> None:
        for message in messages:
            self.feed.hear(message)

    def catch_up(self) -> list[None]:
        """The wire is there again; the list gets something when all has been read."""
        done: list[None] = []
        Deferred.fromCoroutine(self.feed.catch_up()).addBoth(done.append)
        return done

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.sink.heard(GO) if isinstance(event, Said)]

    @property
    def told(self) -> list[Call | str]:
        """Texts and gaps in their order."""
        out: list[Call | str] = []
        for call in self.sink.told:
            if isinstance(call, Envelope):
                out += [event.text for event in call.events if isinstance(event, Said)]
            else:
                out.append(call)
        return out


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture
def following(logs: Logs) -> Iterator[Following]:
    made = Following(logs)
    yield made
    assert logs.reads <= logs.patience


# -- live


def test_what_is_published_is_passed_on_in_order(logs: Logs, following: Following) -> None:
    following.hear(logs.log("a"), logs.log("b", "c"))
    assert ["a", "b", "c"] == following.texts


def test_an_envelope_is_passed_on_as_it_came(logs: Logs, following: Following) -> None:
    following.hear(logs.log("a", "b"))
    assert (1, 0) == (len(following.sink.envelopes(GO)), logs.reads)


def test_an_envelope_that_comes_twice_is_passed_on_once(logs: Logs, following: Following) -> None:
    one = logs.log("a")
    following.hear(one, one, logs.log("b"), one)
    assert ["a", "b"] == following.texts


def test_a_hole_is_mended_from_the_log(logs: Logs, following: Following) -> None:
    logs.log("lost")
    following.hear(logs.log("b"))
    assert ["lost", "b"] == following.texts


def test_an_envelope_that_was_passed_on_in_part_is_completed(
    logs: Logs, following: Following
) -> None:
    following.hear(logs.log("a"))
    logs.log("b")
    following.hear(encoded("e1", 1, ["a", "b"]))
    assert ["a", "b"] == following.texts


def test_what_comes_while_the_log_is_read_is_passed_on_after_it(
    logs: Logs, following: Following
) -> None:
    logs.hold = True
    logs.log("lost")
    following.hear(logs.log("b"))
    following.hear(logs.log("c"), logs.log("d"))
    before = list(following.texts)
    logs.answer()
    assert ([], ["lost", "b", "c", "d"]) == (before, following.texts)


def test_a_hole_in_what_was_held_is_mended_too(logs: Logs, following: Following) -> None:
    logs.hold = True
    logs.log("lost")
    following.hear(logs.log("b"))
    logs.log("lost too")
    following.hear(logs.log("d"))
    logs.answer()
    logs.answer()
    assert ["lost", "b", "lost too", "d"] == following.texts


def test_a_long_log_is_read_in_pieces(
    logs: Logs, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "CHUNK", 3)
    texts = [str(i) for i in range(10)]
    for text in texts[:-1]:
        logs.log(text)
    following.hear(logs.log(texts[-1]))
    assert texts == following.texts


def test_what_comes_beyond_what_can_be_held_is_read_from_the_log(
    logs: Logs, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "HELD", 2)
    logs.hold = True
    logs.log("lost")
    following.hear(logs.log("b"))
    following.hear(logs.log("c"), logs.log("d"), logs.log("e"))
    logs.hold = False
    logs.answer()
    assert ["lost", "b", "c", "d", "e"] == following.texts


def test_what_can_not_be_understood_is_left_to_the_log(logs: Logs, following: Following) -> None:
    logs.log("odd")
    following.hear(b"{", b'[1,"#go","e1",1,0,[["said","s"]]]')
    following.hear(logs.log("b"))
    assert ["odd", "b"] == following.texts


def test_a_log_that_is_not_followed_is_not_heard(logs: Logs, following: Following) -> None:
    following.hear(encoded("x", 1, ["a"], log="#other"))
    assert ([], 0) == (following.sink.told, logs.reads)


def test_what_was_seen_is_kept_until_it_is_disowned(following: Following) -> None:
    following.hear(encoded(following.feed.positions()[GO].epoch, 1, ["one"]))
    before = len(following.feed.seen()[GO].entries)
    following.feed.disown()
    assert (1, 0) == (before, len(following.feed.seen()[GO].entries))


@pytest.mark.parametrize("epoch", ["", "e2"])
def test_a_log_without_anything_has_a_gap_if_it_was_forgotten_while_the_wire_was_lost(
    logs: Logs, epoch: str
) -> None:
    logs.begin_anew("")
    following = Following(logs)
    following.feed.distrust()
    following.feed.distrust()
    logs.begin_anew(epoch)
    if epoch:
        logs.log("a")
    following.feed.disown()
    following.catch_up()
    logs.epoch = "e2"
    following.hear(logs.log("b"))
    assert [Gap(GO, None), *(["a"] if epoch else []), "b"] == following.told


def test_a_log_without_anything_has_no_gap_if_the_wire_was_there_when_it_was_forgotten(
    logs: Logs,
) -> None:
    logs.begin_anew("")
    following = Following(logs)
    following.feed.distrust()
    following.catch_up()
    following.feed.disown()
    logs.epoch = "e2"
    following.hear(logs.log("a"))
    assert ["a"] == following.told


def test_a_log_that_was_being_read_when_the_wire_was_lost_has_one_gap_when_it_was_forgotten(
    logs: Logs, following: Following
) -> None:
    following.hear(logs.log("a"))
    logs.log("lost")
    logs.hold = True
    following.hear(logs.log("b"))
    following.feed.distrust()
    logs.hold = False
    logs.begin_anew("")
    logs.waiting = [(answer, Excerpt(Position("", 0), [])) for answer, _ in logs.waiting]
    logs.answer()
    following.feed.disown()
    following.catch_up()
    assert ["a", Gap(GO, None)] == following.told


def test_a_word_to_the_node_is_handed_over(following: Following) -> None:
    following.hear(encoded("probe", 0, [], log=""))
    assert ["probe"] == following.words


# -- opening and closing


def test_what_is_heard_before_the_log_is_open_is_held(logs: Logs) -> None:
    following = Following(logs, opened=False)
    following.hear(logs.log("a"), logs.log("b"))
    before = list(following.texts)
    following.feed.open(GO, Position("e1", 1))
    assert ([], ["b"]) == (before, following.texts)


def test_only_the_first_place_counts(logs: Logs, following: Following) -> None:
    following.hear(logs.log("a"))
    following.feed.open(GO, Position("e1", 0))
    following.hear(logs.log("b"))
    assert ["a", "b"] == following.texts


def test_the_first_event_of_a_log_may_bring_its_epoch(logs: Logs) -> None:
    following = Following(logs, opened=False)
    following.feed.open(GO, Position("", 0))
    following.hear(logs.log("a"), logs.log("b"))
    assert (["a", "b"], 0) == (following.texts, logs.reads)


def test_the_first_event_of_a_log_may_have_been_held(logs: Logs) -> None:
    following = Following(logs, opened=False)
    following.hear(logs.log("a"), logs.log("b"))
    following.feed.open(GO, Position("", 0))
    assert (["a", "b"], 0) == (following.texts, logs.reads)


def test_a_hole_at_the_very_beginning_is_mended(logs: Logs) -> None:
    following = Following(logs, opened=False)
    following.feed.open(GO, Position("", 0))
    logs.log("lost")
    following.hear(logs.log("b"))
    assert (["lost", "b"], []) == (following.texts, following.sink.gaps())


def test_nothing_is_passed_on_after_unfollowing(logs: Logs, following: Following) -> None:
    following.feed.unfollow(GO)
    following.hear(logs.log("a"))
    assert ([], []) == (following.sink.told, following.feed.followed())


def test_a_log_that_is_unfollowed_while_it_is_read_is_not_passed_on(
    logs: Logs, following: Following
) -> None:
    logs.hold = True
    logs.log("lost")
    following.hear(logs.log("b"))
    following.feed.unfollow(GO)
    logs.answer()
    assert [] == following.sink.told


@pytest.mark.parametrize("held_back", [False, True])
def test_nothing_is_passed_on_after_unfollowing_from_within_the_sink(
    logs: Logs, following: Following, held_back: bool
) -> None:
    following.sink.then = lambda: following.feed.unfollow(GO)
    if held_back:
        following.feed.distrust()
        logs.log("a", "b")
        following.catch_up()
    else:
        logs.log("a")
        following.hear(logs.log("b"))
    assert ["a"] == following.texts


def test_a_log_that_is_followed_again_is_followed_from_the_new_place(
    logs: Logs, following: Following
) -> None:
    following.hear(logs.log("a"))
    following.feed.unfollow(GO)
    logs.log("b")
    following.feed.follow(GO)
    following.feed.open(GO, Position("e1", 2))
    following.hear(logs.log("c"))
    assert ["a", "c"] == following.texts


def test_a_log_followed_over_a_wire_since_lost_is_read_when_opened(logs: Logs) -> None:
    following = Following(logs, opened=False)
    following.feed.distrust()
    following.catch_up()
    logs.log("lost")
    following.feed.open(GO, Position("e1", 0))
    assert ["lost"] == following.texts


# -- gaps


def test_what_was_trimmed_is_told_with_its_number_in_its_place(
    logs: Logs, following: Following
) -> None:
    following.hear(logs.log("a"))
    logs.log("b", "c", "d", "e")
    logs.trim(2)
    following.hear(logs.log("f"))
    assert ["a", Gap(GO, 2), "d", "e", "f"] == following.told


def test_a_log_that_was_trimmed_to_nothing_tells_all_of_it(
    logs: Logs, following: Following
) -> None:
    following.feed.distrust()
    logs.log("a", "b", "c")
    logs.trim(0)
    following.catch_up()
    following.hear(logs.log("d"))
    assert [Gap(GO, 3), "d"] == following.told


def test_a_log_that_began_anew_tells_a_gap_without_a_number(
    logs: Logs, following: Following
) -> None:
    following.hear(logs.log("a"))
    logs.begin_anew()
    following.hear(logs.log("b"))
    assert ["a", Gap(GO, None), "b"] == following.told


def test_a_log_that_began_anew_is_read_from_its_beginning(logs: Logs, following: Following) -> None:
    following.hear(logs.log("a"), logs.log("b"))
    logs.begin_anew()
    logs.log("c")
    logs.log("d")
    following.hear(logs.log("e"))
    assert ["a", "b", Gap(GO, None), "c", "d", "e"] == following.told


def test_a_log_that_is_not_there_any_more_tells_a_gap_and_goes_on(
    logs: Logs, following: Following
) -> None:
    following.hear(logs.log("a"))
    following.feed.distrust()
    logs.begin_anew("")
    following.catch_up()
    logs.begin_anew("e2")
    following.hear(logs.log("b"))
    assert ["a", Gap(GO, None), "b"] == following.told


def test_an_envelope_of_an_epoch_that_is_over_does_not_hold_up_the_log(
    logs: Logs, following: Following
) -> None:
    following.hear(logs.log("a"))
    logs.log("lost")
    late = logs.log("late")
    logs.begin_anew()
    logs.log("b")
    following.hear(late)
    following.hear(logs.log("c"))
    assert ["a", Gap(GO, None), "b", "c"] == following.told
    assert logs.reads < 10


def test_a_log_that_went_backwards_within_its_epoch_tells_a_gap(
    logs: Logs, following: Following
) -> None:
    following.hear(logs.log("a"), logs.log("b"), logs.log("c"))
    following.feed.distrust()
    logs.entries, logs.seq = logs.entries[:1], 1
    following.catch_up()
    following.hear(logs.log("d"), logs.log("e"), logs.log("f"))
    assert ["a", "b", "c", Gap(GO, None), "d", "e", "f"] == following.told


def test_no_gap_is_told_where_nothing_was_lost(logs: Logs, following: Following) -> None:
    for text in "abc":
        logs.log(text)
        following.feed.distrust()
        following.catch_up()
    assert ["a", "b", "c"] == following.told


# -- a log that goes on under another epoch


def test_a_log_that_goes_on_is_read_on_without_a_gap(logs: Logs, following: Following) -> None:
    following.hear(logs.log("a"))
    following.feed.distrust()
    logs.go_on()
    logs.log("b")
    following.catch_up()
    following.hear(logs.log("c"))
    assert ["a", Continued(GO, "e2", differs=False), "b", "c"] == following.told
    assert [("e1", 1), ("e2", 2), ("e2", 3)] == following.sink.places(GO)


def test_what_others_put_there_instead_is_read_too(logs: Logs, following: Following) -> None:
    following.hear(logs.log("a"), logs.log("b"))
    following.feed.distrust()
    logs.go_on(without=1)
    logs.log("other")
    following.catch_up()
    assert ["a", "b", Continued(GO, "e2", differs=True), "other"] == following.told


@pytest.mark.parametrize("live", [False, True])
def test_what_was_passed_on_is_not_when_it_comes_at_another_place(
    logs: Logs, following: Following, live: bool
) -> None:
    following.hear(logs.log("a"), logs.log("b"))
    b = logs.entries[-1].event
    following.feed.distrust()
    logs.go_on(without=1)
    logs.log("other")
    if live:
        following.catch_up()
    logs.seq += 1
    logs.entries.append(Entry(logs.seq, 2000, b))
    if live:
        following.hear(msgspec.json.encode(Envelope(1, GO, "e2", logs.seq, 2000, [b])))
    else:
        following.catch_up()
    following.hear(logs.log("c"), logs.log("b"))
    assert ["a", "b", Continued(GO, "e2", differs=True), "other", "c", "b"] == following.told


def test_two_changes_of_epoch_at_once_are_one(logs: Logs, following: Following) -> None:
    following.hear(logs.log("a"))
    following.feed.distrust()
    logs.go_on("e2")
    logs.log("b")
    logs.go_on("e3")
    following.catch_up()
    assert ["a", Continued(GO, "e3", differs=False), "b"] == following.told


@pytest.mark.parametrize("live", [False, True])
def test_what_was_passed_on_is_not_when_a_log_that_was_lost_has_it_again(
    logs: Logs, following: Following, live: bool
) -> None:
    following.hear(logs.log("a"), logs.log("b"))
    again = [entry.event for entry in logs.entries]
    logs.begin_anew()
    if not live:
        logs.entries = [Entry(1, 1000, again[0]), Entry(2, 1000, again[1])]
        logs.seq = 2
    following.feed.distrust()
    following.catch_up()
    following.hear(logs.log("c"))
    if live:
        following.hear(msgspec.json.encode(Envelope(1, GO, "e2", 2, 2000, again)))
        logs.seq += 2
    following.hear(logs.log("d"))
    assert ["a", "b", Gap(GO, None), "c", "d"] == following.told


# -- what was seen


def texts(seen: Seen) -> list[str]:
    return [entry.event.text for entry in seen.entries if isinstance(entry.event, Said)]


def test_what_was_passed_on_or_is_held_was_seen(logs: Logs, following: Following) -> None:
    following.hear(logs.log("a"), logs.log("b", "c"))
    following.feed.distrust()
    following.hear(logs.log("held"))
    seen = following.feed.seen()[GO]
    assert (Position("e1", 4), ["a", "b", "c", "held"]) == (seen.tip, texts(seen))


def test_what_was_read_was_seen(logs: Logs, following: Following) -> None:
    logs.log("a")
    following.hear(logs.log("b"))
    assert ["a", "b"] == texts(following.feed.seen()[GO])


def test_a_log_of_which_nothing_came_was_seen_up_to_where_it_was_opened(logs: Logs) -> None:
    logs.log("a")
    following = Following(logs)
    assert Seen(Position("e1", 1), [], followed=True) == following.feed.seen()[GO]


def test_what_was_seen_is_remembered_when_the_log_is_not_followed(
    logs: Logs, following: Following
) -> None:
    following.hear(logs.log("a"))
    following.feed.unfollow(GO)
    assert ["a"] == texts(following.feed.seen()[GO])


def test_of_a_log_that_began_anew_nothing_older_was_seen(logs: Logs, following: Following) -> None:
    following.hear(logs.log("a"))
    logs.begin_anew()
    following.hear(logs.log("b"))
    assert ["b"] == texts(following.feed.seen()[GO])


def test_of_a_log_that_was_lost_nothing_was_seen_till_somebody_writes_to_it(
    logs: Logs, following: Following
) -> None:
    following.hear(logs.log("a"))
    following.feed.distrust()
    logs.begin_anew("")
    following.catch_up()
    assert GO not in following.feed.seen()


def test_a_log_that_went_on_was_seen_under_both_epochs(logs: Logs, following: Following) -> None:
    following.hear(logs.log("a"))
    logs.go_on()
    following.hear(logs.log("b"))
    seen = following.feed.seen()[GO]
    assert (Position("e2", 2), ["a", "b"], frozenset({"e1"})) == (
        seen.tip,
        texts(seen),
        seen.former,
    )


def test_what_was_accepted_for_others_was_seen(following: Following) -> None:
    following.feed.witness(decode_envelope(encoded("x", 7, ["psst"], log="bob")))
    seen = following.feed.seen()["bob"]
    assert (Position("x", 7), ["psst"]) == (seen.tip, texts(seen))


def test_no_more_than_so_much_is_remembered(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "WITNESSED", 10_000)
    following = Following(logs)
    texts_ = [letter * 1_500 for letter in "abcd"]
    following.hear(*map(logs.log, texts_))
    assert texts_[-2:] == texts(following.feed.seen()[GO])
    following.feed.witness(decode_envelope(encoded("x", 7, ["y" * 3_000], log="bob")))
    assert {"bob"} == {name for name, seen in following.feed.seen().items() if seen.entries}


# -- a wire that is lost


def test_nothing_is_passed_on_while_the_wire_is_lost(logs: Logs, following: Following) -> None:
    following.feed.distrust()
    following.hear(logs.log("a"))
    assert [] == following.told


def test_what_was_missed_is_read_before_what_was_heard_since(
    logs: Logs, following: Following
) -> None:
    following.feed.distrust()
    logs.log("missed")
    following.hear(logs.log("heard"))
    following.catch_up()
    assert ["missed", "heard"] == following.told


def test_catching_up_ends_when_all_has_been_passed_on(logs: Logs, following: Following) -> None:
    logs.hold = True
    following.feed.distrust()
    logs.log("missed")
    done = following.catch_up()
    before = list(done)
    logs.answer()
    assert ([], [None], ["missed"]) == (before, done, following.told)


def test_a_log_opened_while_the_wire_is_lost_is_read_when_it_is_back(logs: Logs) -> None:
    following = Following(logs, opened=False)
    following.feed.distrust()
    following.feed.open(GO, Position("e1", 0))
    logs.log("missed")
    before = list(following.told)
    following.catch_up()
    assert ([], ["missed"]) == (before, following.told)


def test_a_read_that_fails_is_made_again_when_the_wire_is_back(
    logs: Logs, following: Following
) -> None:
    logs.fail = True
    logs.log("lost")
    following.hear(logs.log("b"))
    following.feed.distrust()
    logs.fail = False
    following.catch_up()
    assert ["lost", "b"] == following.told


def test_what_is_read_over_a_wire_that_was_lost_meanwhile_is_read_again(
    logs: Logs, following: Following
) -> None:
    logs.hold = True
    logs.log("one")
    following.hear(logs.log("two"))
    following.feed.distrust()
    logs.log("three")
    done = following.catch_up()
    logs.answer()
    logs.answer()
    assert (["one", "two", "three"], [None]) == (following.told, done)


def test_settled_waits_for_a_log_that_is_being_read(logs: Logs, following: Following) -> None:
    logs.hold = True
    logs.log("lost")
    following.hear(logs.log("b"))
    done: list[None] = []
    Deferred.fromCoroutine(following.feed.settled()).addBoth(done.append)
    before = list(done)
    logs.answer()
    assert ([], [None]) == (before, done)


def test_each_log_is_mended_for_itself(logs: Logs, following: Following) -> None:
    following.feed.follow("#other")
    following.feed.open("#other", Position("x", 0))
    logs.hold = True
    logs.log("lost")
    following.hear(logs.log("b"))
    following.hear(encoded("x", 1, ["meanwhile"], log="#other"))
    assert 1 == len(following.sink.heard("#other"))


# -- anything

STEPS = st.lists(
    st.sampled_from(["publish", "drop", "twice", "late", "lose", "return", "answer", "hold"])
)


@given(STEPS, st.integers(1, 5), st.integers(1, 4))
def test_whatever_is_dropped_doubled_or_late_the_log_is_passed_on_once_in_order(
    steps: list[str], chunk: int, held: int
) -> None:
    logs = Logs()
    following = Following(logs)
    published: list[bytes] = []
    lost = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed_module, "CHUNK", chunk)
        patch.setattr(feed_module, "HELD", held)
        for i, step in enumerate(steps):
            match step:
                case "publish" | "twice":
                    published.append(logs.log(f"{i}a", f"{i}b"))
                    if not lost:
                        following.hear(*published[-1:] * (2 if step == "twice" else 1))
                case "drop":
                    published.append(logs.log(str(i)))
                case "late" if published and not lost:
                    following.hear(published[i % len(published)])
                case "lose":
                    lost = True
                    following.feed.distrust()
                case "return" if lost:
                    lost = False
                    following.catch_up()
                case "hold":
                    logs.hold = True
                case "answer" if logs.waiting:
                    logs.answer()
        logs.hold = False
        while logs.waiting:
            logs.answer()
        following.feed.distrust()
        following.catch_up()
        following.hear(logs.log("end"))
        while logs.waiting:
            logs.answer()
    expected = [entry.event.text for entry in logs.entries if isinstance(entry.event, Said)]
    assert expected == following.told


@given(st.lists(st.sampled_from(["publish", "drop", "hold", "answer"]), max_size=30))
def test_once_all_reads_are_answered_nothing_heard_waits_for_the_next_message(
    steps: list[str],
) -> None:
    logs = Logs()
    following = Following(logs)
    heard = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed_module, "HELD", 2)
        for i, step in enumerate(steps):
            match step:
                case "publish":
                    following.hear(logs.log(str(i)))
                    heard = logs.seq
                case "drop":
                    logs.log(str(i))
                case "hold":
                    logs.hold = True
                case "answer" if logs.waiting:
                    logs.answer()
        logs.hold = False
        while logs.waiting:
            logs.answer()
    assert heard <= len(following.texts)


# -- what is counted of it


class Counted(Following):
    """As `Following`, with a clock, and gaps as operators are told."""

    def __init__(self, logs: Logs) -> None:
        super().__init__(logs, opened=False)
        self.tally = BrokerTally()
        self.gaps: list[tuple[str, int | None]] = []
        self.feed = Feed(
            logs.read,
            self.words.append,
            tally=self.tally,
            seconds=lambda: 5.0,
            gap=lambda *gap: self.gaps.append(gap),
        )
        self.feed.sink = self.sink
        self.feed.follow(GO)
        self.feed.open(GO, Position(logs.epoch, logs.seq))

    @property
    def holes(self) -> tuple[int, int, int]:
        """Found, repaired, told."""
        tally = self.tally
        return tally.gaps_found, tally.gaps_repaired, tally.gaps_told


@pytest.fixture
def counted(logs: Logs) -> Counted:
    return Counted(logs)


def test_what_comes_as_it_should_is_no_gap(logs: Logs, counted: Counted) -> None:
    counted.hear(logs.log("a"), logs.log("b", "c"))
    assert ((0, 0, 0), 0) == (counted.holes, counted.tally.duplicates)


def test_a_hole_that_the_log_fills_is_found_and_repaired(logs: Logs, counted: Counted) -> None:
    logs.hold = True
    logs.log("lost")
    counted.hear(logs.log("b"))
    assert (1, 0, 0) == counted.holes
    logs.answer()
    assert ((1, 1, 0), []) == (counted.holes, counted.gaps)


def test_a_hole_that_the_log_cannot_fill_is_told(logs: Logs, counted: Counted) -> None:
    logs.log("lost", "lost too")
    last = logs.log("c")
    logs.trim(1)
    counted.hear(last)
    assert ((1, 0, 1), [(GO, 2)]) == (counted.holes, counted.gaps)


def test_what_was_missed_in_an_outage_is_found_and_repaired(logs: Logs, counted: Counted) -> None:
    counted.hear(logs.log("a"))
    counted.feed.distrust()
    logs.log("b", "c")
    counted.catch_up()
    assert (1, 1, 0) == counted.holes


def test_an_outage_in_which_nothing_was_said_is_no_gap(logs: Logs, counted: Counted) -> None:
    counted.hear(logs.log("a"))
    counted.feed.distrust()
    counted.catch_up()
    assert (0, 0, 0) == counted.holes


def test_a_log_that_began_anew_is_told_once(logs: Logs, counted: Counted) -> None:
    counted.hear(logs.log("a"))
    logs.begin_anew()
    counted.hear(logs.log("b"))
    assert ((1, 0, 1), [(GO, None)]) == (counted.holes, counted.gaps)


def test_an_envelope_that_comes_again_is_a_duplicate(logs: Logs, counted: Counted) -> None:
    one = logs.log("a")
    counted.hear(one, one, one)
    assert (2, (0, 0, 0)) == (counted.tally.duplicates, counted.holes)


def test_how_late_something_is_passed_on_is_counted_by_the_clock_of_redis(
    logs: Logs, counted: Counted
) -> None:
    counted.tally.skew = -3500.0  # the clock here is ahead: it's 1.5 s there
    counted.hear(logs.log("a"))  # which is of 1.0 s
    assert (0.5, 1) == (counted.tally.lag.total, sum(counted.tally.lag.counts))


def test_nothing_is_passed_on_before_it_was_accepted(logs: Logs, counted: Counted) -> None:
    counted.tally.skew = -4500.0
    counted.hear(logs.log("a"))
    assert (0.0, 1) == (counted.tally.lag.total, sum(counted.tally.lag.counts))
