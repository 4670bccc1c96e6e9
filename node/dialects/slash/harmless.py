"""What people typed, made harmless for a terminal: no control characters, no escape sequences,
no overrides of the direction of writing (`docs/line-protocol.md`, Harmless text).

Joiners and variation selectors stay: scripts and emoji are made with them.
"""

import unicodedata

# Unicode Standard Annex #9, section 2
_BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x061C, 0x200E, 0x200F}
_SEPARATORS = {0x2028, 0x2029}


def _shown(letter: str) -> str:
    code = ord(letter)
    if letter == "\t":
        return " "
    if code < 0x20 or 0x7F <= code < 0xA0 or code in _BIDI or code in _SEPARATORS:
        return "\N{REPLACEMENT CHARACTER}"
    if unicodedata.category(letter) == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    return letter


def harmless(text: str) -> str:
    """The text with every dangerous character replaced by U+FFFD, and a tab by a space."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text))
