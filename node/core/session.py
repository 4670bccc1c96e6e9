"""A session: one person's presence. State only; what happens to it is the verbs' business."""

import secrets
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, Protocol

from broker.api import Code, Identity, Receipt, Refused
from broker.events import Event, Told
from broker.names import fold
from broker.spans import ranks, readable
from node.core.commands import Command
from node.core.dialect import Connection, Dialect, Place
from node.core.lane import Lane
from node.core.limits import Act, Allowance, spelled
from node.core.opers import Oper
from node.core.replies import Reply
from node.core.rules import CTCP, NO_CTCP


class Promise(Protocol):
    """Something to come: one awaits it, another calls it back. Twisted's Deferred is one."""

    def callback(self, value: None) -> None: ...

    def __await__(self) -> Generator[Any, None, None]: ...


class Diversion:
    """What one command brings somebody, kept together: replies, and those of their own events that
    come after the command numbered `since`.
    """

    __slots__ = ("since", "pieces")

    def __init__(self, since: int) -> None:
        self.since = since
        self.pieces: list[Reply | tuple[Event, Place]] = []


class Waiting(NamedTuple):
    """A verb that waits until its own event, command `num`, has been shown."""

    num: int
    promise: Promise


class Membership:
    """A session's part of a channel's log: after `since`, up to `until` once it has left.

    `era`: as the hub's channel has it; empty: the log has begun anew since, and all that it has
    is theirs. `status`: letters, the highest first.
    """

    __slots__ = ("name", "era", "since", "until", "quiet", "status")

    def __init__(self, name: str, era: str, since: int, quiet: bool, status: str = "") -> None:
        self.name = name
        self.era = era
        self.since = since
        self.until: int | None = None
        self.quiet = quiet
        self.status = status

    def covers(self, era: str, seq: int) -> bool:
        """Whether the event at this place of the channel's log was theirs to see."""
        return (
            self.era in ("", era) and self.since < seq and (self.until is None or seq <= self.until)
        )


INVITATIONS = 100
"""How many invitations of theirs people are shown; the last ones."""

CORRESPONDENTS = 100
"""Of how many people whom somebody wrote to it's remembered when; the last ones."""

PAST = 8
"""How many channels that were left are remembered, for quits and nick changes that arrive late."""


class Session:
    """One person, here. `pending` is what this turn has for them, kept by the outbox.

    `seen` is the highest command number of which the event has come by, and `waiting` fires when it
    reaches the number that a verb waits for. `welcome` is shown right after the session's own
    `Joined`. `secret`: with which it can be taken up again; empty if it's not kept. `allowance`:
    how fast they may do what, or None: as they like. `peer`: the address that they're connected
    from, empty if it's none. `certificate`: the fingerprint of the one that they have shown
    (SHA-256, hexadecimal), empty if it's none. `oper`: as which operator they have shown
    themselves, if they have. `parse`: makes commands of what they send. `diversion`: where what's
    said to them goes for now, if not to them. `invitations`: channels, as spelled, into which they
    were asked. `watched`: the nicks of which they're told who has them, as they typed them, by
    folded nick. `written`: whom they wrote to, and when (Unix ms), by folded nick, the last
    one last. `came_in`: the cluster has known them once. `spoke`: when they last said something
    (Unix seconds), or came.
    """

    __slots__ = (
        "me",
        "dialect",
        "connection",
        "pending",
        "channels",
        "past",
        "current",
        "lane",
        "seen",
        "waiting",
        "gone",
        "welcome",
        "secret",
        "allowance",
        "peer",
        "certificate",
        "oper",
        "parse",
        "diversion",
        "invitations",
        "watched",
        "spoke",
        "written",
        "came_in",
    )

    def __init__(self, me: Identity, dialect: Dialect, connection: Connection) -> None:
        self.me = me
        self.dialect = dialect
        self.connection = connection
        self.pending: list[bytes] = []
        self.channels: dict[str, Membership] = {}
        self.past: list[Membership] = []
        self.current: str | None = None
        self.lane: Lane
        self.seen = 0
        self.waiting: Waiting | None = None
        self.gone = False
        self.welcome: Reply | None = None
        self.secret = ""
        self.allowance: Allowance | None = None
        self.peer = ""
        self.certificate = ""
        self.oper: Oper | None = None
        self.diversion: Diversion | None = None
        self.invitations: tuple[str, ...] = ()
        self.watched: dict[str, str] = {}
        self.spoke = me.since / 1000
        self.written: dict[str, tuple[str, int]] = {}
        self.came_in = False
        self.parse: Callable[[bytes], Command | None] = dialect.parser(self)

    def invite(self, channel: str) -> None:
        """They were invited into a channel."""
        self.forget_invitation(channel)
        self.invitations = (*self.invitations[1 - INVITATIONS :], channel)

    def forget_invitation(self, channel: str) -> None:
        """They have come in, or needn't come any more."""
        if self.invitations:
            name = fold(channel)
            self.invitations = tuple(one for one in self.invitations if fold(one) != name)

    def wrote(self, receipt: Receipt) -> None:
        """They wrote to somebody."""
        name = fold(receipt.nick)
        self.written.pop(name, None)
        self.written[name] = receipt.nick, receipt.ms
        if len(self.written) > CORRESPONDENTS:
            del self.written[next(iter(self.written))]

    def was_in(self, channel: str, era: str, seq: int) -> bool:
        """Whether the event at this place of a channel's log was this session's to see."""
        membership = self.channels.get(channel)
        if membership is not None and membership.covers(era, seq):
            return True
        return any(past.name == channel and past.covers(era, seq) for past in self.past)

    def reads(self, channel: str, event: Event) -> bool:
        """Whether an event of a channel is for somebody of their status."""
        membership = self.channels.get(channel)
        return readable(event, ranks(membership.status if membership is not None else ""))

    def afford(self, act: Act, code: Code) -> None:
        """Count something that may be done only so often. Raises `code` if it's too much."""
        allowance = self.allowance
        if allowance is not None and not allowance.take(act):
            raise Refused(code, spelled(max(1.0, allowance.wait(act))))

    def hears(self, event: Event) -> bool:
        """Whether they are shown what was sent to them: with user mode T no CTCP but actions."""
        if type(event) is not Told or NO_CTCP not in self.me.profile.modes:
            return True
        return not event.text.startswith(CTCP)

    def called(self, nick: str) -> bool:
        """Whether this is the session's own nick."""
        return fold(self.me.nick) == fold(nick)


def new_secret() -> str:
    """A token that can't be guessed: 128 bits."""
    return secrets.token_hex(16)


def new_sid() -> str:
    """A session's public name: 64 bits, so two are never the same."""
    return secrets.token_hex(8)
