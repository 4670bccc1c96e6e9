"""`node.core.kept`: sessions that outlive their connection, on nodes over the broker in memory."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from broker.api import Code, Identity, Refused, Resumed
from broker.memory import Memory
from node.core.replies import Goodbye
from tests.support.village import Village, Villager

NOT_KNOWN = "error: that token is not known"


@pytest.fixture
def village() -> Iterator[Village]:
    made = Village(3, lobby="")
    yield made
    assert [] == made.failures


def token(person: Villager) -> str:
    """The token of a person's session, which is kept from now on."""
    (line,) = person.type("/token")
    assert line.startswith("token ")
    return line.removeprefix("token ")


def resume(village: Village, given: str, *places: str, node: int = 1) -> tuple[Villager, list[str]]:
    """Somebody with a token, on a new connection, and what they read."""
    person = village.guest(node)
    person.read()
    return person, person.type(" ".join(["/resume", given, *places]))


def test_a_token_is_the_same_however_often_it_is_asked_for(village: Village) -> None:
    ann = village.person("ann")
    assert token(ann) == token(ann)


def test_a_session_is_taken_up_on_another_node(village: Village) -> None:
    ann = village.person("ann", "#go")
    given = token(ann)
    ann.hang_up()
    again, heard = resume(village, given)
    assert ("ann", ["resumed as ann"]) == (again.nick, heard)


