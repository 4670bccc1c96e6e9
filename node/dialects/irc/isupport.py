"""What this server supports, as its clients are told (RPL_ISUPPORT; Modern, "RPL_ISUPPORT
Parameters").
"""

from functools import lru_cache
from typing import NamedTuple

from node.core import masks, modes, past, people, watchers
from node.core.modes import Kind, of_kind
from node.dialects.irc.config import IrcConfig

PER_LINE = 13
"""Tokens of a line (RFC 2812 has 15 parameters)."""

NICK, CHANNEL, TOPIC, KICK, AWAY, REAL, USER = 32, 51, 390, 390, 390, people.REAL, 10
TARGETS, WATCHED, HISTORY = 4, watchers.MOST, past.MOST
"""Lengths in letters, and how many: targets of one command, nicks that are watched,
entries of the past."""


class Isupport(NamedTuple):
    """`lines`: of tokens. `myinfo`: the last parameters of RPL_MYINFO."""

    lines: list[tuple[str, ...]]
    myinfo: tuple[str, str, str]


@lru_cache(8)
def isupport(config: IrcConfig) -> Isupport:
    """For a server that is configured so."""
    letters, marks = "".join(modes.STATUSES), "".join(modes.STATUSES.values())
    some = {
        "NETWORK": config.network.replace(" ", r"\x20"),
        "CASEMAPPING": "ascii",
        "UTF8ONLY": "",
        "CHANTYPES": "#",
        "PREFIX": f"({letters}){marks}",
        "STATUSMSG": marks,
        "CHANMODES": ",".join(map(of_kind, (Kind.LIST, Kind.ALWAYS, Kind.WHEN_SET, Kind.NEVER))),
        "MODES": str(modes.MOST),
        "MAXLIST": f"{modes.LISTS}:{modes.LIST}",
        "EXCEPTS": "e",
        "EXTBAN": f",{masks.MUTE[0]}",
        "INVEX": "I",
        "CHANLIMIT": f"#:{config.channels}",
        "NICKLEN": str(NICK),
        "USERLEN": str(USER),
        "CHANNELLEN": str(CHANNEL),
        "TOPICLEN": str(TOPIC),
        "KICKLEN": str(KICK),
        "AWAYLEN": str(AWAY),
        "KEYLEN": str(modes.KEY),
        "NAMELEN": str(REAL),
        "ELIST": "CMNTU",
        "SAFELIST": "",
        "WHOX": "",
        "MONITOR": str(WATCHED),
        "BOT": "B",
        "CHATHISTORY": str(HISTORY),
        "MSGREFTYPES": "msgid,timestamp",
        "TARGMAX": f"NAMES:1,LIST:1,KICK:,WHOIS:1,PRIVMSG:{TARGETS},NOTICE:{TARGETS},"
        f"TAGMSG:{TARGETS},JOIN:,PART:,MONITOR:",
    }
    tokens = [f"{name}={value}" if value else name for name, value in some.items()]
    lines = [tuple(tokens[i : i + PER_LINE]) for i in range(0, len(tokens), PER_LINE)]
    return Isupport(
        lines,
        (
            "".join(sorted({*people.TOGGLED, people.OPERATOR})),
            "".join(sorted(modes.MODES)),
            "beIklohv",
        ),
    )
