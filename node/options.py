"""How a setting is described: once, where it's declared, as a field of a frozen dataclass.

    Settings, UpSettings ── rows ──> flags of the command line   (main)
     (one field each)           ├──> CHORUS_* and TOML keys      (sources)
                                └──> what a value may be         (validate)

This module knows no setting by name, and must not know where values come from.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

Check = Callable[[Any], None]
"""Raises ValueError, whose text completes the sentence "expected ...", if a value won't do."""

Kind = type[str] | type[int] | type[float] | type[bool] | type[tuple[str, ...]]

TEXTS = tuple[str, ...]
"""The kind of a setting that may be repeated."""

_CALLED: dict[Kind, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    TEXTS: "a list of texts",
}


class SettingError(ValueError):
    """A setting has a value that can't be used.

    `setting`: its name, as the user gave it if that's known. `expected`: completes the sentence
    "expected ...". The text quotes no secret.
    """

    def __init__(self, setting: str, expected: str) -> None:
        super().__init__(f"{setting}: expected {expected}")
        self.setting = setting
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Row:
    """One setting, as seen from outside.

    `field`: its name in the dataclass. `flag`: without the dashes; also the key in a TOML file.
    `env`: the environment variable. `negated`: the flag turns the field off (`--no-limits`).
    """

    field: str
    flag: str
    env: str
    kind: Kind
    metavar: str
    help: str
    default: str
    negated: bool
    check: Check


def setting(
    default: Any,
    metavar: str,
    help: str,
    *,
    check: Check = lambda _value: None,
    env: str = "",
    negated: bool = False,
    secret: bool = False,
) -> Any:
    """A field of a dataclass of settings.

    `default`: the value, or a function that draws it. `check` is called with a value of the
    default's type. `secret`: the value may hold a password and is never shown.
    """
    metadata = {
        "metavar": metavar,
        "help": help,
        "check": check,
        "env": env,
        "negated": negated,
    }
    if callable(default):
        return field(default_factory=default, metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


def rows(settings: type[Any]) -> Iterator[Row]:
    """The settings that a dataclass declares, in their order."""
    for declared in fields(settings):
        yield _row(declared)


def flag_of(field: str) -> str:
    """How a setting is called outside, without the dashes in front."""
    return field.replace("_", "-")


def validate(settings: object) -> None:
    """Call this in `__post_init__`. Raises SettingError for the first value that won't do."""
    for row in rows(type(settings)):
        value = getattr(settings, row.field)
        if not _is_a(value, row.kind):
            raise SettingError(row.flag, _CALLED[row.kind])
        try:
            row.check(value)
        except ValueError as e:
            raise SettingError(row.flag, str(e)) from None


def _row(declared: Field[Any]) -> Row:
    known = declared.metadata
    words = flag_of(declared.name)
    flag = f"no-{words}" if known["negated"] else words
    return Row(
        field=declared.name,
        flag=flag,
        env=known["env"] or f"CHORUS_{flag.replace('-', '_').upper()}",
        kind=declared.type,  # type: ignore[arg-type]
        metavar=known["metavar"],
        help=known["help"],
        default="" if declared.default is MISSING else _shown(declared.default),
        negated=known["negated"],
        check=known["check"],
    )


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return ""
    if isinstance(default, tuple):
        return " ".join(default)
    return str(default)


def _is_a(value: object, kind: Kind) -> bool:
    if kind == TEXTS:
        return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    return type(value) is kind
