"""`node.net.proxied`: who it really is behind a balancer."""

import socket
import struct
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import address
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock

from node.core.limits import parse_networks
from node.net.proxied import LONGEST, PATIENCE, UNIX, Balancers, Header, ProxiedDoor, read
from tests.support import spin
from tests.support.doors import LOCAL, Doors, connected
from tests.support.doors import read as read_from

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
HERE, ELSEWHERE = ["127.0.0.0/8"], ["203.0.113.0/24"]
V1 = b"PROXY TCP4 198.51.100.7 192.0.2.1 5555 1234\r\n"


def v2(
    source: str = "198.51.100.7", *, command: int = 1, family: int | None = None, more: bytes = b""
) -> bytes:
    """A header of version 2; `command` 0: LOCAL."""
    one = ip_address(source)
    kind = family if family is not None else (0x11 if one.version == 4 else 0x21)
    body = one.packed + one.packed + struct.pack("!2H", 5555, 1234) + more
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, kind, len(body)) + body


def source(header: bytes) -> str | None:
    found = read(header)
    assert found is not None and found.length == len(header)
    return found.source.host if found.source is not None else None


# -- headers


@pytest.mark.parametrize(
    "header, expected",
    [
        (V1, "198.51.100.7"),
        (b"PROXY TCP6 2001:DB8::0:1 ::1 5555 1234\r\n", "2001:db8::1"),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN what ever it says\r\n", None),
        (v2(), "198.51.100.7"),
        (v2("2001:db8::1"), "2001:db8::1"),
        (v2(more=b"\x05\x00\x04abcd"), "198.51.100.7"),
        (v2(family=0x00), None),
        (SIGNATURE + b"\x21\x31" + struct.pack("!H", 216) + bytes(216), None),
    ],
)
def test_a_header_says_who_it_is(header: bytes, expected: str | None) -> None:
    assert expected == source(header)


def test_a_balancer_may_come_for_itself() -> None:
    header = v2(command=0)
    assert Header(len(header), None, local=True) == read(header)


SSL = b"\x20\x00\x05\x01\x00\x00\x00\x00"
PLAIN = b"\x20\x00\x05\x00\x00\x00\x00\x00"


@pytest.mark.parametrize(
    "header, secure",
    [
        (V1, False),
        (v2(), False),
        (v2(more=SSL), True),
        (v2("2001:db8::1", more=SSL), True),
        (v2(more=b"\x04\x00\x02ab" + SSL), True),
        (v2(more=PLAIN), False),
        (v2(more=b"\x05\x00\x08" + SSL), False),
        (v2(more=SSL[:3]), False),
        (v2(more=b"\x20\x00\x00"), False),
    ],
)
def test_a_header_says_whether_they_came_over_tls(header: bytes, secure: bool) -> None:
    found = read(header)
    assert found is not None
    assert secure == found.secure


@given(
    st.ip_addresses(),
    st.integers(1, 65_535),
    st.booleans(),
    st.binary(max_size=40),
    st.integers(0, 400),
)
def test_a_header_is_found_wherever_what_came_is_cut(
    address: IPv4Address | IPv6Address, port: int, binary: bool, behind: bytes, cut: int
) -> None:
    text = f"PROXY TCP{address.version} {address} {address} {port} 1\r\n".encode()
    header = v2(str(address)) if binary else text
    came = header + behind
    found = read(came[:cut])
    if cut < len(header):
        assert found is None
    else:
        assert found is not None and found.source is not None
        assert (len(header), str(address)) == (found.length, found.source.host)


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda more: SIGNATURE + more))
def test_whatever_comes_is_a_header_or_none_or_too_little(data: bytes) -> None:
    try:
        found = read(data)
    except ValueError:
        return
    assert found is None or found.length <= len(data)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"hello",
        b"PROXY\r\n",
        b"PROXY " + b"x" * 200,
        b"PROXY TCP4 198.51.100.7 192.0.2.1 many 1234\r\n",
        b"PROXY TCP4 198.51.100.777 192.0.2.1 5555 1234\r\n",
        b"PROXY TCP5 198.51.100.7 192.0.2.1 5555 1234\r\n",
        SIGNATURE + b"\x31\x11\x00\x00",
        SIGNATURE + b"\x21\x11\x00\x04abcd",
        SIGNATURE + b"\x21\x99\x00\x00",
        SIGNATURE + b"\x21\x11" + struct.pack("!H", LONGEST),
    ],
)
def test_nonsense_is_refused(nonsense: bytes) -> None:
    with pytest.raises(ValueError, match="PROXY header"):
        read(nonsense)


# -- doors


class Host(Protocol):
    """Says who came in, then repeats what they say."""

    transport: Any

    def connectionMade(self) -> None:
        self.transport.write(f"{getattr(self.transport.getPeer(), 'host', 'nobody')} ".encode())

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class HostDoor(Factory):
    protocol = Host
    noisy = False


@pytest.fixture
def doors() -> Iterator[Doors]:
    made = Doors()
    yield made
    made.close()


def behind(doors: Doors, networks: list[str], *, served: bool = False) -> Any:
    """A door to which balancers come from `networks`."""
    balancers = Balancers.parse(networks, served=served)
    return doors.open(LOCAL, HostDoor(), balancers=balancers)


def turns_away(wire: socket.socket) -> bool:
    """Whether the door closes the connection, without a word."""
    try:
        return read_from(wire) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("header", [V1, v2()])
