"""One order for everyone, each line once (I2), whoever comes and goes meanwhile."""

import re
from concurrent.futures import ThreadPoolExecutor

from tests.support.town import Citizen, Town, settle


def said(person: Citizen, channel: str) -> list[str]:
    """What a person has read of what was said in a channel, history not counted."""
    return [line for line in person.heard if line.startswith(f"[{channel}] <")]


def test_all_members_on_all_nodes_read_the_same_order_each_line_once(town: Town, go: str) -> None:
    two = f"{go}-2"
    people = [town.person(f"talker{i}", go, two, on=i % 3 + 1) for i in range(9)]
    settle(*people)
    for person in people:
        person.does("/set echo on")

    def talk(person: Citizen) -> None:
        for i in range(0, 100, 5):
            for j in range(i, i + 5):
                person.type(f"/msg {go if j % 2 else two} {j}")
            person.settle()

    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(talk, people))
    settle(*people)
    for channel, odd in ((go, 1), (two, 0)):
        heard = said(people[0], channel)
        for person in people[1:]:
            assert heard == said(person, channel)
        for i in range(9):
            mine = [line for line in heard if f" <talker{i}> " in line]
            assert [f"[{channel}] <talker{i}> {j}" for j in range(odd, 100, 2)] == mine


def test_lines_pasted_at_once_keep_their_order(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    lines = [f"line {i}" for i in range(3000)]
    ann.send("".join(f"{line}\r\n" for line in lines).encode())
    ann.settle()
    expected = [f"[{go}] <ann> {line}" for line in lines]
    assert [expected, expected] == settle(bob, cat)


def test_who_joins_amid_talk_reads_every_line_from_there_on_once(town: Town, go: str) -> None:
    talkers = town.people("ann", "bob", "cat", at=go)
    talkers[0].does("/set echo on")
    newcomers = [town.person(f"new{i}", on=i % 3 + 1) for i in range(9)]

    def talk(person: Citizen) -> None:
        for i in range(150):
            person.type(f"line {i}")
            if i % 10 == 9:
                person.settle()

    def come_in(person: Citizen) -> None:
        person.does(f"/join {go}")

    with ThreadPoolExecutor(12) as pool:
        talking = [pool.submit(talk, person) for person in talkers]
        coming = [pool.submit(come_in, person) for person in newcomers]
        for done in (*talking, *coming):
            done.result()
    settle(*talkers, *newcomers)
    everything = said(talkers[0], go)
    assert 450 == len(everything)
    for person in newcomers:
        history = [line[8:] for line in person.heard if re.match(rf"\| \d\d:\d\d \[{go}\]", line)]
        after = said(person, go)
        start = len(everything) - len(after)
        assert everything[start:] == after
        assert everything[start - len(history) : start] == history


def test_a_member_reads_exactly_what_was_said_between_joining_and_leaving(
    town: Town, go: str
) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    visitors = [town.person(f"visitor{i}", on=i % 3 + 1) for i in range(6)]
    ann.does("/set echo on")

    def talk(person: Citizen) -> None:
        for i in range(200):
            person.type(f"line {i}")
            if i % 5 == 4:
                person.settle()

    def visit(person: Citizen) -> None:
        for _ in range(5):
            person.does(f"/join {go}")
            person.does("/leave")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(talk, p) for p in (ann, bob)] + [
            pool.submit(visit, p) for p in visitors
        ]:
            done.result()
    settle(ann, bob, *visitors)
    everything = [line for line in ann.heard if "visitor" in line or line.startswith(f"[{go}]")]
    for i, person in enumerate(visitors):
        joined = f"visitor{i} has joined the channel {go}"
        left = f"visitor{i} has left the channel {go}"
        expected: list[str] = []
        inside = False
        for line in everything:
            inside = inside or line == joined
            if inside:
                expected.append(line)
            inside = inside and line != left
        known = ("[", "visitor")
        assert expected == [line for line in person.heard if line.startswith(known)]


def test_private_messages_between_two_nodes_keep_their_order(town: Town) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat")
    for i in range(200):
        ann.type(f"/msg cat {i}")
        bob.type(f"/msg cat {i}")
    settle(ann, bob)
    heard = cat.settle()
    for author in ("ann", "bob"):
        mine = [line for line in heard if f"<{author}>" in line]
        assert [f"[private] <{author}> {i}" for i in range(200)] == mine


def test_a_quit_amid_talk_is_read_once_and_after_the_last_words(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=(go, f"{go}-2"))
    for i in range(20):
        leaver = town.person(f"leaver{i}", go, f"{go}-2", on=i % 3 + 1)
        settle(ann, bob, cat)
        leaver.send(f"one\r\n/msg {go} two\r\n/quit\r\n".encode())
        leaver.rest()
        expected = [
            f"[{go}-2] <leaver{i}> one",
            f"[{go}] <leaver{i}> two",
            f"leaver{i} has quit",
        ]
        for person in (ann, bob, cat):
            assert expected[2:] == [line for line in person.settle() if "quit" in line]
            assert set(expected) <= set(person.heard)
