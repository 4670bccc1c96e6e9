"""`node.files`: what is in a file that a setting names, or what is wrong with it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from node.files import read_lines, read_secret, read_toml


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_secret_is_a_line_without_its_end(end: bytes, file: Path) -> None:
    file.write_bytes(" h\u00fcnter 2 ".encode() + end)
    assert " hünter 2 " == read_secret(str(file))


@pytest.mark.parametrize("held", [b"", b"\n", b"one\ntwo\n", b"one\r\ntwo", b"one\rtwo"])
def test_a_secret_is_one_line(held: bytes, file: Path) -> None:
    file.write_bytes(held)
    with pytest.raises(ValueError, match=r"^one line in .*file$"):
        read_secret(str(file))


def test_a_secret_is_text(file: Path) -> None:
    file.write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"^text in .*file$"):
        read_secret(str(file))


def test_toml_is_read_whatever_ends_its_lines(file: Path) -> None:
    file.write_bytes(b"a = 1\r\nb = 'x'\n")
    assert {"a": 1, "b": "x"} == read_toml(str(file))


@pytest.mark.parametrize("held", [b"a =", b"a = '\xff'", b"a = 1\ra = 2"])
def test_what_is_no_toml_is_refused(held: bytes, file: Path) -> None:
    file.write_bytes(held)
    with pytest.raises(ValueError, match=r"^TOML in .*file: "):
        read_toml(str(file))


@pytest.mark.parametrize(
    "held, lines",
    [
        (b"", []),
        (b"one", ["one"]),
        (b"one\n", ["one"]),
        (b"one\r\n\r\n two\n", ["one", "", " two"]),
        ("\u2028\x0bé".encode(), ["\u2028\x0bé"]),
    ],
)
def test_lines_end_as_they_do_in_any_editor(held: bytes, lines: list[str], file: Path) -> None:
    file.write_bytes(held)
    assert lines == read_lines(str(file))


@pytest.mark.parametrize("read", [read_secret, read_toml, read_lines])
def test_what_can_not_be_read_is_named(read: Callable[[str], object], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^a file that can be read: .*/no: no such file"):
        read(str(tmp_path / "no"))
    with pytest.raises(ValueError, match=r"^a file that can be read: .*: is a directory"):
        read(str(tmp_path))
