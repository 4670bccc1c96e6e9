"""`node.http.verdict`: how the cluster is, in one sentence."""

from typing import Any

import pytest

from broker.reports import LOST, STOPPED, Overview, Server, State, Status
from node.http.verdict import Level, Verdict, away, span, verdict

NOW = 1_800_000_000_000
HOUR = 3_600_000


def node(
    name: str, state: State = State.READY, *why: str, age: float = 0.5, up: int = HOUR
) -> Status:
    """A node that was heard of `age` seconds ago and started `up` ms ago."""
    at = NOW - round(age * 1000)
    return Status(node=name, version="1", state=state, why=why, started=NOW - up, at=at)


def judged(*nodes: Status, **more: Any) -> Verdict:
    return verdict(Overview(at=NOW, nodes=nodes, **more))


@pytest.mark.parametrize(
    "count, says",
    [(1, "The only node is well."), (2, "All 2 nodes are well."), (64, "All 64 nodes are well.")],
)
def test_when_all_is_well_that_is_all(count: int, says: str) -> None:
    found = judged(*(node(f"n{i}") for i in range(count)))
    assert Verdict(Level.WELL, says, says, count, count) == found


def test_a_silent_node_is_said_with_how_long() -> None:
    found = judged(node("n1"), node("n2", age=3.2))
    assert Level.WARN == found.level
    assert "1 of 2 nodes is well; n2 hasn't been heard of for 3 s." == found.says


def test_a_lost_node_counts_among_the_nodes_and_is_the_worst() -> None:
    found = judged(node("n1"), node("n3"), node("n2", State.GONE, LOST, age=14.4))
    assert (Level.BAD, 2, 3) == (found.level, found.well, found.nodes)
    assert "2 of 3 nodes are well; n2 was lost 14 s ago." == found.says


def test_what_is_read_aloud_does_not_change_by_the_second() -> None:
    before = judged(node("n1"), node("n2", State.GONE, LOST, age=14))
    after = judged(node("n1"), node("n2", State.GONE, LOST, age=15))
    assert before.says != after.says
    assert "1 of 2 nodes is well; n2 was lost." == before.gist == after.gist


def test_a_node_that_was_lost_long_ago_is_not_the_news() -> None:
    assert (
        "The only node is well." == judged(node("n1"), node("n2", State.GONE, LOST, age=900)).says
    )


def test_a_node_that_was_stopped_is_no_loss() -> None:
    found = judged(node("n1"), node("n2", State.GONE, STOPPED, age=5))
    assert (Level.NOTE, 1, 1) == (found.level, found.well, found.nodes)
    assert "The only node is well; n2 was stopped in good order 5 s ago." == found.says


def test_several_that_were_stopped_are_counted() -> None:
    gone = [node(f"n{i}", State.GONE, STOPPED, age=5 + i) for i in (2, 3)]
    says = judged(node("n1"), *gone).says
    assert "The only node is well; 2 nodes were stopped in good order 7 s ago." == says


def test_a_degraded_node_is_said_with_why() -> None:
    found = judged(node("n1"), node("n2", State.DEGRADED, "the event loop was 0.8 s late"))
    assert Level.WARN == found.level
    expected = "1 of 2 nodes is well; n2 is degraded (the event loop was 0.8 s late)."
    assert expected == found.says


def test_a_draining_node_is_said() -> None:
    found = judged(node("n1"), node("n2", State.DRAINING, "draining: takes nobody any more"))
    assert (Level.NOTE, "1 of 2 nodes is well; n2 is draining.") == (found.level, found.says)


def test_a_node_that_was_started_again_is_one_node() -> None:
    found = judged(node("n1"), node("n2", age=4), node("n2", up=1500))
    assert (Level.NOTE, 2, 2) == (found.level, found.well, found.nodes)
    assert "All 2 nodes are well; n2 died and has started again." == found.says


def test_a_former_life_of_a_node_is_not_counted_while_it_was_just_heard_of() -> None:
    assert "The only node is well." == judged(node("n2", age=1.5), node("n2", up=500)).says


def test_two_nodes_of_one_name_are_said() -> None:
    found = judged(node("n1"), node("n1", up=HOUR // 2))
    assert (Level.WARN, 1) == (found.level, found.nodes)
    assert "The only node is well; two nodes are called n1." == found.says


def test_no_node_at_all_is_bad() -> None:
    assert (Level.BAD, "No node is alive.") == (judged().level, judged().says)


def test_what_is_wrong_with_redis_is_said() -> None:
    found = judged(node("n1"), server=Server(why=("95% of its memory is used",)))
    assert Level.WARN == found.level
    assert "The only node is well; Redis: 95% of its memory is used." == found.says


def test_the_gravest_comes_first_and_not_all_are_said() -> None:
    many = [node(f"n{i}", State.DRAINING) for i in range(5)]
    found = judged(*many, node("n9", State.GONE, LOST, age=3))
    assert Level.BAD == found.level
    expected = (
        "0 of 6 nodes are well; n9 was lost 3 s ago; n0 is draining; n1 is draining; and 3 more."
    )
    assert expected == found.says


def test_while_redis_is_away_it_says_since_when_and_what_that_means() -> None:
    found = away(12.7)
    assert Level.BAD == found.level
    assert found.says.startswith("Redis hasn't answered for 12 s: people stay connected")
    assert away(1).gist == found.gist == away(0.9).says


@pytest.mark.parametrize(
    "seconds, words",
    [(-1, "0 s"), (0, "0 s"), (119.9, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h")],
)
def test_a_time_is_said_in_one_unit(seconds: float, words: str) -> None:
    assert words == span(seconds)