def test_others_see_nothing_of_a_resume(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    village.read_up()
    ann.hang_up()
    resume(village, given)
    assert [] == bob.read()


def test_who_comes_back_can_speak_and_is_heard(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    village.read_up()
    ann.hang_up()
    again, _ = resume(village, given)
    again.say("/msg #go back")
    bob.say("/msg #go good")
    assert (["[#go] <ann> back"], ["[#go] <bob> good"]) == (bob.read()[:1], again.read())


def test_what_was_said_meanwhile_comes_as_it_would_have_come(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    ann.hang_up()
    bob.type("/msg #go one", "/topic #go two", "/msg ann three")
    _, heard = resume(village, given)
    expected = [
        "resumed as ann",
        "[private] <bob> three",
        "[#go] <bob> one",
        "bob has set the topic of #go to two",
    ]
    assert expected == heard


def test_what_was_read_before_does_not_come_again(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    bob.type("/msg #go read", "/msg ann read, too")
    ann.hang_up()
    assert ["resumed as ann"] == resume(village, given)[1]


def test_with_places_what_follows_them_comes(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    ann.type("/set pos on")
    bob.type("/msg #go one", "/msg #go two")
    place = ann.read()[0].split(" ")[0].removeprefix("@")
    ann.hang_up()
    _, heard = resume(village, given, f"#Go@{place}")
    epoch, _, seq = place.partition(".")
    assert ["resumed as ann", f"@{epoch}.{int(seq) + 1} [#go] <bob> two"] == heard


def test_a_place_in_a_log_that_is_no_more_is_a_gap(village: Village) -> None:
    ann = village.person("ann", "#go")
    given = token(ann)
    ann.hang_up()
    _, heard = resume(village, given, "#go@another.7")
    assert "gap: messages of #go may be missing" in heard


def test_a_place_beyond_the_end_of_a_log_is_a_gap(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    ann.type("/set pos on")
    bob.type("/msg #go one")
    epoch, _, seq = ann.read()[0].split(" ")[0].removeprefix("@").partition(".")
    ann.hang_up()
    _, heard = resume(village, given, f"#go@{epoch}.{int(seq) + 1}")
    assert ["resumed as ann", "gap: messages of #go may be missing"] == heard


def test_a_place_that_makes_no_sense_is_refused(village: Village) -> None:
    _, heard = resume(village, "0" * 48, "#go")
    assert "error: line did not conform to chat server requirements!" == heard[0]


def test_a_quit_in_two_channels_is_read_once(village: Village) -> None:
    ann, bob = village.person("ann", "#a", "#b"), village.person("bob", "#a", "#b", node=2)
    given = token(ann)
    ann.hang_up()
    bob.type("/quit")
    assert ["resumed as ann", "bob has quit"] == resume(village, given)[1]


def test_a_quit_that_was_read_in_one_channel_does_not_come_from_another(village: Village) -> None:
    ann, bob = village.person("ann", "#a", "#b"), village.person("bob", "#a", "#b", node=2)
    given = token(ann)
    ann.type("/set pos on")
    bob.type("/msg #b first")
    place = ann.read()[-1].split(" ")[0].removeprefix("@")
    bob.type("/quit")
    in_a = ann.read()[-1].split(" ")[0].removeprefix("@")
    ann.hang_up()
    assert ["resumed as ann"] == resume(village, given, f"#a@{in_a}", f"#b@{place}")[1]


def test_a_quit_is_not_read_again_whichever_channel_comes_first(village: Village) -> None:
    ann, bob = village.person("ann", "#b", "#a"), village.person("bob", "#a", "#b", node=2)
    given = token(ann)
    ann.type("/set pos on")
    bob.type("/msg #b first")
    in_b = ann.read()[-1].split(" ")[0].removeprefix("@")
    bob.type("/quit")
    in_a = ann.read()[-1].split(" ")[0].removeprefix("@")
    ann.hang_up()
    assert ["resumed as ann"] == resume(village, given, f"#a@{in_a}", f"#b@{in_b}")[1]


def test_a_quit_is_not_read_again_however_much_was_said_since(village: Village) -> None:
    ann, bob = village.person("ann", "#a", "#b"), village.person("bob", "#a", "#b", node=2)
    cat = village.person("cat", "#a")
    given = token(ann)
    ann.type("/set pos on")
    bob.type("/msg #b first")
    in_b = ann.read()[-1].split(" ")[0].removeprefix("@")
    bob.type("/quit")
    cat.type(*(f"/msg #a {i}" for i in range(100)))
    in_a = ann.read()[-1].split(" ")[0].removeprefix("@")
    ann.hang_up()
    assert ["resumed as ann"] == resume(village, given, f"#a@{in_a}", f"#b@{in_b}")[1]


def test_who_reads_nothing_while_resuming_keeps_nobody_waiting(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = village.person("ann", "#go")
    given = token(ann)
    ann.hang_up()
    stalled = village.guest(1)
    stalled.read()
    works: list[Callable[[], None]] = []
    monkeypatch.setattr(stalled.screen, "when_ready", works.append)
    monkeypatch.setattr(stalled.screen, "close", lambda: [work() for work in works])
    stalled.type(f"/resume {given}")
    again, heard = resume(village, given)
    assert (["resumed as ann"], "closing: resumed elsewhere") == (heard, stalled.read()[-1])
    bob = village.person("bob", "#go", node=2)
    again.say("/msg #go me")
    assert ["[#go] <ann> me"] == bob.read()


def test_who_comes_for_a_session_as_it_has_just_been_taken_up_gets_it(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = village.person("ann", "#go")
    given = token(ann)
    ann.hang_up()
    broker, answer = village.brokers[1], Deferred[None]()
    resumed = broker.resumed

    async def late(me: Identity) -> None:
        await resumed(me)
        await answer

    monkeypatch.setattr(broker, "resumed", late)
    village.guest(1).say(f"/resume {given}")
    again = village.guest(1)
    again.type(f"/resume {given}")
    monkeypatch.setattr(broker, "resumed", resumed)
    answer.callback(None)
    assert ["resumed as ann"] == again.read()


def test_options_away_and_the_current_channel_come_along(village: Village) -> None:
    ann, bob = village.person("ann", "#a", "#b"), village.person("bob", "#a", node=2)
    ann.type("/set echo on", "/away lunch", "/msg #a hi")
    given = token(ann)
    ann.hang_up()
    again, _ = resume(village, given)
    bob.read()
    assert ["[#a] <ann> in the current one"] == again.type("in the current one")
    assert "ann is away (lunch)" in bob.type("/whois ann")


def test_a_session_that_is_open_elsewhere_is_taken_over(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    village.read_up()
    _, heard = resume(village, given)
    assert ("resumed as ann", ["closing: resumed elsewhere"], False) == (
        heard[0],
        ann.read(),
        ann.here,
    )
    assert [] == bob.read()


def test_a_session_is_taken_over_on_the_same_node(village: Village) -> None:
    ann = village.person("ann", "#go")
    given = token(ann)
    again, _ = resume(village, given, node=0)
    assert (["closing: resumed elsewhere"], "ann") == (ann.read(), again.nick)
    bob = village.person("bob", "#go")
    again.read()
    bob.type("hi")
    assert ["[#go] <bob> hi"] == again.read()


def test_ones_own_token_changes_nothing(village: Village) -> None:
    ann = village.person("ann", "#go")
    assert ["resumed as ann"] == ann.type(f"/resume {token(ann)}")


@pytest.mark.parametrize("given", ["x", "0" * 48, "0" * 47, "G" * 48])
def test_a_token_that_is_none_is_refused(village: Village, given: str) -> None:
    person, heard = resume(village, given)
    assert ([NOT_KNOWN], True) == (heard, person.here)


def test_a_token_with_another_secret_is_refused(village: Village) -> None:
    ann = village.person("ann")
    given = token(ann)
    assert [NOT_KNOWN] == resume(village, given[:-1] + ("0" if given[-1] != "0" else "1"))[1]
    assert ann.here


def test_who_has_quit_cannot_be_resumed(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    village.read_up()
    ann.type("/quit")
    assert ([NOT_KNOWN], ["ann has quit"]) == (resume(village, given)[1], bob.read())


def test_without_a_token_a_session_ends_with_its_connection(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    village.read_up()
    ann.hang_up()
    assert ["ann has quit (connection lost)"] == bob.read()


def test_who_does_not_come_back_in_time_quits(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    village.read_up()
    ann.hang_up()
    village.now += 61
    bob.type("/ping")
    bob.type("/whois ann")
    assert (
        "ann has quit (connection lost)" in bob.screen.read() or "ann" not in village.world.claims
    )
    assert [NOT_KNOWN] == resume(village, given)[1]


def test_the_guest_that_one_was_before_is_gone(village: Village) -> None:
    ann = village.person("ann")
    given = token(ann)
    ann.hang_up()
    again = village.guest(1)
    guest = again.nick
    again.type(f"/resume {given}")
    assert ["error: nobody is called " + guest] == again.type(f"/whois {guest}")


def test_while_the_broker_is_away_nothing_is_taken_up(village: Village) -> None:
    ann = village.person("ann")
    given = token(ann)
    ann.hang_up()
    other = village.guest(1)
    other.read()
    village.lose(1)
    other.read()
    assert ["error: the broker is away; that was not done"] == other.type(f"/resume {given}")


def test_of_a_node_that_was_cut_off_kept_sessions_go_on(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    token(ann)
    village.read_up()
    village.evict(0)
    bob.type("/msg #go anybody?")
    village.restore(0)
    bob.say("/msg ann psst")
    ann.say("/msg #go me")
    assert (["[#go] <ann> me"], ["[#go] <bob> anybody?", "[private] <bob> psst"]) == (
        bob.read(),
        [line for line in ann.read() if not line.startswith("notice: ")],
    )


def test_who_comes_back_reads_of_a_channel_that_they_are_not_in_any_more(village: Village) -> None:
    ann = village.person("ann", "#go", "#py")
    village.person("bob", "#go", node=2)
    given = token(ann)
    ann.hang_up()
    del village.world.channels["#go"].members[given[:16]]
    again, heard = resume(village, given)
    assert ["resumed as ann", "notice: you are not in #go any more"] == heard
    assert ["error: you are not in #go"] == again.type("/msg #go hi")
    again.say("/msg #py hi")


def test_of_a_node_that_was_cut_off_kept_sessions_are_in_the_channels_that_the_broker_lost(
    village: Village,
) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    sid = token(ann)[:16]
    village.read_up()
    village.evict(0)
    del village.world.channels["#go"].members[sid]
    village.restore(0)
    bob.say("/msg #go hi")
    ann.say("/msg #go me")
    assert (["[#go] <ann> me"], ["[#go] <bob> hi"]) == (
        bob.read(),
        [line for line in ann.read() if not line.startswith("notice: ")],
    )


def test_a_session_that_was_resumed_elsewhere_meanwhile_is_closed_here(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    village.read_up()
    village.evict(0)
    again, _ = resume(village, given)
    village.restore(0)
    assert ("closing: resumed elsewhere", "ann", []) == (ann.read()[-1], again.nick, bob.read())


def test_a_connection_is_shown_nothing_of_what_came_after_its_session_was_resumed_elsewhere(
    village: Village,
) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    village.evict(0)
    again, _ = resume(village, given)
    bob.type("/msg #go for you there")
    village.restore(0)
    lines = {
        person: [line for line in person.read() if "for you" in line] for person in (ann, again)
    }
    assert {ann: [], again: ["[#go] <bob> for you there"]} == lines


def cut_off(village: Village, refusing: pytest.MonkeyPatch) -> Callable[[], None]:
    """The first node was cut off past its lease, and can't take back who was kept there: Redis is
    without memory, say. Returns what ends that.
    """
    village.evict(0)

    async def refused(_self: Memory, _me: Identity, _secret: str, **_how: Any) -> Resumed:
        raise Refused(Code.BUSY)

    refusing.setattr(Memory, "resume", refused)
    village.restore(0)
    village.read_up()
    return refusing.undo


def test_who_quits_before_they_are_taken_back_has_quit(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    takes_again = cut_off(village, monkeypatch)
    takes_again()
    assert ["closing: you have quit"] == ann.type("/quit bye")
    assert (["ann has quit (bye)"], ["in #go (1): bob"]) == (bob.read(), bob.type("/names #go"))
    assert [NOT_KNOWN] == resume(village, given)[1]


def test_who_quits_and_cannot_be_taken_back_yet_needs_not_wait_and_has_quit_when_they_can(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    token(ann)
    takes_again = cut_off(village, monkeypatch)
    assert ["closing: you have quit"] == ann.type("/quit bye")
    assert (False, []) == (ann.here, bob.read())
    takes_again()
    village.a_while_later()
    assert ["ann has quit (bye)"] == bob.read()


def test_who_quits_while_the_broker_is_away_has_quit_when_it_is_back(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    token(ann)
    village.evict(0)
    village.read_up()
    assert (["closing: you have quit"], False) == (ann.type("/quit bye"), ann.here)
    village.restore(0)
    village.a_while_later()
    assert ["ann has quit (bye)"] == bob.read()


def test_who_quits_where_their_session_was_taken_from_ends_nothing(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    given = token(ann)
    takes_again = cut_off(village, monkeypatch)
    takes_again()
    again, _ = resume(village, given)
    village.read_up()
    ann.type("/quit bye")
    assert (False, "ann", []) == (ann.here, again.nick, bob.read())
    again.say("/msg #go here")
    assert ["[#go] <ann> here"] == bob.read()


def test_what_is_forgotten_is_kept_anew(village: Village) -> None:
    ann = village.person("ann", "#go")
    given = token(ann)
    village.world.forget()
    ann.hang_up()
    assert "resumed as ann" == resume(village, given)[1][0]


def test_a_session_that_is_dismissed_reads_how_to_come_back(village: Village) -> None:
    ann, bob = village.person("ann", "#go"), village.person("bob", "#go", node=2)
    village.read_up()
    village.chats[0].dismiss(ann.session, Goodbye.SHUTDOWN)
    line = ann.read()[-1]
    assert line.startswith("closing: ")
    again, heard = resume(village, line.split(" ")[-1])
    assert ("ann", "resumed as ann", []) == (again.nick, heard[0], bob.read())
