"""`node.http.live`: one reading for everybody who looks, none for nobody."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from node.http.live import EVERY, STALLED, Live
from node.http.sse import event


class Newsroom:
    """Says `{"n": 1}`, `{"n": 2}` and so on. `late`: answers, but only when it's told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.opened = 0
        self.late = False
        self.waiting: list[Deferred[None]] = []
        self.closed = False

    async def news(self) -> bytes:
        self.asked += 1
        number = self.asked
        if self.late:
            gate: Deferred[None] = Deferred()
            self.waiting.append(gate)
            await gate
        return event("news", b'{"n": %d}' % number)

    async def opening(self) -> bytes:
        self.opened += 1
        if self.closed:
            raise ConnectionError
        return event("opening", b"{}")


class Stream(Resource):
    isLeaf = True

    def __init__(self, live: Live) -> None:
        super().__init__()
        self.live = live
        self.allowed = True

    def render_GET(self, request: Any) -> int:
        self.live.watch(request, lambda: self.allowed)
        return NOT_DONE_YET


class Place:
    """A site with a stream, on a clock."""

    def __init__(self, most: int = 3) -> None:
        self.clock = Clock()
        self.room = Newsroom()
        self.live = Live(self.room.news, self.room.opening, self.clock, most)
        self.stream = Stream(self.live)
        self._site: Any = Site(self.stream, reactor=self.clock)

    def look(self) -> "Looker":
        return Looker(self._site.buildProtocol(None))

    def pass_by(self, seconds: float = EVERY) -> None:
        self.clock.advance(seconds)


class Looker:
    """A browser that asked for the stream."""

    def __init__(self, protocol: Any) -> None:
        self.transport: Any = StringTransport()
        self.protocol = protocol
        protocol.makeConnection(self.transport)
        protocol.dataReceived(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    def read(self) -> str:
        """What came since the last look."""
        said: str = self.transport.value().decode()
        self.transport.clear()
        return said

    @property
    def closed(self) -> bool:
        return bool(self.transport.disconnecting or self.transport.disconnected)

    def leave(self) -> None:
        from twisted.internet.error import ConnectionDone
        from twisted.python.failure import Failure

        self.protocol.connectionLost(Failure(ConnectionDone()))

    def stall(self) -> None:
        self.transport.producer.pauseProducing()

    def go_on(self) -> None:
        self.transport.producer.resumeProducing()


@pytest.fixture
def place() -> Place:
    return Place()


def test_who_looks_gets_the_opening_and_the_news_at_once(place: Place) -> None:
    said = place.look().read()
    assert "content-type: text/event-stream" in said.lower()
    assert "cache-control: no-store" in said.lower()
    assert said.index("event: opening") < said.index('{"n": 1}')


def test_news_come_every_second(place: Place) -> None:
    looker = place.look()
    looker.read()
    place.pass_by()
    assert 'event: news\ndata: {"n": 2}\n\n' in looker.read()


def test_nothing_is_read_for_nobody(place: Place) -> None:
    place.pass_by(10)
    assert 0 == place.room.asked
    place.look().leave()
    place.pass_by(10)
    assert 1 == place.room.asked


def test_it_is_read_once_for_everybody(place: Place) -> None:
    lookers = [place.look() for _ in range(3)]
    place.pass_by()
    assert 2 == place.room.asked
    assert all('{"n": 2}' in looker.read() for looker in lookers)


def test_who_comes_between_gets_the_latest_at_once(place: Place) -> None:
    place.look()
    place.pass_by(0.5)
    second = place.look()
    assert '{"n": 1}' in second.read()
    place.pass_by(0.5)
    assert "event: opening" in second.read()


def test_the_opening_comes_as_soon_as_it_can_be_had(place: Place) -> None:
    place.room.closed = True
    looker = place.look()
    said = looker.read()
    assert "event: opening" not in said and '{"n": 1}' in said
    place.room.closed = False
    place.pass_by()
    assert "event: opening" in looker.read()
    place.pass_by()
    assert "event: opening" not in looker.read()


def test_while_a_reading_takes_long_no_other_is_begun(place: Place) -> None:
    place.room.late = True
    place.look()
    place.pass_by(5)
    assert 1 == place.room.asked


def test_who_comes_again_while_a_reading_takes_long_makes_no_news_come_more_often(
    place: Place,
) -> None:
    place.room.late = True
    place.look().leave()
    looker = place.look()
    place.room.late = False
    for gate in place.room.waiting:
        gate.callback(None)
    looker.read()
    before = place.room.asked
    for _ in range(3):
        place.pass_by()
        assert 1 == looker.read().count("event: news")
    assert 3 == place.room.asked - before


def test_who_comes_when_nobody_has_looked_for_a_moment_gets_the_latest(place: Place) -> None:
    place.look().leave()
    place.pass_by(0.5)
    assert '{"n": 1}' in place.look().read()
    place.pass_by(0.5)
    assert 2 == place.room.asked


def test_who_does_not_read_is_passed_over(place: Place) -> None:
    stalled, other = place.look(), place.look()
    place.pass_by()
    stalled.read()
    stalled.stall()
    place.pass_by()
    assert "" == stalled.read()
    assert '{"n": 3}' in other.read()
    stalled.go_on()
    place.pass_by()
    said = stalled.read()
    assert '{"n": 4}' in said and '{"n": 3}' not in said


def test_who_does_not_read_for_long_is_closed(place: Place) -> None:
    stalled, other = place.look(), place.look()
    stalled.stall()
    place.clock.pump([EVERY] * (int(STALLED) + 2))
    assert (True, False) == (stalled.closed, other.closed)


def test_there_is_room_for_so_many(place: Place) -> None:
    lookers = [place.look() for _ in range(3)]
    assert place.live.full
    lookers[0].leave()
    assert not place.live.full


def test_who_may_look_no_more_is_closed(place: Place) -> None:
    looker = place.look()
    place.stream.allowed = False
    place.pass_by()
    assert looker.closed


def test_when_the_node_is_about_to_end_everybody_is_told_to_come_again(place: Place) -> None:
    looker = place.look()
    place.live.part()
    assert looker.read().endswith("event: bye\ndata: {}\n\n\r\n0\r\n\r\n")
    assert looker.closed
    assert not place.live.full


def test_when_it_has_stopped_nobody_may_look(place: Place) -> None:
    looker = place.look()
    place.live.stop()
    assert (True, True) == (looker.closed, place.live.full)


def test_after_everybody_was_closed_nothing_is_read(place: Place) -> None:
    place.look()
    place.live.part()
    place.pass_by(5)
    assert 1 == place.room.asked
