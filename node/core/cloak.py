"""Cloaks: what others see in the place of the address that somebody comes from.

    192.0.2.7  ──> o237kju5hq.vhphv2xysj.tpautotdvu.cloak
    192.0.2.99 ──> nqnqykbg7o.vhphv2xysj.tpautotdvu.cloak
                      /32        /24        /16

Each part stands for a network, the narrowest first, so a ban on `*.vhphv2xysj.tpautotdvu.cloak`
holds for all of 192.0.2.0/24, and nobody learns which network that is. A part is an HMAC under a
secret of the whole cluster: without it, no list of all addresses helps, and with it every node
makes the same cloaks, today and next year. Pure, and tells nobody the secret.
"""

import hmac
from base64 import b32encode
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network

from node.core.limits import Network, place

SUFFIX = "cloak"
"""How each cloak ends, as no host of the internet does."""

LOCAL = "local." + SUFFIX
"""The cloak of whoever comes from no address: through a unix socket, say."""

LEVELS = {4: (32, 24, 16), 6: (64, 48, 32)}
"""The lengths of the prefixes that parts stand for, by the version of IP. Of an IPv6 address only
what is one customer's network: the rest is drawn anew each day.
"""

_LETTERS = 10
"""Of a part: 50 bits, as base32 has 5 in a letter."""

_KNOWN = 4_096


class Cloak:
    """Makes cloaks. `secret`: one for all nodes, of any length; at least 16 bytes are wanted."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        # people come back, and networks are shared: making it takes longer than looking it up
        self._whole = lru_cache(_KNOWN)(self._made_of)
        self._part = lru_cache(_KNOWN)(self._make)

    def host(self, address: str) -> str:
        """The cloak of an address; `LOCAL` if it's none of the internet."""
        return self._whole(address)

    def _made_of(self, address: str) -> str:
        where = place(address)
        if where is None:
            return LOCAL
        family, number = (IPv4Network, IPv6Network)[where.version == 6], int(where)
        networks = [family((number, length), strict=False) for length in LEVELS[where.version]]
        return ".".join([*map(self._part, networks), SUFFIX])

    def _make(self, network: Network) -> str:
        digest = hmac.digest(self._secret, str(network).encode(), sha256)
        return b32encode(digest)[:_LETTERS].decode().lower()
