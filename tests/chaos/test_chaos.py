"""The shortest chaos run is part of the tests: real nodes, a real server, and a fixed seed."""

import subprocess
import sys

import pytest


@pytest.mark.timeout(480)  # half a minute on a machine with nothing else to do
def test_a_cluster_under_faults_loses_doubles_and_disorders_nothing() -> None:
    run = [sys.executable, "-m", "tests.chaos", "--brief", "--seed", "1", "--nodes", "3"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, f"{done.stdout}\n{done.stderr}"
    assert "| lost | 0 |" in done.stdout


def test_a_fault_that_is_not_known_is_refused_with_the_names_of_all() -> None:
    run = [sys.executable, "-m", "tests.chaos", "--only", "boredom"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (2, True) == (done.returncode, "node killed" in done.stderr)
