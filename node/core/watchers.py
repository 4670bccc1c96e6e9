"""Who here watches which nicks: told when somebody takes one, and when it's free again.

Where people are doesn't count: a node hears of a nick that one of its people watches, whichever
node its holder is on (`broker.api.Broker.watch`).
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from broker.api import Broker, Sighting
from broker.events import Altered
from broker.names import fold
from node.core.names import is_nick
from node.core.session import Session

MOST = 100
"""How many nicks one may watch."""


class Found(NamedTuple):
    """What was found of nicks that somebody begins to watch. `refused`: they watch too many."""

    there: list[Sighting]
    free: list[str]
    refused: list[str]


class Watchers:
    """See the module's docstring. `tell`: says to a session who is there, or which nick is free;
    `show`: shows it an event.
    """

    def __init__(
        self,
        broker: Broker,
        tell: Callable[[Session, list[Sighting], list[str]], None],
        show: Callable[[Session, Altered], None],
    ) -> None:
        self._broker = broker
        self._tell = tell
        self._show = show
        self._watchers: dict[str, dict[Session, None]] = {}
        self._asking: dict[str, int] = {}  # nicks, and how many are about to watch them

    async def watch(self, session: Session, nicks: Iterable[str]) -> Found:
        """Watch these, too; as many as may be. What can't be a nick is nobody's, and isn't watched.

        Raises Refused: then none of them is watched that wasn't before.
        """
        wanted = {fold(nick): nick for nick in nicks if is_nick(nick)}
        invalid = [nick for nick in nicks if not is_nick(nick)]
        room = MOST - len(session.watched)
        new = [name for name in wanted if name not in session.watched]
        refused = [wanted.pop(name) for name in new[max(0, room) :]]
        for name in wanted:
            self._asking[name] = self._asking.get(name, 0) + 1
        try:
            found = await self._broker.watch(list(wanted.values())) if wanted else []
            if not session.gone:
                for name, nick in wanted.items():
                    session.watched[name] = nick
                    self._watchers.setdefault(name, {})[session] = None
        finally:
            for name in wanted:
                self._asking[name] -= 1
                if not self._asking[name]:
                    del self._asking[name]
            self._desert(wanted)
        rows = list(zip(wanted.values(), found, strict=True))
        there = [sighting for _, sighting in rows if sighting is not None]
        free = [nick for nick, sighting in rows if sighting is None]
        return Found(there, free + invalid, refused)

    def unwatch(self, session: Session, nicks: Iterable[str]) -> None:
        """Watch these no more."""
        names = [fold(nick) for nick in nicks if session.watched.pop(fold(nick), None) is not None]
        for name in names:
            self._watchers.get(name, {}).pop(session, None)
        self._desert(names)

    def unwatch_all(self, session: Session) -> None:
        """Watch nothing."""
        if session.watched:
            self.unwatch(session, list(session.watched))

    def _desert(self, names: Iterable[str]) -> None:
        """Hear no more of those whom nobody watches."""
        deserted = [
            name for name in names if not self._watchers.get(name) and name not in self._asking
        ]
        for name in deserted:
            self._watchers.pop(name, None)
        if deserted:
            self._broker.unwatch(deserted)

    def watched(self, nick: str, holder: Sighting | None) -> None:
        """As `broker.api.Sink.watched`."""
        for session in list(self._watchers.get(fold(nick), ())):
            there, free = ([], [nick]) if holder is None else ([holder], [])
            self._tell(session, there, free)

    def altered(self, event: Altered) -> None:
        """As `broker.api.Sink.altered`. Who shares a channel with them is shown it there."""
        for session in list(self._watchers.get(fold(event.nick), ())):
            if session.me.sid != event.sid and not session.channels.keys() & set(event.channels):
                self._show(session, event)
