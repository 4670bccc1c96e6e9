"""Numerics for what the core refuses. What has none is told by IRCv3's standard replies."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from broker.api import Code, Refused
from node.core import words
from node.dialects.irc import wire

if TYPE_CHECKING:
    from node.dialects.irc.dialect import Irc

ABOUT: dict[Code, str] = {
    Code.NICK_TAKEN: "ERR_NICKNAMEINUSE",
    Code.NICK_INVALID: "ERR_ERRONEUSNICKNAME",
    Code.NICK_RESERVED: "ERR_ERRONEUSNICKNAME",
    Code.NO_SUCH_NICK: "ERR_NOSUCHNICK",
    Code.NO_SUCH_CHANNEL: "ERR_NOSUCHCHANNEL",
    Code.CHANNEL_INVALID: "ERR_NOSUCHCHANNEL",
    Code.NOT_MEMBER: "ERR_NOTONCHANNEL",
    Code.TOO_MANY_CHANNELS: "ERR_TOOMANYCHANNELS",
    Code.BANNED_HERE: "ERR_BANNEDFROMCHAN",
    Code.KEY_WRONG: "ERR_BADCHANNELKEY",
    Code.CHANNEL_FULL: "ERR_CHANNELISFULL",
    Code.INVITE_ONLY: "ERR_INVITEONLYCHAN",
    Code.NOT_OP: "ERR_CHANOPRIVSNEEDED",
    Code.CANNOT_SPEAK: "ERR_CANNOTSENDTOCHAN",
    Code.SILENCED: "ERR_CANNOTSENDTOCHAN",
    Code.CTCP_REFUSED: "ERR_CANNOTSENDTOCHAN",
    Code.MODE_UNKNOWN: "ERR_UNKNOWNMODE",
    Code.OTHERS_MODES: "ERR_USERSDONTMATCH",
    Code.NOT_OPER: "ERR_NOPRIVILEGES",
    Code.RIGHT_LACKED: "ERR_NOPRIVS",
    Code.PASSWORD_WRONG: "ERR_PASSWDMISMATCH",
    Code.NO_OPERS: "ERR_NOOPERHOST",
}
"""Those that are about what was refused: a nick, a channel, a letter, a right; or about nothing."""

PLAIN = frozenset({Code.OTHERS_MODES})
"""Of those, which don't say about what."""

WITH_CHANNEL: dict[Code, str] = {
    Code.TARGET_NOT_MEMBER: "ERR_USERNOTINCHANNEL",
    Code.ALREADY_THERE: "ERR_USERONCHANNEL",
}
"""Those that name the channel after that."""

OF_CHANNEL: dict[Code, str] = {
    Code.LIST_FULL: "ERR_BANLISTFULL",
    Code.KEY_INVALID: "ERR_INVALIDKEY",
}
"""Those that name the channel before what was refused, if that's named at all."""

PARAMETER: dict[Code, str] = {
    Code.MODE_LACKS: "",
    Code.LIMIT_INVALID: "l",
    Code.FORWARD_INVALID: "f",
    Code.MASK_INVALID: "*",
}
"""A mode's parameter won't do (Modern, ERR_INVALIDMODEPARAM): of which mode; empty: it's what was
refused, as there is no parameter; `*`: of one of several.
"""


def told(irc: "Irc", to: str, verb: str, refused: Refused, channel: str = "*") -> Iterator[str]:
    """How somebody reads that something was refused. `channel`: what it was done to."""
    code, about = refused.code, shown(refused.about)
    if code in ABOUT:
        yield irc.numeric(to, ABOUT[code], *(about,) if refused.about and code not in PLAIN else ())
    elif code in WITH_CHANNEL:
        yield irc.numeric(to, WITH_CHANNEL[code], about, channel)
    elif code in OF_CHANNEL:
        more = (about,) if code is Code.LIST_FULL else ()
        yield irc.numeric(to, OF_CHANNEL[code], channel, *more)
    elif code in PARAMETER:
        mode, given = PARAMETER[code] or about.lstrip("+-"), about if PARAMETER[code] else "*"
        yield irc.numeric(to, "ERR_INVALIDMODEPARAM", channel, mode, given, text=says(refused))
    elif "standard-replies" in irc.options:
        name = code.value.upper().replace("-", "_")
        yield irc.said(f"FAIL {verb} {name} :{says(refused)}")
    else:
        yield irc.said(f"NOTICE {to} :{verb}: {says(refused)}")


def says(refused: Refused) -> str:
    """Why it was refused, in a sentence."""
    return words.filled(words.REFUSED[refused.code], refused.about)


def shown(about: str) -> str:
    """A word as it can stand in the middle of a line."""
    about = next(wire.pieces(about, 200))
    return "*" if not about or about.startswith(":") or " " in about else about
