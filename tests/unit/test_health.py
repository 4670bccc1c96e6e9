"""`node.health`: ready or not, latched."""

import pytest

from broker.reports import State
from broker.tally import BrokerTally
from broker.writes import Writes
from node.health import LAGGING, LATE, RED, Health


class Node:
    """A node whose clock and probes are set by hand."""

    def __init__(self, beat: float = 1.0) -> None:
        self.now = 1000.0
        self.starting = self.draining = False
        self.lag = 0.0
        self.replicated = True
        self.tally = BrokerTally()
        self.writes = Writes(lambda: self.now)
        self.health = Health(
            self.tally,
            beat=beat,
            starting=lambda: self.starting,
            draining=lambda: self.draining,
            writes=self.writes,
            lag=lambda: self.lag,
            replicated=lambda: self.replicated,
            seconds=lambda: self.now,
        )
        self.probe()

    def probe(self) -> None:
        """A probe comes back."""
        self.tally.probes += 1
        self.tally.probe = 0.001
        self.tally.probed_at = self.now

    def after(self, seconds: float) -> State:
        """How it is a while later."""
        self.now += seconds
        return self.health.state()[0]

    @property
    def ready(self) -> bool:
        return not self.health.unready()


@pytest.fixture
def node() -> Node:
    return Node()


def test_a_node_whose_probes_come_back_is_ready(node: Node) -> None:
    assert (State.READY, ()) == node.health.state()
    assert node.ready


def test_a_blip_makes_a_node_degraded_and_leaves_it_ready(node: Node) -> None:
    assert State.DEGRADED is node.after(LATE + 1)
    assert node.ready
    assert ("nothing has come back through Redis for 4 s",) == node.health.state()[1]


def test_after_a_while_without_a_probe_a_node_is_not_ready(node: Node) -> None:
    node.after(RED)
    assert node.ready
    node.after(0.1)
    assert ("nothing has come back through Redis for 10 s",) == node.health.unready()


def test_one_probe_does_not_make_it_ready_again_and_two_do(node: Node) -> None:
    node.after(RED + 1)
    assert not node.ready
    node.probe()
    assert ("Redis is back, for how long is to be seen",) == node.health.unready()
    node.after(1)
    node.probe()
    assert node.ready


def test_probes_that_are_rare_are_waited_for_longer() -> None:
    node = Node(beat=75.0)
    assert State.READY is node.after(140)
    node.after(80)
    assert node.ready
    node.after(10)
    assert not node.ready


def test_a_node_that_drains_is_not_ready(node: Node) -> None:
    node.draining = True
    assert (State.DRAINING, ("draining: takes nobody any more",)) == node.health.state()
    assert not node.ready


def test_a_node_that_starts_is_not_ready(node: Node) -> None:
    node.starting = True
    assert ("starting: it hasn't had Redis yet",) == node.health.unready()


def test_a_late_event_loop_is_told_and_the_node_is_ready_still(node: Node) -> None:
    node.lag = LAGGING + 0.2
    assert (State.DEGRADED, ("the event loop was 0.7 s late",)) == node.health.state()
    assert node.ready


def test_too_few_replicas_are_told_and_the_node_is_ready_still(node: Node) -> None:
    node.replicated = False
    told = (State.DEGRADED, ("too few replicas have what is accepted",))
    assert (told, True) == (node.health.state(), node.ready)


def test_a_late_probe_has_no_round_trip(node: Node) -> None:
    assert 0.001 == node.health.probe
    node.after(LATE + 0.1)
    assert node.health.probe is None


def test_a_node_whose_writes_redis_refuses_is_degraded_and_after_a_while_unready(
    node: Node,
) -> None:
    why = "Redis takes no writes: NOREPLICAS Not enough good replicas to write."
    node.writes.refused("say", "NOREPLICAS Not enough good replicas to write.")
    node.after(RED)
    node.probe()
    assert node.ready
    assert (State.DEGRADED, (why,)) == node.health.state()
    node.after(1)
    assert (why,) == node.health.unready()
    assert (State.DEGRADED, (why,)) == node.health.state()
    node.writes.taken()
    assert node.ready
