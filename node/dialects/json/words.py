"""The sentences that messages have for people: those of all, but for what is bounded here."""

from broker.api import Code
from node.core import words
from node.dialects.json.commands import LONGEST, TEXT

MALFORMED = "malformed"

NOT_A_COMMAND = "that isn't a command: {why}"

REFUSED = {
    **words.REFUSED,
    Code.TEXT_TOO_LONG: f"that is too long: a text has at most {TEXT} bytes, an object {LONGEST}",
}
