"""What the last calls to a Recording Service showed: its health, its circuit breaker, its clock.

The breaker is *closed* while calls succeed, *open* after five failures in a row, and *half-open* when its wait is over:
then one call, and only one among all processes, is let through to see. Each opening waits longer: 1, 2, 4 ... 60 s.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import structlog
from django.db import transaction

from bulk.statements import fetched, moment
from qms.models import RecordingService, ServiceHealth
from qms.port import QmsError, QmsLoginFailed, QmsRejected
from telemetry.counters import BREAKER_OPENINGS

log = structlog.get_logger()

#: Failures in a row after which the breaker opens.
FAILURES_TO_OPEN = 5
#: Maximum wait before the next trial, in seconds.
MAXIMUM_WAIT_SECONDS = 60
#: For how long the service is expected to be as late again as it was seen to be.
LATE_WRITE_REMEMBERED = timedelta(days=7)
#: A probe whose process died is given up after this.
PROBE_SECONDS = 15
#: ``ok_at`` is written no more often than this: it shows that the service lives, and costs a write.
OK_EVERY = timedelta(seconds=5)
#: Changes of the clock's offset below this are not saved, in seconds.
CLOCK_TOLERANCE_SECONDS = 2
#: Maximum time that this process assumes a service to be healthy without reading what other processes noted.
BELIEVED = timedelta(seconds=1)


class _Well(NamedTuple):
    """A service that was seen well: when, its clock as noted, and this process's last failure before the look.

    ``ok_at``: when it was noted last that it answered, as far as this process knows.
    """

    at: datetime
    clock_offset_seconds: float
    failure: object
    ok_at: datetime | None


class _Noted(NamedTuple):
    """What is noted of a service, as the hot paths read it."""

    ok_at: datetime | None
    failures: int
    open_until: datetime | None
    clock_offset_seconds: float


_NOTED = "SELECT ok_at, failures, open_until, clock_offset_seconds FROM qms_servicehealth WHERE service_id = %s"
_well: dict[int, _Well] = {}
#: A new object with each failure that this process noted: a look that was under way then is not believed.
_failures: dict[int, object] = {}


class BreakerState(StrEnum):
    """Whether patient calls are sent."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


def breaker_state(health: ServiceHealth, now: datetime) -> BreakerState:
    """Return the state of the breaker."""
    if health.open_until is None:
        return BreakerState.CLOSED
    if health.probe_at is None and now < health.open_until:
        return BreakerState.OPEN
    return BreakerState.HALF_OPEN


def _noted(service_id: int) -> _Noted | None:
    """Return what is noted of a service; None: nothing yet."""
    found = fetched(_NOTED, [service_id])
    if not found:
        return None
    ok_at, failures, open_until, offset = found[0]
    return _Noted(ok_at and moment(ok_at), failures, open_until and moment(open_until), offset)


def may_send(service_id: int, now: datetime) -> bool:
    """Say whether a patient call may be sent now; when the wait is over, True for one caller: its call is the probe.

    The caller that got True must report the end by ``mark_ok`` or ``mark_failed``.
    """
    health = ServiceHealth.objects.filter(pk=service_id).first()
    if health is None or health.open_until is None:
        return True
    if now < health.open_until:
        return False
    # The next caller finds another open_until: the claim of the probe is this comparison.
    claimed = ServiceHealth.objects.filter(pk=service_id, open_until=health.open_until).update(
        open_until=now + timedelta(seconds=PROBE_SECONDS), probe_at=now
    )
    return claimed == 1


def is_on_trial(service_id: int, now: datetime) -> bool:
    """Say whether the service has not answered since the breaker opened; that it is closed is believed for a second."""
    if is_known_well(service_id, now):
        return False
    failure = _failures.get(service_id)
    health = _noted(service_id)
    if health is not None and not health.failures and health.open_until is None:
        _well[service_id] = _Well(now, health.clock_offset_seconds, failure, health.ok_at)
    return health is not None and health.open_until is not None


def last_failure(service_id: int) -> object:
    """Return what names this process's last failure, for ``note_read``: to be asked before the service is read."""
    return _failures.get(service_id)


def note_read(service: RecordingService, failure: object, now: datetime) -> None:
    """Take a service that was just read with its health for a look at it; ``ok_at`` in it may be an earlier one."""
    health: ServiceHealth | None = getattr(service, "health", None)
    if health is None or health.failures or health.open_until is not None:
        return
    known = _well.get(service.pk)
    _well[service.pk] = _Well(now, health.clock_offset_seconds, failure, known.ok_at if known else None)


def is_known_well(service_id: int, now: datetime, clock_offset_seconds: float | None = None) -> bool:
    """Say whether this process saw it well less than a second ago, by the same clock, and noted no failure since."""
    known = _well.get(service_id)
    if known is None or known.failure is not _failures.get(service_id):
        return False
    is_clock_noted = clock_offset_seconds is None or not _has_moved(known.clock_offset_seconds, clock_offset_seconds)
    return is_clock_noted and timedelta(0) <= now - known.at < BELIEVED


