"""`node.net.doors`: listening sockets, and transports that write at once and lose nothing."""

import hashlib
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol

from node.net import certificates
from node.net.doors import Port, SharedPort, patience, shown
from node.net.echo import EchoDoor
from node.net.fingerprint import fingerprint
from node.net.proxied import Balancers
from tests.support import spin
from tests.support.doors import LOCAL, Doors, certificate, connected, read

LOTS = bytes(range(256)) * 8192


class Talker(Protocol):
    """Writes what its factory says, piece by piece, as soon as somebody is there."""

    transport: Any
    factory: Any

    def connectionMade(self) -> None:
        self.factory.made.append(self.transport)
        for piece in self.factory.pieces:
            self.transport.write(piece)
        self.transport.loseConnection()


class TalkerDoor(Factory):
    protocol = Talker
    noisy = False

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.made: list[Any] = []


@pytest.fixture
def doors() -> Iterator[Doors]:
    made = Doors()
    yield made
    made.close()


def test_a_door_lets_people_in(doors: Doors) -> None:
    with connected(doors.open(LOCAL, TalkerDoor(b"hello"))) as wire:
        assert b"hello" == read(wire)


def test_what_the_socket_does_not_take_at_once_follows_in_order(doors: Doors) -> None:
    pieces = [LOTS, b"middle", LOTS, b"end"]
    with connected(doors.open(LOCAL, TalkerDoor(*pieces))) as wire:
        assert b"".join(pieces) == read(wire)


def test_what_the_socket_takes_is_sent_at_once(doors: Doors) -> None:
    talker = TalkerDoor(b"hello")
    with connected(doors.open(LOCAL, talker)) as wire:
        while not talker.made:
            spin.turn()
        (transport,) = talker.made
        assert (Port.transport, b"") == (type(transport), transport.dataBuffer)
        assert b"hello" == read(wire)


def test_what_is_written_to_a_broken_socket_does_not_raise(doors: Doors) -> None:
    talker = TalkerDoor()
    port = doors.open(LOCAL, talker)
    with connected(port):
        while not talker.made:
            spin.turn()
    (transport,) = talker.made
    while transport.connected:
        spin.turn()
    transport.write(b"too late")
    assert b"" == transport.dataBuffer


def test_an_echo_gives_back_whatever_it_gets(doors: Doors) -> None:
    with connected(doors.open(LOCAL, EchoDoor())) as wire:
        sent = bytes(range(256))
        wire.send(sent)
        assert sent == read(wire, len(sent))


def test_two_may_share_a_port(doors: Doors) -> None:
    first = doors.open(LOCAL, TalkerDoor(), shared=True)
    number = first.getHost().port
    second = doors.open(f"tcp:{number}:interface=127.0.0.1", TalkerDoor(), shared=True)
    assert (SharedPort, number) == (type(second), second.getHost().port)


def test_a_port_that_is_not_shared_is_ones_own(doors: Doors) -> None:
    port = doors.open(LOCAL, TalkerDoor())
    assert Port is type(port)
    with pytest.raises(CannotListenError):
        doors.open(f"tcp:{port.getHost().port}:interface=127.0.0.1", TalkerDoor())


