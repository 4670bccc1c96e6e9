"""The judge of a run: a table of rules, each a small function of the story, each pure.

    record ──> Story ──> RULES ──> Findings, each with the moments that show it

A rule speaks only of what is certain from what people typed and read. Where the record leaves
open what happened (a command under way when its node died, say), it demands nothing. What is
demanded is in docs/architecture.md, "What is promised".
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import NamedTuple

from tests.chaos.lines import TOLD_IN_CHANNELS, Kind, Line, author, changes, count, mark, signs
from tests.chaos.record import Examined, Record, shown
from tests.chaos.story import FOREVER, LATE, UNSEEN, Called, Deed, Fate, Story, Visit

LOBBY = "#lobby"
"""Its people come silently, so nobody can know who is there but by asking."""

STUCK = 45.0
"""Seconds within which a ping is answered, whatever happens: 30 of patience, and some."""

SPREADING = 10.0
"""Seconds within which a quit or a nick change has come to all its channels."""


class Finding(NamedTuple):
    """Something that must not be. `moments`: the indices that show it."""

    rule: str
    text: str
    moments: tuple[int, ...]


Told = Iterator[tuple[str, tuple[int, ...]]]
"""What rules yield: a text, and moments."""


def check(record: Record) -> list[Finding]:
    """All that is wrong with a run."""
    story = Story(record)
    return [
        Finding(name, text, moments)
        for name, rule in RULES.items()
        for text, moments in rule(story)
    ]


def excerpt(record: Record, finding: Finding) -> str:
    """The moments that show a finding, and the faults that were on, as lines."""
    return "\n".join(shown(record[index]) for index in sorted(set(finding.moments)))


# -- channels


def one_order(story: Story) -> Told:
    """All who read a channel read the same events, in the same order (I2)."""
    yield from _same_at_each_place(story)
    yield from _places_grow(story)
    yield from _no_circle(story)


def _same_at_each_place(story: Story) -> Told:
    first: dict[tuple[str, tuple[str, int]], tuple[int, str]] = {}
    for visit in story.visits.values():
        for at, line in visit.reads:
            if line.place is None:
                continue
            # an inbox and a channel never share an epoch
            seen = first.setdefault(("", line.place), (at, line.body))
            if seen[1] != line.body:
                yield f"two events stand at {line.place}", (seen[0], at)


def _places_grow(story: Story) -> Told:
    for visit in story.visits.values():
        last: dict[str, tuple[int, int]] = {}
        for at, line in visit.reads:
            if line.place is None:
                continue
            epoch, seq = line.place
            before = last.get(epoch)
            if before is not None and seq < before[0]:
                yield f"{visit.name} read {seq} after {before[0]}", (before[1], at)
            last[epoch] = (seq, at)


def _no_circle(story: Story) -> Told:
    """Whatever the places say: what was said stands in one order for all."""
    channels: dict[str, TopologicalSorter[str]] = defaultdict(TopologicalSorter)
    for visit in story.visits.values():
        last: dict[str, str] = {}
        seen: set[str] = set()
        for _, line in visit.reads:
            words = mark(line.text) if line.kind is Kind.SAID else ""
            if not words or words in seen:
                continue
            seen.add(words)
            if line.channel in last:
                channels[line.channel].add(words, last[line.channel])
            last[line.channel] = words
    for channel, order in channels.items():
        try:
            order.prepare()
        except CycleError as e:
            circle = e.args[1]
            moments = tuple(
                visit.heard[words]
                for visit in story.visits.values()
                for words in circle
                if words in visit.heard and _disagrees(visit, circle)
            )
            yield f"{channel} was read in different orders: {' '.join(circle[:4])}", moments[:8]


def _disagrees(visit: Visit, circle: list[str]) -> bool:
    """Whether a visit read two neighbours of the circle."""
    return any(one in visit.heard and other in visit.heard for one, other in pairwise(circle))


def exactly_once(story: Story) -> Told:
    """Nobody reads an event of a channel twice, and none stands in its log twice (I3, I4).

    A quit doesn't tell its channel: if it's the first of a log that they read, they can't say that
    they have read it, when they take their session up again.
    """
    stands: dict[tuple[str, str], tuple[int, int]] = {}
    for visit in story.visits.values():
        places: dict[tuple[str, int], int] = {}
        words_read: dict[str, int] = {}
        logs: set[str] = set()  # of which they know whose they are
        unsaid: set[tuple[str, int]] = set()
        for at, line in visit.reads:
            if line.kind is Kind.RESUMED:
                places = {place: at for place, at in places.items() if place not in unsaid}
            if line.kind not in TOLD_IN_CHANNELS:
                continue
            if line.place is not None:
                if line.channel:
                    logs.add(line.place[0])
                elif line.place[0] not in logs:
                    unsaid.add(line.place)
                if line.place in places:
                    yield f"{visit.name} read {line.body!r} twice", (places[line.place], at)
                    continue
                places[line.place] = at
            words = mark(line.text) if line.kind is Kind.SAID else ""
            if not words:
                continue
            if words in words_read:
                yield f"{visit.name} read {words} twice", (words_read[words], at)
                continue
            words_read[words] = at
            if line.place is not None:
                epoch, seq = line.place
                other = stands.setdefault((words, epoch), (seq, at))
                if other[0] != seq:
                    yield f"{words} stands twice in the log of {line.channel}", (other[1], at)


def nothing_missing(story: Story) -> Told:
    """What was answered as done is read by everyone who was there (I3, I4).

    By the pong that follows it at the latest; and nobody skips what others read. What only its echo
    had answered when everything but a replica was lost may be gone for those who hadn't read it.
    """
    told: set[tuple[str, str]] = set()
    for deed in _accepted(story, private=False):
        channel = deed.channel
        for visit in story.visits.values():
            stay = visit.stay_at(channel, deed.sent)
            barrier = visit.barrier_after(deed.settled)
            if stay is None or barrier is None or barrier.passed > stay.until:
                continue
            read = visit.heard.get(deed.words, FOREVER)
            if read < barrier.passed:
                continue
            if visit.was_told_of_a_gap(channel, deed.sent, barrier.passed):
                continue
            if deed.answered == FOREVER and _all_lost(story, deed.sent, barrier.passed):
                continue
            told.add((visit.name, deed.words))
            how = "never read" if read == FOREVER else "read only after its pong"
            yield (
                f"{visit.name} {how} {deed.words} of {channel}",
                (stay.since, deed.sent, deed.settled, *barrier),
            )
    yield from _no_hole(story, told)


def _all_lost(story: Story, since: int, until: int) -> bool:
    """Whether Redis and all nodes were lost meanwhile."""
    return any(
        harm.struck.loses and harm.struck.ends and since < harm.since < until
        for harm in story.harms
    )


def _no_hole(story: Story, told: set[tuple[str, str]]) -> Told:
    """Between two events that a visit read, it read all that others read there."""
    known: dict[str, dict[int, tuple[int, Line]]] = defaultdict(dict)
    for visit in story.visits.values():
        for at, line in visit.reads:
            if line.place is not None and line.kind is Kind.SAID:
                known[line.place[0]].setdefault(line.place[1], (at, line))
    for visit in story.visits.values():
        last: dict[str, tuple[int, int]] = {}
        for at, line in visit.reads:
            if line.place is None or line.kind not in (Kind.SAID, Kind.JOINED, Kind.LEFT):
                continue
            epoch, seq = line.place
            before, last[epoch] = last.get(epoch), (seq, at)
            if before is None or epoch not in known:
                continue
            if not any(stay.since < before[1] and at < stay.until for stay in visit.stays
                       if stay.channel == line.channel):  # fmt: skip
                continue
            for missing in range(before[0] + 1, seq):
                found = known[epoch].get(missing)
                words = mark(found[1].text) if found is not None else ""
                if found is None or words in visit.heard or (visit.name, words) in told:
                    continue
                if visit.was_told_of_a_gap(line.channel, before[1], at):
                    continue
                yield f"{visit.name} skipped {found[1].body[:60]!r}", (before[1], found[0], at)


def nothing_done_is_lost(story: Story) -> Told:
    """What was answered as done is in Redis at the end (I4).

    Unless that lost its data since. If a replica has to have what is answered, even then. A channel
    of invited people takes what was said there along when the last one leaves.
    """
    if story.examined == FOREVER:
        return
    last = story.record[story.examined]
    assert isinstance(last, Examined)
    losses = [harm.until for harm in story.harms if harm.struck.loses]
    private = _invited_only(story)
    for deed in _accepted(story, private=False):
        if deed.channel in private:
            continue
        if deed.answered == FOREVER or deed.words in last.kept:
            continue
        if story.replicated or not any(deed.sent < until for until in losses):
            yield f"{deed.words} isn't in the log of {deed.channel}", (deed.sent, deed.answered)


def _invited_only(story: Story) -> set[str]:
    """The channels that were so for a time."""
    return {
        line.channel
        for visit in story.visits.values()
        for _, line in visit.reads
        if line.kind is Kind.RULED and "+i" in line.text
    }


def nothing_refused_is_shown(story: Story) -> Told:
    """What was answered with a plain error is read by nobody (I4)."""
    for deed in story.deeds.values():
        if deed.fate is not Fate.REFUSED:
            continue
        for visit in story.visits.values():
            if deed.words in visit.heard:
                yield (
                    f"{deed.words} was refused, and {visit.name} read it",
                    (deed.sent, deed.settled, visit.heard[deed.words]),
                )
                break


def senders_order(story: Story) -> Told:
    """Whoever reads what somebody said in a channel, or told them, reads it in their order."""
    for visit in story.visits.values():
        last: dict[tuple[str, str], tuple[int, int]] = {}
        seen: set[str] = set()
        for at, line in visit.reads:
            words = mark(line.text) if line.kind in (Kind.SAID, Kind.TOLD) else ""
            if not words or words in seen:
                continue
            seen.add(words)
            key = (author(words), line.channel)
            before = last.get(key)
            if before is not None and count(words) < before[0]:
                yield (
                    f"{visit.name} read {words} after {author(words)}.{before[0]}",
                    (before[1], at),
                )
            last[key] = (count(words), at)


# -- nicks and private messages


class _Proof(NamedTuple):
    """Somebody held a nick at some moment between `since` and `until`: they were granted it, or
    were heard under it.
    """

    since: int
    until: int
    visit: Visit


def one_holder(story: Story) -> Told:
    """A nick has one holder (I1): nobody proves to have it while another surely has."""
    proofs: dict[str, list[_Proof]] = defaultdict(list)
    for visit in story.visits.values():
        for called in visit.called:
            if called.since < FOREVER:
                proofs[called.nick.lower()].append(_Proof(called.asked, called.since, visit))
        for at, line in visit.reads:
            deed = story.deeds.get(mark(line.text)) if line.kind is Kind.SAID else None
            if deed is not None and deed.visit is visit:
                proofs[line.nick.lower()].append(_Proof(deed.sent, at, visit))
    for nick, some in proofs.items():
        yield from _usurped(nick, sorted(some, key=lambda proof: proof.since))


def _usurped(nick: str, proofs: list[_Proof]) -> Told:
    last: dict[str, _Proof] = {}
    for proof in proofs:
        before = last.get(proof.visit.name)
        last[proof.visit.name] = proof
        if before is None or _interrupted(proof.visit, nick, before.until, proof.since):
            continue
        for other in proofs:
            if other.visit is not proof.visit and (
                before.until < other.since and other.until < proof.since
            ):
                yield (
                    f"{other.visit.name} had {nick} while {proof.visit.name} held it",
                    (before.until, other.until, proof.until),
                )
                return


def _interrupted(visit: Visit, nick: str, since: int, until: int) -> bool:
    """Whether a visit knew of a time without the nick."""
    changed = any(since < called.since <= until for called in visit.called)
    return changed or any(since < cut <= until for cut in visit.cuts)


def private_once(story: Story) -> Told:
    """A private message is read once, by one person (I3)."""
    readers: dict[str, list[tuple[Visit, int]]] = defaultdict(list)
    for visit in story.visits.values():
        for at, line in visit.reads:
            if line.kind is Kind.TOLD and (words := mark(line.text)):
                readers[words].append((visit, at))
    for words, some in readers.items():
        if len(some) > 1:
            yield f"{words} was read {len(some)} times", tuple(at for _, at in some)
    for deed in _accepted(story, private=True):
        if deed.words in readers:
            continue
        holders = [visit for visit in story.visits.values() if _may_be(visit, deed)]
        if len(holders) != 1 or not _is(holders[0], deed):
            continue
        holder = holders[0]
        if deed.words in holder.heard:
            continue  # as history, when they took their session up again
        barrier = holder.barrier_after(deed.settled)
        if barrier is None or holder.was_told_of_a_gap("private", deed.sent, barrier.passed):
            continue
        yield (
            f"{holder.name} never read {deed.words}",
            (deed.sent, deed.settled, *barrier),
        )


def _may_be(visit: Visit, deed: Deed) -> bool:
    """Whether a visit may have held the nick that a message was sent to, at some time of it."""
    nick = deed.command.about.lower()
    if visit.came > deed.settled or visit.went < deed.sent:
        return False
    return any(
        time.nick.lower() == nick and time.asked < deed.settled and deed.sent < time.until
        for time in visit.called
    )


def _is(visit: Visit, deed: Deed) -> bool:
    """Whether a visit surely held it all the time."""
    nick = deed.command.about.lower()
    if any(deed.sent < cut for cut in visit.cuts) or any(
        time.asked < deed.settled and deed.sent < min(time.since, time.until)
        for time in visit.called
    ):
        return False  # they were asking for another meanwhile, or had lost it
    return any(
        called.nick.lower() == nick and called.since < deed.sent and deed.settled < called.until
        for called in visit.called
    )


def no_old_mail(story: Story) -> Told:
    """Who takes a nick reads nothing that was sent to it before; nobody reads others' mail."""
    for visit in story.visits.values():
        for at, line in visit.reads:
            deed = story.deeds.get(mark(line.text)) if line.kind is Kind.TOLD else None
            if deed is None:
                continue
            nick = deed.command.about.lower()
            asked = [time.asked for time in visit.called if time.nick.lower() == nick]
            if not asked:
                yield f"{visit.name} read {deed.words}, and never was {nick}", (deed.sent, at)
            elif min(asked) > deed.settled:
                yield (
                    f"{visit.name} read {deed.words}, which was sent before they were {nick}",
                    (deed.sent, deed.settled, min(asked), at),
                )


