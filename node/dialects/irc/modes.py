"""Statuses of members as IRC writes them: a prefix for each letter, the highest first."""

PREFIXES = {"o": "@", "h": "%", "v": "+"}


def prefix(status: str, *, every: bool) -> str:
    """What stands before a nick: the highest of its statuses, or every one (IRCv3 multi-prefix)."""
    marks = [mark for letter, mark in PREFIXES.items() if letter in status]
    return "".join(marks if every else marks[:1])
