"""What can be asked of Redis about channels: who is there, and what is said there."""

import secrets
from collections.abc import Callable, Coroutine
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from broker.api import Arrival, Code, Identity, Member, Position, Refused, Roster, Topic
from broker.events import Altered, Joined, Left, Quit, Renamed, Said, around_nick, encode
from broker.link import Argument, ReplyError
from broker.names import fold
from broker.rules import Judge, Rules, anybody, decode_rules, encode_rules
from broker.scripts import MOMENT
from broker.store.calls import Berthed, Calls, Late
from broker.store.logs import read_entries

REMEMBERED = 600
"""Seconds for which it's kept what a program said under a key."""


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


class ChannelCalls(Calls):
    """Calls to Redis about channels. `whither` tells where somebody went with a channel, if they
    did; `make_way` lets a channel in for which a name is held; `astray` is told of lines of who
    isn't where they're said (see `moves` and `moving`).
    """

    whither: Callable[[Any, str, str], Coroutine[Any, Any, str | None]]
    make_way: Callable[[Any, str, str], Coroutine[Any, Any, None]]
    astray: Callable[[str, Line], None]

    def say(
        self, channel: str, lines: list[Line], law: str, done: Callable[[list[bytes] | None], None]
    ) -> None:
        """Append lines to a channel's log, in one call; each is told how it ended.

        `channel`: folded. `law`: by which they were judged. `done` gets None; or how it is (see
        `_rules.lua`), if that's another by now, and then nothing has ended.
        """
        flat: list[Argument] = [msgspec.json.encode(channel), self._lines, law]
        for line in lines:
            flat += line[:4]

        def answered(reply: Any) -> None:
            if isinstance(reply, bytes):
                for line, code in zip(lines, reply, strict=True):
                    if code == 0x32:
                        self.astray(channel, line)
                    else:
                        line.settled(None)
                done(None)
            elif isinstance(reply, list):
                done(reply)
            else:
                unsaid(reply)
                done(None)

        def unsaid(reply: Any) -> None:
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

        Raises CHANNEL_FULL, CUT_OFF if the session is in there, as another node took it up,
        `Berthed`, `Late` and LinkLost.
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
            case b"berth":
                raise Berthed(found[1].decode(), found[2].decode())
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
        joining: dict[str, Any] = {"announce": False, "quiet": quiet, "roster": 0, "history": 0}
        joining |= {"may_make": True, "num": num, "deadline": deadline, "before": before}
        for _ in range(2):
            try:
                await self.join(me, channel, **joining)
            except Berthed as berthed:
                await self.make_way(self, berthed.old, berthed.move)
            else:
                return
        raise Refused(Code.BUSY)

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
        if parted is None and not silently:
            moved = await self.whither(self, channel, event.sid)
            if moved is not None:
                channel = moved
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
        if reply == 0 and (moved := await self.whither(self, channel, me.sid)) is not None:
            return await self.rename(me, moved, event)
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
        if reply == 0 and (moved := await self.whither(self, channel, me.sid)) is not None:
            return await self.alter(me, moved, event)
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
        await self.run("index", (self.keys.channel_index,), fold(channel))

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


def _digest(*parts: str) -> str:
    return sha256(msgspec.json.encode(parts)).hexdigest()[:32]


def _lost(before: tuple[Rules, str] | None) -> tuple[Argument, ...]:
    if before is None:
        return "", "", ""
    rules, status = before
    return rules.law, encode_rules(rules), status


def decode_face(face: bytes) -> Member:
    """Of what `_member.lua` shows of one."""
    standing, _, nick = face.decode().partition(" ")
    status, _, by = standing.partition("!")
    return Member(nick, "" if status == "-" else status, by)
