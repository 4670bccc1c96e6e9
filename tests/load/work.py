"""What a line costs, and a session's coming and going, in work rather than in time: `make work`.

    alone     a line to 3 others: mostly what is done once for each line
    crowd     a line to 49 others: mostly what is done for each delivery
    irc       as crowd, over IRC; every other one has capabilities, and who speaks, too
    together  64 lines in one write to 9 others
    sessions  connect, nick, join, part, quit, where two others are

Half of all people are on either of two nodes. Everything is done in lock-step: nobody types
before both nodes and Redis are through with what was typed before, and wait. So the same code
comes to the same counts, however busy the machine is, in a few repetitions. Needs Linux: how a
process waits is read from /proc. Must not know how it is counted, nor what may come out.
"""

import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import msgspec

from broker.embedded import Embedded
from tests.load import ledger
from tests.load.counted import ASK, Counts
from tests.support.nodes import NodeProcess, Nodes
from tests.support.person import Person
from tests.support.town import Citizen, Town

FILE = Path(__file__).with_name("work.toml")

FLAGS = (
    *("--lobby", ""),
    "--no-limits",
    *("--lease", "600"),  # no beat while it's measured
    "--no-reports",  # and no status
)

TEXT = "x" * 100
"""What is said."""

AT_ONCE = 64
"""How many lines come in one write with `together`: as many as a session may have under way."""


class Scene:
    """Two nodes that count and their Redis; people on them, and the lock-step. `guests`: people
    who aren't the town's, to hang up at the end.
    """

    def __init__(self, town: Town, redis: int, guests: ExitStack) -> None:
        self._town = town
        self.guests = guests
        self._pids = [*(node.pid for node in town.nodes), redis]

    @property
    def nodes(self) -> list[NodeProcess]:
        """Both of them."""
        return self._town.nodes

    def people(self, count: int, channel: str) -> list[Citizen]:
        """So many in a channel, on both nodes in turn. Each has read that all came."""
        came = self._town.people(*(f"{channel[1:]}{i}" for i in range(count)), at=channel)
        self.wait()
        return came

    def does(self, person: Citizen, *lines: str) -> None:
        """They type that in one write; returns when all is done that comes of it."""
        person.send("".join(f"{line}\r\n" for line in lines).encode())
        self.wait()

    def wait(self, seconds: float = 20.0) -> None:
        """Returns when the nodes and Redis wait, for nothing but people.

        They were all asleep at the same time if none has run between two looks at each.
        """
        deadline = time.monotonic() + seconds
        before: list[str] = []
        while True:
            now = [_asleep(pid) for pid in self._pids]
            if all(now) and now == before:
                return
            assert time.monotonic() < deadline, "the nodes and Redis don't come to rest"
            before = now
            time.sleep(0.0002)

    def counts(self) -> list[Counts]:
        """What each node has done so far."""
        told = [node.ask(ASK) for node in self._town.nodes]
        return [msgspec.json.decode(line, type=Counts) for line in told]

    def commands(self) -> int:
        """What Redis has done so far, also within scripts, without what is asked for here."""
        stats = self._town.cluster.redis.info("commandstats")
        assert isinstance(stats, dict)
        return sum(each["calls"] for name, each in stats.items() if name != "cmdstat_info")


def _asleep(pid: int) -> str:
    """Which of its sleeps a process's main thread is in; empty if it runs."""
    told = Path(f"/proc/{pid}/task/{pid}/status").read_text()
    about = dict(line.split(":\t", 1) for line in told.splitlines())
    if not about["State"].startswith("S"):
        return ""
    return about["voluntary_ctxt_switches"] + "," + about["nonvoluntary_ctxt_switches"]


Again = Callable[[], None]
"""One line, or write, or cycle, once all is prepared."""


def talk(others: int, lines: int) -> Callable[[Scene], Again]:
    """Somebody says so many lines in one write, and so many others read all of them."""

    def prepare(scene: Scene) -> Again:
        speaker, *listeners = scene.people(1 + others, f"#lines-{lines}-{others}-")
        said = [f"{i:02} {TEXT}" for i in range(lines)]

        def again() -> None:
            scene.does(speaker, *said)
            for listener in listeners:
                heard = [listener.read().rpartition("> ")[2] for _ in said]
                assert said == heard

        return again

    return prepare


CAPS = "account-tag batch echo-message labeled-response message-tags server-time"


