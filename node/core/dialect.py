"""What the core asks of a dialect and of a connection, and nothing more."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from broker.events import Event, Said
from node.core.commands import Command
from node.core.replies import Reply

if TYPE_CHECKING:
    from node.core.session import Session


class Place(NamedTuple):
    """Where an event stands: its channel as spelled (empty: an inbox), position and time (ms).

    `to`: the nick of whom a private message is for.
    """

    channel: str
    epoch: str
    seq: int
    ms: int
    to: str = ""


class TakenAlong(Reply, frozen=True):
    """The channel `old` (as spelled) is called `new` now, and you are in it. `by`, `real` and
    `account` are yours, as in `broker.api.Profile`.
    """

    old: str
    new: str
    why: str = ""
    by: str = ""
    real: str = ""
    account: str = ""


class Dialect(Protocol):
    """How chat is spoken. One instance is one kind of listener: those who share it get the
    same bytes, rendered once. So it's compared by identity, and its options are part of it.
    """

    name: str
    """What it's called, for operators."""

    lobby: bool
    """Whether people come into the lobby by connecting."""

    greets: bool
    """Whether people come in by connecting, as guests. Otherwise they do when they've said as whom.
    """

    resumes: bool
    """Whether people can take a session up again."""

    longest: int
    """The most bytes of a person's message, without its end."""

    endless: int
    """A line of more bytes is the last that is heard from them; 0: there's no such limit."""

    echo: bool
    """Whether people read their own lines."""

    renames: bool
    """Whether people read that a channel is called otherwise. To others it looks as if they left it
    and came into another one: they get `TakenAlong`, and what one finds on joining.
    """

    observes: bool
    """Whether whoever watches a nick reads what its holder says of themselves, also where the two
    share no channel.
    """

    speech: object
    """Those for whom it's the same read lines as the same bytes."""

    options: frozenset[str]
    """Those that are on."""

    page: int
    """The most nicks that are shown to who comes into a channel."""

    history: int
    """How many lines of the past are shown to them."""

    def parser(self, session: "Session") -> Callable[[bytes], Command | None]:
        """What makes commands of somebody's lines; None if there's nothing in one. It never raises,
        and remembers what it has to.
        """

    def render(self, event: Event, place: Place) -> bytes:
        """An event, ready to send; empty if this kind of listener isn't told."""

    def speak(self, events: Sequence[Said], places: Sequence[Place]) -> list[bytes]:
        """Lines that were said in a channel and came by together, each as `render` has it. All
        kinds of listeners are given the same objects.
        """

    def reply(self, reply: Reply, to: str = "") -> bytes:
        """A reply, ready to send. `to`: the nick of whom it's for; empty if they have none."""

    def too_long(self) -> Command:
        """What to make of a line that was longer than a line may be."""

    def option(self, name: str, on: bool) -> "Dialect":
        """The dialect with an option set. Raises Refused(OPTION_UNKNOWN)."""


class Connection(Protocol):
    """A socket, as the core sees it."""

    def close(self) -> None:
        """Close, after everything that was put into the outbox has been sent."""

    def pause(self) -> None:
        """Read nothing more for now: the session has enough to do."""

    def resume(self) -> None:
        """Read on."""

    def when_ready(self, work: Callable[[], None]) -> None:
        """Call when the socket takes more than it was sent, or is gone; at once if that's so."""

    @property
    def reached(self) -> bool:
        """Whether all that was sent is with the person's system, as far as can be known."""
