"""Redis is there, answers, and refuses to write: nothing is lost, doubled or hidden (I3, I4)."""

import json
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import redis

from broker.embedded import Embedded
from tests.cluster.conftest import MakeTown
from tests.support.nodes import NodeProcess
from tests.support.processes import await_fact
from tests.support.town import settle

BUSY = "error: the server can't do that now"

WAYS = {
    "NOREPLICAS": [("CONFIG SET min-replicas-to-write", "1", "0")],
    "OOM": [("CONFIG SET maxmemory", "1", "0")],
    "READONLY": [("REPLICAOF", "127.0.0.1 1", "NO ONE")],
}
"""What one does to Redis for a refusal, and to end it: a command, and its words for each."""


class Moody:
    """A Redis that refuses what is written, or doesn't."""

    def __init__(self, server: Embedded, word: str) -> None:
        self._client = redis.Redis.from_url(server.url)
        self._way = WAYS[word]

    def refuses(self) -> None:
        for command, words, _ in self._way:
            self._client.execute_command(*command.split(), *words.split())

    def takes(self) -> None:
        for command, _, words in self._way:
            self._client.execute_command(*command.split(), *words.split())


def logged(node: NodeProcess, words: str) -> list[str]:
    """The lines of its log that have these words."""
    return [line for line in node.log.read_text().splitlines() if words in line]


def unready(node: NodeProcess) -> list[str]:
    """Why it's to be sent nobody."""
    try:
        with urlopen(f"http://127.0.0.1:{node.http}/readyz", timeout=20) as answer:
            why: list[str] = json.load(answer)["why"]
    except HTTPError as e:
        why = json.load(e)["why"]
    return why


@pytest.mark.parametrize("word", WAYS)
def test_what_redis_refuses_is_refused_in_words_and_all_goes_on_when_it_takes_writes_again(
    make_town: MakeTown, own_server: Embedded, word: str
) -> None:
    town = make_town(url=own_server.url)
    people = ann, bob, cat = town.people("ann", "bob", "cat", at="#go")
    moody = Moody(own_server, word)
    ann.does("before")
    moody.refuses()
    ann.type("meanwhile")
    ann.until(BUSY)
    bob.type("/topic meanwhile")
    bob.until(BUSY)
    moody.takes()
    for node in town.nodes[:2]:  # ann's and bob's
        await_fact(lambda node=node: logged(node, "Redis takes writes again"))  # type: ignore[misc]
        assert 1 == len(logged(node, f"Redis takes no writes: {word} ")), node.log.read_text()
        assert not logged(node, "Traceback")
    ann.does("after")
    cat.does("too")
    settle(*people)
    accepted = ["[#go] <ann> before", "[#go] <ann> after", "[#go] <cat> too"]
    for person, nick in zip(people, ("ann", "bob", "cat"), strict=True):
        said = [line for line in person.heard if line.startswith("[#go] <")]
        assert [line for line in accepted if f"<{nick}>" not in line] == said
        assert not [line for line in person.heard if "quit" in line or line.startswith("gap: ")]
    assert {"@ann", "bob", "cat"} == set(ann.does("/names")[-1].partition(": ")[2].split())


def test_a_node_whose_writes_are_refused_for_a_while_says_so_and_is_ready_when_they_are_taken(
    make_town: MakeTown, own_server: Embedded
) -> None:
    (node,) = make_town(url=own_server.url, count=1).nodes
    moody = Moody(own_server, "NOREPLICAS")
    assert [] == unready(node)
    moody.refuses()
    assert await_fact(lambda: unready(node)) == [
        "Redis takes no writes: NOREPLICAS Not enough good replicas to write."
    ]
    moody.takes()
    await_fact(lambda: not unready(node))