# -- comings and goings


def every_join_has_its_end(story: Story) -> Told:
    """Who watches a channel reads of everyone who comes, once, and that they go, once.

    At the end those who came and didn't go are those who are there. Whoever was told of a gap
    can't know.
    """
    real = _rosters(story)
    for visit in story.visits.values():
        watch = _Watch(visit, story)
        for at, line in visit.reads:
            if at > story.quiet:
                break
            wrong = watch.reads(at, line)
            if wrong is not None:
                yield f"{visit.name}: {wrong[0]}", (wrong[1], at)
        if not visit.here:
            continue
        for channel, seen in watch.company.items():
            if channel not in real or channel not in visit.standing.certain:
                continue
            asked, there = real[channel]
            for nick in seen.keys() - there - watch.in_doubt(channel):
                yield (
                    f"{visit.name} never read that {nick} left {channel}",
                    (seen[nick], asked),
                )
            if _came_after_a_loss(story, visit, channel):
                continue  # others were put back since, without a word
            for nick in there - seen.keys() - watch.in_doubt(channel):
                yield f"{visit.name} never read that {nick} came into {channel}", (asked,)


def _came_after_a_loss(story: Story, visit: Visit, channel: str) -> bool:
    """Whether a visit came into a channel while Redis may not have been told yet who is there."""
    since = [story.seconds(stay.since) for stay in visit.stays if stay.channel == channel]
    losses = [harm.struck.at for harm in story.harms if harm.struck.loses]
    return any(0 < at - loss < SPREADING for at in since for loss in losses)


