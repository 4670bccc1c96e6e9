"""`node.dialects.json.commands`: what one may send, and what is said of the rest."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.api import Code, Position, Way
from broker.events import Extra
from node.core import commands as core
from node.core.commands import Answer, Command
from node.core.replies import Error
from node.dialects.json.commands import TEXT, Malformed, parse

UNDERSTOOD: list[tuple[dict[str, Any], Command]] = [
    ({"do": "nick", "nick": "ann"}, core.SetNick("ann")),
    ({"do": "join", "channel": "#go"}, core.Join("#go")),
    ({"do": "join", "channel": "#go", "key": "k"}, core.Join("#go", "k")),
    ({"do": "leave", "channel": "#go"}, core.Leave("#go")),
    ({"do": "leave", "channel": "#go", "why": "lunch"}, core.Leave("#go", "lunch")),
    ({"do": "say", "channel": "#go", "text": " hi "}, core.Say("#go", " hi ", lines=True)),
    (
        {"do": "say", "channel": "#go", "text": "waves", "action": True},
        core.Say("#go", "waves", action=True, lines=True),
    ),
    (
        {"do": "say", "channel": "#go", "text": "1\n2", "notice": True, "tags": {"+x": "y"}},
        core.Say("#go", "1\n2", extra=Extra(notice=True, tags={"+x": "y"}), lines=True),
    ),
    ({"do": "tell", "nick": "bob", "text": "psst"}, core.Tell("bob", "psst", lines=True)),
    (
        {"do": "tell", "nick": "bob", "text": "waves", "action": True, "tags": {"+x": ""}},
        core.Tell("bob", "waves", True, Extra(tags={"+x": ""}), lines=True),
    ),
    ({"do": "tag", "target": "#go", "tags": {"+x": "y"}}, core.Tag("#go", {"+x": "y"})),
    ({"do": "topic", "channel": "#go"}, core.Topic("#go")),
    ({"do": "topic", "channel": "#go", "topic": "x"}, core.Topic("#go", "x")),
    ({"do": "mode", "channel": "#go"}, core.Mode("#go")),
    (
        {"do": "mode", "channel": "#go", "changes": ["+o", "bob"]},
        core.Mode("#go", ("+o", "bob")),
    ),
    ({"do": "kick", "channel": "#go", "nick": "bob"}, core.Kick("#go", "bob")),
    (
        {"do": "kick", "channel": "#go", "nick": "bob", "why": "x"},
        core.Kick("#go", "bob", "x"),
    ),
    (
        {"do": "rename", "channel": "#go", "new": "#py", "why": "x"},
        core.RenameChannel("#go", "#py", "x"),
    ),
    ({"do": "invite", "channel": "#go", "nick": "bob"}, core.Invite("#go", "bob")),
    ({"do": "names", "channel": "#go"}, core.Names("#go")),
    ({"do": "list"}, core.ListChannels()),
    ({"do": "list", "pattern": "#g*", "page": 2}, core.ListChannels("#g*", 2)),
    ({"do": "who"}, core.Who()),
    ({"do": "who", "page": 3}, core.Who(3)),
    ({"do": "whois", "nick": "bob"}, core.Whois("bob")),
    ({"do": "history", "channel": "#go"}, core.History("#go", 50)),
    (
        {"do": "history", "channel": "#go", "count": 5, "before": "5a4a.42"},
        core.History("#go", 5, Position("5a4a", 42)),
    ),
    ({"do": "span", "target": "#go", "way": "latest"}, core.Span("#go", Way.LATEST)),
    (
        {
            "do": "span",
            "target": "bob",
            "way": "between",
            "places": ["5a4a.42", 1000],
            "count": 5,
            "every": True,
        },
        core.Span("bob", Way.BETWEEN, (Position("5a4a", 42), 1000), 5, every=True),
    ),
    ({"do": "targets", "since": 1, "until": 2}, core.Targets(1, 2)),
    ({"do": "targets", "since": 1, "until": 2, "count": 3}, core.Targets(1, 2, 3)),
    (
        {"do": "redact", "target": "#go", "pos": "5a4a.42"},
        core.Redact("#go", Position("5a4a", 42)),
    ),
    (
        {"do": "redact", "target": "bob", "pos": "5a4a.42", "why": "oops"},
        core.Redact("bob", Position("5a4a", 42), "oops"),
    ),
    ({"do": "set", "option": "tags", "on": True}, core.SetOption("tags", on=True)),
    ({"do": "away"}, core.SetAway("")),
    ({"do": "away", "why": "lunch"}, core.SetAway("lunch")),
    ({"do": "back"}, core.SetAway(None)),
    ({"do": "whowas", "nick": "bob"}, core.Whowas("bob")),
    ({"do": "whowas", "nick": "bob", "count": 2}, core.Whowas("bob", 2)),
    ({"do": "watch", "nicks": ["bob", "ann"]}, core.Watch(("bob", "ann"))),
    ({"do": "watch"}, core.Watched()),
    ({"do": "unwatch", "nicks": ["bob"]}, core.Unwatch(("bob",))),
    ({"do": "unwatch"}, core.Unwatch()),
    ({"do": "real", "real": "Bob"}, core.SetReal("Bob")),
    ({"do": "token"}, core.Token()),
    ({"do": "resume", "token": "t"}, core.Resume("t")),
    (
        {"do": "resume", "token": "t", "places": {"#go": "5a4a.42"}},
        core.Resume("t", {"#go": ("5a4a", 42)}),
    ),
    ({"do": "ping"}, core.Ping()),
    ({"do": "ping", "text": "1"}, core.Ping("1")),
    ({"do": "stats"}, core.Stats()),
    ({"do": "quit"}, core.Quit()),
    ({"do": "quit", "why": "night"}, core.Quit("night")),
]

MALFORMED: list[tuple[str, str]] = [
    ("hello", "JSON is malformed"),
    ("[]", "got `array`"),
    ("{}", "`do`"),
    ('{"do":"dance"}', "'dance' - at `$.do`"),
    ('{"do":"say","channel":"#go"}', "`text`"),
    ('{"do":"say","channel":"#go","text":7}', "at `$.text`"),
    ('{"do":"say","channel":"#go","text":""}', "at `$.text`"),
    ('{"do":"say","channel":"#go","text":" \\t"}', "at `$.text`"),
    ('{"do":"say","channel":"","text":"x"}', "at `$.channel`"),
    ('{"do":"topic","channel":"#go","topic":""}', "at `$.topic`"),
    ('{"do":"history","channel":"#go","count":0}', "at `$.count`"),
    ('{"do":"history","channel":"#go","count":1001}', "at `$.count`"),
    ('{"do":"history","channel":"#go","before":"x"}', "at `$.before`"),
    ('{"do":"span","target":"#go","way":"sideways"}', "at `$.way`"),
    ('{"do":"span","target":"#go","way":"before"}', "number of places"),
    ('{"do":"span","target":"#go","way":"latest","places":[1,2]}', "number of places"),
    ('{"do":"span","target":"#go","way":"after","places":[-1]}', "at `$.places[0]`"),
    ('{"do":"redact","target":"#go","pos":"42"}', "at `$.pos`"),
    ('{"do":"tag","target":"#go","tags":{"+x":1}}', "at `$.tags[...]`"),
    ('{"do":"who","page":0}', "at `$.page`"),
    ('{"do":"resume","token":"t","places":{"#go":"42"}}', "at `$.places[...]`"),
    ('{"do":"ping","id":{}}', "at `$.id`"),
    ('{"do":"ping","id":"' + "x" * 65 + '"}', "at `$.id`"),
    ('{"do":"ping","x":' + "[" * 7000 + "]" * 7000 + "}", "recursion"),
]


@pytest.mark.parametrize("given_, command", UNDERSTOOD, ids=repr)
def test_a_command_is_understood(given_: dict[str, Any], command: Command) -> None:
    assert command == parse(json.dumps(given_).encode())


def test_each_command_has_an_example_here() -> None:
    from node.dialects.json.commands import Asked

    tags = {kind.__struct_config__.tag for kind in Asked.__subclasses__()}
    assert tags == {given_["do"] for given_, _ in UNDERSTOOD}


@pytest.mark.parametrize("ref", [7, 0, -1, "x", "é" * 64])
def test_it_is_answered_by_its_id(ref: int | str) -> None:
    asked = [parse(json.dumps({**given_, "id": ref}).encode()) for given_, _ in UNDERSTOOD]
    assert [ref] * len(UNDERSTOOD) == [command.ref for command in asked if command is not None]


def test_fields_that_nobody_knows_are_passed_over() -> None:
    assert core.Ping("1") == parse(b'{"do":"ping","text":"1","new":{"er":[1,null]}}')


@pytest.mark.parametrize("blank", [b"", b" ", b"\t "])
def test_what_is_blank_is_nothing(blank: bytes) -> None:
    assert parse(blank) is None


@pytest.mark.parametrize("message, why", MALFORMED, ids=lambda value: str(value)[:50])
def test_what_is_no_command_is_told_with_the_place(message: str, why: str) -> None:
    command = parse(message.encode())
    assert isinstance(command, Answer)
    assert isinstance(command.reply, Malformed)
    assert why in command.reply.why


def test_what_is_no_command_is_answered_by_its_id_if_it_has_one() -> None:
    messages = [b'{"do":"dance","id":7}', b'{"id":"x"}', b'{"do":"dance","id":[]}', b"{"]
    refs = [command.ref for command in map(parse, messages) if command is not None]
    assert [7, "x", None, None] == refs


def test_not_utf8_is_no_command() -> None:
    command = parse(b'{"do":"ping","text":"\xc3\x28"}')
    assert isinstance(command, Answer) and isinstance(command.reply, Malformed)


@pytest.mark.parametrize("text", ["x" * (TEXT + 1), "é" * (TEXT // 2 + 1)], ids=["x", "é"])
def test_a_text_has_at_most_so_many_bytes(text: str) -> None:
    message = json.dumps({"do": "say", "id": 7, "channel": "#go", "text": text})
    command = parse(message.encode())
    assert isinstance(command, Answer) and command.ref == 7
    assert isinstance(command.reply, Error | Malformed)


def test_a_long_text_is_too_long_in_so_many_words() -> None:
    command = parse(json.dumps({"do": "tell", "nick": "b", "text": "é" * 3000}).encode())
    assert Answer(Error(Code.TEXT_TOO_LONG)) == command


@pytest.mark.parametrize("text", ["x" * TEXT, "é" * (TEXT // 2)], ids=["x", "é"])
def test_a_text_may_have_that_many_however_it_is_written(text: str) -> None:
    for escaped in (True, False):
        message = json.dumps({"do": "say", "channel": "#go", "text": text}, ensure_ascii=escaped)
        assert core.Say("#go", text, lines=True) == parse(message.encode())


anything: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
verbs = st.sampled_from([given_["do"] for given_, _ in UNDERSTOOD])
fields = st.sampled_from([*{name for given_, _ in UNDERSTOOD for name in given_}, "id"])


@given(st.binary(max_size=200))
def test_no_bytes_do_any_harm(message: bytes) -> None:
    parse(message)


@given(verbs, st.dictionaries(fields, anything, max_size=5))
def test_no_object_does_any_harm(verb: str, values: dict[str, Any]) -> None:
    command = parse(json.dumps({**values, "do": verb}).encode())
    assert command is not None
