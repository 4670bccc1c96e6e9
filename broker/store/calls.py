"""The ways of calling Redis: running scripts and plain commands, once, again, or patiently."""

from collections.abc import Coroutine, Sequence
from copy import copy
from typing import Any, Self, cast

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from broker.api import Code, Refused
from broker.keys import Keys
from broker.link import Argument, Link, LinkLost, ReplyError, Wire
from broker.names import fold
from broker.scripts import load
from broker.writes import Writes

STRANGER = "-"
"""The token of a member whom nobody has put back yet; see scripts/_settle.lua."""


RETAINED = "+"
"""The token of a claim that waits for its session to be opened again; see scripts/claim.lua."""


class Late(Exception):
    """The node's lease wasn't certain any more when Redis saw the write."""


class Berthed(Exception):
    """A channel's name is held for another one, which is called `old` (folded) yet; see moving."""

    def __init__(self, move: str, old: str) -> None:
        super().__init__(move, old)
        self.move = move
        self.old = old


class Asked(Exception):
    """A nick is somebody's who has had it for a shorter time, and was asked to give it back."""


class Calls:
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
        self.given_back: dict[str, None] = {}  # nicks, folded, of which that is kept
        self._scripts = load(script_flags, sharded=sharded)
        self._lines = history_lines
        self._kept = max(1, int(history_days * 86_400))
        self._inbox_lines = inbox_lines

    async def load_scripts(self, wire: Wire) -> None:
        """Put all scripts into a Redis that may have forgotten them."""
        asked = [wire.ask("SCRIPT", "LOAD", script.text) for script in self._scripts.values()]
        answers = [await one.addErrback(refusal) for one in asked]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer

    def over(self, wire: Wire) -> Self:
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
        outcomes = [await answer.addErrback(refusal) for answer in answers]
        for command, outcome in zip(commands, outcomes, strict=True):
            if isinstance(outcome, LinkLost):
                raise Refused(Code.UNSETTLED)
            if isinstance(outcome, Exception):
                raise self._cannot(str(command[0]), outcome)
        return outcomes

    def _cannot(self, what: str, error: Exception) -> Refused:
        self._writes.refused(what, str(error))
        return Refused(Code.BUSY)

    async def glance(self, *commands: tuple[Argument, ...]) -> list[Any]:
        """Reads, sent together and not repeated; the replies, a ReplyError as a value.

        Raises LinkLost.
        """
        answers = [self.link.call(*command, again=False) for command in commands]
        outcomes = [await answer.addErrback(refusal) for answer in answers]
        for outcome in outcomes:
            if isinstance(outcome, LinkLost):
                raise outcome
        return outcomes

    async def glance_each(self, *commands: tuple[Argument, ...]) -> dict[str, list[Any]]:
        """As `glance`, at each master of a Redis Cluster, by its HOST:PORT; else nowhere."""
        asked = [
            (place, answer.addErrback(refusal))
            for command in commands
            for place, answer in self.link.ask_each(*command).items()
        ]
        found: dict[str, list[Any]] = {}
        for place, answer in asked:
            outcome = await answer
            if isinstance(outcome, LinkLost):
                raise outcome
            found.setdefault(place, []).append(outcome)
        return found

    async def _in_order(self, *commands: tuple[Argument, ...]) -> list[Any]:
        """As `ask_all`, patiently, of what isn't all in one slot: each after the one before."""
        if not self.sharded:
            return await self.ask_all(*commands, patient=True)
        return [await self.ask(*command, patient=True) for command in commands]

    @property
    def script_names(self) -> dict[bytes, str]:
        """Of the scripts, by the SHA-1 under which Redis has them."""
        return {script.sha.encode(): name for name, script in self._scripts.items()}

    # -- of logs

    def log_name(self, name: str) -> bytes:
        """A log's name, as envelopes have it."""
        return msgspec.json.encode(fold(name))

    def log_head(self, channel: str) -> tuple[Argument, ...]:
        """With what scripts that write to a channel's log begin."""
        return self.log_name(channel), self._lines

    def most(self, log: str) -> int:
        """How many entries a log keeps."""
        return self._lines if log.startswith("#") else self._inbox_lines

    @property
    def kept_ms(self) -> int:
        """How long history is kept, in milliseconds."""
        return self._kept * 1000


class _Direct:
    """A wire in the place of a link: what is asked goes out at once, and only here."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def call(self, *args: Argument, **_ways: bool) -> "Deferred[Any]":
        return self._wire.ask(*args)


def refusal(failure: Failure) -> BaseException | None:
    """What Redis or the link refused, as a value. A cancellation isn't one: it has to get through,
    or the attempt that it ends would wait for ever.
    """
    failure.trap(ReplyError, LinkLost)
    return failure.value
