"""`node.core.lane`: one command at a time, lines together, bounded, and never nested."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from broker.api import Code, Identity, Refused
from node.core.commands import Command, Ping, Say
from node.core.lane import MOST, Lane
from node.core.session import Session
from node.dialects.slash import Slash
from tests.support.village import Screen


class Slow:
    """A `Performer` that writes down what was begun. `wait`: commands wait for `go`."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.refused: list[Refused] = []
        self.done_with: list[Command] = []
        self.waiting: list[Deferred[None]] = []
        self.saying = 0
        self.wait = True
        self.refuse_at_once = False
        self.adrift = False
        self.failures: list[Failure] = []

    def say(self, session: Session, command: Say) -> None:
        self.begun.append(command.text)
        if self.refuse_at_once:
            session.lane.settled(Refused(Code.NOT_MEMBER))
        else:
            self.saying += 1

    async def perform(self, session: Session, command: Command) -> None:
        assert isinstance(command, Ping)
        self.begun.append(command.text)
        if self.wait:
            gate: Deferred[None] = Deferred()
            self.waiting.append(gate)
            await gate

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(work).addErrback(self.failures.append)

    def refuse(self, session: Session, refused: Refused, command: Command) -> None:
        self.refused.append(refused)

    def done(self, session: Session, command: Command) -> None:
        self.done_with.append(command)

    def go(self) -> None:
        """The command that waits is done."""
        self.waiting.pop(0).callback(None)


@pytest.fixture
def performer() -> Slow:
    return Slow()


@pytest.fixture
def session(performer: Slow) -> Session:
    session = Session(Identity("s", "t", "alice"), Slash(), Screen())
    session.lane = Lane(session, performer)
    session.came_in = True
    return session


def said(text: str) -> Say:
    return Say(None, text)


def paused(session: Session) -> bool:
    assert isinstance(session.connection, Screen)
    return session.connection.paused


def test_a_command_begins_at_once_when_nothing_is_before_it(
    session: Session, performer: Slow
) -> None:
    session.lane.add(Ping("1"))
    assert ["1"] == performer.begun


def test_a_command_waits_for_the_one_before_it(session: Session, performer: Slow) -> None:
    session.lane.add(Ping("1"))
    session.lane.add(Ping("2"))
    before = list(performer.begun)
    performer.go()
    assert (["1"], ["1", "2"]) == (before, performer.begun)


def test_lines_do_not_wait_for_one_another(session: Session, performer: Slow) -> None:
    session.lane.add(said("one"))
    session.lane.add(said("two"))
    assert ["one", "two"] == performer.begun


def test_a_command_waits_for_all_lines_before_it(session: Session, performer: Slow) -> None:
    for command in (said("one"), said("two"), Ping("1")):
        session.lane.add(command)
    session.lane.settled(None)
    before = list(performer.begun)
    session.lane.settled(None)
    assert (["one", "two"], ["one", "two", "1"]) == (before, performer.begun)


def test_a_line_does_not_overtake_a_command_that_waits(session: Session, performer: Slow) -> None:
    for command in (said("one"), Ping("1"), said("two")):
        session.lane.add(command)
    session.lane.settled(None)
    before = list(performer.begun)
    performer.go()
    assert (["one", "1"], ["one", "1", "two"]) == (before, performer.begun)


def test_first_comes_before_what_waits_and_after_what_is_being_done(
    session: Session, performer: Slow
) -> None:
    session.lane.add(Ping("1"))
    session.lane.add(Ping("2"))
    session.lane.first(Ping("first"))
    performer.go()
    performer.go()
    assert ["1", "first", "2"] == performer.begun


def test_first_begins_at_once_in_an_idle_lane(session: Session, performer: Slow) -> None:
    session.lane.first(Ping("first"))
    assert ["first"] == performer.begun


def test_a_line_that_is_refused_is_told(session: Session, performer: Slow) -> None:
    session.lane.add(said("one"))
    session.lane.settled(Refused(Code.BUSY))
    assert [Refused(Code.BUSY)] == performer.refused


