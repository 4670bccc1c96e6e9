"""`node.operate.following`: what a reader of a log is shown, however the log fares."""

from collections.abc import Iterator
from copy import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.events import Entry, Said
from node.operate.following import Follower, Lost, Placed, Read, Reordered

CHUNK = 3


class Log:
    """A log in memory, with what may happen to one. `said`: every entry that was ever accepted."""

    def __init__(self) -> None:
        self.epoch = "e1"
        self.tip = 0
        self.entries: list[Entry] = []
        self.past: dict[str, int] = {}
        self.said = 0

    def say(self, many: int) -> None:
        for _ in range(many):
            self.said += 1
            self.tip += 1
            event = Said("ann", self.said, "ann", f"line {self.said}")
            self.entries.append(Entry(self.tip, 1000 * self.said, event))

    def trim(self, kept: int) -> None:
        self.entries = self.entries[max(0, len(self.entries) - kept) :]

    def go_back(self, many: int) -> "Log":
        """Lose the last entries, as a replica that lagged; returns what was before."""
        before = copy(self)
        self.tip = max(0, self.tip - many)
        self.entries = [entry for entry in self.entries if entry.seq <= self.tip]
        return before

    def put_back(self, before: "Log") -> None:
        """Let it go on under another epoch, with what was lost of it at its old places."""
        self.entries, self.tip = list(before.entries), before.tip
        self.continue_()

    def continue_(self) -> None:
        """Let it go on under another epoch."""
        self.past = {**self.past, self.epoch: self.tip}
        self.epoch += "'"

    def begin_anew(self) -> None:
        self.epoch, self.tip, self.entries, self.past = self.epoch + "+", 0, [], {}

    def read(self, after: int) -> Read:
        found = [entry for entry in self.entries if entry.seq > after][:CHUNK]
        return Read(self.epoch, self.tip, found, self.past)


def shown(
    follower: Follower, log: Log, *, forgotten: bool = False
) -> list[Placed | Lost | Reordered]:
    """All that the follower shows until it has nothing more to read."""

    def reading() -> Iterator[Placed | Lost | Reordered]:
        behind = True
        while behind:
            read = log.read(follower.seq)
            yield from follower.take(read, forgotten=forgotten)
            behind = follower.is_behind(read)

    return list(reading())


def numbers(told: list[Placed | Lost | Reordered]) -> list[int | str]:
    """The numbers of lines, and in words what is told besides."""
    found: list[int | str] = []
    for each in told:
        match each:
            case Placed(_, entry):
                found.append(entry.event.num)
            case Lost(many):
                found.append(f"{many} lost")
            case Reordered(before):
                found.append(f"before {before}")
    return found


def a_log(many: int, kept: int = 1000) -> Log:
    log = Log()
    log.say(many)
    log.trim(kept)
    return log


@pytest.mark.parametrize(
    "lines, expected", [(0, []), (2, [6, 7]), (5, [3, 4, 5, 6, 7]), (100, [3, 4, 5, 6, 7])]
)
def test_it_begins_with_the_last_lines_and_what_is_older_is_not_missing(
    lines: int, expected: list[int]
) -> None:
    log = a_log(7, kept=5)
    assert expected == numbers(shown(Follower(log.read(0), lines), log))


def test_what_is_trimmed_before_it_was_read_is_told_with_its_number() -> None:
    log = a_log(2)
    follower = Follower(log.read(0), 2)
    assert [1, 2] == numbers(shown(follower, log))
    log.say(10)
    log.trim(3)
    assert ["7 lost", 10, 11, 12] == numbers(shown(follower, log))
    log.say(2)
    log.trim(0)
    assert ["2 lost"] == numbers(shown(follower, log))


def test_a_log_that_was_not_there_is_shown_from_its_first_line() -> None:
    follower = Follower(Read("", 0, []), 10)
    assert [1, 2, 3, 4] == numbers(shown(follower, a_log(4)))


def test_a_log_that_ends_in_good_order_and_begins_anew_lacks_nothing() -> None:
    log = a_log(4)
    follower = Follower(log.read(0), 1)
    assert [4] == numbers(shown(follower, log))
    assert [] == list(follower.take(Read("", 0, []), forgotten=False))
    log.begin_anew()
    log.say(6)
    assert [5, 6, 7, 8, 9, 10] == numbers(shown(follower, log))


def test_of_a_log_that_redis_may_have_lost_nobody_knows_how_much_is_missing() -> None:
    log = a_log(4)
    follower = Follower(log.read(0), 1)
    shown(follower, log)
    log.begin_anew()
    log.say(2)
    assert ["None lost", 5, 6] == numbers(shown(follower, log, forgotten=True))


def test_what_redis_lost_and_the_nodes_put_back_is_shown_once() -> None:
    log = a_log(5)
    follower = Follower(log.read(0), 5)
    shown(follower, log)
    before = log.go_back(3)
    assert [] == numbers(shown(follower, log))
    log.put_back(before)
    log.say(1)
    assert [6] == numbers(shown(follower, log))


def test_what_was_shown_and_comes_at_another_place_is_told_as_another_order() -> None:
    log = a_log(5)
    follower = Follower(log.read(0), 5)
    shown(follower, log)
    before = log.go_back(2)
    log.continue_()
    log.say(1)
    log.entries.append(Entry(5, 5000, before.entries[-1].event))
    log.tip = 5
    assert ["before 5000", 6] == numbers(shown(follower, log))


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 8)),
        st.tuples(st.just("trim"), st.integers(0, 8)),
        st.tuples(st.just("look"), st.just(0)),
        st.tuples(st.just("fail over"), st.integers(1, 4)),
    )
)


@given(OPERATIONS, st.integers(0, 5))
def test_each_line_is_shown_once_in_order_or_counted_as_lost(
    operations: list[tuple[str, int]], lines: int
) -> None:
    log = a_log(3)
    follower = Follower(log.read(0), lines)
    told = []
    for name, many in [*operations, ("look", 0)]:
        match name:
            case "say":
                log.say(many)
            case "trim":
                log.trim(many)
            case "look":
                told += shown(follower, log)
            case "fail over":
                log.put_back(log.go_back(many))
    nums = [each.entry.event.num for each in told if isinstance(each, Placed)]
    assert sorted(set(nums)) == nums
    lost = [each.many for each in told if isinstance(each, Lost)]
    assert log.said - 3 == len([num for num in nums if num > 3]) + sum(many or 0 for many in lost)
    assert len(told) == len(nums) + len(lost)
