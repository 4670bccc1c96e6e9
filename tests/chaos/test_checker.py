"""The checker of chaos runs: a good record passes; one broken by hand makes its rule speak."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.checker import RULES, check, excerpt
from tests.chaos.lines import marks
from tests.chaos.record import (
    Begun,
    Came,
    Examined,
    Heard,
    Lifted,
    Moment,
    Quiet,
    Record,
    Sent,
    Struck,
    Went,
    load,
    save,
)

TOKEN = "0123456789abcdef" * 3


class Tale:
    """A record that is written by hand. Each moment is a second after the one before."""

    def __init__(self, *, replicated: bool = False) -> None:
        self.record: Record = [Begun(0.0, 0.0, "by hand", ("n1", "n2"), replicated)]
        self.pings = 0
        self.differs: tuple[str, ...] = ()
        self.gone: set[str] = set()
        self.names = ["ann", "bob", "cat"]  # in #red, with their signs
        self.listed = ["ann", "bob", "cat"]  # everybody
        self.modes = {"p1/1": "+n", "p2/1": "+n"}  # as they're told at the end

    @property
    def at(self) -> float:
        return float(len(self.record))

    def note(self, moment: Moment) -> None:
        self.record.append(moment)

    def sends(self, who: str, *lines: str) -> None:
        for line in lines:
            self.note(Sent(self.at, who, line))

    def hears(self, who: str, *lines: str) -> None:
        for line in lines:
            self.note(Heard(self.at, who, line))

    def all_hear(self, *lines: str) -> None:
        for who in ("p1/1", "p2/1", "p3/1"):
            self.hears(who, *lines)

    def settles(self, who: str) -> None:
        self.pings += 1
        self.sends(who, f"/ping {self.pings}")
        self.hears(who, f"pong {self.pings}")

    def all_settle(self, third: str = "p3/1") -> None:
        for who in ("p1/1", "p2/1", third):
            self.settles(who)

    def comes(self, who: str, nick: str, node: str = "n1") -> None:
        self.note(Came(self.at, who, node))
        self.hears(who, f"welcome to chorus; you are guest-{nick}")
        self.sends(who, f"/nick {nick}")
        self.hears(who, f"guest-{nick} is changing nick to {nick}")
        self.settles(who)

    def says(self, who: str, nick: str, words: str, seq: int) -> None:
        """A line in #red that is accepted and shown to all."""
        self.sends(who, f"/msg #red {words}")
        self.all_hear(f"@e.{seq} [#red] <{nick}> {words}")
        self.settles(who)

    def rules(self, changes: str, seq: int) -> None:
        """Ann changes the modes of #red. A while after that: nobody's nick has just changed."""
        self.record += [Lifted(self.at, 0, "nothing")] * 12
        self.all_hear(f"@e.{seq} ann has changed the modes of #red: {changes}")
        self.settles("p1/1")

    def ends(self, third: str = "p3/1") -> Record:
        """Quiet, the questions, and the look past the people."""
        self.all_settle(third)
        self.note(Quiet(self.at))
        self.sends("p1/1", "/who", "/names #red")
        self.hears("p1/1", f"on n1: {' '.join(self.listed)}", "3 people in all")
        self.hears("p1/1", f"in #red ({len(self.names)}): {' '.join(self.names)}")
        for who, modes in self.modes.items():
            self.hears(who, f"the modes of #red are {modes}")
        self.settles("p1/1")
        told = " ".join(each.line for each in self.record if isinstance(each, Heard | Sent))
        self.note(Examined(self.at, self.differs, frozenset(marks(told) - self.gone)))
        return self.record


def beginning(*, replicated: bool = False) -> Tale:
    """Ann, bob and cat are in #red: p1, p2 and p3. The last place in its log is 3."""
    tale = Tale(replicated=replicated)
    there: list[str] = []
    for i, nick in enumerate(("ann", "bob", "cat"), 1):
        who = f"p{i}/1"
        tale.comes(who, nick)
        tale.sends(who, "/join #red")
        for other in [*there, who]:
            tale.hears(other, f"@e.{i} {nick} has joined the channel #red")
        tale.hears(who, f"in #red ({i}): {' '.join(('ann', 'bob', 'cat')[:i])}")
        tale.settles(who)
        there.append(who)
    return tale


