"""Certificates of TLS doors, and those that people show.

A door's are read anew when its files have changed, without a restart: a renewed certificate is
there with the next connection; those that are open keep theirs. Files that don't fit together (a
key was replaced before its certificate, say) change nothing until they do.

People may show one, of whatever kind: that they have its key is proved by TLS, and its fingerprint
is how they're known. Nobody vouches for it, and nothing that it says is believed.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.logger import Logger
from zope.interface import implementer

LOOK = 1.0
"""Seconds for which files are believed to be as they were."""

_FILES = ("privateKey=", "certKey=", "extraCertChain=", "dhParameters=")

Stamp = tuple[tuple[int, int, int], ...]


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """What an `ssl:` endpoint string says about TLS, as it is now.

    `seconds`: a clock. `asks`: whether people are asked for a certificate. Browsers that have some
    would ask their people, so a door for them mustn't. Raises what Twisted's parser raises if the
    files won't do at the beginning.
    """

    log = Logger()

    def __init__(self, endpoint: str, seconds: Callable[[], float], *, asks: bool = False) -> None:
        self._endpoint = endpoint
        self._seconds = seconds
        self._asks = asks
        self._looked = seconds()
        self._files = [Path(name) for name in files(endpoint)]
        self._stamp = self._read_stamp()
        self._options = self._load()

    def serverConnectionForTLS(self, protocol: Any) -> Any:
        """As the interface has it."""
        now = self._seconds()
        if now - self._looked >= LOOK:
            self._looked = now
            self._look()
        connection = self._options.serverConnectionForTLS(protocol)
        if self._asks:
            connection.set_verify(SSL.VERIFY_PEER, _whatever)
        return connection

    def _look(self) -> None:
        with suppress(OSError):  # said below
            if self._read_stamp() == self._stamp:
                return
        self.again()

    def again(self) -> str:
        """Read the files anew, changed or not; what came of it, in words."""
        try:
            stamp = self._read_stamp()
            self._options = self._load()
        except Exception as e:  # files, PEM, OpenSSL: each has errors of its own
            why = f"{type(e).__name__}: {e}"
            says = f"the certificate of {self._endpoint} can't be read anew, the one from before"
            says = f"{says} stays: {why}"
            self.log.error("{says}", says=says)
        else:
            self._stamp = stamp
            says = f"the certificate of {self._endpoint} was read anew"
            self.log.info("{says}", says=says)
        return says

    def _read_stamp(self) -> Stamp:
        found = [file.stat() for file in self._files]
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in found)

    def _load(self) -> Any:
        endpoint: Any = serverFromString(object(), self._endpoint)
        return endpoint._sslContextFactory  # noqa: SLF001 - it has no other name


def _whatever(*_: Any) -> bool:
    """Whether a certificate is taken: that it was shown is all that matters."""
    return True


def files(endpoint: str) -> list[str]:
    """The files that an `ssl:` endpoint string names; Twisted's default if it names none."""
    parts = re.split(r"(?<!\\):", endpoint)
    named = [
        re.sub(r"\\(.)", r"\1", part.partition("=")[2]) for part in parts if part.startswith(_FILES)
    ]
    return named or ["server.pem"]
