"""What the broker promises of commands that were under way when the link was lost.

Only a broker with a link can lose it in the middle of a command, so these run on a real
server alone.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from broker.api import Code, Identity, Refused
from broker.cluster import Cluster
from broker.events import (
    Event,
    Invited,
    Joined,
    Kicked,
    Left,
    Quit,
    Redacted,
    Renamed,
    Ruled,
    Said,
    Tagged,
    Told,
    TopicSet,
)
from broker.rules import Decision, Rules, anybody, encode_rules
from tests.contract.conftest import MakeBrokers
from tests.support.fleet import Node, RedisFleet, refusal, somebody
from tests.support.ruled import all_may
from tests.support.sinks import Evicted
from tests.support.spin import eventually, reactor

pytestmark = pytest.mark.parametrize("fleet", ["server"], indirect=True)

LEASE = 0.8
"""Seconds: short, in tests that wait for its end; but nobody stands still for so long by chance."""

TAGS = {"+draft/react": "x"}

STEPS = 7
"""More than any command's round trips to Redis."""

CHANGES = (("+m", ""),)
DECISION = Decision(Rules(modes="m"), CHANGES)
MODERATED = encode_rules(Rules(1, "m"))

Command = Callable[[Node, Identity], Awaitable[object]]

COMMANDS: dict[str, Command] = {
    "say": lambda node, me: node.say(me, "#go", "hi"),
    "set_topic": lambda node, me: node.broker.set_topic(me, "#go", "gophers"),
    "tell": lambda node, me: node.broker.tell(me, "bob", "psst"),
    "tag": lambda node, me: node.broker.tag(me, "#go", TAGS),
    "touch": lambda node, me: node.broker.touch(me, "bob", TAGS),
    "join": lambda node, me: node.broker.join(me, "#py"),
    "leave": lambda node, me: node.broker.leave(me, "#go", "bye"),
    "rename": lambda node, me: node.broker.rename(me, "anna", ["#go"]),
    "quit": lambda node, me: node.broker.quit(me, "bye", ["#go"]),
    "open": lambda node, me: node.broker.open(somebody("carl")),
    "set_away": lambda node, me: node.broker.set_away(me, "lunch"),
    "count": lambda node, me: node.broker.count("requests"),
    "barrier": lambda node, me: node.broker.barrier(),
    "rule": lambda node, me: node.broker.rule(me, "#go", lambda _, __: DECISION),
    "kick": lambda node, me: node.broker.kick(me, "#go", "bob", "out", judge=all_may),
    "invite": lambda node, me: node.broker.invite(me, "#new", "bob", judge=anybody),
}


async def _interrupted(fleet: RedisFleet, node: Node, command: Awaitable[Any], step: int) -> Any:
    """The result of a command of which the answer to one step is lost with the link."""
    relay = fleet.relays[node.broker]
    relay.answers = step
    running = Deferred.fromCoroutine(_awaited(command))

    async def over() -> bool:
        return running.called or relay.is_cut

    await eventually(over, True)
    relay.mend()
    return await running


async def _awaited(command: Awaitable[Any]) -> Any:
    return await command


async def _met(make_brokers: MakeBrokers, **settings: Any) -> tuple[Node, Node, Identity, Identity]:
    """Ann on one node and Bob on another, in two channels that Bob hears."""
    a, b = await make_brokers(2, **settings)
    bob = await b.enter("bob", "#go", "#py", announce=False)
    ann = await a.enter("ann", "#go", announce=False)
    await a.broker.follow("#py")
    return a, b, ann, bob


def _expected(name: str, ann: Identity, bob: Identity) -> tuple[object, list[Event]]:
    """What a command returns, and what Bob hears of it."""
    say = Said(ann.sid, ann.num, "ann", "hi")
    expected: dict[str, tuple[object, list[Event]]] = {
        "say": (None, [say]),
        "set_topic": (None, [TopicSet(ann.sid, ann.num, "ann", "gophers")]),
        "tell": (("bob", None), [Told(ann.sid, ann.num, "ann", "psst", bob.sid)]),
        "tag": (None, [Tagged(ann.sid, ann.num, "ann", TAGS)]),
        "touch": (("bob", None), [Tagged(ann.sid, ann.num, "ann", TAGS, bob.sid)]),
        "join": (2, [Joined(ann.sid, ann.num, "ann")]),
        "leave": (None, [Left(ann.sid, ann.num, "ann", "bye")]),
        "rename": (["#go"], [Renamed(ann.sid, ann.num, "ann", "anna", ("#go",))]),
        "quit": (None, [Quit(ann.sid, ann.num, "ann", "bye", ("#go",))]),
        "count": (1, []),
        "rule": (DECISION, [Ruled(ann.sid, ann.num, "ann", 1, CHANGES, (), "", MODERATED)]),
        "kick": (None, [Kicked(ann.sid, ann.num, "ann", bob.sid, "bob", "out")]),
        "invite": (("bob", None), [Invited(ann.sid, ann.num, "ann", "bob", "#new", bob.sid)]),
    }
    return expected.get(name, (None, []))


