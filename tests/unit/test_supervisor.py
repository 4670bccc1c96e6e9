"""`node.up`'s supervisor and children, with small programs in the place of nodes."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.up.child import Child, Program, SpawnError
from node.up.supervisor import Backoff, StartError, Supervisor

SERVING = "print('line tcp 127.0.0.1:1', flush=True)\n"
WAITING = "import signal\nsignal.pause()\n"


@pytest.fixture
def stdin() -> Iterator[int]:
    """A pipe that never ends while a test runs."""
    read, write = os.pipe()
    yield read
    os.close(read)
    os.close(write)


class Stage:
    """Runs a supervisor, writes down what it says, and acts when something was said."""

    def __init__(self, stdin: int) -> None:
        self.said: list[str] = []
        self.stdin = stdin
        self.nodes: list[Child] = []
        self.server: FakeServer | None = None
        self._actions: list[tuple[str, Callable[[], None]]] = []

    def node(self, name: str, code: str) -> None:
        program = Program(
            name=name,
            command=[sys.executable, "-I", "-S", "-c", code],
            environ={},
            stdin=self.stdin,
            inherited=(),
            addresses=1,
        )
        self.nodes.append(Child(program, lambda line: self.say(f"{name} | {line}")))

    def when(self, said: str, action: Callable[[], None]) -> None:
        """Act once, when a line begins so."""
        self._actions.append((said, action))

    def say(self, line: str) -> None:
        self.said.append(line)
        for action in [each for each in self._actions if line.startswith(each[0])]:
            self._actions.remove(action)
            action[1]()

    def run(self, start_within: float = 30.0, stop_within: float = 30.0) -> bool:
        supervisor = Supervisor(
            self.nodes,
            self.server,
            say=self.say,
            serving=lambda: self.say("serving"),
            start_within=start_within,
            stop_within=stop_within,
        )
        return supervisor.run()


@pytest.fixture
def stage(stdin: int) -> Stage:
    return Stage(stdin)


def interrupt() -> None:
    """As Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_ends_all_nodes_in_good_order(stage: Stage) -> None:
    stage.node("a", SERVING + WAITING)
    stage.node("b", SERVING + WAITING)
    stage.when("serving", interrupt)
    assert stage.run()
    assert [-signal.SIGTERM] * 2 == [node.poll() for node in stage.nodes]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_the_callers_again_afterwards(stage: Stage, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    stage.node("a", SERVING + WAITING)
    stage.when("serving", lambda: os.kill(os.getpid(), number))
    stage.run()
    assert before is signal.getsignal(number)


def test_it_serves_when_every_node_has_told_its_addresses(stage: Stage) -> None:
    stage.node("a", "print('hello', flush=True)\n" + SERVING + WAITING)
    stage.when("serving", interrupt)
    stage.run()
    assert ["a | hello", "serving"] == stage.said


def test_what_nodes_say_is_passed_on_to_the_last_word(stage: Stage) -> None:
    bye = (
        "import sys, signal\n"
        "def bye(*_): sys.stderr.write('one\\n\\ntwo\\r\\nhalf'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, bye)\n"
    )
    stage.node("a", bye + SERVING + WAITING)
    stage.when("serving", interrupt)
    stage.run()
    assert ["serving", "a | one", "a | two", "a | half"] == stage.said


def test_a_very_long_line_comes_in_pieces(stage: Stage) -> None:
    stage.node("a", "print('x' * 300_000, flush=True)\n" + SERVING + WAITING)
    stage.when("serving", interrupt)
    stage.run()
    pieces = [line.removeprefix("a | ") for line in stage.said if line.startswith("a | ")]
    assert "x" * 300_000 == "".join(pieces)
    assert len(pieces) > 1


def test_a_node_that_dies_is_started_again(stage: Stage) -> None:
    # before it serves: what the first life says is heard before it is killed
    stage.node("a", "print('here', flush=True)\n" + SERVING + WAITING)

    def end() -> None:
        stage.nodes[0].kill()
        stage.when("a | here", interrupt)

    stage.when("serving", end)
    assert stage.run()
    said = [line for line in stage.said if line != "a | here"]
    assert ["serving", "a ended (Killed); starting it again in 0.25 s"] == said


def test_a_node_that_ends_before_it_serves_ends_the_start(stage: Stage) -> None:
    stage.node("a", SERVING + WAITING)
    stage.node("b", "raise SystemExit('a bad day')")
    with pytest.raises(StartError, match=r"b ended before it could serve \(status 1\)"):
        stage.run()
    assert ["b | a bad day"] == stage.said
    assert None is not stage.nodes[0].poll()


def test_a_node_that_never_serves_ends_the_start(stage: Stage) -> None:
    stage.node("a", WAITING)
    with pytest.raises(StartError, match=r"after 0.05 s, a can't serve yet"):
        stage.run(start_within=0.05)


def test_a_program_that_is_not_there_ends_the_start(stage: Stage, tmp_path: Path) -> None:
    stage.node("a", SERVING + WAITING)
    missing = Program("b", [str(tmp_path / "no")], {}, stage.stdin, (), 1)
    stage.nodes.append(Child(missing, stage.say))
    with pytest.raises(StartError, match=r"b can't be started: .*No such file"):
        stage.run()


STUBBORN = (
    "import os, signal\n"
    "signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'no\\n'))\n"  # print isn't reentrant
)
WAITING_ON = "while True: signal.pause()\n"


def test_a_second_signal_kills_what_does_not_end(stage: Stage) -> None:
    stage.node("a", STUBBORN + SERVING + WAITING_ON)
    stage.when("serving", interrupt)
    stage.when("a | no", interrupt)
    assert not stage.run()
    assert -signal.SIGKILL == stage.nodes[0].poll()


def test_what_does_not_end_in_time_is_killed(stage: Stage) -> None:
    stage.node("a", STUBBORN + SERVING + WAITING_ON)
    stage.when("serving", interrupt)
    assert not stage.run(stop_within=0.05)


def test_a_frozen_node_is_woken_to_end(stage: Stage) -> None:
    stage.node("a", SERVING + f"import os\nos.kill(os.getpid(), {signal.SIGSTOP:d})\n" + WAITING)
    stage.when("serving", interrupt)
    assert stage.run()


def test_nodes_do_not_outlive_a_supervisor_that_fails(stage: Stage) -> None:
    stage.node("a", SERVING + WAITING)

    def fail() -> None:
        raise RuntimeError("a bug")

    stage.when("serving", fail)
    with pytest.raises(RuntimeError):
        stage.run()
    assert -signal.SIGKILL == stage.nodes[0].poll()


class FakeServer:
    """A server that runs until it's told to die, and can't be started the first time."""

    name = "redis"

    def __init__(self) -> None:
        self.status: int | None = None
        self.full = True

    def die(self) -> None:
        self.status = 1
        os.kill(os.getpid(), signal.SIGCHLD)

    def poll(self) -> int | None:
        return self.status

    def spawn(self) -> None:
        if self.full:
            self.full = False
            raise SpawnError("no room")
        self.status = None
        interrupt()


def test_a_server_that_dies_is_started_again_until_it_runs(stage: Stage) -> None:
    stage.node("a", SERVING + WAITING)
    stage.server = FakeServer()
    stage.when("serving", stage.server.die)
    assert stage.run()
    expected = [
        "serving",
        "redis ended (status 1); starting it again in 0.25 s",
        "redis can't be started: no room; starting it again in 0.5 s",
    ]
    assert expected == stage.said


def test_waits_double_up_to_a_limit() -> None:
    backoff = Backoff(first=0.25, most=1.0, healthy=10.0)
    assert [0.25, 0.5, 1.0, 1.0] == [backoff.after(0.0) for _ in range(4)]


def test_after_a_healthy_life_waits_begin_anew() -> None:
    backoff = Backoff(first=0.25, most=1.0, healthy=10.0)
    assert [0.25, 0.5, 0.25] == [backoff.after(lived) for lived in (0.0, 9.9, 10.0)]
