"""Who is there, and what they tell one another."""

from collections.abc import Iterable, Sequence

from broker.api import (
    UNTOLD,
    Attendance,
    Attendee,
    Identity,
    Person,
    Position,
    Presence,
    Receipt,
    Seat,
    Sighting,
    Totals,
    Was,
    altered,
)
from broker.events import Altered, Extra, Tagged, Told, is_fleeting
from broker.memory.node import Node
from broker.memory.state import DAY_MS, Session
from broker.names import fold


class People(Node):
    """As `api.Broker`, about people."""

    async def tell(
        self,
        me: Identity,
        nick: str,
        text: str,
        *,
        action: bool = False,
        extra: Extra | None = None,
    ) -> Receipt:
        session, holder = self._session(me), self._holder(nick)
        to, by = holder.sid, me.profile.by
        return self._tell(
            session, holder, Told(me.sid, me.num, session.nick, text, to, action, by, extra)
        )

    async def touch(
        self, me: Identity, nick: str, tags: dict[str, str], extra: Extra | None = None
    ) -> Receipt:
        session, holder = self._session(me), self._holder(nick)
        to, by = holder.sid, me.profile.by
        event = Tagged(me.sid, me.num, session.nick, tags, to, by, extra)
        if is_fleeting(tags):
            self._world.flash(holder.inbox, event, [holder.home])
            return Receipt(holder.nick, holder.away)
        return self._tell(session, holder, event)

    def _tell(self, session: Session, holder: Session, event: Told | Tagged) -> Receipt:
        if event.num > session.told:
            session.told = event.num
            self._world.append(holder.inbox, event, [holder.home])
        told = (event.sid, event.num)
        entry = next(e for e in holder.inbox.entries if (e.event.sid, e.event.num) == told)
        return Receipt(holder.nick, holder.away, Position(holder.inbox.epoch, entry.seq), entry.ms)

    async def alter(
        self, me: Identity, what: str, value: str | None, channels: Iterable[str] = ()
    ) -> list[str]:
        session, world, names = self._session(me), self._world, tuple(map(fold, channels))
        event = Altered(me.sid, me.num, session.nick, what, value, names, session.profile.by)
        session.profile = altered(session.profile, what, value)
        if what == "away":
            session.away = value
        if what in UNTOLD:
            return []
        for node in world.nodes:
            node.tell_altered(event)
        told = []
        for name in (world.whither(name, me.sid) for name in names):
            channel = world.channels.get(name)
            member = channel and channel.members.get(me.sid)
            if channel and member:
                if what == "host":
                    member.by = session.profile.by
                if not member.quiet:
                    told.append(name)
                    world.append(channel.log, event)
        return told

    async def set_away(self, me: Identity, why: str | None, channels: Iterable[str] = ()) -> None:
        await self.alter(me, "away", why, channels)

    async def person(self, nick: str) -> Person:
        held = self._holder(nick)
        channels = [self._world.channels[name] for name in sorted(held.channels)]
        seats = tuple(
            Seat(channel.name, channel.members[held.sid].status, channel.rules.modes)
            for channel in channels
        )
        named = [channel.name for channel in channels]
        return self._person(held)._replace(channels=named, seats=seats)

    @staticmethod
    def _person(held: Session) -> Person:
        return Person(held.nick, held.home.name, held.since, held.away, [], held.profile)

    async def idle(self, nick: str) -> int | None:
        held = self._holder(nick)
        kept = held.kept is not None and held.kept.ends is not None
        return None if kept or not held.home.ready else held.home.sink.idle(held.sid)

    async def persons(self, nicks: Iterable[str]) -> list[Person | None]:
        self._check_ready()
        holders = (self._world.claims.get(fold(nick)) for nick in nicks)
        return [self._person(held) if held is not None else None for held in holders]

    async def members(self, channel: str) -> Attendance:
        found, sessions = self._channel(channel), self._world.sessions
        persons = [self._person(sessions[sid]) for sid in found.members]
        pairs = zip(found.roster().members, persons, strict=True)
        return Attendance(found.name, found.rules.modes, [Attendee(*pair) for pair in pairs])

    async def was(self, nick: str, count: int = 0) -> list[Was]:
        self._check_ready()
        oldest = self._world.ms() - DAY_MS
        rows = [row for row in self._world.had.get(fold(nick), ()) if row.until >= oldest]
        return rows[:count] if count > 0 else rows

    async def watch(self, nicks: Sequence[str]) -> list[Sighting | None]:
        self._check_ready()
        for nick in nicks:
            self._watched[fold(nick)] = self._sighting(fold(nick))
        return [self._watched[fold(nick)] for nick in nicks]

    def unwatch(self, nicks: Iterable[str]) -> None:
        for nick in nicks:
            self._watched.pop(fold(nick), None)

    async def secret(self, name: str, drawn: str) -> str:
        self._check_ready()
        return self._world.secrets.setdefault(name, drawn)

    async def people(self) -> list[Presence]:
        self._check_ready()
        rows = sorted(self._world.claims.items())
        return [
            Presence(
                held.nick,
                held.home.name,
                held.since,
                held.away,
                held.profile,
                frozenset(held.channels),
            )
            for _, held in rows
        ]

    async def totals(self) -> Totals:
        self._check_ready()
        world = self._world
        inhabited = sum(bool(channel.members) for channel in world.channels.values())
        return Totals(len(world.nodes), len(world.sessions), inhabited, world.messages)

    async def count(self, counter: str) -> int:
        self._check_ready()
        self._world.counters[counter] += 1
        return self._world.counters[counter]
