"""`broker.replication`: when it asks replicas, and what it makes of their answers."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from broker.link import LinkLost, ReplyError
from broker.replication import STEADY, Replication
from tests.support.village import done

MARK = ("SET", "mark", "")
LIMIT = 0.5


class FakeLink:
    """A link whose turns and answers are the test's. `asked`: what waits for an answer."""

    def __init__(self, **calls: Any) -> None:
        self.calls = calls
        self.connected = True
        self.dropped = 0
        self.due = False
        self.asked: list[tuple[tuple[Any, ...], Callable[[Any], None]]] = []

    def start(self) -> None: ...

    def stop(self) -> "Deferred[None]":
        return succeed(None)

    def soon(self) -> None:
        self.due = True

    def send(self, args: Any, answered: Callable[[Any], None], *, again: bool) -> None:
        assert not again  # what is asked on another connection says nothing of this one's
        self.asked.append((args, answered))

    def drop(self) -> None:
        self.dropped += 1

    def turn(self) -> None:
        """The end of a turn."""
        due, self.due = self.due, False
        if due:
            self.calls["gather"]()

    def answer(self, *replies: Any) -> None:
        """To what was asked first."""
        for reply in replies:
            _, answered = self.asked.pop(0)
            answered(reply)


class FakeWire:
    """A connection to the server with this run id."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id

    def ask(self, *_args: str) -> "Deferred[bytes]":
        return succeed(f"# Server\r\nrun_id:{self.run_id}\r\nport:1\r\n".encode())


class Waited:
    """A replication over a fake link. `told`: what changed; `done`: whose wait is over."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[bool] = []
        self.done: list[str] = []
        self.master = FakeLink()
        self.replication = Replication(
            self.clock,
            self._link,
            mark=MARK,
            replicas=1,
            timeout=LIMIT,
            changed=self.told.append,
            master=cast(Any, self.master),
        )

    def _link(self, **calls: Any) -> Any:
        self.link = FakeLink(**calls)
        return self.link

    def accept(self, *names: str) -> None:
        """So much is accepted in one turn."""
        for name in names:
            self.replication.confirm(lambda name=name: self.done.append(name))  # type: ignore[misc]
        self.link.turn()

    def fail(self) -> None:
        """A mark that no replica has in time."""
        self.replication.probe()
        self.link.turn()
        self.link.answer(1, 0)

    def probe(self, reply: Any = 1) -> None:
        self.replication.probe()
        self.link.turn()
        self.link.answer(1, reply)


@pytest.fixture
def waited() -> Waited:
    return Waited()


def test_what_a_turn_brought_shares_a_mark_and_a_wait(waited: Waited) -> None:
    waited.accept("a", "b")
    assert [MARK, ("WAIT", 1, 500)] == [args for args, _ in waited.link.asked]
    assert [] == waited.done
    waited.link.answer(1, 1)
    assert (["a", "b"], []) == (waited.done, waited.told)


def test_what_is_accepted_while_one_is_under_way_shares_the_next(waited: Waited) -> None:
    for name in "abc":
        waited.accept(name)
    assert 2 == len(waited.link.asked)
    waited.link.answer(1, 1)
    waited.link.turn()
    assert (["a"], 2) == (waited.done, len(waited.link.asked))
    waited.link.answer(1, 1)
    assert ["a", "b", "c"] == waited.done


@pytest.mark.parametrize(
    "replies",
    [(1, 0), (ReplyError("OOM"), 1), (1, ReplyError("WAIT cannot be used with replica instances"))],
)
def test_what_replicas_lack_is_let_go_after_it_was_told(
    waited: Waited, replies: tuple[Any, Any]
) -> None:
    waited.accept("a")
    waited.accept("b")
    waited.link.answer(*replies)
    assert ([False], ["a", "b"]) == (waited.told, waited.done)


def test_nobody_waits_for_replicas_that_are_not_there(waited: Waited) -> None:
    waited.fail()
    waited.accept("a")
    assert ["a"] == waited.done


def test_a_silent_connection_holds_nobody_longer_than_the_limit(waited: Waited) -> None:
    waited.accept("a")
    waited.clock.advance(LIMIT)
    assert ([False], ["a"]) == (waited.told, waited.done)


def test_without_a_connection_nobody_waits_longer_either(waited: Waited) -> None:
    waited.link.connected = False
    waited.accept("a")
    assert ([], []) == (waited.link.asked, waited.done)
    waited.clock.advance(LIMIT)
    assert ([False], ["a"]) == (waited.told, waited.done)


def test_a_connection_lost_and_back_in_time_is_asked_again(waited: Waited) -> None:
    waited.accept("a")
    waited.link.answer(LinkLost(), LinkLost())
    waited.link.calls["up"]()
    waited.link.turn()
    waited.link.answer(1, 1)
    assert ([], ["a"]) == (waited.told, waited.done)


def test_replicas_count_again_after_several_good_answers_in_a_row(waited: Waited) -> None:
    waited.fail()
    for reply in [*[1] * (STEADY - 1), 0, *[1] * (STEADY - 1)]:
        waited.probe(reply)
    assert [False] == waited.told
    waited.probe()
    assert [False, True] == waited.told


def test_what_the_master_accepted_before_its_connection_was_lost_is_uncertain(
    waited: Waited,
) -> None:
    waited.accept("a")
    waited.replication.lost()
    assert ([False], ["a"]) == (waited.told, waited.done)


def test_a_lost_connection_means_nothing_if_nobody_waits(waited: Waited) -> None:
    waited.replication.lost()
    assert [] == waited.told


def test_an_idle_node_without_redis_says_nothing_of_replicas(waited: Waited) -> None:
    waited.replication.probe()
    waited.master.connected = waited.link.connected = False
    waited.clock.advance(LIMIT)
    assert [] == waited.told


def test_nobody_is_asked_who_is_not_the_masters(waited: Waited) -> None:
    wire, greet = cast(Any, FakeWire), waited.replication.greet
    done(waited.link.calls["introduce"](wire("old")))
    done(greet(wire("old")))
    assert (0, 0) == (waited.link.dropped, waited.master.dropped)
    done(greet(wire("new")))
    assert (1, 0) == (waited.link.dropped, waited.master.dropped)
    waited.accept("a")
    assert [] == waited.link.asked
    done(waited.link.calls["introduce"](wire("new")))
    waited.link.calls["up"]()
    waited.link.turn()
    waited.link.answer(1, 1)
    assert ["a"] == waited.done


def test_if_ours_has_moved_the_masters_connection_follows(waited: Waited) -> None:
    wire = cast(Any, FakeWire)
    done(waited.replication.greet(wire("old")))
    done(waited.link.calls["introduce"](wire("new")))
    assert (0, 1) == (waited.link.dropped, waited.master.dropped)


def test_whoever_waits_at_the_end_is_let_go(waited: Waited) -> None:
    waited.accept("a")
    done(waited.replication.stop())
    assert ([], ["a"], []) == (waited.told, waited.done, waited.clock.getDelayedCalls())
