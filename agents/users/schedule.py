"""When users are loaded: at start, daily, by hand. A message to the broker is a wake-up; the rows are the truth."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from agents.models import RefreshState, Trigger, UserRefresh
from agents.users.refresh import RefreshRunning, begin_refresh, give_up_stale
from qms.models import RecordingService

log = structlog.get_logger()

#: Time after which a load that no worker has taken is sent again.
UNTAKEN_AFTER = timedelta(seconds=30)
#: A daily load that failed is tried again after this.
AGAIN_AFTER = timedelta(hours=1)
#: A start so soon after a good load (a restart, a second worker) loads nothing.
FRESH_FOR = timedelta(minutes=5)


def request_refresh(
    service_id: int, trigger: Trigger, *, asked_by: str = "", accepts_down_to: int | None = None
) -> UserRefresh:
    """Begin a load and let a worker carry it out; where one runs already, return that."""
    try:
        refresh = begin_refresh(service_id, trigger, asked_by=asked_by, accepts_down_to=accepts_down_to)
    except RefreshRunning as running:
        return running.refresh
    transaction.on_commit(lambda: _send(refresh.pk))
    return refresh


def confirm(refresh: UserRefresh, asked_by: str) -> UserRefresh:
    """Load again and take a list as small as the suspicious one: a person looked at it."""
    return request_refresh(refresh.service_id, Trigger.BUTTON, asked_by=asked_by, accepts_down_to=refresh.loaded)


def request_due_refreshes(now: datetime) -> None:
    """Begin the daily loads that are due, and send again what no worker took. Harmless when run twice or late."""
    give_up_stale(now)
    untaken = UserRefresh.objects.filter(state=RefreshState.RUNNING, taken_at=None, started_at__lt=now - UNTAKEN_AFTER)
    for refresh_id in untaken.values_list("id", flat=True):
        _send(refresh_id)
    for service in RecordingService.objects.filter(enabled=True):
        if is_due(service, now):
            request_refresh(service.pk, Trigger.DAILY)


def request_refreshes_at_start(now: datetime) -> None:
    """Begin a load of every service that has not just been loaded."""
    fresh = UserRefresh.objects.filter(state=RefreshState.DONE, started_at__gt=now - FRESH_FOR)
    stale = RecordingService.objects.filter(enabled=True).exclude(pk__in=fresh.values("service_id"))
    for service_id in stale.values_list("pk", flat=True):
        request_refresh(service_id, Trigger.START)


def is_due(service: RecordingService, now: datetime) -> bool:
    """Say whether the daily load is due: none went well since the time of day last came, and none failed just now."""
    since = UserRefresh.objects.filter(service=service, started_at__gte=last_refresh_at(service, now))
    since = since.exclude(trigger=Trigger.FILE)  # A file does not stand for what the service lists.
    settled = since.filter(state__in=(RefreshState.DONE, RefreshState.SUSPICIOUS, RefreshState.RUNNING))
    return not settled.exists() and not since.filter(started_at__gt=now - AGAIN_AFTER).exists()


def last_refresh_at(service: RecordingService, now: datetime) -> datetime:
    """Return when the service's time of day last came, by the site's clock."""
    return last_time_of_day(service.refresh_at, now)


def last_time_of_day(wanted: time, now: datetime) -> datetime:
    """Return when a time of day last came, by the site's clock."""
    zone = ZoneInfo(settings.TIME_ZONE)
    today = now.astimezone(zone).date()
    days: Iterable[datetime] = (
        datetime.combine(today - timedelta(days=back), wanted, zone).astimezone(UTC) for back in range(2)
    )
    return next(moment for moment in days if moment <= now)


def _send(refresh_id: int) -> None:
    try:
        current_app.send_task("agents.tasks.load_users", args=[refresh_id], queue="default", expires=600)
    except OperationalError:
        log.warning("user_refresh_hint_lost", refresh_id=refresh_id)  # The next minute sends it again.
