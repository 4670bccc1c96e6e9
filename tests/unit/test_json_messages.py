"""What the JSON dialect sends: events and replies, each as the schema has it."""

import json
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from broker.api import (
    Attendee,
    ChannelInfo,
    Code,
    Found,
    Member,
    Person,
    Position,
    Presence,
    Profile,
    Refused,
    Roster,
    Sighting,
    Topic,
    Totals,
    Was,
)
from broker.events import (
    Entry,
    Event,
    Extra,
    Invited,
    Joined,
    Kicked,
    Left,
    Moved,
    Quit,
    Redacted,
    Renamed,
    Ruled,
    Said,
    Tagged,
    Told,
    TopicSet,
)
from broker.rules import Mask, Rules
from node import __version__
from node.core import replies
from node.core.commands import Answer
from node.core.dialect import Place
from node.core.replies import Goodbye, News, Reply
from node.dialects.json import Json, schema
from node.dialects.json.commands import Malformed
from node.dialects.json.replies import PIECE, REPLIES

PLACE = Place("#Go", "e1", 42, 1000)
AT = {"pos": "e1.42", "at": 1000, "sid": "s", "nick": "bob"}

EVENTS: list[tuple[Event, dict[str, Any]]] = [
    (Said("s", 1, "bob", "hi"), {"is": "said", "channel": "#Go", **AT, "text": "hi"}),
    (
        Said("s", 1, "bob", "waves", action=True),
        {"is": "said", "channel": "#Go", **AT, "text": "waves", "action": True},
    ),
    (Told("s", 1, "bob", "psst", "to"), {"is": "told", **AT, "text": "psst"}),
    (
        Told("s", 1, "bob", "waves", "to", action=True),
        {"is": "told", **AT, "text": "waves", "action": True},
    ),
    (
        Said("s", 1, "bob", "1\n2", extra=Extra(True, {"+x": "y"}, "o")),
        {"is": "said", "channel": "#Go", **AT, "text": "1\n2", "notice": True, "rank": "o"},
    ),
    (
        Told("s", 1, "bob", "psst", "to", extra=Extra(notice=True)),
        {"is": "told", **AT, "text": "psst", "notice": True},
    ),
    (Redacted("s", 1, "bob", "e0.7"), {"is": "redacted", "channel": "#Go", **AT, "what": "e0.7"}),
    (
        Redacted("s", 1, "bob", "e0.7", "oops"),
        {"is": "redacted", "channel": "#Go", **AT, "what": "e0.7", "why": "oops"},
    ),
    (Joined("s", 1, "bob"), {"is": "joined", "channel": "#Go", **AT}),
    (Left("s", 1, "bob"), {"is": "left", "channel": "#Go", **AT}),
    (Left("s", 1, "bob", "x"), {"is": "left", "channel": "#Go", **AT, "why": "x"}),
    (TopicSet("s", 1, "bob", "t"), {"is": "topic", "channel": "#Go", **AT, "topic": "t"}),
    (
        Kicked("s", 1, "bob", "t", "tom", "x"),
        {
            "is": "kicked",
            "channel": "#Go",
            **AT,
            "target": "tom",
            "target_sid": "t",
            "why": "x",
        },
    ),
    (
        Moved("s", 1, "bob", "#Go", "#Py", "e2", "x"),
        {"is": "moved", "channel": "#Go", **AT, "new": "#Py", "why": "x"},
    ),
    (
        Ruled("s", 1, "bob", 7, (("+o", "tom"), ("+n", "")), (("t", "o"),)),
        {
            "is": "ruled",
            "channel": "#Go",
            **AT,
            "changes": [{"mode": "+o", "about": "tom"}, {"mode": "+n"}],
        },
    ),
    (
        Invited("s", 1, "bob", "tom", "#Two", "t"),
        {"is": "invited", "channel": "#Two", **AT},
    ),
    (
        Renamed("s", 1, "bob", "rob", ("#go",)),
        {"is": "renamed", "channel": "#Go", **AT, "new": "rob"},
    ),
    (Quit("s", 1, "bob", "", ("#go",)), {"is": "quit", "channel": "#Go", **AT}),
    (Quit("s", 1, "bob", "x", ("#go",)), {"is": "quit", "channel": "#Go", **AT, "why": "x"}),
]

