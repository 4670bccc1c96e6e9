"""The dashboard in a real browser, over real nodes."""

import os
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from broker.embedded import Embedded
from node.http.tokens import Scope, draw
from tests.browser.conftest import MakeTown, MakeWatch
from tests.browser.look import Look
from tests.support.nodes import Nodes
from tests.support.redis_cluster import RedisCluster
from tests.support.town import Town
from tests.support.up import Up

MakeLook = Callable[..., Look]

NODES = "Each node: its state, who is on it, how busy it is"
CHANNELS = "The largest and the busiest channels"
TALKERS = "Who says most lines a second"
INCIDENTS = "Incidents, the latest first"
HOUR = "Lowest, mean, highest and newest values of the last hour"
MASTERS = "The masters of the Redis Cluster"
BANS = "Who may not come in"

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True}


@pytest.fixture
def look(watch: MakeWatch) -> MakeLook:
    """`look(port)`: somebody on the dashboard; the rest is as for `watch`."""
    return lambda port, **options: Look(watch(port, **options))


# -- what it shows


def test_it_says_in_one_sentence_that_all_is_well(town: Town, look: MakeLook) -> None:
    page = look(town.nodes[0].http)
    page.sees("All 2 nodes are well.")
    for node in town.nodes:
        expect(page.row(NODES, node.name)).to_contain_text("ready")
    expect(page.from_whom).to_have_text("live, from n1")


def test_its_numbers_are_those_that_one_counts(make_town: MakeTown, look: MakeLook) -> None:
    town = make_town()
    town.people("ann", "bob", "cat", at="#go")
    page = look(town.nodes[0].http)
    expect(page.total("Sessions")).to_have_text("3")
    expect(page.total("Channels")).to_have_text("2")
    expect(page.row(CHANNELS, "#go")).to_contain_text("3")
    expect(page.row(NODES, "n1").get_by_role("cell").nth(1)).to_have_text("2")
    expect(page.row(NODES, "n2").get_by_role("cell").nth(1)).to_have_text("1")


def test_it_goes_on_live(town: Town, look: MakeLook, go: str) -> None:
    page = look(town.nodes[0].http)
    page.sees("All 2 nodes are well.")
    expect(page.row(CHANNELS, go)).to_have_count(0)
    ann = town.person("ann", go, on=2)
    for i in range(30):
        ann.type(f"line {i}")
    ann.settle()
    expect(page.row(CHANNELS, go)).to_be_visible()
    expect(page.row(TALKERS, "ann")).to_be_visible()


def test_attempted_markup_stays_text(town: Town, look: MakeLook) -> None:
    name = "#<img/src=x/onerror=alert(1)>"
    ann = town.person("ann", name)
    ann.type("hello")
    ann.settle()
    page = look(town.nodes[0].http)
    expect(page.row(CHANNELS, name)).to_be_visible()
    assert 0 == page.page.locator("table img").count()


def test_the_charts_are_a_table_too(town: Town, look: MakeLook) -> None:
    page = look(town.nodes[0].http)
    page.sees("All 2 nodes are well.")
    page.page.get_by_text("The charts as a table").click()
    rows = page.table(HOUR).get_by_role("row").filter(has_text="Sessions")
    expect(rows).to_have_count(3)  # all, n1, n2
    expect(
        page.page.get_by_role("img", name=re.compile("^Sessions over the last hour"))
    ).to_be_visible()


# -- what happens


def test_a_killed_node_is_said_before_its_lease_ends(make_town: MakeTown, look: MakeLook) -> None:
    town = make_town("--lease", "60")
    page = look(town.nodes[0].http)
    page.sees("All 2 nodes are well.")
    town.nodes[1].kill()
    page.sees(re.compile(r"^1 of 2 nodes is well; n2 hasn't been heard of for \d+ s\.$"))
    expect(page.row(NODES, "n2")).to_contain_text("degraded")


