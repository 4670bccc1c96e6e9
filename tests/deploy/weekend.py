"""What may happen on a weekend: nodes come, go, stand still and die, Redis is restarted, all nodes
are replaced one by one. People talk meanwhile, and come back when they're cut off.

Everybody must read every line once, and nothing else: no quit of somebody who comes back, no gap.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count

from tests.deploy.stack import Stack
from tests.deploy.watching import WATCHERS, Watching
from tests.deploy.wrong import Wrong
from tests.support.irc import Irc, Tcp
from tests.support.person import Person
from tests.support.processes import await_fact

PEOPLE = 6

LOOK = 0.2
"""Seconds until somebody comes to the balancer again: an address may come so often."""

CHANNEL = "#go"


class Guest:
    """Somebody who talks through the balancer and comes back with their token when they're cut off.

    `heard`: all that they have read, on whatever connection. `comings`: how often they came.
    """

    def __init__(self, port: int, nick: str) -> None:
        self._port = port
        self.nick = nick
        self.said: list[str] = []
        self.comings = 1
        self._past: list[str] = []
        self._person = Person(port)
        self._person.does(f"/nick {nick}")
        for line in ("/set echo on", "/set pos on", f"/join {CHANNEL}"):
            self._person.does(line)
        self._token = self._asked("/token", "token ")

    def _asked(self, line: str, begins: str) -> str:
        answers = self._person.does(line)
        return next(answer.removeprefix(begins) for answer in answers if answer.startswith(begins))

    @property
    def node(self) -> str:
        return self._person.node

    @property
    def heard(self) -> list[str]:
        return [*self._past, *self._person.heard]

    def says(self, words: str) -> None:
        """Say something, and again after a resume if it isn't known whether it was said."""
        self.said.append(words)
        self._person.type(words)

    def settle(self) -> None:
        """Returns when all that was said is here, however often they have to come back for it."""
        try:
            self._person.settle()
        except (OSError, ConnectionError):
            self.come_back()
            self._person.settle()

    def reads(self, words: str) -> None:
        """Returns when they have."""
        self._person.until(words)

    def is_cut_off(self) -> None:
        """Returns when their connection has ended."""
        with suppress(ConnectionError):
            self._person.until(lambda _: False)

    def come_back(self) -> None:
        """Take the session up on another connection."""
        self._past += self._person.heard
        place = next(
            (
                line.split(" ", 1)[0]
                for line in reversed(self._past)
                if line.startswith("@") and f"[{CHANNEL}]" in line
            ),
            "",
        )

        def resumed() -> Person | None:
            with suppress(OSError):
                person = Person(self._port)
                person.type(f"/resume {self._token} {CHANNEL}{place}")
                person.until("resumed as ")
                return person
            time.sleep(LOOK)
            return None

        self._person = await_fact(resumed, 60)
        self.comings += 1

    def missing(self, said: list[str]) -> list[str]:
        """What of these lines they haven't read exactly once, as said."""
        read = [line.rpartition("> ")[2] for line in self.heard if f"[{CHANNEL}] <" in line]
        return [words for words in said if read.count(words) != 1]

    def untrue(self) -> list[str]:
        """What they read that shouldn't have been told."""
        told = ("gap: ", "error: ")
        return [
            line
            for line in self.heard
            if line.startswith(told) or any(f"{begin} has quit" in line for begin in NICKS)
        ]


NICKS = [f"guest{i}" for i in range(PEOPLE)]


class Party:
    """Everybody together."""

    def __init__(self, port: int) -> None:
        self.guests = [Guest(port, nick) for nick in NICKS]
        self._words = (f"line {i}" for i in count())

    def talk(self) -> None:
        """Each says something, and everybody reads it."""
        for guest in self.guests:
            guest.says(next(self._words))
        for guest in self.guests * 2:  # first what all have said, then what all have read
            guest.settle()

    def on(self, node: str) -> list[Guest]:
        return [guest for guest in self.guests if guest.node == node]

    def judge(self, after: str) -> None:
        """Raises Wrong."""
        said = [words for guest in self.guests for words in guest.said]
        for guest in self.guests:
            if missing := guest.missing(said):
                raise Wrong(f"after {after}, {guest.nick} hasn't read once: {missing[:5]}")
            if untrue := guest.untrue():
                raise Wrong(f"after {after}, {guest.nick} was told: {untrue[:5]}")


def opened(stack: Stack) -> None:
    """Returns when all nodes get people, and somebody has come in."""
    await_fact(lambda: stack.ups() >= len(stack.nodes()) > 1, 90)
    await_fact(lambda: _comes_in(stack.line), 90)


def weekend(stack: Stack, *, monitored: bool) -> Iterator[str]:
    """Do it all; a line for each thing that was done. Raises Wrong. `monitored`: whether there are
    images for the profile `monitoring`.
    """
    opened(stack)
    party = Party(stack.line)
    for what, deed in DEEDS.items():
        if deed is _is_watched and not monitored:
            continue
        party.talk()
        began = time.monotonic()
        how = deed(stack, party)
        took = time.monotonic() - began
        party.talk()
        party.judge(what)
        yield f"{what}: {how} ({took:.1f} s)"


