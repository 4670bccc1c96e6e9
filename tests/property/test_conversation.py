"""Random conversations over three nodes, checked against a model of who must have read what.

What is accepted, and in which order, is known from the world's logs; what each person must have
read follows from their memberships, which the model keeps by what they did.
"""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from node.core.chat import LOST
from tests.support.village import Village, Villager

NODES = 3
NICKS = ["alice", "bob", "carol", "dave", "ALICE"]
CHANNELS = ["#a", "#b", "#c"]

AWAY = "error: the broker is away; that was not done"

people = st.integers(0, 5)
nodes = st.integers(0, NODES - 1)
channels = st.sampled_from(CHANNELS)


@dataclass(eq=False)
class Mind:
    """What the model knows of a person: who they are, where, and what they ought to read."""

    person: Villager
    node: int
    nick: str
    channels: set[str] = field(default_factory=set)
    due: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)


class Conversation(RuleBasedStateMachine):
    """People who speak with nobody watching the clock. `away`: nodes without their broker."""

    def __init__(self) -> None:
        super().__init__()
        self.village = Village(NODES, lobby="")
        self.minds: list[Mind] = []
        self.away: set[int] = set()
        self.lines = 0

    # -- what people do

    @initialize()
    def three_come(self) -> None:
        for node in range(NODES):
            self.come(node)

    @precondition(lambda self: len(self.minds) < 6)
    @rule(node=nodes)
    def come(self, node: int) -> None:
        person = self.village.guest(node)
        if node in self.away:
            assert ["closing: the broker is away; try again in a moment"] == person.read()
            return
        person.read()
        self.minds.append(Mind(person, node, person.nick))

    @rule(who=people, nick=st.sampled_from(NICKS))
    def take_a_nick(self, who: int, nick: str) -> None:
        mind = self._mind(who)
        if mind is None:
            return
        taken = any(other.nick.lower() == nick.lower() for other in self.minds if other is not mind)
        mind.person.say(f"/nick {nick}")
        if nick == mind.nick:
            mind.due.append(f"{nick} is changing nick to {nick}")  # for nobody else's eyes
        elif mind.node in self.away:
            mind.due.append(AWAY)
        elif taken:
            mind.due.append(f"error: the nick {nick} is taken")
        else:
            for reader in self._sharers(mind):
                reader.due.append(f"{mind.nick} is changing nick to {nick}")
            mind.due.append(f"{mind.nick} is changing nick to {nick}")
            mind.nick = nick

    @rule(who=people, channel=channels)
    def join(self, who: int, channel: str) -> None:
        mind = self._mind(who)
        if mind is None or channel in mind.channels:
            return
        mind.person.say(f"/join {channel}")
        if mind.node in self.away:
            mind.due.append(AWAY)
            return
        mind.channels.add(channel)
        for reader in self._in(channel):
            reader.due.append(f"{mind.nick} has joined the channel {channel}")

    @rule(who=people, channel=channels)
    def leave(self, who: int, channel: str) -> None:
        mind = self._mind(who)
        if mind is None or channel not in mind.channels:
            return
        mind.person.say(f"/leave {channel}")
        if mind.node in self.away:
            mind.due.append(AWAY)
            return
        for reader in self._in(channel):
            reader.due.append(f"{mind.nick} has left the channel {channel}")
        mind.channels.remove(channel)

    @rule(who=people, channel=channels)
    def speak(self, who: int, channel: str) -> None:
        mind = self._mind(who)
        if mind is None:
            return
        self.lines += 1
        mind.person.say(f"/msg {channel} line {self.lines}")
        if channel not in mind.channels:
            mind.due.append(f"error: you are not in {channel}")
        elif mind.node in self.away:
            mind.due.append(AWAY)
        else:
            for reader in self._in(channel):
                if reader is not mind:
                    reader.due.append(f"[{channel}] <{mind.nick}> line {self.lines}")

    @rule(who=people, whom=people)
    def write(self, who: int, whom: int) -> None:
        mind, reader = self._mind(who), self._mind(whom)
        if mind is None or reader is None:
            return
        self.lines += 1
        mind.person.say(f"/msg {reader.nick} line {self.lines}")
        if mind.node in self.away:
            mind.due.append(AWAY)
        else:
            reader.due.append(f"[private] <{mind.nick}> line {self.lines}")

    @rule(who=people, politely=st.booleans())
    def go(self, who: int, politely: bool) -> None:
        mind = self._mind(who)
        if mind is None or mind.node in self.away:
            return
        if politely:
            mind.person.say("/quit")
            assert not mind.person.here
        else:
            mind.person.hang_up()
        self._gone(mind, "" if politely else f" ({LOST})")
        self.minds.remove(mind)

    # -- what happens to nodes

    @rule(node=nodes)
    def lose(self, node: int) -> None:
        if node not in self.away:
            self.away.add(node)
            self.village.lose(node)

    @rule(node=nodes)
    def restore(self, node: int) -> None:
        if node in self.away:
            self.village.restore(node)
            self.away.remove(node)

    @rule(node=nodes)
    def evict(self, node: int) -> None:
        """The node is away for longer than its lease, and comes back.

        What its people read meanwhile is checked for what it must not hold only.
        """
        here = [mind for mind in self.minds if mind.node == node]
        self.village.evict(node)
        for mind in here:
            for reader in self._sharers(mind):
                if reader.node != node:
                    reader.due.append(f"{mind.nick} has quit ({LOST})")
        self.village.restore(node)
        self.away.discard(node)
        for mind in here:
            for channel in mind.channels:
                for reader in self._in(channel):
                    if reader.node != node:
                        reader.due.append(f"{mind.nick} has joined the channel {channel}")
        for mind in here:
            mind.heard += mind.person.read()
            assert [] == [line for line in mind.heard if line.startswith(f"{mind.nick} has quit")]
            mind.due, mind.heard = [], []

    @rule()
    def forget(self) -> None:
        """The broker loses all that it knew. Who was there has missed nothing, and reads nothing
        of it; who was cut off is told of a gap in a channel, if there was something to miss, and
        that nobody knows what there was in private.
        """
        cut_off = [mind for mind in self.minds if mind.node in self.away]
        self.village.world.forget()
        for node in sorted(self.away):
            self.village.restore(node)
        self.away.clear()
        for mind in cut_off:
            mind.heard += mind.person.read()
            answers = ("error: ", f"{mind.nick} is changing nick to {mind.nick}")
            private = "gap: private messages may be missing"
            missed = [line for line in mind.due if not line.startswith((*answers, "[private] "))]
            gaps = [line for line in mind.heard if line.startswith("gap: ") and line != private]
            assert (bool(missed), 1) == (bool(gaps), mind.heard.count(private))
            mind.due, mind.heard = [], []

    @rule(seconds=st.floats(0.001, 600.0))
    def time_passes(self, seconds: float) -> None:
        self.village.now += seconds

    # -- what must hold

    @invariant()
    def everybody_has_read_what_they_must_and_nothing_else(self) -> None:
        for mind in self.minds:
            mind.heard += [line for line in mind.person.read() if self._matters(line)]
            if mind.node in self.away:
                continue
            assert Counter(mind.due) == Counter(mind.heard)
            for channel in CHANNELS:
                assert self._said(channel, mind.due) == self._said(channel, mind.heard)
            mind.due, mind.heard = [], []

    @invariant()
    def no_log_has_a_hole(self) -> None:
        for channel in self.village.world.channels.values():
            seqs = [entry.seq for entry in channel.log.entries]
            assert list(range(1, len(seqs) + 1)) == seqs

    @invariant()
    def nicks_are_unique_and_those_that_people_think_they_have(self) -> None:
        held = {session.nick.lower() for session in self.village.world.sessions.values()}
        assert len(held) == len(self.village.world.sessions)
        assert {mind.nick.lower() for mind in self.minds} == held
        assert {mind.nick for mind in self.minds} == {m.person.nick for m in self.minds}

    @invariant()
    def rosters_are_those_that_people_think_they_are_in(self) -> None:
        for name in CHANNELS:
            channel = self.village.world.channels.get(name)
            there = {member.nick for member in channel.members.values()} if channel else set()
            assert {mind.nick for mind in self._in(name)} == there

    @invariant()
    def nothing_went_wrong(self) -> None:
        assert [] == self.village.failures

    # -- the model

    def _mind(self, who: int) -> Mind | None:
        return self.minds[who % len(self.minds)] if self.minds else None

    def _in(self, channel: str) -> list[Mind]:
        return [mind for mind in self.minds if channel in mind.channels]

    def _sharers(self, mind: Mind) -> list[Mind]:
        return [o for o in self.minds if o is not mind and o.channels & mind.channels]

    def _gone(self, mind: Mind, why: str) -> None:
        for reader in self._sharers(mind):
            reader.due.append(f"{mind.nick} has quit{why}")

    @staticmethod
    def _said(channel: str, lines: list[str]) -> list[str]:
        """What was said in a channel, in its order."""
        return [line for line in lines if line.startswith(f"[{channel}] ")]

    @staticmethod
    def _matters(line: str) -> bool:
        """Whether it's more than the state of things: rosters, history, notices."""
        return not line.startswith(("in #", "| ", "notice: "))


