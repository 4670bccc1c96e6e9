"""People in browsers talk with each other, and with people on other nodes and in terminals."""

from playwright.sync_api import expect

from tests.browser.conftest import MakeVisit
from tests.support.processes import await_fact
from tests.support.town import Citizen, Town


def is_listed(person: Citizen, channel: str) -> None:
    """Returns when the list on this person's node has the channel: it may be a second old."""
    await_fact(lambda: any(channel in line for line in person.does("/list")))


def test_browsers_on_two_nodes_and_a_terminal_talk(town: Town, visit: MakeVisit, go: str) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    bob = visit(town.nodes[1].http, "bob", go)
    cat = town.person("cat", go, on=2)
    ann.says("hello from ann")
    cat.until(f"[{go}] <ann> hello from ann")
    bob.says("grüße, 你好, مرحبا 👋🏽")
    cat.until(f"[{go}] <bob> grüße")
    cat.does("and from a terminal")
    said = ["hello from ann", "grüße, 你好, مرحبا 👋🏽", "and from a terminal"]
    for person in (ann, bob):
        person.sees("and from a terminal")
        assert said == person.texts


def test_what_is_typed_at_once_comes_in_one_order_for_all(
    town: Town, visit: MakeVisit, go: str
) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    bob = visit(town.nodes[1].http, "bob", go)
    cat = town.person("cat", go)
    for i in range(10):
        ann.says(f"a{i}")
        cat.type(f"c{i}")
        bob.says(f"b{i}")
    said = {f"{who}{i}" for who in "abc" for i in range(10)}
    for person in (ann, bob):
        expect(person.log.locator(".entry")).to_have_count(30)
    assert said == set(ann.texts)
    assert ann.texts == bob.texts


def test_a_renamed_channel_is_the_same_conversation(town: Town, visit: MakeVisit, go: str) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    bob = visit(town.nodes[1].http, "bob", go)
    cat = town.person("cat", go, on=2)
    ann.says("before")
    bob.sees("before")
    ann.says(f"/rename {go}-new")
    bob.sees(f"ann renamed the channel to {go}-new")
    assert f"ann has renamed the channel {go} to {go}-new" in cat.settle()
    bob.says("after")
    for person in (ann, bob):
        person.sees("after")
        person.is_in(f"{go}-new")
        assert ["before", "after"] == person.texts
        expect(person.conversation(f"{go}-new")).to_be_visible()
        expect(person.conversation(go)).to_have_count(0)
        assert person.page.url.endswith(f"{go}-new")
    cat.until(f"[{go}-new] <bob> after")


def test_a_private_message_is_a_conversation_of_its_own(
    town: Town, visit: MakeVisit, go: str
) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    cat = town.person("cat", go, on=2)
    cat.does("/msg ann psst")
    expect(ann.conversation("cat")).to_have_accessible_name("cat, 1 unread")
    expect(ann.page).to_have_title(f"(1) {go}")
    ann.opens("cat")
    assert ["psst"] == ann.texts
    ann.says("what is it?")
    assert "[private] <ann> what is it?" == cat.until("[private] ")
    expect(ann.log.locator(".entry")).to_have_count(2)
    assert ["psst", "what is it?"] == ann.texts
    expect(ann.page).to_have_title("cat")


def test_what_is_taken_back_is_shown_no_more(town: Town, visit: MakeVisit, go: str) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    cat = town.person("cat", go, on=2)
    cat.type("/set pos on")
    cat.type("/set echo on")
    cat.type("a secret")
    place = cat.until(lambda line: line.endswith("a secret")).split()[0]
    ann.sees("a secret")
    cat.type(f"/redact {place} oops")
    ann.sees("cat has taken this back (oops)")
    assert [] == [text for text in ann.texts if "secret" in text]


def test_unread_lines_are_counted_and_a_mention_is_marked(
    town: Town, visit: MakeVisit, go: str
) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    cat = town.person("cat", go)
    ann.opens("#lobby")
    cat.does("one")
    cat.does("Ann: two")
    unread = f"{go}, 2 unread, 1 of them mention you"
    expect(ann.conversation(go)).to_have_accessible_name(unread)
    expect(ann.page).to_have_title("(1) #lobby")
    ann.opens(go)
    expect(ann.conversation(go)).to_have_accessible_name(go)
    expect(ann.log.get_by_role("separator", name="New")).to_be_visible()


def test_who_comes_and_goes_is_in_the_list(town: Town, visit: MakeVisit, go: str) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    members = ann.page.get_by_role("complementary").get_by_role("button")
    expect(members).to_have_text(["ann (you)"])
    cat = town.person("cat", go, on=2)
    expect(members.nth(1)).to_have_accessible_name("cat")
    cat.does("/nick dog")
    expect(members.nth(1)).to_have_accessible_name("dog")
    ann.sees("cat is called dog now")
    cat.leave()
    expect(members).to_have_count(1)
    ann.sees("dog quit")
    town.citizens.remove(cat)


