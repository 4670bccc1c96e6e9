"""Runs a server for as long as somebody holds the other end of standard input.

    python -I -S guard.py KEPT_FD PROGRAM ARGUMENT...

`embedded` starts it, by its path: it must import nothing but the standard library, and little
of that. When standard input ends, the server gets SIGTERM, and SIGKILL if it's still there
after a while. Prints the server's process id, and ends as the server ended. KEPT_FD is handed
on: the lock on the server's folder must not be free while the server lives.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

GRACE = 10.0
"""Seconds from SIGTERM to SIGKILL."""


def main(kept_fd: int, program: list[str]) -> int:
    """Run `program` to its end. Returns its exit status, 128 + N if signal N ended it.

    Raises OSError if it can't be run.
    """
    server = subprocess.Popen(
        program, stdin=subprocess.DEVNULL, stdout=sys.stderr, pass_fds=(kept_fd,)
    )

    def end_with_holders() -> None:
        while os.read(0, 4096):
            pass
        server.terminate()
        server.send_signal(signal.SIGCONT)  # were it frozen, it couldn't hear the other
        time.sleep(GRACE)
        server.kill()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: server.terminate())
    threading.Thread(target=end_with_holders, daemon=True).start()
    _tell(server.pid)
    status = server.wait()
    return status if status >= 0 else 128 - status


def _tell(pid: int) -> None:
    with suppress(BrokenPipeError):  # who started us is gone, and so standard input has ended
        os.write(1, b"%d\n" % pid)
    os.close(1)


if __name__ == "__main__":
    try:
        sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
    except OSError as error:
        sys.exit(f"{sys.argv[2]} can't be run: {error.strerror}")