TOUCHED = Tagged("s", 1, "bob", {"+x": "y"}, "to")
LINE = Entry(42, 1000, Said("s", 1, "bob", "hi"))
SAID = EVENTS[0][1]
TOPIC = Topic("t", "bob", 1000)
TOLD_TOPIC = {"text": "t", "nick": "bob", "at": 1000}

SENT: list[tuple[Reply, dict[str, Any]]] = [
    (
        replies.Greeting("chorus", "n1", "guest-x", "s", "#lobby", inside=False),
        {
            "is": "greeting",
            "protocol": 1,
            "server": "chorus",
            "version": __version__,
            "node": "n1",
            "nick": "guest-x",
            "sid": "s",
            "lobby": "#lobby",
        },
    ),
    (
        replies.Greeting("chorus", "n1", "guest-x", "s", None, inside=False),
        {
            "is": "greeting",
            "protocol": 1,
            "server": "chorus",
            "version": __version__,
            "node": "n1",
            "nick": "guest-x",
            "sid": "s",
        },
    ),
    (replies.Answered(7, None), {"is": "done", "id": 7}),
    (
        replies.Answered("x", replies.Error(Code.NICK_TAKEN, "bob")),
        {
            "is": "error",
            "id": "x",
            "code": "nick-taken",
            "says": "the nick bob is taken",
            "about": "bob",
        },
    ),
    (replies.Answered(7, replies.Pong("1")), {"is": "pong", "id": 7, "text": "1"}),
    (
        replies.Error(Code.BUSY),
        {
            "is": "error",
            "code": "busy",
            "says": "the server can't do that now; it was not done, try again in a moment",
        },
    ),
    (
        Malformed("no"),
        {"is": "error", "code": "malformed", "says": "that isn't a command: no"},
    ),
    (
        replies.Notice(News.NICK_LOST, "guest-x"),
        {
            "is": "notice",
            "code": "nick-lost",
            "says": "somebody else has taken your nick meanwhile; you are guest-x now",
            "about": "guest-x",
        },
    ),
    (
        replies.Gap("#Go", 12),
        {"is": "gap", "channel": "#Go", "lost": 12, "says": "12 messages of #Go are lost"},
    ),
    (
        replies.Gap("#Go", 1),
        {"is": "gap", "channel": "#Go", "lost": 1, "says": "1 message of #Go is lost"},
    ),
    (replies.Gap(None, None), {"is": "gap", "says": "private messages may be missing"}),
    (
        replies.Disorder("#Go", 45_240_000),
        {
            "is": "disorder",
            "channel": "#Go",
            "before": 45_240_000,
            "says": "the order of #Go before 12:34 UTC may differ for others",
        },
    ),
    (
        replies.Closing(Goodbye.DRAIN, "token"),
        {
            "is": "closing",
            "code": "drain",
            "says": "this node is being drained; another will do",
            "token": "token",
        },
    ),
    (
        replies.YourNick("s", "bob", "rob"),
        {"is": "renamed", "sid": "s", "nick": "bob", "new": "rob"},
    ),
    (
        replies.Welcome(
            "#Go", Position("e1", 42), Roster("#Go", [Member("bob")], 9), TOPIC, [LINE]
        ),
        {
            "is": "welcome",
            "channel": "#Go",
            "pos": "e1.42",
            "nicks": ["bob"],
            "total": 9,
            "topic": TOLD_TOPIC,
            "history": [SAID],
        },
    ),
    (
        replies.Welcome("#Go", Position("e1", 0), Roster("#Go", [], 0), Topic("", "", 0), []),
        {"is": "welcome", "channel": "#Go", "pos": "e1.0", "nicks": [], "total": 0, "history": []},
    ),
    (
        replies.Names(Roster("#Go", [Member("bob")], 1)),
        {"is": "names", "channel": "#Go", "nicks": ["bob"], "total": 1},
    ),
    (
        replies.Names(Roster("#Go", [Member("bob", "ov"), Member("tom")], 2)),
        {
            "is": "names",
            "channel": "#Go",
            "nicks": ["bob", "tom"],
            "total": 2,
            "statuses": {"bob": "ov"},
        },
    ),
    (
        replies.ModesAre("#Go", Rules(1, "nt", "sesame", 5), inside=True),
        {"is": "modes", "channel": "#Go", "modes": "ntkl", "key": "sesame", "limit": 5},
    ),
    (
        replies.ModesAre("#Go", Rules(1, "nt", "sesame"), inside=False),
        {"is": "modes", "channel": "#Go", "modes": "ntk"},
    ),
    (
        replies.ModesAre("#Go", Rules(1, "nt", forward="#More"), inside=True),
        {"is": "modes", "channel": "#Go", "modes": "ntf", "forward": "#More"},
    ),
    (
        replies.ModesAre("#Go", Rules(1, "nt", forward="#More"), inside=False),
        {"is": "modes", "channel": "#Go", "modes": "nt"},
    ),
    (
        replies.Forwarded("#Go", "#More"),
        {"is": "forwarded", "channel": "#Go", "forward": "#More"},
    ),
    (
        replies.MasksAre("#Go", {"b": (Mask("x!*@*", "bob", 1000),), "e": ()}),
        {
            "is": "masks",
            "channel": "#Go",
            "lists": {"b": [{"mask": "x!*@*", "nick": "bob", "at": 1000}], "e": []},
        },
    ),
    (
        replies.Inviting("#Go", "tom", "lunch"),
        {"is": "inviting", "channel": "#Go", "nick": "tom", "away": "lunch"},
    ),
    (
        replies.Channels([ChannelInfo("#a", 2, ""), ChannelInfo("#b", 1, "bees")], 1, 2, 300),
        {
            "is": "channels",
            "channels": [
                {"channel": "#a", "members": 2},
                {"channel": "#b", "members": 1, "topic": "bees"},
            ],
            "page": 1,
            "pages": 2,
            "total": 300,
        },
    ),
    (
        replies.Whois(Person("bob", "n1", 1000, None, ["#Go"])),
        {"is": "person", "nick": "bob", "node": "n1", "since": 1000, "channels": ["#Go"]},
    ),
    (
        replies.Whois(Person("bob", "n1", 1000, None, [], Profile(secure=True)), 0),
        {
            "is": "person",
            "nick": "bob",
            "node": "n1",
            "since": 1000,
            "channels": [],
            "secure": True,
            "idle": 0,
        },
    ),
    (
        replies.Whois(Person("bob", "n1", 1000, "", [])),
        {"is": "person", "nick": "bob", "node": "n1", "since": 1000, "channels": [], "away": ""},
    ),
    (
        replies.Whois(
            Person(
                "bob", "n1", 1000, None, [], Profile("u@h", "Bob", "192.0.2.1", "Bo", "acc", "f")
            )
        ),
        {
            "is": "person",
            "nick": "bob",
            "node": "n1",
            "since": 1000,
            "channels": [],
            "by": "u@h",
            "real": "Bob",
            "account": "acc",
            "operator": True,
            "bot": True,
            "peer": "192.0.2.1",
        },
    ),
    (
        replies.Whowas("bob", [Was("Bob", "n1", 1, 1000, Profile("u@h", "B"))]),
        {
            "is": "was",
            "nick": "bob",
            "had": [{"nick": "Bob", "node": "n1", "until": 1000, "by": "u@h", "real": "B"}],
        },
    ),
    (
        replies.Seen([Sighting("bob", "s", "u@h")], ["ann"], ["cat"]),
        {
            "is": "seen",
            "there": [{"nick": "bob", "by": "u@h"}],
            "free": ["ann"],
            "refused": ["cat"],
        },
    ),
    (replies.Watching(["ann"]), {"is": "watching", "nicks": ["ann"]}),
    (replies.RealSet("Bob", told=True), {"is": "real", "real": "Bob"}),
    (replies.UserModes("bob", "ix", "+i"), {"is": "user-modes", "nick": "bob", "modes": "ix"}),
    (
        replies.Present([Person("a", "n2", 0, None, [])]),
        {
            "is": "people",
            "people": [{"nick": "a", "node": "n2"}],
            "page": 1,
            "pages": 1,
            "total": 1,
        },
    ),
    (
        replies.Looked("a*", "", [Attendee(Member("a"), Person("a", "n2", 0, None, []))]),
        {
            "is": "people",
            "people": [{"nick": "a", "node": "n2"}],
            "page": 1,
            "pages": 1,
            "total": 1,
        },
    ),
    (
        replies.Everyone([Presence("a", "n2")], 1, 1, 1),
        {
            "is": "people",
            "people": [{"nick": "a", "node": "n2"}],
            "page": 1,
            "pages": 1,
            "total": 1,
        },
    ),
    (
        replies.TopicIs("#Go", TOPIC),
        {"is": "topic-is", "channel": "#Go", "topic": TOLD_TOPIC},
    ),
    (replies.TopicIs("#Go", Topic("", "", 0)), {"is": "topic-is", "channel": "#Go"}),
    (
        replies.Lines("#Go", "e1", [LINE], more=True),
        {"is": "history", "channel": "#Go", "entries": [SAID], "more": True},
    ),
    (
        replies.Lines("#Go", "e1", [], more=False),
        {"is": "history", "channel": "#Go", "entries": []},
    ),
    (
        replies.Span("#Go", [Found(Position("e1", 42), 1000, LINE.event)], more=True),
        {"is": "span", "target": "#Go", "entries": [SAID], "more": True},
    ),
    (
        replies.Span("bob", [Found(Position("e1", 42), 1000, TOUCHED)], more=False),
        {"is": "span", "target": "bob", "entries": [{"is": "tagged", **AT, "tags": {"+x": "y"}}]},
    ),
    (
        replies.Targets([("#Go", 1000), ("bob", 2000)]),
        {
            "is": "targets",
            "targets": [{"target": "#Go", "at": 1000}, {"target": "bob", "at": 2000}],
        },
    ),
    (
        replies.Answered(
            7, replies.TakenBack("bob", Position("e1", 42), 1000, Redacted("s", 1, "bob", "e1.7"))
        ),
        {"is": "redacted", "id": 7, **AT, "what": "e1.7"},
    ),
    (replies.Answered(7, replies.Options()), {"is": "done", "id": 7}),
    (replies.Past("#Go", "e1", [LINE]), {"is": "past", "channel": "#Go", "entries": [SAID]}),
    (
        replies.Past("", "e1", [Entry(42, 1000, Told("s", 1, "bob", "psst", "to"))]),
        {"is": "past", "entries": [EVENTS[2][1]]},
    ),
    (replies.Token("abc"), {"is": "token", "token": "abc"}),
    (
        replies.Resumed("ann", "s", ["#Go"]),
        {"is": "resumed", "nick": "ann", "sid": "s", "channels": ["#Go"]},
    ),
    (replies.HolderAway("bob", "lunch"), {"is": "absent", "nick": "bob", "why": "lunch"}),
    (replies.AwaySet("lunch"), {"is": "away", "why": "lunch"}),
    (replies.AwaySet(""), {"is": "away"}),
    (replies.AwaySet(None), {"is": "back"}),
    (replies.Pong("1"), {"is": "pong", "text": "1"}),
    (
        replies.StatsAre("n1", 9, Totals(1, 2, 3, 4), Totals(5, 6, 7, 8)),
        {
            "is": "stats",
            "node": {"name": "n1", "sessions": 2, "channels": 3, "messages": 4, "uptime": 9},
            "cluster": {"nodes": 5, "sessions": 6, "channels": 7, "messages": 8},
        },
    ),
]