def test_who_is_away_is_marked(town: Town, visit: MakeVisit, go: str) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    cat = town.person("cat", go, on=2)
    cat.does("/away lunch")
    ann.says("/msg cat hi")
    ann.sees("cat is away (lunch).")
    expect(ann.page.locator("#topic")).to_have_text("away: lunch")
    ann.opens(go)
    member = ann.page.get_by_role("complementary").get_by_role("button", name="cat")
    expect(member).to_contain_text("away: lunch")


def test_commands_do_what_they_do_in_a_terminal(town: Town, visit: MakeVisit, go: str) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    cat = town.person("cat", go)
    ann.says("/topic all about tests")
    cat.until(f"ann has set the topic of {go} to all about tests")
    expect(ann.page.locator("#topic")).to_have_text("all about tests")
    ann.says("/me waves")
    cat.until(f"[{go}] * ann waves")
    ann.sees("ann waves")
    is_listed(cat, go)
    ann.says("/whois cat")
    ann.sees("channels#go")
    ann.says("/names")
    ann.sees(f"In {go} (2): ann cat")
    ann.says(f"/list {go}")
    ann.sees("1 channel.")
    ann.says("/away lunch")
    ann.sees("You are away (lunch).")
    ann.says("/back")
    ann.sees("You are back.")
    ann.says("/nick anna")
    cat.until("ann is changing nick to anna")
    ann.says("/dance")
    ann.sees("There is no /dance; /help shows all commands.")
    ann.says("/help")
    expect(ann.page.get_by_role("dialog", name="Help")).to_be_visible()
    ann.page.keyboard.press("Escape")
    ann.says("/leave")
    cat.until(f"anna has left the channel {go}")
    expect(ann.conversation(go)).to_have_count(0)
    ann.says("/quit")
    cat.settle()
    expect(ann.state).to_contain_text("You are not connected any more: you have quit.")


def test_a_nick_that_is_taken_is_told_where_it_was_typed(town: Town, visit: MakeVisit) -> None:
    town.person("cat")
    ann = visit(town.nodes[0].http, "ann")
    ann.page.get_by_title("Take another nick").click()
    dialog = ann.page.get_by_role("dialog")
    dialog.get_by_label("Nick").fill("cat")
    ann.page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("The nick cat is taken.")
    dialog.get_by_label("Nick").fill("7up")
    ann.page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("A nick has 1 to 32 letters")
    dialog.get_by_role("button", name="Cancel").click()
    assert "ann" == ann.nick


def test_channels_can_be_joined_from_a_list(town: Town, visit: MakeVisit, go: str) -> None:
    cat = town.person("cat", go, on=2)
    cat.does("/topic come and see")
    is_listed(cat, go)
    ann = visit(town.nodes[1].http, "ann")
    ann.side.get_by_role("button", name="Join a channel").click()
    ann.page.get_by_role("dialog").get_by_role("button", name=go).click()
    ann.is_in(go)
    expect(ann.page.locator("#topic")).to_have_text("come and see")


def test_a_channel_that_lets_nobody_in_opens_the_one_it_sends_people_on_to(
    town: Town, visit: MakeVisit, go: str
) -> None:
    cat = town.person("cat", go)
    cat.does(f"/join {go}-more")
    cat.does(f"/mode {go} +if {go}-more")
    ann = visit(town.nodes[0].http, "ann")
    ann.says(f"/join {go}")
    ann.is_in(f"{go}-more")
    ann.sees(f"{go} does not let you in, and sends you on to {go}-more.")
    ann.says("hello")
    cat.until(f"[{go}-more] <ann> hello")


def test_scrolling_up_loads_what_was_said_before(town: Town, visit: MakeVisit, go: str) -> None:
    cat = town.person("cat", go)
    for i in range(200):
        cat.type(f"line {i}")
    cat.settle()
    ann = visit(town.nodes[0].http, "ann", go)
    ann.sees("line 199")
    beginning = ann.page.get_by_text(f"This is the beginning of what is kept of {go}.")
    ann.page.locator("#scroller").focus()
    while not beginning.is_visible():
        ann.page.keyboard.press("Home")
    assert [f"line {i}" for i in range(200)] == ann.texts


def test_a_busy_channel_does_not_grow_without_bound(town: Town, visit: MakeVisit, go: str) -> None:
    cat = town.person("cat", go)
    ann = visit(town.nodes[0].http, "ann", go)
    for i in range(900):
        cat.type(f"line {i}")
    ann.sees("line 899")
    shown = ann.texts
    assert [f"line {i}" for i in range(900 - len(shown), 900)] == shown
    assert 100 < len(shown) <= 400


def test_several_lines_are_sent_after_asking(town: Town, visit: MakeVisit, go: str) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    cat = town.person("cat", go)
    ann.says("one\ntwo\n\nthree")
    dialog = ann.page.get_by_role("dialog", name="Send 3 messages?")
    dialog.get_by_role("button", name="Keep editing").click()
    expect(ann.field).to_have_value("one\ntwo\n\nthree")
    ann.field.press("Enter")
    dialog.get_by_role("button", name="Send 3 messages").click()
    cat.until(f"[{go}] <ann> three")
    assert [f"[{go}] <ann> {line}" for line in ("one", "two", "three")] == cat.heard[-3:]
    expect(ann.field).to_have_value("")