class _Watch:
    """Whom a visit believes in the channels that they're in: nick -> since when.

    Between channels there is no order: a nick change may be read through one channel before
    what the same person did in another. Nicks of which a quit or a change was read less than
    `SPREADING` before another channel's list had them are `doubtful`: the list may be from before
    it, or from after.
    """

    def __init__(self, visit: Visit, story: Story) -> None:
        self.company: dict[str, dict[str, int]] = {}
        self._doubtful: set[tuple[str, str]] = set()  # channel (empty: any) and nick
        self._visit = visit
        self._seconds = story.seconds
        self._renamed: dict[str, str] = {}
        self._changed: dict[str, int] = {}  # nick -> when a quit or a change of it was read
        self._entering = ""
        self._missed = False

    def reads(self, at: int, line: Line) -> tuple[str, int] | None:
        """What is wrong with a line: a text, and the moment that it contradicts."""
        nick, channel = line.nick, line.channel
        company = self.company
        if self._missed and line.kind in (Kind.JOINED, Kind.LEFT, Kind.RENAMED, Kind.QUIT):
            self._doubtful |= {("", nick), ("", line.text)}  # it comes channel by channel
        match line.kind:
            case Kind.JOINED if channel != LOBBY:
                if self._enters(at, channel):
                    company[channel] = {nick: at}
                    self._entering = channel
                elif (
                    nick in company.get(channel, {})
                    and nick != self._own(at)
                    and nick not in self.in_doubt(channel)
                ):
                    return f"{nick} came into {channel} twice", company[channel][nick]
                elif channel in company:
                    company[channel][nick] = at
                    if not self._missed:
                        self._doubtful.discard((channel, nick))
            case Kind.NAMES if channel == self._entering:
                for each in line.text.split():
                    company[channel].setdefault(each, at)
                self._doubt(at, channel, line.text.split())
            case Kind.PONG:
                self._entering = ""
                self._missed = False
            case Kind.RESUMED:
                self._missed = True
            case Kind.LEFT if channel in company:
                if nick == self._own(at) and self._visit.stay_at(channel, at) is None:
                    del company[channel]  # they have asked to leave
                    return None
                company[channel].pop(self._by_now(nick, company[channel]), None)
            case Kind.KICKED if channel in company:
                if line.text == self._own(at) or self._visit.stay_at(channel, at) is None:
                    del company[channel]
                    return None
                company[channel].pop(self._by_now(line.text, company[channel]), None)
            case Kind.RENAMED | Kind.QUIT if nick == self._own(at):
                pass  # they are cut off, and somebody else has their nick by now
            case Kind.RENAMED:
                self._renamed[nick] = line.text
                self._changed[nick] = self._changed[line.text] = at
                self._doubtful |= {
                    (where, line.text) for where, who in self._doubtful if who == nick
                }
                for some in company.values():
                    if nick in some:
                        some[line.text] = some.pop(nick)
            case Kind.QUIT:
                self._changed[nick] = at
                here = [some for some in company.values() if nick in some]
                for some in here:
                    del some[nick]
            case Kind.GAP:
                self.company = {}
            case Kind.NOTICE if "taken your nick" in line.text:
                self.company = {}  # their own quit isn't shown to them
            case _:
                pass
        return None

    def _doubt(self, at: int, channel: str, nicks: list[str]) -> None:
        for nick in nicks:
            changed = self._changed.get(nick)
            if changed is not None and self._seconds(at) - self._seconds(changed) < SPREADING:
                self._doubtful |= {(channel, nick), (channel, self._renamed.get(nick, nick))}

    def in_doubt(self, channel: str) -> set[str]:
        """The nicks of which they can't know whether they're in a channel."""
        return {nick for where, nick in self._doubtful if where in ("", channel)}

    def _by_now(self, nick: str, here: dict[str, int]) -> str:
        """What somebody is called whose nick change may have been read already."""
        names: list[str] = []
        while nick not in here and nick in self._renamed and nick not in names:
            names.append(nick)
            nick = self._renamed[nick]
        return nick

    def _enters(self, at: int, channel: str) -> bool:
        """Whether a line is the visit's own coming."""
        return _begins(self._visit, channel, at)

    def _own(self, at: int) -> str:
        return self._visit.called_at(at)


