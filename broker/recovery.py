"""What a node does on its first wire to another server, before it asks anything else there.

    meet ── offer what was seen of logs that are shorter now, give nicks back
      │     wait until every node has done so, or the time for that is over
      └──── settle the logs, renew the lease, put back what sessions here hold

Another server is the old one, started again, or a replica that took over (`recover.lua` tells);
either may lack what the cluster accepted last (no server waits for replicas or for
its disk). What was accepted is known to the nodes that were told it, and what sessions hold to
their own. Must not know sinks.
"""

import zlib
from collections.abc import Coroutine, Iterable
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from broker.api import HELD_BACK, Code, Identity, Position, Refused
from broker.events import Entry, Event, Kicked, Quit, Redacted, Unknown
from broker.feed import Feed, Seen
from broker.keeping import LOST, Keeping, Outcome
from broker.link import LinkLost, Wire
from broker.names import fold
from broker.presence import Presence
from broker.records import Membership, Record, Records
from broker.ruled import RuledRows
from broker.rules import Rules
from broker.ruling import Ruling
from broker.scripts import MOMENT
from broker.store import RETAINED, STRANGER, Asked, Beat, Claim, Late, Meeting, Store

WINDOW = 3000
"""Milliseconds, from the first node that comes to another server, in which others are waited for.

It's over sooner when all that hold a lease have come. Nodes try to connect again at least each
two seconds, so three are enough for all that live and can reach it.
"""

GLANCE = 0.05
"""Seconds between two looks at who has come."""

CHUNK = 500
"""How many calls are under way at a time."""

OFFERED = 200
"""How many events are offered in one call."""

YIELDING = 1.0
"""Seconds within which who has lost a nick takes another, or it's taken from them."""


