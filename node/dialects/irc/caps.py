"""Capabilities (IRCv3 Capability Negotiation): a row for each that is offered."""

from typing import NamedTuple

from node.core import names


class Cap(NamedTuple):
    """A capability. `value`: for who asked with `CAP LS 302`."""

    name: str
    value: str = ""


_ROWS = (
    Cap("account-notify"),
    Cap("account-tag"),
    Cap("away-notify"),
    Cap("batch"),
    Cap("cap-notify"),
    Cap("chghost"),
    Cap("echo-message"),
    Cap("extended-join"),
    Cap("extended-monitor"),
    Cap("invite-notify"),
    Cap("labeled-response"),
    Cap("message-tags"),
    Cap("multi-prefix"),
    Cap("server-time"),
    Cap("setname"),
    Cap("standard-replies"),
    Cap("userhost-in-names"),
    Cap("draft/channel-rename"),
    Cap("draft/chathistory"),
    Cap("draft/event-playback"),
    Cap("draft/extended-isupport"),
    Cap("draft/extended-monitor"),
    Cap("draft/message-redaction"),
    Cap("draft/multiline", f"max-bytes={names.MOST_BYTES},max-lines={names.MOST_LINES}"),
    Cap("draft/no-implicit-names"),
    Cap("draft/pre-away"),
)

CAPS = {cap.name: cap for cap in _ROWS}
EXTENDED_MONITOR = ("extended-monitor", "draft/extended-monitor")
"""One capability under two names: many clients know the draft's only."""

STICKY = frozenset({"cap-notify"})
"""Those that who asked with `CAP LS 302` has anyway, and can't give back."""
