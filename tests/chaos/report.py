"""What a run came to: a table of figures, one of times by fault, and what went wrong."""

from collections import Counter, defaultdict
from statistics import median

from tests.chaos.checker import Finding, excerpt
from tests.chaos.lines import Kind
from tests.chaos.record import Begun, Came, Record, Struck, shown
from tests.chaos.story import FOREVER, Fate, Harm, Story, Visit

FIGURES = {
    "lost": "nothing acknowledged is missing",
    "done, and not in Redis": "nothing done is lost",
    "shown though refused": "nothing refused is shown",
    "doubled": "exactly once",
    "private, lost or doubled": "private messages once",
    "reordered": "one order per channel",
    "out of their sender's order": "each sender's own order",
    "nicks with two holders": "one holder per nick",
    "old mail": "no old mail",
    "joins without an end": "every join has its end",
    "ghosts": "no ghosts",
    "rules told differently": "rules are the same for all",
    "statuses that didn't hold": "a status holds until it's said otherwise",
    "differences by the doctor": "the doctor agrees",
    "gaps told wrongly": "no gap without a loss",
    "sessions not kept": "kept sessions are kept",
    "resumes that others saw": "others see nothing of a resume",
    "drained without a token": "who is drained gets a token",
    "unanswered": "everything is answered",
    "thrown out": "nobody is thrown out",
}
"""What each rule's findings are counted as."""

SHOWN = 5
"""How many findings are shown in full."""


class Report:
    """The figures of some runs together."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._noticed: dict[str, list[float]] = defaultdict(list)
        self._recovered: dict[str, list[float]] = defaultdict(list)
        self._struck: Counter[str] = Counter()

    def add(self, record: Record, findings: list[Finding]) -> None:
        """One more run."""
        story = Story(record)
        self._counts["runs"] += 1
        self._counts["faults"] += len(story.harms)
        self._counts["connections"] += sum(isinstance(moment, Came) for moment in record)
        self._counts["of those by the IRC door"] += sum(
            isinstance(moment, Came) and moment.door == "irc" for moment in record
        )
        ruled = (
            line.place
            for visit in story.visits.values()
            for _, line in visit.reads
            if line.kind in (Kind.KICKED, Kind.RULED)
        )
        self._counts["kicks, and changes of rules"] += len(set(ruled))
        self._counts["taken up again"] += sum(visit.left >= 0 for visit in story.visits.values())
        fates = Counter(deed.fate for deed in story.deeds.values())
        self._counts["messages sent"] += len(story.deeds)
        self._counts["acknowledged"] += fates[Fate.ACCEPTED]
        self._counts["refused"] += fates[Fate.REFUSED]
        self._counts["never known"] += fates[Fate.OPEN]
        self._counts["delivered"] += sum(len(visit.heard) for visit in story.visits.values())
        for finding in findings:
            self._counts[finding.rule] += 1
        for harm in story.harms:
            self._struck[harm.struck.fault] += 1
            if not _alone(story, harm):
                continue
            for times, seconds in (
                (self._noticed, _noticed(story, harm)),
                (self._recovered, _recovered(story, harm)),
            ):
                if seconds is not None:
                    times[harm.struck.fault].append(seconds)

    def text(self) -> str:
        """All of it, as tables of Markdown. Times: the median, and the worst, of those faults that
        struck alone.
        """
        counted = (
            *("runs", "faults", "connections", "of those by the IRC door", "taken up again"),
            *("kicks, and changes of rules", "messages sent", "acknowledged", "refused"),
            *("never known", "delivered"),
        )
        rows = [f"| {name} | {self._counts[name]:,} |" for name in counted]
        rows += [f"| {name} | {self._counts[rule]:,} |" for name, rule in FIGURES.items()]
        times = [
            f"| {fault} | {many} | {_span(self._noticed[fault])} |"
            f" {_span(self._recovered[fault])} |"
            for fault, many in sorted(self._struck.items())
        ]
        return "\n".join(
            [
                *("", "| what | how many |", "| --- | ---: |", *rows, ""),
                "| fault | times | noticed, s | recovered, s |",
                *("| --- | ---: | ---: | ---: |", *times),
            ]
        )


def _span(times: list[float]) -> str:
    return f"{median(times):.1f}, {max(times):.1f}" if times else "-"


def _alone(story: Story, harm: Harm) -> bool:
    """Whether nothing else was wrong at the time."""
    return not any(
        other is not harm and other.since < harm.until and harm.since < other.until
        for other in story.harms
    )


def _concerned(story: Story, harm: Harm) -> list[Visit]:
    """The visits to the nodes of a fault, as it struck."""
    return [
        visit
        for visit in story.visits.values()
        if visit.node_at(harm.since) in harm.struck.on and visit.came < harm.since < visit.went
    ]


def _noticed(story: Story, harm: Harm) -> float | None:
    """Seconds until the first of those concerned read of it, or lost their connection."""
    times: list[float] = []
    for visit in _concerned(story, harm):
        lost = [end.at for end in visit.ends if end.at > harm.since and end.by == "server"]
        times += map(story.seconds, lost[:1])
        for at, line in visit.reads:
            if at > harm.since and line.kind in (Kind.NOTICE, Kind.ERROR, Kind.CLOSING, Kind.GAP):
                if line.kind is Kind.ERROR and "broker" not in line.text:
                    continue
                times.append(story.seconds(at))
                break
    told = [seconds - harm.struck.at for seconds in times]
    end = story.seconds(harm.until) if harm.until < FOREVER else harm.struck.at
    within = [seconds for seconds in told if seconds <= end - harm.struck.at + 4.0]
    return min(within) if within else None


def _recovered(story: Story, harm: Harm) -> float | None:
    """Seconds until the last of those concerned was heard again, or somebody in their stead.

    Since the end of the fault, or since its beginning if it heals by itself.
    """
    since = harm.since if harm.struck.heals or harm.until == FOREVER else harm.until
    start = story.seconds(since)
    proved = []
    for person in {visit.name.partition("/")[0] for visit in _concerned(story, harm)}:
        accepted = [
            deed.settled
            for deed in story.deeds.values()
            if deed.visit.name.startswith(f"{person}/")
            and deed.fate is Fate.ACCEPTED
            and deed.sent > since
        ]
        if accepted:
            proved.append(story.seconds(min(accepted)) - start)
    return max(proved) if proved else None


def failure(record: Record, findings: list[Finding]) -> str:
    """What went wrong: the seed, what was done to the cluster, and the moments that show it."""
    begun = record[0]
    assert isinstance(begun, Begun)
    lines = ["", f"WRONG: {len(findings)} findings with seed {begun.seed}", "", "faults:"]
    lines += [f"  {shown(moment)}" for moment in record if isinstance(moment, Struck)]
    seen: Counter[str] = Counter()
    for finding in findings:
        seen[finding.rule] += 1
        if seen[finding.rule] <= SHOWN:
            lines += ["", f"{finding.rule}: {finding.text}"]
            lines += [f"  {line}" for line in excerpt(record, finding).splitlines()]
    lines += ["", *(f"{rule}: {many}" for rule, many in seen.items())]
    return "\n".join(lines)
