"""The command line: `chorus node`, `chorus up`, and what an operator does to a cluster that runs.

Every expected failure is one line on stderr and an exit status: 2 for what the user should write
otherwise, 1 for the rest. What a command does is imported only when it's called for.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO, TypeVar

import click

from node import __version__, checks
from node.flags import Unusable, config_file, flags, given
from node.operate.commands import operators
from node.options import SettingError, rows
from node.settings import UP_DOORS, Settings, UpSettings, no_doors
from node.sources import build

T = TypeVar("T")

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Run it": ("node", "up"),
    "See how it is": ("status", "top", "nodes", "channels", "sessions", "tail"),
    "Look after it": ("doctor", "drain", "rebalance"),
    "Speak up, keep order": (
        "notice",
        "say",
        "kick",
        "ban",
        "unban",
        "bans",
        "rehash",
        "token",
        "oper",
    ),
}
"""What the help lists under which heading, in this order."""

_UP_DEFAULTS = {"redis": "an embedded one", "drain": "0"} | {
    door: " ".join(endpoints) for door, endpoints in UP_DOORS.items()
}


class Sections(click.Group):
    """A group whose help lists its commands by SECTIONS; those that aren't there come last."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        named = [name for names in SECTIONS.values() for name in names if name in self.commands]
        return named + [name for name in super().list_commands(ctx) if name not in named]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        left = self.list_commands(ctx)
        longest = max(map(len, left))
        for heading, names in {**SECTIONS, "Others": tuple(left)}.items():
            listed = [name for name in names if name in left]
            left = [name for name in left if name not in listed]
            if listed:
                with formatter.section(heading):
                    formatter.write_dl(
                        [
                            (name.ljust(longest), self.commands[name].get_short_help_str(100))
                            for name in listed
                        ]
                    )


@click.group(
    cls=Sections,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="chorus")
def main() -> None:
    """A chat cluster over Redis.

    Settings come from flags, then from the environment (CHORUS_*), then from a TOML file.
    """


for command in operators.commands.values():
    main.add_command(command)


@main.command()
@flags(rows(Settings))
@config_file
@click.option("--parent-pipe", type=int, metavar="FD", hidden=True)
def node(config: str | None, parent_pipe: int | None, **values: Any) -> None:
    """Run one node.

    Prints a line for each address that it listens on, once it can serve. SIGTERM and SIGINT
    end it in good order.
    """
    if parent_pipe is not None:
        from node.lifeline import hold

        hold(parent_pipe)
    try:
        settings = build(Settings, given(values, config))
        if settings.doors == 0:
            raise no_doors()
    except SettingError as e:
        raise Unusable(str(e)) from None

    from node.net import turns

    turns.install()  # before anything brings in Twisted's own
    from node.service import run

    raise SystemExit(run(settings))


@main.command()
@flags(rows(UpSettings))
@flags((row for row in rows(Settings) if row.field != "reuse_port"), _UP_DEFAULTS)
@config_file
def up(config: str | None, **values: Any) -> None:
    """Run a whole cluster on this machine.

    Nodes that share their ports and are started again if they die, and a Redis-compatible
    server unless --redis names one. Ctrl-C stops it all.
    """
    from node.up.command import UpError, run

    try:
        raise SystemExit(run(given(values, config)))
    except SettingError as e:
        raise Unusable(str(e)) from None
    except UpError as e:
        raise click.ClickException(str(e)) from None


@main.command()
@click.argument("name")
@click.option("--scopes", metavar="SCOPES", required=True, help="Such as read,post.")
@click.option("--rate", metavar="COUNT/SECONDS", help="How often it may be used.")
def token(name: str, scopes: str, rate: str | None) -> None:
    """Draw a token for a program that uses the API.

    What it may do is read, post, inspect or operate. The secret, on stderr, is shown this once. The
    entry for the file of --tokens, on stdout, may be appended to it; nodes see by themselves that
    it has changed.
    """
    from node.http import tokens

    try:
        tokens.named(name, "the token")
    except ValueError as e:
        raise Unusable(f"NAME: expected {e}") from None
    try:
        words = tokens.scopes(word.strip() for word in scopes.split(","))
    except ValueError as e:
        raise Unusable(f"--scopes: expected {e}") from None
    rate = rate or tokens.RATE
    try:
        checks.rate(rate)
    except ValueError as e:
        raise Unusable(f"--rate: expected {e}") from None
    secret, entry = tokens.draw(name, words, rate)
    click.echo(f"the secret, shown only now: {secret}", err=True)
    click.echo(f"{entry}\n")


@main.command()
@click.argument("name")
@click.option("--rights", metavar="RIGHTS", help="Such as kill,ban.  [default: all]")
@click.option(
    "--from",
    "networks",
    metavar="NETWORK",
    multiple=True,
    help="From where only. May be repeated.  [default: from anywhere]",
)
@click.option("--certificate", metavar="SHA256", help="Of the one that they have to show, too.")
def oper(name: str, rights: str | None, networks: tuple[str, ...], certificate: str | None) -> None:
    """Make a row for somebody who may become an operator in the chat.

    What they may do is kill, ban, wallops, rehash and see (real addresses). The password is asked
    for, or read from standard input if that's no terminal. The row for the file of --opers, on
    stdout, may be appended to it; nodes see by themselves that it has changed.
    """
    from node import opers
    from node.core.opers import Right

    def told(option: str, check: Callable[[], T]) -> T:
        try:
            return check()
        except ValueError as e:
            raise Unusable(f"{option}: expected {e}") from None

    told("NAME", lambda: opers.named(name, "the operator's name"))
    words = frozenset(Right)
    if rights is not None:
        given = [word.strip() for word in rights.split(",")]
        words = told("--rights", lambda: opers.rights(given))
    told("--from", lambda: opers.networks(networks))
    shown = told("--certificate", lambda: opers.fingerprint(certificate)) if certificate else ""
    click.echo(f"{opers.draw(name, _password(), words, networks, shown)}\n")


def _line(stream: TextIO) -> str:
    try:
        return stream.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Unusable("standard input: expected text") from None


def _password() -> str:
    """The password that somebody types, twice, or the first line of what comes from elsewhere."""
    if sys.stdin.isatty():
        typed: str = click.prompt("password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        typed = _line(sys.stdin)
    if not typed:
        raise Unusable("standard input: expected a password")
    return typed