def test_enter_while_composing_sends_nothing(town: Town, visit: MakeVisit, go: str) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    ann.field.focus()
    ime = ann.page.context.new_cdp_session(ann.page)
    ime.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    press = "field => field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', %s}))"
    ann.field.evaluate(press % "isComposing: true, bubbles: true, cancelable: true")
    ann.field.evaluate(press % "keyCode: 229, bubbles: true, cancelable: true")  # Safari's
    expect(ann.field).to_have_value("にほん")
    ime.send("Input.insertText", {"text": "日本"})
    ann.field.press("Enter")
    expect(ann.log.locator(".entry")).to_have_count(1)
    assert ["日本"] == ann.texts


def test_links_are_safe_to_follow(town: Town, visit: MakeVisit, go: str) -> None:
    ann = visit(town.nodes[0].http, "ann", go)
    town.person("cat", go).does("see https://a.example/?q=1 or javascript:alert(1)")
    link = ann.log.get_by_role("link")
    expect(link).to_have_count(1)
    assert ("https://a.example/?q=1", "_blank", "noopener noreferrer nofollow") == tuple(
        link.get_attribute(name) for name in ("href", "target", "rel")
    )


SCRIPT = "<img/src=x/onerror=window.harmed=1><script>window.harmed=1</script>"


def test_a_script_in_words_and_names_stays_text(town: Town, visit: MakeVisit, go: str) -> None:
    evil = f"{go}<img/src=x/onerror=window.harmed=1>"
    cat = town.person("`{cat}[1]", evil)
    is_listed(cat, evil)
    ann = visit(town.nodes[0].http, "ann")
    ann.side.get_by_role("button", name="Join a channel").click()
    ann.page.get_by_role("dialog").get_by_role("button", name=evil).click()
    ann.is_in(evil)
    cat.does(SCRIPT)
    cat.does(f"/me {SCRIPT}")
    cat.does(f"/topic {SCRIPT}")
    cat.does(f"/away {SCRIPT}")
    cat.does(f"/msg ann {SCRIPT}")
    ann.sees(f"set the topic: {SCRIPT}")
    assert [SCRIPT, f"`{{cat}}[1] {SCRIPT}"] == ann.texts
    expect(ann.page.locator("#topic")).to_have_text(SCRIPT)
    ann.opens("`{cat}[1]")
    assert [SCRIPT] == ann.texts
    ann.says("/whois `{cat}[1]")
    ann.sees(SCRIPT)
    ann.page.get_by_role("heading", level=1).evaluate("() => {}")
    assert None is ann.page.evaluate("window.harmed")
    assert 0 == ann.page.locator("main img, main script").count()


def test_the_policy_makes_markup_impossible(town: Town, visit: MakeVisit) -> None:
    """Even if a module tried to: what a text would be put into throws."""
    ann = visit(town.nodes[0].http, "ann")
    tried = """() => {
      try { document.body.innerHTML = "<b>x</b>"; } catch (error) { return error.name; }
      return "done";
    }"""
    assert "TypeError" == ann.page.evaluate(tried)
    ann.watch.forgive("This document requires 'TrustedHTML' assignment")


def test_a_nick_and_its_channels_are_remembered(town: Town, visit: MakeVisit, go: str) -> None:
    """The next visit, in the same browser, begins where this one ended."""
    zoe = visit(town.nodes[0].http, "zoe", go)
    zoe.leave()
    zoe.page.evaluate("sessionStorage.clear()")
    zoe.page.goto(zoe.url)
    expect(zoe.page.locator("#me")).to_have_text("zoe")
    expect(zoe.conversation(go)).to_be_visible()


def test_who_looks_elsewhere_is_notified_if_they_want_that(
    town: Town, visit: MakeVisit, go: str
) -> None:
    ann = visit(town.nodes[0].http, "ann", go, permissions=["notifications"])
    cat = town.person("cat", go)
    ann.page.evaluate("""() => {
      window.told = [];
      const Told = class extends EventTarget {
        static permission = "granted";
        static requestPermission = async () => "granted";
        constructor(title, { body }) { super(); window.told.push(`${title}: ${body}`); }
      };
      window.Notification = Told;
      document.hasFocus = () => false;
    }""")
    cat.does("ann: before she wants it")
    ann.sees("before she wants it")
    ann.side.get_by_role("button", name="Notify me").click()
    cat.does("not of her")
    cat.does("is ann here?")
    cat.does("/msg ann psst")
    expect(ann.conversation("cat")).to_be_visible()
    assert [f"cat in {go}: is ann here?", "cat: psst"] == ann.page.evaluate("window.told")
    expect(ann.conversation(go)).to_have_accessible_name(f"{go}, 3 unread, 2 of them mention you")
