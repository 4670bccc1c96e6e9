"""What can be asked of Redis about sessions: the records that tell what they hold."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from broker.api import Code, Refused
from broker.link import Argument, LinkLost, ReplyError
from broker.records import Record, decode_record
from broker.store.calls import Late, refusal
from broker.store.nicks import NickCalls


class SessionCalls(NickCalls):
    """Calls to Redis about sessions."""

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
        outcomes = [await answer.addErrback(refusal) for answer in answers]
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