def talk(tale: Tale) -> None:
    """What is right about everything that a rule is about."""
    tale.says("p1/1", "ann", "p1.1", 4)
    tale.says("p2/1", "bob", "p2.1", 5)
    tale.sends("p1/1", "/msg cat p1.2")
    tale.hears("p3/1", "@i.1 [private] <ann> p1.2")
    tale.hears("p1/1", "cat is away (busy)")
    tale.settles("p1/1")
    # dan comes, says nothing, and is lost with his node
    tale.comes("p4/1", "dan", "n2")
    tale.sends("p4/1", "/join #red")
    tale.all_hear("@e.6 dan has joined the channel #red")
    tale.hears("p4/1", "@e.6 dan has joined the channel #red", "in #red (4): ann bob cat dan")
    tale.settles("p4/1")
    tale.note(Struck(tale.at, 1, "node killed", ("n2",), ends=True))
    tale.note(Went(tale.at, "p4/1", "server"))
    tale.all_hear("@e.7 dan has quit (connection lost)")
    tale.note(Lifted(tale.at, 1, "node killed"))
    # an outage: what is typed is refused, and then isn't
    tale.hears("p1/1", "notice: the broker is away; you stay connected, but nothing can be done")
    tale.sends("p1/1", "/msg #red p1.3")
    tale.hears("p1/1", "error: the broker is away; that was not done")
    tale.settles("p1/1")
    tale.hears("p1/1", "notice: the broker is back")
    tale.says("p1/1", "ann", "p1.4", 8)


def test_a_good_record_passes() -> None:
    tale = beginning()
    talk(tale)
    assert [] == check(tale.ends())


def swapped(tale: Tale) -> None:
    """Bob reads two lines the other way round, and their places say nothing."""
    tale.sends("p1/1", "/msg #red p1.9")
    tale.sends("p2/1", "/msg #red p2.9")
    for who in ("p1/1", "p3/1"):
        tale.hears(who, "[#red] <ann> p1.9", "[#red] <bob> p2.9")
    tale.hears("p2/1", "[#red] <bob> p2.9", "[#red] <ann> p1.9")


def misplaced(tale: Tale) -> None:
    """Two events have one place."""
    for who, nick in (("p1/1", "eve"), ("p2/1", "fay"), ("p3/1", "eve")):
        tale.hears(who, f"@e.9 {nick} has joined the channel #red", f"@e.10 {nick} has quit")


def backwards(tale: Tale) -> None:
    """Bob reads an earlier place after a later one."""
    tale.hears("p2/1", "@e.10 eve has joined the channel #red")
    tale.hears("p2/1", "@e.9 eve has left the channel #red")


def doubled(tale: Tale) -> None:
    """Cat reads a line again."""
    tale.says("p1/1", "ann", "p1.9", 9)
    tale.hears("p3/1", "@e.9 [#red] <ann> p1.9")


def done_twice(tale: Tale) -> None:
    """A line stands twice in the log."""
    tale.says("p1/1", "ann", "p1.9", 9)
    tale.all_hear("@e.10 [#red] <ann> p1.9")


def lost(tale: Tale) -> None:
    """Cat never reads a line that was answered as done."""
    tale.sends("p1/1", "/msg #red p1.9")
    for who in ("p1/1", "p2/1"):
        tale.hears(who, "@e.9 [#red] <ann> p1.9")
    tale.settles("p1/1")
    tale.settles("p3/1")


def not_even_echoed(tale: Tale) -> None:
    """A line is followed by a pong, and nobody has seen it."""
    tale.sends("p1/1", "/msg #red p1.9")
    tale.settles("p1/1")


def late(tale: Tale) -> None:
    """Cat's pong comes before a line that was accepted before her ping."""
    tale.sends("p1/1", "/msg #red p1.9")
    for who in ("p1/1", "p2/1"):
        tale.hears(who, "@e.9 [#red] <ann> p1.9")
    tale.settles("p3/1")
    tale.hears("p3/1", "@e.9 [#red] <ann> p1.9")


