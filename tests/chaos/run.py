"""A run: people on a stage, faults upon it, and at the end quiet, questions, and the record."""

import json
import random
import time
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from tests.chaos.faults import Fault, Reach
from tests.chaos.lines import Kind, understood
from tests.chaos.people import CHANNELS, Person, Recorder, Visit
from tests.chaos.plan import Step
from tests.chaos.record import Begun, Examined, Heard, Lifted, Quiet, Record, Struck
from tests.chaos.stage import LEASE, Stage, aside, pause
from tests.support.spin import gather, wait

STEADY = 20.0
"""Seconds within which everyone is heard again after a fault. If not, the run goes on, and the
checker judges."""


IRC = 4
"""Each of so many people comes by the IRC door."""


Say = Callable[[str], None]


class Run:
    """One run on one stage. `seed` decides what people do, and where faults strike.

    `hold` tells how long a fault lasts. `say` is told what happens.
    """

    def __init__(
        self,
        stage: Stage,
        seed: str,
        *,
        people: int,
        pace: float,
        hold: Callable[[Fault], float],
        say: Say,
    ) -> None:
        self._stage = stage
        self._rng = random.Random(f"{seed} faults")
        self._hold = hold
        self._say = say
        self._numbers = 0
        self.recorder = Recorder()
        nodes = tuple(stage.names)
        self.recorder.note(Begun(0.0, time.time(), seed, nodes, stage.replicated))
        self.people: list[Person] = []
        for i in range(people):
            name, home = f"p{i}", stage.names[i % len(stage.names)]
            rng = random.Random(f"{seed} {name}")
            door = "irc" if i % IRC == IRC - 1 else "line"
            made = Person(name, door, home, stage, self.recorder, self.people, rng, pace)
            self.people.append(made)

    @property
    def record(self) -> Record:
        """All that has happened so far."""
        return self.recorder.record

    def perform(self, steps: Sequence[Step], until: float | None = None) -> None:
        """All steps, or those begun before the moment `until` (of `time.monotonic`)."""
        lives = [Deferred.fromCoroutine(person.live()) for person in self.people]
        wait(self._everyone_proves(0.0), 60)
        for step in steps:
            if until is not None and time.monotonic() > until:
                break
            wait(self._step(step), 300)
        for person in self.people:
            person.over = True
        wait(_all(lives), 180)
        wait(self._end(), 180)
        self.recorder.over = True

    async def _step(self, step: Step) -> None:
        free = list(self._stage.names)
        self._rng.shuffle(free)
        blows = []
        for delay, fault in step.blows:
            on = list(self._stage.names) if fault.reach is Reach.ALL else [free.pop()]
            blows.append(self._blow(delay, fault, on))
        for outcome in await gather(blows):
            if isinstance(outcome, Exception):
                raise outcome
        lifted = self.recorder.now
        await self._everyone_proves(lifted)
        self._say(f"  recovered after {self.recorder.now - lifted:.1f} s")
        await pause(0.3)

    async def _blow(self, delay: float, fault: Fault, on: list[str]) -> None:
        await pause(delay)
        self._numbers += 1
        number, now = self._numbers, self.recorder.now
        shown = "everyone" if fault.reach is Reach.ALL else " ".join(on)
        self._say(f"{now:7.1f} s  {fault.name}: {shown}")
        self.recorder.note(
            Struck(
                now,
                number,
                fault.name,
                tuple(on),
                fault.loses,
                fault.ends,
                fault.heals,
                fault.drains,
            )
        )
        await fault.strike(self._stage, on)
        if not fault.heals:
            await pause(self._hold(fault))
            await fault.lift(self._stage, on)
        self.recorder.note(Lifted(self.recorder.now, number, fault.name))

    async def _everyone_proves(self, since: float) -> None:
        """Wait until everyone has had a line of their own come back."""
        until = time.monotonic() + STEADY
        while time.monotonic() < until:
            if all(person.proved_at > since for person in self.people):
                return
            await pause(0.05)

    async def _end(self) -> None:
        """Everyone says a last word; when those who are gone are gone, all are asked."""
        await gather(self._come_back(person) for person in self.people)
        visits = [visit for visit in (person.here for person in self.people) if visit is not None]
        words = {person.visit: person.words() for person in self.people}
        await gather(self._last_word(visit, words[visit]) for visit in visits)
        await gather(visit.does() for visit in visits)
        await self._until_listed([visit for visit in visits if visit.open])
        self.recorder.note(Quiet(self.recorder.now))
        for visit in visits:
            if visit.open:
                names = (f"/names {name}" for name in (*CHANNELS, "#lobby"))
                modes = (f"/mode {name}" for name in CHANNELS)
                await visit.does("/who", *names, *modes)
        await self._examine()

    async def _examine(self) -> None:
        """Ask the doctor, and look at what Redis has."""
        done = await self._stage.operate("doctor", "--json")
        try:
            differs = [each["says"] for each in json.loads(done.stdout)["found"]]
        except ValueError:
            differs = [f"the doctor says: {done.stdout}{done.stderr}"]
        if done.returncode and not differs:
            differs = [f"the doctor says {done.returncode}: {done.stderr}"]
        kept = await aside(
            lambda: frozenset[str]().union(*map(self._stage.words, (*CHANNELS, "#lobby")))
        )
        self.recorder.note(Examined(self.recorder.now, tuple(differs), kept))

    async def _come_back(self, person: Person) -> None:
        """Whose session is kept is there still, as far as others can see."""
        until = time.monotonic() + STEADY
        while person.awaited and person.here is None and time.monotonic() < until:
            await person.come()
            await pause(0.2)

    async def _last_word(self, visit: Visit, words: str) -> None:
        """Wait until the broker is there, and speak, so that it's known who is who."""
        until = time.monotonic() + STEADY
        while visit.open and time.monotonic() < until:
            if await visit.does() and not visit.standing.away:
                channels = sorted(visit.standing.certain)
                if not channels or await visit.does(f"/msg {channels[0]} {words}"):
                    return
            await pause(0.1)

    async def _until_listed(self, visits: list[Visit]) -> None:
        """Wait until the dead are gone from the lists, as long as that may take at most. Who was
        put back in a channel after a loss, and is nowhere, is so after two leases.
        """
        until = time.monotonic() + 3 * LEASE + 2.0
        while visits and time.monotonic() < until:
            before = len(self.record)
            await visits[0].does("/who", *(f"/names {name}" for name in (*CHANNELS, "#lobby")))
            heard = [moment.line for moment in self.record[before:] if isinstance(moment, Heard)]
            people = "person" if len(visits) == 1 else "people"
            names = (line for line in map(understood, heard) if line.kind is Kind.NAMES)
            listed = {nick for line in names for nick in line.text.split()} - {"nobody"}
            there = {visit.standing.nick for visit in visits}
            if f"{len(visits)} {people} in all" in heard and listed <= there:
                break
            await pause(0.3)
        await pause(1.1)  # lists may be a second old


async def _all(deferreds: "list[Deferred[None]]") -> None:
    for deferred in deferreds:
        await deferred
