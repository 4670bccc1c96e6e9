"""What is written to people: one write per person and turn, however much the turn brought.

Whatever is put into an outbox during a turn of the event loop goes out at its end, straight
to the socket where nothing is pending. No timers: a lone line isn't held back.
"""

from collections.abc import Callable, Iterable

from twisted.logger import Logger

from broker.api import Later
from node.core.session import Session
from node.core.tally import Tally


class Outbox:
    """A `node.core.hub.Outbox` for all sessions of a node.

    `later` runs something at the end of the turn; `write` sends bytes to a session's socket.
    """

    log = Logger()

    def __init__(
        self,
        later: Later,
        write: Callable[[Session, bytes], None],
        tally: Tally | None = None,
    ) -> None:
        self._tally = tally or Tally()
        self._later = later
        self._write = write
        self._dirty: list[Session] = []

    def put(self, session: Session, data: bytes) -> None:
        if not self._dirty:
            self._later(self.flush)
        pending = session.pending
        if not pending:
            self._dirty.append(session)
        pending.append(data)

    def put_all(self, sessions: Iterable[Session], data: bytes) -> None:
        dirty = self._dirty
        if not dirty:
            self._later(self.flush)
        for session in sessions:
            pending = session.pending
            if not pending:
                dirty.append(session)
            pending.append(data)

    def flush(self) -> None:
        """Write out what this turn brought."""
        dirty, self._dirty = self._dirty, []
        write = self._write
        same: list[bytes] = []
        data, written = b"", 0
        for session in dirty:
            pending = session.pending
            if pending:
                # listeners of one channel have the same pieces: join them once
                if pending != same:
                    same, data = pending, b"".join(pending)
                session.pending = []
                written += len(data)
                try:
                    write(session, data)
                except Exception:  # the others are still to be written to
                    self.log.failure("writing to a session")
        self._tally.bytes_out += written

    def flush_one(self, session: Session) -> None:
        """Write out what there is for one session, now."""
        pending, session.pending = session.pending, []
        if pending:
            data = b"".join(pending)
            self._tally.bytes_out += len(data)
            self._write(session, data)