def test_a_node_whose_lease_has_ended_is_said_to_be_lost(
    make_town: MakeTown, look: MakeLook
) -> None:
    town = make_town("--lease", "2")
    page = look(town.nodes[0].http)
    page.sees("All 2 nodes are well.")
    town.nodes[1].kill()
    page.sees(re.compile(r"^1 of 2 nodes is well; n2 was lost \d+ s ago\.$"))
    expect(page.row(NODES, "n2")).to_contain_text("gone")
    expect(page.row(INCIDENTS, "Node lost")).to_contain_text("n2")


def test_when_its_node_dies_it_goes_on_with_another(tmp_path: Path, look: MakeLook) -> None:
    with Up(tmp_path, "--nodes", "2") as up:
        port = int(up.dashboard.rpartition(":")[2].partition("/")[0])
        page = look(port, losses=True)
        expect(page.from_whom).to_contain_text("live, from ")
        node = page.from_whom.inner_text().rpartition(" ")[2]
        with up.frozen():  # or the node might be back before the page has asked again
            os.kill(up.nodes[node].pid, signal.SIGKILL)
            expect(page.from_whom).to_have_text(re.compile(rf"^live, from (?!{re.escape(node)}$)"))
        page.page.close()


def test_while_no_node_answers_it_says_how_old_its_numbers_are(
    make_town: MakeTown, look: MakeLook
) -> None:
    town = make_town(count=1)
    page = look(town.nodes[0].http, losses=True)
    page.sees("The only node is well.")
    town.nodes[0].freeze()
    page.sees(re.compile(r"^No news for \d+ s: n1 doesn't answer\. Trying again…$"))
    expect(page.from_whom).to_have_text(re.compile(r"^numbers are \d+ s old$"))
    town.nodes[0].wake()
    page.sees(re.compile(r"^The only node is well\.$|n1 is degraded"))


def test_each_master_of_a_redis_cluster_has_a_row(tmp_path: Path, look: MakeLook) -> None:
    with (
        RedisCluster(tmp_path / "shards") as shards,
        Nodes(shards.url, tmp_path) as nodes,
        Town(nodes, 1) as town,
    ):
        page = look(town.nodes[0].http)
        page.sees("The only node is well.")
        for master in shards.masters:
            row = page.row(MASTERS, f"127.0.0.1:{master.port}")
            expect(row.get_by_role("cell").first).to_have_text("master")
            expect(row.get_by_role("cell").nth(1)).to_contain_text("MiB")
        expect(page.page.locator("#redis")).to_be_hidden()
        page.page.close()


def test_one_redis_has_its_facts_and_no_table_of_masters(town: Town, look: MakeLook) -> None:
    page = look(town.nodes[0].http)
    page.sees("All 2 nodes are well.")
    expect(page.page.locator("#redis")).to_be_visible()
    expect(page.page.locator("#masters")).to_be_hidden()


def test_while_redis_does_not_answer_it_says_so_and_what_that_means(
    tmp_path: Path, look: MakeLook
) -> None:
    with (
        Embedded(tmp_path / "redis", port=0, appendonly=False) as server,
        Nodes(server.url, tmp_path, forked=True) as nodes,
        Town(nodes, 2) as town,
    ):
        page = look(town.nodes[0].http)
        page.sees("All 2 nodes are well.")
        os.kill(server.pid, signal.SIGSTOP)
        page.sees(re.compile(r"^Redis hasn't answered for \d+ s: people stay connected"))
        expect(page.more).to_contain_text("Of now only n1 itself is known")
        os.kill(server.pid, signal.SIGCONT)
        page.sees("All 2 nodes are well.")
        page.page.close()


