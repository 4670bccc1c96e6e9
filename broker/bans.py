"""Bans: who may not connect, by address, network or mask, until when and why.

    chorus ban ─ ban.lua ─> bans (hash: key -> Ban), version+1 ─ next heartbeat ─> every node

Values and bytes only; must not know Redis, nor what a node does about it.
"""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

import msgspec

MOST = 10_000
"""How many bans there may be in a cluster."""

LONGEST = 10 * 365 * 86_400.0
"""Seconds that a ban may last; without an end it may, too."""

MASKS = 1_000
"""How many of them may be by mask: whoever comes is compared with each."""

NOWHERE = "255.255.255.255/32"
"""Whence nobody comes: the network of a ban by mask, for releases that know networks only."""

SUBNET = 64
"""What one customer has of IPv6 addresses: an address alone stands for as much."""

_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))


class Ban(msgspec.Struct, array_like=True, frozen=True):
    """Nobody from `network`, or nobody like `mask` (`user@host`) if there's one, may be here until
    `until` (Unix ms, Redis's clock; 0: without an end).

    `until` is the first element, so that a script can read it. `by`: the operator or token,
    `at`: when it was made, `nick`: whose address it was, if it was found by a nick.
    """

    until: int
    network: str
    why: str = ""
    by: str = ""
    at: int = 0
    nick: str = ""
    mask: str = ""

    @property
    def key(self) -> str:
        """By which it's found and taken away."""
        return self.mask or self.network

    def over(self, now: int) -> bool:
        """Whether its time is over."""
        return 0 < self.until <= now


class Bans(NamedTuple):
    """All that there are. `version` grows with each change."""

    version: int
    bans: tuple[Ban, ...]


def network(text: str) -> str:
    """A network as bans have it, of an address or in CIDR's notation. Raises ValueError, in words.

    IPv4 over IPv6 is IPv4, and of IPv6 one address stands for a /64.
    """
    try:
        if "/" not in text:
            return _around(text)
        found = ip_network(text, strict=False)
        first = ip_address(text.partition("/")[0]) == found.network_address
    except ValueError:
        raise ValueError(f"an address, or a network such as 203.0.113.0/24, not {text!r}") from None
    if not first:
        raise ValueError(f"a network's first address: did you mean {found}?")
    return str(found)


def _around(text: str) -> str:
    address = ip_address(text)
    address = getattr(address, "ipv4_mapped", None) or address
    if address.version == 4:
        return str(ip_network(address))
    return str(ip_network((int(address), SUBNET), strict=False))


def reckless(network: str) -> bool:
    """Whether a ban of this network hits who comes from the nodes' own machines.

    Behind a balancer there that doesn't say who it is that connects, that's everybody.
    """
    banned: IPv4Network | IPv6Network = ip_network(network)
    return any(
        banned.version == loopback.version and banned.overlaps(loopback) for loopback in _LOOPBACK
    )


def shown(key: str) -> str:
    """Who is banned, in words: one address without its length."""
    return key.removesuffix("/32") if "." in key and "@" not in key else key


encode_ban = msgspec.json.encode
"""Ban -> bytes."""

decode_ban = msgspec.json.Decoder(Ban).decode
"""bytes -> Ban. Raises msgspec.DecodeError."""
