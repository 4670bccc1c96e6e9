"""Requests to a node's HTTP door, and what it says in `/metrics`."""

import http.client
import json
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from tests.support.nodes import NodeProcess

Labels = tuple[tuple[str, str], ...]


class Answer(NamedTuple):
    """What came back. `headers`: names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)


def ask(
    node: NodeProcess,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """One request, on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", node.http, timeout=20)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, names, answer.read())
    finally:
        connection.close()


def metrics(node: NodeProcess) -> dict[str, float]:
    """A node's metrics: by name, and labels as in `chorus_sessions{dialect=slash}`."""
    return {name: value for name, _, value in samples(node)}


def samples(node: NodeProcess) -> list[tuple[str, Labels, float]]:
    """Each sample: as `metrics` calls it, its labels, its value."""
    text = ask(node, "/metrics").body.decode()
    return [
        (_named(sample.name, sample.labels), tuple(sample.labels.items()), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def _named(name: str, labels: dict[str, str]) -> str:
    shown = ",".join(f"{label}={value}" for label, value in labels.items())
    return f"{name}{{{shown}}}" if shown else name
