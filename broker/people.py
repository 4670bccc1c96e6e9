"""What can be asked of Redis about people: typed values in and out, as in `store`.

    {n:NICK}:claim   who has a nick, why they're away, and `about`: their profile
    {n:NICK}:was     who had it before
    {c:NAME}:roster  who is in a channel, as its members see them
    records          on which node a session is, and in which channels

What is asked about many is asked in one breath, so many at a time. Must not know sinks.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from broker.api import (
    Attendance,
    Attendee,
    Person,
    Presence,
    Profile,
    Seat,
    Was,
)
from broker.keeping import Keeping
from broker.names import fold
from broker.overview import name_of
from broker.profiles import decode_profile
from broker.records import Record, decode_record
from broker.rules import decode_rules
from broker.store import RETAINED, WAS_KEPT, Store

CHUNK = 500
"""How many keys are read at a time."""


class Holder(NamedTuple):
    """Who holds a nick. `retained`: it's only held for them, till their session is opened again."""

    nick: str
    sid: str
    by: str
    retained: bool = False


class People:
    """Calls to Redis about people; they raise as `Store`'s do."""

    def __init__(self, store: Store, keeping: Keeping) -> None:
        self._store = store
        self._keys = store.keys
        self._keeping = keeping
        self._secrets: dict[str, str] = {}

    # -- who has which nick

    async def holders(self, nicks: Sequence[str]) -> list[Holder | None]:
        """Who holds each of these nicks."""
        fields = ("nick", "sid", "about", "token")
        return [
            Holder(
                nick.decode(), sid.decode(), decode_profile(about).by, token == RETAINED.encode()
            )
            if sid is not None
            else None
            for nick, sid, about, token in await self._claims(nicks, *fields)
        ]

    async def _claims(self, nicks: Iterable[str], *fields: str) -> list[Any]:
        found: list[Any] = []
        for some in _chunks(nicks):
            asked = (("HMGET", self._keys.nick(nick).claim, *fields) for nick in some)
            found += await self._store.ask_all(*asked)
        return found

    async def persons(self, nicks: Iterable[str]) -> list[Person | None]:
        """The details of each nick's holder, but for channels."""
        fields = ("nick", "node", "since", "away", "about", "token")
        return [
            Person(
                nick.decode(),
                name_of(node.decode()),
                int(since),
                away.decode() if away is not None else None,
                [],
                decode_profile(about),
            )
            if nick is not None and token != RETAINED.encode()
            else None
            for nick, node, since, away, about, token in await self._claims(nicks, *fields)
        ]

    async def person(self, nick: str) -> Person:
        """As `broker.api.Broker.person`."""
        claim = await self._store.claim_of(nick)
        sid = claim["sid"]
        record = await self._store.record(sid, claim["node"])
        if record is None:
            record = await self._keeping.shelved_record(sid)
        seats = await self._seats(sid, record) if record is not None else {}
        return Person(
            claim["nick"],
            name_of(claim["node"]),
            int(claim["since"]),
            claim.get("away"),
            list(seats),
            decode_profile(claim.get("about")),
            tuple(seats.values()),
        )

    async def _seats(self, sid: str, record: Record) -> dict[str, Seat]:
        """Where somebody is, by the channel's name as they typed it. What they're about to join, or
        have left a moment ago, isn't among it.
        """
        spelled = sorted(record.channels.values(), key=fold)
        found: dict[str, Seat] = {}
        for some in _chunks(spelled):
            keys = [self._keys.channel(name) for name in some]
            members = await self._store.ask_all(*(("HGET", key.roster, sid) for key in keys))
            about = await self._store.ask_all(
                *(("HMGET", key.meta, "name", "rules") for key in keys)
            )
            for typed, member, (name, rules) in zip(some, members, about, strict=True):
                if member is not None and name is not None:
                    status = member.decode().split(" ", 5)[3].partition("!")[0].strip("-")
                    found[typed] = Seat(name.decode(), status, _modes(rules))
        return found

    async def members(self, channel: str) -> Attendance:
        """As `broker.api.Broker.members`."""
        roster = await self._store.roster(channel)
        rules = await self._store.ask("HGET", self._keys.channel(channel).meta, "rules")
        persons = await self.persons(roster.nicks)
        attendees = [
            Attendee(member, person or Person(member.nick, "", 0, None, [], Profile(member.by)))
            for member, person in zip(roster.members, persons, strict=True)
        ]
        return Attendance(roster.channel, _modes(rules), attendees)

    async def everyone(self, nodes: list[str]) -> list[Presence]:
        """Everyone on these incarnations of nodes, and those who are detached, by nick."""
        rows = await self._store.ask_all(
            *(("HVALS", self._keys.node_sessions(node)) for node in nodes)
        )
        records = [decode_record(raw) for some in rows for raw in some]
        records += [record for _, record in (await self._keeping.shelved()).values()]
        # while a session is being taken up it may have no nick, or be on two nodes
        known = {fold(record.nicks[0]): record for record in records if record.nicks}
        persons = await self.persons(record.nicks[0] for record in known.values())
        return sorted(
            (
                Presence(
                    person.nick,
                    person.node,
                    person.since,
                    person.away,
                    person.profile,
                    frozenset(record.channels),
                )
                for record, person in zip(known.values(), persons, strict=True)
                if person is not None
            ),
            key=lambda present: fold(present.nick),
        )

    async def was(self, nick: str, count: int, now_ms: int) -> list[Was]:
        """As `broker.api.Broker.was`. `now_ms`: Redis's clock."""
        most = ("COUNT", count) if count > 0 else ()
        oldest = max(0, now_ms - WAS_KEPT * 1000)
        found = await self._store.ask("XREVRANGE", self._keys.was(nick), "+", oldest, *most)
        rows = [(raw, dict(zip(flat[::2], flat[1::2], strict=True))) for raw, flat in found]
        return [
            Was(
                row[b"n"].decode(),
                name_of(row[b"o"].decode()),
                int(row[b"s"]),
                int(raw.partition(b"-")[0]),
                decode_profile(row[b"a"]),
            )
            for raw, row in rows
        ]

    # -- what all nodes share

    async def secret(self, name: str, drawn: str) -> str:
        """As `broker.api.Broker.secret`."""
        kept: bytes = await self._store.run("secret", (self._keys.secret(name),), drawn)
        return self._secrets.setdefault(name, kept.decode())

    async def put_back_secrets(self) -> None:
        """Redis forgot everything."""
        for name, secret in self._secrets.items():
            await self.secret(name, secret)


def _modes(rules: bytes | None) -> str:
    return decode_rules(0, rules or b"").modes


def _chunks(whole: Iterable[Any]) -> Iterable[list[Any]]:
    rest = iter(whole)
    while some := list(islice(rest, CHUNK)):
        yield some
