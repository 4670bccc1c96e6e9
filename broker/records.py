"""What this node's sessions hold in Redis, or are about to: nicks, and places in rosters.

A record is written down before anything is taken hold of, and shortened after it was given
back, so that whoever sweeps this node finds everything. Redis has a copy of each; the truth
is here. Must not know Redis.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from broker.api import Code, Identity, Refused
from broker.events import Quit
from broker.names import fold


@dataclass(slots=True)
class Record:
    """One session's: under which token, the nicks (the one that's shown first), and the channels
    as they were first spelled by the session, by folded name. `kept`: whether it outlives its node.
    """

    token: str
    nicks: list[str]
    channels: dict[str, str]
    kept: bool = False


class Membership(NamedTuple):
    """A channel's name as the session spelled it, and whether they came quietly; None: they are
    only about to come, or to go.
    """

    spelled: str
    quiet: bool | None


GONE = 1024
"""How many of the last quits, and of the nicks that were given back, are remembered, for a server
that didn't hear of them any more.
"""

_Row = tuple[str, list[str], list[str], bool]
_decoder = msgspec.json.Decoder(_Row)
_shelved = msgspec.json.Decoder(tuple[str, str]).decode


def encode_record(record: Record) -> bytes:
    """A record as Redis keeps it: JSON, `[token, nicks, channels, kept]`."""
    channels = list(record.channels.values())
    return msgspec.json.encode((record.token, record.nicks, channels, record.kept))


def decode_record(raw: bytes) -> Record:
    """Raises msgspec.DecodeError."""
    token, nicks, channels, kept = _decoder.decode(raw)
    return Record(token, nicks, {fold(name): name for name in channels}, kept)


def decode_shelved(raw: bytes) -> tuple[str, Record]:
    """A row of the shelf: the incarnation on which a detached session was, and what it holds.

    Raises msgspec.DecodeError.
    """
    node, record = _shelved(raw)
    return node, decode_record(record.encode())


class Member(NamedTuple):
    """Of a roster: as much as is needed to take somebody out of it."""

    token: str
    nick: str


def decode_member(raw: bytes) -> Member:
    """Raises ValueError for what is no member (see scripts/_member.lua)."""
    token, _num, _flag, _status, _seq, nick = raw.decode().split(" ", 5)
    return Member(token, nick)


class Records:
    """All sessions' records, by sid.

    `changed`: those that became shorter, of which Redis has yet to be told. `waiting`: the nicks
    that Redis holds till their sessions are opened again.
    """

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._holders: dict[str, str] = {}  # nicks, folded, that are certainly held here: sid
        self._claimed: dict[str, int] = {}  # since when (Redis's clock, ms), likewise
        self._identities: dict[str, Identity] = {}
        self._members: dict[str, dict[str, bool]] = {}  # certain: channels, folded; sid: quiet
        self._gone: deque[Quit] = deque(maxlen=GONE)
        self._given_back: deque[tuple[str, str, str]] = deque(maxlen=GONE)
        self._ending: set[str] = set()
        self.changed: set[str] = set()
        self.waiting: dict[tuple[str, str], int] = {}  # sid, nick: since when it was held

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, sid: str) -> bool:
        return sid in self._records

    def begin(self, me: Identity) -> Record:
        """A record for a session that is about to take its nick; its own if it has one.

        Raises CUT_OFF if it has one under another token.
        """
        record = self._records.setdefault(me.sid, Record(me.token, [me.nick], {}))
        if record.token != me.token:
            raise Refused(Code.CUT_OFF)
        self._identities[me.sid] = me
        return record

    def adopt(self, me: Identity, record: Record) -> None:
        """Begin with what a session held on another node. Raises CUT_OFF if it's here already."""
        if self._records.setdefault(me.sid, record) is not record:
            raise Refused(Code.CUT_OFF)
        self._identities[me.sid] = me

    def find(self, me: Identity) -> Record | None:
        """The session's record, if there's one under its token."""
        record = self._records.get(me.sid)
        return record if record is not None and record.token == me.token else None

    def of(self, me: Identity) -> Record:
        """As `find`; raises CUT_OFF if there is none."""
        record = self.find(me)
        if record is None:
            raise Refused(Code.CUT_OFF)
        return record

    def get(self, sid: str) -> Record | None:
        """A session's record, whatever its token."""
        return self._records.get(sid)

    def identity(self, sid: str) -> Identity | None:
        """Who acts in a session that has a record."""
        return self._identities.get(sid)

    def sids(self) -> list[str]:
        """All sessions that have records."""
        return list(self._records)

    def held(self) -> list[tuple[str, str, int]]:
        """The nicks that are certainly held here: as spelled, by whom (sid), since when (ms)."""
        return [
            (nick, sid, self._claimed[fold(nick)])
            for sid, record in self._records.items()
            for nick in record.nicks
            if self._holders.get(fold(nick)) == sid and sid not in self._ending
        ]

    def retain(self, held: "dict[tuple[str, str], int]") -> None:
        """Redis forgot everything, and holds these nicks till their sessions are opened again: by
        sid and nick, since when they were held (ms).
        """
        self.waiting = {(sid, fold(nick)): claimed for (sid, nick), claimed in held.items()}

    def retained(self, sid: str, nick: str) -> int:
        """Since when a nick is held (ms) that is held for the session, which isn't open; or 0."""
        return self.waiting.get((sid, fold(nick)), 0)

    def no_longer_retained(self, sid: str) -> list[str]:
        """The session needs nothing to be held for it any more; the nicks that were, folded."""
        mine = [key for key in self.waiting if key[0] == sid]
        for key in mine:
            del self.waiting[key]
        return [nick for _, nick in mine]

    def joined(self, sid: str, channel: str, quiet: bool) -> None:
        """The session is certainly a member, and came quietly or not."""
        self._members.setdefault(fold(channel), {})[sid] = quiet

    def leaving(self, sid: str, channel: str) -> None:
        """The session may be a member no more."""
        members = self._members.get(fold(channel), {})
        if members.pop(sid, None) is not None and not members:
            del self._members[fold(channel)]

    def left(self, me: Identity, channel: str) -> None:
        """The session isn't in the channel any more, or never was."""
        record = self.find(me)
        if record is not None and record.channels.pop(fold(channel), ""):
            self.changed.add(me.sid)

    def strike(self, sid: str, channel: str) -> None:
        """The session isn't in the channel any more: somebody else took it out."""
        self.leaving(sid, channel)
        record = self._records.get(sid)
        if record is not None and record.channels.pop(fold(channel), ""):
            self.changed.add(sid)

    def went(self, sid: str, channel: str, new: str) -> None:
        """A channel that the session is in (folded) is called `new` now (as spelled)."""
        record = self._records.get(sid)
        quiet = self._members.get(channel, {}).get(sid)
        self.leaving(sid, channel)
        if record is not None and record.channels.pop(channel, ""):
            record.channels[fold(new)] = new
            self.changed.add(sid)
            if quiet is not None:
                self.joined(sid, new, quiet)

    def members(self) -> dict[str, dict[str, Membership]]:
        """Who is in which channel, or may be: by its folded name, and sid."""
        found: dict[str, dict[str, Membership]] = {}
        for sid, record in self._records.items():
            for name, spelled in record.channels.items():
                quiet = self._members.get(name, {}).get(sid)
                found.setdefault(name, {})[sid] = Membership(spelled, quiet)
        return found

    def gone(self, event: Quit, record: Record) -> None:
        """A session has quit with this event, and had held this."""
        self._gone.append(event)
        self._given_back += ((event.sid, record.token, nick) for nick in record.nicks)

    def given_back(self) -> list[tuple[str, str, str]]:
        """The nicks that were given back lately, and not taken again: of whom (sid), under which
        token, as spelled.
        """
        return [
            (sid, token, nick)
            for sid, token, nick in self._given_back
            if (record := self._records.get(sid)) is None
            or fold(nick) not in map(fold, record.nicks)
        ]

    def quits(self) -> list[Quit]:
        """The events of those who quit lately."""
        return list(self._gone)

    def last_words(self, sid: str) -> Quit | None:
        """The event with which a session quit, if it was lately."""
        return next((event for event in reversed(self._gone) if event.sid == sid), None)

    def holder(self, nick: str) -> str | None:
        """Who certainly holds a nick here: the sid."""
        return self._holders.get(fold(nick))

    def holds(self, sid: str, nick: str, claimed: int = 0) -> None:
        """The nick is the session's now, and the one that's shown. `claimed`: since when (ms)."""
        nicks, name = self._records[sid].nicks, fold(nick)
        nicks[:] = [nick, *(other for other in nicks if fold(other) != name)]
        self._holders[name], self._claimed[name] = sid, claimed

    def gave_back(self, sid: str, nick: str) -> None:
        """The session holds the nick no more, or never did."""
        record, name = self._records.get(sid), fold(nick)
        if record is not None:
            self._given_back.append((sid, record.token, nick))
            record.nicks[:] = [other for other in record.nicks if fold(other) != name]
            self.changed.add(sid)
        if self._holders.get(name) == sid:
            del self._holders[name], self._claimed[name]

    def is_held(self, nick: str) -> bool:
        """Whether some session here certainly holds the nick."""
        return fold(nick) in self._holders

    def pop(self, sid: str) -> Record | None:
        """The session is another's; what it held here."""
        record = self._records.get(sid)
        if record is not None:
            for name in record.channels:
                self.leaving(sid, name)
            self.end(sid, record)
        return record

    def ending(self, sid: str) -> None:
        """The session is being crossed out: nothing is written down of it any more."""
        self._ending.add(sid)
        record = self._records.get(sid)
        for name in record.channels if record is not None else ():
            self.leaving(sid, name)

    def end(self, sid: str, record: Record) -> None:
        """The session holds nothing any more."""
        self._ending.discard(sid)
        for nick in list(record.nicks):
            if self._holders.get(fold(nick)) == sid:
                del self._holders[fold(nick)], self._claimed[fold(nick)]
        if self._records.get(sid) is record:
            del self._records[sid], self._identities[sid]

    def clear(self) -> tuple[list[str], dict[str, list[str]]]:
        """The node's lease ended, and all that was held under it.

        Returns the nicks that were; and, by sid, those of kept sessions, which may come again.
        """
        lost: list[str] = []
        kept: dict[str, list[str]] = {}
        for nick, sid in self._holders.items():
            (kept.setdefault(sid, []) if self._records[sid].kept else lost).append(nick)
        self._records.clear()
        self._holders.clear()
        self._claimed.clear()
        self._identities.clear()
        self._members.clear()
        self._ending.clear()
        self.changed.clear()
        return lost, kept

    def rows(self, sids: "set[str]") -> list[tuple[str, bytes]]:
        """What Redis is to be told of these sessions, so far as they are still there."""
        found = ((sid, self._records.get(sid)) for sid in sids - self._ending)
        return [(sid, encode_record(record)) for sid, record in found if record is not None]
