"""Cloaks of any address: who shares a network shares the parts that stand for it, no others do."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from hypothesis import given
from hypothesis import strategies as st

from node.core.cloak import LEVELS, Cloak

ADDRESSES = st.ip_addresses()
SECRETS = st.binary(min_size=16, max_size=64)
HOST = re.compile(r"([a-z2-7]{10}\.){3}cloak")
CLOAK = Cloak(b"a secret of sixteen bytes or more")


@given(ADDRESSES)
def test_a_cloak_is_a_name_that_fits_wherever_a_host_does(
    address: IPv4Address | IPv6Address,
) -> None:
    host = CLOAK.host(str(address))
    assert HOST.fullmatch(host) and len(host) <= 63


@given(ADDRESSES, SECRETS)
def test_the_same_secret_makes_the_same_cloak_on_every_node(
    address: IPv4Address | IPv6Address, secret: bytes
) -> None:
    assert Cloak(secret).host(str(address)) == Cloak(secret).host(str(address))


@given(ADDRESSES, SECRETS, SECRETS)
def test_another_secret_makes_another_cloak(
    address: IPv4Address | IPv6Address, secret: bytes, other: bytes
) -> None:
    one, two = Cloak(secret).host(str(address)), Cloak(other).host(str(address))
    assert (secret == other) == (one == two)


@st.composite
def _neighbours(draw: st.DrawFn) -> tuple[str, str, int]:
    """Two addresses, and how many bits they have in common at the least."""
    one = draw(ADDRESSES)
    size = one.max_prefixlen
    common = draw(st.integers(0, size))
    rest = draw(st.integers(0, (1 << (size - common)) - 1))
    kept = int(one) >> (size - common) << (size - common)
    other = type(one)(kept | rest)
    return str(one), str(other), common


@given(_neighbours())
def test_two_share_the_part_of_each_network_that_they_share(
    neighbours: tuple[str, str, int],
) -> None:
    one, other, _ = neighbours
    first, second = ip_address(one), ip_address(other)
    if getattr(first, "ipv4_mapped", None) or getattr(second, "ipv4_mapped", None):
        return  # those are IPv4
    size = first.max_prefixlen
    shared = [
        int(first) >> (size - length) == int(second) >> (size - length)
        for length in LEVELS[first.version]
    ]
    parts = zip(CLOAK.host(one).split("."), CLOAK.host(other).split("."), strict=True)
    assert [*shared, True] == [mine == theirs for mine, theirs in parts]


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_has_one_cloak_whatever_socket_it_comes_through(
    address: IPv4Address,
) -> None:
    assert CLOAK.host(str(address)) == CLOAK.host(f"::ffff:{address}")


@given(st.ip_addresses(v=4))
def test_nothing_of_an_address_can_be_read_in_its_cloak(address: IPv4Address) -> None:
    parts = CLOAK.host(str(address)).split(".")[:-1]
    assert not {str(address), address.packed.hex(), str(int(address))} & set(parts)
