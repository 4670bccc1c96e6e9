"""`chorus doctor`: what differs between Redis and the nodes is named, and put right."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.keys import Keys
from tests.cluster.conftest import LEASE, MakeTown
from tests.support.nodes import Nodes
from tests.support.operator import diagnosis, operate
from tests.support.processes import await_fact
from tests.support.town import Citizen, Town, named, settle
from tests.support.up import command, environ


class Ward:
    """A town with ann (on n1) and bob (on n2) in #go, and Redis to do harm to."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.nodes = town.cluster
        self.redis: Any = town.cluster.redis
        self.keys = Keys(town.cluster.namespace)
        self.ann, self.bob = town.people("ann", "bob", at="#go")

    def sid(self, nick: str) -> str:
        """Of whoever holds the nick."""
        found: str = self.redis.hget(self.keys.nick(nick).claim, "sid")
        return found

    def plant_claim(self, nick: str, node: str = "n1.0123") -> None:
        """Let a session that there is nowhere hold a nick."""
        claim = {"sid": "ghost", "token": "t", "nick": nick, "node": node, "topic": "x"}
        self.redis.hset(self.keys.nick(nick).claim, mapping={**claim, "since": 0, "seq": 0})

    def plant_member(self, channel: str, sid: str = "ghost", nick: str = "casper") -> None:
        """Let a session be in a roster."""
        self.redis.hset(self.keys.channel(channel).roster, sid, f"t 0 a - 0 {nick}")

    def found(self) -> list[str]:
        """What the doctor says that differs; nothing is mended."""
        status, told = diagnosis(self.nodes)
        assert status == (1 if told["found"] else 0)
        return [each["says"] for each in told["found"]]

    def mended(self) -> list[str]:
        """The kinds of what was found and put right; nothing is left."""
        status, told = diagnosis(self.nodes, "--fix")
        assert (0, []) == (status, told["left"])
        said = [[each["says"] for each in told[which]] for which in ("found", "mended")]
        assert sorted(said[0]) == sorted(said[1])
        return [each["finding"] for each in told["mended"]]

    def agree(self) -> bool:
        """Whether nothing differs."""
        return self.found() == []


