"""Who it really is behind a balancer: the PROXY protocol's header, versions 1 and 2.

    balancer ─ "PROXY TCP4 203.0.113.7 ...", then what they send ─> Proxied ─> the door's protocol

Who comes from a trusted network (or to a unix socket, where those are trusted) must bring a header,
at once; from anywhere else it's a lie, and the connection is closed. The door's protocol is made
when it's known who it is, so nothing sees the balancer's address in between, and reads the socket
itself from there on. Twisted's own wrapper loses a header that comes in small pieces, believes
everybody, waits for ever, and shows the balancer first; its parsers are used. Must not know what is
spoken behind the header.

https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
"""

import socket
from collections.abc import Callable, Collection
from ipaddress import ip_address
from typing import Any, NamedTuple

from twisted.internet import tcp, unix
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.haproxy import _v1parser, _v2parser

from broker.eager import EagerWrite
from node.core.limits import Network, parse_networks, place

PATIENCE = 5.0
"""Seconds within which a header must be there."""

LONGEST = 4_096
"""Bytes of a header, its type-length-values included; balancers send some dozens."""

_V1, _V1_LONGEST = b"PROXY ", 107
_V2, _V2_FIXED, _V2_LOCAL = _v2parser.V2Parser.PREFIX, 16, 0x20
_V2_ADDRESSES = {0: 0, 1: 12, 2: 36, 3: 216}  # bytes, by family
_V2_SSL, _V2_CLIENT_SSL = 0x20, 0x01


class Header(NamedTuple):
    """A header that is there: how many bytes it has, and who they are.

    `source` None: it isn't said (version 1's UNKNOWN, an address that is no IP address). `local`:
    the balancer comes for itself, to see whether somebody is there. `secure`: it says that they
    came to it over TLS (version 2, PP2_TYPE_SSL).
    """

    length: int
    source: IPv4Address | IPv6Address | None
    local: bool
    secure: bool = False


def read(data: bytes) -> Header | None:
    """The header at the beginning of what came; None while it isn't all there.

    Raises ValueError if there's none, or one that says nonsense.
    """
    if data.startswith(_V2[: len(data)]):
        return _read_v2(data)
    if data.startswith(_V1[: len(data)]):
        return _read_v1(data)
    raise ValueError("no PROXY header")


def _read_v1(data: bytes) -> Header | None:
    end = data.find(b"\r\n", 0, _V1_LONGEST)
    if end < 0:
        if len(data) >= _V1_LONGEST:
            raise ValueError("a PROXY header without an end")
        return None
    header = data[:end]
    if header == b"PROXY UNKNOWN":  # which the parser knows only with something behind it
        return Header(end + 2, None, local=False)
    return Header(end + 2, _parsed(_v1parser.V1Parser, header), local=False)


def _read_v2(data: bytes) -> Header | None:
    if len(data) < _V2_FIXED:
        return None
    length = _V2_FIXED + int.from_bytes(data[14:_V2_FIXED])
    if length > LONGEST:
        raise ValueError(f"a PROXY header of {length} bytes")
    if len(data) < length:
        return None
    source = _parsed(_v2parser.V2Parser, data[:length])
    return Header(length, source, data[12] == _V2_LOCAL, _over_tls(data[:length]))


def _over_tls(header: bytes) -> bool:
    """Whether a whole header of version 2 says that they came over TLS (section 2.2.6). What can't
    be read of that part says nothing.
    """
    at = _V2_FIXED + _V2_ADDRESSES.get(header[13] >> 4, len(header))
    while at + 3 < len(header):
        size = int.from_bytes(header[at + 1 : at + 3])
        if header[at] == _V2_SSL:
            return size > 0 and bool(header[at + 3] & _V2_CLIENT_SSL)
        at += 3 + size
    return False


def _parsed(parser: Any, header: bytes) -> IPv4Address | IPv6Address | None:
    """Whom Twisted's parser finds in a whole header. Raises ValueError."""
    try:
        source = parser.parse(header).source
        if not isinstance(source, IPv4Address | IPv6Address):
            return None
        return type(source)("TCP", str(ip_address(source.host)), source.port)
    except Exception as e:  # its own errors, KeyError, struct.error: the header is to blame
        raise ValueError(f"a PROXY header that can't be understood ({type(e).__name__})") from None


def lies(first: bytes) -> bool | None:
    """Whether these first bytes are a header; None: they may become one."""
    if first.startswith((_V1, _V2)):
        return True
    return None if _V1.startswith(first) or _V2.startswith(first) else False


