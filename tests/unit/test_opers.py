"""`node.opers`: who may become an operator of the chat, in a file, and `chorus oper`."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.limits import parse_networks
from node.core.opers import Oper, Right
from node.fresh import LOOK
from node.main import main
from node.opers import Opers, Row, draw, hashed, load, matches
from tests.support.spin import wait

SHA = "ab" * 32
HASH = "$scrypt$ln=4,r=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$TuX7jZa5MUSS/Mk7kV8t2bjKDB/7QPPHwrT6zWrpDIM"
"""Of `secret`, and quickly made."""


async def at_once(work: Callable[[], bool]) -> bool:
    return work()


def row(name: str = "ann", **fields: str) -> str:
    rows = {"name": f'"{name}"', "password": f'"{HASH}"', "rights": '["kill"]'} | fields
    return "\n".join(["[[oper]]", *(f"{key} = {value}" for key, value in rows.items() if value)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "opers.toml"


class Asking:
    """A file, and whether somebody is an operator by it."""

    def __init__(self, file: Path, text: str) -> None:
        file.write_text(text)
        self.clock = 0.0
        self.told: list[str] = []
        self.opers = Opers(str(file), lambda: self.clock, at_once, self.told.append)

    def find(
        self, name: str = "ann", password: str = "secret", address: str = "", shown: str = ""
    ) -> Oper | None:
        return wait(self.opers.find(name, password, address, shown))


def test_a_file_holds_operators(file: Path) -> None:
    other = row("Bob_2", password="", certificate='"AB:' + SHA[2:] + '"', rights='["see", "ban"]')
    file.write_text(row("ann", **{"from": '["10.0.0.0/8", "::1"]'}) + "\n" + other)
    expected = (
        Row("ann", HASH, "", parse_networks(["10.0.0.0/8", "::1"]), frozenset([Right.KILL])),
        Row("Bob_2", "", SHA, (), frozenset([Right.SEE, Right.BAN])),
    )
    assert expected == load(str(file))


def test_an_empty_file_holds_none(file: Path) -> None:
    file.write_text("")
    assert () == load(str(file))


BAD = {
    "[[oper": "TOML in FILE",
    "[[oper]]": "operators in FILE (Object missing required field name, in oper[0])",
    row(pass_word='"x"'): "operators in FILE (Object contains unknown field pass_word, in oper[0])",
    row("a b"): "the first a letter, as the name of operator 1 in FILE, not 'a b'",
    row(password=""): "a password or a certificate of operator 1 in FILE, ann",
    row(password='"hunter2"'): "what `chorus oper` prints as the password of operator 1 in FILE",
    row(password=f'"{HASH.replace("ln=4,r=1", "ln=20,r=8")}"'): "what `chorus oper` prints",
    row(certificate='"abc"'): "64 digits (0-9, a-f), a SHA-256, as the certificate of operator 1",
    row(**{"from": '["home"]'}): "networks such as 10.0.0.0/8 as the from of operator 1 in FILE",
    row(rights='["fly"]'): "rights out of kill, ban, wallops, rehash, see of operator 1 in FILE",
    row(rights="[]"): "rights out of kill, ban, wallops, rehash, see of operator 1 in FILE",
    f"{row()}\n{row()}": "names that differ (operator 2 in FILE is called ann, too)",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_in_a_file_is_said_and_no_secret(text: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(ValueError, match=re.escape(BAD[text].replace("FILE", str(file)))) as error:
        load(str(file))
    assert "hunter2" not in str(error.value)


@settings(max_examples=3, deadline=None)
@given(st.text(min_size=1), st.text())
def test_a_password_is_known_by_what_is_kept_of_it(password: str, other: str) -> None:
    kept = hashed(password)
    expected = (True, other == password)
    assert expected == (matches(password, kept), matches(other, kept))


def test_nothing_kept_of_a_password_is_the_same_twice() -> None:
    assert hashed("secret") != hashed("secret")


def test_an_operator_is_found_by_name_and_password_only(file: Path) -> None:
    asking = Asking(file, row())
    assert Oper("ann", frozenset([Right.KILL])) == asking.find()
    for name, password in (("ann", "Secret"), ("ann", ""), ("Ann", "secret"), ("bob", "secret")):
        assert asking.find(name, password) is None


def test_without_a_file_there_is_no_operator() -> None:
    opers = Opers("", lambda: 0.0, at_once)
    assert (0, None) == (len(opers), wait(opers.find("ann", "secret", "", "")))


@pytest.mark.parametrize(
    "address, expected",
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.1.2.3", False),
        ("", False),
    ],
)
def test_whoever_may_come_from_some_networks_only_is_none_elsewhere(
    file: Path, address: str, expected: bool
) -> None:
    asking = Asking(file, row(**{"from": '["10.0.0.0/8"]'}))
    assert expected is (asking.find(address=address) is not None)


def test_a_certificate_is_wanted_beside_the_password_or_in_its_place(file: Path) -> None:
    alone = row("bob", password="", certificate=f'"{SHA}"')
    asking = Asking(file, row(certificate=f'"{SHA}"') + "\n" + alone)
    tries = [("ann", "secret", SHA), ("ann", "secret", ""), ("ann", "wrong", SHA)]
    tries += [("bob", "whatever", SHA), ("bob", "secret", "cd" * 32)]
    found = [asking.find(name, word, shown=shown) is not None for name, word, shown in tries]
    assert [True, False, False, True, False] == found


def test_who_is_unknown_costs_as_much_as_who_is_not(file: Path) -> None:
    asked: list[Callable[[], bool]] = []

    async def count(work: Callable[[], bool]) -> bool:
        asked.append(work)
        return False

    file.write_text(row())
    opers = Opers(str(file), lambda: 0.0, count)
    for name in ("ann", "nobody"):
        assert wait(opers.find(name, "secret", "", "")) is None
    assert 2 == len(asked)


def test_rights_are_those_of_the_file_as_it_is_now(file: Path) -> None:
    asking = Asking(file, row())
    assert frozenset([Right.KILL]) == asking.opers.rights("ann")
    file.write_text(row(rights='["see"]'))
    asking.opers.again()
    assert frozenset([Right.SEE]) == asking.opers.rights("ann")
    file.write_text("")
    asking.clock += LOOK
    assert frozenset() == asking.opers.rights("ann")
    assert [f"--opers: read {file} anew, {n} operators" for n in (1, 0)] == asking.told


def test_the_command_makes_a_row_that_the_password_fits(file: Path) -> None:
    args = ["oper", "ann", "--rights", "kill, see", "--from", "10.0.0.0/8", "--from", "::1"]
    said = CliRunner().invoke(main, [*args, "--certificate", SHA.upper()], input="sécret\n")
    assert (0, "") == (said.exit_code, said.stderr)
    assert "sécret" not in said.stdout
    asking = Asking(file, said.stdout)
    expected = Oper("ann", frozenset([Right.KILL, Right.SEE]))
    assert expected == asking.find("ann", "sécret", "10.0.0.1", SHA)
    (kept,) = load(str(file))
    assert (SHA, parse_networks(["10.0.0.0/8", "::1"])) == (kept.certificate, kept.networks)


def test_an_operator_may_do_everything_unless_it_is_said_what(file: Path) -> None:
    file.write_text(draw("ann", "secret", frozenset(Right)))
    said = CliRunner().invoke(main, ["oper", "ann"], input="secret")
    assert said.stdout.splitlines()[-2] == file.read_text().splitlines()[-1]


@pytest.mark.parametrize(
    "args, typed, named",
    [
        (["a b"], "x", "NAME: expected 1 to 32 letters"),
        (["a", "--rights", "fly"], "x", "--rights: expected rights out of kill, ban"),
        (["a", "--from", "home"], "x", "--from: expected networks such as 10.0.0.0/8"),
        (["a", "--certificate", "x"], "x", "--certificate: expected 64 digits"),
        (["a"], "", "standard input: expected a password"),
        (["a"], b"\xff\n", "standard input: expected text"),
    ],
)
def test_the_command_names_what_it_cannot_use(
    args: list[str], typed: str | bytes, named: str
) -> None:
    said = CliRunner().invoke(main, ["oper", *args], input=typed)
    assert (2, "") == (said.exit_code, said.stdout)
    assert f"Error: {named}" in said.stderr
