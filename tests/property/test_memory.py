"""The in-memory broker against a model that knows only lists, whatever people and nodes do."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from broker.api import HELD_BACK, Code, Identity, Refused
from broker.events import Event, Quit, Renamed, Said, Told
from broker.memory import Memory, World
from tests.support.sinks import Evicted, Gap, Record

T = TypeVar("T")
NICKS = ("ann", "ANN", "Bob", "bob", "carl")
CHANNELS = ("#go", "#Go", "#py")
Fact = tuple[str, ...]
"""An event as the model writes it down: its kind, whose it is, and what it says."""


def now(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of what must be done without waiting."""
    outcome: list[T | Failure] = []
    Deferred.fromCoroutine(coroutine).addBoth(outcome.append)
    (result,) = outcome
    if isinstance(result, Failure):
        result.raiseException()
    return result


def code(coroutine: Coroutine[Any, Any, object]) -> Code | None:
    """Why it was refused; None if it wasn't."""
    try:
        now(coroutine)
    except Refused as refused:
        return refused.code
    return None


def fact(event: Event) -> Fact:
    match event:
        case Said() | Told():
            return (type(event).__name__, event.sid, event.text)
        case Renamed():
            return ("Renamed", event.sid, event.new)
        case Quit():
            return ("Quit", event.sid, event.why)
    return (type(event).__name__, event.sid)


@dataclass(eq=False)
class Room:
    """A channel: who is in it and loud (true) or quiet, and all that was ever accepted."""

    log: list[Fact] = field(default_factory=list)
    members: dict[str, bool] = field(default_factory=dict)
    spoken: bool = False


@dataclass(eq=False)
class Ear:
    """From where on a node hears a room, and from where on its sink wrote that down."""

    room: Room
    start: int
    written: int


