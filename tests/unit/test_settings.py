"""`node.settings`, with the rows (`node.options`) and the checks (`node.checks`) under it."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.options import SettingError, rows
from node.settings import DOORS, Settings, UpSettings, draw_name
from tests.support.doors import certificate

LOOPBACK = "tcp:0:interface=127.0.0.1"


def refusal(**values: Any) -> str:
    """What settings say to values that won't do."""
    with pytest.raises(SettingError) as caught:
        Settings(**values)
    return str(caught.value)


def test_a_node_that_was_told_nothing_has_the_documented_defaults() -> None:
    expected = {
        "redis": "redis://127.0.0.1:6379/0",
        "redis_password_file": "",
        "line": (),
        "irc": (),
        "irc_ws": (),
        "irc_password_file": "",
        "irc_motd": "",
        "irc_admin": "",
        "irc_sts": 0,
        "irc_sts_days": 30,
        "echo": (),
        "json": (),
        "http": (),
        "tokens": "",
        "opers": "",
        "operators_from": ("127.0.0.0/8", "::1"),
        "origins": (),
        "name": "n1",
        "server_name": "chorus",
        "cloak_secret_file": "",
        "namespace": "chorus",
        "lobby": "#lobby",
        "channel_modes": "n",
        "limits": True,
        "trusted": ("127.0.0.0/8", "::1"),
        "balancers": (),
        "lines_per_session": "100/10",
        "lines_per_address": "1000/10",
        "joins_per_session": "60/60",
        "joins_per_address": "600/60",
        "nicks_per_session": "10/60",
        "nicks_per_address": "200/60",
        "opers_per_address": "10/60",
        "connects_per_address": "200/60",
        "connections_per_address": 100,
        "idle": 86_400,
        "registration": 60.0,
        "dead_peer": 120,
        "history_lines": 1_000,
        "history_days": 7,
        "reuse_port": False,
        "lease": 8.0,
        "drain": 20.0,
        "reports": True,
        "log_format": "text",
        "log_level": "info",
        "ack": "accepted",
        "replicas": 1,
        "ack_timeout": 0.5,
        "outbox_bytes": 1_048_576,
        "inbox_lines": 500,
        "keep": 60.0,
        "channels_per_session": 100,
        "channels_per_address": 1_000,
    }
    assert expected == dataclasses.asdict(Settings(name="n1"))


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().name = "other"  # type: ignore[misc]


def test_nodes_without_a_name_draw_different_ones() -> None:
    assert 20 == len({Settings().name for _ in range(20)})


@pytest.mark.parametrize("host", ["host", "Host.example.org", "höst", "☃", "x" * 300, ""])
def test_a_drawn_name_is_a_valid_one_whatever_the_host_is_called(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: host)
    name = draw_name()
    assert name == Settings(name=name).name


def test_doors_counts_the_endpoints() -> None:
    assert 3 == Settings(line=(LOOPBACK, LOOPBACK), http=(LOOPBACK,)).doors


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(Settings(redis="redis://:hunter2@127.0.0.1:6379/0"))


@pytest.mark.parametrize(
    "url, expected",
    [
        ("redis://redis.example:7000/3", "redis://:hunter%2F2@redis.example:7000/3"),
        ("rediss://user:old@redis.example", "rediss://user:hunter%2F2@redis.example"),
        ("unix:///run/redis.sock?db=2", "unix://:hunter%2F2@/run/redis.sock?db=2"),
    ],
)
def test_a_password_may_be_in_a_file(tmp_path: Path, url: str, expected: str) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter/2\n")
    settings = Settings(redis=url, redis_password_file=str(secret))
    assert expected == settings.redis_url
    assert "hunter" not in repr(settings)


@pytest.mark.parametrize(
    "held, expected",
    [
        (None, "a file that can be read"),
        (b"", "one line"),
        (b"a\nb", "one line"),
        (b"\xff", "text"),
    ],
)
def test_a_file_without_a_password_is_refused(
    tmp_path: Path, held: bytes | None, expected: str
) -> None:
    secret = tmp_path / "password"
    if held is not None:
        secret.write_bytes(held)
    said = refusal(redis_password_file=str(secret))
    assert said.startswith(f"redis-password-file: expected {expected}")
    assert str(secret) in said


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1",
        "redis://user:secret@redis.example:7000/3",
        "rediss://redis.example",
        "unix:///run/redis.sock?db=2",
    ],
)
def test_a_redis_url_is_taken(url: str) -> None:
    assert url == Settings(redis=url).redis


@pytest.mark.parametrize("url", ["", "127.0.0.1:6379", "http://host", "redis://", "redis://h/x"])
def test_what_is_no_redis_url_is_refused(url: str) -> None:
    assert refusal(redis=url).startswith("redis: expected a Redis URL such as redis://")


