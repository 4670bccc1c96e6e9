"""Whether what was written to a socket has reached the other side, as far as its system tells.

Linux counts what its peer hasn't acknowledged yet (SIOCOUTQ, tcp(7)). Behind a balancer the
peer is the balancer. Where the system doesn't tell, what was handed to it counts as arrived.
"""

import array
import fcntl
import sys
import termios
from typing import Any


def reached(transport: Any) -> bool:
    """Whether nothing waits in a Twisted transport, and nothing unacknowledged in its socket."""
    while not hasattr(transport, "socket") and hasattr(transport, "transport"):
        transport = transport.transport  # TLS is a layer above
    if getattr(transport, "dataBuffer", b"") or getattr(transport, "_tempDataBuffer", ()):
        return False
    socket = getattr(transport, "socket", None)
    if socket is None or not sys.platform.startswith("linux"):
        return True
    waiting = array.array("i", [0])
    try:
        fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, waiting)
    except OSError:
        return True  # not a stream to another machine
    return waiting[0] == 0