def skipped(tale: Tale) -> None:
    """Nobody knows whether a line was done; but bob read it, and cat read what followed."""
    tale.sends("p1/1", "/msg #red p1.9")
    tale.hears("p1/1", "error: the broker was lost meanwhile; it is not known whether that was")
    tale.settles("p1/1")
    tale.hears("p2/1", "@e.9 [#red] <ann> p1.9")
    tale.says("p2/1", "bob", "p2.9", 10)


def refused(tale: Tale) -> None:
    """Bob reads what ann was told was not done."""
    tale.sends("p1/1", "/msg #red p1.9")
    tale.hears("p1/1", "error: the server can't do that now; it was not done")
    tale.settles("p1/1")
    tale.all_hear("@e.9 [#red] <ann> p1.9")
    tale.record.pop(-3)  # ann doesn't


def out_of_turn(tale: Tale) -> None:
    """Everybody reads ann's second line before her first."""
    tale.sends("p1/1", "/msg #red p1.8", "/msg #red p1.9")
    tale.all_hear("@e.9 [#red] <ann> p1.9", "@e.10 [#red] <ann> p1.8")
    tale.settles("p1/1")


def two_holders(tale: Tale) -> None:
    """Bob is heard as ann, while ann is heard before and after."""
    tale.says("p1/1", "ann", "p1.8", 9)
    tale.says("p2/1", "Ann", "p2.9", 10)
    tale.says("p1/1", "ann", "p1.9", 11)


def private_twice(tale: Tale) -> None:
    """Cat reads a private message again."""
    tale.hears("p3/1", "@i.2 [private] <ann> p1.2")


def private_lost(tale: Tale) -> None:
    """Cat never reads one that was answered as done."""
    tale.sends("p1/1", "/msg cat p1.9")
    tale.settles("p1/1")


def others_mail(tale: Tale) -> None:
    """Bob reads what was sent to cat."""
    tale.sends("p1/1", "/msg cat p1.9")
    tale.hears("p2/1", "@i.2 [private] <ann> p1.9")
    tale.settles("p1/1")


def old_mail(tale: Tale) -> None:
    """Bob reads what was sent to dan, and takes dan's nick only afterwards."""
    tale.sends("p1/1", "/msg dan p1.9")
    tale.settles("p1/1")
    tale.sends("p2/1", "/nick dan")
    tale.all_hear("@e.9 bob is changing nick to dan")
    tale.hears("p2/1", "@d.1 [private] <ann> p1.9")
    tale.settles("p2/1")
    tale.sends("p2/1", "/nick bob")
    tale.all_hear("@e.10 dan is changing nick to bob")
    tale.settles("p2/1")


def no_end(tale: Tale) -> None:
    """Cat reads that eve comes, and not that she goes."""
    for who in ("p1/1", "p2/1"):
        tale.hears(who, "@e.9 eve has joined the channel #red", "@e.10 eve has quit")
    tale.hears("p3/1", "@e.9 eve has joined the channel #red")


def twice_here(tale: Tale) -> None:
    """Eve comes, and comes again."""
    for seq in (9, 10):
        tale.all_hear(f"@e.{seq} eve has joined the channel #red")
    tale.all_hear("@e.11 eve has quit")


def ghost(tale: Tale) -> None:
    """Dan's connection is open, as far as he knows; no list has him."""
    tale.comes("p4/2", "dan")


def two_laws(tale: Tale) -> None:
    """Bob's node tells other modes than ann's."""
    tale.modes["p2/1"] = "+nt"


def no_operator(tale: Tale) -> None:
    """Bob was made an operator, and isn't one on the list."""
    tale.rules("+o bob", 9)


def operator_still(tale: Tale) -> None:
    """Bob was made an operator and then none, and is one on the list."""
    tale.rules("+o bob", 9)
    tale.rules("-o bob", 10)
    tale.names[1] = "@bob"


def false_gap(tale: Tale) -> None:
    """Cat is told of a gap, and Redis lost nothing."""
    tale.hears("p3/1", "gap: 3 messages of #blue are lost")


