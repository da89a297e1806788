"""An operator's acts on chosen flag writes, each kept in the admin's history: who, when, before and after."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction

from clock.text import shown
from flags.models import FlagWrite, RetryRun
from flags.outbox.alerts import is_open
from flags.outbox.claims import free
from flags.outbox.queue import give_up, retry
from flags.outbox.retry_runs import retry_all

log = structlog.get_logger()

#: Maximum number of alerts that are acknowledged by one press: each is kept in the history.
ACKNOWLEDGED_AT_ONCE = 5000
#: Who acts; the admin lets nobody in who is not logged in.
Operator = AbstractBaseUser | AnonymousUser


def retry_now(keys: Sequence[int], user: Operator, now: datetime) -> int:
    """Put back the failed writes and try the waiting ones at once. Returns how many."""
    return _act("Retry", keys, user, now, lambda: retry(keys, user.get_username(), now))


def give_up_for(reason: str, keys: Sequence[int], user: Operator, now: datetime) -> int:
    """Give up the waiting writes for a reason. Returns how many."""
    return _act(f"Give up ({reason})", keys, user, now, lambda: give_up(keys, user.get_username(), reason, now))


def retry_all_of(error_code: str, service_id: int | None, user: Operator, now: datetime) -> RetryRun:
    """Begin to put back every write of a reason; what was ordered is the history, its row shows how it went."""
    with transaction.atomic():
        run = retry_all(user.get_username(), now, error_code=error_code, service_id=service_id)
        _log(user, [(run, f"Retry all of the reason {error_code}; each had failed, and now waits to be sent.")])
    return run


def acknowledge(keys: Sequence[int], user: Operator, now: datetime) -> int:
    """Take note of the open alerts among these writes, which stay as they are. Returns how many."""
    return _acknowledge(FlagWrite.objects.filter(is_open(), pk__in=keys), user, now)


def acknowledge_oldest(until: datetime, user: Operator, now: datetime) -> int:
    """Take note of the alerts that were open at a moment, the oldest first, as many as one press may.

    Returns how many. What was raised after that moment has been seen by nobody.
    """
    oldest = (
        FlagWrite.objects.filter(is_open(), alert_since__lte=until).order_by("pk").values("pk")[:ACKNOWLEDGED_AT_ONCE]
    )
    return _acknowledge(FlagWrite.objects.filter(is_open(), pk__in=oldest), user, now)


def _acknowledge(alerts: models.QuerySet[FlagWrite], user: Operator, now: datetime) -> int:
    with transaction.atomic():
        rows = list(alerts.order_by("pk").select_for_update())
        noted = FlagWrite.objects.filter(pk__in=[row.pk for row in rows])
        noted.update(acknowledged_at=now, acknowledged_by=user.get_username())
        _log(user, [(row, f"Acknowledge the alert. The write stays as it is: {_state(row)}.") for row in rows])
    log.info("flag_write_alerts_acknowledged", by=user.get_username(), writes=len(rows))
    return len(rows)


def _act(what: str, keys: Sequence[int], user: Operator, now: datetime, act: Callable[[], int]) -> int:
    """Act, and keep of each write that changed how it was and is; nobody else changes them in between."""
    with transaction.atomic():
        before = {row.pk: _state(row) for row in _free(keys, now).select_for_update()}
        count = act()
        rows = [row for row in FlagWrite.objects.filter(pk__in=list(before)) if _state(row) != before[row.pk]]
        _log(user, [(row, f"{what}. Before: {before[row.pk]}. After: {_state(row)}.") for row in rows])
    return count


def _free(keys: Sequence[int], now: datetime) -> models.QuerySet[FlagWrite]:
    """Return what may be acted on: to wait for what is being sent could let two transactions wait for each other."""
    return FlagWrite.objects.filter(free(now), pk__in=keys).order_by("pk")


def _state(row: FlagWrite) -> str:
    code = f" ({row.error_code})" if row.error_code else ""
    at = shown(row.settled_at or row.not_before)
    return f"{row.get_state_display()}{code}, {'since' if row.settled_at else 'not before'} {at}"


def _log(user: Operator, entries: Sequence[tuple[models.Model, str]]) -> None:
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=user.pk or 0,
            content_type=ContentType.objects.get_for_model(row),
            object_id=str(row.pk),
            object_repr=str(row)[:200],
            action_flag=CHANGE,
            change_message=text,
        )
        for row, text in entries
    )
