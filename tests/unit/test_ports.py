"""`node.ports`: ports that are shared among us, and with nobody else."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from node.ports import Claim, PortError, claim, place

LOOPBACK = "tcp:0:interface=127.0.0.1"


@pytest.fixture
def ours() -> Iterator[Claim]:
    claimed = claim(LOOPBACK)
    yield claimed
    claimed.close()


def listen(port: int, *, shared: bool) -> socket.socket:
    """Listen as a node does."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


@pytest.mark.parametrize(
    "endpoint, host, port, moved",
    [
        ("tcp:80", "0.0.0.0", 80, "tcp:5"),
        (LOOPBACK, "127.0.0.1", 0, "tcp:5:interface=127.0.0.1"),
        ("tcp:port=80:backlog=9", "0.0.0.0", 80, "tcp:port=5:backlog=9"),
        (r"tcp6:80:interface=\:\:1", "::1", 80, r"tcp6:5:interface=\:\:1"),
        (r"ssl:443:privateKey=C\:/k.pem", "0.0.0.0", 443, r"ssl:5:privateKey=C\:/k.pem"),
    ],
)
def test_an_endpoint_is_understood_and_can_be_moved(
    endpoint: str, host: str, port: int, moved: str
) -> None:
    where = place(endpoint)
    assert where is not None
    assert (host, port, moved) == (where.host, where.port, where.on(5))


def test_an_endpoint_that_is_no_tcp_port_has_no_place() -> None:
    assert None is place("unix:/run/chorus.sock")


@pytest.mark.parametrize("endpoint", ["tcp", "tcp:", "tcp:x", "tcp:-1", "tcp:65536"])
def test_a_bad_port_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="a port from 0 to 65535"):
        place(endpoint)


def test_what_cannot_be_shared_cannot_be_claimed() -> None:
    with pytest.raises(ValueError, match="an endpoint that nodes can share"):
        claim("unix:/run/chorus.sock")


def test_port_zero_becomes_a_real_one(ours: Claim) -> None:
    assert f"tcp:{ours.port}:interface=127.0.0.1" == ours.endpoint


def test_nodes_can_share_a_claimed_port(ours: Claim) -> None:
    with closing(listen(ours.port, shared=True)), closing(listen(ours.port, shared=True)):
        for _ in range(20):  # the kernel chooses: none may go to who only holds the port
            socket.create_connection(("127.0.0.1", ours.port), 5).close()


def test_nobody_is_connected_while_no_node_listens(ours: Claim) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", ours.port), 5)


def test_a_second_claim_fails_before_the_nodes_listen(ours: Claim) -> None:
    with pytest.raises(PortError, match=f"127.0.0.1 port {ours.port} can't be opened: addr"):
        claim(ours.endpoint)


def test_a_second_claim_fails_while_the_nodes_listen(ours: Claim) -> None:
    with closing(listen(ours.port, shared=True)), pytest.raises(PortError):
        claim(ours.endpoint)


def test_a_port_in_use_cannot_be_claimed() -> None:
    with closing(listen(0, shared=False)) as other, pytest.raises(PortError):
        claim(f"tcp:{other.getsockname()[1]}:interface=127.0.0.1")


def test_who_does_not_ask_to_share_is_kept_out(ours: Claim) -> None:
    with pytest.raises(OSError, match="in use"):
        listen(ours.port, shared=False)


def test_a_claimed_port_is_free_again_when_closed(ours: Claim) -> None:
    ours.close()
    claim(ours.endpoint).close()


@pytest.mark.parametrize(
    "host, reachable", [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("127.0.0.2", "127.0.0.2")]
)
def test_clients_of_this_machine_are_told_an_address_that_works(host: str, reachable: str) -> None:
    with socket.socket() as holder:
        assert reachable == Claim("tcp:1", host, 1, holder).reachable
