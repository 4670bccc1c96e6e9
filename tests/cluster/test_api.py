"""`/api/v1`: programs among people, over real HTTP."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from broker.embedded import Embedded
from tests.cluster.conftest import LEASE, MakeTown
from tests.support.api import Api, new_token
from tests.support.processes import await_fact
from tests.support.town import Town


@pytest.fixture
def tokens(tmp_path: Path) -> "Tokens":
    return Tokens(tmp_path / "tokens.toml")


class Tokens:
    """A file of tokens, as nodes read it; `draw` adds one and returns its secret."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.flags = ("--tokens", str(file), "--operators-from", "")
        file.write_text("")

    def draw(self, name: str, *scopes: str, rate: str = "100000/1") -> str:
        secret, entry = new_token(name, *scopes, rate=rate)
        self.file.write_text(f"{self.file.read_text()}\n{entry}\n")
        return secret


# -- messages


def test_what_a_program_says_is_read_by_people_and_what_they_say_by_programs(
    make_town: MakeTown, tokens: Tokens
) -> None:
    secret = tokens.draw("deploys", "read", "post")
    town = make_town(*tokens.flags, count=2)
    ann, bob = town.people("ann", "bob", at="#Go")
    api = Api(town.nodes[0], secret)
    posted = api.post("channels/go/messages", {"text": "it's ☃"})
    assert (201, "#go", "deploys.bot") == (
        posted.status,
        posted.said["channel"],
        posted.said["nick"],
    )
    for person in (ann, bob):
        assert ["[#Go] <deploys.bot> it's ☃"] == person.settle()
    ann.does("/me reads")
    said = Api(town.nodes[1], secret).get("channels/%23go/messages").said
    assert [("deploys.bot", "it's ☃", False), ("ann", "reads", True)] == [
        (one["nick"], one["text"], one["action"]) for one in said["messages"]
    ]
    assert posted.said["pos"] == said["messages"][0]["pos"]


def test_a_retry_under_a_key_says_it_once_on_whichever_node(
    make_town: MakeTown, tokens: Tokens
) -> None:
    secret = tokens.draw("deploys", "post")
    town = make_town(*tokens.flags, count=2)
    ann = town.person("ann", "#go")
    first, again, other = (
        Api(town.nodes[on], secret).post(
            "channels/go/messages", {"text": text}, Idempotency_Key="k-1"
        )
        for on, text in ((0, "one"), (1, "one"), (1, "two"))
    )
    assert (201, 200, first.said) == (first.status, again.status, again.said)
    assert (422, "key-reused") == other.error
    assert ["[#go] <deploys.bot> one"] == ann.settle()


def test_an_empty_key_is_refused_rather_than_none(make_town: MakeTown, tokens: Tokens) -> None:
    secret = tokens.draw("deploys", "post")
    town = make_town(*tokens.flags, count=1)
    ann = town.person("ann", "#go")
    answer = Api(town.nodes[0], secret).post(
        "channels/go/messages", {"text": "one"}, Idempotency_Key=""
    )
    assert 422 == answer.status
    assert [] == ann.settle()


def test_history_is_read_page_by_page(make_town: MakeTown, tokens: Tokens) -> None:
    secret = tokens.draw("reader", "read")
    town = make_town(*tokens.flags, count=1)
    ann = town.person("ann", "#go")
    for number in range(7):
        ann.type(f"{number}")
    ann.settle()
    api, pages, before = Api(town.nodes[0], secret), [], ""
    while True:
        said = api.get(f"channels/go/messages?limit=3{before}").said
        pages.append([one["text"] for one in said["messages"]])
        if not said["more"]:
            break
        before = f"&before={said['messages'][0]['pos']}"
    assert [["4", "5", "6"], ["1", "2", "3"], ["0"]] == pages


