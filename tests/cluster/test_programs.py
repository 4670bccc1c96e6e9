"""The JSON dialect over real sockets: frames and lines, beside people who type."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from jsonschema import Draft202012Validator
from websockets.exceptions import InvalidStatus

from node.dialects.json import schema
from tests.cluster.conftest import MakeTown
from tests.support.nodes import NodeProcess
from tests.support.program import Frames, Lines, Object, Program
from tests.support.town import Town, new_channel

WIRES: list[Callable[[NodeProcess], Frames | Lines]] = [Frames, Lines]

Come = Callable[..., Program]


@pytest.fixture
def come() -> Iterator[Come]:
    """`come(node, "ann", "#go")`: somebody over WebSocket, or another `wire`."""
    with ExitStack() as here:

        def program(
            on: NodeProcess,
            nick: str = "",
            *at: str,
            wire: Callable[[NodeProcess], Frames | Lines] = Frames,
        ) -> Program:
            return here.enter_context(Program(wire(on), nick, *at))

        yield program


def said(heard: list[Object]) -> list[str]:
    """What was said, of what was heard, as somebody who types reads it."""
    return [
        f"[{each['channel']}] <{each['nick']}> {each['text']}"
        for each in heard
        if each["is"] == "said"
    ]


@pytest.mark.parametrize("wire", WIRES)
def test_a_conversation_is_as_the_schema_has_it(
    town: Town, go: str, come: Come, wire: Callable[[NodeProcess], Frames | Lines]
) -> None:
    """Everything that a node sends in one that has each command validates; each has its answer."""
    ann, bob = come(town.nodes[0], wire=wire), come(town.nodes[1], "", wire=wire)
    ann.do("nick", nick="prog-ann")
    bob.do("nick", nick="prog-bob")
    answers = [
        ann.do("join", channel=go),
        bob.do("join", channel=go),
        ann.do("say", channel=go, text="hello"),
        ann.do("say", channel=go, text="waves", action=True),
        ann.do("topic", channel=go, topic="all about Go"),
        ann.do("topic", channel=go),
        ann.do("names", channel=go),
        ann.do("list", pattern=f"{go}*"),
        ann.do("who"),
        ann.do("whois", nick="prog-bob"),
        ann.do("history", channel=go, count=1),
        bob.do("away", why="lunch"),
        ann.do("tell", nick="prog-bob", text="psst"),
        bob.do("back"),
        ann.do("tell", nick="prog-bob", text="psst"),
        ann.do("token"),
        ann.do("stats"),
        ann.do("dance"),
        ann.do("nick", nick="prog-ann2"),
        ann.do("leave", channel=go, why="bye"),
        bob.do("ping", text="x"),
    ]
    ann.send("quit", why="night")
    ann.rest()
    kinds = (
        "done done done done done topic-is names channels people person history away absent back"
        " done token stats error done done pong"
    )
    assert kinds.split() == [answer["is"] for answer in answers]
    assert "closing" == ann.heard[-1]["is"]
    validator = Draft202012Validator({"$ref": "#/$defs/Message", "$defs": schema()["$defs"]})
    for message in [*ann.heard, *bob.heard]:
        validator.validate(message)


def test_all_dialects_meet_in_one_channel_and_read_one_order(
    town: Town, go: str, come: Come
) -> None:
    """Somebody types on n1, a page is on n2 and a program on n3; all speak at once."""
    typist = town.person("typist", go, on=1)
    page = come(town.nodes[1], "page", go)
    program = come(town.nodes[2], "program", go, wire=Lines)
    typist.does("/set echo on")
    for i in range(50):
        typist.type(f"{i}")
        page.send("say", channel=go, text=f"{i}")
        program.send("say", channel=go, text=f"{i}")
    for each in (typist, page, program) * 2:  # first what all have said, then what all have read
        each.settle()
    typed = [line for line in typist.heard if line.startswith(f"[{go}]")]
    assert 150 == len(typed)
    assert typed == said(page.heard) == said(program.heard)
    placed = [each["pos"] for each in page.heard if each["is"] == "said"]
    assert placed == [each["pos"] for each in program.heard if each["is"] == "said"]


def test_each_reads_what_the_other_did_in_words_of_their_own(
    town: Town, go: str, come: Come
) -> None:
    typist, page = town.person("typist", go), come(town.nodes[1], "page", go)
    page.do("say", channel=go, text="\u202ehi", action=True)
    page.do("tell", nick="typist", text="psst")
    page.do("nick", nick="Page")
    page.do("leave", channel=go, why="bye")
    assert [
        f"page has joined the channel {go}",
        f"[{go}] * page \ufffdhi",
        "[private] <page> psst",
        "page is changing nick to Page",
        f"Page has left the channel {go} (bye)",
    ] == typist.settle()


def test_who_comes_so_is_in_no_lobby(town: Town, come: Come) -> None:
    page = come(town.nodes[0])
    assert "#lobby" == page.heard[0]["lobby"]
    whois = page.do("whois", nick=page.heard[0]["nick"])
    assert [] == whois["channels"]


def test_history_can_be_read_backwards_to_its_beginning(town: Town, go: str, come: Come) -> None:
    page = come(town.nodes[0], "page", go)
    for i in range(25):
        page.send("say", channel=go, text=str(i))
    found = page.do("history", channel=go, count=10)
    pages = [found["entries"]]
    while found.get("more"):
        found = page.do("history", channel=go, count=10, before=pages[0][0]["pos"])
        pages.insert(0, found["entries"])
    read = [entry["text"] for entries in pages for entry in entries]
    assert ([str(i) for i in range(25)], [5, 10, 10]) == (read, [len(each) for each in pages])
    live = {each["pos"] for each in page.heard if each["is"] == "said"}
    assert live == {entry["pos"] for entries in pages for entry in entries}


def test_a_page_from_elsewhere_is_refused_and_one_from_here_is_not(town: Town, come: Come) -> None:
    node = town.nodes[0]
    with pytest.raises(InvalidStatus) as caught:
        Frames(node, Origin="https://evil.example.org")
    assert 403 == caught.value.response.status_code
    come(node, wire=lambda on: Frames(on, Origin=f"http://127.0.0.1:{on.http}"))


def test_pages_from_origins_that_were_named_may_come(make_town: MakeTown, come: Come) -> None:
    town = make_town("--origins", "https://chat.example.org", count=1)
    come(town.nodes[0], wire=lambda on: Frames(on, Origin="https://chat.example.org"))


def test_who_comes_too_often_reads_why(make_town: MakeTown) -> None:
    town = make_town("--trusted", "", "--connections-per-address", "1", count=1)
    first = Program(Frames(town.nodes[0]))
    for wire in WIRES:
        refused = wire(town.nodes[0])
        closing = json.loads(refused.read())
        with pytest.raises(ConnectionError):
            refused.read()
        refused.close()
        assert ("closing", "connections", "1") == (closing["is"], closing["code"], closing["about"])
    first.leave()


def test_too_long_a_line_is_refused_and_the_connection_stays(town: Town, come: Come) -> None:
    for wire in WIRES:
        program = come(town.nodes[0], wire=wire)
        program.wire.send("x" * 100_000)
        assert "text-too-long" == program.read()["code"]
        assert "pong" == program.do("ping")["is"]


def test_a_drained_page_is_told_how_to_come_back(make_town: MakeTown) -> None:
    town = make_town("--drain", "0.5", count=2)
    page = Program(Frames(town.nodes[0]), "page", "#go")
    town.nodes[0].end()
    closing = page.rest()[-1]
    assert ("closing", "drain") == (closing["is"], closing["code"])
    page.leave()
    with Program(Frames(town.nodes[1])) as again:
        resumed = again.resume(closing["token"])
        assert {"is": "resumed", "nick": "page", "channels": ["#go"]}.items() <= resumed[0].items()


@pytest.mark.parametrize("wire", WIRES)
def test_a_page_whose_node_is_killed_comes_back_and_nothing_is_lost_or_doubled(
    make_town: MakeTown, come: Come, wire: Callable[[NodeProcess], Frames | Lines]
) -> None:
    town, go = make_town("--lease", "2"), new_channel()
    page = come(town.nodes[0], "page", go, wire=wire)
    typist = town.person("typist", go, on=2)
    token = page.do("token")["token"]
    for i in range(40):
        typist.type(str(i))
        if i % 4 == 0:
            page.send("say", channel=go, text=f"page {i}")
    page.until(lambda found: found["is"] == "said" and found["text"] == "10")
    town.nodes[0].kill()
    page.rest()
    read = [each for each in page.heard if each["is"] == "said"]
    typist.does("the last")
    again = come(town.nodes[2], wire=wire)
    again.resume(token, **{go: read[-1]["pos"]})
    again.do("say", channel=go, text="here again")
    again.settle()
    typist.settle()
    read += [each for each in again.heard if each["is"] == "said"]
    typed = [line for line in typist.heard if line.startswith(f"[{go}] <page>")]
    assert typed == [line for line in said(read) if "<page>" in line]
    expected = [f"[{go}] <typist> {text}" for text in [*range(40), "the last"]]
    assert expected == [line for line in said(read) if "<typist>" in line]
    assert len(read) == len({each["pos"] for each in read})
    assert [] == [line for line in typist.heard if "page has quit" in line]
    assert again.sid == page.sid


def test_what_may_have_been_read_comes_as_past_with_the_same_places(
    town: Town, go: str, come: Come
) -> None:
    typist, page = town.person("typist", go, on=2), come(town.nodes[0], "page", go)
    token = page.do("token")["token"]
    typist.does("one")
    page.settle()
    typist.does("/msg page psst")
    page.wire.cut()
    typist.does("two")
    again = come(town.nodes[1])
    came = again.resume(token)
    events = [each for found in came for each in found.get("entries", [found]) if "pos" in each]
    before = {each["pos"] for each in page.heard if "pos" in each}
    new = [each["text"] for each in events if each["pos"] not in before]
    assert ["psst", "two"] == new or ["two"] == new


def test_a_session_may_change_its_dialect(town: Town, go: str, come: Come) -> None:
    """A token of somebody who types opens the session on a page, and the other way round."""
    typist = town.person("typist", go)
    typist.type("/set color on")
    typist.type("/token")
    token = typist.until("token ").removeprefix("token ")
    page = come(town.nodes[1])
    page.resume(token)
    assert "done" == page.do("say", channel=go, text="from a page")["is"]
    assert "closing: resumed elsewhere" == typist.rest()[-1]
    again = town.person(on=3)
    again.type(f"/resume {token}")
    again.until("resumed as ")
    assert "closing" == page.rest()[-1]["is"]
