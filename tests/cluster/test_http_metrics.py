"""The numbers of `/metrics` are those that somebody counts who stands outside."""

import shutil
import socket
import subprocess
from collections import Counter

import pytest

from node.http.metrics import ROWS
from tests.cluster.conftest import MakeTown
from tests.support.processes import await_fact
from tests.support.town import Town
from tests.support.web import Answer, ask, metrics, samples


@pytest.fixture
def fresh(make_town: MakeTown) -> Town:
    """Nodes of which nobody has seen anything yet."""
    return make_town("--lobby", "", count=2)


def changed(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """What went up, of what people do."""
    ours = ("chorus_lines", "chorus_deliveries", "chorus_fan_out_count", "chorus_connections_total")
    return {
        name: after[name] - before[name]
        for name in after
        if name.startswith(ours) and after[name] != before[name]
    }


def test_every_metric_is_there_at_zero_before_anything_happens(fresh: Town) -> None:
    found = metrics(fresh.nodes[0])
    names = {name.partition("{")[0].removesuffix("_count") for name in found}
    assert [] == [row.name for row in ROWS if f"chorus_{row.name}" not in names]
    at_zero = ("chorus_refusals", "chorus_sessions", "chorus_gaps", "chorus_connections")
    assert {0.0} == {value for name, value in found.items() if name.startswith(at_zero)}


def test_lines_and_deliveries_are_those_that_were_typed_and_read(fresh: Town) -> None:
    ann, bob, cat, dan = fresh.people("ann", "bob", "cat", "dan", at="#go")
    before = [metrics(node) for node in fresh.nodes]
    for i in range(10):
        ann.type(f"line {i}")
    read = Counter[str]()
    for person in (bob, cat, dan):
        for i in range(10):
            person.until(f"[#go] <ann> line {i}")
            read[person.on.name] += 1
    after = [metrics(node) for node in fresh.nodes]
    first, second = (changed(b, a) for b, a in zip(before, after, strict=True))
    assert 10 == first.pop("chorus_lines_total")
    assert [read["n1"], read["n2"]] == [each["chorus_deliveries_total"] for each in (first, second)]
    assert [10, 10] == [each["chorus_fan_out_count"] for each in (first, second)]
    assert "chorus_lines_total" not in second


def test_sessions_and_bytes_are_those_outside(fresh: Town) -> None:
    node = fresh.nodes[0]
    before = metrics(node)
    ann = fresh.person()
    sent = b"/nick ann\r\n/ping x\r\n"
    ann.send(sent)
    ann.until("pong x")
    after = metrics(node)
    assert (0, 1) == (
        before["chorus_sessions{dialect=slash}"],
        after["chorus_sessions{dialect=slash}"],
    )
    settled = len(b"/ping \r\n")  # when she came
    typed = after["chorus_received_bytes_total"] - before["chorus_received_bytes_total"]
    assert typed >= len(sent) + settled
    ann.leave()
    await_fact(lambda: metrics(node)["chorus_sessions{dialect=slash}"] == 0)
    read = sum(len(f"{line}\r\n".encode()) for line in ann.heard)
    assert read == metrics(node)["chorus_sent_bytes_total"] - before["chorus_sent_bytes_total"]


def test_refusals_are_counted_by_their_codes(fresh: Town) -> None:
    ann = fresh.person("ann")
    ann.does("/nick !!!")
    ann.does("/msg nobody hello")
    ann.does("/msg nobody hello")
    found = metrics(fresh.nodes[0])
    refused = {name: n for name, n in found.items() if name.startswith("chorus_refusals") and n}
    expected = {
        "chorus_refusals_total{code=nick-invalid}": 1.0,
        "chorus_refusals_total{code=no-such-nick}": 2.0,
    }
    assert expected == refused


def test_a_slow_reader_is_counted_and_nothing_of_them_waits_any_more(make_town: MakeTown) -> None:
    town = make_town("--outbox-bytes", "4096", "--no-limits", count=1)
    node = town.nodes[0]
    ann = town.person("ann", "#go")
    with socket.create_connection(("127.0.0.1", node.line)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"/nick bob\r\n/join #go\r\n")
        ann.until("bob has joined the channel #go")

        def said() -> bool:
            ann.send(b"".join(b"%s\r\n" % (b"x" * 4000) for _ in range(60)))
            ann.settle()
            return metrics(node)["chorus_slow_readers_total"] == 1

        await_fact(said)
    await_fact(lambda: metrics(node)["chorus_sessions{dialect=slash}"] == 1)
    assert 0 == metrics(node)["chorus_outbox_bytes"]


def test_no_label_has_a_nick_a_channel_or_an_address(fresh: Town) -> None:
    before = {name for node in fresh.nodes for name, _, _ in samples(node)}
    ann, _ = fresh.people("ann", "bob", at="#go")
    for line in ("hello", "/msg bob hi", "/join #other"):
        ann.does(line)
    after = [sample for node in fresh.nodes for sample in samples(node)]
    assert before == {name for name, _, _ in after}
    values = {value for _, labels, _ in after for _, value in labels}
    assert not values & {"ann", "bob", "#go", "#other", "127.0.0.1"}


def test_what_is_asked_of_redis_has_its_time_measured(fresh: Town) -> None:
    node = fresh.nodes[0]
    fresh.people("ann", "bob", at="#go")[0].does("hello")
    found = metrics(node)
    assert found["chorus_broker_latency_seconds_count"] > 0
    assert found["chorus_delivery_lag_seconds_count"] > 0
    assert 0 <= found["chorus_delivery_lag_seconds_sum"] < 60  # 0: within the clock's millisecond
    await_fact(lambda: metrics(node)["chorus_probes_total"] > 0)
    await_fact(lambda: metrics(node)["chorus_event_loop_lag_seconds_count"] > 0)
    await_fact(lambda: metrics(node)["chorus_leases"] == 2)


def test_prometheus_may_ask_for_either_of_its_formats(fresh: Town) -> None:
    def asked(accept: str) -> Answer:
        return ask(fresh.nodes[0], "/metrics", headers={"Accept": accept})

    assert asked("").headers["content-type"].startswith("text/plain; version=0.0.4")
    openmetrics = asked("application/openmetrics-text; version=1.0.0")
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.body.endswith(b"# EOF\n")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there's no promtool here")
def test_prometheus_finds_nothing_to_object_to(fresh: Town) -> None:
    told = ask(fresh.nodes[0], "/metrics").body
    check = ["promtool", "check", "metrics"]
    found = subprocess.run(check, input=told, capture_output=True, check=False)
    assert (0, b"", b"") == (found.returncode, found.stdout, found.stderr)
