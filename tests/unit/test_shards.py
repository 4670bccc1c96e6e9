"""`broker.shards`: where keys are, and where commands go. What becomes of calls while slots move is
tests/cluster/test_shards.py's.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from broker.keys import Keys
from broker.link import Argument, LinkLost
from broker.shards import _ranges, placed, slot

KEYS = Keys("chorus")
GO = KEYS.channel("#go")


@given(st.text(alphabet="ab{}é#", max_size=12))
def test_a_slot_is_what_redis_takes_it_for(key: str) -> None:
    assert key_slot(key.encode()) == slot(key)


def test_all_of_a_channel_is_in_one_slot() -> None:
    assert 1 == len({slot(key) for key in (*GO, KEYS.post("#go", "x"))})


def test_all_of_a_nick_is_in_one_slot() -> None:
    assert 1 == len({slot(key) for key in KEYS.nick("ann")})


@pytest.mark.parametrize(
    "command, number",
    [
        (("EVALSHA", "sha", 3, *GO, "arg"), slot(GO.meta)),
        (("HGET", GO.roster, "sid"), slot(GO.roster)),
        (("SPUBLISH", GO.log, b"x"), slot(GO.log)),
        (("TIME",), None),
        (("INFO",), None),
        (("SLOWLOG", "GET", 10), None),
    ],
)
def test_a_command_goes_where_its_first_key_is(
    command: tuple[Argument, ...], number: int | None
) -> None:
    assert number == placed(command)


def test_who_does_not_know_its_own_name_is_where_it_was_asked() -> None:
    said = [[0, 16383, [b"", 7000, b"id"], [b"10.0.0.2", 7001, b"id2"]]]
    assert [(0, 16383, ("10.0.0.1", 7000))] == _ranges(said, "10.0.0.1")


def test_a_cluster_that_lacks_slots_is_no_use() -> None:
    with pytest.raises(LinkLost, match="1 slots are at no master"):
        _ranges([[0, 16382, [b"10.0.0.1", 7000, b"id"]]], "")