@pytest.mark.parametrize("text", ["two\nlines", "nul\0", " "])
def test_what_cannot_be_said_is_refused(make_town: MakeTown, tokens: Tokens, text: str) -> None:
    secret = tokens.draw("deploys", "post")
    town = make_town(*tokens.flags, count=1)
    town.person("ann", "#go")
    posted = Api(town.nodes[0], secret).post("channels/go/messages", {"text": text})
    assert (422, "text-invalid") == posted.error


# -- lists


def test_channels_and_sessions_are_listed_in_pages(make_town: MakeTown, tokens: Tokens) -> None:
    secret = tokens.draw("looker", "inspect")
    town = make_town(*tokens.flags, "--lobby", "", count=2)
    town.people("Ann", "bob", "cat", at=("#b", "#A", "#c"))
    api = Api(town.nodes[0], secret)
    channels, sessions = api.get("channels?limit=2").said, api.get("sessions?limit=2").said
    assert (["#A", "#b"], 3, "#b") == (
        [row["name"] for row in channels["channels"]],
        channels["total"],
        channels["next"],
    )
    assert (["Ann", "bob"], 3, "bob") == (
        [row["nick"] for row in sessions["sessions"]],
        sessions["total"],
        sessions["next"],
    )
    rest = api.get("channels?after=%23B").said
    assert (["#c"], None) == ([row["name"] for row in rest["channels"]], rest["next"])
    assert [{"nick": "cat", "node": "n1"}] == api.get("sessions?after=BOB").said["sessions"]


def test_nodes_tell_how_they_are(make_town: MakeTown, tokens: Tokens) -> None:
    secret = tokens.draw("looker", "inspect")
    town = make_town(*tokens.flags, count=2)
    api = Api(town.nodes[0], secret)

    def names() -> list[str]:
        return sorted(node["node"] for node in api.get("nodes").said["nodes"])

    await_fact(lambda: ["n1", "n2"] == names())


# -- server-sent events


def test_a_channel_is_followed_and_gone_on_with_on_another_node(
    make_town: MakeTown, tokens: Tokens
) -> None:
    secret = tokens.draw("reader", "read")
    town = make_town(*tokens.flags, count=3)
    ann = town.person("ann", "#go", on=3)
    ann.does("before")
    with Api(town.nodes[0], secret).events("go") as events:
        ann.does("one")
        first = next(events)
    assert ("said", "one") == (first.name, first.data["text"])
    assert first.id == first.data["pos"]
    ann.does("two")
    with Api(town.nodes[1], secret).events("go", after=first.id) as events:
        ann.does("three")
        assert ["two", "three"] == [next(events).data["text"] for _ in range(2)]
    assert "in #go (1): @ann" == ann.does("/names #go")[0]


def test_what_was_said_while_the_node_stood_still_comes_and_comes_once(
    make_town: MakeTown, tokens: Tokens
) -> None:
    secret = tokens.draw("reader", "read")
    town = make_town(*tokens.flags, count=2)
    ann = town.person("ann", "#go", on=2)
    with Api(town.nodes[0], secret).events("go") as events:
        ann.does("one")
        town.nodes[0].freeze()
        ann.does("two")
        town.nodes[0].wake()
        ann.does("three")
        assert ["one", "two", "three"] == [next(events).data["text"] for _ in range(3)]


def test_who_does_not_read_is_cut_off_and_delays_nobody(
    make_town: MakeTown, tokens: Tokens
) -> None:
    secret = tokens.draw("reader", "read")
    town = make_town(*tokens.flags, "--outbox-bytes", "4096", count=1)
    ann = town.person("ann", "#go")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(20)
        slow.connect(("127.0.0.1", town.nodes[0].http))
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n\r\n"
        slow.sendall(f"GET /api/v1/channels/go/events HTTP/1.1\r\n{head}".encode())
        assert b"HTTP/1.1 200 OK\r\n" == slow.recv(17)
        for _ in range(2_000):
            ann.type("x" * 4_000)
        ann.settle()
        ann.does("the last")
        came = b""
        with suppress(ConnectionError):
            while data := slow.recv(1 << 20):
                came = came[-100:] + data
        assert b"the last" not in came


