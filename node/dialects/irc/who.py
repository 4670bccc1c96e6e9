"""Rows of WHO, and of WHOX (ircv3.net/specs/extensions/whox)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from broker.api import BOT, Attendee
from node.core.people import OPERATOR
from node.core.replies import Looked
from node.dialects.irc.modes import prefix

if TYPE_CHECKING:
    from node.dialects.irc.dialect import Irc


class Whox(NamedTuple):
    """What's asked for: fields, and a token that is sent back."""

    fields: str
    token: str


def whox(given: str) -> Whox:
    """Of what follows the `%`."""
    fields, _, token = given.partition(",")
    return Whox(fields, token[:3] or "0")


def rows(irc: "Irc", to: str, found: Looked, asked: Whox | None) -> Iterator[str]:
    """Those who fit; asked None: in the form that WHO has always had."""
    for each in found.attendees:
        if asked is None:
            yield _plain(irc, to, found.channel, each)
        else:
            fields = _fields(irc, found.channel, each, asked.token)
            words = [fields[field] for field in fields if field in asked.fields]
            real = words.pop() if "r" in asked.fields else None
            yield irc.numeric(to, "RPL_WHOSPCRPL", *words, text=real)


def _plain(irc: "Irc", to: str, channel: str, each: Attendee) -> str:
    person = each.person
    user, _, host = person.profile.by.partition("@")
    return irc.numeric(
        to,
        "RPL_WHOREPLY",
        channel or "*",
        user or "*",
        host or "*",
        irc.config.server,
        person.nick,
        _flags(irc, each),
        text=f"0 {person.profile.real or person.nick}",
    )


def _flags(irc: "Irc", each: Attendee) -> str:
    person = each.person
    here = "H" if person.away is None else "G"
    oper = "*" if OPERATOR in person.profile.modes else ""
    bot = BOT if BOT in person.profile.modes else ""
    return here + oper + bot + prefix(each.member.status, every="multi-prefix" in irc.options)


def _fields(irc: "Irc", channel: str, each: Attendee, token: str) -> dict[str, str]:
    """All that can be asked for, in the order in which it's sent."""
    person, profile = each.person, each.person.profile
    user, _, host = profile.by.partition("@")
    return {
        "t": token,
        "c": channel or "*",
        "u": user or "*",
        "i": profile.peer or "255.255.255.255",  # the form's own word for unknown
        "h": host or "*",
        "s": irc.config.server,
        "n": person.nick,
        "f": _flags(irc, each),
        "d": "0",
        "l": "0",
        "a": profile.account or "0",
        "o": "n/a",
        "r": profile.real or person.nick,
    }
