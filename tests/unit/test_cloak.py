"""What others see in the place of an address; for all addresses see tests/property/test_cloaks."""

import pytest

from node.core.cloak import LOCAL, Cloak

CLOAK = Cloak(b"0123456789abcdef")


def test_cloaks_stay_what_they_are_from_release_to_release() -> None:
    hosts = [CLOAK.host(address) for address in ("192.0.2.7", "192.0.2.99", "2001:db8::1")]
    assert [
        "o237kju5hq.vhphv2xysj.tpautotdvu.cloak",
        "nqnqykbg7o.vhphv2xysj.tpautotdvu.cloak",
        "zizwiyhrpx.77j3ecnr34.w6s7dsiwsr.cloak",
    ] == hosts


@pytest.mark.parametrize("address", ["", "unix", "not an address", "192.0.2.7/32"])
def test_what_is_no_address_is_local(address: str) -> None:
    assert LOCAL == CLOAK.host(address)


def test_who_has_one_network_of_ipv6_has_one_cloak_in_it() -> None:
    assert CLOAK.host("2001:db8:1:2::1") == CLOAK.host("2001:db8:1:2:ffff::9")


def test_the_secret_is_in_nothing_that_a_log_could_show() -> None:
    assert "0123456789abcdef" not in repr(CLOAK) + str(CLOAK)