async def _heard(node: Node) -> list[Event]:
    await node.broker.barrier()
    return [event for log in ("#go", "#py", "bob") for event in node.sink.heard(log)]


@pytest.mark.parametrize("step", range(STEPS))
@pytest.mark.parametrize("name", COMMANDS)
async def test_a_command_whose_answer_was_lost_happens_once(
    fleet: RedisFleet, make_brokers: MakeBrokers, name: str, step: int
) -> None:
    a, b, ann, bob = await _met(make_brokers)
    result = await _interrupted(fleet, a, COMMANDS[name](a, ann), step)
    if name == "join":
        result = result.roster.total
    elif name in ("tell", "touch"):
        result = result[:2]
    assert _expected(name, ann, bob) == (result, await _heard(b))


@pytest.mark.parametrize("target", ["#go", "bob"])
@pytest.mark.parametrize("step", range(STEPS))
async def test_a_redaction_whose_answer_was_lost_happens_once(
    fleet: RedisFleet, make_brokers: MakeBrokers, step: int, target: str
) -> None:
    a, b, ann, bob = await _met(make_brokers)
    if target == "bob":
        await a.broker.tell(ann, "bob", "psst")
    else:
        await a.say(ann, "#go", "psst")
    await b.broker.barrier()
    at = b.sink.places(target)[-1]
    redaction = await _interrupted(fleet, a, a.broker.redact(ann, target, at, "oops"), step)
    heard = [event for event in await _heard(b) if isinstance(event, Redacted)]
    assert ([redaction.event], redaction.at) == (heard, b.sink.places(target)[-1])