def test_who_came_through_a_balancer_is_known_before_the_first_word(
    doors: Doors, header: bytes
) -> None:
    with connected(behind(doors, HERE)) as wire:
        wire.send(header)
        assert b"198.51.100.7 " == read_from(wire, 13)


@pytest.mark.parametrize("header", [V1, v2()])
def test_a_header_may_come_in_pieces_and_with_what_follows_it(doors: Doors, header: bytes) -> None:
    with connected(behind(doors, HERE)) as wire:
        for i in range(len(header) - 1):
            wire.send(header[i : i + 1])
            spin.turn()
        wire.send(header[-1:] + b"hello")
        assert b"198.51.100.7 hello" == read_from(wire, 18)


def test_who_comes_from_elsewhere_comes_in_as_they_are(doors: Doors) -> None:
    with connected(behind(doors, ELSEWHERE)) as wire:
        wire.send(b"PROhello")
        assert b"127.0.0.1 PROhello" == read_from(wire, 18)


@pytest.mark.parametrize("header", [V1, v2()])
@pytest.mark.parametrize("cut", [0, 3])
def test_nobody_from_elsewhere_may_say_who_they_are(doors: Doors, header: bytes, cut: int) -> None:
    with connected(behind(doors, ELSEWHERE)) as wire:
        assert b"127.0.0.1 " == read_from(wire, 10)
        if cut:
            wire.send(header[:cut])
            assert header[:cut] == read_from(wire, cut)
        wire.send(header[cut:])
        assert turns_away(wire)


def test_who_brings_no_header_is_turned_away(doors: Doors) -> None:
    with connected(behind(doors, HERE)) as wire:
        wire.send(b"hello\r\n")
        assert turns_away(wire)


@pytest.mark.parametrize("served, expected", [(True, b"127.0.0.1 GET"), (False, b"")])
def test_a_balancer_that_comes_for_itself_is_served_where_that_is_told(
    doors: Doors, served: bool, expected: bytes
) -> None:
    with connected(behind(doors, HERE, served=served)) as wire:
        wire.send(v2(command=0) + b"GET")
        assert expected == read_from(wire, len(expected) or None)


# -- unix sockets


Reach = Callable[..., socket.socket]


@pytest.fixture
def reach(tmp_path: Path, doors: Doors) -> Iterator[Reach]:
    """Connects to a door on a unix socket; balancers come to it from the places that are told."""
    made: list[socket.socket] = []

    def connect(*places: str, served: bool = False) -> socket.socket:
        balancers = Balancers.parse(places, served=served)
        doors.open(f"unix:{tmp_path}/door", HostDoor(), balancers=balancers)
        wire = socket.socket(socket.AF_UNIX)
        made.append(wire)
        wire.connect(f"{tmp_path}/door")
        wire.setblocking(False)
        return wire

    yield connect
    for wire in made:
        wire.close()


@pytest.mark.parametrize("header", [V1, v2(), v2("2001:db8::1")])
def test_who_came_through_a_balancer_on_a_unix_socket_is_known(reach: Reach, header: bytes) -> None:
    wire = reach(UNIX)
    for i in range(len(header)):
        wire.send(header[i : i + 1])
        spin.turn()
    wire.send(b"hello")
    expected = f"{source(header)} hello".encode()
    assert expected == read_from(wire, len(expected))


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", v2(family=0x00)])
def test_whom_a_balancer_on_a_unix_socket_does_not_name_has_no_address(
    reach: Reach, header: bytes
) -> None:
    wire = reach(UNIX)
    wire.send(header + b"hello")
    assert b"nobody hello" == read_from(wire, 12)


@pytest.mark.parametrize("served, expected", [(True, b"nobody "), (False, b"")])
def test_a_balancer_on_a_unix_socket_may_come_for_itself(
    reach: Reach, served: bool, expected: bytes
) -> None:
    wire = reach(UNIX, served=served)
    wire.send(v2(command=0))
    assert expected == read_from(wire, len(expected) or None)


@pytest.mark.parametrize("header", [V1, v2()])
def test_on_a_unix_socket_nobody_may_say_who_they_are_unless_it_is_trusted(
    reach: Reach, header: bytes
) -> None:
    wire = reach(*HERE)
    assert b"nobody " == read_from(wire, 7)
    wire.send(header)
    assert turns_away(wire)


def test_who_brings_no_header_to_a_unix_socket_is_turned_away(reach: Reach) -> None:
    wire = reach(UNIX)
    wire.send(b"hello\r\n")
    assert turns_away(wire)


def test_trusted_unix_sockets_trust_no_address(doors: Doors) -> None:
    with connected(behind(doors, [UNIX])) as wire:
        wire.send(b"hello")
        assert b"127.0.0.1 hello" == read_from(wire, 15)


class Wire:
    """A transport that has nothing to say."""

    look: Any = None
    client = ("127.0.0.1", 5555)
    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True


@pytest.mark.parametrize("came", [b"", V1[:9], v2()[:14]])
def test_a_header_is_waited_for_only_so_long(came: bytes) -> None:
    clock, wire = Clock(), Wire()
    door = ProxiedDoor(HostDoor(), Balancers(parse_networks(HERE), False), clock.callLater)
    awaited: Any = door.buildProtocol(address.IPv4Address("TCP", "127.0.0.1", 5555))
    awaited.makeConnection(wire)
    assert len(came) == wire.look(came)
    clock.advance(PATIENCE - 0.1)
    assert not wire.aborted
    clock.advance(0.2)
    assert wire.aborted
