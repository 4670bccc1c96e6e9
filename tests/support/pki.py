"""An authority of a test's own, and certificates that it makes: PEM files in a folder."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Authority:
    """`ca.pem` in the folder, and for each `issue` its NAME.pem and NAME.key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("authority")
        builder = self._begin(self._name, self._key.public_key())
        ca = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        made = ca.sign(self._key, hashes.SHA256())
        (folder / "ca.pem").write_bytes(made.public_bytes(Encoding.PEM))

    def issue(self, name: str, address: str = "") -> None:
        """A certificate for somebody; one who serves does so at an IP address."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._begin(_named(name), key.public_key())
        if address:
            names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
            builder = builder.add_extension(names, critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self._folder / f"{name}.pem").write_bytes(made.public_bytes(Encoding.PEM))
        (self._folder / f"{name}.key").write_bytes(private)

    def _begin(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            self._name,
            subject,
            key,
            x509.random_serial_number(),
            now - timedelta(hours=1),
            now + timedelta(days=1),
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
