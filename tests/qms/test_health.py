"""The health of a Recording Service, its circuit breaker and its clock."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from qms import api, health
from qms.connections import adapters
from qms.health import BreakerState
from qms.models import DataServer, RecordingService, ServiceHealth
from qms.port import QmsLoginFailed, QmsUnavailable, RecordingNotFound

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DOWN = QmsUnavailable("The connection failed.")
pytestmark = pytest.mark.django_db


@pytest.fixture
def service() -> RecordingService:
    server = DataServer.objects.create(slug="d")
    return RecordingService.objects.create(slug="s", data_server=server, url="http://127.0.0.1:1/")


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def fail(service: RecordingService, times: int, now: datetime = NOON) -> None:
    for _ in range(times):
        api.mark_failed(service.pk, DOWN, now)


def state(service: RecordingService, now: datetime) -> BreakerState:
    return api.breaker_state(ServiceHealth.objects.get(pk=service.pk), now)


def test_a_service_never_called_may_be_called(service: RecordingService) -> None:
    assert api.may_send(service.pk, NOON)


def test_four_failures_leave_the_breaker_closed(service: RecordingService) -> None:
    fail(service, 4)

    assert api.may_send(service.pk, NOON)
    assert state(service, NOON) is BreakerState.CLOSED


def test_five_failures_in_a_row_open_it_for_a_second(service: RecordingService) -> None:
    fail(service, 5)

    assert not api.may_send(service.pk, after(0.9))
    assert state(service, after(0.9)) is BreakerState.OPEN


def test_a_success_between_failures_starts_the_count_again(service: RecordingService) -> None:
    fail(service, 4)
    api.mark_ok(service.pk, NOON)
    fail(service, 4)

    assert api.may_send(service.pk, NOON)


def test_when_the_wait_is_over_one_call_is_let_through(service: RecordingService) -> None:
    fail(service, 5)

    assert state(service, after(1)) is BreakerState.HALF_OPEN
    assert api.may_send(service.pk, after(1))
    assert not api.may_send(service.pk, after(1))
    assert not api.may_send(service.pk, after(3))


def test_a_probe_whose_process_died_is_given_up(service: RecordingService) -> None:
    fail(service, 5)
    api.may_send(service.pk, after(1))

    assert api.may_send(service.pk, after(1 + health.PROBE_SECONDS))


def test_a_probe_that_succeeds_closes_it(service: RecordingService) -> None:
    fail(service, 5)
    api.may_send(service.pk, after(1))
    api.mark_ok(service.pk, after(1))

    assert state(service, after(1)) is BreakerState.CLOSED
    assert api.may_send(service.pk, after(1))


def test_each_probe_that_fails_doubles_the_wait_up_to_a_minute(service: RecordingService) -> None:
    fail(service, 5)
    now, waits = NOON, []
    for _ in range(8):
        opened = ServiceHealth.objects.get(pk=service.pk).open_until
        assert opened is not None
        waits.append((opened - now).total_seconds())
        now = opened
        assert api.may_send(service.pk, now)
        fail(service, 1, now)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_stragglers_of_an_open_breaker_do_not_lengthen_its_wait(service: RecordingService) -> None:
    """Sixteen calls in flight fail together when a service goes down."""
    fail(service, 16)

    assert api.may_send(service.pk, after(1))


def test_a_refusal_is_an_answer_and_no_failure(service: RecordingService) -> None:
    fail(service, 4)
    api.mark_failed(service.pk, RecordingNotFound("gone"), NOON)
    fail(service, 4)

    assert api.may_send(service.pk, NOON)


def test_a_refused_login_is_a_failure(service: RecordingService) -> None:
    """Trying on would lock the account and flood the log of QMS."""
    for _ in range(5):
        api.mark_failed(service.pk, QmsLoginFailed("no"), NOON)

    assert not api.may_send(service.pk, NOON)


def test_the_last_error_is_kept_with_its_time(service: RecordingService) -> None:
    fail(service, 1)

    kept = ServiceHealth.objects.get(pk=service.pk)
    assert (kept.failed_at, kept.error, kept.failures) == (NOON, "Unavailable: The connection failed.", 1)


def test_a_service_that_stays_well_costs_one_write_in_five_seconds(
    service: RecordingService, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    api.mark_ok(service.pk, NOON)

    with django_assert_num_queries(1):  # type: ignore[operator]
        api.mark_ok(service.pk, after(4.9))

    with django_assert_num_queries(2):  # type: ignore[operator]  # It is read, and written by one statement.
        api.mark_ok(service.pk, after(5.9))
    assert ServiceHealth.objects.get(pk=service.pk).ok_at == after(5.9)


def test_a_service_that_is_well_is_looked_at_once_a_second(
    service: RecordingService, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    api.mark_ok(service.pk, NOON)

    with django_assert_num_queries(0):  # type: ignore[operator]
        api.mark_ok(service.pk, after(0.9))
        assert not api.is_on_trial(service.pk, after(0.9))
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert not api.is_on_trial(service.pk, after(1))
        api.mark_ok(service.pk, after(1.9))


def test_a_service_that_is_looked_at_before_each_answer_is_still_noted_to_live(service: RecordingService) -> None:
    for number in range(50):
        api.is_on_trial(service.pk, after(number * 0.4))
        api.mark_ok(service.pk, after(number * 0.4 + 0.1))

    at = ServiceHealth.objects.get().ok_at
    assert at is not None
    assert at > after(13)


def test_a_failure_that_another_process_noted_is_hidden_for_a_second_at_most(service: RecordingService) -> None:
    api.mark_ok(service.pk, NOON)
    ServiceHealth.objects.update(failures=5, open_until=after(9))

    assert not api.is_on_trial(service.pk, after(0.9))
    assert api.is_on_trial(service.pk, after(1))
    api.mark_ok(service.pk, after(1))
    assert ServiceHealth.objects.get().failures == 0


def test_after_a_failure_of_this_process_its_next_success_is_noted_at_once(service: RecordingService) -> None:
    api.mark_ok(service.pk, NOON)
    fail(service, 5)
    assert api.is_on_trial(service.pk, NOON)
    api.mark_ok(service.pk, NOON)

    assert ServiceHealth.objects.get().failures == 0
    assert not api.is_on_trial(service.pk, NOON)


@pytest.mark.parametrize("look", [api.mark_ok, api.is_on_trial])
def test_a_failure_that_comes_while_it_is_looked_at_is_not_hidden(service: RecordingService, look: Any) -> None:
    ServiceHealth.objects.create(service=service, ok_at=NOON)
    looks: list[bool] = []

    def come_between(execute: Any, *rest: Any) -> Any:
        found = execute(*rest)
        if not looks:
            looks.append(True)
            fail(service, 1)
        return found

    with connection.execute_wrapper(come_between):
        look(service.pk, NOON)
    api.mark_ok(service.pk, NOON)

    assert ServiceHealth.objects.get().failures == 0


def test_a_clock_of_qms_that_moves_is_noted_at_once(service: RecordingService, monkeypatch: pytest.MonkeyPatch) -> None:
    api.mark_ok(service.pk, NOON)
    monkeypatch.setattr(adapters, "clock_offset_seconds", lambda _: -3.2)
    api.mark_ok(service.pk, NOON)

    assert api.clock_offset_seconds(service.pk) == -3.2


def test_the_clock_of_qms_is_noted_when_it_moves_by_more_than_two_seconds(service: RecordingService) -> None:
    health.mark_ok(service.pk, NOON, 1.9)
    assert api.clock_offset_seconds(service.pk) == 0

    health.mark_ok(service.pk, NOON, -3.2)
    assert api.clock_offset_seconds(service.pk) == -3.2

    health.mark_ok(service.pk, NOON, -4.0)
    assert api.clock_offset_seconds(service.pk) == -3.2


def test_a_claim_that_comes_between_looking_and_claiming_wins(service: RecordingService) -> None:
    fail(service, 5)
    claims: list[bool] = []

    def come_between(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and not claims:
            claims.append(True)
            claims[0] = api.may_send(service.pk, after(1))
        return execute(sql, *rest)

    with connection.execute_wrapper(come_between):
        claims.append(api.may_send(service.pk, after(1)))

    assert claims == [True, False]


@pytest.mark.django_db(transaction=True)
def test_of_many_processes_one_gets_the_probe(service: RecordingService) -> None:
    fail(service, 5)

    def ask(_: int) -> bool:
        try:
            return api.may_send(service.pk, after(1))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(16))) == 1


@pytest.mark.django_db(transaction=True)
def test_failures_noted_at_the_same_time_are_all_counted(service: RecordingService) -> None:
    def note(_: int) -> None:
        try:
            api.mark_failed(service.pk, DOWN, NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, range(24)))

    assert ServiceHealth.objects.get(pk=service.pk).failures == 24
