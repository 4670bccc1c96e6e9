"""`chorus status`, `nodes`, `channels`, `sessions`: what operators see of real nodes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from broker.embedded import Embedded
from broker.keys import Keys
from tests.cluster.conftest import MakeTown
from tests.cluster.test_outages import frozen
from tests.support.nodes import Nodes
from tests.support.operator import asked, operate_on, told
from tests.support.processes import await_fact
from tests.support.town import Town


def seen(nodes: Nodes, fact: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What `status` tells, once something is so. A node of a busy machine may be degraded now and
    then, so a fact that others hide is waited for, too.
    """

    def so() -> dict[str, Any] | None:
        found: dict[str, Any] = told(nodes, "status")
        return found if fact(found) else None

    return await_fact(so, 40)


def is_well(found: dict[str, Any]) -> bool:
    return bool(found["well"])


def succeeds(nodes: Nodes, *args: str) -> Result:
    """What a command says once its exit status is 0."""

    def result() -> Result | None:
        done = asked(nodes, *args)
        return None if done.exit_code else done

    return await_fact(result, 40)


def states(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(node["node"], node["state"]) for node in found["nodes"]]


def test_status_agrees_with_who_is_there(make_town: MakeTown) -> None:
    town = make_town()
    town.people("ann", "bob", "cat", "dan", at="#go")
    found = seen(town.cluster, lambda found: found["sessions"] == 4 and is_well(found))
    assert [(f"n{i}", "ready") for i in (1, 2, 3)] == states(found)
    assert {"slash": 4} == found["dialects"]
    assert (2, []) == (found["channels"], found["why"])
    done = succeeds(town.cluster, "status")
    lines = done.stdout.splitlines()
    assert ("all is well", "3 nodes, 4 people, 2 channels") == (lines[0], lines[1][:29])
    assert lines[2].startswith("Redis ")
    assert "" == done.stderr


def test_a_node_that_was_lost_is_told_and_so_is_that_something_is_wrong(
    make_town: MakeTown,
) -> None:
    town = make_town("--lease", "2", count=2)
    seen(town.cluster, is_well)
    town.nodes[1].kill()
    found = seen(town.cluster, lambda found: ("n2", "gone") in states(found))
    assert "n2: lost: its lease has ended" in found["why"]
    assert not is_well(found)
    assert 1 == asked(town.cluster, "status").exit_code
    done = asked(town.cluster, "nodes")
    assert (1, ["n2", "gone"]) == (done.exit_code, done.stdout.splitlines()[2].split()[:2])


def test_a_node_that_stands_still_is_told_before_its_lease_ends(make_town: MakeTown) -> None:
    town = make_town("--lease", "120", count=2)
    seen(town.cluster, is_well)
    town.nodes[0].freeze()
    silent = "n1: nothing heard of it for "
    found = seen(town.cluster, lambda found: silent in "".join(found["why"]))
    assert ("n1", "degraded") == states(found)[0]
    town.nodes[0].wake()
    seen(town.cluster, is_well)


def test_a_node_that_stopped_in_good_order_is_no_reason_to_worry(make_town: MakeTown) -> None:
    town = make_town(count=2)
    seen(town.cluster, is_well)
    town.nodes[1].end()
    seen(town.cluster, lambda found: ("n2", "gone") in states(found) and is_well(found))
    lines = succeeds(town.cluster, "nodes").stdout.splitlines()
    assert [["n1", "ready"], ["n2", "gone"]] == [line.split()[:2] for line in lines[1:]]
    listed = told(town.cluster, "nodes")
    assert ["n1", "n2"] == [node["node"] for node in listed]


def test_without_any_node_it_says_so_and_where_it_looked(make_town: MakeTown) -> None:
    town = make_town(count=0)
    done = asked(town.cluster, "status")
    assert (1, ["something is wrong", "  no node is alive"]) == (
        done.exit_code,
        done.stdout.splitlines()[:2],
    )
    assert done.stderr.endswith(f"(--redis) for {town.cluster.namespace} (--namespace)\n")
    assert 1 == asked(town.cluster, "nodes").exit_code
    for command, said in (("channels", "in any channel"), ("sessions", "there is nobody")):
        done = asked(town.cluster, command)
        assert (0, "", True) == (done.exit_code, done.stdout, said in done.stderr)
        assert [] == told(town.cluster, command)


@pytest.mark.parametrize("command", ["status", "nodes", "channels", "sessions", "tail"])
def test_a_redis_that_cannot_be_reached_is_one_line_and_status_1(
    command: str, tmp_path: Path
) -> None:
    args = [command, *(["#go"] if command == "tail" else [])]
    done = operate_on(f"unix://{tmp_path}/nothing.sock", *args)
    expected = f"Error: the Redis at {tmp_path}/nothing.sock (--redis) can't be reached: "
    assert (1, "") == (done.returncode, done.stdout)
    assert [True] == [line.startswith(expected) for line in done.stderr.splitlines()]


def test_programs_are_told_too_that_redis_cannot_be_reached(tmp_path: Path) -> None:
    done = operate_on(f"unix://{tmp_path}/nothing.sock", "status", "--json")
    found = json.loads(done.stdout)
    assert (1, False, 1) == (done.returncode, found["well"], len(found["why"]))


