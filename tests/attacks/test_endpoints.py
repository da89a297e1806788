"""Whoever may enter the address of a Recording Service leads the gateway to the credentials of its own cloud."""

from ipaddress import ip_address

import pytest

from qms.endpoints import parse

#: 169.254.169.254 in all spellings.
SPELLINGS = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:1:2:3:4:5601:5601",
    "::a9fe:a9fe",
    "fe80::1",
    "fd00:ec2::254",
]


@pytest.mark.parametrize("address", SPELLINGS)
@pytest.mark.parametrize("listed", [[], ["qms.example.org"], ["0.0.0.0/0", "::/0"]])
def test_a_link_local_address_is_closed_in_every_spelling(address: str, listed: list[str]) -> None:
    """Before: by NAT64, 6to4, Teredo and IPv4-compatible addresses it was open."""
    assert not parse(listed).may_call("qms.example.org", ip_address(address))


@pytest.mark.parametrize("address", ["10.0.0.7", "64:ff9b::a00:7", "2001:db8::1", "::1", "127.0.0.1"])
def test_other_addresses_stay_open(address: str) -> None:
    assert parse([]).may_call("qms.example.org", ip_address(address))


@pytest.mark.parametrize("written", ["0xA9FEA9FE", "2852039166", "0251.0376.0251.0376", "[64:ff9b::a9fe:a9fe]"])
def test_a_literal_is_judged_before_it_is_saved(written: str) -> None:
    assert not parse([]).may_be_entered(written.strip("[]"))
