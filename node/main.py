"""The command line: `chorus node`, `chorus up`, and what an operator does to a cluster that runs.

Makes the flags from the settings' own rows, and turns every expected failure into one line on
stderr and an exit status: 2 for what the user should write otherwise, 1 for the rest. What a
command does is imported only when it's called for.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from node import __version__, checks
from node.options import TEXTS, Row, SettingError, rows
from node.settings import UP_DOORS, Settings, UpSettings
from node.sources import Given, build, gather

if TYPE_CHECKING:
    from node.operate.operator import Operator

_OPERATORS = ("redis", "namespace")
"""What an operator's command has to know of the nodes' settings. `doctor`: also _KEPT."""

_KEPT = ("history_lines", "history_days")

_UP_DEFAULTS = {"redis": "an embedded one", "drain": "0"} | {
    door: " ".join(endpoints) for door, endpoints in UP_DOORS.items()
}


class Unusable(click.ClickException):
    """A setting that won't do: one line on stderr, exit status 2."""

    exit_code = 2


def _flags(
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


_config = click.option(
    "--config",
    metavar="FILE",
    envvar="CHORUS_CONFIG",
    help="A TOML file with settings, by the names of their flags.  [CHORUS_CONFIG]",
)
_lifeline = click.option("--parent-pipe", type=int, metavar="FD", hidden=True)


def _gather(flags: dict[str, Any], config: str | None) -> dict[str, Given]:
    known = chain(rows(Settings), rows(UpSettings))
    return gather(known, flags, os.environ, config)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="chorus")
def main() -> None:
    """A chat cluster over Redis.

    Settings come from flags, then from the environment (CHORUS_*), then from a TOML file.
    """


@main.command()
@_flags(rows(Settings))
@_config
@_lifeline
def node(config: str | None, parent_pipe: int | None, **flags: Any) -> None:
    """Run one node.

    Prints a line for each address that it listens on, once it can serve. SIGTERM and SIGINT
    end it in good order.
    """
    if parent_pipe is not None:
        from node.lifeline import hold

        hold(parent_pipe)
    try:
        settings = build(Settings, _gather(flags, config))
        if settings.doors == 0:
            raise SettingError("--line, --echo, --http", "at least one endpoint to listen on")
    except SettingError as e:
        raise Unusable(str(e)) from None

    from node.net import turns

    turns.install()  # before anything brings in Twisted's own
    from node.service import run

    raise SystemExit(run(settings))


@main.command()
@_flags(rows(UpSettings))
@_flags((row for row in rows(Settings) if row.field != "reuse_port"), _UP_DEFAULTS)
@_config
def up(config: str | None, **flags: Any) -> None:
    """Run a whole cluster on this machine.

    Nodes that share their ports and are started again if they die, and a Redis-compatible
    server unless --redis names one. Ctrl-C stops it all.
    """
    from node.up.command import UpError, run

    try:
        raise SystemExit(run(_gather(flags, config)))
    except SettingError as e:
        raise Unusable(str(e)) from None
    except UpError as e:
        raise click.ClickException(str(e)) from None


@main.command()
@click.argument("name")
@click.option("--scopes", metavar="SCOPES", required=True, help="Such as read,post.")
@click.option("--rate", metavar="COUNT/SECONDS", help="How often it may be used.")
def token(name: str, scopes: str, rate: str | None) -> None:
    """Draw a token for a program: what it may do is read, post, inspect or operate.

    The secret, on stderr, is shown this once. The entry for the file of --tokens, on stdout, may
    be appended to it; nodes see by themselves that it has changed.
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


def _operators(*fields: str) -> list[Row]:
    return [row for row in rows(Settings) if row.field in (*_OPERATORS, *fields)]


def _operate(
    flags: dict[str, Any], config: str | None, wait: float, work: "Callable[[Operator], bool]"
) -> None:
    """Run an operator's command on the cluster that the settings name.

    `work` returns whether all is well.
    """
    from node.operate.operator import Operator, OperatorError

    given = _gather(flags, config)
    try:
        settings = build(Settings, {name: given[name] for name in flags if name in given})
        say = lambda line: click.echo(line, err=True)  # noqa: E731
        with Operator(settings, wait=wait, say=say).reaching() as operator:
            well = work(operator)
    except SettingError as e:
        raise Unusable(str(e)) from None
    except OperatorError as e:
        raise click.ClickException(str(e)) from None
    sys.exit(0 if well else 1)


_wait = click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 3_600),
    default=10.0,
    show_default=True,
    help="How long a node may take to hear an order: more than an eighth of its lease.",
)
_over = click.option(
    "--over",
    metavar="SECONDS",
    type=click.FloatRange(0, 86_400),
    help="Spread it over this time.  [default: the node's --drain]",
)


@main.command()
@click.argument("node")
@_over
@_wait
@_flags(_operators())
@_config
def drain(node: str, over: float | None, wait: float, config: str | None, **flags: Any) -> None:
    """Have a node close its people's connections, bit by bit, and end.

    Returns when it's gone. Given once more, the rest are closed at once. Whoever runs the node may
    start it again; `chorus up` does.
    """
    from node.operate import easing

    def work(operator: "Operator") -> bool:
        easing.drain(operator, node, over)
        return True

    _operate(flags, config, wait, work)


@main.command()
@click.argument("node")
@click.option("--share", metavar="PERCENT", required=True, help="How many of them: 10%, say.")
@_over
@_wait
@_flags(_operators())
@_config
def rebalance(
    node: str, share: str, over: float | None, wait: float, config: str | None, **flags: Any
) -> None:
    """Have a node close a share of its people's connections, bit by bit.

    The node goes on. Whoever connects again lands where the balancer sends them.
    """
    from node.operate import easing

    try:
        part = easing.share(share)
    except SettingError as e:
        raise Unusable(str(e)) from None

    def work(operator: "Operator") -> bool:
        easing.rebalance(operator, node, part, over)
        return True

    _operate(flags, config, wait, work)


@main.command()
@click.option("--fix", is_flag=True, help="Put right what can be.")
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON.")
@_wait
@_flags(_operators(*_KEPT))
@_config
def doctor(fix: bool, as_json: bool, wait: float, config: str | None, **flags: Any) -> None:
    """Compare what is in Redis with what every node has in memory.

    Names each difference that stays for two looks. Exit status 1 if there is one; with --fix, if
    one is left.
    """
    from node.operate.doctor import report

    _operate(
        flags,
        config,
        wait,
        lambda operator: report(operator, fix=fix, as_json=as_json, tell=click.echo),
    )
