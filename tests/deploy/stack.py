"""compose.yaml, up and running: what an operator does with `docker compose`, and its containers."""

import json
import shutil
import socket
import urllib.request
from pathlib import Path
from typing import Self

from tests.deploy.composers import Composer
from tests.deploy.daemon import Daemon
from tests.support.person import __file__ as person_file

PROJECT = "chorus-test"
IMAGE = "chorus/node:latest"
PORTS = (
    "CHORUS_LINE_PORT",
    "CHORUS_IRC_PORT",
    "CHORUS_IRC_TLS_PORT",
    "CHORUS_HTTP_PORT",
    "CHORUS_STATS_PORT",
    "CHORUS_PROMETHEUS_PORT",
    "CHORUS_GRAFANA_PORT",
)

_VISITOR = """
import socket, sys
sys.path.insert(0, "/")
from person import Person
with Person(1234, "balancer") as person:
    for line in ("/nick " + sys.argv[1], "/join #go", sys.argv[2]):
        person.does(line)
print(socket.gethostbyname(socket.gethostname()))
"""


def shipped(daemon: Daemon, root: Path, folder: Path) -> tuple[Path, float]:
    """Copies the repository's files, with secrets of their own, and makes of them a node's image.

    Returns where they are, and the megabytes that the image has over its base.
    """
    copy = folder / "chorus"
    copy.mkdir()
    for name in ("compose.yaml", "deploy", "node", "broker", ".dockerignore"):
        put = shutil.copytree if (root / name).is_dir() else shutil.copy
        put(root / name, copy / name)
    run = daemon.run
    run(copy / "deploy" / "secrets" / "make.sh")
    # the network of a build is the machine's own: pip finds what it finds here
    build = ("docker", "build", "--network", "host", "--quiet", "-f", "deploy/Dockerfile")
    run(*build, "--tag", IMAGE, ".", cwd=copy)
    sizes = [
        int(run("docker", "image", "inspect", "--format", "{{.Size}}", name))
        for name in (IMAGE, "standin")
    ]
    return copy, (sizes[0] - sizes[1]) / 1e6


class Stack:
    """As a context manager: it's up inside, with three nodes, from the files in `folder`.

    `line`, `irc`, `http`, `stats`: the balancer's ports; `prometheus`, `grafana`: theirs, when
    they're up.
    """

    def __init__(self, daemon: Daemon, folder: Path, composer: Composer) -> None:
        self._daemon = daemon
        self._folder = folder
        self._composer = composer
        ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
        self.line, self.irc, _, self.http, self.stats, self.prometheus, self.grafana = (
            ports.values()
        )
        daemon.environ |= {name: str(port) for name, port in ports.items()}

    def __enter__(self) -> Self:
        self.compose("config", "--quiet")
        self.compose("up", "-d", "--no-build")
        return self

    def compose(self, *args: str) -> str:
        """A command of `docker compose`, and what it printed. Raises RuntimeError."""
        return self._daemon.run(*self._composer.command, "-p", PROJECT, *args, cwd=self._folder)

    def scale(self, nodes: int) -> None:
        """So many nodes, from now on."""
        self.compose("up", "-d", "--no-build", "--scale", f"node={nodes}")

    def visit(self, says: dict[str, str]) -> list[str]:
        """People with these nicks come, each from an address of their own, say something and go.
        Returns the addresses.
        """
        mounted = f"{Path(person_file).resolve()}:/person.py:ro"
        run = ("run", "--detach", f"--network={PROJECT}_edge", f"--volume={mounted}", "standin")
        homes = [self.docker(*run, "sleep", "1000").strip() for _ in says]
        try:
            return [
                self.docker("exec", home, "python3", "-c", _VISITOR, nick, words).strip()
                for home, (nick, words) in zip(homes, says.items(), strict=True)
            ]
        finally:
            self.docker("rm", "--force", *homes)

    def docker(self, *args: str) -> str:
        """A `docker` command, and what it printed. Raises RuntimeError."""
        return self._daemon.run("docker", *args)

    def addresses(self) -> set[str]:
        """Where people come from, as the logs of nodes say."""
        logs = [self._daemon.run("sh", "-c", f"docker logs {node} 2>&1") for node in self.nodes()]
        lines = [json.loads(line) for log in logs for line in log.splitlines() if line[:1] == "{"]
        return {line["address"] for line in lines if "address" in line}

    def gateways(self) -> set[str]:
        """This machine, as the balancer sees it."""
        balancer = self.compose("ps", "-q", "balancer").strip()
        what = "{{range .NetworkSettings.Networks}}{{.Gateway}} {{end}}"
        return set(self.docker("inspect", balancer, "--format", what).split())

    def container(self, node: str) -> str:
        """The container of a node: a node's name begins with it, as its host's does."""
        return node.partition("-")[0]

    def nodes(self) -> list[str]:
        """The containers of nodes that run."""
        label = f"label=com.docker.compose.project={PROJECT}"
        listed = self.docker("ps", "--filter", label, "--format", "{{json .}}")
        rows = [json.loads(row) for row in listed.splitlines()]
        return [row["ID"] for row in rows if row["Image"] == IMAGE]

    def ups(self) -> int:
        """How many nodes the balancer gives people to."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.stats}/;csv", timeout=5) as answer:
                rows = answer.read().decode().splitlines()
        except OSError:
            return 0
        return sum(row.startswith("line_nodes,node") and ",UP," in row for row in rows)

    def balancer_says(self) -> str:
        """The end of its log: what it did with nodes and connections."""
        balancer = self.compose("ps", "-q", "balancer").strip()
        return self._daemon.run("sh", "-c", f"docker logs --tail 25 {balancer} 2>&1")

    def __exit__(self, *_exc: object) -> None:
        self.compose("--profile", "monitoring", "down", "--volumes", "--timeout", "1")


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
