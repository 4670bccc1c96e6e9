"""A session's lane: its commands in the order in which they were typed.

One at a time, but for lines said, which don't wait for one another's answers: they go out
together and keep their order on the way. Anything else waits until all before it is settled,
so that replies come in the order of the questions. While the broker is away only a session's
beginning and end wait for what it left unanswered: all else is refused, or answered, at once; but
for what's typed before the beginning has come to its end, which tells whether there's a session.
The lane is bounded: a connection that is ahead of its lane isn't read from.
"""

from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from broker.api import Refused
from node.core.commands import Command, Say

if TYPE_CHECKING:
    from node.core.session import Session

_LINE = Say(None, "")

MOST = 64
"""How many commands may wait, and how many lines may be unsettled, before reading stops."""


class Performer(Protocol):
    """Who knows what commands do."""

    @property
    def adrift(self) -> bool:
        """Whether the broker is away, so that what needs it is refused at once."""

    def say(self, session: "Session", command: Say) -> None:
        """Say a line; ends in one call of the session's `lane.settled`."""

    async def perform(self, session: "Session", command: Command) -> None:
        """Do anything else. Never raises."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine."""

    def refuse(self, session: "Session", refused: Refused, command: Command) -> None:
        """Tell a session that its command was refused."""

    def done(self, session: "Session", command: Command) -> None:
        """Tell a session that its command, which has a `ref`, is done."""


class Lane:
    """See the module's docstring."""

    __slots__ = ("_session", "_performer", "_queue", "_busy", "_unsettled", "_paused", "_moving")

    def __init__(self, session: "Session", performer: Performer) -> None:
        self._session = session
        self._performer = performer
        self._queue: deque[Command] | None = None  # made when needed: most lanes are idle
        self._busy = False
        self._unsettled = 0
        self._paused = False
        self._moving = False

    def add(self, command: Command) -> None:
        """Do a command when its turn comes."""
        said = type(command) is Say
        if self._performer.adrift and command.aside and self._session.came_in:
            self._aside(command)
        elif self._queue or self._busy or (self._unsettled and not said):
            if self._queue is None:
                self._queue = deque()
            self._queue.append(command)
            if len(self._queue) >= MOST:
                self._pause()
        else:
            self._begin(command)

    def first(self, command: Command) -> None:
        """Do a command before all that wait."""
        if self._queue is None:
            self._queue = deque()
        self._queue.appendleft(command)
        self._next()

    def cast_off(self) -> None:
        """The broker went away: nothing waits for it here."""
        if not self._session.came_in:
            return
        queue, self._queue = self._queue, None
        for command in queue or ():
            self.add(command)
        if self._paused:
            self._paused = False
            self._session.connection.resume()

    def _aside(self, command: Command) -> None:
        if type(command) is Say:
            self._begin(command)
        else:
            self._performer.spawn(self._performer.perform(self._session, command))

    def settled(self, refused: Refused | None, line: Say = _LINE) -> None:
        """A line that was said is in the log, or `refused`. `line`: if it has a `ref`."""
        self._unsettled -= 1
        if refused is not None:
            self._performer.refuse(self._session, refused, line)
        elif line is not _LINE:
            self._performer.done(self._session, line)
        if self._queue or self._paused:
            self._next()

    def _begin(self, command: Command) -> None:
        if type(command) is Say:
            self._unsettled += 1
            if self._unsettled >= MOST:
                self._pause()
            self._performer.say(self._session, command)
        else:
            self._busy = True
            self._performer.spawn(self._perform(command))

    async def _perform(self, command: Command) -> None:
        try:
            await self._performer.perform(self._session, command)
        finally:
            self._busy = False
            self._next()

    def _next(self) -> None:
        if self._moving:
            return  # a command that ended at once: the loop below goes on
        self._moving = True
        queue = self._queue
        try:
            while queue and not self._busy:
                if self._unsettled and (type(queue[0]) is not Say or self._unsettled >= MOST):
                    break
                self._begin(queue.popleft())
        finally:
            self._moving = False
        if queue is not None and not queue:
            self._queue = queue = None
        if self._paused and not queue and self._unsettled < MOST // 2:
            self._paused = False
            self._session.connection.resume()

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._session.connection.pause()