@pytest.mark.parametrize("endpoint", ["", "1234", "carrier-pigeon:1234", "tcp:many"])
def test_what_is_no_endpoint_is_refused(doors: Doors, endpoint: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - Twisted words it
        doors.open(endpoint, TalkerDoor())


@pytest.mark.skipif(sys.platform != "linux", reason="options as Linux has them")
@pytest.mark.parametrize("shared", [False, True])
def test_a_silent_peer_is_asked_and_then_taken_for_dead(doors: Doors, shared: bool) -> None:
    talker = TalkerDoor()
    port = doors.open(LOCAL, talker, shared=shared, dead_peer=120)
    with connected(port):
        while not talker.made:
            spin.turn()
        wire = talker.made[0].getHandle()
    names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
    options = [wire.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
    assert [60, 15, 4, 120_000] == options


def test_a_system_may_be_left_to_judge_who_is_dead() -> None:
    assert {} == patience(0)


def test_where_a_tcp_door_is_is_shown(doors: Doors) -> None:
    port = doors.open(LOCAL, TalkerDoor())
    assert f"tcp 127.0.0.1:{port.getHost().port}" == shown(port)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_where_an_ipv6_door_is_is_shown(doors: Doors) -> None:
    try:
        port = doors.open(r"tcp:0:interface=\:\:1", TalkerDoor())
    except CannotListenError:
        pytest.skip("no IPv6 here")
    assert f"tcp [::1]:{port.getHost().port}" == shown(port)


def test_where_a_unix_door_is_is_shown(tmp_path: Path, doors: Doors) -> None:
    port = doors.open(f"unix:{tmp_path}/door", TalkerDoor())
    assert f"unix {tmp_path}/door" == shown(port)


Files = tuple[Path, Path]
"""A key and a certificate."""


def shaken(
    wire: socket.socket, *, mine: Files | None = None
) -> tuple[ssl.SSLObject, Callable[[Callable[[], Any]], Any]]:
    """TLS over a socket, after the handshake, and what does a step of it with the reactor turning.

    `mine`: what one may show.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if mine is not None:
        context.load_cert_chain(mine[1], mine[0])
    heard, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(heard, sent)

    def done(step: Callable[[], Any]) -> Any:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                wire.send(sent.read())
                heard.write(read(wire, 1))
            else:
                wire.send(sent.read())
                return result

    done(tls.do_handshake)
    return tls, done


def shown_certificate(port: Any) -> bytes:
    """The certificate that a door shows, as DER."""
    with connected(port) as wire:
        tls, _ = shaken(wire)
        return tls.getpeercert(binary_form=True) or b""


def der(file: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(file.read_text())


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # by Twisted
def test_a_renewed_certificate_is_there_with_the_next_connection(
    tmp_path: Path, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "LOOK", 0.0)
    key, made = certificate(tmp_path)
    door = doors.open(f"ssl:0:privateKey={key}:certKey={made}:interface=127.0.0.1", EchoDoor())
    first = shown_certificate(door)
    assert first == shown_certificate(door)
    made.write_text("half a certificate")
    assert first == shown_certificate(door)
    certificate(tmp_path)
    assert shown_certificate(door) not in (first, b"")


def test_the_files_of_an_endpoint_are_known() -> None:
    endpoint = r"ssl:443:privateKey=/etc/a\:b.pem:certKey=/etc/c.pem:interface=\:\:1"
    assert ["/etc/a:b.pem", "/etc/c.pem"] == certificates.files(endpoint)


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # by Twisted
def test_a_door_can_speak_tls(tmp_path: Path, doors: Doors) -> None:
    key, made = certificate(tmp_path)
    endpoint = f"ssl:0:privateKey={key}:certKey={made}:interface=127.0.0.1"
    with connected(doors.open(endpoint, EchoDoor())) as wire:
        tls, done = shaken(wire)
        done(lambda: tls.write(b"hello"))
        assert b"hello" == done(lambda: tls.read(5))


# -- certificates of people


class Known(Protocol):
    """Says by what somebody is known, and what they say."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(f"{fingerprint(self.transport) or 'nobody'} ".encode() + data)


class KnownDoor(Factory):
    protocol = Known
    noisy = False


def known_as(port: Any, mine: Files | None, before: bytes = b"") -> str:
    """As who somebody is known to a KnownDoor."""
    with connected(port) as wire:
        wire.send(before)
        tls, done = shaken(wire, mine=mine)
        done(lambda: tls.write(b"me"))
        said = b""
        while not said.endswith(b" me"):
            said += done(lambda: tls.read(100))
        return said.decode().removesuffix(" me")


def asking(folder: Path, doors: Doors, *, asks: bool = True, **options: Any) -> Any:
    key, made = certificate(folder)
    endpoint = f"ssl:0:privateKey={key}:certKey={made}:interface=127.0.0.1"
    return doors.open(endpoint, KnownDoor(), asks=asks, **options)


def print_of(mine: Files) -> str:
    """The fingerprint of a certificate, as others compute it."""
    return hashlib.sha256(der(mine[1])).hexdigest()


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # by Twisted
def test_who_shows_a_certificate_is_known_by_it(tmp_path: Path, doors: Doors) -> None:
    door, mine = asking(tmp_path, doors), certificate(tmp_path, stem="mine-")
    assert print_of(mine) == known_as(door, mine)


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # by Twisted
def test_a_certificate_that_has_expired_is_shown_as_well(tmp_path: Path, doors: Doors) -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    door, mine = asking(tmp_path, doors), certificate(tmp_path, stem="old-", begins=long_ago)
    assert print_of(mine) == known_as(door, mine)


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # by Twisted
def test_nobody_needs_a_certificate(tmp_path: Path, doors: Doors) -> None:
    assert "nobody" == known_as(asking(tmp_path, doors), None)


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # by Twisted
def test_a_door_that_does_not_ask_is_shown_none(tmp_path: Path, doors: Doors) -> None:
    door, mine = asking(tmp_path, doors, asks=False), certificate(tmp_path, stem="mine-")
    assert "nobody" == known_as(door, mine)


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # by Twisted
def test_a_certificate_is_shown_through_a_balancer_too(tmp_path: Path, doors: Doors) -> None:
    balancers = Balancers.parse(["127.0.0.1"], served=False)
    door = asking(tmp_path, doors, balancers=balancers)
    mine = certificate(tmp_path, stem="mine-")
    header = b"PROXY TCP4 198.51.100.7 192.0.2.1 5555 1234\r\n"
    assert print_of(mine) == known_as(door, mine, header)
