"""Doors in a test's own process, and sockets to them, with the reactor turning meanwhile."""

import contextlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from node.net.doors import open_door
from tests.support import spin

LOCAL = "tcp:0:interface=127.0.0.1"


class Doors:
    """Doors that are closed at the end."""

    def __init__(self) -> None:
        self.ports: list[Any] = []

    def open(self, endpoint: str, factory: Any, *, shared: bool = False, **options: Any) -> Any:
        port = spin.wait(open_door(spin.reactor, endpoint, factory, shared=shared, **options))
        self.ports.append(port)
        return port

    def close(self) -> None:
        for port in self.ports:
            spin.wait(port.stopListening())


@contextlib.contextmanager
def connected(port: Any) -> Iterator[socket.socket]:
    """A socket to a door, that never blocks."""
    with socket.create_connection(("127.0.0.1", port.getHost().port)) as wire:
        wire.setblocking(False)
        yield wire


def read(wire: socket.socket, size: int | None = None) -> bytes:
    """Up to the end, or that many bytes, with the reactor turning."""
    data = b""
    while size is None or len(data) < size:
        try:
            piece = wire.recv(65_536)
        except BlockingIOError:
            spin.turn()
            continue
        if not piece:
            return data
        data += piece
    return data


def certificate(
    folder: Path, *, begins: datetime | None = None, stem: str = ""
) -> tuple[Path, Path]:
    """A key, and a certificate that it signed itself, good for a day; PEM files, whose names begin
    with `stem`.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = begins or datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    made = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files = folder / f"{stem}key.pem", folder / f"{stem}certificate.pem"
    for file, data in zip(files, (private, made), strict=True):
        file.write_bytes(data)
    return files