def test_a_file_of_tokens_that_cannot_be_read_is_refused() -> None:
    assert refusal(tokens="/nowhere").startswith("tokens: expected a file that can be read: /no")


@pytest.mark.parametrize(
    "endpoint",
    ["tcp:0", LOOPBACK, r"tcp6:1234:interface=\:\:1", "unix:/run/chorus.sock:mode=600"],
)
def test_an_endpoint_is_taken(endpoint: str) -> None:
    assert (endpoint,) == Settings(line=(endpoint,)).line


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "1234",
        "tcp",
        "tcp:",
        "tcp:http",
        "tcp:-1",
        "tcp:65536",
        "tcp:1234:backlog=many",
        "tcp:1234:nonsense=1",
        "carrier-pigeon:1",
        "ssl:443:privateKey=/nowhere.pem",
        "haproxy:tcp:1234",
    ],
)
@pytest.mark.parametrize("door", ["line", "echo", "http"])
def test_what_is_no_endpoint_is_refused_and_quoted(door: str, endpoint: str) -> None:
    said = refusal(**{door: (LOOPBACK, endpoint)})
    assert said.startswith(f"{door}: expected ")
    assert repr(endpoint) in said


@pytest.mark.parametrize("modes", ["", "n", "nt", "Cimnpst"])
def test_these_can_be_the_modes_of_new_channels(modes: str) -> None:
    assert modes == Settings(channel_modes=modes).channel_modes


@pytest.mark.parametrize("modes", ["+n", "k", "b", "o", "N", "n t"])
def test_these_can_not_be_the_modes_of_new_channels(modes: str) -> None:
    assert refusal(channel_modes=modes).startswith("channel-modes: expected letters of Cimnpst")


@pytest.mark.parametrize("door", ["line", "http"])
def test_a_folder_of_certificates_is_refused_without_a_look_into_it(
    door: str, tmp_path: Path
) -> None:
    certificate(tmp_path)[0].unlink()  # Twisted would look for the key for ever
    said = refusal(**{door: (f"tls:{tmp_path}:443",)})
    assert said.startswith(f"{door}: expected ssl:443:privateKey=")


@pytest.mark.parametrize("lobby", ["", "#lobby", "#ü", "#" + "x" * 50, "##", "#{go}"])
def test_a_lobby_is_taken(lobby: str) -> None:
    assert lobby == Settings(lobby=lobby).lobby


@pytest.mark.parametrize(
    "lobby", ["#", "lobby", "#two words", "#a,b", "#tab\t", "#\u202e", "#" + "x" * 51, "#u\u0308"]
)
def test_what_is_no_channel_cannot_be_the_lobby(lobby: str) -> None:
    assert refusal(lobby=lobby).startswith("lobby: expected a channel's name")


@pytest.mark.parametrize("rate", ["", "1/1", "100/0.5"])
def test_a_rate_is_taken(rate: str) -> None:
    assert rate == Settings(lines_per_session=rate).lines_per_session


@pytest.mark.parametrize("rate", ["5", "5/", "0/1", "5 / s", "x"])
@pytest.mark.parametrize(
    "field", ["lines_per_session", "joins_per_address", "nicks_per_session", "connects_per_address"]
)
def test_what_is_no_rate_is_refused_and_quoted(field: str, rate: str) -> None:
    said = refusal(**{field: rate})
    assert said.startswith(f"{field.replace('_', '-')}: expected COUNT/SECONDS such as 100/10 ")
    assert repr(rate) in said


@pytest.mark.parametrize(
    "trusted", [(), ("10.0.0.0/8", "fd00::/8"), ("192.0.2.1",), ("0.0.0.0/0", "::/0")]
)
def test_networks_are_taken(trusted: tuple[str, ...]) -> None:
    assert trusted == Settings(trusted=trusted).trusted


@pytest.mark.parametrize("network", ["", "localhost", "10.0.0.1/8", "10.0.0.0/33", "10.0.0"])
def test_what_is_no_network_is_refused(network: str) -> None:
    said = refusal(trusted=("10.0.0.0/8", network))
    assert said.startswith("trusted: expected a network such as 10.0.0.0/8 or fd00::/8 (")


def test_every_kind_of_door_counts() -> None:
    values: dict[str, Any] = dict.fromkeys(DOORS, (LOOPBACK,))
    assert 6 == Settings(**values).doors


@pytest.mark.parametrize("held", [b"", b"hello\r\n\r\nworld", b"x" * 400 + b"\n", b"\n" * 500])
def test_a_message_of_the_day_is_taken(held: bytes, tmp_path: Path) -> None:
    (tmp_path / "motd").write_bytes(held)
    assert str(tmp_path / "motd") == Settings(irc_motd=str(tmp_path / "motd")).irc_motd


