"""Limits, over real sockets: who floods delays nobody else, and who is turned away reads why."""

import socket
import time

import pytest

from tests.cluster.conftest import MakeTown
from tests.support.person import Person
from tests.support.processes import await_fact
from tests.support.town import Town

NOBODY = ("--trusted", "")
"""Nobody is trusted, not even this machine."""

TOO_MANY = "closing: too many connections from your address (limit: 2, --connections-per-address)"


def turned_away(on: int) -> str | None:
    """Connect to a port; the line with which it's closed, or None if one may come in."""
    with Person(on) as person:
        line = person.read()
        if not line.startswith("closing: "):
            return None
        with pytest.raises(ConnectionError):
            person.read()
        return line


WHO = (("flooder", 1), ("other", 1), ("listener", 2))
"""Nicks, and the numbers of their nodes."""


def flood(town: Town, lines: int) -> list[str]:
    """Somebody on n1 says so many lines at once; what a listener on n2 heard of them."""
    flooder, _, listener = (town.person(nick, "#go", on=on) for nick, on in WHO)
    flooder.send(b"".join(b"%d\r\n" % i for i in range(lines)))
    flooder.settle()
    listener.settle()
    return [line for line in listener.heard if line.startswith("[#go]")]


def test_who_says_too_much_waits_and_nothing_of_it_is_lost_or_reordered(
    make_town: MakeTown,
) -> None:
    town = make_town(*NOBODY, "--lines-per-session", "20/1", count=2)
    start = time.monotonic()
    heard = flood(town, 60)
    expected = [f"[#go] <flooder> {i}" for i in range(60)]
    assert expected == [line for line in heard if "<flooder>" in line]
    assert time.monotonic() - start > 1.9  # 20 at once, 40 more at 20 a second


def test_who_says_too_much_delays_nobody_else(make_town: MakeTown) -> None:
    town = make_town(*NOBODY, "--lines-per-session", "20/3600", count=2)
    flooder, other, listener = (town.person(nick, "#go", on=on) for nick, on in WHO)
    flooder.send(b"".join(b"%d\r\n" % i for i in range(50)))
    listener.until("[#go] <flooder> 0")
    other.type("excuse me")
    listener.until("[#go] <other> excuse me")  # an hour before what is left of the flood
    assert "[#go] <flooder> 40" not in listener.heard


@pytest.mark.parametrize("flags", [("--no-limits", *NOBODY), ()])
def test_who_is_trusted_or_without_limits_says_as_much_as_they_like(
    make_town: MakeTown, flags: tuple[str, ...]
) -> None:
    town = make_town(*flags, "--lines-per-session", "1/3600", count=1)
    ann, bob = town.people("ann", "bob", at="#go")
    ann.send(b"".join(b"%d\r\n" % i for i in range(500)))
    ann.settle()
    assert 500 == len([line for line in bob.settle() if "<ann>" in line])


def test_half_a_flood_is_done_before_its_author_is_gone(make_town: MakeTown) -> None:
    town = make_town(*NOBODY, "--lines-per-session", "20/1", count=1)
    ann, bob = town.people("ann", "bob", at="#go")
    ann.send(b"".join(b"%d\r\n" % i for i in range(40)))
    ann.say_no_more()
    assert "closing: you have hung up" == ann.rest()[-1]
    bob.until("ann has quit")
    assert [f"[#go] <ann> {i}" for i in range(40)] == [
        line for line in bob.heard if "<ann>" in line
    ]


def test_nicks_and_joins_that_come_too_often_are_refused(make_town: MakeTown) -> None:
    town = make_town(
        *NOBODY, "--nicks-per-session", "2/3600", "--joins-per-session", "1/3600", count=1
    )
    ann = town.person("ann")
    ann.does("/nick ann2")
    assert ["error: you change your nick too often; try again in 30 min"] == [
        _rounded(line) for line in ann.does("/nick ann3")
    ]
    ann.does("/join #go")
    (refusal,) = ann.does("/join #other")
    assert refusal.startswith("error: you join channels too often; try again in ")