def no_ghost(story: Story) -> Told:
    """At the end, lists show those who are there, and nobody else (I5)."""
    here = [visit for visit in story.visits.values() if visit.here]
    if any(not visit.standing.sure for visit in here):
        return
    nicks = {visit.standing.nick for visit in here}
    kept = {visit.standing.nick for visit in story.visits.values() if _may_be_kept(story, visit)}
    for channel, (asked, there) in _rosters(story).items():
        certain = {v.standing.nick for v in here if channel in v.standing.certain}
        possible = certain | {v.standing.nick for v in here if channel in v.standing.unsure}
        for ghost in there - possible - kept:
            yield f"{ghost} is in {channel}, and isn't there", (asked,)
        for lost in certain - there:
            yield f"{lost} is in {channel}, and isn't on its list", (asked,)
    for asked, listed in _everyones(story):
        for ghost in listed - nicks - kept:
            yield f"{ghost} is listed, and isn't there", (asked,)
        for lost in nicks - listed:
            yield f"{lost} is there, and isn't listed", (asked,)


def _may_be_kept(story: Story, visit: Visit) -> bool:
    """Whether somebody is gone, and their session may be waiting for them."""
    if visit.here or story.quiet == FOREVER:
        return False
    if visit.quits and not _is_undone(story, visit.went):
        return False
    # who hangs up as they are sent away doesn't read the token that they're given
    drained = any(
        harm.struck.drains and visit.node in harm.struck.on and harm.since < visit.went < harm.until
        for harm in story.harms
    )
    if not visit.token and not drained:
        return False
    return story.seconds(story.quiet) - story.seconds(visit.went) < KEPT + LATE


