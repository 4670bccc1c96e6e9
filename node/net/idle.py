"""Sessions from which nothing comes: one look at all of them now and then, and no timer for each.

Each look makes a session one look quieter; whatever comes from it makes it lively again. Those
that a look finds quiet for too long are closed one by one until the next: thousands may be.
"""

from typing import Any

from twisted.internet.task import LoopingCall

from node.core.chat import Chat
from node.core.limits import spelled
from node.core.replies import Goodbye
from node.core.session import Session
from node.net.connection import SocketConnection

LOOKS = 24
"""How many looks find a session quiet before it's closed."""

WHY = "idle"
"""What others read."""


class Idle:
    """Closes the sessions of a chat from which nothing came for `seconds`, or little more."""

    def __init__(self, chat: Chat, seconds: float, clock: Any) -> None:
        self._chat = chat
        self._seconds = seconds
        self._clock = clock
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    def start(self) -> None:
        """Look from now on."""
        self._looking.start(self._seconds / LOOKS, now=False)

    def stop(self) -> None:
        """Look no more."""
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        due = []
        for session in self._chat.hub.sessions.values():
            connection = session.connection
            if isinstance(connection, SocketConnection):
                connection.quiet += 1
                if connection.quiet == LOOKS + 1:  # the first look came at once, maybe
                    due.append(session)
        for i, session in enumerate(due):
            self._clock.callLater(i / len(due) * self._seconds / LOOKS, self._close, session)

    def _close(self, session: Session) -> None:
        connection = session.connection
        if (
            isinstance(connection, SocketConnection)
            and connection.quiet > LOOKS
            and not session.gone
        ):
            about = spelled(self._seconds)
            self._chat.lost(session, WHY, closing=Goodbye.IDLE, about=about)