def test_a_stalled_reader_who_is_closed_is_an_incident(make_town: MakeTown, look: MakeLook) -> None:
    town = make_town("--outbox-bytes", "4096", "--no-limits", count=1)
    page = look(town.nodes[0].http)
    page.sees("The only node is well.")
    (ann,) = town.people("ann", at="#go")
    stalled = town.person("slowpoke", "#go")
    stalled._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    while not page.row(INCIDENTS, "Slow reader").count():
        for _ in range(200):
            ann.type("x" * 3000)
        ann.settle()
    expect(page.row(INCIDENTS, "Slow reader")).to_contain_text("slowpoke")


# -- how it's used


def test_a_table_is_sorted_by_its_headings(town: Town, look: MakeLook) -> None:
    page = look(town.nodes[0].http)
    page.sees("All 2 nodes are well.")
    names = page.table(NODES).get_by_role("rowheader")
    expect(names).to_have_text(["n1", "n2"])
    heading = page.table(NODES).get_by_role("columnheader", name="Node")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    heading.get_by_role("button").press("Enter")
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(names).to_have_text(["n2", "n1"])


def test_a_dialog_is_for_the_keyboard_too(town: Town, look: MakeLook) -> None:
    page = look(town.nodes[0].http)
    button = page.page.get_by_role("button", name="Drain n2")
    button.press("Enter")
    expect(page.dialog).to_have_accessible_name("Drain n2?")
    expect(page.dialog.get_by_label("Within how many seconds")).to_be_focused()
    page.page.keyboard.press("Escape")
    expect(page.dialog).to_be_hidden()
    expect(button).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desk", "phone"])
def test_it_has_no_serious_fault_of_accessibility(
    town: Town, look: MakeLook, scheme: str, screen: dict[str, Any]
) -> None:
    town.person("ann", "#go")
    page = look(town.nodes[0].http, color_scheme=scheme, reduced_motion="reduce", **screen)
    expect(page.row(CHANNELS, "#go")).to_be_visible()
    page.page.get_by_text("The charts as a table").click()
    assert [] == page.watch.barriers
    page.press("Drain n1")
    expect(page.dialog).to_be_visible()
    assert [] == page.watch.barriers


def test_on_a_phone_nothing_is_wider_than_the_screen(town: Town, look: MakeLook) -> None:
    page = look(town.nodes[0].http, **PHONE)
    page.sees("All 2 nodes are well.")
    assert 360 == page.page.evaluate("document.documentElement.scrollWidth")
    for table in (NODES, INCIDENTS):
        wide = page.table(table).evaluate("each => each.scrollWidth - each.parentNode.clientWidth")
        assert wide <= 0


# -- acts


def test_a_node_is_drained(make_town: MakeTown, look: MakeLook) -> None:
    town = make_town()
    page = look(town.nodes[0].http)
    page.press("Drain n2")
    page.dialog.get_by_label("Within how many seconds").fill("0")
    page.dialog.get_by_role("button", name="Drain").click()
    expect(page.told).to_have_text("n2 drains: 0 connections within 0 s")
    expect(page.row(NODES, "n2")).to_contain_text("stopped in good order")
    assert 0 == town.nodes[1].wait()
    expect(page.row(INCIDENTS, "Draining")).to_contain_text("operator")


def test_a_node_is_relieved_of_a_share_of_its_people(make_town: MakeTown, look: MakeLook) -> None:
    town = make_town(count=1)
    for nick in ("ann", "bob", "cat", "dan"):
        town.person(nick)
    page = look(town.nodes[0].http)
    page.press("Rebalance n1")
    page.dialog.get_by_label("Share, in percent").fill("50")
    page.dialog.get_by_label("Within how many seconds").fill("0")
    page.dialog.get_by_role("button", name="Rebalance").click()
    expect(page.told).to_have_text("n1 closes 2 of 4 connections within 0 s")
    expect(page.row(NODES, "n1").get_by_role("cell").nth(1)).to_have_text("2")


