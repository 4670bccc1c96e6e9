"""What was said before, on nodes of one cluster: parts of it, and what was taken back."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.program import Lines, Object, Program
from tests.support.town import Town

Programs = list[Program]


@pytest.fixture
def programs(town: Town, go: str) -> Iterator[Programs]:
    """One on each node, in one channel, and told of tags."""
    with ExitStack() as here:
        came = [
            here.enter_context(Program(Lines(node), f"prog-{node.name}", go)) for node in town.nodes
        ]
        for one in came:
            assert "done" == one.do("set", option="tags", on=True)["is"]
        for one in came:
            one.settle()
        yield came


def texts(answer: Object) -> list[str]:
    return [each["text"] for each in answer["entries"]]


def test_what_was_taken_back_is_gone_on_every_node(town: Town, go: str, programs: Programs) -> None:
    typist = town.person("typist", go)
    first, *others = programs
    for text in ("one", "a secret", "three"):
        first.do("say", channel=go, text=text)
    secret = next(each for each in first.heard if each.get("text") == "a secret")
    first.do("redact", target=go, pos=secret["pos"], why="oops")
    for each in others:
        told = [one for one in each.settle() if one["is"] == "redacted"]
        assert [(secret["pos"], "oops")] == [(one["what"], one["why"]) for one in told]
        assert ["one", "three"] == texts(each.do("history", channel=go))
    assert f"prog-n1 has taken back a line of {go} (oops)" in typist.settle()
    shown = typist.does("/history")
    assert ["one", "three"] == [line.rpartition(" ")[2] for line in shown if line.startswith("|")]


def test_parts_of_a_log_are_the_same_on_every_node(go: str, programs: Programs) -> None:
    for number in range(9):
        programs[number % len(programs)].do("say", channel=go, text=str(number))
    for each in programs:
        each.settle()
    places = [one["pos"] for one in programs[0].heard if one["is"] == "said"]
    wanted: list[tuple[list[str], Object]] = [
        (["3", "4"], {"way": "before", "places": [places[5]], "count": 2}),
        (["6", "7"], {"way": "after", "places": [places[5]], "count": 2}),
        (["4", "5", "6"], {"way": "around", "places": [places[5]], "count": 3}),
        (["7", "8"], {"way": "latest", "count": 2}),
        (["5", "4"][::-1], {"way": "between", "places": [places[6], places[1]], "count": 2}),
    ]
    for expected, how in wanted:
        for each in programs:
            assert expected == texts(each.do("span", target=go, **how))


def test_several_lines_and_tags_come_to_everybody_in_their_order(
    town: Town, go: str, programs: Programs
) -> None:
    typist = town.person("typist", go, on=2)
    first, *others = programs
    first.do("say", channel=go, text="one\ntwo", tags={"+x": "y"})
    first.do("tag", target=go, tags={"+draft/react": "👍"})
    first.do("say", channel=go, text="three")
    for each in others:
        kinds = ("said", "tagged")
        heard = [one for one in each.settle() if one["is"] in kinds]
        assert ["one\ntwo", None, "three"] == [one.get("text") for one in heard]
        assert [{"+x": "y"}, {"+draft/react": "👍"}, None] == [one.get("tags") for one in heard]
    expected = [f"[{go}] <prog-n1> {text}" for text in ("one", "two", "three")]
    assert expected == typist.settle()


def test_what_two_wrote_to_one_another_is_read_on_both_their_nodes(programs: Programs) -> None:
    first, second = programs[:2]
    first.do("tell", nick="prog-n2", text="ping")
    second.do("tell", nick="prog-n1", text="pong")
    first.do("tell", nick="prog-n2", text="a secret")
    (*_, last) = first.do("span", target="prog-n2", way="latest")["entries"]
    assert "redacted" == first.do("redact", target="prog-n2", pos=last["pos"])["is"]
    assert [["ping", "pong"]] * 2 == [
        sorted(texts(one.do("span", target=other, way="latest")))
        for one, other in ((first, "prog-n2"), (second, "prog-n1"))
    ]
