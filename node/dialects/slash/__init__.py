"""The slash dialect: what people type into `nc` and `telnet` (`docs/line-protocol.md`).

`commands` reads lines, `dialect` writes events, `replies` replies, `words` has the sentences, and
`harmless` keeps terminals safe from what people typed.
"""

from node.dialects.slash.dialect import Slash

__all__ = ["Slash"]