def forgotten(tale: Tale) -> None:
    """Dan's session ends with his node, though he has a token."""
    tale.comes("p4/2", "dan", "n2")
    tale.sends("p4/2", "/token")
    tale.hears("p4/2", f"token {TOKEN}")
    tale.settles("p4/2")
    tale.note(Struck(tale.at, 2, "node killed", ("n2",), ends=True))
    tale.note(Went(tale.at, "p4/2", "server"))
    tale.note(Came(tale.at, "p4/3", "n1"))
    tale.hears("p4/3", "welcome to chorus; you are guest-dan")
    tale.sends("p4/3", f"/resume {TOKEN}")
    tale.hears("p4/3", "error: that token is not known")
    tale.sends("p4/3", "/quit")
    tale.note(Went(tale.at, "p4/3", "server"))


def gone(tale: Tale) -> None:
    """Redis doesn't have what was answered as done, and lost nothing."""
    tale.says("p1/1", "ann", "p1.9", 9)
    tale.gone = {"p1.9"}


def diagnosed(tale: Tale) -> None:
    """The doctor names a difference."""
    tale.differs = ("the nick eve is held by a session that no node has",)


def with_token(tale: Tale, fault: str, *, drains: bool, last: str = "") -> None:
    """Eve, who has a token, loses her connection; `last` is the last that she reads."""
    tale.comes("p4/2", "eve", "n2")
    tale.sends("p4/2", "/token")
    tale.hears("p4/2", f"token {TOKEN}")
    tale.settles("p4/2")
    tale.note(Struck(tale.at, 2, fault, ("n2",), ends=True, drains=drains))
    if last:
        tale.hears("p4/2", last)
    tale.note(Went(tale.at, "p4/2", "server"))
    tale.note(Lifted(tale.at, 2, fault))


def seen_to_quit(tale: Tale) -> None:
    """Bob reads that eve has quit, though she comes back."""
    with_token(tale, "node killed", drains=False)
    tale.hears("p2/1", "@f.1 eve has quit (connection lost)")
    tale.note(Came(tale.at, "p4/3", "n1"))
    tale.hears("p4/3", "welcome to chorus; you are guest-eve")
    tale.sends("p4/3", f"/resume {TOKEN}")
    tale.hears("p4/3", "resumed as eve")
    tale.settles("p4/3")
    tale.note(Went(tale.at, "p4/3", "them"))


def sent_away(tale: Tale) -> None:
    """Eve's node is drained, and she is told no token."""
    with_token(tale, "node drained", drains=True, last="closing: this server is going down")


def no_answer(tale: Tale) -> None:
    """Cat gets no pong."""
    tale.sends("p3/1", "/ping for ever")


def dropped(tale: Tale) -> None:
    """Of two lines one is refused, and of the other nothing is heard."""
    tale.sends("p1/1", "/msg #red p1.8", "/msg #red p1.9")
    tale.hears("p1/1", "error: the server can't do that now; it was not done")
    tale.settles("p1/1")


def thrown_out(tale: Tale) -> None:
    """Dan's connection ends, and nothing has happened to his node."""
    tale.comes("p4/2", "dan")
    tale.note(Went(tale.at, "p4/2", "server"))


BROKEN: list[tuple[Callable[[Tale], None], str]] = [
    (swapped, "one order per channel"),
    (misplaced, "one order per channel"),
    (backwards, "one order per channel"),
    (doubled, "exactly once"),
    (done_twice, "exactly once"),
    (lost, "nothing acknowledged is missing"),
    (not_even_echoed, "nothing acknowledged is missing"),
    (late, "nothing acknowledged is missing"),
    (skipped, "nothing acknowledged is missing"),
    (gone, "nothing done is lost"),
    (refused, "nothing refused is shown"),
    (out_of_turn, "each sender's own order"),
    (two_holders, "one holder per nick"),
    (private_twice, "private messages once"),
    (private_lost, "private messages once"),
    (others_mail, "no old mail"),
    (old_mail, "no old mail"),
    (no_end, "every join has its end"),
    (twice_here, "every join has its end"),
    (ghost, "no ghosts"),
    (diagnosed, "the doctor agrees"),
    (false_gap, "no gap without a loss"),
    (forgotten, "kept sessions are kept"),
    (seen_to_quit, "others see nothing of a resume"),
    (sent_away, "who is drained gets a token"),
    (two_laws, "rules are the same for all"),
    (no_operator, "a status holds until it's said otherwise"),
    (operator_still, "a status holds until it's said otherwise"),
    (no_answer, "everything is answered"),
    (dropped, "everything is answered"),
    (thrown_out, "nobody is thrown out"),
]


