"""A channel with rules over three nodes, checked against a model of who may do what there.

Nodes lose their broker and find it again: what was decided meanwhile holds for their people all
the same, and they learn it in the order in which it was decided.
"""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from node.core.modes import ranked, written
from tests.support.village import Village, Villager

NODES = 3
PEOPLE = ["ann", "bob", "cat", "dan", "eve"]
GO = "#go"
AWAY = "error: the broker is away; that was not done"
NOT_OP = "error: only an operator of #go may do that"

people = st.integers(0, len(PEOPLE) - 1)
nodes = st.integers(0, NODES - 1)
signs = st.sampled_from("+-")


@dataclass(eq=False)
class Mind:
    """What the model knows of somebody. `status` None: they aren't there."""

    person: Villager
    node: int
    nick: str
    status: set[str] | None = None
    due: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    def reaches(self, least: str) -> bool:
        held = ranked(self.status or ())
        return held != "" and "ohv".index(held[0]) <= "ohv".index(least)


class Court(RuleBasedStateMachine):
    """`flags`, `banned`, `invited`: of the channel. `away`: nodes without their broker."""

    def __init__(self) -> None:
        super().__init__()
        self.village = Village(NODES, lobby="")
        self.minds = [
            Mind(self.village.person(nick, node=i % NODES), i % NODES, nick)
            for i, nick in enumerate(PEOPLE)
        ]
        self.away: set[int] = set()
        self.flags: set[str] = set()
        self.banned: set[str] = set()
        self.invited: set[str] = set()
        self.lines = 0

    # -- coming and going

    @rule(who=people)
    def join(self, who: int) -> None:
        mind = self.minds[who]
        if mind.status is not None or mind.node in self.away:
            return
        mind.person.say(f"/join {GO}")
        there = self._there()
        if there and mind.nick not in self.invited:
            if mind.nick in self.banned:
                mind.due.append("error: you are banned from #go")
                return
            if "i" in self.flags:
                mind.due.append("error: only who is invited can come into #go")
                return
        if not there:
            self.flags = {"n"}
        self.invited.discard(mind.nick)
        mind.status = set() if there else {"o"}
        self._all_read(f"{mind.nick} has joined the channel #go")

    @rule(who=people)
    def leave(self, who: int) -> None:
        mind = self.minds[who]
        if mind.status is None or mind.node in self.away:
            return
        mind.person.say(f"/leave {GO}")
        self._all_read(f"{mind.nick} has left the channel #go")
        self._goes(mind)

    @rule(who=people, whom=people)
    def kick(self, who: int, whom: int) -> None:
        mind, target = self.minds[who], self.minds[whom]
        if not self._asks(mind, f"/kick {GO} {target.nick}"):
            return
        if target.status is None:
            mind.due.append(f"error: {target.nick} is not in that channel")
        elif not mind.reaches("o" if target.reaches("h") else "h"):
            mind.due.append(NOT_OP)
        else:
            self._all_read(f"{mind.nick} has kicked {target.nick} out of the channel #go")
            self._goes(target)

    @rule(who=people, whom=people)
    def invite(self, who: int, whom: int) -> None:
        mind, guest = self.minds[who], self.minds[whom]
        if not self._asks(mind, f"/invite {guest.nick} {GO}"):
            return
        if guest.status is not None:
            mind.due.append(f"error: {guest.nick} is in that channel already")
        elif "i" in self.flags and not mind.reaches("h"):
            mind.due.append(NOT_OP)
        else:
            mind.due.append(f"you have invited {guest.nick} into #go")
            guest.due.append(f"{mind.nick} invites you into the channel #go")
            self.invited.add(guest.nick)

    # -- rules

    @rule(who=people, whom=people, sign=signs, letter=st.sampled_from("ohv"))
    def promote(self, who: int, whom: int, sign: str, letter: str) -> None:
        mind, target = self.minds[who], self.minds[whom]
        if not self._asks(mind, f"/mode {GO} {sign}{letter} {target.nick}"):
            return
        gives_up = mind is target and sign == "-"
        if not (gives_up or mind.reaches("h" if letter == "v" else "o")):
            mind.due.append(NOT_OP)
        elif target.status is None:
            mind.due.append(f"error: {target.nick} is not in that channel")
        elif (letter in target.status) != (sign == "+"):
            target.status ^= {letter}
            self._is_changed(mind, sign + letter, target.nick)

    @rule(who=people, sign=signs, letter=st.sampled_from("imn"))
    def flag(self, who: int, sign: str, letter: str) -> None:
        mind = self.minds[who]
        if not self._asks(mind, f"/mode {GO} {sign}{letter}"):
            return
        if not mind.reaches("h"):
            mind.due.append(NOT_OP)
        elif (letter in self.flags) != (sign == "+"):
            self.flags ^= {letter}
            self._is_changed(mind, sign + letter, "")

    @rule(who=people, whom=people, sign=signs)
    def ban(self, who: int, whom: int, sign: str) -> None:
        mind, nick = self.minds[who], self.minds[whom].nick
        if not self._asks(mind, f"/mode {GO} {sign}b {nick}"):
            return
        if not mind.reaches("h"):
            mind.due.append(NOT_OP)
        elif (nick in self.banned) != (sign == "+"):
            self.banned ^= {nick}
            self._is_changed(mind, sign + "b", f"{nick}!*@*")

    @rule(who=people)
    def speak(self, who: int) -> None:
        mind = self.minds[who]
        if not self._asks(mind, f"/msg {GO} line {self.lines}"):
            return
        if not mind.status and "m" in self.flags:
            mind.due.append("error: only who has a voice may speak in #go now")
        elif not mind.status and mind.nick in self.banned:
            mind.due.append("error: you are banned from #go, and can't speak there")
        else:
            for reader in self._there():
                if reader is not mind:
                    reader.due.append(f"[#go] <{mind.nick}> line {self.lines}")
        self.lines += 1

    # -- nodes

    @rule(node=nodes)
    def lose(self, node: int) -> None:
        self.away.add(node)
        self.village.lose(node)

    @rule(node=nodes)
    def restore(self, node: int) -> None:
        self.away.discard(node)
        self.village.restore(node)

    # -- what must hold

    @invariant()
    def everybody_has_read_what_they_must_and_nothing_else(self) -> None:
        for mind in self.minds:
            lines = mind.person.read()
            mind.heard += [line for line in lines if not line.startswith(("in #", "| ", "notice"))]
            if mind.node not in self.away:
                assert Counter(mind.due) == Counter(mind.heard)
                mind.due, mind.heard = [], []

    @invariant()
    def nodes_and_broker_know_who_is_there_and_with_which_status(self) -> None:
        channel = self.village.world.channels.get(GO)
        kept = {one.nick: one.status for one in channel.members.values()} if channel else {}
        assert {mind.nick: ranked(mind.status or ()) for mind in self._there()} == kept
        for mind in self.minds:
            if mind.node not in self.away:
                membership = mind.person.session.channels.get(GO)
                known = None if membership is None else membership.status
                assert known == (None if mind.status is None else ranked(mind.status))

    @invariant()
    def nothing_went_wrong(self) -> None:
        assert [] == self.village.failures

    # -- the model

    def _asks(self, mind: Mind, line: str) -> bool:
        """Somebody who is there types, or who has not been told better; whether it's judged."""
        if GO not in mind.person.session.channels:
            return False
        mind.person.say(line)
        if mind.node in self.away:
            mind.due.append(AWAY)
            return False
        return True

    def _there(self) -> list[Mind]:
        return [mind for mind in self.minds if mind.status is not None]

    def _all_read(self, line: str) -> None:
        for reader in self._there():
            reader.due.append(line)

    def _is_changed(self, mind: Mind, mode: str, about: str) -> None:
        self._all_read(f"{mind.nick} has changed the modes of #go: {written([(mode, about)])}")

    def _goes(self, mind: Mind) -> None:
        mind.status = None
        if not self._there():
            self.flags, self.banned, self.invited = set(), set(), set()


TestCourt = Court.TestCase
TestCourt.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
