"""`node.lifeline`: a process that ends with its parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import node

SOURCE = Path(node.__file__).parent.parent

CHILD = """
import signal, sys, time
from node.lifeline import hold
def bye(*_):
    print("these words go nowhere", flush=True)
    open(sys.argv[1], "w").close()
    sys.exit(3)
signal.signal(signal.SIGTERM, bye if sys.argv[2] == "polite" else signal.SIG_IGN)
hold(0, grace=float(sys.argv[3]))
print("ready", flush=True)
while True:
    time.sleep(60)
"""


def run(done: Path, manners: str, grace: float) -> int:
    """How a child ends whose parent lets go, and who can't be heard any more."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(done), manners, str(grace)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        child.stdout.close()
        child.stdin.close()
        return child.wait(60)
    finally:
        child.kill()
        child.wait()


def test_a_child_ends_in_good_order_when_its_parent_is_gone(tmp_path: Path) -> None:
    assert (3, True) == (run(tmp_path / "done", "polite", 9), (tmp_path / "done").exists())


def test_a_child_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    assert -signal.SIGKILL == run(tmp_path / "done", "stubborn", 0.01)
