"""Lines on their way into logs: one call for all that a turn said in a channel, in their order,
also where lines have to be judged again.

    add ──> end_of_turn ──> judged by what is known ──> Store.say ──> settled
                                    ^                      │ the rules are others by now
                        wait ───────┴──────────────────────┘

While calls of a channel are under way, what's judged by other rules waits: else it would come
before lines that are to be judged again. Must not know sinks.
"""

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from broker.api import Code, Refused, Settled
from broker.events import Said
from broker.ruled import as_it_is
from broker.rules import Judge, Standing, anybody
from broker.ruling import LOOK, UNJUDGED, Known, Ruling
from broker.store import Line, Store


class _UnderWay(msgspec.Struct):
    """What a channel has under way: how many calls, judged by which law; the lines of those that
    were judged by another than there is; and the lines that wait for all that.
    """

    law: str
    calls: int = 0
    outdated: list[Line] = []
    waiting: list[Line] = []


class Speaking:
    """See the module's docstring. Channels are named folded. `spawn` runs what nobody waits for.

    `said`: how many lines were said so far, but for those that a judge refused.
    """

    def __init__(
        self,
        store: Store,
        ruling: Ruling,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._store = store
        self._ruling = ruling
        self._spawn = spawn
        self._turn: dict[str, list[Line]] = {}  # what this turn said
        self._channels: dict[str, _UnderWay] = {}  # that have something under way
        self._outside: dict[str, deque[tuple[str, Said, Judge, Settled]]] = {}  # by sid
        self.said = 0

    def add(self, channel: str, line: Line) -> None:
        """Say a line at the end of this turn."""
        said = self._turn.get(channel)
        if said is None:
            self._turn[channel] = [line]
        else:
            said.append(line)

    def end_of_turn(self) -> None:
        """Send off what this turn said."""
        turn, self._turn = self._turn, {}
        for channel, lines in turn.items():
            self.said += len(lines)
            self._send(channel, lines)

    def _send(self, channel: str, lines: list[Line]) -> None:
        known = self._ruling.known(channel)
        law = known.law if known is not None and known.free else _law(known, lines)
        at = self._channels.get(channel)
        if at is None:
            at = self._channels[channel] = _UnderWay(law)
        elif at.law != law or at.outdated or at.waiting:
            at.waiting += lines
            return
        at.calls += 1

        def done(reply: list[bytes] | None) -> None:
            at.calls -= 1
            if reply is not None:
                at.outdated += self._judged(channel, lines, reply)
            if at.calls == 0:
                del self._channels[channel]
                again = at.outdated + at.waiting
                if again:
                    self._send(channel, again)

        self._store.say(channel, lines, law, done)

    def _judged(self, channel: str, lines: list[Line], reply: list[bytes]) -> list[Line]:
        """Those of these lines that may be said, by what Redis says; the others are refused."""
        authors = list(dict.fromkeys(line.sid for line in lines))
        found = as_it_is(reply, *authors)
        self._ruling.learn(channel, authors, found)
        fellows = dict(zip(authors, found.fellows, strict=True))
        permitted = []
        for line in lines:
            fellow = fellows[line.sid]
            try:
                if fellow is None:
                    raise Refused(Code.NOT_MEMBER, channel)
                if found.rules.law:
                    line.judge(found.rules, Standing(True, fellow.status))
                permitted.append(line)
            except Refused as refused:
                self.said -= 1
                line.settled(refused)
        return permitted

    # -- from outside

    def add_outside(self, channel: str, said: Said, judge: Judge, settled: Settled) -> None:
        """Say a line of who isn't in the channel; a session's one after the other."""
        waiting = self._outside.get(said.sid)
        if waiting is not None:
            waiting.append((channel, said, judge, settled))
            return
        self._outside[said.sid] = deque([(channel, said, judge, settled)])
        self._spawn(self._say_outside(said.sid))

    async def _say_outside(self, sid: str) -> None:
        waiting = self._outside[sid]
        while waiting:
            channel, said, judge, settled = waiting[0]
            try:
                await self._ruling.say_outside(channel, said, judge)
            except Refused as refused:
                settled(refused)
            else:
                self.said += 1
                settled(None)
            waiting.popleft()
        del self._outside[sid]


def _law(known: Known | None, lines: list[Line]) -> str:
    """By which law all of these may be said, by what is known of a channel with rules."""
    judged = [line for line in lines if line.judge is not anybody]
    if not judged:
        return UNJUDGED
    if known is None or not all(known.permits(line.sid, line.judge) for line in judged):
        return LOOK  # they may have changed
    return known.law
