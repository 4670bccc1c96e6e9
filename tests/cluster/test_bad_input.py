"""Whatever somebody sends: it ends in a plain error or a close with a reason, and costs no other
person anything (I7, I8).
"""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.cluster.conftest import MakeTown
from tests.support.processes import await_fact
from tests.support.town import Citizen, Town, settle

TOO_LONG = "error: a line can't be longer than 4096 bytes"


@pytest.fixture
def witnesses(town: Town, go: str) -> Iterator[list[Citizen]]:
    """Two people who talk to each other before and after, and hear nothing strange between."""
    witnesses = town.people("ann", "bob", at=f"{go}-quiet")
    yield witnesses
    ann, bob = witnesses
    ann.does("still there?")
    assert [f"[{go}-quiet] <ann> still there?"] == bob.settle()
    bob.does("yes")
    assert [f"[{go}-quiet] <bob> yes"] == ann.settle()


def slow_reader(town: Town, channel: str) -> socket.socket:
    """Somebody in the channel who will read nothing, with little room for what they don't read."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", town.nodes[0].line))
    slow.sendall(f"/nick slow\r\n/join {channel}\r\n".encode())
    return slow


def test_random_bytes_are_answered_with_errors(
    town: Town, go: str, witnesses: list[Citizen]
) -> None:
    assert witnesses
    junk = random.Random(1).randbytes(300_000)
    mallory = town.person("mallory", go)
    mallory.send(junk + b"\r\n")
    answers = {line.split()[0] for line in mallory.settle()}
    assert answers <= {"error:", "hint:"}


@pytest.mark.parametrize(
    "line", [b"\xff\xfe", b"/msg bob \xc3", b"/nick \xed\xa0\x80", b"a\xc0\x80b"]
)
def test_a_line_that_is_not_utf_8_is_refused_whole(town: Town, go: str, line: bytes) -> None:
    mallory, bob = town.people("mallory", "bob", at=go)
    mallory.send(line + b"\r\n")
    (refused,) = mallory.settle()
    assert refused.startswith("error: ")
    mallory.does("fine again")
    assert [f"[{go}] <mallory> fine again"] == bob.settle()


def test_a_line_of_4096_bytes_is_said_and_one_of_more_is_dropped_whole(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    fits, crlf = "é" * 2048, "x" * 4096
    ann.send(f"{fits}\n{crlf}\r\n{crlf}y\r\n{crlf}yy\nz\r\n".encode())
    answers = [line[: len(TOO_LONG)] for line in ann.settle()]
    assert [TOO_LONG, TOO_LONG] == answers
    assert [f"[{go}] <ann> {text}" for text in (fits, crlf, "z")] == bob.settle()


def test_ten_megabytes_without_an_end_are_dropped(
    town: Town, go: str, witnesses: list[Citizen]
) -> None:
    ann, bob = witnesses
    mallory = town.person("mallory", go, on=1)
    before = town.nodes[0].memory
    for _ in range(100):
        mallory.send(b"x" * 100_000)
        assert [[], []] == settle(ann, bob)
    assert town.nodes[0].memory - before < 8_000_000
    mallory.send(b"\r\nfine again\r\n")
    assert [TOO_LONG] == [line[: len(TOO_LONG)] for line in mallory.settle()]
    (said,) = mallory.does("/history")
    assert f"[{go}] <mallory> fine again" == said[8:]


def test_a_line_may_come_in_pieces(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    for byte in "grün\r\n/me waves\n".encode():
        ann.send(bytes((byte,)))
    ann.settle()
    assert [f"[{go}] <ann> grün", f"[{go}] * ann waves"] == bob.settle()


def test_half_a_line_is_not_said(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.send(b"half a li")
    ann.say_no_more()
    ann.rest()
    assert ["ann has quit (connection lost)"] == bob.settle()


def test_an_empty_line_does_nothing(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    ann.send(b"\r\n\n\r\n")
    assert [] == ann.settle()
    assert [] == bob.settle()


@pytest.mark.parametrize("text", [b"a\rb", b"a\0b", b"\0"])
def test_what_could_end_a_line_somewhere_is_refused(town: Town, go: str, text: bytes) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    for command in (b"", b"/me ", b"/topic ", b"/msg bob ", b"/away "):
        ann.send(command + text + b"\r\n")
        (refused,) = ann.settle()
        assert refused.startswith("error: ")
    assert [] == bob.settle()


def test_telnets_negotiation_at_the_start_is_ignored(town: Town, go: str) -> None:
    telnet = Citizen(town.nodes[0])
    town.citizens.append(telnet)
    telnet.send(bytes([255, 251, 31, 255, 253, 1, 255, 250, 31, 0, 80, 0, 24, 255, 240]))
    telnet.send(f"/join {go}\r\n".encode())
    assert not [line for line in telnet.settle() if line.startswith("error: ")]
    assert f"in {go} (1):" in "\n".join(telnet.heard)


def test_thousands_of_lines_at_once_are_all_said_in_order(
    town: Town, go: str, witnesses: list[Citizen]
) -> None:
    assert witnesses
    mallory, cat = town.person("mallory", go, on=1), town.person("cat", go, on=3)
    settle(mallory)
    mallory.send(b"".join(b"%d\r\n" % i for i in range(5000)))
    mallory.settle()
    assert [f"[{go}] <mallory> {i}" for i in range(5000)] == cat.settle()


def test_a_thousand_commands_at_once_are_all_answered_in_order(
    town: Town, witnesses: list[Citizen]
) -> None:
    assert witnesses
    mallory = Citizen(town.nodes[0])  # and not even waiting for the greeting
    town.citizens.append(mallory)
    mallory.send(b"".join(b"/help nick\r\n/ping %d\r\n/nope\r\n" % i for i in range(1000)))
    mallory.settle()
    pongs = [line for line in mallory.heard if line.startswith("pong ")]
    assert [f"pong {i}" for i in range(1000)] == pongs[:1000]
    assert 2000 == len([line for line in mallory.heard if line.startswith(("error: ", "hint: "))])


def test_a_thousand_lines_where_one_is_not_are_all_refused(town: Town, go: str) -> None:
    mallory = town.person("mallory")
    mallory.send(f"/msg {go} hello\r\n".encode() * 1000)
    answers = mallory.settle()
    assert (1000, 1) == (len(answers), len(set(answers)))


def test_whoever_says_nothing_is_left_alone(town: Town, go: str) -> None:
    with socket.create_connection(("127.0.0.1", town.nodes[0].line), 20) as silent:
        ann, bob = town.people("ann", "bob", at=go)
        ann.does("hello")
        assert [f"[{go}] <ann> hello"] == bob.settle()
        assert silent.recv(10)


def test_a_reader_who_does_not_read_is_closed_and_delays_nobody(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    with slow_reader(town, go):
        for person in (ann, bob):
            person.until(f"slow has joined the channel {go}")
        said = 0
        slowest = 0.0
        while not any(line.startswith("slow has quit") for line in bob.heard):
            assert said < 20_000
            for _ in range(50):
                said += 1
                ann.type(f"{said} " + "x" * 2000)
            began = time.monotonic()
            settle(ann, bob)
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 20  # as long as it takes on a busy machine, but not until they are closed
        (quit,) = (line for line in bob.heard if line.startswith("slow has quit"))
        assert "slow" in quit.partition("(")[2]
        numbers = [int(line.split()[2]) for line in bob.heard if "xxx" in line]
        assert list(range(1, said + 1)) == numbers


@pytest.mark.parametrize("asks", [b"/help\r\n", b"/names\r\n/ping " + b"x" * 4000 + b"\r\n"])
def test_whoever_asks_and_asks_and_never_reads_is_closed_at_the_bound(
    town: Town, go: str, witnesses: list[Citizen], asks: bytes
) -> None:
    ann, bob = witnesses
    before = town.nodes[0].memory
    with slow_reader(town, go) as mallory:
        mallory.settimeout(20)
        with suppress(ConnectionError):
            while True:
                mallory.sendall(asks * 100)
                assert [[], []] == settle(ann, bob)
    assert town.nodes[0].memory - before < 20_000_000


def test_many_who_connect_and_vanish_leave_nobody_behind(make_town: MakeTown) -> None:
    town = make_town(count=2)
    ann = town.person("ann")
    before = town.cluster.held()
    for i in range(100):
        with socket.create_connection(("127.0.0.1", town.nodes[i % 2].line), 20) as gone:
            if i % 3:
                gone.sendall(b"/nick gone%d\r\n/join #go\r\nhello" % i)
            if i % 2:
                gone.recv(1)
    for number in (1, 2):
        town.person(on=number).leave()  # whoever came before has been let in
    await_fact(lambda: before == town.cluster.held())
    assert ["in #lobby (1): ann"] == ann.does("/names #lobby")
