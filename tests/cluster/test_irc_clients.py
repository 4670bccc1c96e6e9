"""IRC clients that people use, on different nodes, in conversation with one another and with
somebody at `nc`: they read all of it, and complain of nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.irc_clients import Client, Irssi, Pydle, WeeChat, missing, no_weechat
from tests.support.nodes import NodeProcess
from tests.support.town import Citizen, Town

Begin = Callable[[Path, NodeProcess], Client]

CLIENTS: dict[str, tuple[Begin, str]] = {
    "irssi": (lambda folder, node: Irssi(folder, node.irc, "ivy"), missing("irssi")),
    "weechat": (lambda folder, node: WeeChat(folder, node.irc, "wes"), no_weechat()),
    "pydle": (lambda _, node: Pydle(node.irc, "pia"), ""),
}
"""Each, how it's begun, and why it can't be here."""

each_client = pytest.mark.parametrize(
    "begin",
    [
        pytest.param(begin, id=name, marks=pytest.mark.skipif(bool(why), reason=why or "it's here"))
        for name, (begin, why) in CLIENTS.items()
    ],
)


@pytest.fixture
def all_that_are_here(town: Town, tmp_path: Path) -> Iterator[list[Client]]:
    """One of each kind, on the nodes in turn."""
    with ExitStack() as running:
        here = [begin for begin, why in CLIENTS.values() if not why]
        yield [
            running.enter_context(begin(tmp_path, town.nodes[i % len(town.nodes)]))
            for i, begin in enumerate(here)
        ]


def hears(dan: Citizen, line: str) -> None:
    """Returns when they have read exactly that."""
    if line not in dan.heard:
        dan.until(lambda read: read == line)


def test_all_kinds_of_people_hold_a_conversation(
    all_that_are_here: list[Client], town: Town, go: str
) -> None:
    clients = all_that_are_here
    dan = town.person("dan", go, on=1)
    for client in clients:
        client.join(go)
        hears(dan, f"{client.nick} has joined the channel {go}")
    dan.type("hello to all of you")
    for client in clients:
        client.reads(go, "dan", "hello to all of you")
        client.say(go, f"grüße, {client.nick} here")
        hears(dan, f"[{go}] <{client.nick}> grüße, {client.nick} here")
        for other in clients:
            other.reads(go, client.nick, f"grüße, {client.nick} here")
        client.act(go, "waves")
        hears(dan, f"[{go}] * {client.nick} waves")
    dan.type("/topic all things go")
    dan.type("/me is pleased")
    for client in clients:
        client.reads(go, "all things go")
        client.reads(go, "dan", "is pleased")
    assert [] == [told for client in clients for told in client.complaints]


@each_client
def test_two_talk_alone(begin: Begin, town: Town, tmp_path: Path) -> None:
    dan = town.person("dan", on=1)
    with begin(tmp_path, town.nodes[1]) as client:
        dan.type(f"/msg {client.nick} psst")
        client.reads("dan", "psst")
        client.say("dan", "yes?")
        hears(dan, f"[private] <{client.nick}> yes?")
        assert [] == client.complaints


@each_client
def test_it_sees_who_comes_and_goes_and_is_called_otherwise(
    begin: Begin, town: Town, go: str, tmp_path: Path
) -> None:
    with begin(tmp_path, town.nodes[1]) as client:
        client.join(go)
        eve = town.person("eve", go, on=3)
        client.reads(go, "eve", "has joined")
        eve.type("/nick zoe")
        client.reads(go, "eve", "is now known as", "zoe")
        eve.type(f"/leave {go}")
        client.reads(go, "zoe", "has left")
        assert [] == client.complaints


@each_client
def test_what_is_too_long_for_one_of_its_lines_comes_in_several(
    begin: Begin, town: Town, go: str, tmp_path: Path
) -> None:
    dan = town.person("dan", go, on=1)
    with begin(tmp_path, town.nodes[1]) as client:
        client.join(go)
        words = [f"wörd{i}" for i in range(200)]
        dan.type(" ".join(words))
        for word in words[:: len(words) - 1]:
            client.reads(go, "dan", word)
        assert [] == client.complaints


@each_client
def test_when_it_quits_all_read_it(begin: Begin, town: Town, go: str, tmp_path: Path) -> None:
    dan = town.person("dan", go, on=1)
    with begin(tmp_path, town.nodes[2]) as client:
        client.join(go)
        hears(dan, f"{client.nick} has joined the channel {go}")
        client.raw("QUIT :good night")
        dan.until(lambda line: line.startswith(f"{client.nick} has quit") and "good night" in line)