@pytest.fixture
def dialect() -> Json:
    return Json(lambda message: message + b"\n")


def objects(sent: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in sent.decode().splitlines()]


@cache
def validator() -> Draft202012Validator:
    whole = schema()
    return Draft202012Validator({"$ref": "#/$defs/Message", "$defs": whole["$defs"]})


@pytest.mark.parametrize("event, sent", EVENTS, ids=repr)
def test_an_event_is_an_object(dialect: Json, event: Event, sent: dict[str, Any]) -> None:
    place = PLACE._replace(channel="") if isinstance(event, Told | Invited) else PLACE
    assert [sent] == objects(dialect.render(event, place))
    validator().validate(sent)


@pytest.mark.parametrize("reply, sent", SENT, ids=repr)
def test_a_reply_is_an_object(dialect: Json, reply: Reply, sent: dict[str, Any]) -> None:
    assert [sent] == objects(dialect.reply(reply))
    validator().validate(sent)


def test_every_reply_of_the_core_has_its_object() -> None:
    core = {kind for kind in vars(replies).values() if isinstance(kind, type)}
    assert {kind for kind in core if issubclass(kind, Reply)} - {Reply} <= REPLIES.keys()


def test_every_kind_of_object_has_an_example_here() -> None:
    kinds = {kind["properties"]["is"]["enum"][0] for kind in _kinds()}
    assert kinds == {sent["is"] for _, sent in [*EVENTS, *SENT]} | {"tagged"}