class Chatter(Person):
    """Somebody in a channel, with a client of IRC that asks for capabilities."""

    def __init__(self, port: int, nick: str, channel: str, caps: str) -> None:
        super().__init__(port)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # it's there at once
        for line in (f"CAP REQ :{caps}", f"NICK {nick}", f"USER {nick} 0 * :{nick}", "CAP END"):
            self.type(line)
        self.type(f"JOIN {channel}")
        self.until(lambda line: " 366 " in line)


def irc(others: int) -> Callable[[Scene], Again]:
    """Somebody says a line over IRC, and reads it, as so many others do."""

    def prepare(scene: Scene) -> Again:
        ports = [node.irc for node in scene.nodes]
        came = [
            scene.guests.enter_context(
                Chatter(ports[i // 2 % 2], f"irc{i}", "#irc", (CAPS, "multi-prefix")[i % 2])
            )
            for i in range(1 + others)
        ]
        scene.wait()

        def again() -> None:
            came[0].type(f"PRIVMSG #irc :{TEXT}")
            scene.wait()
            for one in came:
                one.until(lambda line: line.endswith(f" PRIVMSG #irc :{TEXT}"))

        return again

    return prepare


def sessions(scene: Scene) -> Again:
    """Somebody comes, on either node in turn, and goes, and two others read it."""
    residents = scene.people(2, "#sessions")
    nodes = [resident.on for resident in residents]

    def again() -> None:
        for node in nodes:
            with Citizen(node) as guest:
                scene.wait()
                for line in ("/nick guest1", "/join #sessions", "/leave #sessions", "/quit"):
                    scene.does(guest, line)
                heard = guest.rest()
                assert "closing: you have quit" == heard[-1]
            scene.wait()
            for resident in residents:
                resident.until("guest1 has left")

    return again


class Workload(NamedTuple):
    """What is done again and again, after it was done once. `units`: what is done each time,
    and what counts are for. `deliveries`: of lines, for one unit.
    """

    name: str
    prepare: Callable[[Scene], Again]
    repetitions: int
    units: int = 1
    deliveries: int = 0


WORKLOADS = [
    Workload("alone", talk(3, 1), 20, deliveries=3),
    Workload("crowd", talk(49, 1), 10, deliveries=49),
    Workload("irc", irc(49), 10, deliveries=50),
    Workload("together", talk(9, AT_ONCE), 5, deliveries=9 * AT_ONCE),
    Workload("sessions", sessions, 5, units=2),
]


def measure(folder: Path) -> dict[str, dict[str, float]]:
    """The counts of every workload, for each of its units."""
    with (
        Embedded(folder / "redis", port=0, appendonly=False) as redis,
        Nodes(redis.url, folder, *FLAGS, module="tests.load.counted") as nodes,
        Town(nodes, 2) as town,
        ExitStack() as guests,
    ):
        scene = Scene(town, redis.pid, guests)
        return {workload.name: _measure(scene, workload) for workload in WORKLOADS}


def _measure(scene: Scene, workload: Workload) -> dict[str, float]:
    again = workload.prepare(scene)
    again()  # what is done only once isn't measured
    before, commands = scene.counts(), scene.commands()
    for _ in range(workload.repetitions):
        again()
    after, commands = scene.counts(), scene.commands() - commands
    done = [msgspec.structs.asdict(a.less(b)) for a, b in zip(after, before, strict=True)]
    total = {what: sum(each[what] for each in done) for what in done[0]} | {"commands": commands}
    units = workload.repetitions * workload.units
    return {what: round(n / units, 1) for what, n in total.items()}


def main() -> None:
    """Measure, write down, and tell."""
    if sys.platform != "linux":
        sys.exit("make work needs Linux: it reads from /proc when a node waits")
    with tempfile.TemporaryDirectory(prefix="chorus-work-") as folder:
        counted = measure(Path(folder))
    ledger.write(FILE, counted)
    print(FILE.read_text())
    for workload in WORKLOADS:
        if workload.deliveries:
            print(_told(workload, counted[workload.name]))


def _told(workload: Workload, counts: dict[str, float]) -> str:
    """What that is for one delivery."""
    system = sum(counts[what] for what in ("sends", "receives", "polls", "others"))
    calls, system = counts["calls"] / workload.deliveries, system / workload.deliveries
    return f"{workload.name}: {calls:.2f} calls and {system:.2f} of the system for each delivery"


if __name__ == "__main__":
    main()
