"""The administrator's pages of Data Servers and Recording Services."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from qms import api
from qms.models import DataServer, RecordingService
from qms.port import QmsUnavailable
from qms.simulated.envelopes import Credentials
from qms.simulated.server import SimulatedServer, in_thread
from qms.simulated.site import SimulatedQms
from vault.fields import Secret

pytestmark = pytest.mark.django_db


@pytest.fixture
def service() -> RecordingService:
    return RecordingService.objects.create(
        slug="north", data_server=DataServer.objects.create(slug="main"), url="http://127.0.0.1:1/recording-service",
        username="gateway", password=Secret("s3cret"), identifiers=["10.0.0.1", "node-n"],
    )  # fmt: skip


def change_url(service: RecordingService) -> str:
    return reverse("admin:qms_recordingservice_change", args=[service.pk])


def test_url(service: RecordingService) -> str:
    return reverse("admin:qms_recordingservice_test_connection_page", args=[service.pk])


test_url.__test__ = False  # type: ignore[attr-defined]


def filled(service: RecordingService, **changes: str) -> dict[str, str]:
    """Return the form as the page shows it, with changes."""
    return {
        "slug": service.slug, "data_server": str(service.data_server_id), "enabled": "on", "url": service.url,
        "login": "username_token", "username": "gateway", "new_password": "", "identifier_lines": "10.0.0.1\nnode-n",
        "guid_window_seconds": "10", "lookup_interval_ms": "500", "wrapup_wait_seconds": "120", "timeout_seconds": "5",
        "max_in_flight": "16", "refresh_at": "02:00:00",
    } | changes  # fmt: skip


def stored(service: RecordingService) -> RecordingService:
    return RecordingService.objects.get(pk=service.pk)


@pytest.mark.parametrize("name", ["dataserver", "recordingservice"])
def test_the_lists_and_forms_open(admin_client: Client, service: RecordingService, name: str) -> None:
    for url in (reverse(f"admin:qms_{name}_changelist"), reverse(f"admin:qms_{name}_add"), change_url(service)):
        assert admin_client.get(url).status_code == 200


def test_no_page_shows_the_password(admin_client: Client, service: RecordingService) -> None:
    pages = [change_url(service), test_url(service), reverse("admin:qms_recordingservice_changelist")]

    assert not [url for url in pages if "s3cret" in admin_client.get(url).content.decode()]


def test_the_password_stays_when_its_field_is_left_empty(admin_client: Client, service: RecordingService) -> None:
    answer = admin_client.post(change_url(service), filled(service, username="other"))

    assert answer.status_code == 302
    assert (stored(service).username, stored(service).password.reveal()) == ("other", "s3cret")


def test_the_password_can_be_set_and_forgotten(admin_client: Client, service: RecordingService) -> None:
    admin_client.post(change_url(service), filled(service, new_password=" new one "))
    assert stored(service).password.reveal() == " new one "

    admin_client.post(change_url(service), filled(service, forget_password="on"))
    assert stored(service).password == ""


def test_identifiers_are_entered_one_a_line(admin_client: Client, service: RecordingService) -> None:
    admin_client.post(change_url(service), filled(service, identifier_lines=" 10.0.0.7 \n\nnode-x\n"))

    assert stored(service).identifiers == ["10.0.0.7", "node-x"]


@pytest.mark.parametrize("url", ["ftp://qms/", "qms:8090", "http://", "http://a b/", "http://user:word@qms/"])
def test_an_address_that_cannot_be_called_is_refused(admin_client: Client, service: RecordingService, url: str) -> None:
    answer = admin_client.post(change_url(service), filled(service, url=url))

    assert answer.status_code == 200
    assert stored(service).url == service.url


def test_an_address_may_be_a_bare_host_name(admin_client: Client, service: RecordingService) -> None:
    admin_client.post(change_url(service), filled(service, url="http://qms:8090/recording-service"))

    assert stored(service).url == "http://qms:8090/recording-service"


def test_looking_at_the_test_page_sends_nothing(admin_client: Client, service: RecordingService) -> None:
    with in_thread(SimulatedServer(SimulatedQms(), Credentials("gateway", "s3cret"))) as server:
        RecordingService.objects.update(url=f"http://127.0.0.1:{server.port}/recording-service")

        answer = admin_client.get(test_url(service))

    assert "Nothing is changed in QMS" in answer.content.decode()
    assert not server.qms.calls


def test_the_connection_is_tested_by_post_and_each_step_is_shown(
    admin_client: Client, service: RecordingService
) -> None:
    for _ in range(5):
        api.mark_failed(service.pk, QmsUnavailable("down"), datetime.now(UTC) + timedelta(hours=1))
    with in_thread(SimulatedServer(SimulatedQms(), Credentials("gateway", "s3cret"))) as server:
        RecordingService.objects.update(url=f"http://127.0.0.1:{server.port}/recording-service")

        page = admin_client.post(test_url(service)).content.decode()

    assert "The connection works." in page
    assert all(step in page for step in ("Reach", "TLS", "WSDL", "Login", "Users", "Flag definitions"))
    assert api.may_send(service.pk, datetime.now(UTC)), "A connection that works again closes the breaker."


def test_a_step_that_fails_shows_what_to_do(admin_client: Client, service: RecordingService) -> None:
    page = admin_client.post(test_url(service)).content.decode()

    assert "The connection does not work." in page
    assert "Check host and port" in page


def test_the_test_needs_the_right_to_change_services(client: Client, service: RecordingService) -> None:
    client.force_login(User.objects.create_user("visitor", is_staff=True))

    assert client.post(test_url(service)).status_code == 403


def test_the_page_shows_how_the_service_is(admin_client: Client, service: RecordingService) -> None:
    page = admin_client.get(change_url(service)).content.decode()
    assert "not called yet" in page

    for _ in range(5):
        api.mark_failed(service.pk, QmsUnavailable("The connection failed."), datetime.now(UTC))
    page = admin_client.get(change_url(service)).content.decode()

    assert "held back" in page
    assert "The connection failed. (5 in a row)" in page