def test_a_redis_that_does_not_answer_is_told_within_seconds(
    own_server: Embedded, make_town: MakeTown
) -> None:
    town = make_town(count=0, url=own_server.url)
    with frozen(own_server):
        done = asked(town.cluster, "status")
    assert 1 == done.exit_code
    assert "(--redis) can't be reached: " in done.stderr


@pytest.mark.parametrize("command", ["status", "nodes", "channels", "sessions", "tail #go", "top"])
def test_what_should_be_written_otherwise_is_named_and_status_2(command: str) -> None:
    done = operate_on("http://x", *command.split())
    assert 2 == done.returncode
    assert done.stderr.startswith("Error: --redis: expected a Redis URL")


def test_who_may_only_read_is_shown_what_can_be_read(
    own_server: Embedded, make_town: MakeTown
) -> None:
    town = make_town(count=1, url=own_server.url)
    allowed = ("+@read", "+@connection", "+time")
    town.cluster.redis.execute_command("ACL", "SETUSER", "viewer", "on", ">secret", "~*", *allowed)
    url = own_server.url.replace("://", "://viewer:secret@")
    done = operate_on(url, "status", "--namespace", town.cluster.namespace)
    assert "  Redis: it doesn't say how it is" in done.stdout.splitlines()
    assert (1, "") == (done.returncode, done.stderr)
    assert "1 node, 0 people" in done.stdout


def test_channels_are_listed_with_their_people_and_topics(town: Town, go: str) -> None:
    ann, _bob = town.people("ann", "bob", at=(go, f"{go}-Two"))
    ann.does(f"/topic {go} all \x1b[31mthings")
    listed = {each["channel"]: each for each in told(town.cluster, "channels")}
    found = listed[go]
    assert (2, "all \x1b[31mthings") == (found["members"], found["topic"])
    assert f"{go}-Two" in listed
    lines = asked(town.cluster, "channels").stdout.splitlines()
    assert ["CHANNEL", "PEOPLE", "LINES/S", "TOPIC"] == lines[0].split()
    line = next(line for line in lines if line.startswith(f"{go} "))
    assert [go, "2", "0", "all", "�[31mthings"] == line.split()


def test_sessions_are_listed_with_where_they_are(town: Town, go: str) -> None:
    ann, bob, _cat = town.people("ann", "bob", "cat", at=go)
    ann.does("/away lunch")
    bob.does(f"/join {go}-2")
    found = told(town.cluster, "sessions", "--in", go.upper().removeprefix("#"))
    assert [
        ("ann", "n1", "lunch", [go, "#lobby"]),
        ("bob", "n2", None, [go, f"{go}-2", "#lobby"]),
        ("cat", "n3", None, [go, "#lobby"]),
    ] == [(s["nick"], s["node"], s["away"], s["channels"]) for s in found]
    assert all(session["since"] for session in found)
    on = told(town.cluster, "sessions", "--in", go, "--on", "n2")
    assert ["bob"] == [session["nick"] for session in on]
    lines = asked(town.cluster, "sessions", "--in", go).stdout.splitlines()
    assert ["NICK", "NODE", "SINCE", "STATE", "CHANNELS"] == lines[0].split()
    assert ["ann", "bob", "cat"] == [line.split()[0] for line in lines[1:]]
    assert "away: lunch" in lines[1]


def test_a_session_that_waits_to_be_taken_up_is_listed_without_its_token(
    make_town: MakeTown,
) -> None:
    town = make_town("--keep", "600", count=1)
    ann = town.person("ann", "#go")
    token = ann.does("/token")[0].removeprefix("token ")
    ann.close()
    town.citizens.clear()
    listed = await_fact(
        lambda: [each for each in told(town.cluster, "sessions") if each["ends"]], 40
    )
    assert [("ann", "n1", True)] == [(s["nick"], s["node"], s["kept"]) for s in listed]
    for args in ((), ("--json",)):
        said = asked(town.cluster, "sessions", *args).stdout
        assert token not in said
        assert token[16:] not in said
    assert "detached" in asked(town.cluster, "sessions").stdout
    seen(town.cluster, lambda found: (found["kept"], found["sessions"]) == (1, 0))


def test_what_a_later_release_wrote_is_passed_over(make_town: MakeTown) -> None:
    town = make_town(count=1)
    town.person("ann", "#go")
    keys, redis = Keys(town.cluster.namespace), town.cluster.redis
    incarnation = redis.zrange(keys.leases, 0, -1)[0]
    redis.hset(keys.status, "n9.aa", "garbage")
    redis.xadd(keys.incidents, {"i": '{"kind": "unheard-of"}'})
    redis.hset(keys.node_sessions(str(incarnation)), "sid9", "garbage")
    redis.hset(keys.shelf, "sid8", "[1]")
    found = seen(town.cluster, lambda found: found["sessions"] == 1 and is_well(found))
    assert [("n1", "ready")] == states(found)
    assert ["ann"] == [session["nick"] for session in told(town.cluster, "sessions")]