def _is_undone(story: Story, index: int) -> bool:
    """Whether what was done at a moment may be undone: Redis and all nodes were lost just then, and
    whoever took over had not heard of it.
    """
    return any(
        harm.struck.loses and harm.struck.ends
        and 0 < harm.struck.at - story.seconds(index) < UNSEEN
        for harm in story.harms
    )  # fmt: skip


def _rosters(story: Story) -> dict[str, tuple[int, set[str]]]:
    """The last answer to `/names` for each channel, after all was quiet; and when it came."""
    found: dict[str, tuple[int, set[str]]] = {}
    for visit in story.visits.values():
        for at, line in visit.reads:
            if line.kind is Kind.NAMES and at > story.quiet:
                nicks = set() if line.text == "nobody" else set(line.text.split())
                before = found.get(line.channel, (at, set[str]()))[1]
                found[line.channel] = (at, before | nicks)
    return found


def _everyones(story: Story) -> Iterator[tuple[int, set[str]]]:
    """The answers to `/who`, after all was quiet."""
    for visit in story.visits.values():
        listed: set[str] = set()
        for at, line in visit.reads:
            if at < story.quiet:
                continue
            if line.kind is Kind.WHO:
                listed |= set(line.text.split())
            elif line.kind is Kind.PONG and listed:
                yield at, listed
                listed = set()


