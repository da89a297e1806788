"""Exports of legs as jobs: asked for on a page, carried out by a worker, kept a week for the one who asked.

1. ``request_export`` makes the row; a wake-up goes to the workers, and beat repeats it until one of them takes the row.
2. ``run_export`` claims the row by a conditional update and writes chunk by chunk; each chunk renews the claim.
3. The claim of a worker that died runs out: another begins the job again, in a file of its own.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from calls.export.filters import LegFilter, filtered
from calls.export.writers import Cell, SheetFormat, open_writer
from calls.models import ExportJob, ExportState, Leg
from calls.stats.queue_names import queue_of
from clock import ReadClock
from clock.stopping import stop

log = structlog.get_logger()

#: Number of legs read at once and held in memory.
CHUNK = 2000
#: Maximum time without a heartbeat after which a worker is presumed dead.
LEASE = timedelta(seconds=90)
#: Maximum number of workers that may die at a job before it ends as failed.
ATTEMPTS = 3
#: Time that a finished job's file is kept.
KEEP = timedelta(days=7)
#: Maximum number of one person's jobs that wait or run at once.
MAXIMUM_WAITING = 3
_UNDER_WAY = (ExportState.QUEUED, ExportState.RUNNING)
_COLUMNS = (
    ("Source", "source__slug"),
    ("Call reference", "call_id"),
    ("Extension", "device_id"),
    ("Agent id", "agent_id"),
    ("Agent name", "agent_name"),
    ("Queue", "queue_name"),
    ("Interaction", "interaction_id"),
    ("Direction", "direction"),
)
_CALLERS = (("Caller name", "caller_name"), ("Calling number", "calling_number"), ("Called number", "called_number"))
_ENDS = (
    ("Recording GUID", "recording_guid"),
    ("Recording Service", "service__slug"),
    ("Outcome", "outcome"),
    ("Reason", "reason"),
)


class ExportStopped(Exception):
    """The process was asked to stop; another worker restarts the job."""

    retryable = True


class ExportTakenOver(Exception):
    """The claim ran out and another worker has the job; what this one wrote counts for nothing."""

    retryable = False


class TooManyExports(Exception):
    """This person's jobs that wait or run are as many as may be. Worth another try when one has ended."""

    retryable = True


def request_export(user_id: int, kind: str, wanted: LegFilter, now: datetime, *, with_callers: bool) -> ExportJob:
    """Make the row of an export. Raises ``TooManyExports``."""
    if ExportJob.objects.filter(user_id=user_id, state__in=_UNDER_WAY).count() >= MAXIMUM_WAITING:
        raise TooManyExports(f"{MAXIMUM_WAITING} of your exports wait or run; ask again when one is done.")
    return ExportJob.objects.create(
        user_id=user_id, kind=kind, wanted=msgspec.json.encode(wanted).decode(), with_callers=with_callers, asked_at=now
    )


def path_of(job: ExportJob) -> Path:
    """Return where a finished export's file is."""
    return folder() / f"{job.pk}.{job.kind}"


def folder() -> Path:
    """Return the folder of the exports; only the gateway's own user may enter it."""
    place = Path(settings.VAR_DIR) / "exports"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def due(now: datetime) -> list[int]:
    """Return the jobs that nobody works on; those whose workers died too often are ended."""
    free = ExportJob.objects.filter(_is_free(now))
    free.filter(attempts__gte=ATTEMPTS).update(
        state=ExportState.FAILED,
        finished_at=now,
        expires_at=now + KEEP,
        error=f"The worker died {ATTEMPTS} times while it wrote; see its log, and the space on the disk.",
    )
    return list(free.order_by("pk").values_list("pk", flat=True))


def _is_free(now: datetime) -> Q:
    return Q(state=ExportState.QUEUED) | Q(state=ExportState.RUNNING, claimed_until__lt=now)


def run_export(job_id: int, now: ReadClock) -> bool:
    """Write an export, unless another worker has it or it is over. Returns whether it was written."""
    if stop.is_asked:
        return False
    claim = random.randrange(1, 2**62)  # noqa: S311  (names this try)
    free = ExportJob.objects.filter(_is_free(now()), pk=job_id, attempts__lt=ATTEMPTS)
    if not free.update(
        state=ExportState.RUNNING, claim=claim, claimed_until=now() + LEASE, attempts=F("attempts") + 1, rows=0
    ):
        return False
    job = ExportJob.objects.get(pk=job_id)
    for left in folder().glob(f"{job.pk}-*.part"):  # Of a worker that died; one that lives loses its claim.
        left.unlink(missing_ok=True)
    part = folder() / f"{job.pk}-{claim}.part"
    try:
        return _written(job, part, now)
    except ExportTakenOver:
        log.warning("export_taken_over", job=job_id)
    except ExportStopped:
        _mine(job).update(state=ExportState.QUEUED, claimed_until=None, attempts=F("attempts") - 1)
    except (DatabaseError, OSError) as error:
        log.warning("export_failed", job=job_id, error=type(error).__name__)
        _fail(job, error, now())
    finally:
        part.unlink(missing_ok=True)
    return False


