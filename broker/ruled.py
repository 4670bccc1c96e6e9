"""What can be asked of Redis about channels with rules: typed values in and out, as in `store`.

Each call says by which law it was judged, and does nothing if that's another by now. When to judge
again is `ruling`'s business.
"""

from typing import Any, NamedTuple

from broker.api import Code, Identity, Refused
from broker.events import (
    Invited,
    Kicked,
    Ruled,
    Said,
    TopicSet,
    around_channel,
    around_target,
    encode,
)
from broker.link import Argument
from broker.rules import Fellow, Rules, Standing, decode_rules, encode_rules
from broker.scripts import MOMENT
from broker.store import RETAINED, Late, Parted, Store, decode_face


class AsItIs(NamedTuple):
    """What a channel goes by, and those who were asked about; None: no member."""

    rules: Rules
    fellows: list[Fellow | None]

    def standing(self) -> Standing:
        """Of the first of them."""
        fellow = self.fellows[0]
        return Standing(False) if fellow is None else Standing(True, fellow.status)


def as_it_is(reply: list[bytes], *sids: str) -> AsItIs:
    """Of what scripts answer (see `_rules.lua`) about these sessions."""
    _, law, rules, *faces = reply
    pairs = zip(sids, faces, strict=True)
    fellows = [Fellow(sid, *decode_face(face)) if face else None for sid, face in pairs]
    return AsItIs(decode_rules(int(law), rules), fellows)


class RuledRows:
    """Calls to Redis about channels with rules; they raise as `Store`'s do. Who acts is a member
    or not, unless it's said. `deadline`: until when their node holds its lease for certain.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def holders(self, nicks: list[str]) -> list[tuple[str, str] | None]:
        """Who holds each nick: their sid, and how it's spelled. None: nobody does."""
        keys = [self._store.keys.nick(nick).claim for nick in nicks]
        found = await self._store.ask_all(*(("HMGET", key, "sid", "nick", "token") for key in keys))
        return [
            (sid.decode(), nick.decode()) if sid and token != RETAINED.encode() else None
            for sid, nick, token in found
        ]

    async def rules(self, channel: str) -> Rules:
        """Raises NO_SUCH_CHANNEL."""
        return (await self.look(channel, []))[0]

    async def look(self, channel: str, sids: list[str] | None) -> tuple[Rules, list[Fellow]]:
        """The rules, and those of some sessions (None: all) that are there. Raises
        NO_SUCH_CHANNEL.
        """
        meta, roster, _ = self._store.keys.channel(channel)
        found = await self._store.run("look", (meta, roster), int(sids is None), *(sids or ()))
        if found[0] == b"none":
            raise Refused(Code.NO_SUCH_CHANNEL, channel)
        law, rules, *flat = found
        pairs = zip(flat[::2], flat[1::2], strict=True)
        fellows = [Fellow(sid.decode(), *decode_face(face)) for sid, face in pairs]
        return decode_rules(int(law), rules), fellows

    async def set_topic(
        self, me: Identity, channel: str, topic: str, law: str, status: str
    ) -> AsItIs | None:
        """None if it's done, now or before. Raises NOT_MEMBER."""
        event = TopicSet(me.sid, me.num, me.nick, topic, me.profile.by)
        head = self._head(me, channel)
        reply = await self._store.run(
            "topic", self._keys(channel), *head, topic, me.nick, encode(event), law, status
        )
        if reply == 2:
            raise Refused(Code.NOT_MEMBER, channel)
        return as_it_is(reply, me.sid) if reply else None

    async def rule(
        self,
        me: Identity,
        channel: str,
        law: int,
        event: Ruled,
        judged: dict[str, str | None],
        deadline: int,
    ) -> bool:
        """Whether it's done, now or before. `judged`: the status of each whom it's about, who asks
        first. Raises NO_SUCH_CHANNEL, `Late`, LinkLost.
        """
        flat = [part for sid, status in judged.items() for part in (sid, _known(status))]
        reply = await self._ask("rule", me, channel, deadline, law, encode(event), *flat)
        return bool(reply[0] == b"done")

    async def kick(
        self,
        me: Identity,
        channel: str,
        event: Kicked,
        law: str,
        judged: tuple[str | None, str | None],
        deadline: int,
    ) -> Parted | AsItIs | None:
        """None if it was done before. Otherwise as `rule`; `judged`: of who asks, and the other."""
        mine, theirs = map(_known, judged)
        around = around_target(event)
        args = (law, mine, event.target_sid, theirs, *around)
        kept = self._store.kept_ms // 1000
        reply = await self._ask("kick", me, channel, deadline, *args, kept, MOMENT)
        if reply[0] == b"law":
            return as_it_is(reply, me.sid, event.target_sid)
        return Parted(True, reply[1], reply[2].decode()) if len(reply) > 1 else None

    async def invite(
        self,
        me: Identity,
        channel: str,
        event: Invited,
        law: str,
        mine: str | None,
        deadline: int,
    ) -> AsItIs | str:
        """The channel's name if it's done. Raises ALREADY_THERE, and as `rule`."""
        args = (law, _known(mine), event.to, *around_channel(event))
        reply = await self._ask("invite", me, channel, deadline, *args)
        if reply[0] == b"there":
            raise Refused(Code.ALREADY_THERE, event.guest)
        return as_it_is(reply, me.sid) if reply[0] == b"law" else str(reply[1], "utf-8")

    async def say_outside(
        self, channel: str, said: Said, law: str, deadline: int, *, again: bool
    ) -> AsItIs | None:
        """Put a line of who is no member into a log; None if it's done. Raises as `rule`."""
        num = str(said.num)
        reply = await self._store.put(channel, said, said.sid, num, deadline, law, again=again)
        if reply[0] == b"late":
            raise Late
        return as_it_is(reply) if reply[0] == b"law" else None

    async def uphold(
        self, channel: str, rules: Rules, statuses: dict[str, tuple[str, str]]
    ) -> None:
        """Tell Redis again what a channel went by; `statuses`: token and status by sid."""
        meta, roster, _ = self._store.keys.channel(channel)
        flat = [part for sid, one in statuses.items() for part in (sid, *one)]
        await self._store.run("uphold", (meta, roster), rules.law, encode_rules(rules), *flat)

    async def reinvite(self, channel: str, sids: list[str]) -> None:
        """Tell Redis again who was invited."""
        meta, roster, _ = self._store.keys.channel(channel)
        await self._store.run("reinvite", (meta, roster), *sids)

    async def _ask(
        self, script: str, me: Identity, channel: str, deadline: int, *args: Argument
    ) -> list[Any]:
        head = self._head(me, channel)
        reply: list[Any] = await self._store.once(
            script, self._keys(channel), *head, deadline, self._store.server, *args
        )
        if reply[0] == b"late":
            raise Late
        if reply[0] == b"none":
            raise Refused(Code.NO_SUCH_CHANNEL, channel)
        return reply

    def _keys(self, channel: str) -> tuple[str, ...]:
        return self._store.keys.channel(channel)

    def _head(self, me: Identity, channel: str) -> tuple[Argument, ...]:
        return (*self._store.log_head(channel), me.sid, me.token, me.num)


def _known(status: str | None) -> str:
    return "?" if status is None else status
