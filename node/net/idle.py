"""Sessions from which nothing comes: one look at all of them now and then, and no timer for each.

Each look makes a session one look quieter; whatever comes from it makes it lively again.
"""

from typing import Any

from twisted.internet.task import LoopingCall

from node.core.chat import Chat
from node.core.limits import spelled
from node.core.replies import Goodbye
from node.net.connection import LineConnection

LOOKS = 24
"""How many looks find a session quiet before it's closed."""

WHY = "idle"
"""What others read."""


class Idle:
    """Closes the sessions of a chat from which nothing came for `seconds`, or a LOOKS-th more."""

    def __init__(self, chat: Chat, seconds: float, clock: Any) -> None:
        self._chat = chat
        self._seconds = seconds
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
        for session in list(self._chat.hub.sessions.values()):
            connection = session.connection
            if isinstance(connection, LineConnection) and not session.gone:
                connection.quiet += 1
                if connection.quiet == LOOKS + 1:  # the first look came at once, maybe
                    about = spelled(self._seconds)
                    self._chat.lost(session, WHY, closing=Goodbye.IDLE, about=about)