def _comes_in(port: int) -> bool:
    with suppress(OSError):
        with Person(port) as person:
            person.settle()
        return True
    return False


def _starts(stack: Stack, party: Party) -> str:
    nodes = {guest.node for guest in party.guests}
    if len(nodes) < 2:
        raise Wrong(f"{PEOPLE} people are all on {nodes}")
    # lines of a log wait a moment for one another
    with Irc(Tcp(stack.irc), "ivy", CHANNEL) as ivy:
        party.guests[0].says("hello, IRC")
        ivy.until(lambda line: line.endswith(f" PRIVMSG {CHANNEL} :hello, IRC"))
    for guest in party.guests:
        guest.settle()
    addresses, gateways = await_fact(stack.addresses, 30), stack.gateways()
    if not addresses <= gateways:
        raise Wrong(f"people come from {gateways}, and nodes say: {addresses}")
    return f"{PEOPLE} people on {len(nodes)} nodes, and one on IRC, known by where they come from"


def _are_visited(stack: Stack, party: Party) -> str:
    comers = {f"visitor{i}": f"hello from {i}" for i in range(2)}
    addresses = set(stack.visit(comers))
    for guest in party.guests:
        guest.settle()
        if missing := guest.missing([*comers.values()]):
            raise Wrong(f"{guest.nick} hasn't read: {missing}")
    if len(addresses) < len(comers):
        raise Wrong(f"{len(comers)} people came from {addresses}")
    # lines of a log wait a moment for one another
    await_fact(lambda: addresses <= stack.addresses(), 30)
    return f"two people from {' and '.join(sorted(addresses))}, which nodes know them by"


def _is_watched(stack: Stack, party: Party) -> str:
    stack.compose("--profile", "monitoring", "up", "-d", "--no-build")
    watching = Watching(stack)
    jobs = await_fact(watching.jobs, 60)
    rules = watching.rules()
    if not await_fact(watching.redis_is_read, 60):
        raise Wrong("the exporter doesn't come to Redis")
    if ills := watching.ills_of_grafana():
        raise Wrong(f"Grafana would find: {ills}")
    stack.compose("--profile", "monitoring", "rm", "--stop", "--force", *WATCHERS)
    asked = ", ".join(f"{count} of {job}" for job, count in sorted(jobs.items()))
    return f"Prometheus asks {asked}, and has {rules} rules; Grafana's files are there"


def _grows(stack: Stack, party: Party) -> str:
    before = set(stack.nodes())
    stack.scale(5)
    began = time.monotonic()

    def is_found() -> bool:
        time.sleep(LOOK)
        with suppress(ConnectionError), Person(stack.line) as person:
            container = stack.container(person.node)
            return not any(each.startswith(container) for each in before)
        return False

    await_fact(is_found, 60)
    return f"a new node gets people {time.monotonic() - began:.1f} s after it was started"


def _shrinks(stack: Stack, party: Party) -> str:
    stack.scale(2)
    moved = _come_back_who_must(party)
    return f"{moved} of {PEOPLE} were drained and came back"


def _stands_still(stack: Stack, party: Party) -> str:
    container = stack.container(party.guests[0].node)
    there = party.on(party.guests[0].node)
    stack.docker("pause", container)
    began = time.monotonic()
    try:
        there[0].is_cut_off()
        took = time.monotonic() - began
        for guest in there:
            guest.come_back()
    finally:
        stack.docker("unpause", container)
    return f"its people were cut off after {took:.1f} s and came back"


def _dies(stack: Stack, party: Party) -> str:
    node = party.guests[-1].node
    there = party.on(node)
    stack.docker("kill", stack.container(node))
    for guest in there:
        guest.come_back()
    stack.docker("start", stack.container(node))
    return f"{len(there)} people came back"


def _redis_restarts(stack: Stack, party: Party) -> str:
    stack.compose("restart", "redis")
    began = time.monotonic()
    for guest in party.guests:
        guest.reads("notice: the broker is back")
    return f"people read that it's back {time.monotonic() - began:.1f} s after it was started"


def _is_replaced(stack: Stack, party: Party) -> str:
    for container in stack.nodes():
        stack.docker("restart", "--time", "45", container)
        await_fact(lambda: _comes_in(stack.line), 60)
    moved = _come_back_who_must(party)
    return f"{moved} of {PEOPLE} were drained and came back"


def _come_back_who_must(party: Party) -> int:
    """How many had been cut off."""
    moved = 0
    for guest in party.guests:
        before = guest.comings
        guest.settle()
        moved += guest.comings > before
    return moved


DEEDS: dict[str, Callable[[Stack, Party], str]] = {
    "up": _starts,
    "people from elsewhere": _are_visited,
    "the profile `monitoring`": _is_watched,
    "from 3 to 5 nodes": _grows,
    "from 5 to 2 nodes": _shrinks,
    "a node stands still": _stands_still,
    "a node is killed": _dies,
    "Redis is restarted": _redis_restarts,
    "all nodes are restarted, one after another": _is_replaced,
}
