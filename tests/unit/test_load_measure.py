"""`tests.load.measure`: medians of repetitions, and what the generator is told."""

from typing import Any

from tests.load.cases import channel, fanout
from tests.load.generator import Faults, Measurement
from tests.load.measure import command, figures
from tests.load.servers import Server


def measurement(**details: Any) -> Measurement:
    sound = {"lost": 0, "doubled": 0, "reordered": 0, "misplaced": 0, "dead": 0, "busy": 0.5}
    timing = {"seconds": 2.0, "p50_ms": 1.0, "p99_ms": 2.0, "cpu_us": [500_000.0]}
    return Measurement(**{**sound, **timing, **details})


def test_figures_are_medians_and_faults_are_sums() -> None:
    found = figures(
        [
            measurement(done=200, cost=1.0, lost=1),
            measurement(done=1000, cost=9.0, lost=2),
            measurement(done=600, cost=2.0, cpu_us=[900_000.0]),
        ]
    )
    assert (2.0, 300.0) == (found.cost, found.per_second)
    assert (Faults(lost=3), (0.25,)) == (found.faults, found.cpu)


def test_the_generator_is_told_every_port_process_and_repetition() -> None:
    server = Server("irc", [1, 2], [3], 8, ("--oper", "me me"))
    words = command(channel(50, fanout(50)), server, 2, 1.5)
    told = [word for word in words if word.startswith(("--port", "--pid", "--rate"))]
    assert ["--port=1", "--port=2", "--pid=3", "--rate=0", "--rate=0"] == told
    assert ["--parallel", "8", "--oper", "me me"] == words[-4:]
