"""Connections and nodes are lost under people in browsers; no line is lost, none comes twice."""

import os
import signal
from pathlib import Path

from playwright.sync_api import expect

from broker.embedded import Embedded
from tests.browser.conftest import Balance, MakeTown, MakeVisit
from tests.support.nodes import Nodes
from tests.support.processes import await_fact
from tests.support.town import Town


def test_a_node_dies_and_nobody_loses_a_line(
    make_town: MakeTown, balance: Balance, visit: MakeVisit
) -> None:
    town = make_town(count=3)
    doomed, other, third = town.nodes
    balancer = balance(doomed.http)
    ann = visit(balancer.port, "ann", "#go", losses=True)
    bob = visit(other.http, "bob", "#go")
    cat = town.person("cat", "#go", on=3)
    expected = []
    for i in range(8):
        for text, person in ((f"a{i}", ann), (f"b{i}", bob), (f"c{i}", cat)):
            person.type(text) if person is cat else person.says(text)  # type: ignore[union-attr]
            expected.append(text)
        if i == 3:
            doomed.kill()
            balancer.to = third.http
    for person in (ann, bob):
        expect(person.log.locator(".entry")).to_have_count(24)
        expect(person.page.locator("#pending .entry")).to_have_count(0)
    cat.settle()
    heard = [line.split(" ")[-1] for line in cat.heard if line.startswith("[#go] <")]
    assert sorted(expected) == sorted(ann.texts)
    assert ann.texts == bob.texts
    assert [text for text in ann.texts if text[0] != "c"] == heard
    expect(ann.state).to_be_empty()
    assert "quit" not in bob.log.inner_text()


def test_a_node_that_stands_still_is_left_for_another(
    make_town: MakeTown, balance: Balance, visit: MakeVisit
) -> None:
    town = make_town(count=2)
    balancer = balance(town.nodes[0].http)
    ann = visit(balancer.port, "ann", "#go", losses=True)
    cat = town.person("cat", "#go", on=2)
    await_fact(lambda: ann.tab.get("token"))
    town.nodes[0].freeze()
    balancer.to = town.nodes[1].http
    ann.says("said into the void")
    cat.does("meanwhile")
    ann.is_online()  # and the page asks whether anybody is there
    ann.sees("said into the void")
    cat.until("[#go] <ann> said into the void")
    assert ["meanwhile", "said into the void"] == ann.texts


def test_what_is_typed_without_a_connection_is_kept_and_sent_once(
    town: Town, balance: Balance, visit: MakeVisit, go: str
) -> None:
    cat = town.person("cat", go)
    balancer = balance(town.nodes[0].http)
    ann = visit(balancer.port, "ann", go, losses=True)
    balancer.to = 1  # nobody is there
    balancer.cut()
    expect(ann.state).to_contain_text("The connection is lost. Reconnecting …")
    ann.says("while away 1")
    ann.says("while away 2")
    expect(ann.page.locator("#pending")).to_contain_text("Will be sent as soon as that's possible")
    cat.does("meanwhile")
    balancer.to = town.nodes[1].http
    ann.is_online()
    ann.sees("while away 2")
    assert ["meanwhile", "while away 1", "while away 2"] == ann.texts
    cat.until(f"[{go}] <ann> while away 2")
    assert 1 == sum("while away 1" in line for line in cat.heard)
    expect(ann.page.locator("#pending .entry")).to_have_count(0)


def test_a_page_that_is_loaded_again_goes_on(town: Town, visit: MakeVisit, go: str) -> None:
    cat = town.person("cat", go)
    ann = visit(town.nodes[0].http, "ann", go)
    ann.says("one")
    cat.does("two")
    cat.does("/msg ann psst")
    expect(ann.conversation("cat")).to_be_visible()
    ann.field.fill("half a tho")
    before = len(cat.heard)
    ann.page.reload()
    ann.sees("two")
    cat.does("three")
    ann.sees("three")
    assert ["one", "two", "three"] == ann.texts
    expect(ann.field).to_have_value("half a tho")
    expect(ann.conversation("cat")).to_have_accessible_name("cat, 1 unread")
    ann.opens("cat")
    assert ["psst"] == ann.texts
    cat.settle()
    assert [] == [line for line in cat.heard[before:] if line.startswith("ann has")]


def test_a_session_that_is_taken_up_elsewhere_says_so(
    town: Town, visit: MakeVisit, go: str
) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    await_fact(lambda: ann.tab.get("token"))
    kept = ann.page.evaluate("sessionStorage.getItem('chorus.tab')")
    twin = ann.page.context.new_page()
    twin.goto(f"{ann.url}counter")
    twin.evaluate("kept => sessionStorage.setItem('chorus.tab', kept)", kept)
    twin.goto(ann.url)
    expect(ann.state).to_contain_text("This chat goes on in another tab or window.")
    ann.state.get_by_role("button", name="Come back here").click()
    expect(ann.state).to_be_empty()
    expect(twin.locator("#state")).to_contain_text("This chat goes on in another tab")


def test_who_comes_back_too_late_comes_anew(
    make_town: MakeTown, balance: Balance, visit: MakeVisit
) -> None:
    town = make_town("--keep", "1", count=2)
    cat = town.person("cat", "#go", on=2)
    balancer = balance(town.nodes[0].http)
    ann = visit(balancer.port, "ann", "#go", losses=True)
    balancer.to = 1
    balancer.cut()
    expect(ann.state).to_contain_text("The connection is lost.")
    cat.until("ann has quit (connection lost)")
    cat.does("anybody here?")
    ann.says("yes, me")
    balancer.to = town.nodes[1].http
    ann.is_online()
    ann.sees("yes, me")
    cat.until("ann has joined the channel #go")
    cat.until("[#go] <ann> yes, me")
    assert ["anybody here?", "yes, me"] == ann.texts


def test_who_closes_the_page_and_opens_it_again_is_who_they_were(
    town: Town, visit: MakeVisit, go: str
) -> None:
    cat = town.person("cat", go)
    ann = visit(town.nodes[0].http, "ann", go)
    ann.says("I'll be right back")
    cat.until(f"[{go}] <ann> I'll be right back")
    await_fact(lambda: ann.tab.get("token"))
    before = len(cat.heard)
    ann.comes_again(lambda: cat.does("hurry"))
    ann.opens(go)
    ann.sees("hurry")
    assert ["I'll be right back", "hurry"] == ann.texts
    cat.settle()
    assert [] == [line for line in cat.heard[before:] if line.startswith("ann has")]


def test_an_outage_of_redis_is_said_and_what_is_typed_is_kept(
    tmp_path: Path, visit: MakeVisit
) -> None:
    with (
        Embedded(tmp_path / "redis", port=0) as redis,
        Nodes(redis.url, tmp_path, forked=True) as nodes,
        Town(nodes, 1) as town,
    ):
        cat = town.person("cat", "#go")
        ann = visit(town.nodes[0].http, "ann", "#go")
        os.kill(redis.pid, signal.SIGSTOP)
        try:
            expect(ann.state).to_contain_text("can't be reached just now")
            ann.says("is anybody there?")
            pending = ann.page.locator("#pending")
            expect(pending).to_contain_text("Will be sent as soon as that's possible")
        finally:
            os.kill(redis.pid, signal.SIGCONT)
        ann.sees("is anybody there?")
        cat.until("[#go] <ann> is anybody there?")
        expect(ann.state).to_be_empty()
        assert ["is anybody there?"] == ann.texts
        ann.leave()
