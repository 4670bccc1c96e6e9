"""`node.http.counter`: one number for the whole cluster."""

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET
from twisted.web.test.requesthelper import DummyRequest

from broker.memory import Memory, World
from node.http.counter import Counter
from tests.support.sinks import Record
from tests.support.village import done


class Waiting(Memory):
    """A broker whose answers wait."""

    def __init__(self, world: World, node_name: str) -> None:
        super().__init__(world, node_name)
        self.gates: list[Deferred[None]] = []
        self.cancelled = 0

    async def count(self, counter: str) -> int:
        gate: Deferred[None] = Deferred()
        self.gates.append(gate)
        try:
            await gate
        except CancelledError:
            self.cancelled += 1
            raise
        return await super().count(counter)


@pytest.fixture
def world() -> World:
    return World(lambda: 0.0)


@pytest.fixture
def broker(world: World) -> Memory:
    made = Memory(world, "node")
    done(made.start(Record()))
    return made


class Request(DummyRequest):
    """May be asked to tell of its end when that's over, as a real one."""

    def notifyFinish(self) -> "Deferred[None]":
        return Deferred() if self.finished else super().notifyFinish()


def get(resource: Counter) -> Any:
    request: Any = Request([b""])
    assert NOT_DONE_YET == resource.render_GET(request)
    return request


def body(request: Any) -> bytes:
    return b"".join(request.written)


def test_requests_are_counted(broker: Memory) -> None:
    counter = Counter(broker)
    said = [body(get(counter)) for _ in range(3)]
    assert [b"I am request #1\n", b"I am request #2\n", b"I am request #3\n"] == said


def test_the_number_is_the_whole_clusters(broker: Memory, world: World) -> None:
    other = Memory(world, "other")
    done(other.start(Record()))
    get(Counter(broker))
    assert b"I am request #2\n" == body(get(Counter(other)))


def test_the_answer_is_plain_text_that_nobody_keeps(broker: Memory) -> None:
    headers = get(Counter(broker)).responseHeaders
    assert [b"text/plain; charset=utf-8"] == headers.getRawHeaders(b"content-type")
    assert [b"no-store"] == headers.getRawHeaders(b"cache-control")


def test_without_the_broker_it_is_unavailable(broker: Memory, world: World) -> None:
    world.lose(broker)
    request = get(Counter(broker))
    assert (503, b"the broker is away\n") == (request.responseCode, body(request))
    assert 1 == request.finished


def test_requests_that_wait_together_get_different_numbers(world: World) -> None:
    broker = Waiting(world, "node")
    done(broker.start(Record()))
    requests = [get(Counter(broker)) for _ in range(5)]
    for gate in reversed(broker.gates):
        gate.callback(None)
    expected = {f"I am request #{i}\n".encode() for i in range(1, 6)}
    assert expected == {body(request) for request in requests}


def test_who_has_gone_meanwhile_is_not_written_to(world: World) -> None:
    broker = Waiting(world, "node")
    done(broker.start(Record()))
    request = get(Counter(broker))
    request.processingFailed(Failure(ConnectionLost()))
    assert (b"", 1) == (body(request), broker.cancelled)
