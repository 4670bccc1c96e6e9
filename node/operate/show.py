"""`chorus status`, `nodes`, `channels`, `sessions`: a look, told once, for people or for programs.

All raise redis-py's errors, and return whether all is well.
"""

from typing import Any

import click
import msgspec
from rich.console import Console, RenderableType

from broker.names import fold
from broker.reports import Overview, State
from node.operate import tables
from node.operate.operator import Operator, OperatorError
from node.operate.reading import read_channels, read_overview, read_sessions

ENDLESS = 10_000
"""Columns of what is no terminal: a pipe or a file gets lines as long as they are."""


def status(operator: Operator, *, as_json: bool) -> bool:
    """Tell how the cluster is, in a few lines."""
    try:
        with operator.reaching():
            found = read_overview(operator)
    except OperatorError as e:
        if as_json:
            _tell_json({"well": False, "why": [str(e)]})
        raise
    if as_json:
        _tell_json({"well": not found.why, **msgspec.to_builtins(found)})
    else:
        _tell(
            *tables.verdict(found),
            tables.plain(tables.totals(found)),
            *(tables.plain(tables.redis(server)) for server in found.servers),
        )
    _say_where(operator, found)
    return not found.why


def nodes(operator: Operator, *, as_json: bool) -> bool:
    """Tell of each node. All is well if there is one, and no node has anything wrong with it."""
    found = read_overview(operator)
    if as_json:
        _tell_json(found.nodes)
    elif found.nodes:
        _tell(tables.nodes(found.nodes, found.at, _width()))
    _say_where(operator, found)
    return len(found.why) == sum(len(server.why) for server in found.servers)


def channels(operator: Operator, *, as_json: bool) -> bool:
    """Tell of each channel with members."""
    found = read_channels(operator)
    if as_json:
        _tell_json(found)
    elif found:
        _tell(tables.channels(found, _width()))
    else:
        operator.say("there is nobody in any channel")
    return True


def sessions(operator: Operator, *, node: str | None, channel: str | None, as_json: bool) -> bool:
    """Tell of each session: those on a node, or in a channel, if one is given."""
    found = [
        session
        for session in read_sessions(operator)
        if node in (None, session.node)
        and (channel is None or fold(channel) in map(fold, session.channels))
    ]
    if as_json:
        _tell_json(found)
    elif found:
        _tell(tables.sessions(found, _width()))
    else:
        operator.say("there is nobody")
    return True


def _say_where(operator: Operator, found: Overview) -> None:
    """If no node was found, say where: it may be the wrong place."""
    if all(node.state is State.GONE for node in found.nodes):
        operator.say(f"looked at {operator.where}")


def terminal() -> Console:
    """Where people read; with colours, if it's a terminal."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = ENDLESS
    return console


def _width() -> int:
    console = terminal()
    return console.width if console.is_terminal else 0


def _tell(*what: RenderableType) -> None:
    console = terminal()
    with console.capture() as printed:
        for each in what:
            console.print(each)
    click.echo("\n".join(line.rstrip() for line in printed.get().splitlines()))


def _tell_json(what: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(what), indent=2).decode())