@pytest.mark.parametrize(
    "held, expected",
    [
        (b"\xff", "text in "),
        ("é".encode() * 201, "lines of at most 400 bytes in "),
        (b"a\rb\n", "lines of at most 400 bytes in "),
        (b"a\0b\n", "lines of at most 400 bytes in "),
        (b"\n" * 501, "at most 500 lines in "),
    ],
)
def test_what_is_no_message_of_the_day_is_refused(
    held: bytes, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "motd").write_bytes(held)
    said = refusal(irc_motd=str(tmp_path / "motd"))
    assert said.startswith(f"irc-motd: expected {expected}{tmp_path}")


@pytest.mark.parametrize("lines", ["", "Ann", "Ann|Example|ann@example.org"])
def test_who_runs_it_is_three_lines_at_most(lines: str) -> None:
    assert lines == Settings(irc_admin=lines).irc_admin


@pytest.mark.parametrize("lines", ["a|b|c|d", "a\nb", "x" * 401])
def test_what_is_no_such_line_is_refused(lines: str) -> None:
    assert "irc-admin: expected " in refusal(irc_admin=lines)


@pytest.mark.parametrize("origins", [(), ("*",), ("https://chat.example.org", "http://h:8080")])
def test_origins_are_taken(origins: tuple[str, ...]) -> None:
    assert origins == Settings(origins=origins).origins


@pytest.mark.parametrize(
    "origin", ["", "chat.example.org", "https://", "https://h/", "https://u@h", "ftp://h", "null"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    said = refusal(origins=("*", origin))
    assert said.startswith(
        "origins: expected an origin such as https://chat.example.org, or *, not"
    )


@pytest.mark.parametrize(
    "field, good, bad",
    [
        ("name", "node-1.example_org", "two words"),
        ("server_name", "chat.example.org", "chat example"),
        ("namespace", "prod:eu-1_a.b", "a{b}"),
        ("namespace", "a", ""),
        ("name", "x" * 64, "x" * 65),
    ],
)
def test_names_are_letters_digits_and_few_signs(field: str, good: str, bad: str) -> None:
    values: dict[str, Any] = {field: good}
    assert good == getattr(Settings(**values), field)
    assert f"{field.replace('_', '-')}: expected 1 to " in refusal(**{field: bad})


@pytest.mark.parametrize(
    "field, value, expected",
    [
        ("history_lines", 0, "history-lines: expected 1 to 1,000,000 lines, not 0"),
        ("history_lines", True, "history-lines: expected a whole number"),
        ("history_lines", 1.5, "history-lines: expected a whole number"),
        ("history_days", 0, "history-days: expected 0.001 to 3,650 days, not 0"),
        ("lease", float("nan"), "lease: expected a number"),
        ("lease", float("inf"), "lease: expected a number"),
        ("lease", -1, "lease: expected 0.1 to 3,600 seconds, not -1"),
        ("idle", -1, "idle: expected 0 to 31,536,000 seconds, not -1"),
        ("dead_peer", 0.5, "dead-peer: expected a whole number"),
        ("outbox_bytes", 10, "outbox-bytes: expected 4,096 to 1,073,741,824 bytes, not 10"),
        ("ack", "fsync", "ack: expected accepted or replicated, not 'fsync'"),
        ("replicas", 0, "replicas: expected 1 to 100 replicas, not 0"),
        ("limits", 1, "no-limits: expected true or false"),
        ("lobby", None, "lobby: expected a text"),
        ("line", "tcp:1", "line: expected a list of texts"),
        ("line", (1,), "line: expected a list of texts"),
    ],
)
def test_a_value_of_the_wrong_kind_or_size_is_refused(
    field: str, value: object, expected: str
) -> None:
    assert expected == refusal(**{field: value})


def test_replicas_of_a_redis_cluster_cannot_be_waited_for() -> None:
    expected = "ack: expected accepted: on a Redis Cluster replicas can't be waited for"
    assert expected == refusal(ack="replicated", redis="redis+cluster://127.0.0.1")


def test_a_cluster_has_at_least_one_node() -> None:
    with pytest.raises(SettingError, match="nodes: expected 1 to 64 nodes, not 0"):
        UpSettings(nodes=0)


def test_every_setting_says_what_it_is() -> None:
    assert [] == [row.flag for row in (*rows(Settings), *rows(UpSettings)) if not row.help]


@given(st.text())
def test_any_text_is_a_valid_setting_or_refused(text: str) -> None:
    for field in ("redis", "name", "server_name", "namespace", "lobby", "nicks_per_session"):
        values: dict[str, Any] = {field: text}
        try:
            assert text == getattr(Settings(**values), field)
        except SettingError as e:
            assert e.setting == field.replace("_", "-")  # noqa: PT017 - one of the two is so


@given(st.text())
def test_any_text_is_a_valid_endpoint_or_refused(text: str) -> None:
    try:
        assert (text,) == Settings(line=(text,)).line
    except SettingError as e:
        assert "line" == e.setting  # noqa: PT017