class Peek(EagerWrite):
    """A connection whose first bytes can be looked at before its protocol reads them: mixed into a
    Twisted server's, before it.

    `look` gets what is there, and says how much of it to take away; nothing: the protocol reads
    it. None: nobody looks any more. `peer`: who it is, if that isn't who called. `secure`: whether
    they came to the balancer over TLS.
    """

    look: Callable[[bytes], int] | None = None
    peer: IPv4Address | IPv6Address | None = None
    secure = False

    def doRead(self: Any) -> Any:
        if self.look is None:
            return super().doRead()  # type: ignore[misc]
        try:
            there = self.socket.recv(LONGEST, socket.MSG_PEEK)
        except OSError:
            return super().doRead()  # type: ignore[misc] # which finds out what is wrong
        taken = self.look(there) if there else 0
        if not taken:
            return super().doRead()  # type: ignore[misc]
        self.socket.recv(taken)
        return None

    def getPeer(self: Any) -> Any:
        return self.peer or super().getPeer()  # type: ignore[misc]


class Peeking(Peek, tcp.Server):
    """One over TCP."""


class PeekingUnix(Peek, unix.Server):
    """One over a unix socket."""


UNIX = "unix"
"""What stands among networks if balancers come to unix sockets."""


class Balancers(NamedTuple):
    """Where balancers are. `served`: one that comes for itself is served as anybody (it asks over
    HTTP how the node is); otherwise it finds an open door, and nothing behind it. `unix`: whoever
    comes to a unix socket is one.
    """

    networks: tuple[Network, ...]
    served: bool
    unix: bool = False

    @classmethod
    def parse(cls, places: Collection[str], *, served: bool) -> "Balancers | None":
        """Of networks and the word UNIX; None for nothing. Raises ValueError."""
        networks = parse_networks(place for place in places if place != UNIX)
        found = cls(networks, served, UNIX in places)
        return found if networks or found.unix else None

    def bring(self, addr: Any) -> bool:
        """Whether who comes from this Twisted address is one of them."""
        if isinstance(addr, UNIXAddress):
            return self.unix
        where = place(addr.host)
        return where is not None and any(where in network for network in self.networks)


class ProxiedDoor(Factory):
    """A door some of whose people come through balancers."""

    noisy = False
    log = Logger()

    def __init__(self, door: Any, balancers: Balancers, call_later: Callable[..., Any]) -> None:
        self.door = door
        self.served = balancers.served
        self._balancers = balancers
        self.call_later = call_later

    def doStart(self) -> None:
        self.door.doStart()
        super().doStart()  # type: ignore[no-untyped-call]

    def doStop(self) -> None:
        super().doStop()  # type: ignore[no-untyped-call]
        self.door.doStop()

    def buildProtocol(self, addr: Any) -> Protocol:
        return _Awaited(self, addr) if self._balancers.bring(addr) else _Direct(self, addr)

    def make_way(self, transport: Any, addr: Any) -> None:
        """Let the door's own protocol have the connection of whoever is at `addr`."""
        protocol = self.door.buildProtocol(addr)
        if protocol is None:
            transport.loseConnection()
            return
        transport.protocol = protocol
        protocol.makeConnection(transport)

    def refuse(self, transport: Any, addr: Any, why: str) -> None:
        """Close the connection of whoever called from `addr` at once, and tell the operator."""
        host = getattr(addr, "host", "who came to a unix socket")
        self.log.warn("{host} is turned away: {why}", host=host, why=why)
        transport.abortConnection()


class _Awaited(Protocol):
    """Somebody who comes through a balancer, until it's known who."""

    transport: Any

    def __init__(self, door: ProxiedDoor, addr: Any) -> None:
        self._door = door
        self._addr = addr
        self._came = b""
        self._limit: Any = None

    def connectionMade(self) -> None:
        self.transport.look = self._look
        self._limit = self._door.call_later(PATIENCE, self._too_late)

    def _look(self, there: bytes) -> int:
        before = len(self._came)
        try:
            header = read(self._came + there)
        except ValueError as e:
            self._door.refuse(self.transport, self._addr, str(e))
            return len(there)
        if header is None:
            self._came += there
            return len(there)
        self._let_in(header)
        return header.length - before

    def _let_in(self, header: Header) -> None:
        transport = self.transport
        transport.look = None
        self._limit.cancel()
        if header.local and not self._door.served:
            transport.loseConnection()
            return
        transport.peer = header.source
        transport.secure = header.secure
        self._door.make_way(transport, header.source or self._addr)

    def _too_late(self) -> None:
        self._door.refuse(self.transport, self._addr, f"no PROXY header within {PATIENCE:g} s")

    def connectionLost(self, _reason: Any = connectionDone) -> None:
        self.transport.look = None
        if self._limit.active():
            self._limit.cancel()


class _Direct(Protocol):
    """Somebody who comes by themselves: let in at once, and watched for a header."""

    transport: Any

    def __init__(self, door: ProxiedDoor, addr: Any) -> None:
        self._door = door
        self._addr = addr
        self._first = b""

    def connectionMade(self) -> None:
        self.transport.look = self._look
        self._door.make_way(self.transport, self._addr)

    def _look(self, there: bytes) -> int:
        self._first += there
        lying = lies(self._first)
        if lying is None:
            return 0
        self.transport.look = None
        if not lying:
            return 0
        self._door.refuse(self.transport, self._addr, "a PROXY header from an untrusted address")
        return len(there)
