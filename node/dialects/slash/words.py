"""The sentences of the slash dialect: those of all, but for what is typed here."""

from broker.api import Code
from node.core import words

MALFORMED = "error: line did not conform to chat server requirements!"

REFUSED = {
    **words.REFUSED,
    Code.NO_CURRENT_CHANNEL: "you are in no channel; /join one first",
    Code.TEXT_TOO_LONG: "a line can't be longer than 4096 bytes; nothing of it was taken",
    Code.TOO_MANY_CHANNELS: "you are in as many channels as one may be; /leave one first",
    Code.KEY_WRONG: "{about} has a key, and can't be joined without it: /join #CHANNEL KEY",
    Code.OPTION_UNKNOWN: "there is no option {about}; there are echo, time, color and pos",
}

WATCHES = "you watch as many nicks as one may; {about} is not watched"

NOT_UTF8 = "error: that line is not UTF-8; nothing of it was taken"

LISTED = {
    "b": "is banned from {channel}",
    "e": "is excepted from bans in {channel}",
    "I": "may come into {channel} uninvited",
}
"""What a list of masks says of those who are meant."""

RESUME = "; take your session up again, on any node, with /resume"
"""Followed by the token, at the end of a closing line."""

COLORS = (31, 32, 33, 34, 35, 36, 91, 92, 93, 94, 95, 96)
"""SGR codes for nicks (ECMA-48, section 8.3.117)."""
