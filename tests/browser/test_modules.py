"""The page's pure modules, as the browser runs them."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Call


def links(call: Call, text: str) -> list[tuple[str, str]]:
    """Of each link in a text: what's shown, and where it leads."""
    return [
        (part["text"], part["href"])
        for part in call("/chat/links.js", "parts", text)
        if "href" in part
    ]


@pytest.mark.parametrize(
    "text, shown",
    [
        ("see https://a.example/b?c=d#e ok", "https://a.example/b?c=d#e"),
        ("(https://a.example/b)", "https://a.example/b"),
        ("https://a.example/b_(c)", "https://a.example/b_(c)"),
        ("Is it http://a.example?", "http://a.example"),
        ("HTTPS://A.EXAMPLE/x, and", "HTTPS://A.EXAMPLE/x"),
        ("https://a.example/日本", "https://a.example/日本"),
        ("https://a.example/\u202egnp.exe", "https://a.example/"),
        ('<a href="https://a.example/x">', "https://a.example/x"),
    ],
)
def test_the_address_of_a_page_is_a_link(call: Call, text: str, shown: str) -> None:
    assert [shown] == [each for each, _ in links(call, text)]
    assert text == "".join(part["text"] for part in call("/chat/links.js", "parts", text))


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "https://",
        "https://bank.example@evil.example/",
        "ftp://a.example/",
        "file:///etc/passwd",
        "xhttps://a.example",
        "no link at all",
        "",
    ],
)
def test_nothing_else_is_a_link(call: Call, text: str) -> None:
    assert [] == links(call, text)
    assert text == "".join(part["text"] for part in call("/chat/links.js", "parts", text))


@pytest.mark.parametrize(
    "text, nick, so",
    [
        ("ann: hi", "ann", True),
        ("hi Ann!", "ann", True),
        ("banner", "ann", False),
        ("ann-marie", "ann", False),
        ("it's [x]{y}", "[x]{y}", True),
        ("a|b^ here", "a|b^", True),
        ("ann", "a.n", False),
    ],
)
def test_a_text_that_names_somebody_calls_them(call: Call, text: str, nick: str, so: bool) -> None:
    assert so is call("/chat/names.js", "mentions", text, nick)


HERE = {"here": {"name": "#go", "isChannel": True}, "channels": ["#go", "#ops"]}


@pytest.mark.parametrize(
    "line, wish",
    [
        ("hello", {"want": "say", "to": "#go", "text": "hello"}),
        ("//join is a command", {"want": "say", "to": "#go", "text": "/join is a command"}),
        ("/JOIN go", {"want": "join", "channel": "#go", "key": ""}),
        ("/msg bob  two blanks ", {"want": "say", "to": "bob", "text": " two blanks "}),
        ("/me waves", {"want": "say", "to": "#go", "text": "waves", "action": True}),
        ("/leave", {"want": "leave", "channel": "#go", "why": ""}),
        ("/leave ops too loud", {"want": "leave", "channel": "#ops", "why": "too loud"}),
        ("/leave too loud", {"want": "leave", "channel": "#go", "why": "too loud"}),
        ("/topic #new all of it", {"want": "topic", "channel": "#new", "topic": "all of it"}),
        ("/op bob", {"want": "mode", "channel": "#go", "changes": ["+o", "bob"]}),
        ("/unban x!*@*", {"want": "mode", "channel": "#go", "changes": ["-b", "x!*@*"]}),
        ("/mode", {"want": "mode", "channel": "#go"}),
        ("/mode +k a", {"want": "mode", "channel": "#go", "changes": ["+k", "a"]}),
        (
            "/kick bob too loud",
            {"want": "kick", "channel": "#go", "nick": "bob", "why": "too loud"},
        ),
        (
            "/rename #py it is one",
            {"want": "rename", "channel": "#go", "name": "#py", "why": "it is one"},
        ),
        (
            "/rename #py #rb",
            {"want": "rename", "channel": "#py", "name": "#rb", "why": ""},
        ),
        ("/rename py", {"want": "wrong", "says": "It's typed so: /rename [#CHANNEL] #NEW [WHY]"}),
        ("/invite bob", {"want": "invite", "channel": "#go", "nick": "bob"}),
        ("/away", {"want": "away", "why": ""}),
        ("/quit bye now", {"want": "quit", "why": "bye now"}),
        ("/join", {"want": "wrong", "says": "It's typed so: /join #CHANNEL"}),
        ("/msg bob", {"want": "wrong", "says": "It's typed so: /msg NAME TEXT"}),
        ("/dance", {"want": "wrong", "says": "There is no /dance; /help shows all commands."}),
        (
            "/toString",
            {"want": "wrong", "says": "There is no /toString; /help shows all commands."},
        ),
    ],
)
def test_a_line_is_a_wish(call: Call, line: str, wish: dict[str, Any]) -> None:
    assert wish == call("/chat/commands.js", "read", line, HERE)


