"""All ways of one node to Redis: a relay to each server, and what befalls one befalls all.

Must not know which server is what.
"""

from collections.abc import Iterable
from typing import Any

from tests.support.relay import Relay
from tests.support.spin import gather, reactor


class Ways:
    """A `Relay` to each of some ports of 127.0.0.1; methods and attributes are as a relay's."""

    def __init__(self, ports: Iterable[int]) -> None:
        self._relays = {port: Relay(reactor, port) for port in ports}

    @property
    def ports(self) -> dict[int, int]:
        """By the port of each server, the relay's."""
        return {port: relay.port for port, relay in self._relays.items()}

    def lead_to(self, port: int) -> None:
        """The one server is at another port from now on, also for nodes that are started then."""
        (relay,) = self._relays.values()
        relay.redis_port = port
        self._relays = {port: relay}

    async def start(self) -> None:
        """Begin to listen."""
        await gather([relay.start() for relay in self._relays.values()])

    async def stop(self) -> None:
        """Listen no more, and end all connections."""
        await gather([relay.stop() for relay in self._relays.values()])

    def cut(self) -> None:
        """As of a relay."""
        self._all("cut")

    def mend(self) -> None:
        """As of a relay."""
        self._all("mend")

    def silence(self, *, for_all: bool = False) -> None:
        """As of a relay."""
        self._all("silence", for_all=for_all)

    def stall(self) -> None:
        """As of a relay."""
        self._all("stall")

    def unstall(self) -> None:
        """As of a relay."""
        self._all("unstall")

    def deliver(self) -> None:
        """As of a relay."""
        self._all("deliver")

    def lose_answers(self) -> None:
        """The next piece that a server says is lost, with the connections to it."""
        for relay in self._relays.values():
            relay.answers = 0

    def hold_requests(self) -> None:
        """What the node says from here on is late: see `deliver`."""
        for relay in self._relays.values():
            relay.requests = 0

    def slow(self, seconds: float) -> None:
        """By so much everything is late, either way."""
        for relay in self._relays.values():
            relay.delay = seconds

    def _all(self, what: str, **how: Any) -> None:
        for relay in self._relays.values():
            getattr(relay, what)(**how)
