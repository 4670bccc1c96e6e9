"""`node.logs`: one line for each event, for people or programs, without what nobody should read."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from broker.api import Identity
from node.core.session import Session
from node.dialects.slash import Slash
from node.logs import FORMATS, LEVELS, Journal, Lines
from tests.support.village import Screen, Village

AT = 1_700_000_000.25
STAMP = "2023-11-14T22:13:20.250Z"


class Log:
    """Lines that are read as they are written. `later`: what waits for a moment."""

    def __init__(self, style: str = "text", level: str = "info", *, at_once: bool = True) -> None:
        self.out = StringIO()
        self.later: list[Callable[[], None]] = []
        wait = None if at_once else self.later.append
        self.lines = Lines(self.out, style=style, level=level, node="n1", later=wait)
        self.logger = Logger(namespace="node.test", observer=self._seen)  # type: ignore[arg-type]

    def _seen(self, event: Any) -> None:
        event["log_time"] = AT
        self.lines(event)

    @property
    def written(self) -> list[str]:
        return self.out.getvalue().splitlines()

    @property
    def told(self) -> Any:
        (line,) = self.written
        return json.loads(line)


def test_a_line_for_people_has_time_level_node_words_and_what_they_are_about() -> None:
    log = Log()
    log.logger.info("closed", about={"session": "ab", "why": "connection lost", "nick": ""})
    assert [f'{STAMP} info n1 closed session=ab why="connection lost" nick=""'] == log.written


def test_a_line_for_programs_is_json() -> None:
    log = Log("json")
    log.logger.warn("closed", about={"session": "ab", "seconds": 1.5})
    expected = {
        "time": STAMP,
        "level": "warn",
        "node": "n1",
        "from": "node.test",
        "says": "closed",
        "session": "ab",
        "seconds": 1.5,
    }
    assert expected == log.told


def test_words_of_an_event_may_have_places_for_what_it_has() -> None:
    log = Log()
    log.logger.info("no answer within {s:.1f} s", s=2)
    assert [f"{STAMP} info n1 no answer within 2.0 s"] == log.written


def test_what_an_event_is_about_is_no_format() -> None:
    log = Log()
    log.logger.info("renamed", about={"nick": "{log_source}"})
    assert [f"{STAMP} info n1 renamed nick={{log_source}}"] == log.written


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize("end", ["\n", "\r", "\x85", "\u2028", "\x1b[2J", "\x00", "\x9b"])
def test_a_line_is_one_line_whatever_is_in_it(style: str, end: str) -> None:
    log = Log(style)
    log.logger.info("it ends{end}here", end=end)
    log.logger.info("closed", about={"nick": f"a{end}b"})
    assert 2 == len(log.written)
    assert style == "json" or all(line.isprintable() for line in log.written)


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_below_the_level_is_left_out(level: str) -> None:
    log = Log(level=level)
    for each in LEVELS.values():
        log.logger.emit(each, each.name)
    names = list(LEVELS)
    assert names[names.index(level) :] == [line.split()[1] for line in log.written]


def test_of_what_is_not_ours_only_warnings_are_shown() -> None:
    log = Log()
    others = Logger(namespace="twisted.web", observer=log.lines)  # type: ignore[arg-type]
    others.info("a port was opened")
    assert [] == log.written
    others.warn("something is odd")
    assert 1 == len(log.written)


def test_a_failure_has_its_words_and_its_traceback() -> None:
    try:
        raise ValueError("no number")
    except ValueError:
        failure = Failure()
    text, program = Log(), Log("json")
    for log in (text, program):
        log.logger.failure("counting", failure)
    assert f"{STAMP} critical n1 counting: no number" == text.written[0]
    assert all(line.startswith("    ") for line in text.written[1:])
    assert "ValueError" in program.told["traceback"]


def test_lines_of_a_moment_are_written_together_and_warnings_at_once() -> None:
    log = Log(at_once=False)
    log.logger.info("one")
    log.logger.info("two")
    assert ([], 1) == (log.written, len(log.later))
    log.logger.warn("three")
    assert 3 == len(log.written)
    log.logger.info("four")
    for work in log.later:
        work()
    assert 4 == len(log.written)


def test_a_reader_who_is_gone_is_no_reason_to_fail() -> None:
    class Broken(StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    lines = Lines(Broken(), node="n1")
    lines({"log_level": LogLevel.info, "log_namespace": "node.x", "log_format": "", "log_time": AT})


# -- connections


class Kept(Journal):
    """Keeps what would be logged."""

    def __init__(self) -> None:
        super().__init__(lambda: AT)
        self.told: list[tuple[str, dict[str, Any]]] = []
        self._log = Logger(observer=self._seen)  # type: ignore[arg-type]

    def _seen(self, event: Any) -> None:
        self.told.append((event["log_format"], event["about"]))


def test_a_connection_that_is_closed_is_told_with_who_it_was_and_why() -> None:
    journal = Kept()
    session = Session(
        Identity("ab", "secret", "ann", since=int(AT * 1000) - 2500), Slash(), Screen()
    )
    session.peer = "192.0.2.7"
    journal.connected(session)
    journal.closed(session, "idle")
    who = {"session": "ab", "address": "192.0.2.7", "dialect": "slash"}
    expected = [
        ("connected", who),
        ("closed", {**who, "nick": "ann", "why": "idle", "seconds": 2.5}),
    ]
    assert expected == journal.told


def test_who_showed_a_certificate_is_told_with_its_fingerprint() -> None:
    journal = Kept()
    session = Session(Identity("ab", "secret", "ann"), Slash(), Screen())
    session.certificate = "c0ffee"
    journal.connected(session)
    ((_, about),) = journal.told
    assert "c0ffee" == about["certificate"]


def test_somebody_who_was_not_let_in_is_told_with_the_reason() -> None:
    journal = Kept()
    journal.turned_away("192.0.2.7", "connects")
    assert [("refused", {"address": "192.0.2.7", "why": "connects"})] == journal.told


def test_neither_what_people_say_nor_a_secret_is_ever_logged() -> None:
    village = Village(1)
    journal = village.chats[0].journal = Kept()
    ann = village.person("ann", "#go")
    token = next(line for line in ann.type("/token") if "token" in line)
    ann.type("hello there", "/msg ann private words", "/topic #go a topic", "/quit last words")
    bob = village.person("bob")
    bob.hang_up()
    logged = repr(journal.told)
    for secret in ("hello", "private", "topic", "words", token.split()[-1]):
        assert secret not in logged
    closed = [about["why"] for said, about in journal.told if said == "closed"]
    assert ["quit", "connection lost"] == closed
