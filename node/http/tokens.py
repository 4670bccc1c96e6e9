"""Who may do what over HTTP: the tokens of a file, kept as digests of their secrets.

    chorus token NAME ─> secret (for the program)      + entry (for the file)
    request's secret ──> Tokens.find ─ SHA-256, compared in constant time ─> Token

Must not know requests, nor Twisted.
"""

import re
import secrets
from collections.abc import Callable, Iterable
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

import msgspec

from node.core.limits import Rate, parse_rate
from node.core.names import PROGRAM
from node.files import read_rows
from node.fresh import Fresh

RATE = "100/60"
"""How many requests a token may make, if its entry doesn't say."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PREFIX = "chorus_"


class Scope(StrEnum):
    """What a caller may do. `OPERATE` implies `INSPECT`."""

    READ = "read"
    """Read what is said in channels."""
    POST = "post"
    """Say something in a channel."""
    INSPECT = "inspect"
    """See nodes, channels, sessions and bans."""
    OPERATE = "operate"
    """Drain, rebalance, give notice, kick, ban."""


ALL = frozenset(Scope)


class Token(msgspec.Struct, frozen=True):
    """An entry of the file, checked. `sha256`: of the secret, in hexadecimal digits."""

    name: str
    sha256: str
    scopes: frozenset[Scope]
    rate: Rate


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    sha256: str
    scopes: list[str]
    rate: str = RATE


class _File(msgspec.Struct, forbid_unknown_fields=True):
    token: list[_Entry] = []


def load(path: str) -> tuple[Token, ...]:
    """The tokens of a TOML file. Raises ValueError: what was expected, where; never a secret."""
    entries = read_rows(path, _File, "tokens").token
    found: dict[str, Token] = {}
    for number, entry in enumerate(entries, 1):
        where = f"token {number} in {path}"
        token = _checked(entry, where)
        if token.name in found:
            raise ValueError(f"names that differ ({where} is called {token.name}, too)")
        if any(token.sha256 == other.sha256 for other in found.values()):
            raise ValueError(f"a secret of its own for each token ({where} has another's)")
        found[token.name] = token
    return tuple(found.values())


def _checked(entry: _Entry, where: str) -> Token:
    named(entry.name, where)
    if not _DIGEST.fullmatch(entry.sha256):
        raise ValueError(f"64 digits (0-9, a-f) as the sha256 of {where}, {entry.name}")
    try:
        rate = parse_rate(entry.rate)
    except ValueError:
        rate = None
    if rate is None:
        raise ValueError(f"a rate such as {RATE} in {where}, {entry.name}, not {entry.rate!r}")
    return Token(entry.name, entry.sha256, scopes(entry.scopes, f" in {where}, {entry.name}"), rate)


def named(name: str, where: str) -> str:
    """A name, if a token may have it. Raises ValueError."""
    if not PROGRAM.fullmatch(name):
        raise ValueError(
            f"1 to 24 characters out of a-z, digits, - and _, the first a letter,"
            f" as the name of {where}, not {name!r}"
        )
    return name


def scopes(words: Iterable[str], where: str = "") -> frozenset[Scope]:
    """At least one scope. Raises ValueError."""
    words = list(words)
    try:
        found = frozenset(map(Scope, words))
    except ValueError:
        found = frozenset()
    if not found:
        raise ValueError(f"scopes out of {', '.join(Scope)}{where}, not {', '.join(words)!r}")
    return found | {Scope.INSPECT} if Scope.OPERATE in found else found


def draw(name: str, words: frozenset[Scope], rate: str = RATE) -> tuple[str, str]:
    """A new token: its secret, which nobody keeps, and its entry for the file."""
    secret = _PREFIX + secrets.token_hex(24)
    listed = ", ".join(f'"{scope}"' for scope in Scope if scope in words)
    entry = [
        "[[token]]",
        f'name = "{name}"',
        f'sha256 = "{digest(secret)}"',
        f"scopes = [{listed}]",
        f'rate = "{rate}"',
    ]
    return secret, "\n".join(entry)


def digest(secret: str) -> str:
    """What is kept of a secret. It's drawn at random, so there's nothing to guess slowly."""
    return sha256(secret.encode()).hexdigest()


class Tokens:
    """The tokens of a file as it is now; without a file there's none. `clock`, `told`: as for
    `Fresh`.
    """

    def __init__(
        self, path: str, clock: Callable[[], float], told: Callable[[str], None] = lambda _: None
    ) -> None:
        self._file = Fresh[tuple[Token, ...]]("--tokens", "tokens", path, load, (), clock, told)
        self.again = self._file.again

    def find(self, secret: str) -> Token | None:
        """The token with this secret."""
        wanted, found = digest(secret), None
        for token in self._file.now:
            if compare_digest(token.sha256, wanted):
                found = token
        return found
