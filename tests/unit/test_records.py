"""`broker.records`: what sessions hold, certainly or perhaps."""

import msgspec
import pytest

from broker.api import Identity
from broker.events import Quit
from broker.records import Membership, Record, Records, decode_shelved, encode_record


@pytest.fixture
def ann() -> Identity:
    return Identity("sid", "token", "ann")


@pytest.fixture
def records(ann: Identity) -> Records:
    """Those of Ann, who holds her nick since 7, and is about to come into a channel."""
    made = Records()
    made.begin(ann).channels["#go"] = "#Go"
    made.holds("sid", "ann", 7)
    return made


def test_a_nick_that_is_certainly_held_is_named_with_its_holder(records: Records) -> None:
    assert [("ann", "sid", 7)] == records.held()


def test_a_nick_that_is_about_to_be_taken_is_not_held(records: Records, ann: Identity) -> None:
    records.of(ann).nicks.insert(0, "anna")
    assert [("ann", "sid", 7)] == records.held()


@pytest.mark.parametrize("end", ["gave back", "ending"])
def test_a_nick_that_was_given_back_is_not_held(records: Records, end: str) -> None:
    if end == "ending":
        records.ending("sid")
    else:
        records.gave_back("sid", "ANN")
    assert [] == records.held()


def test_who_is_about_to_come_is_perhaps_a_member(records: Records) -> None:
    assert {"#go": {"sid": Membership("#Go", None)}} == records.members()


def test_who_has_come_is_a_member(records: Records) -> None:
    records.joined("sid", "#GO", quiet=True)
    assert {"#go": {"sid": Membership("#Go", quiet=True)}} == records.members()


def test_who_is_about_to_leave_is_perhaps_a_member(records: Records) -> None:
    records.joined("sid", "#go", quiet=False)
    records.leaving("sid", "#GO")
    assert {"#go": {"sid": Membership("#Go", None)}} == records.members()


def test_who_acts_in_a_session_is_known_until_its_end(records: Records, ann: Identity) -> None:
    before = records.identity("sid")
    records.end("sid", records.of(ann))
    assert (ann, None) == (before, records.identity("sid"))


def test_a_session_that_quit_lately_has_last_words(records: Records) -> None:
    quit = Quit("sid", 3, "ann", "bye", ())
    records.gone(quit, Record("token", ["ann"], {}))
    assert (quit, None, [quit]) == (
        records.last_words("sid"),
        records.last_words("another"),
        records.quits(),
    )


def test_when_the_lease_has_ended_nothing_is_held(records: Records) -> None:
    records.joined("sid", "#go", quiet=False)
    records.clear()
    assert ([], {}, []) == (records.held(), records.members(), records.sids())


def test_the_holder_of_a_nick_is_found_in_any_case(records: Records) -> None:
    assert ("sid", None) == (records.holder("ANN"), records.holder("bob"))


def test_who_left_a_channel_has_to_be_written_down(records: Records, ann: Identity) -> None:
    for channel in ("#PY", "#GO"):
        records.left(ann, channel)
    assert ({}, {"sid"}) == (records.of(ann).channels, records.changed)


def test_nicks_that_wait_for_their_sessions_outlast_the_lease(records: Records) -> None:
    records.retain({("sid", "Ann"): 7, ("other", "bob"): 9})
    records.clear()
    assert [7, 0, 9] == [
        records.retained(sid, nick)
        for sid, nick in (("sid", "ANN"), ("sid", "bob"), ("other", "bob"))
    ]


def test_a_session_that_is_there_again_has_nothing_waiting(records: Records) -> None:
    records.retain({("sid", "Ann"): 7, ("other", "bob"): 9})
    assert (["ann"], {("other", "bob"): 9}) == (records.no_longer_retained("sid"), records.waiting)


def test_a_row_of_the_shelf_tells_the_node_and_what_is_held() -> None:
    held = Record("token", ["ann"], {"#go": "#Go"}, kept=True)
    row = msgspec.json.encode(("n1.aa", encode_record(held).decode()))
    assert ("n1.aa", held) == decode_shelved(row)