class Recovery:
    """See the module's docstring. `clock`: Twisted's."""

    log = Logger()

    def __init__(
        self,
        store: Store,
        feed: Feed,
        records: Records,
        keeping: Keeping,
        presence: Presence,
        ruling: Ruling,
        clock: Any,
    ) -> None:
        self._store = store
        self._feed = feed
        self._records = records
        self._keeping = keeping
        self._presence = presence
        self._ruling = ruling
        self._clock = clock
        self._rewound: set[str] = set()  # channels that were shorter, to be looked at again
        self.moved = False  # to another server, and not looked at again since

    async def meet(self, wire: Wire) -> None:
        """Returns when commands may be sent over this wire. Raises if it broke or can't be done."""
        node, before, ran = self._presence.node, self._store.server, self._presence.runs
        store = self._store.over(wire)
        met = await self._meet(store, done=False)
        # if it has lost everything, there's nothing to go on with: see `api.Sink.evicted`
        moved = before not in ("", met.server) and met.epoch == self._presence.epoch
        store.server = met.server
        ran = ran or met.blind  # then nobody has swept this node: who would, knows of no lease
        seen: dict[str, Seen] = {}
        rows: dict[str, Record] = {}
        late: list[str] = []
        overtaken: set[str] = set()
        if moved:
            self.log.info("Redis is another server now: {server}", server=met.server)
            seen = self._feed.seen()
            late = await self._offer(store, seen)
            rows = await store.sessions_of(node)
            await _all(self._give_back(store, sid, row) for sid, row in rows.items())
            # of several masters the one of the nick may have gone back, and not the one of the row
            await _all(store.release(*each) for each in self._records.given_back())
            quits = (event.sid for event in self._records.quits())
            for sids in _chunks(quits):
                await self._keeping.over(store).bury(sids)
            # before anybody looks after those that aren't with them any more
            overtaken = await self._keeping.put_back(store, node)
        while moved or met.wait:
            server = met.server
            met = await self._meet(store, done=True)
            if met.server != server:  # masters were replaced while we met: look again who they are
                raise LinkLost("others meet elsewhere")
            if not met.wait:
                break
            await self._pause(min(GLANCE, met.wait / 1000))
        if moved:
            # also those of which nothing was seen here: they are read next, and others offered
            await _all(store.settle(log) for log in {*self._feed.followed(), *self._rewound})
            await _all(self._amend(store, log, seen[log]) for log in late)
            if not self._presence.ended and await self._presence.carry_over(store, ran=ran):
                await self._put_back(store, rows, overtaken)
            self.moved = True
        self._store.server, self._store.survived = met.server, store.survived

    async def _meet(self, store: Store, *, done: bool) -> Meeting:
        presence = self._presence
        return await store.meet(
            presence.node,
            WINDOW,
            done=done,
            epoch=presence.epoch,
            lease_ms=presence.lease_ms,
            nodes=presence.nodes,
        )

    # -- after everything was forgotten

    async def gather(self, before: Beat) -> None:
        """Hold the nicks for the sessions here, and wait for the other nodes to do so.

        `before`: this node's last beat at a server that knew it. Raises Refused; safe to repeat.
        """
        node, window = self._presence.node, min(WINDOW, before.deadline - before.now)
        found = await self._store.gather(node, window, before, done=False)
        if found.runs:
            await self._retain()
        while (found := await self._store.gather(node, window, before, done=True)).wait:
            await self._pause(min(GLANCE, found.wait / 1000))
            await self._presence.hold_on()

    async def _retain(self) -> None:
        held = {(sid, nick): claimed for nick, sid, claimed in self._records.held()}
        retained: dict[tuple[str, str], int] = {}

        async def retain(sid: str, nick: str, claimed: int) -> None:
            me = self._records.identity(sid)
            if me is not None:
                me = Identity(sid, RETAINED, nick, me.address, me.since, me.away, 0, me.profile)
                await self._claim_back(self._store, me, nick, claimed, retained=HELD_BACK)
                retained[sid, nick] = claimed

        await _all(retain(sid, nick, claimed) for (sid, nick), claimed in held.items())
        self._records.retain(retained)

    async def await_others(self) -> None:
        """Returns when nodes that were here before this one hold again what they held."""
        ends = await self._store.gathered_at()
        if ends > self._presence.now_ms:
            await self._pause((ends - self._presence.now_ms) / 1000)

    async def remember(self) -> None:
        """All was forgotten, perhaps also which server this is: say so again."""
        await self._meet(self._store, done=True)

    async def _pause(self, seconds: float) -> None:
        over: Deferred[None] = Deferred()
        self._clock.callLater(seconds, over.callback, None)
        await over

    # -- logs

    async def _offer(self, store: Store, seen: dict[str, Seen]) -> list[str]:
        """Offer what logs lack; the channels that go on already, perhaps without it."""
        late, offers = [], []
        # a log that isn't there may have had its time, and is nothing that was lost
        expired = self._presence.now_ms - 1000 * MOMENT
        beaten = self._presence.beaten_ms
        for some in _chunks(seen):
            for log, place in zip(some, await store.places(some), strict=True):
                tip, entries, former, followed = seen[log]
                if place.server == store.server:
                    if place.epoch != tip.epoch and log.startswith("#"):
                        late.append(log)
                elif place.epoch in {"", *former} or (
                    place.epoch == tip.epoch and place.seq < tip.seq
                ):
                    lacking = [entry for entry in entries if entry.seq > place.seq]
                    known = lacking[-1].ms if lacking else 0
                    if place.epoch or followed or known > expired:
                        self._rewound.add(log)
                        parts = range(0, len(lacking) or 1, OFFERED)
                        epoch, at = place.epoch or tip.epoch, beaten if followed else known
                        offers += [
                            store.offer(log, epoch, tip, at, lacking[i : i + OFFERED])
                            for i in parts
                        ]
        await _all(offers)
        return late

    async def _amend(self, store: Store, channel: str, seen: Seen) -> None:
        """This node was late: what it alone had seen of a channel becomes new."""
        common = (await store.read(channel, seen.tip.seq, 1)).past.get(seen.tip.epoch)
        if common is not None and common < seen.tip.seq:
            unknown = _still_said([one for one in seen.entries if one.seq > common])
            if unknown:
                await store.amend(channel, common, unknown)

    # -- what sessions hold

    async def _give_back(self, store: Store, sid: str, row: Record) -> None:
        """Nicks that had been given back when the server didn't hear of it any more."""
        record = self._records.get(sid)
        if self._is_detached(sid, row):
            return
        kept = record.nicks if record is not None and record.token == row.token else []
        for nick in row.nicks:
            if fold(nick) not in map(fold, kept):
                await store.release(sid, row.token, nick)

    async def _put_back(self, store: Store, rows: dict[str, Record], overtaken: set[str]) -> None:
        """Make Redis say of the sessions here what they hold: no more and no less. `overtaken`:
        those that aren't here any more.
        """
        node, deadline = self._presence.node, self._presence.deadline
        gone = {sid: row for sid, row in rows.items() if self._records.get(sid) is None}
        await _all(self._end(store, sid, row) for sid, row in gone.items())
        quits = [event for event in self._records.quits() if self._records.get(event.sid) is None]
        await _all(self._quit(store, event) for event in quits)
        here = [(sid, row) for sid, row in rows.items() if sid not in gone]
        await _all(self._leave(store, sid, row) for sid, row in here)
        for sids in _chunks(self._records.sids()):
            rows_here = self._records.rows(set(sids) - overtaken)
            if rows_here:
                await store.note(node, deadline, rows_here)
        for nicks in _chunks(self._records.held()):
            claims = await store.claims([nick for nick, _, _ in nicks])
            wanted = zip(nicks, claims, strict=True)
            await _all(
                self._claim(store, nick, claim)
                for nick, claim in wanted
                if nick[1] not in overtaken
            )
        members = self._records.members()
        for names in _chunks(members):
            found = await store.members({name: list(members[name]) for name in names})
            kicked = {
                name: await self._kicked(store, name)
                for name in names
                if None in found[name].values()
            }
            await _all(
                self._join(store, sid, members[name][sid], member)
                for name in names
                for sid, member in found[name].items()
                if sid not in overtaken and self._differs(sid, member, members[name][sid])
                if member is not None or sid not in kicked[name]
            )
        await _all(store.index(name) for name in members)
        await _all(self._uphold(store, *each) for each in self._ruling.ruled())
        await _all(RuledRows(store).reinvite(*each) for each in self._ruling.invited())
        keeping = self._keeping.over(store)
        await _all(keeping.put_back_detached(sid, deadline) for sid in keeping.detached())

    async def _kicked(self, store: Store, channel: str) -> set[str]:
        """Who was taken out of a channel while this node heard nothing: the word of it comes."""
        at = self._feed.positions().get(channel)
        if at is None:
            return set()
        found: set[str] = set()
        after = at.seq
        while True:
            tip, entries, past = await store.read(channel, after, CHUNK)
            if tip.epoch != at.epoch and after == at.seq > past.get(at.epoch, 0):
                at = Position(tip.epoch, past.get(at.epoch, 0))
                after = at.seq
                continue
            events = (entry.event for entry in entries)
            found.update(event.target_sid for event in events if isinstance(event, Kicked))
            if len(entries) < CHUNK:
                return found
            after = entries[-1].seq

    def _differs(self, sid: str, member: tuple[str, str] | None, membership: Membership) -> bool:
        """Whether a roster says something else of a session than it should."""
        record = self._records.get(sid)
        if record is None or membership.quiet is None:
            return member is not None and member[0] == STRANGER
        return member is None or member[0] != record.token or member[1] not in record.nicks

    def _is_detached(self, sid: str, row: Record) -> bool:
        """Whether a session had been detached, or taken up elsewhere, rather than having quit."""
        gone = self._records.get(sid) is None and self._records.last_words(sid) is None
        return row.kept and gone

    async def _end(self, store: Store, sid: str, row: Record) -> None:
        """A session that wasn't here any more, and the server didn't hear of that."""
        node = self._presence.node
        if self._is_detached(sid, row):
            keeping = self._keeping.over(store)
            outcome = await keeping.detach_dead(node, sid, row, self._presence.now_ms)
            if outcome is not Outcome.ENDED:
                await store.cross_out(sid, node)
                return
        event = self._records.last_words(sid) or Quit(
            sid, zlib.crc32(sid.encode()), row.nicks[0], LOST, tuple(row.channels)
        )
        for channel in dict.fromkeys([*event.channels, *row.channels]):
            await store.part(row.token, channel, event)
        await store.give_up(sid, row, node)

    async def _quit(self, store: Store, event: Quit) -> None:
        """A session had quit: also where it's among what was put back, and its quit isn't."""
        for channel in self._rewound.intersection(event.channels):
            await store.part(STRANGER, channel, event)

    async def _leave(self, store: Store, sid: str, row: Record) -> None:
        """Channels that a session had left when the server didn't hear of it any more.

        This node saw the event, so it's back in its place, and the session out of the roster; but
        for one that was too old to be remembered.
        """
        record = self._records.get(sid)
        for name in row.channels:
            if record is not None and name not in record.channels and record.token == row.token:
                event = Quit(sid, 0, row.nicks[0], "", ())
                await store.part(row.token, name, event, silently=True)

    async def _claim(self, store: Store, held: tuple[str, str, int], claim: Claim | None) -> None:
        nick, sid, claimed = held
        record, me = self._records.get(sid), self._records.identity(sid)
        if record is None or me is None:
            return
        if claim is None or claim[:2] != (sid, record.token):
            try:
                await self._claim_back(store, self._as(sid, me), nick, claimed)
            except Refused as refused:
                if refused.code is not Code.NICK_TAKEN:
                    raise  # `lost_nicks` finds it out
        elif claim[2:] != (me.away, me.profile):
            await store.describe(self._as(sid, me, nick), me.profile, me.away)

    async def _claim_back(
        self, store: Store, me: Identity, nick: str, claimed: int, *, retained: int = 0
    ) -> None:
        """Claim a nick that a session held before.

        Who has had it for a shorter time gets a moment in which to take another, so that nothing is
        said under it by somebody who has lost it already.
        """
        until = self._clock.seconds() + YIELDING
        while True:
            asking = self._clock.seconds() < until
            deadline, node = self._presence.deadline, self._presence.node
            try:
                await store.claim(
                    me, nick, node, deadline, claimed, asking=asking, retained=retained
                )
                return
            except Asked:
                await self._pause(GLANCE)

    async def _join(
        self, store: Store, sid: str, membership: Membership, member: tuple[str, str] | None
    ) -> None:
        me, record = self._records.identity(sid), self._records.get(sid)
        if me is None or record is None:
            return
        # a change of nick that is under way may have come to this roster already
        nick = member[1] if member is not None and member[1] in record.nicks else me.nick
        await store.put_back(
            self._as(sid, me, nick),
            membership.spelled,
            quiet=bool(membership.quiet),
            deadline=self._presence.deadline,
            # who was put back with what was offered has the status that follows from that
            before=self._ruling.held(membership.spelled, sid) if member is None else None,
        )

    async def _uphold(
        self, store: Store, channel: str, rules: Rules, statuses: dict[str, str]
    ) -> None:
        """What a channel went by, where the server didn't hear of it any more."""
        records = ((sid, self._records.get(sid)) for sid in statuses)
        held = {sid: (one.token, statuses[sid]) for sid, one in records if one is not None}
        await RuledRows(store).uphold(channel, rules, held)

    def _as(self, sid: str, me: Identity, nick: str = "") -> Identity:
        """A session, under the token by which the cluster knows it."""
        record = self._records.get(sid)
        token = me.token if record is None else record.token
        about = me.address, me.since, me.away, me.num, me.profile
        return Identity(sid, token, nick or me.nick, *about)

    # -- some time later

    async def lost_nicks(self) -> list[str]:
        """The sids of those here whose nick is somebody else's now."""
        lost = []
        for held in _chunks(self._records.held()):
            claims = await self._store.claims([nick for nick, _, _ in held])
            pairs = zip(held, claims, strict=True)
            lost += [sid for (_, sid, _), claim in pairs if claim is not None and claim.sid != sid]
        return lost

    async def end_strangers(self) -> None:
        """End those who were put back and whose places nobody has taken: their nodes are gone, and
        so are the records by which they'd be swept. To be called after all others were swept.
        """
        self.moved = False
        rewound, server = sorted(self._rewound), self._store.server
        channels = [name for name in rewound if name.startswith("#")]
        found = [(name, each) for name in channels for each in await self._store.strangers(name)]
        if self._store.server != server:
            return  # another one yet, and they'll be looked for again
        self._rewound.clear()
        places: dict[str, list[str]] = {}
        for name, (sid, _, _) in found:
            places.setdefault(sid, []).append(name)
        await _all(
            self._end_stranger(name, Quit(sid, num + 1, nick, LOST, tuple(places[sid])))
            for name, (sid, num, nick) in found
        )

    async def _end_stranger(self, channel: str, event: Quit) -> None:
        await self._store.part(STRANGER, channel, event, patiently=False)


def _still_said(entries: list[Entry]) -> list[Event]:
    """Of entries that get new places: not what was taken back, nor that it was."""
    gone = {entry.seq for entry in entries if isinstance(entry.event, Unknown)}
    return [
        entry.event
        for entry in entries
        if entry.seq not in gone
        and not (
            isinstance(entry.event, Redacted) and int(entry.event.at.rpartition(".")[2]) in gone
        )
    ]


def _left_undone(failure: Failure) -> None:
    failure.trap(Refused, Late, LinkLost)


def _chunks(whole: Iterable[Any]) -> Iterable[list[Any]]:
    rest = iter(whole)
    while some := list(islice(rest, CHUNK)):
        yield some


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all, so many at a time. What Redis refuses by itself stays undone."""
    for some in _chunks(works):
        running = [Deferred.fromCoroutine(work) for work in some]
        for one in running:
            one.addErrback(_left_undone)
        try:
            await gatherResults(running, consumeErrors=True)
        except FirstError as e:
            e.subFailure.raiseException()
