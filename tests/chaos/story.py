"""A record, understood: visits, what each of them read, and what became of what they did.

    record ──> Story ─┬─ visits: what one connection read, who they were, where they were
                      ├─ deeds: each line that was said or told, and its fate
                      └─ harms: the faults, from when to when

A moment is named by its index in the record: smaller is earlier. Must not judge.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from tests.chaos.lines import (
    Kind,
    Line,
    Typed,
    from_history,
    is_open,
    mark,
    token,
    typed,
    understood,
)
from tests.chaos.record import (
    Begun,
    Came,
    Examined,
    Heard,
    Lifted,
    Quiet,
    Record,
    Sent,
    Struck,
    Went,
)
from tests.chaos.standing import Standing

FOREVER = 1 << 60

LATE = 40.0
"""Seconds after which nothing that was under way when the broker went is answered any more."""


UNSEEN = 2.0
"""Seconds by which a replica that takes over was behind at most."""


class Fate(StrEnum):
    """What became of a command."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(eq=False)
class Deed:
    """A line that was said or told, at `sent`. OPEN: nobody knows. `settled`: when it was known.

    `answered`: when it was answered as done, which its echo isn't. `channel`: where it was said;
    of a `/me` that's known from its echo only.
    """

    visit: "Visit"
    sent: int
    command: Typed
    words: str
    channel: str = ""
    fate: Fate = Fate.OPEN
    settled: int = FOREVER
    answered: int = FOREVER

    @property
    def private(self) -> bool:
        """Whether it's for one person."""
        return not (self.command.verb == "/me" or self.command.about.startswith("#"))


class Read(NamedTuple):
    """A line that was read, at `at`."""

    at: int
    line: Line


class Barrier(NamedTuple):
    """A ping, and its pong; both while the broker was there."""

    asked: int
    passed: int


@dataclass(eq=False)
class Called:
    """A time under a nick: asked for at `asked`, known to be theirs at `since`, if ever.

    `until`: when they had another, or when they knew that they hadn't got it.
    """

    nick: str
    asked: int
    since: int = FOREVER
    until: int = FOREVER


@dataclass(eq=False)
class Stay:
    """A time in a channel, from when they knew to when they asked to leave."""

    channel: str
    since: int
    until: int = FOREVER


@dataclass(eq=False)
class Visit:
    """One session, over all connections on which it was taken up. `reads`: all lines. `heard`: by
    mark, where each was read first. `left`: when the connection before was lost.

    `pings`: word -> when it was asked for; `waits`: those that weren't answered. `dropped`: when a
    pong came though a line before it had no answer. `ends`: of its connections. `cuts`: when they
    were told that the cluster had lost them, or that their nick was lost. `forgotten`: when their
    token wasn't known.
    """

    name: str
    node: str
    came: int
    door: str = "line"
    went: int = FOREVER
    left: int = -1
    by: str = ""
    token: str = ""
    forgotten: list[int] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    heard: dict[str, int] = field(default_factory=dict)
    barriers: list[Barrier] = field(default_factory=list)
    called: list[Called] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    gaps: list[Read] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    waits: dict[str, int] = field(default_factory=dict)
    dropped: list[int] = field(default_factory=list)
    ends: list["End"] = field(default_factory=list)
    quits: bool = False
    standing: Standing = field(default_factory=Standing)

    @property
    def here(self) -> bool:
        """Whether the connection is open at the end."""
        return self.went == FOREVER

    def called_at(self, index: int) -> str:
        """The nick that they had at a moment, as far as they knew; empty before they had one."""
        for called in self.called:
            if called.since <= index < called.until:
                return called.nick
        return ""

    def node_at(self, index: int) -> str:
        """The node that they were on, or came from."""
        return next((end.node for end in self.ends if end.at > index), self.node)

    def barrier_after(self, index: int) -> Barrier | None:
        """The first ping asked for after a moment that was answered behind the broker."""
        at = bisect_right(self.barriers, index, key=lambda barrier: barrier.asked)
        return self.barriers[at] if at < len(self.barriers) else None

    def stay_at(self, channel: str, index: int) -> Stay | None:
        """Their stay in a channel at a moment, if they were certainly there."""
        for stay in self.stays:
            if stay.channel == channel and stay.since < index < stay.until:
                return stay
        return None

    def was_told_of_a_gap(self, about: str, since: int, until: int) -> bool:
        """Whether they read that messages of a channel, or private ones, are lost."""
        return any(
            since < gap.at <= until and about in gap.line.text.split(" of ")[-1]
            for gap in self.gaps
        )


class End(NamedTuple):
    """The end of a connection to `node`. `token`: what the node gave them as it closed."""

    at: int
    node: str
    by: str
    token: str


class Harm(NamedTuple):
    """A fault, from when to when."""

    struck: Struck
    since: int
    until: int


