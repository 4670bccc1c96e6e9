"""`/livez` and `/readyz`: what a balancer and a supervisor are told, while Redis comes and goes."""

import os
import signal
import socket

from broker.embedded import Embedded
from tests.cluster.conftest import MakeTown
from tests.support.processes import await_fact
from tests.support.town import Town
from tests.support.web import ask, metrics


def ready(town: Town) -> bool:
    return ask(town.nodes[0], "/readyz").status == 200


def test_a_node_that_serves_is_alive_and_ready(town: Town) -> None:
    for node in town.nodes:
        assert (200, {"alive": True}) == (ask(node, "/livez").status, ask(node, "/livez").told)
        answer = ask(node, "/readyz")
        assert (200, {"ready": True, "why": []}) == (answer.status, answer.told)


def test_without_redis_a_node_is_alive_and_soon_not_ready_until_it_is_back(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url, count=1)
    node = town.nodes[0]
    os.kill(own_server.pid, signal.SIGSTOP)
    try:
        await_fact(lambda: not ready(town), 40.0)
        answer = ask(node, "/readyz")
        assert 503 == answer.status
        assert answer.told["why"][0].startswith("nothing has come back through Redis for ")
        assert 200 == ask(node, "/livez").status
        found = metrics(node)
        assert (0, 0) == (found["chorus_ready"], found["chorus_broker_up"])
        assert found["chorus_probe_age_seconds"] > 10
    finally:
        os.kill(own_server.pid, signal.SIGCONT)
    await_fact(lambda: ready(town), 40.0)
    assert 1 == metrics(node)["chorus_broker_reconnects_total"]


def test_a_node_that_is_draining_says_so_where_it_lets_nobody_in_any_more(
    make_town: MakeTown,
) -> None:
    town = make_town("--drain", "60", count=1)
    node = town.nodes[0]
    people = [town.person(nick) for nick in ("ann", "bob", "cat")]
    node.send_signal(signal.SIGTERM)
    await_fact(lambda: not ready(town))
    answer = ask(node, "/readyz")
    assert (503, ["draining: takes nobody any more"]) == (answer.status, answer.told["why"])
    assert 200 == ask(node, "/livez").status
    with socket.socket() as late:
        assert 0 != late.connect_ex(("127.0.0.1", node.line))
    node.send_signal(signal.SIGTERM)  # the rest at once
    assert 0 == node.wait()
    assert people


def test_a_node_that_waits_for_redis_is_alive_and_not_ready(
    make_town: MakeTown, own_server: Embedded
) -> None:
    town = make_town(url=own_server.url, count=1)
    http = town.nodes[0].http
    town.nodes[0].end()
    own_server.stop()
    node = town.cluster.launch("n9", "--http", f"tcp:{http}:interface=127.0.0.1")
    node.doors["http"] = http

    def alive() -> bool:
        try:
            return ask(node, "/livez").status == 200
        except OSError:
            return False

    await_fact(alive)
    answer = ask(node, "/readyz")
    assert (503, ["starting: it hasn't had Redis yet"]) == (answer.status, answer.told["why"])
    del node.doors["http"]
    own_server.start()
    node.serve()
    assert 200 == ask(node, "/readyz").status
