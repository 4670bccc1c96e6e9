"""How far the people of kept sessions were told: written down for a node as a whole, each beat, and
as it was a beat ago: by then it's in their sockets. Only who lags behind has places of their own.

    Feed.positions ──> a beat ago ──> {w:NODE}:seen    of all kept sessions of a node, by log
                          └─ lags ──> {s:SID} seen     of one

Must not know whose a session is (see `keeping`).
"""

from collections.abc import Callable, Iterable

import msgspec

from broker.api import FAR, Identity, Position, Reach
from broker.kept import KeptRows
from broker.names import fold
from broker.records import Record, Records

Places = dict[str, tuple[str, int, int]]
"""By log: its epoch, the seq up to which somebody was certainly told (-1: unknown), and the one
up to which they may have been.
"""

_places = msgspec.json.Decoder(Places).decode
_place = msgspec.json.Decoder(tuple[str, int, int]).decode


def encode_places(places: Places) -> bytes:
    """Places as Redis keeps them."""
    return msgspec.json.encode(places)


def decode_places(raw: bytes) -> Places:
    """Empty: none. Raises msgspec.DecodeError."""
    return _places(raw or b"{}")


def reach(raw: bytes) -> dict[str, Reach]:
    """How far somebody was told, by log, as it's written down."""
    places = decode_places(raw)
    return {log: Reach(Position(epoch, seq), maybe) for log, (epoch, seq, maybe) in places.items()}


class Reaches:
    """See the module's docstring. `positions`: how far each followed log was told by now."""

    def __init__(
        self, rows: KeptRows, records: Records, positions: Callable[[], dict[str, Position]]
    ) -> None:
        self._rows = rows
        self._records = records
        self._positions = positions
        self._before: dict[str, Position] = {}  # the positions of a beat ago
        self._noted: dict[str, Position] = {}  # what Redis has of them
        self._behind: dict[str, Places] = {}  # by sid: how far they were told, while they lag

    def clear(self) -> None:
        """The incarnation has ended, and with it what was noted."""
        self._noted.clear()
        self._behind.clear()

    @property
    def noted(self) -> bool:
        """Whether anything is written down that may have to go."""
        return bool(self._noted)

    def told(self, people: Iterable[Identity]) -> dict[str, Position]:
        """How far these were told by now, in all their logs."""
        records = (self._records.find(me) for me in people)
        logs = {log for record in records if record is not None for log in _logs(record)}
        return {log: at for log, at in self._positions().items() if log in logs}

    async def begin(self, node: str, people: Iterable[Identity]) -> None:
        """Somebody is kept from now on, among all these who are here."""
        # who has their token has read what came before it; others may not have, in the same logs
        self._before = self.told(people) | self._before
        await self._note(node, self._before)

    def lags(self, sid: str, places: Places) -> None:
        """Somebody is here who was told so far elsewhere; what came since is on its way to them."""
        self._behind[sid] = places

    def gone(self, sid: str) -> None:
        """Somebody isn't here any more."""
        self._behind.pop(sid, None)

    async def look(self, me: Identity, reached: bool) -> bool:
        """Write down whether somebody lags. False: they're another node's by now."""
        behind = self._behind.get(me.sid)
        if reached and behind is not None and self._covered(me):
            del self._behind[me.sid]
            return await self._rows.lag(me.sid, me.token, b"")
        if not reached and behind is None:
            record = self._records.find(me)
            mine = set(_logs(record)) if record is not None else set()
            behind = {log: (*at, at.seq) for log, at in self._before.items() if log in mine}
            self._behind[me.sid] = behind
            return await self._rows.lag(me.sid, me.token, encode_places(behind))
        return True

    def _covered(self, me: Identity) -> bool:
        """Whether the places of all logs of a session are known that are a beat old."""
        record = self._records.find(me)
        return record is not None and self._before.keys() >= set(_logs(record))

    async def note(self, node: str, told: dict[str, Position], *, anybody: bool) -> None:
        """Write down, for all at once, what was told a beat ago. `told`: what was when this beat
        began; `anybody`: whether somebody is here.
        """
        await self._note(node, self._before if anybody else {})
        self._before = told if anybody else {}

    async def _note(self, node: str, told: dict[str, Position]) -> None:
        changed = {log: at for log, at in told.items() if self._noted.get(log) != at}
        gone = [log for log in self._noted if log not in told]
        if changed or gone:
            self._noted = dict(told)
            packed = {log: msgspec.json.encode((*at, at.seq)) for log, at in changed.items()}
            await self._rows.note_seen(node, packed, gone)

    def places(self, me: Identity, record: Record) -> Places:
        """How far a session that is here was told by now."""
        behind, told = self._behind.get(me.sid), self._positions()
        certain = dict(self._before)
        if behind is not None:
            certain = {log: Position(epoch, seq) for log, (epoch, seq, _) in behind.items()}
        places = {}
        for log in _logs(record):
            if log in told:
                (epoch, seq), at = told[log], certain.get(log, Position(told[log].epoch, -1))
                # of a log that has begun anew since, nothing is certain
                places[log] = (epoch, min(at.seq, seq) if at.epoch == epoch else 0, seq)
            elif behind is not None and log in behind:
                # it isn't followed any more, so nobody knows how far they were told since
                epoch, seq, _ = behind[log]
                places[log] = (epoch, seq, FAR)
        return places

    async def seen(self, node: str, record: Record) -> bytes:
        """How far those on a node were told, in the logs of one of them, as it's written down."""
        found = await self._rows.seen(node, _logs(record))
        return encode_places({log: _place(raw) for log, raw in found.items()})


def _logs(record: Record) -> list[str]:
    return [*record.channels, *map(fold, record.nicks)]
