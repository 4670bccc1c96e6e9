"""Nodes for which replicas count (`--ack replicated`)."""

from pathlib import Path

from tests.cluster.conftest import MakeTown
from tests.support.redis_server import Pair


def test_people_read_when_a_replica_stands_still_talk_on_and_read_when_it_is_back(
    make_town: MakeTown, tmp_path: Path
) -> None:
    with Pair(tmp_path / "pair") as pair:
        flags = ("--ack", "replicated", "--ack-timeout", "2")
        town = make_town(*flags, count=2, url=pair.master.url)
        ann, bob = town.people("ann", "bob", at="#go")
        assert [] == ann.does("safe")
        pair.freeze()
        ann.type("one")
        for person in (ann, bob):
            person.until("notice: the broker has too few replicas now; ")
        ann.type("two")
        bob.until("[#go] <ann> two")
        pair.wake()
        for person in (ann, bob):
            person.until("notice: the broker's replicas have everything again")
        expected = ["safe", "one", "two"]
        assert [f"[#go] <ann> {text}" for text in expected] == [
            line for line in bob.heard if line.startswith("[#go]")
        ]
        assert 2 == len([line for line in ann.heard if line.startswith("notice: ")])