def test_where_the_log_has_less_a_gap_is_told(make_town: MakeTown, tokens: Tokens) -> None:
    secret = tokens.draw("reader", "read")
    town = make_town(*tokens.flags, count=1)
    ann = town.person("ann", "#go")
    ann.does("one")
    with Api(town.nodes[0], secret).events("go", after="another.7") as events:
        found = [next(events) for _ in range(2)]
    assert [("gap", {"lost": None}), ("said", "one")] == [
        (found[0].name, found[0].data),
        (found[1].name, found[1].data["text"]),
    ]


def test_who_follows_reads_on_after_redis_lost_everything(
    make_town: MakeTown, tokens: Tokens, own_server: Embedded
) -> None:
    secret = tokens.draw("reader", "read")
    flags = (*tokens.flags, "--lease", str(LEASE))
    town = make_town(*flags, url=own_server.url, count=2)
    ann = town.person("ann", "#go", on=2)
    with Api(town.nodes[0], secret).events("go") as events:
        ann.does("one")
        assert "one" == next(events).data["text"]
        town.cluster.redis.flushall()
        await_fact(lambda: "in #go (1): @ann" in ann.does("/names #go"))
        ann.does("two")
        told = [next(events) for _ in range(2)]
    assert [("gap", {"lost": None}), ("said", "two")] == [
        (told[0].name, told[0].data),
        (told[1].name, told[1].data.get("text")),
    ]


def test_events_end_with_the_token(make_town: MakeTown, tokens: Tokens) -> None:
    secret = tokens.draw("reader", "read")
    town = make_town(*tokens.flags, count=1)
    town.person("ann", "#go")
    with Api(town.nodes[0], secret, seconds=50).events("go") as events:
        tokens.file.write_text("")
        with pytest.raises(ConnectionError):
            next(events)


def test_who_follows_what_is_not_there_is_told_so(make_town: MakeTown, tokens: Tokens) -> None:
    secret = tokens.draw("reader", "read")
    api = Api(make_town(*tokens.flags, count=1).nodes[0], secret)
    assert (404, "no-such-channel") == api.get("channels/nowhere/events").error
    assert (422, "invalid") == api.get("channels/nowhere/events", Last_Event_ID="x").error


# -- acts


def test_operators_act_over_http_and_who_did_it_is_told(
    make_town: MakeTown, tokens: Tokens
) -> None:
    secret = tokens.draw("boss", "operate")
    town = make_town(*tokens.flags, count=2)
    ann, bob, cat = town.people("ann", "bob", "cat", at="#go")
    api = Api(town.nodes[0], secret)
    assert (200, {"says": "3 people were told"}) == api.post("notices", {"text": "hello"})[:2]
    assert ["notice: hello"] == ann.settle()
    assert (200, {"says": "bob was kicked: spam"}) == api.post(
        "kicks", {"nick": "bob", "why": "spam"}
    )[:2]
    assert "closing: kicked: spam" == bob.rest()[-1]
    assert (409, "reckless") == api.post("bans", {"nick": "cat"}).error
    banned = api.post("bans", {"nick": "cat", "force": True, "seconds": 3600})
    assert {"says": "127.0.0.1, the address of cat, is banned for 60 min"} == banned.said
    assert "closing: banned" == cat.rest()[-1]
    (ban,) = api.get("bans").said["bans"]
    assert ("127.0.0.1/32", "token boss") == (ban["network"], ban["by"])
    assert 200 == api.delete("bans/127.0.0.1%2F32").status
    assert (404, "not-banned") == api.delete("bans/127.0.0.1").error
    masked = api.post("bans", {"mask": "Bob@*.example.org", "why": "spam"})
    assert {"says": "bob@*.example.org is banned for good: spam"} == masked.said
    (ban,) = api.get("bans").said["bans"]
    assert ("", "bob@*.example.org") == (ban["network"], ban["mask"])
    assert 200 == api.delete("bans/bob%40*.example.org").status
    rebalanced = api.post("nodes/n1/rebalance", {"share": 1, "over": 0})
    assert (202, {"says": "n1 closes 0 of 0 connections within 0 s"}) == rebalanced[:2]
    assert 202 == api.post("nodes/n2/drain", {"over": 0}).status
    assert 0 == town.nodes[1].wait()
    assert (404, "no-such-node") == api.post("nodes/n9/drain", {}).error