@pytest.mark.parametrize("step", range(STEPS))
async def test_a_rename_whose_answer_was_lost_is_whole(
    fleet: RedisFleet, make_brokers: MakeBrokers, step: int
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    await _interrupted(fleet, a, COMMANDS["rename"](a, ann), step)
    assert (Code.NO_SUCH_NICK, "anna", ["anna", "bob"], ["#go"]) == (
        await refusal(b.broker.person("ann")),
        (await b.broker.person("anna")).nick,
        sorted((await b.broker.roster("#go")).nicks),
        (await b.broker.person("anna")).channels,
    )


@pytest.mark.parametrize("step", range(STEPS))
async def test_a_quit_whose_answer_was_lost_is_whole(
    fleet: RedisFleet, make_brokers: MakeBrokers, step: int
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    await _interrupted(fleet, a, COMMANDS["quit"](a, ann), step)
    assert (Code.NO_SUCH_NICK, ["bob"]) == (
        await refusal(b.broker.person("ann")),
        (await b.broker.roster("#go")).nicks,
    )


@pytest.mark.parametrize("step", range(STEPS))
async def test_an_open_whose_answer_was_lost_is_whole(
    fleet: RedisFleet, make_brokers: MakeBrokers, step: int
) -> None:
    a, b, _, bob = await _met(make_brokers)
    await _interrupted(fleet, a, COMMANDS["open"](a, bob), step)
    await b.broker.tell(bob, "carl", "welcome")
    assert ["welcome"] == [e.text for e in await a.heard("carl") if isinstance(e, Told)]


async def _cut(fleet: RedisFleet, node: Node, command: Awaitable[Any]) -> "Deferred[Any]":
    """A command that was done, and whose answer was lost; there's no link any more."""
    relay = fleet.relays[node.broker]
    relay.answers = 0
    running = Deferred.fromCoroutine(_awaited(command))

    async def over() -> bool:
        return bool(relay.is_cut)

    await eventually(over, True)
    return running


async def test_what_was_sent_to_a_nick_before_its_taking_was_answered_arrives(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, bob = await _met(make_brokers)
    renaming = await _cut(fleet, a, a.broker.rename(ann, "anna", []))
    await b.broker.tell(bob, "anna", "psst")
    fleet.relays[a.broker].mend()
    await renaming
    assert ["psst"] == [e.text for e in await a.heard("anna") if isinstance(e, Told)]


async def test_a_nick_that_was_refused_once_is_heard_when_it_is_taken(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    """Giving up hearing it for the first attempt comes in between the second and its answer."""
    a, b, ann, bob = await _met(make_brokers)
    dan = await b.enter("dan")
    assert Code.NICK_TAKEN == await refusal(a.broker.rename(ann, "dan", []))
    await b.broker.quit(dan, "bye", [])
    broker: Any = a.broker
    stopping = Deferred.fromCoroutine(
        broker._holding.stop_hearing(broker.barrier)
    )  # each beat does
    await deferLater(reactor, 0)  # its question is under way
    await a.broker.rename(ann, "dan", [])
    await stopping
    await b.broker.tell(bob, "dan", "psst")
    assert ["psst"] == [e.text for e in await a.heard("dan") if isinstance(e, Told)]


async def test_a_join_whose_answer_was_lost_reads_on_from_where_it_says(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    """Also if somebody else of the node comes into the channel before it's asked again."""
    a, _, ann, _ = await _met(make_brokers)
    carl = await a.enter("carl")
    joining = await _cut(fleet, a, a.broker.join(ann, "#new"))
    overtaking: list[Deferred[Any]] = []

    def then() -> None:
        if a.broker.ready and not overtaking:
            overtaking.append(Deferred.fromCoroutine(_awaited(a.join(carl, "#new"))))

    a.sink.then = then
    fleet.relays[a.broker].mend()
    arrival = await joining
    await overtaking[0]
    await a.say(ann, "#new", "here")
    await a.broker.barrier()
    after = [place.seq for place in a.sink.places("#new") if place.seq > arrival.tip.seq]
    assert list(range(arrival.tip.seq + 1, arrival.tip.seq + 1 + len(after))) == after
    assert not arrival.announced or after


async def test_a_quit_that_redis_refuses_is_done_when_it_takes_writes_again(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    with fleet.client() as client:
        client.config_set("min-replicas-to-write", 1)
        quitting = Deferred.fromCoroutine(_awaited(a.broker.quit(ann, "bye", ["#go"])))
        await refusal(b.broker.set_topic(ann, "#go", "nobody can write"))
        client.config_set("min-replicas-to-write", 0)
    await quitting
    assert (["bob"], Code.NO_SUCH_NICK) == (
        (await b.broker.roster("#go")).nicks,
        await refusal(b.broker.person("ann")),
    )


async def test_a_detach_waits_until_redis_takes_writes_again(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go")
    await a.broker.keep(ann, "a secret", b"{}")
    with fleet.client() as client:
        client.config_set("min-replicas-to-write", 1)
        left = Deferred.fromCoroutine(_awaited(a.broker.detach(ann, b"{}")))
        refused = await refusal(a.broker.set_topic(ann, "#go", "nobody can write"))
        client.config_set("min-replicas-to-write", 0)
    assert Code.BUSY == refused
    await left
    again = Identity(ann.sid, "another", "")
    assert "ann" == (await b.broker.resume(again, "a secret", detached=True)).nick


async def test_lines_under_way_keep_their_order_over_a_lost_link(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    relay = fleet.relays[a.broker]
    settled: list[Refused | None] = []
    for wave in range(6):
        relay.answers = wave % 3
        for i in range(20):
            a.broker.say(ann, "#go", str(wave * 20 + i), False, settled.append)

        async def over(wave: int = wave) -> bool:
            return relay.is_cut or len(settled) == 20 * (wave + 1)

        await eventually(over, True)
        relay.mend()

        async def ready() -> bool:
            return a.broker.ready

        await eventually(ready, True)
    await a.broker.barrier()
    accepted = [i for i, refused in enumerate(settled) if refused is None]
    said = [e.text for e in await b.heard("#go") if isinstance(e, Said)]
    assert ([str(i) for i in range(120)], list(range(120))) == (said, accepted)


@pytest.mark.parametrize("name", ["say", "set_topic", "tell", "join", "leave", "rename"])
async def test_what_cannot_be_settled_is_said_to_be_so(
    fleet: RedisFleet, make_brokers: MakeBrokers, name: str
) -> None:
    a, _, ann, _ = await _met(make_brokers, patience=0.5, deadline=0.5)
    fleet.relays[a.broker].answers = 0
    assert Code.UNSETTLED == await refusal(COMMANDS[name](a, ann))


@pytest.mark.parametrize("name", ["say", "set_topic", "tell", "join", "leave", "rename", "open"])
async def test_what_was_under_way_when_the_lease_ended_never_happens(
    fleet: RedisFleet, make_brokers: MakeBrokers, name: str
) -> None:
    a, b, ann, bob = await _met(make_brokers, lease=LEASE)
    fleet.relays[a.broker].swallows = True
    outcome = Deferred.fromCoroutine(refusal(COMMANDS[name](a, ann)))
    await fleet.evict(a, seen_by=b)
    heard = await _heard(b)
    await fleet.restore(a)
    refused = await outcome
    await a.broker.barrier()
    assert refused in (Code.CUT_OFF, Code.NOT_MEMBER, Code.UNSETTLED)
    assert (heard, ["bob"], ["bob"]) == (
        await _heard(b),
        (await b.broker.roster("#go")).nicks,
        (await b.broker.roster("#py")).nicks,
    )
    nobody = [await refusal(b.broker.person(nick)) for nick in ("ann", "anna", "carl")]
    assert [Code.NO_SUCH_NICK] * 3 == nobody


@pytest.mark.parametrize("step", range(3))
@pytest.mark.parametrize("name", ["say", "set_topic", "tell", "join", "rename", "open"])
async def test_what_arrives_after_the_lease_ended_is_not_accepted(
    fleet: RedisFleet, make_brokers: MakeBrokers, name: str, step: int
) -> None:
    a, b, ann, _ = await _met(make_brokers, lease=LEASE)
    relay = fleet.relays[a.broker]
    relay.requests = step
    outcome = Deferred.fromCoroutine(refusal(COMMANDS[name](a, ann)))
    await fleet.ended(a, seen_by=b)
    relay.deliver()
    await outcome
    await a.sink.until_told(Evicted(False))
    await b.broker.barrier()
    entries = [entry for log in ("#go", "#py", "bob") for entry in b.sink.entries(log)]
    quits = [entry.ms for entry in entries if isinstance(entry.event, Quit)]
    others = [e.ms for e in entries if e.event.sid == ann.sid and not isinstance(e.event, Quit)]
    assert [] == [ms for ms in others if ms > min(quits)]

    async def left_behind() -> list[str]:
        rosters = [(await b.broker.roster(channel)).nicks for channel in ("#go", "#py")]
        nicks = [n for n in ("ann", "anna", "carl") if not await refusal(b.broker.person(n))]
        return sorted({*rosters[0], *rosters[1], *nicks})

    await eventually(left_behind, ["bob"])


async def test_a_broken_connection_brings_nothing_late(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, bob = await _met(make_brokers)
    relay = fleet.relays[a.broker]
    relay.requests = 1
    telling = Deferred.fromCoroutine(a.broker.tell(ann, "bob", "psst"))

    async def held() -> bool:
        return bool(relay.late)

    await eventually(held, True)
    relay.cut()
    relay.mend()
    await telling
    relay.deliver()
    await a.broker.barrier()
    assert [Told(ann.sid, ann.num, "ann", "psst", bob.sid)] == await b.heard("bob")


async def test_a_sweep_that_was_asked_for_before_an_outage_takes_nobody_after_it(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    """When Redis wakes, all leases look ended to what was under way."""
    (a,) = await make_brokers(1)
    assert isinstance(a.broker, Cluster)
    store, now = a.broker._store, a.broker._presence.now_ms
    with fleet.client() as client:
        client.zadd(store.keys.leases, {"dead.1": now - 1000})
    (late, _), (in_time, _) = [
        await store.expired(1000, 10, until) for until in (now - 1000, now + 60_000)
    ]
    assert ([], ["dead.1"]) == (late, in_time)


async def test_a_link_is_not_given_up_because_beats_are_rarer_than_its_deadline(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    (a,) = await make_brokers(1, lease=16.0, deadline=1.5)
    assert isinstance(a.broker, Cluster)
    broker, probed = a.broker, {a.broker._delivery._probed_at}

    async def probes() -> int:
        probed.add(broker._delivery._probed_at)
        return len(probed)

    await eventually(probes, 3)
    assert [] == a.sink.told


async def test_when_too_much_is_under_way_a_line_is_refused(
    fleet: RedisFleet, make_brokers: MakeBrokers
) -> None:
    a, b, ann, _ = await _met(make_brokers)
    waiting = [
        Deferred.fromCoroutine(refusal(a.broker.set_away(ann, str(i)))) for i in range(21_000)
    ]
    settled: list[Refused | None] = []
    a.broker.say(ann, "#go", "one too many", False, settled.append)
    answers = [await one for one in waiting]
    await a.say(ann, "#go", "again")
    assert ([Refused(Code.BUSY)], {None, Code.BUSY}, [Said(ann.sid, ann.num, "ann", "again")]) == (
        settled,
        set(answers),
        [event for event in await b.heard("#go") if isinstance(event, Said)],
    )
