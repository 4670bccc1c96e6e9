"""Channels with rules, and each of their people on another node: what's decided on one holds on all
from its place in the order on.
"""

import re
from concurrent.futures import ThreadPoolExecutor

from broker.embedded import Embedded
from tests.support.processes import await_fact
from tests.support.town import Citizen, Town, named, settle
from tests.support.towns import MakeTown


def changes(go: str, by: str, what: str) -> str:
    return f"{by} has changed the modes of {go}: {what}"


def operators(person: Citizen, channel: str) -> set[str]:
    lines = person.does(f"/names {channel}")
    return {nick for nick in " ".join(lines).partition(": ")[2].split() if nick.startswith("@")}


def test_who_was_there_first_is_the_operator_and_makes_others(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    assert [f"in {go} (3): @ann bob cat"] == cat.does(f"/names {go}")
    made = changes(go, "ann", "+o bob")
    assert [made] == ann.does("/op bob")
    assert [[made], [made]] == settle(bob, cat)
    unmade = changes(go, "bob", "-o ann")
    assert [unmade] == bob.does("/deop ann")
    assert [[unmade], [unmade]] == settle(ann, cat)
    assert [f"error: only an operator of {go} may do that"] == ann.does("/op ann")


def test_who_is_kicked_on_another_node_is_out_everywhere(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    kicked = f"ann has kicked cat out of the channel {go} (enough)"
    assert [kicked] == ann.does("/kick cat enough")
    ann.does("peace")
    assert [[kicked, f"[{go}] <ann> peace"], [kicked]] == settle(bob, cat)
    assert [f"error: you are not in {go}"] == cat.does(f"/msg {go} hello")
    assert [f"in {go} (2): @ann bob"] == bob.does(f"/names {go}")
    assert f"cat has joined the channel {go}" == cat.does(f"/join {go}")[0]


def test_who_is_banned_is_kept_out_and_silent_on_every_node(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    for command in ("/ban bob cat", "/kick cat"):
        ann.does(command)
    settle(bob, cat)
    assert [f"error: you are banned from {go}"] == cat.does(f"/join {go}")
    assert [f"error: you are banned from {go}, and can't speak there"] == bob.does("hello")
    assert [] == [line for line in ann.settle() if "hello" in line]
    for command in ("/voice bob", "/unban cat"):
        ann.does(command)
    settle(bob)
    bob.does("hello")
    assert [f"[{go}] <bob> hello"] == ann.settle()
    assert f"cat has joined the channel {go}" == cat.does(f"/join {go}")[0]


def test_keys_limits_and_invitations_hold_on_every_node(town: Town, go: str) -> None:
    ann = town.person("ann", go, on=1)
    bob, cat = town.person("bob", on=2), town.person("cat", on=3)
    ann.does("/mode +kl sesame 1")
    needed = f"error: {go} has a key, and can't be joined without it: /join #CHANNEL KEY"
    assert [needed] == bob.does(f"/join {go}")
    assert [f"error: {go} is full"] == bob.does(f"/join {go} sesame")
    ann.does("/mode -l+i")
    assert [f"error: only who is invited can come into {go}"] == cat.does(f"/join {go} sesame")
    assert [f"you have invited cat into {go}"] == ann.does("/invite cat")
    assert [f"ann invites you into the channel {go}"] == cat.settle()
    assert f"cat has joined the channel {go}" == cat.does(f"/join {go}")[0]


def test_a_secret_channel_is_seen_from_no_node(town: Town, go: str) -> None:
    ann = town.person("ann", go, on=1)
    bob = town.person("bob", on=2)
    ann.does("/mode +s")
    for command in ("/names", "/topic", "/mode", "/kick"):
        about = f"{command} {go} ann" if command == "/kick" else f"{command} {go}"
        assert [f"error: there is no channel {go}"] == bob.does(about)
    await_fact(lambda: not any(go in line for line in bob.does("/list")))
    await_fact(lambda: not any(go in line for line in bob.does("/whois ann")))


def test_of_many_who_come_at_once_as_many_come_in_as_the_limit_says(town: Town, go: str) -> None:
    ann = town.person("ann", go)
    ann.does("/mode +l 5")
    crowd = [town.person(f"p{i}", on=i % 3 + 1) for i in range(30)]
    for person in crowd:
        person.type(f"/join {go}")
    answers = [" ".join(lines) for lines in settle(*crowd)]
    assert 26 == len([answer for answer in answers if f"error: {go} is full" in answer])
    assert 5 == len(named(ann.does(f"/names {go}")))


def test_of_operators_who_depose_one_another_one_is_left(town: Town, go: str) -> None:
    """Each is the first in the order of the log, or has nothing to say any more."""
    people = [town.person(f"p{i}", go, on=i % 3 + 1) for i in range(6)]
    settle(*people)
    people[0].does("/op " + " ".join(f"p{i}" for i in range(1, 6)))
    settle(*people)
    for i, person in enumerate(people):
        person.type("/deop " + " ".join(f"p{j}" for j in range(6) if j != i))
    settle(*people)
    settle(*people)
    assert 1 == len(operators(people[0], go))
    assert 1 == len({tuple(line for line in p.heard if " -ooooo " in line) for p in people})


def test_nothing_is_said_after_it_was_forbidden(town: Town, go: str) -> None:
    """In the order that everybody reads, which is the log's: whatever was under way."""
    ann, *talkers = town.people("ann", "t1", "t2", "t3", "t4", "t5", at=go)

    def talk(person: Citizen) -> None:
        for i in range(300):
            person.type(str(i))
            if i % 20 == 19:
                person.settle()

    def rule() -> None:
        for _ in range(15):
            for command in ("/mode +m", "/mode -m", "/kick t5"):
                ann.does(command)

    with ThreadPoolExecutor(len(talkers) + 1) as pool:
        ruling = pool.submit(rule)
        list(pool.map(talk, talkers))
        ruling.result()
    settle(ann, *talkers)
    moderated, kicked = False, False
    for line in ann.heard:
        if found := re.search(r" the modes of \S+: ([+-])m$", line):
            moderated = found[1] == "+"
        kicked = kicked or " has kicked t5 " in line
        if line.startswith(f"[{go}] <t"):
            assert not moderated
            assert not (kicked and "<t5>" in line)
    assert any("only who has a voice" in line for line in talkers[0].heard)


def test_rules_and_statuses_outlive_a_redis_that_forgets_everything(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url)
    ann, bob, cat = people = town.people("ann", "bob", "cat", at="#go")
    for command in ("/voice bob", "/mode +mk sesame", "/ban dan"):
        ann.does(command)
    settle(*people)
    town.cluster.redis.flushall()
    await_fact(lambda: {"ann", "bob", "cat"} <= set(named(cat.does("/names #go")[-1:])))
    settle(*people)
    assert ["in #go (3): @ann +bob cat"] == cat.does("/names #go")
    assert ["the modes of #go are +mnk sesame"] == cat.does("/mode #go")
    assert ["error: only who has a voice may speak in #go now"] == cat.does("hello")
    assert ["error: you are banned from #go"] == town.person("dan").does("/join #go sesame")


def test_statuses_and_rules_are_taken_up_with_a_session(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.type("/token")
    token = ann.until("token ").removeprefix("token ")
    ann.close()
    again = town.person(on=3)
    again.does(f"/resume {token}")
    assert [changes(go, "ann", "+m")] == again.does("/mode +m")
    assert [changes(go, "ann", "+m")] == bob.settle()
