"""Judgments: what the rules of a channel allow whom. Pure: a question with all that it hangs on,
and no answer but Refused.

The broker asks before it does something, with the rules and the standing that hold at that moment,
and does it only if they still hold then (`broker.api`, Judge). What is asked often is asked here
before: see `verbs.say`.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from broker.api import Code, Identity, Refused
from broker.names import fold
from broker.rules import Fellow, Mask, Rules, Standing
from node.core.masks import MUTE, Who, matches, same
from node.core.modes import LIST, MODES, Change, Kind, Mode, ranked, reaches

VERDICTS = 1_024
"""Of how many lists and people it's remembered whether the one has the other."""

NO_CTCP = "T"
"""The user mode of those who are told no CTCP."""

CTCP = "\x01"
"""How a line begins that clients speak among one another (Client-to-Client Protocol)."""


def who(me: Identity) -> Who:
    """Somebody who is here, as masks see them."""
    return Who(me.nick, me.profile.by, me.profile.peer)


def join(rules: Rules, standing: Standing, channel: str, who: Who, key: str = "") -> None:
    """Somebody wants to come in. Who was invited may, whatever the rules say.

    Raises BANNED_HERE, INVITE_ONLY or KEY_WRONG. How many may be in it is the broker's to count.
    """
    if standing.invited or standing.member:
        return
    if banned(rules, who):
        raise Refused(Code.BANNED_HERE, channel)
    if "i" in rules.modes and not _listed(rules, "I", who):
        raise Refused(Code.INVITE_ONLY, channel)
    if rules.key and rules.key != key:
        raise Refused(Code.KEY_WRONG, channel)


def speak(rules: Rules, standing: Standing, channel: str, who: Who, text: str = "") -> None:
    """Somebody wants to say something.

    Raises NOT_MEMBER, CTCP_REFUSED, CANNOT_SPEAK or SILENCED. Where nothing was ever decided only
    members speak.
    """
    if not standing.member and ("n" in rules.modes or not rules.law):
        raise Refused(Code.NOT_MEMBER, channel)
    if text.startswith(CTCP) and "C" in rules.modes:
        raise Refused(Code.CTCP_REFUSED, channel)
    if standing.status:
        return
    if "m" in rules.modes:
        raise Refused(Code.CANNOT_SPEAK, channel)
    if muted(rules, who):
        raise Refused(Code.SILENCED, channel)


def speaking(channel: str, me: Identity, text: str, rules: Rules, standing: Standing) -> None:
    """As `speak`, of somebody who is here. The last two are what a judge is asked with."""
    speak(rules, standing, channel, who(me), text)


def anybody_speaks(rules: Rules) -> bool:
    """Whether no member is kept from speaking, as in most channels: then none is judged."""
    return "m" not in rules.modes and "C" not in rules.modes and not rules.lists.get("b")


def topic(rules: Rules, standing: Standing, channel: str) -> None:
    """Somebody wants to set the topic. Raises NOT_MEMBER or NOT_OP."""
    _member(standing, channel)
    if "t" in rules.modes:
        _reach(standing, "h", channel)


def invite(rules: Rules, standing: Standing, channel: str) -> None:
    """Somebody wants to invite somebody. Raises NOT_MEMBER or NOT_OP."""
    _member(standing, channel)
    if "i" in rules.modes:
        _reach(standing, "h", channel)


def rename(standing: Standing, channel: str) -> None:
    """Somebody wants to call the channel otherwise. Raises NOT_MEMBER or NOT_OP."""
    _member(standing, channel)
    _reach(standing, "o", channel)


def kick(standing: Standing, target: str, channel: str) -> None:
    """Somebody wants to take somebody out who has the status `target`. Raises NOT_MEMBER or
    NOT_OP: who is half an operator can't do that to one, nor to another like them.
    """
    _member(standing, channel)
    _reach(standing, "o" if reaches(target, "h") else "h", channel)


class Enacted(NamedTuple):
    """What becomes of changes. `rules`: still under the same `law`. `changes`: what others are
    told; none: everything was so already. `statuses`: by session, all the letters that it has now.
    """

    rules: Rules
    changes: list[Change]
    statuses: dict[str, str]
    refused: list[Refused]


def enact(
    rules: Rules,
    standing: Standing,
    asked: Iterable[Change],
    target: Callable[[str], Fellow],
    *,
    channel: str,
    me: Who,
    ms: int,
) -> Enacted:
    """Change the modes of a channel, so far as somebody may. `target`: which member has a nick;
    raises Refused. `ms`: what the time is.
    """
    bench = _Bench(rules, standing, target, channel, me, ms)
    for change in asked:
        bench.take(change)
    return Enacted(bench.rules, bench.changes, bench.statuses, bench.refused)


