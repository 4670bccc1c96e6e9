"""The operators' commands on the command line: their arguments, their help.

`on_cluster` gives a command the cluster that its settings name, and makes exit statuses of how it
ends. What a command does is imported only when it's called for. To add one: a function here, and
its name in the table of `node/main.py`.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from node.flags import Unusable, config_file, flags, given
from node.options import SettingError, rows
from node.settings import Settings
from node.sources import build

if TYPE_CHECKING:
    from node.operate.operator import Operator

WAIT = 10.0
"""Seconds within which a node takes an order, unless --wait says otherwise."""

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""

operators = click.Group()
"""All of them; `node.main` takes them over."""


WHERE = ("redis", "redis_password_file", "namespace")
"""The settings that say which cluster it's about."""


def on_cluster(
    *more: str, patient: bool = True
) -> Callable[[Callable[..., bool]], Callable[..., None]]:
    """Decorates what is done to a cluster, which it gets as an `Operator`, before its own options.

    It returns whether all is well: exit status 0, or 1. `more`: settings that it has to know,
    besides where the cluster is. `patient`: whether Redis is asked again for some seconds if it
    doesn't answer.
    """
    known = [row for row in rows(Settings) if row.field in (*WHERE, *more)]

    def decorate(work: "Callable[..., bool]") -> Callable[..., None]:
        def command(config: str | None, wait: float = WAIT, **options: Any) -> None:
            from node.operate.operator import Operator, OperatorError

            values = {row.field: options.pop(row.field) for row in known}
            try:
                found = given(values, config)
                settings = build(Settings, {name: found[name] for name in values if name in found})
                say = lambda line: click.echo(line, err=True)  # noqa: E731
                cluster = Operator(settings, wait=wait, say=say, patient=patient)
                with cluster.reaching() as operator:
                    well = work(operator, **options)
            except SettingError as e:
                raise Unusable(str(e)) from None
            except OperatorError as e:
                raise click.ClickException(str(e)) from None
            except KeyboardInterrupt:
                sys.exit(INTERRUPTED)
            sys.exit(0 if well else 1)

        command.__name__, command.__doc__ = work.__name__, work.__doc__
        command.__click_params__ = getattr(work, "__click_params__", [])  # type: ignore[attr-defined]
        return flags(known)(config_file(command))

    return decorate


as_json = click.option("--json", "as_json", is_flag=True, help="Tell it as JSON.")
waiting = click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 3_600),
    default=WAIT,
    show_default=True,
    help="How long a node may take to hear an order: more than an eighth of its lease.",
)
over_time = click.option(
    "--over",
    metavar="SECONDS",
    type=click.FloatRange(0, 86_400),
    help="Spread it over this time.  [default: the node's --drain]",
)


# -- seeing how it is


@operators.command()
@as_json
@on_cluster(patient=False)
def status(operator: "Operator", as_json: bool) -> bool:
    """Tell in a few lines whether all is well.

    Exit status 1 if it isn't: a node is degraded or was lost a minute ago or less, none is alive,
    Redis can't be reached or isn't well.
    """
    from node.operate import show

    return show.status(operator, as_json=as_json)


@operators.command()
@on_cluster(patient=False)
def top(operator: "Operator") -> bool:
    """Watch it live, until q is pressed.

    Shows the nodes, the busiest channels and people, what happened, and how Redis is.
    """
    from node.operate.top import watch

    return watch(operator)


@operators.command()
@as_json
@on_cluster(patient=False)
def nodes(operator: "Operator", as_json: bool) -> bool:
    """List the nodes, and how each one is.

    Exit status 1 if there is none, or something is wrong with one.
    """
    from node.operate import show

    return show.nodes(operator, as_json=as_json)


@operators.command()
@as_json
@on_cluster(patient=False)
def channels(operator: "Operator", as_json: bool) -> bool:
    """List the channels that have people in them."""
    from node.operate import show

    return show.channels(operator, as_json=as_json)


@operators.command()
@click.option("--on", "node", metavar="NODE", help="Only those on this node.")
@click.option("--in", "channel", metavar="CHANNEL", help="Only those in this channel.")
@as_json
@on_cluster(patient=False)
def sessions(operator: "Operator", node: str | None, channel: str | None, as_json: bool) -> bool:
    """List the people, and where they are.

    Those who are detached have lost their connection, and may still come back.
    """
    from node.operate import show

    named = None if channel is None else _channel("--in", channel)
    return show.sessions(operator, node=node, channel=named, as_json=as_json)


@operators.command()
@click.argument("channel")
@click.option(
    "--lines",
    metavar="N",
    type=click.IntRange(0, 100_000),
    default=10,
    show_default=True,
    help="How many of the last lines of the log to begin with.",
)
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON, an object in each line.")
@on_cluster(patient=False)
def tail(operator: "Operator", channel: str, lines: int, as_json: bool) -> bool:
    """Follow what is said in a channel, without being in it.

    Goes on when Redis was away, without losing a line or telling one twice. Ctrl-C ends it.
    """
    from node.operate.tail import follow

    follow(operator, _channel("CHANNEL", channel), lines=lines, as_json=as_json)
    return True


