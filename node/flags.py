"""Settings on the command line: click's options for them, and their values.

Makes the flags from the settings' own rows. What is written wrongly becomes one line on stderr and
the exit status 2. Must not know any command.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any

import click

from node.options import TEXTS, Row, rows
from node.settings import Settings, UpSettings
from node.sources import Given, gather


class Unusable(click.ClickException):
    """A setting that won't do: one line on stderr, exit status 2."""

    exit_code = 2


def flags(
    known: Iterable[Row], otherwise: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Click's options for settings. Values stay text: `sources` reads them as it reads others.

    `otherwise`: what the help shows as defaults where they aren't the settings' own, by field.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for row in reversed(list(known)):
            default = otherwise.get(row.field, row.default)
            notes = [f"default: {default}"] if default else []
            several = row.kind == TEXTS
            if several:
                notes.append("may be repeated")
            help_text = f"{row.help}  [{', '.join([*notes, row.env])}]"
            if row.kind is bool:
                option = click.option(
                    f"--{row.flag}", row.field, is_flag=True, default=None, help=help_text
                )
            else:
                option = click.option(
                    f"--{row.flag}",
                    row.field,
                    multiple=several,
                    metavar=row.metavar,
                    help=help_text,
                )
            command = option(command)
        return command

    return decorate


config_file = click.option(
    "--config",
    metavar="FILE",
    envvar="CHORUS_CONFIG",
    help="A TOML file with settings, by the names of their flags.  [CHORUS_CONFIG]",
)


def given(values: Mapping[str, Any], config: str | None) -> dict[str, Given]:
    """All settings that were given, by field; `values`: those of flags. Raises SettingError."""
    known = chain(rows(Settings), rows(UpSettings))
    return gather(known, values, os.environ, config)
