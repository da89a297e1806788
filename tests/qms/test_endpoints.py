"""Where QMS may be called: link-local addresses never by accident, and only what the site's list names."""

import socket
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from qms import allowed_hosts, endpoints
from qms.models import DataServer, RecordingService, validate_address, validate_wsdl
from qms.soap.http import HttpConnection, Limits, NotReached

CLOUDS = ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "2852039166", "0xA9FEA9FE"]


@pytest.mark.parametrize("host", CLOUDS)
def test_an_address_at_which_clouds_hand_out_credentials_is_not_saved(host: str) -> None:
    for validate in (validate_address, validate_wsdl):
        with pytest.raises(ValidationError, match="not allowed to call"):
            validate(f"http://{host}/latest/meta-data/")


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.7", "qms", "qms.example.org", "[fd12::7]"])
def test_every_other_host_is_free_where_the_site_has_no_list(host: str) -> None:
    validate_address(f"http://{host}:8090/recording-service")


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("qms.example.org", True),
        ("QMS.Example.org.", True),
        ("a.b.example.net", True),
        ("example.net", False),
        ("badexample.net", False),
        ("10.20.3.4", True),
        ("10.21.3.4", False),
        ("[fd12::7]", True),
        ("[fd13::7]", False),
        ("169.254.10.20", True),
        ("169.254.169.254", False),
    ],
)
def test_only_what_the_list_names_is_saved(settings: Any, host: str, is_allowed: bool) -> None:
    settings.QMS_ENDPOINTS = ["qms.example.org", "*.example.net", "10.20.0.0/16", "fd12::/16", "169.254.10.0/24"]

    plain = host.strip("[]")
    literal = plain[0].isdigit() or ":" in plain
    assert endpoints.may_be_entered(plain) is (is_allowed or not literal), "A name may lie in a listed network."
    assert endpoints.may_call(plain, plain if literal else "192.0.2.1") is is_allowed


def test_a_name_that_is_not_listed_is_refused_as_it_is_saved_where_only_names_are_listed(
    settings: Any,
) -> None:
    settings.QMS_ENDPOINTS = ["qms.example.org"]

    validate_address("http://qms.example.org/")
    with pytest.raises(ValidationError, match="QMS_ENDPOINTS does not list it"):
        validate_address("http://other.example.org/")


def test_a_name_that_leads_to_a_cloud_is_refused_as_it_is_called(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.QMS_ENDPOINTS = ["qms.example.org"]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]

    def found_by(*_: Any, **__: Any) -> Any:
        return found

    monkeypatch.setattr(socket, "getaddrinfo", found_by)

    with pytest.raises(NotReached, match=r"not allowed to call 169\.254\.169\.254") as refused:
        HttpConnection("http://qms.example.org/", Limits()).reach()

    assert "Address" in refused.value.advice


def test_a_host_that_is_not_listed_is_not_called(settings: Any) -> None:
    settings.QMS_ENDPOINTS = ["10.20.0.0/16"]

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        for act in (HttpConnection.reach, HttpConnection.open):
            with pytest.raises(NotReached, match="not allowed"):
                act(HttpConnection(f"http://localhost:{server.getsockname()[1]}/", Limits()))
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "a b", "*", "http://qms/", "user@qms"])
def test_an_entry_that_cannot_be_meant_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="is n"):
        allowed_hosts.parse([entry])


@pytest.mark.django_db
def test_the_error_names_the_field() -> None:
    service = RecordingService(
        slug="north",
        data_server=DataServer.objects.create(slug="main"),
        url="http://169.254.169.254/",
        wsdl="http://[fe80::1]/x?wsdl",
    )

    with pytest.raises(ValidationError) as refused:
        service.full_clean()

    assert set(refused.value.message_dict) == {"url", "wsdl"}
