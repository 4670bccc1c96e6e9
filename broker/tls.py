"""TLS to Redis, as an address asks for it: whom to believe, and who we are."""

from pathlib import Path
from typing import Any

from twisted.internet import ssl

from broker.address import Address


def creator(address: Address) -> Any:
    """What Twisted makes a connection's TLS with. Its files are read now, so renewed ones are there
    with the next connection.

    Raises OSError, `OpenSSL.SSL.Error` or ValueError if they won't do.
    """
    own, root = None, None
    if address.authorities:
        certificates = _each(Path(address.authorities).read_text())
        root = ssl.trustRootFromCertificates(
            [ssl.Certificate.loadPEM(one.encode()) for one in certificates]
        )
    if address.certificate:
        both = Path(address.certificate).read_bytes() + b"\n" + Path(address.key).read_bytes()
        own = ssl.PrivateCertificate.loadPEM(both)
    return ssl.optionsForClientTLS(address.host, trustRoot=root, clientCertificate=own)


def _each(text: str) -> list[str]:
    """The certificates of a PEM file."""
    end = "-----END CERTIFICATE-----"
    found = [one[one.index("-----BEGIN") :] + end for one in text.split(end) if "-----BEGIN" in one]
    if not found:
        raise ValueError("no certificate in the file of authorities")
    return found
