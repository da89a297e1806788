"""The administrator's pages of Data Servers and Recording Services."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from kombu.exceptions import OperationalError

from qms import api, connection_tests
from qms.connection_steps import ConnectionStep
from qms.models import ConnectionTest, DataServer, RecordingService
from qms.port import QmsUnavailable
from simulators.qms.envelopes import Credentials
from simulators.qms.server import SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms
from vault.fields import Secret

pytestmark = pytest.mark.django_db


@pytest.fixture
def service() -> RecordingService:
    return RecordingService.objects.create(
        slug="north",
        data_server=DataServer.objects.create(slug="main"),
        url="http://127.0.0.1:1/recording-service",
        username="gateway",
        password=Secret("s3cret"),
        identifiers=["10.0.0.1", "node-n"],
    )


def change_url(service: RecordingService) -> str:
    return reverse("admin:qms_recordingservice_change", args=[service.pk])


def test_url(service: RecordingService) -> str:
    return reverse("admin:qms_recordingservice_test_connection_page", args=[service.pk])


test_url.__test__ = False  # type: ignore[attr-defined]


def filled(service: RecordingService, **changes: str) -> dict[str, str]:
    """Return the form as the page shows it, with changes."""
    return {
        "slug": service.slug,
        "data_server": str(service.data_server_id),
        "enabled": "on",
        "url": service.url,
        "login": "username_token",
        "username": "gateway",
        "new_password": "",
        "identifier_lines": "10.0.0.1\nnode-n",
        "guid_window_seconds": "10",
        "lookup_interval_ms": "500",
        "wrapup_wait_seconds": "120",
        "timeout_seconds": "5",
        "max_in_flight": "16",
        "refresh_at": "02:00:00",
    } | changes


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


def page_after(admin_client: Client, service: RecordingService) -> str:
    """Press the button, let a worker do the job, and return the page."""
    answer = admin_client.post(test_url(service))
    assert answer.status_code == 302, "The request itself waits for nothing."
    connection_tests.run_connection_test(service.pk, ConnectionTest.objects.get(service=service).run)
    return admin_client.get(test_url(service)).content.decode()


def steps_url(service: RecordingService) -> str:
    return reverse("admin:qms_connection_steps", args=[service.pk])


def test_the_connection_is_tested_by_post_and_each_step_is_shown(
    admin_client: Client, service: RecordingService
) -> None:
    for _ in range(5):
        api.mark_failed(service.pk, QmsUnavailable("down"), datetime.now(UTC) + timedelta(hours=1))
    with in_thread(SimulatedServer(SimulatedQms(), Credentials("gateway", "s3cret"))) as server:
        RecordingService.objects.update(url=f"http://127.0.0.1:{server.port}/recording-service")

        page = page_after(admin_client, service)

    assert "The connection works." in page
    assert all(step in page for step in ("Reach", "TLS", "WSDL", "Login", "Users", "Flag definitions"))
    assert page.count("passed") == 6
    assert "by admin" in page
    assert steps_url(service) not in page, "What is over is not asked for again."
    assert api.may_send(service.pk, datetime.now(UTC)), "A connection that works again closes the breaker."


def test_a_step_that_fails_shows_what_to_do(admin_client: Client, service: RecordingService) -> None:
    page = page_after(admin_client, service)

    assert "The connection does not work: Reach failed." in page
    assert "Check the port of the address" in page
    assert page.count("not tried") == 5


def test_a_host_that_takes_the_connection_and_never_answers_is_distinguished_from_a_wrong_password(
    admin_client: Client, service: RecordingService
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/recording-service"
        RecordingService.objects.update(url=address, timeout_seconds=0.3)

        page = page_after(admin_client, service)

    assert "Login failed" in page
    assert "sends no whole answer" in page
    assert "Check user name" not in page


def test_the_page_follows_the_steps_while_a_worker_does_them(
    admin_client: Client, service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    with in_thread(SimulatedServer(SimulatedQms(), Credentials("gateway", "s3cret"))) as server:
        RecordingService.objects.update(url=f"http://127.0.0.1:{server.port}/recording-service")
        admin_client.post(test_url(service))
        seen.append(admin_client.get(steps_url(service)).content.decode())

        def looked_at(of: RecordingService, tell: Callable[[list[ConnectionStep]], object]) -> list[ConnectionStep]:
            def tell_and_look(steps: list[ConnectionStep]) -> None:
                tell(steps)
                seen.append(admin_client.get(steps_url(service)).content.decode())

            return api.test_connection(of, tell_and_look)

        monkeypatch.setattr("qms.connection_tests.test_connection", looked_at)
        connection_tests.run_connection_test(service.pk, 1)

    reported = [(one.count("passed"), one.count("running"), one.count("waits"), "hx-get" in one) for one in seen]
    assert reported == [(done, int(done < 6), max(5 - done, 0), True) for done in range(7)]


def test_who_presses_twice_has_one_test(admin_client: Client, service: RecordingService) -> None:
    admin_client.post(test_url(service))
    admin_client.post(test_url(service))

    assert ConnectionTest.objects.get().run == 1


def test_a_test_that_its_worker_did_not_end_is_reported_and_can_be_asked_for_again(
    admin_client: Client, service: RecordingService
) -> None:
    admin_client.post(test_url(service))
    ConnectionTest.objects.update(asked_at=datetime.now(UTC) - timedelta(seconds=30))
    assert "No worker has begun" in admin_client.get(test_url(service)).content.decode()
    ConnectionTest.objects.update(asked_at=datetime.now(UTC) - timedelta(hours=1))

    assert "The test did not end" in admin_client.get(test_url(service)).content.decode()
    admin_client.post(test_url(service))
    connection_tests.run_connection_test(service.pk, 1)

    test = ConnectionTest.objects.get()
    assert (test.run, test.begun_at, test.steps) == (2, None, []), "A late worker changes nothing."


def test_without_a_broker_the_page_says_that_nothing_was_started(
    admin_client: Client, service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_down(*_: object, **__: object) -> None:
        raise OperationalError("Redis is away")

    monkeypatch.setattr(current_app, "send_task", is_down)

    page = admin_client.post(test_url(service), follow=True).content.decode()

    assert "The test could not be started" in page


def test_the_test_needs_the_right_to_change_services(client: Client, service: RecordingService) -> None:
    client.force_login(User.objects.create_user("visitor", is_staff=True))

    assert client.post(test_url(service)).status_code == 403
    assert client.get(steps_url(service)).status_code == 403


def test_the_page_shows_how_the_service_is(admin_client: Client, service: RecordingService) -> None:
    page = admin_client.get(change_url(service)).content.decode()
    assert "not called yet" in page

    for _ in range(5):
        api.mark_failed(service.pk, QmsUnavailable("The connection failed."), datetime.now(UTC))
    page = admin_client.get(change_url(service)).content.decode()

    assert "held back" in page
    assert "The connection failed. (5 in a row)" in page
