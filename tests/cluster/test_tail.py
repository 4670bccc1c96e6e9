"""`chorus tail`: an operator follows the log of a channel, whatever happens meanwhile."""

import json
import os
import signal
from pathlib import Path
from typing import Any

from broker.embedded import Embedded
from broker.keys import Keys
from tests.cluster.conftest import MakeTown
from tests.support.operator import Running, operate
from tests.support.processes import await_fact
from tests.support.talk import Talk
from tests.support.town import Town, settle_once_back


def test_it_begins_with_the_last_lines_and_goes_on_with_what_comes(town: Town, go: str) -> None:
    ann, bob = town.people("ann", "bob", at=go)
    for i in range(5):
        ann.does(f"line {i}")
    with Running(town.cluster, "tail", go.removeprefix("#").upper(), "--lines", "2") as tail:
        assert [f"[{go}] <ann> line 3", f"[{go}] <ann> line 4"] == [
            tail.read().partition(" ")[2] for _ in range(2)
        ]
        bob.does("/me waves \x1b[31mred")
        assert f"[{go}] * bob waves �[31mred" == tail.read().partition(" ")[2]
        bob.does(f"/leave {go} lunch")
        assert f"bob has left the channel {go} (lunch)" == tail.read().partition(" ")[2]
        assert [] == [line for line in ann.does("/names") if "tail" in line]


def test_ctrl_c_ends_it_without_a_word(town: Town, go: str) -> None:
    town.person("ann", go)
    with Running(town.cluster, "tail", go) as tail:
        assert "ann has joined" in tail.read()
        assert (130, "") == tail.interrupt()


def test_it_ends_without_a_word_when_nobody_reads_it_any_more(town: Town, go: str) -> None:
    ann = town.person("ann", go)
    with Running(town.cluster, "tail", go) as tail:
        assert "ann has joined" in tail.read()
        tail.hang_up()
        ann.does("one more")
        _, said = tail.wait()
        assert "" == said


def test_it_waits_for_a_channel_that_is_not_there(town: Town, go: str) -> None:
    with Running(town.cluster, "tail", go, "--json") as tail:
        assert f"there is no channel {go} now; waiting for it" == tail.read_error()
        town.person("ann", go)
        told = json.loads(tail.read())
        assert ("joined", "ann") == (told["is"], told["nick"])


def test_what_cannot_be_a_channel_is_named(make_town: MakeTown) -> None:
    done = operate(make_town(count=0).cluster, "tail", "a b")
    expected = "Error: CHANNEL: expected a channel's name: # and 1 to 50 printable characters"
    assert (2, expected) == (done.returncode, done.stderr[: len(expected)])


def test_no_line_is_lost_or_told_twice_when_redis_is_started_again(
    make_town: MakeTown, own_server: Embedded, tmp_path: Path
) -> None:
    town = make_town("--history-lines", "100000", url=own_server.url)
    nicks = ("ann", "bob", "cat")
    people = dict(zip(nicks, town.people(*nicks, at="#go"), strict=True))
    args = ("tail", "#go", "--json", "--lines", "100000")
    told = tmp_path / "told"
    with told.open("w") as file, Running(town.cluster, *args, into=file) as tail:
        await_fact(told.read_text)
        with Talk(people, "#go") as talk:
            talk.go_on()
            os.kill(own_server.pid, signal.SIGTERM)
            await_fact(lambda: own_server.poll() is not None)
            assert "is away, waiting for it" in tail.read_error()
            own_server.start()
            talk.go_on()
        talk.check()
        assert tail.read_error().endswith("is back")
        people["ann"].does("the end")
        await_fact(lambda: '"text":"the end"}\n' in told.read_text())
    log: Any = town.cluster.redis.xrange(Keys(town.cluster.namespace).channel("#go").log)
    events = [json.loads(fields["e"]) for _, fields in log]
    found = [json.loads(line) for line in told.read_text().splitlines()]
    assert [(event[0], event[1], event[3]) for event in events] == [
        (each["is"], each["sid"], each["nick"]) for each in found
    ]
    assert [event[4] for event in events if event[0] == "said"] == [
        each["text"] for each in found if each["is"] == "said"
    ]


def test_that_redis_lost_the_log_is_said(make_town: MakeTown, own_server: Embedded) -> None:
    town = make_town(count=1, url=own_server.url)
    ann = town.person("ann", "#go")
    with Running(town.cluster, "tail", "#go") as tail:
        tail.until("ann has joined the channel #go")
        town.cluster.redis.flushall()
        town.cluster.redis.client_kill_filter(_type="pubsub")
        assert "gap: messages of #go may be missing" == tail.until("may be missing")
        ann.until("notice: the broker is back")
        settle_once_back(ann)
        ann.does("hello again")
        tail.until("<ann> hello again")