class _Bench:
    """Where changes are made, one after another."""

    def __init__(
        self,
        rules: Rules,
        standing: Standing,
        target: Callable[[str], Fellow],
        channel: str,
        me: Who,
        ms: int,
    ) -> None:
        self.rules = rules
        self.changes: list[Change] = []
        self.statuses: dict[str, str] = {}
        self.refused: list[Refused] = []
        self._standing = standing
        self._target = target
        self._channel = channel
        self._me = me
        self._ms = ms

    def take(self, change: Change) -> None:
        row = MODES[change.letter]
        try:
            if row.kind is not Kind.STATUS:
                _reach(self._standing, row.least, self._channel)
            take = _TAKE_LETTER.get(row.letter) or _TAKE[row.kind]
            told = take(self, change, row)
        except Refused as refused:
            if refused not in self.refused:
                self.refused.append(refused)
            return
        if told is not None:
            self.changes.append(Change(change.mode, told))

    # each returns what others are told that it's about, or None if it's so already

    def flag(self, change: Change, row: Mode) -> str | None:
        held = set(self.rules.modes)
        if change.on == (row.letter in held):
            return None
        self.rules = replace(self.rules, modes="".join(sorted(held ^ {row.letter})))
        return ""

    def key(self, change: Change, _row: Mode) -> str | None:
        key = change.about if change.on else ""
        if self.rules.key == key:
            return None
        self.rules = replace(self.rules, key=key)
        return change.about

    def limit(self, change: Change, _row: Mode) -> str | None:
        limit = int(change.about) if change.on else 0
        if self.rules.limit == limit:
            return None
        self.rules = replace(self.rules, limit=limit)
        return change.about

    def forward(self, change: Change, _row: Mode) -> str | None:
        if fold(self.rules.forward) == fold(change.about):
            return None
        self.rules = replace(self.rules, forward=change.about)
        return change.about

    def listed(self, change: Change, row: Mode) -> str | None:
        entries = self.rules.lists.get(row.letter, ())
        held = next((entry for entry in entries if same(entry.mask, change.about)), None)
        if change.on == (held is not None):
            return None
        if held is not None:
            entries = tuple(entry for entry in entries if entry is not held)
        elif len(entries) >= LIST:
            raise Refused(Code.LIST_FULL, change.about)
        else:
            entries += (Mask(change.about, self._me.nick, self._ms),)
        lists = {**self.rules.lists, row.letter: entries}
        self.rules = replace(self.rules, lists={at: masks for at, masks in lists.items() if masks})
        return held.mask if held is not None else change.about

    def status(self, change: Change, row: Mode) -> str | None:
        if not self._gives_up(change):
            _reach(self._standing, row.least, self._channel)
        fellow = self._target(change.about)
        held = self.statuses.get(fellow.sid, fellow.status)
        if change.on == (row.letter in held):
            return None
        self.statuses[fellow.sid] = ranked(set(held) ^ {row.letter})
        return fellow.nick

    def _gives_up(self, change: Change) -> bool:
        """Whether it's a status of one's own that is given up, which anybody may."""
        return not change.on and self._standing.member and fold(change.about) == fold(self._me.nick)


_Take = Callable[[_Bench, Change, Mode], str | None]

_TAKE_LETTER: dict[str, _Take] = {"k": _Bench.key, "l": _Bench.limit, "f": _Bench.forward}
"""Modes that have a field of their own."""

_TAKE: dict[Kind, _Take] = {
    Kind.LIST: _Bench.listed,
    Kind.NEVER: _Bench.flag,
    Kind.STATUS: _Bench.status,
}


def banned(rules: Rules, who: Who) -> bool:
    """Whether a ban means somebody, and no exception."""
    return _listed(rules, "b", who) and not _listed(rules, "e", who)


def muted(rules: Rules, who: Who) -> bool:
    """Whether a ban, or one on speaking alone, keeps somebody from that."""

    def means(letter: str) -> bool:
        return _listed(rules, letter, who) or _listed(rules, letter, who, MUTE)

    return means("b") and not means("e")


def hidden(letters: str) -> bool:
    """Whether a channel with these modes isn't there for who isn't in it."""
    return "s" in letters or "p" in letters


def _listed(rules: Rules, letter: str, who: Who, sort: str = "") -> bool:
    entries = rules.lists.get(letter)
    return entries is not None and _means(_Same(entries), who, sort)


class _Same:
    """A list as itself: what holds of it is remembered, and comparing it costs nothing."""

    __slots__ = ("entries",)

    def __init__(self, entries: tuple[Mask, ...]) -> None:
        self.entries = entries

    def __hash__(self) -> int:
        return id(self.entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.entries is self.entries


@lru_cache(VERDICTS)
def _means(them: _Same, who: Who, sort: str) -> bool:
    """Whether one of these masks means somebody, of those that begin so. It's asked for each line
    that they say.
    """
    found = (entry.mask[len(sort) :] for entry in them.entries if entry.mask.startswith(sort))
    return any(matches(mask, who) for mask in found)


def _member(standing: Standing, channel: str) -> None:
    if not standing.member:
        raise Refused(Code.NOT_MEMBER, channel)


def _reach(standing: Standing, least: str, channel: str) -> None:
    if not reaches(standing.status, least):
        raise Refused(Code.NOT_OP, channel)