def _rounded(line: str) -> str:
    """Without the seconds that have gone by since."""
    words, _, wait = line.rpartition(" in ")
    seconds = int(wait.removesuffix(" s")) if wait.endswith(" s") else 1800
    return f"{words} in 30 min" if 1700 < seconds <= 1800 else line


def test_who_connects_too_often_reads_why(make_town: MakeTown) -> None:
    town = make_town(*NOBODY, "--connects-per-address", "3/3600", count=1)
    port = town.nodes[0].line
    expected = (
        "closing: you connect too often from your address (limit: 3 in 60 min,"
        " --connects-per-address)"
    )
    assert [None] * 3 + [expected] == [turned_away(port) for _ in range(4)]


def test_an_address_has_so_many_connections_in_the_whole_cluster(make_town: MakeTown) -> None:
    town = make_town(*NOBODY, "--connections-per-address", "2", count=2)
    one, other = (node.line for node in town.nodes)
    ann, bob = town.people("ann", "bob")
    assert (TOO_MANY, TOO_MANY) == (turned_away(one), turned_away(other))
    ann.leave()
    town.citizens.remove(ann)
    await_fact(lambda: turned_away(other) is None)
    assert ["bob is changing nick to ann"] == bob.does("/nick ann")


def test_who_was_turned_away_was_never_there(make_town: MakeTown) -> None:
    town = make_town(*NOBODY, "--connections-per-address", "2", count=1)
    town.people("ann", "bob")
    before = town.cluster.held()
    assert TOO_MANY == turned_away(town.nodes[0].line)
    assert before == town.cluster.held()


def test_connections_of_a_node_that_died_count_no_more(make_town: MakeTown) -> None:
    town = make_town(*NOBODY, "--connections-per-address", "2", "--lease", "2", count=2)
    for nick in ("ann", "bob"):
        town.person(nick, on=1)
    assert TOO_MANY == turned_away(town.nodes[1].line)
    town.nodes[0].kill()
    await_fact(lambda: turned_away(town.nodes[1].line) is None)


def test_connections_count_again_after_redis_forgot_everything(make_town: MakeTown) -> None:
    town = make_town(*NOBODY, "--connections-per-address", "2", "--lease", "2", count=2)
    town.people("ann", "bob")
    for key in town.cluster.all_keys():
        town.cluster.redis.delete(key)
    await_fact(lambda: turned_away(town.nodes[0].line) == TOO_MANY)


def test_who_says_nothing_for_too_long_is_closed_and_others_read_why(make_town: MakeTown) -> None:
    town = make_town(count=1)
    strict = town.cluster.launch("n2", "--idle", "3").serve()
    bob, ann = town.person("bob", "#go"), town.come("ann", "#go", on=strict)
    assert "closing: nothing came from you for 3 s (--idle)" == ann.rest()[-1]
    assert "ann has quit (idle)" == bob.until("ann has quit")


def test_who_was_closed_for_idleness_can_take_a_kept_session_up_again(
    make_town: MakeTown,
) -> None:
    town = make_town(count=1)
    strict = town.cluster.launch("n2", "--idle", "3").serve()
    ann = town.come("ann", "#go", on=strict)
    ann.does("/token")
    closing = ann.rest()[-1]
    token = closing.rpartition(" ")[2]
    assert (
        "closing: nothing came from you for 3 s (--idle); take your session up again, on any node,"
        f" with /resume {token}"
    ) == closing
    assert "resumed as ann" in town.person().does(f"/resume {token}")


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="not on this system")
def test_a_peer_that_takes_nothing_any_more_is_lost(make_town: MakeTown) -> None:
    """As one is whose network failed: nothing of what it's sent is taken."""
    town = make_town("--dead-peer", "2", "--outbox-bytes", "1000000000", count=1)
    ann, bob = town.people("ann", "bob", at="#go")
    while not [line for line in bob.heard if "ann has quit" in line]:
        for _ in range(100):
            bob.type("x" * 4000)
        bob.settle()
    assert "ann has quit (connection lost)" in bob.heard
