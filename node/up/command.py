"""The course of `chorus up`, from what was asked for to the last process's end.

    settings checked > ports claimed > Redis answers > nodes serve > "chorus is up"
                                                                          │ Ctrl-C
                       ports let go  < Redis ended   < nodes ended    <───┘

Each step that fails undoes those before it, and says why.
"""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import node
from broker.embedded import Embedded, EmbeddedError
from broker.ping import Unreachable, ping
from node.options import SettingError, flag_of
from node.ports import Claim, PortError, claim
from node.settings import UP_DOORS, Settings, UpSettings, no_doors
from node.signals import interruptible
from node.sources import Given, build, to_environ
from node.up.child import Child, Program, SpawnError
from node.up.supervisor import StartError, Supervisor

Doors = dict[str, list[Claim]]

UP_DEFAULTS = {"drain": Given(0.0, "--drain")}
"""What nodes of one machine, which all end together, are told unless somebody says otherwise."""

STOP_WITHIN = 15.0
"""Seconds that nodes may take to end, besides what they drain."""


class UpError(Exception):
    """The cluster can't run. The text says why; everything that was started has ended."""


def run(given: Mapping[str, Given]) -> int:
    """Run a cluster until a signal ends it. Returns the exit status.

    Raises SettingError for a setting that won't do, UpError for what else keeps it from running.
    """
    own = build(UpSettings, given)
    given_to_nodes = {name: given[name] for name in given if name not in UP_DOORS}
    settings = build(Settings, {**UP_DEFAULTS, **given_to_nodes})
    try:
        with interruptible(), ExitStack() as stack:
            doors = _claim(given, stack)
            if "redis" in given:
                ping(settings.redis_url)
                return _supervise(own, settings, doors, None, stack)
            redis = stack.enter_context(Embedded(own.state))
            settings = replace(settings, redis=redis.url, redis_password_file="")
            return _supervise(own, settings, doors, redis, stack)
    except (EmbeddedError, PortError, StartError, Unreachable) as e:
        raise UpError(str(e)) from None
    except KeyboardInterrupt:
        return 130


def _claim(given: Mapping[str, Given], stack: ExitStack) -> Doors:
    """Make the public ports ours before anything is started."""
    doors: Doors = {}
    for name, default in UP_DOORS.items():
        wanted = given.get(name, Given(default, f"--{flag_of(name)}"))
        doors[name] = []
        for endpoint in wanted.value if isinstance(wanted.value, tuple) else ():
            try:
                claimed = claim(endpoint)
            except ValueError as e:
                raise SettingError(wanted.label, str(e)) from None
            except PortError as e:
                raise PortError(
                    f"{wanted.label}: {e}; tcp:0:interface=127.0.0.1 would find a free port"
                ) from None
            stack.callback(claimed.close)
            doors[name].append(claimed)
    if not any(doors.values()):
        raise no_doors()
    return doors


def _supervise(
    own: UpSettings, settings: Settings, doors: Doors, redis: Embedded | None, stack: ExitStack
) -> int:
    nodes_end, our_end = os.pipe()
    stack.callback(os.close, nodes_end)
    stack.callback(os.close, our_end)
    inherited = (redis.lifeline,) if redis else ()
    children = []
    for number in range(1, own.nodes + 1):
        name = f"{settings.name}-{number}"
        program = _program(replace(settings, name=name), doors, nodes_end, inherited)
        children.append(Child(program, _relay(name)))
    supervisor = Supervisor(
        children,
        _Server(redis) if redis else None,
        say=_log,
        stop_within=STOP_WITHIN + settings.drain,
        serving=lambda: _print(_welcome(own, settings, doors, redis)),
    )
    in_order = supervisor.run()
    if not in_order and redis:
        redis.kill()
    return 0


def _program(
    settings: Settings, doors: Doors, lifeline: int, inherited: tuple[int, ...]
) -> Program:
    """How to run a node. Its settings go through the environment: `ps` shows no password."""
    flags = ["--name", settings.name, "--reuse-port", "--parent-pipe", "0"]
    for name, claims in doors.items():
        for claimed in claims:
            flags += [f"--{flag_of(name)}", claimed.endpoint]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}
    environ.update(to_environ(settings))
    # The node is this very code, wherever it lies and whatever the current folder holds.
    source = str(Path(node.__file__).parent.parent)
    path = environ.get("PYTHONPATH")
    environ["PYTHONPATH"] = f"{source}{os.pathsep}{path}" if path else source
    return Program(
        name=settings.name,
        command=[sys.executable, "-P", "-m", "node", "node", *flags],
        environ=environ,
        stdin=lifeline,
        inherited=inherited,
        addresses=sum(len(claims) for claims in doors.values()),
    )


class _Server:
    """The embedded Redis as the supervisor sees it."""

    def __init__(self, redis: Embedded) -> None:
        self.name = "redis"
        self.poll = redis.poll
        self._redis = redis

    def spawn(self) -> None:
        try:
            self._redis.spawn()
        except EmbeddedError as e:
            raise SpawnError(str(e)) from None


def _welcome(own: UpSettings, settings: Settings, doors: Doors, redis: Embedded | None) -> str:
    """Where to connect and how."""
    ways = {
        "line": "  chat     nc {host} {port}    (from two terminals; /help explains)",
        "irc": "  irc      irssi -c {host} -p {port}    (or any other IRC client)",
        "irc_ws": "  irc      ws://{in_url}:{port}/    (over WebSocket)",
        "http": "  browser  http://{in_url}:{port}/\n"
        "  look     http://{in_url}:{port}/dashboard    (how the cluster is)\n"
        "  counter  curl http://{in_url}:{port}/counter",
        "echo": "  echo     nc {host} {port}",
        "json": "  json     nc {host} {port}    (for programs; docs/json-protocol.md)",
    }
    nodes = "1 node" if own.nodes == 1 else f"{own.nodes} nodes"
    where = f"data in {redis.folder}" if redis else "on your Redis"
    return "\n".join(
        [
            f"chorus is up: {nodes}, {where}",
            "",
            *(
                way.format(host=door.reachable, in_url=_in_url(door.reachable), port=door.port)
                for name, way in ways.items()
                for door in doors[name]
            ),
            *([f"  operate  {_top(settings)}"] if redis else []),
            "",
            "Ctrl-C stops it.",
        ]
    )


def _top(settings: Settings) -> str:
    """How to watch a cluster whose Redis has no password."""
    words = [_called(), "top", "--redis", settings.redis]
    if settings.namespace != Settings().namespace:
        words += ["--namespace", settings.namespace]
    return shlex.join(words)


def _called() -> str:
    """How this command is typed here: by its name, if that's on the PATH."""
    own = sys.argv[0]
    return "chorus" if shutil.which("chorus") or Path(own).name != "chorus" else own


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _relay(name: str) -> Callable[[str], None]:
    return lambda line: _log(f"{name} | {line}")


def _log(text: str) -> None:
    _print(text, to_stderr=True)


def _print(text: str, *, to_stderr: bool = False) -> None:
    """Print, if there's still somebody to read it: a closed terminal must not stop a cluster."""
    with suppress(OSError):
        print(text, file=sys.stderr if to_stderr else sys.stdout, flush=True)
