"""The shipped HAProxy, with people on nodes that answer its checks, or don't."""

import re
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import which

import pytest

from tests.support.dns import NameServer
from tests.support.processes import await_fact

CONFIG = Path(__file__).parents[2] / "deploy" / "haproxy" / "haproxy.cfg"
HOLD = 4
"""How often DNS is asked, once a second, until we believe that its answer has been acted on."""

ANSWERS = {"well": b"HTTP/1.1 200 OK", "unready": b"HTTP/1.1 404 Not Found", "silent": b""}

pytestmark = pytest.mark.skipif(which("haproxy") is None, reason="there is no haproxy here")


class Node:
    """What the balancer sees of a node: a door where lines come back, with the balancer's header
    first, and one that says how it is: a key of ANSWERS. `asked`: how often it was.
    """

    def __init__(self, host: str, line: int = 0, http: int = 0) -> None:
        self.host = host
        self.health = "well"
        self.asked = 0
        self._doors = [socket.create_server((host, port)) for port in (line, http)]
        self.line, self.http = (door.getsockname()[1] for door in self._doors)
        for door, work in zip(self._doors, (self._echo, self._tell), strict=True):
            threading.Thread(target=self._serve, args=(door, work), daemon=True).start()

    def _serve(self, door: socket.socket, work: object) -> None:
        with suppress(OSError):  # closed
            while True:
                wire, _ = door.accept()
                threading.Thread(target=work, args=(wire,), daemon=True).start()  # type: ignore[arg-type]

    def _echo(self, wire: socket.socket) -> None:
        with suppress(OSError), wire:
            while data := wire.recv(4096):
                wire.sendall(data)

    def _tell(self, wire: socket.socket) -> None:
        with suppress(OSError), wire:
            lines = wire.makefile("rb")
            while (line := lines.readline()) and b"GET " not in line:
                pass  # the balancer's header
            while line.strip():
                line = lines.readline()
            answer = ANSWERS[self.health]
            self.asked += 1
            if answer:
                wire.sendall(answer + b"\r\nContent-Length: 0\r\n\r\n")
            lines.read()  # until the balancer has had enough

    def close(self) -> None:
        for door in self._doors:
            door.shutdown(socket.SHUT_RDWR)
            door.close()


class Visitor:
    """Somebody who says something through the balancer, and reads it back."""

    def __init__(self, port: int) -> None:
        self._wire = socket.create_connection(("127.0.0.1", port), 30)
        self._lines = self._wire.makefile("rb")
        self._wire.sendall(b"hello\r\n")
        while not (line := self._lines.readline()).endswith(b"hello\r\n"):  # the header has lines
            assert line

    def is_heard(self) -> bool:
        with suppress(OSError):
            self._wire.sendall(b"there?\r\n")
            return self._lines.readline() == b"there?\r\n"
        return False

    def close(self) -> None:
        self._lines.close()
        self._wire.close()


