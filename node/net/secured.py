"""Whether nobody can read on the way what is said on a connection, as far as it's known here."""

from typing import Any


def secured(transport: Any) -> bool:
    """Whether a Twisted transport is one over TLS; or its balancer's header says so, who has ended
    it (`Peek.secure`).
    """
    while transport is not None:
        if hasattr(transport, "getPeerCertificate") or getattr(transport, "secure", False):
            return True
        transport = getattr(transport, "transport", None)
    return False