@pytest.mark.parametrize(
    "text, asked, inserts",
    [
        ("/j", False, ["/join "]),
        ("#o", False, ["#ops "]),
        ("see #", False, ["#go ", "#ops "]),
        ("@a", False, ["ann: "]),
        ("hi @B", False, ["Bob "]),
        ("a", False, []),
        ("a", True, ["ann: "]),
        ("hi b", True, ["Bob "]),
        ("/msg b", False, ["Bob "]),
        ("", True, []),
        ("//", False, []),
    ],
)
def test_what_may_be_meant_is_offered(
    plain: Page, text: str, asked: bool, inserts: list[str]
) -> None:
    script = """async ([text, asked]) => {
      const { complete } = await import("/chat/completion.js");
      const known = (...names) => names.map((name) => ({ name, hint: "" }));
      const know = { commands: known("join", "msg"), channels: known("#go", "#ops"),
                     nicks: known("ann", "Bob"), takesNick: (command) => command === "msg" };
      return complete(text, text.length, know, asked);
    }"""
    offered = plain.evaluate(script, [text, asked])
    assert inserts == [offer["insert"] for offer in (offered or {"offers": []})["offers"]]


def test_a_conversation_holds_so_many_lines_and_no_more(plain: Page) -> None:
    script = """async () => {
      const { Conversation, WINDOW } = await import("/chat/conversation.js");
      const talk = new Conversation("#go");
      talk.older = false;
      for (let i = 0; i < 3 * WINDOW; i += 1) {
        talk.add({ key: `${i}`, kind: "said", at: i, pos: `e.${i}` });
        talk.trim(WINDOW);
      }
      return [talk.lines.length === WINDOW, talk.firstPlace === `e.${2 * WINDOW}`, talk.older];
    }"""
    assert [True, True, True] == plain.evaluate(script)


def test_what_was_taken_back_is_shown_no_more(plain: Page) -> None:
    script = """async () => {
      const { Store } = await import("/chat/store.js");
      const store = new Store({ changed: () => {}, called: () => {}, isSeen: () => true });
      const event = { channel: "#go", at: 1, sid: "s", nick: "bob" };
      store.hear({ is: "said", ...event, pos: "e.1", text: "a secret" });
      store.hear({ is: "said", ...event, pos: "e.2", text: "hi" });
      store.hear({ is: "redacted", ...event, pos: "e.3", what: "e.1", why: "oops" });
      store.hear({ is: "redacted", ...event, pos: "e.4", what: "e.0" });
      store.hear({ is: "redacted", ...event, pos: "f.5", what: "f.2" }); // the same log, since
      const { lines, place } = store.find("#go");
      return [lines.map(({ kind, text }) => [kind, text]), place];
    }"""
    gone = [["note", "bob has taken this back (oops)"], ["note", "bob has taken this back"]]
    assert [gone, "f.5"] == plain.evaluate(script)


def test_what_is_there_already_is_not_there_twice(plain: Page) -> None:
    script = """async () => {
      const { Conversation } = await import("/chat/conversation.js");
      const talk = new Conversation("#go");
      const line = (i) => ({ key: `${i}`, kind: "said", at: i });
      talk.add(line(3)); talk.add(line(3)); talk.add(line(4));
      talk.addOlder([line(1), line(2), line(3)]);
      return talk.lines.map(({ key }) => key);
    }"""
    assert ["1", "2", "3", "4"] == plain.evaluate(script)
