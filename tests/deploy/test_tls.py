"""TLS to Redis: an authority of one's own, and a server that asks who comes."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.ping import Unreachable, ping
from tests.support.nodes import Nodes
from tests.support.operator import operate_on
from tests.support.pki import Authority
from tests.support.redis_server import real_server
from tests.support.tls_relay import tls_relay
from tests.support.town import Town


class Secured:
    """A server that speaks TLS with those whose certificate its authority made."""

    def __init__(self, port: int, folder: Path) -> None:
        self._port = port
        self._folder = folder

    def url(self, *, known: bool = True) -> str:
        folder = self._folder
        mine = f"&ssl_certfile={folder}/node.pem&ssl_keyfile={folder}/node.key" if known else ""
        return f"rediss://127.0.0.1:{self._port}/0?ssl_ca_certs={folder}/ca.pem{mine}"


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    authority = Authority(tmp_path)
    authority.issue("server", "127.0.0.1")
    authority.issue("node")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.pem"))
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    with real_server(tmp_path / "redis") as port, tls_relay(port, context) as relayed:
        yield Secured(relayed, tmp_path)


def test_a_cluster_speaks_tls_with_redis(secured: Secured, tmp_path: Path) -> None:
    with Nodes(secured.url(), tmp_path) as nodes, Town(nodes) as town:
        ann, bob = town.people("ann", "bob", at="#go")
        ann.type("hello")
        bob.until("[#go] <ann> hello")
        done = operate_on(secured.url(), "doctor", "--namespace", nodes.namespace)
        assert 0 == done.returncode, done.stderr


def test_who_shows_no_certificate_is_turned_away(secured: Secured) -> None:
    ping(secured.url())
    with pytest.raises(Unreachable):
        ping(secured.url(known=False))
