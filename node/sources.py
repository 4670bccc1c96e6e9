"""Where the values of settings come from: flags, over the environment, over a TOML file.

Each value keeps the name under which it was given, so that an error names what the user wrote.
What a value may be is not decided here, but by the settings themselves (`options.validate`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from node.files import read_toml
from node.options import TEXTS, Kind, Row, SettingError, rows

_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off", ""}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Given:
    """A value, and how its giver called it: `--lobby`, `CHORUS_LOBBY`, `lobby in chorus.toml`."""

    value: object
    label: str


def gather(
    known: Iterable[Row], flags: Mapping[str, Any], environ: Mapping[str, str], config: str | None
) -> dict[str, Given]:
    """The values that were given, by field.

    `flags`: by field, None for those not given. `config`: path of a TOML file, which may hold
    every known setting; whoever knows fewer passes over the rest. Raises SettingError.
    """
    known = list(known)
    in_file = _from_file(known, config) if config else {}
    in_environ = {
        row.field: _given(row, environ[row.env], row.env) for row in known if row.env in environ
    }
    in_flags = {
        row.field: _given(row, flags[row.field], f"--{row.flag}")
        for row in known
        if flags.get(row.field) not in (None, ())
    }
    return in_file | in_environ | in_flags


def build(settings: type[T], given: Mapping[str, Given]) -> T:
    """A dataclass of settings with the values that are its own. Raises SettingError."""
    known = list(rows(settings))
    values = {row.field: given[row.field].value for row in known if row.field in given}
    try:
        return settings(**values)
    except SettingError as e:
        labels = {row.flag: given[row.field].label for row in known if row.field in given}
        raise SettingError(labels.get(e.setting, f"--{e.setting}"), e.expected) from None


def to_environ(settings: object) -> dict[str, str]:
    """The environment variables from which `gather` makes the same settings again."""
    environ = {}
    for row in rows(type(settings)):
        value = getattr(settings, row.field)
        if row.kind is bool:
            environ[row.env] = str(int(value != row.negated))
        else:
            environ[row.env] = " ".join(value) if row.kind == TEXTS else str(value)
    return environ


def _from_file(known: Iterable[Row], path: str) -> dict[str, Given]:
    by_key = {row.flag: row for row in known}
    given = {}
    try:
        content = read_toml(path)
    except ValueError as e:
        raise SettingError("--config", str(e)) from None
    for key, value in content.items():
        label = f"{key} in {path}"
        row = by_key.get(key.replace("_", "-"))
        if row is None:
            raise SettingError(label, f"one of {', '.join(by_key)}")
        given[row.field] = _given(row, value, label, typed=True)
    return given


def _given(row: Row, value: Any, label: str, *, typed: bool = False) -> Given:
    """A value as the settings have it. `typed`: its source has types, so text is only text.

    What is of the wrong type all the same is left to the settings to refuse.
    """
    if row.kind == TEXTS:
        texts = value.split() if isinstance(value, str) else value
        value = tuple(text for text in texts if text) if isinstance(texts, list | tuple) else texts
    elif isinstance(value, str) and not typed:
        value = _read(row.kind, value, label)
    if row.negated and isinstance(value, bool):
        value = not value
    return Given(value, label)


def _read(kind: Kind, text: str, label: str) -> object:
    """What is written as text."""
    if kind is bool:
        if text.lower() not in _YES | _NO:
            raise SettingError(label, f"true or false, not {text!r}")
        return text.lower() in _YES
    if kind is str:
        return text
    try:
        return int(text) if kind is int else float(text)
    except ValueError:
        name = "a whole number" if kind is int else "a number"
        raise SettingError(label, f"{name}, not {text!r}") from None
