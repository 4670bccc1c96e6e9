"""What a node logs: a line for each event, for people or for programs, on standard error.

    Logger(...).info(words, about={...}) ─> twisted.logger ─> Lines ─> text or JSON

An event has words and, in `about`, what they're about by name: session, address and so on. Nobody
puts there what people said, or a secret. A line is one line, whatever is in it. Of others' events
(Twisted's own) only warnings are shown. What is warned of is written at once; the rest waits for a
moment, so that a storm of connections costs one write for many lines.
"""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import msgspec
from twisted.logger import Logger, LogLevel, formatEvent, globalLogBeginner

from broker.api import Later
from node.core.session import Session

MOMENT = 0.1
"""Seconds that a line waits for others."""

TEXT, JSON = "text", "json"
FORMATS = (TEXT, JSON)

LEVELS: Mapping[str, Any] = {
    level.name: level for level in (LogLevel.debug, LogLevel.info, LogLevel.warn, LogLevel.error)
}
"""By what they are called in settings, the least first."""

_RANK = {level: rank for rank, level in enumerate(LogLevel.iterconstants())}

OURS = ("node.", "broker.")

_UNSEEN = {c: f"\\x{c:02x}" for c in (*range(32), *range(127, 160))} | {
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}
"""What would move a terminal's cursor or begin a line."""

_UNSEEN_IN_JSON = {c: f"\\u{c:04x}" for c in (*range(127, 160), 0x2028, 0x2029)}
"""Of that, what JSON would leave as it is."""


class Lines:
    """A `twisted.logger.ILogObserver`. `level`: the least that is shown; `node`: this node's name.

    `later`: does something in a moment; without, each line is written at once.
    """

    def __init__(
        self,
        out: TextIO,
        *,
        style: str = TEXT,
        level: str = "info",
        node: str = "",
        later: Later | None = None,
    ) -> None:
        self._out = out
        self._line: Callable[[Any, str], str] = {TEXT: self._text, JSON: self._json}[style]
        self._least = _RANK[LEVELS[level]]
        self._node = node
        self._later = later
        self._waiting: list[str] = []
        self._second = (0, "")

    def __call__(self, event: Any) -> None:
        level = event.get("log_level", LogLevel.info)
        rank = _RANK[level]
        if rank < self._least:
            return
        warning = rank >= _RANK[LogLevel.warn]
        if not (warning or event.get("log_namespace", "").startswith(OURS)):
            return
        self._waiting.append(self._line(event, level.name))
        if warning or self._later is None:
            self.flush()
        elif len(self._waiting) == 1:
            self._later(self.flush)

    def flush(self) -> None:
        """Write what waits. A reader who is gone is no reason to end."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            try:
                self._out.write("".join(waiting))
                self._out.flush()
            except (OSError, ValueError):
                pass

    def _at(self, seconds: float) -> str:
        """ISO 8601, in UTC, to the millisecond."""
        whole = int(seconds)
        if whole != self._second[0]:
            self._second = (whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)))
        return f"{self._second[1]}.{int((seconds - whole) * 1000):03}Z"

    def _text(self, event: Any, level: str) -> str:
        about = event.get("about")
        words: str = event["log_format"] if about else _words(event)
        if about:
            for name, value in about.items():
                shown = str(value)
                if not shown or " " in shown or '"' in shown:
                    shown = msgspec.json.encode(shown).decode()
                words = f"{words} {name}={shown}"
        if not words.isprintable():  # almost all are, and looking is cheap
            words = words.translate(_UNSEEN)
        line = f"{self._at(event['log_time'])} {level} {self._node} {words}\n"
        failure = event.get("log_failure")
        return line if failure is None else line + _indented(failure.getTraceback())

    def _json(self, event: Any, level: str) -> str:
        told = {
            "time": self._at(event["log_time"]),
            "level": level,
            "node": self._node,
            "from": event.get("log_namespace", ""),
            "says": event["log_format"] if event.get("about") else _words(event),
            **(event.get("about") or {}),
        }
        failure = event.get("log_failure")
        if failure is not None:
            told["traceback"] = failure.getTraceback()
        line = msgspec.json.encode(told).decode()
        return (line if line.isprintable() else line.translate(_UNSEEN_IN_JSON)) + "\n"


def _words(event: Any) -> str:
    words = formatEvent(event)
    failure = event.get("log_failure")
    return words if failure is None else f"{words}: {failure.getErrorMessage()}"


def _indented(text: str) -> str:
    return "".join(f"    {line.translate(_UNSEEN)}\n" for line in text.splitlines())


def begin(*, style: str, level: str, node: str, clock: Any) -> Lines:
    """Log this process's events from now on, and nothing that came before. `clock`: Twisted's."""

    def later(work: Callable[[], None]) -> None:
        clock.callLater(MOMENT, work)

    lines = Lines(sys.stderr, style=style, level=level, node=node, later=later)
    observer: Any = lines
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
    return lines


class Journal:
    """A `node.core.journal.Journal`. `seconds`: Unix time."""

    _log = Logger(namespace="node.connections")

    def __init__(self, seconds: Callable[[], float] = time.time) -> None:
        self._seconds = seconds

    def connected(self, session: Session) -> None:
        self._log.info("connected", about=_about(session))

    def resumed(self, session: Session, was: str) -> None:
        self._log.info("resumed", about={**_about(session), "was": was})

    def turned_away(self, peer: str, why: str) -> None:
        self._log.info("refused", about={"address": peer, "why": why})

    def not_oper(self, session: Session, name: str) -> None:
        about = {**_about(session), "nick": session.me.nick, "operator": name}
        self._log.warn("isn't the operator that they say they are", about=about)

    def closed(self, session: Session, why: str) -> None:
        about = _about(session)
        about["nick"] = session.me.nick
        about["why"] = why
        about["seconds"] = round(max(0.0, self._seconds() - session.me.since / 1000), 1)
        self._log.info("closed", about=about)


def _about(session: Session) -> dict[str, Any]:
    about = {
        "session": session.me.sid,
        "address": session.peer,
        "dialect": session.dialect.name,
    }
    if session.certificate:
        about["certificate"] = session.certificate
    return about
