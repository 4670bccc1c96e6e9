"""`node.http.tokens`: who may do what, in a file."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from node.core.limits import Rate
from node.fresh import LOOK
from node.http.tokens import Scope, Token, Tokens, digest, draw, load
from node.main import main

SHA = "ab" * 32


def entry(name: str = "deploys", **fields: str) -> str:
    rows = {"name": f'"{name}"', "sha256": f'"{SHA}"', "scopes": '["read", "post"]'} | fields
    return "\n".join(["[[token]]", *(f"{key} = {value}" for key, value in rows.items() if value)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.toml"


def test_a_file_holds_tokens(file: Path) -> None:
    other = entry("other", sha256=f'"{"cd" * 32}"', scopes='["inspect"]', rate='"5/1"')
    file.write_text(f"{entry()}\n{other}\n")
    expected = (
        Token("deploys", SHA, frozenset([Scope.READ, Scope.POST]), Rate(100, 60.0)),
        Token("other", "cd" * 32, frozenset([Scope.INSPECT]), Rate(5, 1.0)),
    )
    assert expected == load(str(file))


def test_an_empty_file_holds_none(file: Path) -> None:
    file.write_text("")
    assert () == load(str(file))


def test_who_may_operate_may_inspect(file: Path) -> None:
    file.write_text(entry(scopes='["operate"]'))
    assert frozenset([Scope.OPERATE, Scope.INSPECT]) == load(str(file))[0].scopes


BAD = {
    "[[token": "TOML in FILE",
    "[[token]]": "tokens in FILE (Object missing required field name, in token[0])",
    "tokens = 1": "tokens in FILE (Object contains unknown field tokens)",
    entry(secret='"x"'): "tokens in FILE (Object contains unknown field secret, in token[0])",
    entry("Deploys"): "as the name of token 1 in FILE, not 'Deploys'",
    entry("x" * 25): "1 to 24 characters out of a-z, digits, - and _, the first a letter",
    entry(sha256='"abc"'): "64 digits (0-9, a-f) as the sha256 of token 1 in FILE, deploys",
    entry(scopes='["fly"]'): "scopes out of read, post, inspect, operate in token 1 in FILE",
    entry(scopes="[]"): "scopes out of read, post, inspect, operate in token 1 in FILE",
    entry(rate='"fast"'): "a rate such as 100/60 in token 1 in FILE, deploys, not 'fast'",
    entry(rate='""'): "a rate such as 100/60 in token 1 in FILE, deploys, not ''",
    f"{entry()}\n{entry()}": "names that differ (token 2 in FILE is called deploys, too)",
    f"{entry()}\n{entry('b')}": "a secret of its own for each token (token 2 in FILE has another's",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_in_a_file_is_said(text: str, file: Path) -> None:
    file.write_text(text)
    expected = re.escape(BAD[text].replace("FILE", str(file)))
    with pytest.raises(ValueError, match=expected):
        load(str(file))


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(ValueError, match=r"a file that can be read: .*: no such file"):
        load(str(file))


def test_a_token_is_found_by_its_secret_only(file: Path) -> None:
    secret, text = draw("deploys", frozenset([Scope.READ]))
    file.write_text(text)
    tokens = Tokens(str(file), lambda: 0.0)
    found = tokens.find(secret)
    assert found is not None and "deploys" == found.name
    assert [None] * 3 == [tokens.find(wrong) for wrong in ("", secret[:-1], found.sha256)]


def test_without_a_file_there_is_no_token() -> None:
    assert Tokens("", lambda: 0.0).find("") is None


def test_a_file_that_has_changed_is_read_again(file: Path) -> None:
    now, told = [0.0], list[str]()
    file.write_text("")
    tokens = Tokens(str(file), lambda: now[0], told.append)
    secret, text = draw("deploys", frozenset([Scope.READ]))
    file.write_text(text)
    assert tokens.find(secret) is None, "it's looked at once a second"
    now[0] += LOOK
    assert tokens.find(secret) is not None
    file.write_text("")
    now[0] += LOOK
    assert tokens.find(secret) is None
    assert [f"--tokens: read {file} anew, {n} tokens" for n in (1, 0)] == told


def test_a_file_that_has_become_bad_changes_nothing(file: Path) -> None:
    now, told = [0.0], list[str]()
    secret, text = draw("deploys", frozenset([Scope.READ]))
    file.write_text(text)
    tokens = Tokens(str(file), lambda: now[0], told.append)
    file.write_text("[[")
    for _ in range(2):
        now[0] += LOOK
        assert tokens.find(secret) is not None
    assert 1 == len(told)
    assert told[0].startswith(f"--tokens: the old ones stay; expected TOML in {file}")


def test_the_command_draws_a_token_that_its_entry_knows(file: Path) -> None:
    said = CliRunner().invoke(main, ["token", "deploys", "--scopes", "read, post"])
    assert 0 == said.exit_code
    secret = said.stderr.removeprefix("the secret, shown only now: ").strip()
    assert secret not in said.stdout
    file.write_text(said.stdout)
    expected = Token(
        "deploys", digest(secret), frozenset([Scope.READ, Scope.POST]), Rate(100, 60.0)
    )
    assert (expected,) == load(str(file))


@pytest.mark.parametrize(
    "args, named",
    [
        (["De", "--scopes", "read"], "NAME: expected 1 to 24 characters"),
        (["d", "--scopes", "fly"], "--scopes: expected scopes out of read, post"),
        (["d", "--scopes", "read", "--rate", "fast"], "--rate: expected COUNT/SECONDS"),
    ],
)
def test_the_command_names_what_it_cannot_use(args: list[str], named: str) -> None:
    said = CliRunner().invoke(main, ["token", *args])
    assert (2, "") == (said.exit_code, said.stdout)
    assert f"Error: {named}" in said.stderr