def _kinds() -> list[dict[str, Any]]:
    found = schema()["$defs"]
    return [found[one["$ref"].split("/")[-1]] for one in found["Message"]["anyOf"]]


@pytest.mark.parametrize("code", Code)
def test_every_refusal_has_words(dialect: Json, code: Code) -> None:
    (sent,) = objects(dialect.reply(replies.Error(code, "{x}")))
    assert (code.value, True) == (sent["code"], "{about}" not in sent["says"])


@pytest.mark.parametrize("reply", [*map(replies.Notice, News), *map(replies.Closing, Goodbye)])
def test_every_word_of_the_server_is_an_object(dialect: Json, reply: Reply) -> None:
    (sent,) = objects(dialect.reply(reply))
    validator().validate(sent)


def test_a_long_past_comes_in_pieces(dialect: Json) -> None:
    entries = [Entry(i, 1000, Said("s", i, "bob", str(i))) for i in range(PIECE + 1)]
    sent = objects(dialect.reply(replies.Past("#Go", "e1", entries)))
    texts = [[one["text"] for one in each["entries"]] for each in sent]
    assert [[str(i) for i in range(PIECE)], [str(PIECE)]] == texts


def test_what_is_too_long_is_refused(dialect: Json) -> None:
    assert Answer(replies.Error(Code.TEXT_TOO_LONG)) == dialect.too_long()