def test_everybody_reads_a_notice(make_town: MakeTown, look: MakeLook) -> None:
    town = make_town()
    people = town.people("ann", "bob")
    page = look(town.nodes[0].http)
    page.press("Send a notice…")
    page.dialog.get_by_label("Notice").fill("<b>tea</b> at five")
    page.page.keyboard.press("Enter")
    expect(page.told).to_have_text("2 people were told")
    for person in people:
        person.until(lambda line: "<b>tea</b> at five" in line)
    expect(page.row(INCIDENTS, "Notice")).to_contain_text("2 people were told")


def test_somebody_is_kicked(make_town: MakeTown, look: MakeLook) -> None:
    town = make_town()
    ann = town.person("ann", on=2)
    page = look(town.nodes[0].http)
    page.press("Kick somebody…")
    page.dialog.get_by_label("Nick").fill("ann")
    page.dialog.get_by_label("Why").fill("too loud")
    page.dialog.get_by_role("button", name="Kick").click()
    expect(page.told).to_have_text("ann was kicked: too loud")
    assert "too loud" in ann.rest()[-1]
    expect(page.row(INCIDENTS, "Kick")).to_contain_text("ann was kicked: too loud")


def test_what_cannot_be_done_is_said_in_the_dialog(town: Town, look: MakeLook) -> None:
    page = look(town.nodes[0].http)
    page.press("Kick somebody…")
    page.dialog.get_by_label("Nick").fill("nobody")
    page.dialog.get_by_role("button", name="Kick").click()
    expect(page.dialog.get_by_role("alert")).to_have_text("nobody is called nobody")
    page.watch.forgive("a status of 404")
    page.dialog.get_by_role("button", name="Cancel").click()
    expect(page.dialog).to_be_hidden()


def test_a_ban_is_made_and_lifted(make_town: MakeTown, look: MakeLook) -> None:
    town = make_town()
    page = look(town.nodes[0].http)
    page.press("Ban somebody…")
    page.dialog.get_by_label("Nick, network or mask").fill("192.0.2.0/24")
    page.dialog.get_by_label("For how long").select_option("until it's lifted")
    page.dialog.get_by_label("Why").fill("flooding")
    page.dialog.get_by_role("button", name="Ban").click()
    expect(page.row(BANS, "192.0.2.0/24")).to_contain_text("flooding")
    expect(page.row(INCIDENTS, "Ban")).to_contain_text("192.0.2.0/24")
    page.press("Lift the ban of 192.0.2.0/24")
    page.dialog.get_by_role("button", name="Lift the ban").click()
    expect(page.table(BANS)).to_contain_text("Nobody is banned.")
    expect(page.row(INCIDENTS, "Ban lifted")).to_contain_text("192.0.2.0/24")


def test_what_another_operator_does_is_seen(make_town: MakeTown, look: MakeLook) -> None:
    town = make_town()
    mine, other = look(town.nodes[0].http), look(town.nodes[1].http)
    expect(mine.table(BANS)).to_contain_text("Nobody is banned.")
    other.press("Ban somebody…")
    other.dialog.get_by_label("Nick, network or mask").fill("2001:db8::/32")
    other.dialog.get_by_role("button", name="Ban").click()
    expect(mine.row(BANS, "2001:db8::/32")).to_be_visible()


# -- who may


def test_who_is_no_operator_logs_in_with_a_token(
    make_town: MakeTown, look: MakeLook, tmp_path: Path
) -> None:
    secret, entry = draw("ops", frozenset([Scope.INSPECT]))
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(entry)
    town = make_town("--tokens", str(tokens), "--operators-from", "", count=1)
    page = look(town.nodes[0].http)
    field = page.page.get_by_label("Token")
    expect(field).to_be_focused()
    assert [] == page.watch.barriers
    field.fill("chorus_wrong")
    page.press("Log in")
    expect(page.page.get_by_role("alert").first).to_have_text("that token is not known")
    page.watch.forgive("a status of 403")
    field.fill(secret)
    field.press("Enter")
    page.sees("The only node is well.")
    expect(page.page.get_by_role("button", name="Drain n1")).to_have_count(0)
    page.press("Log out")
    expect(field).to_be_visible()
