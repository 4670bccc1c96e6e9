"""TCP ports that several processes are to share, and that nobody else shares with them.

    claim("tcp:0:interface=127.0.0.1")
      binds alone: fails if anybody is there ── then lets others with SO_REUSEPORT join,
      and holds on without listening: the kernel gives it no connection, and the port stays ours
      while the nodes come and go

Understands as much of Twisted's endpoint strings as it must, without Twisted.
"""

import re
import socket
from dataclasses import dataclass

_ANY = {"tcp": "0.0.0.0", "ssl": "0.0.0.0", "tcp6": "::"}  # noqa: S104 - as Twisted has it
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class PortError(Exception):
    """The port can't be ours; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """The parts of a TCP endpoint string; `at` is the place of the port among them."""

    parts: tuple[str, ...]
    at: int
    host: str
    port: int

    def on(self, port: int) -> str:
        """The endpoint string with another port."""
        word = f"port={port}" if self.parts[self.at].startswith("port=") else str(port)
        return ":".join((*self.parts[: self.at], word, *self.parts[self.at + 1 :]))


@dataclass(frozen=True, slots=True)
class Claim:
    """A port that is ours. `endpoint`: for nodes to listen on; has the port's real number."""

    endpoint: str
    host: str
    port: int
    holder: socket.socket

    @property
    def reachable(self) -> str:
        """A host under which this machine's own clients find the port."""
        return _LOOPBACK.get(self.host, self.host)

    def close(self) -> None:
        """Let go of it. Nodes that listen on it go on listening."""
        self.holder.close()


def place(endpoint: str) -> Place | None:
    """Where a `tcp:`, `tcp6:` or `ssl:` endpoint is; None for one of another kind.

    Raises ValueError("what was expected") if the port is none.
    """
    parts = tuple(re.split(r"(?<!\\):", endpoint))
    if parts[0] not in _ANY:
        return None
    at = next((i for i, part in enumerate(parts) if part.startswith("port=")), 1)
    try:
        port = int(parts[at].removeprefix("port="))
    except (IndexError, ValueError):
        port = -1
    if not 0 <= port <= 65535:
        raise ValueError(f"a port from 0 to 65535, as in tcp:1234, not {endpoint!r}")
    host = _ANY[parts[0]]
    for part in parts[1:]:
        if part.startswith("interface="):
            host = part.removeprefix("interface=").replace("\\", "") or host
    return Place(parts, at, host, port)


def claim(endpoint: str) -> Claim:
    """Make the port of an endpoint string ours; port 0 finds a free one.

    Raises PortError if somebody has it, ValueError("what was expected") if it's no TCP port.
    """
    where = place(endpoint)
    if where is None:
        raise ValueError(f"an endpoint that nodes can share, as tcp:1234, not {endpoint!r}")
    holder = _bind_alone(where.host, where.port)
    port: int = holder.getsockname()[1]
    return Claim(where.on(port), where.host, port, holder)


def _bind_alone(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    holder = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Connections of an earlier cluster may linger in TIME_WAIT; only a listener is in the way.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((host, port))
        # Now it's ours alone. From here on those may join who ask to share, and only they.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except OSError as e:
        holder.close()
        why = (e.strerror or str(e)).lower()
        raise PortError(f"{host} port {port} can't be opened: {why}") from None
    return holder