def is_known_to_answer(service_id: int, now: datetime, clock_offset_seconds: float | None = None) -> bool:
    """Say whether it is known to be well, and noted within the last five seconds that it answered."""
    known = _well.get(service_id)
    return known is not None and _is_fresh(known.ok_at, now) and is_known_well(service_id, now, clock_offset_seconds)


def forget() -> None:
    """Believe nothing: for tests, whose databases are put back behind the process's back."""
    _well.clear()


def mark_ok(service_id: int, now: datetime, clock_offset_seconds: float | None = None) -> None:
    """Note that the service answered; closes the breaker. Writes where something changed or five seconds passed."""
    failure = _failures.get(service_id)
    health = _noted(service_id)
    changes: dict[str, object] = {}
    if health is None or health.failures or health.open_until or not _is_fresh(health.ok_at, now):
        changes = {"ok_at": now, "failures": 0, "openings": 0, "open_until": None, "probe_at": None}
    known = health.clock_offset_seconds if health else 0.0
    if clock_offset_seconds is not None and _has_moved(known, clock_offset_seconds):
        changes["clock_offset_seconds"] = known = clock_offset_seconds
        log.warning("qms_clock_moved", service_id=service_id, offset_seconds=clock_offset_seconds)
    if changes:
        _note(service_id, changes)
    ok_at = now if "ok_at" in changes or health is None else health.ok_at
    _well[service_id] = _Well(now, known, failure, ok_at)


def _note(service_id: int, changes: dict[str, object]) -> None:
    """Change what is noted of a service, mostly by one statement; the first time the row is made."""
    if not ServiceHealth.objects.filter(pk=service_id).update(**changes):
        ServiceHealth.objects.update_or_create(service_id=service_id, defaults=changes)


def mark_failed(service_id: int, error: QmsError, now: datetime) -> None:
    """Note a failure and open the breaker after the fifth in a row.

    A refusal other than of the login is an answer: the service is well, and it is noted as such.
    """
    if isinstance(error, QmsRejected) and not isinstance(error, QmsLoginFailed):
        mark_ok(service_id, now)
        return
    ServiceHealth.objects.get_or_create(service_id=service_id)
    with transaction.atomic():
        health = ServiceHealth.objects.select_for_update().get(pk=service_id)
        health.failures += 1
        health.failed_at = now
        health.error = f"{error.code}: {error}"[:500]
        _open(health, now)
        health.save()
    _failures[service_id] = object()


def clock_offset_seconds(service_id: int) -> float:
    """Return how far the clock of QMS is ahead of ours; 0 while unknown."""
    noted = _noted(service_id)
    return noted.clock_offset_seconds if noted else 0.0


def latest_write_seconds(service: RecordingService, now: datetime) -> float:
    """Return the longest time after which the service finished a write whose answer was lost; 0 if none was seen.

    What was seen more than a week ago is forgotten. Costs no query where the service was loaded with its health.
    """
    health: ServiceHealth | None = getattr(service, "health", None)
    if health is None or health.late_write_at is None or now - health.late_write_at > LATE_WRITE_REMEMBERED:
        return 0.0
    return health.late_write_seconds


def note_late_write(service: RecordingService, seconds: float, now: datetime) -> None:
    """Note that the service finished a write this long after its answer was lost; a shorter time changes nothing."""
    service = RecordingService.objects.select_related("health").get(pk=service.pk)
    if seconds > latest_write_seconds(service, now):
        seen = {"late_write_seconds": seconds, "late_write_at": now}
        ServiceHealth.objects.update_or_create(service=service, defaults=seen)
        log.warning("qms_write_finished_late", service_id=service.pk, seconds=seconds)


def _open(health: ServiceHealth, now: datetime) -> None:
    """Open or reopen the breaker where this failure asks for it; stragglers of an open one change nothing."""
    if health.failures < FAILURES_TO_OPEN or breaker_state(health, now) is BreakerState.OPEN:
        return
    health.openings += 1
    wait = min(2 ** min(health.openings - 1, 10), MAXIMUM_WAIT_SECONDS)
    health.open_until = now + timedelta(seconds=wait)
    health.probe_at = None
    BREAKER_OPENINGS.labels(str(health.pk)).inc()
    log.warning("qms_breaker_opened", service_id=health.pk, failures=health.failures, wait_seconds=wait)


def _has_moved(noted: float, seen: float) -> bool:
    return abs(seen - noted) > CLOCK_TOLERANCE_SECONDS


def _is_fresh(ok_at: datetime | None, now: datetime) -> bool:
    return ok_at is not None and now - ok_at < OK_EVERY