def test_a_lane_that_is_full_of_commands_is_not_read_for(session: Session, performer: Slow) -> None:
    session.lane.add(Ping("0"))
    for i in range(1, MOST):
        session.lane.add(Ping(str(i)))
    before = paused(session)
    session.lane.add(Ping("one more"))
    assert (False, True) == (before, paused(session))


def test_a_lane_that_has_been_emptied_is_read_for_again(session: Session, performer: Slow) -> None:
    for i in range(MOST + 1):
        session.lane.add(Ping(str(i)))
    while performer.waiting:
        assert paused(session) or len(performer.begun) > MOST
        performer.go()
    assert not paused(session)


def test_a_lane_with_many_unsettled_lines_is_not_read_for(
    session: Session, performer: Slow
) -> None:
    for i in range(MOST):
        session.lane.add(said(str(i)))
    assert paused(session)


def test_a_lane_whose_lines_were_settled_is_read_for_again(
    session: Session, performer: Slow
) -> None:
    for i in range(MOST):
        session.lane.add(said(str(i)))
    for _ in range(MOST):
        session.lane.settled(None)
    assert not paused(session)


def test_lines_that_waited_begin_no_more_at_once_than_may_be_unsettled(
    session: Session, performer: Slow
) -> None:
    session.lane.add(Ping("1"))
    for i in range(3 * MOST):
        session.lane.add(said(str(i)))
    performer.go()
    assert MOST == performer.saying


def test_all_that_waited_is_done_in_its_order(session: Session, performer: Slow) -> None:
    session.lane.add(Ping("0"))
    for i in range(1, 200):
        session.lane.add(Ping(str(i)) if i % 7 == 0 else said(str(i)))
    while performer.waiting or performer.saying:
        if performer.waiting:
            performer.go()
        else:
            performer.saying -= 1
            session.lane.settled(None)
    assert [str(i) for i in range(200)] == performer.begun


@pytest.mark.parametrize("kind", [said, Ping])
def test_thousands_that_are_answered_at_once_do_not_nest(
    session: Session, performer: Slow, kind: Callable[[str], Command]
) -> None:
    session.lane.add(Ping("0"))
    performer.wait, performer.refuse_at_once = False, True
    for i in range(1, 5000):
        session.lane.add(kind(str(i)))
    performer.go()
    assert ([str(i) for i in range(5000)], []) == (performer.begun, performer.failures)
    assert not paused(session)


def test_a_line_that_has_a_ref_is_answered_once_it_is_settled(
    session: Session, performer: Slow
) -> None:
    asked, quiet = Say("#go", "hi", ref=7), Say("#go", "hi")
    session.lane.add(asked)
    session.lane.add(quiet)
    session.lane.settled(None)
    session.lane.settled(None, line=asked)
    assert ([asked], []) == (performer.done_with, performer.refused)


def test_nothing_waits_while_the_broker_is_away(session: Session, performer: Slow) -> None:
    session.lane.add(Ping("stuck"))
    performer.adrift = True
    session.lane.add(Ping("1"))
    session.lane.add(said("line"))
    assert ["stuck", "1", "line"] == performer.begun


def test_what_is_typed_before_one_has_come_in_waits_also_while_the_broker_is_away(
    session: Session, performer: Slow
) -> None:
    session.came_in = False
    session.lane.add(Ping("beginning"))
    performer.adrift = True
    session.lane.add(Ping("1"))
    session.lane.cast_off()
    assert ["beginning"] == performer.begun
    performer.go()
    assert ["beginning", "1"] == performer.begun


def test_what_waits_when_the_broker_goes_is_done_at_once(session: Session, performer: Slow) -> None:
    for command in (Ping("stuck"), Ping("1"), said("line")):
        session.lane.add(command)
    performer.adrift = True
    session.lane.cast_off()
    assert ["stuck", "1", "line"] == performer.begun


def test_who_was_not_read_from_is_read_from_when_the_broker_goes(
    session: Session, performer: Slow
) -> None:
    for i in range(MOST + 1):
        session.lane.add(Ping(str(i)))
    performer.adrift = True
    performer.wait = False
    session.lane.cast_off()
    assert not paused(session)