def _channel(setting: str, name: str) -> str:
    """A channel's name, with or without its `#`."""
    from broker.api import Refused
    from node.core import names

    try:
        return names.channel(name)
    except Refused:
        wanted = "a channel's name: # and 1 to 50 printable characters, no space and no comma"
        raise SettingError(setting, f"{wanted}, not {name!r}") from None


# -- looking after it


@operators.command()
@click.argument("node")
@over_time
@waiting
@on_cluster()
def drain(operator: "Operator", node: str, over: float | None) -> bool:
    """Close a node's connections, bit by bit, and end it.

    Returns when it's gone. Given once more, the rest are closed at once. Whoever runs the node may
    start it again; `chorus up` does.
    """
    from node.operate import easing

    easing.drain(operator, node, over)
    return True


@operators.command()
@click.argument("node")
@click.option("--share", metavar="PERCENT", required=True, help="How many of them: 10%, say.")
@over_time
@waiting
@on_cluster()
def rebalance(operator: "Operator", node: str, share: str, over: float | None) -> bool:
    """Close a share of a node's connections, bit by bit.

    The node goes on. Whoever connects again lands where the balancer sends them.
    """
    from node.operate import easing

    easing.rebalance(operator, node, easing.share(share), over)
    return True


@operators.command()
@click.option("--fix", is_flag=True, help="Put right what can be.")
@as_json
@waiting
@on_cluster("history_lines", "history_days")
def doctor(operator: "Operator", fix: bool, as_json: bool) -> bool:
    """Compare what is in Redis with what every node has in memory.

    Names each difference that stays for two looks. Exit status 1 if there is one; with --fix, if
    one is left.
    """
    from node.operate.doctor import report

    return report(operator, fix=fix, as_json=as_json, tell=click.echo)


# -- speaking up, and keeping order (`node.operate.desk`)


@operators.command()
@click.argument("text")
@waiting
@on_cluster()
def notice(operator: "Operator", text: str) -> bool:
    """Tell everybody something, on all nodes.

    They read `notice: TEXT`.
    """
    from node import acts
    from node.operate import desk

    return desk.do(operator, lambda here: acts.notice(here, text, desk.by()))


@operators.command()
@click.argument("channel")
@click.argument("text")
@click.option("--as", "name", metavar="NAME", default="operator", help="Whom it's by: NAME.bot.")
@waiting
@on_cluster()
def say(operator: "Operator", channel: str, text: str, name: str) -> bool:
    """Say something in a channel, without being in it."""
    from node import acts
    from node.operate import desk

    return desk.do(operator, lambda here: acts.say(here, name, channel, text))


@operators.command()
@waiting
@on_cluster()
def rehash(operator: "Operator") -> bool:
    """Have all nodes read anew the files that their settings name.

    Operators, tokens and certificates. One that has become bad changes nothing; that's said.
    """
    from node import acts
    from node.operate import desk

    return desk.do(operator, lambda here: acts.rehash(here, desk.by()))


@operators.command()
@click.argument("nick")
@click.option("--why", metavar="TEXT", default="", help="A reason, which they and others read.")
@waiting
@on_cluster()
def kick(operator: "Operator", nick: str, why: str) -> bool:
    """End somebody's session for good, also one that is kept."""
    from node import acts
    from node.operate import desk

    return desk.do(operator, lambda here: acts.kick(here, nick, why, desk.by()))


@operators.command()
@click.argument("who")
@click.option("--for", "lasting", metavar="TIME", help="30m, 12h, 7d.  [default: for good]")
@click.option("--why", metavar="TEXT", default="", help="A reason, which they and others read.")
@click.option("--force", is_flag=True, help="Also where the nodes' own machines connect from.")
@waiting
@on_cluster()
def ban(operator: "Operator", who: str, lasting: str | None, why: str, force: bool) -> bool:
    """Let nobody connect any more from an address.

    WHO is an address, a network such as 203.0.113.0/24, or the nick of somebody who is connected
    from there now. Who is connected is closed. Of IPv6, an address stands for its /64. Or WHO is a
    mask such as 'bob@*.example.org', with * and ?, of the user's name and the host, as others see
    it or as it really is.
    """
    from node import acts
    from node.operate import desk

    seconds = desk.seconds(lasting) if lasting else None
    return desk.do(
        operator,
        lambda here: acts.ban(
            here, by=desk.by(), seconds=seconds, why=why, force=force, **acts.whom(who)
        ),
    )


@operators.command()
@click.argument("who")
@on_cluster()
def unban(operator: "Operator", who: str) -> bool:
    """Let people connect again: WHO is an address, a network or a mask, as banned."""
    from node import acts
    from node.operate import desk

    return desk.do(operator, lambda here: acts.unban(here, who, desk.by()))


@operators.command()
@as_json
@on_cluster()
def bans(operator: "Operator", as_json: bool) -> bool:
    """Show who may not connect."""
    from node.operate import desk

    return desk.show_bans(operator, click.echo, as_json=as_json)
