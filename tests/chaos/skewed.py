"""`chorus`, on a machine whose clock is wrong: by as many seconds as stand in the file CHAOS_CLOCK.

    CHAOS_CLOCK=FILE CHAOS_WAYS=FILE python -m tests.chaos.skewed node --name n1 ...

At SIGUSR1 it's read again: the clock is set while the node runs. Nodes of one cluster may differ
by minutes: what they have to agree on is told by Redis's clock. CHAOS_WAYS says, as JSON, by which
port of 127.0.0.1 the node reaches which server, where that isn't the server's own: a relay.
"""

import json
import os
import signal
import time
from functools import partialmethod
from pathlib import Path

_file = Path(os.environ["CHAOS_CLOCK"])
_time = time.time
_skew = 0.0


def _set(*_signal: object) -> None:
    global _skew  # noqa: PLW0603 - it's the process's clock
    _skew = float(_file.read_text())


_set()
time.time = lambda: _time() + _skew  # before Twisted takes it for its own clock
signal.signal(signal.SIGUSR1, _set)

from broker.address import Place  # noqa: E402
from node.main import main  # noqa: E402
from node.net import turns  # noqa: E402

_install = turns.install


def _via(place: Place) -> Place:
    ways = json.loads(Path(os.environ["CHAOS_WAYS"]).read_text())
    return place[0], ways.get(str(place[1]), place[1])


def _installed() -> None:
    """The broker brings in Twisted's reactor, so not before the node has chosen its own."""
    _install()
    from broker.cluster import Cluster

    Cluster.__init__ = partialmethod(  # type: ignore[assignment, method-assign]
        Cluster.__init__, via=_via
    )


turns.install = _installed

main(prog_name="chorus")