class Balancer:
    """HAProxy with the shipped configuration, but for its ports and those of nodes and DNS."""

    def __init__(self, folder: Path, dns: int, node: Node) -> None:
        self.line, http, self._stats = free_ports(3)
        config = CONFIG.read_text()
        for was, now in {
            "127.0.0.11:53": f"127.0.0.1:{dns}",
            "node:1234 port 8080": f"node:{node.line} port {node.http}",
            "node:8080": f"node:{node.http}",
            "bind :1234": f"bind 127.0.0.1:{self.line}",
            "bind :8080": f"bind 127.0.0.1:{http}",
            "bind :8404": f"bind 127.0.0.1:{self._stats}",
        }.items():
            assert was in config
            config = config.replace(was, now)
        (folder / "haproxy.cfg").write_text(config)
        with (folder / "haproxy.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["haproxy", "-db", "-f", folder / "haproxy.cfg"], stdout=log, stderr=log
            )

    def states(self) -> dict[str, str]:
        """What it thinks of each address that it knows: by host, `UP`, `NOLB`, `DOWN`, `UP 1/3`."""
        with suppress(OSError):
            url = f"http://127.0.0.1:{self._stats}/;csv"
            with urllib.request.urlopen(url, timeout=20) as answer:
                rows = [row.split(",") for row in answer.read().decode().splitlines()]
            at, state = rows[0].index("addr"), rows[0].index("status")
            return {
                row[at].partition(":")[0]: re.sub("MAINT.*", "", row[state])
                for row in rows
                if row[0] == "line_nodes" and row[at]
            }
        return {}

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago."""
    with ExitStack() as held:
        found = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in found]


class Scene:
    """Two nodes behind a balancer that finds them by DNS."""

    def __init__(self, folder: Path, held: ExitStack) -> None:
        first = Node("127.0.0.2")
        second = Node("127.0.0.3", first.line, first.http)
        self.nodes = {node.host: node for node in (first, second)}
        for node in self.nodes.values():
            held.callback(node.close)
        self.dns = held.enter_context(NameServer(*self.nodes))
        self.balancer = Balancer(folder, self.dns.port, first)
        held.callback(self.balancer.close)
        self._held = held
        self.await_state("127.0.0.2", "UP")
        self.await_state("127.0.0.3", "UP")

    def await_state(self, host: str, state: str) -> None:
        await_fact(lambda: self.balancer.states().get(host) == state, 30)

    def visitor(self, host: str) -> Visitor:
        """Somebody on that node: the other one gets nobody meanwhile."""
        (other,) = self.nodes.keys() - {host}
        self.nodes[other].health = "unready"
        self.await_state(other, "NOLB")
        visitor = Visitor(self.balancer.line)
        self._held.callback(visitor.close)
        self.nodes[other].health = "well"
        self.await_state(other, "UP")
        return visitor

    def time_goes_by(self, looks: int) -> None:
        """DNS is asked so often."""
        before = self.dns.asked
        await_fact(lambda: self.dns.asked >= before + looks)


@contextmanager
def _set(folder: Path) -> Iterator[Scene]:
    with ExitStack() as held:
        yield Scene(folder, held)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with _set(tmp_path) as scene:
        yield scene


@pytest.mark.parametrize("named", [(), ("127.0.0.3",)], ids=["nobody", "only another"])
def test_who_is_on_a_node_stays_when_dns_does_not_name_it_for_a_moment(
    scene: Scene, named: tuple[str, ...]
) -> None:
    visitor = scene.visitor("127.0.0.2")
    scene.dns.addresses = named
    scene.time_goes_by(HOLD)
    assert visitor.is_heard()


def test_a_node_that_misses_one_check_keeps_its_people(scene: Scene) -> None:
    visitor = scene.visitor("127.0.0.2")
    node = scene.nodes["127.0.0.2"]
    asked = node.asked
    node.health = "silent"
    await_fact(lambda: node.asked > asked)
    node.health = "well"
    await_fact(lambda: node.asked > asked + 8)  # by both backends
    scene.await_state("127.0.0.2", "UP")
    assert visitor.is_heard()


def test_who_is_on_a_node_that_answers_no_more_is_cut_off(scene: Scene) -> None:
    visitor = scene.visitor("127.0.0.2")
    scene.nodes["127.0.0.2"].health = "silent"
    scene.await_state("127.0.0.2", "DOWN")
    assert not visitor.is_heard()


def test_a_node_that_wants_nobody_new_keeps_its_people(scene: Scene) -> None:
    visitor = scene.visitor("127.0.0.2")
    scene.nodes["127.0.0.2"].health = "unready"
    scene.await_state("127.0.0.2", "NOLB")
    assert visitor.is_heard()


def test_a_node_that_dns_names_gets_people(scene: Scene) -> None:
    first = scene.nodes["127.0.0.2"]
    third = Node("127.0.0.4", first.line, first.http)
    try:
        scene.dns.addresses = ("127.0.0.4",)
        scene.await_state("127.0.0.4", "UP")
    finally:
        third.close()