class Cluster(RuleBasedStateMachine):
    """Three nodes; people come, talk, move and go; nodes lose the broker, and their leases."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = 1.0
        self.world = World(lambda: self.clock)
        self.nodes = [Memory(self.world, f"node{i}") for i in range(3)]
        self.sinks = [Record() for _ in self.nodes]
        for node, sink in zip(self.nodes, self.sinks, strict=True):
            now(node.start(sink))
        self.people: dict[str, tuple[int, Identity]] = {}  # sid -> where, who
        self.holders: dict[str, str] = {}  # folded nick -> sid
        self.held_back: dict[str, float] = {}  # folded nick -> until when
        self.rooms: dict[str, Room] = {}
        self.ears: list[dict[str, Ear]] = [{} for _ in self.nodes]
        self.written: dict[tuple[int, str], int] = {}  # of what isn't followed any more
        self.told: dict[tuple[int, str], list[Fact]] = {}  # (node, folded nick) -> messages
        self.lost: set[int] = set()
        self.evicted: set[int] = set()
        self.made = 0

    # The model's own words for what happens

    def someone(self, data: st.DataObject) -> tuple[int, Identity]:
        return self.people[data.draw(st.sampled_from(sorted(self.people)), label="who")]

    def connected(self, where: int) -> bool:
        return where not in self.lost

    def is_taken(self, nick: str, sid: str) -> bool:
        """Whether the session can't have it."""
        name = nick.lower()
        return self.holders.get(name, sid) != sid or self.clock <= self.held_back.get(name, -1)

    def part(self, sid: str, name: str, *written: Fact) -> None:
        room = self.rooms[name]
        room.log += written
        del room.members[sid]
        if not room.members and not room.spoken:
            del self.rooms[name]

    def end(self, sid: str, why: str) -> None:
        for name in [name for name, room in self.rooms.items() if sid in room.members]:
            loud = self.rooms[name].members[sid]
            self.part(sid, name, *([("Quit", sid, why)] if loud else []))
        _, me = self.people.pop(sid)
        del self.holders[me.nick.lower()]

    def stop_hearing(self, where: int) -> None:
        """What a node does about channels in which it has nobody any more."""
        for name in list(self.ears[where]):
            members = self.rooms[name].members if name in self.rooms else {}
            if not any(self.people[sid][0] == where for sid in members):
                self.compare(where, name)
                del self.ears[where][name]
                self.written[where, name] = len(self.sinks[where].heard(name))
                self.nodes[where].unfollow(name)

    def compare(self, where: int, name: str) -> None:
        ear, sink = self.ears[where][name], self.sinks[where]
        heard = [fact(event) for event in sink.heard(name)[ear.written :]]
        assert ear.room.log[ear.start :] == heard
        places = sink.places(name)[ear.written :]
        assert [places[0]._replace(seq=places[0].seq + i) for i in range(len(places))] == places

    # What people do

    @precondition(lambda self: len(self.people) < 6)
    @rule(where=st.integers(0, 2), nick=st.sampled_from(NICKS))
    def comes(self, where: int, nick: str) -> None:
        self.made += 1
        me = Identity(f"sid{self.made}", f"token{self.made}", nick)
        taken = Code.NICK_TAKEN if self.is_taken(nick, "") else None
        expected = taken if self.connected(where) else Code.AWAY
        assert expected == code(self.nodes[where].open(me))
        if expected is None:
            self.people[me.sid] = (where, me)
            self.holders[nick.lower()] = me.sid

    @precondition(lambda self: self.people)
    @rule(data=st.data(), new=st.sampled_from(NICKS))
    def renames(self, data: st.DataObject, new: str) -> None:
        where, me = self.someone(data)
        mine = [name for name, room in self.rooms.items() if me.sid in room.members]
        expected: Code | None = None
        if not self.connected(where):
            expected = Code.AWAY
        elif self.is_taken(new, me.sid):
            expected = Code.NICK_TAKEN
        assert expected == code(self.nodes[where].rename(me, new, mine))
        if expected is None:
            for name in mine:
                if self.rooms[name].members[me.sid] and me.nick != new:
                    self.rooms[name].log.append(("Renamed", me.sid, new))
            del self.holders[me.nick.lower()]
            self.holders[new.lower()] = me.sid
            me.nick = new

    @precondition(lambda self: self.people)
    @rule(data=st.data(), channel=st.sampled_from(CHANNELS), loud=st.booleans())
    def joins(self, data: st.DataObject, channel: str, loud: bool) -> None:
        where, me = self.someone(data)
        if not self.connected(where):
            assert Code.AWAY == code(self.nodes[where].join(me, channel))
            return
        name = channel.lower()
        room = self.rooms.setdefault(name, Room())
        ear = self.ears[where].setdefault(
            name, Ear(room, len(room.log), self.written.get((where, name), 0))
        )
        assert ear.room is room
        now(self.nodes[where].follow(channel))
        arrival = now(self.nodes[where].join(me, channel, announce=loud, quiet=not loud))
        if me.sid not in room.members:
            room.members[me.sid] = loud
            room.log += [("Joined", me.sid)] if loud else []
        assert len(room.members) == arrival.roster.total

    @precondition(lambda self: self.people)
    @rule(data=st.data(), channel=st.sampled_from(CHANNELS))
    def leaves(self, data: st.DataObject, channel: str) -> None:
        where, me = self.someone(data)
        room = self.rooms.get(channel.lower())
        member = None if room and me.sid in room.members else Code.NOT_MEMBER
        expected = member if self.connected(where) else Code.AWAY
        assert expected == code(self.nodes[where].leave(me, channel, ""))
        if expected is None:
            self.part(me.sid, channel.lower(), ("Left", me.sid))
            self.stop_hearing(where)

    @precondition(lambda self: self.people)
    @rule(data=st.data(), channel=st.sampled_from(CHANNELS), text=st.text(max_size=3))
    def says(self, data: st.DataObject, channel: str, text: str) -> None:
        where, me = self.someone(data)
        room = self.rooms.get(channel.lower())
        settled: list[Refused | None] = []
        self.nodes[where].say(me, channel, text, False, settled.append)
        (refused,) = settled
        if not self.connected(where):
            assert Refused(Code.AWAY) == refused
        elif room is None or me.sid not in room.members:
            assert Refused(Code.NOT_MEMBER, channel) == refused
        else:
            assert refused is None
            room.members[me.sid] = room.spoken = True
            room.log.append(("Said", me.sid, text))

    @precondition(lambda self: self.people)
    @rule(data=st.data(), nick=st.sampled_from(NICKS), text=st.text(max_size=3))
    def tells(self, data: st.DataObject, nick: str, text: str) -> None:
        where, me = self.someone(data)
        holder = self.holders.get(nick.lower())
        known = None if holder else Code.NO_SUCH_NICK
        expected = known if self.connected(where) else Code.AWAY
        assert expected == code(self.nodes[where].tell(me, nick, text))
        if expected is None and holder is not None:
            to = (self.people[holder][0], nick.lower())
            self.told.setdefault(to, []).append(("Told", me.sid, text))

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def quits(self, data: st.DataObject) -> None:
        where, me = self.someone(data)
        if self.connected(where):
            mine = [name for name, room in self.rooms.items() if me.sid in room.members]
            now(self.nodes[where].quit(me, "bye", mine))
            self.end(me.sid, "bye")
            self.stop_hearing(where)

    # What happens to nodes

    @rule(where=st.integers(0, 2))
    def is_lost(self, where: int) -> None:
        self.world.lose(self.nodes[where])
        self.lost.add(where)

    @rule(where=st.integers(0, 2))
    def loses_its_lease(self, where: int) -> None:
        self.world.evict(self.nodes[where])
        self.lost.add(where)
        self.evicted.add(where)
        for sid in [sid for sid, (home, _) in self.people.items() if home == where]:
            self.end(sid, "connection lost")

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def comes_back(self, data: st.DataObject) -> None:
        where = data.draw(st.sampled_from(sorted(self.lost)), label="where")
        self.world.restore(self.nodes[where])
        self.lost.discard(where)
        was_evicted = where in self.evicted
        self.evicted.discard(where)
        for name in self.ears[where]:
            self.compare(where, name)
        self.stop_hearing(where)
        plain = self.sinks[where].plain()
        told = ["away", Evicted(False), "back"] if was_evicted else ["away", "back"]
        assert told == plain[-len(told) :]

    @precondition(lambda self: not self.lost)
    @rule()
    def all_is_forgotten(self) -> None:
        self.world.forget()
        self.people.clear()
        self.held_back = dict.fromkeys(self.holders, self.clock + HELD_BACK)
        self.holders.clear()
        self.rooms.clear()
        for where, sink in enumerate(self.sinks):
            assert ["away", Evicted(True), "back"] == sink.plain()[-3:]
            self.stop_hearing(where)

    @rule(seconds=st.integers(0, 3600))
    def time_passes(self, seconds: int) -> None:
        self.clock += seconds

    # What must hold at any moment

    @invariant()
    def a_nick_has_one_holder(self) -> None:
        held = {nick: session.sid for nick, session in self.world.claims.items()}
        assert self.holders == held

    @invariant()
    def rosters_are_exact(self) -> None:
        rooms = {name: set(channel.members) for name, channel in self.world.channels.items()}
        assert {name: set(room.members) for name, room in self.rooms.items()} == rooms

    @invariant()
    def all_who_follow_hear_the_same(self) -> None:
        for where in set(range(3)) - self.lost:
            for name in self.ears[where]:
                self.compare(where, name)

    @invariant()
    def nobody_hears_what_is_not_followed(self) -> None:
        for where, sink in enumerate(self.sinks):
            for name in {"#go", "#py"} - set(self.ears[where]):
                assert self.written.get((where, name), 0) == len(sink.heard(name))

    @invariant()
    def private_messages_reach_their_holder_alone(self) -> None:
        for where in set(range(3)) - self.lost:
            for nick in {nick.lower() for nick in NICKS}:
                heard = [fact(event) for event in self.sinks[where].heard(nick)]
                assert self.told.get((where, nick), []) == heard

    @invariant()
    def nothing_is_said_to_be_lost(self) -> None:
        assert not any(isinstance(call, Gap) for sink in self.sinks for call in sink.told)


TestCluster = Cluster.TestCase
TestCluster.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