def _written(job: ExportJob, part: Path, now: ReadClock) -> bool:
    zone, queue_at = timezone.get_default_timezone(), headers(with_callers=job.with_callers).index("Queue")
    writer = open_writer(job.kind, part, SheetFormat(headers(with_callers=job.with_callers), zone))
    try:
        for chunk in _chunks(job):
            if stop.is_asked:
                raise ExportStopped
            writer.write(_row(leg, queue_at) for leg in chunk)
            _progress(job, len(chunk), now())
    finally:
        writer.close()
    size = part.stat().st_size
    part.replace(path_of(job))
    _settle(job, state=ExportState.DONE, finished_at=now(), expires_at=now() + KEEP, size=size)
    log.info("export_written", job=job.pk, rows=job.rows)
    return True


def _progress(job: ExportJob, count: int, now: datetime) -> None:
    """Write down how far the job is, and renew the claim. Raises ``ExportTakenOver``."""
    job.rows += count
    _settle(job, rows=job.rows, claimed_until=now + LEASE)


def _settle(job: ExportJob, **values: object) -> None:
    if not _mine(job).update(**values):
        raise ExportTakenOver(job.pk)


def _mine(job: ExportJob) -> QuerySet[ExportJob]:
    """Return the job where this worker still has it."""
    return ExportJob.objects.filter(pk=job.pk, state=ExportState.RUNNING, claim=job.claim)


def _fail(job: ExportJob, error: Exception, now: datetime) -> None:
    message = (
        "The database did not answer in time; choose a shorter time or fewer legs."
        if isinstance(error, DatabaseError)
        else f"The file could not be written: {error.strerror if isinstance(error, OSError) else error}."
    )
    _mine(job).update(state=ExportState.FAILED, finished_at=now, expires_at=now + KEEP, error=message[:500])


def headers(*, with_callers: bool) -> tuple[str, ...]:
    """Return the first row; moments name their time zone."""
    zone = timezone.get_default_timezone_name()
    names = [name for name, _ in _named_columns(with_callers=with_callers)]
    return (f"Connected ({zone})", f"Disconnected ({zone})", "Seconds", *names)


def _named_columns(*, with_callers: bool) -> tuple[tuple[str, str], ...]:
    return (*_COLUMNS, *(_CALLERS if with_callers else ()), *_ENDS)


def _chunks(job: ExportJob) -> Iterator[Sequence[tuple[object, ...]]]:
    """Yield the legs newest first, each once, in queries that begin where the last one ended."""
    found = filtered(msgspec.json.decode(job.wanted, type=LegFilter), may_see_callers=job.with_callers)
    columns = [column for _, column in _named_columns(with_callers=job.with_callers)]
    below = found
    while chunk := _chunk(below, columns):
        yield chunk
        key, at = chunk[-1][:2]
        below = found.filter(Q(connected_at__lt=at) | Q(id__lt=key), connected_at__lte=at)


def _chunk(found: QuerySet[Leg], columns: Sequence[str]) -> list[tuple[object, ...]]:
    ordered = found.order_by("-connected_at", "-id")
    return list(ordered.values_list("id", "connected_at", "disconnected_at", *columns)[:CHUNK])


def _row(leg: Sequence[object], queue_at: int) -> list[Cell]:
    _, begun, ended, *rest = leg
    assert isinstance(begun, datetime)
    ended = ended if isinstance(ended, datetime) else None
    seconds = int((ended - begun).total_seconds()) if ended else None
    cells: list[Cell] = [begun, ended, seconds, *(str(value) if value else "" for value in rest)]
    cells[queue_at] = queue_of(str(cells[queue_at]))
    return cells


def forget_exports(now: datetime) -> int:
    """Remove the exports whose time is over, with their files, and what dead workers left. Returns how many."""
    old = list(ExportJob.objects.filter(expires_at__lt=now))
    for job in old:
        path_of(job).unlink(missing_ok=True)
        job.delete()
    for part in folder().iterdir():
        if datetime.fromtimestamp(part.stat().st_mtime, tz=now.tzinfo) < now - KEEP - timedelta(days=1):
            part.unlink(missing_ok=True)
    return len(old)
