"""IRCv3 drafts chathistory, event-playback, message-redaction and multiline; client-only tags."""

import re

import pytest

from tests.support.ircville import Client, IrcVillage, untagged

CAPS = "batch message-tags server-time echo-message labeled-response draft/chathistory"


@pytest.fixture
def village() -> IrcVillage:
    return IrcVillage(2)


@pytest.fixture
def ann(village: IrcVillage) -> Client:
    return village.here("ann", "#go", caps=f"{CAPS} draft/message-redaction draft/multiline")


def msgid(line: str) -> str:
    found = re.search(r"msgid=([^; ]+)", line)
    assert found is not None
    return found[1]


def said(ann: Client, count: int = 5) -> list[str]:
    """Lines, and their ids."""
    return [msgid(ann.type(f"PRIVMSG #go :line {i}")[0]) for i in range(count)]


def played(client: Client, line: str) -> list[str]:
    """What a batch of history holds."""
    begin, *inside, end = client.type(line)
    ref = end.rpartition(" -")[2]
    assert begin.startswith(f":irc.chorus BATCH +{ref} chathistory #go")
    assert all(f"batch={ref}" in one for one in inside)
    return [one.rpartition(" :")[2] for one in untagged(inside)]


SPANS = [
    ("LATEST #go * 2", [3, 4]),
    ("LATEST #go msgid={2} 10", [3, 4]),
    ("BEFORE #go msgid={2} 10", [0, 1]),
    ("BEFORE #go msgid={3} 1", [2]),
    ("AFTER #go msgid={2} 1", [3]),
    ("AROUND #go msgid={2} 3", [1, 2, 3]),
    ("BETWEEN #go msgid={0} msgid={4} 2", [1, 2]),
    ("BETWEEN #go msgid={4} msgid={0} 2", [2, 3]),
    ("AFTER #go timestamp=2023-11-14T11:59:59.000Z 2", [0, 1]),
    ("BEFORE #go timestamp=2023-11-14T11:59:59.000Z 2", []),
]


@pytest.mark.parametrize("line, lines", SPANS)
def test_a_part_of_the_log_is_played(ann: Client, line: str, lines: list[int]) -> None:
    ids = said(ann)
    assert [f"line {i}" for i in lines] == played(ann, f"CHATHISTORY {line.format(*ids)}")


def test_events_are_played_for_who_asked(village: IrcVillage, ann: Client) -> None:
    ann.say("TOPIC #go :new", "PRIVMSG #go :hi")
    ann.read()
    assert ["hi"] == played(ann, "CHATHISTORY LATEST #go * 10")
    cat = village.here("cat", "#go", caps=f"{CAPS} draft/event-playback")
    shown = played(cat, "CHATHISTORY LATEST #go * 3")
    assert ["new", "hi"] == shown[:2]


def test_targets_are_where_something_was_said(ann: Client) -> None:
    said(ann, 1)
    _, inside, _ = ann.type(
        "CHATHISTORY TARGETS timestamp=2023-01-01T00:00:00Z timestamp=2024-01-01T00:00:00Z 9"
    )
    assert ":irc.chorus CHATHISTORY TARGETS #go 2023-11-14T12:00:00.000Z" == untagged([inside])[0]


FAILED = [
    ("CHATHISTORY LATEST #no * 5", "CHATHISTORY INVALID_TARGET LATEST #no"),
    ("CHATHISTORY BEFORE #go nonsense 5", "CHATHISTORY INVALID_PARAMS BEFORE"),
    ("CHATHISTORY BEFORE #go timestamp=2023-02-30T00:00:00.000Z 5", "CHATHISTORY INVALID_PARAMS"),
    ("CHATHISTORY LATEST #go * many", "CHATHISTORY INVALID_PARAMS LATEST"),
    ("CHATHISTORY LATEST #go", "CHATHISTORY NEED_MORE_PARAMS LATEST"),
    ("CHATHISTORY NONSENSE #go * 5", "CHATHISTORY INVALID_PARAMS NONSENSE"),
    ("REDACT #no nonsense", "REDACT INVALID_TARGET #no"),
    ("REDACT #go nonsense", "REDACT UNKNOWN_MSGID #go nonsense"),
    ("REDACT #go e.99", "REDACT UNKNOWN_MSGID #go e.99"),
    ("BATCH -x", "BATCH MULTILINE_INVALID"),
    ("BATCH +x nonsense #go", "BATCH MULTILINE_INVALID"),
    ("@batch=x PRIVMSG #go :x", "BATCH MULTILINE_INVALID"),
]


@pytest.mark.parametrize("line, failed", FAILED)
def test_what_fails_says_why(ann: Client, line: str, failed: str) -> None:
    (shown,) = ann.type(line)
    assert shown.startswith(f":irc.chorus FAIL {failed}")


