"""`node.core.chat`: sessions from greeting to goodbye, and what the broker tells meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from broker.api import Arrival, Code, Identity, Refused
from broker.memory import Memory, World
from node.core.replies import Goodbye
from tests.support.village import Village

AWAY = "notice: the broker is away; you stay connected, but nothing can be done until it is back"
BACK = "notice: the broker is back"
TOO_FEW = (
    "notice: the broker has too few replicas now; what is said is accepted, but if the broker"
    " failed it could be lost"
)
CUT_OFF = "notice: this node was cut off from the cluster; others saw you quit, and join again now"


class Gated(Memory):
    """A broker that can be made to wait, to refuse, or to lose its answers, by method."""

    def __init__(self, world: World, node_name: str) -> None:
        super().__init__(world, node_name)
        self.gates: dict[str, list[Deferred[None]]] = {}
        self.refusing: dict[str, list[Code]] = {}
        self.unsettled: dict[str, int] = {}

    def shut(self, method: str) -> list["Deferred[None]"]:
        """Let each call of a method wait; the waiting."""
        return self.gates.setdefault(method, [])

    async def _pass(self, method: str) -> None:
        codes = self.refusing.get(method)
        if codes:
            raise Refused(codes.pop(0))
        if method in self.gates:
            gate: Deferred[None] = Deferred()
            self.gates[method].append(gate)
            await gate

    def _answer(self, method: str) -> None:
        if self.unsettled.get(method):
            self.unsettled[method] -= 1
            raise Refused(Code.UNSETTLED)

    async def open(self, me: Identity) -> None:
        await self._pass("open")
        await super().open(me)

    async def join(self, me: Identity, channel: str, **how: Any) -> Arrival:
        await self._pass("join")
        arrival = await super().join(me, channel, **how)
        self._answer("join")
        return arrival

    async def rename(self, me: Identity, new: str, channels: list[str]) -> list[str]:
        await self._pass("rename")
        return await super().rename(me, new, channels)

    async def quit(self, me: Identity, why: str, channels: list[str]) -> None:
        await self._pass("quit")
        await super().quit(me, why, channels)

    async def barrier(self, *, patient: bool = False) -> None:
        await self._pass("barrier")
        await super().barrier(patient=patient)


@pytest.fixture
def village() -> Iterator[Village]:
    made = Village(2, broker=Gated)
    yield made
    assert [] == made.failures


def gated(village: Village, node: int = 0) -> Gated:
    broker = village.brokers[node]
    assert isinstance(broker, Gated)
    return broker


# -- coming


def test_a_guest_is_told_nick_lobby_and_help(village: Village) -> None:
    guest = village.guest()
    welcome, lobby, help_, roster = guest.read()
    assert f"welcome to chorus; you are {guest.nick}" == welcome
    assert "you are in the channel #lobby: what you type is said there" == lobby
    assert "/help" in help_
    assert f"in #lobby (1): {guest.nick}" == roster


def test_a_guest_nick_is_guest_and_a_few_letters_or_digits(village: Village) -> None:
    nick = village.guest().nick
    assert nick.startswith("guest-")
    assert nick.removeprefix("guest-").isalnum()


def test_a_guest_nick_that_is_taken_is_drawn_again() -> None:
    village = Village(2)
    village.chats[1]._rng.setstate(village.chats[0]._rng.getstate())
    assert village.guest(0).nick != village.guest(1).nick


def test_without_a_lobby_a_guest_is_in_no_channel() -> None:
    guest = Village(1, lobby="").guest()
    assert not any("channel " in line for line in guest.read()[:1])
    assert {} == guest.session.channels


def test_who_comes_by_a_dialect_without_a_lobby_is_in_no_channel(village: Village) -> None:
    assert {} == village.guest(lobby=False).session.channels


def test_the_lobby_can_have_another_name() -> None:
    village = Village(1, lobby="#Hall")
    assert "in #Hall (1): " in village.guest().read()[-1]


def test_coming_into_the_lobby_is_not_announced(village: Village) -> None:
    early = village.guest(0)
    early.read()
    village.guest(1)
    assert [] == early.read()


def test_a_guest_reads_what_is_said_in_the_lobby(village: Village) -> None:
    one, two = village.guest(0), village.guest(1)
    village.read_up()
    one.type("hello")
    assert [f"[#lobby] <{one.nick}> hello"] == two.read()


def test_a_nick_change_is_not_told_in_the_lobby_of_who_never_spoke(village: Village) -> None:
    one, two = village.guest(0), village.guest(1)
    village.read_up()
    old = one.nick
    assert [f"{old} is changing nick to alice"] == one.type("/nick alice")
    assert [] == two.read()


def test_a_nick_change_is_told_in_the_lobby_of_who_spoke(village: Village) -> None:
    one, two = village.person("alice", node=0), village.guest(1)
    one.type("hello")
    two.read()
    one.type("/nick alicia")
    assert ["alice is changing nick to alicia"] == two.read()


def test_a_nick_change_is_told_in_the_lobby_of_who_came_by_join(village: Village) -> None:
    one, two = village.person("alice", node=0), village.guest(1)
    one.type("/leave", "/join #lobby")
    two.read()
    one.type("/nick alicia")
    assert ["alice is changing nick to alicia"] == two.read()


@pytest.mark.parametrize("line", ["/quit", "/quit good night"])
def test_a_quit_is_not_told_in_the_lobby_of_who_never_spoke(village: Village, line: str) -> None:
    one, two = village.guest(0), village.guest(1)
    two.read()
    one.type(line)
    assert [] == two.read()


def test_being_lost_is_not_told_in_the_lobby_of_who_never_spoke(village: Village) -> None:
    one, two = village.guest(0), village.guest(1)
    two.read()
    one.hang_up()
    assert [] == two.read()


def test_a_quit_is_told_in_the_lobby_of_who_spoke(village: Village) -> None:
    one, two = village.person("alice", node=0), village.guest(1)
    one.type("hello")
    two.read()
    one.type("/quit")
    assert ["alice has quit"] == two.read()


def test_leaving_the_lobby_is_told_as_leaving_any_channel(village: Village) -> None:
    one, two = village.person("alice", node=0), village.guest(1)
    two.read()
    one.type("/leave")
    assert ["alice has left the channel #lobby"] == two.read()


def test_a_quit_in_lobby_and_channel_is_told_once(village: Village) -> None:
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go", node=1)
    alice.type("/msg #lobby hello")
    village.read_up()
    alice.type("/quit")
    assert ["alice has quit"] == bob.read()


def test_too_few_replicas_are_told_once_to_everyone_and_so_is_their_return(
    village: Village,
) -> None:
    people = [village.person("ann", node=0), village.person("bob", node=1)]
    village.world.freeze_replicas()
    assert [[TOO_FEW], [TOO_FEW]] == [person.read() for person in people]
    assert [] == people[0].type("hello")
    village.world.wake_replicas()
    assert ["notice: the broker's replicas have everything again"] == people[0].read()


def test_who_comes_while_there_are_too_few_replicas_is_told(village: Village) -> None:
    village.world.freeze_replicas()
    assert TOO_FEW in village.guest().read()
    village.world.wake_replicas()
    assert TOO_FEW not in village.guest().read()


def test_who_comes_while_the_broker_is_away_is_sent_away_with_a_reason(village: Village) -> None:
    village.lose(0)
    guest = village.guest(0)
    assert ["closing: the broker is away; try again in a moment"] == guest.read()
    assert not guest.here


def test_lines_typed_before_the_greeting_are_done_after_it(village: Village) -> None:
    gates = gated(village).shut("open")
    guest = village.guest()
    assert [] == guest.type("/nick alice", "/ping 1")
    gates[0].callback(None)
    assert "pong 1" == guest.read()[-1]
    assert "alice" == guest.nick


def test_who_is_lost_before_the_greeting_leaves_nothing_behind(village: Village) -> None:
    gates = gated(village).shut("open")
    guest = village.guest()
    guest.hang_up()
    gates[0].callback(None)
    assert ({}, {}) == (village.world.sessions, village.world.claims)


def test_who_is_lost_while_joining_leaves_nothing_behind(village: Village) -> None:
    guest = village.guest()
    gates = gated(village).shut("join")
    guest.type("/join #go")
    guest.hang_up()
    gates[0].callback(None)
    assert {} == village.world.sessions
    assert [] == [c for c in village.world.channels.values() if c.members]


def test_a_line_too_long_is_answered_in_its_turn(village: Village) -> None:
    guest = village.guest()
    guest.read()
    village.chats[0].heard_too_long(guest.session)
    expected = ["error: a line can't be longer than 4096 bytes; nothing of it was taken"]
    assert expected == guest.read()


# -- losing the broker


def test_the_broker_away_and_back_is_told_once_each(village: Village) -> None:
    alice = village.person("alice", "#go")
    village.lose(0)
    village.restore(0)
    assert [AWAY, BACK] == alice.read()


def test_what_was_missed_is_read_before_the_broker_is_said_to_be_back(village: Village) -> None:
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go", node=1)
    village.lose(0)
    bob.type("one", "two")
    village.restore(0)
    assert [AWAY, "[#go] <bob> one", "[#go] <bob> two", BACK] == alice.read()


def test_private_messages_that_were_missed_are_read(village: Village) -> None:
    alice, bob = village.person("alice"), village.person("bob", node=1)
    village.lose(0)
    bob.type("/msg alice psst")
    village.restore(0)
    assert [AWAY, "[private] <bob> psst", BACK] == alice.read()


def test_what_is_lost_is_said_with_its_number() -> None:
    village = Village(2, bounds={"history_lines": 10})
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go", node=1)
    village.lose(0)
    bob.type(*(f"line {i}" for i in range(22)))
    village.restore(0)
    lines = alice.read()
    assert "gap: 12 messages of #go are lost" == lines[1]
    assert [f"[#go] <bob> line {i}" for i in range(12, 22)] == lines[2:-1]


def test_a_person_whose_nick_is_held_by_an_older_holder_gets_another(village: Village) -> None:
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go", node=1)
    village.world.usurp("alice")
    assert alice.nick.startswith("guest-")
    changed = f"alice is changing nick to {alice.nick}"
    lost = f"notice: somebody else has taken your nick meanwhile; you are {alice.nick} now"
    assert ([changed, lost], [changed]) == (alice.read(), bob.read())
    bob.type(f"/msg {alice.nick} psst")
    assert ["[private] <bob> psst"] == alice.read()


def test_a_guest_nick_that_is_taken_is_not_the_last_that_is_tried(village: Village) -> None:
    alice = village.person("alice")
    guests = iter(["taken", "free"])
    village.chats[0].guest = lambda: next(guests)  # type: ignore[method-assign]
    village.person("taken", node=1)
    village.world.usurp("alice")
    assert "free" == alice.nick


def test_who_was_about_to_take_another_nick_gets_it_when_the_old_one_is_lost(
    village: Village,
) -> None:
    alice = village.person("alice")
    gates = gated(village).shut("rename")
    alice.say("/nick anna")
    village.world.usurp("alice")
    del gated(village).gates["rename"]
    gates.pop().callback(None)
    assert ("anna", ["alice is changing nick to anna"]) == (alice.nick, alice.read())


def test_who_cannot_take_another_nick_now_does_so_a_while_later(village: Village) -> None:
    alice = village.person("alice")
    gated(village).refusing["rename"] = [Code.BUSY]
    village.world.usurp("alice")
    before = alice.nick
    village.a_while_later()
    assert ("alice", True) == (before, alice.nick.startswith("guest-"))


def test_a_failover_that_loses_nothing_is_an_outage_and_no_more(village: Village) -> None:
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go", node=1)
    village.world.fall_behind()
    bob.type("lost")
    village.world.fail_over(*village.brokers)
    for node in (0, 1):
        village.restore(node)
    bob.type("after")
    assert ["[#go] <bob> lost", AWAY, BACK, "[#go] <bob> after"] == alice.read()


def test_an_evicted_node_brings_its_people_back(village: Village) -> None:
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go", node=1)
    village.evict(0)
    assert ["alice has quit (connection lost)"] == bob.read()
    village.restore(0)
    assert ["alice has joined the channel #go"] == bob.read()
    lines = alice.read()
    assert (AWAY, 1, 1) == (lines[0], lines.count(CUT_OFF), lines.count(BACK))
    bob.say("hello")
    alice.say("hi")
    assert (["[#go] <bob> hello"], ["[#go] <alice> hi"]) == (alice.read(), bob.read())


def test_an_evicted_person_never_reads_their_own_quit(village: Village) -> None:
    alice = village.person("alice", "#go")
    village.evict(0)
    village.restore(0)
    assert [] == [line for line in alice.read() if "alice has quit" in line]


def test_an_evicted_person_whose_nick_was_taken_gets_another(village: Village) -> None:
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go", node=1)
    village.evict(0)
    bob.type("/nick alice")
    village.restore(0)
    assert alice.nick.startswith("guest-")
    expected = f"notice: somebody else has taken your nick meanwhile; you are {alice.nick} now"
    assert expected in alice.read()
    assert [f"{alice.nick} has joined the channel #go"] == bob.read()


def test_an_evicted_person_is_away_still(village: Village) -> None:
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go", node=1)
    alice.type("/away lunch")
    village.evict(0)
    village.restore(0)
    bob.read()
    assert "alice is away (lunch)" in bob.type("/whois alice")


def test_people_who_never_spoke_come_back_into_the_lobby_unannounced(village: Village) -> None:
    village.guest(0)
    other = village.guest(1)
    other.read()
    village.evict(0)
    village.restore(0)
    assert [] == other.read()
    assert 2 == len(village.world.channels["#lobby"].members)


def test_who_only_tried_to_speak_comes_back_into_the_lobby_unannounced(village: Village) -> None:
    guest, other = village.guest(0), village.guest(1)
    other.read()
    village.lose(0)
    guest.type("hello")
    village.evict(0)
    village.restore(0)
    assert [] == other.read()


def test_after_the_broker_lost_everything_nobody_is_seen_to_leave(village: Village) -> None:
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go", node=1)
    village.world.forget()
    alice.type("hello")
    lines = bob.read()
    assert "[#go] <alice> hello" == lines[-1]
    assert [] == [line for line in lines if " has " in line]


def test_after_the_broker_lost_everything_a_nick_stays_whose_it_was_however_late_they_come(
    village: Village,
) -> None:
    alice, bob = village.person("alice"), village.person("bob", node=1)
    village.lose(0)
    village.world.forget()
    assert ["bob is changing nick to alice"] == bob.type("/nick alice")[-1:]
    village.restore(0)
    assert ("alice", True) == (alice.nick, bob.nick.startswith("guest-"))
    lost = f"notice: somebody else has taken your nick meanwhile; you are {bob.nick} now"
    assert lost == bob.read()[-1]
    assert not any("nick" in line for line in alice.read())


@pytest.mark.parametrize("method", ["open", "join"])
def test_who_could_not_be_brought_back_is_brought_back_the_next_time(
    village: Village, method: str
) -> None:
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go", node=1)
    gated(village).refusing[method] = [Code.AWAY]
    village.evict(0)
    village.restore(0)
    village.lose(0)
    village.restore(0)
    village.read_up()
    alice.type("hello")
    assert ["[#go] <alice> hello"] == bob.read()


@pytest.mark.parametrize("method", ["open", "join"])
def test_who_could_not_be_brought_back_though_the_broker_was_there_is_tried_again_and_again(
    village: Village, method: str
) -> None:
    """A Redis without memory takes nobody, and says so at once."""
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go", node=1)
    gated(village).refusing[method] = [Code.BUSY] * 30
    village.evict(0)
    village.restore(0)
    waiting = []
    while village.later:
        waiting.append(len(village.later))
        village.a_while_later()
    village.read_up()
    alice.type("hello")
    assert ({1}, ["[#go] <alice> hello"]) == (set(waiting), bob.read())


def test_who_is_being_brought_back_is_told_that_the_broker_is_back(village: Village) -> None:
    alice = village.person("alice", "#go")
    gates = gated(village).shut("open")
    village.evict(0)
    village.restore(0)
    before = [line.split(";")[0] for line in alice.read()]
    gates[0].callback(None)
    after = [line.split(";")[0] for line in alice.read() if line.startswith("notice: ")]
    assert (
        ["notice: the broker is away", "notice: the broker is back"],
        ["notice: this node was cut off from the cluster"],
    ) == (before, after)


def test_a_session_evicted_while_it_joins_is_in_no_doubt(village: Village) -> None:
    alice, _bob = village.person("alice"), village.person("bob", "#go", node=1)
    gates = gated(village).shut("join")
    alice.type("/join #go")
    village.evict(0)
    del gated(village).gates["join"]
    village.restore(0)
    gates[0].callback(None)
    alice.type("/ping 1")
    there = "#go" in alice.session.channels
    rosters = [m.nick for m in village.world.channels["#go"].members.values()]
    assert there == ("alice" in rosters)


def test_a_join_that_is_not_known_to_be_done_can_be_repeated(village: Village) -> None:
    alice = village.person("alice")
    gated(village).unsettled["join"] = 1
    (line,) = alice.type("/join #go")[-1:]
    assert "error: the broker was lost meanwhile; it is not known whether that was done" == line
    assert "pong 1" == alice.type("/join #go", "/ping 1")[-1]


def test_commands_left_without_an_answer_hold_up_nothing_while_the_broker_is_away(
    village: Village,
) -> None:
    alice = village.person("alice", "#go")
    gated(village).shut("join")
    alice.type("/join #new")
    village.lose(0)
    alice.read()
    assert ["pong 1"] == alice.type("/ping 1")


def test_who_was_held_up_by_the_broker_is_read_from_when_it_is_away(village: Village) -> None:
    alice = village.person("alice", "#go")
    gated(village).shut("join")
    alice.type("/join #new", *["/who"] * 100)
    assert alice.screen.paused
    village.lose(0)
    assert not alice.screen.paused


def test_who_is_lost_while_being_greeted_and_the_broker_goes_is_counted_once(
    village: Village,
) -> None:
    gates = gated(village).shut("open")
    guest = village.guest()
    village.lose(0)
    guest.hang_up()
    gates[0].callback(None)
    village.restore(0)
    assert set() == village.chats[0]._present


@pytest.mark.parametrize("code", [None, Code.CUT_OFF])
def test_who_comes_while_the_node_is_evicted_is_a_guest_like_any_other(
    village: Village, code: Code | None
) -> None:
    gates = gated(village).shut("open")
    guest = village.guest()
    village.evict(0)
    del gated(village).gates["open"]
    village.restore(0)
    if code is None:
        gates[0].callback(None)
    else:
        gates[0].errback(Refused(code))
    lines = guest.read()
    assert (f"welcome to chorus; you are {guest.nick}", []) == (
        lines[0],
        [line for line in lines if line.startswith("notice: this node")],
    )
    assert [guest.session.me.sid] == [claim.sid for claim in village.world.claims.values()]
    guest.hang_up()
    assert {} == village.world.claims


def test_who_is_lost_while_waiting_to_be_greeted_leaves_nothing(village: Village) -> None:
    """The broker takes no commands, and still lets the opening wait."""
    gates = gated(village).shut("open")
    village.lose(0)
    guest = village.guest()
    guest.hang_up()
    village.restore(0)
    gates[0].callback(None)
    assert ({}, False) == (village.world.claims, guest.here)


# -- going


def goodbye(village: Village, closing: Goodbye = Goodbye.SHUTDOWN) -> list[object]:
    """Close all of the first node; the list gets something when that has come about."""
    done: list[object] = []
    Deferred.fromCoroutine(village.chats[0].close_all(closing)).addBoth(done.append)
    return done


def test_who_is_left_at_the_end_of_a_drain_is_told_a_token_all_the_same(village: Village) -> None:
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go")
    village.read_up()
    gates = gated(village).shut("person")
    alice.type("/whois bob")  # and is busy with that
    village.chats[0].dismiss(alice.session, Goodbye.DRAIN)
    over = goodbye(village, Goodbye.DRAIN)
    for gate in gates:
        gate.callback(None)
    closings = [person.read()[-1] for person in (alice, bob)]
    assert ([True, True], [None]) == (["/resume " in line for line in closings], over)


def test_everybody_is_said_goodbye_to(village: Village) -> None:
    people = [village.person(nick, "#go") for nick in ("alice", "bob")]
    village.read_up()
    assert [None] == goodbye(village)
    closing = "closing: this server is going down"
    assert [closing, closing] == [person.read()[-1] for person in people]
    assert [False, False] == [person.here for person in people]


def test_the_others_read_that_everybody_of_a_node_that_stops_has_quit(village: Village) -> None:
    village.person("alice", "#go")
    carol = village.person("carol", "#go", node=1)
    goodbye(village)
    assert ["alice has quit (connection lost)"] == carol.read()


def test_goodbye_ends_when_the_cluster_knows_nobody_any_more(village: Village) -> None:
    for nick in ("alice", "bob", "carol"):
        village.person(nick, "#go")
    gates = gated(village).shut("quit")
    done = goodbye(village)
    waiting = []
    for gate in list(gates):
        waiting.append(list(done))
        gate.callback(None)
    assert ([[], [], []], [None]) == (waiting, done)


def test_goodbye_waits_for_who_is_quitting_already(village: Village) -> None:
    alice = village.person("alice")
    gates = gated(village).shut("quit")
    alice.type("/quit")
    done = goodbye(village)
    assert [] == done
    gates[0].callback(None)
    assert [None] == done


def test_goodbye_to_nobody_ends_at_once(village: Village) -> None:
    assert [None] == goodbye(village)


def test_goodbye_comes_before_what_is_waiting_in_a_lane(village: Village) -> None:
    alice, bob = village.person("alice", "#go"), village.person("bob", "#go", node=1)
    gates = gated(village).shut("barrier")
    alice.type("/ping", "never said")
    done = goodbye(village)
    for gate in gates:  # one that is opened may bring another
        gate.callback(None)
    assert [None] == done
    assert ["alice has quit (connection lost)"] == bob.read()


def test_the_last_line_is_the_reason(village: Village) -> None:
    alice = village.person("alice", "#go")
    assert "closing: you have quit" == alice.type("/quit", "hello", "/who")[-1]


@pytest.mark.parametrize("before_and_after", [True, False])
def test_a_quit_after_the_broker_lost_everything_is_read_once(
    village: Village, before_and_after: bool
) -> None:
    alice = village.person("alice", "#a", "#b")
    bob = village.person("bob", "#a", "#b", node=1)
    bob.type(*["/msg #a hello", "/msg #b hello"] * 10)
    village.world.forget()
    if before_and_after:
        bob.type("/msg #a hello", "/msg #b hello")
    alice.read()
    bob.type("/quit")
    assert ["bob has quit"] == alice.read()


@pytest.mark.parametrize("end", ["/quit", None])
def test_nothing_is_said_after_the_reason(village: Village, end: str | None) -> None:
    alice = village.person("alice", "#go")
    gated(village).shut("quit")
    gates = gated(village).shut("barrier")
    alice.type("/ping")
    if end is None:
        goodbye(village)
    else:
        alice.type(end)
    alice.say("hello", "/topic new", "/who")
    for gate in gates:
        gate.callback(None)
    village.lose(0)
    assert "closing: " == alice.read()[-1][:9]


def deaf(village: Village) -> None:
    """The first node hears nothing of what is accepted from here on."""
    village.brokers[0].publish = lambda log, envelope: None  # type: ignore[method-assign]


def test_who_leaves_and_does_not_hear_of_it_has_left_all_the_same(village: Village) -> None:
    alice = village.person("alice", "#go")
    deaf(village)
    alice.type("/leave #go")
    village.chats[0].gap("#go", 1)
    assert ["gap: 1 message of #go is lost", "error: you are not in #go"] == alice.type(
        "/msg #go hello"
    )


def test_who_joins_and_does_not_hear_of_it_is_told_what_is_there(village: Village) -> None:
    village.person("bob", "#go", node=1)
    alice = village.person("alice")
    deaf(village)
    alice.type("/join #go")
    village.chats[0].gap("#go", 1)
    assert ["gap: 1 message of #go is lost", "in #go (2): @bob alice"] == alice.read()


def test_what_the_cluster_lost_of_somebody_is_put_back_without_a_word(village: Village) -> None:
    ann, bob = village.person("ann", "#go", node=0), village.person("bob", "#go", node=1)
    del village.world.claims["ann"], village.world.channels["#go"].members[ann.session.me.sid]
    village.chats[0].mend([ann.session.me.sid, bob.session.me.sid, "nobody"])
    assert ([], []) == (ann.read(), bob.read())
    assert ["error: the nick ann is taken"] == bob.type("/nick ann")
    ann.say("here")
    assert ["[#go] <ann> here"] == bob.read()


def test_where_nothing_was_lost_mending_is_nothing(village: Village) -> None:
    ann, bob = village.person("ann", "#go", node=0), village.person("bob", "#go", node=1)
    village.chats[0].mend([ann.session.me.sid])
    ann.say("here")
    assert ([], ["[#go] <ann> here"]) == (ann.read(), bob.read())


def test_whose_nick_was_lost_and_taken_becomes_a_guest_when_it_is_mended(village: Village) -> None:
    ann, bob = village.person("ann", "#go", node=0), village.person("bob", "#go", node=1)
    del village.world.claims["ann"]
    bob.type("/nick ann")
    village.chats[0].mend([ann.session.me.sid])
    assert ann.nick.startswith("guest-")
    assert f"notice: somebody else has taken your nick meanwhile; you are {ann.nick} now" in (
        ann.read()
    )


# -- operators


def test_an_operators_words_are_told_to_everybody_here() -> None:
    village = Village(2)
    ann, bob, cat = (
        village.person(nick, node=i) for nick, i in (("ann", 0), ("bob", 0), ("cat", 1))
    )
    assert 2 == village.chats[0].announce("back at \x1b[31mnoon")
    expected = ["notice: back at \ufffd[31mnoon"]
    assert [expected, expected, []] == [person.read() for person in (ann, bob, cat)]


@pytest.mark.parametrize("why, colon", [("spam", ": spam"), ("", "")])
def test_who_is_kicked_reads_why_and_so_do_others(why: str, colon: str) -> None:
    village = Village(2)
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=1)
    village.chats[0].expel(ann.session, Goodbye.KICKED, why)
    assert [f"closing: kicked{colon}"] == ann.read()
    assert [f"ann has quit (kicked{colon})"] == bob.read()
    assert not ann.here


def test_who_is_kicked_cannot_take_the_session_up_again() -> None:
    village = Village()
    ann = village.person("ann", "#go")
    (token,) = ann.type("/token")
    village.chats[0].expel(ann.session, Goodbye.KICKED, "")
    assert ["closing: kicked"] == ann.read()
    again = village.guest()
    again.read()
    assert ["error: that token is not known"] == again.type(f"/resume {token.split()[1]}")
