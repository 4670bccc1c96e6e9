"""What can be asked of Redis: a method for each script or read, typed values in and out.

Each call is one atomic step on one slot. The order of steps is `cluster`'s business, and
when to take them `presence`'s. Must not know sockets, sinks or the feed.
"""

import secrets
from collections.abc import Callable, Coroutine, Iterable, Sequence
from copy import copy
from hashlib import sha256
from typing import Any, NamedTuple, cast

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from broker.api import (
    Arrival,
    Code,
    History,
    Identity,
    Member,
    Position,
    Profile,
    Receipt,
    Refused,
    Roster,
    Topic,
)
from broker.bans import MOST, Ban, Bans, decode_ban, encode_ban
from broker.events import (
    SCHEMA,
    Altered,
    Entry,
    Envelope,
    Event,
    Invited,
    Joined,
    Left,
    Quit,
    Renamed,
    Said,
    Tagged,
    Told,
    around_nick,
    around_to,
    decode_event,
    encode,
)
from broker.feed import Excerpt
from broker.keys import Keys
from broker.link import Argument, Link, LinkLost, ReplyError, Wire
from broker.names import fold
from broker.orders import KEPT
from broker.overview import name_of
from broker.profiles import came, decode_profile, encode_profile, told, went
from broker.records import Record, decode_record
from broker.reports import HOUR, INCIDENTS, POINT_FIELD, POINTS_KEPT
from broker.rules import Judge, Rules, anybody, decode_rules, encode_rules
from broker.scripts import MOMENT, load
from broker.writes import Writes

FORGOTTEN = 3600
"""Seconds for which it's kept how many connections an address has, unless it's told again."""


WAS_KEPT = 86_400
"""Seconds for which it's kept who had a nick. How many of them: see scripts/_was.lua."""

REMEMBERED = 600
"""Seconds for which it's kept what a program said under a key."""

STRANGER = "-"
"""The token of a member whom nobody has put back yet; see scripts/_settle.lua."""

RETAINED = "+"
"""The token of a claim that waits for its session to be opened again; see scripts/claim.lua."""


class Beat(NamedTuple):
    """What a heartbeat found. Times are Redis's, in Unix milliseconds. `orders`: operators', and
    `bans`: the version of those. `nodes`: the incarnations that hold a lease.
    """

    held: bool
    now: int
    deadline: int
    epoch: str
    orders: list[bytes]
    bans: int
    nodes: list[str]


class Line(NamedTuple):
    """A line on its way into a log; `settled` is told how it ended, `judge` whether it may be said
    there.
    """

    sid: str
    token: str
    num: int
    body: bytes
    settled: Callable[[Refused | None], None]
    judge: Judge = anybody


class Judged(NamedTuple):
    """By what somebody was let into a channel: its law (empty: whichever), whether they were
    invited, and how many may be there (0: any number).
    """

    law: str = ""
    invited: bool = False
    limit: int = 0


class Parted(NamedTuple):
    """What leaving a channel did: whether it was told there, who is left, whose it was if gone."""

    told: bool
    left: int
    maker: str


class Meeting(NamedTuple):
    """What a node finds at a server: which it is (empty: it doesn't tell), the epoch of what it
    knows (empty: nothing), and how many ms nobody may write yet. `blind`: it lost all leases.
    """

    server: str
    epoch: str
    wait: int
    blind: bool


class Place(NamedTuple):
    """Where a log stands, and at which server it got its epoch (empty: none, or not known)."""

    epoch: str
    seq: int
    server: str


class Claim(NamedTuple):
    """Who holds a nick, under which token, why they're away (or None), and what's known of them."""

    sid: str
    token: str
    away: str | None
    profile: Profile


class Gathering(NamedTuple):
    """What a node finds at a server that forgot everything: how many ms nobody may be given a nick
    anew yet, and whether the lease that this node had runs still.
    """

    wait: int
    runs: bool


class Late(Exception):
    """The node's lease wasn't certain any more when Redis saw the write."""


class Asked(Exception):
    """A nick is somebody's who has had it for a shorter time, and was asked to give it back."""