@pytest.mark.parametrize(
    "path, value, status, error",
    [
        ("bans", {}, 422, "body-invalid"),
        ("bans", {"network": "192.0.2.1", "nick": "ann"}, 422, "body-invalid"),
        ("bans", {"network": "192.0.2.1", "mask": "a@b"}, 422, "body-invalid"),
        ("bans", {"network": "ann"}, 422, "network-invalid"),
        ("bans", {"mask": "ann!a@b"}, 422, "mask-invalid"),
        ("bans", {"mask": "*@*"}, 409, "reckless"),
        ("bans", {"network": "192.0.2.1", "seconds": 0}, 422, "invalid"),
        ("bans", {"nick": "nobody"}, 404, "no-such-nick"),
        ("kicks", {"nick": "nobody"}, 404, "no-such-nick"),
        ("kicks", {"nick": "nobody", "why": "a\nb"}, 422, "text-invalid"),
        ("notices", {"text": ""}, 422, "invalid"),
        ("nodes/n1/rebalance", {"share": 1.5}, 422, "invalid"),
        ("nodes/n1/rebalance", {}, 422, "invalid"),
        ("nodes/n1/drain", {"over": -1}, 422, "invalid"),
        ("nodes/n1/drain", {"when": 1}, 422, "invalid"),
        ("channels/nowhere/messages", {"text": "hi"}, 404, "no-such-channel"),
        ("channels/a,b/messages", {"text": "hi"}, 422, "channel-invalid"),
        ("nowhere", {}, 404, "not-found"),
        ("channels", {}, 405, "method-not-allowed"),
    ],
)
def test_what_cannot_be_done_is_said(
    lonely: Api, path: str, value: object, status: int, error: str
) -> None:
    assert (status, error) == lonely.post(path, value).error


