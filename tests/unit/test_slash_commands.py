"""`node.dialects.slash.commands`: every form of every command, and every line that won't do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.api import Position
from node.core.commands import (
    Answer,
    Command,
    History,
    Invite,
    Join,
    Kick,
    Leave,
    ListChannels,
    Mode,
    Names,
    Ping,
    Quit,
    Redact,
    RenameChannel,
    Say,
    SetAway,
    SetNick,
    SetOption,
    SetReal,
    Stats,
    Tell,
    Topic,
    Unwatch,
    Watch,
    Watched,
    Who,
    Whois,
    Whowas,
)
from node.dialects.slash import Slash
from node.dialects.slash.commands import VERBS, Help, Malformed, NotText, parse
from node.dialects.slash.words import MALFORMED

FORMS: list[tuple[str, Command | None]] = [
    # lines
    ("hello", Say(None, "hello")),
    (" two  spaces ", Say(None, " two  spaces ")),
    ("a/b", Say(None, "a/b")),
    (" /nick alice", Say(None, " /nick alice")),
    ("//nick alice", Say(None, "/nick alice")),
    ("//", Say(None, "/")),
    ("///", Say(None, "//")),
    ("héllo 👋🏽", Say(None, "héllo 👋🏽")),
    ("", None),
    (" ", None),
    ("\t", None),
    # nick
    ("/nick alice", SetNick("alice")),
    ("/NICK alice", SetNick("alice")),
    ("/nIcK Alice", SetNick("Alice")),
    ("/nick  alice ", SetNick("alice")),
    ("/nick [x]\\`^{}|", SetNick("[x]\\`^{}|")),
    # join
    ("/join #go", Join("#go")),
    ("/join go", Join("go")),
    ("/join #go sesame", Join("#go", "sesame")),
    ("/JOIN  #Go  ", Join("#Go")),
    # leave
    ("/leave", Leave()),
    ("/leave ", Leave()),
    ("/leave #go", Leave("#go")),
    ("/leave #go for lunch", Leave("#go", "for lunch")),
    ("/leave go for lunch", Leave(None, "go for lunch")),
    # msg
    ("/msg #go hello there", Say("#go", "hello there")),
    ("/msg #go  two  spaces ", Say("#go", " two  spaces ")),
    ("/msg  #go hello", Say("#go", "hello")),
    ("/msg bob hello there", Tell("bob", "hello there")),
    ("/msg bob /nick alice", Tell("bob", "/nick alice")),
    ("/MSG bob hello", Tell("bob", "hello")),
    # me
    ("/me waves", Say(None, "waves", action=True)),
    ("/me  waves ", Say(None, " waves ", action=True)),
    # asking
    ("/names", Names()),
    ("/names #go", Names("#go")),
    ("/names go", Names("go")),
    ("/list", ListChannels()),
    ("/list #g*", ListChannels("#g*")),
    ("/list 2", ListChannels("", 2)),
    ("/list #g* 2", ListChannels("#g*", 2)),
    ("/whois bob", Whois("bob")),
    ("/whowas bob", Whowas("bob")),
    ("/whowas bob 2", Whowas("bob", 2)),
    ("/watch bob ann", Watch(("bob", "ann"))),
    ("/watch", Watched()),
    ("/unwatch bob", Unwatch(("bob",))),
    ("/unwatch", Unwatch()),
    ("/real Bob  of Two", SetReal("Bob  of Two")),
    ("/who", Who()),
    ("/who ", Who()),
    ("/who 2", Who(2)),
    ("/stats", Stats()),
    # topic
    ("/topic", Topic()),
    ("/topic #go", Topic("#go")),
    ("/topic #go all about Go", Topic("#go", "all about Go")),
    ("/topic all about Go", Topic(None, "all about Go")),
    # operators of channels
    ("/mode", Mode()),
    ("/mode #go", Mode("#go")),
    ("/mode #go +o-b bob  rob!*@*", Mode("#go", ("+o-b", "bob", "rob!*@*"))),
    ("/mode +n", Mode(None, ("+n",))),
    ("/op bob", Mode(None, ("+o", "bob"))),
    ("/op #go bob rob", Mode("#go", ("+oo", "bob", "rob"))),
    ("/deop bob", Mode(None, ("-o", "bob"))),
    ("/halfop bob", Mode(None, ("+h", "bob"))),
    ("/dehalfop bob", Mode(None, ("-h", "bob"))),
    ("/voice bob", Mode(None, ("+v", "bob"))),
    ("/devoice #go bob", Mode("#go", ("-v", "bob"))),
    ("/ban bob", Mode(None, ("+b", "bob"))),
    ("/ban #go *!*@192.0.2.0/24 rob", Mode("#go", ("+bb", "*!*@192.0.2.0/24", "rob"))),
    ("/ban", Mode(None, ("+b",))),
    ("/ban #go", Mode("#go", ("+b",))),
    ("/unban #go bob", Mode("#go", ("-b", "bob"))),
    ("/rename #py", RenameChannel(None, "#py")),
    ("/rename #go #py", RenameChannel("#go", "#py")),
    ("/rename #go #py  it is  one", RenameChannel("#go", "#py", "it is  one")),
    ("/rename #py it is one", RenameChannel(None, "#py", "it is one")),
    ("/kick bob", Kick(None, "bob")),
    ("/kick #go bob that is  enough ", Kick("#go", "bob", "that is  enough")),
    ("/invite bob", Invite(None, "bob")),
    ("/invite bob #go", Invite("#go", "bob")),
    ("/invite #go bob", Invite("#go", "bob")),
    # history
    ("/redact e1.7", Redact(None, Position("e1", 7))),
    ("/redact @e1.7 oops", Redact(None, Position("e1", 7), "oops")),
    ("/redact #go e1.7  too early ", Redact("#go", Position("e1", 7), "too early")),
    ("/history", History()),
    ("/history 5", History(None, 5)),
    ("/history #go", History("#go")),
    ("/history #go 5", History("#go", 5)),
    ("/history go 5", History("go", 5)),
    ("/history before 5a4a.42", History(None, 20, Position("5a4a", 42))),
    ("/history 5 before 5a4a.42", History(None, 5, Position("5a4a", 42))),
    ("/history #go 5 before 5a4a.42", History("#go", 5, Position("5a4a", 42))),
    ("/history before before 5a4a.42", History("before", 20, Position("5a4a", 42))),
    ("/history before", History("before")),
    ("/history before 5", History("before", 5)),
    ("/history 99999999999999999999", History(None, 999999999)),
    # away and back
    ("/away", SetAway("")),
    ("/away lunch", SetAway("lunch")),
    ("/back", SetAway(None)),
    # set
    ("/set", SetOption()),
    ("/set echo on", SetOption("echo", True)),
    ("/set echo off", SetOption("echo", False)),
    ("/set TIME On", SetOption("time", True)),
    ("/set color on", SetOption("color", True)),
    ("/set pos on", SetOption("pos", True)),
    ("/set size on", SetOption("size", True)),
    # ping
    ("/ping", Ping("")),
    ("/ping 1", Ping("1")),
    ("/ping a  b ", Ping("a  b ")),
    # quit
    ("/quit", Quit()),
    ("/quit good night", Quit("good night")),
    # help
    ("/help", Answer(Help())),
    ("/help msg", Answer(Help("msg"))),
    ("/HELP /msg", Answer(Help("/msg"))),
]

MALFORMED_LINES = [
    ("/redact", "redact"),
    ("/redact #go", "redact"),
    ("/redact 7 oops", "redact"),
    ("/", ""),
    ("/ nick alice", ""),
    ("/dance", "dance"),
    ("/nickalice", "nickalice"),
    ("/Dance wildly", "Dance"),
    ("/nick", "nick"),
    ("/NICK", "nick"),
    ("/nick ", "nick"),
    ("/nick alice bob", "nick"),
    ("/join", "join"),
    ("/join  ", "join"),
    ("/join #go key and more", "join"),
    ("/msg", "msg"),
    ("/msg #go", "msg"),
    ("/msg #go ", "msg"),
    ("/msg bob", "msg"),
    ("/msg bob   ", "msg"),
    ("/msg  ", "msg"),
    ("/me", "me"),
    ("/me ", "me"),
    ("/names #go #two", "names"),
    ("/list a b", "list"),
    ("/whois", "whois"),
    ("/whowas", "whowas"),
    ("/whowas bob many", "whowas"),
    ("/whowas bob 1 2", "whowas"),
    ("/real", "real"),
    ("/whois bob carol", "whois"),
    ("/who is there", "who"),
    ("/op", "op"),
    ("/op #go", "op"),
    ("/unban #go", "unban"),
    ("/rename", "rename"),
    ("/rename py", "rename"),
    ("/kick", "kick"),
    ("/kick #go", "kick"),
    ("/invite", "invite"),
    ("/invite #go", "invite"),
    ("/invite bob rob", "invite"),
    ("/invite bob #go now", "invite"),
    ("/history #go #two", "history"),
    ("/history 0", "history"),
    ("/history #go 5 6", "history"),
    ("/history #go before", "history"),
    ("/history #go before 42", "history"),
    ("/history #go before @5a4a.42", "history"),
    ("/history #go 0 before 5a4a.42", "history"),
    ("/history #go before 5a4a.42 5", "history"),
    ("/back again", "back"),
    ("/set echo", "set"),
    ("/set echo maybe", "set"),
    ("/set echo on now", "set"),
    ("/stats all", "stats"),
]


@pytest.mark.parametrize("line, command", FORMS)
def test_a_line_is_this_command(line: str, command: Command | None) -> None:
    assert command == parse(line.encode())


@pytest.mark.parametrize("line, verb", MALFORMED_LINES)
def test_a_line_that_will_not_do_is_answered(line: str, verb: str) -> None:
    assert Answer(Malformed(verb)) == parse(line.encode())


@pytest.mark.parametrize("line, verb", MALFORMED_LINES)
def test_the_answer_is_the_error_and_a_hint_and_nothing_else(line: str, verb: str) -> None:
    error, hint, rest = Slash().reply(Malformed(verb)).decode().split("\r\n")
    assert ("error: line did not conform to chat server requirements!", "") == (error, rest)
    assert hint.startswith("hint: ")


@pytest.mark.parametrize("verb", list(VERBS))
def test_the_hint_for_a_known_command_is_its_form(verb: str) -> None:
    row = VERBS[verb]
    expected = [MALFORMED, f"hint: {row.form}, for example: {row.example}", ""]
    assert expected == Slash().reply(Malformed(verb)).decode().split("\r\n")


@pytest.mark.parametrize("verb", list(VERBS))
def test_the_example_of_each_command_is_a_good_one(verb: str) -> None:
    command = parse(VERBS[verb].example.encode())
    assert command is not None
    assert not (isinstance(command, Answer) and isinstance(command.reply, Malformed))


@pytest.mark.parametrize("verb", list(VERBS))
def test_each_command_has_help(verb: str) -> None:
    row = VERBS[verb]
    expected = [f"{row.form}: {row.does}", f"for example: {row.example}", ""]
    assert expected == Slash().reply(Help(verb.upper())).decode().split("\r\n")


def test_help_lists_every_command() -> None:
    lines = Slash().reply(Help()).decode()
    assert [] == [row.form for row in VERBS.values() if row.form not in lines]


@pytest.mark.parametrize(
    "verb",
    [
        "nick",
        "join",
        "leave",
        "msg",
        "me",
        "names",
        "list",
        "whois",
        "whowas",
        "watch",
        "unwatch",
        "real",
        "who",
        "topic",
        "op",
        "deop",
        "halfop",
        "voice",
        "devoice",
        "rename",
        "kick",
        "ban",
        "unban",
        "mode",
        "invite",
        "history",
        "away",
        "back",
        "set",
        "ping",
        "stats",
        "quit",
        "help",
    ],
)
def test_the_commands_of_the_protocol_are_there(verb: str) -> None:
    assert verb in VERBS


@pytest.mark.parametrize("line", [b"\xff", b"hello \xc3", b"/nick \x80", b"\xed\xa0\x80"])
def test_bytes_that_are_not_utf8_are_refused(line: bytes) -> None:
    assert Answer(NotText()) == parse(line)


def test_bytes_that_are_not_utf8_are_refused_in_one_line() -> None:
    expected = b"error: that line is not UTF-8; nothing of it was taken\r\n"
    assert expected == Slash().reply(NotText())


@given(st.binary(max_size=200))
def test_any_bytes_are_a_command_or_nothing(line: bytes) -> None:
    command = parse(line)
    assert command is None or isinstance(command, Command)


@given(st.sampled_from(list(VERBS)), st.text(max_size=60))
def test_any_command_with_anything_after_it_is_a_command(verb: str, rest: str) -> None:
    assert isinstance(parse(f"/{verb} {rest}".encode(errors="replace")), Command)


@given(st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: text.strip()))
def test_any_text_can_be_said(text: str) -> None:
    escaped = "/" + text if text.startswith("/") else text
    assert Say(None, text) == parse(escaped.encode())