class Store:
    """Calls to Redis through one link. All raise `Refused`: UNSETTLED if the link was lost
    and nobody can know, BUSY if Redis refuses to do it (out of memory, say).

    `passing`: how nicks begin (folded) that are given to whoever comes; who had one isn't kept.
    """

    log = Logger()

    def __init__(
        self,
        keys: Keys,
        *,
        history_lines: int,
        history_days: float,
        inbox_lines: int,
        script_flags: bool,
        writes: Writes,
        sharded: bool = False,
        passing: str = "",
    ) -> None:
        self.keys = keys
        self._passing = passing
        self.sharded = sharded
        self.parts = ""  # what the masters are known by, if it's `sharded`
        self.survived = True  # whether one of them has what it had
        self._writes = writes
        self.link: Link
        self.own_topic: str  # what is for this node alone
        self.server = ""  # under which logs are written now; see scripts/_settle.lua
        self._scripts = load(script_flags, sharded=sharded)
        self._lines = history_lines
        self._kept = max(1, int(history_days * 86_400))
        self._inbox_lines = inbox_lines

    async def load_scripts(self, wire: Wire) -> None:
        """Put all scripts into a Redis that may have forgotten them."""
        asked = [wire.ask("SCRIPT", "LOAD", script.text) for script in self._scripts.values()]
        answers = [await one.addErrback(_refusal) for one in asked]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer

    def over(self, wire: Wire) -> "Store":
        """The same, over a wire that isn't the link's yet."""
        other = copy(self)
        other.link = cast(Link, _Direct(wire))
        return other

    # -- the ways of calling

    def _args(
        self, script: str, keys: Sequence[str], args: Sequence[Argument]
    ) -> tuple[Argument, ...]:
        return ("EVALSHA", self._scripts[script].sha, len(keys), *keys, *args)

    async def run(
        self, script: str, keys: Sequence[str], *args: Argument, patient: bool = False
    ) -> Any:
        """Run a script; safe to repeat, so a lost link only delays it."""
        try:
            return await self._run(script, keys, args, patient=patient)
        except LinkLost:
            raise Refused(Code.UNSETTLED) from None

    async def _run(
        self,
        script: str,
        keys: Sequence[str],
        args: Sequence[Argument],
        *,
        again: bool = True,
        patient: bool = False,
    ) -> Any:
        """Run a script. Raises LinkLost; if not `again`, it isn't known then whether it's done."""
        command = self._args(script, keys, args)
        try:
            return await self.link.call(*command, again=again, patient=patient)
        except ReplyError as e:
            if not str(e).startswith("NOSCRIPT"):
                raise self._cannot(script, e) from None
        await self.ask("SCRIPT", "LOAD", self._scripts[script].text)
        try:
            return await self.link.call(*command, again=again, patient=patient)
        except ReplyError as e:
            raise self._cannot(script, e) from None

    def once(self, script: str, keys: Sequence[str], *args: Argument) -> Coroutine[Any, Any, Any]:
        """Run a script that isn't repeated here. Raises LinkLost if it's not known to be done."""
        return self._run(script, keys, args, again=False)

    def _patiently(
        self, script: str, keys: Sequence[str], *args: Argument
    ) -> Coroutine[Any, Any, Any]:
        """Run a script, however long Redis is away."""
        return self.run(script, keys, *args, patient=True)

    async def ask(self, *command: Argument, patient: bool = False) -> Any:
        """Run a plain command that is safe to repeat."""
        try:
            return await self.link.call(*command, patient=patient)
        except ReplyError as e:
            raise self._cannot(str(command[0]), e) from None
        except LinkLost:
            raise Refused(Code.UNSETTLED) from None

    async def ask_all(self, *commands: tuple[Argument, ...], patient: bool = False) -> list[Any]:
        """Several plain commands, sent together and done in their order; the replies."""
        answers = [self.link.call(*command, patient=patient) for command in commands]
        outcomes = [await answer.addErrback(_refusal) for answer in answers]
        for command, outcome in zip(commands, outcomes, strict=True):
            if isinstance(outcome, LinkLost):
                raise Refused(Code.UNSETTLED)
            if isinstance(outcome, Exception):
                raise self._cannot(str(command[0]), outcome)
        return outcomes

    def _cannot(self, what: str, error: Exception) -> Refused:
        self._writes.refused(what, str(error))
        return Refused(Code.BUSY)

    def log_name(self, name: str) -> bytes:
        """A log's name, as envelopes have it."""
        return msgspec.json.encode(fold(name))

    def log_head(self, channel: str) -> tuple[Argument, ...]:
        """With what scripts that write to a channel's log begin."""
        return self.log_name(channel), self._lines

    async def _in_order(self, *commands: tuple[Argument, ...]) -> list[Any]:
        """As `ask_all`, patiently, of what isn't all in one slot: each after the one before."""
        if not self.sharded:
            return await self.ask_all(*commands, patient=True)
        return [await self.ask(*command, patient=True) for command in commands]

    # -- logs

    async def read(self, log: str, after: int, count: int) -> Excerpt:
        """At most `count` entries of a log after a seq."""
        keys = self.keys.log(log)
        epoch, tip, flat, past = await self.run("read", keys, after, count, patient=True)
        places = [each.rpartition(":") for each in past.decode().split()]
        return Excerpt(
            Position(epoch.decode(), int(tip)),
            read_entries(flat),
            {before: int(seq) for before, _, seq in places},
        )

    async def history(
        self, channel: str, count: int, before: Position | None, ranks: str
    ) -> History:
        """The last spoken entries, or the last before a place."""
        keys = self.keys.log(channel)
        epoch, flat = await self.run("history", keys, count + 1, ranks, *(before or ()))
        entries = read_entries(flat)
        return History(epoch.decode(), entries[:count][::-1], len(entries) > count)

    async def trim(self, log: str, oldest_ms: int) -> int:
        """Forget what is older; returns how many entries went."""
        gone: int = await self.run("trim", self.keys.log(log), oldest_ms, self.most(log))
        return gone

    def most(self, log: str) -> int:
        """How many entries a log keeps."""
        return self._lines if log.startswith("#") else self._inbox_lines

    @property
    def kept_ms(self) -> int:
        """How long history is kept, in milliseconds."""
        return self._kept * 1000

    # -- channels

    def say(
        self, channel: str, lines: list[Line], law: str, done: Callable[[list[bytes] | None], None]
    ) -> None:
        """Append lines to a channel's log, in one call; each is told how it ended.

        `law`: by which they were judged. `done` gets None; or how it is (see `_rules.lua`), if
        that's another by now, and then nothing has ended.
        """
        flat: list[Argument] = [self.log_name(channel), self._lines, law]
        for line in lines:
            flat += line[:4]

        def answered(reply: Any) -> None:
            if isinstance(reply, list):
                done(reply)
                return
            settle(reply)
            done(None)

        def settle(reply: Any) -> None:
            if isinstance(reply, bytes):
                for line, code in zip(lines, reply, strict=True):
                    line.settled(Refused(Code.NOT_MEMBER, channel) if code == 0x32 else None)
                return
            refused = Refused(Code.UNSETTLED)
            if isinstance(reply, ReplyError):
                refused = Refused(Code.BUSY)
                if str(reply).startswith("NOSCRIPT"):
                    self.link.send(("SCRIPT", "LOAD", self._scripts["say"].text), lambda _: None)
                else:
                    self._cannot("say", reply)
            for line in lines:
                line.settled(refused)

        self.link.send(self._args("say", self.keys.channel(channel), flat), answered)

    async def join(
        self,
        me: Identity,
        channel: str,
        *,
        announce: bool,
        quiet: bool,
        roster: int,
        history: int,
        may_make: bool,
        num: int,
        deadline: int,
        judged: Judged = Judged(),  # noqa: B008
        status: str = "",
        modes: str = "",
        before: tuple[Rules, str] | None = None,
    ) -> Arrival | tuple[Rules, bool] | None:
        """What is found; None if there's no such channel and it may not be made; the channel's
        rules and whether one is invited, if that isn't what was judged by.

        `status`, `modes`: as for `api.Broker.join`. `before`: what the channel went by, and the
        session's status, when Redis lost both.

        Raises CHANNEL_FULL, CUT_OFF if the session is in there, as another node took it up, `Late`
        and LinkLost.
        """
        found = await self.once(
            "join",
            self.keys.channel(channel),
            self.log_name(channel),
            self._lines,
            me.sid,
            me.token,
            num,
            me.nick,
            encode(Joined(me.sid, num, me.nick, me.profile.by, me.profile.real, me.profile.account))
            if announce
            else b"",
            "q" if quiet else "a",
            secrets.token_hex(6),
            channel,
            me.address,
            int(may_make),
            roster,
            history,
            deadline,
            self.server,
            me.profile.by,
            judged.law,
            int(judged.invited),
            judged.limit,
            status,
            encode_rules(Rules(modes=modes)) if modes else "",
            *_lost(before),
        )
        match found[0]:
            case b"late":
                raise Late
            case b"overtaken":
                raise Refused(Code.CUT_OFF)
            case b"full":
                raise Refused(Code.CHANNEL_FULL, channel)
            case b"law":
                return decode_rules(int(found[1]), found[2]), found[3] == 1
            case b"make":
                return None
        _, epoch, tip, name, total, faces, topic, topic_nick, topic_ms, spoken, *about = found
        announced, held, law, rules = about
        return Arrival(
            Position(epoch.decode(), int(tip)),
            Roster(name.decode(), list(map(decode_face, faces)), total),
            Topic(topic.decode(), topic_nick.decode(), int(topic_ms)),
            read_entries(spoken)[::-1],
            announced == 1,
            held.decode(),
            decode_rules(int(law), rules),
        )

    async def put_back(
        self,
        me: Identity,
        channel: str,
        *,
        quiet: bool,
        deadline: int,
        num: int = 0,
        before: tuple[Rules, str] | None = None,
    ) -> None:
        """Make a session the member again that it was. `num`: 0 if it's certainly its node that
        says so, else 1. `before`: as for `join`. Raises as `join`.
        """
        await self.join(
            me,
            channel,
            announce=False,
            quiet=quiet,
            roster=0,
            history=0,
            may_make=True,
            num=num,
            deadline=deadline,
            before=before,
        )

    async def leave(self, me: Identity, channel: str, why: str) -> Parted | None:
        """Leave with a word to all; None if the session wasn't a member.

        Raises LinkLost: on a repetition, None may mean that it was done before.
        """
        event = Left(me.sid, me.num, me.nick, why, me.profile.by)
        return await self._part(self.once, me.token, channel, event, "always")

    async def part(
        self,
        token: str,
        channel: str,
        event: Left | Quit,
        *,
        silently: bool = False,
        patiently: bool = True,
    ) -> None:
        """Take a session out of a channel, if it's in under this token.

        A quit isn't told of quiet members. Raises LinkLost unless it's done `patiently`.
        """
        tell = "always" if isinstance(event, Left) else "never" if silently else "loud"
        run = self._patiently if patiently else self.once
        parted = await self._part(run, token, channel, event, tell)
        if parted is not None and parted.left == 0:
            await self.emptied(channel, parted.maker)

    async def _part(
        self,
        run: Callable[..., Coroutine[Any, Any, Any]],
        token: str,
        channel: str,
        event: Left | Quit,
        tell: str,
    ) -> Parted | None:
        reply = await run(
            "leave",
            self.keys.channel(channel),
            self.log_name(channel),
            self._lines,
            event.sid,
            token,
            tell,
            *around_nick(event),
            self._kept,
            MOMENT,
            self.server,
        )
        if reply[0] == 2:
            return None
        return Parted(reply[1] == 1, reply[2], reply[3].decode())

    async def rename(self, me: Identity, channel: str, event: Renamed) -> bool:
        """Put the new nick into a roster; whether the channel was told."""
        reply: int = await self.run(
            "rename",
            self.keys.channel(channel),
            self.log_name(channel),
            self._lines,
            me.sid,
            me.token,
            event.new,
            encode(event),
        )
        return reply == 1

    async def alter(self, me: Identity, channel: str, event: Altered) -> bool:
        """Have somebody be otherwise in a channel; whether it was told."""
        reply: int = await self.run(
            "alter",
            self.keys.channel(channel),
            self.log_name(channel),
            self._lines,
            me.sid,
            me.token,
            event.num,
            (event.value or "") if event.what == "host" else "",
            encode(event),
        )
        return reply == 1

    async def post(
        self, channel: str, said: Said, key: str, *, again: bool
    ) -> tuple[Position, int, bool, bool]:
        """Put a program's line into a log; see `api.Posted`. `again`: it may have been done before.

        Raises NO_SUCH_CHANNEL, and LinkLost: a repetition has to say that it is one.
        """
        _, epoch, seq, ms, fresh, before = await self.put(
            channel, said, said.nick, key, again=again
        )
        same = before.decode() == _digest(said.text)
        return Position(epoch.decode(), int(seq)), int(ms), fresh == 1, same

    async def put(
        self, channel: str, said: Said, author: str, key: str, *more: Argument, again: bool
    ) -> Any:
        """Put a line of who is no member into a log, once under the author's key; what the script
        answers. Raises as `post`. `more`: of a session's, see `post.lua`.
        """
        reply = await self.once(
            "post",
            (*self.keys.channel(channel), self.keys.post(channel, _digest(author, key))),
            *self.log_head(channel),
            encode(said),
            _digest(said.text),
            REMEMBERED,
            self._kept,
            int(again),
            self.server,
            *more,
        )
        if reply[0] == b"none":
            raise Refused(Code.NO_SUCH_CHANNEL, channel)
        return reply

    async def roster(self, channel: str) -> Roster:
        """Raises NO_SUCH_CHANNEL."""
        meta, members, _ = self.keys.channel(channel)
        found = await self.run("roster", (meta, members))
        if not found:
            raise Refused(Code.NO_SUCH_CHANNEL, channel)
        return Roster(found[0].decode(), list(map(decode_face, found[1:])), len(found) - 1)

    async def topic(self, channel: str) -> Topic:
        """Raises NO_SUCH_CHANNEL."""
        meta, members, _ = self.keys.channel(channel)
        size, (name, spoken, topic, nick, ms) = await self.ask_all(
            ("HLEN", members),
            ("HMGET", meta, "name", "spoken", "topic", "topic_nick", "topic_ms"),
        )
        if name is None or (size == 0 and spoken is None):
            raise Refused(Code.NO_SUCH_CHANNEL, channel)
        return Topic((topic or b"").decode(), (nick or b"").decode(), int(ms or 0))

    async def reserve(self, address: str, channel: str, now_ms: int, most: int) -> bool:
        """Whether the address may make one more channel."""
        until = now_ms + self.kept_ms
        reply: int = await self.run(
            "reserve", (self.keys.address(address),), now_ms, until, most, fold(channel)
        )
        return reply == 1

    async def index(self, channel: str) -> None:
        """Put a channel on the list of those with members."""
        await self.ask("SADD", self.keys.channel_index, fold(channel))

    async def unindex(self, channel: str) -> None:
        """Take an empty channel off the list, unless somebody came meanwhile."""
        await self.emptied(channel, "")

    async def emptied(self, channel: str, maker: str) -> None:
        """The last member is gone: off the list, and off its maker's account if the channel is.

        Whoever comes into an empty channel puts it on the list after having come, so one of
        the two sees the other.
        """
        given_back = [("ZREM", self.keys.address(maker), fold(channel))] if maker else []
        *_, members = await self._in_order(
            *given_back,
            ("SREM", self.keys.channel_index, fold(channel)),
            ("HLEN", self.keys.channel(channel).roster),
        )
        if members:
            await self.index(channel)

    # -- nicks

    async def claim(
        self,
        me: Identity,
        nick: str,
        node: str,
        deadline: int,
        claimed: int = 0,
        *,
        asking: bool = False,
        retained: int = 0,
    ) -> tuple[Position, int]:
        """Claim a nick; the tip of its inbox, and when it was claimed (Redis's clock, ms).

        `claimed`: the same, if the session had it before: then it's taken from who has had it for a
        shorter time, or they're asked for it, if `asking`. `retained`: it's only held for the
        session (whose token is RETAINED then) till it is opened again, for so many seconds at most.
        Raises NICK_TAKEN, `Asked`, `Late`, LinkLost.
        """
        reply = await self.once(
            "claim",
            self.keys.traces(nick),
            me.sid,
            me.token,
            nick,
            node,
            self.inbox_topic(nick),
            me.since,
            int(me.away is not None),
            me.away or "",
            deadline,
            claimed,
            int(asking),
            retained,
            encode_profile(me.profile),
            b"" if retained else came(me, nick),
            self._remembered(nick),
        )
        if reply[0] == b"taken":
            raise Refused(Code.NICK_TAKEN, nick)
        if reply[0] == b"late":
            raise Late
        if reply[0] == b"asked":
            raise Asked
        return Position(reply[1].decode(), int(reply[2])), int(reply[3])

    def inbox_topic(self, nick: str) -> str:
        """Where what a nick is told is published: on the topic of its holder's node, but if things
        are sharded, on one in the nick's own slot.
        """
        return self.keys.nick(nick).log if self.sharded else self.own_topic

    async def release(self, sid: str, token: str, nick: str) -> None:
        """Give a nick back, if it's this session's."""
        await self.run(
            "release", self.keys.traces(nick), *self._giving(sid, token, nick), patient=True
        )

    def _giving(self, sid: str, token: str, nick: str) -> tuple[Argument, ...]:
        return sid, token, MOMENT, self._remembered(nick), went(sid, nick)

    def _remembered(self, nick: str) -> int:
        """For how many seconds it's kept who had a nick."""
        passing = self._passing and fold(nick).startswith(self._passing)
        return 0 if passing else WAS_KEPT

    async def tell(
        self, nick: str, event: Told | Tagged | Invited, *, deadline: int, sent: int
    ) -> tuple[Receipt, Envelope | None]:
        """Put an event into a nick's inbox; what was published, if it was done now.

        `sent`: 0, or when it was first tried.

        Raises NO_SUCH_NICK, UNSETTLED, `Late`, and LinkLost: a repetition has to say that it
        is one.
        """
        head, tail = around_to(event)
        key = msgspec.json.encode(msgspec.to_builtins(event)[:3])[:-1] + b","
        args: tuple[Argument, ...] = (
            self.log_name(nick),
            self._inbox_lines,
            head,
            secrets.token_hex(6),
            deadline,
            int(sent > 0),
            key,
            sent,
            self.server,
            tail,
        )
        reply = await self.once("tell", self.keys.nick(nick), *args)
        match reply[0]:
            case b"none":
                raise Refused(Code.NO_SUCH_NICK, nick)
            case b"late":
                raise Late
            case b"unknown":
                raise Refused(Code.UNSETTLED)
        _, holder, why, is_away, epoch, seq, ms, to, now = reply
        at, away = Position(epoch.decode(), int(seq)), why.decode() if is_away else None
        receipt = Receipt(holder.decode(), away, at, int(ms))
        if not now:
            return receipt, None
        told = msgspec.structs.replace(event, to=to.decode())
        return receipt, Envelope(SCHEMA, fold(nick), at.epoch, at.seq, receipt.ms, [told])

    async def describe(
        self, me: Identity, profile: Profile, away: str | None, event: Altered | None = None
    ) -> None:
        """Write into a claim what is known of its holder, and tell who watches them of the event.

        Raises CUT_OFF if it isn't this session's.
        """
        done = await self.run(
            "describe",
            (self.keys.nick(me.nick).claim, self.keys.watch(me.nick)),
            me.sid,
            me.token,
            encode_profile(profile),
            int(away is not None),
            away or "",
            told(event) if event is not None else b"",
        )
        if not done:
            raise Refused(Code.CUT_OFF)

    async def claim_of(self, nick: str) -> dict[str, str]:
        """All that a claim says. Raises NO_SUCH_NICK."""
        claim = await self.ask("HGETALL", self.keys.nick(nick).claim)
        if not claim or claim[b"token"] == RETAINED.encode():
            raise Refused(Code.NO_SUCH_NICK, nick)
        return {field.decode(): value.decode() for field, value in claim.items()}

    # -- sessions

    def note(self, node: str, deadline: int, rows: list[tuple[str, bytes]]) -> "Deferred[None]":
        """Write down the records of sessions, by sid. Fails with `Late`, LinkLost or Refused."""
        flat = [part for row in rows for part in row]
        keys = (self.keys.node_sessions(node),)
        written = self.link.call(*self._args("note", keys, (deadline, *flat)), again=False)

        def answered(reply: Any) -> None:
            if not reply:
                raise Late

        def refused(failure: Failure) -> None:
            failure.trap(ReplyError)
            if str(failure.value).startswith("NOSCRIPT"):
                self.link.send(("SCRIPT", "LOAD", self._scripts["note"].text), lambda _: None)
                raise Late
            raise self._cannot("note", Exception(failure.value))

        return written.addCallbacks(answered, refused)

    async def record(self, sid: str, node: str) -> Record | None:
        """What is written down of a session, or None."""
        raw = await self.ask("HGET", self.keys.node_sessions(node), sid)
        return decode_record(raw) if raw is not None else None

    async def give_up(self, sid: str, record: Record, node: str) -> None:
        """Give back a session's nicks, then cross out the session, which holds nothing more."""
        calls = [
            self._args("release", self.keys.traces(nick), self._giving(sid, record.token, nick))
            for nick in record.nicks
        ]
        crossing: tuple[Argument, ...] = ("HDEL", self.keys.node_sessions(node), sid)
        if not self.sharded:  # sent right behind the others: calls are done in their order
            calls.append(crossing)
        answers = [self.link.call(*call, patient=True) for call in calls]
        outcomes = [await answer.addErrback(_refusal) for answer in answers]
        for call, outcome in zip(calls, outcomes, strict=True):
            if isinstance(outcome, LinkLost):
                raise Refused(Code.UNSETTLED)
            if isinstance(outcome, ReplyError) and call[0] == "HDEL":
                raise self._cannot("HDEL", outcome)
        for nick, outcome in zip(record.nicks, outcomes, strict=False):
            if isinstance(outcome, ReplyError):  # the script was forgotten, say
                await self.release(sid, record.token, nick)
        if self.sharded:
            await self.ask(*crossing, patient=True)

    async def cross_out(self, sid: str, node: str) -> None:
        """The session is this incarnation's no more."""
        await self.ask("HDEL", self.keys.node_sessions(node), sid, patient=True)

    async def sessions_of(self, node: str) -> dict[str, Record]:
        """The records of an incarnation's sessions, by sid."""
        rows = await self.ask("HGETALL", self.keys.node_sessions(node))
        return {sid.decode(): decode_record(raw) for sid, raw in rows.items()}

    async def count(self, counter: str, node: str, batch: str, many: int) -> int:
        """Add to a counter, under the name of a batch of this node's; what it is afterwards."""
        keys = (self.keys.counter(counter), self.keys.counter_memo(counter, node))
        counted: int = await self.run("count", keys, batch, many)
        return counted

    # -- connections

    async def living(self) -> list[str]:
        """The incarnations that hold a lease. Raises LinkLost."""
        try:
            found = await self.link.call("ZRANGE", self.keys.leases, 0, -1, again=False)
        except ReplyError as e:
            raise self._cannot("ZRANGE", e) from None
        return [node.decode() for node in found]

    async def admit(
        self, address: str, node: str, count: int, most: int, living: list[str]
    ) -> bool:
        """Whether an address may have so many connections open on a node. Raises LinkLost."""
        keys = (self.keys.connections(address),)
        reply: int = await self.once("admit", keys, node, count, most, FORGOTTEN, *living)
        return reply == 1

    # -- what nodes tell of themselves (`broker.board`)

    def tell_status(
        self,
        node: str,
        status: bytes,
        incidents: list[bytes],
        told: Callable[[int | None], None],
    ) -> None:
        """Write down how a node is. `told` how many nodes hold a lease; None if it isn't done, and
        then it isn't tried again.
        """

        def answered(reply: Any) -> None:
            if isinstance(reply, ReplyError) and str(reply).startswith("NOSCRIPT"):
                self.link.send(("SCRIPT", "LOAD", self._scripts["status"].text), lambda _: None)
            told(None if isinstance(reply, Exception) else reply)

        keys = (self.keys.status, self.keys.incidents, self.keys.leases)
        args = self._args("status", keys, (node, status, INCIDENTS, *incidents))
        self.link.send(args, answered, again=False)

    def tell_point(self, node: str, point: bytes) -> None:
        """Add a point to a node's; what Redis doesn't take is a hole in a chart.

        As it's all that is written again and again, it tells whether writes are taken.
        """
        key = self.keys.node_points(node)

        def answered(reply: Any) -> None:
            if isinstance(reply, ReplyError):
                self._cannot("a point", reply)
            elif isinstance(reply, bytes):
                self._writes.taken()

        add = ("XADD", key, "MAXLEN", HOUR, "*", POINT_FIELD, point)
        self.link.send(add, answered, again=False)
        self.link.send(("EXPIRE", key, POINTS_KEPT), lambda _: None, again=False)

    async def glance(self, *commands: tuple[Argument, ...]) -> list[Any]:
        """Reads, sent together and not repeated; the replies, a ReplyError as a value.

        Raises LinkLost.
        """
        answers = [self.link.call(*command, again=False) for command in commands]
        outcomes = [await answer.addErrback(_refusal) for answer in answers]
        for outcome in outcomes:
            if isinstance(outcome, LinkLost):
                raise outcome
        return outcomes

    async def glance_each(self, *commands: tuple[Argument, ...]) -> dict[str, list[Any]]:
        """As `glance`, at each master of a Redis Cluster, by its HOST:PORT; else nowhere."""
        asked = [self.link.ask_each(*command) for command in commands]
        found: dict[str, list[Any]] = {}
        for answers in asked:
            for place, answer in answers.items():
                outcome = await answer.addErrback(_refusal)
                if isinstance(outcome, LinkLost):
                    raise outcome
                found.setdefault(place, []).append(outcome)
        return found

    @property
    def script_names(self) -> dict[bytes, str]:
        """Of the scripts, by the SHA-1 under which Redis has them."""
        return {script.sha.encode(): name for name, script in self._scripts.items()}

    def tell_open(self, address: str, node: str, count: int, told: Callable[[bool], None]) -> None:
        """Say how many connections an address has open on a node. `told`: if it's certain."""

        def answered(reply: Any) -> None:
            if isinstance(reply, ReplyError) and str(reply).startswith("NOSCRIPT"):
                self.link.send(("SCRIPT", "LOAD", self._scripts["admit"].text), lambda _: None)
            told(reply == 1)

        keys = (self.keys.connections(address),)
        self.link.send(self._args("admit", keys, (node, count, 0, FORGOTTEN)), answered)

    # -- after another server took over

    async def meet(
        self, node: str, window_ms: int, *, done: bool, epoch: str, lease_ms: int, nodes: list[str]
    ) -> Meeting:
        """Meet the other nodes at a server; `done`: this one has offered all that it saw. `epoch`:
        of what it knows, and `nodes` that held a lease, for one of several masters that has lost
        that alone; `lease_ms`: how long leases run.
        """
        keys = (self.keys.recovery, self.keys.leases, self.keys.epoch)
        known = self.parts, epoch if self.parts and self.survived else ""
        server, found, wait, blind = await self.run(
            "recover", keys, node, window_ms, int(done), *known, lease_ms, *nodes
        )
        return Meeting(server.decode(), found.decode(), int(wait), blind == 1)

    async def gather(self, node: str, window_ms: int, before: Beat, *, done: bool) -> Gathering:
        """Gather with the other nodes at a server that forgot everything. `before`: this node's
        last beat at the one that didn't; `done`: it holds again what it held.
        """
        args = (node, window_ms, before.now, before.deadline, len(before.nodes), int(done))
        wait, runs = await self.run("gather", (self.keys.gathering,), *args)
        return Gathering(wait, runs == 1)

    async def gathered_at(self) -> int:
        """When the gathering of other nodes ends, if there is one (Redis's clock, ms)."""
        return int(await self.ask("HGET", self.keys.gathering, "ends") or 0)

    async def places(self, logs: list[str]) -> list[Place]:
        """Where these logs stand: those that are there, and not only offered."""
        metas = [self.keys.log(log).meta for log in logs]
        fields = ("epoch", "seq", "at", "known")
        found = await self.ask_all(*(("HMGET", meta, *fields) for meta in metas))
        return [
            Place((epoch or b"").decode(), int(seq or 0), (at or b"").decode())
            if known is None
            else Place("", 0, "")
            for epoch, seq, at, known in found
        ]

    async def offer(
        self, log: str, epoch: str, tip: Position, known: int, seen: list[Entry]
    ) -> None:
        """Offer what was seen of a log that is shorter now, and has this epoch; `tip`: where it
        stood, and `known`: till when that was certain (ms).
        """
        flat = [part for one in seen for part in (one.seq, one.ms, encode(one.event))]
        keys = (self.keys.log(log).meta,)
        await self.run("offer", keys, self.server, epoch, *tip, known, MOMENT, *flat)

    async def settle(self, log: str) -> None:
        """Let a log go on under this server, with what was offered."""
        channel, nick = self.keys.channel(log), self.keys.nick(log)
        keys = channel if log.startswith("#") else (nick.meta, nick.claim, nick.log)
        holders = int(log.startswith("#"))  # whose places follow from what is in the log
        await self.run("settle", keys, self.server, self.most(log), self._kept, MOMENT, holders)

    async def amend(self, channel: str, after: int, seen: list[Event]) -> None:
        """Append as new what was seen of a channel after a place, and is not in its log."""
        bodies = [encode(event) for event in seen]
        name = self.log_name(channel)
        await self.run("amend", self.keys.channel(channel), name, self._lines, after, *bodies)

    async def claims(self, nicks: list[str]) -> list[Claim | None]:
        """Who holds each; None: nobody does."""
        fields = ("sid", "token", "away", "about")
        keys = [self.keys.nick(nick).claim for nick in nicks]
        found = await self.ask_all(*(("HMGET", key, *fields) for key in keys))
        return [
            Claim(
                sid.decode(),
                token.decode(),
                away.decode() if away is not None else None,
                decode_profile(about),
            )
            if sid is not None
            else None
            for sid, token, away, about in found
        ]

    async def members(
        self, sids: dict[str, list[str]]
    ) -> dict[str, dict[str, tuple[str, str] | None]]:
        """What rosters say of some sessions, by channel and sid: token and nick, or None."""
        found = await self.ask_all(
            *(("HMGET", self.keys.channel(name).roster, *some) for name, some in sids.items())
        )
        return {
            name: dict(zip(some, map(_member, raw), strict=True))
            for (name, some), raw in zip(sids.items(), found, strict=True)
        }

    async def strangers(self, channel: str) -> list[tuple[str, int, str]]:
        """Members without a token: sid, the last number, nick. See scripts/_settle.lua."""
        flat = await self.ask("HGETALL", self.keys.channel(channel).roster)
        members = [(sid.decode(), raw.decode().split(" ", 5)) for sid, raw in flat.items()]
        return [(sid, int(parts[1]), parts[5]) for sid, parts in members if parts[0] == STRANGER]

    # -- nodes

    @property
    def mark(self) -> tuple[Argument, ...]:
        """A command that writes something, whatever scripts Redis has forgotten."""
        return ("EVAL", self._scripts["mark"].text, 1, self.keys.mark)

    async def beat(self, node: str, lease_ms: int, *, take: bool, messages: int) -> Beat:
        """Renew (or `take`) the lease of an incarnation, and count its messages."""
        keys = (
            self.keys.leases,
            self.keys.epoch,
            self.keys.messages,
            self.keys.orders(node),
            self.keys.bans_version,
            self.keys.recovery,
        )
        # of several masters the others may have what they had: see broker/marks.py
        drawn = secrets.token_hex(8) if take or not (self.sharded and self.survived) else ""
        held, now, deadline, epoch, orders, bans, nodes, server = await self.run(
            "heartbeat", keys, node, lease_ms, int(take), drawn, messages
        )
        if not epoch:
            self.link.drop()  # and look after it on the way back
            raise Refused(Code.UNSETTLED)
        if self.sharded and server.decode() not in ("", self.server):
            # Others have met anew: their masters were not those that they knew. This node may have
            # followed what moved without that, and would write under what is over.
            self.log.info("others have met anew: {server}", server=server.decode())
            self.link.drop()
        self.survived = True
        living = [node.decode() for node in nodes]
        return Beat(held == 1, int(now), int(deadline), epoch.decode(), orders, int(bans), living)

    async def look_at_epoch(self) -> str:
        """Of what Redis knows; empty if that can't be known now. Asked for at once."""
        looking = self.link.call("GET", self.keys.epoch, again=False)
        reply = await looking.addErrback(_refusal)
        return reply.decode() if isinstance(reply, bytes) else ""

    async def expired(
        self, again_ms: int, most: int, until_ms: int, own: str = ""
    ) -> tuple[list[str], list[str]]:
        """The incarnations whose people someone should sweep now, and the detached sessions (at
        most that many) that someone should end. None if it's after `until_ms` on Redis's clock:
        what is asked before an outage may be read when it's over. `own`: the caller's incarnation.
        """
        keys = (self.keys.leases, self.keys.dying, self.keys.detached, self.keys.incidents)
        teller = name_of(own)
        nodes, sids = await self.run("expire", keys, again_ms, most, until_ms, INCIDENTS, teller)
        return [node.decode() for node in nodes], [sid.decode() for sid in sids]

    async def swept(self, node: str) -> None:
        """Nothing of an incarnation is left."""
        await self.ask("DEL", self.keys.node_sessions(node), self.keys.node_seen(node))
        await self.ask("ZREM", self.keys.dying, node)
        await self.ask("DEL", self.keys.orders(node))

    async def give_up_lease(self, node: str) -> None:
        """The incarnation is gone, with nothing left behind."""
        await self.ask("DEL", self.keys.node_sessions(node), self.keys.node_seen(node))
        await self.ask("ZREM", self.keys.leases, node)
        await self.ask("DEL", self.keys.orders(node))

    async def report(self, number: str, rows: dict[str, bytes], within: float = 0.0) -> None:
        """Write rows of a report. It stays for a minute, and for `within` seconds more."""
        key, flat = self.keys.report(number), [part for row in rows.items() for part in row]
        await self.ask_all(("HSET", key, *flat), ("EXPIRE", key, KEPT + int(within)))

    # -- bans

    async def bans(self) -> Bans:
        """All bans, also those whose time is over."""
        keys = (self.keys.bans, self.keys.bans_version)
        version, flat = await self.run("bans", keys)
        return Bans(int(version), tuple(map(decode_ban, flat[1::2])))

    async def ban(self, bans: Iterable[Ban], *, again: bool = False, least: int = 0) -> bool:
        """Ban somebody; whether there was room. `again`: put back what may have been lost, which
        had the version `least`.
        """
        flat = [part for ban in bans for part in (ban.key, encode_ban(ban))]
        keys = (self.keys.bans, self.keys.bans_version)
        done: int = await self.run("ban", keys, MOST, int(again), least, *flat)
        return done == 1

    async def unban(self, key: str) -> Ban | None:
        """Take a ban away; the ban, if there was one."""
        keys = (self.keys.bans, self.keys.bans_version)
        raw = await self.run("unban", keys, key)
        return decode_ban(raw) if raw else None


