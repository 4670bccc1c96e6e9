"""How names are compared, everywhere in chorus: ASCII letters fold, nothing else does.

Folding is the identity of a nick or a channel; the spelling is whoever made it's choice
(`../docs/line-protocol.md`, Names).
"""

_FOLDED = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def fold(name: str) -> str:
    """The form under which a nick or channel is known: `#Go` and `#go` are one.

    `CASEMAPPING=ascii` in the words of IRC's ISUPPORT.
    """
    if name.isascii():
        return name.lower()
    return name.translate(_FOLDED)
