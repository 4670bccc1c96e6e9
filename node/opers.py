"""Who may become an operator of the chat: the rows of a file, with what scrypt makes of passwords.

    chorus oper NAME ─ password, from the terminal ─> row (for the file)
    Oper(name, password) ──> Opers.find ─ scrypt, beside the event loop ─> core.opers.Oper

Must not know sessions, nor Twisted.
"""

import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterable
from hashlib import scrypt
from hmac import compare_digest
from typing import NamedTuple

import msgspec

from node.core.limits import Network, parse_networks, place
from node.core.opers import Oper, Right
from node.files import read_rows
from node.fresh import Fresh

Slowly = Callable[[Callable[[], bool]], Awaitable[bool]]
"""Runs what takes long beside the event loop, one at a time."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_CERTIFICATE = re.compile(r"[0-9a-f]{64}")
_HASH = re.compile(
    r"\$scrypt\$ln=(\d\d?),r=(\d\d?),p=(\d\d?)\$([A-Za-z0-9+/]{8,86})\$([A-Za-z0-9+/]{22,86})"
)

_COST, _BLOCK, _LANES = 15, 8, 1
"""Of new hashes: 32 MB, and about 0.1 s."""

_MOST_MEMORY = 256 << 20
"""Bytes that a hash may take."""


class Row(NamedTuple):
    """A row of the file, checked. `hashed` or `certificate` may be empty, not both; `networks`
    empty: from anywhere.
    """

    name: str
    hashed: str
    certificate: str
    networks: tuple[Network, ...]
    rights: frozenset[Right]


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    rights: list[str]
    password: str = ""
    certificate: str = ""
    networks: list[str] = msgspec.field(default_factory=list, name="from")


class _File(msgspec.Struct, forbid_unknown_fields=True):
    oper: list[_Row] = []


def load(path: str) -> tuple[Row, ...]:
    """The operators of a TOML file. Raises ValueError: what was expected, where; no secret."""
    found: dict[str, Row] = {}
    for number, row in enumerate(read_rows(path, _File, "operators").oper, 1):
        where = f"operator {number} in {path}"
        if row.name in found:
            raise ValueError(f"names that differ ({where} is called {row.name}, too)")
        named(row.name, f"the name of {where}")
        found[row.name] = _checked(row, f" of {where}, {row.name}")
    return tuple(found.values())


def _checked(row: _Row, of: str) -> Row:
    if row.password and not _usable(row.password):
        raise ValueError(f"what `chorus oper` prints as the password{of}")
    if not row.password and not row.certificate:
        raise ValueError(f"a password or a certificate{of}")
    return Row(
        row.name,
        row.password,
        fingerprint(row.certificate, of) if row.certificate else "",
        networks(row.networks, of),
        rights(row.rights, of),
    )


def named(name: str, what: str) -> str:
    """A name, if an operator may have it. Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"1 to 32 letters, digits, - and _, the first a letter, as {what}, not {name!r}"
        )
    return name


def rights(words: Iterable[str], of: str = "") -> frozenset[Right]:
    """At least one right. Raises ValueError."""
    words = list(words)
    try:
        found = frozenset(map(Right, words))
    except ValueError:
        found = frozenset()
    if not found:
        raise ValueError(f"rights out of {', '.join(Right)}{of}, not {', '.join(words)!r}")
    return found


def networks(texts: Iterable[str], of: str = "") -> tuple[Network, ...]:
    """Networks that somebody may come from. Raises ValueError."""
    try:
        return parse_networks(texts)
    except ValueError as e:
        raise ValueError(f"networks such as 10.0.0.0/8 as the from{of} ({e})") from None


def fingerprint(text: str, of: str = "") -> str:
    """A certificate's, as sessions have it. Raises ValueError."""
    found = text.replace(":", "").lower()
    if not _CERTIFICATE.fullmatch(found):
        raise ValueError(f"64 digits (0-9, a-f), a SHA-256, as the certificate{of}")
    return found


# -- passwords, as PHC's string format has them


def hashed(password: str) -> str:
    """What is kept of a password."""
    salt = secrets.token_bytes(16)
    key = _key(password, salt, _COST, _BLOCK, _LANES, 32)
    return f"$scrypt$ln={_COST},r={_BLOCK},p={_LANES}${_encoded(salt)}${_encoded(key)}"


def matches(password: str, hashed: str) -> bool:
    """Whether it's the password of which this is kept. Takes about 0.1 s, and lets threads run."""
    found = _HASH.fullmatch(hashed)
    assert found is not None
    cost, block, lanes = map(int, found.groups()[:3])
    salt, key = map(_decoded, found.groups()[3:])
    return compare_digest(key, _key(password, salt, cost, block, lanes, len(key)))


def _key(password: str, salt: bytes, cost: int, block: int, lanes: int, size: int) -> bytes:
    words = password.encode(errors="surrogatepass")
    most = _MOST_MEMORY + (1 << 20)
    return scrypt(words, salt=salt, n=1 << cost, r=block, p=lanes, maxmem=most, dklen=size)


def _usable(hashed: str) -> bool:
    found = _HASH.fullmatch(hashed)
    if found is None:
        return False
    cost, block, lanes = map(int, found.groups()[:3])
    sound = 1 <= cost and 1 <= block and 1 <= lanes <= 16
    return sound and 128 * block << cost <= _MOST_MEMORY


def _encoded(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4))


_NOBODYS = f"$scrypt$ln={_COST},r={_BLOCK},p={_LANES}${'A' * 22}${'A' * 43}"
"""What is compared where there's nothing to compare, so that it takes as long."""


def draw(
    name: str,
    password: str,
    words: frozenset[Right],
    networks: Iterable[str] = (),
    certificate: str = "",
) -> str:
    """A row for the file."""
    listed = ", ".join(f'"{right}"' for right in Right if right in words)
    places = ", ".join(f'"{network}"' for network in networks)
    row = ["[[oper]]", f'name = "{name}"', f'password = "{hashed(password)}"']
    row += [f'certificate = "{certificate}"'] if certificate else []
    row += [f"from = [{places}]"] if places else []
    return "\n".join([*row, f"rights = [{listed}]"])


class Opers:
    """The operators of a file as it is now; without a file there's none. `clock`, `told`: as for
    `Fresh`.
    """

    def __init__(
        self,
        path: str,
        clock: Callable[[], float],
        slowly: Slowly,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._slowly = slowly
        self._file = Fresh[tuple[Row, ...]]("--opers", "operators", path, load, (), clock, told)
        self.again = self._file.again

    def __len__(self) -> int:
        return len(self._file.now)

    async def find(self, name: str, password: str, address: str, certificate: str) -> Oper | None:
        """The operator of this name, if that's the password, and who says so comes from where they
        may (`address` empty: from no network) and has shown the certificate that they have to.
        """
        row = next((row for row in self._file.now if row.name == name), None)
        known = row.hashed if row is not None else _NOBODYS
        right = not known or await self._slowly(lambda: matches(password, known))
        if row is None or not right or not _fits(row, address, certificate):
            return None
        return Oper(row.name, row.rights)

    def rights(self, name: str) -> frozenset[Right]:
        """What the operator of this name may do by the file as it is now; nothing if none is."""
        return next((row.rights for row in self._file.now if row.name == name), frozenset())


def _fits(row: Row, address: str, certificate: str) -> bool:
    if row.certificate and not compare_digest(row.certificate, certificate):
        return False
    where = place(address)
    return not row.networks or (where is not None and any(where in net for net in row.networks))
