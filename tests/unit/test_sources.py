"""`node.sources`: flags over the environment over a file."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.options import SettingError, rows
from node.settings import Settings, UpSettings
from node.sources import build, gather, to_environ

KNOWN = [*rows(Settings), *rows(UpSettings)]


def settings(
    flags: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    config: Path | None = None,
) -> Settings:
    return build(
        Settings, gather(KNOWN, flags or {}, environ or {}, str(config) if config else None)
    )


def refusal(
    flags: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    config: Path | None = None,
) -> str:
    with pytest.raises(SettingError) as caught:
        settings(flags, environ, config)
    return str(caught.value)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "chorus.toml"
    path.write_text(
        """
        redis = "redis://in-file"
        lobby = "#in-file"
        server_name = "in-file"
        line = ["tcp:1", "tcp:2"]
        http = "tcp:3"
        history-lines = 50
        history_days = 0.5
        no-limits = true
        nodes = 5
        """
    )
    return path


def test_the_environment_goes_over_the_file_and_flags_over_both(toml: Path) -> None:
    found = settings(
        {"lobby": "#flag"},
        {"CHORUS_LOBBY": "#environ", "CHORUS_SERVER_NAME": "environ"},
        toml,
    )
    assert ("#flag", "environ", "redis://in-file") == (found.lobby, found.server_name, found.redis)


def test_a_file_has_keys_with_dashes_or_underscores_and_typed_values(toml: Path) -> None:
    found = settings(config=toml)
    assert (("tcp:1", "tcp:2"), ("tcp:3",)) == (found.line, found.http)
    assert (50, 0.5, False) == (found.history_lines, found.history_days, found.limits)


def test_one_file_serves_nodes_and_up(toml: Path) -> None:
    assert 5 == build(UpSettings, gather(KNOWN, {}, {}, str(toml))).nodes


def test_the_environment_is_text() -> None:
    found = settings(
        environ={
            "CHORUS_REDIS_URL": "redis://somewhere",
            "CHORUS_LINE": " tcp:1  tcp:2\n",
            "CHORUS_HISTORY_LINES": "50",
            "CHORUS_LEASE": "2.5",
            "CHORUS_NO_LIMITS": "yes",
            "CHORUS_REUSE_PORT": "0",
            "CHORUS_LOBBY": "",
        }
    )
    assert ("redis://somewhere", ("tcp:1", "tcp:2"), "") == (found.redis, found.line, found.lobby)
    assert (50, 2.5, False, False) == (
        found.history_lines,
        found.lease,
        found.limits,
        found.reuse_port,
    )


def test_variables_that_are_no_settings_are_passed_over() -> None:
    assert "#lobby" == settings(environ={"CHORUS_PORT": "tcp://10.0.0.1:80", "LOBBY": "#x"}).lobby


def test_an_empty_flag_means_none() -> None:
    found = settings({"line": ("",), "lobby": ""}, {"CHORUS_LINE": "tcp:1"})
    assert ((), "") == (found.line, found.lobby)


def test_flags_that_were_not_given_leave_the_rest_alone() -> None:
    assert ("tcp:1",) == settings({"line": (), "limits": None}, {"CHORUS_LINE": "tcp:1"}).line


@pytest.mark.parametrize(
    "flags, environ, expected",
    [
        ({"history_lines": "many"}, {}, "--history-lines: expected a whole number, not 'many'"),
        ({"lease": "soon"}, {}, "--lease: expected a number, not 'soon'"),
        ({}, {"CHORUS_LEASE": ""}, "CHORUS_LEASE: expected a number, not ''"),
        ({}, {"CHORUS_NO_LIMITS": "x"}, "CHORUS_NO_LIMITS: expected true or false, not 'x'"),
        ({}, {"CHORUS_HISTORY_LINES": "0"}, "CHORUS_HISTORY_LINES: expected 1 to"),
        ({}, {"CHORUS_REDIS_URL": "x"}, "CHORUS_REDIS_URL: expected a Redis URL"),
        ({"namespace": "{}"}, {"CHORUS_NAMESPACE": "ok"}, "--namespace: expected 1 to"),
    ],
)
def test_an_error_names_the_setting_as_it_was_given(
    flags: dict[str, Any], environ: dict[str, str], expected: str
) -> None:
    assert refusal(flags, environ).startswith(expected)


@pytest.mark.parametrize(
    "line, expected",
    [
        ("lobbby = '#x'", "lobbby in FILE: expected one of redis, redis-password-file, "),
        ("lobby = 5", "lobby in FILE: expected a text"),
        ("history-lines = '50'", "history-lines in FILE: expected a whole number"),
        ("no-limits = 1", "no-limits in FILE: expected true or false"),
        ("line = [5]", "line in FILE: expected a list of texts"),
        ("line = 5", "line in FILE: expected a list of texts"),
        ("[line]", "line in FILE: expected a list of texts"),
        ("lobby = 'x'", "lobby in FILE: expected a channel's name"),
        ("lobby =", "--config: expected TOML in FILE: "),
        ("lobby = '\udcff'", "--config: expected TOML in FILE: "),
    ],
)
def test_a_bad_file_is_refused(line: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "chorus.toml"
    path.write_text(line, errors="surrogateescape")
    assert refusal(config=path).startswith(expected.replace("FILE", str(path)))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    expected = f"--config: expected a file that can be read: {tmp_path}/no: no such file"
    assert refusal(config=tmp_path / "no").startswith(expected)


@given(
    st.builds(
        Settings,
        redis=st.just("unix:///a%20b/redis.sock?db=0"),
        line=st.lists(st.integers(0, 65535).map("tcp:{}:interface=127.0.0.1".format)).map(tuple),
        name=st.just("n1"),
        lobby=st.sampled_from(["", "#lobby", "#ü"]),
        limits=st.booleans(),
        trusted=st.sampled_from([(), ("10.0.0.0/8", "::1")]),
        nicks_per_session=st.sampled_from(["", "5/0.5"]),
        reuse_port=st.booleans(),
        history_lines=st.integers(1, 10_000),
        history_days=st.floats(0.01, 1_000),
        lease=st.floats(0.1, 100),
    )
)
def test_settings_survive_the_environment(original: Settings) -> None:
    assert original == build(Settings, gather(KNOWN, {}, to_environ(original), None))
