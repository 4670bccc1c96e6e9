"""How a node reaches Redis, and what it keeps there."""

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """How to reach Redis and what to keep there.

    `lease`, `deadline` (within which Redis must answer) and `patience` (how long a command
    waits for a lost Redis) are seconds, and so is `keep`, which a detached session waits.
    `channels_per_address` and `connections_per_address` 0: any number. `replicas`: how many must
    have what is said before its author is answered, within `ack_timeout` seconds; 0: nobody waits
    for any. `passing`: how nicks begin (folded) that are given to whoever comes; empty: none are.
    `was_nicks`: of how many nicks it's kept who had them.
    """

    url: str = "redis://127.0.0.1:6379/0"
    namespace: str = "chorus"
    node: str = "node"
    lease: float = 8.0
    deadline: float = 2.0
    patience: float = 30.0
    history_lines: int = 1000
    history_days: float = 7.0
    inbox_lines: int = 500
    channels_per_address: int = 1000
    replicas: int = 0
    ack_timeout: float = 0.5
    connections_per_address: int = 100
    keep: float = 60.0
    script_flags: bool = True
    passing: str = ""
    was_nicks: int = 10_000
