"""An operator's retry of all failed writes of one reason, in short steps; automatic ones: ``state_machine``."""

from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.models import QuerySet

from clock import ReadClock
from flags.models import RETRIABLE, FlagWrite, RetryRun, state_is_one_of
from flags.outbox.queue import put_back

log = structlog.get_logger()


#: Number of writes put back by one statement, so that no other writer waits long.
RETRIED_AT_ONCE = 5000


def retry_all(by: str, now: datetime, *, error_code: str = "", service_id: int | None = None) -> RetryRun:
    """Put back every failed write, of one reason or one Recording Service where named.

    The first step is taken here; a run that has more to do is carried on by beat.
    """
    run = RetryRun.objects.create(by=by, error_code=error_code, service_id=service_id, began_at=now)
    log.info("flag_writes_retry_begun", run=run.pk, by=by, code=error_code, service_id=service_id)
    _step(run.pk, now)
    run.refresh_from_db()
    return run


def continue_retries(now: ReadClock, seconds: float = 4.0) -> None:
    """Go on with the runs that are not finished, oldest first, until the time is over."""
    until = now() + timedelta(seconds=seconds)
    for run_id in RetryRun.objects.filter(finished_at=None).order_by("pk").values_list("pk", flat=True):
        while now() < until and _step(run_id, now()):
            pass


def waiting_for(error_code: str, service_id: int | None) -> QuerySet[FlagWrite]:
    """Return the writes that such a run puts back."""
    ended = FlagWrite.objects.filter(state_is_one_of(RETRIABLE)).order_by("pk")
    if error_code:
        ended = ended.filter(error_code=error_code)
    return ended.filter(service_id=service_id) if service_id else ended


def _step(run_id: int, now: datetime) -> bool:
    """Put back the next writes of a run. Returns whether there may be more; False too while another takes the step."""
    with transaction.atomic():
        skip = connection.features.has_select_for_update_skip_locked
        run = RetryRun.objects.select_for_update(skip_locked=skip).filter(pk=run_id, finished_at=None).first()
        if run is None:
            return False
        ended = waiting_for(run.error_code, run.service_id).filter(pk__gt=run.last_id)
        keys = list(ended.values_list("pk", flat=True)[:RETRIED_AT_ONCE])
        run.writes += put_back(FlagWrite.objects.filter(pk__in=keys), now)
        run.last_id = keys[-1] if keys else run.last_id
        run.finished_at = now if len(keys) < RETRIED_AT_ONCE else None
        run.save()
    if run.finished_at:
        log.info("flag_writes_retried", run=run.pk, by=run.by, writes=run.writes)
    return run.finished_at is None