class Story:
    """See the module's docstring. `deeds` by their marks. `quiet`: when all had happened.

    `examined`: where the last look past the people is, if there was one. `replicated`: as in
    `record.Begun`.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.visits: dict[str, Visit] = {}
        self.deeds: dict[str, Deed] = {}
        self.harms: list[Harm] = []
        self.quiet = FOREVER
        self.examined = FOREVER
        self.replicated = any(isinstance(first, Begun) and first.replicated for first in record[:1])
        self._turns: dict[str, _Turns] = {}
        self._kept: dict[str, _Turns] = {}  # by token
        for index, moment in enumerate(record):
            match moment:
                case Came(who=who, node=node, door=door):
                    visit = self.visits[who] = Visit(who, node, index, door)
                    self._turns[who] = _Turns(visit, self)
                case Sent(who=who, line=line):
                    self._turns[who].sent(index, line)
                case Heard(who=who, line=line):
                    self._heard(who, index, understood(line))
                case Went(who=who, by=by):
                    self._turns[who].ended(index, by)
                case Struck():
                    self.harms.append(Harm(moment, index, FOREVER))
                case Lifted(number=number):
                    self.harms = [
                        harm._replace(until=index) if harm.struck.number == number else harm
                        for harm in self.harms
                    ]
                case Quiet():
                    self.quiet = index
                case Examined():
                    self.examined = index
                case _:
                    pass

    def _heard(self, who: str, index: int, line: Line) -> None:
        turns = self._turns[who]
        if given := token(line):
            turns.visit.token = given
            self._kept[given] = turns
        before = self._kept.get(turns.resuming)
        if before is not None and before is not turns:
            if line.kind is Kind.RESUMED:
                before.goes_on(index, line.nick, turns)
                self._turns[who] = before
            elif line.kind is Kind.ERROR and "token is not known" in line.text:
                before.visit.forgotten.append(index)
        self._turns[who].heard(index, line)

    def seconds(self, index: int) -> float:
        """When a moment was."""
        return self.record[index].at


class _Turns:
    """Makes a visit's fates: what was typed between two pongs, and how it was answered.

    A person types lines, or one command, then a ping, and waits for its pong. While the broker is
    there, all before the ping is answered before the pong. Otherwise the pong comes at once, and
    what is `owed` is answered later or never: how many lines, and whether a command is. Errors that
    come then may be about either, so they decide nothing, but those that only come at once.
    """

    def __init__(self, visit: Visit, story: Story) -> None:
        self.visit = visit
        self.resuming = ""  # the token with which they want to take up a session
        self._story = story
        self._missed = False  # what they missed is coming, some of it as history
        self._uncertain = False  # replicas aren't waited for
        self._was_uncertain = False  # since the last pong
        self._deeds: list[Deed] = []
        self._commands = 0  # that are no lines
        self._errors: list[Line] = []
        self._owed = 0
        self._owes_answer = False
        self._owed_until = 0.0

    def goes_on(self, index: int, nick: str, other: "_Turns") -> None:
        """The session is taken up on the connection on which they were a guest until now."""
        visit, guest = self.visit, other.visit
        self._forget_what_was_lost(index)
        visit.left, visit.went, visit.by, visit.node = visit.went, FOREVER, "", guest.node
        visit.waits = guest.waits
        guest.waits = {}
        self._uncertain = self._was_uncertain = other._uncertain
        guest.went, guest.by = index, "them"
        before = visit.standing.nick
        visit.standing.goes_on(nick)
        if nick != before:
            self._call(nick, index)
        self._deeds, self._errors, self._commands = [], [], 0
        self._owed, self._owes_answer, self._missed = 0, False, True

    def _forget_what_was_lost(self, index: int) -> None:
        """What they did just before Redis lost its data and their node died may be undone."""

        def was_lost(at: int) -> bool:
            since = self._story.seconds(at) if at < FOREVER else math.inf
            return any(
                harm.struck.loses and harm.struck.ends and 0 < harm.struck.at - since < UNSEEN
                for harm in self._story.harms
            )

        for stay in self.visit.stays:
            if was_lost(stay.since) or was_lost(stay.until):
                stay.until = min(stay.until, index)
                self.visit.standing.unsure.add(stay.channel)

    def sent(self, index: int, line: str) -> None:
        visit, command = self.visit, typed(line)
        standing = visit.standing
        standing.sends(line)
        if command.verb == "/resume":
            self.resuming = command.about
        if command.verb == "/ping":
            visit.waits[command.text] = index
            return
        words = mark(command.text)
        if not words:
            self._commands += 1
        if words:
            channel = command.about if command.about.startswith("#") else ""
            self._deeds.append(Deed(visit, index, command, words, channel))
            self._story.deeds[words] = self._deeds[-1]
        elif command.verb == "/nick":
            visit.called.append(Called(command.about, index))
        elif command.verb == "/leave":
            self._leave(command.about, index)
        elif command.verb == "/quit":
            visit.quits = True
            for stay in visit.stays:
                stay.until = min(stay.until, index)

    def heard(self, index: int, line: Line) -> None:
        visit = self.visit
        visit.reads.append(Read(index, line))
        match line.kind:
            case Kind.SAID | Kind.TOLD if words := mark(line.text):
                visit.heard.setdefault(words, index)
                deed = self._story.deeds.get(words)
                if deed is not None and deed.visit is visit and line.kind is Kind.SAID:
                    deed.channel = line.channel
                    self._accept(deed, index)
            case Kind.RECEIPT if not self._in_debt:
                for deed in self._deeds:
                    if deed.private:
                        self._accept(deed, index)
            case Kind.NOTICE if "broker" not in line.text:
                visit.cuts.append(index)
            case Kind.NOTICE if "too few replicas" in line.text:
                self._uncertain = self._was_uncertain = True
            case Kind.NOTICE if "replicas have everything again" in line.text:
                self._uncertain = False
            case Kind.OTHER if self._missed and (old := from_history(line)) is not None:
                if words := mark(old.text):
                    visit.heard.setdefault(words, index)
            case Kind.NAMES | Kind.WHO | Kind.OTHER if not self._commands:
                self._owes_answer = False
            case Kind.GAP:
                visit.gaps.append(Read(index, line))
            case Kind.ERROR:
                self._errors.append(line)
            case _:
                pass
        before = visit.standing.nick
        channels = set(visit.standing.channels)
        visit.standing.hears(line)
        if visit.standing.nick != before or visit.standing.channels != channels:
            self._owes_answer = False
        if visit.standing.nick != before:
            self._call(visit.standing.nick, index)
        for channel in visit.standing.channels - channels:
            visit.stays.append(Stay(channel, index))
        for channel in channels - visit.standing.channels:
            self._leave(channel, index)
        if line.kind is Kind.PONG and line.text in visit.waits:
            self._pong(index, visit.waits.pop(line.text))

    def _call(self, nick: str, index: int) -> None:
        """From here on they know that they have this nick."""
        called, first = self.visit.called, not self.visit.called
        for time in called:
            if time.since < FOREVER:
                time.until = min(time.until, index)
        wanted = [time for time in called if time.nick == nick and time.since == FOREVER]
        if wanted:
            wanted[-1].since, wanted[-1].until = index, FOREVER
        else:
            called.append(Called(nick, self.visit.came if first else index, index))

    def _leave(self, channel: str, index: int) -> None:
        for stay in self.visit.stays:
            if stay.channel == channel:
                stay.until = min(stay.until, index)

    def _accept(self, deed: Deed, index: int) -> None:
        if deed.fate is not Fate.ACCEPTED:
            deed.fate, deed.settled = Fate.ACCEPTED, min(deed.settled, index)
            if deed not in self._deeds and self._owed:
                self._owed -= 1

    @property
    def _in_debt(self) -> bool:
        return self._owed > 0 or self._owes_answer

    def _pong(self, index: int, asked: int) -> None:
        visit, seconds = self.visit, self._story.seconds(index)
        there = not visit.standing.away
        if there:
            visit.barriers.append(Barrier(asked, index))
        if visit.standing.sure:
            for time in visit.called:
                if time.since == FOREVER:
                    time.until = min(time.until, index)
        if seconds > self._owed_until:
            self._owed, self._owes_answer = 0, False
        left = [deed for deed in self._deeds if deed.fate is Fate.OPEN]
        errors = len(self._errors)
        at_once = [line for line in self._errors if line.text.startswith("the broker is away")]
        if not self._in_debt or (at_once and len(at_once) == errors == len(left)):
            self._decide(left, errors, index)
        if not there and errors < len(left) + self._commands:
            self._owed += max(0, len(left) - errors)
            self._owes_answer = self._owes_answer or self._commands > errors
            self._owed_until = seconds + LATE
        elif errors > len(left) + self._commands:
            self._owed = max(0, self._owed - (errors - len(left) - self._commands))
        if there and not self._in_debt and not self._was_uncertain:
            for deed in self._deeds:
                if deed.fate is Fate.ACCEPTED:
                    deed.answered = index
        self._was_uncertain = self._uncertain
        self._deeds, self._errors, self._commands = [], [], 0
        self._missed = False

    def ended(self, index: int, by: str) -> None:
        """The connection is gone."""
        visit = self.visit
        visit.went, visit.by = index, by
        visit.waits.clear()
        last = visit.reads[-1].line if visit.reads else None
        given = token(last) if last is not None and last.kind is Kind.CLOSING else ""
        visit.ends.append(End(index, visit.node, by, given))

    def _decide(self, left: list[Deed], errors: int, index: int) -> None:
        """What the errors of a turn say of the lines that were not seen to be accepted."""
        there = not self.visit.standing.away
        if errors == len(left) and not any(map(is_open, self._errors)):
            fate = Fate.REFUSED
        elif there and not errors:
            fate = Fate.ACCEPTED  # no error and a pong: that's a yes
        else:
            if there and errors < len(left):
                self.visit.dropped.append(index)
            return
        for deed in left:
            deed.fate, deed.settled = fate, index
