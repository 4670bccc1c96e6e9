"""Files that settings name. What is wrong with one is told as `options.Check` does: by a ValueError
that completes the sentence "expected ...", and quotes nothing of a secret.
"""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


def read_toml(path: str) -> dict[str, Any]:
    """What stands in a TOML file. Raises ValueError."""
    content = _read(path)
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ValueError(f"TOML in {path}: {e}") from None


def read_rows(path: str, shape: type[T], what: str) -> T:
    """What stands in a TOML file of this shape; `what` it holds, for words. Raises ValueError."""
    try:
        return msgspec.convert(read_toml(path), shape)
    except msgspec.ValidationError as e:
        said = str(e).replace("`", "").replace(" - at $.", ", in ")
        raise ValueError(f"{what} in {path} ({said})") from None


def read_secret(path: str) -> str:
    """The one line that a file holds, without its end. Raises ValueError."""
    try:
        secret = _read(path).decode().strip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"text in {path}") from None
    if not secret or "\n" in secret or "\r" in secret:
        raise ValueError(f"one line in {path}")
    return secret


def read_lines(path: str) -> list[str]:
    """The lines of a text. Raises ValueError."""
    try:
        text = _read(path).decode()
    except UnicodeDecodeError:
        raise ValueError(f"text in {path}") from None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines if lines[-1] else lines[:-1]


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as e:
        why = (e.strerror or str(e)).lower()
        raise ValueError(f"a file that can be read: {path}: {why}") from None
