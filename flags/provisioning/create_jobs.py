"""The creations of Flags that operators asked for: a worker carries them out, and another goes on where one died.

1. ``request_creation`` makes the row that everybody sees and wakes a worker; one creation at a time on a Data Server.
2. ``run_creation`` takes the row and keeps each Flag's answer as it comes. What exists is read first, so that a
   creation that is begun again creates nothing twice.
3. ``continue_creations`` (beat) finds what no worker is at: its message was lost, or its worker was killed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog
from celery import current_app
from django.db import transaction
from django.db.models import F, Q, QuerySet
from kombu.exceptions import KombuError

import clock
from clock.text import time_of_day
from flags.models import FlagCreation
from flags.provisioning.create import Creation, FlagAnswer, check_flags, create_flags, creation_summary
from history.on_behalf import record_on_behalf
from qms.api import ConnectService, connect
from qms.models import DataServer

log = structlog.get_logger()

#: A worker begins at once; what none has begun after this is sent to one again.
BEGINS_WITHIN = timedelta(seconds=5)
#: Number of workers that may die at it before it is given up.
MAXIMUM_ATTEMPTS = 3
# After this time the message to the worker lapses, in seconds.
_EXPIRES_SECONDS = 60
#: Between two signs of life lie a connect and two answers at most, and what a name server takes.
_WAITS, _NAME_SERVER_SECONDS = 3, 20


class CreationRefused(Exception):
    """The creation was not begun; the text says why. Try again later."""

    retryable = True


class CreationTakenOver(Exception):
    """This creation was taken for dead meanwhile, and another worker has it; nothing more of it counts."""

    retryable = False


def request_creation(server: DataServer, asked_by: str, now: datetime, *, is_check: bool = False) -> None:
    """Have a worker create the Flags on a Data Server, or only look which exist.

    Raises ``CreationRefused``: while one runs there, or where the broker does not take the message.
    """
    row, _ = FlagCreation.objects.get_or_create(data_server=server)
    begun = FlagCreation.objects.filter(Q(asked_at=None) | Q(done_at__isnull=False), pk=server.pk, run=row.run).update(
        run=F("run") + 1,
        is_check=is_check,
        asked_at=now,
        asked_by=asked_by[:150],
        begun_at=None,
        alive_at=None,
        attempts=0,
        done_at=None,
        answers=[],
        error="",
    )
    if not begun:
        raise CreationRefused(_running(server, now))
    if not _send(server.pk, row.run + 1):
        why = "It could not be started: the broker (Redis) does not answer."
        FlagCreation.objects.filter(pk=server.pk, run=row.run + 1).update(done_at=now, error=why)
        raise CreationRefused(f"{server.slug}: {why}")


def run_creation(server_id: int, run: int, connect: ConnectService = connect) -> None:
    """Create the Flags and keep each answer as it comes, unless another worker is at it."""
    row = _taken(server_id, run, clock.now())
    if row is None:
        return
    try:
        creation = _carried_out(row, connect)
    except CreationTakenOver:
        log.warning("flag_creation_taken_over", data_server=row.data_server.slug, run=run)
    except Exception as error:
        _end(row, f"A fault of the gateway: {type(error).__name__}. The log says more.", row.answers)
        raise
    else:
        _end(row, creation.error, msgspec.to_builtins(creation.answers))


def continue_creations(now: datetime) -> None:
    """Wake workers for the creations that none is at; beat calls it. Harmless when run twice or late."""
    for row in _running_rows():
        if is_left(row, now):
            _send(row.pk, row.run)


def is_running(row: FlagCreation) -> bool:
    """Say whether it is to be done still."""
    return row.asked_at is not None and row.done_at is None


def is_left(row: FlagCreation, now: datetime) -> bool:
    """Say whether no worker is at it: none has begun it in time, or the one that did gave no sign of life."""
    if row.alive_at is None:
        return row.asked_at is not None and now >= row.asked_at + BEGINS_WITHIN
    return now >= row.alive_at + _silence(row.data_server)


def answers_of(row: FlagCreation) -> list[FlagAnswer]:
    """Return the Flags that are settled by now."""
    return msgspec.convert(row.answers, list[FlagAnswer])


def _running_rows() -> list[FlagCreation]:
    rows = FlagCreation.objects.filter(done_at=None).exclude(asked_at=None)
    return list(rows.select_related("data_server"))


def _silence(server: DataServer) -> timedelta:
    waits = server.services.filter(enabled=True).values_list("timeout_seconds", flat=True)
    return timedelta(seconds=max(waits, default=0.0) * _WAITS + _NAME_SERVER_SECONDS)


def _running(server: DataServer, now: datetime) -> str:
    """Say who pressed before, and wake a worker where none is at it."""
    row = FlagCreation.objects.select_related("data_server").get(pk=server.pk)
    if is_running(row) and is_left(row, now):
        _send(row.pk, row.run)
    since = f" since {time_of_day(row.asked_at)}" if row.asked_at else ""
    what = "looked for" if row.is_check else "created"
    return f"{server.slug}: the Flags are being {what} already{since}, for {row.asked_by or 'somebody'}; see below."


def _send(server_id: int, run: int) -> bool:
    """Wake a worker; returns whether the broker took the message."""
    try:
        current_app.send_task("flags.tasks.create", args=[server_id, run], queue="default", expires=_EXPIRES_SECONDS)
    except (KombuError, OSError) as error:
        log.warning("flag_creation_not_sent", server_id=server_id, error=type(error).__name__)
        return False
    return True


def _taken(server_id: int, run: int, now: datetime) -> FlagCreation | None:
    """Take a creation that no worker is at, and return it; None where there is nothing to do."""
    rows = FlagCreation.objects.select_related("data_server").filter(pk=server_id, run=run, done_at=None)
    row = rows.first()
    if row is None or (row.alive_at is not None and not is_left(row, now)):
        return None
    if row.attempts >= MAXIMUM_ATTEMPTS:
        _end(
            row,
            f"{row.attempts} workers were stopped while they were at it. See the log, then press again.",
            row.answers,
        )
        return None
    taken = rows.filter(attempts=row.attempts).update(
        attempts=F("attempts") + 1, alive_at=now, begun_at=row.begun_at or now, answers=[]
    )
    return rows.first() if taken else None


def _carried_out(row: FlagCreation, connect: ConnectService) -> Creation:
    """Create or check. Raises ``CreationTakenOver``."""

    def report(answers: Sequence[FlagAnswer]) -> None:
        if not _mine(row).update(alive_at=clock.now(), answers=msgspec.to_builtins(list(answers))):
            raise CreationTakenOver(row.pk)

    return (check_flags if row.is_check else create_flags)(row.data_server, connect, report)


def _mine(row: FlagCreation) -> QuerySet[FlagCreation]:
    return FlagCreation.objects.filter(pk=row.pk, run=row.run, attempts=row.attempts, done_at=None)


def _end(row: FlagCreation, error: str, answers: object) -> None:
    """End it, and keep in the history what came of it; nothing where another worker has it by now."""
    with transaction.atomic():
        if not _mine(row).update(done_at=clock.now(), answers=answers, error=error[:1000]):
            return
        row.refresh_from_db()
        record_on_behalf(row.data_server, row.asked_by, creation_summary(result_of(row), is_check=row.is_check))
    log.info("flag_creation_ended", data_server=row.data_server.slug, run=row.run, is_good=result_of(row).is_good)


def result_of(row: FlagCreation) -> Creation:
    """Return what came of one that ended."""
    return Creation(data_server=row.data_server.slug, answers=tuple(answers_of(row)), error=row.error)
