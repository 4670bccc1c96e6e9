"""`broker.bans` and `node.core.bans`: which networks are banned, and who is on them."""

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.api import Profile
from broker.bans import NOWHERE, Ban, decode_ban, encode_ban, network, reckless, shown
from node.core.bans import Bans

BANNED = ["203.0.113.0/24", "198.51.100.7/32", "2001:db8:1:2::/64", "2001:db8:ff00::/40"]


@pytest.fixture
def bans() -> Bans:
    made = Bans(lambda: 1_000)
    made.put(Ban(0, banned) for banned in BANNED)
    return made


@pytest.mark.parametrize(
    "text, expected",
    [
        ("203.0.113.9", "203.0.113.9/32"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("2001:0DB8::/32", "2001:db8::/32"),
        ("2001:db8::1/128", "2001:db8::1/128"),
    ],
)
def test_a_network_is_an_address_or_what_stands_in_cidrs_notation(text: str, expected: str) -> None:
    assert expected == network(text)


@pytest.mark.parametrize("text", ["", "ann", "1.2.3", "1.2.3.4/33", "1.2.3.4/x"])
def test_what_is_no_network_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="an address, or a network such as") as error:
        network(text)
    assert repr(text) in str(error.value)


def test_an_address_within_a_network_is_not_taken_for_the_network() -> None:
    with pytest.raises(ValueError, match=r"did you mean 10\.0\.0\.0/8\?"):
        network("10.1.2.3/8")


@pytest.mark.parametrize("text", ["127.0.0.1", "127.0.0.0/8", "0.0.0.0/0", "::1", "::/0", "::/8"])
def test_what_hits_the_nodes_own_machines_is_reckless(text: str) -> None:
    assert reckless(network(text))


@pytest.mark.parametrize("text", ["203.0.113.9", "10.0.0.0/8", "2001:db8::/32"])
def test_what_does_not_is_not(text: str) -> None:
    assert not reckless(network(text))


def test_one_address_is_shown_as_such() -> None:
    expected = ["203.0.113.9", "203.0.113.0/24", "2001:db8:1:2::/64"]
    assert expected == [shown(text) for text in ("203.0.113.9/32", *expected[1:])]


def test_a_ban_is_the_same_when_it_was_written_and_read() -> None:
    ban = Ban(9, "203.0.113.0/24", "spam ☃", "boss", 3, "ann")
    assert ban == decode_ban(encode_ban(ban))
    assert encode_ban(ban).startswith(b"[9,"), "a script reads until when"


@pytest.mark.parametrize(
    "address",
    ["203.0.113.9", "::ffff:203.0.113.9", "198.51.100.7", "2001:db8:1:2:3::4", "2001:db8:ff12::1"],
)
def test_who_is_on_a_banned_network_is_banned(bans: Bans, address: str) -> None:
    assert bans.of(address) is not None


@pytest.mark.parametrize(
    "address", ["203.0.114.1", "198.51.100.8", "2001:db8:1:3::1", "", "/run/x"]
)
def test_who_is_on_none_is_not(bans: Bans, address: str) -> None:
    assert bans.of(address) is None


def test_a_ban_is_over_at_its_time() -> None:
    now = [0]
    bans = Bans(lambda: now[0])
    bans.put([Ban(100, "203.0.113.9/32")])
    found = []
    for now[0] in (99, 100):
        found.append(bans.of("203.0.113.9") is not None)
    assert [True, False] == found


def test_of_two_bans_the_one_that_is_not_over_holds() -> None:
    bans = Bans(lambda: 1_000)
    bans.put([Ban(1, "203.0.113.9/32", "over"), Ban(0, "203.0.113.0/24", "holds")])
    found = bans.of("203.0.113.9")
    assert found is not None and "holds" == found.why


def test_bans_that_are_put_take_the_place_of_others(bans: Bans) -> None:
    bans.put([])
    assert bans.of("203.0.113.9") is None


def masked(mask: str, **fields: Any) -> Ban:
    return Ban(0, NOWHERE, mask=mask, **fields)


@pytest.mark.parametrize(
    "mask, expected",
    [
        ("bob@*", True),
        ("b?b@*.cloak", True),
        ("*@203.0.113.*", True),
        ("*@203.0.113.0/24", True),
        ("bob@203.0.113.9", True),
        ("*@x7.CLOAK", True),
        ("rob@*", False),
        ("*@203.0.114.0/24", False),
        ("bob@cloak", False),
    ],
)
def test_a_mask_means_people_by_their_host_as_it_is_shown_and_as_it_is(
    mask: str, expected: bool
) -> None:
    bans = Bans(lambda: 0)
    bans.put([masked(mask)])
    found = bans.like(Profile("Bob@x7.cloak", "Bob B", "203.0.113.9"))
    assert expected is (found is not None)


def test_a_ban_by_mask_holds_for_no_address_and_the_other_way_round() -> None:
    bans = Bans(lambda: 0)
    bans.put([masked("*@203.0.113.9")])
    assert bans.of("203.0.113.9") is None
    bans.put([Ban(0, "203.0.113.9/32")])
    assert bans.like(Profile("bob@host", "", "203.0.113.9")) is None


def test_who_has_no_profile_yet_is_like_no_mask_but_of_all() -> None:
    bans = Bans(lambda: 0)
    bans.put([masked("?*@*"), masked("*@*.cloak")])
    assert bans.like(Profile()) is None


def test_a_ban_by_mask_is_over_at_its_time() -> None:
    now = [0]
    bans = Bans(lambda: now[0])
    bans.put([Ban(100, NOWHERE, mask="bob@*")])
    found = []
    for now[0] in (99, 100):
        found.append(bans.like(Profile("bob@host")) is not None)
    assert [True, False] == found


def test_what_is_new_by_mask_is_told_for_those_who_are_here_already() -> None:
    bans = Bans(lambda: 0)
    bob, rob = Profile("bob@host"), Profile("rob@host")
    bans.put([masked("bob@*")])
    new = bans.put([masked("bob@*"), masked("rob@*")])
    assert [False, True] == [new.like(who) is not None for who in (bob, rob)]
    again = bans.put([masked("bob@*", why="still"), masked("rob@*")])
    assert [True, False] == [again.like(who) is not None for who in (bob, rob)]


def test_a_ban_by_mask_is_one_of_nobody_for_who_knows_networks_only() -> None:
    ban = masked("bob@*", why="spam")
    assert ban == decode_ban(encode_ban(ban))
    assert ("bob@*", "bob@*") == (ban.key, shown(ban.key))
    assert encode_ban(ban).startswith(b'[0,"255.255.255.255/32","spam",')


@given(st.ip_addresses() | st.text())
def test_an_address_is_banned_by_what_bans_it(address: IPv4Address | IPv6Address | str) -> None:
    bans = Bans(lambda: 0)
    if isinstance(address, str):
        assert bans.of(address) is None
    else:
        bans.put([Ban(0, network(str(address)))])
        assert bans.of(str(address)) is not None