def rules_are_one(story: Story) -> Told:
    """At the end all nodes tell the same of a channel's modes, and of its people's statuses."""
    told: dict[tuple[Kind, str, str], tuple[int, str]] = {}
    for visit in story.visits.values():
        for at, line in visit.reads:
            if at < story.quiet or line.kind not in (Kind.MODES, Kind.NAMES):
                continue
            about = {"": line.text} if line.kind is Kind.MODES else signs(line)
            for nick, is_so in about.items():
                first = told.setdefault((line.kind, line.channel, nick), (at, is_so))
                if first[1] != is_so:
                    yield f"{nick or 'modes'} in {line.channel}: {first[1]!r} and {is_so!r}", (
                        first[0],
                        at,
                    )  # fmt: skip


def status_holds(story: Story) -> Told:
    """Who is made an operator is one at the end, and who is made none isn't; unless they left or
    were cut off meanwhile, or Redis lost data since.
    """
    last: dict[str, tuple[int, dict[str, str]]] = {}
    for visit in story.visits.values():
        for at, line in visit.reads:
            if line.kind is Kind.NAMES and at > story.quiet:
                before = last.get(line.channel, (at, dict[str, str]()))[1]
                last[line.channel] = (at, before | signs(line))
    losses = [harm.until for harm in story.harms if harm.struck.loses]
    for visit in story.visits.values():
        if not visit.here:
            continue
        for channel, (at, is_operator) in _made(story, visit).items():
            asked, listed = last.get(channel, (0, {}))
            sign = listed.get(visit.standing.nick)
            lost = any(at < until for until in losses)
            if sign is None or lost or channel not in visit.standing.certain:
                continue
            if (sign == "@") is not is_operator:
                so = "operator" if is_operator else "none"
                yield f"{visit.name} was made {so} of {channel}, and has {sign!r}", (at, asked)


