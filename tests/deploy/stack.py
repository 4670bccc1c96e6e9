"""compose.yaml, up and running: what an operator does with `docker-compose`, and its containers."""

import json
import shutil
import socket
import urllib.request
from pathlib import Path
from typing import Self

from tests.deploy.daemon import Daemon

PROJECT = "chorus-test"
IMAGE = "chorus/node:latest"


class Stack:
    """As a context manager: it's up inside, with three nodes. From a copy of the repository's
    files, so that no secrets are drawn there. `line`, `irc`, `http`, `stats`: the balancer's ports.
    """

    def __init__(self, daemon: Daemon, root: Path, folder: Path) -> None:
        self._daemon = daemon
        self._folder = folder / "chorus"
        wanted = ("compose.yaml", "deploy", "node", "broker", ".dockerignore")
        self._folder.mkdir()
        for name in wanted:
            copy = shutil.copytree if (root / name).is_dir() else shutil.copy
            copy(root / name, self._folder / name)
        self.line, self.irc, tls, self.http, self.stats = _free_ports(5)
        daemon.environ |= {
            "CHORUS_LINE_PORT": str(self.line),
            "CHORUS_IRC_PORT": str(self.irc),
            "CHORUS_IRC_TLS_PORT": str(tls),
            "CHORUS_HTTP_PORT": str(self.http),
            "CHORUS_STATS_PORT": str(self.stats),
        }
        self.weight = 0.0
        """Megabytes that the image of a node has over its base."""

    def __enter__(self) -> Self:
        run = self._daemon.run
        run(self._folder / "deploy" / "secrets" / "make.sh")
        # the network of a build is the machine's own: pip finds what it finds here
        build = ("docker", "build", "--network", "host", "--quiet", "-f", "deploy/Dockerfile")
        run(*build, "--tag", IMAGE, ".", cwd=self._folder)
        sizes = [
            int(run("docker", "image", "inspect", "--format", "{{.Size}}", name))
            for name in (IMAGE, "standin")
        ]
        self.weight = (sizes[0] - sizes[1]) / 1e6
        self.compose("up", "-d", "--no-build")
        return self

    def compose(self, *args: str) -> str:
        """A `docker-compose` command, and what it printed. Raises RuntimeError."""
        return self._daemon.run("docker-compose", "-p", PROJECT, *args, cwd=self._folder)

    def scale(self, nodes: int) -> None:
        """So many nodes, from now on."""
        self.compose("up", "-d", "--no-build", "--scale", f"node={nodes}")

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
        self.compose("down", "--volumes", "--timeout", "1")


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