@pytest.fixture(scope="module")
def lonely(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A node without people, for a token that may do everything."""
    from tests.support.nodes import Nodes

    folder = tmp_path_factory.mktemp("lonely")
    tokens = Tokens(folder / "tokens.toml")
    secret = tokens.draw("boss", "read", "post", "operate")
    with Nodes(server, folder, *tokens.flags, forked=True) as nodes, Town(nodes, 1) as town:
        yield Api(town.nodes[0], secret)


# -- what holds for all requests


@pytest.mark.parametrize(
    "body, kind, status, error",
    [
        (b'{"text": "hi"}', "text/plain", 415, "not-json"),
        (b'{"text": "hi"}', "", 415, "not-json"),
        (b'{"text": ', "application/json", 400, "malformed"),
        (b"", "application/json", 400, "malformed"),
        (b"[" * 60_000, "application/json", 422, "invalid"),
        (b'{"text": "\xff"}', "application/json", 400, "malformed"),
        (b'{"text": "\\ud800"}', "application/json", 400, "malformed"),
        (b'{"text": 7}', "application/json", 422, "invalid"),
        (b'"' + b"x" * (64 << 10), "application/json", 413, "too-much"),
    ],
)
def test_a_body_is_json_and_not_too_long(
    lonely: Api, body: bytes, kind: str, status: int, error: str
) -> None:
    assert (status, error) == lonely.ask("POST", "notices", body, Content_Type=kind).error


def test_the_content_type_may_have_parameters(lonely: Api) -> None:
    kind = "Application/JSON; charset=utf-8"
    assert 404 == lonely.ask("POST", "kicks", b'{"nick": "x"}', Content_Type=kind).status


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "x=1", "%ff=1"]
)
def test_a_query_that_will_not_do_is_refused(lonely: Api, query: str) -> None:
    assert (422, "invalid") == lonely.get(f"channels?{query}").error


def test_what_is_there_for_get_is_there_for_head_without_a_body(lonely: Api) -> None:
    got, asked = lonely.get("channels"), lonely.ask("HEAD", "channels")
    assert (200, None) == (asked.status, asked.said)
    assert got.headers["content-length"] == asked.headers["content-length"]


def test_another_method_is_told_which_there_are(lonely: Api) -> None:
    asked = lonely.ask("DELETE", "channels/go/messages")
    assert (405, "method-not-allowed") == asked.error
    assert "GET, HEAD, POST" == asked.headers["allow"]


def test_the_description_is_public(lonely: Api) -> None:
    api = Api.__new__(Api)
    api.__dict__ |= lonely.__dict__ | {"_headers": {}}
    described = api.get("openapi.json")
    assert (200, "3.1.1") == (described.status, described.said["openapi"])
    assert (401, "token-missing") == api.get("channels").error


def test_scopes_and_rates_hold(make_town: MakeTown, tokens: Tokens) -> None:
    secret = tokens.draw("reader", "read", rate="2/60")
    town = make_town(*tokens.flags, count=1)
    town.person("ann", "#go")
    api = Api(town.nodes[0], secret)
    assert (403, "scope-missing") == api.post("notices", {"text": "hi"}).error
    assert [200, 200] == [api.get("channels/go/messages").status for _ in range(2)]
    third = api.get("channels/go/messages")
    assert (429, "too-often") == third.error
    assert 0 < int(third.headers["retry-after"]) <= 60
    assert (401, "token-unknown") == Api(town.nodes[0], "wrong").get("channels").error


def test_who_comes_from_the_nodes_machine_is_an_operator(make_town: MakeTown) -> None:
    town = make_town(count=1)
    ann = town.person("ann")
    api = Api(town.nodes[0])
    assert 200 == api.get("sessions").status
    assert (403, "forgeable") == api.post("notices", {"text": "hi"}).error
    assert 200 == api.post("notices", {"text": "hi"}, X_Chorus="1").status
    assert ["notice: hi"] == ann.settle()
    foreign = api.post("notices", {"text": "hi"}, X_Chorus="1", Origin="http://evil.example")
    assert (403, "foreign-origin") == foreign.error
    assert (401, "token-missing") == api.get("sessions", Host="evil.example").error


def test_while_the_broker_is_away_that_is_said(
    make_town: MakeTown, tokens: Tokens, own_server: Embedded
) -> None:
    secret = tokens.draw("boss", "read", "post", "operate")
    town = make_town(*tokens.flags, count=1, url=own_server.url)
    ann = town.person("ann", "#go")
    own_server.stop()
    ann.until("notice: the broker is away")
    api = Api(town.nodes[0], secret)
    for answered in (
        api.get("channels"),
        api.get("sessions"),
        api.get("nodes"),
        api.get("bans"),
        api.get("channels/go/messages"),
        api.get("channels/go/events"),
        api.post("channels/go/messages", {"text": "hi"}),
        api.post("notices", {"text": "hi"}),
        api.post("kicks", {"nick": "ann"}),
        api.post("bans", {"network": "192.0.2.1"}),
        api.post("nodes/n1/drain", {}),
    ):
        assert (503, "broker-away") == answered.error
        assert "2" == answered.headers["retry-after"]


def test_no_secret_and_no_text_is_in_the_log(make_town: MakeTown, tokens: Tokens) -> None:
    secret = tokens.draw("boss", "read", "post", "operate")
    town = make_town(*tokens.flags, count=1)
    town.person("ann", "#go")
    api = Api(town.nodes[0], secret)
    api.post("channels/go/messages", {"text": "psst-1"})
    api.post("notices", {"text": "psst-2"})
    api.post("kicks", {"nick": "psst-3"})
    log = town.nodes[0].log
    await_fact(lambda: "token boss: notice" in log.read_text())
    assert [] == re.findall(rf"psst|{secret}|{json.dumps(secret)}", log.read_text())
