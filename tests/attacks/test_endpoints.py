"""Whoever may enter the address of a Recording Service leads the gateway to the credentials of its own cloud."""

from ipaddress import ip_address
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from qms.allowed_hosts import parse
from qms.models import validate_wsdl

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


def test_a_wsdl_file_lies_in_its_folder_alone(tmp_path: Path, settings: Settings) -> None:
    """Before: any file of the machine could be named, and /dev/zero was read without end."""
    settings.WSDL_FOLDER = tmp_path / "wsdl"
    settings.WSDL_FOLDER.mkdir()
    (settings.WSDL_FOLDER / "link.wsdl").symlink_to("/etc/passwd")
    outside = ["/etc/passwd", "/dev/zero", "file:///etc/passwd", f"{tmp_path}/wsdl/../secret_key", "pyproject.toml"]

    validate_wsdl(f"{settings.WSDL_FOLDER}/service.wsdl")
    for value in (*outside, f"{settings.WSDL_FOLDER}/link.wsdl", f"{settings.WSDL_FOLDER}-other/x.wsdl"):
        with pytest.raises(ValidationError, match="WSDL_FOLDER"):
            validate_wsdl(value)


@pytest.mark.parametrize("written", ["0xA9FEA9FE", "2852039166", "0251.0376.0251.0376", "[64:ff9b::a9fe:a9fe]"])
def test_a_literal_is_judged_before_it_is_saved(written: str) -> None:
    assert not parse([]).may_be_entered(written.strip("[]"))
