"""When users are loaded: at start, each day at the service's time, and by hand."""

import json
from base64 import b64decode
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from agents.models import RefreshState, Trigger, UserRefresh
from agents.users.schedule import (
    UNTAKEN_AFTER,
    confirm,
    is_due,
    last_refresh_at,
    request_due_refreshes,
    request_refresh,
    request_refreshes_at_start,
)
from qms.models import RecordingService
from tests.agents.conftest import make_service

pytestmark = pytest.mark.django_db
MORNING = datetime(2025, 3, 3, 8, tzinfo=UTC)


def loaded(service: RecordingService, at: datetime, state: RefreshState = RefreshState.DONE) -> UserRefresh:
    return UserRefresh.objects.create(
        service=service, trigger=Trigger.DAILY, state=state, started_at=at, progress_at=at, taken_at=at
    )


def sent(redis: Any) -> list[int]:
    """Return the loads that were sent to the workers, oldest first."""
    bodies = (json.loads(message)["body"] for message in reversed(redis.lrange("default", 0, -1)))
    return [json.loads(b64decode(body))[0][0] for body in bodies]


def test_the_time_of_day_is_the_sites(north: RecordingService, settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    north.refresh_at = time(9, 30)

    assert last_refresh_at(north, MORNING) == datetime(2025, 3, 2, 8, 30, tzinfo=UTC)
    assert last_refresh_at(north, MORNING + timedelta(minutes=30)) == MORNING + timedelta(minutes=30)
    assert last_refresh_at(north, datetime(2025, 7, 1, 8, tzinfo=UTC)) == datetime(2025, 7, 1, 7, 30, tzinfo=UTC)


def test_a_service_is_due_once_a_day(north: RecordingService) -> None:
    assert is_due(north, MORNING)
    loaded(north, MORNING)

    assert not is_due(north, MORNING + timedelta(hours=17))
    assert is_due(north, MORNING + timedelta(hours=18))


def test_a_list_from_a_file_does_not_stand_for_the_daily_load(north: RecordingService) -> None:
    refresh = loaded(north, MORNING)
    UserRefresh.objects.filter(pk=refresh.pk).update(trigger=Trigger.FILE)

    assert is_due(north, MORNING + timedelta(hours=1))


def test_a_failed_daily_load_is_tried_again_an_hour_later(north: RecordingService) -> None:
    loaded(north, MORNING, RefreshState.FAILED)

    assert not is_due(north, MORNING + timedelta(minutes=59))
    assert is_due(north, MORNING + timedelta(minutes=61))


def test_a_suspicious_list_is_not_asked_for_again_until_the_next_day(north: RecordingService) -> None:
    loaded(north, MORNING, RefreshState.SUSPICIOUS)

    assert not is_due(north, MORNING + timedelta(hours=2))


def test_due_services_are_begun_and_sent_once(
    north: RecordingService, redis: Any, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    make_service("off", enabled=False)
    with django_capture_on_commit_callbacks(execute=True):
        request_due_refreshes(datetime.now(UTC))
        request_due_refreshes(datetime.now(UTC))

    begun = UserRefresh.objects.get()
    assert (begun.service, begun.trigger, begun.state) == (north, Trigger.DAILY, RefreshState.RUNNING)
    assert sent(redis) == [begun.pk]


def test_what_the_broker_lost_is_sent_again(
    north: RecordingService, redis: Any, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        refresh = request_refresh(north.pk, Trigger.BUTTON, asked_by="alice")
    redis.flushall()

    request_due_refreshes(datetime.now(UTC) + UNTAKEN_AFTER + timedelta(seconds=1))

    assert sent(redis) == [refresh.pk]


def test_a_second_press_of_the_button_gives_the_load_that_runs(north: RecordingService) -> None:
    assert request_refresh(north.pk, Trigger.BUTTON) == request_refresh(north.pk, Trigger.BUTTON)


def test_at_start_every_service_is_loaded_that_was_not_just_now(north: RecordingService) -> None:
    south = make_service("south")
    loaded(north, datetime.now(UTC))

    request_refreshes_at_start(datetime.now(UTC))

    assert UserRefresh.objects.get(state=RefreshState.RUNNING).service == south
    assert UserRefresh.objects.get(service=south).trigger == Trigger.START


def test_confirming_asks_for_a_list_as_small_as_the_one_shown(north: RecordingService) -> None:
    suspicious = loaded(north, MORNING, RefreshState.SUSPICIOUS)
    UserRefresh.objects.filter(pk=suspicious.pk).update(loaded=4)
    suspicious.refresh_from_db()

    again = confirm(suspicious, "alice")

    assert (again.accepts_down_to, again.asked_by, again.trigger) == (4, "alice", Trigger.BUTTON)