@pytest.mark.parametrize("broken, rule", BROKEN)
def test_a_rule_speaks_when_it_is_broken_and_no_other_does(
    broken: Callable[[Tale], None], rule: str
) -> None:
    tale = beginning()
    talk(tale)
    broken(tale)
    assert {rule} == {finding.rule for finding in check(tale.ends())}


def test_every_rule_is_broken_by_some_record() -> None:
    assert set(RULES) == {rule for _, rule in BROKEN}


def test_a_gap_is_right_after_redis_lost_something_and_excuses_what_is_missing() -> None:
    tale = beginning()
    talk(tale)
    tale.note(Struck(tale.at, 2, "FLUSHALL", ("n1", "n2"), loses=True))
    lost(tale)
    tale.record.pop()  # before cat's pong
    tale.record.pop()
    tale.hears("p3/1", "gap: messages of #red may be missing")
    assert [] == check(tale.ends())


@pytest.mark.parametrize("replicated", [False, True])
def test_only_what_a_replica_has_to_have_is_there_after_a_loss(replicated: bool) -> None:
    tale = beginning(replicated=replicated)
    talk(tale)
    tale.says("p1/1", "ann", "p1.9", 9)
    tale.note(Struck(tale.at, 2, "all lost but the replica", ("n1", "n2"), loses=True))
    tale.note(Lifted(tale.at, 2, "all lost but the replica"))
    tale.gone = {"p1.9"}
    expected = {"nothing done is lost"} if replicated else set()
    assert expected == {finding.rule for finding in check(tale.ends())}


@pytest.mark.parametrize("uncertain", [False, True])
def test_an_echo_is_no_answer_nor_is_a_pong_while_replicas_are_not_waited_for(
    uncertain: bool,
) -> None:
    tale = beginning(replicated=True)
    talk(tale)
    if uncertain:
        tale.hears("p1/1", "notice: the broker has too few replicas now; what is said is")
    tale.sends("p1/1", "/msg #red p1.9")
    tale.all_hear("@e.9 [#red] <ann> p1.9")
    if uncertain:
        tale.settles("p1/1")
    else:
        tale.hears("p1/1", "notice: the broker is away; you stay connected")
        tale.settles("p1/1")
        tale.hears("p1/1", "notice: the broker is back")
    tale.gone = {"p1.9"}
    assert [] == check(tale.ends())


@pytest.mark.parametrize(
    "fault, ends, expected",
    [
        ("all lost but the replica", True, set()),
        ("failover to the replica", False, {"nothing acknowledged is missing"}),
    ],
)
def test_what_only_its_echo_had_answered_may_be_gone_when_all_is_lost(
    fault: str, ends: bool, expected: set[str]
) -> None:
    tale = beginning(replicated=True)
    talk(tale)
    tale.sends("p1/1", "/msg #red p1.9")
    tale.hears("p1/1", "@e.9 [#red] <ann> p1.9")
    tale.hears("p1/1", "notice: the broker is away; you stay connected")
    tale.note(Struck(tale.at, 2, fault, ("n1", "n2"), loses=ends, ends=ends))
    tale.note(Lifted(tale.at, 2, fault))
    tale.settles("p1/1")
    tale.hears("p1/1", "notice: the broker is back")
    tale.gone = {"p1.9"}
    assert expected == {finding.rule for finding in check(tale.ends())}


def test_whoever_is_drained_and_was_told_their_token_is_all_right() -> None:
    tale = beginning()
    talk(tale)
    closing = "closing: this node is being drained; another will do; take your session up again,"
    with_token(tale, "node drained", drains=True, last=f"{closing} with /resume {TOKEN}")
    assert [] == check(tale.ends())


