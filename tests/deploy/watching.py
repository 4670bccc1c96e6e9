"""The profile `monitoring` of compose.yaml, up and running: what Prometheus finds, and whether
Grafana is given what it needs.
"""

import json
import urllib.parse
import urllib.request
from collections import Counter
from contextlib import suppress
from typing import Any

from tests.deploy.stack import Stack
from tests.deploy.wrong import Wrong
from tests.support.processes import await_fact

WATCHERS = ("prometheus", "grafana", "redis-exporter")
"""The profile's services."""

JOBS = {"chorus", "balancer", "redis"}


class Watching:
    """Asks Prometheus, and what stands in for Grafana."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def jobs(self) -> Counter[str]:
        """How many targets each job has; empty until all jobs have some, and all are up."""
        with suppress(OSError):
            targets = self._prometheus("targets")["activeTargets"]
            jobs = Counter[str](target["labels"]["job"] for target in targets)
            up = all(target["health"] == "up" for target in targets)
            if up and jobs.keys() == JOBS and jobs["chorus"] == len(self._stack.nodes()):
                return jobs
        return Counter()

    def rules(self) -> int:
        """How many there are. Raises Wrong if one can't be computed."""

        def computed() -> list[Any] | None:
            rules = [
                rule for group in self._prometheus("rules")["groups"] for rule in group["rules"]
            ]
            return rules if all(rule["health"] != "unknown" for rule in rules) else None

        rules = await_fact(computed, 60)
        if bad := [rule["name"] for rule in rules if rule["health"] != "ok"]:
            raise Wrong(f"Prometheus can't compute {bad}")
        return len(rules)

    def redis_is_read(self) -> bool:
        """Whether the exporter comes to Redis with its password."""
        query = urllib.parse.urlencode({"query": "redis_up == 1"})
        return bool(self._prometheus(f"query?{query}")["result"])

    def _prometheus(self, what: str) -> Any:
        return _json(f"http://127.0.0.1:{self._stack.prometheus}/api/v1/{what}")["data"]

    def ills_of_grafana(self) -> list[str]:
        """What isn't there that it would need."""

        def told() -> list[list[str]] | None:
            with suppress(OSError):
                return [_json(f"http://127.0.0.1:{self._stack.grafana}/")]
            return None

        (ills,) = await_fact(told, 60)
        return ills


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)