def _made(story: Story, visit: Visit) -> dict[str, tuple[int, bool]]:
    """By channel, when a visit read last that they're an operator, or none any more. None of it is
    known where a change is read in the moment in which their nick changes: it may be about another.
    """
    made: dict[str, tuple[int, bool]] = {}
    for at, line in visit.reads:
        if at > story.quiet:
            break
        match line.kind:
            case Kind.RULED:
                for change, nick in changes(line):
                    if change[1] != "o":
                        continue
                    if any(abs(story.seconds(at) - story.seconds(moment)) < SPREADING
                           for called in visit.called if called.since < FOREVER
                           for moment in (called.asked, called.since)):  # fmt: skip
                        made.pop(line.channel, None)
                    elif nick == visit.called_at(at):
                        made[line.channel] = (at, change[0] == "+")
            case Kind.NOTICE | Kind.GAP | Kind.RESUMED if "broker" not in line.text:
                made.clear()
            case Kind.JOINED | Kind.LEFT | Kind.KICKED:
                if visit.stay_at(line.channel, at) is None or _begins(visit, line.channel, at):
                    made.pop(line.channel, None)
            case _:
                pass
    return made


def _begins(visit: Visit, channel: str, at: int) -> bool:
    return any(stay.channel == channel and stay.since == at for stay in visit.stays)


def the_doctor_agrees(story: Story) -> Told:
    """After quiet, Redis and what the nodes have in memory are the same."""
    if story.examined < FOREVER:
        last = story.record[story.examined]
        assert isinstance(last, Examined)
        for text in last.differs:
            yield text, (story.examined,)


# -- what is said, and what isn't


def no_false_gap(story: Story) -> Told:
    """A gap is told only where Redis lost something (I3)."""
    losses = [harm.since for harm in story.harms if harm.struck.loses]
    for visit in story.visits.values():
        for at, _ in visit.gaps:
            if not any(since < at for since in losses):
                yield f"{visit.name} was told of a gap, and nothing was lost", (at,)


KEPT = 50.0
"""Seconds for which a session is kept at least. (It's 60 in truth.)"""


def sessions_are_kept(story: Story) -> Told:
    """Who has a token takes the session up with it, unless Redis lost everything."""
    for visit in story.visits.values():
        for at in visit.forgotten:
            lost = any(harm.struck.loses and harm.since < at for harm in story.harms)
            gone = min(visit.went, at)
            if not lost and not visit.quits and story.seconds(at) - story.seconds(gone) < KEPT:
                yield f"{visit.name}'s token wasn't known any more", (gone, at)


def a_resume_is_silent(story: Story) -> Told:
    """While somebody is away whose session is kept, and when they are back, others see nothing.

    Looked at for nicks that nobody else ever had in the run.
    """
    holders: dict[str, set[str]] = defaultdict(set)
    for visit in story.visits.values():
        for called in visit.called:
            holders[called.nick.lower()].add(visit.name)
    mine: dict[str, list[tuple[Visit, Called]]] = defaultdict(list)
    for visit in story.visits.values():
        if visit.left < 0 or visit.quits or visit.cuts:
            continue
        for called in visit.called:
            if called.since < FOREVER and len(holders[called.nick.lower()]) == 1:
                mine[called.nick.lower()].append((visit, called))
    for reader in story.visits.values():
        for at, line in reader.reads:
            if line.kind is not Kind.QUIT:
                continue
            for visit, called in mine[line.nick.lower()]:
                gone = min(called.until, visit.went)
                if called.since < at < gone and not _lost_before(story, at):
                    yield f"{reader.name} read that {line.nick} quit, who is back", (gone, at)