@pytest.mark.parametrize(
    "event",
    [
        Said("s", 1, "bob", "hi", extra=Extra(tags={"+x": "y"})),
        Told("s", 1, "bob", "hi", "to", extra=Extra(tags={"+x": "y"})),
        TOUCHED,
    ],
    ids=repr,
)
def test_tags_are_told_only_if_asked_for(dialect: Json, event: Event) -> None:
    tagged = dialect.option("tags", on=True)
    (sent,) = objects(tagged.render(event, PLACE))
    validator().validate(sent)
    without = objects(tagged.option("tags", on=False).render(event, PLACE))
    assert ({"+x": "y"}, []) == (sent["tags"], [one["tags"] for one in without if "tags" in one])


def test_those_with_the_same_options_are_of_one_kind(dialect: Json) -> None:
    tagged = dialect.option("tags", on=True)
    assert (tagged, dialect) == (tagged.option("tags", on=True), tagged.option("tags", on=False))


def test_there_are_no_other_options(dialect: Json) -> None:
    with pytest.raises(Refused) as caught:
        dialect.option("echo", on=True)
    assert Refused(Code.OPTION_UNKNOWN, "echo") == caught.value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_comes_as_it_was_typed_and_on_one_line(text: str) -> None:
    sent = Json(lambda message: message).render(Said("s", 1, "bob", text), PLACE)
    assert (text, b"\n" in sent) == (msgspec.json.decode(sent)["text"], False)
