"""A node's numbers in one place, for `node.http.metrics`."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from broker.cluster import Cluster
from broker.tally import BrokerTally
from node import __version__
from node.core.chat import Chat
from node.core.tally import Tally
from node.health import Health
from node.reporter import sessions


@dataclass(frozen=True)
class Numbers:
    """A `node.http.metrics.Node`. `dialects`: those that people may speak here."""

    name: str
    cluster: Cluster
    chat: Chat
    health: Health
    ending: Callable[[], bool]
    dialects: tuple[str, ...]
    version: str = __version__
    started: float = field(default_factory=time.time)

    @property
    def tally(self) -> Tally:
        return self.chat.tally

    @property
    def broker(self) -> BrokerTally:
        return self.cluster.tally

    @property
    def ready(self) -> bool:
        return not self.health.unready()

    @property
    def draining(self) -> bool:
        return self.ending()

    @property
    def connected(self) -> bool:
        return self.cluster.ready

    @property
    def calls(self) -> int:
        return self.cluster.calls

    @property
    def leases(self) -> int:
        return self.cluster.board.leases

    @property
    def silence(self) -> float:
        return self.health.silence

    @property
    def channels(self) -> int:
        return len(self.chat.hub)

    @property
    def sessions(self) -> dict[str, int]:
        return dict.fromkeys(self.dialects, 0) | sessions(self.chat)
