"""The IRC dialect: for any IRC client (`docs/irc.md`).

wire         lines apart and together
reader       a person's lines to commands, from registration on
commands     a table with a row per verb, and what each does;  perform: does one
events       events as lines;  replies: the core's replies as lines
numerics  caps  isupport    tables of what IRC and IRCv3 name
dialect      kinds of listeners: those who have the same capabilities
"""

from node.dialects.irc.config import IrcConfig
from node.dialects.irc.dialect import Irc

__all__ = ["Irc", "IrcConfig"]
