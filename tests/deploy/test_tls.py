"""TLS to Redis: an authority of one's own, and a server that asks who comes."""

import random
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from twisted.internet.defer import Deferred

from broker.address import Sentinels, parse
from broker.guarded import Guarded
from broker.link import Wire
from broker.ping import Unreachable, ping
from tests.support.nodes import Nodes
from tests.support.operator import operate_on
from tests.support.pki import Authority
from tests.support.redis_server import real_server
from tests.support.sentinels import SERVICE, Guard
from tests.support.spin import reactor, wait
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


def test_a_cluster_speaks_tls_with_sentinels_and_with_whom_they_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("server", "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with ExitStack() as held:
        guard = held.enter_context(Guard(tmp_path / "redis"))
        ports = [urlsplit(each.url).port or 0 for each in (guard.master, *guard.sentinels)]
        master, *sentinels = (held.enter_context(tls_relay(port, context)) for port in ports)
        where = ",".join(f"127.0.0.1:{port}" for port in sentinels)
        address = parse(f"rediss+sentinel://{where}/{SERVICE}?ssl_ca_certs={tmp_path}/ca.pem")
        assert isinstance(address, Sentinels)
        up: Deferred[None] = Deferred()
        link = Guarded(
            reactor,
            address,
            random.Random(1),
            via=lambda _named: ("127.0.0.1", master),
            deadline=20.0,
            up=lambda: up.callback(None),
            down=lambda: None,
            heard=lambda _: None,
            introduce=_nothing,
        )
        link.start()
        wait(up)
        assert b"PONG" == wait(link.call("PING"))
        wait(link.stop())


async def _nothing(_wire: Wire) -> None: ...
