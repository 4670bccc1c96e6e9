"""An operator at a terminal: `chorus drain`, `chorus rebalance`, `chorus doctor`, on some nodes."""

import json
import subprocess
from typing import Any

from tests.support.nodes import Nodes
from tests.support.up import command, environ


def operate(nodes: Nodes, *args: str) -> "subprocess.CompletedProcess[str]":
    """What a command said, and its exit status."""
    return operate_on(nodes.url, *args, "--namespace", nodes.namespace)


def operate_on(url: str, *args: str) -> "subprocess.CompletedProcess[str]":
    """As `operate`, on the cluster whose Redis is at `url`."""
    return subprocess.run(
        command(*args, "--redis", url),
        env=environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def diagnosis(nodes: Nodes, *args: str) -> tuple[int, dict[str, Any]]:
    """The exit status of the doctor, and what it told."""
    done = operate(nodes, "doctor", "--json", *args)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)
