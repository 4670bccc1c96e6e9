r"""Masks: `nick!user@host`, with which channels and operators name people. Pure.

`*` stands for anything and `?` for one character; `\*` and `\?` for themselves (RFC 2812, section
2.5). ASCII letters fold, as everywhere. The host is like somebody's if it's like the one that
others see, or like the address that they come from; a network (`192.0.2.0/24`) if it holds that
address. So who hides their host is met all the same.
"""

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache
from ipaddress import ip_network
from typing import NamedTuple

from broker.api import Code, Refused
from broker.names import fold
from node.core.limits import Network, place

LONGEST = 200
"""The most characters of a mask."""

_CACHED = 8_192

_STARS = re.compile(r"(\\[*?])|\*+")
_TOKENS = re.compile(r"\\[*?]|.", re.DOTALL)
_ANY = "*"


class Who(NamedTuple):
    """Somebody, as masks see them. `by`: `user@host` as others see it. `peer`: the address that
    they're connected from. Both may be empty.
    """

    nick: str
    by: str = ""
    peer: str = ""


def spelled(text: str) -> str:
    """The whole mask that somebody means by a part of one: `bob` is `bob!*@*`, `*.example.org` and
    `192.0.2.0/24` are hosts, `ann@host` is anybody's whose user is `ann`. Raises MASK_INVALID.
    """
    if not 1 <= len(text) <= LONGEST or not text.isprintable() or " " in text:
        raise Refused(Code.MASK_INVALID, text)
    nick, bang, rest = text.partition("!")
    if not bang and ("@" in text or set(".:/") & set(text)):  # no nick holds one of these
        nick, rest = "", text
    user, at, host = rest.rpartition("@")
    if not at and bang:
        user, host = rest, ""
    whole = f"{nick or _ANY}!{user or _ANY}@{host or _ANY}"
    if whole.startswith(":"):  # IRC couldn't say it
        raise Refused(Code.MASK_INVALID, text)
    return _STARS.sub(lambda found: found[1] or _ANY, whole)


MUTE = "m:"
"""How an entry begins that means somebody only when they speak."""


def spelled_ban(text: str) -> str:
    """As `spelled`, of an entry that may begin with MUTE. Raises MASK_INVALID."""
    sort = MUTE if text.startswith(MUTE) else ""
    return sort + spelled(text[len(sort) :])


def same(mask: str, other: str) -> bool:
    """Whether two masks are one."""
    return fold(mask) == fold(other)


def matches(mask: str, who: Who) -> bool:
    """Whether a whole mask means somebody. What that costs grows with both lengths, no faster."""
    nick, user, host, network = _read(fold(mask))
    if not _like(nick, fold(who.nick)):
        return False
    its_user, _, its_host = fold(who.by).rpartition("@")
    if not _like(user, its_user):
        return False
    if _like(host, its_host) or (who.peer and _like(host, fold(who.peer))):
        return True
    if network is None:
        return False
    address = place(who.peer)
    return address is not None and address in network


def _like(glob: re.Pattern[str] | None, text: str) -> bool:
    return glob is None or glob.match(text) is not None


class _Parts(NamedTuple):
    """What a mask says. A glob of None: anything will do. `network`: of the host, if it's one."""

    nick: re.Pattern[str] | None
    user: re.Pattern[str] | None
    host: re.Pattern[str] | None
    network: Network | None


@lru_cache(_CACHED)
def _read(mask: str) -> _Parts:
    nick, _, rest = mask.partition("!")
    user, _, host = rest.rpartition("@")
    return _Parts(_glob(nick), _glob(user), _glob(host), _network(host))


def _network(host: str) -> Network | None:
    address = place(host)
    if address is not None:
        return ip_network(address)
    try:
        return ip_network(host, strict=False) if "/" in host else None
    except ValueError:
        return None


def _glob(glob: str) -> re.Pattern[str] | None:
    return None if glob == _ANY else _pattern(glob)


def _pattern(glob: str) -> re.Pattern[str]:
    # what `translate` makes of it never tries one place twice, however many stars there are
    words = (_FNMATCH.get(token, token) for token in _TOKENS.findall(glob))
    return re.compile(translate("".join(words)))


def like(glob: str) -> Callable[[str], bool]:
    """Whether a text is like this, as the parts of a mask are."""
    pattern = _pattern(fold(glob))
    return lambda text: pattern.match(fold(text)) is not None


_FNMATCH = {"[": "[[]", r"\*": "[*]", r"\?": "[?]"}