class _Direct:
    """A wire in the place of a link: what is asked goes out at once, and only here."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def call(self, *args: Argument, **_ways: bool) -> "Deferred[Any]":
        return self._wire.ask(*args)


def _digest(*parts: str) -> str:
    return sha256(msgspec.json.encode(parts)).hexdigest()[:32]


def _refusal(failure: Failure) -> BaseException | None:
    """What Redis or the link refused, as a value. A cancellation isn't one: it has to get through,
    or the attempt that it ends would wait for ever.
    """
    failure.trap(ReplyError, LinkLost)
    return failure.value


def _member(raw: bytes | None) -> tuple[str, str] | None:
    if raw is None:
        return None
    token, *_, nick = raw.decode().split(" ", 5)
    return token, nick


def _lost(before: tuple[Rules, str] | None) -> tuple[Argument, ...]:
    if before is None:
        return "", "", ""
    rules, status = before
    return rules.law, encode_rules(rules), status


def read_entries(flat: list[bytes]) -> list[Entry]:
    """What scripts tell of a log: id, ms and body of each entry."""
    return [
        Entry(int(flat[i].partition(b"-")[0]), int(flat[i + 1]), decode_event(flat[i + 2]))
        for i in range(0, len(flat), 3)
    ]


def decode_face(face: bytes) -> Member:
    """Of what `_member.lua` shows of one."""
    standing, _, nick = face.decode().partition(" ")
    status, _, by = standing.partition("!")
    return Member(nick, "" if status == "-" else status, by)