def test_after_a_resume_what_was_missed_comes_channel_by_channel_and_proves_nobody_there() -> None:
    tale = beginning()
    talk(tale)
    with_token(tale, "node killed", drains=False)
    tale.note(Came(tale.at, "p4/3", "n1"))
    tale.hears("p4/3", "welcome to chorus; you are guest-eve")
    tale.sends("p4/3", f"/resume {TOKEN}")
    tale.hears("p4/3", "resumed as eve")
    tale.sends("p4/3", "/join #blue")
    tale.hears("p4/3", "@f.1 eve has joined the channel #blue", "in #blue (1): eve")
    tale.settles("p4/3")
    tale.note(Struck(tale.at, 3, "node killed", ("n1",), ends=True))
    tale.note(Went(tale.at, "p4/3", "server"))
    tale.note(Came(tale.at, "p4/4", "n2"))
    tale.hears("p4/4", "welcome to chorus; you are guest-eve")
    tale.sends("p4/4", f"/resume {TOKEN} #blue@f.1 #lobby@l.1")
    tale.hears("p4/4", "resumed as eve")
    tale.hears("p4/4", "@l.2 fay is changing nick to fan")
    tale.hears("p4/4", "@f.2 fay has joined the channel #blue")  # before that
    tale.settles("p4/4")
    tale.hears("p4/4", "@l.3 guest-x is changing nick to fay", "@l.4 fay is changing nick to gil")
    tale.hears("p4/4", "@f.3 gil has joined the channel #blue")
    tale.settles("p4/4")
    tale.note(Went(tale.at, "p4/4", "them"))
    assert [] == check(tale.ends())


def test_a_quit_of_a_log_that_they_did_not_know_may_come_again_with_their_session() -> None:
    def wrong(*first: str) -> set[str]:
        tale = beginning()
        talk(tale)
        tale.comes("p4/2", "dan", "n2")
        tale.sends("p4/2", "/token")
        tale.hears("p4/2", f"token {TOKEN}")
        tale.settles("p4/2")
        tale.hears("p4/2", *first, "@f.2 fay has quit")
        tale.note(Went(tale.at, "p4/2", "them"))
        tale.note(Came(tale.at, "p4/3", "n1"))
        tale.hears("p4/3", "welcome to chorus; you are guest-dan")
        tale.sends("p4/3", f"/resume {TOKEN}")
        tale.hears("p4/3", "resumed as dan", "@f.2 fay has quit")
        tale.settles("p4/3")
        tale.listed.append("dan")
        return {each.rule for each in check(tale.ends())}

    assert (set(), {"exactly once"}) == (wrong(), wrong("@f.1 fay has left the channel #blue"))


def test_who_is_made_an_operator_is_one() -> None:
    tale = beginning()
    talk(tale)
    tale.rules("+o-v bob cat", 9)
    tale.names[1] = "@bob"
    assert [] == check(tale.ends())


def test_who_was_kicked_is_there_no_more() -> None:
    tale = beginning()
    talk(tale)
    tale.all_hear("@e.9 ann has kicked cat out of the channel #red")
    tale.says("p1/1", "ann", "p1.9", 10)
    tale.record = [
        each
        for each in tale.record
        if not (isinstance(each, Heard) and each.who == "p3/1" and "p1.9" in each.line)
    ]
    tale.names.pop()
    assert [] == check(tale.ends())


def test_who_was_kicked_and_is_on_the_list_is_a_ghost() -> None:
    tale = beginning()
    talk(tale)
    tale.all_hear("@e.9 ann has kicked cat out of the channel #red")
    assert {"no ghosts", "every join has its end"} == {each.rule for each in check(tale.ends())}