def test_a_message_is_taken_back(village: IrcVillage, ann: Client) -> None:
    one, _ = said(ann, 2)
    cat = village.here("cat", "#go", caps=CAPS, node=1)
    ann.read()
    assert [f":ann!~ann@192.0.2.7 REDACT #go {one} :oops"] == untagged(
        ann.type(f"REDACT #go {one} :oops")
    )
    assert [] == cat.read()
    assert ["line 1"] == played(cat, "CHATHISTORY LATEST #go * 10")


def test_what_somebody_else_said_is_not_ones_own(village: IrcVillage, ann: Client) -> None:
    (one,) = said(ann, 1)
    cat = village.here("cat", "#go", caps=f"{CAPS} draft/message-redaction")
    (shown,) = cat.type(f"REDACT #go {one}")
    assert shown.startswith(f":irc.chorus FAIL REDACT REDACT_FORBIDDEN #go {one} :")


def test_a_message_of_several_lines_is_one(village: IrcVillage, ann: Client) -> None:
    bob = village.here("bob", "#go", caps=f"{CAPS} draft/multiline", node=1)
    cat = village.here("cat", "#go", caps=CAPS)
    ann.read()
    echo = ann.type(
        "@label=x;+k=v BATCH +1 draft/multiline #go",
        "@batch=1 PRIVMSG #go :",
        "@batch=1 PRIVMSG #go :how is ",
        "@batch=1;draft/multiline-concat PRIVMSG #go :everyone?",
        "BATCH -1",
    )
    relayed = bob.read()
    assert relayed[0] == echo[0].replace("label=x;", "")
    assert relayed[1:] == echo[1:]
    assert ["", "how is ", "everyone?"] == [line.rpartition(" :")[2] for line in relayed[1:-1]]
    assert [False, False, True] == ["draft/multiline-concat" in line for line in relayed[1:-1]]
    alone = cat.read()
    assert ["how is ", "everyone?"] == [line.rpartition(" :")[2] for line in alone]
    assert [True, False] == ["msgid=" in line for line in alone]
    assert all("+k=v" in line for line in alone)


TOO_MUCH = [("x", 33, "MULTILINE_MAX_LINES 32"), ("x" * 400, 11, "MULTILINE_MAX_BYTES 4096")]


@pytest.mark.parametrize("text, times, failed", TOO_MUCH)
def test_a_message_of_too_many_lines_is_refused_once(
    ann: Client, text: str, times: int, failed: str
) -> None:
    lines = [f"@batch=1 PRIVMSG #go :{text}"] * times
    (shown,) = ann.type("BATCH +1 draft/multiline #go", *lines, "BATCH -1")
    assert shown.startswith(f":irc.chorus FAIL BATCH {failed} :")


def test_people_of_the_line_dialect_read_each_line(village: IrcVillage, ann: Client) -> None:
    bob = village.person("bob", "#go", node=1)
    ann.say(
        "BATCH +1 draft/multiline #go",
        "@batch=1 PRIVMSG #go :one",
        "@batch=1 PRIVMSG #go :two",
        "BATCH -1",
    )
    assert ["[#go] <ann> one", "[#go] <ann> two"] == bob.read()


def test_tags_alone_go_to_who_understands_them(village: IrcVillage, ann: Client) -> None:
    bob = village.here("bob", "#go", caps="message-tags", node=1)
    cat = village.here("cat", "#go")
    ann.read()
    ann.say("@+draft/react=x;label=7;other=y TAGMSG #go")
    (line,) = bob.read()
    assert line.endswith(";+draft/react=x :ann!~ann@192.0.2.7 TAGMSG #go")
    assert [] == cat.read()
    assert ["421"] == cat.numerics("TAGMSG #go")


def test_a_conversation_is_played_with_the_names_that_its_people_have(
    village: IrcVillage, ann: Client
) -> None:
    bob = village.here("bob", caps=CAPS, node=1)
    ann.say("PRIVMSG BOB :hi")
    bob.say("PRIVMSG Ann :ho")
    village.read_up()
    begin, *inside, _ = ann.type("CHATHISTORY LATEST BoB * 5")
    assert begin.endswith(" chathistory BoB")
    texts = sorted(one.partition(" ")[2] for one in untagged(inside))
    assert ["PRIVMSG ann :ho", "PRIVMSG bob :hi"] == texts


def test_targets_are_channels_and_whom_one_wrote_to_or_heard_from(
    village: IrcVillage, ann: Client
) -> None:
    bob, cat = village.here("bob", caps=CAPS, node=1), village.here("cat")
    ann.say("PRIVMSG #go :hi", "PRIVMSG BOB :hi")
    cat.say("PRIVMSG ann :ho")
    village.read_up()
    line = "CHATHISTORY TARGETS timestamp=2023-01-01T00:00:00Z timestamp=2024-01-01T00:00:00Z 9"
    places = {one.split()[3] for one in untagged(ann.type(line)[1:-1])}
    assert {"#go", "bob", "cat"} == places
    assert ["ann"] == [one.split()[3] for one in untagged(bob.type(line)[1:-1])]
