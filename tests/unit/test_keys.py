"""`broker.keys`: every key where it belongs, whatever names people think of."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.keys import Keys, Named

KEYS = Keys("ns")


def tag(key: str) -> str:
    """What Redis Cluster hashes (Redis Cluster specification, hash tags)."""
    found = re.search(r"\{([^}]+)\}", key)
    assert found is not None
    return found[1]


def test_the_keys_of_a_channel_are_these() -> None:
    expected = ("ns:1:{c:#go}:meta", "ns:1:{c:#go}:roster", "ns:1:{c:#go}:log")
    assert expected == tuple(KEYS.channel("#Go"))


def test_the_keys_of_a_nick_are_these() -> None:
    expected = ("ns:1:{n:alice}:claim", "ns:1:{n:alice}:meta", "ns:1:{n:alice}:log")
    assert expected == tuple(KEYS.nick("Alice"))


def test_the_keys_of_a_node_share_a_slot() -> None:
    topic, sessions = KEYS.node_topic("n1.abc"), KEYS.node_sessions("n1.abc")
    assert ("ns:1:{w:n1.abc}", "ns:1:{w:n1.abc}:sessions") == (topic, sessions)


def test_the_keys_of_an_address_share_a_slot() -> None:
    made, opened = KEYS.address("2001:db8::/64"), KEYS.connections("2001:db8::/64")
    expected = "ns:1:{a:2001%3Adb8%3A%3A%2F64}"
    assert (expected, expected + ":open") == (made, opened)


def test_the_keys_of_the_cluster_share_a_slot() -> None:
    keys = [KEYS.leases, KEYS.dying, KEYS.epoch, KEYS.channel_index, KEYS.messages]
    keys += [
        KEYS.mark,
        KEYS.orders("n.1"),
        KEYS.bans,
        KEYS.bans_version,
        KEYS.report("r1"),
        KEYS.counter("http"),
    ]
    assert {"cluster"} == {tag(key) for key in keys}


def test_a_log_is_found_by_its_name() -> None:
    channel, nick = KEYS.channel("#go"), KEYS.nick("alice")
    assert (channel.meta, channel.log) == tuple(KEYS.log("#Go"))
    assert (nick.meta, nick.log) == tuple(KEYS.log("Alice"))


@pytest.mark.parametrize(
    "nick, encoded", [("{a}", "%7Ba%7D"), ("a|b", "a%7Cb"), ("a\\", "a%5C"), ("a:b", "a%3Ab")]
)
def test_signs_in_a_nick_are_encoded(nick: str, encoded: str) -> None:
    assert f"ns:1:{{n:{encoded}}}:claim" == KEYS.nick(nick).claim


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(NAMES)
def test_all_keys_of_a_channel_share_a_slot(name: str) -> None:
    assert 1 == len({tag(key) for key in KEYS.channel("#" + name)})


@given(NAMES)
def test_all_keys_of_a_nick_share_a_slot(name: str) -> None:
    assert 1 == len({tag(key) for key in KEYS.nick(name)})


@given(NAMES)
def test_a_name_never_ends_its_own_tag(name: str) -> None:
    for key in (*KEYS.channel("#" + name), *KEYS.nick(name), KEYS.address(name)):
        assert (1, 1) == (key.count("{"), key.count("}"))


@given(NAMES, NAMES)
def test_different_names_have_different_keys(one: str, other: str) -> None:
    from broker.names import fold

    same = fold(one) == fold(other)
    assert same == (KEYS.nick(one) == KEYS.nick(other))
    assert same == (KEYS.channel("#" + one) == KEYS.channel("#" + other))


@given(NAMES)
def test_no_nick_has_the_keys_of_a_channel_or_a_node(name: str) -> None:
    nick = set(KEYS.nick(name))
    assert not nick & {*KEYS.channel("#" + name), KEYS.node_sessions(name), KEYS.address(name)}


@given(NAMES)
def test_namespaces_share_nothing(name: str) -> None:
    assert not set(KEYS.nick(name)) & set(Keys("other").nick(name))


@given(NAMES)
def test_a_key_tells_what_it_is_of(name: str) -> None:
    from broker.names import fold

    channel, folded = "#" + name, fold(name)
    keys = [*KEYS.channel(channel), *KEYS.nick(name), KEYS.node_sessions(name), KEYS.address(name)]
    assert [
        *(Named("c", "#" + folded, part) for part in ("meta", "roster", "log")),
        *(Named("n", folded, part) for part in ("claim", "meta", "log")),
        Named("w", folded, "sessions"),
        Named("a", folded, ""),
    ] == [KEYS.taken_apart(key) for key in keys]


def test_keys_of_the_cluster_and_of_others_are_of_nobody() -> None:
    keys = [KEYS.leases, KEYS.counter("http"), Keys("other").nick("ann").claim, "ns:1:", "x"]
    assert [None] * 5 == [KEYS.taken_apart(key) for key in keys]


def test_a_pattern_finds_this_namespace_alone() -> None:
    assert ("ns:1:*", "a\\*b:1:*") == (KEYS.every, Keys("a*b").every)
