"""What this server supports, as its clients are told (RPL_ISUPPORT; Modern, "RPL_ISUPPORT
Parameters").
"""

from functools import lru_cache
from typing import NamedTuple

from node.dialects.irc.config import IrcConfig
from node.dialects.irc.modes import PREFIXES

PER_LINE = 13
"""Tokens of a line (RFC 2812 has 15 parameters)."""

NICK, CHANNEL, TOPIC, KICK, AWAY, KEY, REAL, USER = 32, 51, 390, 390, 390, 32, 150, 10
LISTED, MODES, TARGETS, WATCHED = 100, 6, 4, 100
"""Lengths in letters, and how many: entries of a channel's lists, mode changes with a parameter of
one command, targets of one command, nicks that are watched.
"""


class Isupport(NamedTuple):
    """`lines`: of tokens. `myinfo`: the last parameters of RPL_MYINFO."""

    lines: list[tuple[str, ...]]
    myinfo: tuple[str, str, str]


@lru_cache(8)
def isupport(config: IrcConfig) -> Isupport:
    """For a server that is configured so."""
    letters, marks = "".join(PREFIXES), "".join(PREFIXES.values())
    some = {
        "NETWORK": config.network.replace(" ", r"\x20"),
        "CASEMAPPING": "ascii",
        "UTF8ONLY": "",
        "CHANTYPES": "#",
        "PREFIX": f"({letters}){marks}",
        "STATUSMSG": marks,
        "CHANMODES": "beI,k,l,Cimnpst",
        "MODES": str(MODES),
        "MAXLIST": f"beI:{LISTED}",
        "EXCEPTS": "e",
        "INVEX": "I",
        "CHANLIMIT": f"#:{config.channels}",
        "NICKLEN": str(NICK),
        "USERLEN": str(USER),
        "CHANNELLEN": str(CHANNEL),
        "TOPICLEN": str(TOPIC),
        "KICKLEN": str(KICK),
        "AWAYLEN": str(AWAY),
        "KEYLEN": str(KEY),
        "NAMELEN": str(REAL),
        "ELIST": "CMNTU",
        "SAFELIST": "",
        "WHOX": "",
        "MONITOR": str(WATCHED),
        "BOT": "B",
        "TARGMAX": f"NAMES:1,LIST:1,KICK:,WHOIS:1,PRIVMSG:{TARGETS},NOTICE:{TARGETS},"
        f"TAGMSG:{TARGETS},JOIN:,PART:,MONITOR:",
    }
    tokens = [f"{name}={value}" if value else name for name, value in some.items()]
    lines = [tuple(tokens[i : i + PER_LINE]) for i in range(0, len(tokens), PER_LINE)]
    return Isupport(lines, ("Biosw", "Cbehiklmnopstv", "behklov"))