def _lost_before(story: Story, index: int) -> bool:
    """Whether Redis had lost something."""
    return any(harm.struck.loses and harm.since < index for harm in story.harms)


LULL = 5.0
"""Seconds after which nothing is left of a fault before."""


def drained_with_a_token(story: Story) -> Told:
    """Whom a node sends away can take their session up again, with what the last line says.

    Nothing is demanded while something else is wrong, too.
    """
    for harm in story.harms:
        if not harm.struck.drains:
            continue
        struck = [other.struck.at for other in story.harms if other is not harm]
        for visit in story.visits.values():
            greeted = any(barrier.passed < harm.since for barrier in visit.barriers[:1])
            resumes = visit.door == "line"
            for end in visit.ends if greeted and resumes and not visit.quits else ():
                at = story.seconds(end.at)
                alone = not any(harm.struck.at - LULL < other <= at for other in struck)
                sent = end.by == "server" and end.node in harm.struck.on
                if sent and harm.since < end.at < harm.until and alone and not end.token:
                    yield f"{visit.name} was sent away without a token", (harm.since, end.at)


def everything_is_answered(story: Story) -> Told:
    """Each line is answered, by its place in the order or an error; nobody waits for ever."""
    end = story.record[-1].at
    for visit in story.visits.values():
        for asked in visit.waits.values():
            if end - story.seconds(asked) > STUCK or (visit.here and story.quiet < FOREVER):
                yield f"{visit.name} got no answer", (asked,)
        for barrier in visit.barriers:
            if story.seconds(barrier.passed) - story.seconds(barrier.asked) > STUCK:
                yield f"{visit.name} waited too long", (barrier.asked, barrier.passed)
        for at in visit.dropped:
            yield f"something of {visit.name}'s was dropped in silence", (at,)


def nobody_is_thrown_out(story: Story) -> Told:
    """A connection ends when its person or its node does, and for no other reason."""
    for visit in story.visits.values():
        if visit.here or visit.by == "them" or visit.quits:
            continue
        ended = any(
            harm.struck.ends and visit.node in harm.struck.on and harm.since < visit.went
            and visit.came < harm.until
            for harm in story.harms
        )  # fmt: skip
        away = any(
            line.kind is Kind.CLOSING and line.text.startswith("the broker is away")
            for _, line in visit.reads[:1]
        )
        if not ended and not away:
            yield f"{visit.name} was thrown out of {visit.node}", (visit.went,)


RULES: dict[str, Callable[[Story], Told]] = {
    "one order per channel": one_order,
    "exactly once": exactly_once,
    "nothing acknowledged is missing": nothing_missing,
    "nothing done is lost": nothing_done_is_lost,
    "nothing refused is shown": nothing_refused_is_shown,
    "each sender's own order": senders_order,
    "one holder per nick": one_holder,
    "private messages once": private_once,
    "no old mail": no_old_mail,
    "every join has its end": every_join_has_its_end,
    "no ghosts": no_ghost,
    "rules are the same for all": rules_are_one,
    "a status holds until it's said otherwise": status_holds,
    "the doctor agrees": the_doctor_agrees,
    "no gap without a loss": no_false_gap,
    "kept sessions are kept": sessions_are_kept,
    "others see nothing of a resume": a_resume_is_silent,
    "who is drained gets a token": drained_with_a_token,
    "everything is answered": everything_is_answered,
    "nobody is thrown out": nobody_is_thrown_out,
}


# -- what rules share


def _accepted(story: Story, *, private: bool) -> Iterator[Deed]:
    """The lines that were answered as done."""
    for deed in story.deeds.values():
        if deed.fate is Fate.ACCEPTED and deed.private is private:
            yield deed
