"""What is written down of each connection: that it came or wasn't let in, that it ended and why.

Never what people said, and no secret: of somebody's own words of farewell only that they quit.
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from node.core.session import Session


class Journal(Protocol):
    """One line each. `was`: the sid that a connection's session had before it took up another."""

    def connected(self, session: "Session") -> None: ...

    def resumed(self, session: "Session", was: str) -> None: ...

    def turned_away(self, peer: str, why: str) -> None: ...

    def not_oper(self, session: "Session", name: str) -> None:
        """Somebody can't show that they're the operator of this name; empty: it's nobody's."""

    def closed(self, session: "Session", why: str) -> None: ...


class NoJournal:
    """Nothing is written down."""

    def connected(self, session: "Session") -> None: ...

    def resumed(self, session: "Session", was: str) -> None: ...

    def turned_away(self, peer: str, why: str) -> None: ...

    def not_oper(self, session: "Session", name: str) -> None: ...

    def closed(self, session: "Session", why: str) -> None: ...
