"""By what somebody can be known who shows a certificate: its fingerprint."""

from typing import Any


def fingerprint(transport: Any) -> str:
    """SHA-256 of the certificate (DER) that the other side of a TLS connection has shown, and has
    the key of: 64 hexadecimal digits. Empty if it's no such connection, or none was shown.
    """
    peer = getattr(transport, "getPeerCertificate", None)
    certificate = peer() if peer is not None else None
    if certificate is None:
        return ""
    digest: bytes = certificate.digest("sha256")
    return digest.replace(b":", b"").decode().lower()