@pytest.fixture(scope="module")
def standing(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with (
        Nodes(server, tmp_path_factory.mktemp("ward"), "--lease", str(LEASE), forked=True) as nodes,
        Town(nodes, 2) as town,
    ):
        yield town


@pytest.fixture
def ward(standing: Town) -> Iterator[Ward]:
    """Nothing differs at the beginning, nor at the end."""
    made = Ward(standing)
    yield made
    made.ann.settle()
    standing.leave()
    assert made.agree()


def quits(person: Citizen) -> list[str]:
    person.settle()
    return [line for line in person.heard if " has quit" in line or " has left" in line]


def test_where_all_is_well_it_says_so(ward: Ward) -> None:
    done = operate(ward.nodes, "doctor")
    expected = "2 nodes, 2 sessions\nRedis and the nodes agree\n"
    assert (0, expected) == (done.returncode, done.stdout)


def test_people_who_come_and_go_meanwhile_do_not_count(ward: Ward) -> None:
    where = ("--redis", ward.nodes.url, "--namespace", ward.nodes.namespace)
    with subprocess.Popen(
        command("doctor", *where), env=environ(), stdout=subprocess.PIPE, text=True
    ) as doctor:
        number = 0
        while doctor.poll() is None:
            number += 1
            person = ward.town.come(f"cat{number}", f"#new{number}", on=ward.town.nodes[0])
            ward.ann.does(f"/nick ann{number}")
            person.leave()
        assert doctor.stdout is not None
        said = doctor.stdout.read()
    assert number
    assert (0, "Redis and the nodes agree") == (doctor.returncode, said.splitlines()[-1])


def test_a_ghosts_nick_is_named_and_then_free(ward: Ward) -> None:
    ward.plant_claim("casper")
    assert ["the nick casper is held by a session that no node has (ghost)"] == ward.found()
    assert ["error: the nick casper is taken"] == ward.ann.does("/nick casper")
    assert ["GhostNick"] == ward.mended()
    assert ["ann is changing nick to casper"] == ward.ann.does("/nick casper")


def test_a_ghost_in_channels_is_named_and_quits_once(ward: Ward) -> None:
    ward.ann.does("/join #py")
    ward.bob.does("/join #py")
    ward.plant_member("#go")
    ward.plant_member("#py")
    assert 2 == len(ward.found())
    assert ["GhostMember"] * 2 == ward.mended()
    for person in (ward.ann, ward.bob):
        assert ["casper has quit (connection lost)"] == quits(person)
    assert ["in #go (2): @ann bob"] == ward.ann.does("/names #go")


def test_who_is_by_the_roster_where_their_node_does_not_know_them_leaves(ward: Ward) -> None:
    ward.bob.does("/join #py")
    ward.plant_member("#py", ward.sid("ann"), "ann")
    assert ["ann is in #py by the roster, and by no node ({})".format(ward.sid("ann"))] == (
        ward.found()
    )
    assert ["GhostMember"] == ward.mended()
    assert ["ann has left the channel #py"] == quits(ward.bob)
    assert ["[#go] <ann> still here"] == [
        line for line in [*ward.ann.does("still here"), *ward.bob.settle()] if "still" in line
    ]


def test_a_place_that_redis_lost_is_put_back_without_a_word(ward: Ward) -> None:
    ward.redis.hdel(ward.keys.channel("#go").roster, ward.sid("ann"))
    sid = ward.sid("ann")
    assert [f"the node n1 has ann in #go, who isn't in its roster ({sid})"] == ward.found()
    assert ["LostMember"] == ward.mended()
    ward.ann.does("here again")
    assert ["[#go] <ann> here again"] == ward.bob.settle()


def test_a_nick_that_redis_lost_is_claimed_again(ward: Ward) -> None:
    ward.redis.delete(ward.keys.nick("ann").claim)
    assert ["LostNick"] == ward.mended()
    assert ["error: the nick ann is taken"] == ward.bob.does("/nick ann")
    ward.bob.does("/msg ann psst")
    assert ["[private] <bob> psst"] == ward.ann.settle()


def test_all_that_redis_lost_of_somebody_is_put_back(ward: Ward) -> None:
    ward.redis.delete(ward.keys.nick("ann").claim, ward.keys.channel("#go").roster)
    assert ["LostMember", "LostMember", "LostNick"] == sorted(ward.mended())
    ward.ann.does("hello")
    assert ["[#go] <ann> hello"] == ward.bob.settle()
    assert ["ann", "bob"] == named(ward.bob.does("/names #go"))


def test_a_nick_that_somebody_else_got_meanwhile_is_theirs(ward: Ward) -> None:
    ward.redis.delete(ward.keys.nick("ann").claim)
    assert ["bob is changing nick to ann"] == ward.bob.does("/nick ann")
    assert ["LostNick"] == ward.mended()
    ward.ann.until("notice: somebody else has taken your nick meanwhile; you are guest-")
    settle(ward.ann, ward.bob)
    ward.ann.does("hello")
    assert any(line.startswith("[#go] <guest-") for line in ward.bob.settle())


def test_the_records_of_a_node_that_nobody_sweeps_are_swept(ward: Ward) -> None:
    ward.redis.hset(ward.keys.node_sessions("dead.0123"), "ghost", '["t",["casper"],["#go"],false]')
    ward.plant_claim("casper", "dead.0123")
    ward.plant_member("#go")
    assert ["1 sessions of dead.0123 are on record, which is neither alive nor being swept"] == (
        ward.found()
    )
    assert ["OrphanedRecords"] == ward.mended()
    ward.bob.until("casper has quit (connection lost)")


def test_who_may_still_be_taken_up_is_no_ghost(ward: Ward) -> None:
    cat = ward.town.person("cat", "#go")
    cat.type("/token")
    token = cat.until("token ").removeprefix("token ")
    cat.close()
    assert ward.agree()
    again = ward.town.person(on=2)
    again.does(f"/resume {token}")
    assert ward.agree()
    assert "in #go (3): @ann bob cat" in again.does("/names #go")


def test_the_list_of_channels_is_put_right(ward: Ward) -> None:
    ward.redis.srem(ward.keys.channel_index, "#go")
    ward.redis.sadd(ward.keys.channel_index, "#nowhere")
    assert ["UnlistedChannel", "ListedChannel"] == ward.mended()
    assert {"#go", "#lobby"} == ward.redis.smembers(ward.keys.channel_index)


def test_what_should_expire_does_and_what_should_not_does_not(ward: Ward) -> None:
    for line in ("/join #py", "hello", "/leave #py"):
        ward.ann.does(line)
    empty, used = ward.keys.channel("#py").log, ward.keys.channel("#go").log
    ward.redis.persist(empty)
    ward.redis.expire(used, 1000)
    assert ["FleetingKey", "LastingKey"] == sorted(ward.mended())
    assert (-1, True) == (ward.redis.ttl(used), 0 < ward.redis.ttl(empty) <= 7 * 86_400)


def test_a_node_that_does_not_answer_is_named_and_its_people_are_left_alone(
    make_town: MakeTown,
) -> None:
    town = make_town("--lease", "16", count=2)  # it looks thrice, and may be slow itself
    _, bob = town.people("ann", "bob", at="#go")
    town.nodes[0].freeze()
    town.cluster.prolong("n1")
    try:
        status, told = diagnosis(town.cluster, "--fix", "--wait", "3")
        assert (1, ["SilentNode"], []) == (
            status,
            [each["finding"] for each in told["left"]],
            told["mended"],
        )
        assert ["in #go (2): @ann bob"] == bob.does("/names #go")
    finally:
        town.nodes[0].wake()


def test_keys_that_hold_something_else_are_named_and_nothing_else_suffers(ward: Ward) -> None:
    keys = [
        ward.keys.nick("zoe").claim,
        ward.keys.channel("#x").roster,
        ward.keys.channel("#y").roster,
        ward.keys.node_sessions("n9.00"),
    ]
    ward.redis.hset(keys[0], "sid", "only")
    ward.redis.hset(keys[1], "sid", "not a member")
    ward.redis.set(keys[2], "no hash")
    ward.redis.set(keys[3], "no hash")
    ward.plant_claim("casper")
    _, told = diagnosis(ward.nodes)
    assert sorted(keys) == sorted(each["key"] for each in told["found"] if "key" in each)
    assert ["GhostNick"] == [each["finding"] for each in told["found"] if "nick" in each]
    ward.redis.delete(*keys)
    ward.mended()


def test_no_token_is_told(ward: Ward) -> None:
    ward.plant_claim("casper")
    _, told = diagnosis(ward.nodes)
    assert [{"finding", "says", "nick", "sid"}] == [set(each) for each in told["found"]]
    ward.mended()


def test_a_cluster_without_nodes_or_people_is_well(server: str, tmp_path: Path) -> None:
    with Nodes(server, tmp_path, forked=True) as nodes:
        done = operate(nodes, "doctor")
    assert (0, "0 nodes, 0 sessions") == (done.returncode, done.stdout.splitlines()[0])


def test_without_redis_it_says_so_in_one_line(tmp_path: Path) -> None:
    with Nodes("redis://:hunter2@127.0.0.1:1/0", tmp_path, forked=True) as nodes:
        done = operate(nodes, "doctor")
    assert (1, 1, False) == (done.returncode, done.stderr.count("\n"), "hunter2" in done.stderr)


def test_a_dead_node_that_nobody_can_sweep_yet_is_counted(server: str, tmp_path: Path) -> None:
    with (
        Nodes(server, tmp_path, "--lease", str(LEASE), forked=True) as nodes,
        Town(nodes, 1) as town,
    ):
        town.person("ann", "#go")
        town.nodes[0].kill()
        await_fact(lambda: diagnosis(nodes, "--wait", "0.2")[1]["nodes"] == 0)
        done = operate(nodes, "doctor")
    expected = "0 nodes, 0 sessions, 1 dead ones to be swept\nRedis and the nodes agree\n"
    assert (0, expected) == (done.returncode, done.stdout)
