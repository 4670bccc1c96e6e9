"""The dashboard's stream, from real nodes, as any program reads it."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.request import urlopen

from tests.cluster.conftest import MakeTown
from tests.support.nodes import NodeProcess
from tests.support.town import Town

Event = tuple[str, Any]


@contextmanager
def stream(node: NodeProcess) -> Iterator[Iterator[Event]]:
    """The events of a node, until it ends them: kinds and data."""
    with closing(HTTPConnection("127.0.0.1", node.http, timeout=40)) as connection:
        connection.request("GET", "/dashboard/live")
        with connection.getresponse() as answer:
            assert 200 == answer.status
            yield events(answer)


def events(answer: HTTPResponse) -> Iterator[Event]:
    kind = ""
    for line in answer:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


def overview(told: Iterator[Event], wanted: Any = lambda _: True) -> Any:
    """The next overview that is so."""
    return next(
        data["overview"] for kind, data in told if kind == "overview" and wanted(data["overview"])
    )


def metric(node: NodeProcess, name: str) -> float:
    """A number of `/metrics`."""
    with urlopen(f"http://127.0.0.1:{node.http}/metrics", timeout=40) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith(f"{name}{{"))


def test_each_node_shows_all_nodes(town: Town) -> None:
    for node in town.nodes:
        with stream(node) as told:
            found = overview(told, lambda each: len(each["nodes"]) == 3)
            assert ["n1", "n2", "n3"] == [each["node"] for each in found["nodes"]]


def test_its_numbers_are_those_of_metrics_and_of_a_count_from_outside(make_town: MakeTown) -> None:
    town = make_town()
    town.people("ann", "bob", "cat", "dan", at="#go")
    with stream(town.nodes[0]) as told:
        found = overview(told, lambda each: each["sessions"] == 4 and len(each["nodes"]) == 3)
        sessions = [sum(each["sessions"].values()) for each in found["nodes"]]
    assert [2, 1, 1] == sessions
    assert sessions == [metric(node, "chorus_sessions") for node in town.nodes]


def test_when_its_node_is_about_to_end_it_ends_with_a_word(make_town: MakeTown) -> None:
    town = make_town(count=1)
    with stream(town.nodes[0]) as told:
        overview(told)
        town.nodes[0].end()
        assert ("bye", {}) == list(told)[-1]
