"""What can be asked of Redis about nicks: who holds one, and what they're told."""

import secrets

import msgspec

from broker.api import Code, Identity, Position, Profile, Receipt, Refused
from broker.events import SCHEMA, Altered, Envelope, Invited, Tagged, Told, around_to
from broker.link import Argument
from broker.names import fold
from broker.profiles import came, encode_profile, told, went
from broker.scripts import MOMENT
from broker.store.calls import RETAINED, Asked, Calls, Late

WAS_KEPT = 86_400
"""Seconds for which it's kept who had a nick. How many of them: see scripts/_was.lua."""


class NickCalls(Calls):
    """Calls to Redis about nicks."""

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
        remembered = self._remembered(nick)
        if remembered:
            self.given_back[fold(nick)] = None
        return sid, token, MOMENT, remembered, went(sid, nick)

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
