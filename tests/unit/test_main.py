"""`node.main`: the command line, with a node that only writes down what it was told."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

import node
from node.main import SECTIONS, main
from node.settings import Settings

LOOPBACK = "tcp:0:interface=127.0.0.1"


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("CHORUS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of the nodes that were run. Each ends with status 7."""
    settings: list[Settings] = []

    def run(told: Settings) -> int:
        settings.append(told)
        return 7

    monkeypatch.setitem(sys.modules, "node.service", SimpleNamespace(run=run))
    return settings


def chorus(*args: str, **environ: str) -> Result:
    return CliRunner().invoke(main, args, env=environ)


def test_a_node_runs_with_what_its_flags_say(ran: list[Settings]) -> None:
    result = chorus("node", "--name", "n1", "--line", LOOPBACK, "--no-limits", "--lobby", "")
    expected = Settings(name="n1", line=(LOOPBACK,), limits=False, lobby="")
    assert (7, [expected]) == (result.exit_code, ran)


def test_endpoints_may_be_repeated(ran: list[Settings]) -> None:
    chorus("node", "--line", "tcp:1", "--line", "tcp:2", "--http", "tcp:3", "--echo", "tcp:4")
    assert (("tcp:1", "tcp:2"), ("tcp:3",), ("tcp:4",)) == (ran[0].line, ran[0].http, ran[0].echo)


def test_flags_go_over_the_environment_and_that_over_a_file(
    ran: list[Settings], tmp_path: Path
) -> None:
    config = tmp_path / "chorus.toml"
    config.write_text("line = 'tcp:1'\nnamespace = 'file'\nserver-name = 'file'\nlobby = '#file'")
    chorus(
        *("node", "--lobby", "#flag"),
        CHORUS_CONFIG=str(config),
        CHORUS_SERVER_NAME="environ",
        CHORUS_LOBBY="#environ",
    )
    expected = ("tcp:1",), "file", "environ", "#flag"
    assert expected == (ran[0].line, ran[0].namespace, ran[0].server_name, ran[0].lobby)


@pytest.mark.parametrize(
    "args, expected",
    [
        (
            ["node"],
            "--line, --irc, --irc-ws, --json, --echo, --http: expected at least one endpoint",
        ),
        (["node", "--line", "tcp:x"], "--line: expected a port from 0 to 65535"),
        (["node", "--line", "tcp:1", "--lease", "x"], "--lease: expected a number, not 'x'"),
        (["node", "--config", "/nowhere"], "--config: expected a file that can be read"),
        (["up", "--nodes", "0"], "--nodes: expected 1 to 64 nodes, not 0"),
        (["up", "--line", "unix:/x"], "--line: expected an endpoint that nodes can share"),
        (
            ["up", "--line", "", "--irc", "", "--http", ""],
            "--line, --irc, --irc-ws, --json, --echo, --http: expected at least one endpoint",
        ),
        (["up", "--lobby", "x"], "--lobby: expected a channel's name"),
    ],
)
def test_a_bad_setting_is_one_line_on_stderr_and_status_2(
    args: list[str], expected: str, ran: list[Settings]
) -> None:
    result = chorus(*args)
    assert (2, "", []) == (result.exit_code, result.stdout, ran)
    assert [True] == [line.startswith(f"Error: {expected}") for line in result.stderr.splitlines()]


def test_without_any_redis_server_up_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.embedded.find_spec", lambda _name: None)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    result = chorus(
        *("up", "--line", LOOPBACK, "--irc", "", "--http", "", "--state", str(tmp_path / "state")),
        PATH=str(tmp_path),
    )
    assert result.stderr.startswith("Error: there is no Redis-compatible server here: ")
    assert (1, "") == (result.exit_code, result.stdout)
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def test_a_bad_variable_is_named_as_such(ran: list[Settings]) -> None:
    result = chorus("node", CHORUS_LINE="tcp:x")
    assert result.stderr.startswith("Error: CHORUS_LINE: expected ")
    assert (2, []) == (result.exit_code, ran)


def test_an_unknown_flag_is_refused(ran: list[Settings]) -> None:
    result = chorus("node", "--line", "tcp:1", "--lobbby", "#x")
    assert "--lobbby" in result.stderr
    assert (2, []) == (result.exit_code, ran)


@pytest.mark.parametrize("command", ["node", "up"])
def test_help_shows_every_flag_with_its_variable(command: str) -> None:
    said = chorus(command, "--help").stdout
    for flag, variable in (("--redis", "CHORUS_REDIS_URL"), ("--no-limits", "CHORUS_NO_LIMITS")):
        assert flag in said
        assert variable in said
    assert "--parent-pipe" not in said


def test_help_lists_every_command_under_a_heading() -> None:
    said = chorus("--help").stdout
    assert sorted(main.commands) == sorted(name for names in SECTIONS.values() for name in names)
    assert [f"{heading}:" for heading in SECTIONS] == [
        line for line in said.splitlines() if line.removesuffix(":") in SECTIONS
    ]
    for name in main.commands:
        assert f"\n  {name} " in said


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_says_in_a_line_what_it_does(command: str) -> None:
    assert "..." not in main.commands[command].get_short_help_str(100)
    assert 0 == chorus(command, "--help").exit_code


def test_a_nodes_command_line_brings_in_nothing_of_the_operators_libraries() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sys, node.main; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert [] == [name for name in ("redis", "rich", "twisted", "asyncio") if name in said]


def test_the_version_is_shown() -> None:
    assert f"chorus, version {node.__version__}\n" == chorus("--version").stdout


def test_python_m_node_is_the_same_command(tmp_path: Path) -> None:
    source = Path(node.__file__).parent.parent
    said = subprocess.run(
        [sys.executable, "-P", "-m", "node", "--version"],
        env={**os.environ, "PYTHONPATH": str(source)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"chorus, version {node.__version__}\n" == said
