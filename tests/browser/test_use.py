"""The page can be used by everybody: by keyboard, on a phone, with a screen reader, in the dark."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MakeVisit
from tests.support.processes import await_fact
from tests.support.town import Town

PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize(
    "options",
    [{}, {"color_scheme": "dark"}, PHONE, {"forced_colors": "active"}],
    ids=["light", "dark", "phone", "forced"],
)
def test_axe_finds_no_serious_fault(
    town: Town, visit: MakeVisit, go: str, options: dict[str, Any]
) -> None:
    cat = town.person("cat", go)
    cat.does("/topic see https://a.example/")
    ann = visit(town.nodes[0].http, "ann", go, reduced_motion="reduce", **options)
    for line in ("hello ann https://b.example/", "/me waves", "/away lunch", "/msg ann psst"):
        cat.does(line)
    ann.says("hello")
    ann.says("/list")
    ann.says("/dance")
    ann.sees("/help shows all commands")
    assert [] == ann.watch.barriers
    ann.field.press_sequentially("/")
    expect(ann.page.get_by_role("listbox")).to_be_visible()
    assert [] == ann.watch.barriers
    ann.says("/help")
    expect(ann.page.get_by_role("dialog")).to_be_visible()
    assert [] == ann.watch.barriers


def test_all_can_be_done_by_keyboard(town: Town, visit: MakeVisit, go: str) -> None:
    cat = town.person("cat", go)
    ann = visit(town.nodes[0].http, "ann")
    keys = ann.page.keyboard
    expect(ann.field).to_be_focused()
    keys.type("/jo")
    keys.press("Tab")  # completes
    expect(ann.field).to_have_value("/join ")
    keys.type(go)
    keys.press("Enter")
    ann.is_in(go)
    expect(ann.field).to_be_focused()
    people = ann.page.get_by_role("complementary")
    expect(people.get_by_role("button", name="cat")).to_be_visible()
    keys.type("ca")
    keys.press("Tab")
    expect(ann.field).to_have_value("cat: ")
    keys.type("hi")
    keys.press("Enter")
    cat.until(f"[{go}] <ann> cat: hi")
    keys.press("ArrowUp")
    expect(ann.field).to_have_value("cat: hi")
    keys.press("ArrowDown")
    cat.does("/msg ann psst")
    expect(ann.conversation("cat")).to_have_accessible_name("cat, 1 unread")
    keys.press("Alt+a")
    ann.is_in("cat")
    keys.press("Alt+ArrowUp")
    ann.is_in("#lobby")
    keys.press("Shift+Tab")  # into the log, and on to what's above it
    expect(ann.page.locator("#scroller")).to_be_focused()
    keys.press("Shift+Tab")
    expect(ann.page.get_by_role("button", name="Leave")).to_be_focused()
    keys.press("Enter")
    expect(ann.conversation("#lobby")).to_have_count(0)


def test_the_skip_link_leads_to_the_field(town: Town, visit: MakeVisit) -> None:
    ann = visit(town.nodes[0].http, "ann")
    ann.page.get_by_role("link", name="Skip to the message field").focus()
    ann.page.keyboard.press("Enter")
    expect(ann.field).to_be_focused()


def test_a_dialog_gives_the_focus_back(town: Town, visit: MakeVisit) -> None:
    ann = visit(town.nodes[0].http, "ann")
    ann.side.get_by_role("button", name="Join a channel").press("Enter")
    expect(ann.page.get_by_label("Channel", exact=True)).to_be_focused()
    ann.page.keyboard.press("Escape")
    expect(ann.field).to_be_focused()


def test_what_is_meant_can_be_chosen_with_the_arrows(town: Town, visit: MakeVisit, go: str) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    ann.field.press_sequentially("/")
    options = ann.page.get_by_role("option")
    expect(options.first).to_have_attribute("aria-selected", "true")
    ann.page.keyboard.press("ArrowDown")
    chosen = ann.page.get_by_role("option", selected=True)
    expect(chosen).to_have_text(re.compile("^/leave"))
    described = ann.field.get_attribute("aria-activedescendant")
    assert chosen.get_attribute("id") == described
    ann.page.keyboard.press("Escape")
    expect(ann.page.get_by_role("listbox")).to_be_hidden()


def test_new_lines_are_read_aloud_and_old_ones_are_not(
    town: Town, visit: MakeVisit, go: str
) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    expect(ann.log).to_have_attribute("aria-live", "polite")
    ann.page.evaluate("""() => {
      const log = document.querySelector("#log");
      window.heard = [];
      const look = () => window.heard.push(log.getAttribute("aria-live"));
      new MutationObserver(look).observe(log, { attributeFilter: ["aria-live"] });
    }""")
    ann.opens("#lobby")
    await_fact(lambda: "off polite" in ann.page.evaluate("window.heard.join(' ')"))


def test_on_a_phone_the_lists_slide_in(town: Town, visit: MakeVisit, go: str) -> None:
    ann = visit(town.nodes[0].http, "ann", go, **PHONE)
    town.person("cat", go)
    page = ann.page
    width = "document.documentElement.scrollWidth"
    assert 360 == page.evaluate(width)
    expect(ann.conversation("#lobby")).to_be_hidden()
    page.get_by_role("button", name="Conversations", exact=True).click()
    expect(ann.conversation("#lobby")).to_be_visible()
    ann.opens("#lobby")
    expect(ann.conversation("#lobby")).to_be_hidden()
    ann.says(f"/join {go}")
    ann.is_in(go)
    page.get_by_role("button", name="2 people").click()
    roster = page.get_by_role("complementary")
    expect(roster.get_by_role("button", name="cat")).to_be_visible()
    page.keyboard.press("Escape")
    expect(roster).to_be_hidden()
    expect(page.get_by_role("button", name="2 people")).to_be_focused()
    page.get_by_role("button", name="2 people").click()
    roster.get_by_role("button", name="Leave this channel").click()
    expect(roster).to_be_hidden()
    ann.is_in("#lobby")


def test_nothing_moves_for_who_wants_that(town: Town, visit: MakeVisit) -> None:
    ann = visit(town.nodes[0].http, "ann", reduced_motion="reduce", **PHONE)
    moving = "getComputedStyle(document.querySelector('#side')).transitionDuration"
    assert "0s" == ann.page.evaluate(moving)
