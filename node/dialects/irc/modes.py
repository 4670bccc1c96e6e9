"""Statuses of members as IRC writes them."""

from node.core.modes import STATUSES


def prefix(status: str, *, every: bool) -> str:
    """What stands before a nick: the highest of its statuses, or every one (IRCv3 multi-prefix)."""
    marks = [mark for letter, mark in STATUSES.items() if letter in status]
    return "".join(marks if every else marks[:1])
