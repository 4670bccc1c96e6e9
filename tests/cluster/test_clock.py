"""A node's wall clock is set while it runs: nobody notices."""

import signal
from pathlib import Path

import pytest

from tests.cluster.conftest import LEASE, let_nodes_sweep
from tests.support.nodes import Nodes
from tests.support.town import Town, settle


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
def test_a_node_whose_clock_is_set_keeps_its_lease_and_its_people(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0")
    monkeypatch.setenv("CHAOS_CLOCK", str(clock))
    flags = ("--lease", str(LEASE))
    with (
        Nodes(server, tmp_path, *flags, module="tests.chaos.skewed") as nodes,
        Town(nodes, 2) as town,
    ):
        ann, bob = town.people("ann", "bob", at="#go")
        clock.write_text(str(seconds))
        town.nodes[0].send_signal(signal.SIGUSR1)
        let_nodes_sweep(town)
        ann.does("still here")
        settle(bob)
        assert [] == [
            line for each in (ann, bob) for line in each.heard if "quit" in line or "notice" in line
        ]
        assert "[#go] <ann> still here" == bob.heard[-2]
