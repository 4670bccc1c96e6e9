"""IRC's doors on real nodes: TCP, TLS, behind a balancer, and WebSocket in both of its ways."""

from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.cluster.conftest import MakeTown
from tests.cluster.test_certificates import Client, logged, secured
from tests.cluster.test_proxied import BALANCED, NOBODY
from tests.support.irc import BINARY, TEXT, Frames, Irc, Tcp
from tests.support.town import Town
from tests.support.web import metrics

CLOAKED = b"PROXY TCP4 198.51.100.7 192.0.2.1 5555 6667\r\n"


def test_people_on_all_doors_talk(town: Town, go: str) -> None:
    """Each on another node, in one channel, in one order."""
    dan = town.person("dan", go, on=1)
    with (
        Irc(Tcp(town.nodes[0].irc), "ann", go) as ann,
        Irc(Frames(town.nodes[1].http, TEXT), "tex", go) as tex,
        Irc(Frames(town.nodes[2].http, BINARY), "bin", go) as bin_,
    ):
        for person in (ann, tex, bin_):
            person.does(f"PRIVMSG {go} :grüße from {person.nick}")
        dan.does("hello")
        heard = [
            [
                line.rpartition(" :")[2]
                for line in [*person.heard, *person.settle()]
                if f" PRIVMSG {go} :" in line
            ]
            for person in (ann, tex, bin_)
        ]
        said = [*(f"grüße from {nick}" for nick in ("ann", "tex", "bin")), "hello"]
        assert [said[1:], [said[0], *said[2:]], [*said[:2], said[3]]] == heard
        expected = [f"[{go}] <{nick}> grüße from {nick}" for nick in ("ann", "tex", "bin")]
        dan.settle()
        assert expected == [line for line in dan.heard if f"[{go}] <" in line]


@pytest.mark.parametrize(
    "asked, spoken, kind",
    [
        ((TEXT,), TEXT, str),
        ((BINARY,), BINARY, bytes),
        ((BINARY, TEXT), BINARY, bytes),
        ((TEXT, BINARY), TEXT, str),
        (("soap", BINARY), BINARY, bytes),
        ((), None, str),
    ],
)
def test_the_first_way_that_a_page_asks_for_is_spoken(
    town: Town, asked: tuple[str, ...], spoken: str | None, kind: type
) -> None:
    wire = Frames(town.nodes[0].http, *asked)
    with Irc(wire, "ann"):
        assert (spoken, {kind}) == (wire.spoken, wire.kinds)


@pytest.mark.parametrize("path", ["/", "/irc"])
def test_websocket_has_a_door_of_its_own_if_that_is_wanted(make_town: MakeTown, path: str) -> None:
    (node,) = make_town("--irc-ws", "tcp:0:interface=127.0.0.1", count=1).nodes
    with Irc(Frames(node.doors["irc-ws"], TEXT, path=path), "ann") as ann:
        assert [] == ann.settle()


def test_a_page_from_elsewhere_may_not_speak_irc(town: Town) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        Frames(town.nodes[0].http, TEXT, origin="https://evil.example.org")


def test_a_line_with_its_end_in_a_frame_is_a_line_and_two_are_two(town: Town, go: str) -> None:
    with Irc(Frames(town.nodes[0].http, TEXT), "ann", go) as ann:
        bob = town.person("bob", go, on=2)
        ann.does(f"PRIVMSG {go} :one\r\nPRIVMSG {go} :two\r\n")
        assert [f"[{go}] <ann> {text}" for text in ("one", "two")] == bob.settle()


def test_who_comes_over_tls_may_show_a_certificate(make_town: MakeTown, tmp_path: Path) -> None:
    (node,) = make_town(*secured(tmp_path, "irc"), count=1).nodes
    client = Client(tmp_path)
    with Irc(Tcp(node.irc, client.context), "ann") as ann:
        assert [] == ann.settle()
        assert is_secure(ann, "ann")
    assert f"certificate={client.fingerprint}" in logged(node, "dialect=irc")


