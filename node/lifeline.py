"""A process that was started for another's sake ends with it, however that one ends.

The parent holds one end of a pipe and never writes; when it's gone, even by SIGKILL, the kernel
closes its end and whoever reads the other reads its end. No signal, no polling, no race, and
the same on every system.
"""

import os
import signal
import threading
import time
from contextlib import suppress

GRACE = 12.0
"""Seconds that the process has for a good end before it's killed."""


def hold(fd: int, grace: float = GRACE) -> None:
    """Send this process SIGTERM when the pipe `fd` ends, and SIGKILL `grace` seconds later.

    Standard output and error are the parent's too: what is written there after its end goes
    nowhere, and is no error.
    """

    def watch() -> None:
        with suppress(OSError):
            while os.read(fd, 4096):
                pass
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
