"""A program that uses a node's API: `Api(node, secret).get("channels")`."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from node.http.tokens import Scope, draw
from tests.support.nodes import NodeProcess

RATE = "100000/1"
"""As good as none."""


def new_token(name: str, *scopes: str, rate: str = RATE) -> tuple[str, str]:
    """A token's secret, and its entry for the file."""
    return draw(name, frozenset(map(Scope, scopes)), rate)


class Answered(NamedTuple):
    """What came back. `said`: the body, from JSON."""

    status: int
    said: Any
    headers: dict[str, str]

    @property
    def error(self) -> tuple[int, str]:
        """The status and the code of what wasn't done; it has words, too."""
        assert self.said["says"], self.said
        return self.status, self.said["error"]


class Event(NamedTuple):
    """A server-sent event."""

    name: str
    data: Any
    id: str


class Api:
    """Requests to one node, each on a connection of its own. `secret` empty: without a token."""

    def __init__(self, node: NodeProcess, secret: str = "", seconds: float = 20.0) -> None:
        self._port = node.http
        self._seconds = seconds
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    @contextmanager
    def _asking(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._seconds)
        try:
            connection.request(method, f"/api/v1/{path}", body, self._headers | headers)
            yield connection.getresponse()
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answered:
        """Any request. Headers: `_` stands for a dash."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        with self._asking(method, path, body, given) as response:
            raw = response.read()
            said = json.loads(raw) if raw else None
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answered(response.status, said, told)

    def get(self, path: str, **headers: str) -> Answered:
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, value: Any, **headers: str) -> Answered:
        """A request with a value as JSON."""
        body = json.dumps(value).encode()
        given = {"Content_Type": "application/json"} | headers
        return self.ask("POST", path, body, **given)

    def delete(self, path: str) -> Answered:
        return self.ask("DELETE", path)

    @contextmanager
    def events(self, channel: str, after: str = "") -> Iterator[Iterator[Event]]:
        """Follow a channel; begun when this returns."""
        headers = {"Last-Event-ID": after} if after else {}
        path = f"channels/{channel}/events"
        with self._asking("GET", path, None, headers) as response:
            assert 200 == response.status, response.read()
            assert "text/event-stream" == response.getheader("content-type")
            assert b"retry: 2000\n" == response.readline()
            assert b"\n" == response.readline()
            yield _events(response)


def _events(response: http.client.HTTPResponse) -> Iterator[Event]:
    fields: dict[str, str] = {}
    while line := response.readline().decode():
        if line == "\n":
            if "data" in fields:
                yield Event(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
            fields = {}
        else:
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value
