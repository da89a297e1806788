"""A Recording Service that nobody changed is read by one statement; every change of it or its health counts at once."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import clock
from qms import health, kept_services
from qms.api import is_on_trial, mark_failed, mark_ok, read_service
from qms.models import DataServer, RecordingService, ServiceHealth
from qms.port import QmsUnclear

pytestmark = [pytest.mark.django_db, pytest.mark.storage]


@pytest.fixture
def service() -> RecordingService:
    server = DataServer.objects.create(slug="data")
    return RecordingService.objects.create(slug="rs", url="http://rs.invalid/", data_server=server, password="secret")


def test_a_service_is_read_by_one_statement_as_long_as_nothing_of_it_changes(service: RecordingService) -> None:
    first = read_service(service.pk, clock.now())

    with CaptureQueriesContext(connection) as asked:
        again = read_service(service.pk, clock.now())

    assert len(asked) == 1
    assert first == again == service


def test_that_it_answered_makes_no_service_another_one(service: RecordingService) -> None:
    mark_ok(service.pk, clock.now())
    read_service(service.pk, clock.now())
    mark_ok(service.pk, clock.now() + timedelta(seconds=6))

    with CaptureQueriesContext(connection) as asked:
        read_service(service.pk, clock.now())

    assert len(asked) == 1


@pytest.mark.parametrize("change", [{"shadow": True}, {"enabled": False}, {"password": "other"}, {"max_in_flight": 3}])
def test_what_a_person_changed_counts_at_the_next_reading(service: RecordingService, change: dict[str, object]) -> None:
    read_service(service.pk, clock.now())

    for name, value in change.items():
        setattr(service, name, value)
    service.save()

    read = read_service(service.pk, clock.now())
    assert {name: getattr(read, name) for name in change} == change


def test_its_health_is_as_it_is_now(service: RecordingService) -> None:
    read_service(service.pk, clock.now())

    mark_failed(service.pk, QmsUnclear("no answer"), clock.now())
    failing = read_service(service.pk, clock.now())
    ServiceHealth.objects.update(late_write_seconds=7.0)
    late = read_service(service.pk, clock.now())

    assert failing is not None
    assert failing.health.failures == 1
    assert late is not None
    assert late.health.late_write_seconds == 7.0


def test_a_service_that_was_deleted_is_none(service: RecordingService) -> None:
    read_service(service.pk, clock.now())

    RecordingService.objects.all().delete()

    assert read_service(service.pk, clock.now()) is None


def test_a_change_that_was_undone_by_the_end_of_the_reading_is_not_kept(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_meanwhile(service_id: int) -> RecordingService | None:
        RecordingService.objects.update(enabled=False)
        read = RecordingService.objects.select_related("health").get(pk=service_id)
        RecordingService.objects.update(enabled=True)
        return read

    monkeypatch.setattr(kept_services, "_read", read_meanwhile)
    read_service(service.pk, clock.now())
    monkeypatch.undo()

    read = read_service(service.pk, clock.now())
    assert read is not None
    assert read.enabled


def test_a_service_that_was_just_read_is_not_looked_at_again_until_its_answer_is_to_be_noted(
    service: RecordingService,
) -> None:
    now = clock.now()
    mark_ok(service.pk, now - timedelta(seconds=4))
    read_service(service.pk, clock.now())

    with CaptureQueriesContext(connection) as asked:
        assert not is_on_trial(service.pk, clock.now())
        mark_ok(service.pk, clock.now())
    mark_ok(service.pk, now + timedelta(seconds=1.5))

    assert not asked.captured_queries
    assert ServiceHealth.objects.get().ok_at == now + timedelta(seconds=1.5)


def test_a_failure_that_was_noted_before_or_after_the_reading_is_not_hidden_by_it(service: RecordingService) -> None:
    mark_ok(service.pk, clock.now())
    ServiceHealth.objects.update(failures=5, open_until=clock.now() + timedelta(seconds=9))  # By another process.
    read_service(service.pk, clock.now())
    health.forget()
    read_service(service.pk, clock.now())
    assert is_on_trial(service.pk, clock.now())

    ServiceHealth.objects.update(failures=0, open_until=None)
    read_service(service.pk, clock.now())
    for _ in range(5):
        mark_failed(service.pk, QmsUnclear("no answer"), clock.now())
    assert is_on_trial(service.pk, clock.now())
