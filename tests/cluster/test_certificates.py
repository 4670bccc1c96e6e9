"""Certificates that people show: over TLS doors of real nodes."""

import hashlib
import re
import socket
import ssl
from pathlib import Path

from websockets.sync.client import connect

from tests.cluster.conftest import MakeTown
from tests.support.doors import certificate
from tests.support.nodes import NodeProcess
from tests.support.processes import await_fact


class Client:
    """TLS with whomever, and a certificate of one's own to show."""

    def __init__(self, folder: Path) -> None:
        key, made = certificate(folder, stem="mine-")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.context.load_cert_chain(made, key)
        der = ssl.PEM_cert_to_DER_cert(made.read_text())
        self.fingerprint = hashlib.sha256(der).hexdigest()

    def greeting(self, port: int, before: bytes = b"") -> str:
        """The first line that one reads at a door, and then is gone."""
        with socket.create_connection(("127.0.0.1", port), 20) as wire:
            wire.sendall(before)
            with self.context.wrap_socket(wire) as tls:
                return tls.makefile("rb").readline().decode()


def secured(folder: Path, *kinds: str) -> list[str]:
    """Flags for TLS doors."""
    key, made = certificate(folder)
    endpoint = f"ssl:0:privateKey={key}:certKey={made}:interface=127.0.0.1"
    return [word for kind in kinds for word in (f"--{kind}", endpoint)]


def logged(node: NodeProcess, about: str) -> str:
    """The line about a connection, once it's in a node's log."""

    def found() -> str | None:
        lines = node.log.read_text().splitlines()
        return next((line for line in lines if re.search(f" connected .*{about}", line)), None)

    return await_fact(found)


def test_the_log_has_the_fingerprint_of_who_showed_a_certificate(
    make_town: MakeTown, tmp_path: Path
) -> None:
    (node,) = make_town(*secured(tmp_path, "line", "json"), count=1).nodes
    client = Client(tmp_path)
    assert client.greeting(node.line).startswith("welcome to chorus")
    assert client.greeting(node.json).startswith("{")
    for dialect in ("slash", "json"):
        assert f"certificate={client.fingerprint}" in logged(node, f"dialect={dialect}")


def test_who_comes_through_a_balancer_may_show_a_certificate(
    make_town: MakeTown, tmp_path: Path
) -> None:
    flags = ("--balancers", "127.0.0.0/8", "--trusted", "")
    (node,) = make_town(*secured(tmp_path, "line"), *flags, count=1).nodes
    client = Client(tmp_path)
    header = b"PROXY TCP4 198.51.100.7 192.0.2.1 5555 1234\r\n"
    assert client.greeting(node.line, header).startswith("welcome to chorus")
    assert f"certificate={client.fingerprint}" in logged(node, "address=198.51.100.7")


def test_who_comes_by_websocket_is_not_asked_for_a_certificate(
    make_town: MakeTown, tmp_path: Path
) -> None:
    (node,) = make_town(*secured(tmp_path, "http"), count=1).nodes
    context = Client(tmp_path).context
    with connect(f"wss://127.0.0.1:{node.http}/ws", ssl=context, open_timeout=60) as page:
        assert page.recv(20)
    assert "certificate=" not in logged(node, "dialect=json")