class Order(RuleBasedStateMachine):
    """All members of one channel, who echo and lose their broker, see one and the same order."""

    def __init__(self) -> None:
        super().__init__()
        self.village = Village(NODES, lobby="")
        self.people = [self.village.person(f"p{i}", "#go", node=i % NODES) for i in range(5)]
        for person in self.people:
            person.type("/set echo on")
        self.village.read_up()
        self.heard: dict[Villager, list[str]] = {person: [] for person in self.people}
        self.away: set[int] = set()
        self.count = 0

    @rule(who=st.integers(0, 4), many=st.integers(1, 3))
    def speak(self, who: int, many: int) -> None:
        self.count += many
        self.people[who].say(*(f"line {self.count - i}" for i in range(many)))

    @rule(who=st.integers(0, 4))
    def rename(self, who: int) -> None:
        self.count += 1
        self.people[who].say(f"/nick n{self.count}")

    @rule(node=nodes)
    def lose(self, node: int) -> None:
        self.away.add(node)
        self.village.lose(node)

    @rule(node=nodes)
    def restore(self, node: int) -> None:
        self.away.discard(node)
        self.village.restore(node)

    @invariant()
    def one_order(self) -> None:
        for person, heard in self.heard.items():
            heard += [line for line in person.read() if not line.startswith(("error", "notice"))]
        orders = list(self.heard.values())
        longest = max(orders, key=len)
        assert orders == [longest[: len(order)] for order in orders]
        there = [
            self.heard[person] for i, person in enumerate(self.people) if i % NODES not in self.away
        ]
        assert there == [longest] * len(there)

    @invariant()
    def nothing_twice(self) -> None:
        assert all(len(heard) == len(set(heard)) for heard in self.heard.values())


BRIEF = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestConversation = Conversation.TestCase
TestConversation.settings = BRIEF
TestOrder = Order.TestCase
TestOrder.settings = BRIEF