def test_who_comes_through_a_balancer_has_their_own_address(make_town: MakeTown) -> None:
    town = make_town(*NOBODY, *BALANCED, "--connections-per-address", "1", count=1)
    (node,) = town.nodes
    with Irc(Tcp(node.irc, first=CLOAKED), "ann"):
        assert "address=198.51.100.7" in logged(node, "dialect=irc")
        second = Irc(Tcp(node.irc, first=CLOAKED))
        (closing,) = second.rest()
        assert closing.startswith("ERROR :")
        second.wire.close()


@pytest.mark.parametrize("client, secure", [(b"\x01", True), (b"\x00", False), (b"", False)])
def test_a_balancer_says_who_came_to_it_over_tls(
    make_town: MakeTown, client: bytes, secure: bool
) -> None:
    town = make_town(*NOBODY, *BALANCED, count=2)
    addresses = bytes((198, 51, 100, 7)) + bytes((192, 0, 2, 1)) + b"\x15\xb3\x04\xd2"
    tls = b"\x20\x00\x05" + client + bytes(4) if client else b""  # PP2_TYPE_SSL
    body = addresses + tls
    header = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11" + len(body).to_bytes(2) + body
    with (
        Irc(Tcp(town.nodes[0].irc, first=header), "ann"),
        Irc(Tcp(town.nodes[1].irc, first=header), "bob") as bob,
    ):
        assert secure is is_secure(bob, "ann")
        assert [] != [line for line in bob.does("WHOIS ann") if " 317 bob ann " in line]


def is_secure(who: Irc, nick: str) -> bool:
    return any(" 671 " in line for line in who.does(f"WHOIS {nick}"))


def test_what_an_operator_says_of_the_server_is_told(make_town: MakeTown, tmp_path: Path) -> None:
    (tmp_path / "motd").write_text("Be kind.\n\nAll is logged.\n")
    (tmp_path / "password").write_text("sesame\n")
    (node,) = make_town(
        *("--server-name", "chat.example.org", "--irc-sts", "6697", "--irc-sts-days", "0.5"),
        *("--irc-motd", str(tmp_path / "motd"), "--irc-password-file", str(tmp_path / "password")),
        *("--irc-admin", "Ann|Example|ann@example.org"),
        count=1,
    ).nodes
    with Irc(Tcp(node.irc)) as ann:
        ann.type("PASS sesame", "CAP LS 302", "CAP END")
        ann.register("ann")
        assert all(line.startswith(":chat.example.org ") for line in ann.heard)
        assert any("sts=port=6697,duration=43200" in line for line in ann.heard)
        motd = [line.partition(" :")[2] for line in ann.heard if line.split(" ")[1] == "372"]
        assert ["- Be kind.", "- ", "- All is logged."] == motd
        admin = [line.partition(" :")[2] for line in ann.does("ADMIN")]
        assert ["Ann", "Example", "ann@example.org"] == admin[1:]
        (tmp_path / "motd").write_text("Be kinder.\n")
    with Irc(Tcp(node.irc)) as eve:
        eve.type("NICK eve", "USER eve 0 * :eve")
        assert " 464 " in eve.rest()[0]


def test_a_server_whose_name_has_no_dot_gets_one(town: Town) -> None:
    with Irc(Tcp(town.nodes[0].irc), "ann") as ann:
        assert all(line.startswith(":irc.chorus ") for line in ann.heard)


def test_who_quits_before_they_registered_reads_the_end(town: Town) -> None:
    """So do programs that only look whether there's a server."""
    with Irc(Tcp(town.nodes[0].irc)) as nobody:
        nobody.type("QUIT :just looking")
        assert nobody.rest()[-1].startswith("ERROR :")


def test_sessions_are_counted_by_their_dialect(make_town: MakeTown) -> None:
    (node,) = make_town(count=1).nodes
    with Irc(Tcp(node.irc), "ann"), Irc(Frames(node.http, TEXT), "tex"):
        assert 2 == metrics(node)["chorus_sessions{dialect=irc}"]


def test_a_node_that_ends_says_so(make_town: MakeTown) -> None:
    (node,) = make_town(count=1).nodes
    people = [Irc(Tcp(node.irc), "ann"), Irc(Frames(node.http, BINARY), "bin"), Irc(Tcp(node.irc))]
    people[2].type("NICK cat", "PING x")
    people[2].until(lambda line: " PONG " in line or " 451 " in line)
    node.end()
    for person in people:
        assert person.rest()[-1].startswith("ERROR :")
        person.wire.close()
