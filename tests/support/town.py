"""A town: the nodes of one cluster and the people who type on them.

    Town ── people("ann", "bob", "cat", at="#go") ──> Citizen on n1, on n2, on n3
              │                                          └─ a Person with a nick, or none yet
              └─ leave: everybody says /quit; close: everybody hangs up

Must not know how the server works.
"""

import secrets
import select
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Self

from tests.support.nodes import NodeProcess, Nodes
from tests.support.person import Person


class Citizen(Person):
    """A person on a node. `nick`: taken at once, unless it's empty."""

    def __init__(self, on: NodeProcess, nick: str = "", seconds: float = 60.0) -> None:
        super().__init__(on.line, seconds=seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else 40 ms a line
        self.on = on
        if nick:
            self.type(f"/nick {nick}")

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    @property
    def has_broker(self) -> bool:
        """Whether the broker was there when they last heard of it."""
        about = [line for line in self.heard if line.startswith("notice: the broker is ")]
        return not about or about[-1].startswith("notice: the broker is back")

    def say_no_more(self) -> None:
        """Close the one direction: they still read."""
        self._socket.shutdown(socket.SHUT_WR)

    def rest(self) -> list[str]:
        """All that is still to be read, up to the end of the connection."""
        before = len(self.heard)
        with suppress(ConnectionError):
            while True:
                self.read()
        return self.heard[before:]

    def leave(self) -> None:
        """Go, whatever state they're in; returns when the nick is free."""
        with suppress(OSError):
            self.type("/quit")
            self.rest()
        self.close()


class Town:
    """Nodes that run side by side, and people on them. `nodes`: n1, n2, n3 and so on.

    As a context manager: all connections are closed at the end.
    """

    def __init__(self, nodes: Nodes, count: int = 3) -> None:
        self.cluster = nodes
        self.nodes = nodes.start(*(f"n{i}" for i in range(1, count + 1)))
        self.citizens: list[Citizen] = []

    def person(self, nick: str = "", *at: str, on: int = 1, seconds: float = 60.0) -> Citizen:
        """Somebody on the node with this number, in these channels, and all is settled."""
        return self.come(nick, *at, on=self.nodes[on - 1], seconds=seconds)

    def come(self, nick: str, *at: str, on: NodeProcess, seconds: float = 60.0) -> Citizen:
        """As `person`, on any node."""
        citizen = Citizen(on, nick, seconds)
        self.citizens.append(citizen)
        for channel in at:
            citizen.type(f"/join {channel}")
        citizen.settle()
        return citizen

    def people(self, *nicks: str, at: str | tuple[str, ...] = ()) -> list[Citizen]:
        """These on the nodes in turn, in these channels; everyone has read that everyone came."""
        channels = (at,) if isinstance(at, str) else at
        came = [
            self.person(nick, *channels, on=i % len(self.nodes) + 1) for i, nick in enumerate(nicks)
        ]
        settle(*came)
        return came

    def leave(self) -> None:
        """Everybody goes; returns when their nicks are free."""
        while self.citizens:
            self.citizens.pop().leave()

    def close(self) -> None:
        """Everybody hangs up."""
        while self.citizens:
            self.citizens.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def settle(*people: Person) -> list[list[str]]:
    """What each of them hears until all that was done before has come to them."""
    return [person.settle() for person in people]


def settle_once_back(*people: Citizen) -> None:
    """As `settle`. A ping that is answered while the broker is away says nothing, though."""
    for person in people:
        person.settle()
        while not person.has_broker:
            person.until("notice: the broker is back")
            person.settle()


def with_news(people: list[Citizen], seconds: float = 60.0) -> list[Citizen]:
    """Those who have something to read, as soon as there's one. All have settled before."""
    sockets = {person.fileno(): person for person in people}
    ready, _, _ = select.select(list(sockets), [], [], seconds)
    return [sockets[fd] for fd in ready]


def named(lines: Iterable[str]) -> list[str]:
    """The nicks that answers to `/names` have, without the signs of their statuses."""
    return [nick.lstrip("@%+") for line in lines for nick in line.partition(": ")[2].split()]


def new_channel() -> str:
    """The name of a channel that nobody knows yet."""
    return f"#go-{secrets.token_hex(4)}"
