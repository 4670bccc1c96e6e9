"""`chorus`, on a machine whose clock is wrong: CHAOS_SKEW says by how many seconds.

    CHAOS_SKEW=-180 python -m tests.chaos.skewed node --name n1 ...

Nodes of one cluster may differ by minutes: what they have to agree on is told by Redis's clock.
"""

import os
import time

_skew = float(os.environ.get("CHAOS_SKEW", "0"))
_time = time.time
time.time = lambda: _time() + _skew  # before Twisted takes it for its own clock

from node.main import main  # noqa: E402

main(prog_name="chorus")