def test_a_quit_just_before_redis_and_all_nodes_were_lost_may_be_undone() -> None:
    def wrong(seconds: float) -> set[str]:
        tale = beginning()
        talk(tale)
        tale.comes("p4/2", "dan", "n2")
        tale.sends("p4/2", "/token")
        tale.hears("p4/2", f"token {TOKEN}")
        tale.settles("p4/2")
        tale.sends("p4/2", "/quit")
        tale.note(Went(tale.at, "p4/2", "server"))
        lost = Struck(tale.at - 1 + seconds, 2, "all lost", ("n1", "n2"), loses=True, ends=True)
        tale.note(lost)
        tale.note(Lifted(tale.at, 2, "all lost"))
        tale.listed.append("dan")
        return {each.rule for each in check(tale.ends())}

    assert (set(), {"no ghosts"}) == (wrong(0.5), wrong(5.0))


def test_what_is_not_known_may_be_shown_or_not() -> None:
    tale = beginning()
    talk(tale)
    for words in ("p1.8", "p1.9"):
        tale.sends("p1/1", f"/msg #red {words}")
        tale.hears("p1/1", "error: the broker was lost meanwhile; it is not known whether that")
        tale.settles("p1/1")
    tale.all_hear("@e.9 [#red] <ann> p1.9")
    assert [] == check(tale.ends())


def test_what_was_under_way_when_a_node_died_may_be_missing() -> None:
    tale = beginning()
    talk(tale)
    tale.comes("p4/2", "dan", "n2")
    tale.sends("p4/2", "/msg #red p4.1")
    tale.note(Struck(tale.at, 2, "node killed", ("n2",), ends=True))
    tale.note(Went(tale.at, "p4/2", "server"))
    assert [] == check(tale.ends())


def test_a_late_error_decides_nothing_about_what_was_typed_since() -> None:
    tale = beginning()
    talk(tale)
    tale.sends("p1/1", "/msg #red p1.8")
    tale.hears("p1/1", "notice: the broker is away; you stay connected, but nothing can be done")
    tale.settles("p1/1")
    tale.hears("p1/1", "notice: the broker is back")
    tale.sends("p1/1", "/msg cat p1.9")
    tale.hears("p1/1", "error: the cluster had lost sight of you; that was not done")  # p1.8
    tale.hears("p3/1", "@i.2 [private] <ann> p1.9")
    tale.settles("p1/1")
    assert [] == check(tale.ends())


def test_an_excerpt_shows_the_moments_that_matter_and_no_other() -> None:
    tale = beginning()
    talk(tale)
    lost(tale)
    record = tale.ends()
    (finding,) = check(record)
    lines = excerpt(record, finding).splitlines()
    assert any("p1/1 > /msg #red p1.9" in line for line in lines)
    assert len(lines) <= 6


def test_a_record_that_was_written_down_can_be_read(tmp_path: Path) -> None:
    tale = beginning()
    talk(tale)
    record = tale.ends()
    save(record, tmp_path / "record.jsonl")
    assert record == load(tmp_path / "record.jsonl")


def test_a_session_goes_on_where_it_is_taken_up_again() -> None:
    tale = beginning()
    talk(tale)
    tale.sends("p3/1", "/token")
    tale.hears("p3/1", f"token {TOKEN}")
    tale.settles("p3/1")
    tale.note(Struck(tale.at, 2, "node killed", ("n1",), ends=True))
    tale.note(Went(tale.at, "p3/1", "server"))
    tale.note(Lifted(tale.at, 2, "node killed"))
    tale.sends("p1/1", "/msg #red p1.9", "/msg #red p1.10")
    for who in ("p1/1", "p2/1"):
        tale.hears(who, "@e.9 [#red] <ann> p1.9", "@e.10 [#red] <ann> p1.10")
    tale.settles("p1/1")
    tale.note(Came(tale.at, "p3/2", "n2"))
    tale.hears("p3/2", "welcome to chorus; you are guest-cat")
    tale.sends("p3/2", f"/resume {TOKEN} #red@e.8")
    tale.hears("p3/2", "resumed as cat", "| 12:34 [#red] <ann> p1.9", "@e.10 [#red] <ann> p1.10")
    tale.settles("p3/2")
    record = tale.ends(third="p3/2")
    assert [] == check(record)
    without = [moment for moment in record if getattr(moment, "line", "")[:7] != "| 12:34"]
    assert {"nothing acknowledged is missing"} == {finding.rule for finding in check(without)}
