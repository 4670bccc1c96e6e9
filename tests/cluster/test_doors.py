"""The other two of the tutorial's servers: the echo, and the counter of the whole cluster."""

import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError

import pytest

from tests.support.nodes import NodeProcess
from tests.support.town import Town


def count(node: NodeProcess) -> str:
    """What `GET /counter` says there."""
    with urllib.request.urlopen(f"http://127.0.0.1:{node.http}/counter", timeout=20) as answer:
        assert "text/plain" == answer.headers.get_content_type()
        said: bytes = answer.read()
    return said.decode().rstrip("\n")


def test_the_counter_counts_every_request_of_the_cluster_without_a_hole(town: Town) -> None:
    first = int(count(town.nodes[0]).removeprefix("I am request #"))
    with ThreadPoolExecutor(12) as pool:
        said = list(pool.map(count, town.nodes * 100))
    expected = {f"I am request #{n}" for n in range(first + 1, first + 301)}
    assert (300, expected) == (len(said), set(said))
    assert f"I am request #{first + 301}" == count(town.nodes[1])


def test_there_is_nothing_else_to_get(town: Town) -> None:
    with pytest.raises(HTTPError, match="404") as missing:
        urllib.request.urlopen(f"http://127.0.0.1:{town.nodes[0].http}/nothing", timeout=20)
    missing.value.close()


def test_the_echo_sends_every_byte_back_as_it_is_on_every_node(town: Town) -> None:
    data = bytes(range(256)) * 4096
    for node in town.nodes:
        with (
            socket.create_connection(("127.0.0.1", node.echo), 20) as echo,
            ThreadPoolExecutor(1) as pool,
        ):
            sent = pool.submit(echo.sendall, data)
            back = bytearray()
            while len(back) < len(data):
                more = echo.recv(1 << 16)
                assert more
                back += more
            sent.result()
            assert data == back
