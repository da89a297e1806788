"""Certificates that end: seen at real servers, whoever signed them and though they have ended."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cti.models import CtiSource
from gateway_site.alarms.conditions import find
from qms.models import DataServer, RecordingService
from tests.cti.csta.certificates import make_certificates

pytestmark = pytest.mark.django_db
#: The certificates of the tests end in an hour.
NOW = datetime.now(UTC)
TOMORROW = NOW + timedelta(days=1)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    make_certificates(tmp_path)
    return tmp_path


@pytest.fixture
def tls_port(certificates: Path) -> Iterator[int]:
    """Serve TLS with a certificate of a CA that only the site knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "right.pem", certificates / "right.key")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=_serve_one, args=(listening, context))
        serving.start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
        serving.join(5)


def _serve_one(listening: socket.socket, context: ssl.SSLContext) -> None:
    try:
        link, _ = listening.accept()
        with link, context.wrap_socket(link, server_side=True) as encrypted:
            encrypted.recv(1)
    except OSError:  # The test is over.
        return


def service(url: str, **options: str) -> None:
    server = DataServer.objects.create(slug="central")
    RecordingService.objects.create(slug="north", url=url, data_server=server, options=options)


def texts(now: datetime) -> list[tuple[str, str]]:
    return [(one.subject, one.text) for one in find(now, {"certificate": 21.0})]


def test_the_certificate_of_an_endpoint_is_read_though_nobody_here_knows_its_ca(tls_port: int, redis: Any) -> None:
    service(f"https://127.0.0.1:{tls_port}/")

    assert texts(NOW) == [("north, the certificate of its endpoint", f"It ends in 0 days, on {_day()}.")]


def test_one_that_has_ended_is_an_alarm_all_the_more(tls_port: int, redis: Any) -> None:
    service(f"https://127.0.0.1:{tls_port}/")

    assert texts(TOMORROW) == [("north, the certificate of its endpoint", f"It has ended, on {_day()}.")]


def test_one_that_ends_late_enough_is_none(tls_port: int, redis: Any) -> None:
    service(f"https://127.0.0.1:{tls_port}/")

    assert find(NOW - timedelta(days=30), {"certificate": 21.0}) == []


def test_the_certificate_of_a_pbx_is_watched_too(tls_port: int, redis: Any) -> None:
    CtiSource.objects.create(slug="pbx", kind="csta_xml", host="127.0.0.1", port=tls_port, tls=True)

    assert [part for part, _ in texts(TOMORROW)] == ["pbx, the certificate of its PBX"]


def test_the_gateways_own_client_certificate_is_watched_too(certificates: Path, redis: Any) -> None:
    service("http://127.0.0.1:1/", client_certificate=str(certificates / "right.pem"))

    assert texts(TOMORROW) == [("north, the client certificate", f"It has ended, on {_day()}.")]


@pytest.mark.parametrize("file", ["/no/such/file.pem", __file__])
def test_what_cannot_be_read_is_no_alarm_of_a_certificate(file: str, redis: Any) -> None:
    service("https://127.0.0.1:1/", client_certificate=file)

    assert texts(TOMORROW) == []


def _day() -> str:
    return f"{NOW + timedelta(hours=1):%Y-%m-%d}"
